"""Inner products of many matrices with many others whose samples are re-paired: a gather and a float32 product.

The entries of all right matrices lie side by side, so that one random read serves them all; several draws are gathered
together, so that the product is wide. Products are summed in float32 over some thousand pairs of samples, and those sums
in float64: for matrices of unit norm the error is about 1e-9 (`ROUNDING` bounds it), and whoever needs a comparison to be
exact computes the few draws that come that close again.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Protocol

import numba
import numpy as np
import torch

from platometer.metrics import _halves
from platometer.threads import each, spread

ROUNDING = 1e-6
_DRAWS = 4  # gathered together
_PAIRS = 2048  # pairs of samples of one product, which so is of numbers that lie in a thread's own cache
_BESIDE = 4  # right matrices put side by side together
_BYTES = 2**29  # of the right matrices side by side


class Held(Protocol):
    """A symmetric matrix on the CPU, whole or by one half."""

    @property
    def gram(self) -> torch.Tensor | None: ...
    @property
    def half(self) -> _halves.Half | None: ...
    @property
    def n(self) -> int: ...


def null_products(lefts: Sequence[Held], rights: Sequence[Held], orders: torch.Tensor) -> np.ndarray:
    """(B, L, M) float64: sum_ij left[i, j] right[order_i, order_j] for all pairs of matrices and all draws.

    Parameters
    ----------
    lefts, rights : L and M symmetric matrices (n, n).
    orders : (B, n) permutations.
    """
    n = lefts[0].n
    moves = np.ascontiguousarray(orders.cpu().numpy())
    out = np.zeros((len(moves), len(lefts), len(rights)))
    left = np.empty((len(lefts), n * (n + 1) // 2), np.float32)
    for place, side in zip(left, lefts, strict=True):
        _paired(side, place)
    step = max(1, _BYTES // (4 * n * n))
    for start in range(0, len(rights), step):
        part = rights[start : start + step]
        right = np.empty((n, n, len(part)), np.float32)
        for m in range(0, len(part), _BESIDE):
            whole = np.stack([side.gram.numpy() for side in part[m : m + _BESIDE]])  # type: ignore[union-attr]
            spread(_beside, 0, n, whole.astype(np.float32, copy=False), m, right)
        _drawn(torch.from_numpy(left), right, moves, out[:, :, start : start + step])
    return out


def _paired(side: Held, out: np.ndarray) -> None:
    """Entries (u, v >= u) row by row, those off the diagonal twice."""
    if side.half is not None:
        out[:] = _halves.pairs(side.half)
        out *= 2 * side.half.scale
    else:
        matrix = side.gram.numpy()  # type: ignore[union-attr]
        out[:] = 2 * matrix[np.triu_indices(len(matrix))]
    out[[_first(row, side.n) for row in range(side.n)]] /= 2


def _drawn(left: torch.Tensor, right: np.ndarray, moves: np.ndarray, out: np.ndarray) -> None:
    """Fill (B, L, M)."""
    n, _, m = right.shape
    starts = _starts(n)
    longest = max(_first(high, n) - _first(low, n) for low, high in itertools.pairwise(starts))

    def summed(at: int) -> None:
        some = moves[at : at + _DRAWS]
        back = some.argsort(1)
        wide = np.empty((longest, len(some) * m), np.float32)
        total = np.zeros((len(left), len(some) * m))
        for low, high in itertools.pairwise(starts):
            first, last = _first(low, n), _first(high, n)
            _gathered(low, high, right, some, back, first, wide)
            total += (left[:, first:last] @ torch.from_numpy(wide[: last - first])).numpy()
        out[at : at + len(some)] = total.reshape(len(left), len(some), m).transpose(1, 0, 2)

    each(summed, range(0, len(moves), _DRAWS))


def _first(row: int, n: int) -> int:
    """Where the pairs (row, row), (row, row + 1), ... begin."""
    return row * n - row * (row - 1) // 2


def _starts(n: int) -> list[int]:
    """Rows at which products begin, each with about `_PAIRS` pairs."""
    starts = [0]
    for row in range(1, n):
        if _first(row + 1, n) - _first(starts[-1], n) > _PAIRS:
            starts.append(row)
    return [*starts, n]


@numba.njit(nogil=True, cache=True)
def _beside(low, high, whole, m, right):
    """Rows low to high of some matrices, their entries side by side from place m on."""
    for u in range(low, high):
        for v in range(right.shape[1]):
            for c in range(len(whole)):
                right[u, v, m + c] = whole[c, u, v]


@numba.njit(nogil=True, cache=True)
def _gathered(low, high, right, moves, back, first, wide):
    """Pairs (u, v >= u) of rows low to high, under every draw; read in the order of memory, which is what takes the time."""
    n, m = right.shape[0], right.shape[2]
    for u in range(low, high):
        at = u * n - u * (u - 1) // 2 - first
        for d in range(moves.shape[0]):
            row = right[moves[d, u]]
            for w in range(n):
                v = back[d, w]
                if v >= u:
                    for c in range(m):
                        wide[at + v - u, d * m + c] = row[w, c]
