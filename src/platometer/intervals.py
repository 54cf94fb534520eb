"""How sure a score is, and whether one space is closer to a third than another: intervals that fit the metric.

A score of n samples is an estimate of what fresh samples of the same size would score on average. (Debiased CKA of
many samples is the same number. Mutual kNN with k fixed, and biased CKA, fall with n: their intervals say nothing
about other n.) Three ways to say how far it may be off:

``"subsample"``, the default, for every metric
    Cut the samples into two random halves, many times. The halves share no sample and no copy, so the difference of their
    scores has twice the variance of a score at n/2, exactly; the variance at n is half of that at n/2 (the rate of every
    score with a sqrt(n) limit; Politis and Romano 1994). Where a score is a share of neighbours, whose variance
    follows its level, and the level falls with n, this is done on the scale of arcsin(sqrt(score)); differences of two
    scores are taken as they are. Student's t with as many degrees of freedom as halvings, so that few of them widen the
    interval.
``"jackknife"``, for metrics that see all distances
    Leave out one of g random groups at a time: (g-1)/g sum (s_j - mean)^2 (Tukey 1958; Shao and Wu 1989). For neighbour
    metrics it is too wide, by 1.4 to 1.8 at k = 10 and more at k = 1: a jackknife overestimates (Efron and Stein 1981),
    and what depends on the few nearest stays rough however many samples there are.
``"queries"``, for neighbour metrics
    Draw the queries again and hold everyone's neighbours fixed. It answers another question: how the score would
    vary over other queries *in this gallery*; for fresh galleries it is too narrow.

None of them draws samples with replacement: copies become each other's neighbours, and independent data would score
0.106 instead of 0.010. Measured coverage: ``docs/intervals.md``, from ``benchmarks/intervals/measure.py``.

>>> import numpy as np
>>> rng = np.random.default_rng(0)
>>> z = rng.normal(size=(200, 3))
>>> x, near, far = (z + noise * rng.normal(size=z.shape) for noise in (0.3, 0.3, 0.6))
>>> found = interval(x, near, "mutual_knn(k=10)", draws=40)
>>> found.low < found.score < found.high
True
>>> compare_alignments(near, far, x, "mutual_knn(k=10)", draws=40).p < 0.001
True
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy import special

from platometer.conditioning import Conditioning
from platometer.errors import InputError, ShapeError, SpecError, UndefinedError, suggestion
from platometer.features import Features, check_same_samples
from platometer.knn import Neighbours
from platometer.metrics import Metric, parse
from platometer.metrics._neighbourhoods import overlap

METHODS = ("subsample", "jackknife", "queries")
SUMMARIES = ("max", "mean", "last")
"""How a grid of layers becomes one score, inside every draw, so that a selected maximum is selected each time."""

_DRAWS = {"subsample": 100, "jackknife": 50, "queries": 2000}
_NOTES = {
    "subsample": "for the mean score of fresh samples of this size",
    "jackknife": "for the mean score of fresh samples of this size",
    "queries": "for other queries in this gallery, which is held fixed; too narrow for fresh galleries",
}
_ROUGH = "; too wide for neighbour metrics, by 1.4 to 1.8 at k = 10 and more below"

Statistic = Callable[[np.ndarray], np.ndarray]
"""Rows of the samples -> the scores over them, (1,) or (2,)."""


@dataclass(frozen=True)
class Interval:
    """A score and how far it may be off.

    Attributes
    ----------
    score : on all samples.
    low, high : ends of the interval.
    level : nominal coverage.
    method : one of `METHODS`.
    sd : of the score.
    coverage : what is covered.
    metric, conditioning, summary : as specs.
    n, draws, seed : samples; halvings, groups or draws of queries; of the draws.
    """

    score: float
    low: float
    high: float
    level: float
    method: str
    sd: float
    coverage: str
    metric: str
    conditioning: str
    summary: str
    n: int
    draws: int
    seed: int


@dataclass(frozen=True)
class Comparison:
    """Whether A is closer to C than B is.

    Attributes
    ----------
    difference : by how much A is closer, in the metric's units; negative if B is. It is score A - score B, or the
        reverse where low means alike.
    low, high : ends of its interval.
    p : two-sided, of no difference; below 1 - level exactly where the interval leaves out 0.
    a, b : the scores of A with C and of B with C.
    level, method, sd, coverage, metric, conditioning, summary, n, draws, seed : as in `Interval`.
    """

    difference: float
    low: float
    high: float
    p: float
    a: float
    b: float
    level: float
    method: str
    sd: float
    coverage: str
    metric: str
    conditioning: str
    summary: str
    n: int
    draws: int
    seed: int


def interval(
    left: object,
    right: object,
    metric: str | Metric = "mutual_knn",
    *,
    method: str = "subsample",
    level: float = 0.95,
    draws: int | None = None,
    seed: int = 0,
    conditioning: str | Conditioning = "unit",
    summary: str = "max",
) -> Interval:
    """The score of two sides with an interval that fits the metric.

    Parameters
    ----------
    left, right : arrays (n, d) and (n, p), several layers of them, or `Features`; row i of both is the same sample.
    metric : spec.
    method : one of `METHODS`; the module's first lines say which is for what.
    level : nominal coverage.
    draws : number of halvings (100), of groups (50) or of draws of queries (2,000).
    seed : of the draws.
    conditioning : applied to all samples, once.
    summary : one of `SUMMARIES`.

    Raises
    ------
    InputError
        A method that does not fit the metric, and why; ``"bootstrap"`` fits none.
    UndefinedError
        A score does not exist, on all samples or on half of them.
    """
    study = _Study.of([left], right, metric, conditioning, summary, names=("left", "right"))
    draws = _checked(study.metric, study.n, method, level, draws)
    observed = study.scores(np.arange(study.n))
    low, high, sd, _ = _spread(study, observed, method, level, draws, seed)
    return Interval(
        score=float(observed[0]), low=low, high=high, level=level, method=method, sd=sd,
        coverage=_note(study.metric, method), metric=str(study.metric), conditioning=study.conditioning, summary=summary,
        n=study.n, draws=draws, seed=seed,
    )


def compare_alignments(
    a: object,
    b: object,
    reference: object,
    metric: str | Metric = "mutual_knn",
    *,
    method: str = "subsample",
    level: float = 0.95,
    draws: int | None = None,
    seed: int = 0,
    conditioning: str | Conditioning = "unit",
    summary: str = "max",
) -> Comparison:
    """Whether A is closer to the reference than B is, over the same samples.

    Every draw scores A and B on the same rows, so that what both owe to these samples cancels. Exchanging A and B sample
    by sample, as a sign-flip test would, is no null: their coordinates live in different spaces, and a Gram matrix
    mixed from two spaces belongs to neither. So the difference is set against its own spread, which is right in large
    samples; p is for the hypothesis that fresh samples of this size would score A and B alike on average.

    Parameters
    ----------
    a, b, reference : as ``left`` of `interval`, with the same samples.
    metric, method, level, draws, seed, conditioning, summary : as in `interval`.
    """
    study = _Study.of([a, b], reference, metric, conditioning, summary, names=("a", "b", "reference"))
    draws = _checked(study.metric, study.n, method, level, draws)
    observed = study.scores(np.arange(study.n))
    low, high, sd, p = _spread(study, observed, method, level, draws, seed)
    sign = study.metric.facts.sign
    low, high = (low, high) if sign > 0 else (-high, -low)
    return Comparison(
        difference=float(sign * (observed[0] - observed[1])), low=low, high=high, p=p,
        a=float(observed[0]), b=float(observed[1]), level=level, method=method, sd=sd,
        coverage=_note(study.metric, method), metric=str(study.metric),
        conditioning=study.conditioning, summary=summary, n=study.n, draws=draws, seed=seed,
    )


@dataclass(frozen=True, eq=False)
class _Study:
    """One or two sides against a reference, ready to be scored on any rows.

    Attributes
    ----------
    sides : the layers of each, (n, d) float64, conditioned.
    reference : layers.
    """

    sides: tuple[list[torch.Tensor], ...]
    reference: list[torch.Tensor]
    metric: Metric
    conditioning: str
    summary: str
    n: int

    @classmethod
    def of(
        cls, sides: Sequence[object], reference: object, metric: str | Metric, conditioning: str | Conditioning, summary: str,
        *, names: Sequence[str],
    ) -> _Study:
        if summary not in SUMMARIES:
            raise SpecError(f"There is no summary {summary!r} here. {suggestion(summary, SUMMARIES)}")
        metric, conditioning = parse(metric), Conditioning.parse(conditioning)
        read = [Features.of(side, name=name) for side, name in zip((*sides, reference), names, strict=True)]
        for features in read[1:]:
            check_same_samples(read[0], features)
        metric.check_n(read[0].n)
        layers = [
            conditioning.all([f.matrix(name) for name in f.names], names=[f"{f.model.name}, layer {name}" for name in f.names])
            for f in read
        ]
        return cls(tuple(layers[:-1]), layers[-1], metric, str(conditioning), summary, read[0].n)

    def prepared(self, layers: Sequence[torch.Tensor], rows: np.ndarray | None) -> list:
        index = None if rows is None else torch.from_numpy(rows)
        return [self.metric.prepare(x if index is None else x[index.to(x.device)]) for x in layers]

    def scores(self, rows: np.ndarray) -> np.ndarray:
        """(1,) or (2,): the score of each side with the reference over some samples."""
        at = None if len(rows) == self.n else rows
        try:
            right = self.prepared(self.reference, at)
            grids = [self.metric.grid(self.prepared(side, at), right).numpy() for side in self.sides]
        except UndefinedError as error:
            if at is None:
                raise
            raise UndefinedError(f"On {len(rows)} of {self.n} samples the score does not exist: {error}") from error
        return np.array([self.summarised(grid) for grid in grids])

    def summarised(self, grid: np.ndarray) -> np.ndarray:
        """(..., L, M) -> (...)"""
        if self.summary == "mean":
            return grid.mean((-2, -1))
        if self.summary == "last":
            return grid[..., -1, -1]
        return grid.max((-2, -1)) if self.metric.facts.alike == "high" else grid.min((-2, -1))

    def contrast(self, scores: np.ndarray) -> float:
        """What is estimated: a difference; or one score, on the scale where its variance does not follow its level."""
        if len(scores) == 2:
            return float(scores[0] - scores[1])
        return math.asin(math.sqrt(min(max(float(scores[0]), 0.0), 1.0))) if self.is_share else float(scores[0])

    def plain(self, value: float) -> float:
        """From that scale back, held inside the metric's range."""
        if self.is_share:
            return math.sin(min(max(value, 0.0), math.pi / 2)) ** 2
        low, high = self.metric.facts.range
        return min(max(value, low), high)

    def slope(self, score: float) -> float:
        """What one unit of that scale is worth, here."""
        return 2 * math.sqrt(max(score * (1 - score), 0.0)) if self.is_share else 1.0

    @property
    def is_share(self) -> bool:
        """Whether a score is a share of neighbours."""
        return self.metric.facts.scope == "local" and self.metric.facts.range == (0.0, 1.0)


