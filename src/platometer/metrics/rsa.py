"""Representational similarity analysis: do two spaces agree on which pairs of samples are alike?

Each side becomes its dissimilarities, one for each pair of samples, and the two lists are correlated. Use it to compare
with the neuroscience literature, whose standard it is; with ranks (``spearman``, ``kendall``), only the order of
dissimilarities matters and not their size.

Sources: Kriegeskorte, Mur, Bandettini 2008; Nili et al. 2014 (rank correlations); Kendall 1945 (tau-b, the variant
here: pairs tied on one side count in neither direction and shrink the denominator).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from scipy import stats

from platometer.conditioning import unit_rows
from platometer.errors import UndefinedError
from platometer.metrics import Facts, GridMoments, Metric, _moments
from platometer.metrics._distances import distances, squared_distances
from platometer.metrics._grams import Side, centred, grid, null_grid, permuted

_SAME = 1e-12  # dissimilarities this close, relative to the largest there can be, are tied: rounding, not order
_STILL = 1e-13  # a row that varies this little relative to its size does not vary


@dataclass(frozen=True)
class Rsa(Metric):
    """The correlation of the dissimilarities of all pairs of samples.

    Parameters
    ----------
    dissimilarity : of two samples: ``"correlation"``, 1 - their Pearson correlation across features; ``"cosine"``,
        1 - the cosine; ``"euclidean"``; ``"squared_euclidean"``.
    compare_ : of the two lists, ``compare`` in a spec: ``"pearson"``, ``"spearman"`` (ties at their mean
        rank), ``"kendall"`` (tau-b), or ``"cosine"`` (uncentred).

    Examples
    --------
    >>> x = torch.tensor([[0.0], [1.0], [2.5], [5.0]], dtype=torch.float64)
    >>> metric = Rsa(dissimilarity="euclidean")
    >>> round(metric.compare(metric.prepare(x), metric.prepare(-3 * x + 1)), 12)
    1.0
    """

    dissimilarity: Literal["correlation", "cosine", "euclidean", "squared_euclidean"] = "correlation"
    compare_: Literal["pearson", "spearman", "kendall", "cosine"] = "spearman"

    @property
    def facts(self) -> Facts:
        blind = {"correlation": ("scale",), "cosine": ("rotation", "scale")}
        return Facts(
            range=(0.0, 1.0) if self.compare_ == "cosine" else (-1.0, 1.0), alike="high", symmetric=True,
            invariances=blind.get(self.dissimilarity, ("rotation", "scale", "translation")),
            ties={"spearman": "tied pairs share their mean rank", "kendall": "tau-b"}.get(self.compare_, "no ties"),
            least_n=3, scope="global",
            source={"kendall": "Kendall 1945", "spearman": "Nili et al. 2014"}.get(self.compare_, "Kriegeskorte et al. 2008"),
        )

    def prepare(self, x: torch.Tensor) -> Side | Ranks:
        n = len(x)
        rows, columns = torch.triu_indices(n, n, 1, device=x.device)
        values = _dissimilarities(x, self.dissimilarity)[rows, columns]
        largest = float(values.amax())
        at_most = 2.0 if self.dissimilarity in ("correlation", "cosine") else largest
        what, spread = ("zero", largest) if self.compare_ == "cosine" else ("equal", largest - float(values.amin()))
        if spread <= _SAME * at_most:
            raise UndefinedError(
                f"All {self.dissimilarity} dissimilarities are {what}: no pair of samples is more alike than another, so that "
                "there is nothing to correlate."
            )
        if self.compare_ in ("spearman", "kendall"):
            values = _midranks(values, tolerance=_SAME * at_most)
        if self.compare_ == "kendall":
            return Ranks(_square(values, n))
        if self.compare_ != "cosine":
            values = values - values.mean()
        return Side.of_gram(_square(values / (values.norm() * 2**0.5), n))

    def compare(self, a: Side | Ranks, b: Side | Ranks) -> float:
        if isinstance(a, Ranks):
            return a.tau(b)  # type: ignore[arg-type]
        return max(self.facts.range[0], a.cosine(b))  # type: ignore[arg-type]

    def permute(self, a: Side | Ranks, order: torch.Tensor) -> Side | Ranks:
        return Ranks(a.table[order][:, order]) if isinstance(a, Ranks) else permuted(a, order)

    def grid(self, lefts: Sequence, rights: Sequence) -> torch.Tensor:
        if self.compare_ == "kendall":
            return super().grid(lefts, rights)
        return grid(lefts, rights).clamp_min(self.facts.range[0])

    @property
    def rings(self) -> bool:
        return self.compare_ != "kendall"

    def null_grid(self, lefts: Sequence, rights: Sequence, orders: torch.Tensor) -> torch.Tensor:
        if self.compare_ == "kendall":
            return super().null_grid(lefts, rights, orders)
        return null_grid(lefts, rights, orders).clamp_min(self.facts.range[0])

    def null_moments(self, lefts: Sequence, rights: Sequence) -> GridMoments | None:
        if self.compare_ == "kendall":
            return None
        return _moments.of_pair(_moments.of_sides(lefts), _moments.of_sides(rights))


@dataclass(frozen=True, eq=False)
class Ranks:
    """The midranks of all dissimilarities of one side.

    Parameters
    ----------
    table : (n, n) symmetric, its diagonal unused.
    """

    table: torch.Tensor

    def tau(self, other: Ranks) -> float:
        """Kendall's tau-b, in O(m log m) for m pairs of samples.

        Parameters
        ----------
        other : of the same samples.
        """
        n = len(self.table)
        rows, columns = torch.triu_indices(n, n, 1, device=self.table.device)
        left, right = (side.table[rows, columns].cpu().numpy() for side in (self, other))
        return min(1.0, max(-1.0, float(stats.kendalltau(left, right, variant="b", method="asymptotic").statistic)))


def _dissimilarities(x: torch.Tensor, how: str) -> torch.Tensor:
    """(n, n) of all pairs of rows."""
    if how == "euclidean":
        return distances(centred(x))
    if how == "squared_euclidean":
        return squared_distances(centred(x))
    if how == "correlation":
        x = _centred_rows(x)
    u = unit_rows(x, name="the features")
    # from the difference, so that small dissimilarities keep their digits: |u - v|^2 / 2 = 1 - u'v
    return squared_distances(u) / 2


def _centred_rows(x: torch.Tensor) -> torch.Tensor:
    """Rows less their mean over features, at comparable scale."""
    top = x.abs().amax(1, keepdim=True)
    x = x / torch.where(top > 0, top, torch.ones_like(top))
    moved = x - x.mean(1, keepdim=True)
    still = (moved.abs().amax(1) <= _STILL).nonzero().flatten()
    if still.numel():
        raise UndefinedError(
            f"{still.numel()} samples (the first is row {int(still[0])}) have the same value in every feature, so that no "
            "correlation across features exists. Drop them, or use dissimilarity=cosine or euclidean."
        )
    return moved


def _midranks(values: torch.Tensor, *, tolerance: float) -> torch.Tensor:
    """Ranks from 1, tied values at the mean of the ranks they share.

    Parameters
    ----------
    values : (m,).
    tolerance : neighbours in order that differ by no more are tied.
    """
    ordered, where = values.sort()
    first = torch.zeros(1, dtype=torch.int64, device=values.device)
    group = torch.cat([first, (ordered.diff() > tolerance).cumsum(0)])
    size = group.bincount()
    middle = size.cumsum(0).to(torch.float64) - (size - 1) / 2
    ranks = torch.empty_like(values)
    ranks[where] = middle[group]
    return ranks


def _square(values: torch.Tensor, n: int) -> torch.Tensor:
    """The symmetric (n, n) table with these entries above the diagonal, and zeros on it."""
    table = torch.zeros(n, n, dtype=values.dtype, device=values.device)
    rows, columns = torch.triu_indices(n, n, 1, device=values.device)
    table[rows, columns] = values
    return table + table.T
