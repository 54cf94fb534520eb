"""Models on spoiled views beside the same models on whole ones."""

from __future__ import annotations

import numpy as np
import pytest

from platometer.errors import InputError
from platometer.trends import perturbed


def rows(models: int = 6, partners: int = 5, loss: float = 0.1, alike: str = "high", spread: float = 0.02) -> tuple:
    rng = np.random.default_rng(0)
    sign = -1 if alike == "low" else 1
    out, whole, how = [], {}, {}
    for i in range(models):
        for how_, lost in (("", 0.0), ("grey", loss), ("blur(share=0.02)", 2 * loss)):
            name = f"m{i}, {how_}" if how_ else f"m{i}"
            if how_:
                whole[name], how[name] = f"m{i}", how_
            mine = spread * rng.normal() if how_ else 0.0
            out += [{"left": f"p{j}", "right": name, "metric": "cka", "alike": alike,
                     "score": sign * (0.5 + 0.02 * i + 0.03 * j - lost + mine)} for j in range(partners)]
    return out, whole, how


@pytest.mark.parametrize("alike", ["high", "low"])
def test_the_change_is_found_beside_the_whole_with_an_interval_over_models(alike: str) -> None:
    found = perturbed(*rows(alike=alike), draws=400)
    assert [one.how for one in found] == ["grey", "blur(share=0.02)"]
    for one, lost in zip(found, (0.1, 0.2), strict=True):
        assert one.change.low < -lost < one.change.high < 0
        assert one.spoiled - one.whole == pytest.approx(one.change.value)
        assert one.pairs == 30
        assert one.units == "6 x 5 crossed units"
        assert np.mean(list(one.each.values())) == pytest.approx(one.change.value)


def test_no_change_is_not_told_from_one() -> None:
    assert perturbed(*rows(loss=0.0), draws=400)[0].change.sure == "open"


def test_with_one_partner_models_are_drawn_and_with_one_pair_nothing_is() -> None:
    assert perturbed(*rows(partners=1), draws=99)[0].units == "6 groups"
    alone = perturbed(*rows(models=1, partners=1), draws=99)[0]
    assert alone.change is None
    assert "no interval (1 pairs, one pair)" in str(alone)
    few = perturbed(*rows(models=2, partners=2), draws=99)[0]
    assert (few.change, few.units, few.pairs) == (None, "2 x 2 crossed units", 4)


def test_a_partner_that_is_spoiled_itself_is_not_the_baselines() -> None:
    table, whole, how = rows(models=3, partners=1)
    table += [{"left": "m0, grey", "right": "m1, grey", "metric": "cka", "alike": "high", "score": 9.0},
              {"left": "m0", "right": "m1, grey", "metric": "cka", "alike": "high", "score": 0.4},
              {"left": "m0", "right": "m1", "metric": "cka", "alike": "high", "score": 0.6}]
    assert perturbed(table, whole, how, draws=99)[0].pairs == 4


def test_without_a_whole_view_there_is_nothing_to_hold_it_against() -> None:
    table, whole, how = rows()
    with pytest.raises(InputError, match=r"No model sees both .* perturb = \[\.\.\.\] in a model's table"):
        perturbed([row for row in table if row["right"] in whole], whole, how)


def test_a_spoiled_partner_without_a_twin_is_no_partner_on_the_whole_view() -> None:
    table, whole, how = rows(models=3, partners=2)
    del whole["m2, grey"]
    one = {"right": "m2, grey", "metric": "cka", "alike": "high", "score": 9.0}
    table += [one | {"left": left} for left in ("m0", "m0, grey")]
    assert perturbed(table, whole, how, draws=99)[0].pairs == 4
