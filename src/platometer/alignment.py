"""Alignment of two models: the grid over layer pairs, its summary, and what chance alone would give.

>>> import numpy as np
>>> rng = np.random.default_rng(0)
>>> z = rng.normal(size=(60, 4))
>>> x, y = z @ rng.normal(size=(4, 16)), z @ rng.normal(size=(4, 24))
>>> found = align(x, y, "mutual_knn(k=5)", draws=99)
>>> found.calibration.p
0.01
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from platometer import arrays, nulls, threads
from platometer.cards import Card, versions
from platometer.conditioning import Conditioning
from platometer.errors import InputError, PlatometerError, SpecError, UndefinedError, suggestion
from platometer.features import Features, check_same_samples
from platometer.metrics import Facts, GridMoments, Metric, parse
from platometer.nulls import Calibration

SUMMARIES = ("max", "mean", "last", "rowmax")
"""How a grid becomes one score: the most alike pair of layers; the mean over pairs; the last layer of each; the mean
over left layers of the most alike right layer."""

NULLS = ("draws", "closed-form", "auto")
"""Where chance comes from: re-pairings, in the number asked for; the null's exact moments, without a draw; or the
moments where they leave no doubt that a score is chance, and else as many re-pairings as it takes."""

OPEN = 2.0
"""``null="auto"`` draws wherever the closed form's p is at most this many times alpha."""

_SMALL = 4096  # samples up to which each thread prepares a layer of its own
_CHUNK = 2**24  # statistics of one layer pair times draws, held at once


@dataclass(frozen=True)
class Best:
    """The most alike pair of layers.

    Attributes
    ----------
    score : its score.
    left, right : names of the layers.
    left_index, right_index : their positions, left in the rows of the grid and right in its columns.
    """

    score: float
    left: str
    right: str
    left_index: int
    right_index: int


@dataclass(frozen=True, eq=False)
class Prepared:
    """All layers of one model, conditioned and prepared for one metric.

    Attributes
    ----------
    sides : one prepared side per layer.
    layers : names of the layers.
    n : samples.
    model : the model's card.
    fingerprint : of the features.
    samples : fingerprint of the samples; empty if unknown.
    remarks : what a reader must know.
    ids : the samples' ids; empty if unknown.
    """

    sides: tuple
    layers: tuple[str, ...]
    n: int
    model: Card
    fingerprint: str
    samples: str
    remarks: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Alignment:
    """How alike two models are over the same samples, by one metric.

    Attributes
    ----------
    grid : (L, M) float64, scores of every left layer (rows) with every right layer (columns).
    left_layers, right_layers : names of the layers.
    best : the most alike pair.
    score : the summary of the grid, which is what was calibrated; equals ``best.score`` for ``summary="max"``.
    calibration : the summary beside its null; None if no draws were asked for. It says whether it comes from draws.
    metric, conditioning, summary : as specs.
    null_mean, null_sd : (L, M) mean and sd of each layer pair's score over the draws, or exact where the calibration
        is in closed form; None without a null, and the sd also with a single draw.
    facts : what is true of the metric.
    n : samples.
    left, right : cards of the models.
    samples : fingerprint of the samples; empty if unknown.
    fingerprints : of the left and the right features.
    remarks : what a reader must know, such as many ties.
    versions : of the libraries the numbers came from.
    """

    grid: np.ndarray
    left_layers: tuple[str, ...]
    right_layers: tuple[str, ...]
    best: Best
    score: float
    calibration: Calibration | None
    metric: str
    conditioning: str
    summary: str
    facts: Facts
    n: int
    left: Card
    right: Card
    samples: str = ""
    fingerprints: tuple[str, str] = ("", "")
    null_mean: np.ndarray | None = None
    null_sd: np.ndarray | None = None
    remarks: tuple[str, ...] = ()
    versions: dict[str, str] = field(default_factory=lambda: dict(versions()))

    def __repr__(self) -> str:
        return "\n".join(_lines(self))

    def _repr_html_(self) -> str:
        from html import escape

        first, *rest = _lines(self)
        cells = (line.strip().partition("  ") for line in rest)
        body = "".join(
            f"<tr><th scope='row' style='text-align:left'>{escape(key)}</th><td style='text-align:left'>"
            f"{escape(value.strip())}</td></tr>" for key, _, value in cells
        )
        return f"<table><caption>{escape(first)}</caption><tbody>{body}</tbody></table>"


