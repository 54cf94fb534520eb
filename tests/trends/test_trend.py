"""From rows to a trend: raw beside calibrated, forecasts for unseen models, a late rise that is tested, not drawn."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from platometer.errors import InputError, UndefinedError
from platometer.trends import examine, forecast, late_rise, trend

LEFTS, RIGHTS = [f"text-{i}" for i in range(8)], [f"vision-{i}" for i in range(6)]


def rows(seed: int = 0, **columns: object) -> list[dict]:
    """Chance rises with the size of both models; what is above chance with the language model's skill, its number."""
    rng, out = np.random.default_rng(seed), []
    for i, left in enumerate(LEFTS):
        for j, right in enumerate(RIGHTS):
            chance, above = 0.1 + 0.02 * i + 0.01 * j, 0.03 * i + 0.01 * rng.normal()
            out.append({
                "left": left, "right": right, "left_modality": "text", "right_modality": "image", "data": "d", "metric": "cka",
                "conditioning": "none", "summary": "max", "alike": "high", "left_parameters": 10**i, "right_parameters": 10**j,
                "score": chance + above, "null_mean": chance, "excess": above, "calibrated": max(above / (1 - chance), 0),
            } | columns)
    return out


SKILL = {name: float(i) for i, name in enumerate(LEFTS)}


def test_raw_chance_and_calibrated_stand_side_by_side() -> None:
    found = trend(rows(), against=SKILL, side="left", draws=200)
    assert found.raw.slope.value == pytest.approx(0.05, abs=0.003)
    assert found.chance is not None
    assert found.excess is not None
    assert found.chance.slope.value == pytest.approx(0.02, abs=1e-9)
    assert found.excess.slope.value == pytest.approx(0.03, abs=0.003)
    assert found.raw.units == "8 x 6 crossed units"
    assert "lost by calibration" in str(found)
    np.testing.assert_allclose(found.y["score"] - found.y["null_mean"], found.y["excess"])


def test_a_trend_that_is_only_width_is_lost_by_calibration() -> None:
    flat = [row | {"calibrated": 0.2 + 0.02 * math.sin(17 * k), "score": row["null_mean"] + 0.1}
            for k, row in enumerate(rows())]
    found = trend(flat, against=SKILL, side="left", draws=200)
    assert found.lost is not None
    assert found.raw.p < 0.05
    assert found.calibrated is not None
    assert found.calibrated.slope.sure == "open"
    assert found.lost.low > 0.3


def test_sides_are_left_right_both_or_a_modality() -> None:
    both = trend(rows(), against="parameters", draws=50)
    np.testing.assert_allclose(np.log10(both.x), [(i + j) / 2 for i in range(8) for j in range(6)], atol=1e-12)
    assert both.scale == "log"
    left, text, right = (trend(rows(), against="parameters", side=side, draws=50) for side in ("left", "text", "right"))
    np.testing.assert_array_equal(left.x, text.x)
    np.testing.assert_allclose(np.log10(right.x), [j for _ in range(8) for j in range(6)], atol=1e-12)
    other = {"left": "right", "right": "left"}
    turned = [{other.get(k[:4], other.get(k[:5], k[:4])) + k[4 + k.startswith("right"):]: v for k, v in row.items()}
              for row in rows()]
    again = trend(turned, against="parameters", side="text", draws=50)
    np.testing.assert_array_equal(again.x, text.x)
    assert again.left == text.left
    assert again.raw == text.raw


def test_low_scores_that_mean_alike_are_turned() -> None:
    low = [row | {"alike": "low", "score": -row["score"], "null_mean": -row["null_mean"]} for row in rows()]
    assert trend(low, against=SKILL, side="left", draws=50).raw == trend(rows(), against=SKILL, side="left", draws=50).raw


def test_families_are_what_is_independent_where_they_are_given() -> None:
    families = {name: f"family {i // 2}" for i, name in enumerate(LEFTS)}
    assert trend(rows(), against=SKILL, side="left", families=families, draws=50).raw.units == "4 x 6 crossed units"


