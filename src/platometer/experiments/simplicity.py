"""Networks that fit the same data equally well agree the more among themselves, the larger they are.

Claim: among networks trained from other first weights to one training loss on the same scenes, without weight decay or dropout,
    the vectors agree the more, the larger the networks, and by more than those of their untrained twins.
Wrong if: alignment (mutual_knn less chance) of networks of one size does not rise with the logarithm of parameters, or does not
    rise more than that of the untrained twins (slopes over pairs, networks drawn again). Undecided where a slope is not sure,
    or some network has not come down to the loss.
Price: 4 min on one core; quick 25 s.
Last seen: held by mutual_knn, which decides: 0.180 (0.161 to 0.200) per tenfold parameters, 0.060 (0.039 to 0.090) beyond the
    untrained twins; with regularisation 0.157 and 0.052, as sure. Debiased CKA, told beside, rises too (0.316) but less than
    that of the twins (-0.174, -0.330 to -0.045). From size 1 to 4 the zoo's vision models gain 0.136, its language models
    0.017. n = 512, 4 sizes of 5 networks, all at a loss of 1.10.

What it tests of the paper: its simplicity bias (section 3.3): that large networks are drawn to simple fits, also without
explicit regularisation, and therefore to the same one. Equal loss keeps apart what capacity does (a better fit) from what the
bias does (a more common one). Width alone makes vectors more alike, since more random features say the same thing with less
noise: hence the twins. The same with weight decay and dropout, and the agreement with language and vision models of the zoo,
which learnt from other scenes, are told beside.
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

_ARMS = {"none": (0.0, 0.0), "explicit": (0.3, 0.1)}
"""Regularisation -> weight decay, dropout."""
_SEERS = ("conv-contrastive-5", "vit-contrastive-5")
_READERS = ("gpt-5", "bow-5")
_FULL = {"scenes": 1000, "n": 512, "repeats": 2, "seeds": 5, "steps": 800, "draws": 100}
_QUICK = {"scenes": 400, "n": 256, "repeats": 2, "seeds": 3, "steps": 400, "draws": 50}
_SIZES, _TARGET = (1, 2, 3, 4), 1.10
_SIZES_QUICK, _TARGET_QUICK = (1, 3), 1.40
_SLACK = 0.005  # nats by which a loss may miss the target


def run(*, quick: bool = False, seed: int = 0, track: Track = silent) -> list[dict]:
    """One row per repetition, regularisation, training, size, pair of models and metric.

    Parameters
    ----------
    quick : fewer sizes, seeds, scenes, samples and steps.
    seed : of networks, events and re-pairings.
    track : told of progress.
    """
    size, sizes, target = (_QUICK, _SIZES_QUICK, _TARGET_QUICK) if quick else (_FULL, _SIZES, _TARGET)
    lesson = school.lesson(size["scenes"], seed=seed)
    found: dict[str, school.Taught] = {}
    plans = list(itertools.product(_ARMS, sizes, range(size["seeds"])))
    for i, (arm, grade, chance) in enumerate(plans):
        decay, dropout = _ARMS[arm]
        pupil = school.Pupil("conv", grade, seed=10_000 * seed + i, changed=False, decay=decay, dropout=dropout)
        found[f"{arm}-{grade}-{chance}"] = school.taught(pupil, lesson, steps=size["steps"], until=target)
        found[f"{arm}-{grade}-{chance}-untrained"] = school.untaught(pupil)
        track(i + 1, len(plans), f"size {grade}, regularisation {arm}")
    pairs = [(a, b) for a, b in itertools.combinations(found, 2) if _kin(a) == _kin(b)]
    rows = []
    for r, events in enumerate(shared.samples(size["n"], size["repeats"], seed=seed)):
        pictures = scenes.pictures(events, seed=r)
        read, seen = school.readings(events, _READERS, seed=r), school.sightings(pictures, _SEERS)
        sides = {name: school.vectors(one.network, pictures) for name, one in found.items()}
        asked = pairs + [(name, other) for name in found for other in (*read, *seen) if not name.endswith("untrained")]
        rows += [{"repeat": r, **_what(row, found, target), "with": "language" if row["right"] in read else
                  "vision" if row["right"] in seen else "each other", **row}
                 for row in school.compared({**sides, **read, **seen}, asked, draws=size["draws"], seed=seed)]
    return rows


def check(rows: list[dict]) -> Verdict:
    """By the excess of mutual_knn over chance without regularisation, against the logarithm of parameters.

    Parameters
    ----------
    rows : from `run`.
    """
    numbers: dict[str, float] = {}
    told, slopes = [], {}
    for metric in shared.METRICS:
        name = metric.split("(")[0]
        for arm in _ARMS:
            pairs = _pairs(rows, metric, arm)
            rise, more = (_slope(pairs, column) for column in ("excess", "more"))
            slopes[metric, arm] = rise, more
            numbers |= {f"{name} {what}, {arm}{end}": value for what, slope in (("slope", rise), ("slope beyond twins", more))
                        for end, value in (("", slope.value), (" low", slope.low), (" high", slope.high))}
            told.append(f"{metric}, regularisation {arm}: {rise} per tenfold parameters among themselves, {more} beyond the "
                        f"untrained twins, {_change(rows, metric, arm, 'language'):+.3f} with language and "
                        f"{_change(rows, metric, arm, 'vision'):+.3f} with vision models from smallest to largest")
    late = [row for row in rows if row["trained"] and row["loss"] > row["target"] + _SLACK]
    numbers["networks above the loss"] = float(len({row["left"] for row in late}))
    words = f"Score less chance, n = {rows[0]['n']}. " + "; ".join(told)
    if late:
        return Verdict("undecided", f"{len({row['left'] for row in late})} networks did not come down to the loss of "
                                    f"{late[0]['target']}; more steps would be needed. {words}.", numbers)
    rise, more = slopes[shared.METRICS[0], "none"]
    if rise.high <= 0 or more.high <= 0:
        return Verdict("not held", f"{words}.", numbers)
    if rise.low > 0 and more.low > 0:
        return Verdict("held", f"{words}.", numbers)
    return Verdict("undecided", f"{words}; more seeds or a wider range of sizes would be needed.", numbers)


def draw(rows: list[dict]) -> Figure:
    """Alignment among networks of one size, trained and untrained, with and without regularisation; and with the zoo.

    Parameters
    ----------
    rows : from `run`.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.6, 3.2), layout="constrained")
    sizes = sorted({row["parameters"] for row in rows})
    for axes, metric in zip(figure.subplots(1, 2), shared.METRICS, strict=True):
        for arm, colour in zip(_ARMS, (shared.BLUE, shared.ORANGE), strict=True):
            pairs = _pairs(rows, metric, arm)
            for column, marker, style, word in (("excess", "o", "-", "trained"), ("twin", "x", ":", "untrained")):
                axes.scatter([p["parameters"] for p in pairs], [p[column] for p in pairs], s=8, color=colour, marker=marker,
                             alpha=0.5, linewidth=0.7)
                line = shared.means(pairs, column, "parameters")
                axes.plot([key[0] for key in line], list(line.values()), style, color=colour, linewidth=1,
                          label=f"each other, {word}, regularisation {arm}")
        for other, colour, style in (("language", shared.GREY, "-"), ("vision", shared.GREY, "--")):
            zoo = _others(rows, metric, "none", other)
            axes.plot(list(zoo), list(zoo.values()), style, color=colour, linewidth=1, label=f"zoo, {other}, none")
        axes.set_xscale("log")
        axes.set_xticks(sizes, [f"{size:,}" for size in sizes], fontsize=8)
        axes.minorticks_off()
        axes.set_ylim(bottom=0)
        axes.set_title(metric, fontsize=9)
        shared.plain(axes, x="parameters", y=f"score less chance (n = {rows[0]['n']})")
    figure.legend(*axes.get_legend_handles_labels(), frameon=False, fontsize=7, loc="outside right center")
    return figure