def score(x: object, y: object, metric: str | Metric = "mutual_knn", *, conditioning: str | Conditioning = "unit") -> float:
    """How alike two tables of vectors are, by one metric.

    Parameters
    ----------
    x, y : (n, d) and (n, p), row i of both being the same sample.
    metric : spec, such as ``"cka(estimator=debiased)"``; ``platometer list metrics`` shows all.
    conditioning : what is done to the features first; see `platometer.conditioning`.

    Returns
    -------
    The score; its range and which end means alike are the metric's Facts. It says nothing about chance: see `align`.

    Raises
    ------
    ShapeError
        Different numbers of rows, too few of them, or an array that is not a matrix.
    NotFiniteError
        NaN or infinity.
    UndefinedError
        The score does not exist, as for constant features.

    Examples
    --------
    >>> score([[1, 0], [1, 0.1], [0, 1], [0.1, 1]], [[2, 2], [2, 1.9], [-1, 1], [-1, 0.9]], "mutual_knn(k=1)")
    1.0
    """
    metric, conditioning = parse(metric), Conditioning.parse(conditioning)
    left = arrays.as_features(x, name="x")
    right = arrays.as_features(y, name="y").to(left.device)
    arrays.check_paired(left, right)
    metric.check_n(len(left))
    return metric.compare(_side(metric, conditioning, left, name="x"), _side(metric, conditioning, right, name="y"))


