"""What the neighbour metrics share: the tie rule in words, and counts of common neighbours, one pair or many at once."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from platometer.arrays import Rows
from platometer.errors import UndefinedError
from platometer.knn import Neighbours, neighbours
from platometer.metrics import _counts, _rings

TIES = "samples tied with the (k+1)-th nearest are nobody's neighbours, so ties lower the score"
_WORK = 2**27  # entries of the largest intermediate table
_SOME = 2**19  # comparisons of two neighbours made at once


def tie_remarks(a: Neighbours) -> tuple[str, ...]:
    """A sentence when more than one sample in a hundred lost neighbours to a tie.

    Parameters
    ----------
    a : neighbour lists.
    """
    if a.tied * 100 <= a.n:
        return ()
    return (
        f"{a.tied} of {a.n} samples have ties at their k-th neighbour (rounded or duplicated features?); "
        "tied neighbours are not counted.",
    )


def certain_neighbours(x: torch.Tensor | Rows, k: int) -> Neighbours:
    """The k nearest of every sample, at least one of which has a certain one.

    Parameters
    ----------
    x : (n, d) features, or rows.
    k : neighbours per sample.

    Raises
    ------
    UndefinedError
        No sample has a nearest: all are tied.
    """
    found = neighbours(x, k)
    if not bool((found.lists >= 0).any()):
        raise UndefinedError("No sample has a certain nearest neighbour: all are tied (constant or duplicated features?).")
    return found


def overlap(a: Neighbours, b: Neighbours) -> torch.Tensor:
    """(n,) int64: how many neighbours each sample has in common in two spaces.

    Parameters
    ----------
    a, b : neighbour lists of the same samples; their k may differ.
    """
    n, step = a.n, max(1, _SOME // (a.k * b.k))
    counts = [
        ((a.lists[i : i + step, :, None] == b.lists[i : i + step, None, :]) & (a.lists[i : i + step, :, None] >= 0)).sum((1, 2))
        for i in range(0, n, step)
    ]
    return torch.cat(counts)


def overlaps(lefts: Sequence[Neighbours], rights: Sequence[Neighbours]) -> torch.Tensor:
    """(L, M) float64: common neighbours summed over samples, for every pair of layers; whole numbers.

    Parameters
    ----------
    lefts, rights : L and M neighbour lists of the same samples.
    """
    identity = torch.arange(lefts[0].n, device=lefts[0].lists.device)
    return null_overlaps(lefts, rights, identity[None])[0]


def null_overlaps(lefts: Sequence[Neighbours], rights: Sequence[Neighbours], orders: torch.Tensor) -> torch.Tensor:
    """(B, L, M) float64: the same under each re-pairing of the right side; whole numbers.

    Counts are whole numbers below 2^53, exact in any order of summing.

    Parameters
    ----------
    lefts, rights : L and M neighbour lists of the same n samples.
    orders : (B, n); draw b pairs row i of the left with row orders[b, i] of the right.
    """
    if lefts[0].lists.device.type == "cpu":
        return torch.from_numpy(_counts.null_counts(lefts, rights, orders)).to(torch.float64)
    out = torch.empty(len(orders), len(lefts), len(rights), dtype=torch.float64)
    for part, ring in _rings.parts(orders.cpu().numpy()):
        if ring is not None:  # so little work that lists come to the processor
            out[part] = torch.from_numpy(_counts.null_counts(lefts, rights, orders[part]))
        else:
            few = lefts[0].n ** 2 * len(lefts) <= 4 * _WORK
            out[part] = (_by_table if few else _one_by_one)(lefts, rights, orders[part])
    return out


def _by_table(lefts: Sequence[Neighbours], rights: Sequence[Neighbours], orders: torch.Tensor) -> torch.Tensor:
    """The same on any device: all left layers that hold an edge side by side, rows added up as a draw meets them."""
    n = lefts[0].n
    member = torch.stack([layer.mask().flatten() for layer in lefts], dim=1).to(torch.float32)  # (n * n, L)
    keys, belongs = _union(rights, n)
    out = torch.empty(len(orders), len(lefts), len(rights), dtype=torch.float64)
    for draw, order in enumerate(orders.to(keys.device)):
        inverse = torch.empty_like(order)
        inverse[order] = torch.arange(n, device=order.device)
        met = member[inverse[keys // n] * n + inverse[keys % n]]  # (edges, L)
        out[draw] = (met.T @ belongs).to("cpu", torch.float64)
    return out


def _union(rights: Sequence[Neighbours], n: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Every edge that some right layer holds, as u * n + v, and which layers hold it, (edges, M) float32."""
    codes = [rows * n + others for rows, others in (layer.edges() for layer in rights)]
    keys, place = torch.cat(codes).unique(return_inverse=True)
    belongs = torch.zeros(len(keys), len(rights), dtype=torch.float32, device=keys.device)
    layer = torch.repeat_interleave(
        torch.arange(len(rights), device=keys.device), torch.tensor([len(c) for c in codes], device=keys.device)
    )
    belongs[place, layer] = 1.0
    return keys, belongs


def _one_by_one(lefts: Sequence[Neighbours], rights: Sequence[Neighbours], orders: torch.Tensor) -> torch.Tensor:
    """The plain loop, for so many samples that an n x n table per layer is too large."""
    identity = torch.arange(lefts[0].n, device=orders.device)
    out = []
    for order in orders:
        moved = rights if torch.equal(order, identity) else [b.reordered(order) for b in rights]
        out.append([[int(overlap(a, b).sum()) for b in moved] for a in lefts])
    return torch.tensor(out, dtype=torch.float64)