def _spread(
    study: _Study, observed: np.ndarray, method: str, level: float, draws: int, seed: int
) -> tuple[float, float, float, float]:
    """low, high, sd, and p of no difference, of the score or of the difference of two."""
    stream = np.random.Generator(np.random.Philox(key=seed % 2**64))
    if method == "queries":
        return _over_queries(study, observed, level, draws, stream)
    single = len(observed) == 1
    value = lambda rows: study.contrast(study.scores(rows))  # noqa: E731
    if method == "subsample":
        sd, freedom = _halves(value, study.n, draws, stream), draws
    else:
        sd, freedom = _groups(value, study.n, draws, stream), draws - 1
    reach = float(special.stdtrit(freedom, (1 + level) / 2)) * sd
    middle = study.contrast(observed)
    if single:
        return study.plain(middle - reach), study.plain(middle + reach), sd * study.slope(float(observed[0])), math.nan
    p = 1.0 if middle == 0 else 0.0 if sd == 0 else float(2 * special.stdtr(freedom, -abs(middle) / sd))
    return middle - reach, middle + reach, sd, p


def _halves(value: Callable[[np.ndarray], float], n: int, draws: int, stream: np.random.Generator) -> float:
    """sd at n from differences between halves that share no sample: Var(n) = h/n Var(h) = h/n E(s - s')^2 / 2."""
    h = n // 2
    squares = 0.0
    for _ in range(draws):
        order = stream.random(n).argsort(kind="stable")
        squares += (value(np.sort(order[:h])) - value(np.sort(order[h : 2 * h]))) ** 2
    return math.sqrt(squares / draws / 2 * h / n)


