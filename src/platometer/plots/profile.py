"""Where in depth models agree most: the best score of each layer with any layer of its partners, and where it peaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from platometer.alignment import Alignment
from platometer.errors import InputError
from platometer.plots import _style, _text
from platometer.plots._families import coloured
from platometer.plots._run import Run, answer_of, crossing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BARS = 10


def draw(found: Sequence[Alignment | Mapping[str, Any]], *, theme: str = "light", width: str = "column") -> Figure:
    """A line a model: at each of its layers the score with the most alike layer of a partner, averaged over partners.

    Depth is 0 at the first layer that was compared and 1 at the last. A dot is the peak of a line; the bars above count
    peaks. The band is what chance gives: from the least mean of a null to the largest threshold of the pairs.

    Parameters
    ----------
    found : alignments of one metric, or the answers that a run keeps. Models with a single layer have no depth.
    theme, width : see `platometer.plots.of_run`.

    Raises
    ------
    InputError
        There is none, several metrics, or no model with two layers.
    """
    answers = [answer_of(one) for one in found]
    lines, kinds = _lines(answers)
    low = answers[0]["alike"] == "low"
    with _style.sheet(theme, width, height=3.0) as (figure, look):
        top, axes = figure.subplots(2, 1, height_ratios=(1, 3.4), sharex=True)
        style = coloured(sorted(set(kinds.values())), look)
        peaks: dict[str, list[float]] = {}
        for name, line in lines.items():
            label, colour, marker = style[kinds[name]]
            depth = np.linspace(0, 1, len(line))
            at = int(line.argmin() if low else line.argmax())
            axes.plot(depth, line, color=colour, linewidth=0.8, alpha=0.75 if len(lines) < 25 else 0.35)
            axes.plot(depth[at], line[at], color=colour, marker=marker, markersize=3.6, linestyle="none", zorder=3)
            peaks.setdefault(label, []).append(float(depth[at]))
        top.hist(list(peaks.values()), bins=_BARS, range=(0, 1), stacked=True, linewidth=0,
                 color=[next(colour for label, colour, _ in style.values() if label == name) for name in peaks])
        axes.set_xlim(-0.02, 1.02)
        _chance(axes, answers, look, low=low)
        metric = str(answers[0]["metric"])
        n = {int(answer["n"]) for answer in answers}
        axes.set_xlabel(_style.quantity("depth", "0 first layer, 1 last", _style.many(len(lines), "model")))
        axes.set_ylabel(_style.quantity(metric, _style.unit_of(metric), _style.compared(len(answers), max(n))))
        top.set_ylabel(_style.quantity("peaks", "count", str(len(lines))))
        for i, name in enumerate(peaks):
            sign = next(_style.SIGNS[_style.MARKERS.index(marker)] for label, _, marker in style.values() if label == name)
            colour = next(colour for label, colour, _ in style.values() if label == name)
            top.annotate(f"{sign} {_text.plain(name, most=14) or 'models'}", (i / max(3, len(peaks)), 1), (0, 2),
                         xycoords="axes fraction", textcoords="offset points", fontsize=_style.SMALL, color=colour)
    return figure


def gather(run: Run) -> dict[str, Any]:
    """What `draw` takes of a run: the answers of its rows, those of two modalities alone where there are any.

    Parameters
    ----------
    run : with its rows.
    """
    return {"found": [run.answer(row) for row in crossing(run.rows)]}


def _lines(answers: Sequence[Mapping[str, Any]]) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """model -> mean best score at each layer, and model -> modality."""
    if len({answer["metric"] for answer in answers}) != 1:
        raise InputError(f"The plot 'profile' got alignments of {len({answer['metric'] for answer in answers})} metrics; "
                         "expected one.")
    found: dict[str, list[np.ndarray]] = {}
    kinds: dict[str, str] = {}
    for answer in answers:
        grid = np.array(answer["grid"], dtype=np.float64)
        best = np.nanmin if answer["alike"] == "low" else np.nanmax
        for side, axis in (("left", 1), ("right", 0)):
            if grid.shape[1 - axis] > 1:
                name = str(answer[f"{side}_name"])
                found.setdefault(name, []).append(best(grid, axis=axis))
                kinds[name] = str(answer[f"{side}_modality"])
    if not found:
        raise InputError("The plot 'profile' needs a model with two layers or more; all of these have one.")
    return {name: np.mean(lines, axis=0) for name, lines in found.items()}, kinds


def _chance(axes: Axes, answers: Sequence[Mapping[str, Any]], look: _style.Look, *, low: bool) -> None:
    known = [answer["calibration"] for answer in answers if answer["calibration"] is not None]
    if not known:
        _style.headline(_style.whole(axes), "no null: chance is not told", look)  # lines would run over it in the axes
        return
    means, taus = [float(one["null_mean"]) for one in known], [float(one["tau"]) for one in known]
    ends = (min(taus), max(means)) if low else (min(means), max(taus))
    axes.axhspan(*ends, color=look.chance, linewidth=0, zorder=0)
    _style.label_ends(axes, [(sum(ends) / 2, "chance", look.quiet)])
