"""p-values, thresholds and multiplicity: arrays in, numbers out.

Sources: Phipson and Smyth 2010 (permutation p-values are never zero); Groeger, Wen, Brbic 2026 (calibrated scores);
Benjamini and Hochberg 1995; Holm 1979.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from platometer.errors import InputError, UndefinedError

SAME = 1e-12  # statistics this close are equal: the same re-pairing may be summed in another order


def p_value(score: float, draws: np.ndarray, *, alike: str = "high") -> float:
    """The share of {score} and draws that are at least as alike as the score: (1 + #{draw >= score}) / (B + 1).

    Parameters
    ----------
    score : the observed statistic.
    draws : (B,) the same statistic on re-paired data; equal values (to `SAME`) count against the claim.
    alike : ``"high"`` if large means alike, ``"low"`` if small does.

    Returns
    -------
    In [1/(B + 1), 1]. Valid at every level: P(p <= a) <= a under the null, whatever B.

    Raises
    ------
    UndefinedError
        There are no draws.

    Examples
    --------
    >>> p_value(0.5, np.array([0.1, 0.5, 0.2]))
    0.5
    """
    draws = _checked(draws)
    slack = SAME * max(1.0, abs(score))
    beaten = draws >= score - slack if alike == "high" else draws <= score + slack
    return (1 + int(beaten.sum())) / (len(draws) + 1)


def threshold(score: float, draws: np.ndarray, *, alpha: float = 0.05, alike: str = "high") -> float:
    """What a score must exceed to be significant: the ceil((1 - a)(B + 1))-th smallest of {score, draws}.

    Parameters
    ----------
    score : the observed statistic, which is one of the B + 1 exchangeable values.
    draws : (B,).
    alpha : level, in (0, 1).
    alike : ``"low"`` counts from the other end.

    Examples
    --------
    >>> threshold(9.0, np.arange(1.0, 20.0), alpha=0.1)
    17.0
    """
    draws = _checked(draws)
    if not 0 < alpha < 1:
        raise InputError(f"alpha = {alpha}; a level lies between 0 and 1.")
    sign = 1 if alike == "high" else -1
    values = np.sort(sign * np.append(draws, score))
    # the rounding guards against (1 - 0.1) * 20 = 18.000000000000004
    rank = math.ceil(round((1 - alpha) * len(values), 9))
    return float(sign * values[rank - 1])


def calibrated(score: float, tau: float, *, best: float) -> float:
    """The score on a scale where the threshold is 0 and perfect agreement 1: max((s - tau)/(best - tau), 0).

    Parameters
    ----------
    score : the observed statistic.
    tau : `threshold`.
    best : the score of perfect agreement.

    Returns
    -------
    In [0, 1]; 0 also where even perfect agreement would not exceed the threshold.

    Examples
    --------
    >>> calibrated(0.75, 0.5, best=1.0)
    0.5
    """
    room = best - tau
    if abs(room) <= SAME:
        return 0.0
    return float(min(max((score - tau) / room, 0.0), 1.0))


def benjamini_hochberg(ps: Sequence[float]) -> np.ndarray:
    """Adjusted p-values whose selection at level a has a false discovery rate of at most a.

    Parameters
    ----------
    ps : (m,) p-values, independent or positively dependent.

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.04, 0.04]
    """
    from scipy.stats import false_discovery_control

    return false_discovery_control(_probabilities(ps), method="bh")


def holm(ps: Sequence[float]) -> np.ndarray:
    """Adjusted p-values whose selection at level a contains any false one with probability at most a.

    Parameters
    ----------
    ps : (m,) p-values, however dependent.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    values = _probabilities(ps)
    order = np.argsort(values, kind="stable")
    stepped = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


@dataclass(frozen=True)
class Correlation:
    """Pearson's correlation and the least-squares line.

    Attributes
    ----------
    r : correlation, or None where it is undefined (fewer than three points, or no spread).
    low, high : ends of the 95 % interval by Fisher's z; None below four points.
    slope, intercept : of y on x; None where r is.
    n : points.
    """

    r: float | None
    low: float | None
    high: float | None
    slope: float | None
    intercept: float | None
    n: int


def correlation(x: Sequence[float], y: Sequence[float]) -> Correlation:
    """How y goes with x along a line.

    Parameters
    ----------
    x, y : (n,) finite.

    Raises
    ------
    InputError
        x and y are not lists of as many finite numbers.

    Examples
    --------
    >>> round(correlation([1, 2, 3, 4], [2, 4, 6, 8.1]).slope, 12)
    2.03
    """
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    n = len(a)
    if a.shape != (n,) or b.shape != (n,) or not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise InputError(f"x {a.shape} and y {b.shape} must be lists of as many numbers, all finite.")
    if n < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return Correlation(None, None, None, None, None, n)
    r = float(np.clip(np.corrcoef(a, b)[0, 1], -1, 1))
    slope = float(r * b.std() / a.std())
    low = high = None
    if n > 3:
        reach = 1.959963984540054 / math.sqrt(n - 3)
        z = math.atanh(min(max(r, -1 + 1e-15), 1 - 1e-15))
        low, high = math.tanh(z - reach), math.tanh(z + reach)
    return Correlation(r, low, high, slope, float(b.mean() - slope * a.mean()), n)


def _checked(draws: np.ndarray) -> np.ndarray:
    draws = np.asarray(draws, dtype=np.float64)
    if draws.ndim != 1 or len(draws) == 0:
        raise UndefinedError("Without draws there is no p-value and no threshold; ask for draws >= 1.")
    return draws


def _probabilities(ps: Sequence[float]) -> np.ndarray:
    values = np.asarray(ps, dtype=np.float64)
    if values.ndim != 1 or len(values) == 0 or not ((values >= 0) & (values <= 1)).all():
        raise InputError("p-values must be a non-empty list of numbers in [0, 1].")
    return values
