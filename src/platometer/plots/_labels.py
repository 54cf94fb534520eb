"""Where names stand beside their points: none on a point or on another name, each joined to its own by a line if it is far."""

from __future__ import annotations

import math
from collections.abc import Sequence

Box = tuple[float, float, float, float]
"""left, low, right, high."""

_NEAR, _FAR = 5.0, 66.0  # points between a marker's middle and its name
_SWEEPS = 12
_MARKER = 3.2  # half a marker's side, with its edge


def placed(points: Sequence[tuple[float, float]], sizes: Sequence[tuple[float, float]], *, room: Box,
           taken: Sequence[Box] = ()) -> list[Box]:
    """A box for each name, near its point.

    Each in turn takes the best of some places round its point, given where the others are; this is repeated until none moves.

    Parameters
    ----------
    points : (x, y) of every marker, of those that are named first.
    sizes : (width, height) of each name; there may be fewer than points.
    room : in which names may stand.
    taken : boxes in which none may.

    Examples
    --------
    >>> one, other = placed([(50.0, 50.0), (52.0, 50.0)], [(30.0, 6.0), (30.0, 6.0)], room=(0, 0, 100, 100))
    >>> shared(one, other)
    0.0
    """
    markers = [(x - _MARKER, y - _MARKER, x + _MARKER, y + _MARKER) for x, y in points]
    choices = [sorted(((box, _standing(box, points[i], markers, room, taken)) for box in _round(points[i], size)),
                      key=lambda choice: choice[1]) for i, size in enumerate(sizes)]
    chosen = [one[0][0] for one in choices]
    for _ in range(_SWEEPS):
        before = list(chosen)
        for i, one in enumerate(choices):
            others = [(box, points[j]) for j, box in enumerate(chosen) if j != i]
            chosen[i] = _best(one, points[i], others)
        if chosen == before:
            break
    return chosen


def joint(box: Box, point: tuple[float, float]) -> tuple[float, float] | None:
    """Where on a box a line from its point ends; None if the box is so near that none is needed.

    Parameters
    ----------
    box, point : of one name.
    """
    x, y = min(max(point[0], box[0]), box[2]), min(max(point[1], box[1]), box[3])
    return (x, y) if math.hypot(x - point[0], y - point[1]) > 1.3 * _NEAR else None


def shared(a: Box, b: Box) -> float:
    """The area that two boxes share.

    Parameters
    ----------
    a, b : boxes.
    """
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))


def crossed(box: Box, start: tuple[float, float], end: tuple[float, float]) -> bool:
    """Whether a line passes through a box.

    Parameters
    ----------
    box : one.
    start, end : of the line.
    """
    low, high = 0.0, 1.0
    for k in (0, 1):
        step = end[k] - start[k]
        if abs(step) < 1e-9:
            if not box[k] < start[k] < box[k + 2]:
                return False
            continue
        a, b = sorted(((box[k] - start[k]) / step, (box[k + 2] - start[k]) / step))
        low, high = max(low, a), min(high, b)
    return low < high


def _round(point: tuple[float, float], size: tuple[float, float]) -> list[Box]:
    """Places round a point, the nearest first: right, left, above, below, aslant, then the same farther out."""
    (x, y), (wide, high) = point, size
    out = []
    away = _NEAR
    while away <= _FAR:
        for turn in range(0, 16 if away > _NEAR else 8):
            angle = math.pi * turn / (8 if away > _NEAR else 4)
            dx, dy = math.cos(angle), math.sin(angle)
            middle = x + away * dx + (wide / 2) * _pull(dx), y + away * dy + (high / 2) * _pull(dy)
            out.append((middle[0] - wide / 2, middle[1] - high / 2, middle[0] + wide / 2, middle[1] + high / 2))
        away *= 1.35
    return out


def _pull(share: float) -> float:
    """Towards which side of a box its point lies: -1, 1, or between where nearly across."""
    return max(-1.0, min(1.0, 2.2 * share))


def _standing(box: Box, point: tuple[float, float], markers: Sequence[Box], room: Box, taken: Sequence[Box]) -> float:
    """What a place costs, whatever the other names do."""
    outside = (box[2] - box[0]) * (box[3] - box[1]) - shared(box, room)
    covered = sum(_cost(shared(box, one)) for one in (*markers, *taken))
    far = math.hypot((box[0] + box[2]) / 2 - point[0], (box[1] + box[3]) / 2 - point[1]) - (box[2] - box[0]) / 2
    end = joint(box, point)
    through = sum(crossed(one, point, end) for one in markers if not _inside(one, point)) if end else 0
    return 40.0 * outside + covered + 12.0 * through + (4.0 if end else 0.0) + 0.15 * max(0.0, far) + (
        0.5 * abs((box[1] + box[3]) / 2 - point[1]) / _NEAR)


def _best(
    choices: Sequence[tuple[Box, float]], point: tuple[float, float], others: Sequence[tuple[Box, tuple[float, float]]]
) -> Box:
    """The cheapest place beside the others, of places from the cheapest on: the search ends where none can be cheaper."""
    best, least = choices[0][0], math.inf
    for box, cost in choices:
        if cost >= least:
            break
        if (whole := cost + _meeting(box, point, others)) < least:
            best, least = box, whole
    return best


def _meeting(box: Box, point: tuple[float, float], others: Sequence[tuple[Box, tuple[float, float]]]) -> float:
    """What it costs to stand on other names or their lines, or to draw a line through them."""
    cost, end = 0.0, joint(box, point)
    for other, theirs in others:
        cost += _cost(shared(box, other))
        reached = joint(other, theirs)
        cost += 25.0 * (reached is not None and crossed(box, theirs, reached))
        cost += 25.0 * (end is not None and crossed(other, point, end))
    return cost


def _cost(area: float) -> float:
    """Of covering something: no sliver is free."""
    return 10.0 * area + 10.0 * (area > 0)


def _inside(box: Box, point: tuple[float, float]) -> bool:
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]
