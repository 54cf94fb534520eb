"""Models as points on a map: near where alike, coloured by size or capability."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from platometer import trends
from platometer.errors import UndefinedError
from platometer.plots import _labels, _style, _text
from platometer.plots._run import Row, Run, need

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ASKS = ("against", "column")
_NAMED = 26  # models up to which each is named
_AROUND = (1.6, 1.35)  # width and height of the map beside those of its points


def draw(
    rows: Sequence[Row], *, capability: Mapping[str, float] | None = None, unit: str = "count", word: str = "parameters",
    theme: str = "light", width: str = "column",
) -> Figure:
    """The map of `platometer.trends.model_map`, in which distances are -log alignment as nearly as a plane allows.

    Parameters
    ----------
    rows : of one metric and dataset, every model with every other. Two models lie on a line.
    capability : model's name -> number; the numbers of parameters in the rows if None. Unknown ones are hollow.
    unit, word : of the capability.
    theme, width : see `platometer.plots.of_run`.

    Raises
    ------
    InputError
        A column is missing.
    UndefinedError
        A pair is missing, or an alignment has no logarithm.
    """
    need(rows, "left", "right", "metric", "score", "n", plot="map")
    found = _placed(rows)
    sizes = _sizes(rows) if capability is None else dict(capability)
    kinds = {str(row[side]): str(row.get(f"{side}_modality") or "") for row in rows for side in ("left", "right")}
    with _style.sheet(theme, width, height=3.5 if width == "column" else 4.4) as (figure, look):
        axes = figure.subplots()
        image = _points(axes, found, sizes, kinds, look, log=capability is None)
        metric, n = str(rows[0]["metric"]), int(rows[0]["n"])
        axes.set_xlabel(_style.quantity("first axis", "−log alignment", f"{len(found.names)} models"))
        axes.set_ylabel(_style.quantity("second axis", "−log alignment", f"{n:,} samples"))
        shown = _shown(found)
        only = f"\nthe {len(shown)} outermost of {len(found.names)} models are named" if len(shown) < len(found.names) else ""
        _style.headline(figure, f"{_text.plain(metric)}\nstress {found.stress:.2f} (0: every distance as measured){only}", look)
        if image is not None:
            bar = figure.colorbar(image, ax=axes, location="bottom", aspect=40, pad=0.02, shrink=0.9)
            bar.outline.set_visible(False)  # type: ignore[operator]
            if capability is None:
                _style.counted(bar.ax.xaxis)
            bar.set_label(_style.quantity(word, unit, f"{sum(name in sizes for name in found.names)} models"))
        told = [f"{sign} {_text.plain(kind)}" for sign, kind in zip(_style.SIGNS, dict.fromkeys(kinds.values()), strict=False)]
        if any(kinds.values()):
            _style.remark(axes, "   ".join(told), look)
        _roomy(axes, found)
        _names(axes, found, shown, look)
    return figure


def gather(run: Run) -> dict[str, Any]:
    """What `draw` takes of a run: its rows, and the capability that was asked for.

    Parameters
    ----------
    run : with its rows.
    """
    found, word, unit = run.measure()
    return {"rows": run.rows, "capability": None if isinstance(found, str) else found, "word": word, "unit": unit}


def _placed(rows: Sequence[Row]) -> trends.Map:
    names = {str(row[side]) for row in rows for side in ("left", "right")}
    if len(names) > 2:
        return trends.model_map(trends.similarity(rows))
    score = float(np.mean([float(row["score"]) for row in rows]))
    if not 0 < score <= 1 + 1e-9:
        raise UndefinedError(f"The alignment {score:.3g} of two models has no distance -log; it must lie in (0, 1].")
    far = -math.log(min(score, 1.0)) / 2
    return trends.Map(tuple(sorted(names)), np.array([[-far, 0.0], [far, 0.0]])[: len(names)], 0.0, 0.0)


def _sizes(rows: Sequence[Row]) -> dict[str, float]:
    return {str(row[side]): float(row[f"{side}_parameters"]) for row in rows for side in ("left", "right")
            if row.get(f"{side}_parameters")}


def _points(
    axes: Axes, found: trends.Map, sizes: Mapping[str, float], kinds: Mapping[str, str], look: _style.Look, *, log: bool
) -> Any:
    """The models, a marker a modality; what is mapped to colours, or None."""
    from matplotlib.colors import LogNorm, Normalize

    known = [sizes[name] for name in found.names if name in sizes]
    scale = (LogNorm if log else Normalize)(min(known), max(known) if max(known) > min(known) else min(known) * 1.01 + 1e-9
                                            ) if known else None
    image = None
    for marker, kind in zip(_style.MARKERS, dict.fromkeys(kinds.values()), strict=False):
        for has in (True, False):
            mine = [i for i, name in enumerate(found.names) if kinds[name] == kind and (name in sizes) == has]
            if not mine:
                continue
            x, y = found.points[mine, 0], found.points[mine, 1]
            if has:
                image = axes.scatter(x, y, c=[sizes[found.names[i]] for i in mine], norm=scale, cmap=_style.shades(look),
                                     marker=marker, s=26, edgecolors=look.ink, linewidths=0.4, zorder=3)
            else:
                axes.scatter(x, y, facecolors="none", marker=marker, s=26, edgecolors=look.ink, linewidths=0.7, zorder=3)
    return image


def _roomy(axes: Axes, found: trends.Map) -> None:
    """Limits that leave room for names on every side, as many units to an inch on both axes."""
    figure = _style.whole(axes)
    for _ in range(2):  # ticks of other limits may need another width
        figure.draw_without_rendering()
        low, high = found.points[:, :2].min(0), found.points[:, :2].max(0)
        size = np.array([axes.bbox.width, axes.bbox.height])
        unit = max(float(((high - low) * np.array(_AROUND) / size).max()), 1e-9)
        axes.set(xlim=(low + high)[0] / 2 + unit * size[0] * np.array([-0.5, 0.5]),
                 ylim=(low + high)[1] / 2 + unit * size[1] * np.array([-0.5, 0.5]))
    axes.set_aspect("equal", adjustable="box")


def _names(axes: Axes, found: trends.Map, shown: Sequence[int], look: _style.Look) -> None:
    """Names beside the points, none on a point or another name; a line joins a name to its point where it is not near."""
    figure = _style.whole(axes)
    texts = [axes.text(0, 0, _text.plain(found.names[i], most=18), fontsize=_style.TINY + 0.4, color=look.ink, transform=None)
             for i in shown]
    for text in texts:
        text.set_in_layout(False)  # they would move the axes
    figure.draw_without_rendering()
    scale = 72 / figure.dpi
    pixels = axes.transData.transform(found.points[:, :2]) * scale
    order = [*shown, *(i for i in range(len(pixels)) if i not in set(shown))]
    sizes = [(box.width * scale + 1.5, box.height * scale) for box in (text.get_window_extent() for text in texts)]
    heads = [box for text in axes.texts if text not in texts for box in [text.get_window_extent()] if box.width]
    boxes = _labels.placed([(float(x), float(y)) for x, y in pixels[order]], sizes, room=_scaled(axes.bbox, scale),
                           taken=[_scaled(box, scale) for box in heads])
    for i, text, box in zip(shown, texts, boxes, strict=True):
        x, y = (float(at) for at in pixels[i])
        end = _labels.joint(box, (x, y))
        text.remove()
        axes.annotate(text.get_text(), (found.points[i, 0], found.points[i, 1]), ((box[0] + box[2]) / 2 - x,
                      (box[1] + box[3]) / 2 - y), textcoords="offset points", va="center", ha="center",
                      fontsize=_style.TINY + 0.4, color=look.ink).set_in_layout(False)
        if end is not None:
            axes.annotate("", (found.points[i, 0], found.points[i, 1]), (end[0] - x, end[1] - y), textcoords="offset points",
                          arrowprops={"arrowstyle": "-", "linewidth": 0.4, "color": look.quiet, "shrinkA": 0, "shrinkB": 2.5})


def _scaled(box: Any, scale: float) -> _labels.Box:
    return box.x0 * scale, box.y0 * scale, box.x1 * scale, box.y1 * scale


def _shown(found: trends.Map) -> list[int]:
    """The models that are named: all, or the outermost where they are many."""
    if len(found.names) <= _NAMED:
        return list(range(len(found.names)))
    return sorted(int(i) for i in np.argsort(-(found.points**2).sum(1), kind="stable")[: _NAMED // 2])
