"""Counting common neighbours of many layers under many re-pairings: compiled loops over whole numbers.

The edges of all layers of a side are kept once each, sample by sample, with the list of the layers that hold them. A
draw walks the right edges of the sample that a left one is paired with, under their new names, and where both sides
hold the edge adds one for every pair of layers that do. A left sample's edges are marked once for several draws.

Under all turns of a ring an edge is met by those only that lead as many places along the ring, each at one turn: k of them,
on the average, for k neighbours. So all n turns together cost n k^2 steps a pair of layers, and one draw by itself n k.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
import torch

from platometer.knn import Neighbours
from platometer.metrics._rings import Ring, parts
from platometer.threads import each, spread

Valued = tuple[np.ndarray, np.ndarray | None]
_TURNS = 32  # of a ring, from which they are counted together where lists are short
_DRAWS = 8  # draws worked on together: their names and counts stay in the cache


@dataclass(frozen=True, eq=False)
class _Edges:
    """The edges that some layer holds.

    Attributes
    ----------
    start : (n + 1,) where each sample's edges begin.
    other : (m,) whom they lead to.
    place : (m + 1,) where each edge's layers begin.
    layer : (sum of edges over layers,) the layers that hold the edge.
    """

    start: np.ndarray
    other: np.ndarray
    place: np.ndarray
    layer: np.ndarray

    @classmethod
    def of(cls, layers: Sequence[Neighbours]) -> _Edges:
        """The edges of these layers together."""
        lists = [layer.lists.cpu().numpy() for layer in layers]
        wide = np.concatenate(lists, axis=1)
        owner = np.repeat(np.arange(len(lists), dtype=np.int32), [part.shape[1] for part in lists])
        start, place = np.zeros(len(wide) + 1, np.uint32), np.zeros(wide.size + 1, np.uint32)
        other, layer = np.empty(wide.size, np.uint32), np.empty(wide.size, np.uint32)
        edges, held = _gathered(wide, owner, start, other, place, layer)
        return cls(start, other[:edges], place[: edges + 1], layer[:held])


def null_counts(lefts: Sequence[Neighbours], rights: Sequence[Neighbours], orders: torch.Tensor) -> np.ndarray:
    """(B, L, M) int64: common neighbours summed over samples under each re-pairing of the right side.

    Parameters
    ----------
    lefts, rights : L and M neighbour lists of the same n samples.
    orders : (B, n); draw b pairs row i of the left with row orders[b, i] of the right.
    """
    moves = np.ascontiguousarray(orders.cpu().numpy())
    out = np.zeros((len(moves), len(lefts), len(rights)), np.int64)
    edges: list[_Edges] = []
    for part, ring in parts(moves, least=max(_TURNS, lefts[0].k // 3)):
        if ring is not None:
            lists = ([(layer.lists.cpu().numpy(), None) for layer in side] for side in (lefts, rights))
            out[part] = turned_sums(*lists, ring=ring)
            continue
        left, right = edges = edges or each(_Edges.of, (lefts, rights))
        spread(_drawn, 0, part.stop - part.start, moves[part], left.start, left.other, left.place, left.layer, right.start,
               right.other, right.place, right.layer, out[part], least=1)
    return out


def turned_sums(lefts: Sequence[Valued], rights: Sequence[Valued], *, ring: Ring) -> np.ndarray:
    """(m, L, M): for every turn of a ring, the values of common neighbours multiplied and summed; int64 without values.

    Parameters
    ----------
    lefts, rights : neighbour lists (n, k) of each layer, -1 for none, and values (n, k) of the same entries; None for ones.
    ring : its m turns.
    """
    places = [np.argsort(order) for order in (ring.left, ring.right)]
    left = each(lambda layer: _Apart.of(*layer, places[0]), lefts)
    right = each(lambda layer: _Apart.of(*layer, places[1]), rights)
    n, dtype = len(ring.left), np.int64 if lefts[0][1] is None else np.float64
    out = np.empty((len(ring.turns), len(lefts), len(rights)), dtype)

    def met(at: int) -> None:
        one = left[at]
        for m, other in enumerate(right):
            sums = np.zeros(2 * n, dtype)
            _met(one.start, one.at, one.value, other.start, other.at, other.value, sums)
            out[:, at, m] = (sums[:n] + sums[n:])[ring.turns]

    each(met, range(len(left)))
    return out


@dataclass(frozen=True, eq=False)
class _Apart:
    """The edges of one layer by how many places they lead along a ring.

    Attributes
    ----------
    start : (n + 1,) where the edges that lead 0, 1, ... places begin.
    at, value : (m,) the place that an edge leads from, and its value.
    """

    start: np.ndarray
    at: np.ndarray
    value: np.ndarray

    @classmethod
    def of(cls, lists: np.ndarray, values: np.ndarray | None, place: np.ndarray) -> _Apart:
        """The edges of these lists, with the place of each sample in the ring."""
        start, size = np.zeros(len(lists) + 2, np.int64), lists.size
        at, value = np.empty(size, np.uint32), np.empty(size, np.int32 if values is None else np.float64)
        _sorted(lists, np.empty((0, 0)) if values is None else values, place, start, at, value)
        return cls(start[:-1], at, value)


@numba.njit(nogil=True, cache=True)
def _gathered(wide, owner, start, other, place, layer):
    """Fill the edges of all samples; how many there are, and how many over all layers."""
    n = wide.shape[0]
    at = np.full(n, -1, np.int64)  # of the sample at hand: the edge to each other one
    count = np.zeros(wide.shape[1] + 1, np.int64)
    edges, held = 0, 0
    for i in range(n):
        first = edges
        for a in range(wide.shape[1]):
            j = wide[i, a]
            if j < 0:
                continue
            if at[j] < 0:
                at[j], other[edges], count[edges - first] = edges, j, 0
                edges += 1
            count[at[j] - first] += 1
        for e in range(first, edges):
            place[e], held = held, held + count[e - first]
        for a in range(wide.shape[1]):
            j = wide[i, a]
            if j >= 0:
                e = at[j]
                count[e - first] -= 1
                layer[place[e] + count[e - first]] = owner[a]
        for e in range(first, edges):
            at[other[e]] = -1
        start[i + 1] = edges
    place[edges] = held
    return edges, held


@numba.njit(nogil=True, cache=True)
def _drawn(first, last, moves, start, other, place, layer, right_start, right_other, right_place, right_layer, counts):
    """Counts of draws first to last; the first set of edges is the left side's."""
    n, width = moves.shape[1], np.uint32(counts.shape[2])
    flat = counts.reshape(counts.shape[0], -1)
    name = np.empty((_DRAWS, n), np.uint32)  # unsigned, so that no index is checked for counting from the end
    mark = np.zeros(n, np.uint32)  # the left edge to each other sample, counted from one
    for low in range(first, last, _DRAWS):
        high = min(low + _DRAWS, last)
        for b in range(low, high):
            for i in range(n):
                name[b - low, moves[b, i]] = i
        for i in range(n):
            for e in range(start[i], start[i + 1]):
                mark[other[e]] = e + 1
            for b in range(low, high):
                j, mine, sums = moves[b, i], name[b - low], flat[b]
                for f in range(right_start[j], right_start[j + 1]):
                    e = mark[mine[right_other[f]]]
                    if e == 0:
                        continue
                    for p in range(place[e - 1], place[e]):
                        row = layer[p] * width
                        for q in range(right_place[f], right_place[f + 1]):
                            sums[row + right_layer[q]] += 1
            for e in range(start[i], start[i + 1]):
                mark[other[e]] = 0


@numba.njit(nogil=True, cache=True)
def _sorted(lists, values, place, start, at, value):
    """Fill the edges by how many places they lead, and where those that lead 0, 1, ... begin; values may be none at all."""
    n, k = lists.shape
    for i in range(n):
        for a in range(k):
            if lists[i, a] >= 0:
                start[(place[lists[i, a]] - place[i]) % n + 2] += 1
    for apart in range(n):
        start[apart + 2] += start[apart + 1]
    for i in range(n):
        for a in range(k):
            if lists[i, a] >= 0:
                apart = (place[lists[i, a]] - place[i]) % n
                edge = start[apart + 1]
                start[apart + 1] += 1
                at[edge] = place[i]
                value[edge] = values[i, a] if len(values) else 1


@numba.njit(nogil=True, cache=True)
def _met(start, at, value, right_start, right_at, right_value, sums):
    """Add up what meets at every turn; those of either half of the sums are the turns by 0, 1, ..., n - 1."""
    n = np.uint32(len(sums) // 2)
    for apart in range(len(start) - 1):
        for e in range(start[apart], start[apart + 1]):
            back, own = n - at[e], value[e]
            for f in range(right_start[apart], right_start[apart + 1]):
                sums[back + right_at[f]] += own * right_value[f]
