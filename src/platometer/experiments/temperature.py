"""Temperature is the unit of the scores, p_pos their offset, and a fixed offset can put K_PMI out of reach.

Claim: InfoNCE at temperature tau comes to scores tau (K_PMI + c); binary NCE to K_PMI + log(p_pos / (1 - p_pos)); and a table
    with no offset of its own reaches K_PMI by binary NCE exactly where log(p_pos / (1 - p_pos)) is at least the least C that
    makes K_PMI + C a kernel.
Wrong if: the slope of scores on K_PMI is further than 1 % from tau in some world, or the mean of scores less K_PMI further
    than 0.01 from log(p_pos / (1 - p_pos)); or some p_pos on the reachable side ends further than 0.01 from K_PMI, or one at
    least 0.1 (in log odds) short of it nearer than that to 1e-3.
Price: 2 min on one core; quick 10 s.
Last seen: held (6 worlds of 8 events): slope over temperature within 1e-07 of 1, offset within 3e-07 of the log odds; with a
    fixed offset, reachable worlds are reached within 9e-08 and others no nearer than 0.069; c(a) varies by 8e-08 with one table
    and by 0.63 with two.

What it tests of the paper: appendix B's constants. One table has symmetric scores, so InfoNCE's c(a) is one constant; two
tables leave a constant per row (``rows_free``, the spread of row means of scores / tau less K_PMI).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from platometer.experiments._experiment import Track, Verdict, silent
from platometer.experiments._scenes import BLUE, GREY, ORANGE, plain
from platometer.experiments._theory import representable_chain
from platometer.theory import BinaryNCE, InfoNCE, Plan, World, distance, learn, representable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NEAR, _SHORT, _MISSED = 0.01, 0.1, 1e-3


def run(*, quick: bool = False, seed: int = 0, track: Track = silent) -> list[dict]:
    """One row per world, question and setting.

    Parameters
    ----------
    quick : fewer, smaller worlds and settings.
    seed : of worlds and learners.
    track : told of progress.
    """
    size, repeats = (5, 2) if quick else (8, 6)
    taus, shares = ((0.2, 1.0), (0.1, 0.5)) if quick else ((0.05, 0.1, 0.3, 1.0, 3.0), (0.01, 0.1, 0.3, 0.5, 0.9))
    beyond = (-0.5, 0.5) if quick else (-2.0, -1.0, -0.5, -0.2, 0.2, 0.5, 1.0)
    rows: list[dict] = []
    for r in range(repeats):
        world = representable_chain(size, seed=100 * seed + r)
        rows += [_tempered(world, tau, model, seed + r) | {"repeat": r} for tau in taus for model in ("table", "two tables")]
        rows += [_shared(world, share, seed + r) | {"repeat": r} for share in shares]
        rows += [_fixed(world, step, seed + r) | {"repeat": r} for step in beyond]
        track(r + 1, repeats, f"world {r + 1}")
    return rows


def check(rows: list[dict]) -> Verdict:
    """Slopes are temperatures, offsets log odds, and the boundary lies at the least C.

    Parameters
    ----------
    rows : from `run`.
    """
    slope = max(abs(row["slope"] / row["setting"] - 1) for row in rows if row["question"] == "temperature")
    offset = max(abs(row["offset"] - row["expected"]) for row in rows if row["question"] == "p_pos")
    fixed = [row for row in rows if row["question"] == "fixed offset"]
    inside = max(row["distance"] for row in fixed if row["setting"] > 0)
    outside = min(row["distance"] for row in fixed if row["setting"] <= -_SHORT)
    free = [row["rows_free"] for row in rows if row["question"] == "temperature" and row["model"] == "two tables"]
    bound = [row["rows_free"] for row in rows if row["question"] == "temperature" and row["model"] == "table"]
    numbers = {"worst slope over temperature, less 1": slope, "worst offset less log odds": offset,
               "furthest where reachable": inside, "nearest where not": outside,
               "spread of c(a), one table": float(np.max(bound)), "spread of c(a), two tables": float(np.mean(free))}
    wrong = []
    if slope > _NEAR:
        wrong.append("the scale is not the temperature")
    if offset > _NEAR:
        wrong.append("the offset is not the log odds of p_pos")
    if inside > _NEAR or outside < _MISSED:
        wrong.append("the boundary is not at the least C")
    told = (f"slope over temperature within {slope:.1g} of 1, offset within {offset:.1g} of log(p_pos / (1 - p_pos)); with a "
            f"fixed offset, reachable worlds are reached within {inside:.1g} and others no nearer than {outside:.2g}; c(a) "
            f"varies by {np.max(bound):.1g} with one table and by {np.mean(free):.2g} with two; "
            f"{len({row['repeat'] for row in rows})} worlds")
    if wrong:
        return Verdict("not held", f"{'; '.join(wrong)}: {told}.", numbers)
    return Verdict("held", told[0].upper() + told[1:] + ".", numbers)


def draw(rows: list[dict]) -> Figure:
    """Slope against temperature, offset against log odds, and distance to K_PMI on both sides of the least C.

    Parameters
    ----------
    rows : from `run`.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.5, 2.9), layout="constrained")
    first, second, third = figure.subplots(1, 3)
    for model, colour, mark in (("table", BLUE, "o"), ("two tables", ORANGE, "x")):
        own = [row for row in rows if row["question"] == "temperature" and row["model"] == model]
        first.scatter([row["setting"] for row in own], [row["slope"] for row in own], s=14, color=colour, marker=mark,
                      label=model)
    own = [row for row in rows if row["question"] == "temperature"]
    ends = [min(row["setting"] for row in own), max(row["setting"] for row in own)]
    first.plot(ends, ends, color=GREY, linewidth=0.8, linestyle=":")
    first.set_xscale("log")
    first.set_yscale("log")
    first.legend(frameon=False, fontsize=7)
    plain(first, x="temperature", y="slope of scores on K_PMI")
    own = [row for row in rows if row["question"] == "p_pos"]
    second.scatter([row["expected"] for row in own], [row["offset"] for row in own], s=12, color=BLUE)
    second.axline((0, 0), slope=1, color=GREY, linewidth=0.8, linestyle=":")
    plain(second, x="log odds of p_pos", y="mean of scores less K_PMI")
    own = [row for row in rows if row["question"] == "fixed offset"]
    third.scatter([row["setting"] for row in own], [max(row["distance"], 1e-9) for row in own], s=12, color=BLUE)
    third.axvline(0, color=GREY, linewidth=0.8, linestyle=":")
    third.set_yscale("log")
    plain(third, x="log odds of p_pos less the least C", y="distance to K_PMI")
    return figure


