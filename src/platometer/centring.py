"""Samples less their mean, and their Gram matrix, in float32 without losing what float32 can keep.

The mean is found and subtracted in float64, block by block, so that features far from the origin keep their digits and
are not copied as a whole; what is left is rounded to float32 once. The Gram matrix is a product of half the size: blocks
below the diagonal are those above it, transposed.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numba
import numpy as np
import torch

from platometer.arrays import Rows
from platometer.threads import spread

_door = threading.Lock()  # of the precision, which is the program's and not a thread's
_inside, _asked = 0, "highest"


@dataclass(frozen=True, eq=False)
class Centred:
    """Samples less their mean, and what their similarities are made of: x_i . x_j = base_i + c_i . c_j + shift_j.

    Attributes
    ----------
    raw, factor : (n, d) float32 or float64, and (n,) float64.
    place : (n,) int64; sample i is x_i = ``factor[i] * raw[place[i]]``.
    mean : (d,) float64, m.
    size, shift, norm : (n,) float64, of c_i = x_i - m: its length; c_i . m; the length of x_i.
    """

    raw: np.ndarray
    factor: np.ndarray
    place: np.ndarray
    mean: np.ndarray
    size: np.ndarray
    shift: np.ndarray
    norm: np.ndarray

    @property
    def base(self) -> np.ndarray:
        """(n,) what all similarities of a sample have in common."""
        return self.shift + float(self.mean @ self.mean)

    @property
    def side(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The samples as the compiled loops take them: raw, factor, place."""
        return self.raw, self.factor, self.place

    def ordered(self, order: np.ndarray) -> Centred:
        """The same samples in another order, of which the raw ones know nothing.

        Parameters
        ----------
        order : (n,) a permutation.
        """
        return replace(self, factor=self.factor[order], place=self.place[order], size=self.size[order],
                       shift=self.shift[order], norm=self.norm[order])

    def block(self, start: int, stop: int, out: np.ndarray | None = None) -> torch.Tensor:
        """Samples start to stop less the mean, float32; at the start of ``out`` (at least stop - start, d), if given."""
        out = np.empty((stop - start, self.raw.shape[1]), np.float32) if out is None else out[: stop - start]
        spread(_moved, start, stop, self.raw, self.factor, self.place, self.mean, start, out)
        return torch.from_numpy(out)


def centre(rows: Rows, *, whole: bool, mean: np.ndarray | None = None) -> tuple[Centred, torch.Tensor | None]:
    """Samples less their mean and, if asked for, all of them (n, d) in float32.

    Parameters
    ----------
    rows : on the CPU, float32 or float64.
    whole : whether to keep them all.
    mean : (d,) what to take off instead of their own mean.
    """
    n, d = rows.shape
    raw = rows.raw.numpy()
    factor = np.ones(n) if rows.factor is None else rows.factor.numpy()
    if mean is None:
        mean = np.zeros(d)
        _add_rows(0, n, raw, factor, mean)
        mean /= n
    size, shift, norm = np.empty((3, n))
    out = np.empty((n if whole else 0, d), np.float32)
    spread(_centre, 0, n, raw, factor, mean, 0, out, size, shift, norm)
    return Centred(raw, factor, np.arange(n), mean, size, shift, norm), torch.from_numpy(out) if whole else None


def lengths(rows: Rows) -> torch.Tensor:
    """(n,) float64 length of each row.

    Parameters
    ----------
    rows : on any device.
    """
    if rows.device.type != "cpu":
        return rows.sizes()
    raw = rows.raw if rows.raw.dtype in (torch.float32, torch.float64) else rows.raw.to(torch.float32)
    out = np.empty(len(rows))
    spread(_lengths, 0, len(rows), raw.contiguous().numpy(), out)
    return torch.from_numpy(out) if rows.factor is None else torch.from_numpy(out) * rows.factor.abs()


def gram(x: torch.Tensor, step: int = 256) -> np.ndarray:
    """x x', of which only blocks on and above the diagonal are multiplied out.

    Parameters
    ----------
    x : (n, d).
    step : rows of a block.
    """
    n = len(x)
    out = torch.empty(n, n, dtype=x.dtype)
    with full_precision():
        for i in range(0, n, step):
            torch.mm(x[i : i + step], x[i:].T, out=out[i : i + step, i:])
            out[i + step :, i : i + step] = out[i : i + step, i + step :].T
    return out.numpy()


@contextmanager
def full_precision() -> Iterator[None]:
    """float32 products that are float32, whatever `torch.set_float32_matmul_precision` was given.

    Where it lasts in several threads of the program at once, the last one to leave puts back what the first one found.
    """
    global _inside, _asked
    with _door:
        if _inside == 0:
            _asked = torch.get_float32_matmul_precision()
            if _asked != "highest":
                torch.set_float32_matmul_precision("highest")
        _inside += 1
    try:
        yield
    finally:
        with _door:
            _inside -= 1
            if _inside == 0 and _asked != "highest":
                torch.set_float32_matmul_precision(_asked)


@numba.njit(nogil=True, cache=True, fastmath=True)
def _lengths(start, stop, raw, out):
    """The length of each row."""
    for i in range(start, stop):
        total = 0.0
        for k in range(raw.shape[1]):
            total += np.float64(raw[i, k]) ** 2
        out[i] = np.sqrt(total)


@numba.njit(nogil=True, cache=True, fastmath=True)
def _add_rows(start, stop, raw, factor, out):
    """The sum of rows times their factors, added to (d,)."""
    for i in range(start, stop):
        f = factor[i]
        for c in range(raw.shape[1]):
            out[c] += f * np.float64(raw[i, c])


@numba.njit(nogil=True, cache=True, fastmath=True)
def _moved(start, stop, raw, factor, place, mean, first, out):
    """Rows less the mean, as float32, into ``out[i - first]``."""
    for i in range(start, stop):
        f, row, to = factor[i], raw[place[i]], out[i - first]
        for k in range(raw.shape[1]):
            to[k] = f * np.float64(row[k]) - mean[k]


@numba.njit(nogil=True, cache=True, fastmath=True)
def _centre(start, stop, raw, factor, mean, first, out, size, shift, norm):
    """Rows less the mean, as float32, into ``out[i - first]`` (where it has rows); their size, shift and full norm."""
    d = raw.shape[1]
    keep = out.shape[0] > 0
    spare = np.empty(d, np.float32)
    for i in range(start, stop):
        f = factor[i]
        square, moved, whole = 0.0, 0.0, 0.0
        row, to = raw[i], out[i - first] if keep else spare
        for k in range(d):
            x = f * np.float64(row[k])
            c = x - mean[k]
            whole += x * x
            square += c * c
            moved += c * mean[k]
            to[k] = c
        size[i], shift[i], norm[i] = np.sqrt(square), moved, np.sqrt(whole)
