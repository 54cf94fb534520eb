"""Models of one world do not agree on events of unrelated worlds.

Claim: pictures of one world and captions of another, with the same frequency of everything and unrelated co-occurrences,
    align no more than chance allows, however capable the models.
Wrong if: alignment leaves its null more often than the level allows (exact binomial band at 99 %, maximum over layers
    included), or the test has no power: pictures and captions of the same events are not told from chance.
Price: 2 min on two cores; quick 20 s.
Last seen: held, full run of 2026-11-24 (seed 0): At level 0.05, cka: share rejected, unrelated 0.060; cka: share
    rejected, same events 1.000; mutual_knn: share rejected, unrelated 0.035; mutual_knn: share rejected, same events
    1.000; no pair of 24 leaves its binomial band.

What it tests of the paper: the argument rests on both modalities observing the same events. Where they do not, convergence
must vanish; whatever is left would be an artefact of the metric or of its null. Each repetition draws events of the world
and events of a rewired one (`World.rewired`, another one each time), pairs them in order, and asks for the p of every pair of
a vision and a language model. The last control is the hard one: what the two have in common is the frequency of values only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import binom

from platometer import scenes
from platometer.experiments import _scenes as shared
from platometer.experiments._experiment import Track, Verdict, silent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ALPHA = 0.05
_SEERS = ("conv-contrastive-5", "conv-supervised-5", "vit-contrastive-5", "vit-masked-5")
_READERS = ("gpt-5", "gru-5", "bow-5")


def run(*, quick: bool = False, seed: int = 0, track: Track = silent) -> list[dict]:
    """One row per repetition, pair of worlds, pair of models and metric.

    Parameters
    ----------
    quick : fewer repetitions and samples.
    seed : of events, worlds and re-pairings.
    track : told of progress.
    """
    n, repeats, draws = (256, 6, 99) if quick else (512, 40, 99)
    seers, readers = (_SEERS[:2], _READERS[:1]) if quick else (_SEERS, _READERS)
    world, rows = scenes.world(), []
    for r in range(repeats):
        events = world.sample(n, seed=1000 * (seed + 1) + r)
        other = world.rewired(seed=1000 * seed + r).sample(n, seed=1000 * (seed + 1) + r)
        pictures = shared.of_pictures(scenes.pictures(events, seed=r))
        seen = {name: shared.encoded(shared.model(name), pictures) for name in seers}
        for pairing, told in (("same events", events), ("unrelated worlds", other)):
            if pairing == "same events" and r >= 3:
                continue
            texts = scenes.captions(told, seed=r)
            for reader in readers:
                read = shared.encoded(shared.model(reader), texts)
                rows += [{"pairing": pairing, "repeat": r, "left": seer, "right": reader,
                          **shared.scored(left, read, metric=metric, null="draws", draws=draws, seed=1000 * seed + r)}
                         for seer, left in seen.items() for metric in shared.METRICS]
        track(r + 1, repeats, f"world {r + 1}")
    return rows


def check(rows: list[dict]) -> Verdict:
    """Rejections of each pair and metric over repetitions within the binomial band, and the same events told from chance.

    Parameters
    ----------
    rows : from `run`.
    """
    numbers: dict[str, float] = {}
    beyond, tested = [], 0
    for metric in sorted({row["metric"] for row in rows}):
        apart = [row for row in rows if row["metric"] == metric and row["pairing"] == "unrelated worlds"]
        pairs = {(row["left"], row["right"]) for row in apart}
        tested += len(pairs)
        for pair in sorted(pairs):
            p = np.array([row["p"] for row in apart if (row["left"], row["right"]) == pair])
            if (p <= _ALPHA).sum() > binom.ppf(1 - 0.01 / len(pairs), len(p), _ALPHA):
                beyond.append(f"{pair[0]} ~ {pair[1]} by {metric} ({int((p <= _ALPHA).sum())} of {len(p)})")
        name = metric.split("(")[0]
        numbers[f"{name}: share rejected, unrelated"] = float(np.mean([row["p"] <= _ALPHA for row in apart]))
        together = [row for row in rows if row["metric"] == metric and row["pairing"] == "same events"]
        numbers[f"{name}: share rejected, same events"] = float(np.mean([row["p"] <= _ALPHA for row in together]))
    told = "; ".join(f"{name} {value:.3f}" for name, value in numbers.items())
    if beyond:
        return Verdict("not held", f"{len(beyond)} of {tested} pairs leave the null of unrelated worlds: "
                                   f"{', '.join(beyond)}. {told}.", numbers)
    if min(value for name, value in numbers.items() if "same" in name) < 0.9:
        return Verdict("undecided", f"The null holds, but the same events are not surely told from chance: {told}.", numbers)
    return Verdict("held", f"At level {_ALPHA}, {told}; no pair of {tested} leaves its binomial band.", numbers)


def draw(rows: list[dict]) -> Figure:
    """p of unrelated worlds against its rank, which lies on the diagonal where the null holds; and scores beside chance.

    Parameters
    ----------
    rows : from `run`.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for metric, colour in zip(sorted({row["metric"] for row in rows}), (shared.ORANGE, shared.BLUE), strict=False):
        p = np.sort([row["p"] for row in rows if row["metric"] == metric and row["pairing"] == "unrelated worlds"])
        left.step(p, np.arange(1, len(p) + 1) / len(p), where="post", color=colour, label=metric)
    left.plot([0, 1], [0, 1], color=shared.GREY, linewidth=0.8, linestyle=":")
    left.legend(frameon=False, fontsize=7)
    shared.plain(left, x="p, unrelated worlds", y="share of tests with p at most this")
    own = [row for row in rows if row["metric"] == shared.METRICS[0]]
    for place, pairing in enumerate(("same events", "unrelated worlds")):
        z = [(row["score"] - row["null_mean"]) / row["null_sd"] for row in own if row["pairing"] == pairing]
        right.scatter(np.full(len(z), place) + np.linspace(-0.2, 0.2, len(z)), z, s=5, color=shared.BLUE)
    right.axhspan(-1.96, 1.96, color=shared.GREY, alpha=0.15, linewidth=0)
    right.set_yscale("symlog", linthresh=3)
    right.set_xticks([0, 1], ["same events", "unrelated worlds"])
    shared.plain(right, x="", y="z against re-pairings, mutual_knn")
    return figure
