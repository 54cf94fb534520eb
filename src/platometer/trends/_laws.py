"""Laws of a trend: fitted by least squares, compared by their error on what they never saw, and honest about thresholds.

Five laws, in words and as written for ``scale="log"``, where x is a size (parameters, samples) and x0 the smallest:

==============  ============================================  ==========================================
``constant``    nothing depends on x                          ``level``
``line``        the same for every tenfold x                  ``intercept + slope log10 x``
``saturating``  a power that runs into a ceiling              ``a - b (x/x0)^-c``
``logistic``    little, then much, then little: a threshold   ``floor``, and ``rise`` around ``threshold``
``knee``        two lines that meet                           ``lower`` slope, then ``upper``
==============  ============================================  ==========================================

With ``scale="linear"``, for capabilities, the same laws are in x instead of log x; the power becomes an exponential.

`compare` scores every law on units that it never saw (points, families, or pairs of models), beside AICc, which takes points
for independent. Of the laws that are no worse than the best by more than one standard error the one with the fewest
parameters is chosen (the one-standard-error rule; Breiman, Friedman, Olshen and Stone 1984). A threshold is reported only
if the logistic is better than *every* smooth law (constant, line, saturating), out of sample and by AICc, no worse than two
lines that meet, and its interval lies inside the data; otherwise the answer says ``no threshold seen`` and why.

Sources: Hurvich and Tsai 1989 (AICc); Davies 1987 (a threshold that is searched for is found too often: hence the error out
of sample, where the search is repeated in every fold).

>>> import numpy as np
>>> size = np.logspace(5, 8, 16)
>>> noise = 0.005 * np.random.default_rng(0).normal(size=16)
>>> found = compare(size, 0.6 - 0.4 * (size / 1e5) ** -0.5 + noise, draws=200)
>>> found.chosen, found.threshold is None
('saturating', True)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import special

from platometer.errors import InputError, UndefinedError, UnknownNameError, suggestion
from platometer.trends import _least_squares as ls
from platometer.trends._units import DRAWS, Estimate, Labels, Units, ends, estimate, points, units

SCALES = ("log", "linear")
SMOOTH = ("constant", "line", "saturating")
"""Laws without a threshold."""


@dataclass(frozen=True)
class Frame:
    """The points' x on the scale of a law, moved to [-1, 1].

    Attributes
    ----------
    scale : one of `SCALES`.
    middle, half : of log10 x, or of x.
    """

    scale: str
    middle: float
    half: float

    @classmethod
    def of(cls, x: np.ndarray, scale: str) -> Frame:
        """The frame in which x spans [-1, 1].

        Parameters
        ----------
        x : (m,).
        scale : one of `SCALES`.
        """
        if scale not in SCALES:
            raise InputError(f"scale = {scale!r}. {suggestion(scale, SCALES)}")
        if scale == "log" and x.min() <= 0:
            raise InputError(f"x has the value {x.min():g}, which has no logarithm. Use scale='linear' for capabilities.")
        u = np.log10(x) if scale == "log" else x
        if np.ptp(u) == 0:
            raise UndefinedError("All x are equal; there is no trend along one value.")
        return cls(scale, float(u.max() + u.min()) / 2, float(np.ptp(u)) / 2)

    def enter(self, x: np.ndarray) -> np.ndarray:
        """x in the frame."""
        return ((np.log10(x) if self.scale == "log" else x) - self.middle) / self.half

    def leave(self, v: np.ndarray) -> np.ndarray:
        """Back from the frame to x."""
        u = self.middle + self.half * v
        return 10**u if self.scale == "log" else u

    @property
    def per_unit(self) -> float:
        """What turns a rate in the frame into the exponent c."""
        return 1 / (self.half * (math.log(10) if self.scale == "log" else 1))


@dataclass(frozen=True)
class Law:
    """How y may depend on x.

    Attributes
    ----------
    name : word by which it is asked for.
    formulas : as written for each scale.
    parameters : their names, as reported.
    least : different x that it needs.
    """

    name: str
    formulas: Mapping[str, str]
    parameters: tuple[str, ...]
    least: int
    columns: ls.Columns = field(repr=False)
    axes: Callable[[np.ndarray], list[np.ndarray]] = field(repr=False)
    report: Callable[[np.ndarray, np.ndarray, Frame], list[np.ndarray]] = field(repr=False)

    def __str__(self) -> str:
        return f"{self.name}: {self.formulas['log']}"


@dataclass(frozen=True)
class Fit:
    """A law fitted to points.

    Attributes
    ----------
    law : its name.
    formula : as written for the scale.
    scale : of x.
    parameters : name -> value with interval.
    r2 : share of the variance of y that the curve accounts for, on the points it was fitted to.
    rmse : root of the mean squared residual.
    aicc : Akaike's criterion, corrected for few points; takes points for independent.
    n : points.
    units : what was drawn again for the intervals.
    note : where the fit ran into the end of what it may be, in words; empty if it did not.
    """

    law: str
    formula: str
    scale: str
    parameters: Mapping[str, Estimate]
    r2: float
    rmse: float
    aicc: float
    n: int
    units: str
    note: str
    level: float
    _frame: Frame = field(repr=False)
    _best: tuple[np.ndarray, np.ndarray] = field(repr=False, compare=False)
    _again: tuple[np.ndarray, np.ndarray] = field(repr=False, compare=False)
    _count: int = field(repr=False, default=2)

    def __str__(self) -> str:
        told = ", ".join(f"{name} {value}" for name, value in self.parameters.items())
        return f"{self.law} ({self.formula}): {told}; R2 {self.r2:.3f}, n = {self.n}" + (f"; {self.note}" if self.note else "")

    def curve(self, x: Sequence[float] | np.ndarray) -> np.ndarray:
        """(q,) the curve at x.

        Parameters
        ----------
        x : (q,) inside the data or beyond; beyond, it is an extrapolation.
        """
        return self._at(x, *self._best)[0]

    def band(self, x: Sequence[float] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(q,) lower and (q,) upper ends of the curve at x, each x for itself.

        Parameters
        ----------
        x : (q,).
        """
        return ends(self._at(x, *self._again), count=self._count, level=self.level)

    def _at(self, x: Sequence[float] | np.ndarray, theta: np.ndarray, beta: np.ndarray) -> np.ndarray:
        at = np.asarray(x, dtype=np.float64)
        if self.scale == "log" and at.size and at.min() <= 0:
            raise InputError(f"x has the value {at.min():g}, which has no logarithm.")
        return ls.curve(LAWS[self.law].columns, self._frame.enter(at), theta, beta)


