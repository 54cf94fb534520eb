"""Do metrics, or datasets, rank the same pairs of models alike?

`agreement` gives Spearman's correlation between every two metrics (or neighbour counts, conditionings, sample sizes) over the
pairs of models that all of them have, and between datasets how consistent the similarities of models are (Ciernik et al. 2025).
Pairs share models, so intervals resample models.

>>> rows = [{"left": a, "right": b, "metric": metric, "score": ord(a) * ord(b) ** power}
...         for metric, power in (("one", 1), ("two", 2)) for a in "abcd" for b in "wxyz"]
>>> round(agreement(rows, draws=200).of("one", "two").value, 3)
0.906
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from platometer.errors import InputError, UndefinedError, UnknownNameError, suggestion
from platometer.trends._correlation import null_p, weighted_ranks
from platometer.trends._rows import Row, one_question, pair_means
from platometer.trends._units import DRAWS, Estimate, ends, units

BETWEEN = ("metric", "data", "conditioning", "summary", "n")
"""Columns between whose values agreement is asked."""


@dataclass(frozen=True)
class Agreement:
    """How alike the rankings of pairs of models are.

    Attributes
    ----------
    between : the column.
    names : (c,) its values.
    rho : (c, c) Spearman's correlations, of scores turned so that high is alike.
    low, high : (c, c) ends of their intervals, which resample models.
    p : (c, c) two-sided, of no relation, models relabelled; NaN on the diagonal.
    level : nominal coverage.
    pairs : pairs of models that all have.
    units : what was taken for independent.
    constant : values of the column whose score is the same for every pair: they rank nothing, and have no correlations.
    """

    between: str
    names: tuple[str, ...]
    rho: np.ndarray = field(repr=False, compare=False)
    low: np.ndarray = field(repr=False, compare=False)
    high: np.ndarray = field(repr=False, compare=False)
    p: np.ndarray = field(repr=False, compare=False)
    level: float
    pairs: int
    units: str
    constant: tuple[str, ...] = ()

    def of(self, one: str, other: str) -> Estimate:
        """The correlation of two of them, with its interval.

        Parameters
        ----------
        one, other : two of the names.
        """
        for name in (one, other):
            if name in self.constant:
                raise UndefinedError(f"The score of {name} is the same for every pair; it ranks nothing.")
            if name not in self.names:
                raise UnknownNameError(f"There is no {self.between} {name!r}. {suggestion(name, self.names)}")
        i, j = self.names.index(one), self.names.index(other)
        return Estimate(float(self.rho[i, j]), float(self.low[i, j]), float(self.high[i, j]), self.level)

    @property
    def mean(self) -> float:
        """Of the correlations of two different ones."""
        return float(self.rho[np.triu_indices(len(self.names), 1)].mean())

    def __str__(self) -> str:
        least = min(((i, j) for i in range(len(self.names)) for j in range(i)), key=lambda at: self.rho[at])
        one, other = self.names[least[1]], self.names[least[0]]
        told = (f"{len(self.names)} values of {self.between}, {self.pairs} pairs ({self.units}): mean rho {self.mean:.3g}, "
                f"least {self.of(one, other)} between {one} and {other}")
        return told + (f"; undefined for {', '.join(self.constant)}, the same for every pair" if self.constant else "")


def agreement(
    rows: Sequence[Row], *, between: str = "metric", score: str = "score", draws: int = DRAWS, level: float = 0.95,
    seed: int = 0,
) -> Agreement:
    """Spearman's correlations between metrics (or datasets, ...) over the same pairs of models.

    Parameters
    ----------
    rows : of one or several studies; other columns of the question must be the same in all.
    between : one of `BETWEEN`; ``"data"`` compares the similarities of models across datasets, ``"n"`` across sample sizes.
    score : column; both directions of a metric that knows sides count as their mean.
    draws, level, seed : of the intervals and p-values.

    Raises
    ------
    InputError
        There is one value only, or rows of several questions.
    UndefinedError
        Fewer than four pairs are shared, or fewer than two scores vary over them. Of several, those that do not vary are
        named in the answer, and the others are told.
    """
    if between not in BETWEEN:
        raise UnknownNameError(f"There is no agreement between {between!r}. {suggestion(between, BETWEEN)}")
    one_question(rows, apart_from=(between,))
    parts: dict[str, list[Row]] = {}
    for row in rows:
        parts.setdefault(str(row[between]), []).append(row)
    if len(parts) < 2:
        raise InputError(f"All rows have the {between} {next(iter(parts))!r}; agreement needs two.")
    found = {name: pair_means(part, score) for name, part in parts.items()}
    shared = [pair for pair in next(iter(found.values())) if all(pair in one for one in found.values())]
    if len(shared) < 4:
        raise UndefinedError(f"{len(shared)} pairs of models are shared by all {len(parts)}; agreement needs four.")
    scores = {name: np.array([one[pair] for pair in shared]) for name, one in found.items()}
    constant = tuple(name for name, row_values in scores.items() if np.ptp(row_values) == 0)
    names = tuple(name for name in scores if name not in constant)
    if len(names) < 2:
        same = ", ".join(f"{name} ({scores[name][0]:.3g})" for name in constant)
        raise UndefinedError(f"The {score!r} is the same for all {len(shared)} pairs under {same}; it ranks nothing, and "
                             "agreement needs two that do. Are the models or the layers all alike?")
    values = np.array([scores[name] for name in names])
    known = units(len(shared), crossed=_sides(rows, shared))
    rho = _rho(values, np.ones((1, len(shared))))[0]
    again = _rho(values, known.weights(draws, seed))
    c = len(values)
    low, high = (side.reshape(c, c) for side in ends(again.reshape(draws, -1), count=known.count, level=level))
    ranks = [weighted_ranks(row, np.ones((1, len(shared))))[0] for row in values]
    p = np.full((c, c), np.nan)
    for i in range(c):
        for j in range(i):
            p[i, j] = p[j, i] = null_p(ranks[i], ranks[j], known, draws=draws, seed=seed + 1)
    return Agreement(between, names, rho, low, high, p, level, len(shared), str(known), constant)


def _sides(rows: Sequence[Row], shared: Sequence[tuple[str, str]]) -> tuple[list[str], list[str]]:
    """Labels of both sides, as the rows have them, so that two sets of models stay two."""
    turned = {(str(row["left"]), str(row["right"])) for row in rows}
    pairs = [pair if pair in turned else pair[::-1] for pair in shared]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def _rho(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(B, c, c) rank correlations of each weighted sample."""
    total = np.maximum(weights.sum(1), 1.0)[:, None]  # 0 where one model was drawn every time: no pair, no correlation
    sides = []
    for row in values:
        ranks = weighted_ranks(row, weights)
        ranks = ranks - (weights * ranks).sum(1)[:, None] / total
        size = np.sqrt((weights * ranks**2).sum(1))[:, None]
        sides.append(np.divide(ranks, size, out=np.full_like(ranks, np.nan), where=size > 1e-12) * np.sqrt(weights))
    side = np.stack(sides, 1)
    return side @ side.transpose(0, 2, 1)
