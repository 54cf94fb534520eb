"""Tiles shown to the lists: every tile is made by one thread, looked through for its rows and its columns, and forgotten."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from platometer.centring import Centred, full_precision
from platometer.knn import _bounds, _kernels
from platometer.knn._codes import Codes
from platometer.threads import each, lanes, spread

_STRIP = 512  # rows of a tile of codes


@dataclass(eq=False)
class Lists:
    """For each sample those that can still be among its nearest; see `_kernels`."""

    values: np.ndarray
    others: np.ndarray
    count: np.ndarray
    floor: np.ndarray
    slack: np.ndarray
    full: np.ndarray
    need: int
    lanes: int

    @classmethod
    def empty(cls, n: int, need: int, slack: np.ndarray) -> Lists:
        """Nothing found yet."""
        width = need + max(16, need // 2)
        return cls(
            values=np.empty((n, width), np.float32), others=np.empty((n, width), np.int32), count=np.zeros(n, np.int32),
            floor=np.full(n, _kernels.NONE), slack=slack.astype(np.float32) * np.float32(1 + 2**-20),
            full=np.zeros(n, np.bool_), need=need, lanes=max(64, 1 << (4 * need - 1).bit_length()),
        )

    @property
    def state(self) -> tuple:
        """What the loops over tiles write to, and how many are asked for."""
        return self.values, self.others, self.count, self.floor, self.slack, self.full, self.need


@dataclass(frozen=True, eq=False)
class Scan:
    """A search that goes on.

    Attributes
    ----------
    mine, theirs : whose nearest are found, and among whom.
    lists : of the former.
    own : (q,) where each of the former stands among the latter, or -1.
    """

    mine: Centred
    theirs: Centred
    lists: Lists
    own: np.ndarray

    def rows(self, tile: np.ndarray, row0: int, col0: int) -> None:
        """Show a tile of inner products to the lists of its rows."""
        spread(_kernels.offer_rows, 0, len(tile), tile, row0, col0, *self.lists.state, self.lists.lanes, self._shift, self.own)

    def tiles(self, step: int) -> None:
        """Show all inner products of one space, each computed once.

        Parameters
        ----------
        step : rows of a tile.
        """
        n, d = self.mine.raw.shape
        spare = [(torch.empty(step * step), *np.empty((2, step, d), np.float32)) for _ in range(lanes())]

        def shown(pair: tuple[int, int]) -> None:
            i, j = pair
            room, one, other = buffers = spare.pop()
            left, right = self.mine.block(i, min(i + step, n), one), self.mine.block(j, min(j + step, n), other)
            with full_precision():
                tile = torch.mm(left, right.T, out=room[: len(left) * len(right)].view(len(left), len(right))).numpy()
            if i == j:
                self.rows(tile, i, i)
            else:
                _kernels.offer_tile(tile, i, j, *self.lists.state, self._shift)
            spare.append(buffers)

        _met(n, step, shown)

    def codes(self, codes: Codes, margin: np.ndarray, step: int) -> None:
        """Show the codes' products, each computed once, and what they let through.

        Parameters
        ----------
        codes : of the space.
        margin : (n,) how far a bound may fall below the truth by rounding.
        step : columns of a tile.
        """
        n, a = len(self.mine.size), self.lists
        spare = [codes.room(_STRIP * step) for _ in range(lanes())]
        about = self._shift, margin, self.mine.side, self.mine.base, *codes.bounds

        def strips(i: int, j: int, room: torch.Tensor) -> Iterator[tuple[np.ndarray, int]]:
            stop = min(i + step, n)
            for row in range(i, stop, _STRIP):
                yield codes.product(slice(row, min(row + _STRIP, stop)), slice(j, min(j + step, n)), room), row

        def shown(pair: tuple[int, int]) -> None:
            i, j = pair
            room = spare.pop()
            if i == j and min(i + step, n) - i >= 2 * a.lanes:
                for tile, row in strips(i, j, room):
                    _bounds.seed(tile, row, j, a.floor, a.slack, a.need, a.lanes, *about)
            for tile, row in strips(i, j, room):
                _bounds.offer(tile, row, j, *a.state, *about)
            spare.append(room)

        _met(n, step, shown)

    def settled(self) -> tuple[np.ndarray, np.ndarray]:
        """(q, need) similarities in falling order less a number of the row's own, and whose they are, where lists are not full.

        Samples stand in the order of the rows that were given, and are numbered by it.
        """
        a, n = self.lists, len(self.lists.count)
        values, found = np.zeros((n, a.need)), np.zeros((n, a.need), np.int64)
        spread(_kernels.settle, 0, n, a.values, a.others, a.count, a.slack, a.full, a.need, self.mine.side, self.theirs.side,
               self.mine.base, values, found)
        return values, found

    @cached_property
    def _shift(self) -> np.ndarray:
        return self.theirs.shift.astype(np.float32)


def _met(n: int, step: int, shown: Callable[[tuple[int, int]], None]) -> None:
    """Every block with itself, so that all lists have a floor, then every two; those met at once have no sample in common."""
    starts = list(range(0, n, step))
    each(shown, [(i, i) for i in starts])
    for some in _rounds(len(starts)):
        each(shown, [(starts[i], starts[j]) for i, j in some])


def _rounds(count: int) -> Iterator[list[tuple[int, int]]]:
    """Every pair of different numbers below count once, in rounds in which no number comes twice.

    In round r those meet that differ by r bit by bit: first what stands side by side, and halves of everything last.
    """
    for turn in range(1, 1 << (count - 1).bit_length()):
        yield [(i, i ^ turn) for i in range(count) if i < i ^ turn < count]
