"""Layer by layer: the grid of scores of two models, the path of the most alike layers, and what chance gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from platometer.alignment import Alignment
from platometer.plots import _style, _text
from platometer.plots._run import Run, answer_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NAMED = 13  # layers up to which each is named


def draw(found: Alignment | Mapping[str, Any], *, theme: str = "light", width: str = "column") -> Figure:
    """The scores of every left layer with every right one, the best right layer of each, and the best of all.

    Dots are layer pairs that do not pass the threshold, which is that of the summary, so of the largest of the grid where
    that was asked for. On the scale of colours, the hatched part is what chance gives: from the least mean of a layer pair to
    the threshold.

    Parameters
    ----------
    found : an alignment, or the answer that a run keeps.
    theme, width : see `platometer.plots.of_run`.
    """
    answer = answer_of(found)
    grid = np.array(answer["grid"], dtype=np.float64)
    low = answer["alike"] == "low"
    base = _style.inches(width)
    with _style.sheet(theme, width, height=base * (0.92 if width == "column" else 0.62)) as (figure, look):
        axes = figure.subplots()
        image = axes.imshow(np.ma.masked_invalid(grid), cmap=_style.shades(look, turned=low), aspect="auto",
                            origin="lower", interpolation="nearest")
        _path(axes, grid, answer["best"], low=low)
        best = answer["best"]
        _style.headline(figure, "line: most alike layer on the right, for each on the left\n○ best: "
                        f"{_text.plain(best['left'], most=16)} ~ {_text.plain(best['right'], most=16)}, {best['score']:.3g}"
                        + ("   · below the threshold" if _dull(grid, answer).any() else ""), look)
        bar = figure.colorbar(image, ax=axes, aspect=30, pad=0.02)
        bar.outline.set_visible(False)  # type: ignore[operator]
        _chance(axes, bar, grid, answer, image, look)
        metric = str(answer["metric"])
        bar.set_label(_style.quantity(metric, _style.unit_of(metric, conditioned=str(answer["conditioning"])),
                                      f"{answer['n']:,} samples"))
        for axis, side in ((axes.yaxis, "left"), (axes.xaxis, "right")):
            names = answer[f"{side}_layers"]
            step = -(-len(names) // _NAMED)
            shown = range(0, len(names), step)
            axis.set_ticks(list(shown), [_text.plain(names[i], most=14) for i in shown])
            axis.set_label_text(_style.quantity(_text.plain(answer[f"{side}_name"], most=30), "layer", f"{len(names)} layers"))
        axes.tick_params(axis="x", labelrotation=90 if len(answer["right_layers"]) > 5 else 0)
        axes.spines[:].set_visible(False)
    return figure


def gather(run: Run) -> dict[str, Any]:
    """What `draw` takes of a run: the answer of the pair that was asked for, or of the strongest.

    Parameters
    ----------
    run : with its rows.
    """
    return {"found": run.answer(run.pair())}


def _path(axes: Axes, grid: np.ndarray, best: Mapping[str, Any], *, low: bool) -> None:
    """The most alike right layer of each left layer, and the most alike pair."""
    from matplotlib.patheffects import Normal, Stroke

    worst = np.inf if low else -np.inf
    filled = np.where(np.isfinite(grid), grid, worst)
    path = filled.argmin(1) if low else filled.argmax(1)
    around = [Stroke(linewidth=2.0, foreground="#000000"), Normal()]
    axes.plot(path, range(len(grid)), color="#ffffff", linewidth=0.8, marker=".", markersize=3, path_effects=around, zorder=3)
    i, j = int(best["left_index"]), int(best["right_index"])
    axes.plot([j], [i], marker="o", markersize=8, markerfacecolor="none", markeredgecolor="#ffffff", markeredgewidth=1.2,
              path_effects=around, zorder=4)


def _dull(grid: np.ndarray, answer: Mapping[str, Any]) -> np.ndarray:
    """Which layer pairs do not pass the threshold; none where there is none."""
    if answer["calibration"] is None:
        return np.zeros(grid.shape, bool)
    tau = float(answer["calibration"]["tau"])
    return np.isfinite(grid) & ~(grid < tau if answer["alike"] == "low" else grid > tau)


def _chance(
    axes: Axes, bar: Any, grid: np.ndarray, answer: Mapping[str, Any], image: Any, look: _style.Look
) -> None:
    """Dots on what does not pass, and the part of the scale that chance gives."""
    chance = answer["calibration"]
    if chance is None:
        _style.remark(bar.ax, "no null", look, x=0.5, y=-0.01, ha="center")
        return
    tau = float(chance["tau"])
    dull = np.argwhere(_dull(grid, answer))
    axes.scatter(dull[:, 1], dull[:, 0], s=3 if grid.size < 200 else 1.2, linewidths=0,
                 c=[_style.over(image.to_rgba(grid[i, j])) for i, j in dull], zorder=2)
    means = answer["null_mean_grid"] if answer["null_mean_grid"] is not None else chance["null_mean"]
    mean = float(np.nanmax(means) if answer["alike"] == "low" else np.nanmin(means))
    low, high = sorted((mean, tau))
    bar.ax.set_ylim(min(low, bar.vmin), max(high, bar.vmax))
    bar.ax.axhspan(low, high, facecolor=look.chance, edgecolor=look.quiet, hatch="//////", linewidth=0)
    bar.ax.axhline(tau, color=look.hues[1], linewidth=1.4)
    bar.ax.annotate("chance", (0, (low + high) / 2), (-2, 0), xycoords=bar.ax.get_yaxis_transform(), rotation=90,
                    textcoords="offset points", ha="right", va="center", fontsize=_style.SMALL, color=look.quiet)
