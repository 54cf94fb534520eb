"""Concrete captions align more with pictures than abstract ones.

Claim: the more abstract the captions (from named things and colours to counts, symmetry, arrangement and mood), the less they
    align with pictures of the same scenes; and concept by concept, abstract ones are shared less than concrete ones.
Wrong if: captions at abstraction 0 do not surely align more than at 1 (interval over repetitions), or concrete concepts are
    not surely shared more than abstract ones.
Price: 3 min on two cores; quick 30 s.
Last seen: held, full run of 2026-11-24 (seed 0): excess of mutual_knn over chance by abstraction: 0.025 at 0, 0.013 at
    0.25, 0.008 at 0.5, 0.006 at 0.75, 0.004 at 1; it falls by 0.021 (0.018 to 0.024). Concrete concepts are shared more
    than abstract ones by 0.043 (0.035 to 0.052) of debiased CKA (place 0.24, time 0.23, mood 0.18, kind 0.14, weather
    0.13, season 0.09, relation 0.08, count 0.07, symmetry 0.07, size 0.06, colour 0.04, arrangement 0.04).

What it tests of the paper: section 6 concedes that an abstract idea ("I believe in the freedom of speech") may have no picture.
Captions of about ten words are made at five degrees of abstraction. Concept by concept: what either modality says of an
attribute is the cross-validated ridge prediction of its values from the layer that says most; a concept is shared as far as
the two predictions agree on pairs of scenes (debiased CKA), where both see the same scenes and captions are the longest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from platometer import scenes
from platometer.experiments import _scenes as shared
from platometer.experiments._experiment import Track, Verdict, silent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DEGREES = (0.0, 0.25, 0.5, 0.75, 1.0)
_SEERS = ("conv-contrastive-5", "vit-contrastive-5", "conv-masked-5", "vit-masked-5")
_READERS = ("gpt-5", "gru-5", "bow-5")
_CONCRETE = ("place", "season", "time", "weather", "kind", "colour", "size")
_ABSTRACT = ("count", "arrangement", "relation", "mood", "symmetry")
_FOLDS, _PENALTIES = 5, (1.0, 10.0, 100.0, 1000.0)


def run(*, quick: bool = False, seed: int = 0, track: Track = silent) -> list[dict]:
    """One row per repetition, pair of models, metric and degree of abstraction; and one per concept.

    Parameters
    ----------
    quick : fewer repetitions, samples, degrees and models.
    seed : of events and re-pairings.
    track : told of progress.
    """
    n, repeats, draws = (256, 3, 50) if quick else (512, 6, 200)
    seers, readers = (_SEERS[:1], _READERS[:1]) if quick else (_SEERS, _READERS)
    rows = []
    for r, events in enumerate(shared.samples(n, repeats, seed=seed)):
        pictures = shared.of_pictures(scenes.pictures(events, seed=r))
        seen = {name: shared.encoded(shared.model(name), pictures) for name in seers}
        for degree in (_DEGREES[::2] if quick else _DEGREES):
            texts = scenes.captions(events, seed=r, words=10, abstraction=degree)
            for reader in readers:
                read = shared.encoded(shared.model(reader), texts)
                rows += [{"repeat": r, "what": "captions", "abstraction": degree, "concept": None,
                          "left": seer, "right": reader, **shared.scored(left, read, metric=metric, draws=draws, seed=seed)}
                         for seer, left in seen.items() for metric in shared.METRICS]
        texts = scenes.captions(events, seed=r, words=30, abstraction=0.5)
        heard = {name: shared.encoded(shared.model(name), texts) for name in readers}
        told = [{name: _told(layers, events, seed=seed) for name, layers in side.items()} for side in (seen, heard)]
        rows += [{"repeat": r, "what": "concept", "abstraction": 0.5, "concept": concept, "left": a, "right": b,
                  "left_accuracy": left[concept][1], "right_accuracy": right[concept][1],
                  **shared.scored({"told": left[concept][0]}, {"told": right[concept][0]}, metric=shared.METRICS[1],
                                  draws=draws, seed=seed)}
                 for a, left in told[0].items() for b, right in told[1].items() for concept in _CONCRETE + _ABSTRACT]
        track(r + 1, repeats, f"sample {r + 1}")
    return rows


def check(rows: list[dict]) -> Verdict:
    """By the excess of mutual_knn of captions, and the debiased CKA of concepts, over chance, repetition by repetition.

    Parameters
    ----------
    rows : from `run`.
    """
    degrees, table = _curves(rows, shared.METRICS[0])
    fall = shared.interval(table[:, 0] - table[:, -1])
    concepts = _concepts(rows)
    gap = shared.interval(np.mean([concepts[c] for c in _CONCRETE], 0) - np.mean([concepts[c] for c in _ABSTRACT], 0))
    numbers = {"fall": fall[0], "fall low": fall[1], "fall high": fall[2], "gap": gap[0], "gap low": gap[1], "gap high": gap[2]}
    numbers |= {f"shared: {name}": float(values.mean()) for name, values in concepts.items()}
    falling = sorted(concepts.items(), key=lambda item: -item[1].mean())
    ranked = ", ".join(f"{name} {values.mean():.2f}" for name, values in falling)
    curve = ", ".join(f"{value:.3f} at {degree:g}" for degree, value in zip(degrees, table.mean(0), strict=True))
    told = (f"excess of mutual_knn over chance by abstraction: {curve}; it falls by {shared.spelled(fall)}. Concrete concepts "
            f"are shared more than abstract ones by {shared.spelled(gap)} of debiased CKA ({ranked})")
    if fall[2] <= 0 or gap[2] <= 0:
        return Verdict("not held", told, numbers)
    return Verdict("held" if fall[1] > 0 and gap[1] > 0 else "undecided", told, numbers)


def draw(rows: list[dict]) -> Figure:
    """Excess over chance against abstraction, and how far each concept is shared.

    Parameters
    ----------
    rows : from `run`.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.4, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for metric, colour in zip(shared.METRICS, (shared.BLUE, shared.ORANGE), strict=True):
        degrees, table = _curves(rows, metric)
        ends = np.array([shared.interval(column) for column in table.T])
        left.errorbar(degrees, ends[:, 0], yerr=[ends[:, 0] - ends[:, 1], ends[:, 2] - ends[:, 0]], color=colour, marker="o",
                      markersize=3, label=metric)
    left.axhline(0, color=shared.GREY, linewidth=0.8, linestyle=":")
    left.legend(frameon=False, fontsize=7)
    shared.plain(left, x="abstraction of captions of 10 words", y=f"score less chance (n = {rows[0]['n']})")
    ranked = sorted(_concepts(rows).items(), key=lambda item: item[1].mean())
    for place, (name, values) in enumerate(ranked):
        mean, low, high = shared.interval(values)
        right.errorbar(mean, place, xerr=[[mean - low], [high - mean]], marker="o", markersize=4,
                       color=shared.BLUE if name in _CONCRETE else shared.ORANGE)
    right.set_yticks(range(len(ranked)), [name for name, _ in ranked])
    right.set_title("concrete blue, abstract orange", fontsize=8)
    shared.plain(right, x="how far a concept is shared (debiased CKA of predictions)", y="")
    return figure


