"""The order in which cells are answered, so that a layer is read and prepared as few times as memory allows.

A cell needs two sides, a model's layers prepared for a metric; a desk keeps the sides that were used last, as many as it has
room for. Asked row by row, a grid of 100 x 100 models prepares a side for nearly every cell, 10,100 in all. In blocks of as
many left sides as there is room for, less two, while the right sides stream past, a side of the stream is prepared once a
block: with room for 22 that is 100 + 5 x 100. (Two, since the partner before is forgotten only when the next has come.)
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence

Side = Hashable


def blocked(pairs: Sequence[tuple[Side, Side]], room: int) -> list[int]:
    """Positions of the pairs in the order that prepares the fewest sides, of those that this knows.

    Parameters
    ----------
    pairs : the two sides of each cell.
    room : sides that are kept at once, at least 2.

    Examples
    --------
    >>> grid = [(left, right) for left in "abcd" for right in "wxyz"]
    >>> kept(grid, 4), kept([grid[i] for i in blocked(grid, 4)], 4)
    (20, 12)
    """
    lefts, rights = (list(dict.fromkeys(pair[side] for pair in pairs)) for side in (0, 1))
    every = list(dict.fromkeys([*lefts, *rights]))
    found = [list(range(len(pairs))), *(_in_blocks(pairs, rows, max(1, room - 2)) for rows in (lefts, rights, every))]
    return min(found, key=lambda order: kept([pairs[i] for i in order], room))


def kept(pairs: Sequence[tuple[Side, Side]], room: int) -> int:
    """How many sides are prepared by one desk that answers the pairs in this order.

    Parameters
    ----------
    pairs, room : as for `blocked`.
    """
    held: OrderedDict[Side, None] = OrderedDict()
    made = 0
    for pair in pairs:
        for side in pair:
            if side in held:
                held.move_to_end(side)
                continue
            made += 1
            held[side] = None
            while len(held) > max(2, room):
                held.popitem(last=False)
    return made


def rooms(sizes: Mapping[Side, float], budget: float) -> int:
    """How many sides a desk can keep, at least 2, if each is as large as the largest.

    Parameters
    ----------
    sizes : bytes of each side.
    budget : bytes of the desk.
    """
    largest = max(sizes.values(), default=0)
    return len(sizes) + 1 if largest <= 0 else max(2, int(min(budget / largest, 2**31)))


def parts(count: int, workers: int) -> list[tuple[int, int]]:
    """(first, last + 1) of the cells that each task holds: one by one for one worker, else eight tasks for each at least.

    Parameters
    ----------
    count : cells.
    workers : who share them.

    Examples
    --------
    >>> parts(3, 1), parts(40, 2)[:2]
    ([(0, 1), (1, 2), (2, 3)], [(0, 2), (2, 4)])
    """
    step = size(count, workers)
    return [(at, min(at + step, count)) for at in range(0, count, step)]


def size(count: int, workers: int) -> int:
    """Cells of a task.

    Parameters
    ----------
    count, workers : as for `parts`.
    """
    return 1 if workers <= 1 else max(1, count // (8 * workers))


def room_of(room: int, count: int, workers: int) -> int:
    """For how many sides the order is made: a worker is given few cells at once, and a square of them has the fewest sides.

    Parameters
    ----------
    room : sides that a desk keeps.
    count, workers : as for `parts`.
    """
    return room if workers <= 1 else max(2, min(room, math.isqrt(size(count, workers)) + 2))


def _in_blocks(pairs: Sequence[tuple[Side, Side]], rows: Sequence[Side], block: int) -> list[int]:
    """Positions of the pairs, block by block of rows; in a block first those among themselves, then partner by partner."""
    at: dict[Side, list[int]] = {}
    for i, pair in enumerate(pairs):
        for side in dict.fromkeys(pair):
            at.setdefault(side, []).append(i)
    done: set[int] = set()
    out: list[int] = []
    for start in range(0, len(rows), block):
        members = set(rows[start : start + block])
        mine = sorted({i for row in members for i in at.get(row, ())} - done)
        inside = [i for i in mine if set(pairs[i]) <= members]
        partner: dict[Side, list[int]] = {}
        for i in mine:
            others = [side for side in pairs[i] if side not in members]
            if others:
                partner.setdefault(others[0], []).append(i)
        out += [*inside, *(i for several in partner.values() for i in several)]
        done.update(mine)
    return out
