"""A score set against the exact moments of its null, without re-pairing anything.

One layer pair: a Pearson III curve (a shifted gamma) with the null's mean, variance and skewness gives the tail; for
counts it is read half a count lower. Many layer pairs: grids are simulated whose margins are those curves and whose
dependence is Gaussian with the exact covariance (a Gaussian copula), and each is summarised as the observed grid was.
The moments are exact; p and the threshold are approximate, by how much is measured in ``benchmarks/nulls/level.py``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import numba
import numpy as np
from scipy import special

from platometer import stats
from platometer.metrics import GridMoments
from platometer.nulls._calibration import Calibration, calibrate
from platometer.threads import each, spread

SIMULATED = 20_000
"""Simulated grids; no closed-form p is given below 1 / (SIMULATED + 1), beyond which the curves are not verified."""

_CHUNK = 2**21  # scores simulated at once
_REACH, _STEP = 8.0, 1 / 16  # of the tables of quantiles, in normal deviates
_STREAM = 2**63  # sets the words of the simulation apart from those of the re-pairings
_FLAT = 1e-4  # skewness below which a Pearson III curve is a normal curve to every digit that matters


def closed_form(
    observed: float,
    moments: GridMoments,
    *,
    summarise: Callable[[np.ndarray], np.ndarray],
    exact: tuple[float, float] | None = None,
    alike: str = "high",
    best: float | None = 1.0,
    alpha: float = 0.05,
    seed: int = 0,
) -> Calibration:
    """The observed statistic read against its null's moments; there are no draws in it.

    Parameters
    ----------
    observed : the summary of the observed grid.
    moments : of the grid.
    summarise : (B, L, M) -> (B,), as the observed grid was summarised.
    exact : mean and sd of the summary, where known; simulated summaries are moved to them.
    alike, best, alpha : as in `calibrate`.
    seed : of the simulated grids.

    Examples
    --------
    >>> one = np.ones((1, 1))
    >>> found = closed_form(1.645, GridMoments(0 * one, one, 0 * one, ()), summarise=lambda grids: grids[:, 0, 0])
    >>> round(found.p, 3), round(found.tau, 3), len(found.draws)
    (0.05, 1.645, 0)
    """
    curve = "Pearson III" if moments.unit is None else "Pearson III on counts"
    if moments.mean.size > 1:
        draws = np.concatenate([summarise(grids) for grids in simulated(moments, SIMULATED, seed=seed)])
        if exact is not None and draws.std() > 0:
            draws = exact[0] + (draws - draws.mean()) * (exact[1] / draws.std(ddof=1))
        found = calibrate(observed, draws, alike=alike, best=best, alpha=alpha, seed=seed)
        null = f"closed form ({curve}, Gaussian copula)"
        return dataclasses.replace(
            found, draws=np.empty(0), null=null, method="closed form", least=1 / (SIMULATED + 1),
        )
    margin = _margin(moments, 0, 0)
    p = min(1.0, max(margin.at_least(observed) if alike == "high" else margin.at_most(observed), 1 / (SIMULATED + 1)))
    tau = margin.quantile(1 - alpha if alike == "high" else alpha)
    mean, sd = margin.mean, margin.sd
    excess = (observed - mean) * (1 if alike == "high" else -1)
    return Calibration(
        observed=observed, p=p, null_mean=mean, null_sd=sd, z=excess / sd if sd else None, excess=excess, tau=tau,
        score=None if best is None else stats.calibrated(observed, tau, best=best), alpha=alpha, draws=np.empty(0),
        null=f"closed form ({curve})", seed=seed, method="closed form", least=1 / (SIMULATED + 1),
    )


def simulated(moments: GridMoments, draws: int, *, seed: int = 0) -> Iterator[np.ndarray]:
    """Grids of scores as chance would give them, (b, L, M) at a time; approximate, see the module's first lines.

    Parameters
    ----------
    moments : of the grid.
    draws : how many in all.
    seed : the same seed gives the same grids, however they are split.
    """
    rows, columns = moments.mean.shape
    sd = np.sqrt(moments.variance)
    scale = np.divide(1.0, sd, out=np.zeros_like(sd), where=sd > 0)
    margins = [[_margin(moments, i, j) for j in range(columns)] for i in range(rows)]
    bits = [np.random.Philox(key=np.array([seed % 2**64, _STREAM + i], dtype=np.uint64)) for i in range(len(moments.parts))]
    width = max([rows * columns] + [p.left.shape[2] * p.right.shape[2] for p in moments.parts])
    step = max(1, _CHUNK // width)
    tables = np.array(each(lambda line: [margin.table() for margin in line], margins))
    for start in range(0, draws, 2 * step):
        size = min(step, (draws - start + 1) // 2)
        z = np.zeros((size, rows, columns))
        for part, words in zip(moments.parts, bits, strict=True):
            r, s, copies = part.left.shape[2], part.right.shape[2], part.left.shape[1]
            noise = _normal(words, size * r * s).reshape(size, r, s)
            half = (part.left.reshape(rows * copies, r) @ noise).reshape(size, rows, copies * s)
            z += half @ part.right.reshape(columns, copies * s).T
        z *= scale
        grids = np.empty((2 * size, rows, columns))
        for offset, sign in enumerate((1.0, -1.0)):  # a normal grid and its mirror image are as likely
            spread(_warp, 0, size, z, sign, tables, grids[offset::2])
        if moments.unit is not None:
            grids = np.maximum(0.0, np.ceil(grids - 0.5)) * moments.unit
        yield grids[: draws - start]


@numba.njit(nogil=True, cache=True)
def _warp(first, stop, z, sign, tables, out):
    """Normal deviates (b, L, M) to scores, along the table of every layer pair (L, M, t)."""
    last = tables.shape[2] - 2
    for b in range(first, stop):
        for i in range(z.shape[1]):
            for j in range(z.shape[2]):
                place = (sign * z[b, i, j] + _REACH) / _STEP
                low = min(max(int(place), 0), last)
                here = tables[i, j, low]
                out[b, i, j] = here + min(max(place - low, 0.0), 1.0) * (tables[i, j, low + 1] - here)


class _Pearson:
    """A Pearson III curve: mean + sd * (gamma deviate of that skewness)."""

    def __init__(self, mean: float, sd: float, skewness: float) -> None:
        self.mean, self.sd, self.skewness = mean, sd, skewness

    def at_least(self, score: float) -> float:
        if self.sd == 0:
            return float(score <= self.mean + 1e-12)
        return float(_upper((score - self.mean) / self.sd, self.skewness))

    def at_most(self, score: float) -> float:
        if self.sd == 0:
            return float(score >= self.mean - 1e-12)
        return float(_upper((self.mean - score) / self.sd, -self.skewness))

    def quantile(self, p: float) -> float:
        return self.mean + self.sd * float(_deviate(special.ndtri(p), self.skewness))

    def table(self) -> np.ndarray:
        """The curve's quantiles at equally spaced normal deviates."""
        return self.mean + self.sd * _deviate(np.arange(-_REACH, _REACH + _STEP / 2, _STEP), self.skewness)