def _told(layers: shared.Layers, events: scenes.Events, *, seed: int) -> dict[str, tuple[np.ndarray, float]]:
    """Concept -> what the layer that says most of it says of each scene it was not fitted to, (n, values); and its accuracy."""
    wanted = {}
    for concept in _CONCRETE + _ABSTRACT:
        one_hot = np.eye(len(events.attributes[concept]))[events.column(concept)]
        wanted[concept] = one_hot[:, one_hot.any(0)]
    ends = np.cumsum([0, *(target.shape[1] for target in wanted.values())])
    target = np.concatenate(list(wanted.values()), axis=1)
    fold = np.random.default_rng([seed, 5]).permutation(len(events)) % _FOLDS
    best: dict[str, tuple[np.ndarray, float]] = {}
    for x in layers.values():
        said = np.empty((len(_PENALTIES), *target.shape))
        for k in range(_FOLDS):
            said[:, fold == k] = _ridge(x[fold != k], target[fold != k], x[fold == k])
        for concept, low, high in zip(wanted, ends, ends[1:], strict=False):
            right = (said[:, :, low:high].argmax(2) == target[:, low:high].argmax(1)).mean(1)
            if concept not in best or right.max() > best[concept][1]:
                best[concept] = said[right.argmax(), :, low:high], float(right.max())
    return best


def _ridge(x: np.ndarray, y: np.ndarray, new: np.ndarray) -> np.ndarray:
    """(penalties, m, targets): ridge regression on standardised features, predicted for m new samples."""
    mean, spread = x.mean(0), x.std(0) + 1e-6
    u, s, v = np.linalg.svd(((x - mean) / spread).astype(np.float64), full_matrices=False)
    turned, ahead = u.T @ (y - y.mean(0)), (new - mean) / spread @ v.T
    return np.stack([ahead @ ((s / (s**2 + penalty))[:, None] * turned) for penalty in _PENALTIES]) + y.mean(0)


def _curves(rows: list[dict], metric: str) -> tuple[np.ndarray, np.ndarray]:
    """Degrees, and (repeats, degrees) excess over chance."""
    return shared.curves([row for row in rows if row["metric"] == metric and row["what"] == "captions"], "abstraction")



def _concepts(rows: list[dict]) -> dict[str, np.ndarray]:
    """Concept -> (repeats,) debiased CKA of what both modalities say of it, averaged over pairs of models."""
    found = shared.means([row for row in rows if row["what"] == "concept"], "score", "concept", "repeat")
    return {name: np.array([value for (other, _), value in found.items() if other == name])
            for name in dict.fromkeys(key[0] for key in found)}
