"""Sound and path agree with vision and language, and only where models have learnt.

Claim: models of four modalities, each trained on its own, agree pair by pair on the same events beyond chance, and more than
    their untrained twins do.
Wrong if: for some pair of modalities the calibrated alignment of trained models is not surely above 0, or not surely above
    that of the untrained twins (intervals over repetitions, Holm over the six pairs).
Price: 2 min on two cores; quick 20 s.
Last seen: held, full run of 2026-11-24 (seed 0): Calibrated mutual_knn, all six above 0 and above the untrained twins:
    vision ~ language 0.028 (0.024 to 0.031), untrained 0.006; vision ~ sound 0.097 (0.091 to 0.103), untrained 0.022;
    vision ~ path 0.038 (0.033 to 0.044), untrained 0.004; language ~ sound 0.031 (0.027 to 0.035), untrained 0.014;
    language ~ path 0.011 (0.008 to 0.013), untrained 0.004; sound ~ path 0.020 (0.017 to 0.023), untrained 0.006.

What it tests of the paper: that convergence is not a matter of vision and language. The sound of a scene and a robot's path
through it tell of the same events by other means (`scenes.sounds`, `scenes.paths`), and less of them: no sound has a colour.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import ttest_1samp

from platometer import scenes, stats
from platometer.experiments import _scenes as shared
from platometer.experiments._experiment import Track, Verdict, silent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MODELS = {
    "vision": ("conv-contrastive-5", "vit-contrastive-5", "conv-supervised-5"),
    "language": ("gpt-5", "gru-5", "bow-5"),
    "sound": ("sound-3",),
    "path": ("path-3",),
}
_ALPHA = 0.05


def run(*, quick: bool = False, seed: int = 0, track: Track = silent) -> list[dict]:
    """One row per repetition, training, pair of models of different modalities, and metric.

    Parameters
    ----------
    quick : fewer repetitions, samples and models.
    seed : of events and re-pairings.
    track : told of progress.
    """
    n, repeats, draws = (256, 3, 50) if quick else (512, 6, 200)
    rows = []
    for r, events in enumerate(shared.samples(n, repeats, seed=seed)):
        items: dict[str, Sequence] = {"vision": shared.of_pictures(scenes.pictures(events, seed=r)),
                 "language": scenes.captions(events, seed=r),
                 "sound": [(sound, scenes.RATE) for sound in scenes.sounds(events, seed=r)],
                 "path": list(scenes.paths(events, seed=r))}
        for trained in (True, False):
            options = {} if trained else {"untrained": True}
            layers = {kind: {name: shared.encoded(shared.model(name, **options), items[kind])
                             for name in (names[:1] if quick else names)} for kind, names in _MODELS.items()}
            for one, other in itertools.combinations(_MODELS, 2):
                rows += [{"repeat": r, "trained": trained, "modalities": f"{one} ~ {other}", "left": a, "right": b,
                          **shared.scored(left, right, metric=metric, draws=draws, seed=seed)}
                         for a, left in layers[one].items() for b, right in layers[other].items() for metric in shared.METRICS]
        track(r + 1, repeats, f"sample {r + 1}")
    return rows


def check(rows: list[dict]) -> Verdict:
    """By calibrated mutual_knn averaged over models, repetition by repetition: above 0, and above the untrained twins.

    Parameters
    ----------
    rows : from `run`.
    """
    trained, twins = _table(rows, True), _table(rows, False)
    pairs = list(trained)
    above = stats.holm([_one_sided(trained[pair]) for pair in pairs])
    more = stats.holm([_one_sided(trained[pair] - twins[pair]) for pair in pairs])
    numbers = {f"{pair}, {what}": float(table[pair].mean()) for pair in pairs for what, table in
               (("trained", trained), ("untrained", twins))}
    told = "; ".join(f"{pair} {shared.spelled(shared.interval(trained[pair]))}, untrained {twins[pair].mean():.3f}"
                     for pair in pairs)
    lacking = [pair for pair, p, q in zip(pairs, above, more, strict=True) if max(p, q) > _ALPHA]
    if lacking:
        return Verdict("not held", f"Not surely above chance and above the untrained twins: {', '.join(lacking)}. Calibrated "
                                   f"mutual_knn: {told}.", numbers)
    return Verdict("held", f"Calibrated mutual_knn, all six above 0 and above the untrained twins: {told}.", numbers)


def draw(rows: list[dict]) -> Figure:
    """Calibrated alignment of each pair of modalities, trained and untrained, with intervals.

    Parameters
    ----------
    rows : from `run`.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 3), layout="constrained")
    axes = figure.subplots()
    for trained, colour, shift in ((True, shared.BLUE, 0.12), (False, shared.GREY, -0.12)):
        table = _table(rows, trained)
        for place, values in enumerate(table.values()):
            mean, low, high = shared.interval(values)
            axes.errorbar(mean, place + shift, xerr=[[mean - low], [high - mean]], color=colour, marker="o", markersize=4,
                          label=("trained" if trained else "untrained twins") if place == 0 else None)
    axes.axvline(0, color=shared.GREY, linewidth=0.8, linestyle=":")
    axes.set_yticks(range(len(table)), list(table))
    axes.legend(frameon=False, fontsize=8)
    shared.plain(axes, x=f"calibrated mutual_knn(k=10), n = {rows[0]['n']}", y="")
    return figure


def _table(rows: list[dict], trained: bool) -> dict[str, np.ndarray]:
    """Pair of modalities -> (repeats,) calibrated mutual_knn, averaged over models."""
    own = [row for row in rows if row["metric"] == shared.METRICS[0] and row["trained"] == trained]
    found = shared.means(own, "calibrated", "modalities", "repeat")
    return {pair: np.array([value for (other, _), value in found.items() if other == pair])
            for pair in dict.fromkeys(key[0] for key in found)}


def _one_sided(values: np.ndarray) -> float:
    """p of a mean that is not above 0; 1 where nothing varies and it is not."""
    if np.ptp(values) == 0:
        return 0.0 if values[0] > 0 else 1.0
    return float(ttest_1samp(values, 0, alternative="greater").pvalue)
