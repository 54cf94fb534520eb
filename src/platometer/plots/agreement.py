"""Do metrics say the same: Spearman's correlations between them over the same pairs of models, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from platometer import trends
from platometer.plots import _style, _text
from platometer.plots._run import Row, Run, need

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(
    rows: Sequence[Row], *, between: str = "metric", score: str = "score", draws: int = trends.DRAWS, theme: str = "light",
    width: str = "column",
) -> Figure:
    """The correlations of `platometer.trends.agreement` as a table; 0, which is no relation, has the palest shade.

    A ring stands where the two may be unrelated: where p > 0.05, models being relabelled.

    Parameters
    ----------
    rows : of several metrics (or datasets, ...) over the same models.
    between : column whose values are compared; see `platometer.trends.BETWEEN`.
    score : column.
    draws : of the intervals and p-values.
    theme, width : see `platometer.plots.of_run`.

    Raises
    ------
    InputError
        A column is missing, or all rows have one metric.
    UndefinedError
        Fewer than four pairs are shared.
    """
    need(rows, "left", "right", "alike", "n", between, score, plot="agreement")
    found = trends.agreement(rows, between=between, score=score, draws=draws)
    count = len(found.names)
    base = _style.WIDTHS[width]
    with _style.sheet(theme, width, height=base * (0.95 if width == "column" else 0.6)) as (figure, look):
        axes = figure.subplots()
        lower = np.tril(np.ones((count, count), bool), -1)[1:, :-1]
        values = np.ma.masked_where(~lower, found.rho[1:, :-1])
        image = axes.imshow(values, cmap=_shades(look), vmin=-1, vmax=1, aspect="auto", interpolation="nearest")
        small = _style.SMALL if count < 5 else _style.TINY
        for i, j in np.argwhere(lower):
            told = found.of(found.names[i + 1], found.names[j])
            ring = " ○" if found.p[i + 1, j] > 0.05 else ""
            axes.text(j, i, f"{_two(told.value)}{ring}\n{_two(told.low)} to {_two(told.high)}", ha="center", va="center",
                      fontsize=small, color=_style.over([*image.to_rgba(told.value)]))  # type: ignore[arg-type]
        small = _style.TINY + 0.6 if max(map(len, found.names)) > 20 else _style.SMALL
        for axis, names in ((axes.yaxis, found.names[1:]), (axes.xaxis, found.names[:-1])):
            axis.set_ticks(range(count - 1), [_text.wrapped(name, wide=24, lines=3) for name in names])
        if small < _style.SMALL:
            for label in axes.get_xticklabels():
                label.set(rotation=25, ha="right", rotation_mode="anchor")
        axes.tick_params(length=0, labelsize=small)
        axes.spines[:].set_visible(False)
        bar = figure.colorbar(image, ax=axes, location="bottom", aspect=40, pad=0.02, shrink=0.9)
        bar.outline.set_visible(False)  # type: ignore[operator]
        models = len({row[side] for row in rows for side in ("left", "right")})
        bar.set_label(_style.quantity("Spearman’s rho", "−1 to 1", f"{found.pairs} pairs of {models} models"))
        rings = "\n○ may be unrelated (p > 0.05)" if (found.p[np.tril_indices(count, -1)] > 0.05).any() else ""
        _style.headline(figure, f"below each rho its {found.level:.0%} interval over models{rings}", look)
    return figure


def gather(run: Run) -> dict[str, Any]:
    """What `draw` takes of a run: the rows of every metric, of one conditioning.

    Parameters
    ----------
    run : with its rows.
    """
    first = run.rows[0]
    return {"rows": [row for row in run.every if all(row[c] == first[c] for c in ("conditioning", "data", "n"))]}


def _two(value: float) -> str:
    """Two digits behind the point, its minus as long as a plus."""
    return f"{value:.2f}".replace("-", "\u2212")


def _shades(look: _style.Look) -> Any:
    """Orange, the paper, blue: two hues that colour-blind readers tell apart."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("agreement", [look.hues[1], look.chance, look.hues[0]])
