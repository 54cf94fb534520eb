"""A gallery in parts: whoever searches which part, the merged lists are those of the whole gallery."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from platometer import engines
from platometer.arrays import Rows
from platometer.errors import InputError, ShapeError
from platometer.knn import Neighbours, Search, merge, nearest, neighbours, shortlist


def _drawn(n: int, d: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _tied(n: int) -> torch.Tensor:
    """Points of a small grid: most similarities are shared by many."""
    return torch.randint(-2, 3, (n, 3), generator=torch.Generator().manual_seed(1)).double()


def _equal(a: Neighbours, b: Neighbours) -> bool:
    return torch.equal(a.lists, b.lists) and torch.equal(a.settled, b.settled)


def _in_parts(x: torch.Tensor, y: torch.Tensor, k: int, size: int, own: torch.Tensor | None = None) -> Neighbours:
    return merge(shortlist(x, y[at : at + size], k, start=at, own=own) for at in range(0, len(y), size)).neighbours()


@pytest.mark.parametrize("size", [1, 37, 120])
@pytest.mark.parametrize("k", [1, 10, 64])
def test_parts_of_any_size_give_the_neighbours_of_the_whole(size: int, k: int) -> None:
    x = _drawn(120, 5)
    assert _equal(_in_parts(x, x, k, size, torch.arange(120)), neighbours(x, k))


@pytest.mark.parametrize("size", [13, 100])
def test_ties_across_parts_are_left_out_as_within_one(size: int) -> None:
    x = _tied(100)
    whole = neighbours(x, 5)
    assert whole.tied > 50
    assert _equal(_in_parts(x, x, 5, size, torch.arange(100)), whole)


def test_queries_from_elsewhere_and_queries_of_the_gallery_may_be_mixed() -> None:
    y, own = _drawn(200, 4), torch.tensor([3, -1, 150, -1])
    x = torch.cat([y[3:4], _drawn(1, 4, 5), y[150:151], _drawn(1, 4, 6)])
    assert _equal(_in_parts(x, y, 6, 50, own), nearest(x, y, 6, own=own))
    assert _equal(_in_parts(x, y, 199, 50, own), nearest(x, y, 199, own=own))
    assert _equal(_in_parts(x, y, 200, 3), nearest(x, y, 200))


def test_float32_rows_of_unit_length_are_searched_alike() -> None:
    raw = _drawn(3000, 16, 2).float()
    factor = 1 / raw.double().norm(dim=1)
    whole = neighbours(Rows(raw, factor), 10)
    parts = [shortlist(Rows(raw, factor), Rows(raw[at : at + 700], factor[at : at + 700]), 10, start=at, own=torch.arange(3000))
             for at in range(0, 3000, 700)]
    assert _equal(merge(parts).neighbours(), whole)


@pytest.mark.parametrize("scale", [1e-200, 1e-3, 1e200])
def test_parts_of_very_different_size_are_brought_to_one_scale(scale: float) -> None:
    x = _drawn(60, 4) * torch.linspace(0.01, 5, 60, dtype=torch.float64)[:, None] * scale
    assert _equal(_in_parts(x, x, 5, 20, torch.arange(60)), neighbours(x, 5))


def test_lists_may_be_merged_in_any_order_and_any_tree() -> None:
    x = _tied(90)
    parts = [shortlist(x, x[at : at + 10], 4, start=at, own=torch.arange(90)) for at in range(0, 90, 10)]
    straight = parts[0]
    for one in parts[1:]:
        straight = straight.merged(one)
    trees = [merge(parts), merge(reversed(parts)), merge([merge(parts[4:]), merge(parts[:4])])]
    for tree in trees:
        assert torch.equal(tree.values, straight.values)
        assert torch.equal(tree.found, straight.found)
        assert (tree.size, tree.reach) == (90, straight.reach)


def test_tasks_of_an_engine_give_each_block_its_neighbours() -> None:
    x = _drawn(300, 6)
    blocks, parts = [range(0, 120), range(120, 300)], range(0, 300, 45)
    search = Search(
        queries=[partial(x.__getitem__, slice(b.start, b.stop)) for b in blocks],
        gallery=[partial(x.__getitem__, slice(at, at + 45)) for at in parts], starts=list(parts), k=7,
        own=[torch.tensor(b) for b in blocks])
    assert search.tasks(parts=4) == [(0, 0, 4), (0, 4, 7), (1, 0, 4), (1, 4, 7)]
    whole = neighbours(x, 7)
    for size in (1, 3, 7):
        found = dict(search.over(partial(engines.run, "local"), parts=size))
        assert torch.equal(torch.cat([found[0].lists, found[1].lists]), whole.lists)


def test_wrong_parts_are_told() -> None:
    x = _drawn(20, 3)
    with pytest.raises(ShapeError, match="Queries of width 3 have no similarity to a gallery of width 2"):
        shortlist(x, x[:, :2], 3)
    with pytest.raises(InputError, match="k = 0; a query needs at least one neighbour"):
        shortlist(x, x, 0)
    with pytest.raises(InputError, match="There are no lists to merge"):
        merge([])
    with pytest.raises(InputError, match=r"k = 25 but there are 21 samples"):
        shortlist(x, x, 25).neighbours()
    with pytest.raises(ShapeError, match=r"Lists of \(20, 4\) and \(20, 5\) queries and places"):
        shortlist(x, x, 3).merged(shortlist(x, x, 4))
