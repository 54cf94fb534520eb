"""Larger models of both modalities align more.

Claim: over the zoo's families, each trained on one modality alone, calibrated alignment across modalities rises with the
    number of parameters.
Wrong if: Spearman's correlation of calibrated mutual_knn with size over all pairs has an interval (models of either side drawn
    again) that reaches 0 or lies below it, or within families the rise from size 1 to size 5 is not surely positive.
Price: 6 min on two cores; quick 40 s.
Last seen: held, full run of 2026-11-24 (seed 0): Calibrated alignment against size by mutual_knn(k=10): Spearman 0.539
    [0.253, 0.728] over 450 pairs, from size 1 to size 5 within families 0.021 (0.008 to 0.033); cka(estimator=debiased):
    Spearman 0.588 [0.303, 0.763] over 450 pairs, from size 1 to size 5 within families 0.070 (0.034 to 0.107); law of
    mutual_knn: line (error 0.0095 on unseen models); no threshold seen: out of sample the logistic is not surely better
    than line.

What it tests of the paper: its capacity hypothesis (section 3.2) and figure 3, in a world where data and objective are the same
for all sizes of a family. The law that the paper leaves open is asked for too: alignment against the geometric mean of both
models' parameters by constant, line, saturating power, logistic with threshold and broken line, judged on models that the
fit never saw; a threshold is claimed only where the logistic predicts them better than any smooth law.

To be read beside the study `scenes`: there the rise goes with the size of the language models and hardly with that of the
vision models, and untrained twins of the largest language models reach about half of what trained ones do. So part of the
rise is width, and what words alone give, not learning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from platometer import scenes, trends
from platometer.experiments import _scenes as shared
from platometer.experiments._experiment import Track, Verdict, silent

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def run(*, quick: bool = False, seed: int = 0, track: Track = silent) -> list[dict]:
    """One row per repetition, pair of models and metric.

    Parameters
    ----------
    quick : fewer repetitions, samples, families and sizes.
    seed : of events and re-pairings.
    track : told of progress.
    """
    n, repeats, draws = (256, 2, 50) if quick else (512, 4, 100)
    sizes = shared.SIZES[::2] if quick else shared.SIZES
    seers = [f"{family}-{size}" for family in (shared.SEERS[::3] if quick else shared.SEERS) for size in sizes]
    readers = [f"{family}-{size}" for family in (shared.READERS[:2] if quick else shared.READERS) for size in sizes]
    rows = []
    for r, events in enumerate(shared.samples(n, repeats, seed=seed)):
        pictures = shared.of_pictures(scenes.pictures(events, seed=r))
        texts = scenes.captions(events, seed=r)
        seen = {name: shared.encoded(shared.model(name), pictures) for name in seers}
        read = {name: shared.encoded(shared.model(name), texts) for name in readers}
        for metric in shared.METRICS:
            sides = [{name: shared.prepared(layers, metric, name=name) for name, layers in side.items()}
                     for side in (seen, read)]
            for i, (seer, left) in enumerate(sides[0].items()):
                rows += [{"repeat": r, "left": seer, "right": reader, "left_parameters": shared.model(seer).card.parameters,
                          "right_parameters": shared.model(reader).card.parameters,
                          **shared.scored(left, right, metric=metric, draws=draws, seed=seed)}
                         for reader, right in sides[1].items()]
                track((2 * r + (metric != shared.METRICS[0])) * len(seers) + i + 1, 2 * repeats * len(seers), seer)
    return rows


def check(rows: list[dict]) -> Verdict:
    """By calibrated mutual_knn averaged over repetitions; models of either side are drawn again for the intervals.

    Parameters
    ----------
    rows : from `run`.
    """
    numbers: dict[str, float] = {}
    told, sure = [], []
    for metric in shared.METRICS:
        pairs = _pairs(rows, metric)
        x, y = np.log10([pair["size"] for pair in pairs]), np.array([pair["calibrated"] for pair in pairs])
        crossed = [pair["left"] for pair in pairs], [pair["right"] for pair in pairs]
        found = trends.correlate(x, y, crossed=crossed)
        rise = _rise(pairs)
        name = metric.split("(")[0]
        numbers |= {f"{name} spearman": found.spearman.value, f"{name} spearman low": found.spearman.low,
                    f"{name} spearman high": found.spearman.high, f"{name} rise": rise[0], f"{name} rise low": rise[1]}
        told.append(f"{metric}: Spearman {found.spearman} over {len(pairs)} pairs, from size 1 to size 5 within families "
                    f"{shared.spelled(rise)}")
        sure.append((found.spearman.low > 0 and rise[1] > 0, found.spearman.high <= 0 or rise[2] <= 0))
    laws = _laws(rows)
    best = laws.contenders[laws.chosen]
    told.append(f"law of mutual_knn: {laws.chosen} (error {best.held_out:.4f} on unseen models); {laws.why}")
    numbers["law error on unseen models"] = best.held_out
    outcome = "held" if sure[0][0] else "not held" if sure[0][1] else "undecided"
    return Verdict(outcome, "Calibrated alignment against size by " + "; ".join(told), numbers)


def draw(rows: list[dict]) -> Figure:
    """Calibrated alignment against size, one panel per metric, and the law with its interval.

    Parameters
    ----------
    rows : from `run`.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.6, 3.4), layout="constrained")
    for axes, metric in zip(figure.subplots(1, 2), shared.METRICS, strict=True):
        pairs = _pairs(rows, metric)
        families = sorted({pair["right"].rsplit("-", 1)[0] for pair in pairs})
        for family, colour in zip(families, (shared.ORANGE, shared.BLUE, shared.GREY), strict=False):
            own = [pair for pair in pairs if pair["right"].startswith(family)]
            axes.scatter([pair["size"] for pair in own], [pair["calibrated"] for pair in own], s=5, color=colour, alpha=0.6,
                         label=f"{family} with any vision model")
        if metric == shared.METRICS[0]:
            laws = _laws(rows)
            x = np.geomspace(min(pair["size"] for pair in pairs), max(pair["size"] for pair in pairs), 60)
            axes.fill_between(x, *laws.contenders[laws.chosen].fit.band(x), color="black", alpha=0.12, linewidth=0)
            axes.plot(x, laws.contenders[laws.chosen].fit.curve(x), color="black", linewidth=1, label=f"law: {laws.chosen}")
        axes.set_xscale("log")
        axes.legend(frameon=False, fontsize=7)
        axes.set_title(metric, fontsize=9)
        shared.plain(axes, x="parameters (geometric mean of both models)", y=f"calibrated alignment (n = {rows[0]['n']})")
    return figure