@dataclass(frozen=True)
class Contender:
    """A law among others.

    Attributes
    ----------
    fit : on all points.
    held_out : root of the mean squared error on units that the fit did not see.
    behind : mean squared error on unseen units, less that of the best law, with interval; 0 for the best.
    behind_se : its standard error.
    """

    fit: Fit
    held_out: float
    behind: Estimate
    behind_se: float


@dataclass(frozen=True)
class Comparison:
    """Which law the points speak for.

    Attributes
    ----------
    contenders : by law's name, the least error on unseen units first.
    best : law of the least error on unseen units.
    chosen : law of fewest parameters that is no worse than the best by more than one standard error.
    threshold : x of the logistic's threshold if it is seen, else None.
    why : the sentence on the threshold.
    left_out : laws that need more points or more different x.
    """

    contenders: Mapping[str, Contender]
    best: str
    chosen: str
    threshold: Estimate | None
    why: str
    left_out: tuple[str, ...] = ()

    @property
    def fit(self) -> Fit:
        """Of the chosen law."""
        return self.contenders[self.chosen].fit

    def __str__(self) -> str:
        lines = [f"{self.chosen} is chosen of {len(self.contenders)} laws (error on unseen {self.fit.units}); {self.why}"]
        for name, one in self.contenders.items():
            lines.append(f"  {name:<10}  error {one.held_out:.4g}  AICc {one.fit.aicc:.1f}  {one.fit.formula}")
        return "\n".join(lines)


