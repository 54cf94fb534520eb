"""Numbers from numbers: p-values, thresholds and multiplicity, by hand and by their defining properties."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from platometer import stats
from platometer.errors import InputError, UndefinedError

quick = settings(max_examples=80, deadline=None, database=None, derandomize=True)
scores = st.integers(-20, 20).map(lambda i: i / 10)
many = st.lists(scores, min_size=1, max_size=30).map(np.array)


def test_the_score_itself_is_one_of_the_draws() -> None:
    assert stats.p_value(9.0, np.arange(9.0)) == 0.1
    assert stats.p_value(-1.0, np.arange(9.0)) == 1.0
    assert stats.p_value(4.0, np.arange(9.0)) == 0.6  # a tie counts against the claim
    assert stats.p_value(4.0, np.arange(9.0), alike="low") == 0.6
    assert stats.p_value(-1.0, np.arange(9.0), alike="low") == 0.1


def test_equal_up_to_the_order_of_summing_is_equal() -> None:
    assert stats.p_value(0.3, np.array([0.1 + 0.2, 0.3 - 1e-14, 0.3 - 1e-9])) == 0.75


@quick
@given(scores, many, st.sampled_from([0.01, 0.05, 0.1, 0.25, 0.5]), st.sampled_from(["high", "low"]))
def test_a_score_beats_its_threshold_exactly_when_p_is_at_most_alpha(
    score: float, draws: np.ndarray, alpha: float, alike: str
) -> None:
    sign = 1 if alike == "high" else -1
    tau = stats.threshold(score, draws, alpha=alpha, alike=alike)
    p = stats.p_value(score, draws, alike=alike)
    assert (sign * score > sign * tau) == (p <= alpha)
    assert stats.threshold(-score, -draws, alpha=alpha, alike="low" if alike == "high" else "high") == -tau


def test_p_is_valid_at_every_level() -> None:
    """Of B + 1 exchangeable values each is the observed one once: P(p <= a) <= a, exactly."""
    values = np.array([3, 1, 4, 1, 5, 9, 2, 6, 5, 3], dtype=float)
    ps = [stats.p_value(values[i], np.delete(values, i)) for i in range(10)]
    for alpha in (0.1, 0.2, 0.35, 0.5, 0.9):
        assert np.mean(np.array(ps) <= alpha) <= alpha


def test_ranks_are_not_lost_to_rounding() -> None:
    draws = np.arange(1.0, 20.0)
    assert stats.threshold(20.0, draws, alpha=0.1) == 18.0  # (1 - 0.1) * 20 is 18.000000000000004
    assert stats.threshold(20.0, draws, alpha=0.05) == 19.0
    assert stats.threshold(0.0, draws, alpha=0.5) == 9.0


@pytest.mark.parametrize("draws", [np.array([]), np.zeros((2, 2)), np.float64(1)])
def test_without_draws_there_is_neither_p_nor_threshold(draws: np.ndarray) -> None:
    for ask in (stats.p_value, stats.threshold):
        with pytest.raises(UndefinedError, match="Without draws there is no p-value"):
            ask(0.5, draws)


@pytest.mark.parametrize("alpha", [0, 1, -0.1, math.nan])
def test_a_level_lies_between_zero_and_one(alpha: float) -> None:
    with pytest.raises(InputError, match="a level lies between 0 and 1"):
        stats.threshold(0.5, np.ones(3), alpha=alpha)


def test_a_calibrated_score_is_zero_at_the_threshold_and_one_at_perfect_agreement() -> None:
    assert stats.calibrated(0.75, 0.5, best=1.0) == 0.5
    assert stats.calibrated(0.1, 0.1, best=1.0) == 0.0
    assert stats.calibrated(0.0, 0.1, best=1.0) == 0.0
    assert stats.calibrated(1.0, 0.1, best=1.0) == 1.0
    assert stats.calibrated(0.25, 1.0, best=0.0) == 0.75  # low is alike
    assert stats.calibrated(2.0, 1.0, best=0.0) == 0.0


@quick
@given(st.floats(-1, 1), st.floats(-1, 1), st.sampled_from([-1, 1]))
def test_a_calibrated_score_lies_between_zero_and_one(score: float, tau: float, sign: int) -> None:
    assert 0 <= stats.calibrated(sign * score, sign * tau, best=sign * 1.0) <= 1


@pytest.mark.parametrize("by", [1e-16, -1e-16, 1e-13])
def test_a_threshold_that_rounding_lifts_over_perfect_agreement_leaves_nothing_to_scale(by: float) -> None:
    assert stats.calibrated(0.3, 1.0 + by, best=1.0) == 0.0
    assert stats.calibrated(1.0 + by, 1.0 + by, best=1.0) == 0.0
    assert stats.calibrated(1.0 + abs(by), 0.2, best=1.0) == 1.0


def literal_holm(ps: list[float]) -> list[float]:
    """Holm 1979, section 2: the i-th smallest times m - i + 1, never falling."""
    order = sorted(range(len(ps)), key=lambda i: ps[i])
    out, most = [0.0] * len(ps), 0.0
    for rank, i in enumerate(order):
        most = max(most, min(1.0, ps[i] * (len(ps) - rank)))
        out[i] = most
    return out


def literal_hochberg(ps: list[float]) -> list[float]:
    """Benjamini and Hochberg 1995: the least m p_(j) / j over j >= i."""
    ordered = sorted(ps)
    return [min(min(1.0, len(ps) * ordered[j] / (j + 1)) for j in range(len(ps)) if ordered[j] >= p) for p in ps]


@quick
@given(st.lists(st.integers(0, 100).map(lambda i: i / 100), min_size=1, max_size=8))
def test_adjusted_ps_are_those_of_the_definitions(ps: list[float]) -> None:
    np.testing.assert_allclose(stats.holm(ps), literal_holm(ps), atol=1e-15)
    np.testing.assert_allclose(stats.benjamini_hochberg(ps), literal_hochberg(ps), atol=1e-15)
    assert (stats.holm(ps) >= stats.benjamini_hochberg(ps) - 1e-15).all()


def test_adjusting_does_not_depend_on_the_order() -> None:
    ps = [0.01, 0.02, 0.02, 0.5]
    for adjust in (stats.holm, stats.benjamini_hochberg):
        expected = dict(zip(ps, adjust(ps), strict=True))
        for order in itertools.permutations(ps):
            assert adjust(list(order)).tolist() == pytest.approx([expected[p] for p in order])


@pytest.mark.parametrize("ps", [[], [0.1, 1.1], [-0.1], [math.nan], [[0.1]]])
def test_what_is_no_list_of_ps_is_an_error(ps: list) -> None:
    for adjust in (stats.holm, stats.benjamini_hochberg):
        with pytest.raises(InputError, match=r"numbers in \[0, 1\]"):
            adjust(ps)


def test_a_line_through_points_on_a_line_is_that_line() -> None:
    found = stats.correlation([1, 2, 3, 5], [5, 7, 9, 13])
    assert (found.r, found.slope, found.intercept, found.n) == (pytest.approx(1), pytest.approx(2), pytest.approx(3), 4)


def test_correlation_agrees_with_scipy() -> None:
    from scipy.stats import linregress, pearsonr

    rng = np.random.default_rng(0)
    x = rng.normal(size=30)
    y = x + rng.normal(size=30)
    found, line, expected = stats.correlation(x, y), linregress(x, y), pearsonr(x, y)
    interval = expected.confidence_interval(0.95)
    assert found.r == pytest.approx(expected.statistic)
    assert (found.low, found.high) == (pytest.approx(interval.low), pytest.approx(interval.high))
    assert (found.slope, found.intercept) == (pytest.approx(line.slope), pytest.approx(line.intercept))


@pytest.mark.parametrize(("x", "y"), [([], []), ([1, 2], [1, 2]), ([1, 1, 1], [1, 2, 3]), ([1, 2, 3], [2, 2, 2])])
def test_no_spread_or_too_few_points_have_no_correlation(x: list, y: list) -> None:
    found = stats.correlation(x, y)
    assert found.r is None
    assert found.slope is None
    assert found.n == len(x)


def test_small_slopes_keep_their_digits() -> None:
    found = stats.correlation([1e9, 2e9, 3e9], [1e-9, 2e-9, 3.1e-9])
    assert found.slope == pytest.approx(1.05e-18, rel=1e-9, abs=0)


@pytest.mark.parametrize(("x", "y", "kind"), [([1, 2, 3], [1, 2], "as many"), ([1, 2, math.nan], [1, 2, 3], "finite")])
def test_points_that_are_no_points_are_an_error(x: list, y: list, kind: str) -> None:
    with pytest.raises(InputError, match=kind):
        stats.correlation(x, y)
