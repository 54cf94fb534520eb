"""Neighbour lists as they are seen from outside: exact, without ties decided by accident, in any order and memory."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from platometer.arrays import Rows
from platometer.errors import InputError
from platometer.knn import Neighbours, check_k, neighbours

quick = settings(max_examples=80, deadline=None, database=None, derandomize=True)


def literal(x: list[list[int]], k: int) -> list[list[int]]:
    """The k nearest by exact inner product, without those tied with the (k + 1)-th; nearest first, equals by number."""
    found = []
    for i, row in enumerate(x):
        near = [sum(Fraction(a) * b for a, b in zip(row, other, strict=True)) for other in x]
        ranked = sorted((-near[j], j) for j in range(len(x)) if j != i)
        edge = ranked[k][0] if k < len(ranked) else None
        found.append([j for value, j in ranked[:k] if value != edge])
    return found


def shown(found: Neighbours) -> list[list[int]]:
    return [[j for j in row if j >= 0] for row in found.lists.tolist()]


def space(n: int, d: int, seed: int = 0) -> torch.Tensor:
    return torch.tensor(np.random.default_rng(seed).normal(size=(n, d)))


tables = st.integers(2, 12).flatmap(lambda n: st.integers(1, 4).flatmap(lambda d: st.lists(
    st.lists(st.integers(-3, 3), min_size=d, max_size=d), min_size=n, max_size=n)))


@quick
@given(x=tables, k=st.integers(1, 11), dtype=st.sampled_from([torch.float16, torch.bfloat16, torch.float32, torch.float64]))
def test_lists_are_those_of_exact_arithmetic(x: list[list[int]], k: int, dtype: torch.dtype) -> None:
    k = min(k, len(x) - 1)
    found = neighbours(torch.tensor(x, dtype=dtype), k)
    assert shown(found) == literal(x, k)
    assert found.lists.shape == found.settled.shape == (len(x), k)
    assert found.counts.tolist() == [len(row) for row in literal(x, k)]
    assert found.tied == sum(len(row) < k for row in literal(x, k))


@quick
@given(x=tables, k=st.integers(1, 11), seed=st.integers(0, 99))
def test_a_place_is_settled_exactly_where_nobody_is_as_near(x: list[list[int]], k: int, seed: int) -> None:
    k = min(k, len(x) - 1)
    found = neighbours(torch.tensor(x, dtype=torch.float64), k)
    for i, row in enumerate(literal(x, k)):
        near = [sum(a * b for a, b in zip(x[i], other, strict=True)) for other in x]
        for place, j in enumerate(row):
            rivals = [other for other in range(len(x)) if other not in (i, j) and near[other] == near[j]]
            assert bool(found.settled[i, place]) == (not rivals)
        assert not found.settled[i, len(row) :].any()


@quick
@given(x=tables, k=st.integers(1, 11), seed=st.integers(0, 99))
def test_the_order_of_samples_does_not_matter(x: list[list[int]], k: int, seed: int) -> None:
    k = min(k, len(x) - 1)
    y = torch.tensor(x, dtype=torch.float64)
    order = torch.from_numpy(np.random.default_rng(seed).permutation(len(x)))
    moved, renamed = neighbours(y[order], k), neighbours(y, k).reordered(order)
    assert torch.equal(moved.mask(), renamed.mask())
    assert torch.equal(moved.settled, renamed.settled)
    assert torch.equal(moved.lists.where(moved.settled, -2), renamed.lists.where(renamed.settled, -2))


@pytest.mark.parametrize("n", [50, 300])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_budget_changes_nothing(n: int, dtype: torch.dtype) -> None:
    x = space(n, 6).to(dtype)
    x[7] = x[3]
    whole = neighbours(x, 5)
    for budget in (1, 1000, 100_000, 2**30):
        found = neighbours(x, 5, budget=budget)
        assert torch.equal(found.lists, whole.lists)
        assert torch.equal(found.settled, whole.settled)


@pytest.mark.parametrize("size", [1e-300, 1e-160, 1e-20, 1e20, 1e150])
def test_scale_changes_nothing(size: float) -> None:
    x = space(60, 5)
    assert torch.equal(neighbours(x * size, 4).lists, neighbours(x, 4).lists)
    if 1e-30 < size < 1e30:
        single = x.float()
        moved = single * 2.0 ** round(np.log2(size))
        assert torch.equal(neighbours(moved, 4).lists, neighbours(single, 4).lists)


def test_copies_of_one_sample_tie_with_each_other() -> None:
    x = space(20, 4)
    x = torch.nn.functional.normalize(x, dim=1)
    x[1] = x[2] = x[0]
    assert shown(neighbours(x, 2))[:3] == [[1, 2], [0, 2], [0, 1]]
    assert neighbours(x, 1).lists[:3].flatten().tolist() == [-1, -1, -1]
    assert neighbours(x, 1).tied >= 3


def test_a_difference_in_the_last_digit_of_a_feature_decides_and_rounding_of_products_does_not() -> None:
    x = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0 + 2**-23, 0.0], [0.5, 0.0]], dtype=torch.float32)
    assert neighbours(x, 1).lists[0].tolist() == [2]
    tenth = torch.tensor([[1.0, 1, 1], [0.1, 0.2, 0.3], [0.3, 0.1, 0.2], [0.2, 0.3, 0.1]], dtype=torch.float64)
    assert neighbours(tenth, 1).lists[0].tolist() == [-1]
    assert neighbours(tenth, 2).lists[0].tolist() == [-1, -1]


def test_all_others_are_neighbours_without_a_boundary() -> None:
    x = torch.ones(4, 2, dtype=torch.float64)
    found = neighbours(x, 3)
    assert found.tied == 0
    assert torch.equal(found.mask(), ~torch.eye(4, dtype=torch.bool))


def test_masks_and_edges_say_the_same() -> None:
    found = neighbours(space(15, 3).round(), 4)
    rows, others = found.edges()
    mask = torch.zeros(15, 15, dtype=torch.bool)
    mask[rows, others] = True
    assert torch.equal(mask, found.mask())
    assert not mask.diagonal().any()


def test_rows_with_factors_are_read_as_multiplied() -> None:
    x, factor = space(30, 4), torch.linspace(0.1, 3, 30, dtype=torch.float64)
    assert torch.equal(neighbours(Rows(x, factor), 3).lists, neighbours(x * factor[:, None], 3).lists)


def test_inputs_are_not_written_to() -> None:
    x = space(40, 3).float()
    before = x.clone()
    neighbours(x, 3)
    assert torch.equal(x, before)
    assert torch.equal(neighbours(x.T.contiguous().T, 3).lists, neighbours(x, 3).lists)


def test_k_lies_between_one_and_all_others() -> None:
    check_k(1, 2)
    small, large = "at least one neighbour", "each has at most 4 neighbours. Use k <= 4"
    for k, n, why in ((0, 5, small), (-3, 5, small), (5, 5, large), (1, 1, "at most 0 neighbours")):
        with pytest.raises(InputError, match=why):
            check_k(k, n)
        with pytest.raises(InputError, match=why):
            neighbours(space(n, 2), k)