def fit(
    law: str, x: Sequence[float] | np.ndarray, y: Sequence[float] | np.ndarray, *, scale: str = "log",
    groups: Labels | None = None, crossed: tuple[Labels, Labels] | None = None, draws: int = DRAWS, level: float = 0.95,
    seed: int = 0,
) -> Fit:
    """The least-squares curve of a law, with intervals of its parameters and of itself.

    Parameters
    ----------
    law : one of `LAWS`.
    x, y : (m,).
    scale : ``"log"`` for sizes, ``"linear"`` for capabilities.
    groups : (m,) families; points of a family are drawn together.
    crossed : (m,) left and (m,) right labels, where points are pairs.
    draws : resamples.
    level : of the intervals.
    seed : of the draws.

    Raises
    ------
    UnknownNameError
        There is no such law.
    UndefinedError
        Too few points or different x for it.
    """
    a, b = points(x, y)
    known = units(len(a), groups=groups, crossed=crossed)
    return _fit(named(law), a, b, Frame.of(a, scale), known, known.weights(draws, seed), level)


def compare(
    x: Sequence[float] | np.ndarray, y: Sequence[float] | np.ndarray, *, laws: Sequence[str] | None = None, scale: str = "log",
    groups: Labels | None = None, crossed: tuple[Labels, Labels] | None = None, draws: int = DRAWS, level: float = 0.95,
    seed: int = 0,
) -> Comparison:
    """The laws side by side, by their error on units that they never saw.

    Parameters
    ----------
    x, y, scale, groups, crossed, draws, level, seed : as in `fit`. What is left out at a time is a point, a family, or a pair
        with everything that shares a unit with it.
    laws : names; if None all that the points suffice for, and `Comparison.left_out` names the others.

    Raises
    ------
    UndefinedError
        A named law needs more points; or nothing can be left out.
    """
    a, b = points(x, y)
    frame, known = Frame.of(a, scale), units(len(a), groups=groups, crossed=crossed)
    asked = [named(name) for name in dict.fromkeys(LAWS if laws is None else laws)]
    left_out = tuple(law.name for law in asked if laws is None and _lacking(law, a))
    asked = [law for law in asked if law.name not in left_out]
    if not asked:
        raise UndefinedError(f"{len(a)} points are too few for any law.")
    weights = known.weights(draws, seed)
    fits = {law.name: _fit(law, a, b, frame, known, weights, level) for law in asked}
    errors = {law.name: unseen_errors(law, a, b, frame, known) for law in asked}
    order = sorted(errors, key=lambda name: (errors[name].mean(), len(LAWS[name].parameters)))
    contenders = {name: _contender(fits[name], errors[name], errors[order[0]], weights, known, level) for name in order}
    near = [name for name in order if contenders[name].behind.value <= contenders[name].behind_se]
    chosen = min(near, key=lambda name: (len(LAWS[name].parameters), order.index(name)))
    threshold, why = _threshold(contenders, errors, a, weights, known)
    return Comparison(contenders, order[0], chosen, threshold, why, left_out)


def unseen_errors(law: Law, x: np.ndarray, y: np.ndarray, frame: Frame, known: Units) -> np.ndarray:
    """(m,) squared error of each point, predicted by the law fitted to units that have nothing in common with it.

    Parameters
    ----------
    law, x, y, frame, known : as in the comparison.
    """
    return (y - unseen(law, x, y, frame, known)) ** 2


def unseen(law: Law, x: np.ndarray, y: np.ndarray, frame: Frame, known: Units) -> np.ndarray:
    """(m,) each point as predicted from units that have nothing in common with it.

    Parameters
    ----------
    law, x, y, frame, known : as in the comparison.
    """
    seen, scored = known.folds()
    if (few := seen.sum(1)).min() < 2:
        raise UndefinedError(f"With {known} one left out leaves {int(few.min())} points to fit; nothing can be predicted.")
    v, (t, back) = frame.enter(x), _standard(y)
    found = ls.solve(law.columns, law.axes(v), v, t, seen.astype(np.float64))
    curves = ls.curve(law.columns, v, *found)
    out = np.empty(len(y))
    for fold, row in zip(scored, curves, strict=True):
        out[fold] = row[fold]
    return out * back[1] + back[0]


