"""Model by model: how alike each is to each other, those that are joined first side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from platometer import trends
from platometer.errors import InputError, suggestion
from platometer.plots import _style, _text
from platometer.plots._run import Row, Run, need

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import FuncNorm
    from matplotlib.figure import Figure

_WRITTEN = 9  # models up to which scores stand in the cells
_NAMED = 4.2  # points that a name needs
_SCALES = ("auto", "linear", "rank")


def draw(
    rows: Sequence[Row], *, score: str = "score", scale: str = "auto", theme: str = "light", width: str = "column",
) -> Figure:
    """The table of alignments as shades, with a ring where a pair does not beat chance.

    Where every model was aligned with every other, the table is square, in the order of `platometer.trends.tree`, which stands
    above it. Else left models are its rows and right models its columns, the most alike on average first.

    Parameters
    ----------
    rows : of one metric and dataset; both directions of a pair count as their mean.
    score : ``"score"``, ``"excess"`` or ``"calibrated"``.
    scale : of the shades: ``"linear"``; ``"rank"``, by which equally many pairs have each shade; or ``"auto"``: rank where the
        scores of pairs of two modalities span less than half of all, so that their differences would not be seen.
    theme, width : see `platometer.plots.of_run`.

    Raises
    ------
    InputError
        A column is missing, rows of several metrics, or no such scale.
    UndefinedError
        A row has no such score.
    """
    need(rows, "left", "right", "metric", "alike", "n", score, plot="matrix")
    found = trends.similarity(rows, score=score) if _square(rows) else None
    tree = None if found is None else trends.tree(found)
    values, down, across = _table(rows, score, found, tree)
    low = str(rows[0]["alike"]) == "low" and score == "score"
    if low:
        values = -values  # as the metric gives them
    if scale not in _SCALES:
        raise InputError(f"scale = {scale!r}. {suggestion(scale, _SCALES)}")
    ranked = scale == "rank" or (scale == "auto" and _hidden(rows, score))
    base = _style.inches(width)
    height = min(base * 1.22, base * (0.42 + 0.62 * min(1.15, len(down) / len(across))) + 0.3)
    with _style.sheet(theme, width, height=height) as (figure, look):
        if tree is None:
            axes = figure.subplots()
        else:
            top, axes = figure.subplots(2, 1, height_ratios=(1, 7))
            _treed(top, tree, look)
        shades = _style.shades(look, turned=low).with_extremes(bad=look.chance)
        image = axes.imshow(np.ma.masked_invalid(values), cmap=shades, norm=_ranks(values) if ranked else None, aspect="auto",
                            interpolation="nearest")
        told = _marked(axes, rows, values, down, across, image)
        steps = [_ticked(figure, axis, names, rotated=axis is axes.xaxis)
                 for axis, names in ((axes.yaxis, down), (axes.xaxis, across))]
        _style.headline(figure, told + (f"; one name in {max(steps)} is shown" if max(steps) > 1 else ""), look)
        axes.spines[:].set_visible(False)
        unit = _style.unit_of(str(rows[0]["metric"])) if score == "score" else score
        bar = figure.colorbar(image, ax=axes, location="bottom", shrink=0.9, aspect=40, pad=0.02)
        bar.outline.set_visible(False)  # type: ignore[operator]
        if ranked:
            marks = np.nanquantile(values, np.linspace(0, 1, 5), method="nearest")
            bar.set_ticks(list(np.unique(marks)), labels=[_style.signed(value) for value in np.unique(marks)])
            bar.minorticks_off()
        n = _style.compared(len(rows), int(rows[0]["n"])) + "; shaded by rank" * ranked
        bar.set_label(_style.quantity(str(rows[0]["metric"]), unit, n))
    return figure


def gather(run: Run) -> dict[str, Any]:
    """What `draw` takes of a run: its rows.

    Parameters
    ----------
    run : with its rows.
    """
    return {"rows": run.rows}


def _hidden(rows: Sequence[Row], score: str) -> bool:
    """Whether pairs of two modalities, beside those of one, would all have nearly one shade."""
    values = np.array([float(row[score]) for row in rows])
    across = np.array([row.get("left_modality") != row.get("right_modality") for row in rows])
    return bool(0 < across.sum() < len(rows) and np.ptp(values[across]) < np.ptp(values) / 2)


def _ranks(values: np.ndarray) -> FuncNorm:
    """From scores to their places among the scores, equal ones sharing one."""
    from matplotlib.colors import FuncNorm

    known, counts = np.unique(values[np.isfinite(values)], return_counts=True)
    place = np.cumsum(counts) - counts / 2
    return FuncNorm((lambda x: np.interp(x, known, place), lambda y: np.interp(y, place, known)), known[0], known[-1])


def _square(rows: Sequence[Row]) -> bool:
    """Whether three models or more were all aligned with each other."""
    pairs = {frozenset((row["left"], row["right"])) for row in rows}
    names = set().union(*pairs)
    return len(names) > 2 and len([pair for pair in pairs if len(pair) == 2]) == len(names) * (len(names) - 1) // 2


def _table(
    rows: Sequence[Row], score: str, found: trends.Similarity | None, tree: trends.Tree | None
) -> tuple[np.ndarray, list[str], list[str]]:
    """Values, high where alike, and the names of rows and columns in their order."""
    if found is not None and tree is not None:
        return found.among(tree.order).values, list(tree.order), list(tree.order)
    from platometer.trends._rows import alike

    ends = [_ends(row, str(rows[0].get("left_modality"))) for row in rows]
    down, across = (list(dict.fromkeys(pair[i] for pair in ends)) for i in (0, 1))
    sums, counts = np.zeros((len(down), len(across))), np.zeros((len(down), len(across)))
    for pair, value in zip(ends, alike(rows, score), strict=True):
        at = down.index(pair[0]), across.index(pair[1])
        sums[at] += value
        counts[at] += 1
    values = np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
    order = [np.argsort(-np.nanmean(values, axis=axis), kind="stable") for axis in (1, 0)]
    return values[np.ix_(*order)], [down[i] for i in order[0]], [across[i] for i in order[1]]


def _ends(row: Row, first: str) -> tuple[str, str]:
    """Names of both models, that of the first modality before the other."""
    turned = row.get("right_modality") == first != row.get("left_modality")
    return (str(row["right"]), str(row["left"])) if turned else (str(row["left"]), str(row["right"]))


def _treed(axes: Axes, tree: trends.Tree, look: _style.Look) -> None:
    """The tree above the table, its leaves over the columns."""
    from matplotlib.collections import LineCollection
    from scipy.cluster import hierarchy

    drawn = hierarchy.dendrogram(tree.linkage, no_plot=True)
    lines = [np.column_stack([(np.array(x) - 5) / 10, y]) for x, y in zip(drawn["icoord"], drawn["dcoord"], strict=True)]
    axes.add_collection(LineCollection(lines, colors=look.quiet, linewidths=0.6))
    axes.set(xlim=(-0.5, len(tree.names) - 0.5), ylim=(0, 1.05 * float(tree.linkage[:, 2].max() or 1)))
    axes.axis("off")


def _marked(
    axes: Axes, rows: Sequence[Row], values: np.ndarray, down: Sequence[str], across: Sequence[str], image: Any
) -> str:
    """A ring where a pair does not beat chance, which is told; the scores themselves where there is room."""
    dull = {(row["left"], row["right"]) for row in rows if row.get("p_bh") is not None and row["p_bh"] > row["alpha"]}
    dull |= {(right, left) for left, right in dull}
    rings = [(j, i) for i, a in enumerate(down) for j, b in enumerate(across) if (a, b) in dull]
    written = max(len(down), len(across)) <= _WRITTEN
    for i, j in np.argwhere(np.isfinite(values)) if written else ():
        axes.text(j, i, f"{values[i, j]:.2f}".replace("-", "\u2212"), ha="center", va="center",
                  fontsize=_style.SMALL if len(across) < 7 else _style.TINY, color=_style.over(image.to_rgba(values[i, j])))
    if rings:
        _style.whole(axes).draw_without_rendering()  # to know how large a cell is
        per = axes.bbox.width / _style.whole(axes).dpi * 72 / len(across)
        size = min(24.0, 0.7 * per) if written else min(9.0, 0.45 * per)
        axes.scatter([j for j, _ in rings], [i for _, i in rings], s=size**2, facecolors="none", linewidths=0.6,
                     edgecolors=[_style.over(image.to_rgba(values[i, j])) for j, i in rings])
    null = [row["alpha"] for row in rows if row.get("p_bh") is not None]
    return ("no null in these rows: chance is not told" if not null else "every pair is above chance" if not rings else
            f"○ not above chance (level {null[0]:g}, Benjamini–Hochberg)")


def _ticked(figure: Figure, axis: Any, names: Sequence[str], *, rotated: bool) -> int:
    """Names at the cells; every second, third, ... where there is no room for all."""
    room = figure.get_size_inches()[0] * 72 * 0.68 / len(names)
    step = max(1, int(np.ceil(_NAMED / room)))
    shown = range(0, len(names), step)
    axis.set_ticks(list(shown), [_text.plain(names[i], most=22) for i in shown])
    axis.set_tick_params(length=0, labelsize=min(_style.SMALL, max(_NAMED * 0.9, room * step * 0.85)),
                         labelrotation=90 if rotated else 0)
    return step
