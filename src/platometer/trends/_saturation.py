"""How alignment goes with how much of each side is seen: captions of a picture and pictures, say, each with a law of its own.

y = s - a f^-alpha - b c^-beta (Zhu et al. 2026 for frames and captions): s is what endless data of both kinds would give, a and
b what one of each costs, alpha and beta how fast that is made good. a is negative where y falls with f, as mutual kNN of a
fixed k falls with the number of pictures to choose from (Koepke et al. 2026). Least squares; alpha and beta are searched, the
rest follows. How well it predicts is asked of whole groups of points that the fit never saw, and beside it how well without
f, without c, and without either.

>>> f, c = np.repeat([1, 2, 4, 8], 4), np.tile([1, 2, 4, 8], 4)
>>> found = saturation(f, c, 0.5 - 0.2 / f - 0.1 * c**-0.5, draws=50)
>>> [round(found.parameters[name].value, 2) for name in ("s", "a", "alpha", "b", "beta")]
[0.5, 0.2, 1.0, 0.1, 0.5]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize

from platometer.errors import InputError, UndefinedError
from platometer.trends._units import DRAWS, Estimate, Labels, Units, estimate, points, units

_POWERS = np.geomspace(0.05, 4.0, 24)
"""Exponents that are tried."""

_TERMS = {"both": (True, True), "first": (True, False), "second": (False, True), "neither": (False, False)}


@dataclass(frozen=True)
class Saturation:
    """The law of two counts, fitted.

    Attributes
    ----------
    names : of the two counts.
    parameters : ``s``, ``a``, ``alpha``, ``b``, ``beta``, with intervals over units.
    r2 : share of the variance of y that the law accounts for, on the points it was fitted to.
    held_out : R2 on units that a fit never saw, against the mean of those that it saw: of the law with ``"both"`` counts, with
        the ``"first"`` or the ``"second"`` alone, and with ``"neither"`` (0, by its making). Below 0 is worse than a mean.
    n : points.
    units : what was left out and drawn again as a whole.
    note : where an exponent ran into the end of what is searched; empty if it did not.
    """

    names: tuple[str, str]
    parameters: Mapping[str, Estimate]
    r2: float
    held_out: Mapping[str, float]
    n: int
    units: str
    note: str = ""

    def __str__(self) -> str:
        told = ", ".join(f"{name} {value}" for name, value in self.parameters.items())
        f, c = self.names
        beside = {"both": "with both", "first": f"{f} alone", "second": f"{c} alone"}
        unseen = ", ".join(f"{self.held_out[key]:.3g} {word}" for key, word in beside.items())
        return (f"s - a {f}^-alpha - b {c}^-beta: {told}; R2 {self.r2:.3f}, on unseen {unseen} ({self.n} points, {self.units})"
                + (f"; {self.note}" if self.note else ""))

    def at(self, first: Sequence[float] | np.ndarray | float, second: Sequence[float] | np.ndarray | float) -> np.ndarray:
        """y of the law; beyond the data an extrapolation.

        Parameters
        ----------
        first, second : counts, of one shape.
        """
        s, a, alpha, b, beta = (self.parameters[name].value for name in ("s", "a", "alpha", "b", "beta"))
        return s - a * np.asarray(first, float) ** -alpha - b * np.asarray(second, float) ** -beta


def saturation(
    first: Sequence[float] | np.ndarray, second: Sequence[float] | np.ndarray, y: Sequence[float] | np.ndarray, *,
    groups: Labels | None = None, names: tuple[str, str] = ("f", "c"), draws: int = DRAWS // 4, level: float = 0.95,
    seed: int = 0,
) -> Saturation:
    """The least-squares law of two counts, with intervals, and how well it predicts what it never saw.

    Parameters
    ----------
    first, second : (m,) counts, 1 or more, such as pictures and captions.
    y : (m,) alignment.
    groups : (m,) what is independent and left out as a whole, such as the pair of models; each point if None. Levels of
        groups are not their own: give y less its group's mean where groups differ in level and the shape is asked for.
    names : of the counts.
    draws, level, seed : of the intervals.

    Raises
    ------
    InputError
        A count is below 1.
    UndefinedError
        A count has fewer than three values, or y is constant; its exponent cannot be known.
    """
    f, z = points(first, y)
    c, _ = points(second, y)
    for name, side in zip(names, (f, c), strict=True):
        if side.min() < 1:
            raise InputError(f"{name} has the value {side.min():g}; expected counts of 1 or more.")
        if len(np.unique(side)) < 3:
            raise UndefinedError(f"{name} has {len(np.unique(side))} different values; an exponent needs three.")
    if len(z) < 7 or np.ptp(z) == 0:
        raise UndefinedError(f"{len(z)} points of {len(np.unique(z))} different y; five parameters need seven points "
                             "and spread.")
    known = units(len(z), groups=groups)
    theta, beta = _polished(f, c, z)
    powers, linear = _fitted(f, c, z, known.weights(draws, seed), (True, True))
    values = dict(zip(("s", "a", "b", "alpha", "beta"), (beta[0], -beta[1], -beta[2], *theta), strict=True))
    again = {"s": linear[:, 0], "a": -linear[:, 1], "b": -linear[:, 2], "alpha": powers[:, 0], "beta": powers[:, 1]}
    told = {name: estimate(float(values[name]), again[name], count=known.count, level=level)
            for name in ("s", "a", "alpha", "b", "beta")}
    left = float(((z - _curve(f, c, theta, beta)) ** 2).sum())
    ended = [name for name, power in zip(("alpha", "beta"), theta, strict=True)
             if power <= _POWERS[0] * 1.001 or power >= _POWERS[-1] * 0.999]
    note = f"{' and '.join(ended)} at the end of what was searched" if ended else ""
    return Saturation(names, told, 1 - left / float(((z - z.mean()) ** 2).sum()), _held_out(f, c, z, known), len(z),
                      str(known), note)


def _held_out(f: np.ndarray, c: np.ndarray, y: np.ndarray, known: Units) -> dict[str, float]:
    """R2 on units left out, of each set of terms."""
    seen, scored = known.folds()
    if seen.sum(1).min() < 6:
        raise UndefinedError(f"With {known} one left out leaves {int(seen.sum(1).min())} points; the law needs six.")
    weights = seen.astype(np.float64)
    mean = (weights @ y) / weights.sum(1)
    about = sum(float(((y[fold] - mean[i]) ** 2).sum()) for i, fold in enumerate(scored))
    out = {}
    for name, terms in _TERMS.items():
        powers, linear = _fitted(f, c, y, weights, terms)
        wrong = sum(float(((y[fold] - _curve(f[fold], c[fold], powers[i], linear[i])) ** 2).sum())
                    for i, fold in enumerate(scored))
        out[name] = 1 - wrong / about
    return out


def _fitted(f: np.ndarray, c: np.ndarray, y: np.ndarray, weights: np.ndarray, terms: tuple[bool, bool]) -> tuple:
    """(B, 2) exponents and (B, 3) coefficients of 1, f^-alpha, c^-beta, the best on the grid for each weighting."""
    best = np.full(len(weights), np.inf)
    powers, linear = np.ones((len(weights), 2)), np.zeros((len(weights), 3))
    for alpha in _POWERS if terms[0] else (1.0,):
        for beta in _POWERS if terms[1] else (1.0,):
            x = np.stack([np.ones_like(f), *([f**-alpha] if terms[0] else []), *([c**-beta] if terms[1] else [])], 1)
            normal = np.einsum("bm,mi,mj->bij", weights, x, x, optimize=True)
            normal += 1e-12 * np.trace(normal, axis1=1, axis2=2)[:, None, None] * np.eye(x.shape[1])
            found = np.linalg.solve(normal, ((weights * y) @ x)[..., None])[..., 0]
            wrong = (weights * (y - found @ x.T) ** 2).sum(1)
            better = wrong < best
            best = np.where(better, wrong, best)
            powers[better] = alpha, beta
            linear[better, 0] = found[better, 0]
            linear[better, 1] = found[better, 1] if terms[0] else 0.0
            linear[better, 2] = found[better, -1] if terms[1] else 0.0
    return powers, linear


def _polished(f: np.ndarray, c: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Exponents and coefficients of all points, from the grid's best on."""
    powers, _ = _fitted(f, c, y, np.ones((1, len(y))), (True, True))

    def solved(theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x = np.stack([np.ones_like(f), f ** -np.exp(theta[0]), c ** -np.exp(theta[1])], 1)
        return x, np.linalg.lstsq(x, y, rcond=None)[0]

    def left(theta: np.ndarray) -> np.ndarray:
        x, beta = solved(theta)
        return y - x @ beta

    limits = np.log(_POWERS[[0, -1]])
    start = np.clip(np.log(powers[0]), limits[0] + 1e-9, limits[1] - 1e-9)
    found = optimize.least_squares(left, start, bounds=(limits[0], limits[1]), xtol=1e-12, ftol=1e-12, gtol=1e-12).x
    return np.exp(found), solved(found)[1]


def _curve(f: np.ndarray, c: np.ndarray, powers: np.ndarray, linear: np.ndarray) -> np.ndarray:
    return linear[0] + linear[1] * f ** -powers[0] + linear[2] * c ** -powers[1]
