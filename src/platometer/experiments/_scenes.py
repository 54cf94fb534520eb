"""What the experiments on scenes share: features of zoo models on views of events, their alignment, and intervals.

The unit of chance is a fresh sample of events: an experiment repeats its measurement on several of them, and its intervals
are over those repetitions (Student's t), the models being as they are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

from platometer import alignment, models, scenes
from platometer.errors import UndefinedError
from platometer.models import Model
from platometer.scenes import Events

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SEERS = ("conv-contrastive", "conv-masked", "conv-supervised", "vit-contrastive", "vit-masked", "vit-supervised")
READERS = ("gpt", "gru", "bow")
METRICS = ("mutual_knn(k=10)", "cka(estimator=debiased)")
CHANCE = dict(zip(METRICS, ("draws", "closed-form"), strict=True))
"""Where what chance gives comes from: closed forms where draws would take most of an experiment's time."""
SIZES = (1, 2, 3, 4, 5)
BLUE, ORANGE, GREY = "#2166ac", "#d6604d", "#777777"
_BATCH = 256

Layers = Mapping[str, np.ndarray]
"""layer -> (n, d)."""


def samples(n: int, repeats: int, *, seed: int, split: str = "test", world: scenes.World | None = None) -> list[Events]:
    """Several samples of n events each, none of which any model has met.

    Parameters
    ----------
    n : events of a sample.
    repeats : samples.
    seed : of the experiment; 1,000 seeds of the world belong to it.
    split : of the world.
    world : the one that ships, if None.
    """
    return [(world or scenes.world()).sample(n, split=split, seed=1000 * (seed + 1) + r) for r in range(repeats)]


@cache
def model(name: str, **options: object) -> Model:
    """A model of the zoo, loaded once.

    Parameters
    ----------
    name : without ``zoo:``.
    options : of the source.
    """
    return models.load(f"zoo:{name}", **options)


def encoded(reader: Model, items: Sequence) -> dict[str, np.ndarray]:
    """Every layer's vectors of the items.

    Parameters
    ----------
    reader : any model.
    items : one per sample, such as pictures or texts.
    """
    parts = [reader.encode(items[at : at + _BATCH]) for at in range(0, len(items), _BATCH)]
    return {layer: torch.cat([part[layer] for part in parts]).to(torch.float32).numpy() for layer in parts[0]}


def of_pictures(pictures: np.ndarray) -> list[Image.Image]:
    """(n, h, w, 3) uint8 -> items.

    Parameters
    ----------
    pictures : as `scenes.pictures` draws them.
    """
    return [Image.fromarray(picture) for picture in pictures]


def prepared(layers: Layers, metric: str, *, name: str) -> alignment.Prepared:
    """One side, to be compared with many.

    Parameters
    ----------
    layers : of one model.
    metric : spec.
    name : of the model.
    """
    return alignment.prepare(dict(layers), metric, undefined="drop", name=name)


def scored(
    left: Layers | alignment.Prepared, right: Layers | alignment.Prepared, *, metric: str = METRICS[0], null: str | None = None,
    draws: int = 200, seed: int = 0,
) -> dict[str, object]:
    """The alignment of two models over the layer grid, against chance, as columns of a row.

    Parameters
    ----------
    left, right : layers over the same samples, or prepared for this metric.
    metric : spec.
    null : as for `alignment.align`; that of `CHANCE` if None.
    draws : re-pairings.
    seed : of the re-pairings.
    """
    null = null or CHANCE.get(metric, "draws")
    sides = [side if isinstance(side, alignment.Prepared) else prepared(side, metric, name="layers") for side in (left, right)]
    found = alignment.compare(sides[0], sides[1], metric, null=null, draws=draws, seed=seed)
    chance = found.calibration
    assert chance is not None
    return {"metric": metric, "n": sides[0].n, "null": null, "draws": draws, "score": found.score, "p": chance.p,
            "null_mean": chance.null_mean, "null_sd": chance.null_sd, "calibrated": chance.score,
            "excess": chance.excess, "left_layer": found.best.left, "right_layer": found.best.right}


def interval(
    values: Sequence[float] | np.ndarray, *, level: float = 0.95, most: float = math.inf
) -> tuple[float, float, float]:
    """Mean, lower and upper end of Student's interval over repetitions.

    Parameters
    ----------
    values : one per repetition, two at least.
    level : of the interval.
    most : what the mean cannot exceed in size, 1 for correlations; the ends are cut there.

    Examples
    --------
    >>> tuple(round(v, 3) for v in interval([1.0, 2.0, 3.0]))
    (2.0, -0.484, 4.484)
    """
    from scipy.stats import t

    x = np.asarray(values, dtype=np.float64)
    if len(x) < 2:
        raise UndefinedError(f"{len(x)} repetition has no interval; expected two at least.")
    half = float(t.ppf((1 + level) / 2, len(x) - 1)) * float(x.std(ddof=1)) / math.sqrt(len(x))
    return float(x.mean()), max(float(x.mean()) - half, -most), min(float(x.mean()) + half, most)


def curves(rows: Sequence[Mapping], along: str) -> tuple[np.ndarray, np.ndarray]:
    """(steps,) values of a column and (repeats, steps) excess over chance, averaged over pairs of models.

    Parameters
    ----------
    rows : of one metric, each with ``repeat`` and ``excess``.
    along : the column.
    """
    found = means(rows, "excess", "repeat", along)
    steps = sorted({key[1] for key in found})
    return np.array(steps), np.array([[found[r, step] for step in steps] for r in sorted({key[0] for key in found})])


def means(rows: Sequence[Mapping], value: str, *by: str) -> dict[tuple, float]:
    """The mean of a column for each combination of others, in the order they first come.

    Parameters
    ----------
    rows : of an experiment.
    value : the column.
    by : the others.
    """
    found: dict[tuple, list[float]] = {}
    for row in rows:
        found.setdefault(tuple(row[name] for name in by), []).append(float(row[value]))
    return {key: float(np.mean(values)) for key, values in found.items()}


def spelled(value: tuple[float, float, float]) -> str:
    """Mean and interval in words.

    Parameters
    ----------
    value : from `interval`.
    """
    mean, low, high = value
    return f"{mean:.3f} ({low:.3f} to {high:.3f})"


def plain(axes: Axes, *, x: str, y: str) -> None:
    """Labels, and no more frame than is needed.

    Parameters
    ----------
    axes : to be dressed.
    x, y : labels with units.
    """
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.spines[["top", "right"]].set_visible(False)
