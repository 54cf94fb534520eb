"""Two bijective views of one world lead to one kernel; views of unrelated worlds do not.

Claim: learners that see one world through different bijections, each from pairs of its own and with another objective and
    network, come to kernels that are the same up to offset and scale, while learners of unrelated worlds align as chance does.
Wrong if: some pair of learners of one world has p > 0.05, or their kernels' mean distance is above 0.2 (upper end of the 95 %
    interval), or unrelated worlds leave their null more often than the binomial band at 99 % allows.
Price: 3 min on one core; quick 15 s.
Last seen: held (20 worlds of 40 events, a million pairs a learner): kernels of one world are 0.084 (0.082 to 0.085) apart,
    of unrelated ones 0.86; mutual_knn(k=5) 0.864 (0.855 to 0.873) against 0.129, debiased CKA 0.993 (0.992 to 0.993) against
    0.002; largest p of one world 0.005; unrelated worlds rejected in 0.05 and 0.05.

What it tests of the paper: the chain <f_X, f_X> - c_X = K_PMI = <f_Y, f_Y> - c_Y. The left learner is a table with binary
NCE, the right one a network with InfoNCE; neither meets the other's symbols or pairs. A world is a set of places in a
square that meet where they are near; an unrelated one has other places. Vectors are compared event by event; the null
re-pairs events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import binom

from platometer.experiments._experiment import Track, Verdict, silent
from platometer.experiments._scenes import BLUE, GREY, ORANGE, interval, plain, spelled
from platometer.experiments._theory import CKA, KNN, against_chance, places
from platometer.theory import BinaryNCE, InfoNCE, Learned, Objective, Plan, World, bijection, distance, learn

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ALPHA, _NEAR = 0.05, 0.2


def run(*, quick: bool = False, seed: int = 0, track: Track = silent) -> list[dict]:
    """One row per repetition, pairing and metric.

    Parameters
    ----------
    quick : fewer events, pairs and repetitions.
    seed : of worlds, views, pairs, learners and re-pairings.
    track : told of progress.
    """
    size, pairs, repeats, draws = (16, 50_000, 2, 99) if quick else (40, 1_000_000, 20, 199)
    rows: list[dict] = []
    for r in range(repeats):
        own = 1000 * seed + 10 * r
        world, other = places(size, seed=own), places(size, seed=own + 1)
        left = _learned(world, BinaryNCE(), "table", pairs, own + 2)
        rights = {"same world": (_learned(world, InfoNCE(), "network", pairs, own + 3), world),
                  "unrelated worlds": (_learned(other, InfoNCE(), "network", pairs, own + 4), other)}
        for pairing, (right, its) in rights.items():
            far = {"distance": distance(left.kernel, right.kernel, scale="free"),
                   "left_to_pmi": distance(left.kernel, world.pmi(), scale="free"),
                   "right_to_pmi": distance(right.kernel, its.pmi(), scale="free")}
            rows += [{"pairing": pairing, "repeat": r, "pairs": pairs, **far,
                      **against_chance(left.left, right.left, metric, draws=draws, seed=own)} for metric in (KNN, CKA)]
        track(r + 1, repeats, f"world {r + 1}")
    return rows


def check(rows: list[dict]) -> Verdict:
    """Every pair of one world told from chance and near; unrelated worlds within the binomial band.

    Parameters
    ----------
    rows : from `run`.
    """
    same, apart = ([row for row in rows if row["pairing"] == pairing] for pairing in ("same world", "unrelated worlds"))
    far = interval([row["distance"] for row in same if row["metric"] == KNN])
    numbers = {"distance, same world": far[0], "largest p, same world": max(row["p"] for row in same),
               "distance, unrelated": float(np.mean([row["distance"] for row in apart]))}
    wrong = []
    if numbers["largest p, same world"] > _ALPHA:
        wrong.append("some learners of one world are not told from chance")
    if far[2] > _NEAR:
        wrong.append("kernels of one world are not near")
    for metric in (KNN, CKA):
        p = np.array([row["p"] for row in apart if row["metric"] == metric])
        numbers[f"share rejected, unrelated, {metric}"] = float((p <= _ALPHA).mean())
        if (p <= _ALPHA).sum() > binom.ppf(0.99, len(p), _ALPHA):
            wrong.append(f"unrelated worlds leave the null of {metric}")
    scores = ", ".join(f"{metric} {spelled(interval([row['score'] for row in same if row['metric'] == metric]))} against "
                       f"{np.mean([row['score'] for row in apart if row['metric'] == metric]):.3f}" for metric in (KNN, CKA))
    told = (f"kernels of one world are {spelled(far)} apart, of unrelated ones {numbers['distance, unrelated']:.2f}; {scores}; "
            f"largest p of one world {numbers['largest p, same world']:.3g}; rejected of unrelated "
            f"{', '.join(f'{v:.2f}' for k, v in numbers.items() if 'rejected' in k)}; {len(same) // 2} worlds")
    if wrong:
        return Verdict("not held", f"{'; '.join(wrong)}: {told}.", numbers)
    return Verdict("held", told[0].upper() + told[1:] + ".", numbers)


def draw(rows: list[dict]) -> Figure:
    """Scores of one world and of unrelated ones beside chance, by metric; and distances of the kernels.

    Parameters
    ----------
    rows : from `run`.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3), layout="constrained")
    panels = figure.subplots(1, 3)
    for axes, metric in zip(panels, (KNN, CKA), strict=False):
        for place, (pairing, colour) in enumerate((("same world", BLUE), ("unrelated worlds", ORANGE))):
            own = [row for row in rows if row["pairing"] == pairing and row["metric"] == metric]
            x = place + np.linspace(-0.2, 0.2, len(own))
            chance, spread = np.mean([row["null_mean"] for row in own]), np.mean([row["null_sd"] for row in own])
            axes.axhspan(chance - 2 * spread, chance + 2 * spread, color=GREY, alpha=0.12, linewidth=0)
            axes.scatter(x, [row["score"] for row in own], s=9, color=colour)
        axes.set_xticks([0, 1], ["same world", "unrelated"])
        plain(axes, x="", y=metric)
    own = [row for row in rows if row["metric"] == KNN]
    for colour, pairing in ((BLUE, "same world"), (ORANGE, "unrelated worlds")):
        part = [row for row in own if row["pairing"] == pairing]
        panels[2].scatter([row["right_to_pmi"] for row in part], [row["distance"] for row in part], s=9, color=colour,
                          label=pairing)
    panels[2].legend(frameon=False, fontsize=7)
    plain(panels[2], x="right kernel to K_PMI of its own world", y="left kernel to right kernel")
    return figure


def _learned(world: World, objective: Objective, model: str, pairs: int, seed: int) -> Learned:
    """A learner that met these pairs through its own bijection; its vectors in the order of events."""
    view = bijection(len(world), seed=seed)
    met = view.seen(world)
    shown = met.seen_in(met.pairs(pairs, seed=seed), smoothing=0.5)
    learned = learn(shown, objective, Plan(model=model, steps=400, seed=seed))
    order = view.channel.argmax(1)
    return Learned(learned.left[order], learned.right[order], learned.offset, learned.path)