def test_a_table_of_capabilities_is_joined_by_name() -> None:
    table = [{"model": name, "task": "t", "accuracy": i} for name, i in SKILL.items()]
    found = trend(rows(), against=table, column="accuracy", side="left", draws=50)
    assert found.against == "accuracy"
    assert found.raw == trend(rows(), against=SKILL, side="left", draws=50).raw


def test_models_without_a_capability_are_an_error_or_named() -> None:
    few = {name: value for name, value in SKILL.items() if name != "text-3"}
    with pytest.raises(InputError, match=r"No capability is known of 'text-3' \(1 models\)"):
        trend(rows(), against=few, side="left")
    found = trend(rows(), against=few, side="left", absent="leave-out", draws=50)
    assert found.left_out == ("text-3",)
    assert found.raw.n == 42
    assert "left out, as their capability is not known: text-3" in str(found)


def test_without_a_null_there_is_no_calibrated_trend_and_it_says_so() -> None:
    found = trend(rows(null_mean=None, excess=None, calibrated=None), against=SKILL, side="left", draws=50)
    assert found.calibrated is None is found.lost
    assert "calibrated: the rows have none" in str(found)
    assert "calibrated: 0 in all rows" in trend(rows(calibrated=0.0), against=SKILL, side="left", draws=50).notes


def test_slips_of_a_trend_are_named() -> None:
    with pytest.raises(InputError, match="The rows differ in 'metric': 'cka', 'rv'"):
        trend(rows() + rows(metric="rv"), against=SKILL)
    with pytest.raises(InputError, match="There are no rows"):
        trend([], against=SKILL)
    with pytest.raises(InputError, match="against = 'params'; expected 'parameters'"):
        trend(rows(), against="params")
    with pytest.raises(InputError, match="side = 'audio', but the models"):
        trend(rows(), against="parameters", side="audio")
    with pytest.raises(InputError, match="needs column="):
        trend(rows(), against=[{"model": "a", "x": 1}])
    with pytest.raises(InputError, match="two values of 'x' for 'a'"):
        trend(rows(), against=[{"model": "a", "x": 1}, {"model": "a", "x": 2}], column="x")
    with pytest.raises(InputError, match="absent = 'skip'; expected 'error' or 'leave-out'"):
        trend(rows(), against=SKILL, absent="skip")
    holes = rows()
    holes[3]["calibrated"] = None
    with pytest.raises(UndefinedError, match="1 of 48 rows have no 'calibrated', first that of 'text-0' and 'vision-3'"):
        trend(holes, against=SKILL, side="left", draws=50)


def test_a_forecast_is_scored_on_what_the_fit_never_saw() -> None:
    rng = np.random.default_rng(0)
    family = np.repeat(np.arange(5), 4)
    x = np.logspace(5, 8, 20)[rng.permutation(20)]
    y = 0.1 * np.log10(x) + 0.02 * rng.normal(size=20)
    found = forecast("line", x, y, groups=family.tolist(), draws=200)
    wrong = about = 0.0
    for one in range(5):
        inside, u = family == one, np.log10(x)
        slope, level = np.polyfit(u[~inside], y[~inside], 1)
        wrong += float(((y - level - slope * u)[inside] ** 2).sum())
        about += float(((y - y[~inside].mean())[inside] ** 2).sum())
    assert found.r2.value == pytest.approx(1 - wrong / about, rel=1e-9)
    assert found.r2.low < found.r2.value < 1
    assert "points it never saw (5 groups)" in str(found)


def test_the_largest_models_are_predicted_from_the_others() -> None:
    x = np.repeat(np.logspace(3, 8, 12), 2)
    y = np.log10(x) + np.tile([0.01, -0.01], 12)
    names = [f"m{i // 2}" for i in range(24)]
    found = forecast("line", x, y, groups=names, predict=("m9", "m10", "m11"), draws=200)
    assert (found.n, found.units) == (6, "3 groups")
    assert np.isnan(found.predicted[:18]).all()
    np.testing.assert_allclose(found.predicted[18:], np.log10(x[18:]), atol=1e-9)
    with pytest.raises(InputError, match="no unit 'm12' among the 12 labels"):
        forecast("line", x, y, groups=names, predict=["m12"])
    with pytest.raises(UndefinedError, match="0 points are left to fit"):
        forecast("line", x, y, groups=names, predict=set(names))


