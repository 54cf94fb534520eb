"""Samples as codes: short rows of whole numbers in one byte each, whose product is exact and takes a quarter of the time.

A sample less the mean, c_i, is taken on orthonormal axes, the leading principal ones or its own, and written there as
s_i q_i with q_i whole numbers from -127 to 127. With z_i = s_i q_i of length ``size``, the distance ``error`` from z_i to the
sample on those axes, and the length ``rest`` of what the axes leave of it,

    c_i . c_j <= s_i s_j (q_i . q_j) + size_i error_j + error_i (size_j + error_j) + rest_i rest_j

by Cauchy-Schwarz; error and rest are known for every sample, so nothing is assumed of the features. Where bytes are not
multiplied faster than float32, or not exactly (processors before 2019 clip what overflows two bytes), float32 takes their
place: scale 1, and an error of rounding.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import numpy as np
import torch

from platometer.centring import Centred, full_precision
from platometer.knn import _bounds
from platometer.threads import alone, each, lanes

Made = TypeVar("Made")

_AXES = (32, 64, 128, 192, 256)  # leading axes to try
_NEAR = 4  # leading axes by which samples are put near each other
_BLOCK = 128  # samples looked at together where they are not multiplied with each other
_FEW = 16  # of such blocks that stand for all
_SCATTER = 16  # of those that the axes are found from
_SOME = 64  # samples whose neighbours among all are found, to see what a bound lets through
_WIDTH = 16  # numbers of a code of bytes are a multiple of this
_FLOATS = 40 * 2**20  # bytes that codes of float32 may take
_LOOK, _FINISH = 0.5, 100.0  # nanoseconds to look at a bound, and to finish what it lets through, apart from d / 8


@dataclass(frozen=True, eq=False)
class Codes:
    """n samples as codes.

    Attributes
    ----------
    whole : (n, m) int8 or float32, q, and columns of 0 up to a width that products of bytes are quick and right for.
    scale, rest, size, error : (n,) float32; all but the scale rounded up.
    """

    whole: torch.Tensor
    scale: np.ndarray
    rest: np.ndarray
    size: np.ndarray
    error: np.ndarray

    @classmethod
    def of(cls, space: Centred, way: Way) -> Codes:
        """The codes of all samples, in their order.

        Parameters
        ----------
        space : samples less their mean.
        way : how they are coded.
        """
        n, m = len(space.size), way.width(space)
        padded = -(-m // _WIDTH) * _WIDTH if way.dtype == torch.int8 else m
        codes = cls(torch.zeros(n, padded, dtype=way.dtype), *np.empty((4, n), np.float32))
        write = _bounds.code if way.dtype == torch.int8 else _bounds.keep
        square, whole = space.size**2, codes.whole.numpy()

        def written(at: int, stop: int, own: torch.Tensor) -> None:
            lead = own if way.axes is None else own @ way.axes
            write(at, stop, lead.numpy(), square, whole, *codes.bounds)

        _over(space, written, np.float64)
        return codes

    @property
    def bounds(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """(scale, rest, size, error), as the compiled loops take them."""
        return self.scale, self.rest, self.size, self.error

    def product(self, rows: slice, columns: slice, room: torch.Tensor) -> np.ndarray:
        """q_i . q_j for some rows and columns, in the memory of `room`.

        Parameters
        ----------
        rows, columns : of the tile.
        room : int32 or float32, at least as many as the tile has.
        """
        left, right = self.whole[rows], self.whole[columns]
        return _product(left, right, room[: len(left) * len(right)].view(len(left), len(right))).numpy()

    def room(self, count: int) -> torch.Tensor:
        """Memory for tiles of so many entries."""
        return torch.empty(count, dtype=torch.int32 if self.whole.dtype == torch.int8 else torch.float32)


@dataclass(frozen=True, eq=False)
class Way:
    """How samples are coded.

    Attributes
    ----------
    dtype : int8 or float32.
    axes : (d, m) float64, orthonormal; None for the samples' own.
    """

    dtype: torch.dtype
    axes: torch.Tensor | None

    def width(self, space: Centred) -> int:
        """Numbers of a code."""
        return space.raw.shape[1] if self.axes is None else self.axes.shape[1]

    def cost(self, n: int) -> float:
        """Multiplications that bring n samples on the axes, those of float64 counted twice, for one of all pairs."""
        return 0 if self.axes is None else 4 * self.axes.numel() / n

    @property
    def terms(self) -> int:
        """How many rounded terms a product has; whole numbers are added exactly."""
        return 0 if self.dtype == torch.int8 or self.axes is None else self.axes.shape[1]


def way(space: Centred, need: int, step: int) -> tuple[Way | None, np.ndarray]:
    """The cheapest way to code the samples, None where plain products are cheaper; and (n,) an order in which near samples
    stand near each other.

    Prices are in nanoseconds for one pair of samples, from the speed of products on this machine and from what the bounds
    let through in a sample. They decide how long the search takes and never what it finds.

    Parameters
    ----------
    space : samples less their mean.
    need : how many nearest are asked for.
    step : samples of a block, near each other.
    """
    n, d = space.raw.shape
    speed = speeds()
    dtype = min(speed, key=speed.__getitem__)
    counts = [m for m in _AXES if 2 * m <= d and (dtype == torch.int8 or 4 * n * m <= _FLOATS)]
    with alone():
        axes = _leading(space, max([min(_NEAR, d), *counts]))
    passed = _Sample.of(space, need)
    best, least = None, d * speed[torch.float32] + _LOOK
    for m in (*counts, *([d] if dtype == torch.int8 else [])):
        one = Way(dtype, None if m == d else _turned(axes[:, :m]))
        price = m * speed[dtype] + one.cost(n) * speed[torch.float32] + _LOOK + 4 * passed.by(one) * (_FINISH + d / 8)
        if price < least:
            best, least = one, price
    return best, _gathered(space, axes[:, :_NEAR].float(), step)


@cache
def speeds() -> dict[torch.dtype, float]:
    """Nanoseconds for one multiplication in a product of float32, and of bytes where that is exact; measured once."""
    full = torch.full((512, 256), 127, dtype=torch.int8)
    full[1::2] = -127
    found = {}
    with alone():
        for dtype, kept in ((torch.float32, torch.float32), (torch.int8, torch.int32)):
            left, right, out = full.to(dtype), full.flip(0).to(dtype), torch.empty(512, 512, dtype=kept)
            try:
                took = [_timed(left, right, out) for _ in range(6)]
            except (AttributeError, RuntimeError):  # a torch that does not multiply bytes here
                continue
            if torch.equal(out.double(), left.double() @ right.double().T):
                found[dtype] = 1e9 * min(took) / (512 * 512 * 256)
    return found


def _timed(left: torch.Tensor, right: torch.Tensor, out: torch.Tensor) -> float:
    start = time.perf_counter()
    _product(left, right, out)
    return time.perf_counter() - start


def _product(left: torch.Tensor, right: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
    """left right', bytes in int32."""
    if left.dtype == torch.int8:
        return torch._int_mm(left, right.T, out=out)
    with full_precision():
        return torch.mm(left, right.T, out=out)


