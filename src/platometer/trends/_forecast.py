"""Does a trend hold for models that it never saw, and does it rise late?

`forecast` fits a law to some families (or models) and scores it on others, as R2 against their mean as known from the
fitted ones: 1 is perfect, 0 no better than that mean, below 0 worse (Koepke et al. 2026 ask this of alignment).

`late_rise` tests whether the slope is larger in the upper part of x than in the lower: two lines that meet against one
line, the knee searched in every draw of the null as well (Davies 1987), so that searching for it wins nothing. The null
draws rearrange what the line leaves over (Freedman and Lane 1983): points at random; families with all their signs
together; of pairs, the parts of the left model, of the right model and of the pair with a sign each.

>>> import numpy as np
>>> x = np.linspace(0, 1, 20)
>>> y = np.maximum(x - 0.6, 0) + 0.01 * np.random.default_rng(0).normal(size=20)
>>> late_rise(x, y, scale="linear", draws=200).p < 0.01
True
"""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass, field

import numpy as np

from platometer.errors import InputError, UndefinedError
from platometer.stats import p_value
from platometer.trends import _least_squares as ls
from platometer.trends._correlation import signs
from platometer.trends._laws import LAWS, Frame, named, unseen
from platometer.trends._units import DRAWS, Estimate, Labels, Units, estimate, points, units


@dataclass(frozen=True)
class Forecast:
    """How well a law predicts what it never saw.

    Attributes
    ----------
    law : that was fitted.
    r2 : 1 - squared error over that of the fitted points' mean; with interval over the units that were predicted.
    rmse : root of the mean squared error of the predictions.
    predicted : (m,) y as predicted; NaN for points that were only fitted.
    n : points predicted.
    units : what was never seen, in words.
    """

    law: str
    r2: Estimate
    rmse: float
    predicted: np.ndarray = field(repr=False, compare=False)
    n: int
    units: str

    def __str__(self) -> str:
        return f"R2 {self.r2} of the {self.law} on {self.n} points it never saw ({self.units})"


def forecast(
    law: str, x: Sequence[float] | np.ndarray, y: Sequence[float] | np.ndarray, *, predict: Collection[Hashable] | None = None,
    scale: str = "log", groups: Labels | None = None, crossed: tuple[Labels, Labels] | None = None, draws: int = DRAWS,
    level: float = 0.95, seed: int = 0,
) -> Forecast:
    """R2 of a law on models that it never saw.

    Parameters
    ----------
    law : one of `LAWS`.
    x, y : (m,).
    predict : labels (of groups or crossed) to predict from all others, such as the largest models; if None, each in
        turn from what has nothing in common with it.
    scale, groups, crossed, draws, level, seed : as in `fit`.

    Raises
    ------
    InputError
        An unseen unit is not among the labels.
    UndefinedError
        Nothing is left to fit or to predict.
    """
    a, b = points(x, y)
    known, frame = units(len(a), groups=groups, crossed=crossed), Frame.of(a, scale)
    if predict is None:
        predicted, mean = (unseen(one, a, b, frame, known) for one in (named(law), LAWS["constant"]))
        scored = np.ones(len(a), dtype=bool)
    else:
        scored = _touched(known, predict)
        predicted, mean = (_beyond(law_name, a, b, frame, scored) for law_name in (law, "constant"))
    wrong, about = ((b - side)[scored] ** 2 for side in (predicted, mean))
    if about.sum() == 0:
        raise UndefinedError("The points to predict all lie at the mean of the others; R2 does not exist.")
    left = _restricted(known, scored)
    weights = left.weights(draws, seed)
    again = 1 - (weights @ wrong) / np.maximum(weights @ about, 1e-300)
    r2 = estimate(1 - float(wrong.sum() / about.sum()), again, count=left.count, level=level)
    return Forecast(law, r2, math.sqrt(wrong.mean()), np.where(scored, predicted, np.nan), int(scored.sum()), str(left))


@dataclass(frozen=True)
class LateRise:
    """Whether the upper part of a trend is steeper than the lower.

    Attributes
    ----------
    more : slope after the knee less the slope before it; on a log scale per tenfold x.
    lower, upper : the two slopes.
    knee : x where they meet.
    p : one-sided, of "one line suffices", against a steeper upper part.
    n : points.
    units : what was taken for independent.
    """

    more: Estimate
    lower: Estimate
    upper: Estimate
    knee: Estimate
    p: float
    n: int
    units: str

    def __str__(self) -> str:
        said = "a late rise" if self.p <= 0.05 else "no late rise seen"
        return (f"{said} (p = {self.p:.2g}): slope {self.lower} below and {self.upper} above x = {self.knee.value:.3g} "
                f"({self.n} points, {self.units})")


