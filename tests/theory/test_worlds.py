"""Worlds: P_coor, its margin and PMI, by hand for three events, the same in fractions and in floating point."""

from __future__ import annotations

from fractions import Fraction as Q

import numpy as np
import pytest

from platometer.errors import InputError, ShapeError, UndefinedError
from platometer.theory import World, counted, graph, hidden, independent, markov, ring, stationary, topics, torus, tree

STEPS = [["1/2", "1/4", "1/4"], ["1/4", "3/4", 0], ["1/2", 0, "1/2"]]
FLOATS = [[0.5, 0.25, 0.25], [0.25, 0.75, 0], [0.5, 0, 0.5]]
SHOWS = [[1, 0], [0.25, 0.75], [0, 1]]

WORLDS = {
    "independent": lambda **how: independent([0.5, 0.3, 0.2], **how),
    "markov": lambda **how: markov(FLOATS, **how),
    "graph": lambda **how: graph([[0, 2, 1], [2, 0, 0], [1, 0, 1]], stay=0.25, **how),
    "ring": lambda **how: ring(5, **how),
    "torus": lambda **how: torus(3, 4, **how),
    "tree": lambda **how: tree(2, **how),
    "hidden": lambda **how: hidden(FLOATS, SHOWS, **how),
    "topics": lambda **how: topics([0.25, 0.75], [[0.5, 0.5, 0], [0.1, 0.2, 0.7]], **how),
}


def test_a_chain_of_three_events_by_hand() -> None:
    """Solved with pencil: 2 P(0) = 2 P(1) = 4 P(2), so P = (2/5, 2/5, 1/5); the flow both ways is P(a) T(a, b)."""
    world = markov(STEPS, exact=True)
    assert world.exact is not None
    assert world.exact.tolist() == [[Q(1, 5), Q(1, 10), Q(1, 10)], [Q(1, 10), Q(3, 10), 0], [Q(1, 10), 0, Q(1, 10)]]
    assert world.exact.sum(1).tolist() == [Q(2, 5), Q(2, 5), Q(1, 5)]
    assert world.ratios().tolist() == [[Q(5, 4), Q(5, 8), Q(5, 4)], [Q(5, 8), Q(15, 8), 0], [Q(5, 4), 0, Q(5, 2)]]


def test_a_window_of_two_by_hand() -> None:
    """(D T + D T^2) / 2, since this chain looks the same backwards: T^2(0, 0) = 1/4 + 1/16 + 1/8 = 7/16."""
    world = markov(STEPS, window=2, exact=True)
    assert world.exact is not None
    assert world.exact[0, 0] == Q(2, 5) * (Q(1, 2) + Q(7, 16)) / 2
    assert world.exact[1, 2] == Q(2, 5) * (0 + Q(1, 16)) / 2  # only by way of 0: 1/4 * 1/4


