"""Denser captions align more with pictures.

Claim: alignment with pictures rises with the number of words in the captions, from 3 to 30.
Wrong if: the rise from the shortest to the longest captions has an interval, over repetitions, that reaches 0 or lies below
    it, or a step to denser captions surely lowers alignment.
Price: 2 min on two cores; quick 20 s.
Last seen: not held, full run of 2026-11-24 (seed 0): excess of mutual_knn over chance by words: 0.061 at 3, 0.030 at 5,
    0.032 at 10, 0.042 at 20, 0.052 at 30; from 3 to 30 words it rises by -0.009 (-0.012 to -0.005), debiased CKA by
    0.053.

What it tests of the paper: its figure 5 (captions of 5 to 30 words), there for one model of either kind, and without what
chance gives at each density. Here the same scenes are worded at five densities, and the number of attributes that a caption
tells is known (`scenes.mentioned`), so that words and information can be told apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from platometer import scenes
from platometer.experiments import _scenes as shared
from platometer.experiments._experiment import Track, Verdict, silent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WORDS = (3, 5, 10, 20, 30)
_SEERS = tuple(f"{name}-5" for name in shared.SEERS)
_READERS = tuple(f"{name}-5" for name in shared.READERS)


def run(*, quick: bool = False, seed: int = 0, track: Track = silent) -> list[dict]:
    """One row per repetition, density, pair of models and metric.

    Parameters
    ----------
    quick : fewer repetitions, samples and models.
    seed : of events and re-pairings.
    track : told of progress.
    """
    n, repeats, draws = (256, 3, 50) if quick else (512, 6, 200)
    seers, readers = (_SEERS[:2], _READERS[:1]) if quick else (_SEERS, _READERS)
    rows = []
    for r, events in enumerate(shared.samples(n, repeats, seed=seed)):
        pictures = shared.of_pictures(scenes.pictures(events, seed=r))
        seen = {name: shared.encoded(shared.model(name), pictures) for name in seers}
        for words in _WORDS:
            texts = scenes.captions(events, seed=r, words=words)
            length = float(np.mean([len(text.split()) for text in texts]))
            told = float(np.mean([len(names) for names in scenes.mentioned(events, seed=r, words=words)]))
            for reader in readers:
                read = shared.encoded(shared.model(reader), texts)
                rows += [{"repeat": r, "asked": words, "words": length, "attributes": told, "left": seer, "right": reader,
                          **shared.scored(left, read, metric=metric, draws=draws, seed=seed)}
                         for seer, left in seen.items() for metric in shared.METRICS]
        track(r + 1, repeats, f"sample {r + 1}")
    return rows


def check(rows: list[dict]) -> Verdict:
    """By the excess of mutual_knn over chance, averaged over pairs of models, repetition by repetition.

    Parameters
    ----------
    rows : from `run`.
    """
    asked, table = _curves(rows, shared.METRICS[0])
    rise = shared.interval(table[:, -1] - table[:, 0])
    steps = [shared.interval(table[:, i + 1] - table[:, i]) for i in range(len(asked) - 1)]
    falls = [i for i, (_, _, high) in enumerate(steps) if high < 0]
    _, other = _curves(rows, shared.METRICS[1])
    numbers = {"rise": rise[0], "rise low": rise[1], "rise high": rise[2],
               "rise of debiased CKA": shared.interval(other[:, -1] - other[:, 0])[0]}
    numbers |= {f"excess at {words} words": float(value) for words, value in zip(asked, table.mean(0), strict=True)}
    curve = ", ".join(f"{value:.3f} at {words}" for words, value in zip(asked, table.mean(0), strict=True))
    told = (f"excess of mutual_knn over chance by words: {curve}; from {asked[0]} to {asked[-1]} words it rises by "
            f"{shared.spelled(rise)}, debiased CKA by {numbers['rise of debiased CKA']:.3f}")
    if rise[2] < 0:
        return Verdict("not held", told, numbers)
    if falls:
        at = falls[0]
        fall = f"yet from {asked[at]} to {asked[at + 1]} words it surely falls, by {-steps[at][0]:.3f}"
        return Verdict("not held", f"{told}; {fall}", numbers)
    return Verdict("held" if rise[1] > 0 else "undecided", told, numbers)


def draw(rows: list[dict]) -> Figure:
    """Excess over chance against words, one line per pair of models, their mean with its interval.

    Parameters
    ----------
    rows : from `run`.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.2), layout="constrained")
    for axes, metric in zip(figure.subplots(1, 2), shared.METRICS, strict=True):
        own = [row for row in rows if row["metric"] == metric]
        for pair in sorted({(row["left"], row["right"]) for row in own}):
            line = shared.means([row for row in own if (row["left"], row["right"]) == pair], "excess", "asked")
            axes.plot([key[0] for key in line], list(line.values()), color=shared.GREY, linewidth=0.5, alpha=0.6)
        asked, table = _curves(rows, metric)
        ends = np.array([shared.interval(column) for column in table.T])
        axes.errorbar(asked, ends[:, 0], yerr=[ends[:, 0] - ends[:, 1], ends[:, 2] - ends[:, 0]], color=shared.BLUE, marker="o",
                      markersize=3)
        axes.axhline(0, color=shared.GREY, linewidth=0.8, linestyle=":")
        axes.set_xscale("log")
        axes.set_xticks(asked, [str(words) for words in asked])
        axes.minorticks_off()
        axes.set_title(metric, fontsize=9)
        shared.plain(axes, x="words in a caption", y=f"score less chance (n = {own[0]['n']})")
    return figure


def _curves(rows: list[dict], metric: str) -> tuple[np.ndarray, np.ndarray]:
    """Densities, and (repeats, densities) excess over chance."""
    return shared.curves([row for row in rows if row["metric"] == metric], "asked")
