"""How every figure looks: two widths, light and dark, colours that colour-blind readers tell apart, names as plain text.

A drawing opens a sheet, draws on it, and hands back the figure::

    with _style.sheet(theme, width, height=2.6) as (figure, look):
        axes = figure.subplots()

Within it no ``$`` begins mathematics: names and captions come from others and are shown as they are. Colours of series come
from `Look.hues`, whose contrast with the paper is at least 4.5, so that text may have them too, and which differ by ΔE of 10
or more to normal and to colour-blind eyes (Machado, Oliveira and Fernandes 2009); tests hold both. Series also differ by
marker.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from platometer.errors import InputError, PlatometerError, missing, suggestion
from platometer.plots import _text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

WIDTHS = {"column": 3.4, "double": 7.0}
"""Inches: one column of a paper, and both."""

MARKERS, SIGNS = "osD^v", "●■◆▲▼"
SIZE, SMALL, TINY = 7.0, 6.0, 4.6
"""Points: of labels, of remarks and names, of captions."""


@dataclass(frozen=True)
class Look:
    """The colours of a theme.

    Attributes
    ----------
    paper, ink, quiet, rule : background, text, remarks, thin lines.
    chance : of the band that chance gives.
    hues : of series, in order.
    shades : name of matplotlib's map for numbers.
    darkest : where in that map the least number stands, so that it can be seen on the paper.
    """

    paper: str
    ink: str
    quiet: str
    rule: str
    chance: str
    hues: tuple[str, ...]
    shades: str = "cividis"
    darkest: float = 0.0


THEMES = {
    "light": Look("#ffffff", "#1a1c1f", "#59606b", "#c9cdd3", "#dcdfe4",
                  ("#0072b2", "#c24e00", "#00805f", "#9a3c86", "#5a4a00")),
    "dark": Look("#14171b", "#e8eaed", "#a3abb6", "#454b54", "#353b44",
                 ("#56b4e9", "#e69f00", "#2bc497", "#e08bbe", "#f0e442"), darkest=0.22),
}


def inches(width: str) -> float:
    """How wide a figure is.

    Parameters
    ----------
    width : one of `WIDTHS`.

    Raises
    ------
    InputError
        No such width.
    """
    if width not in WIDTHS:
        raise InputError(f"width = {width!r}. {suggestion(str(width), WIDTHS)}")
    return WIDTHS[width]


@contextmanager
def sheet(theme: str, width: str, *, height: float) -> Iterator[tuple[Figure, Look]]:
    """An empty figure and its colours; whatever is drawn inside has the style.

    Parameters
    ----------
    theme : one of `THEMES`.
    width : one of `WIDTHS`.
    height : in inches.

    Raises
    ------
    InputError
        No such theme or width.
    MissingDependencyError
        matplotlib is not installed.
    """
    across = inches(width)
    if theme not in THEMES:
        raise InputError(f"theme = {theme!r}. {suggestion(str(theme), THEMES)}")
    try:
        import matplotlib
    except ImportError:
        raise missing("matplotlib", "report", wanted_for="A figure") from None
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    look = THEMES[theme]
    with matplotlib.rc_context(_settings(look)):  # type: ignore[arg-type]
        figure = Figure(figsize=(across, height), layout=ConstrainedLayoutEngine(w_pad=0.03, h_pad=0.03), dpi=200)
        yield figure, look
        literal(figure)


def literal(figure: Figure) -> None:
    """Let no text of the figure be read as mathematics, whatever made it.

    Parameters
    ----------
    figure : laid out first, so that the texts of ticks are there.
    """
    from matplotlib.text import Text

    figure.draw_without_rendering()
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        text.set_parse_math(False)


def whole(axes: Axes) -> Figure:
    """The figure of some axes.

    Parameters
    ----------
    axes : of a sheet.
    """
    figure = axes.get_figure(root=True)
    assert figure is not None
    return figure


def _settings(look: Look) -> dict[str, Any]:
    return {
        "font.family": ["DejaVu Sans"], "font.size": SIZE, "axes.labelsize": SIZE, "axes.titlesize": SIZE,
        "xtick.labelsize": SMALL, "ytick.labelsize": SMALL, "text.parse_math": False, "text.usetex": False,
        "figure.facecolor": look.paper, "axes.facecolor": look.paper, "text.color": look.ink, "axes.labelcolor": look.ink,
        "axes.titlecolor": look.ink, "axes.edgecolor": look.quiet, "xtick.color": look.quiet, "ytick.color": look.quiet,
        "xtick.labelcolor": look.ink, "ytick.labelcolor": look.ink, "axes.spines.top": False, "axes.spines.right": False,
        "axes.linewidth": 0.6, "xtick.major.width": 0.6, "ytick.major.width": 0.6, "xtick.major.size": 2.5,
        "ytick.major.size": 2.5, "lines.linewidth": 1.2, "lines.markersize": 3.2, "axes.titlelocation": "left",
        "axes.labelpad": 2.5, "xtick.major.pad": 2, "ytick.major.pad": 2, "image.interpolation": "nearest",
    }


def quantity(word: str, unit: str, n: str) -> str:
    """The label of an axis: what, in which unit, of how many.

    Parameters
    ----------
    word : what is shown.
    unit : of its numbers.
    n : how many of what, such as ``"512 samples"``.

    Examples
    --------
    >>> print(quantity("score", "0 to 1", "512 samples"))
    score (0 to 1)
    n = 512 samples
    """
    return f"{_text.plain(word, most=46)} ({unit})\nn = {n}"


def unit_of(metric: str, *, conditioned: str = "unit") -> str:
    """The unit of a metric's scores: its range, and which end means alike where that is the low one.

    Parameters
    ----------
    metric : spec.
    conditioned : how the features were prepared, named where it is not usual.

    Examples
    --------
    >>> unit_of("mutual_knn(k=10)")
    '0 to 1'
    """
    from platometer.metrics import parse

    try:
        facts = parse(metric).facts
    except PlatometerError:  # of another version or plug-in: its range is not known here
        return "score"
    low, high = ("\u2212\u221e" if end == -math.inf else "\u221e" if end == math.inf else f"{end:g}".replace("-", "\u2212")
                 for end in facts.range)
    return f"{low} to {high}" + (", low is alike" if facts.alike == "low" else "") + (
        "" if conditioned == "unit" else f", {_text.plain(conditioned, most=20)}")


def counted(axis: Any) -> None:
    """Ticks of an axis of counts on a logarithm, as 10 k, 1 M and the like.

    Parameters
    ----------
    axis : x or y of some axes, on a logarithmic scale.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    low, high = sorted(axis.get_view_interval())
    times = high / max(low, 1e-300)
    axis.set_major_locator(LogLocator(base=10, subs=(1, 2, 5) if times < 30 else (1,), numticks=7) if times > 4 else
                           MaxNLocator(nbins=3))
    axis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
    axis.set_minor_formatter(NullFormatter())