def _fit(law: Law, x: np.ndarray, y: np.ndarray, frame: Frame, known: Units, weights: np.ndarray, level: float) -> Fit:
    if lacking := _lacking(law, x):
        raise UndefinedError(lacking)
    v, (t, back) = frame.enter(x), _standard(y)
    axes = law.axes(v)
    theta, beta = (part[None] for part in ls.polished(law.columns, axes, v, t))
    again = ls.solve(law.columns, axes, v, t, weights)
    beta, betas = (_restored(part, back) for part in (beta, again[1]))
    squares = float(((y - ls.curve(law.columns, v, theta, beta)[0]) ** 2).sum())
    values, spread = law.report(theta, beta, frame), law.report(again[0], betas, frame)
    told = {name: estimate(float(value[0]), draws, count=known.count, level=level)
            for name, value, draws in zip(law.parameters, values, spread, strict=True)}
    about = float(((y - y.mean()) ** 2).sum())
    return Fit(
        law=law.name, formula=law.formulas[frame.scale], scale=frame.scale, parameters=told,
        r2=1 - squares / about if about else float(squares == 0), rmse=math.sqrt(squares / len(y)),
        aicc=_aicc(squares, y, len(law.parameters)), n=len(y), units=str(known), note=_ended(law, theta[0], axes), level=level,
        _frame=frame, _best=(theta, beta), _again=(again[0], betas), _count=known.count,
    )


def _contender(
    one: Fit, errors: np.ndarray, least: np.ndarray, weights: np.ndarray, known: Units, level: float
) -> Contender:
    gap = errors - least
    again = weights @ gap / weights.sum(1)
    behind = estimate(float(gap.mean()), again, count=known.count, level=level)
    return Contender(one, math.sqrt(errors.mean()), behind, _se(again, known))


def _threshold(
    contenders: Mapping[str, Contender], errors: Mapping[str, np.ndarray], x: np.ndarray, weights: np.ndarray, known: Units
) -> tuple[Estimate | None, str]:
    """The threshold if it is seen, and the sentence that says so."""
    smooth = [name for name in SMOOTH if name in contenders]
    if "logistic" not in contenders or not smooth:
        return None, "no threshold seen: the logistic was not compared with a smooth law."
    logistic = contenders["logistic"].fit
    at = logistic.parameters["threshold"]
    for name in smooth:
        gap = errors[name] - errors["logistic"]
        if gap.mean() <= _se(weights @ gap / weights.sum(1), known):
            return None, f"no threshold seen: out of sample the logistic is not surely better than {name}."
        if contenders[name].fit.aicc <= logistic.aicc:
            return None, f"no threshold seen: by AICc the logistic is not better than {name}."
    if "knee" in contenders:
        gap = errors["logistic"] - errors["knee"]
        if gap.mean() > _se(weights @ gap / weights.sum(1), known):
            knee = contenders["knee"].fit.parameters["knee"]
            return None, f"no threshold seen between two plateaus: two lines that meet at {knee} are surely better."
    if not (x.min() < at.low and at.high < x.max()):
        return None, f"no threshold seen: that of the logistic, {at}, is not surely inside the data."
    return at, f"a threshold at {at}."


def _se(again: np.ndarray, known: Units) -> float:
    return float(again.std() * math.sqrt(known.count / (known.count - 1)))


def _standard(y: np.ndarray) -> tuple[np.ndarray, tuple[float, float]]:
    """y with mean 0 and spread 1, and what undoes it."""
    mean, spread = float(y.mean()), float(y.std()) or 1.0
    return (y - mean) / spread, (mean, spread)


def _restored(beta: np.ndarray, back: tuple[float, float]) -> np.ndarray:
    out = beta * back[1]
    out[:, 0] += back[0]
    return out


def _aicc(squares: float, y: np.ndarray, parameters: int) -> float:
    """Lower is better; the variance of the noise is one more parameter, and is not taken below rounding."""
    n, k = len(y), parameters + 1
    variance = max(squares / n, (1e-12 * max(float(np.abs(y).max()), 1e-300)) ** 2)
    return n * math.log(variance) + 2 * k + 2 * k * (k + 1) / (n - k - 1)