def _groups(value: Callable[[np.ndarray], float], n: int, groups: int, stream: np.random.Generator) -> float:
    """sd at n by leaving out one random group at a time."""
    order = stream.random(n).argsort(kind="stable")
    left = [value(np.sort(np.delete(order, part))) for part in np.array_split(np.arange(n), groups)]
    return math.sqrt((groups - 1) * float(np.var(left)))


def _over_queries(
    study: _Study, observed: np.ndarray, level: float, draws: int, stream: np.random.Generator
) -> tuple[float, float, float, float]:
    """The same by drawing queries with replacement, everyone's neighbours fixed."""
    right = study.prepared(study.reference, None)
    tables = []
    for side in study.sides:
        left = study.prepared(side, None)
        tables.append(np.stack([np.stack([_per_query(study.metric, a, b) for b in right], -1) for a in left], -2))  # (n, L, M)
    values = np.empty((draws, len(tables)))
    for start in range(0, draws, 256):
        stop = min(start + 256, draws)
        picks = stream.integers(0, study.n, size=(stop - start, study.n))
        weight = np.stack([np.bincount(row, minlength=study.n) for row in picks]) / study.n
        for column, table in enumerate(tables):
            grids = (weight @ table.reshape(study.n, -1)).reshape(-1, *table.shape[1:])
            values[start:stop, column] = study.summarised(grids)
    contrast = values[:, 0] if len(tables) == 1 else values[:, 0] - values[:, 1]
    low, high = np.quantile(contrast, [(1 - level) / 2, (1 + level) / 2])
    p = min(1.0, 2 * (1 + int(min((contrast <= 0).sum(), (contrast >= 0).sum()))) / (draws + 1))
    return float(low), float(high), float(contrast.std(ddof=1)), p


