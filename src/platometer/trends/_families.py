"""Does it rise inside families, or only from one family to the next?

`within_families` gives the slope inside each family and what they have in common; a trend that is only a difference of
families has a slope between and none within. `mixed` is the line with families as random effects (Laird and Ware 1982),
by restricted maximum likelihood, and needs statsmodels (``pip install 'platometer[trends]'``).

>>> x, family = [1, 2, 3, 11, 12, 13, 21, 22, 23], list("aaabbbccc")
>>> found = within_families(x, [5, 4, 3.1, 9, 8.1, 7, 12, 11.2, 10], groups=family, draws=200)
>>> found.within.value < 0 < found.between.value
True
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from platometer.errors import UndefinedError, missing
from platometer.trends._correlation import weighted_slope
from platometer.trends._units import DRAWS, Estimate, Labels, Units, estimate, points, units


@dataclass(frozen=True)
class WithinFamilies:
    """Slopes inside families, and from family to family.

    Attributes
    ----------
    slopes : family -> slope of its own line, with Student's interval, where it has three points and two different x.
    within : the slope that all families have in common, each with its own level.
    between : slope of the families' means; None where these do not differ in x.
    left_out : families without a slope of their own.
    """

    slopes: Mapping[Hashable, Estimate]
    within: Estimate
    between: Estimate | None
    left_out: tuple[Hashable, ...]

    def __str__(self) -> str:
        rising = sum(one.value > 0 for one in self.slopes.values())
        between = "no x differs between families" if self.between is None else f"between families {self.between}"
        return f"within families {self.within} ({rising} of {len(self.slopes)} rise), {between}"


def within_families(
    x: Sequence[float] | np.ndarray, y: Sequence[float] | np.ndarray, *, groups: Labels, draws: int = DRAWS,
    level: float = 0.95, seed: int = 0,
) -> WithinFamilies:
    """The slope inside families, and between them.

    Parameters
    ----------
    x, y : (m,).
    groups : (m,) families.
    draws, level, seed : of the intervals, which resample families; that of the slope inside is Student's, from the points,
        where x varies in fewer than three families.

    Raises
    ------
    UndefinedError
        Fewer than three families, or none in which x varies.
    """
    a, b = points(x, y)
    known = units(len(a), groups=groups)
    member = (known.sides[0] == np.arange(known.count)[:, None]).astype(np.float64)
    size = member.sum(1)
    mean_x, mean_y = (member @ side / size for side in (a, b))
    inner_x, inner_y = a - mean_x[known.sides[0]], b - mean_y[known.sides[0]]
    if (inner_x**2).sum() <= 1e-14 * (a**2).sum():
        raise UndefinedError("x does not vary inside any family; there is no slope within.")
    weights = known.weights(draws, seed)
    first = np.array([np.flatnonzero(row)[0] for row in member])

    def told(u: np.ndarray, v: np.ndarray, w: np.ndarray) -> Estimate:
        value = float(weighted_slope(u, v, np.ones((1, len(u))))[0])
        return estimate(value, weighted_slope(u, v, w), count=known.count, level=level)

    slopes = {}
    for name, row in zip(known.names[0], member > 0, strict=True):
        if row.sum() >= 3 and np.ptp(a[row]) > 0:
            slopes[name] = _line(a[row], b[row], level)
    varied = [row for row in member > 0 if np.ptp(a[row]) > 0]
    inside = np.any(varied, axis=0)
    within = (told(inner_x, inner_y, weights) if len(varied) >= 3
              else _line(inner_x[inside], inner_y[inside], level, levels=len(varied)))
    apart = np.ptp(mean_x) > 1e-12 * max(np.abs(mean_x).max(), np.finfo(float).tiny)
    return WithinFamilies(slopes, within, told(mean_x, mean_y, weights[:, first]) if apart else None,
                          tuple(name for name in known.names[0] if name not in slopes))


@dataclass(frozen=True)
class Mixed:
    """A line with units as random effects.

    Attributes
    ----------
    slope, intercept : with Student's intervals, units less one degrees of freedom.
    p : of the slope, two-sided, likewise.
    sd : name of the random effect -> its standard deviation, in y; ``"residual"`` is what is left.
    share : share of the variance around the line that lies between units.
    n : points.
    units : what the random effects belong to.
    note : where the fit is at the edge of what it may be; empty if not.
    """

    slope: Estimate
    intercept: Estimate
    p: float
    sd: Mapping[str, float]
    share: float
    n: int
    units: str
    note: str = ""

    def __str__(self) -> str:
        told = f"slope {self.slope}, p = {self.p:.2g}; {self.share:.0%} of the rest lies between units ({self.units})"
        return told + (f"; {self.note}" if self.note else "")


def mixed(
    x: Sequence[float] | np.ndarray, y: Sequence[float] | np.ndarray, *, groups: Labels | None = None,
    crossed: tuple[Labels, Labels] | None = None, level: float = 0.95,
) -> Mixed:
    """The line whose level differs from unit to unit at random: families, or the left and the right models of pairs.

    Parameters
    ----------
    x, y : (m,).
    groups : (m,) families.
    crossed : (m,) left and (m,) right units, where points are pairs; an effect for each side.
    level : of the intervals.

    Raises
    ------
    MissingDependencyError
        statsmodels is not installed.
    UndefinedError
        Neither was given, too few units, or the fit does not converge.
    """
    a, b = points(x, y)
    known = units(len(a), groups=groups, crossed=crossed)
    if known.kind == "points":
        raise UndefinedError("Random effects need groups= or crossed=; without them use correlate.")
    if known.count < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        raise UndefinedError(f"Random effects of {known} cannot be told from the line; three units and spread are needed.")
    sizes = float(a.std()), float(b.std())
    u, v = (a - a.mean()) / sizes[0], (b - b.mean()) / sizes[1]
    found, note = _effects(u, v, known)
    unit = sizes[1] / sizes[0]
    slope = _student(float(found.fe_params[1]), float(found.bse_fe[1]), known.count - 1, level, unit)
    at = b.mean() - slope.value * a.mean() + sizes[1] * float(found.fe_params[0])
    reach = sizes[1] * math.hypot(float(found.bse_fe[0]), float(found.bse_fe[1]) * a.mean() / sizes[0])
    intercept = _student(float(at), reach, known.count - 1, level, 1.0)
    variances = _variances(found, known) | {"residual": float(found.scale)}
    total = sum(variances.values())
    p = 2 * float(special.stdtr(known.count - 1, -abs(float(found.fe_params[1] / found.bse_fe[1]))))
    return Mixed(slope, intercept, p, {name: sizes[1] * math.sqrt(value) for name, value in variances.items()},
                 float(1 - variances["residual"] / total), len(a), str(known), note)


def _effects(x: np.ndarray, y: np.ndarray, known: Units) -> tuple:
    """statsmodels' fit, and a note where a variance is at zero."""
    try:
        from statsmodels.regression.mixed_linear_model import MixedLM, VCSpec
    except ImportError:
        raise missing("statsmodels", "trends", wanted_for="A line with random effects") from None
    design = np.stack([np.ones_like(x), x], 1)
    if known.kind == "groups":
        model = MixedLM(y, design, groups=known.sides[0])
    else:
        parts = [(side[:, None] == np.arange(len(names))).astype(float)
                 for side, names in zip(known.sides, known.names * 2, strict=False)]
        parts = parts if len(known.names) == 2 else [parts[0] + parts[1]]  # a model's effect is the same on both sides
        labels = [[[f"u{i}" for i in range(part.shape[1])]] for part in parts]
        spec = VCSpec(_effect_names(known), labels, [[part] for part in parts])
        model = MixedLM(y, design, groups=np.zeros(len(x)), exog_vc=spec)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # said in the note instead
        try:
            found = model.fit(reml=True, method=["lbfgs", "powell"])
        except np.linalg.LinAlgError:
            raise UndefinedError("The random effects cannot be told apart: too few units, or a perfect fit.") from None
    if not found.converged or not np.isfinite(found.bse_fe).all():
        raise UndefinedError(f"The line with {known} as random effects does not converge; use correlate or within_families.")
    return found, "an effect of variance zero" if min(_variances(found, known).values()) < 1e-4 * found.scale else ""


def _effect_names(known: Units) -> list[str]:
    return ["groups"] if known.kind == "groups" else ["left", "right"] if len(known.names) == 2 else ["models"]


def _variances(found: Any, known: Units) -> dict[str, float]:
    parts = np.ravel(found.cov_re if known.kind == "groups" else found.vcomp)
    return {name: max(float(part), 0.0) for name, part in zip(_effect_names(known), parts, strict=True)}


def _line(x: np.ndarray, y: np.ndarray, level: float, *, levels: int = 1) -> Estimate:
    """The slope with Student's interval, so many levels having been taken away."""
    df = len(x) - levels - 1
    if df < 1:
        raise UndefinedError(f"There is no interval of a slope from {len(x)} points of {levels} families.")
    middle = x - x.mean()
    size = float(middle @ middle)
    slope = float(middle @ y) / size
    left = y - y.mean() - slope * middle
    return _student(slope, math.sqrt(float(left @ left) / df / size), df, level, 1.0)


def _student(value: float, se: float, df: int, level: float, unit: float) -> Estimate:
    reach = -float(special.stdtrit(df, (1 - level) / 2)) * se
    return Estimate(value * unit, (value - reach) * unit, (value + reach) * unit, level)
