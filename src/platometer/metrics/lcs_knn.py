"""Longest common subsequence of neighbour lists: how many neighbours two spaces have in common in the same order.

Use it when the order of the neighbours matters and not only who they are. It lies below `mutual_knn`, which counts the
common neighbours in any order.

Source: Huh, Cheung, Wang, Isola 2024, appendix A (longest common subsequence kNN).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from platometer.knn import Neighbours
from platometer.metrics import Facts
from platometer.metrics._list_metric import ListMetric
from platometer.metrics._meetings import ORDER_TIES, placed, worths


@dataclass(frozen=True)
class LcsKnn(ListMetric):
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

    normalise: Literal["k", "one"] = "k"

    @property
    def facts(self) -> Facts:
        most = 1.0 if self.normalise == "k" else float(self.k)
        return Facts(
            range=(0.0, most), alike="high", symmetric=True, invariances=("rotation", "scale"),
            ties=ORDER_TIES, least_n=self.k + 1, scope="local", source="Huh et al. 2024, appendix A", self_score=most,
        )

    def _scores(self, lefts: Sequence[Neighbours], rights: Sequence[Neighbours], orders: torch.Tensor | None) -> torch.Tensor:
        worth = torch.arange(self.k + 1, dtype=torch.float64)
        lists = [placed(a) for a in lefts], [placed(b) for b in rights]
        lengths = worths(*lists, orders, kind="subsequence", worth=worth)
        return lengths / (lefts[0].n * (self.k if self.normalise == "k" else 1))