def _per_query(metric: Metric, a: object, b: object) -> np.ndarray:
    """(n,) the score of each sample, whose mean is the metric's."""
    own = getattr(metric, "per_sample", None)
    if own is not None:
        return np.asarray(own(a, b), dtype=np.float64)
    if metric.name == "mutual_knn" and isinstance(a, Neighbours) and isinstance(b, Neighbours):
        return overlap(a, b).cpu().numpy() / metric.k  # type: ignore[attr-defined]
    raise InputError(
        f"{metric} gives no score for each query, so queries cannot be drawn again on their own. Use method='subsample'"
        + ("." if metric.facts.scope == "local" else " or 'jackknife'.")
    )


def _checked(metric: Metric, n: int, method: str, level: float, draws: int | None) -> int:
    """The number of draws, if all of it makes sense."""
    if method == "bootstrap":
        raise InputError(
            "method='bootstrap': drawing samples with replacement puts copies among them, which become each other's nearest "
            "neighbours (independent data scores 0.106 instead of 0.010) and each other's twins in a Gram matrix. "
            "Use method='subsample'" + (" or 'jackknife'." if metric.facts.scope == "global" else ".")
        )
    if method not in METHODS:
        raise SpecError(f"There is no method {method!r}. {suggestion(method, METHODS)}")
    if not 0 < level < 1:
        raise InputError(f"level = {level}; a coverage lies between 0 and 1.")
    if method == "subsample" and n // 2 < metric.least_n:
        raise ShapeError(
            f"{metric} needs {metric.least_n} samples, and half of {n} are {n // 2}: too few for method='subsample'. "
            "Use more samples" + ("." if metric.facts.scope == "global" else " or a smaller k.")
        )
    draws = _DRAWS[method] if draws is None else draws
    if method == "jackknife":
        draws = min(draws, n)
        if n - math.ceil(n / max(draws, 1)) < metric.least_n:
            raise ShapeError(f"{metric} needs {metric.least_n} samples; with {draws} groups fewer remain of {n}.")
    if draws < 2:
        raise InputError(f"draws = {draws}; a spread needs at least 2.")
    return draws


def _note(metric: Metric, method: str) -> str:
    return _NOTES[method] + (_ROUGH if method == "jackknife" and metric.facts.scope == "local" else "")