class _Counts:
    """The same curve on the counts 0, 1, ...: P(more than c) is what the curve leaves beyond c + 1/2."""

    def __init__(self, mean: float, sd: float, skewness: float, unit: float) -> None:
        self.mean, self.sd, self.unit = mean, sd, unit
        self._curve = _Pearson(mean / unit, sd / unit, skewness)

    def at_least(self, score: float) -> float:
        return self._curve.at_least(round(score / self.unit) - 0.5)

    def at_most(self, score: float) -> float:
        return self._curve.at_most(round(score / self.unit) + 0.5)

    def quantile(self, p: float) -> float:
        return max(0.0, np.ceil(self._curve.quantile(p) - 0.5)) * self.unit

    def table(self) -> np.ndarray:
        return self._curve.table()  # in counts, before rounding


def _margin(moments: GridMoments, i: int, j: int) -> _Pearson | _Counts:
    mean, sd, skewness = float(moments.mean[i, j]), float(moments.variance[i, j]) ** 0.5, float(moments.skewness[i, j])
    return _Pearson(mean, sd, skewness) if moments.unit is None else _Counts(mean, sd, skewness, moments.unit)


def _upper(x: np.ndarray | float, skewness: float) -> np.ndarray:
    """P(X >= x) of a standardised Pearson III variable."""
    x = np.asarray(x, dtype=np.float64)
    if abs(skewness) < _FLAT:
        return special.ndtr(-x)
    shape = 4 / skewness**2
    place = np.maximum(shape + x * shape**0.5 * np.sign(skewness), 0.0)
    return special.gammaincc(shape, place) if skewness > 0 else special.gammainc(shape, place)


def _deviate(z: np.ndarray | float, skewness: float) -> np.ndarray:
    """The standardised Pearson III deviate that is exceeded as often as the normal deviate z."""
    z = np.asarray(z, dtype=np.float64) * (np.sign(skewness) if skewness else 1.0)
    if abs(skewness) < _FLAT:
        return z
    shape = 4 / skewness**2
    above, beyond, place = z > 0, special.ndtr(-np.abs(z)), np.empty_like(z)
    place[above] = special.gammainccinv(shape, beyond[above])
    place[~above] = special.gammaincinv(shape, beyond[~above])
    return (place - shape) / shape**0.5 * np.sign(skewness)


def _normal(words: np.random.Philox, size: int) -> np.ndarray:
    """Normal deviates from raw bits, which are the same with every version of numpy."""
    parts = np.array_split(words.random_raw(size), 16)
    return np.concatenate(each(lambda part: special.ndtri(((part >> np.uint64(11)) + 0.5) * 2.0**-53), parts))
