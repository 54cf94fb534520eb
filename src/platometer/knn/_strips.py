"""One half of all similarities, in strips from the diagonal on, for so few samples that it lies in memory at once.

Each similarity serves its row and its column, so that nothing is transposed. Two looks: the first leaves for each sample
the largest entry of each of `lanes` parts of its others, of which the ``need``-th largest is a floor that at least ``need``
others reach; the second lists what reaches the floors, which is little more than the nearest. A first floor from all
others at once is nearly the last, so lists hardly ever overflow. The loops are compiled, as those of `_kernels`.
"""

from __future__ import annotations

import numpy as np
import torch

from platometer.centring import full_precision
from platometer.knn._kernels import NEVER, NONE, WORD, compiled, tightened
from platometer.knn._scan import Lists

_STEP = 128  # rows of a strip
_LANES = 256  # up to which finding floors is quick
_THREADS = 2  # up to which this, done by one, is quicker than all of the matrix looked through by all of them
_WIDE = 64  # samples whose floors are found together


def worth(n: int, lanes: int, threads: int) -> bool:
    """Whether strips are the quicker way, and each part of a sample's others has some in it.

    Parameters
    ----------
    n : samples.
    lanes : parts.
    threads : that could look through the whole matrix together.
    """
    return threads <= _THREADS and lanes <= min(_LANES, n // 2)


def list_nearest(block: torch.Tensor, shift: np.ndarray, lists: Lists) -> None:
    """Every pair of samples of one space shown once to empty lists.

    Parameters
    ----------
    block : (n, d) float32, the samples less their mean.
    shift : (n,) float32, what a sample adds to its similarity to any other.
    lists : of the same samples.
    """
    a, n = lists, len(block)
    of_rows, of_columns = np.full((n, a.lanes), NONE), np.full((a.lanes, n), NONE)
    strips = []
    with full_precision():
        for at in range(0, n, _STEP):
            strips.append(torch.mm(block[at : at + _STEP], block[at:].T).numpy())
            _reached(strips[-1], at, shift, of_rows, of_columns)
    _floors(of_rows, of_columns, a.need, a.slack, a.floor)
    for i, strip in enumerate(strips):
        _offer(strip, i * _STEP, a.values, a.others, a.count, a.floor, a.slack, a.full, a.need, shift)


@compiled
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


@compiled
def _raised(top, line, moved):
    """The larger of what was there and a piece of a line."""
    for c in range(len(line)):
        v = line[c] + moved[c]
        top[c] = v if v > top[c] else top[c]


@compiled
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


@compiled
def _offer(tile, row0, values, others, count, floor, slack, full, need, shift):
    """What of a strip reaches the floor of its row or of its column put on their lists; see `_reached`.

    Few entries do, and nothing foretells which: so they are gathered without a branch for each.
    """
    m, width = tile.shape[1], values.shape[1]
    scratch = np.empty(width, np.float32)
    moved, least = shift[row0 : row0 + m], floor[row0 : row0 + m]
    matters = np.zeros(-(-m // WORD) * WORD, np.uint8)
    words = matters.view(np.uint64)  # eight marks at a look
    marked, hits = np.empty(len(words) + 1, np.int64), np.empty(len(matters) + 1, np.int64)
    for r in range(tile.shape[0]):
        g, line = row0 + r, tile[r]
        own, f = shift[g], floor[g]
        for c in range(m):
            matters[c] = (line[c] + moved[c] >= f) | (line[c] + own >= least[c])
        matters[: r + 1] = 0
        found, some = 0, 0
        for w in range(len(words)):
            marked[found] = w
            found += words[w] != 0
        for w in marked[:found]:
            for c in range(WORD * w, WORD * (w + 1)):
                hits[some] = c
                some += matters[c]
        for c in hits[:some]:
            h = row0 + c
            for_row, for_column = line[c] + moved[c] >= floor[g], line[c] + own >= floor[h]
            n, k = count[g], count[h]
            values[g, n], others[g, n], count[g] = line[c] + moved[c], h, n + for_row
            values[h, k], others[h, k], count[h] = line[c] + own, g, k + for_column
            if count[g] == width:
                _made_room(values, others, count, floor, slack, full, need, g, scratch)
            if count[h] == width:
                _made_room(values, others, count, floor, slack, full, need, h, scratch)


@compiled
def _made_room(values, others, count, floor, slack, full, need, g, scratch):
    """A full list less what fell below its new floor, or given up where all of it can still be among the nearest."""
    width = values.shape[1]
    floor[g], count[g] = tightened(values, others, g, width, need, slack[g], scratch)
    if count[g] == width:
        full[g], floor[g], count[g] = True, NEVER, 0
