"""One half of all similarities, in strips from the diagonal on, for so few samples that it lies in memory at once.

Each similarity serves its row and its column, so that nothing is transposed. Two looks: the first leaves for each sample
the largest entry of each of `lanes` parts of its others, of which the ``need``-th largest is a floor that at least ``need``
others reach; the second lists what reaches the floors, which is little more than the nearest. A first floor from all
others at once is nearly the last, so lists hardly ever overflow. The loops are compiled, as those of `_kernels`.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import torch

from platometer.centring import full_precision
from platometer.knn._kernels import NONE, kth

_STEP = 128  # rows of a strip
_LANES = 256  # up to which finding floors is quick
_THREADS = 2  # up to which this, done by one, is quicker than all of the matrix looked through by all of them
_WIDE = 64  # samples whose floors are found together
_WORD = 8
_NEVER = np.float32(3e38)


def _compiled(function):
    return numba.njit(nogil=True, cache=True, fastmath=True)(function)


def worth(n: int, lanes: int, threads: int) -> bool:
    """Whether strips are the quicker way, and each part of a sample's others has some in it.

    Parameters
    ----------
    n : samples.
    lanes : parts.
    threads : that could look through the whole matrix together.
    """
    return threads <= _THREADS and lanes <= min(_LANES, n // 2)


def list_nearest(block: torch.Tensor, shift: np.ndarray, lists: Any) -> None:
    """Every pair of samples of one space shown once to empty lists.

    Parameters
    ----------
    block : (n, d) float32, the samples less their mean.
    shift : (n,) float32, what a sample adds to its similarity to any other.
    lists : of `_search`.
    """
    a, n = lists, len(block)
    of_rows, of_columns = np.full((n, a.lanes), NONE), np.full((a.lanes, n), NONE)
    strips = []
    for at in range(0, n, _STEP):
        with full_precision():
            strips.append(torch.mm(block[at : at + _STEP], block[at:].T).numpy())
        _reached(strips[-1], at, shift, of_rows, of_columns)
    _floors(of_rows, of_columns, a.need, a.slack, a.floor)
    for i, strip in enumerate(strips):
        _offer(strip, i * _STEP, a.values, a.others, a.count, a.floor, a.slack, a.full, a.need, shift)


@_compiled
def _reached(tile, row0, shift, of_rows, of_columns):
    """The largest entries of the parts of each sample's others, for its row (n, lanes) and its column (lanes, n).

    ``tile[r, c]`` is the similarity of row0 + r and row0 + c but for the shift of the other one; what is not above the
    diagonal is not looked at.
    """
    rows, m = tile.shape
    lanes = of_columns.shape[0]
    for r in range(rows):
        g = row0 + r
        own, mine = shift[g], of_rows[g]
        line, moved, top = tile[r, r + 1 :], shift[g + 1 : row0 + m], of_columns[r % lanes, g + 1 : row0 + m]
        for c in range(len(line)):
            v = line[c] + own
            top[c] = v if v > top[c] else top[c]
        whole = len(line) // lanes * lanes
        for low in range(0, whole, lanes):
            _raised(mine, line[low : low + lanes], moved[low : low + lanes])
        _raised(mine, line[whole:], moved[whole:])


@_compiled
def _raised(top, line, moved):
    """The larger of what was there and a piece of a line."""
    for c in range(len(line)):
        v = line[c] + moved[c]
        top[c] = v if v > top[c] else top[c]


@_compiled
def _floors(of_rows, of_columns, need, slack, floor):
    """The ``need``-th largest of each sample's parts, less its slack: for many samples at once by passing each part down
    a ladder of the largest so far."""
    lanes, n = of_columns.shape
    ladder, v = np.empty((need, _WIDE), np.float32), np.empty(_WIDE, np.float32)
    for at in range(0, n, _WIDE):
        some = min(_WIDE, n - at)
        ladder[:] = NONE
        for lane in range(lanes):
            for i in range(some):
                v[i] = max(of_columns[lane, at + i], of_rows[at + i, lane])
            for rung in ladder:
                for i in range(_WIDE):
                    down, there = v[i], rung[i]
                    rung[i] = down if down > there else there
                    v[i] = there if down > there else down
        for i in range(some):
            floor[at + i] = ladder[need - 1, i] - slack[at + i]


@_compiled
def _offer(tile, row0, values, others, count, floor, slack, full, need, shift):
    """What of a strip reaches the floor of its row or of its column put on their lists; see `_reached`."""
    m, width = tile.shape[1], values.shape[1]
    scratch = np.empty(width, np.float32)
    moved, least = shift[row0 : row0 + m], floor[row0 : row0 + m]
    matters = np.zeros(-(-m // _WORD) * _WORD, np.uint8)
    words = matters.view(np.uint64)  # eight marks at a look
    for r in range(tile.shape[0]):
        g, line = row0 + r, tile[r]
        own, f = shift[g], floor[g]
        for c in range(m):
            matters[c] = (line[c] + moved[c] >= f) | (line[c] + own >= least[c])
        matters[: r + 1] = 0
        for w in range(len(words)):
            if words[w] == 0:
                continue
            for c in range(_WORD * w, _WORD * (w + 1)):
                if matters[c] == 0:
                    continue
                h = row0 + c
                if line[c] + moved[c] >= floor[g]:
                    n = count[g]
                    values[g, n], others[g, n], count[g] = line[c] + moved[c], h, n + 1
                    if n + 1 == width:
                        _made_room(values, others, count, floor, slack, full, need, g, scratch)
                if line[c] + own >= least[c]:
                    n = count[h]
                    values[h, n], others[h, n], count[h] = line[c] + own, g, n + 1
                    if n + 1 == width:
                        _made_room(values, others, count, floor, slack, full, need, h, scratch)


@_compiled
def _made_room(values, others, count, floor, slack, full, need, g, scratch):
    """A full list less what fell below its new floor, or given up where all of it can still be among the nearest."""
    width, n = values.shape[1], 0
    scratch[:] = values[g]
    floor[g] = kth(scratch, width, need - 1) - slack[g]
    for a in range(width):
        if values[g, a] >= floor[g]:
            values[g, n], others[g, n] = values[g, a], others[g, a]
            n += 1
    count[g] = n
    if n == width:
        full[g], floor[g], count[g] = True, _NEVER, 0
