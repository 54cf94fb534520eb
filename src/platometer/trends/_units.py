"""What is drawn again, and left out, as a whole: points, families, or the models that pairs share.

Points that share a family, and pairs that share a model, are not independent; an interval that draws them one by one is
too narrow. `Units` says what is independent. Three kinds:

points
    each for itself.
groups
    families are drawn, with all their points (the cluster bootstrap; Field and Welsh 2007).
crossed
    every point is a pair: left units and right units are drawn, and a pair comes as often as its left times its right
    does (Owen 2007, the pigeonhole bootstrap, which is conservative). If both sides are the same units, they are drawn
    once (Snijders and Borgatti 1999).

With few units the percentiles of draws are too narrow. The ends are therefore taken further out, where Student's t
with as many degrees of freedom as units less one would put them (Hesterberg 2015, the expanded percentile interval).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from platometer.errors import InputError, NotFiniteError, ShapeError, UndefinedError, counted

DRAWS = 2000
"""Resamples of an interval, unless asked otherwise."""

Labels = Sequence[Hashable]


@dataclass(frozen=True)
class Estimate:
    """A number and how far it may be off.

    Attributes
    ----------
    value : on all points.
    low, high : ends of the interval.
    level : nominal coverage.
    """

    value: float
    low: float
    high: float
    level: float = 0.95

    def __str__(self) -> str:
        return f"{self.value:.3g} [{self.low:.3g}, {self.high:.3g}]"

    @property
    def sure(self) -> str:
        """``"positive"`` or ``"negative"`` where the whole interval is, else ``"open"``."""
        return "positive" if self.low > 0 else "negative" if self.high < 0 else "open"


@dataclass(frozen=True)
class Units:
    """What is independent of the rest, and is drawn again or left out as a whole.

    Attributes
    ----------
    kind : ``"points"``, ``"groups"`` or ``"crossed"``.
    sides : one or two arrays (m,) of unit numbers; two for ``"crossed"``.
    names : the units of each side; of both sides together where they are the same units.
    """

    kind: str
    sides: tuple[np.ndarray, ...]
    names: tuple[tuple[Hashable, ...], ...]

    @property
    def count(self) -> int:
        """Units, on the side that has fewer of them."""
        return min(map(len, self.names))

    @property
    def m(self) -> int:
        """Points."""
        return len(self.sides[0])

    def __str__(self) -> str:
        if self.kind == "crossed":
            return " x ".join(str(len(names)) for names in self.names) + " crossed units"
        return f"{self.count} {'points' if self.kind == 'points' else 'groups'}"

    def weights(self, draws: int, seed: int) -> np.ndarray:
        """(draws, m) how often each point comes in each resample; two different units at least, on every side.

        Parameters
        ----------
        draws : resamples.
        seed : of the draws.
        """
        if draws < 1:
            raise InputError(f"draws = {draws}; an interval needs some hundreds.")
        if self.count < 2 or max(map(len, self.names)) < 3:  # of two, every resample holds both: an interval without width
            raise UndefinedError(f"There is no interval from {self}; it takes three that differ"
                                 f"{', and two on the other side' if len(self.names) > 1 else ''}.")
        stream = np.random.Generator(np.random.Philox(key=seed % 2**64))
        counts = [_counts(stream, draws, len(names)) for names in self.names]
        if len(counts) == 1 and self.kind == "crossed":  # the same units on both sides
            counts *= 2
        out = np.ones((draws, self.m))
        for side, count in zip(self.sides, counts, strict=True):
            out *= count[:, side]
        return out

    def folds(self) -> tuple[np.ndarray, np.ndarray]:
        """(folds, m) what a fit may see and (folds, m) what it is scored on: units that it never saw.

        A fold of crossed units is one pair of units; what shares a unit with it is not seen.
        """
        if self.kind != "crossed":
            scored = self.sides[0][None, :] == np.arange(self.count)[:, None]
            return ~scored, scored
        left, right = self.sides
        cells = np.unique(np.stack([left, right], 1), axis=0)
        a, b = cells[:, :1], cells[:, 1:]
        scored = (left == a) & (right == b)
        touched = (left == a) | (right == b)
        if len(self.names) == 1:
            touched |= (left == b) | (right == a)
        return ~touched, scored


def units(m: int, *, groups: Labels | None = None, crossed: tuple[Labels, Labels] | None = None) -> Units:
    """What is independent among m points.

    Parameters
    ----------
    m : points.
    groups : (m,) labels, such as the model's family.
    crossed : (m,) labels of the left and (m,) of the right side, where points are pairs.

    Raises
    ------
    InputError
        Both were given, or not as many labels as points.

    Examples
    --------
    >>> str(units(4, crossed=(["a", "a", "b", "b"], ["u", "v", "u", "v"])))
    '2 x 2 crossed units'
    """
    if groups is not None and crossed is not None:
        raise InputError("Give groups or crossed, not both: points belong to one family each, or are pairs of two units.")
    if crossed is not None:
        if len(crossed) != 2:
            raise InputError(f"crossed has {len(crossed)} parts; expected the labels of the left and of the right side.")
        left, right = (_labels(side, m, name) for side, name in zip(crossed, ("left", "right"), strict=True))
        if set(left) & set(right):
            names = _distinct([*left, *right])
            return Units("crossed", (_numbers(left, names), _numbers(right, names)), (names,))
        both = _distinct(left), _distinct(right)
        return Units("crossed", (_numbers(left, both[0]), _numbers(right, both[1])), both)
    if groups is None:
        return Units("points", (np.arange(m),), (tuple(range(m)),))
    labels = _labels(groups, m, "groups")
    return Units("groups", (_numbers(labels, _distinct(labels)),), (_distinct(labels),))


def points(x: object, y: object) -> tuple[np.ndarray, np.ndarray]:
    """x and y as (m,) float64.

    Parameters
    ----------
    x, y : lists of as many finite numbers.
    """
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if a.ndim != 1 or a.shape != b.shape:
        raise ShapeError(f"x {a.shape} and y {b.shape}; expected as many numbers in both, one of each for every point.")
    for name, side in (("x", a), ("y", b)):
        if not np.isfinite(side).all():
            raise NotFiniteError(f"{name} of point {int(np.flatnonzero(~np.isfinite(side))[0])} is not a finite number.")
    return a, b


def estimate(value: float, draws: np.ndarray, *, count: int, level: float = 0.95) -> Estimate:
    """The value with the expanded percentile interval of its resamples.

    Parameters
    ----------
    value : on all points.
    draws : (B,) on resamples; what is undefined on some of them is left out.
    count : units drawn.
    level : nominal coverage.

    Raises
    ------
    UndefinedError
        More than half of the resamples give no value.
    """
    low, high = ends(np.asarray(draws)[:, None], count=count, level=level)
    return Estimate(float(value), float(low[0]), float(high[0]), level)


def ends(draws: np.ndarray, *, count: int, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper ends, one for every column.

    Parameters
    ----------
    draws : (B, q).
    count, level : as in `estimate`.
    """
    if not 0 < level < 1:
        raise InputError(f"level = {level}; a level lies between 0 and 1.")
    if np.isnan(draws).mean(0).max(initial=0) > 0.5:
        raise UndefinedError("On most resamples the statistic is undefined: too few different units or values of x.")
    tail = tail_of(count, level)
    low, high = np.nanquantile(draws, [tail, 1 - tail], axis=0)
    return low, high


