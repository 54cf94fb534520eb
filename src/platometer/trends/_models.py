"""Models among each other: bins by capability, a map, a tree.

All three start from a table of alignments, every model with every other (`similarity`). The map places models so that their
distances are -log alignment: classical scaling (Torgerson 1952) as the start, then majorisation of the stress (de Leeuw 1977),
which never rises. The tree joins what is most alike (average linkage on 1 - alignment; Sokal and Michener 1958).

>>> rows = [{"left": a, "right": b, "score": 0.9 if (a < "c") == (b < "c") else 0.1}
...         for a, b in [("a", "b"), ("a", "c"), ("a", "d"), ("b", "c"), ("b", "d"), ("c", "d")]]
>>> found = similarity(rows)
>>> tree(found).groups(2)
(('a', 'b'), ('c', 'd'))
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import special
from scipy.cluster import hierarchy
from scipy.spatial.distance import pdist, squareform

from platometer.errors import InputError, UndefinedError
from platometer.stats import p_value
from platometer.trends._rows import Row, capability_of, one_question, pair_means
from platometer.trends._units import Estimate


@dataclass(frozen=True)
class Similarity:
    """Every model with every other.

    Attributes
    ----------
    names : (M,) models, in the order of the rows.
    values : (M, M) symmetric, high where alike; NaN on the diagonal.
    score : the column it was made of.
    metric : spelled out.
    """

    names: tuple[str, ...]
    values: np.ndarray = field(repr=False, compare=False)
    score: str
    metric: str

    def among(self, names: Sequence[str]) -> Similarity:
        """Of these models alone, in this order.

        Parameters
        ----------
        names : some of the models.
        """
        place = [self.names.index(name) for name in names]
        return Similarity(tuple(names), self.values[np.ix_(place, place)], self.score, self.metric)


@dataclass(frozen=True)
class Bin:
    """Models of like capability.

    Attributes
    ----------
    low, high : capability of the least and the most capable of them.
    models : their names, the least capable first.
    mean : alignment among them, over pairs.
    se : its standard error over models, not pairs (delete-one jackknife); None below three models.
    interval : of the mean, by Student's t, models less one degrees of freedom; None below three models.
    """

    low: float
    high: float
    models: tuple[str, ...]
    mean: float
    se: float | None
    interval: Estimate | None

    def __str__(self) -> str:
        off = "" if self.se is None else f" +- {self.se:.2g}"
        return f"{self.low:.3g} to {self.high:.3g} ({len(self.models)} models): {self.mean:.3g}{off}"


@dataclass(frozen=True)
class Bins:
    """Alignment among models of like capability, bin by bin.

    Attributes
    ----------
    bins : the least capable first.
    rise : of the mean alignment from one bin to the next, least squares.
    p : one-sided, of a rise this large when capabilities are dealt to the models at random.
    """

    bins: tuple[Bin, ...]
    rise: float
    p: float

    def __str__(self) -> str:
        return "\n".join([*map(str, self.bins), f"rise {self.rise:.3g} a bin, p = {self.p:.2g}"])


@dataclass(frozen=True)
class Map:
    """Models as points: near where alike.

    Attributes
    ----------
    names : (M,).
    points : (M, dimensions) centred, the first axis the longest.
    stress : Kruskal's stress-1, 0 where all distances are as asked.
    start : the same of classical scaling, where it began.
    """

    names: tuple[str, ...]
    points: np.ndarray = field(repr=False, compare=False)
    stress: float
    start: float


@dataclass(frozen=True)
class Tree:
    """Which models are joined first.

    Attributes
    ----------
    names : (M,).
    linkage : (M - 1, 4) as scipy's, for drawing.
    order : names as the leaves lie side by side.
    kept : cophenetic correlation: how well heights in the tree tell the dissimilarities.
    """

    names: tuple[str, ...]
    linkage: np.ndarray = field(repr=False, compare=False)
    order: tuple[str, ...]
    kept: float

    def groups(self, count: int) -> tuple[tuple[str, ...], ...]:
        """The tree cut into that many groups of names.

        Parameters
        ----------
        count : of groups.
        """
        label = hierarchy.fcluster(self.linkage, count, criterion="maxclust")
        found = (tuple(name for name, own in zip(self.names, label, strict=True) if own == i) for i in np.unique(label))
        return tuple(sorted(found, key=lambda group: self.names.index(group[0])))


def similarity(rows: Sequence[Row], *, score: str = "score") -> Similarity:
    """The table of alignments of every model with every other.

    Parameters
    ----------
    rows : of a study with ``pairs = "within"`` or ``"all"``; both directions of a pair count as their mean.
    score : column.

    Raises
    ------
    UndefinedError
        A pair is missing.
    """
    asked = one_question(rows)
    found = pair_means(rows, score)
    names = tuple(dict.fromkeys(name for row in rows for name in (str(row["left"]), str(row["right"]))))
    if len(names) < 3:
        raise UndefinedError(f"There are {len(names)} models; a table needs three.")
    values = np.full((len(names), len(names)), np.nan)
    for i, a in enumerate(names):
        for j in range(i):
            pair = (min(a, names[j]), max(a, names[j]))
            if pair not in found:
                raise UndefinedError(f"There is no row of {pair[0]!r} with {pair[1]!r}. Align every model with every other: "
                                     "pairs = 'within' or 'all' in the study.")
            values[i, j] = values[j, i] = found[pair]
    return Similarity(names, values, score, str(asked.get("metric", "")))


def bins(
    found: Similarity, capability: Mapping[str, float] | Sequence[Row], *, column: str | None = None, count: int = 4,
    edges: Sequence[float] | None = None, draws: int = 2000, level: float = 0.95, seed: int = 0,
) -> Bins:
    """Mean alignment among models of like capability.

    Parameters
    ----------
    found : the table of alignments.
    capability : model's name -> number, or rows with ``"model"`` and the column.
    column : of those rows.
    count : bins of as many models each (to one).
    edges : instead: inner and outer borders of the bins; a border belongs to the upper bin, the last one to the last.
    draws, seed : re-dealings for p.
    level : of the intervals.

    Raises
    ------
    InputError
        A capability is missing or outside the edges, or a bin has fewer than two models.
    """
    find = capability_of(capability, column)
    if absent := [name for name in found.names if find(name) is None]:
        raise InputError(f"No capability is known of {absent[0]!r} ({len(absent)} such models); use found.among(...) of the "
                         "others.")
    x = np.array([find(name) for name in found.names], dtype=np.float64)
    label = _binned(x, count, edges)
    sizes = np.bincount(label)
    if len(sizes) < 2 or sizes.min() < 2:
        raise InputError(f"The bins have {', '.join(map(str, sizes))} models; two bins of two at least are needed. "
                         "Use fewer bins.")
    told = []
    for i in range(len(sizes)):
        inside = np.flatnonzero(label == i)[x[label == i].argsort(kind="stable")]
        mean, se = _mean_and_se(found.values[np.ix_(inside, inside)])
        reach = None if se is None else -float(special.stdtrit(len(inside) - 1, (1 - level) / 2)) * se
        interval = None if reach is None else Estimate(mean, mean - reach, mean + reach, level)
        told.append(Bin(float(x[inside[0]]), float(x[inside[-1]]), tuple(found.names[j] for j in inside), mean, se, interval))
    stream = np.random.Generator(np.random.Philox(key=seed % 2**64))
    rises = _rises(found.values, np.stack([label, *(stream.permutation(label) for _ in range(draws))]))
    return Bins(tuple(told), float(rises[0]), p_value(float(rises[0]), rises[1:]))


def model_map(found: Similarity, *, dimensions: int = 2, steps: int = 500) -> Map:
    """Models as points whose distances are -log alignment, as nearly as so many dimensions allow.

    Parameters
    ----------
    found : the table of alignments, all positive.
    dimensions : of the map.
    steps : of majorisation, at most.

    Raises
    ------
    UndefinedError
        An alignment is not positive, and has no logarithm, or is above 1.
    """
    if not 1 <= dimensions < len(found.names):
        raise InputError(f"dimensions = {dimensions}; expected 1 to {len(found.names) - 1}, one less than there are models.")
    values = squareform(np.nan_to_num(found.values), checks=False)
    if values.min() <= 0 or values.max() > 1 + 1e-9:
        raise UndefinedError(f"Alignments from {values.min():.3g} to {values.max():.3g}; -log needs them above 0 and at most "
                             f"1. The column {found.score!r} of this metric does not do; 'score' of mutual_knn or cka does.")
    wanted = squareform(np.maximum(-np.log(values), 0))
    if not wanted.any():
        raise UndefinedError("All models are fully alike; there is nothing to lay out.")
    place = _classical(wanted, dimensions)
    start = _stress(wanted, place)
    for _ in range(steps):
        moved = _majorised(wanted, place)
        if np.abs(moved - place).max() < 1e-9 * np.abs(wanted).max():
            break
        place = moved
    place = place - place.mean(0)
    place = place @ np.linalg.svd(place, full_matrices=False)[2].T
    return Map(found.names, place * np.where(place[np.abs(place).argmax(0), range(dimensions)] < 0, -1, 1),
               _stress(wanted, place), start)


def tree(found: Similarity, *, method: str = "average") -> Tree:
    """The order in which models are joined, the most alike first.

    Parameters
    ----------
    found : the table of alignments.
    method : ``"average"``, ``"single"`` or ``"complete"``.
    """
    if method not in ("average", "single", "complete"):
        raise InputError(f"method = {method!r}; expected 'average', 'single' or 'complete'.")
    far = squareform(np.nanmax(found.values, initial=1.0) - np.nan_to_num(found.values), checks=False)
    joined = hierarchy.linkage(far, method=method, optimal_ordering=True)
    heights = hierarchy.cophenet(joined)
    kept = float(np.corrcoef(heights, far)[0, 1]) if np.ptp(heights) > 0 and np.ptp(far) > 0 else 1.0
    return Tree(found.names, joined, tuple(found.names[i] for i in hierarchy.leaves_list(joined)), kept)


def _binned(x: np.ndarray, count: int, edges: Sequence[float] | None) -> np.ndarray:
    """(M,) number of each model's bin."""
    if edges is None:
        if not 2 <= count <= len(x) // 2:
            raise InputError(f"count = {count}; expected 2 to {len(x) // 2} bins for {len(x)} models.")
        return (x.argsort(kind="stable").argsort(kind="stable") * count) // len(x)
    borders = np.asarray(edges, dtype=np.float64)
    if len(borders) < 3 or (np.diff(borders) <= 0).any() or x.min() < borders[0] or x.max() > borders[-1]:
        raise InputError(f"edges = {list(edges)}; expected rising borders around all capabilities, {x.min():g} to {x.max():g}.")
    return np.minimum(np.searchsorted(borders, x, side="right") - 1, len(borders) - 2)