def test_the_papers_sum_also_counts_an_event_with_itself() -> None:
    """t = t' once, each other distance twice: (D + 2 D T) / 3 at window 1."""
    world = markov(STEPS, same="counted", exact=True)
    assert world.exact is not None
    assert world.exact[0, 0] == (Q(2, 5) + 2 * Q(1, 5)) / 3
    assert world.exact[0, 1] == 2 * Q(1, 10) / 3


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("how", [{"window": 1}, {"window": 3}, {"window": 2, "same": "counted"}], ids=str)
def test_fractions_and_floats_agree(name: str, how: dict) -> None:
    exact, plain = WORLDS[name](exact=True, **how), WORLDS[name](**how)
    assert exact.exact is not None
    assert exact.exact.sum() == 1
    assert (exact.exact == exact.exact.T).all()
    np.testing.assert_allclose(plain.P_coor, exact.exact.astype(float), rtol=0, atol=1e-14)
    np.testing.assert_allclose(np.exp(plain.pmi(zeros="-inf")), exact.ratios().astype(float), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", WORLDS)
def test_the_margin_is_the_distribution_of_an_event(name: str) -> None:
    world = WORLDS[name](window=2)
    assert world.process is not None
    np.testing.assert_allclose(world.P, world.process.start @ world.process.emission, atol=1e-14)


def test_independent_events_have_no_pmi_until_an_event_may_meet_itself() -> None:
    assert np.abs(independent([0.5, 0.3, 0.2], window=4).pmi()).max() < 1e-12
    assert independent([0.5, 0.3, 0.2], same="counted").pmi()[0, 0] > 0


def test_topics_do_not_know_the_window() -> None:
    near, far = (topics([0.5, 0.5], [[0.8, 0.2], [0.3, 0.7]], window=window) for window in (1, 5))
    np.testing.assert_allclose(near.P_coor, far.P_coor, atol=1e-14)
    assert near.P_coor[0, 0] == pytest.approx(0.5 * 0.64 + 0.5 * 0.09)


def test_a_place_on_a_walk_occurs_as_often_as_its_edges_weigh() -> None:
    world = graph([[0, 2, 1], [2, 0, 0], [1, 0, 1]], exact=True)
    assert world.exact is not None
    assert world.exact.sum(1).tolist() == [Q(3, 7), Q(2, 7), Q(2, 7)]


def test_other_forms_of_pmi() -> None:
    world = World(np.array([[0.4, 0.1], [0.1, 0.4]]))
    np.testing.assert_allclose(world.ppmi(), [[np.log(1.6), 0], [0, np.log(1.6)]])
    np.testing.assert_allclose(world.ppmi(shift=np.log(2)), 0)
    np.testing.assert_allclose(np.exp(world.conditional()), [[0.8, 0.2], [0.2, 0.8]])
    assert world.information() == pytest.approx(0.8 * np.log(1.6) + 0.2 * np.log(0.4))
    assert world.entropy() == pytest.approx(np.log(2))


def test_pairs_that_never_meet_have_no_pmi() -> None:
    world = markov(STEPS, exact=True)
    with pytest.raises(UndefinedError, match="2 of 9 pairs never meet, first 1 with 2: their PMI is minus infinity"):
        world.pmi()
    assert world.pmi(zeros="-inf")[1, 2] == -np.inf
    assert world.ppmi()[1, 2] == 0


def test_counts_of_a_sentence_by_hand() -> None:
    world = counted([["a", "b", "a", "c"], ["b", "a"]], window=2, exact=True)
    assert world.exact is not None
    assert world.events == ("a", "b", "c")
    # ab, ba, ac; aa, bc; ba: six pairs, each counted in both orders
    assert (12 * world.exact).tolist() == [[2, 3, 1], [3, 0, 1], [1, 1, 0]]


def test_events_that_are_not_counted_keep_their_places() -> None:
    world = counted([["a", "x", "b"], ["a", "b"]], window=1, events=("a", "b"))
    assert world.P_coor[0, 1] == 0.5
    with pytest.raises(InputError, match="No pair was ever counted"):
        counted([["a", "x", "b"]], window=1, events=("a", "b"))


def test_arrays_of_numbers_count_like_lists() -> None:
    numbers = np.random.default_rng(0).integers(0, 4, (3, 50))
    one = counted(numbers, 2, same="counted")
    other = counted([list(map(str, row)) for row in numbers], 2, same="counted")
    np.testing.assert_array_equal(one.P_coor, other.P_coor)
    slow = np.zeros((4, 4))
    for row in numbers:
        for t, a in enumerate(row):
            for s, b in enumerate(row):
                slow[a, b] += abs(t - s) <= 2
    np.testing.assert_allclose(one.P_coor, slow / slow.sum())


def test_a_long_sequence_of_a_world_counts_back_to_it() -> None:
    world = hidden(FLOATS, SHOWS, window=2)
    found = counted(world.sequences(20, 5000, seed=1), 2)
    np.testing.assert_allclose(found.P_coor, world.P_coor, atol=0.006)
    np.testing.assert_array_equal(world.sequences(2, 9, seed=1), world.sequences(2, 9, seed=1))


def test_drawn_pairs_follow_the_table() -> None:
    world = ring(5, window=2)
    drawn = world.pairs(200_000, seed=3)
    np.testing.assert_allclose(world.seen_in(drawn).P_coor, world.P_coor, atol=0.003)
    assert (drawn == world.pairs(200_000, seed=3)).all()


def test_smoothing_is_declared_and_kept() -> None:
    world = World.from_counts([[0, 3], [1, 4]], smoothing=0.5)
    assert world.details == {"smoothing": 0.5}
    np.testing.assert_allclose(world.P_coor, np.array([[0.5, 2.5], [2.5, 4.5]]) / 10)


def test_events_that_meet_nothing_are_an_error_or_left_out() -> None:
    counts = np.diag([2.0, 0, 1])
    with pytest.raises(InputError, match="Event 'b' never occurs"):
        World.from_counts(counts, events=("a", "b", "c"))
    assert World.from_counts(counts, events=("a", "b", "c"), unseen="left out", smoothing=1).events == ("a", "c")


def test_slips_are_told() -> None:
    with pytest.raises(InputError, match="not symmetric"):
        World(np.array([[0.2, 0.5], [0.1, 0.2]]))
    with pytest.raises(InputError, match="its sum is 10"):
        World(np.array([[4, 1], [1, 4]]))
    with pytest.raises(ShapeError, match="one name per row"):
        World.from_counts([[1, 1], [1, 1]], events=("a",))
    with pytest.raises(InputError, match="fall into 2 parts"):
        markov([[1, 0], [0, 1]])
    with pytest.raises(InputError, match=r"Row 1 is no distribution: its sum is 0\.9"):
        markov([[0.5, 0.5], [0.5, 0.4]])
    with pytest.raises(InputError, match="split it into words first"):
        counted(["a b c"], 1)
    with pytest.raises(InputError, match="put one sequence into a list"):
        counted([1, 2, 3], 1)  # type: ignore[list-item]
    with pytest.raises(InputError, match="window = 0"):
        ring(5, window=0)
    with pytest.raises(UndefinedError, match="known by its pairs only"):
        World.from_counts([[1, 1], [1, 1]]).sequences(1, 2)
    with pytest.raises(UndefinedError, match="make it with exact=True"):
        ring(5).ratios()


def test_the_stationary_state_is_left_as_it_is() -> None:
    steps = np.random.default_rng(0).dirichlet(np.ones(6), size=6)
    P = stationary(steps)
    np.testing.assert_allclose(P @ steps, P, atol=1e-14)