def _kin(name: str) -> tuple[str, str, bool]:
    """Regularisation, size and whether untrained: only networks that have all of these in common are paired."""
    arm, grade = name.split("-")[:2]
    return arm, grade, name.endswith("untrained")


def _what(row: dict, found: dict[str, school.Taught], target: float) -> dict[str, object]:
    arm, grade, untrained = _kin(row["left"])
    own = [found[row[side]] for side in ("left", "right") if row[side] in found]
    return {"regularisation": arm, "size": int(grade), "parameters": own[0].parameters, "trained": not untrained,
            "target": target, "loss": None if untrained else max(one.loss for one in own),
            "steps": max(one.steps for one in own)}


def _pairs(rows: list[dict], metric: str, arm: str) -> list[dict]:
    """One dictionary per pair of networks of one size: alignment, that of the untrained twins, and how much more it is."""
    own = [row for row in rows if row["metric"] == metric and row["regularisation"] == arm and row["with"] == "each other"]
    found = shared.means(own, "excess", "left", "right", "parameters")
    pairs = [{"left": left, "right": right, "parameters": parameters, "excess": value,
              "twin": found[f"{left}-untrained", f"{right}-untrained", parameters]}
             for (left, right, parameters), value in found.items() if not left.endswith("untrained")]
    return [{**pair, "more": pair["excess"] - pair["twin"]} for pair in pairs]


def _slope(pairs: list[dict], column: str) -> trends.Estimate:
    """Per tenfold parameters; networks are drawn again, with all their pairs."""
    crossed = [pair["left"] for pair in pairs], [pair["right"] for pair in pairs]
    return trends.correlate(np.log10([pair["parameters"] for pair in pairs]), [pair[column] for pair in pairs],
                            crossed=crossed).slope


def _others(rows: list[dict], metric: str, arm: str, other: str) -> dict[int, float]:
    """Parameters -> alignment with models of the zoo."""
    own = [row for row in rows if row["metric"] == metric and row["regularisation"] == arm and row["with"] == other]
    return {parameters: value for (parameters,), value in sorted(shared.means(own, "excess", "parameters").items())}


def _change(rows: list[dict], metric: str, arm: str, other: str) -> float:
    line = list(_others(rows, metric, arm, other).values())
    return line[-1] - line[0]