def align(
    left: object,
    right: object,
    metric: str | Metric = "mutual_knn",
    *,
    conditioning: str | Conditioning = "unit",
    null: str = "draws",
    draws: int = 1000,
    seed: int = 0,
    alpha: float = 0.05,
    summary: str = "max",
    within: Sequence | None = None,
    blocks: Sequence | None = None,
    undefined: str = "error",
    device: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Alignment:
    """The alignment of two models over the same samples, calibrated against re-pairings.

    Every layer of one side is compared with every layer of the other. The same re-pairings are used for all layer
    pairs, and each draw is summarised as the observed grid is, so that the maximum is judged against maxima
    (Westfall and Young 1993).

    Parameters
    ----------
    left, right : `Features`, or an array (n, d), or layers: a list or dictionary of arrays (n, d_l), or (n, L, d).
    metric, conditioning : specs.
    null : one of `NULLS`. ``"closed-form"`` takes no draws, whatever their number, and its p is approximate
        (``docs/nulls.md`` says how nearly right). ``"auto"`` calls nothing significant that draws do not: the closed
        form only spares them where its p is above twice alpha, and `Calibration.method` says which it was. It draws
        until 10 draws are at least as alike as the score, or `draws` have been made (Besag and Clifford 1991), which
        is valid at every level; where there is no closed form, it always draws.
    draws : number of re-pairings, for ``"auto"`` the largest; 0 leaves the calibration out, where it is by draws.
        p cannot be smaller than 1/(draws + 1).
    seed : of the re-pairings.
    alpha : level of the threshold tau.
    summary : one of `SUMMARIES`.
    within, blocks : n labels that restrict the re-pairings; see `platometer.nulls.orders`.
    undefined : ``"error"``, or ``"drop"`` to leave out layers on which the metric is undefined (constant features)
        with a remark.
    device : where to compute, such as ``"cuda"``; where the features are, if None.
    progress : called with (draws done, draws in all).

    Returns
    -------
    Alignment; it prints as a summary.

    Raises
    ------
    ShapeError
        The sides have different samples, or too few of them.
    NotFiniteError
        NaN or infinity, by layer and row.
    UndefinedError
        A score does not exist.
    InputError
        ``null="closed-form"`` where there is none: another metric, restricted re-pairings, fewer than four samples.
    """
    metric = parse(metric)
    try:
        x, y = Features.unseen(left, name="left"), Features.unseen(right, name="right")
        check_same_samples(x, y)
        a, b = (prepare(side, metric, conditioning=conditioning, undefined=undefined, device=device) for side in (x, y))
    except PlatometerError:
        for side, name in ((left, "left"), (right, "right")):
            Features.of(side, name=name)  # what is not finite is told before all else
        raise
    return compare(
        a, b, metric, conditioning=conditioning, null=null, draws=draws, seed=seed, alpha=alpha, summary=summary,
        within=within, blocks=blocks, progress=progress,
    )


def prepare(
    features: object,
    metric: str | Metric,
    *,
    conditioning: str | Conditioning = "unit",
    undefined: str = "error",
    device: str | None = None,
    name: str = "features",
) -> Prepared:
    """One side of an alignment, to be compared with many others.

    Parameters
    ----------
    features : as ``left`` of `align`.
    metric, conditioning, undefined, device : as for `align`.
    name : what plain arrays are called.
    """
    if undefined not in ("error", "drop"):
        raise SpecError(f"undefined={undefined!r}; expected 'error' or 'drop'.")
    metric, conditioning = parse(metric), Conditioning.parse(conditioning)
    features, where_to = Features.of(features, name=name), arrays.as_device(device)
    metric.check_n(features.n)
    limit = conditioning.limit([features.matrix(layer) for layer in features.names]) if conditioning.joint else None
    sides, layers = [], []
    remarks = [f"{features.model.name}: {what!r} was not read ({why})" for what, why in _told(features, "left_out").items()]
    remarks += [f"{features.model.name}: {what!r} {why}" for what, why in _told(features, "doubts").items()]
    for layer, side in _sides(metric, conditioning, features, limit=limit, device=where_to):
        where = f"{features.model.name}, layer {layer}"
        if isinstance(side, UndefinedError):
            if undefined == "error":
                told = str(side) if str(side).startswith(where) else f"{where}: {side}"
                raise UndefinedError(
                    f"{told} Leave such layers out with undefined='drop', or choose other layers."
                ) from side
            remarks.append(f"{where} was left out: {side}")
            continue
        sides.append(side)
        layers.append(layer)
        remarks += [f"{where}: {remark}" for remark in metric.remarks(side)]
    if not sides:
        raise UndefinedError(f"{metric} is undefined on every layer of {features.model.name}. {remarks[0]}")
    return Prepared(
        tuple(sides), tuple(layers), features.n, features.model, features.fingerprint, features.samples, tuple(remarks),
        features.ids,
    )


def _sides(
    metric: Metric, conditioning: Conditioning, features: Features, *, limit: float | None, device: torch.device | None
) -> Iterator[tuple[str, Any]]:
    """Each layer, prepared, or why it cannot be; several at once where a layer is too small to keep several threads busy."""

    small = device is None and features.n <= _SMALL

    def made(layer: str) -> Any:
        x = features.floating(layer) if metric.by_rows else features.checked(layer)
        if small and not features.key:
            features.told(layer)  # for the fingerprint, while the layer is at hand
        try:
            return _side(metric, conditioning, x.to(x.device if device is None else device), limit=limit,
                         name=f"{features.model.name}, layer {layer}")
        except UndefinedError as error:
            return error

    step = len(features.names) if small else 1
    for at in range(0, len(features.names), step):
        names = features.names[at : at + step]
        yield from zip(names, threads.each(made, names), strict=True)


def _side(metric: Metric, conditioning: Conditioning, x: torch.Tensor, *, name: str, limit: float | None = None) -> Any:
    """One layer, conditioned and prepared; not copied as a whole for a metric that can do without."""
    conditioned = conditioning.rows if metric.by_rows else conditioning
    try:
        return metric.prepare(conditioned(x, limit=limit, name=name))
    except UndefinedError as error:
        if x.shape[1] > 1 or conditioning.name != "unit":
            raise
        raise UndefinedError(f"{error} One number a sample, brought to unit length, is its sign alone; conditioning='none' "
                             "keeps it.") from error


def compare(
    left: Prepared,
    right: Prepared,
    metric: str | Metric,
    *,
    conditioning: str | Conditioning = "unit",
    null: str = "draws",
    draws: int = 1000,
    seed: int = 0,
    alpha: float = 0.05,
    summary: str = "max",
    within: Sequence | None = None,
    blocks: Sequence | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Alignment:
    """The alignment of two prepared sides; `align` is `prepare` twice and this.

    Parameters
    ----------
    left, right : from `prepare`, with this metric and conditioning.
    metric, conditioning, null, draws, seed, alpha, summary, within, blocks, progress : as for `align`.
    """
    metric, conditioning = parse(metric), Conditioning.parse(conditioning)
    if summary not in SUMMARIES:
        raise SpecError(f"There is no summary {summary!r}. {suggestion(summary, SUMMARIES)}")
    if not 0 < alpha < 1:
        raise InputError(f"alpha = {alpha}; a level lies between 0 and 1.")
    if null not in NULLS:
        raise SpecError(f"There is no null {null!r}. {suggestion(null, NULLS)}")
    draws, seed = _whole(draws, "draws"), _whole(seed, "seed")
    if draws < 0:
        raise InputError(f"draws = {draws}; it cannot be negative.")
    if null == "auto" and draws < 1:
        raise InputError(f"null='auto' with draws = {draws}: it draws where the closed form leaves doubt; allow it some.")
    check_same_samples(left, right)
    facts = metric.facts
    grid = metric.grid(left.sides, right.sides).numpy()
    observed = float(_summarised(grid[None], facts, summary)[0])
    calibration, mean, sd = None, None, None
    note, screened, moments = "", None, None
    if null != "draws":
        moments = None if within is not None or blocks is not None else metric.null_moments(left.sides, right.sides)
        if moments is not None:
            screened = _closed(observed, moments, facts, alpha=alpha, seed=seed, summary=summary)
        elif null == "closed-form":
            raise InputError(_no_closed_form(metric, left.n, within, blocks) + " Use null='draws' or null='auto'.")
        note = _note(screened, _no_closed_form(metric, left.n, within, blocks), alpha)
    if screened is not None and moments is not None and (null == "closed-form" or screened.p > OPEN * alpha):
        calibration = screened if null == "closed-form" else replace(screened, note=note)
        mean, sd = moments.mean, np.sqrt(moments.variance)
    elif draws:
        statistics, mean, sd = _null(
            metric, left, right, draws, observed, seed=seed, summary=summary, within=within, blocks=blocks, progress=progress,
            stop=null == "auto",
        )
        calibration = nulls.calibrate(
            observed, statistics, alike=facts.alike, best=facts.best, alpha=alpha, null=_broken(within, blocks), seed=seed
        )
        if null == "auto":
            calibration = replace(calibration, method="sequential draws", least=1 / (draws + 1), note=note)
    return Alignment(
        grid=grid, left_layers=left.layers, right_layers=right.layers, best=_best(grid, left, right, facts),
        score=observed, calibration=calibration, metric=str(metric), conditioning=str(conditioning), summary=summary,
        facts=facts, n=left.n, left=left.model, right=right.model, samples=left.samples or right.samples,
        fingerprints=(left.fingerprint, right.fingerprint), null_mean=mean, null_sd=sd,
        remarks=tuple(dict.fromkeys(left.remarks + right.remarks)) + _too_few(calibration),
    )


def _whole(value: object, name: str) -> int:
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise InputError(f"{name} = {value!r}; expected a whole number.") from None


def _told(features: Features, what: str) -> Mapping[str, str]:
    """What a file held beside its layers (``"left_out"``), or is perhaps not what it was read as (``"doubts"``)."""
    found = features.details.get(what, {})
    return found if isinstance(found, Mapping) else {}


def _too_few(calibration: Calibration | None) -> tuple[str, ...]:
    """A sentence where so few draws were made that no score could be significant."""
    if calibration is None or calibration.method != "draws" or calibration.least <= calibration.alpha:  # type: ignore[operator]
        return ()
    return (
        f"{len(calibration.draws)} draws cannot give a p of {calibration.alpha:g} or less, so the calibrated score is 0 "
        f"whatever the score; at least {math.ceil(round(1 / calibration.alpha - 1, 9))} are needed",
    )


def _closed(observed: float, moments: GridMoments, facts: Facts, *, alpha: float, seed: int, summary: str) -> Calibration:
    """The calibration from the null's moments."""
    if summary == "last":
        moments = moments.only(-1, -1)
    exact = (float(moments.mean.mean()), math.sqrt(moments.mean_variance())) if summary == "mean" else None
    return nulls.closed_form(
        observed, moments, summarise=lambda grids: _summarised(grids, facts, summary), exact=exact, alike=facts.alike,
        best=facts.best, alpha=alpha, seed=seed,
    )


def _no_closed_form(metric: Metric, n: int, within: Sequence | None, blocks: Sequence | None) -> str:
    if within is not None or blocks is not None:
        return "No closed form is known for restricted re-pairings (within=, blocks=)."
    return f"No closed form is known for the null of {metric}" + ("." if n > 3 else f" with {n} samples.")


def _note(screened: Calibration | None, without: str, alpha: float) -> str:
    """Why draws were spent, or why not."""
    if screened is None:
        return f"{without} Draws decided."
    if screened.p > OPEN * alpha:
        return f"By its closed form, p is above {OPEN:g} times alpha = {alpha:g}, and approximate; no draws were spent."
    return f"The closed form alone would say p = {screened.p:.2g}, approximately; draws decided."


def _broken(within: Sequence | None, blocks: Sequence | None) -> str:
    """How the pairing was broken, in words."""
    if within is None and blocks is None:
        return "permutation"
    return "permutation within groups" if blocks is None else "permutation of blocks"


def _null(
    metric: Metric, left: Prepared, right: Prepared, draws: int, observed: float, *, seed: int, summary: str,
    within: Sequence | None, blocks: Sequence | None, progress: Callable[[int, int], None] | None, stop: bool,
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """The summary of each draw (B,), and mean and sd over draws of each layer pair (L, M).

    With `stop` the draws end before the one that makes them enough; see `nulls.until`. A draw that comes closer to the
    observed score than its rounding is taken as equal to it, which counts against the claim.
    """
    rounding = max(metric.rounding(side) for side in (*left.sides, *right.sides))
    shape = (len(left.sides), len(right.sides))
    most = max(1, _CHUNK // max(math.prod(shape), left.n // 8))  # re-pairings of many samples are large themselves
    statistics = np.empty(draws)
    total, squares, first = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    start, size = 0, 0
    rings = metric.rings and within is None and blocks is None and left.n >= nulls.RING
    while start < draws:
        # few at first, so that little is drawn that is not needed; but a whole ring costs no more than a few of its draws
        size = nulls.ring_end(left.n, start) - start if rings else max(50, 2 * size)
        size = min(size, most, draws - start)
        moves = nulls.orders(left.n, size, seed=seed, start=start, within=within, blocks=blocks)
        grids = metric.null_grid(left.sides, right.sides, moves).numpy()
        found = _summarised(grids, metric.facts, summary)
        statistics[start : start + size] = np.where(np.abs(found - observed) <= rounding, observed, found)
        last = None if not stop else nulls.until(observed, statistics[: start + size], alike=metric.facts.alike)
        grids = grids if last is None else grids[: max(last - start, 0)]
        first = grids[0] if start == 0 else first  # a shift that keeps the squares from cancelling
        total += (grids - first).sum(0)
        squares += ((grids - first) ** 2).sum(0)
        if progress is not None:
            progress(start + size if last is None else draws, draws)
        if last is not None:
            statistics, draws = statistics[:last], last
            break
        start += size
    mean = total / draws
    sd = np.sqrt(np.maximum(squares - draws * mean**2, 0) / (draws - 1)) if draws > 1 else None
    return statistics, mean + first, sd


def _summarised(grids: np.ndarray, facts: Facts, summary: str) -> np.ndarray:
    """(B, L, M) -> (B,)"""
    most = np.max if facts.alike == "high" else np.min
    if summary == "max":
        return most(grids, axis=(1, 2))
    if summary == "mean":
        return grids.mean((1, 2))
    if summary == "last":
        return grids[:, -1, -1]
    return most(grids, axis=2).mean(1)


def _best(grid: np.ndarray, left: Prepared, right: Prepared, facts: Facts) -> Best:
    flat = int(np.argmax(grid * facts.sign))
    i, j = divmod(flat, grid.shape[1])
    return Best(float(grid[i, j]), left.layers[i], right.layers[j], i, j)


def _lines(a: Alignment) -> list[str]:
    """The summary as text: a headline, then 'what  value' lines."""
    c, low = a.calibration, a.facts.alike == "low"
    lines = [
        f"{a.left.name} ~ {a.right.name}: {a.metric} = {a.score:.4g}" + (" (low = alike)" if low else ""),
        f"  layers       {len(a.left_layers)} x {len(a.right_layers)}; the most alike: "
        f"{a.best.left} ~ {a.best.right} ({a.best.score:.4g})",
    ]
    if c is None:
        lines.append("  chance       not asked for (draws=0)")
    else:
        spread = "" if c.null_sd is None else f" ± {c.null_sd:.2g}"
        drawn = f"{len(c.draws)} draws, {c.null}" if c.method != "closed form" else c.null
        lines.append(f"  chance       {c.null_mean:.4g}{spread} ({drawn}, seed {c.seed})")
        floor = "that these draws can give" if c.method != "closed form" else "that is given in closed form"
        at_floor = f" (the least {floor})" if c.p <= (c.least or 0) else " (approximate)" if c.method == "closed form" else ""
        z = "" if c.z is None else f", z = {c.z:.1f}"
        lines.append(f"  p            {c.p:.3g}{at_floor}{z}")
        if c.note:
            lines.append(f"  null=auto    {c.note}")
        scaled = "not defined: the metric has no bound" if c.score is None else f"{c.score:.4g}"
        lines.append(f"  calibrated   {scaled} (threshold {c.tau:.4g} at {c.alpha:g})")
    lines.append(f"  samples      n = {a.n}; conditioning {a.conditioning}; summary {a.summary}")
    return lines + [f"  remark       {remark}" for remark in a.remarks]
