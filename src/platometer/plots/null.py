"""The score beside the scores that chance gave: a histogram of re-pairings, the threshold, and where the score stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from platometer.alignment import Alignment
from platometer.errors import UndefinedError
from platometer.plots import _style, _text
from platometer.plots._run import Run, answer_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BARS = 25


def draw(found: Alignment | Mapping[str, Any], *, theme: str = "light", width: str = "column") -> Figure:
    """The null of one pair, the threshold at its level, and the score.

    Parameters
    ----------
    found : an alignment with a null, or the answer that a run keeps. A null in closed form has no draws: its mean and two
        standard deviations are drawn instead.
    theme, width : see `platometer.plots.of_run`.

    Raises
    ------
    UndefinedError
        There is no null.
    """
    answer = answer_of(found)
    chance = answer["calibration"]
    if chance is None:
        raise UndefinedError(f"{answer['left_name']} ~ {answer['right_name']} was aligned without a null; the plot 'null' "
                             "needs draws, or null='closed-form'.")
    with _style.sheet(theme, width, height=2.2) as (figure, look):
        axes = figure.subplots()
        draws = np.asarray(chance["draws"], dtype=np.float64)
        score, tau = float(answer["score"]), float(chance["tau"])
        ends = _spanned(draws, chance) if len(draws) else _closed(axes, chance, look)
        if len(draws):
            axes.hist(draws, bins=_BARS, color=look.quiet, alpha=0.6, linewidth=0)
        low, high = min(*ends, score, tau), max(*ends, score, tau)
        pad = 0.06 * (high - low or 1)
        axes.set_xlim(low - pad, high + pad)
        axes.set_ylim(0, axes.get_ylim()[1] * 1.42 if len(draws) else 1.5)
        _line(axes, tau, f"threshold {tau:.3g}\n(level {chance['alpha']:g})", look.hues[1], high=0.76, style=(0, (4, 2)))
        bound = "≤" if chance["p"] <= (chance["least"] or 0) + 1e-12 else "="
        _line(axes, score, f"score {score:.3g}\np {bound} {chance['p']:.2g}", look.hues[0], high=0.92, style="-")
        metric = str(answer["metric"])
        axes.set_xlabel(_style.quantity(metric, _style.unit_of(metric, conditioned=str(answer["conditioning"])),
                                        f"{answer['n']:,} samples"))
        axes.set_ylabel(_style.quantity("re-pairings", "count", f"{len(draws):,} draws") if len(draws) else
                        _style.quantity("chance", "no scale", "0 draws, closed form"))
        if not len(draws):
            axes.set_yticks([])
            _style.headline(figure, "grey: chance, its mean and two standard deviations in closed form", look)
        axes.set_title(f"{_text.plain(answer['left_name'], most=24)} ~ {_text.plain(answer['right_name'], most=24)}")
    return figure


def gather(run: Run) -> dict[str, Any]:
    """What `draw` takes of a run: the answer of the pair that was asked for, or of the strongest.

    Parameters
    ----------
    run : with its rows.
    """
    return {"found": run.answer(run.pair())}


def _spanned(draws: np.ndarray, chance: Mapping[str, Any]) -> tuple[float, float]:
    return float(draws.min()), float(draws.max())


def _closed(axes: Axes, chance: Mapping[str, Any], look: _style.Look) -> tuple[float, float]:
    """The band of a null without draws."""
    mean, sd = float(chance["null_mean"]), float(chance["null_sd"] or 0)
    axes.axvspan(mean - 2 * sd, mean + 2 * sd, ymax=0.55, color=look.chance, linewidth=0)
    axes.plot([mean, mean], [0, 0.55 * 1.5], color=look.quiet)
    return mean - 2 * sd, mean + 2 * sd


def _line(axes: Axes, x: float, text: str, colour: str, *, high: float, style: Any) -> None:
    """A line at x up to a share of the axes, its name beside it on the side where there is room."""
    axes.plot([x, x], [0, high], transform=axes.get_xaxis_transform(), color=colour, linestyle=style)
    low, end = axes.get_xlim()
    left = x > (low + end) / 2
    axes.annotate(text, (x, high), (-3 if left else 3, 0), xycoords=axes.get_xaxis_transform(), textcoords="offset points",
                  ha="right" if left else "left", va="top", fontsize=_style.SMALL, color=colour)
