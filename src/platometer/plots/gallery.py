"""Mutual neighbours of fixed queries in a gallery that grows: which agreement lasts, and what chance gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

import platometer.gallery
from platometer.errors import InputError
from platometer.gallery import GalleryScore
from platometer.plots import _style, _text
from platometer.plots._run import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_REACH = 1.959963984540054


def draw(found: Sequence[GalleryScore], *, title: str = "", theme: str = "light", width: str = "column") -> Figure:
    """A line for every k and every share, its 95 % interval over queries, and dashed what chance gives.

    Parameters
    ----------
    found : from `platometer.growing_gallery`.
    title : names of the two models.
    theme, width : see `platometer.plots.of_run`.

    Raises
    ------
    InputError
        There is nothing to draw.
    """
    if not found:
        raise InputError("The plot 'gallery' got no scores; `platometer.growing_gallery` makes them.")
    lines: dict[tuple[int, float | None], list[GalleryScore]] = {}
    for one in found:
        lines.setdefault((one.k if one.share is None else 0, one.share), []).append(one)
    with _style.sheet(theme, width, height=2.5) as (figure, look):
        axes = figure.subplots()
        ends = []
        for i, ((k, share), scores) in enumerate(lines.items()):
            colour, marker = look.hues[i % len(look.hues)], _style.MARKERS[i % len(_style.MARKERS)]
            sizes, y = [one.size for one in scores], [one.score for one in scores]
            reach = [_REACH * (one.se or 0.0) for one in scores]
            axes.fill_between(sizes, [a - b for a, b in zip(y, reach, strict=True)],
                              [a + b for a, b in zip(y, reach, strict=True)], color=colour, alpha=0.2, linewidth=0)
            axes.plot(sizes, y, color=colour, marker=marker)
            axes.plot(sizes, [one.chance for one in scores], color=colour, linewidth=0.8, linestyle=(0, (3, 2)))
            name = f"k = {k}" if share is None else f"k = {share:.3g} n"
            ends += [(y[-1], name, colour), (scores[-1].chance, "chance", colour)]
        axes.set_xscale("log")
        axes.set_ylim(bottom=0)
        _sized(axes, sorted({one.size for one in found}))
        axes.set_xlabel(_style.quantity("gallery", "samples, on a logarithm", f"{min(o.size for o in found):,} to "
                                        f"{max(o.size for o in found):,} samples"))
        axes.set_ylabel(_style.quantity("mutual kNN", "0 to 1", f"{found[0].queries:,} queries"))
        axes.set_title(_text.plain(title, most=60))
        _style.label_ends(axes, ends)
    return figure


def _sized(axes: Axes, sizes: Sequence[int]) -> None:
    """Ticks at the sizes that there are, the largest among them."""
    from matplotlib.ticker import NullLocator

    shown = sizes[:: -max(1, -(-len(sizes) // 6))]
    axes.set_xticks(shown, [f"{size:,}" if size < 10_000 else _style.short(size) for size in shown])
    axes.xaxis.set_minor_locator(NullLocator())


def gather(run: Run) -> dict[str, Any]:
    """What `draw` takes of a run: the growing gallery of the pair that was asked for, at its most alike layers.

    It is read where the study has a ``[gallery]``. Else it is grown now: a quarter of the samples are queries, at most 1,024,
    and galleries grow by the root of two.

    Parameters
    ----------
    run : with its rows.
    """
    row = run.pair()
    title = f"{row['left']} ~ {row['right']}"
    kept = [one for one in run.galleries if {one["left"], one["right"]} == {row["left"], row["right"]}]
    if kept:
        names = [one.name for one in fields(GalleryScore) if one.name != "per_query"]
        return {"found": [GalleryScore(**{name: one[name] for name in names}, per_query=np.empty(0)) for one in kept],
                "title": title}
    left, right = run.sides(row)
    n = left.n
    queries = max(8, min(1024, n // 4))
    sizes = sorted({n, *(round(queries * 2 ** (i / 2)) for i in range(60) if queries * 2 ** (i / 2) <= n)})
    k = min(10, queries - 1)
    found = platometer.gallery.growing_gallery(left, right, queries=queries, sizes=sizes, k=k, share=k / queries)
    return {"found": found, "title": title}