def late_rise(
    x: Sequence[float] | np.ndarray, y: Sequence[float] | np.ndarray, *, scale: str = "log", groups: Labels | None = None,
    crossed: tuple[Labels, Labels] | None = None, draws: int = DRAWS, level: float = 0.95, seed: int = 0,
) -> LateRise:
    """Whether the slope is larger in the upper part of x, the place of the bend being searched for.

    Parameters
    ----------
    x, y, scale, groups, crossed, draws, level, seed : as in `fit`; draws also of the null.

    Raises
    ------
    UndefinedError
        Fewer than seven points, or five different x.
    """
    a, b = points(x, y)
    known, frame, law = units(len(a), groups=groups, crossed=crossed), Frame.of(a, scale), LAWS["knee"]
    if len(a) < 7 or len(np.unique(a)) < 5:
        raise UndefinedError(f"A bend needs 7 points with 5 different x; there are {len(a)} with {len(np.unique(a))}.")
    v, t = frame.enter(a), (b - b.mean()) / (b.std() or 1.0)
    stream = np.random.Generator(np.random.Philox(key=(seed + 1) % 2**64))
    line = np.polynomial.Polynomial.fit(v, t, 1)(v)
    many = np.concatenate([t[None], line + _rearranged(t - line, known, draws, stream)])
    gains = _gain(v, many)
    every = np.concatenate([np.ones((1, len(a))), known.weights(draws, seed)])
    theta, beta = ls.solve(law.columns, law.axes(v), v, b, every)
    told = {name: estimate(float(values[0]), values[1:], count=known.count, level=level)
            for name, values in zip(law.parameters, law.report(theta, beta, frame), strict=True)}
    bend = beta[:, 2] / frame.half
    more = estimate(float(bend[0]), bend[1:], count=known.count, level=level)
    return LateRise(more, told["lower"], told["upper"], told["knee"], p_value(float(gains[0]), gains[1:]), len(a), str(known))


def _gain(v: np.ndarray, many: np.ndarray) -> np.ndarray:
    """(B,) how much better two lines are than one, negative where the upper is the flatter."""
    one, law = np.ones(many.shape), LAWS["knee"]
    line = LAWS["line"]
    straight = ls.curve(line.columns, v, *ls.solve(line.columns, [], v, many, one))
    theta, beta = ls.solve(law.columns, law.axes(v), v, many, one)
    bent = ls.curve(law.columns, v, theta, beta)
    before, after = (((many - side) ** 2).sum(1) for side in (straight, bent))
    return np.sign(beta[:, 2]) * (before - after) / np.maximum(after, 1e-300)


def _rearranged(rest: np.ndarray, known: Units, draws: int, stream: np.random.Generator) -> np.ndarray:
    """(draws, m) what the line left over, as it might have been as well."""
    if known.kind == "points":
        return rest[stream.random((draws, len(rest))).argsort(1)]
    if known.kind == "groups":
        return rest * signs(stream, draws, known.count)[:, known.sides[0]]
    sides = [side[:, None] == np.arange(len(names)) for side, names in zip(known.sides, known.names * 2, strict=False)]
    design = np.hstack(sides) if len(known.names) == 2 else sides[0].astype(float) + sides[1]
    effects = np.linalg.lstsq(design.astype(np.float64), rest, rcond=None)[0]
    alone = rest - design @ effects
    return (signs(stream, draws, len(effects)) * effects) @ design.T + alone * signs(stream, draws, len(rest))


def _touched(known: Units, predict: Collection[Hashable]) -> np.ndarray:
    names = set().union(*known.names)
    if strange := [unit for unit in predict if unit not in names]:
        raise InputError(f"There is no unit {strange[0]!r} among the {len(names)} labels; name groups, or left or right units.")
    out = np.zeros(known.m, dtype=bool)
    for side, side_names in zip(known.sides, known.names * 2, strict=False):
        out |= np.isin(side, [i for i, name in enumerate(side_names) if name in predict])
    return out


def _beyond(law: str, x: np.ndarray, y: np.ndarray, frame: Frame, scored: np.ndarray) -> np.ndarray:
    """(m,) predicted from what is not scored."""
    one, v, seen = named(law), frame.enter(x), ~scored
    if seen.sum() < len(one.parameters) + 1 or not scored.any():
        raise UndefinedError(f"{int(seen.sum())} points are left to fit the law {law!r}, and {int(scored.sum())} to predict.")
    scale = float(y[seen].std()) or 1.0
    found = ls.polished(one.columns, one.axes(v[seen]), v[seen], y[seen] / scale)
    return ls.curve(one.columns, v, *(part[None] for part in found))[0] * scale


def _restricted(known: Units, scored: np.ndarray) -> Units:
    """The units of the scored points alone."""
    labels = [[names[i] for i in side[scored]] for side, names in zip(known.sides, known.names * 2, strict=False)]
    if known.kind == "crossed":
        return units(int(scored.sum()), crossed=(labels[0], labels[1]))
    return units(int(scored.sum()), groups=None if known.kind == "points" else labels[0])