def short(value: float) -> str:
    """A count in few letters.

    Parameters
    ----------
    value : at least 0.

    Examples
    --------
    >>> short(22_000_000), short(1500), short(7)
    ('22 M', '1.5 k', '7')
    """
    for power, letter in ((9, " G"), (6, " M"), (3, " k")):
        if value >= 10**power:
            return f"{float(f'{value:.3g}') / 10**power:.4g}{letter}"
    return f"{value:.4g}"


def spread(wanted: Sequence[float], least: float, *, low: float, high: float) -> list[float]:
    """Places at least so far apart, in the same order, near those wanted.

    Parameters
    ----------
    wanted : places.
    least : distance between neighbours.
    low, high : ends, which give way if there is no room.

    Examples
    --------
    >>> spread([5.0, 5.0, 9.0], 2.0, low=0.0, high=10.0)
    [4.0, 6.0, 9.0]
    """
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    blocks: list[tuple[float, int]] = []  # (middle, labels) of labels that touch
    for i in order:
        middle, size = wanted[i], 1
        half = (size - 1) * least / 2
        middle = min(max(middle, low + half), high - half)
        while blocks and middle - size * least / 2 < blocks[-1][0] + blocks[-1][1] * least / 2:
            before, count = blocks.pop()
            middle, size = (before * count + middle * size) / (count + size), count + size
            half = (size - 1) * least / 2
            middle = max(min(middle, high - half), low + half)
        blocks.append((middle, size))
    placed = [middle + (j - (size - 1) / 2) * least for middle, size in blocks for j in range(size)]
    out = [0.0] * len(wanted)
    for i, place in zip(order, placed, strict=True):
        out[i] = place
    return out


