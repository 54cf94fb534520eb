"""Cycle consistency of neighbours: from a sample to a neighbour in y, and back by a neighbour in x.

Use it when one way back is enough: a sample counts as soon as one of its neighbours in y has it among its neighbours
in x. It saturates early: at chance already near 1 - exp(-k^2/n), so read it beside its null.

Source: Huh, Cheung, Wang, Isola 2024, appendix A (cycle-kNN).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch

from platometer.arrays import Rows
from platometer.knn import Neighbours, neighbours
from platometer.metrics import Facts, Metric
from platometer.metrics._meetings import check_list_length, sums_of_counts
from platometer.metrics._neighbourhoods import tie_remarks


@dataclass(frozen=True)
class CycleKnn(Metric):
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

    k: int = 10
    by_rows: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_list_length(self.k)

    @property
    def facts(self) -> Facts:
        return Facts(
            range=(0.0, 1.0), alike="high", symmetric=False, invariances=("rotation", "scale"),
            ties="samples tied with the (k+1)-th nearest are nobody's neighbours, so ties lower the score",
            least_n=self.k + 1, scope="local", source="Huh et al. 2024, appendix A", self_score=None,
        )

    def prepare(self, x: torch.Tensor | Rows) -> Neighbours:
        return neighbours(x, self.k)

    def compare(self, a: Neighbours, b: Neighbours) -> float:
        samples = torch.arange(a.n, device=a.lists.device)[:, None]
        closed = torch.zeros(a.n, dtype=torch.bool, device=a.lists.device)
        for place in range(self.k):  # one way out at a time: (n, k) ways back
            out = b.lists[:, place]
            closed |= (a.lists[out] == samples).any(1) & (out >= 0)
        return int(closed.sum()) / a.n

    def permute(self, a: Neighbours, order: torch.Tensor) -> Neighbours:
        return a.reordered(order)

    def grid(self, lefts: Sequence[Neighbours], rights: Sequence[Neighbours]) -> torch.Tensor:
        return self.null_grid(lefts, rights, torch.arange(lefts[0].n)[None])[0]

    def null_grid(self, lefts: Sequence[Neighbours], rights: Sequence[Neighbours], orders: torch.Tensor) -> torch.Tensor:
        closed = sums_of_counts([a.mask().T for a in lefts], rights, orders, lambda counts: (counts > 0).to(torch.float64))
        return super().null_grid(lefts, rights, orders) if closed is None else closed / lefts[0].n

    def remarks(self, a: Neighbours) -> tuple[str, ...]:
        return tie_remarks(a)
