"""The more tasks a model must solve, the more alike are models that share none of them.

Claim: of two networks that learn disjoint sets of attributes of the same scenes, the vectors agree the more, the more
    attributes each has to name.
Wrong if: the rise of their alignment (mutual_knn less chance) from 1 to 8 attributes is not surely positive over divisions of
    the attributes, or the rise per doubling over all pairs, the share of tasks in common being accounted for, is not.
    Undecided where only one of the two is sure.
Price: 5 min on one core; quick 35 s.
Last seen: held by mutual_knn, which decides: disjoint pairs gain 0.036 (0.018 to 0.053) from 1 to 8 attributes, and 0.013
    (0.003 to 0.019) per doubling over 330 pairs at equal overlap. Debiased CKA, told beside, is not sure of either: 0.060
    (-0.139 to 0.259) and 0.061 (-0.026 to 0.118). With language mutual_knn goes from 0.012 to 0.014 only. 6 divisions, n = 512.

What it tests of the paper: its multitask scaling hypothesis (section 3.1): each further task leaves fewer representations that
solve all. Networks that are taught the same labels would agree for that reason alone, so the judgement is on pairs that have
no attribute in common: a division puts the attributes in an order, one network learns the first, another the next. Sixteen of
twenty-one attributes cannot be had twice without overlap; these enter by the regression on all pairs of a level, which
accounts for the share in common, with subsets of one division and side drawn again together. Attributes depend on each other
in this world, as in ours, so more of them also tell more of those of the other side: that is part of the mechanism, and not
told apart here. Alignment with language models of the zoo is told beside, and of untrained networks as level 0.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from platometer import scenes, trends
from platometer.experiments import _scenes as shared
from platometer.experiments import _trained as school
from platometer.experiments._experiment import Track, Verdict, silent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LEVELS = (0, 1, 2, 4, 8, 16)
_FROM, _TO = 1, 8  # levels at which two sets can be disjoint
_FULL = {"scenes": 3000, "n": 512, "repeats": 2, "divisions": 6, "steps": 300, "draws": 100}
_QUICK = {"scenes": 600, "n": 256, "repeats": 2, "divisions": 3, "steps": 60, "draws": 50}


def run(*, quick: bool = False, seed: int = 0, track: Track = silent) -> list[dict]:
    """One row per repetition, number of tasks, pair of models and metric.

    Parameters
    ----------
    quick : fewer divisions, scenes, samples and steps.
    seed : of divisions, networks, events and re-pairings.
    track : told of progress.
    """
    size = _QUICK if quick else _FULL
    readers = school.READERS[:1] if quick else school.READERS
    lesson = school.lesson(size["scenes"], seed=seed)
    taught, sets = {}, {}
    plans = list(itertools.product(range(size["divisions"]), _LEVELS, "ab"))
    for i, (division, level, side) in enumerate(plans):
        name = f"{level}-{division}{side}"
        sets[name] = _subset(division, level, side, seed)
        pupil = school.Pupil("conv", 1, seed=10_000 * seed + i, attributes=sets[name])
        taught[name] = school.taught(pupil, lesson, steps=size["steps"]) if level else school.untaught(pupil)
        track(i + 1, len(plans), f"{level} tasks, division {division + 1}{side}")
    pairs = [(a, b) for level in _LEVELS for a, b in itertools.combinations([m for m in taught if _level(m) == level], 2)]
    rows = []
    for r, events in enumerate(shared.samples(size["n"], size["repeats"], seed=seed)):
        pictures = scenes.pictures(events, seed=r)
        sides = {**{name: school.vectors(one.network, pictures) for name, one in taught.items()},
                 **school.readings(events, readers, seed=r)}
        asked = pairs + [(name, reader) for name in taught for reader in readers]
        rows += [{"repeat": r, "tasks": _level(row["left"]), **_common(row, sets), "loss": _told(taught[row["left"]].loss),
                  **row} for row in school.compared(sides, asked, draws=size["draws"], seed=seed)]
    return rows


def check(rows: list[dict]) -> Verdict:
    """By the excess of mutual_knn over chance: disjoint pairs by division, and all pairs of a level by regression.

    Parameters
    ----------
    rows : from `run`.
    """
    numbers: dict[str, float] = {}
    told, sure = [], []
    for metric in shared.METRICS:
        pairs, name = _pairs(rows, metric), metric.split("(")[0]
        rise, slope = _rise(pairs), _slope(pairs)
        language = _language(rows, metric)
        numbers |= {f"{name} rise": rise[0], f"{name} rise low": rise[1], f"{name} rise high": rise[2],
                    f"{name} slope": slope.value, f"{name} slope low": slope.low, f"{name} slope high": slope.high}
        numbers |= {f"{name} with language, {level} tasks": value for level, value in language.items()}
        told.append(f"{metric}: disjoint pairs gain {shared.spelled(rise)} from {_FROM} to {_TO} tasks; {slope} per doubling "
                    f"over {len([p for p in pairs if p['tasks']])} pairs at equal overlap; with language "
                    f"{language[min(t for t in language if t)]:.3f} to {language[max(language)]:.3f}")
        sure.append((rise[1] > 0 and slope.low > 0, rise[2] <= 0 or slope.high <= 0))
    outcome = "held" if sure[0][0] else "not held" if sure[0][1] else "undecided"
    need = "; more divisions would be needed" if outcome == "undecided" else ""
    return Verdict(outcome, f"Score less chance, n = {rows[0]['n']}, {len(_divisions(rows))} divisions. "
                            f"{'; '.join(told)}{need}.", numbers)


def draw(rows: list[dict]) -> Figure:
    """Score less chance by number of tasks: each disjoint pair, all pairs by overlap, and language.

    Parameters
    ----------
    rows : from `run`.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.6, 3.3), layout="constrained")
    for axes, metric in zip(figure.subplots(1, 2), shared.METRICS, strict=True):
        pairs = _pairs(rows, metric)
        levels = sorted({pair["tasks"] for pair in pairs})
        for pair in pairs:
            colour, shift = (shared.BLUE, -0.12) if pair["overlap"] == 0 else (shared.ORANGE, 0.12)
            axes.scatter(levels.index(pair["tasks"]) + shift, pair["excess"], s=5, alpha=0.4, color=colour, linewidth=0)
        for sharing, colour, word in ((False, shared.BLUE, "no task in common"), (True, shared.ORANGE, "some in common")):
            own = [(level, [p["excess"] for p in pairs if p["tasks"] == level and (p["overlap"] > 0) == sharing])
                   for level in levels]
            axes.plot([levels.index(level) for level, some in own if some], [np.mean(some) for _, some in own if some],
                      color=colour, marker="o", markersize=3, linewidth=1, label=word)
        language = _language(rows, metric)
        axes.plot([levels.index(level) for level in language], list(language.values()), color=shared.GREY, marker="s",
                  markersize=3, linewidth=1, label="with language models")
        axes.set_xticks(range(len(levels)), [str(level) if level else "untrained" for level in levels])
        axes.set_ylim(bottom=0)
        axes.legend(frameon=False, fontsize=7)
        axes.set_title(metric, fontsize=9)
        shared.plain(axes, x="attributes that each model learns", y=f"score less chance (n = {rows[0]['n']})")
    return figure


