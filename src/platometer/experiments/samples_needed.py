"""How many pairs must be met before K_PMI is known: as many as theory says, four times as many for half the error.

Claim: the error of K_PMI counted from n independent pairs is the one that theory predicts, sqrt(mean variance / n) with the
    exact variance of each entry, so it falls as n^(-1/2); a learner of one table errs no more than counting does.
Wrong if: measured over predicted error leaves [0.9, 1.1] at the largest n in the mean over some size of world (95 % interval
    wholly outside), or the slope's 95 % interval over worlds lies wholly outside [-0.55, -0.45], or the learner's error is
    above 1.05 times that of counting (lower end).
Price: 2 min on one core; quick 10 s.
Last seen: held (18 worlds): measured over predicted error 1.003 (0.952 to 1.055) at 4 events, 1.029 (0.961 to 1.098) at 8,
    0.995 (0.980 to 1.010) at 16; slope -0.492 (-0.501 to -0.483); learned over counted 0.999 (0.999 to 1.000); pairs for a
    distance of 0.1: 2,075 for 4 events, 9,348 for 8, 45,745 for 16.

What it tests of the paper: the theory is about a world that is known; learners know samples. The entry K(a, b) = log P(a, b) -
log P(a) - log P(b) is a smooth function of counts, so its variance is Var(phi) / n with phi(i, j) = S(i, j) / P(a, b) -
m_a(i, j) / P(a) - m_b(i, j) / P(b), where S is 1/2 for each order in which (i, j) is (a, b), and m_a half the number of a's
in (i, j). Error is the root of the mean square over pairs. Half a pair is added to every count, so that no entry is undefined;
at the largest n this matters little. Pairs from long sequences are not independent: they need more
(``sequences``, told but not judged).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from platometer.experiments._experiment import Track, Verdict, silent
from platometer.experiments._scenes import BLUE, GREY, ORANGE, interval, plain, spelled
from platometer.experiments._theory import representable_chain
from platometer.theory import BinaryNCE, Plan, World, counted, learn

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TARGET = 0.1


def run(*, quick: bool = False, seed: int = 0, track: Track = silent) -> list[dict]:
    """One row per world, number of pairs, draw of them and way of knowing.

    Parameters
    ----------
    quick : fewer and smaller worlds and samples.
    seed : of worlds, pairs and learners.
    track : told of progress.
    """
    sizes, repeats, exponents, draws = ((3, 5), 3, (4, 5), 4) if quick else ((4, 8, 16), 6, (4, 4.5, 5, 5.5, 6), 10)
    rows: list[dict] = []
    for size in sizes:
        for r in range(repeats):
            world = representable_chain(size, seed=100 * seed + r)
            spread = float(np.sqrt(predicted_variance(world).mean()))
            for exponent in exponents:
                n = round(10**exponent)
                for draw_ in range(draws):
                    shown = world.seen_in(world.pairs(n, seed=100 * seed + draw_), smoothing=0.5)
                    found = {"counted": shown.pmi()}
                    if draw_ == 0:
                        found["learned"] = learn(shown, BinaryNCE(), Plan(seed=seed + r, steps=600)).scores
                        found["sequences"] = counted(world.sequences(10, n // 10 + 1, seed=seed + r), 1, smoothing=0.5).pmi()
                    rows += [{"events": size, "repeat": r, "pairs": n, "draw": draw_, "way": way, "predicted": spread / n**0.5,
                              "error": float(np.sqrt(((K - world.pmi()) ** 2).mean())), "unit": float(world.pmi().std())}
                             for way, K in found.items()]
        track(sizes.index(size) + 1, len(sizes), f"{size} events")
    return rows


def check(rows: list[dict]) -> Verdict:
    """Measured over predicted error near 1, slope near -1/2, the learner no worse.

    Parameters
    ----------
    rows : from `run`.
    """
    most, sizes = max(row["pairs"] for row in rows), sorted({row["events"] for row in rows})
    ratios = {size: interval(_over_predicted(rows, size, most)) for size in sizes}
    slope = interval(_slopes([row for row in rows if row["way"] == "counted"]))
    errors = {way: np.array([row["error"] for row in rows if row["way"] == way and row["draw"] == 0])
              for way in ("counted", "learned")}
    learner = interval(errors["learned"] / errors["counted"])
    numbers = {f"measured over predicted, {size} events": value[0] for size, value in ratios.items()}
    numbers |= {"slope": slope[0], "learned over counted": learner[0]}
    numbers |= {f"pairs for a distance of {_TARGET:g}, {size} events": _needed(rows, size) for size in sizes}
    wrong = [f"theory misses the error of {size} events" for size, (_, low, high) in ratios.items() if high < 0.9 or low > 1.1]
    if slope[2] < -0.55 or slope[1] > -0.45:
        wrong.append("the rate is not n^(-1/2)")
    if learner[1] > 1.05:
        wrong.append("the learner errs more than counting")
    needed = ", ".join(f"{_needed(rows, size):,.0f} for {size} events" for size in sizes)
    told = (f"measured over predicted error {', '.join(f'{spelled(v)} at {k} events' for k, v in ratios.items())}; slope "
            f"{spelled(slope)}; learned over counted {spelled(learner)}; pairs for a distance of {_TARGET:g}: {needed}")
    if wrong:
        return Verdict("not held", f"{'; '.join(wrong)}: {told}.", numbers)
    return Verdict("held", told[0].upper() + told[1:] + ".", numbers)


def draw(rows: list[dict]) -> Figure:
    """Error against pairs met, by size of world; the line is the prediction.

    Parameters
    ----------
    rows : from `run`.
    """
    from matplotlib.figure import Figure

    sizes = sorted({row["events"] for row in rows})
    figure = Figure(figsize=(2.8 * len(sizes), 3), layout="constrained")
    panels = figure.subplots(1, len(sizes), sharey=True, squeeze=False)[0]
    for axes, size in zip(panels, sizes, strict=True):
        own = [row for row in rows if row["events"] == size]
        for shift, way, colour in ((0.93, "counted", BLUE), (1.0, "learned", ORANGE), (1.07, "sequences", GREY)):
            part = [row for row in own if row["way"] == way]
            axes.scatter([row["pairs"] * shift for row in part], [row["error"] for row in part], s=8, color=colour, label=way)
        pairs = sorted({row["pairs"] for row in own})
        axes.plot(pairs, [np.mean([row["predicted"] for row in own if row["pairs"] == n]) for n in pairs], color="black",
                  linewidth=0.9)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_title(f"{size} events", fontsize=9)
        plain(axes, x="pairs met", y="error of K_PMI, nats" if axes is panels[0] else "")
    panels[-1].legend(frameon=False, fontsize=7)
    return figure


def predicted_variance(world: World) -> np.ndarray:
    """(N, N) variance of each entry of counted K_PMI, times the number of pairs, in the limit of many.

    Parameters
    ----------
    world : in which every two events meet.
    """
    size, P = len(world), world.P
    i, j = (part.ravel() for part in np.indices((size, size)))
    half = (np.eye(size)[i] + np.eye(size)[j]) / 2  # (outcomes, N): m_a
    out = np.empty((size, size))
    for a in range(size):
        for b in range(size):
            met = (((i == a) & (j == b)).astype(float) + ((i == b) & (j == a))) / 2
            phi = met / world.P_coor[a, b] - half[:, a] / P[a] - half[:, b] / P[b]
            mean = world.P_coor.ravel() @ phi
            out[a, b] = world.P_coor.ravel() @ (phi - mean) ** 2
    return out


def _over_predicted(rows: list[dict], size: int, pairs: int) -> list[float]:
    """One per world: root of the mean square error over draws, over the predicted one."""
    own = [row for row in rows if (row["events"], row["pairs"], row["way"]) == (size, pairs, "counted")]
    parts = [[row for row in own if row["repeat"] == r] for r in sorted({row["repeat"] for row in own})]
    return [float(np.sqrt(np.mean([row["error"] ** 2 for row in part])) / part[0]["predicted"]) for part in parts]


def _slopes(rows: list[dict]) -> list[float]:
    """One per world: of log error on log pairs."""
    worlds = sorted({(row["events"], row["repeat"]) for row in rows})
    own = [[row for row in rows if (row["events"], row["repeat"]) == world] for world in worlds]
    logs = [(np.log([row["pairs"] for row in part]), np.log([row["error"] for row in part])) for part in own]
    return [float(np.polyfit(pairs, errors, 1)[0]) for pairs, errors in logs]


def _needed(rows: list[dict], size: int) -> float:
    """Pairs after which the predicted error is a tenth of the spread of K_PMI, in the mean over worlds."""
    own = [row for row in rows if row["events"] == size]
    return float(np.mean([row["pairs"] * (row["predicted"] / (_TARGET * row["unit"])) ** 2 for row in own]))