def _ended(law: Law, theta: np.ndarray, axes: list[np.ndarray]) -> str:
    ended = [place for place, axis in zip(theta, axes, strict=True) if min(place - axis[0], axis[-1] - place) < 1e-6]
    if not ended:
        return ""
    return {
        "saturating": "no ceiling seen" if theta[0] < 0 else "at its ceiling from the first points on",
        "knee": "the knee is at the end of the data",
    }.get(law.name, "the threshold or its width is at the end of what was searched")


def named(law: str) -> Law:
    """The law of that name.

    Parameters
    ----------
    law : one of `LAWS`.
    """
    if law not in LAWS:
        raise UnknownNameError(f"There is no law {law!r}. {suggestion(law, LAWS)}")
    return LAWS[law]


def _lacking(law: Law, x: np.ndarray) -> str:
    """Why the points do not suffice for a law; empty if they do."""
    different, least = len(np.unique(x)), len(law.parameters) + 3
    if different < law.least or len(x) < least:
        return (f"The law {law.name!r} needs {least} points with {law.least} different x; "
                f"there are {len(x)} with {different}. Name fewer laws, or measure more models.")
    return ""


def _grow(v: np.ndarray, theta: np.ndarray) -> np.ndarray:
    rate = np.exp(theta)
    return np.expm1(-rate[..., None] * (v + 1)) / np.expm1(-2 * rate[..., None])


def _step(v: np.ndarray, theta: np.ndarray) -> np.ndarray:
    return special.expit((v - theta[..., :1]) / np.exp(theta[..., 1:]))[..., None, :]


def _bend(v: np.ndarray, theta: np.ndarray) -> np.ndarray:
    after = np.maximum(v - theta[..., :1], 0)
    return np.stack([np.broadcast_to(v, after.shape), after], -2)


def _inner(v: np.ndarray) -> list[np.ndarray]:
    different = np.unique(v)
    return [np.linspace(different[1], different[-2], 61)]


def _saturating_words(theta: np.ndarray, beta: np.ndarray, frame: Frame) -> list[np.ndarray]:
    rate = np.exp(theta[:, 0])
    rise = beta[:, 1] / -np.expm1(-2 * rate)
    return [beta[:, 0] + rise, rise, rate * frame.per_unit]


def _knee_words(theta: np.ndarray, beta: np.ndarray, frame: Frame) -> list[np.ndarray]:
    lower, upper = beta[:, 1] / frame.half, (beta[:, 1] + beta[:, 2]) / frame.half
    return [frame.leave(theta[:, 0]), beta[:, 0] - lower * frame.middle, lower, upper]


LAWS: Mapping[str, Law] = {
    law.name: law
    for law in (
        Law("constant", {"log": "level", "linear": "level"}, ("level",), 2,
            lambda v, theta: np.empty((*theta.shape[:-1], 0, len(v))), lambda v: [], lambda theta, beta, frame: [beta[:, 0]]),
        Law("line", {"log": "intercept + slope log10 x", "linear": "intercept + slope x"}, ("intercept", "slope"), 3,
            lambda v, theta: np.broadcast_to(v, (*theta.shape[:-1], 1, len(v))), lambda v: [],
            lambda theta, beta, frame: [beta[:, 0] - beta[:, 1] * frame.middle / frame.half, beta[:, 1] / frame.half]),
        Law("saturating", {"log": "a - b (x/x0)^-c", "linear": "a - b exp(-c (x - x0))"}, ("a", "b", "c"), 4,
            _grow, lambda v: [np.linspace(math.log(0.05), math.log(12), 41)], _saturating_words),
        Law("logistic", {"log": "floor + rise / (1 + exp(-log10(x/threshold)/width))",
                         "linear": "floor + rise / (1 + exp(-(x - threshold)/width))"},
            ("floor", "rise", "threshold", "width"), 5, _step,
            lambda v: [np.linspace(-2, 2, 41), np.linspace(math.log(0.03), 0, 13)],
            lambda theta, beta, frame: [beta[:, 0], beta[:, 1], frame.leave(theta[:, 0]), np.exp(theta[:, 1]) * frame.half]),
        Law("knee", {"log": "a line in log10 x to the knee, another after it",
                     "linear": "a line to the knee, another after it"},
            ("knee", "intercept", "lower", "upper"), 5, _bend, _inner, _knee_words),
    )
}
"""Laws by name, from the fewest parameters on."""
