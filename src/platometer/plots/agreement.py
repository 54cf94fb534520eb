"""Do metrics say the same: Spearman's correlations between them over the same pairs of models, with intervals."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from platometer import trends
from platometer.plots import _style, _text
from platometer.plots._run import Row, Run, crossing, kinds, need

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HIGH = 0.28  # inches of a row
_LETTER = 0.6  # of a digit's width, in its height
_SPEC = re.compile(r"(\w+)\((.+)\)")


def draw(
    rows: Sequence[Row], *, between: str = "metric", score: str = "score", draws: int = trends.DRAWS, theme: str = "light",
    width: str = "column",
) -> Figure:
    """The correlations of `platometer.trends.agreement` as a table; 0, which is no relation, has the palest shade.

    A ring stands where the two may be unrelated: where p > 0.05, models being relabelled. Of a spec, words that tell it from no
    other are not written. How alike models of one modality are and of two are two questions; it is said which of them it is.

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
    base = _style.inches(width)
    height = max(base * (0.95 if width == "column" else 0.6), 1.9 + _HIGH * (count - 1))
    with _style.sheet(theme, width, height=height) as (figure, look):
        axes = figure.subplots()
        lower = np.tril(np.ones((count, count), bool), -1)[1:, :-1]
        values = np.ma.masked_where(~lower, found.rho[1:, :-1])
        image = axes.imshow(values, cmap=_shades(look), vmin=-1, vmax=1, aspect="auto", interpolation="nearest")
        _ticked(axes, [_text.plain(name, most=26) for name in told_apart(found.names)])
        bar = figure.colorbar(image, ax=axes, location="bottom", aspect=40, pad=0.02, shrink=0.9)
        bar.outline.set_visible(False)  # type: ignore[operator]
        models = len({row[side] for row in rows for side in ("left", "right")})
        bar.set_label(_style.quantity("Spearman’s rho", "−1 to 1", f"{found.pairs} {kinds(rows)}, {models} models"))
        lines = [f"below each rho its {found.level:.0%} interval over models"]
        lines += ["○ may be unrelated (p > 0.05)"] * bool((found.p[np.tril_indices(count, -1)] > 0.05).any())
        lines += [f"the same for every pair, and left out: {', '.join(told_apart(found.constant))}"] * bool(found.constant)
        _style.headline(figure, "\n".join(_text.wrapped(line, wide=round(18 * base), lines=3) for line in lines), look)
        _written(axes, found, image)
    return figure


def gather(run: Run) -> dict[str, Any]:
    """What `draw` takes of a run: the rows of every metric, of one conditioning.

    Those of two modalities alone, where there are models enough for an interval: three on one side and two on the other.

    Parameters
    ----------
    run : with its rows.
    """
    first = run.rows[0]
    rows = [row for row in run.every if all(row[c] == first[c] for c in ("conditioning", "data", "n"))]
    across = crossing(rows)
    models = {row[side]: row[f"{side}_modality"] for row in across for side in ("left", "right")}
    counts = sorted(Counter(models.values()).values())
    return {"rows": across if counts[-1] >= 3 and counts[0] >= 2 else rows}


def told_apart(names: Sequence[str]) -> list[str]:
    """Specs as short as they can be and still be told apart: of words, those alone in which specs of one metric differ.

    Parameters
    ----------
    names : specs, or other words, which stay.

    Examples
    --------
    >>> told_apart(["cka(kernel=linear, estimator=biased)", "cka(kernel=linear, estimator=debiased)", "rsa(compare=spearman)"])
    ['cka(biased)', 'cka(debiased)', 'rsa']
    >>> told_apart(["mutual_knn(k=10)"])
    ['mutual_knn(k=10)']
    """
    parsed = [_SPEC.fullmatch(name) for name in names]
    split = [(found[1], found[2].split(", ")) if found else (name, []) for name, found in zip(names, parsed, strict=True)]
    out = []
    for head, options in split:
        rivals = [set(other) for word, other in split if word == head]
        kept = [option for option in options if any(letter.isdigit() for letter in option.partition("=")[2])
                or not all(option in other for other in rivals)]
        said = [option if option.partition("=")[2][:1].isdigit() else option.partition("=")[2] or option for option in kept]
        out.append(f"{head}({', '.join(said)})" if said else head)
    return out if len(set(out)) == len(set(names)) else list(names)


def _ticked(axes: Axes, names: Sequence[str]) -> None:
    """Names at the rows from the second on, and at the columns up to the last but one, slanted where they would meet."""
    size = _style.SMALL if len(names) < 7 else _style.TINY + 0.6
    axes.yaxis.set_ticks(range(len(names) - 1), names[1:])
    axes.xaxis.set_ticks(range(len(names) - 1), names[:-1])
    axes.tick_params(length=0, labelsize=size)
    axes.spines[:].set_visible(False)
    if len(names) > 4 or max(map(len, names)) > 20:
        for label in axes.get_xticklabels():
            label.set(rotation=40, ha="right", va="top", rotation_mode="anchor")


def _written(axes: Axes, found: trends.Agreement, image: Any) -> None:
    """Each rho and its interval in its cell, on two lines or three, in letters as large as fit."""
    figure = _style.whole(axes)
    figure.draw_without_rendering()  # to know how large a cell is
    cells = len(found.names) - 1
    wide, high = (size / figure.dpi * 72 / cells for size in (axes.bbox.width, axes.bbox.height))
    broken = wide < 12 * _LETTER * _style.TINY
    letters, lines = (8, 3) if broken else (12, 2)
    size = min(_style.SMALL, 0.95 * wide / (letters * _LETTER), 0.9 * high / (1.2 * lines))
    for i in range(cells):
        for j in range(i + 1):
            told = found.of(found.names[i + 1], found.names[j])
            ring = " ○" if found.p[i + 1, j] > 0.05 else ""
            axes.text(j, i, f"{_two(told.value)}{ring}\n{_two(told.low)} to{chr(10) if broken else ' '}{_two(told.high)}",
                      ha="center", va="center", fontsize=size, linespacing=1.05,
                      color=_style.over([*image.to_rgba(told.value)]))


def _two(value: float) -> str:
    """Two digits behind the point, its minus as long as a plus."""
    return f"{value:.2f}".replace("-", "\u2212")


def _shades(look: _style.Look) -> Any:
    """Orange, the paper, blue: two hues that colour-blind readers tell apart."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("agreement", [look.hues[1], look.chance, look.hues[0]])
