"""How far dissimilarities of colours, from whatever source, agree with distances in CIELAB.

=============  =========================================================================================================
``rsa``        Spearman correlation of the dissimilarities of all pairs with their distances in CIELAB
``residual``   share of the variance in CIELAB that is left when the points in three dimensions are laid onto it
``hue``        circular correlation of hue angles, of the colours that have a hue (chroma of at least 10), after laying
               on: Fisher and Lee 1983, whose chance level is 0
``lightness``  Spearman correlation of lightness, after laying on
=============  =========================================================================================================

Laying points onto CIELAB fits seven numbers, so that even unrelated points leave less than all of the variance and find
some hue: each score has the null of colours exchanged among the items, laid on anew every time. Where there are several
layers, the one of highest RSA is taken, in the null too. Intervals are by the jackknife over groups of items, points and
the choice of the layer made anew each time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special
from scipy.stats import rankdata

from platometer import nulls, stats
from platometer.errors import InputError, UndefinedError
from platometer.experiments._colour_mds import embedded, laid_onto, smacof

LEAST = 8
"""Items fewer than which no score is given: their pairs could hardly tell."""
GROUPS = 20
"""Groups that the jackknife leaves out, one at a time, at most."""
CHROMA = 10
"""Distance from grey in CIELAB from which a colour has a hue."""
NAMES = ("rsa", "residual", "hue", "lightness")
RANGES = {"rsa": (-1.0, 1.0), "residual": (0.0, 1.0), "hue": (-1.0, 1.0), "lightness": (-1.0, 1.0)}


@dataclass(frozen=True, eq=False)
class Compared:
    """The scores of one source of dissimilarities against CIELAB.

    Attributes
    ----------
    layer : place of the chosen one.
    score, p, low, high : by name of the score; no entry where there is none (hue needs four colours that have one).
    chance : mean of the null's draws.
    layers : for each layer its own scores, uncalibrated.
    turned : residual where reflections are forbidden.
    stress : of the points.
    points : (n, 3) laid onto CIELAB.
    """

    layer: int
    score: dict[str, float]
    p: dict[str, float]
    low: dict[str, float]
    high: dict[str, float]
    chance: dict[str, float]
    layers: list[dict[str, float]]
    turned: float
    stress: float
    points: np.ndarray


def compared(
    layers: Sequence[np.ndarray], lab: np.ndarray, *, draws: int = 1999, starts: int = 100, seed: int = 0, level: float = 0.95
) -> Compared:
    """Dissimilarities set against the distances of the same items' colours.

    Parameters
    ----------
    layers : (n, n) dissimilarities, one table per layer.
    lab : (n, 3) the items' colours.
    draws : of colours exchanged among the items.
    starts : of the points in three dimensions, for each layer.
    seed : of starts, draws and groups.
    level : of the intervals.

    Raises
    ------
    UndefinedError
        Fewer than `LEAST` items, or all dissimilarities of a layer are equal.
    """
    n = len(lab)
    if n < LEAST:
        raise UndefinedError(f"{n} items; expected at least {LEAST}.")
    if any(table.shape != (n, n) for table in layers) or not layers:
        raise InputError(f"Dissimilarities are {[table.shape for table in layers]} for {n} colours; expected (n, n) each.")
    found = [embedded(table, starts=starts, seed=seed) for table in layers]
    clouds = [one.points for one in found]
    observed = scored(layers, clouds, lab, np.arange(n)[None])
    chosen = int(observed["rsa"][0].argmax())
    null = scored(layers, clouds, lab, nulls.orders(n, draws, seed=seed).numpy())
    at = null["rsa"].argmax(1)
    null = {name: values[np.arange(draws), at] for name, values in null.items()}
    score = {name: float(values[0, chosen]) for name, values in observed.items()}
    reach = _reach(layers, clouds, lab, seed, level)
    return Compared(
        layer=chosen, score=score,
        p={name: stats.p_value(score[name], null[name], alike="low" if name == "residual" else "high") for name in score},
        low={name: max(RANGES[name][0], score[name] - reach[name]) for name in score if name in reach},
        high={name: min(RANGES[name][1], score[name] + reach[name]) for name in score if name in reach},
        chance={name: float(null[name].mean()) for name in score},
        layers=[{name: float(values[0, i]) for name, values in observed.items()} for i in range(len(layers))],
        turned=float(laid_onto(clouds[chosen], lab, reflection="forbidden").residual), stress=found[chosen].stress,
        points=laid_onto(clouds[chosen], lab).points,
    )


def rsa(tables: Sequence[np.ndarray], other: np.ndarray, orders: np.ndarray) -> np.ndarray:
    """(B, layers) Spearman correlation of dissimilarities with those of another table, in each order of its items.

    Parameters
    ----------
    tables : (n, n) each.
    other : (n, n).
    orders : (B, n) of the items of `other`.
    """
    left = np.stack([_ranks(table).ravel() for table in tables], 1)
    right = _ranks(other)
    return np.stack([right[np.ix_(order, order)].ravel() @ left for order in orders])


def distances(points: np.ndarray) -> np.ndarray:
    """(n, n) Euclidean.

    Parameters
    ----------
    points : (n, axes).
    """
    return np.linalg.norm(points[:, None] - points, axis=-1)


def circular(a: np.ndarray, b: np.ndarray, there: np.ndarray) -> np.ndarray:
    """(B,) correlation of angles after Fisher and Lee: sum over pairs of sin(a_i - a_j) sin(b_i - b_j), normed to [-1, 1].

    Parameters
    ----------
    a, b : (B, n) in radians.
    there : (B, n) which of them count.

    Examples
    --------
    >>> a = np.array([[0.1, 1.0, 2.0, 4.0]])
    >>> there = np.ones_like(a, dtype=bool)
    >>> circular(a, a + 2, there).round(9).tolist(), circular(a, -a, there).round(9).tolist()
    ([1.0], [-1.0])
    """
    z, w = np.exp(1j * a) * there, np.exp(1j * b) * there
    # sin x sin y = (cos(x - y) - cos(x + y)) / 2, summed over all pairs
    cross = np.abs((z * w.conj()).sum(1)) ** 2 - np.abs((z * w).sum(1)) ** 2
    count = there.sum(1) ** 2.0
    norms = [count - np.abs((side**2).sum(1)) ** 2 for side in (z, w)]
    return cross / np.sqrt(norms[0] * norms[1])


def scored(
    tables: Sequence[np.ndarray], clouds: Sequence[np.ndarray], lab: np.ndarray, orders: np.ndarray
) -> dict[str, np.ndarray]:
    """Name of the score -> (B, layers), with the colours in each order.

    Parameters
    ----------
    tables : (n, n) dissimilarities, one table per layer.
    clouds : (n, 3) their points.
    lab : (n, 3).
    orders : (B, n) of the rows of `lab`.
    """
    target = lab[orders]
    coloured = np.hypot(target[..., 1], target[..., 2]) >= CHROMA
    columns: dict[str, list[np.ndarray]] = {"residual": [], "hue": [], "lightness": []}
    for cloud in clouds:
        fit = laid_onto(cloud, target)
        columns["residual"].append(fit.residual)
        columns["lightness"].append(_spearman(fit.points[..., 0], target[..., 0]))
        if coloured[0].sum() >= 4:
            columns["hue"].append(circular(_hue(fit.points), _hue(target), coloured))
    made = {name: np.stack(values, 1) for name, values in columns.items() if values}
    return {"rsa": rsa(tables, distances(lab), orders)} | made


def _reach(
    tables: Sequence[np.ndarray], clouds: Sequence[np.ndarray], lab: np.ndarray, seed: int, level: float
) -> dict[str, float]:
    """Half the width of each interval, from scores with one group of items left out at a time."""
    n = len(lab)
    groups = np.array_split(np.random.default_rng(seed).permutation(n), min(n, GROUPS))
    left: dict[str, list[float]] = {}
    for group in groups:
        rest = np.setdiff1d(np.arange(n), group)
        parts, colours, same = [table[np.ix_(rest, rest)] for table in tables], lab[rest], np.arange(len(rest))[None]
        best = int(rsa(parts, distances(colours), same)[0].argmax())
        points, _ = smacof(parts[best], clouds[best][rest][None])
        for name, value in scored([parts[best]], list(points), colours, same).items():
            left.setdefault(name, []).append(float(value[0, 0]))
    t = float(special.stdtrit(len(groups) - 1, (1 + level) / 2))
    return {name: t * math.sqrt((len(groups) - 1) * float(np.var(values))) for name, values in left.items()
            if len(values) == len(groups)}


def _ranks(table: np.ndarray) -> np.ndarray:
    """(n, n) centred ranks of the pairs, of length 1 in all, so that products of two tables are correlations."""
    rows, columns = np.triu_indices(len(table), 1)
    values = table[rows, columns]
    if np.ptp(values) == 0:
        raise UndefinedError("All dissimilarities are equal: no two items are more alike than others.")
    ranks = rankdata(np.round(values / np.abs(values).max(), 12))
    ranks -= ranks.mean()
    out = np.zeros(table.shape)
    out[rows, columns] = out[columns, rows] = ranks / np.sqrt(2 * (ranks**2).sum())
    return out


def _spearman(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(B,) of rows."""
    a, b = (rankdata(side, axis=-1) for side in (a, b))
    a, b = (side - side.mean(-1, keepdims=True) for side in (a, b))
    return (a * b).sum(-1) / np.sqrt((a**2).sum(-1) * (b**2).sum(-1))


def _hue(points: np.ndarray) -> np.ndarray:
    return np.arctan2(points[..., 2], points[..., 1])
