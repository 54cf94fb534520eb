"""Observations: what is kept of an event, by hand; a bijection changes names only."""

from __future__ import annotations

import numpy as np
import pytest

from platometer.errors import InputError, ShapeError
from platometer.theory import NOTHING, Observation, bijection, counted, independent, markov, merged, noisy, partial, ring

VIEWS = [bijection(6), merged([0, 0, 1, 1, 2, 2]), merged([0, 0, 0, 0, 0, 1]), noisy(6, 0.3), partial(6, 0.25)]


@pytest.mark.parametrize("seed", range(3))
def test_a_bijection_renames_pmi_and_nothing_else(seed: int) -> None:
    world = markov(np.random.default_rng(seed).dirichlet(np.ones(7), size=7), window=2)
    view = bijection(7, seed=seed)
    order = view.channel.argmax(1)
    assert view.bijective
    assert view.information(world).share == pytest.approx(1)
    np.testing.assert_allclose(view.seen(world).pmi()[np.ix_(order, order)], world.pmi(), atol=1e-12)


def test_what_merging_keeps_by_hand() -> None:
    """H(Z) = 3/2 bits; merging the two rare events leaves one bit."""
    world = independent([0.5, 0.25, 0.25], exact=True)
    kept = merged([0, 1, 1]).information(world)
    assert kept.bits == pytest.approx(1)
    assert kept.nats == pytest.approx(np.log(2))
    assert kept.share == pytest.approx(2 / 3)
    seen = merged([0, 1, 1]).seen(world)
    assert seen.exact is not None
    assert seen.exact.sum(1).tolist() == [0.5, 0.5]


def test_what_noise_keeps_by_hand() -> None:
    """The symmetric channel on two even events: 1 - H(error) bits; nothing at error 1/2."""
    world = independent([0.5, 0.5])
    error = 0.1
    entropy = -(error * np.log2(error) + (1 - error) * np.log2(1 - error))
    assert noisy(2, error).information(world).bits == pytest.approx(1 - entropy)
    assert noisy(2, 0.5).information(world).bits == pytest.approx(0, abs=1e-12)


def test_what_is_not_mentioned_is_lost_in_proportion() -> None:
    world = ring(6)
    view = partial(6, 0.25)
    assert view.information(world).share == pytest.approx(0.75)
    assert view.symbols[-1] == NOTHING
    assert view.seen(world).P[-1] == pytest.approx(0.25)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_no_view_tells_more_of_the_world_than_the_world_does(view: Observation) -> None:
    """Data processing: I(X; X') <= I(Z; Z'), and I(Z; X) <= H(Z)."""
    world = ring(6, window=2)
    assert view.seen(world).information() <= world.information() + 1e-12
    assert view.information(world).share <= 1 + 1e-12


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_a_drawn_view_counts_to_the_world_it_shows(view: Observation) -> None:
    world = ring(6, window=2)
    symbols = view.draw(world.sequences(20, 3000, seed=2), seed=5)
    np.testing.assert_allclose(counted(symbols, 2).P_coor, view.seen(world).P_coor, atol=0.01)
    np.testing.assert_allclose(view.posterior(world).sum(1), 1)


def test_only_bijections_are_bijective() -> None:
    assert [view.bijective for view in VIEWS] == [True, False, False, False, False]


def test_slips_are_told() -> None:
    with pytest.raises(InputError, match="rows of chances that sum to 1"):
        Observation(np.ones((2, 2)))
    with pytest.raises(InputError, match="Symbol 1 is never shown"):
        merged([0, 2, 2])
    with pytest.raises(InputError, match=r"error = 0.9; expected a chance in \[0, \(N - 1\)/N = 0.75\]"):
        noisy(4, 0.9)
    with pytest.raises(InputError, match="missing = 1"):
        partial(4, 1)
    with pytest.raises(ShapeError, match="observes 5 events, world 'ring of 6' has 6"):
        bijection(5).seen(ring(6))
