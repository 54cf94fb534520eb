"""A score beside its null: the numbers by hand, and what they mean at both ends."""

from __future__ import annotations

import numpy as np
import pytest

from platometer.errors import UndefinedError
from platometer.nulls import calibrate

DRAWS = np.arange(1.0, 20.0) / 100  # 0.01 ... 0.19


def test_the_numbers_are_those_worked_by_hand() -> None:
    found = calibrate(0.59, DRAWS, alpha=0.05, seed=3)
    assert found.p == 1 / 20
    assert found.tau == 0.19  # the 19th smallest of 20
    assert found.score == pytest.approx((0.59 - 0.19) / (1 - 0.19))
    assert found.null_mean == pytest.approx(0.10)
    assert found.null_sd == pytest.approx(DRAWS.std(ddof=1))
    assert found.z == pytest.approx(0.49 / DRAWS.std(ddof=1))
    assert found.excess == pytest.approx(0.49)
    assert (found.seed, found.alpha, found.null, found.method) == (3, 0.05, "permutation", "draws")
    assert found.least == 1 / 20
    np.testing.assert_array_equal(found.draws, DRAWS)


def test_where_low_is_alike_every_sign_turns() -> None:
    found = calibrate(-0.59, -DRAWS, alike="low", best=-1.0)
    high = calibrate(0.59, DRAWS)
    assert (found.p, found.tau) == (high.p, -high.tau)
    assert (found.z, found.excess, found.score) == pytest.approx((high.z, high.excess, high.score))
    assert calibrate(0.1, np.array([0.5, 0.6, 0.7]), alike="low", best=0.0, alpha=0.3).score == pytest.approx(0.8)


def test_a_score_at_chance_is_calibrated_to_zero() -> None:
    found = calibrate(0.10, DRAWS)
    assert found.score == 0.0
    assert found.p == 11 / 20
    assert abs(found.z) < 1e-12


def test_without_a_bound_there_is_no_calibrated_score() -> None:
    assert calibrate(0.5, DRAWS, best=None).score is None


def test_draws_that_do_not_vary_give_no_z_and_a_single_one_no_sd() -> None:
    still = calibrate(0.5, np.full(9, 0.5))
    assert (still.null_sd, still.z, still.p, still.score) == (0.0, None, 1.0, 0.0)
    one = calibrate(0.5, np.array([0.1]))
    assert (one.null_sd, one.z, one.p, one.null_mean) == (None, None, 0.5, 0.1)


def test_draws_that_are_perfect_leave_no_room() -> None:
    found = calibrate(1.0, np.ones(9))
    assert (found.p, found.tau, found.score) == (1.0, 1.0, 0.0)


def test_draws_with_one_value_to_rounding_have_no_spread() -> None:
    wobble = 0.3 + np.array([0, 1, -1, 1, 0, -1]) * 2**-54
    found = calibrate(0.3, wobble)
    assert found.z is None or abs(found.z) < 10
    assert found.p == 1.0


def test_without_draws_there_is_no_calibration() -> None:
    with pytest.raises(UndefinedError, match="ask for draws >= 1"):
        calibrate(0.5, np.array([]))
