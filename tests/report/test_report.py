"""The page as text: what it says, what it must not let through, and what it refuses."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import math
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from content import LOW, content, hostile

from platometer.errors import InputError
from platometer.report import number, write
from platometer.report._figures import embedded, histogram, packed
from platometer.report._page import page
from platometer.report._words import count, p_value, verdicts


class Seen(HTMLParser):
    """Elements with the names of their attributes in order, and the text outside of styles and scripts."""

    def __init__(self, text: str):
        super().__init__()
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.values: list[tuple[str, str, str | None]] = []
        self.inside: dict[str, list[str]] = {"style": [], "script": [], "": []}
        self._open = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(name for name, _ in attrs)))
        self.values += [(tag, name, value) for name, value in attrs]
        self._open = tag if tag in ("style", "script") else ""

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        self.inside[self._open].append(data)

    @property
    def text(self) -> str:
        return re.sub(r"[\s\u00a0]+", " ", " ".join(self.inside[""]))


def small(**options) -> dict:
    return content(**{"vision": 3, "language": 2, "metrics": ("mutual_knn(k=10)",), "draws": 99} | options)


def test_the_page_is_written_whole_and_its_path_returned(tmp_path):
    path = write(tmp_path / "new" / "report.html", small())
    assert path == tmp_path / "new" / "report.html"
    assert path.read_text(encoding="utf-8").rstrip().endswith("</html>")
    assert [other.name for other in path.parent.iterdir()] == ["report.html"]


def test_equal_content_gives_equal_pages():
    assert page(small()) == page(small())


def test_the_page_asks_for_nothing():
    seen = Seen(page(small()))
    loading = {"src", "href", "srcset", "data", "action", "poster", "background", "formaction"}
    asked = [value for _, name, value in seen.values if name in loading]
    assert not [value for value in asked if not value.startswith(("#", "data:image/png;base64,"))]
    assert not {tag for tag, _ in seen.elements} & {"link", "iframe", "object", "embed", "base", "form"}
    ours = "".join(seen.inside["style"] + seen.inside["script"])
    assert "http" not in ours.lower()
    assert "@import" not in ours
    assert not re.search(r"url\((?!#absent\))", ours)


def test_the_policy_allows_the_page_s_own_script_and_no_other():
    text = page(small())
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL).group(1)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    meta = next(value for tag, name, value in Seen(text).values if name == "content" and "default-src" in value)
    policy = dict(part.strip().split(" ", 1) for part in meta.split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == f"'sha256-{digest}'"
    assert "<!--" not in script
    assert "innerHTML" not in script


def test_hostile_text_stays_text():
    plain, attacked = small(), hostile(small())
    seen = Seen(page(attacked))
    assert seen.elements == Seen(page(plain)).elements
    assert "<img src=x onerror=alert(1)>" in seen.text
    assert "{{ 7 * 7 }}" in seen.text


def test_the_figures_data_cannot_end_its_element_and_reads_back():
    attacked = hostile(small())
    text = page(attacked)
    data = re.search(r'<script type="application/json" id="figures">(.*?)</script>', text, re.DOTALL).group(1)
    assert not re.search("[<>&\u2028\u2029]", data)
    assert [model["name"] for model in json.loads(data)["models"]] == [model["name"] for model in attacked["models"]]


def test_embedded_json_reads_back():
    value = {"</script>": ["<!--", "&amp;", "\u2028\u2029", "\ud800", None, 0.1]}
    assert json.loads(str(embedded(value))) == value


def test_a_lone_surrogate_does_not_stop_the_page(tmp_path):
    odd = small()
    odd["models"][0]["notes"] = ["a name \ud800 cut in half"]
    assert "cut in half" in write(tmp_path / "report.html", odd).read_text(encoding="utf-8")


def unpack(found: dict, shape: tuple[int, int]) -> np.ndarray:
    steps = np.frombuffer(base64.b64decode(found["cells"]), dtype="<u2").reshape(shape).astype(float)
    steps[steps == 65535] = math.nan
    return found["low"] + (found["high"] - found["low"]) * steps / 65534


def test_a_packed_grid_reads_back_to_half_a_step():
    grid = np.random.default_rng(0).normal(size=(7, 5))
    read = unpack(packed(grid.tolist()), grid.shape)
    assert abs(read - grid).max() <= np.ptp(grid) / 65534 / 2 * 1.001


def test_a_packed_grid_keeps_its_holes_and_its_ends():
    read = unpack(packed([[0.25, None], [math.nan, 0.75]]), (2, 2))
    assert read[0, 0] == 0.25
    assert read[1, 1] == 0.75
    assert np.isnan(read[0, 1])
    assert np.isnan(read[1, 0])


def test_a_constant_and_an_empty_grid_pack():
    assert unpack(packed([[0.5, 0.5]]), (1, 2)).tolist() == [[0.5, 0.5]]
    assert np.isnan(unpack(packed([[None]]), (1, 1))).all()


def test_the_histogram_counts_every_draw():
    draws = np.random.default_rng(0).normal(size=500).tolist()
    found = histogram(draws)
    assert sum(found["counts"]) == 500
    assert found["low"] == pytest.approx(min(draws), rel=1e-4)
    assert histogram([]) is None
    assert sum(histogram([0.3] * 9)["counts"]) == 9


def test_the_verdict_counts_what_the_rows_say():
    made = small()
    for row, p in zip(made["rows"], [0.01, 0.02, 0.04, 0.05, 0.06, 1.0], strict=True):
        row |= {"p_bh": p, "p_holm": min(2 * p, 1.0)}
    (found,) = verdicts(made["rows"], made["grids"])
    assert found["kinds"] == [{"noun": "cross-modal pair", "judged": 6, "beat": 4, "holm": 2}]
    assert "4 of 6 cross-modal pairs (2 after Holm)" in Seen(page(made)).text


def test_the_verdict_names_the_strongest_pair_with_its_chance():
    made = small()
    best = max(made["rows"], key=lambda row: row["calibrated"])
    text = Seen(page(made)).text
    most = max(made["grids"][best["grid"]]["draws"])
    assert (f"{best['right']} , {number(best['score'])}, where chance gives {number(best['null_mean'])} on average and "
            f"{number(most)} at most (p ≤ 0.010, n = 700, 99 draws)") in text


def test_pairs_across_modalities_are_counted_and_led_by_their_own():
    made = small(pairs="all")
    (found,) = verdicts(made["rows"], made["grids"])
    assert [(kind["noun"], kind["judged"]) for kind in found["kinds"]] == [("cross-modal pair", 6), ("within-modality pair", 4)]
    assert found["strongest"]["left_modality"] != found["strongest"]["right_modality"]


def test_where_low_means_alike_the_strongest_is_the_lowest():
    made = small(metrics=(LOW,))
    (found,) = verdicts(made["rows"], made["grids"])
    assert found["strongest"]["score"] == min(row["score"] for row in made["rows"])
    assert found["extreme"] == min(made["grids"][found["strongest"]["grid"]]["draws"])
    assert found["kinds"][0]["noun"] == "cross-modal directed pair"
    assert "at least (p" in Seen(page(made)).text


def test_without_draws_nothing_is_said_about_chance():
    text = Seen(page(small(draws=0))).text
    assert "Not calibrated." in text
    assert "without draws nothing can be said about chance" in text
    assert "more alike than chance" not in text
    assert "calibrated score is" not in text


def test_some_metrics_without_draws_are_named():
    made = small(metrics=("mutual_knn(k=10)", "cka(estimator=debiased)"))
    bare = small(metrics=("cka(estimator=debiased)",), draws=0)
    made["rows"] = [row for row in made["rows"] if row["metric"].startswith("mutual")] + bare["rows"]
    made["grids"] |= bare["grids"]
    assert "No null was drawn ( draws = 0 ) for cka(estimator=debiased)" in Seen(page(made)).text


@pytest.mark.parametrize(("draws", "said"), [
    (9, "9 draws cannot give a p below 0.1, so nothing can pass at 5 %"),
    (99, "99 draws are too few for Holm’s correction over 6 pairs to pass any"),
])
def test_too_few_draws_are_said(draws, said):
    assert said in Seen(page(small(draws=draws))).text


def test_enough_draws_are_not_remarked_on():
    assert "Few draws." not in Seen(page(small(draws=199))).text


def test_an_unfinished_study_says_what_failed():
    made = small()
    made["study"] |= {"finished": False, "failures": ["model llama: out of memory"]}
    text = Seen(page(made)).text
    assert "Unfinished." in text
    assert "model llama: out of memory" in text


def test_a_study_without_rows_still_has_a_page():
    made = small()
    made |= {"rows": [], "grids": {}, "trends": []}
    text = Seen(page(made)).text
    assert "There is no comparison to show yet." in text
    assert "How to get the same numbers again" in text


def test_unknown_parameters_and_an_unbounded_metric_are_dashes():
    made = small()
    for model in made["models"]:
        model["parameters"] = None
    for row in made["rows"]:
        row |= {"left_parameters": None, "right_parameters": None, "calibrated": None, "z": None}
    made["trends"] = []
    seen = Seen(page(made))
    assert "calibrated 0" not in seen.text
    assert seen.text.count("–") > 2 * len(made["rows"])


def test_every_row_and_model_is_in_a_table_with_headed_columns():
    made = small()
    seen = Seen(page(made))
    trends = [t for t in made["trends"] if t["what"] == "score" and t["r"] is not None]
    assert seen.values.count(("th", "scope", "row")) == len(made["rows"]) + 2 * len(made["models"]) + len(trends)
    assert not [attributes for tag, attributes in seen.elements if tag == "th" and "scope" not in attributes]


def test_the_page_says_how_to_get_the_numbers_again():
    made = small()
    text = Seen(page(made)).text
    for part in (made["study"]["command"], made["data"]["fingerprint"], "torch 2.13.0", 'source = "folder"'):
        assert part in text


def test_a_big_study_stays_under_five_megabytes():
    made = content(vision=15, language=15, pairs="all", metrics=("mutual_knn(k=10)", "cka", "svcca"), draws=200)
    assert len(made["rows"]) == 3 * 435
    assert len(page(made).encode()) < 5e6


@pytest.mark.parametrize("key", ["study", "grids", "trends", "facts"])
def test_missing_tables_are_named(key):
    made = small()
    del made[key]
    with pytest.raises(InputError, match=f"content lacks '{key}'"):
        page(made)


def test_a_missing_column_a_missing_grid_and_a_missing_field_are_named():
    made = small()
    lacking = copy.deepcopy(made)
    del lacking["rows"][2]["p_bh"]
    with pytest.raises(InputError, match="Row 2 of the page's content lacks 'p_bh'"):
        page(lacking)
    lacking = copy.deepcopy(made)
    key = lacking["rows"][1]["key"]
    del lacking["grids"][key]
    with pytest.raises(InputError, match=f"Row 1 .* has the grid '{key}', which is not there"):
        page(lacking)
    lacking = copy.deepcopy(made)
    del lacking["data"]["licence"]
    with pytest.raises(InputError, match=r"content is not complete: .*licence"):
        page(lacking)


@pytest.mark.parametrize(("p", "draws", "said"), [
    (0.001, 999, "≤\u00a00.001"), (0.002, 999, "0.002"), (0.0001, 9999, "≤\u00a00.0001"), (1.0, 0, "1.000"), (None, 0, "–"),
    (0.48951, 1000, "0.490"), (1 / 1001, 1000, "≤\u00a00.001"),
])
def test_a_p_at_the_floor_is_printed_as_a_bound(p, draws, said):
    assert p_value({"p": p, "least_p": 1 / (draws + 1)}) == said


def test_a_row_whose_null_is_a_closed_form_is_judged_without_draws():
    made = small()
    for row in made["rows"]:
        row |= {"draws": 0, "method": "closed form", "null": "closed form (Pearson III)", "least_p": 1 / 20001}
    for grid in made["grids"].values():
        grid["draws"] = []
    text = Seen(page(made)).text
    assert "No null was drawn" not in text
    assert "closed form )" in text or "closed form)" in text
    assert "where chance gives" in text


def test_a_corrected_p_is_a_bound_where_the_plain_one_is():
    row = {"p": 0.01, "p_bh": 0.03, "p_holm": 1.0, "least_p": 0.01}
    assert p_value(row, "p_bh") == "≤\u00a00.030"
    assert p_value(row, "p_holm") == "1.000"


@pytest.mark.parametrize(("value", "said"), [
    (0.0, "0.000"), (0.0931, "0.093"), (-0.25, "−0.250"), (0.00012, "1.2e-04"), (12345.0, "1.2e+04"),
    (math.inf, "∞"), (-math.inf, "−∞"),
])
def test_numbers_are_printed_alike_everywhere(value, said):
    assert number(value) == said


@pytest.mark.parametrize(("value", "said"), [
    (None, "–"), (0, "0"), (999, "999"), (1000, "1 k"), (999_999, "1 M"), (22_713_216, "22.7 M"), (6_738_415_616, "6.74 G"),
])
def test_parameters_are_counted_short(value, said):
    assert count(value) == said


def test_a_study_that_was_run_fills_the_page(tmp_path):
    from platometer.study import Study

    rng = np.random.default_rng(0)
    shared = rng.normal(size=(40, 4))
    for name in ("left", "right"):
        np.save(tmp_path / f"{name}.npy", shared @ rng.normal(size=(4, 16)))
    (tmp_path / "study.toml").write_text(
        'name = "two-tables"\nquestion = "Do they agree?"\nmodels = ["file:left.npy", "file:right.npy"]\n'
        '[align]\nmetrics = ["mutual_knn(k=5)"]\ndraws = 19\n', encoding="utf-8")
    result = Study.read(tmp_path / "study.toml").run(tmp_path / "run")
    text = Seen(result.page.read_text(encoding="utf-8")).text
    assert "Do they agree?" in text
    assert "1 of 1 within-modality pair" in text
    assert "Huh et al. 2024, eq. 11" in text
