"""Edit distance of neighbour lists: how little must be changed to turn one space's lists into the other's.

Use it beside `lcs_knn`: it looks at order too, and forgives a replacement as one change where a subsequence breaks
twice.

Source: Huh, Cheung, Wang, Isola 2024, appendix A (edit distance kNN); the distance is Levenshtein's, 1966.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from platometer.knn import Neighbours
from platometer.metrics import Facts
from platometer.metrics._list_metric import ListMetric
from platometer.metrics._meetings import ORDER_TIES, placed, worths


@dataclass(frozen=True)
class EditKnn(ListMetric):
    """1 - mean_i Levenshtein(list_x(i), list_y(i)) / k, the lists being the k neighbours, nearest first.

    Parameters
    ----------
    k : neighbours per sample.

    Examples
    --------
    >>> metric = EditKnn(k=2)
    >>> x = metric.prepare(torch.tensor([[1.0], [2.0], [4.0], [5.0]], dtype=torch.float64))  # lists 32, 32, 31, 21
    >>> y = metric.prepare(torch.tensor([[1.0], [2.0], [5.0], [4.0]], dtype=torch.float64))  # lists 23, 23, 31, 21
    >>> metric.compare(x, y)  # 1 - (2 + 2 + 0 + 0) / (4 k)
    0.5
    """

    @property
    def facts(self) -> Facts:
        return Facts(
            range=(0.0, 1.0), alike="high", symmetric=True, invariances=("rotation", "scale"),
            ties=ORDER_TIES, least_n=self.k + 1, scope="local", source="Huh et al. 2024, appendix A",
        )

    def _scores(self, lefts: Sequence[Neighbours], rights: Sequence[Neighbours], orders: torch.Tensor | None) -> torch.Tensor:
        kept = self.k - torch.arange(self.k + 1, dtype=torch.float64)
        lists = [placed(a) for a in lefts], [placed(b) for b in rights]
        return worths(*lists, orders, kind="edits", worth=kept) / (lefts[0].n * self.k)