def label_ends(axes: Axes, ends: Sequence[tuple[float, str, str]]) -> None:
    """Names beside the right end of series, none on top of another.

    Parameters
    ----------
    axes : whose limits are set.
    ends : (y, name, colour) of each.
    """
    figure = whole(axes)
    texts = [axes.annotate(name, (1, y), (4, 0), xycoords=axes.get_yaxis_transform(), textcoords="offset points",
                           color=colour, fontsize=SMALL, va="center", annotation_clip=False) for y, name, colour in ends]
    figure.draw_without_rendering()  # to know how high the axes are
    points = axes.bbox.height * 72 / figure.dpi
    wanted = [axes.transAxes.inverted().transform(axes.transData.transform((0, y)))[1] * points for y, _, _ in ends]
    for text, had, place in zip(texts, wanted, spread(wanted, SMALL * 1.15, low=0, high=points), strict=True):
        text.set_position((4, place - had))


def signed(value: float) -> str:
    """A number in three digits, its minus as long as a plus.

    Parameters
    ----------
    value : any.

    Examples
    --------
    >>> signed(-0.12345)
    '−0.123'
    """
    return f"{value:.3g}".replace("-", "\u2212")


def many(count: int, noun: str) -> str:
    """A number of things.

    Parameters
    ----------
    count : how many.
    noun : what one is called.

    Examples
    --------
    >>> many(1, "pair"), many(1770, "pair")
    ('1 pair', '1,770 pairs')
    """
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def compared(pairs: int, n: int) -> str:
    """Of how many pairs, over how many samples.

    Parameters
    ----------
    pairs, n : how many.

    Examples
    --------
    >>> compared(1, 512)
    '1 pair, 512 samples'
    """
    return f"{many(pairs, 'pair')}, {many(n, 'sample')}"


def headline(figure: Figure, text: str, look: Look) -> None:
    """A quiet line or two above everything, from the left edge on.

    Parameters
    ----------
    figure : of a sheet.
    text : what.
    look : the colours.
    """
    figure.suptitle(text, x=0.012, ha="left", fontsize=SMALL, color=look.quiet)


def remark(axes: Axes, text: str, look: Look, *, x: float = 0.02, y: float = 0.98, **options: Any) -> None:
    """A quiet remark inside the axes.

    Parameters
    ----------
    axes : where.
    text : what.
    look : the colours.
    x, y : of its upper left corner, in shares of the axes.
    options : of the text.
    """
    style: dict[str, Any] = {"ha": "left", "va": "top", "fontsize": SMALL, "color": look.quiet, "linespacing": 1.25} | options
    axes.text(x, y, text, transform=axes.transAxes, **style)


def shades(look: Look, *, turned: bool = False) -> Colormap:
    """Colours for numbers, dark to light, which differ to every eye.

    Parameters
    ----------
    look : the colours.
    turned : whether the least is the lightest.
    """
    import matplotlib
    import numpy as np
    from matplotlib.colors import ListedColormap

    steps = np.linspace(look.darkest, 1, 256)
    return ListedColormap(matplotlib.colormaps[look.shades](steps[::-1] if turned else steps))


def over(shade: Sequence[float]) -> str:
    """Black or white, whichever is read better on a colour.

    Parameters
    ----------
    shade : red, green, blue in [0, 1].

    Examples
    --------
    >>> over((1, 1, 0)), over((0, 0, 0.3))
    ('#000000', '#ffffff')
    """
    return "#000000" if luminance(shade) > 0.18 else "#ffffff"


def luminance(shade: Sequence[float]) -> float:
    """Relative luminance (WCAG 2.2).

    Parameters
    ----------
    shade : red, green, blue in [0, 1].
    """
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shade[:3]]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
