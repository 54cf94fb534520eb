"""Fewer dimensions hold less of K_PMI, and two learners of one rank agree where that rank has only one best subspace.

Claim: the distance of a learner of rank r to K_PMI falls with r and is never under that of the best r eigenvalues; two
    learners of rank r that start elsewhere come to the same kernel unless r parts a group of equal eigenvalues.
Wrong if: the mean distance does not fall (Spearman with r above -0.9 in some world), some learner is nearer than the bound, or
    the disagreement of two learners where r parts equal eigenvalues is not above that elsewhere (95 % intervals overlap), or
    that elsewhere is above 0.05 in the mean.
Price: 5 min on one core; quick 20 s.
Last seen: not held (6 worlds of 10 to 12 events): learners of one rank disagree by 0.221 (-0.010 to 0.452) where nothing is
    parted and by 0.151 (0.078 to 0.225) where equal eigenvalues are; Spearman of rank and distance is -1 in places and
    -0.30 to -0.09 in rings; no learner is nearer than its bound (least difference 4.8e-08). Most disagreement is between
    learners that stopped in different valleys, 1e-5 to 1e-3 nats apart. Looked at afterwards: among pairs whose losses
    agree to 1e-9, it is 0.166 where eigenvalues are parted (10 pairs) and 0.002 elsewhere (51). Rings are not
    representable, and what lowers the loss there does not lower the distance.

What it tests of the paper: the capacity hypothesis. In a ring the eigenvalues of H K_PMI H are equal in pairs, so an odd rank
parts a pair and leaves the choice to the start; places in a square have no equal ones. Only ranks up to where the bound falls
under 0.02 count: beyond, there is nothing left to choose; and rank is compared with distance up to the number of eigenvalues
above 0, after which one table gains nothing. The bound is the best rank r of K_PMI + C at the best C; learners
have an offset of their own. Disagreement is the distance of two learners' scores, up to a constant, in the unit of distances
to K_PMI: the spread of K_PMI. ``loss_gap`` tells learners that stopped in different valleys from those that chose freely.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import spearmanr

from platometer.experiments._experiment import Track, Verdict, silent
from platometer.experiments._scenes import BLUE, GREY, ORANGE, interval, plain, spelled
from platometer.experiments._theory import places
from platometer.theory import BinaryNCE, Plan, World, best_fit, distance, learn, ring

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_EQUAL = 1e-6  # of the largest eigenvalue
_LEFT = 0.02


def run(*, quick: bool = False, seed: int = 0, track: Track = silent) -> list[dict]:
    """One row per world, rank and pair of learners.

    Parameters
    ----------
    quick : fewer worlds and pairs, smaller ones.
    seed : of worlds and learners.
    track : told of progress.
    """
    size, repeats, pairs = (6, 2, 1) if quick else (12, 3, 2)
    rows: list[dict] = []
    worlds = [("places", places(size, seed=1000 * seed + r, keep=0.5)) for r in range(repeats)]
    worlds += [("ring", ring(size - r, stay=0.8, window=size + r)) for r in range(repeats)]
    for number, (family, world) in enumerate(worlds):
        K = world.pmi()
        for rank in range(1, len(world) + 1):
            bound = best_fit(K, rank).error
            for pair in range(pairs):
                left, right = (learn(world, BinaryNCE(), Plan(rank=rank, seed=seed + 100 * pair + side, start=0.5, steps=1000))
                               for side in (0, 1))
                losses = [side.path[-1].loss for side in (left, right)]
                rows.append({"family": family, "world": number, "events": len(world), "rank": rank, "pair": pair,
                             "above": int((_values(world) > 0).sum()), "parts": _parts(world, rank), "bound": bound,
                             "distance": distance(left.scores, K), "disagreement": _apart(left.scores, right.scores, K),
                             "loss_gap": abs(losses[0] - losses[1])})
        track(number + 1, len(worlds), world.name)
    return rows


def check(rows: list[dict]) -> Verdict:
    """Distances fall and respect the bound; disagreement is where equal eigenvalues are parted.

    Parameters
    ----------
    rows : from `run`.
    """
    falls = []
    for world in sorted({row["world"] for row in rows}):
        own = [row for row in rows if row["world"] == world and row["rank"] <= row["above"]]
        ranks = sorted({row["rank"] for row in own})
        falls.append(float(spearmanr(ranks, [np.mean([row["distance"] for row in own if row["rank"] == r]) for r in ranks])[0]))
    under = min(row["distance"] - row["bound"] for row in rows)
    open_ = [row for row in rows if row["bound"] > _LEFT]
    parted, whole = (interval(_by_world([row for row in open_ if row["parts"] == parts])) for parts in (True, False))
    numbers = {"largest Spearman of rank and distance": max(falls), "least distance less bound": under,
               "disagreement, equal eigenvalues parted": parted[0], "disagreement elsewhere": whole[0]}
    wrong = []
    if max(falls) > -0.9:
        wrong.append("distance does not always fall with rank")
    if under < -1e-6:
        wrong.append("a learner is nearer than the best of its rank")
    if parted[1] <= whole[2]:
        wrong.append("parting equal eigenvalues makes no sure difference")
    if whole[0] > 0.05:
        wrong.append("learners of one rank disagree where nothing is parted")
    told = (f"Spearman of rank and distance at most {max(falls):.3f}; distance less bound at least {under:.2g}; two learners "
            f"disagree by {spelled(parted)} where equal eigenvalues are parted and by {spelled(whole)} elsewhere; "
            f"{len(falls)} worlds")
    if wrong:
        return Verdict("not held", f"{'; '.join(wrong)}: {told}.", numbers)
    return Verdict("held", told + ".", numbers)


def draw(rows: list[dict]) -> Figure:
    """Distance to K_PMI with its bound, and disagreement of two learners, against rank; places above, rings below.

    Parameters
    ----------
    rows : from `run`.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, 5), layout="constrained")
    for line, family in zip(figure.subplots(2, 2), ("places", "ring"), strict=True):
        own = [row for row in rows if row["family"] == family]
        for world in sorted({row["world"] for row in own}):
            part = [row for row in own if row["world"] == world]
            line[0].plot([row["rank"] for row in part], [max(row["bound"], 1e-4) for row in part], color=GREY, linewidth=0.8)
        line[0].scatter([row["rank"] for row in own], [max(row["distance"], 1e-4) for row in own], s=8, color=BLUE)
        for parts, colour in ((False, BLUE), (True, ORANGE)):
            part = [row for row in own if row["parts"] == parts and row["bound"] > _LEFT]
            line[1].scatter([row["rank"] for row in part], [max(row["disagreement"], 1e-8) for row in part], s=8, color=colour,
                            label="equal eigenvalues parted" if parts else "not parted")
        for axes, what in zip(line, (f"distance to K_PMI, {family}", f"disagreement, {family}"), strict=True):
            axes.set_yscale("log")
            plain(axes, x="rank (grey: the best of that rank)" if axes is line[0] else "rank", y=what)
    line[1].legend(frameon=False, fontsize=7)
    return figure


def _parts(world: World, rank: int) -> bool:
    """Whether the rank-th and the next eigenvalue are equal and above 0."""
    values = _values(world)
    return rank < len(values) and bool(values[rank] > 0 and values[rank - 1] - values[rank] < _EQUAL * values[0])


def _values(world: World) -> np.ndarray:
    """Eigenvalues of H K_PMI H, the largest first; those within rounding of 0 are 0."""
    H = np.eye(len(world)) - 1 / len(world)
    values = np.linalg.eigvalsh(H @ world.pmi() @ H)[::-1]
    return np.where(np.abs(values) < _EQUAL * values[0], 0.0, values)


def _apart(left: np.ndarray, right: np.ndarray, K: np.ndarray) -> float:
    """Distance of two tables of scores up to a constant, in units of the spread of K."""
    return float((left - right).std() / K.std())


def _by_world(rows: list[dict]) -> list[float]:
    worlds = sorted({row["world"] for row in rows})
    return [float(np.mean([row["disagreement"] for row in rows if row["world"] == world])) for world in worlds]
