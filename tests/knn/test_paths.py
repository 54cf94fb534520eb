"""Every way through the search finds what float64 products of all with all find."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from all_pairs import literal

from platometer.arrays import Rows
from platometer.errors import ShapeError
from platometer.knn import TIE, Neighbours, _device, _lists, _scan, _search, _strips, nearest, neighbours
from platometer.knn._lists import certain


def spaces(n: int, d: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(n + d)
    x = torch.randn(n, d, generator=generator)
    return {
        "flat": x,
        "decaying": x * torch.arange(1, d + 1).float() ** -1.5 @ torch.linalg.qr(torch.randn(d, d, generator=generator))[0],
        "far from the origin": x + 100,
        "one narrow cone": 1e-3 * x + torch.randn(d, generator=generator),
        "clusters": torch.randn(7, d, generator=generator)[torch.arange(n) % 7] + 1e-4 * x,
        "duplicates": x[torch.arange(n) % (n // 2)],
        "whole numbers": torch.randint(0, 3, (n, d), generator=generator).float(),
        "few distinct": torch.eye(d)[torch.arange(n) % 3],
        "one outlier": torch.cat([x[:-1], 1e4 * x[-1:]]),
    }


def held(found: Neighbours, expected: Neighbours) -> None:
    assert torch.equal(found.lists, expected.lists)
    assert torch.equal(found.settled, expected.settled)


@pytest.fixture
def small_tiles(monkeypatch):
    monkeypatch.setattr(_search, "_WHOLE", 0)


@pytest.mark.parametrize("name", spaces(8, 4))
@pytest.mark.parametrize("k", [1, 10])
def test_all_similarities_at_once_give_the_literal_lists(name, k):
    x = spaces(300, 24)[name]
    held(neighbours(x, k), literal(x, k))


@pytest.mark.parametrize("name", spaces(8, 4))
@pytest.mark.parametrize("n", [256, 300, 601])
@pytest.mark.parametrize("k", [1, 10, 30])
def test_strips_give_the_literal_lists_and_all_of_the_matrix_the_same(name, n, k, monkeypatch):
    monkeypatch.setattr(_strips, "_STEP", 96)
    x = spaces(n, 24)[name]
    found = []
    for threads in (0, 10**6):
        monkeypatch.setattr(_strips, "_THREADS", threads)
        found.append(neighbours(x, k))
        held(found[-1], literal(x, k))
    assert torch.equal(found[0].settled, found[1].settled)


@pytest.mark.parametrize("name", spaces(8, 4))
@pytest.mark.parametrize("k", [1, 10, 70])
def test_tiles_give_the_literal_lists(name, k, small_tiles):
    x = spaces(700, 24)[name]
    held(neighbours(x, k, budget=2**19), literal(x, k))


def test_every_two_blocks_meet_once_and_none_is_in_two_tiles_at_a_time():
    for count in range(1, 12):
        rounds = list(_scan._rounds(count))
        assert sorted(pair for some in rounds for pair in some) == [(i, j) for i in range(count) for j in range(i + 1, count)]
        assert all(len({i for pair in some for i in pair}) == 2 * len(some) for some in rounds)


@pytest.mark.parametrize("name", spaces(8, 4))
def test_float64_products_alone_as_on_other_devices_give_the_literal_lists(name):
    x = spaces(300, 24)[name]
    rows = Rows(x).fitted()
    values, found = _search._plain(rows, rows, np.arange(300), 11, 2**19)
    size = rows.sizes()
    lists = certain(torch.from_numpy(values), torch.from_numpy(found), 10, TIE * size.max() * size[:, None])
    held(Neighbours(*lists, 10), literal(x, 10))


@pytest.mark.parametrize("name", spaces(8, 4))
@pytest.mark.parametrize("precision", ["bfloat16", "tf32", "float32"])
def test_the_search_of_accelerators_gives_the_literal_lists(name, precision, monkeypatch):
    monkeypatch.setattr(_device, "_CHUNK", 100)
    monkeypatch.setattr(_device.search, "__kwdefaults__", {"precision": precision})
    rows = Rows(spaces(300, 24)[name]).fitted()
    values, found = _search._elsewhere(rows, rows, np.arange(300), 11, 2**18)
    size = rows.sizes()
    lists = certain(torch.from_numpy(values), torch.from_numpy(found), 10, TIE * size.max() * size[:, None])
    held(Neighbours(*lists, 10), literal(rows.raw, 10))


@pytest.mark.parametrize("name", spaces(8, 4))
def test_queries_that_are_the_gallery_itself_have_its_neighbours(name, monkeypatch):
    monkeypatch.setattr(_search, "_TILE", 128)
    x = spaces(700, 24)[name]
    held(nearest(x, x, 10, own=torch.arange(700), budget=2**18), literal(x, 10))


def test_queries_find_the_nearest_of_a_gallery_without_being_in_it():
    x = spaces(300, 24)["flat"]
    found = nearest(x[:40], x[40:], 7)
    assert torch.equal(found.lists, (x[:40].double() @ x[40:].double().T).topk(7, dim=1).indices)


def test_a_query_that_stands_in_the_gallery_is_left_out_and_others_are_not():
    x = spaces(300, 24)["flat"] / spaces(300, 24)["flat"].norm(dim=1, keepdim=True)
    found = nearest(x[:2], x, 1, own=torch.tensor([0, -1]))
    assert found.lists[0, 0] != 0
    assert found.lists[1, 0] == 1


def test_a_gallery_of_another_width_is_refused():
    with pytest.raises(ShapeError, match="Queries of width 3 have no similarity to a gallery of width 4"):
        nearest(torch.ones(2, 3), torch.ones(5, 4), 1)


def test_the_number_of_threads_changes_nothing(small_tiles):
    x = spaces(700, 24)["one narrow cone"]
    threads = torch.get_num_threads()
    found = []
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            found.append(neighbours(x, 10, budget=2**19))
    finally:
        torch.set_num_threads(threads)
    held(found[0], found[1])
    held(found[0], found[2])


def test_low_precision_products_asked_of_torch_are_not_used():
    x = spaces(300, 24)["flat"]
    torch.set_float32_matmul_precision("medium")
    try:
        held(neighbours(x, 10), literal(x, 10))
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")


def test_rows_with_factors_are_searched_as_if_multiplied_out():
    x = spaces(300, 24)["flat"].double()
    factor = torch.rand(300, dtype=torch.float64) + 0.5
    held(neighbours(Rows(x.float(), factor), 10), literal(x.float().double() * factor[:, None], 10))


@pytest.mark.parametrize("reach", [5, 6])
def test_ties_are_the_same_ones_on_every_device(reach):
    generator = torch.Generator().manual_seed(reach)
    values = torch.randint(0, 7, (200, reach), generator=generator).double().sort(dim=1, descending=True).values
    found = torch.stack([torch.randperm(50, generator=generator)[:reach] for _ in range(200)])
    tie = torch.randint(0, 2, (200, 1), generator=generator).double() + 1e-3
    for mine, theirs in zip(certain(values, found, 5, tie), _lists._certain(values, found, 5, tie), strict=True):
        assert torch.equal(mine, theirs)
