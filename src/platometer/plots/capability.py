"""Alignment against capability or size, by family, raw beside calibrated, with the trend's interval and the band of chance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from platometer import trends
from platometer.errors import InputError, UndefinedError
from platometer.plots import _style, _text
from platometer.plots._families import coloured
from platometer.plots._run import Row, Run, crossing, need
from platometer.study._families import family

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ASKS = ("against", "column", "side")
PAIRS = "pairs "  # of both sides: no models of one family, no line
_COLUMNS = ("left", "right", "metric", "alike", "score", "n")


@dataclass(frozen=True)
class _Point:
    """One pair of models.

    Attributes
    ----------
    x : capability, not on a logarithm.
    row : of the table.
    model : whose capability it is; of both, the left one.
    group : family of that model; of both, the two modalities.
    """

    x: float
    row: Row
    model: str
    group: str


def draw(
    rows: Sequence[Row], *, against: str | Mapping[str, float] = "parameters", unit: str = "count", word: str = "",
    side: str | None = None, families: Mapping[str, str] | None = None, draws: int = trends.DRAWS, theme: str = "light",
    width: str = "column",
) -> Figure:
    """Every pair of models as a point, the means of each family as a line, the trend with its interval in ink.

    The band is from the mean of chance to the threshold, of each pair. The trend passes through the middle of all points, and
    the wedge spans the slopes of its 95 % interval (`platometer.trends.trend`, in which models are drawn again, not pairs; or
    the families that are given, on a side that has three or more).

    Parameters
    ----------
    rows : of one metric and dataset. Without a null, the raw scores are drawn alone.
    against : ``"parameters"``, on a logarithm; or model's name -> capability.
    unit, word : of the capability, for its axis.
    side : whose capability: ``"left"``, ``"right"``, a modality, or ``"both"``, which is the mean (the geometric mean of
        parameters). If None, the modality alone of which any is known; else that of the language model where every pair has
        one, else both.
    families : model's name -> family; told from the names if None.
    draws : of the interval.
    theme, width : see `platometer.plots.of_run`.

    Raises
    ------
    InputError
        A column is missing, or no pair has a known capability.
    """
    need(rows, *_COLUMNS, *(("left_parameters", "right_parameters") if against == "parameters" else ()), plot="capability")
    side = _side(rows, against) if side is None else side
    points = _points(rows, against, side, families)
    calibrated = all(point.row.get("calibrated") is not None for point in points)
    chance = all(point.row.get("null_mean") is not None and point.row.get("tau") is not None for point in points)
    trend, why = _trend([point.row for point in points], against, side, families, draws)
    panels = ["score", "calibrated"] if calibrated else ["score"]
    wide = width == "double"
    with _style.sheet(theme, width, height=2.7 if wide or len(panels) == 1 else 4.5) as (figure, look):
        every = figure.subplots(1 if wide else len(panels), len(panels) if wide else 1, sharex=True, squeeze=False).ravel()
        for axes, column in zip(every, panels, strict=True):
            _panel(axes, points, column, look)
            found = None if trend is None else trend.raw if column == "score" else trend.calibrated
            _lined(axes, points, column, found, look, log=against == "parameters", why=why)
        for axes, column in zip(every, panels, strict=True):
            ends = _named(axes, points, column, look) if not wide or axes is every[-1] else []
            if chance and column == "score":
                ends.append((_chance(axes, points, look), "chance", look.quiet))
            _style.label_ends(axes, ends)
        last = [every[-1]] if not wide else list(every)
        word = word or ("parameters" if against == "parameters" else "capability")
        models = len({point.model for point in points}) if side != "both" else len(_models(points))
        for axes in last:
            axes.set_xlabel(_style.quantity(_worded(word, side, against), unit, _style.many(models, "model")))
    return figure


def gather(run: Run) -> dict[str, Any]:
    """What `draw` takes of a run: its rows, those of two modalities alone where there are any, and the capability asked for.

    Parameters
    ----------
    run : with its rows.
    """
    found, word, unit = run.measure()
    return {"rows": crossing(run.rows), "families": run.families, "against": found, "word": word, "unit": unit,
            "side": run.side or None}


def _side(rows: Sequence[Row], against: str | Mapping[str, float]) -> str:
    kinds = [{str(row.get("left_modality") or ""), str(row.get("right_modality") or "")} for row in rows]
    if not isinstance(against, str):
        known = {str(row.get(f"{end}_modality") or "") for row in rows for end in ("left", "right") if row[end] in against}
        if len(known) == 1 and all(len(one) == 2 and known <= one for one in kinds):
            return known.pop()
    return "text" if all(len(one) == 2 and "text" in one for one in kinds) else "both"


def _points(
    rows: Sequence[Row], against: str | Mapping[str, float], side: str, families: Mapping[str, str] | None
) -> list[_Point]:
    """The pairs whose capability is known."""
    out = []
    for row in rows:
        own = {end: row.get(f"{end}_parameters") if isinstance(against, str) else against.get(str(row[end]))
               for end in ("left", "right")}
        ends = ("left", "right") if side == "both" else (_end(row, side),)
        values = [own[end] for end in ends]
        if any(value is None for value in values):
            continue
        known = [float(value) for value in values if value is not None]
        if against == "parameters":
            x = math.exp(sum(map(math.log, known)) / len(known))
        else:
            x = sum(known) / len(known)
        model = str(row[ends[0]])
        group = family(model, families) if side != "both" else PAIRS + " ~ ".join(
            sorted({str(row.get(f"{end}_modality") or "") for end in ends}))
        out.append(_Point(x, row, model, group))
    if not out:
        raise InputError("The plot 'capability' knows no pair whose models have a known "
                         f"{'number of parameters' if isinstance(against, str) else 'capability'}; name them with "
                         "against={'model': number}.")
    return out


def _end(row: Row, side: str) -> str:
    if side in ("left", "right"):
        return side
    found = [end for end in ("left", "right") if row.get(f"{end}_modality") == side]
    if len(found) != 1:
        raise InputError(f"side = {side!r}, but {row['left']!r} and {row['right']!r} have the modalities "
                         f"{row.get('left_modality')!r} and {row.get('right_modality')!r}; expected 'left', 'right', 'both', "
                         "or the modality of one of them.")
    return found[0]


def _trend(
    rows: Sequence[Row], against: str | Mapping[str, float], side: str, families: Mapping[str, str] | None, draws: int
) -> tuple[trends.Trend | None, str]:
    try:
        found = trends.trend(rows, against=against, side=side, families=trends.independent(rows, families)[0], draws=draws)
    except UndefinedError:
        return None, f"no trend: {len(rows)} {'pair' if len(rows) == 1 else 'pairs'}, or nothing varies"
    models = {*found.left, *found.right} if side == "both" else set(found.right if side == "right" else found.left)
    return (found, "") if len(models) > 2 else (None, f"no trend: {len(models)} models")  # two give no interval


def _panel(axes: Axes, points: Sequence[_Point], column: str, look: _style.Look) -> None:
    """The points, and what is measured."""
    if points[0].row["alike"] == "low" and column == "score":
        axes.invert_yaxis()  # up is more alike
    x = [point.x for point in points]
    y = [float(point.row[column]) for point in points]
    style = coloured([point.group for point in points], look)
    size = 12 if len(points) < 100 else 6
    for label in dict.fromkeys(entry[0] for entry in style.values()):
        mine = [i for i, point in enumerate(points) if style[point.group][0] == label]
        _, colour, marker = style[points[mine[0]].group]
        axes.scatter([x[i] for i in mine], [y[i] for i in mine], s=size, c=colour, marker=marker, alpha=0.55,
                     linewidths=0 if marker != "x" else 0.8, zorder=3)
    word = "raw" if column == "score" else "calibrated"
    metric = str(points[0].row["metric"])
    unit = _style.unit_of(metric) if column == "score" else "0 to 1"
    label = f"{word} {metric}" if column == "score" else "calibrated score"
    axes.set_ylabel(_style.quantity(label, unit, _style.compared(len(points), int(points[0].row["n"]))))


def _chance(axes: Axes, points: Sequence[_Point], look: _style.Look) -> float:
    """The band from the mean of chance to the threshold, of the pairs at each capability; its height at the last."""
    low = points[0].row["alike"] == "low"
    ends: dict[float, tuple[float, float]] = {}
    for point in points:
        mean, tau = float(point.row["null_mean"]), float(point.row["tau"])
        had = ends.get(point.x, (mean, tau))
        ends[point.x] = (max(had[0], mean), min(had[1], tau)) if low else (min(had[0], mean), max(had[1], tau))
    x = sorted(ends)
    if len(x) == 1:
        axes.axhspan(*ends[x[0]], color=look.chance, linewidth=0, zorder=0)
    else:
        axes.fill_between(x, [ends[at][0] for at in x], [ends[at][1] for at in x], color=look.chance, linewidth=0, zorder=0)
    return ends[x[-1]][1]


def _lined(
    axes: Axes, points: Sequence[_Point], column: str, found: Any, look: _style.Look, *, log: bool, why: str
) -> None:
    """The trend through the middle, with the slopes of its interval."""
    if log:
        axes.set_xscale("log")
        axes.margins(x=0.08)
        _style.counted(axes.xaxis)
    if found is None:
        axes.set_title(why or "no trend: nothing varies", fontsize=_style.SMALL, color=look.quiet)
        return
    sign = -1.0 if points[0].row["alike"] == "low" and column == "score" else 1.0
    u = np.array([math.log10(point.x) if log else point.x for point in points])
    y = np.array([float(point.row[column]) for point in points])
    line = np.linspace(u.min(), u.max(), 50)
    at, middle, slope = u.mean(), y.mean(), found.slope
    ends = [middle + sign * value * (line - at) for value in (slope.low, slope.high)]
    shown = 10**line if log else line
    axes.fill_between(shown, *ends, color=look.ink, alpha=0.13, linewidth=0, zorder=1)
    axes.plot(shown, middle + sign * slope.value * (line - at), color=look.ink, linewidth=1, zorder=4)
    per = "per tenfold" if log else "per unit"
    told = [" to ".join(map(_style.signed, sorted((sign * one.low, sign * one.high)))) for one in (slope, found.pearson)]
    axes.set_title(f"slope {_style.signed(sign * slope.value)} {per} (95 %: {told[0]})\n"
                   f"r {_style.signed(sign * found.pearson.value)} ({told[1]}), p = {found.p:.2g}",
                   fontsize=_style.SMALL, color=look.quiet)


def _named(axes: Axes, points: Sequence[_Point], column: str, look: _style.Look) -> list[tuple[float, str, str]]:
    """Lines through the means of each family at each capability; the families' names and where to write them."""
    style = coloured([point.group for point in points], look)
    ends: dict[str, tuple[float, float, str]] = {}
    for group, (label, colour, _) in style.items():
        mine = [point for point in points if point.group == group]
        at = sorted({point.x for point in mine})
        means = [(x, float(np.mean([float(point.row[column]) for point in mine if point.x == x]))) for x in at]
        if len(means) > 1 and not group.startswith(PAIRS):
            axes.plot(*zip(*means, strict=True), color=colour, linewidth=0.9, alpha=0.9, zorder=2)
            last = means[-1]
        else:
            last = max(point.x for point in mine), float(np.mean([float(point.row[column]) for point in mine]))
        if label not in ends or last[0] > ends[label][0]:
            ends[label] = (*last, colour)
    return [(y, _text.plain(label.removeprefix(PAIRS) or "pairs", most=16), colour) for label, (_, y, colour) in ends.items()]


def _models(points: Sequence[_Point]) -> set[str]:
    return {str(point.row[end]) for point in points for end in ("left", "right")}


def _worded(word: str, side: str, against: str | Mapping[str, float]) -> str:
    if side == "both":
        return f"{word} of both, {'geometric ' if against == 'parameters' else ''}mean"
    return f"{word} of the {side} model"
