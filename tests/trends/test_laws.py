"""Laws of a trend: they find what was put in, are judged on what they did not see, and claim no threshold lightly."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import optimize

from platometer.errors import InputError, NotFiniteError, ShapeError, UndefinedError, UnknownNameError
from platometer.trends import LAWS, compare, fit

SIZES = np.logspace(5, 8, 24)
TRUTHS = {
    "constant": 0 * SIZES + 0.3,
    "line": 0.1 * np.log10(SIZES),
    "saturating": 0.6 - 0.4 * (SIZES / 1e5) ** -0.5,
    "logistic": 0.1 + 0.3 / (1 + np.exp(-np.log10(SIZES / 10**6.5) / 0.15)),
    "knee": 0.1 + 0.2 * np.maximum(np.log10(SIZES) - 6.5, 0),
}
FOUND = {
    "constant": {"level": 0.3},
    "line": {"intercept": 0.0, "slope": 0.1},
    "saturating": {"a": 0.6, "b": 0.4, "c": 0.5},
    "logistic": {"floor": 0.1, "rise": 0.3, "threshold": 10**6.5, "width": 0.15},
    "knee": {"knee": 10**6.5, "lower": 0.0, "upper": 0.2},
}


def noisy(law: str, seed: int = 0, size: float = 0.02) -> np.ndarray:
    return TRUTHS[law] + size * np.random.default_rng(seed).normal(size=len(SIZES))


@pytest.mark.parametrize("law", list(LAWS))
def test_a_law_finds_the_parameters_that_made_the_points(law: str) -> None:
    found = fit(law, SIZES, TRUTHS[law], draws=50)
    for name, value in FOUND[law].items():
        assert found.parameters[name].value == pytest.approx(value, rel=1e-3, abs=1e-3), name
    np.testing.assert_allclose(found.curve(SIZES), TRUTHS[law], atol=1e-5)


@pytest.mark.parametrize("law", list(LAWS))
def test_a_law_holds_its_parameters_in_their_intervals(law: str) -> None:
    found = fit(law, SIZES, noisy(law, seed=3), draws=400)
    for name, value in FOUND[law].items():
        assert found.parameters[name].low <= value <= found.parameters[name].high, name
    low, high = found.band(SIZES)
    assert ((low <= TRUTHS[law]) & (TRUTHS[law] <= high)).mean() > 0.8


def test_no_curve_of_the_same_law_is_nearer_to_the_points() -> None:
    y = noisy("saturating")
    found = fit("saturating", SIZES, y, draws=10)
    literal = min(
        (optimize.least_squares(lambda p: p[0] - p[1] * (SIZES / SIZES[0]) ** -p[2] - y, start)
         for start in ([0.5, 0.3, 0.3], [0.6, 0.4, 1.0])), key=lambda one: one.cost)
    assert [value.value for value in found.parameters.values()] == pytest.approx(literal.x, rel=1e-4)
    assert found.rmse == pytest.approx(math.sqrt(2 * literal.cost / len(y)), rel=1e-8)


def test_the_line_and_its_aicc_are_the_literal_ones() -> None:
    y = noisy("line")
    slope, intercept = np.polyfit(np.log10(SIZES), y, 1)
    found = fit("line", SIZES, y, draws=10)
    assert [value.value for value in found.parameters.values()] == pytest.approx([intercept, slope], rel=1e-9)
    n, k, variance = len(y), 3, float(((y - slope * np.log10(SIZES) - intercept) ** 2).mean())
    assert found.aicc == pytest.approx(n * math.log(variance) + 2 * k + 2 * k * (k + 1) / (n - k - 1), rel=1e-9)


@pytest.mark.parametrize("law", list(LAWS))
def test_the_law_that_made_the_points_is_chosen(law: str) -> None:
    found = compare(SIZES, noisy(law, seed=1), draws=100)
    assert found.chosen == law
    assert (found.threshold is not None) == (law == "logistic")
    assert found.chosen in str(found)


@pytest.mark.parametrize("law", ["constant", "line", "saturating", "knee"])
def test_no_threshold_is_seen_where_there_is_none(law: str) -> None:
    seen = sum(compare(SIZES, noisy(law, seed=seed), draws=50).threshold is not None for seed in range(12))
    assert seen <= (6 if law == "knee" else 1), "two lines that meet do have a place where it begins"
    assert "no threshold seen: out of sample" in compare(SIZES, noisy("saturating"), draws=50).why


def test_a_threshold_beyond_the_data_is_not_seen() -> None:
    few = SIZES < 10**6.3
    found = compare(SIZES[few], noisy("logistic", size=0.002)[few], draws=100)
    assert found.threshold is None
    assert "no threshold seen" in found.why


def test_held_out_points_are_predicted_by_the_others_alone() -> None:
    y = noisy("line")
    found = compare(SIZES, y, laws=["line", "constant"], draws=10)
    u, errors = np.log10(SIZES), []
    for i in range(len(y)):
        slope, intercept = np.polyfit(np.delete(u, i), np.delete(y, i), 1)
        errors.append((y[i] - slope * u[i] - intercept) ** 2)
    assert found.contenders["line"].held_out == pytest.approx(math.sqrt(np.mean(errors)), rel=1e-9)


def test_held_out_families_and_pairs_leave_nothing_of_themselves_behind() -> None:
    y = noisy("line")
    families = np.repeat(np.arange(6), 4)
    found = compare(SIZES, y, laws=["constant"], groups=list(families), draws=10)
    literal = [(y[i] - y[families != families[i]].mean()) ** 2 for i in range(24)]
    assert found.contenders["constant"].held_out == pytest.approx(math.sqrt(np.mean(literal)), rel=1e-9)
    left, right = np.repeat(np.arange(4), 6), np.tile(np.arange(10, 16), 4)
    found = compare(SIZES, y, laws=["constant"], crossed=(list(left), list(right)), draws=10)
    literal = [(y[i] - y[(left != left[i]) & (right != right[i])].mean()) ** 2 for i in range(24)]
    assert found.contenders["constant"].held_out == pytest.approx(math.sqrt(np.mean(literal)), rel=1e-9)


def test_families_that_differ_widen_the_interval() -> None:
    families = np.repeat(np.arange(6), 4)
    y = noisy("line") + 0.1 * np.random.default_rng(5).normal(size=6)[families]
    alone, together = (fit("line", SIZES, y, groups=groups).parameters["slope"] for groups in (None, list(families)))
    assert together.high - together.low > 1.2 * (alone.high - alone.low)


def test_on_a_linear_scale_x_may_be_negative_and_the_power_is_an_exponential() -> None:
    x = np.linspace(-1, 1, 20)
    found = fit("saturating", x, 0.5 - 0.2 * np.exp(-1.5 * (x + 1)), scale="linear", draws=20)
    assert [value.value for value in found.parameters.values()] == pytest.approx([0.5, 0.2, 1.5], rel=1e-4)
    with pytest.raises(InputError, match=r"has no logarithm\. Use scale='linear'"):
        fit("line", x, x)


def test_equal_seeds_give_equal_answers_and_points_in_any_order() -> None:
    y = noisy("logistic")
    assert fit("logistic", SIZES, y, draws=30, seed=4) == fit("logistic", SIZES, y, draws=30, seed=4)
    turned = fit("logistic", SIZES[::-1], y[::-1], draws=30)
    as_they_were = fit("logistic", SIZES, y, draws=30).parameters["threshold"].value
    assert turned.parameters["threshold"].value == pytest.approx(as_they_were)


def test_scaling_y_scales_the_curve() -> None:
    y = noisy("knee")
    np.testing.assert_allclose(fit("knee", SIZES, 1e6 * y - 5, draws=5).curve(SIZES),
                               1e6 * fit("knee", SIZES, y, draws=5).curve(SIZES) - 5, rtol=1e-4)


def test_laws_that_need_more_points_are_named_or_are_errors() -> None:
    found = compare(SIZES[::4], TRUTHS["line"][::4], draws=20)
    assert found.left_out == ("logistic", "knee")
    assert found.why == "no threshold seen: the logistic was not compared with a smooth law."
    with pytest.raises(UndefinedError, match="'logistic' needs 7 points with 5 different x; there are 6 with 6"):
        compare(SIZES[::4], TRUTHS["line"][::4], laws=["line", "logistic"])


def test_slips_are_named() -> None:
    with pytest.raises(UnknownNameError, match=r"no law 'logistik'\. Did you mean 'logistic'"):
        fit("logistik", SIZES, SIZES)
    with pytest.raises(ShapeError, match=r"x \(24,\) and y \(3,\)"):
        fit("line", SIZES, [1, 2, 3])
    with pytest.raises(NotFiniteError, match="y of point 2"):
        fit("line", [1, 2, 3, 4], [0, 0, math.nan, 0])
    with pytest.raises(ShapeError, match="groups has 2 labels for 24 points"):
        fit("line", SIZES, SIZES, groups=["a", "b"])
    with pytest.raises(InputError, match="groups or crossed, not both"):
        fit("line", SIZES, SIZES, groups=["a"] * 24, crossed=(["a"] * 24, ["b"] * 24))
    with pytest.raises(UndefinedError, match="no interval from 1 groups"):
        fit("line", SIZES, SIZES, groups=["a"] * 24)
    with pytest.raises(InputError, match=r"scale = 'logs'\. Did you mean 'log'"):
        fit("line", SIZES, SIZES, scale="logs")
    with pytest.raises(UndefinedError, match="All x are equal"):
        fit("line", [1.0] * 9, range(9))
