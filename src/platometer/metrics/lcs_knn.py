"""Longest common subsequence of neighbour lists: how many neighbours two spaces have in common in the same order.

Use it when the order of the neighbours matters and not only who they are. It lies below `mutual_knn`, which counts the
common neighbours in any order.

Source: Huh, Cheung, Wang, Isola 2024, appendix A (longest common subsequence kNN).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch

from platometer.arrays import Rows
from platometer.knn import Neighbours
from platometer.metrics import Facts, Metric
from platometer.metrics._meetings import ORDER_TIES, check_list_length, placed, worths
from platometer.metrics._neighbourhoods import certain_neighbours, tie_remarks


@dataclass(frozen=True)
class LcsKnn(Metric):
    """mean_i LCS(list_x(i), list_y(i)) / k, the lists being the k neighbours, nearest first.

    Parameters
    ----------
    k : neighbours per sample.
    normalise : what the length is divided by: ``"k"``, the largest it can be, or ``"one"``, as in the released code.

    Examples
    --------
    >>> metric = LcsKnn(k=2)
    >>> x = metric.prepare(torch.tensor([[1.0], [2.0], [4.0], [5.0]], dtype=torch.float64))  # lists 32, 32, 31, 21
    >>> y = metric.prepare(torch.tensor([[1.0], [2.0], [5.0], [4.0]], dtype=torch.float64))  # lists 23, 23, 31, 21
    >>> metric.compare(x, y)  # (1 + 1 + 2 + 2) / (4 k)
    0.75
    """

    k: int = 10
    normalise: Literal["k", "one"] = "k"
    by_rows: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_list_length(self.k)

    @property
    def facts(self) -> Facts:
        most = 1.0 if self.normalise == "k" else float(self.k)
        return Facts(
            range=(0.0, most), alike="high", symmetric=True, invariances=("rotation", "scale"),
            ties=ORDER_TIES, least_n=self.k + 1, scope="local", source="Huh et al. 2024, appendix A", self_score=most,
        )

    def prepare(self, x: torch.Tensor | Rows) -> Neighbours:
        return certain_neighbours(x, self.k)

    def compare(self, a: Neighbours, b: Neighbours) -> float:
        return float(self.grid([a], [b]))

    def permute(self, a: Neighbours, order: torch.Tensor) -> Neighbours:
        return a.reordered(order)

    def grid(self, lefts: Sequence[Neighbours], rights: Sequence[Neighbours]) -> torch.Tensor:
        return self._scores(lefts, rights, None)[0]

    def null_grid(self, lefts: Sequence[Neighbours], rights: Sequence[Neighbours], orders: torch.Tensor) -> torch.Tensor:
        return self._scores(lefts, rights, orders)

    def remarks(self, a: Neighbours) -> tuple[str, ...]:
        return tie_remarks(a)

    def _scores(self, lefts: Sequence[Neighbours], rights: Sequence[Neighbours], orders: torch.Tensor | None) -> torch.Tensor:
        worth = torch.arange(self.k + 1, dtype=torch.float64)
        lists = [placed(a) for a in lefts], [placed(b) for b in rights]
        lengths = worths(*lists, orders, kind="subsequence", worth=worth)
        return lengths / (lefts[0].n * (self.k if self.normalise == "k" else 1))
