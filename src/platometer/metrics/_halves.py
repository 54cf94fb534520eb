"""Symmetric matrices of which one half is kept: column of blocks by column, from the block on the diagonal down.

Half the memory, half the arithmetic of inner products, and each block is written by a matrix product as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numba
import numpy as np
import torch

from platometer.centring import full_precision

STEP = 128  # columns of a block
_ENTRIES = 2**14  # of a matrix multiplied with others at once, so that float32 sums are short


@dataclass(frozen=True, eq=False)
class Half:
    """A symmetric matrix (n, n): ``scale`` times its kept entries.

    Attributes
    ----------
    entries : (m,) float32: of each block column the rows from the diagonal on, so the diagonal block first.
    n : rows.
    scale : by which entries are multiplied.
    """

    entries: torch.Tensor
    n: int
    scale: float = 1.0

    @classmethod
    def of_products(cls, x: torch.Tensor) -> Half:
        """x x'.

        Parameters
        ----------
        x : (n, d) float32, on the CPU.
        """
        n = len(x)
        entries = torch.from_numpy(np.empty(sum(place.stop - place.start for *_, place in _blocks(n)), np.float32))
        at = 0
        with full_precision():
            for start in range(0, n, STEP):
                block = x[start : start + STEP]
                place = entries[at : at + (n - start) * len(block)]
                torch.mm(x[start:], block.T, out=place.view(n - start, len(block)))
                at += len(place)
        return cls(entries, n)

    def full(self) -> torch.Tensor:
        """(n, n) the whole matrix."""
        out = torch.empty(self.n, self.n)
        for rows, columns, place in _blocks(self.n):
            block = self.entries[place].view(rows.stop - rows.start, -1)
            if rows == columns:
                out[rows, rows] = block.tril() + block.tril(-1).T
            else:
                out[rows, columns], out[columns, rows] = block, block.T
        return out.mul_(self.scale)


def products(lefts: Sequence[Half], rights: Sequence[Half]) -> torch.Tensor:
    """(L, M) float64: inner products of all pairs of matrices, summed in float32 over short parts and else in float64.

    Parameters
    ----------
    lefts, rights : of the same n.
    """
    both, total = [*lefts, *rights], torch.zeros(len(lefts), len(rights), dtype=torch.float64)
    whole = torch.empty(len(both), _ENTRIES)
    for rows, columns, place in _blocks(both[0].n):
        weight = 1 if rows == columns else 2
        for at in range(place.start, place.stop, _ENTRIES):
            part = whole[:, : min(_ENTRIES, place.stop - at)]
            for line, half in zip(part, both, strict=True):
                line[:] = half.entries[at : at + part.shape[1]]
            total += weight * (part[: len(lefts)] @ part[len(lefts) :].T).double()
    scales = [torch.tensor([half.scale for half in side], dtype=torch.float64) for side in (lefts, rights)]
    return total * scales[0][:, None] * scales[1]


def square(half: Half) -> float:
    """The squared Frobenius norm.

    Parameters
    ----------
    half : a matrix.
    """
    entries = half.entries.numpy()
    parts = ((1 if rows == columns else 2) * _squares(entries[place]) for rows, columns, place in _blocks(half.n))
    return half.scale**2 * sum(parts)


def without(half: Half, means: np.ndarray | None) -> None:
    """Rows' and columns' numbers taken off the kept entries, in place, and the diagonal zeroed.

    Parameters
    ----------
    half : of scale 1.
    means : (n,) float64, so that entry ij loses means[i] + means[j]; None for nothing but the diagonal.
    """
    for rows, columns, place in _blocks(half.n):
        block = half.entries[place].numpy().reshape(rows.stop - rows.start, -1)
        if means is not None:
            _less(block, means[rows].astype(np.float32), means[columns].astype(np.float32))
        if rows == columns:
            np.fill_diagonal(block, 0)


def pairs(half: Half) -> np.ndarray:
    """(n (n + 1) / 2,) entries (u, v >= u) row by row, without the scale.

    Parameters
    ----------
    half : a matrix.
    """
    out = np.empty(half.n * (half.n + 1) // 2, np.float32)
    _ordered(half.entries.numpy(), half.n, out)
    return out


def firsts(n: int) -> np.ndarray:
    """int64: where each column of blocks begins; entry (v, u) of a column that begins with column s is (v - s) w + u - s
    places on, for its width w.

    Parameters
    ----------
    n : rows of the matrix.
    """
    return np.array([place.start for rows, columns, place in _blocks(n) if rows == columns], np.int64)


def _blocks(n: int) -> Iterator[tuple[slice, slice, slice]]:
    """(rows, columns, place among the entries) of every block on the diagonal, and of all below it."""
    at = 0
    for start in range(0, n, STEP):
        stop = min(start + STEP, n)
        columns, size = slice(start, stop), stop - start
        yield columns, columns, slice(at, at + size * size)
        at += size * size
        if stop < n:
            yield slice(stop, n), columns, slice(at, at + size * (n - stop))
            at += size * (n - stop)


@numba.njit(nogil=True, cache=True, fastmath=True)
def _squares(entries):
    """The sum of squares: short ones in float32, their sum in float64."""
    total = 0.0
    for low in range(0, len(entries), 256):
        part = np.float32(0)
        for j in range(low, min(low + 256, len(entries))):
            part += entries[j] * entries[j]
        total += np.float64(part)
    return total


@numba.njit(nogil=True, cache=True, fastmath=True)
def _less(block, rows, columns):
    """A block less the number of its row and of its column."""
    for i in range(block.shape[0]):
        line, own = block[i], rows[i]
        for j in range(block.shape[1]):
            line[j] -= own + columns[j]


@numba.njit(nogil=True, cache=True)
def _ordered(entries, n, out):
    """The kept entries as pairs (u, v >= u)."""
    first = 0
    for start in range(0, n, STEP):
        size = min(STEP, n - start)
        for v in range(start, n):
            for u in range(start, min(start + size, v + 1)):
                out[u * n - u * (u - 1) // 2 + v - u] = entries[first + (v - start) * size + u - start]
        first += size * (n - start)
