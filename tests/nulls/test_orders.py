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
from platometer.nulls import orders

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


def test_other_seeds_and_numbers_give_other_draws() -> None:
    drawn = {tuple(order.tolist()) for seed in range(20) for order in orders(30, 20, seed=seed)}
    assert len(drawn) == 400


def test_all_permutations_are_equally_likely() -> None:
    """24 permutations, 4,800 draws: chi-squared with 23 degrees of freedom lies in its middle 99.8 %."""
    counts = Counter(map(tuple, orders(4, 4800, seed=1).tolist()))
    assert set(counts) == set(itertools.permutations(range(4)))
    assert 7.5 < sum((count - 200) ** 2 / 200 for count in counts.values()) < 49.8


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
    ({"blocks": [0] * 7}, ShapeError, "blocks= has 7 labels"),
    ({"within": [0] * 6, "blocks": [0] * 6}, InputError, "Give within= or blocks=, not both"),
    ({"draws": -1}, InputError, "draws = -1; it cannot be negative"),
    ({"blocks": [0] * 6}, InputError, "nothing to permute"),
])
def test_what_cannot_be_drawn_says_why(options: dict, kind: type, why: str) -> None:
    with pytest.raises(kind) as caught:
        orders(6, options.pop("draws", 3), **options)
    assert why in str(caught.value)
