"""Scale, not architecture, decides how much a vision model agrees with language.

Claim: of networks taught on identical scenes, by architecture (conv, vit), objective (naming attributes, telling apart), size
    and first weights, the size explains more of the variance of alignment with language models than the architecture does.
Wrong if: the share of variance that architecture explains is surely larger than that of size (mutual_knn less chance; interval
    over first weights drawn again in each cell). Undecided where neither share is surely larger.
Price: 5 min on one core; quick 30 s.
Last seen: undecided: of the variance of mutual_knn with language, architecture explains 0.295 (0.182 to 0.396), size 0.211
    (0.134 to 0.278), objective 0.005, interactions 0.257, first weights 0.231; size less architecture -0.084 (-0.234 to
    0.070). Debiased CKA, told beside, gives another order: objective 0.534, size 0.167, architecture 0.003. Across
    architectures vision models agree more with size (0.117, 0.171, 0.224). 48 models of 7,000 to 70,000 parameters, n = 512;
    it would take more first weights, or sizes further apart, to decide.

What it tests of the paper: that models of different architectures and objectives converge as they grow, so that what is left of
architecture matters little beside scale. The design is crossed and balanced: each share is the sum of squares of a factor's
means, less what chance among first weights would give (omega squared, Hays 1963); what is left is interactions and chance.
Sizes are the zoo's first three, in which both architectures have about equally many parameters. Alignment among the vision
models, of one architecture and across, is told beside, by size.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from platometer import scenes
from platometer.experiments import _scenes as shared
from platometer.experiments import _trained as school
from platometer.experiments._experiment import Track, Verdict, silent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FACTORS = ("architecture", "objective", "size")
_ARCHITECTURES, _OBJECTIVES = ("conv", "vit"), ("supervised", "contrastive")
_BATCH = {"supervised": 48, "contrastive": 32}  # of which a contrastive step sees two views
_SIZES, _SIZES_QUICK = (1, 2, 3), (1, 2)
_FULL = {"scenes": 3000, "n": 512, "repeats": 2, "seeds": 4, "steps": 240, "draws": 100}
_QUICK = {"scenes": 600, "n": 256, "repeats": 2, "seeds": 2, "steps": 60, "draws": 50}
_DRAWS = 2000  # of first weights


def run(*, quick: bool = False, seed: int = 0, track: Track = silent) -> list[dict]:
    """One row per repetition, vision model, language model and metric, and one per pair of vision models of one size.

    Parameters
    ----------
    quick : fewer sizes, seeds, scenes, samples, steps and language models.
    seed : of networks, events and re-pairings.
    track : told of progress.
    """
    size, sizes = (_QUICK, _SIZES_QUICK) if quick else (_FULL, _SIZES)
    readers = school.READERS[:1] if quick else school.READERS
    lesson, found = school.lesson(size["scenes"], seed=seed), {}
    plans = list(itertools.product(_ARCHITECTURES, _OBJECTIVES, sizes, range(size["seeds"])))
    for i, (kind, objective, grade, chance) in enumerate(plans):
        pupil = school.Pupil(kind, grade, seed=10_000 * seed + i, objective=objective)
        one = school.taught(pupil, lesson, steps=size["steps"], batch=_BATCH[objective])
        found[f"{kind}-{objective}-{grade}-{chance}"] = one
        track(i + 1, len(plans), f"{kind}, {objective}, size {grade}")
    pairs = [(a, b) for a, b in itertools.combinations(found, 2) if a.split("-")[2] == b.split("-")[2]]
    rows = []
    for r, events in enumerate(shared.samples(size["n"], size["repeats"], seed=seed)):
        pictures = scenes.pictures(events, seed=r)
        sides = {name: school.vectors(one.network, pictures) for name, one in found.items()}
        read = school.readings(events, readers, seed=r)
        asked = [(name, reader) for name in found for reader in read] + (pairs if r == 0 else [])
        rows += [{"repeat": r, "with": "language" if row["right"] in read else "each other", **_cell(row["left"]),
                  "right_architecture": None if row["right"] in read else row["right"].split("-")[0],
                  "parameters": found[row["left"]].parameters, "loss": found[row["left"]].loss, **row}
                 for row in school.compared({**sides, **read}, asked, draws=size["draws"], seed=seed)]
    return rows


def check(rows: list[dict]) -> Verdict:
    """By the excess of mutual_knn with language over chance, averaged over repetitions and language models.

    Parameters
    ----------
    rows : from `run`.
    """
    numbers: dict[str, float] = {}
    told, more = [], {}
    for metric in shared.METRICS:
        table, again = _table(rows, metric), _again(_table(rows, metric))
        name, shares = metric.split("(")[0], _shares(table)
        ends = {factor: np.percentile([draw[factor] for draw in again], (2.5, 97.5)) for factor in shares}
        gaps = [draw["size"] - draw["architecture"] for draw in again]
        more[metric] = float(shares["size"] - shares["architecture"]), *map(float, np.percentile(gaps, (2.5, 97.5)))
        for factor, share in shares.items():
            numbers |= {f"{name} share of {factor}": share, f"{name} share of {factor} low": float(ends[factor][0]),
                        f"{name} share of {factor} high": float(ends[factor][1])}
        told.append(f"{metric}: " + ", ".join(f"{factor} {share:.3f} ({ends[factor][0]:.3f} to {ends[factor][1]:.3f})"
                                              for factor, share in shares.items())
                    + f"; size less architecture {shared.spelled(more[metric])}")  # type: ignore[arg-type]
    near = _kinship(rows, shared.METRICS[0])
    told.append("among vision models by mutual_knn, " + ", ".join(
        f"size {grade} {same:.3f} in one architecture and {other:.3f} across" for grade, (same, other) in near.items()))
    _, low, high = more[shared.METRICS[0]]
    outcome = "held" if low > 0 else "not held" if high < 0 else "undecided"
    need = "; more first weights would be needed" if outcome == "undecided" else ""
    return Verdict(outcome, f"Shares of the variance of alignment with language over {table.size} models, n = {rows[0]['n']}. "
                            + "; ".join(told) + need + ".", numbers)


def draw(rows: list[dict]) -> Figure:
    """Alignment of every model with language by size, and the share of variance of each factor with its interval.

    Parameters
    ----------
    rows : from `run`.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.8, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    metric = shared.METRICS[0]
    table, sizes = _table(rows, metric), _levels(rows)["size"]
    for (a, kind), (b, objective) in itertools.product(enumerate(_levels(rows)["architecture"]),
                                                       enumerate(_levels(rows)["objective"])):
        colour, style = (shared.BLUE, shared.ORANGE)[a % 2], ("o-", "s--")[b % 2]
        for s in range(table.shape[3]):
            left.scatter(np.arange(len(sizes)), table[a, b, :, s], s=8, color=colour, alpha=0.4, marker=style[0], linewidth=0)
        left.plot(np.arange(len(sizes)), table[a, b].mean(1), style, color=colour, markersize=4, linewidth=1,
                  label=f"{kind}, {objective}")
    left.set_xticks(range(len(sizes)), [str(grade) for grade in sizes])
    left.set_ylim(bottom=0)
    left.legend(frameon=False, fontsize=7)
    left.set_title(f"{table.size} models, n = {rows[0]['n']}", fontsize=9)
    shared.plain(left, x="size", y="mutual_knn with language, less chance")
    for metric, colour, shift in zip(shared.METRICS, (shared.BLUE, shared.GREY), (0.12, -0.12), strict=True):
        shares, again = _shares(_table(rows, metric)), _again(_table(rows, metric))
        for place, (factor, share) in enumerate(shares.items()):
            low, high = np.percentile([draw[factor] for draw in again], (2.5, 97.5))
            right.plot([low, high], [place + shift] * 2, color=colour, linewidth=1.5)
            right.plot(share, place + shift, "o", color=colour, markersize=4, label=metric if place == 0 else None)
    right.set_yticks(range(len(shares)), list(shares))
    right.invert_yaxis()
    right.axvline(0, color=shared.GREY, linewidth=0.8, linestyle=":")
    right.legend(frameon=False, fontsize=7, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    shared.plain(right, x="share of the variance of alignment with language", y="")
    return figure


def _cell(name: str) -> dict[str, object]:
    kind, objective, grade, chance = name.split("-")
    return {"architecture": kind, "objective": objective, "size": int(grade), "seed": int(chance)}


def _levels(rows: list[dict]) -> dict[str, list]:
    return {factor: list(dict.fromkeys(row[factor] for row in rows)) for factor in (*_FACTORS, "seed")}


def _table(rows: list[dict], metric: str) -> np.ndarray:
    """(architectures, objectives, sizes, seeds) excess over chance with language."""
    own = [row for row in rows if row["metric"] == metric and row["with"] == "language"]
    levels = _levels(own)
    found = shared.means(own, "excess", *levels)
    return np.array([found[at] for at in itertools.product(*levels.values())]).reshape([len(some) for some in levels.values()])


def _shares(table: np.ndarray) -> dict[str, float]:
    """Of the variance over models: each factor's, that of their interactions, and that of first weights."""
    seeds, cells = table.shape[3], table[..., 0].size
    within = float(((table - table.mean(3, keepdims=True)) ** 2).sum()) / (cells * (seeds - 1))
    whole = float(((table - table.mean()) ** 2).sum()) + within
    shares, between, freedom = {}, float(seeds * ((table.mean(3) - table.mean()) ** 2).sum()), cells - 1
    for axis, factor in enumerate(_FACTORS):
        levels = table.shape[axis]
        means = table.mean(tuple(other for other in range(4) if other != axis))
        square = float(table.size / levels * ((means - table.mean()) ** 2).sum())
        shares[factor] = (square - (levels - 1) * within) / whole
        between, freedom = between - square, freedom - (levels - 1)
    shares["interactions"] = (between - freedom * within) / whole
    shares["first weights"] = 1 - sum(shares.values())
    return shares


def _again(table: np.ndarray) -> list[dict[str, float]]:
    """The shares, first weights being drawn again in each cell."""
    chance, wider = np.random.default_rng(0), school.widened(table)
    return [_shares(np.take_along_axis(wider, chance.integers(0, table.shape[3], size=table.shape), 3)) for _ in range(_DRAWS)]


def _kinship(rows: list[dict], metric: str) -> dict[int, tuple[float, float]]:
    """Size -> mean excess among vision models of one architecture, and of two."""
    own = [{**row, "same": row["architecture"] == row["right_architecture"]} for row in rows
           if row["metric"] == metric and row["with"] == "each other"]
    found = shared.means(own, "excess", "size", "same")
    return {grade: (found[grade, True], found[grade, False]) for grade in sorted({key[0] for key in found})}
