"""Of all tables that fit the pairs they met, gradient descent from small vectors finds a simple one, and the same one.

Claim: where some pairs are never scored, learners that start small agree on those pairs, are of lower effective rank and are
    nearer to K_PMI there than learners that start large, though both fit the scored pairs.
Wrong if: any of the three paired differences (large less small) has a 95 % interval over worlds that reaches 0 or below.
    Undecided if some learner has not fitted: its loss on scored pairs is more than 1e-3 above the least.
Price: 1 min on one core; quick 5 s.
Last seen: held (6 worlds of 12 events): disagreement 0.94 from small, 5.76 from large vectors, difference 4.820 (3.580 to
    6.060); rank 5.89 and 7.00, difference 1.107 (0.431 to 1.782); error 1.40 and 4.22, difference 2.817 (1.982 to 3.652); loss
    at most 3e-06 above the least. Simpler, but not right: an error above 1 is worse than a constant.

What it tests of the paper: the simplicity bias. Two tables of as many dimensions as events can give every pair any score, so
the pairs that the objective leaves out could get anything: theory says nothing about them, and only the way of learning
decides. Plain gradient descent on the exact expectation, with no penalty. Worlds are places in a square; K_PMI is then of few
dimensions and a diagonal. Effective rank is the participation ratio of singular values, (sum s)^2 / sum s^2. Disagreement and
error are told in units of the spread of K_PMI over pairs not scored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from platometer.experiments._experiment import Track, Verdict, silent
from platometer.experiments._scenes import BLUE, GREY, ORANGE, interval, plain, spelled
from platometer.experiments._theory import places
from platometer.theory import BinaryNCE, Learned, Plan, World, learn

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STARTS = {"small": 0.05, "medium": 0.5, "large": 3.0}
_FITTED = 1e-3
_ASKED = ("disagreement", "rank", "error")


def run(*, quick: bool = False, seed: int = 0, track: Track = silent) -> list[dict]:
    """One row per world, start and pair of learners.

    Parameters
    ----------
    quick : fewer, smaller worlds and fewer steps.
    seed : of worlds, pairs left out and learners.
    track : told of progress.
    """
    size, repeats, steps = (6, 2, 1500) if quick else (12, 6, 6000)
    rows: list[dict] = []
    for r in range(repeats):
        own = 1000 * seed + 10 * r
        world = places(size, seed=own, keep=0.3)
        seen = _some_pairs(size, 0.25, own)
        for name, start in STARTS.items():
            pair = [learn(world, BinaryNCE(), _plan(start, steps, own + side), seen=seen) for side in (0, 1)]
            rows.append({"start": name, "size_of_start": start, "repeat": r, **_measured(pair, world, seen)})
            track(len(rows), repeats * len(STARTS), f"world {r + 1}, {name} start")
    return rows


def check(rows: list[dict]) -> Verdict:
    """Starting small gives agreement, low rank and small error on pairs that were never scored.

    Parameters
    ----------
    rows : from `run`.
    """
    small, large = ({row["repeat"]: row for row in rows if row["start"] == name} for name in ("small", "large"))
    differences = {asked: interval([large[r][asked] - small[r][asked] for r in small]) for asked in _ASKED}
    numbers = {f"{asked}, {name} start": float(np.mean([row[asked] for row in part.values()]))
               for asked in _ASKED for name, part in (("small", small), ("large", large))}
    unfitted = max(row["excess"] for part in (small, large) for row in part.values())
    numbers["largest loss above the least"] = unfitted
    means = "; ".join(f"{asked} {numbers[f'{asked}, small start']:.2f} from small, {numbers[f'{asked}, large start']:.2f} from "
                      f"large vectors, difference {spelled(differences[asked])}" for asked in _ASKED)
    told = f"{means}; loss at most {unfitted:.1g} above the least; {len(small)} worlds"
    wrong = [asked for asked, value in differences.items() if value[1] <= 0]
    if unfitted > _FITTED:
        return Verdict("undecided", f"Some learner has not fitted the pairs it met: {told}.", numbers)
    if wrong:
        return Verdict("not held", f"Starting small does not surely lower {' and '.join(wrong)}: {told}.", numbers)
    return Verdict("held", told[0].upper() + told[1:] + ".", numbers)


def draw(rows: list[dict]) -> Figure:
    """Disagreement, effective rank and error by size of start, one line per world.

    Parameters
    ----------
    rows : from `run`.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 2.9), layout="constrained")
    words = ("disagreement on pairs not scored", "effective rank of the scores", "distance to K_PMI on pairs not scored")
    for axes, asked, word in zip(figure.subplots(1, 3), _ASKED, words, strict=True):
        for r in sorted({row["repeat"] for row in rows}):
            own = [row for row in rows if row["repeat"] == r]
            axes.plot([row["size_of_start"] for row in own], [row[asked] for row in own], color=GREY, linewidth=0.7)
        for name, colour in zip(STARTS, (BLUE, GREY, ORANGE), strict=True):
            own = [row for row in rows if row["start"] == name]
            axes.scatter([row["size_of_start"] for row in own], [row[asked] for row in own], s=10, color=colour)
        axes.set_xscale("log")
        axes.set_ylim(bottom=0)
        plain(axes, x="size of first vectors", y=word)
    return figure


def _plan(start: float, steps: int, seed: int) -> Plan:
    return Plan(model="two tables", optimiser="descent", rate=4.0, steps=steps, start=start, seed=seed, looks=4)


def _some_pairs(size: int, left_out: float, seed: int) -> np.ndarray:
    """(N, N) of 0 and 1, symmetric, the diagonal scored."""
    chance = np.triu(np.random.default_rng(seed).random((size, size)), 1)
    hidden = (chance > 0) & (chance < left_out)
    return 1.0 - (hidden | hidden.T)


def _measured(pair: list[Learned], world: World, seen: np.ndarray) -> dict[str, float]:
    hidden, K, objective = seen == 0, world.pmi(), BinaryNCE()
    spread = float(K[hidden].std())
    least = objective.value(np.where(hidden, 0.0, K), world)
    ranks = [np.linalg.svd(side.scores, compute_uv=False) for side in pair]
    return {
        "disagreement": float(np.sqrt(((pair[0].scores - pair[1].scores)[hidden] ** 2).mean())) / spread,
        "error": float(np.mean([np.sqrt(((side.scores - K)[hidden] ** 2).mean()) for side in pair])) / spread,
        "rank": float(np.mean([s.sum() ** 2 / (s**2).sum() for s in ranks])),
        "excess": max(objective.value(np.where(hidden, 0.0, side.scores), world) - least for side in pair),
    }
