"""Models as points on a map: near where alike, coloured by size or capability."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from platometer import trends
from platometer.errors import UndefinedError
from platometer.plots import _style, _text
from platometer.plots._run import Row, Run, need

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NAMED = 26  # models up to which each is named


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
        axes.set_aspect("equal", adjustable="datalim")
        axes.margins(x=0.3, y=0.16)
        metric, n = str(rows[0]["metric"]), int(rows[0]["n"])
        axes.set_xlabel(_style.quantity("first axis", "−log alignment", f"{len(found.names)} models"))
        axes.set_ylabel(_style.quantity("second axis", "−log alignment", f"{n:,} samples"))
        _style.headline(figure, f"{_text.plain(metric)}; stress {found.stress:.2f} (0: every distance as measured)", look)
        if image is not None:
            bar = figure.colorbar(image, ax=axes, location="bottom", aspect=40, pad=0.02, shrink=0.9)
            bar.outline.set_visible(False)  # type: ignore[operator]
            if capability is None:
                _style.counted(bar.ax.xaxis)
            bar.set_label(_style.quantity(word, unit, f"{sum(name in sizes for name in found.names)} models"))
        told = [f"{sign} {_text.plain(kind)}" for sign, kind in zip(_style.SIGNS, dict.fromkeys(kinds.values()), strict=False)]
        if any(kinds.values()):
            _style.remark(axes, "   ".join(told), look)
        _names(axes, found, look)
    return figure


def gather(run: Run) -> dict[str, Any]:
    """What `draw` takes of a run: its rows.

    Parameters
    ----------
    run : with its rows.
    """
    return {"rows": run.rows}


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


def _names(axes: Axes, found: trends.Map, look: _style.Look) -> None:
    """Names beside the points, moved up or down until none lies on another; beyond some dozens, only the outermost."""
    figure = _style.whole(axes)
    figure.draw_without_rendering()
    shown = list(range(len(found.names)))
    if len(found.names) > _NAMED:
        reach = np.argsort(-(found.points**2).sum(1), kind="stable")
        shown = sorted(reach[: _NAMED // 2])
    pixels = axes.transData.transform(found.points[:, :2])
    scale = 72 / figure.dpi
    taken: list[tuple[float, float, float, float]] = [(x * scale - 3, y * scale - 3, x * scale + 3, y * scale + 3)
                                                      for x, y in pixels]
    for i in shown:
        x, y = pixels[i] * scale
        text = _text.plain(found.names[i], most=18)
        wide = 0.55 * _style.TINY * len(text)
        place = _free(x, y, wide, taken, axes.bbox.x0 * scale, axes.bbox.x1 * scale)
        taken.append(place)
        middle = (place[1] + place[3]) / 2 - y
        line = {"arrowstyle": "-", "linewidth": 0.4, "color": look.quiet, "shrinkA": 0, "shrinkB": 3}
        at = float(found.points[i, 0]), float(found.points[i, 1])
        axes.annotate(text, at, (place[0] - x, middle), textcoords="offset points", va="center", fontsize=_style.TINY + 0.4,
                      color=look.ink, arrowprops=line if abs(middle) > 7 else None)


def _free(
    x: float, y: float, wide: float, taken: Sequence[tuple[float, float, float, float]], left: float, right: float
) -> tuple[float, float, float, float]:
    """The first box beside (x, y) that covers least of what is taken."""
    high = _style.TINY * 1.15
    boxes = [(x + dx, y + dy - high / 2, x + dx + wide, y + dy + high / 2)
             for dy in (0, 6, -6, 10, -10, 15, -15) for dx in (5, -5 - wide, -wide / 2) if dx != -wide / 2 or abs(dy) > 4]
    return min(boxes, key=lambda box: sum(_shared(box, other) for other in taken) + 50 * (box[0] < left or box[2] > right))


def _shared(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> float:
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