def test_what_has_no_law_is_not_predicted() -> None:
    rng = np.random.default_rng(1)
    assert forecast("line", np.logspace(1, 4, 30), rng.normal(size=30), draws=100).r2.value < 0.1


def test_a_late_rise_is_seen_an_early_one_and_a_line_are_not() -> None:
    x, noise = np.linspace(0, 1, 24), 0.03 * np.random.default_rng(0).normal(size=24)
    late = late_rise(x, np.maximum(x - 0.6, 0) + noise, scale="linear", draws=300)
    assert late.p < 0.01
    assert late.more.sure == "positive"
    assert late.more.value == pytest.approx(1, abs=0.3)
    assert late.knee.value == pytest.approx(0.6, abs=0.1)
    assert str(late).startswith("a late rise")
    early = late_rise(x, np.minimum(x, 0.4) + noise, scale="linear", draws=300)
    assert early.p > 0.9
    assert early.more.sure == "negative"
    noises = (0.03 * np.random.default_rng(seed).normal(size=24) for seed in range(30))
    lines = [late_rise(x, x + one, scale="linear", draws=99) for one in noises]
    assert sum(one.p <= 0.05 for one in lines) <= 5  # P = 0.003 if it is one in twenty
    assert str(max(lines, key=lambda one: one.p)).startswith("no late rise seen")
    with pytest.raises(UndefinedError, match="A bend needs 7 points with 5 different x; there are 6 with 6"):
        late_rise(x[:6], x[:6], scale="linear")


def test_pairs_of_two_modalities_and_of_one_are_two_questions() -> None:
    skill = {name: float(i) for i, name in enumerate("abcde")} | {name: i / 2 for i, name in enumerate("vwxyz")}
    kinds = {name: "text" if name in "abcde" else "image" for name in skill}
    rows = [{"left": a, "right": b, "metric": "cka", "alike": "high", "left_modality": kinds[a], "right_modality": kinds[b],
             "score": (0.1 if kinds[a] != kinds[b] else 0.8) + (skill[a] + skill[b]) / 50 + 0.01 * (len(a + b) * i % 3)}
            for i, (a, b) in enumerate(itertools.combinations(skill, 2))]  # text is met first
    found = examine(rows, against=skill, families=dict.fromkeys("abcde", "one"), draws=100)
    assert [(part.question["pairs"], part.trend.side) for part in found.parts] == [
        ("image ~ text", "text"), ("image ~ text", "image"), ("text ~ text", "both"), ("image ~ image", "both")]
    assert [part.trend.raw.n for part in found.parts] == [25, 25, 10, 10]
    assert str(found).startswith("(image ~ text) cka against capability (text), 25 pairs, 5 x 5 crossed units")
    assert found.parts[2].notes[0] == "units: one alone on both sides, so its 5 models are taken for independent"
    asked = examine(rows, against=skill, side="text", draws=100)
    assert [part.question["pairs"] for part in asked.parts] == ["image ~ text"]
    with pytest.raises(UndefinedError, match="0 pairs have a known capability"):
        examine(rows, against={"nobody": 1.0}, draws=100)


def test_averaged_over_partners_a_trend_is_not_hidden_by_what_partners_differ_in() -> None:
    skill = {name: float(i) for i, name in enumerate(LEFTS)}
    table = [row | {"score": row["score"] + 5.0 * (RIGHTS.index(row["right"]) % 2)} for row in rows()]
    part = examine(table, against=skill, side="left", draws=200).parts[0]
    assert part.trend.raw.pearson.value < 0.1
    assert part.means["score"].pearson.value > 0.99
    assert part.means["score"].slope.value == pytest.approx(0.05, abs=0.003)
    assert "raw, averaged over partners: Pearson 0.9" in str(part)
    fewer = [row for row in table if (row["left"], row["right"]) != (LEFTS[-1], RIGHTS[1])]  # lacks one of the higher level
    lacking = examine(fewer, against=skill, side="left", draws=50).parts[0].means["score"]
    assert lacking.slope.value == pytest.approx(0.05, abs=0.02)
    assert not examine(table, against=skill | dict.fromkeys(RIGHTS, 0.0), side="both", draws=50).parts[0].means