def _over(space: Centred, act: Callable[[int, int, torch.Tensor], Made], dtype: type = np.float32) -> list[Made]:
    """What ``act`` makes of every block of samples less the mean, given where it starts and stops: a thread a block."""
    n, d = len(space.size), space.raw.shape[1]
    spare: list[np.ndarray] = [np.empty((_BLOCK, d), dtype) for _ in range(lanes())]

    def made(at: int) -> Made:
        room, stop = spare.pop(), min(at + _BLOCK, n)
        found = act(at, stop, space.block(at, stop, room))
        spare.append(room)
        return found

    return each(made, range(0, n, _BLOCK))


@dataclass(frozen=True, eq=False)
class _Sample:
    """Some samples with their floors among all, and a few others.

    Attributes
    ----------
    some, few : samples less their mean.
    floor : (some, 1).
    """

    some: Centred
    few: Centred
    floor: np.ndarray

    @classmethod
    def of(cls, space: Centred, need: int) -> _Sample:
        """Spread evenly over all samples."""
        n = len(space.size)
        some, few = (space.ordered(np.arange(min(count, n)) * n // min(count, n)) for count in (_SOME, _FEW * _BLOCK))
        c, shift = some.block(0, len(some.size)), space.shift.astype(np.float32)

        def scores(at: int, stop: int, others: torch.Tensor) -> torch.Tensor:
            near = (c @ others.T).add_(torch.from_numpy(shift[at:stop]))
            return near.topk(min(need + 1, stop - at), dim=1).values

        top = torch.cat(_over(space, scores), 1)
        return cls(some, few, top.topk(need + 1, dim=1).values[:, -1:].numpy())  # its own similarity is among them

    def by(self, way: Way) -> float:
        """The share of pairs that the bounds let through once all floors are known; infinite if bytes of this width are not
        multiplied exactly."""
        a, b = Codes.of(self.some, way), Codes.of(self.few, way)
        q, others = a.whole, b.whole
        tile = _product(q, others, a.room(len(q) * len(others)).view(len(q), len(others)))
        if way.dtype == torch.int8 and (tile[:, :_BLOCK] != q.double() @ others[:_BLOCK].double().T).any():
            return float("inf")
        bound = tile.numpy() * (a.scale[:, None] * b.scale)
        bound += self.few.shift + a.rest[:, None] * b.rest + a.error[:, None] * (b.size + b.error) + a.size[:, None] * b.error
        return float((bound >= self.floor).mean())


def _leading(space: Centred, count: int) -> torch.Tensor:
    """(d, count) orthonormal axes, nearly the leading principal ones of some samples, in falling order of variance."""
    n, d = space.raw.shape
    few = space.ordered(np.arange(min(_SCATTER * _BLOCK, n)) * n // min(_SCATTER * _BLOCK, n))
    scatter = torch.zeros(d, d)
    for at in range(0, len(few.size), _BLOCK):
        c = few.block(at, min(at + _BLOCK, len(few.size)))
        scatter.addmm_(c.T, c)
    axes = torch.randn(d, min(d, count + 16), generator=_dice())
    for _ in range(3):
        axes = torch.linalg.qr(scatter @ axes).Q
    order = torch.linalg.eigh(axes.T @ scatter @ axes).eigenvectors.flip(1)[:, :count]
    return _orthonormal((axes @ order).double())


def _turned(axes: torch.Tensor) -> torch.Tensor:
    """The same axes turned among themselves, so that samples are about equally far on each."""
    m = axes.shape[1]
    return axes @ _orthonormal(torch.randn(m, m, dtype=torch.float64, generator=_dice()))


def _orthonormal(axes: torch.Tensor) -> torch.Tensor:
    return torch.linalg.qr(axes).Q


def _dice() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def _gathered(space: Centred, axes: torch.Tensor, step: int) -> np.ndarray:
    """(n,) an order in which samples of one block are near each other, and those of 2, 4, 8 ... blocks side by side too, so
    that floors are high from the first tiles on."""
    n = len(space.size)
    seen = torch.cat(_over(space, lambda at, stop, own: own @ axes)).numpy()

    def halved(some: np.ndarray) -> Iterator[np.ndarray]:
        if len(some) <= step:
            yield some
            return
        low = step << (-(-len(some) // step) - 1).bit_length() - 1
        split = some[seen[some, seen[some].var(0).argmax()].argpartition(low)]
        yield from halved(split[:low])
        yield from halved(split[low:])

    return np.concatenate(list(halved(np.arange(n))))
