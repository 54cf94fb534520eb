"""How y goes with x where points share families or models: correlations with intervals and p-values that know of it.

Pearson's r, Spearman's rho and the slope of the line, each with an interval from resamples of what is independent
(`platometer.trends._units`), and p-values of "x says nothing of y" that fit the same dependence:

points
    y re-paired with x at random.
groups
    the wild cluster bootstrap-t with the null imposed: all residuals of a family change their sign and size together
    (Cameron, Gelbach and Miller 2008; six-point weights below twelve families, Webb 2023).
crossed
    the models change their labels, on either side: rows and columns of the table of y are permuted against that of x
    (QAP; Mantel 1967; Krackhardt 1988). Several points of one pair of units count as their mean.

>>> correlate([1, 2, 3, 4, 5, 6], [1, 3, 2, 5, 4, 6], draws=500).spearman.value
0.8857142857142857
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from platometer.errors import UndefinedError
from platometer.stats import p_value
from platometer.trends._units import DRAWS, Estimate, Labels, Units, estimate, points, units

_FEW = 12  # families below which two-point weights give too few different draws


@dataclass(frozen=True)
class Correlations:
    """How y goes with x.

    Attributes
    ----------
    pearson, spearman : correlations with intervals.
    slope : of the least-squares line, y per x.
    p : of Pearson's correlation, two-sided; valid whatever the number of draws.
    p_spearman : of Spearman's.
    test : how the null was drawn, in words.
    n : points.
    units : what was taken for independent.
    """

    pearson: Estimate
    spearman: Estimate
    slope: Estimate
    p: float
    p_spearman: float
    test: str
    n: int
    units: str

    def __str__(self) -> str:
        return (f"Pearson {self.pearson}, p = {self.p:.2g}; Spearman {self.spearman}, p = {self.p_spearman:.2g}; "
                f"slope {self.slope} ({self.n} points, {self.units})")


def correlate(
    x: Sequence[float] | np.ndarray, y: Sequence[float] | np.ndarray, *, groups: Labels | None = None,
    crossed: tuple[Labels, Labels] | None = None, draws: int = DRAWS, level: float = 0.95, seed: int = 0,
) -> Correlations:
    """Pearson's and Spearman's correlation and the slope, with intervals and p-values for dependent points.

    Parameters
    ----------
    x, y : (m,).
    groups : (m,) families of the points.
    crossed : (m,) left and (m,) right models (or their families), where points are pairs.
    draws : resamples of the intervals, and re-pairings of the null.
    level : of the intervals.
    seed : of all draws.

    Raises
    ------
    UndefinedError
        x or y is constant, there are fewer than four points, or fewer than two units.
    """
    a, b = _spread(*points(x, y))
    known = units(len(a), groups=groups, crossed=crossed)
    weights = known.weights(draws, seed)
    one = np.ones((1, len(a)))
    told = {}
    for name, many in (("pearson", weighted_r), ("spearman", weighted_rho), ("slope", weighted_slope)):
        told[name] = estimate(float(many(a, b, one)[0]), many(a, b, weights), count=known.count, level=level)
    ranks = weighted_ranks(a, one)[0], weighted_ranks(b, one)[0]
    by = _by_side(a, known)
    p, p_spearman = (null_p(u, v, by, draws=draws, seed=seed + 1) for u, v in ((a, b), ranks))
    return Correlations(**told, p=p, p_spearman=p_spearman, test=_TESTS[by.kind], n=len(a), units=str(known))


def weighted_r(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(B,) Pearson's correlation of each weighted sample; NaN where it is undefined.

    Parameters
    ----------
    x, y : (m,) or (B, m).
    weights : (B, m).
    """
    sxx, sxy, syy = _moments(x, y, weights)
    return _over(sxy, np.sqrt(sxx * syy))


