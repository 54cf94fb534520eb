"""Alignment follows the information that two views share.

Claim: if two views show events that share a known part, their alignment grows with the bits shared, along a law that
    predicts repetitions it never saw.
Wrong if: alignment does not rise (Spearman's interval over repetitions reaches 0), or a step of more shared bits lowers it
    surely, or no law of the bits predicts held-out repetitions better than their mean does (R2 <= 0).
Price: 3 min on two cores; quick 20 s.
Last seen: held, full run of 2026-11-24 (seed 0): excess of mutual_knn over chance goes from -0.000 at 0 bits to 0.033 at
    29.7 bits, Spearman 0.905 (0.877 to 0.934); the law chosen is saturating, R2 0.882 on repetitions it never saw (no
    threshold seen: out of sample the logistic is not surely better than saturating.).

What it tests of the paper: section 6 says that models of different modalities converge only as far as their views carry the
same information. Here the shared part is exact: pictures show scenes, captions tell of other scenes that have the first
attributes in common (place; place and season; ...) and are otherwise drawn anew, so that the two are independent given what is
shared, and what one tells of the other is its entropy (`World.information`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import spearmanr

from platometer import scenes, trends
from platometer.experiments import _scenes as shared
from platometer.experiments._experiment import Track, Verdict, silent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SEERS = ("conv-contrastive-5", "conv-supervised-5", "vit-contrastive-5", "vit-supervised-5")
_READERS = ("gpt-5", "gru-5", "bow-5")
_LAWS = ("constant", "line", "saturating", "logistic")


def run(*, quick: bool = False, seed: int = 0, track: Track = silent) -> list[dict]:
    """One row per repetition, number of attributes shared, pair of models and metric.

    Parameters
    ----------
    quick : fewer repetitions, samples, steps and models.
    seed : of events and re-pairings.
    track : told of progress.
    """
    n, repeats, draws = (256, 3, 50) if quick else (512, 6, 200)
    seers, readers = (_SEERS[:2], _READERS[:1]) if quick else (_SEERS, _READERS)
    world, rows = scenes.world(), []
    steps = [0, 2, 5, 7, 9, len(world.tables)] if quick else [*range(13), len(world.tables)]
    for r, events in enumerate(shared.samples(n, repeats, seed=seed)):
        pictures = shared.of_pictures(scenes.pictures(events, seed=r))
        seen = {name: shared.encoded(shared.model(name), pictures) for name in seers}
        for kept in steps:
            texts = scenes.captions(world.redrawn(events, shared=kept, seed=seed * 1000 + r), seed=r)
            for reader in readers:
                read = shared.encoded(shared.model(reader), texts)
                rows += [{"repeat": r, "attributes": kept, "bits": world.information(kept), "left": seer, "right": reader,
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
    bits, table = _curves(rows, shared.METRICS[0])
    rise = shared.interval([float(spearmanr(bits, curve).statistic) for curve in table], most=1)
    steps = [shared.interval(table[:, i + 1] - table[:, i]) for i in range(len(bits) - 1)]
    falls = [i for i, (_, _, high) in enumerate(steps) if high < 0]
    x, y = np.tile(bits, len(table)), table.ravel()
    found = trends.compare(x, y, laws=_LAWS, scale="linear", groups=[str(r) for r in range(len(table)) for _ in bits])
    best = found.contenders[found.chosen]
    r2 = 1 - best.held_out**2 / float(y.var())
    numbers = {"spearman": rise[0], "spearman low": rise[1], "spearman high": rise[2], "r2 held out": r2,
               "excess at 0 bits": float(table[:, 0].mean()), "excess at all bits": float(table[:, -1].mean())}
    told = (f"excess of mutual_knn over chance goes from {table[:, 0].mean():.3f} at 0 bits to {table[:, -1].mean():.3f} at "
            f"{bits[-1]:.1f} bits, Spearman {shared.spelled(rise)}; the law chosen is {found.chosen}, R2 {r2:.3f} on "
            f"repetitions it never saw ({found.why})")
    if falls:
        at = falls[0]
        return Verdict("not held", f"From {bits[at]:.1f} to {bits[at + 1]:.1f} bits alignment falls by "
                                   f"{shared.spelled(tuple(-v for v in steps[at]))}; {told}", numbers)  # type: ignore[arg-type]
    if rise[2] <= 0 or r2 <= 0:
        return Verdict("not held", told, numbers)
    return Verdict("held" if rise[1] > 0 else "undecided", told, numbers)


def draw(rows: list[dict]) -> Figure:
    """Excess over chance against bits shared, one line per pair of models, their mean with its interval.

    Parameters
    ----------
    rows : from `run`.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.2), layout="constrained")
    for axes, metric in zip(figure.subplots(1, 2), shared.METRICS, strict=True):
        own = [row for row in rows if row["metric"] == metric]
        for pair in sorted({(row["left"], row["right"]) for row in own}):
            line = shared.means([row for row in own if (row["left"], row["right"]) == pair], "excess", "bits")
            axes.plot([key[0] for key in line], list(line.values()), color=shared.GREY, linewidth=0.5, alpha=0.6)
        bits, table = _curves(rows, metric)
        ends = np.array([shared.interval(column) for column in table.T])
        axes.plot(bits, ends[:, 0], color=shared.BLUE, marker="o", markersize=3)
        axes.fill_between(bits, ends[:, 1], ends[:, 2], color=shared.BLUE, alpha=0.25, linewidth=0)
        axes.axhline(0, color=shared.GREY, linewidth=0.8, linestyle=":")
        axes.set_title(metric, fontsize=9)
        shared.plain(axes, x="bits that picture and caption share", y=f"score less chance (n = {own[0]['n']})")
    return figure


def _curves(rows: list[dict], metric: str) -> tuple[np.ndarray, np.ndarray]:
    """(steps,) bits and (repeats, steps) excess over chance."""
    return shared.curves([row for row in rows if row["metric"] == metric], "bits")
