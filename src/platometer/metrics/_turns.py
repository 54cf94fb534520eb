"""Inner products of Gram matrices under all turns of a ring at once.

With either side's samples in the order of its ring, pairs of samples that stand t places apart meet such pairs only, however
far the ring is turned. So the sum over all pairs is, for every t, the correlation of one line of n entries with another, and
a Fourier transform of each line gives it for all n turns: n^2 log n steps a matrix, and n^2 for two of them, where one draw
made by itself takes n^2. A matrix is symmetric, so that the lines up to t = n / 2 are enough.

Lines are transformed in float32 and their products summed over t in float32, over parts of t in float64: for matrices of unit
norm the error is about 1e-8 (`platometer.metrics._products.ROUNDING` bounds it).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numba
import numpy as np
import torch
from scipy import fft

from platometer.centring import full_precision
from platometer.metrics import _halves
from platometer.metrics._rings import Ring
from platometer.threads import each

_BYTES = 2**27  # of transformed lines, held at once
_PARTS = 8  # of frequencies, shared among threads
_ROWS = 256  # of features multiplied with others at once


class Held(Protocol):
    """A centred Gram matrix in any form: whole, by one half, or by features."""

    @property
    def matrix(self) -> torch.Tensor | None: ...
    @property
    def half(self) -> _halves.Half | None: ...
    @property
    def features(self) -> torch.Tensor | None: ...
    @property
    def rows(self) -> torch.Tensor | None: ...
    @property
    def n(self) -> int: ...


def turned(lefts: Sequence[Held], rights: Sequence[Held], ring: Ring) -> torch.Tensor:
    """(m, L, M) float64: sum_ij left[i, j] right[move_i, move_j] for all pairs of matrices and every turn of the ring.

    Parameters
    ----------
    lefts, rights : L and M matrices (n, n) on one device.
    ring : its m turns.
    """
    n, half = len(ring.left), len(ring.left) // 2 + 1  # as many frequencies as lines
    step = max(1, min(half, _BYTES // (8 * half * (len(lefts) + len(rights)))))
    total = torch.zeros(half, len(lefts), len(rights), dtype=torch.complex128, device=_device(lefts[0]))
    for first in range(0, half, step):
        size = min(step, half - first)
        left = _spectra(lefts, ring.left, first, size, backward=True)
        _multiply(left, _spectra(rights, ring.right, first, size, backward=False), total)
    turns = torch.from_numpy(ring.turns)
    if total.device.type == "cpu":
        return torch.from_numpy(fft.irfft(total.numpy(), n, axis=0))[turns]
    return torch.fft.irfft(total, n, dim=0)[turns.to(total.device)].cpu()


def worth_it(lefts: Sequence[Held], rights: Sequence[Held], ring: Ring) -> bool:
    """Whether the turns take less time together than one by one; where all sides are features, few of them may not.

    Parameters
    ----------
    lefts, rights, ring : as for `turned`.
    """
    left, right = ([side.features.shape[1] for side in sides if side.features is not None] for sides in (lefts, rights))
    if len(left) < len(lefts) or len(right) < len(rights):
        return True
    n, pairs = len(ring.left), len(left) * len(right)
    # nanoseconds of two cores for each sample, as measured from 4,200 samples to 50,000
    together = n * (8 * (len(left) + len(right)) + (sum(left) + sum(right)) / 70 + 0.1 * pairs)
    one = sum(left) * sum(right) / 25 + 4 * (len(right) * sum(left) + len(left) * sum(right))
    return together < one * len(ring.turns)


def _device(side: Held) -> torch.device:
    given = side.matrix if side.matrix is not None else side.features
    return torch.device("cpu") if given is None else given.device


def _spectra(sides: Sequence[Held], order: np.ndarray, first: int, size: int, *, backward: bool) -> torch.Tensor:
    """(frequencies, sides, size) complex64: the Fourier transforms of the lines of each side."""
    device = _device(sides[0])
    out = torch.empty(len(order) // 2 + 1, len(sides), size, dtype=torch.complex64, device=device)

    def fill(at: int) -> None:
        lines = _lines(sides[at], order, first, size, backward=backward)
        out[:, at] = torch.from_numpy(fft.rfft(lines.numpy(), axis=0)) if device.type == "cpu" else torch.fft.rfft(lines, dim=0)

    _all(fill, range(len(sides)), device)
    return out


def _multiply(left: torch.Tensor, right: torch.Tensor, total: torch.Tensor) -> None:
    """Add the products of all pairs of sides, summed over lines, at every frequency."""

    def multiply(at: int) -> None:
        part = slice(at, at + step)
        total[part] += torch.bmm(left[part], right[part].transpose(1, 2))

    step = -(-len(total) // _PARTS) if total.device.type == "cpu" else len(total)
    _all(multiply, range(0, len(total), step), total.device)


def _all(act: Callable[[int], None], items: Sequence[int], device: torch.device) -> None:
    """On several threads, but not on a graphics processor, which has its own."""
    if device.type == "cpu":
        each(act, items)
    else:
        for item in items:
            act(item)


def _lines(side: Held, order: np.ndarray, first: int, size: int, *, backward: bool) -> torch.Tensor:
    """(n, size) float32: column t holds the pairs (i, i + first + t) along the ring.

    Parameters
    ----------
    order : the samples along the ring.
    first, size : which pairs.
    backward : whether i runs against the ring, and pairs that are met twice count twice: for one of two sides, so that the
        product of the transforms is that of a correlation.
    """
    n = side.n
    weight = np.ones(size, np.float32)
    if backward:
        apart = np.arange(first, first + size)
        weight[(apart > 0) & (2 * apart < n)] = 2
    twice = np.concatenate([order, order[: first + size]])
    if side.features is not None:
        return _of_features(side, twice, first, size, weight, backward=backward)
    if side.matrix is not None and side.matrix.device.type != "cpu":
        return _of_device(side.matrix, twice, first, size, weight, backward=backward)
    lines = np.empty((n, size), np.float32)
    if side.half is not None:
        weight *= np.float32(side.half.scale)
        _of_half(side.half.entries.numpy(), _halves.firsts(n), twice.astype(np.uint32), first, weight, backward, lines)
    else:
        _of_matrix(side.matrix.numpy(), twice.astype(np.uint32), first, weight, backward, lines)  # type: ignore[union-attr]
    return torch.from_numpy(lines)


def _of_device(
    matrix: torch.Tensor, twice: np.ndarray, first: int, size: int, weight: np.ndarray, *, backward: bool
) -> torch.Tensor:
    """The same of a matrix on a graphics processor."""
    n, order = len(matrix), torch.from_numpy(twice).to(matrix.device)
    rows = torch.arange(n, device=matrix.device)
    rows = (-rows) % n if backward else rows
    columns = rows[:, None] + torch.arange(first, first + size, device=matrix.device)
    lines = matrix[order[rows][:, None], order[columns]].to(torch.float32)
    return lines * torch.from_numpy(weight).to(matrix.device)


def _of_features(
    side: Held, twice: np.ndarray, first: int, size: int, weight: np.ndarray, *, backward: bool
) -> torch.Tensor:
    """The same of a matrix that is the inner products of features, U-centred where these know the sums of its rows."""
    features, n = side.features, side.n
    assert features is not None
    order = torch.from_numpy(twice).to(features.device)
    x, scale = features[order].to(torch.float32), torch.from_numpy(weight).to(features.device)
    lines = torch.empty(n, size, device=features.device)
    with full_precision():
        for low in range(0, n, _ROWS):
            block = x[low : min(low + _ROWS, n)]
            apart = x[low + first : low + len(block) + first + size - 1]
            wide = block @ apart.T
            lines[low : low + len(block)] = wide.as_strided((len(block), size), (wide.stride(0) + 1, 1))
    if side.rows is not None:
        means = (side.rows[order] / (n - 2)).to(torch.float32)
        lines -= means[:n, None] + means.as_strided((n, size), (1, 1), means.storage_offset() + first)
        lines += float(side.rows.sum()) / ((n - 1) * (n - 2))
        if first == 0:
            lines[:, 0] = 0
    lines *= scale
    return torch.cat([lines[:1], lines[1:].flip(0)]) if backward else lines


@numba.njit(nogil=True, cache=True)
def _of_matrix(matrix, twice, first, weight, backward, lines):
    """Fill the lines."""
    n, size = lines.shape
    for i in range(n):
        row = matrix[twice[i]]
        out = lines[(n - i) % n if backward else i]
        for t in range(size):
            out[t] = row[twice[i + first + t]] * weight[t]


@numba.njit(nogil=True, cache=True)
def _of_half(entries, firsts, twice, first, weight, backward, lines):
    """Fill the lines from one half of a matrix."""
    n, size = lines.shape
    step = np.uint32(_halves.STEP)
    for i in range(n):
        out, own = lines[(n - i) % n if backward else i], twice[i]
        for t in range(size):
            other = twice[i + first + t]
            u, v = min(own, other), max(own, other)
            block = u // step
            start = block * step
            out[t] = entries[firsts[block] + (v - start) * min(step, n - start) + (u - start)] * weight[t]