def _pairs(rows: list[dict], metric: str) -> list[dict]:
    """One dictionary per pair of models: size, and the calibrated score averaged over repetitions."""
    own = [row for row in rows if row["metric"] == metric]
    found = shared.means(own, "calibrated", "left", "right", "left_parameters", "right_parameters")
    return [{"left": left, "right": right, "size": float(np.sqrt(a * b)), "calibrated": value}
            for (left, right, a, b), value in found.items()]


def _rise(pairs: list[dict]) -> tuple[float, float, float]:
    """Calibrated alignment at the largest size less that at the smallest, over pairs of families: mean and interval.

    The interval is Student's over the vision families, each averaged over language families: the smaller number of either
    would leave no degrees of freedom.
    """
    score = {(pair["left"], pair["right"]): pair["calibrated"] for pair in pairs}
    sizes = sorted({name.rsplit("-", 1)[1] for pair in score for name in pair})
    seers, readers = (list(dict.fromkeys(pair[side].rsplit("-", 1)[0] for pair in score)) for side in (0, 1))
    return shared.interval([float(np.mean([score[f"{seer}-{sizes[-1]}", f"{reader}-{sizes[-1]}"]
                                           - score[f"{seer}-{sizes[0]}", f"{reader}-{sizes[0]}"] for reader in readers]))
                            for seer in seers])


def _laws(rows: list[dict]) -> trends.Comparison:
    pairs = _pairs(rows, shared.METRICS[0])
    return trends.compare([pair["size"] for pair in pairs], [pair["calibrated"] for pair in pairs],
                          crossed=([pair["left"] for pair in pairs], [pair["right"] for pair in pairs]))
