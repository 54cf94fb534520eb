"""Alignment while a model learns: a line through its checkpoints for every partner, over the band of chance."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from platometer.errors import InputError
from platometer.plots import _style, _text
from platometer.plots._families import coloured
from platometer.plots._run import Row, Run, need

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_STEP = re.compile(r"[@ _-](?:step[ _=-]?)?(\d+)$")


def draw(
    rows: Sequence[Row], *, learner: str = "", steps: Mapping[str, float] | None = None, theme: str = "light",
    width: str = "column",
) -> Figure:
    """The score of each checkpoint of one training with each other model; of other trainings, the last checkpoint alone.

    Parameters
    ----------
    rows : of one metric and dataset. Checkpoints are models of one source.
    learner : source of the checkpoints to follow, or the name of one of them; the source with the most if empty.
    steps : model's name -> steps of training it made; as the features' details say (those of the zoo do), or the number after
        ``@`` in the name, if None.
    theme, width : see `platometer.plots.of_run`.

    Raises
    ------
    InputError
        A column is missing, or no source comes at two steps.
    """
    need(rows, "left", "right", "left_source", "right_source", "metric", "alike", "score", "n", plot="training")
    source, lines = _lines(rows, learner, steps)
    low = rows[0]["alike"] == "low"
    shown = [row for line in lines.values() for _, row in line]
    with _style.sheet(theme, width, height=2.6) as (figure, look):
        axes = figure.subplots()
        style = coloured(lines, look)
        ends: dict[str, tuple[float, str, str]] = {}
        for partner, line in lines.items():
            label, colour, marker = style[partner]
            axes.plot([step for step, _ in line], [float(row["score"]) for _, row in line], color=colour, marker=marker,
                      linewidth=1.1 if label == partner else 0.6, markersize=3 if label == partner else 2)
            ends[label] = (float(line[-1][1]["score"]), _text.plain(label, most=16), colour)
        chance = _chance(axes, lines, look, low=low)
        if low:
            axes.invert_yaxis()
        _scaled(axes, [step for line in lines.values() for step, _ in line])
        axes.set_title(f"checkpoints of {_text.plain(source, most=32)}, with")
        metric = str(rows[0]["metric"])
        points = {step for line in lines.values() for step, _ in line}
        axes.set_xlabel(_style.quantity("training", "steps", _style.many(len(points), "checkpoint")))
        axes.set_ylabel(_style.quantity(metric, _style.unit_of(metric), _style.compared(len(shown), int(rows[0]["n"]))))
        _style.label_ends(axes, [*ends.values(), *chance])
    return figure


def gather(run: Run) -> dict[str, Any]:
    """What `draw` takes of a run: its rows.

    Parameters
    ----------
    run : with its rows.
    """
    return {"rows": run.rows}


def _lines(
    rows: Sequence[Row], learner: str, steps: Mapping[str, float] | None
) -> tuple[str, dict[str, list[tuple[float, Row]]]]:
    """The source that is followed, and partner -> its checkpoints in order, with their rows."""
    known = {str(row[side]): _step(row, side, steps) for row in rows for side in ("left", "right")}
    sources = {str(row[side]): str(row[f"{side}_source"]) for row in rows for side in ("left", "right")}
    found: dict[str, set[float]] = {}
    for name, step in known.items():
        if step is not None:
            found.setdefault(sources[name], set()).add(step)
    source = sources.get(learner, learner) or max(found, key=lambda one: len(found[one]), default="")
    if len(found.get(source, ())) < 2:
        raise InputError("The plot 'training' needs a source whose models stand at two steps of training or more"
                         f"{f', and {source!r} has not' if source else ''}; give steps={{'model': number}}, or name "
                         "checkpoints such as 'mine@1000'.")
    out: dict[str, list[tuple[float, Row]]] = {}
    for row in rows:
        for side, other in (("left", "right"), ("right", "left")):
            partner, step = str(row[other]), known[str(row[side])]
            home = sources[partner]
            grown = len(found.get(home, ())) < 2 or known[partner] == max(found[home])
            if sources[str(row[side])] == source != home and step is not None and grown:
                out.setdefault(partner, []).append((step, row))
    if not out:
        raise InputError(f"The plot 'training' found no row of a checkpoint of {source!r} with another model.")
    return source, {partner: sorted(line, key=lambda point: point[0]) for partner, line in out.items()}


def _step(row: Row, side: str, steps: Mapping[str, float] | None) -> float | None:
    name = str(row[side])
    if steps is not None:
        return steps.get(name)
    details = json.loads(row.get(f"{side}_details") or "{}")
    if isinstance(details, dict) and isinstance(details.get("steps"), int | float):
        return float(details["steps"])
    found = _STEP.search(name) if "@" in name or "step" in name else None
    return float(found.group(1)) if found else None


def _scaled(axes: Axes, steps: Sequence[float]) -> None:
    """Steps on a logarithm from the first step on, where they span much."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    listed = sorted(set(steps))
    positive = [step for step in listed if step > 0]
    if len(positive) > 1 and positive[-1] / positive[0] > 20:
        axes.set_xscale("symlog", linthresh=positive[0], linscale=0.5)
        shown = _apart(listed)
        axes.xaxis.set_major_locator(FixedLocator(shown))
        axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _style.short(value) if value >= 0 else ""))


def _apart(steps: Sequence[float]) -> list[float]:
    """Steps, from the last one back, each far enough below the next that their numbers do not meet; about ten at most."""
    times = max(1.5, (steps[-1] / next(step for step in steps if step > 0)) ** (1 / 9))
    out = [steps[-1]]
    for step in reversed(steps[:-1]):
        if step * times <= out[-1]:
            out.append(step)
    return out[::-1]


def _chance(
    axes: Axes, lines: Mapping[str, Sequence[tuple[float, Row]]], look: _style.Look, *, low: bool
) -> list[tuple[float, str, str]]:
    """From the least mean of a null to the largest threshold, at each step; where to name it."""
    ends: dict[float, tuple[float, float]] = {}
    for line in lines.values():
        for step, row in line:
            if row.get("null_mean") is None or row.get("tau") is None:
                _style.headline(_style.whole(axes), "no null: chance is not told", look)
                return []
            mean, tau = float(row["null_mean"]), float(row["tau"])
            had = ends.get(step, (mean, tau))
            ends[step] = (max(had[0], mean), min(had[1], tau)) if low else (min(had[0], mean), max(had[1], tau))
    x = sorted(ends)
    axes.fill_between(x, [ends[at][0] for at in x], [ends[at][1] for at in x], color=look.chance, linewidth=0, zorder=0)
    return [(ends[x[-1]][1], "chance", look.quiet)]