def _tempered(world: World, tau: float, model: str, seed: int) -> dict:
    K, scores = world.pmi(), learn(world, InfoNCE(temperature=tau), Plan(model=model, seed=seed)).scores
    goal, found = (table - table.mean(1, keepdims=True) for table in (K, scores))  # rows are free
    free = (scores / tau - K).mean(1)
    return {"question": "temperature", "model": model, "setting": tau, "slope": float((goal * found).sum() / (goal**2).sum()),
            "rows_free": float(free.std()), "distance": distance(scores / tau, K, up_to="rows")}


def _shared(world: World, share: float, seed: int) -> dict:
    K, scores = world.pmi(), learn(world, BinaryNCE(p_pos=share), Plan(seed=seed)).scores
    return {"question": "p_pos", "model": "table", "setting": share, "expected": float(np.log(share / (1 - share))),
            "offset": float((scores - K).mean()), "distance": distance(scores, K)}


def _fixed(world: World, beyond: float, seed: int) -> dict:
    K = world.pmi()
    odds = (representable(K).offset or 0.0) + beyond
    scores = learn(world, BinaryNCE(p_pos=float(1 / (1 + np.exp(-odds)))), Plan(offset="none", seed=seed)).scores
    return {"question": "fixed offset", "model": "table", "setting": beyond, "expected": odds, "distance": distance(scores, K)}
