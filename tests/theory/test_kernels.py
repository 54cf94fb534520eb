"""Kernels: when K + C is one, which C, how many dimensions, and distances up to what is allowed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from platometer.errors import InputError, ShapeError
from platometer.theory import best_fit, bijection, distance, markov, paper_condition, representable, ring, spectrum

seeds = st.integers(0, 10_000)


def _symmetric(seed: int, size: int, lift: float) -> np.ndarray:
    x = np.random.default_rng(seed).normal(size=(size, size))
    return (x + x.T) / 2 + lift * np.eye(size)


@settings(max_examples=60, deadline=None)
@given(seeds, st.integers(2, 7), st.floats(0, 4))
def test_the_least_offset_is_where_the_last_eigenvalue_turns(seed: int, size: int, lift: float) -> None:
    K = _symmetric(seed, size, lift)
    found = representable(K)
    unit = np.abs(K).max()
    if not found.holds:
        assert np.linalg.eigvalsh(K + 1e6 * unit)[0] < 0
        return
    assert found.offset is not None
    slack = 1e-9 * (unit + size * abs(found.offset))
    assert np.linalg.eigvalsh(K + found.offset)[0] >= -slack
    assert np.linalg.eigvalsh(K + found.offset - 1e-3 * unit)[0] < 0
    assert int((np.linalg.eigvalsh(K + found.offset) > 10 * slack).sum()) == found.rank


def test_a_kernel_that_no_offset_helps() -> None:
    assert not representable(np.array([[0.0, 1.0], [1.0, 0.0]])).holds
    # Flat along (1, -1), which is not orthogonal to K1: the eigenvalue stays below 0 for every C.
    flat = representable(np.array([[1.0, 0.0], [0.0, -1.0]]))
    assert (flat.holds, flat.offset) == (False, None)


@settings(max_examples=60, deadline=None)
@given(seeds, st.integers(3, 6), st.floats(0.3, 0.99), st.floats(0, 0.2))
def test_the_papers_condition_promises_what_is_true(seed: int, size: int, keep: float, rough: float) -> None:
    others = np.random.default_rng(seed).dirichlet(np.full(size, 100.0), size=size) * rough + (1 - rough) / size
    world = markov(keep * np.eye(size) + (1 - keep) * others)
    condition = paper_condition(world)
    if condition.holds:
        found = representable(world.pmi())
        assert found.offset is not None
        assert found.offset <= -condition.log_rho + 1e-9
        assert np.linalg.eigvalsh(world.pmi() - condition.log_rho)[0] >= -1e-9


def test_the_papers_condition_by_hand() -> None:
    """T keeps 0.8 and moves 0.1 to each other: K is log 2.4 on the diagonal and log 0.3 off it; delta = 0."""
    condition = paper_condition(markov(0.7 * np.eye(3) + 0.1))
    assert condition.holds
    assert condition.log_rho == pytest.approx(np.log(0.3))
    assert condition.delta == pytest.approx(0, abs=1e-12)
    assert condition.margin == pytest.approx(np.log(2.4 / 0.3))


def test_some_worlds_are_representable_though_the_paper_does_not_promise_it() -> None:
    world = ring(5, stay=0.9, window=2)
    assert representable(world.pmi()).holds
    assert not paper_condition(world).holds


def test_a_bijection_changes_neither_condition_nor_spectrum() -> None:
    world = ring(7, window=3)
    other = bijection(7, seed=4).seen(world)
    np.testing.assert_allclose(spectrum(other.pmi()), spectrum(world.pmi()), atol=1e-12)
    one, two = representable(world.pmi()), representable(other.pmi())
    assert one.offset == pytest.approx(two.offset)


@pytest.mark.parametrize("tables", ["one", "two"])
@pytest.mark.parametrize("offset", [0.0, 1.5, "best"])
def test_no_random_table_is_nearer_than_the_best(tables: str, offset: float | str) -> None:
    K = _symmetric(3, 6, 0.5)
    fit = best_fit(K, 2, offset=offset, tables=tables)
    chance = np.random.default_rng(0)
    goal = K + fit.offset
    assert np.linalg.norm(fit.scores - goal) / np.linalg.norm(K - K.mean()) == pytest.approx(fit.error)
    for _ in range(50):
        left = fit.left + 0.05 * chance.normal(size=fit.left.shape)
        right = left if tables == "one" else fit.right + 0.05 * chance.normal(size=fit.left.shape)
        assert np.linalg.norm(left @ right.T - goal) >= np.linalg.norm(fit.scores - goal)


def test_the_best_offset_is_no_worse_than_any_of_many() -> None:
    for seed in range(5):
        K = _symmetric(seed, 6, 1.0)
        best = best_fit(K, 2).error
        assert all(best <= best_fit(K, 2, offset=c).error + 1e-6 for c in np.linspace(-30, 30, 301))


def test_enough_dimensions_leave_no_error_where_the_world_is_representable() -> None:
    K = ring(5, stay=0.9, window=2).pmi()
    found = representable(K)
    assert found.rank == 4
    assert found.offset is not None
    assert best_fit(K, 4, offset=found.offset).error < 1e-7
    assert best_fit(K, 3, offset=found.offset).error > 1e-3


def test_distances_forgive_what_they_are_asked_to_and_no_more() -> None:
    chance = np.random.default_rng(0)
    K, rows, columns = _symmetric(0, 5, 1), chance.normal(size=(5, 1)), chance.normal(size=5)
    P = chance.dirichlet(np.ones(5))
    for weights in (None, P):
        assert distance(K + 2, K, P=weights) < 1e-12
        assert distance(K + 2, K, up_to="nothing", P=weights) > 0.1
        assert distance(K + rows, K, P=weights) > 0.1
        assert distance(K + rows, K, up_to="rows", P=weights) < 1e-12
        assert distance(K + rows + columns, K, up_to="rows", P=weights) > 0.1
        assert distance(K + rows + columns, K, up_to="rows and columns", P=weights) < 1e-12
        assert distance(3 * K + 2, K, scale="free", P=weights) < 1e-12
        assert distance(-K, K, scale="free", P=weights) == pytest.approx(1)


def test_slips_are_told() -> None:
    K = np.eye(3)
    with pytest.raises(ShapeError, match=r"expected the same \(N, N\)"):
        distance(K, np.eye(2))
    with pytest.raises(InputError, match="up_to = 'anything'"):
        distance(K, K, up_to="anything")
    with pytest.raises(InputError, match="nothing but an allowed offset"):
        distance(K, np.ones((3, 3)))
    with pytest.raises(InputError, match="must be symmetric"):
        spectrum(np.triu(np.ones((3, 3))))
    with pytest.raises(InputError, match="rank = 0"):
        best_fit(K, 0)
    with pytest.raises(InputError, match="must be finite"):
        representable(ring(8).pmi(zeros="-inf"))
