"""What agreement looks like: a sample, and what is nearest to it for two models, as pictures and captions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from platometer import knn
from platometer.arrays import as_matrix
from platometer.conditioning import Conditioning
from platometer.errors import InputError
from platometer.features import Features
from platometer.plots import _style, _text
from platometer.plots._run import Run
from platometer.samples import Paired, Samples

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LINES = 3  # of a caption


def draw(
    left: object, right: object, *, samples: Paired | Samples, names: tuple[str, str] = ("left", "right"), k: int = 4,
    among: int = 10, chosen: Sequence[int] | None = None, conditioning: str = "unit", theme: str = "light",
    width: str = "column",
) -> Figure:
    """A block for each chosen sample: itself, and its k nearest for either model; a frame where both have it among ``among``.

    Parameters
    ----------
    left, right : (n, d) and (n, p), or `Features` of one layer each.
    samples : the n samples. Pictures and texts are shown, one of each; of other modalities, the id.
    names : of the models.
    k : neighbours to show.
    among : nearest neighbours in which those that both models share are sought, the k of `mutual_knn`.
    chosen : positions of samples. If None, one of those that share most, one in the middle, and one of those that share least,
        so that the sheet shows no more agreement than there is.
    conditioning : what is done to the features first.
    theme, width : see `platometer.plots.of_run`.

    Raises
    ------
    InputError
        Other numbers of samples than of rows, or a position that is none.
    """
    lists = [_nearest(side, among, conditioning, name) for side, name in zip((left, right), names, strict=True)]
    n = len(lists[0])
    if not n == len(lists[1]) == len(samples):
        raise InputError(f"{n} rows on the left, {len(lists[1])} on the right and {len(samples)} samples; one each is needed.")
    shared = [set(a.tolist()) & set(b.tolist()) - {-1} for a, b in zip(*lists, strict=True)]
    rows = _chosen([len(one) for one in shared], chosen)
    views = list(samples.views.values()) if isinstance(samples, Paired) else [samples]
    stacked = width == "column"
    with _style.sheet(theme, width, height=len(rows) * (2.28 if stacked else 1.32) + 0.25) as (figure, look):
        figure.set_layout_engine("none")
        sheet = _Sheet(figure, views, look, k=k, stacked=stacked, blocks=len(rows))
        for block, row in enumerate(rows):
            told = f"{len(shared[row])} of {len(lists[0][row])} nearest shared"
            sheet.query(block, row, told)
            for place, (name, found) in enumerate(zip(names, lists, strict=True)):
                sheet.side(block, place, name, found[row].tolist(), shared[row])
        told = f"nearest by cosine of n = {n - 1:,} other samples; framed ●: among the {lists[0].shape[1]} nearest for both"
        figure.text(0.012, 0.004, told, fontsize=_style.TINY + 0.4, color=look.quiet, va="bottom")
    return figure


def gather(run: Run) -> dict[str, Any]:
    """What `draw` takes of a run: features of the pair that was asked for at its most alike layers, and the study's data.

    Parameters
    ----------
    run : with its rows.

    Raises
    ------
    InputError
        The run is of vectors from files, which have nothing to show.
    """
    row, samples = run.pair(), run.samples()
    if samples is None:
        raise InputError("This run is of vectors from files: there are no pictures or captions to show as neighbours.")
    left, right = run.sides(row)
    return {"left": left, "right": right, "samples": samples, "conditioning": str(row["conditioning"]),
            "names": tuple(f"{row[side]}, {row[f'{side}_layer']}" for side in ("left", "right"))}


class _Sheet:
    """Places of pictures and captions.

    Parameters
    ----------
    figure : to draw on.
    views : of the samples.
    look : the colours.
    k : neighbours of a side.
    stacked : whether the sides lie below each other.
    blocks : chosen samples.
    """

    def __init__(self, figure: Figure, views: Sequence[Samples], look: _style.Look, *, k: int, stacked: bool, blocks: int):
        self._figure, self._look, self._stacked, self._k = figure, look, stacked, k
        self._views = {view.modality: view for view in reversed(views)}
        self._ids = views[0].ids
        self._wide, self._high = figure.get_size_inches()
        self._block = (self._high - 0.25) / blocks
        self._cell = (self._wide - (0.08 if stacked else 1.5)) / k / (1 if stacked else 2)

    def query(self, block: int, row: int, told: str) -> None:
        """The chosen sample.

        Parameters
        ----------
        block : which, from above.
        row : position of the sample.
        told : how much is shared.
        """
        top = self._high - block * self._block
        size = 0.5 if self._stacked else 0.72
        if block:
            self._figure.add_artist(_line(self._figure, top / self._high, self._look.rule))
        self._picture(0.06, top - 0.06 - size, size, row, colour=None)
        x, y = (0.14 + size, top - 0.07) if self._stacked else (0.06, top - 0.1 - size)
        text = _text.wrapped(self._caption(row), wide=46 if self._stacked else 21, lines=3 if self._stacked else 4)
        self._say(x, y, text, _style.SMALL if self._stacked else _style.TINY + 0.4)
        quiet, small = self._look.quiet, _style.TINY + 0.6
        if self._stacked:
            self._say(x, top - 0.06 - size, told, small, va="bottom", colour=quiet)
        else:
            self._say(0.14 + size, top - 0.07, _text.wrapped(told, wide=9, lines=5), small, colour=quiet)

    def side(self, block: int, place: int, name: str, found: Sequence[int], shared: set[int]) -> None:
        """The nearest of a model.

        Parameters
        ----------
        block, place : which sample, and which of the models.
        name : of the model.
        found : positions of its neighbours, nearest first.
        shared : those that both models have.
        """
        top = self._high - block * self._block - (0.6 + 0.84 * place if self._stacked else 0.02)
        x0 = 0.06 if self._stacked else 1.46 + place * self._k * self._cell
        colour = self._look.hues[place]
        self._say(x0, top - 0.02, _text.plain(name, most=44), _style.SMALL, colour=colour)
        size = min(0.52 if self._stacked else 0.6, self._cell - 0.1)
        for i, row in enumerate(one for one in found if one >= 0):
            if i == self._k:
                break
            x, y = x0 + i * self._cell, top - 0.14 - size
            self._picture(x, y, size, row, colour=self._look.ink if row in shared else None)
            wide = int((self._cell - 0.05) * 72 / (_style.TINY * 0.56))
            self._say(x, y - 0.03, _text.wrapped(self._caption(row), wide=wide, lines=2 if self._stacked else _LINES),
                      _style.TINY)
            if row in shared:
                self._say(x + size - 0.01, y + size - 0.01, "●", _style.SMALL, colour=self._look.paper, ha="right",
                          bbox={"facecolor": self._look.ink, "edgecolor": "none", "pad": 0.6})

    def _picture(self, x: float, y: float, size: float, row: int, *, colour: str | None) -> None:
        axes: Axes = self._figure.add_axes((x / self._wide, y / self._high, size / self._wide, size / self._high))
        axes.set_xticks([])
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set(visible=True, color=colour or self._look.rule, linewidth=1.6 if colour else 0.4)
        if "image" in self._views:
            axes.imshow(np.asarray(self._views["image"].items[row][0].convert("RGB")), interpolation="nearest")  # type: ignore[attr-defined]
        else:
            kind = next(iter(self._views))
            axes.text(0.5, 0.5, "“ ”" if kind == "text" else kind, transform=axes.transAxes, ha="center", va="center",
                      fontsize=_style.SMALL, color=self._look.quiet)

    def _caption(self, row: int) -> str:
        return str(self._views["text"].items[row][0]) if "text" in self._views else str(self._ids[row])

    def _say(self, x: float, y: float, text: str, size: float, *, colour: str = "", **options: Any) -> None:
        style: dict[str, Any] = {"va": "top", "linespacing": 1.1, "fontsize": size, "color": colour or self._look.ink} | options
        self._figure.text(x / self._wide, y / self._high, text, **style)


def _line(figure: Figure, y: float, colour: str) -> Any:
    from matplotlib.lines import Line2D

    return Line2D([0.01, 0.99], [y, y], color=colour, linewidth=0.6, transform=figure.transFigure)


def _nearest(side: object, among: int, conditioning: str, name: str) -> np.ndarray:
    """(n, among) positions of the nearest, nearest first; -1 where a tie leaves it open."""
    x = side.matrix(side.names[-1]) if isinstance(side, Features) else as_matrix(side, name=name)  # type: ignore[arg-type]
    matrix = Conditioning.parse(conditioning)(torch.as_tensor(x), name=name)
    return knn.neighbours(matrix, min(among, len(matrix) - 1)).lists.cpu().numpy()


def _chosen(counts: Sequence[int], chosen: Sequence[int] | None) -> list[int]:
    """Positions of the samples to show."""
    n = len(counts)
    if chosen is None:
        order = sorted(range(n), key=lambda i: (-counts[i], i))
        return list(dict.fromkeys((order[0], order[n // 2], order[-1])))
    if not chosen or not all(0 <= row < n for row in chosen):
        raise InputError(f"chosen = {list(chosen)}; expected positions from 0 to {n - 1}.")
    return list(chosen)
