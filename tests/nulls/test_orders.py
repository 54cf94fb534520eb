"""Re-pairings: permutations, the same wherever they are drawn, uniform, and restricted as asked."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from platometer.errors import InputError, ShapeError
from platometer.nulls import RING, orders, ring_end

quick = settings(max_examples=60, deadline=None, database=None, derandomize=True)


@quick
@given(n=st.integers(1, 40), draws=st.integers(0, 8), seed=st.integers(-(2**70), 2**70), start=st.integers(0, 1000))
def test_every_draw_is_a_permutation(n: int, draws: int, seed: int, start: int) -> None:
    found = orders(n, draws, seed=seed, start=start)
    assert found.shape == (draws, n)
    assert found.dtype == torch.int64
    assert torch.equal(found.sort(1).values, torch.arange(n).expand(draws, n))


@quick
@given(n=st.integers(2, 30), draws=st.integers(1, 12), cut=st.integers(0, 12), seed=st.integers(0, 2**63))
def test_a_draw_depends_on_seed_and_number_alone(n: int, draws: int, cut: int, seed: int) -> None:
    cut = min(cut, draws)
    parts = torch.cat([orders(n, cut, seed=seed), orders(n, draws - cut, seed=seed, start=cut)])
    assert torch.equal(parts, orders(n, draws, seed=seed))


def test_the_draws_never_change_between_versions_and_machines() -> None:
    assert orders(8, 2, seed=7).tolist() == [[4, 1, 6, 3, 2, 7, 5, 0], [3, 1, 6, 2, 5, 4, 0, 7]]
    assert orders(RING, 1, seed=7)[0, :8].tolist() == [35, 26, 95, 31, 48, 18, 78, 115]
    assert orders(RING, 1, seed=7, start=RING)[0, :8].tolist() == [2, 33, 100, 6, 56, 45, 8, 98]


def test_other_seeds_and_numbers_give_other_draws() -> None:
    drawn = {tuple(order.tolist()) for seed in range(20) for order in orders(30, 20, seed=seed)}
    assert len(drawn) == 400


def test_all_permutations_are_equally_likely() -> None:
    """24 permutations, 4,800 draws: chi-squared with 23 degrees of freedom lies in its middle 99.8 %."""
    counts = Counter(map(tuple, orders(4, 4800, seed=1).tolist()))
    assert set(counts) == set(itertools.permutations(range(4)))
    assert 7.5 < sum((count - 200) ** 2 / 200 for count in counts.values()) < 49.8


@quick
@given(n=st.sampled_from([RING, 131, 200]), start=st.integers(0, 700), draws=st.integers(0, 8), seed=st.integers(-9, 9))
def test_turns_of_a_ring_are_permutations_that_depend_on_seed_and_number_alone(
    n: int, start: int, draws: int, seed: int
) -> None:
    found = orders(n, draws, seed=seed, start=start)
    assert found.shape == (draws, n)
    assert found.dtype == torch.int64
    assert torch.equal(found.sort(1).values, torch.arange(n).expand(draws, n))
    assert torch.equal(found, orders(n, start + draws, seed=seed)[start:])


@pytest.mark.parametrize("n", [RING, 131, 150])
def test_the_first_ring_and_the_observed_pairing_are_a_group(n: int) -> None:
    """So the observed pairing is any one of them with equal chance under the null, and p is valid at every level."""
    group = {tuple(order) for order in orders(n, n - 1, seed=3).tolist()} | {tuple(range(n))}
    assert len(group) == n
    every = np.array(sorted(group))
    for order in orders(n, 5, seed=3).numpy():
        assert {tuple(moved) for moved in every[:, order].tolist()} == group
    assert all((order != torch.arange(n)).all() for order in orders(n, n - 1, seed=3))  # each moves every sample


def test_no_turn_comes_twice_in_any_ring_of_any_seed() -> None:
    drawn = {tuple(order.tolist()) for seed in (0, 1) for order in orders(RING, 3 * RING - 1, seed=seed)}
    assert len(drawn) == 2 * (3 * RING - 1)


@pytest.mark.parametrize("number", [5, RING + 5])
def test_every_turn_sends_a_sample_anywhere_with_equal_chance(number: int) -> None:
    """128 places, 2,560 seeds: chi-squared with 127 degrees of freedom (126 in the first ring, which leaves no sample in its
    place) lies in its middle 99.8 %."""
    n, seeds = RING, 20 * RING
    places = Counter(int(orders(n, 1, seed=seed, start=number)[0, 7]) for seed in range(seeds))
    free = [place for place in range(n) if number >= n or place != 7]
    assert set(places) <= set(free)
    expected = seeds / len(free)
    assert 82 < sum((places[place] - expected) ** 2 / expected for place in free) < 182


def test_a_ring_ends_where_the_next_one_begins() -> None:
    ends = [ring_end(RING, number) for number in range(4 * RING)]
    assert sorted(set(ends))[:3] == [RING - 1, 2 * RING - 1, 3 * RING - 1]
    assert all(end > number for number, end in enumerate(ends))


def test_restricted_re_pairings_of_many_samples_are_drawn_one_by_one() -> None:
    labels = [0, 1] * RING
    found = orders(2 * RING, 3, within=labels)
    assert torch.equal(found % 2, torch.tensor(labels).expand(3, -1))


@quick
@given(labels=st.lists(st.sampled_from("abc"), min_size=2, max_size=20), seed=st.integers(0, 99))
def test_within_keeps_every_sample_in_its_group(labels: list[str], seed: int) -> None:
    if len(set(labels)) == len(labels):
        with pytest.raises(InputError, match="group of its own: there is nothing to permute"):
            orders(len(labels), 3, within=labels)
        return
    for order in orders(len(labels), 3, seed=seed, within=labels).tolist():
        assert sorted(order) == list(range(len(labels)))
        assert [labels[i] for i in order] == labels


def test_within_moves_what_can_be_moved() -> None:
    drawn = {tuple(order) for order in orders(5, 200, within=[0, 1, 0, 1, 1]).tolist()}
    assert len(drawn) == 12  # 2! 3!


@quick
@given(sizes=st.lists(st.integers(1, 3), min_size=2, max_size=7), seed=st.integers(0, 99), mixed=st.booleans())
def test_blocks_move_as_a_whole_in_their_order(sizes: list[int], seed: int, mixed: bool) -> None:
    labels = [f"b{i}" for i, size in enumerate(sizes) for _ in range(size)]
    if mixed:
        labels = [labels[i] for i in np.random.default_rng(seed).permutation(len(labels))]
    if max(Counter(sizes).values()) < 2:
        with pytest.raises(InputError, match="no two blocks= have the same size: there is nothing to permute"):
            orders(len(labels), 3, blocks=labels)
        return
    places = {label: [i for i, other in enumerate(labels) if other == label] for label in labels}
    for order in orders(len(labels), 3, seed=seed, blocks=labels).tolist():
        assert sorted(order) == list(range(len(labels)))
        for rows in places.values():
            assert [order[row] for row in rows] in list(places.values())


def test_a_block_may_be_of_any_labels() -> None:
    plain = orders(6, 5, blocks=[0, 0, 1, 1, 2, 2])
    mixed = ((1, 2), (1, 2), 0, 0, None, None)
    for labels in (np.array([3, 3, 1, 1, 2, 2]), torch.tensor([5, 5, 4, 4, 9, 9]), list("aabbcc"), mixed):
        assert torch.equal(orders(6, 5, blocks=labels), plain)


@pytest.mark.parametrize(("options", "kind", "why"), [
    ({"within": [0] * 5}, ShapeError, "within= has 5 labels for 6 samples"),
    ({"within": [0]}, ShapeError, "within= has 1 label for 6 samples"),
    ({"blocks": [0] * 7}, ShapeError, "blocks= has 7 labels"),
    ({"within": [0] * 6, "blocks": [0] * 6}, InputError, "Give within= or blocks=, not both"),
    ({"draws": -1}, InputError, "draws = -1; it cannot be negative"),
    ({"start": -1}, InputError, "start = -1; draws are numbered from 0"),
    ({"blocks": [0] * 6}, InputError, "nothing to permute"),
])
def test_what_cannot_be_drawn_says_why(options: dict, kind: type, why: str) -> None:
    with pytest.raises(kind) as caught:
        orders(6, options.pop("draws", 3), **options)
    assert why in str(caught.value)
