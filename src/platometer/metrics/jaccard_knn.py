"""Jaccard similarity of neighbourhoods: of all neighbours that a sample has in either space, the share it has in both.

Use it where others report it. It orders pairs of spaces much as `mutual_knn` does, and lies below it: with o of k
neighbours in common a sample counts o/(2k - o) and not o/k.

Sources: Schumacher et al. 2021, "The effects of randomness on the stability of node embeddings" (k-NN Jaccard
similarity); Klabunde et al. 2023, "Similarity of neural network models: a survey", section 3.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from platometer.knn import Neighbours
from platometer.metrics import Facts
from platometer.metrics._list_metric import ListMetric
from platometer.metrics._meetings import worths
from platometer.metrics._neighbourhoods import TIES


@dataclass(frozen=True)
class JaccardKnn(ListMetric):
    """mean_i |knn_x(i) & knn_y(i)| / |knn_x(i) | knn_y(i)|.

    A place lost to a tie counts as a neighbour that the other space does not have, so the union has 2k - o members
    where o are in common.

    Parameters
    ----------
    k : neighbours per sample.

    Examples
    --------
    >>> metric = JaccardKnn(k=2)
    >>> x = metric.prepare(torch.tensor([[1.0], [2.0], [4.0], [5.0]], dtype=torch.float64))  # the two largest others
    >>> y = metric.prepare(torch.tensor([[5.0], [1.0], [4.0], [2.0]], dtype=torch.float64))
    >>> round(metric.compare(x, y), 12)  # o = 2, 1, 1, 1 of k = 2
    0.5
    """

    @property
    def facts(self) -> Facts:
        return Facts(
            range=(0.0, 1.0), alike="high", symmetric=True, invariances=("rotation", "scale"),
            ties=TIES, least_n=self.k + 1, scope="local", source="Schumacher et al. 2021; Klabunde et al. 2023, section 3.4",
        )

    def _scores(self, lefts: Sequence[Neighbours], rights: Sequence[Neighbours], orders: torch.Tensor | None) -> torch.Tensor:
        common = torch.arange(self.k + 1, dtype=torch.float64)
        worth = common / (2 * self.k - common)
        lists = [a.lists for a in lefts], [b.lists for b in rights]
        return worths(*lists, orders, kind="common", worth=worth) / lefts[0].n