def tail_of(count: int, level: float) -> float:
    """The share of resamples beyond each end.

    Parameters
    ----------
    count : units.
    level : nominal coverage.

    Examples
    --------
    >>> round(tail_of(10_000, 0.95), 3), round(tail_of(5, 0.95), 4)
    (0.025, 0.001)
    """
    reach = -special.stdtrit(max(count - 1, 1), (1 - level) / 2) * math.sqrt(count / max(count - 1, 1))
    return float(special.ndtr(-reach))


def _counts(stream: np.random.Generator, draws: int, k: int) -> np.ndarray:
    counts = stream.multinomial(k, np.full(k, 1 / k), size=draws)
    while (alone := (counts > 0).sum(1) < 2).any():
        counts[alone] = stream.multinomial(k, np.full(k, 1 / k), size=int(alone.sum()))
    return counts.astype(np.float64)


def _labels(labels: Labels, m: int, name: str) -> list[Hashable]:
    found = list(labels)
    if len(found) != m:
        raise ShapeError(f"{name} has {counted(len(found), 'label')} for {counted(m, 'point')}.")
    return found


def _distinct(labels: Sequence[Hashable]) -> tuple[Hashable, ...]:
    return tuple(dict.fromkeys(labels))


def _numbers(labels: Sequence[Hashable], names: Sequence[Hashable]) -> np.ndarray:
    place = {name: i for i, name in enumerate(names)}
    return np.array([place[label] for label in labels], dtype=np.int64)
