"""Cycle consistency of neighbours: from a sample to a neighbour in y, and back by a neighbour in x.

Use it when one way back is enough: a sample counts as soon as one of its neighbours in y has it among its neighbours
in x. It saturates early: at chance already near 1 - exp(-k^2/n), so read it beside its null.

Source: Huh, Cheung, Wang, Isola 2024, appendix A (cycle-kNN).
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
class CycleKnn(ListMetric):
    """The share of samples i for which some j in knn_y(i) has i in knn_x(j).

    **Not symmetric.** The way out is in y, the second (right) side; the way back in x, the first (left). Exchanging
    the sides follows the same cycles from the other sample, so the same pairs of edges are counted at another sample:
    the two scores are close, and differ. A space agrees with itself by the share of samples that are a neighbour of
    one of their neighbours, which may be below 1.

    Parameters
    ----------
    k : neighbours per sample.

    Examples
    --------
    >>> metric = CycleKnn(k=1)
    >>> x = metric.prepare(torch.tensor([[1.0, 0], [0.9, 0.1], [0, 1], [0.2, 0.9]], dtype=torch.float64))
    >>> metric.compare(x, x)  # 0 and 1 are each other's neighbours, and so are 2 and 3
    1.0
    """

    @property
    def facts(self) -> Facts:
        return Facts(
            range=(0.0, 1.0), alike="high", symmetric=False, invariances=("rotation", "scale"),
            ties=TIES, least_n=self.k + 1, scope="local", source="Huh et al. 2024, appendix A", self_score=None,
        )

    def _scores(self, lefts: Sequence[Neighbours], rights: Sequence[Neighbours], orders: torch.Tensor | None) -> torch.Tensor:
        worth = (torch.arange(self.k + 1) > 0).to(torch.float64)
        lists = [a.lists for a in lefts], [b.lists for b in rights]
        return worths(*lists, orders, kind="common", worth=worth, back=True) / lefts[0].n
