"""The law of two counts: what made the points is found, and what does not matter is seen not to."""

from __future__ import annotations

import numpy as np
import pytest

from platometer.errors import InputError, UndefinedError
from platometer.trends import saturation

F, C = (side.ravel() for side in np.meshgrid([1.0, 2, 4, 8, 16, 32], [1.0, 2, 3, 4, 5], indexing="ij"))
NOISE = 0.003 * np.random.default_rng(0).normal(size=F.size)


def test_the_parameters_that_made_the_points_lie_in_their_intervals() -> None:
    made = {"s": 0.6, "a": 0.25, "alpha": 0.8, "b": 0.15, "beta": 1.2}
    y = made["s"] - made["a"] * F ** -made["alpha"] - made["b"] * C ** -made["beta"] + NOISE
    found = saturation(F, C, y, draws=150)
    for name, value in made.items():
        assert found.parameters[name].low <= value <= found.parameters[name].high, (name, found.parameters[name])
    assert found.held_out["both"] > 0.98
    assert found.held_out["both"] > max(found.held_out["first"], found.held_out["second"])
    assert found.held_out["neither"] == pytest.approx(0, abs=1e-9)
    assert found.at(8, 2) == pytest.approx(0.6 - 0.25 * 8**-0.8 - 0.15 * 2**-1.2, abs=0.01)
    assert "on unseen" in str(found)


def test_no_neighbouring_parameters_fit_better() -> None:
    y = 0.3 + 0.4 * F**-0.5 - 0.1 / C + NOISE
    found = saturation(F, C, y, draws=30)
    best = {name: one.value for name, one in found.parameters.items()}
    assert best["a"] < 0  # it falls with f

    def wrong(s: float, a: float, alpha: float, b: float, beta: float) -> float:
        return float(((y - s + a * F**-alpha + b * C**-beta) ** 2).sum())

    for name in best:
        for factor in (0.99, 1.01):
            assert wrong(**best | {name: best[name] * factor}) >= wrong(**best)


def test_a_count_that_says_nothing_predicts_nothing() -> None:
    y = 0.5 - 0.3 / F + NOISE
    found = saturation(F, C, y, draws=30, names=("pictures", "captions"))
    assert found.held_out["first"] == pytest.approx(found.held_out["both"], abs=0.01)
    assert found.held_out["second"] < 0.05
    assert abs(found.parameters["b"].value) < 0.02
    assert "pictures alone" in str(found)


def test_a_left_out_group_is_predicted_by_the_others_alone() -> None:
    groups = np.arange(F.size) % 5
    y = 0.5 - 0.3 / F - 0.1 / C + 0.05 * groups
    apart = saturation(F, C, y, draws=30)
    whole = saturation(F, C, y, groups=list(groups), draws=30)
    assert whole.units == "5 groups"
    assert whole.held_out["both"] <= apart.held_out["both"] + 0.05


def test_what_has_no_exponent_is_an_error() -> None:
    with pytest.raises(UndefinedError, match=r"captions has 2 different values; an exponent needs three"):
        saturation(F, np.minimum(C, 2), F + C, names=("pictures", "captions"))
    with pytest.raises(InputError, match="f has the value 0; expected counts of 1 or more"):
        saturation(F - 1, C, F)
    with pytest.raises(UndefinedError, match="30 points of 1 different y"):
        saturation(F, C, np.ones_like(F))