def _subset(division: int, level: int, side: str, seed: int) -> tuple[str, ...]:
    """The first attributes of the division's order, or the next; from its end where there are not enough for both."""
    attributes = tuple(scenes.world().attributes)
    order = np.random.default_rng([seed, division, 29]).permutation(len(attributes))
    start = 0 if side == "a" else min(level, len(attributes) - level)
    return tuple(attributes[i] for i in order[start : start + level])


def _level(name: object) -> int:
    return int(str(name).split("-")[0])


def _common(row: dict, sets: dict[str, tuple[str, ...]]) -> dict[str, object]:
    """What a pair is, and how many of the left one's tasks the right one has too."""
    left, right = row["left"], row["right"]
    if right not in sets:
        return {"with": "language", "shared": 0, "overlap": 0.0}
    both = len(set(sets[left]) & set(sets[right]))
    return {"with": "each other", "shared": both, "overlap": both / max(1, len(sets[left]))}


def _told(loss: float) -> float | None:
    return None if np.isnan(loss) else loss


def _pairs(rows: list[dict], metric: str) -> list[dict]:
    """One dictionary per pair of models of a level, averaged over repetitions."""
    own = [row for row in rows if row["metric"] == metric and row["with"] == "each other"]
    found = shared.means(own, "excess", "left", "right", "tasks", "overlap")
    return [{"left": left, "right": right, "tasks": tasks, "overlap": overlap, "excess": value}
            for (left, right, tasks, overlap), value in found.items()]


def _divisions(rows: list[dict]) -> set[str]:
    return {row["left"].split("-")[1][:-1] for row in rows}


def _rise(pairs: list[dict]) -> tuple[float, float, float]:
    """What the two sides of a division gain from `_FROM` to `_TO` tasks: mean and interval over divisions."""
    own: dict[str, dict[int, float]] = {}
    for pair in pairs:
        one, other = (pair[side].split("-")[1][:-1] for side in ("left", "right"))
        if one == other and pair["overlap"] == 0:
            own.setdefault(one, {})[pair["tasks"]] = pair["excess"]
    return shared.interval([found[_TO] - found[_FROM] for found in own.values()])


def _slope(pairs: list[dict]) -> trends.Estimate:
    """Gain per doubling of the tasks at equal overlap; what one order of attributes gives is drawn again together."""
    trained = [pair for pair in pairs if pair["tasks"]]
    overlap = np.array([pair["overlap"] for pair in trained])
    x, y = (_less(np.array(values), overlap) for values in ([np.log2(pair["tasks"]) for pair in trained],
                                                            [pair["excess"] for pair in trained]))
    crossed = [pair["left"].split("-")[1] for pair in trained], [pair["right"].split("-")[1] for pair in trained]
    return trends.correlate(x, y, crossed=crossed).slope


def _less(values: np.ndarray, by: np.ndarray) -> np.ndarray:
    """What a line along `by` leaves (Frisch and Waugh)."""
    middle = by - by.mean()
    spread = float(middle @ middle)
    return values - values.mean() - (middle * float(middle @ values) / spread if spread else 0.0)


def _language(rows: list[dict], metric: str) -> dict[int, float]:
    own = [row for row in rows if row["metric"] == metric and row["with"] == "language"]
    return {tasks: value for (tasks,), value in shared.means(own, "excess", "tasks").items()}
