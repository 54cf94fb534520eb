"""Alignment grows along training, and not before the models learn.

Claim: along the training of a vision and of a language model, alignment with finished models of the other modality rises from
    the untrained network to the finished one.
Wrong if: the rise has an interval, over repetitions, that reaches 0 or lies below it, for either model.
Price: 2 min on two cores; quick 20 s.
Last seen: not held, full run of 2026-11-24 (seed 0): conv-contrastive-3 rises by 0.013 (0.011 to 0.015); half of the
    change is done in loss at step 43, skill at step 47, alignment at step 56 (35 to 90); gpt-3 rises by -0.005 (-0.007 to
    -0.004); half of the change is done in alignment at step 70 (55 to 89), loss at step 82, skill at step 469.

What it tests of the paper: that convergence comes of learning, and which comes first: the fall of the loss, the rise of skill
(linear probes of attributes), or alignment. Each is measured by the step at which half of its change is done, interpolated
between the checkpoints that were kept (in log2 of the steps); the order is reported with intervals, and is no part of the
claim.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from platometer import scenes
from platometer.experiments import _scenes as shared
from platometer.experiments._experiment import Track, Verdict, silent
from platometer.models import zoo

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PARTNERS = {
    "conv-contrastive-3": ("gpt-5", "gru-5", "bow-5"),
    "gpt-3": ("conv-contrastive-5", "conv-supervised-5", "vit-contrastive-5", "vit-masked-5"),
}


def run(*, quick: bool = False, seed: int = 0, track: Track = silent) -> list[dict]:
    """One row per repetition, model, checkpoint and partner; step 0 is the untrained network.

    Parameters
    ----------
    quick : fewer repetitions, samples, checkpoints and partners.
    seed : of events and re-pairings.
    track : told of progress.
    """
    n, repeats, draws = (256, 3, 50) if quick else (512, 6, 200)
    rows = []
    for r, events in enumerate(shared.samples(n, repeats, seed=seed)):
        views: dict[str, Sequence] = {"image": shared.of_pictures(scenes.pictures(events, seed=r)),
                                      "text": scenes.captions(events, seed=r)}
        for name, partners in _PARTNERS.items():
            told = zoo.card(name)
            own, others = ("image", "text") if told["modality"] == "image" else ("text", "image")
            ends = {other: shared.encoded(shared.model(other), views[others])
                    for other in (partners[:1] if quick else partners)}
            points = _points(told)
            for point in points[:: max(1, len(points) // 3)] + points[-1:] if quick else points:
                layers = shared.encoded(shared.model(name, **_how(point, told)), views[own])
                rows += [{"repeat": r, "model": name, **point, "partner": other,
                          **shared.scored(layers, end, draws=draws, seed=seed)} for other, end in ends.items()]
        track(r + 1, repeats, f"sample {r + 1}")
    return rows


def check(rows: list[dict]) -> Verdict:
    """By the excess of mutual_knn over chance, averaged over partners, repetition by repetition.

    Parameters
    ----------
    rows : from `run`.
    """
    numbers: dict[str, float] = {}
    told, sure, refuted = [], [], []
    for name in dict.fromkeys(row["model"] for row in rows):
        steps, table = _curves(rows, name)
        rise = shared.interval(table[:, -1] - table[:, 0])
        half = {"alignment": shared.interval([_half(steps, curve) for curve in table])}
        for what in ("loss", "skill"):
            known = {row["step"]: row[what] for row in rows if row["model"] == name and row[what] is not None}
            if len(known) > 2:
                at = _half(np.array(sorted(known)), np.array([known[step] for step in sorted(known)]))
                half[what] = (at, at, at)
        sure.append(rise[1] > 0)
        refuted.append(rise[2] <= 0)
        numbers |= {f"{name}: rise": rise[0], f"{name}: rise low": rise[1]}
        numbers |= {f"{name}: log2 of the step of half the {what}": value[0] for what, value in half.items()}
        order = ", ".join(f"{what} at step {2 ** value[0]:.0f}" + (f" ({2 ** value[1]:.0f} to {2 ** value[2]:.0f})"
                          if value[1] < value[0] else "") for what, value in sorted(half.items(), key=lambda item: item[1][0]))
        told.append(f"{name} rises by {shared.spelled(rise)}; half of the change is done in {order}")
    outcome = "held" if all(sure) else "not held" if any(refuted) else "undecided"
    return Verdict(outcome, "; ".join(told), numbers)


def draw(rows: list[dict]) -> Figure:
    """Excess over chance along training, with skill and loss, each from 0 at its start to 1 at its end.

    Parameters
    ----------
    rows : from `run`.
    """
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(row["model"] for row in rows))
    figure = Figure(figsize=(7.4, 3.2), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        steps, table = _curves(rows, name)
        ends = np.array([shared.interval(column) for column in table.T])
        axes.errorbar(steps, ends[:, 0], yerr=[ends[:, 0] - ends[:, 1], ends[:, 2] - ends[:, 0]], color=shared.BLUE, marker="o",
                      markersize=3)
        axes.axhline(0, color=shared.GREY, linewidth=0.8, linestyle=":")
        axes.set_xscale("symlog", base=2, linthresh=1)
        other = axes.twinx()
        for what, colour, place in (("loss", shared.ORANGE, 0.97), ("skill", shared.GREY, 0.9)):
            known = {row["step"]: row[what] for row in rows if row["model"] == name and row[what] is not None}
            if len(known) > 2:
                y = np.array([known[step] for step in sorted(known)])
                other.plot(sorted(known), (y - y[0]) / (y[-1] - y[0]), color=colour, linewidth=1)
                other.annotate(what, (0.03, place), xycoords="axes fraction", color=colour, fontsize=7, va="top")
        other.spines[["top"]].set_visible(False)
        other.set_ylabel("share of change done: loss, skill", fontsize=8)
        axes.set_title(f"{name} with finished models", fontsize=9)
        shared.plain(axes, x="steps of training", y=f"mutual_knn less chance (n = {rows[0]['n']})")
    return figure


def _points(told: dict) -> list[dict]:
    """Step, loss and skill of the untrained network, of each checkpoint and of the finished network."""
    curve = told["curve"]
    first = {"step": 0, "loss": curve[0][1], "skill": told["untrained"]["skill"]}
    middle = [{"step": point["step"], "loss": point["loss"], "skill": point["skill"]} for point in told["checkpoints"]]
    return [first, *middle, {"step": told["steps"], "loss": told["loss"], "skill": told["capability"]["skill"]}]


def _how(point: dict, told: dict) -> dict[str, object]:
    return {"untrained": True} if point["step"] == 0 else {} if point["step"] == told["steps"] else {"step": point["step"]}


def _half(steps: np.ndarray, curve: np.ndarray) -> float:
    """log2 of the step at which half of the change from first to last is first done, interpolated; step 0 counts as 1."""
    x = np.log2(np.maximum(steps, 1))
    share = (np.asarray(curve, dtype=np.float64) - curve[0]) / (curve[-1] - curve[0] if curve[-1] != curve[0] else 1)
    at = int(np.argmax(share >= 0.5))
    if at == 0:
        return float(x[0])
    return float(x[at - 1] + (0.5 - share[at - 1]) / (share[at] - share[at - 1]) * (x[at] - x[at - 1]))


def _curves(rows: list[dict], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Steps, and (repeats, steps) excess over chance, averaged over partners."""
    return shared.curves([row for row in rows if row["model"] == name], "step")