def _mean_and_se(values: np.ndarray) -> tuple[float, float | None]:
    """Mean over pairs, and its jackknife error over models."""
    k, sums = len(values), np.nansum(values, 1)
    total = sums.sum() / 2
    mean = float(total / (k * (k - 1) / 2))
    if k < 3:
        return mean, None
    without = (total - sums) / ((k - 1) * (k - 2) / 2)
    return mean, math.sqrt((k - 1) / k * float(((without - without.mean()) ** 2).sum()))


def _rises(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(B,) slope of the bins' means over their numbers."""
    full, count = np.nan_to_num(values), int(labels.max()) + 1
    means = []
    for i in range(count):
        inside = (labels == i).astype(np.float64)
        size = inside.sum(1)
        means.append(((inside @ full) * inside).sum(1) / (size * (size - 1)))
    place = np.arange(count) - (count - 1) / 2
    return np.stack(means, 1) @ place / (place @ place)


def _classical(wanted: np.ndarray, dimensions: int) -> np.ndarray:
    """The points of Torgerson's scaling."""
    square = wanted**2
    gram = -(square - square.mean(0) - square.mean(1)[:, None] + square.mean()) / 2
    values, vectors = np.linalg.eigh(gram)
    top = np.argsort(-values, kind="stable")[:dimensions]
    return vectors[:, top] * np.sqrt(np.maximum(values[top], 0))


def _majorised(wanted: np.ndarray, place: np.ndarray) -> np.ndarray:
    """One Guttman transform."""
    far = squareform(pdist(place))
    pull = -np.divide(wanted, far, out=np.zeros_like(far), where=far > 1e-12)
    np.fill_diagonal(pull, -pull.sum(1))
    return pull @ place / len(place)


def _stress(wanted: np.ndarray, place: np.ndarray) -> float:
    far = pdist(place)
    if not far.any():  # all in one place, as they are where no two differ
        return 0.0
    return math.sqrt(float(((far - squareform(wanted, checks=False)) ** 2).sum() / (far**2).sum()))
