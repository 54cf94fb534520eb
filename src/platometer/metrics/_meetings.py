"""Where the neighbour lists of two spaces meet: how often for each sample, at which places, and in what order.

For each sample, the neighbours that its two lists have in common give one whole number (`KINDS`); how many samples have
which number is counted, and each number has a worth. Counts are whole, so a score is the same to the last digit in
whatever order samples come and however many draws are taken at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
import torch

from platometer.errors import InputError
from platometer.knn import Neighbours
from platometer.threads import spread

ORDER_TIES = "neighbours whose place in the list is tied match nothing, so ties lower the score"
KINDS = {"common": 0, "subsequence": 1, "edits": 2, "depths": 3}
"""The number of a sample: how many neighbours are common; how long their longest common subsequence is; how many edits
turn one list into the other; or, one number per common neighbour, the depth from which both lists hold it."""


def check_list_length(k: int) -> None:
    """Nothing, if lists of k neighbours can be compared.

    Parameters
    ----------
    k : neighbours per sample.

    Raises
    ------
    InputError
        k < 1.
    """
    if k < 1:
        raise InputError(f"k = {k}; a sample needs at least one neighbour.")


def placed(a: Neighbours) -> torch.Tensor:
    """(n, k) int64: the neighbours whose place in the list is certain; -1 elsewhere.

    Parameters
    ----------
    a : neighbour lists.
    """
    return a.lists.where(a.settled, -1)


def worths(
    lefts: Sequence[torch.Tensor],
    rights: Sequence[torch.Tensor],
    orders: torch.Tensor | None,
    *,
    kind: str,
    worth: torch.Tensor,
    back: bool = False,
) -> torch.Tensor:
    """(B, L, M) float64 on the CPU: the worth of all samples' numbers, summed, under each re-pairing of the right side.

    Parameters
    ----------
    lefts, rights : L and M lists (n, k) of the same samples; -1 matches nothing.
    orders : (B, n); draw b pairs row i of the left with row orders[b, i] of the right. None: one draw, as they stand.
    kind : which number, a key of `KINDS`.
    worth : (k + 1,) float64, what the numbers 0 to k are worth.
    back : whether a left neighbour of i is one that has i in its list, instead of one in i's list.
    """
    moves = np.arange(len(rights[0]))[None] if orders is None else np.ascontiguousarray(orders.cpu().numpy())
    left = _Lists.of(lefts, back=back)
    right = np.stack([lists.cpu().numpy() for lists in rights]).astype(np.int32)
    out = np.zeros((len(moves), len(lefts), len(rights)))
    spread(_drawn, 0, len(moves), moves, left.start, left.other, left.place, right, KINDS[kind], worth.numpy(), out, least=1)
    return torch.from_numpy(out)


@dataclass(frozen=True, eq=False)
class _Lists:
    """The left layers' neighbours, one after the other.

    Attributes
    ----------
    start : (L, n + 1) where each sample's neighbours begin.
    other, place : (m,) who they are, and their places in the lists, counted from one.
    """

    start: np.ndarray
    other: np.ndarray
    place: np.ndarray

    @classmethod
    def of(cls, layers: Sequence[torch.Tensor], *, back: bool) -> _Lists:
        """The lists of these layers; with `back`, for each sample those in whose lists it stands."""
        start, other, place = [], [], []
        total = 0
        for layer in layers:
            lists = layer.cpu().numpy()
            rows, places = np.nonzero(lists >= 0)
            others = lists[rows, places]
            if back:
                by_other = np.argsort(others, kind="stable")
                rows, others, places = others[by_other], rows[by_other], places[by_other]
            start.append(total + np.searchsorted(rows, np.arange(len(lists) + 1)))
            other.append(others)
            place.append(places + 1)
            total += len(rows)
        return cls(np.stack(start), np.concatenate(other).astype(np.int32), np.concatenate(place).astype(np.int32))


@numba.njit(nogil=True, cache=True)
def _drawn(first, last, moves, start, other, place, right, kind, worth, out):
    """Draws first to last."""
    layers, n, k = right.shape
    at = np.zeros(n + 1, np.int32)  # of the left list at hand: the place of each sample, counted from one
    name = np.empty(n, np.int32)
    names = np.empty((layers, k), np.int32)  # of the right sample at hand: its neighbours under their new names
    p, q, spare = np.empty(k, np.int32), np.empty(k, np.int32), np.empty(k, np.int32)
    tally = np.empty((len(start), layers, k + 1), np.int64)
    for b in range(first, last):
        tally[:] = 0
        for i in range(n):
            name[moves[b, i]] = i
        for i in range(n):
            for m in range(layers):
                for a in range(k):
                    j = right[m, moves[b, i], a]
                    names[m, a] = n if j < 0 else name[j]
            for l in range(len(start)):  # noqa: E741
                for e in range(start[l, i], start[l, i + 1]):
                    at[other[e]] = place[e]
                for m in range(layers):
                    met = 0
                    for a in range(k):
                        where = at[names[m, a]]
                        if where > 0:
                            p[met], q[met] = where - 1, a
                            met += 1
                    if kind == 0:
                        tally[l, m, met] += 1
                    elif kind == 1:
                        tally[l, m, _subsequence(p, met, spare)] += 1
                    elif kind == 2:
                        tally[l, m, _edits(p, q, met, k, spare)] += 1
                    else:
                        for a in range(met):
                            tally[l, m, max(p[a], q[a]) + 1] += 1
                for e in range(start[l, i], start[l, i + 1]):
                    at[other[e]] = 0
        for l in range(len(start)):  # noqa: E741
            for m in range(layers):
                for number in range(k + 1):
                    out[b, l, m] += tally[l, m, number] * worth[number]


@numba.njit(nogil=True, cache=True)
def _subsequence(p, met, spare):
    """The longest common subsequence of two lists without repeats: the longest rising run of the left places ``p[:met]``
    of their common entries, taken in the right list's order."""
    longest = 0  # spare[a] is the least place in which a rising run of length a + 1 can end
    for a in range(met):
        low, high = 0, longest
        while low < high:
            half = (low + high) // 2
            if spare[half] < p[a]:
                low = half + 1
            else:
                high = half
        spare[low] = p[a]
        longest = max(longest, low + 1)
    return longest


@numba.njit(nogil=True, cache=True)
def _edits(p, q, met, k, spare):
    """The Levenshtein distance of two lists of k entries without repeats, from the places of their common entries: what
    stands between two entries that are kept costs the longer of its two lengths."""
    least = k
    for a in range(met):  # spare[a] is the cost of all before common entry a, if it is kept
        spare[a] = max(p[a], q[a])
        for e in range(a):
            if p[e] < p[a]:
                spare[a] = min(spare[a], spare[e] + max(p[a] - p[e], q[a] - q[e]) - 1)
        least = min(least, spare[a] + k - 1 - min(p[a], q[a]))
    return least