def weighted_slope(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(B,) slope of the least-squares line of each weighted sample; NaN where it is undefined.

    Parameters
    ----------
    x, y, weights : as in `weighted_r`.
    """
    sxx, sxy, _ = _moments(x, y, weights)
    return _over(sxy, sxx)


def weighted_rho(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(B,) Spearman's correlation of each weighted sample, copies being ties.

    Parameters
    ----------
    x, y : (m,).
    weights : (B, m) counts.
    """
    return weighted_r(weighted_ranks(x, weights), weighted_ranks(y, weights), weights)


def weighted_ranks(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(B, m) middle rank of each value among the copies of all.

    Parameters
    ----------
    x : (m,).
    weights : (B, m) counts.
    """
    values, place = np.unique(x, return_inverse=True)
    copies = weights @ (place[:, None] == np.arange(len(values)))
    return (copies.cumsum(1) - copies / 2 + 0.5)[:, place]


def null_p(x: np.ndarray, y: np.ndarray, known: Units, *, draws: int, seed: int) -> float:
    """The two-sided p of a correlation under the null that fits the units.

    Parameters
    ----------
    x, y : (m,), or their ranks.
    known : what is independent.
    draws, seed : of the null.
    """
    stream = np.random.Generator(np.random.Philox(key=seed % 2**64))
    observed, null = _NULLS[known.kind](x, y, known, draws, stream)
    return p_value(abs(observed), np.abs(null))


def _by_side(x: np.ndarray, known: Units) -> Units:
    """The units of the null: where x varies inside pairs of units alone, relabelling them changes nothing, and the units of the
    side that has fewer are taken instead."""
    if known.kind != "crossed":
        return known
    means = cells(x, known)
    if np.nanmax(means) - np.nanmin(means) > 1e-9 * np.ptp(x):
        return known
    at = min(range(len(known.names)), key=lambda side: len(known.names[side]))
    return units(len(x), groups=known.sides[at].tolist())


def signs(stream: np.random.Generator, draws: int, k: int) -> np.ndarray:
    """(draws, k) weights of mean 0 and variance 1: signs, or Webb's six points where k is small.

    Parameters
    ----------
    stream : of the draws.
    draws, k : how many.
    """
    sizes = np.array([1.5, 1.0, 0.5]) ** 0.5 if k < _FEW else np.ones(1)
    return stream.choice(np.concatenate([sizes, -sizes]), size=(draws, k))


def _repaired(x: np.ndarray, y: np.ndarray, known: Units, draws: int, stream: np.random.Generator) -> tuple:
    orders = stream.random((draws, len(x))).argsort(1)
    one = np.ones((1, len(x)))
    return weighted_r(x, y, one)[0], weighted_r(x, y[orders], np.broadcast_to(one, orders.shape))


def _wild(x: np.ndarray, y: np.ndarray, known: Units, draws: int, stream: np.random.Generator) -> tuple:
    member = (known.sides[0][:, None] == np.arange(known.count)).astype(np.float64)
    middle, rest = x - x.mean(), y - y.mean()
    size = float(middle @ middle)

    def t(many: np.ndarray) -> np.ndarray:
        slopes = many @ middle / size
        left = many - many.mean(1, keepdims=True) - slopes[:, None] * middle
        return _over(slopes, np.sqrt((((left * middle) @ member) ** 2).sum(1)) / size)

    null = t(rest * signs(stream, draws, known.count)[:, known.sides[0]])
    return float(np.nan_to_num(t(rest[None])[0], nan=np.inf)), np.nan_to_num(null, nan=np.inf)


def _relabelled(x: np.ndarray, y: np.ndarray, known: Units, draws: int, stream: np.random.Generator) -> tuple:
    first, second = (cells(values, known) for values in (x, y))
    same, (rows, columns) = len(known.names) == 1, first.shape
    left = stream.random((draws, rows)).argsort(1)
    right = left if same else stream.random((draws, columns)).argsort(1)
    orders = [np.vstack([np.arange(len(side[0])), side]) for side in (left, right)]  # the first is the true pairing
    there = ~np.isnan(first) & (np.tri(rows, dtype=bool) if same else True)  # each pair once
    moved = second[orders[0][:, :, None], orders[1][:, None, :]][:, there]
    null = weighted_r(first[there], np.nan_to_num(moved), (~np.isnan(moved)).astype(np.float64))
    return float(null[0]), np.nan_to_num(null[1:], nan=np.inf)  # undefined counts against the claim


def cells(values: np.ndarray, known: Units) -> np.ndarray:
    """(left units, right units) mean value of each pair of units; NaN where there is none.

    Parameters
    ----------
    values : (m,).
    known : crossed units; if both sides are the same, the table is symmetric.
    """
    shape = (len(known.names[0]), len(known.names[-1]))
    total, count = np.zeros(shape), np.zeros(shape)
    left, right = known.sides
    np.add.at(total, (left, right), values)
    np.add.at(count, (left, right), 1)
    if len(known.names) == 1:
        total, count = total + total.T, count + count.T
    return np.divide(total, count, out=np.full(shape, np.nan), where=count > 0)


def _moments(x: np.ndarray, y: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    total = w.sum(1, keepdims=True)
    total = np.where(total > 0, total, 1.0)  # no pair may be among those drawn: all moments are then 0
    a, b = (side - (w * side).sum(1, keepdims=True) / total for side in (x, y))
    return (w * a * a).sum(1), (w * a * b).sum(1), (w * b * b).sum(1)


def _over(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below > 1e-14)


def _spread(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    for name, side in (("x", x), ("y", y)):
        if len(side) < 4 or np.ptp(side) == 0:
            raise UndefinedError(f"A correlation needs four points and some spread; {name} has {len(side)} values, "
                                 f"{len(np.unique(side))} of them different.")
    return x, y


_NULLS: dict[str, Callable] = {"points": _repaired, "groups": _wild, "crossed": _relabelled}
_TESTS = {"points": "y re-paired with x", "groups": "wild cluster bootstrap", "crossed": "models relabelled"}
