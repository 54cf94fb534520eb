"""Alignment is bounded by the information that views keep.

Claim: the less of an event a view keeps, the less it aligns with the other modality; no loss of information raises alignment.
Wrong if: on events, where the bits kept are exact, alignment does not surely fall with them (Spearman's interval over
    repetitions reaches 0); or under any channel, on events, pictures or captions, alignment after the loss is surely higher
    than before it (Holm over all channels and strengths).
Price: 6 min on two cores; quick 40 s.
Last seen: held, full run of 2026-11-24 (seed 0): excess of mutual_knn over chance, 0.025 unspoilt, goes with the bits
    that events keep: Spearman 0.952 (0.943 to 0.961); the gravest loss is hidden 1 on events (0.001); of 44 losses 0
    surely raise it.

What it tests of the paper: its theory takes views to be bijections of events, and section 6 expects alignment to be bounded by
the information kept. The data-processing inequality bounds information, not kernels: a channel that takes away what only one
modality sees (light, noise) may well raise alignment. The second half of the claim is where that would show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import spearmanr, ttest_1samp

from platometer import scenes, stats
from platometer.experiments import _scenes as shared
from platometer.experiments._experiment import Track, Verdict, silent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SEERS = ("conv-contrastive-5", "conv-supervised-5", "vit-contrastive-5", "vit-masked-5")
_READERS = ("gpt-5", "gru-5", "bow-5")
_OF_EVENTS = ("place", "season", "time", "weather", "arrangement", "kind", "colour", "size", "relation")
_STRENGTHS: dict[str, dict[str, tuple[float, ...]]] = {
    "events": {"replaced": (0.2, 0.4, 0.6, 0.8, 1.0), "hidden": (0.25, 0.5, 0.75, 1.0), "merged": (1, 2, 4, 15)},
    "pictures": {"blur": (1, 2, 4), "grey": (0.5, 1), "crop": (0.25, 0.5, 0.75), "occlusion": (0.25, 0.5, 0.75),
                 "palette": (5, 6, 7), "resolution": (1, 2, 3), "noise": (20, 50, 100)},
    "captions": {"dropped": (0.25, 0.5, 0.75), "shuffled": (0.5, 1), "swapped": (0.5, 1), "merged kind": (3, 15),
                 "merged colour": (3, 9)},
}


def run(*, quick: bool = False, seed: int = 0, track: Track = silent) -> list[dict]:
    """One row per repetition, channel, strength and pair of models; strength 0 is the view as it was.

    Parameters
    ----------
    quick : fewer repetitions, samples, strengths and models.
    seed : of events, losses and re-pairings.
    track : told of progress.
    """
    n, repeats, draws = (256, 3, 50) if quick else (512, 6, 100)
    seers, readers = (_SEERS[:1], _READERS[:1]) if quick else (_SEERS, _READERS)
    cases = [case for case in _cases() if not quick or case[2] == max(_STRENGTHS[case[0]][case[1]])]
    rows: list[dict] = []

    def add(r: int, on: str, name: str, strength: float, seen: dict, read: dict) -> None:
        bits = _bits(name, strength) if on == "events" else None
        rows.extend({"repeat": r, "on": on, "channel": name, "strength": float(strength), "bits": bits, "left": a, "right": b,
                     **shared.scored(left, right, draws=draws, seed=seed)}
                    for a, left in seen.items() for b, right in read.items())

    for r, events in enumerate(shared.samples(n, repeats, seed=seed)):
        pictures, texts = scenes.pictures(events, seed=r), scenes.captions(events, seed=r)
        whole = {name: shared.prepared(layers, shared.METRICS[0], name=name)
                 for name, layers in _encoded(seers, shared.of_pictures(pictures)).items()}
        told = {name: shared.prepared(layers, shared.METRICS[0], name=name)
                for name, layers in _encoded(readers, texts).items()}
        add(r, "none", "none", 0.0, whole, told)
        for i, (on, name, strength) in enumerate(cases):
            channel = _channel(on, name, strength)
            if on == "events":
                spoiled = scenes.captions(channel(events, seed=seed + r), seed=r)
                add(r, on, name, strength, whole, _encoded(readers, spoiled))
            elif on == "pictures":
                add(r, on, name, strength, _encoded(seers, shared.of_pictures(channel(pictures, seed=r))), told)
            else:
                add(r, on, name, strength, whole, _encoded(readers, channel(texts, seed=r)))
            track(r * len(cases) + i + 1, repeats * len(cases), f"{on}: {name} {strength:g}")
    return rows


def check(rows: list[dict]) -> Verdict:
    """By the excess of mutual_knn over chance, averaged over pairs of models, repetition by repetition.

    Parameters
    ----------
    rows : from `run`.
    """
    table, before = _table(rows)
    bits = {(row["channel"], row["strength"]): row["bits"] for row in rows if row["on"] == "events"}
    whole = scenes.world()
    full = sum(whole.entropy(name) for name in _OF_EVENTS)
    curve = [(full, before), *((bits[key[1:]], values) for key, values in table.items() if key[0] == "events")]
    rho = shared.interval([float(spearmanr([b for b, _ in curve], [values[r] for _, values in curve]).statistic)
                           for r in range(len(before))], most=1)
    p = stats.holm([_one_sided(values - before) for values in table.values()])
    raised = [f"{key[1]} {key[2]:g} on {key[0]} ({values.mean() - before.mean():+.3f})"
              for (key, values), value in zip(table.items(), p, strict=True) if value <= 0.05]
    worst = min(table.items(), key=lambda item: item[1].mean())
    numbers = {"spearman with bits": rho[0], "spearman low": rho[1], "spearman high": rho[2], "unspoilt": float(before.mean()),
               "losses that raise": float(len(raised)), "losses": float(len(table))}
    told = (f"excess of mutual_knn over chance, {before.mean():.3f} unspoilt, goes with the bits that events keep: Spearman "
            f"{shared.spelled(rho)}; the gravest loss is {worst[0][1]} {worst[0][2]:g} on {worst[0][0]} "
            f"({worst[1].mean():.3f}); of {len(table)} losses {len(raised)} surely raise it"
            + (f": {', '.join(raised)}" if raised else ""))
    if raised or rho[2] <= 0:
        return Verdict("not held", told, numbers)
    return Verdict("held" if rho[1] > 0 else "undecided", told, numbers)


def draw(rows: list[dict]) -> Figure:
    """Excess over chance against bits kept by events, and what each channel on pictures and captions leaves of it.

    Parameters
    ----------
    rows : from `run`.
    """
    from matplotlib.figure import Figure

    table, before = _table(rows)
    figure = Figure(figsize=(7.6, 4), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.1))
    names = list(_STRENGTHS["events"])
    for name, colour in zip(names, (shared.BLUE, shared.ORANGE, shared.GREY), strict=True):
        bits = {row["strength"]: row["bits"] for row in rows if row["on"] == "events" and row["channel"] == name}
        for i, strength in enumerate(sorted(bits)):
            mean, low, high = shared.interval(table["events", name, strength])
            left.errorbar(bits[strength], mean, yerr=[[mean - low], [high - mean]], marker="o", markersize=4, color=colour,
                          label=name if i == 0 else None)
    left.axhspan(*shared.interval(before)[1:], color="black", alpha=0.15, linewidth=0)
    left.axhline(0, color=shared.GREY, linewidth=0.8, linestyle=":")
    left.legend(frameon=False, fontsize=7, title="on events", title_fontsize=7)
    shared.plain(left, x="bits kept, summed over attributes", y=f"mutual_knn less chance (n = {rows[0]['n']})")
    others = [key for key in table if key[0] != "events"]
    for place, key in enumerate(reversed(others)):
        mean, low, high = shared.interval(table[key] - before)
        right.errorbar(mean, place, xerr=[[mean - low], [high - mean]], marker="o", markersize=3,
                       color=shared.BLUE if key[0] == "pictures" else shared.ORANGE)
    right.axvline(0, color="black", linewidth=0.8)
    right.set_yticks(range(len(others)), [f"{name} {strength:g}" for _, name, strength in reversed(others)], fontsize=6)
    right.set_title("loss on pictures (blue), captions (orange)", fontsize=8)
    shared.plain(right, x="change of mutual_knn", y="")
    return figure


def _cases() -> Iterator[tuple[str, str, float]]:
    for on, channels in _STRENGTHS.items():
        for name, strengths in channels.items():
            for strength in strengths:
                yield on, name, strength


def _channel(on: str, name: str, strength: float) -> Callable[..., Any]:
    if on == "events":
        return scenes.EventChannel(name, _OF_EVENTS, strength)
    if on == "pictures":
        return scenes.Channel(name, strength)
    word, _, of = name.partition(" ")
    return scenes.WordChannel(word, strength, of=of)


def _bits(name: str, strength: float) -> float:
    """What the channel keeps of each attribute, exactly, summed over attributes."""
    channel = scenes.EventChannel(name, _OF_EVENTS, strength)
    return sum(scenes.information_kept(channel, scenes.world(), [attribute]) for attribute in _OF_EVENTS)


def _encoded(names: tuple[str, ...], items: Sequence) -> dict[str, dict[str, np.ndarray]]:
    return {name: shared.encoded(shared.model(name), items) for name in names}


def _table(rows: list[dict]) -> tuple[dict[tuple[str, str, float], np.ndarray], np.ndarray]:
    """(on, channel, strength) -> (repeats,) excess over chance averaged over pairs of models; and the same unspoilt."""
    found = shared.means(rows, "excess", "on", "channel", "strength", "repeat")
    table = {key: np.array([value for other, value in found.items() if other[:3] == key])
             for key in dict.fromkeys(key[:3] for key in found)}
    before = table.pop(("none", "none", 0.0))
    return table, before


def _one_sided(change: np.ndarray) -> float:
    """p of a change that is not above 0; 1 where nothing varies."""
    return 1.0 if np.ptp(change) == 0 else float(ttest_1samp(change, 0, alternative="greater").pvalue)
