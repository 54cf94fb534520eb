"""Samples as codes: what their product bounds, and that lists found by bounds are those of float64 products."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from all_pairs import literal

from platometer.arrays import Rows
from platometer.centring import centre
from platometer.knn import Neighbours, _codes, _scan, _search, neighbours
from platometer.knn._codes import Codes, Way, way

WAYS = [(torch.int8, None), (torch.int8, 9), (torch.int8, 2), (torch.float32, 9), (torch.float32, 2)]


def spaces(n: int, d: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(n + d)
    x = torch.randn(n, d, generator=generator)
    sizes = 10.0 ** torch.linspace(-12, 3, n)[torch.randperm(n, generator=generator), None]
    line = x[:, :1] @ torch.randn(1, d, generator=generator)
    return {
        "flat": x,
        "decaying": x * torch.arange(1, d + 1).float() ** -1.5 @ torch.linalg.qr(torch.randn(d, d, generator=generator))[0],
        "one loud feature": torch.cat([100 * x[:, :1], x[:, 1:]], 1),
        "low rank": x[:, :3] @ torch.randn(3, d, generator=generator),
        "on a line": line,
        "near ties": line + 1e-6 * x,
        "far from the origin": x + 1000,
        "one narrow cone": 1e-3 * x + torch.randn(d, generator=generator),
        "clusters": torch.randn(7, d, generator=generator)[torch.arange(n) % 7] + 1e-5 * x,
        "duplicates": x[torch.arange(n) % (n // 2)],
        "all the same": x[:1].expand(n, d),
        "zeros": x * (torch.arange(n) % 3 > 0)[:, None],
        "lengths from 1e-12 to 1e3": x * sizes,
        "one outlier": torch.cat([x[:-1], 1e6 * x[-1:]]),
        "whole numbers": torch.randint(0, 3, (n, d), generator=generator).float(),
    }


def held(found: Neighbours, expected: Neighbours) -> None:
    assert torch.equal(found.lists, expected.lists)
    assert torch.equal(found.settled, expected.settled)


def coded(space, dtype: torch.dtype, m: int | None) -> Way:
    if dtype not in _codes.speeds():
        pytest.skip("bytes are not multiplied exactly here")
    if m is None or m > space.raw.shape[1]:
        return Way(dtype, None)
    return Way(dtype, _codes._turned(_codes._leading(space, m)))


@pytest.fixture(params=WAYS, ids=lambda given: f"{str(given[0])[6:]}, {given[1] or 'all'} axes")
def asked(request, monkeypatch):
    """Codes of one kind whatever they cost, in small tiles, and how often they were used."""
    used = []

    def found(space, need, step):
        used.append(len(space.size))
        near = _codes._leading(space, min(4, space.raw.shape[1])).float()
        return coded(space, *request.param), _codes._gathered(space, near, step)

    monkeypatch.setattr(_search, "_WHOLE", 0)
    monkeypatch.setattr(_search, "_WORTH", 0)
    monkeypatch.setattr(_search, "way", found)
    monkeypatch.setattr(_scan, "_STRIP", 96)
    monkeypatch.setattr(_codes, "_BLOCK", 128)
    return used


@pytest.mark.parametrize("name", spaces(8, 4))
@pytest.mark.parametrize("k", [1, 10])
def test_codes_give_the_literal_lists(name, k, asked):
    x = spaces(700, 24)[name]
    held(neighbours(x, k, budget=2**19), literal(x, k))
    assert asked == [700]


@pytest.mark.parametrize(("n", "d", "k"), [(2, 1, 1), (30, 1, 4), (260, 1, 7), (90, 3, 70), (700, 5, 300)])
def test_few_samples_few_features_and_many_neighbours_are_no_exception(n, d, k, asked):
    x = torch.randn(n, d, generator=torch.Generator().manual_seed(n))
    held(neighbours(x, k, budget=2**19), literal(x, k))


def test_rows_with_factors_are_coded_as_if_multiplied_out(asked):
    x = spaces(300, 24)["decaying"].double()
    factor = torch.rand(300, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) + 0.5
    held(neighbours(Rows(x.float(), factor), 10), literal(x.float().double() * factor[:, None], 10))


def test_neither_the_number_of_threads_nor_the_size_of_tiles_changes_anything(asked):
    x = spaces(700, 24)["near ties"]
    threads = torch.get_num_threads()
    found = []
    try:
        for count, budget in ((1, 2**19), (2, 2**19), (3, 2**23), (2, 2**28)):
            torch.set_num_threads(count)
            found.append(neighbours(x, 10, budget=budget))
    finally:
        torch.set_num_threads(threads)
    for one in found[1:]:
        held(one, found[0])


@pytest.mark.parametrize("name", spaces(8, 4))
@pytest.mark.parametrize("kind", WAYS, ids=str)
def test_no_similarity_exceeds_its_bound(name, kind):
    space, _ = centre(Rows(spaces(200, 24)[name].contiguous()).fitted(), whole=False)
    codes = Codes.of(space, coded(space, *kind))
    scale, rest, size, error = (part.astype(np.float64) for part in codes.bounds)
    q = codes.whole.double().numpy()
    bound = (q @ q.T) * np.outer(scale, scale) + np.outer(rest, rest) + np.outer(size, error) + np.outer(error, size + error)
    c = space.factor[:, None] * space.raw - space.mean
    assert (c @ c.T <= bound + 1e-12 * np.outer(space.size, space.size)).all()
    assert kind[0] != torch.int8 or np.abs(q).max() <= 127


def test_products_of_bytes_are_whole_and_exact():
    q = torch.randint(-127, 128, (300, 1000), generator=torch.Generator().manual_seed(0)).to(torch.int8)
    q[:5], q[5:10] = 127, -127
    if torch.int8 not in _codes.speeds():
        pytest.skip("bytes are not multiplied exactly here")
    codes = Codes(q, *np.ones((4, 300), np.float32))
    tile = codes.product(slice(0, 100), slice(40, 300), codes.room(26_000))
    assert (tile == (q[:100].double() @ q[40:].double().T).numpy()).all()


def test_a_torch_that_does_not_multiply_bytes_leaves_float32(monkeypatch):
    def refused(*_, **__):
        raise RuntimeError("not here")

    monkeypatch.setattr(torch, "_int_mm", refused)
    assert list(_codes.speeds.__wrapped__()) == [torch.float32]


def test_bytes_that_are_not_multiplied_exactly_are_not_used(monkeypatch):
    def clipped(left, right, out):
        return out.copy_((left.int() @ right.int()).clamp(-(2**15), 2**15 - 1))

    monkeypatch.setattr(torch, "_int_mm", clipped)
    assert torch.int8 not in _codes.speeds.__wrapped__()
    monkeypatch.setattr(_codes, "speeds", lambda: {torch.float32: 1.0, torch.int8: 0.1})
    space, _ = centre(Rows(spaces(300, 24)["flat"]).fitted(), whole=False)
    assert way(space, 11, 256)[0] is None


@pytest.mark.parametrize(("bytes_", "slope", "taken"),
                         [(0.25, 0, "all"), (0.25, -2, "some"), (None, 0, None), (None, -2, "some")])
def test_leading_axes_are_taken_for_a_decaying_spectrum_and_bytes_where_they_are_quick(bytes_, slope, taken, monkeypatch):
    quick = {torch.float32: 1 / 75} | ({} if bytes_ is None else {torch.int8: bytes_ / 75})
    monkeypatch.setattr(_codes, "speeds", lambda: quick)
    x = torch.randn(6000, 256, generator=torch.Generator().manual_seed(0)) * torch.arange(1, 257).float() ** slope
    space, _ = centre(Rows(x).fitted(), whole=False)
    found, order = way(space, 11, 512)
    assert sorted(order.tolist()) == list(range(6000))
    if taken is None:
        assert found is None
    else:
        assert found.dtype == (torch.float32 if bytes_ is None else torch.int8)
        assert (found.axes is None) == (taken == "all")
