"""Rank-biased overlap of neighbour lists: agreement of the lists at every depth, the top counting most.

Use it when the nearest neighbours should weigh more than the k-th, without a hard cut. The larger p, the deeper the
comparison reaches: the first d places carry a share of the weight that falls with p to the power d.

Source: Webber, Moffat, Zobel 2010, "A similarity measure for indefinite rankings", eq. 4, cut off at depth k and
divided by the largest value it can then have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from platometer.errors import InputError
from platometer.knn import Neighbours
from platometer.metrics import Facts
from platometer.metrics._list_metric import ListMetric
from platometer.metrics._meetings import ORDER_TIES, placed, worths


@dataclass(frozen=True)
class Rbo(ListMetric):
    """mean_i sum_d w_d |first d of list_x(i) & first d of list_y(i)| / d, w_d = p^(d-1) / sum_e p^(e-1), d, e = 1 ... k.

    Without the cut at k the weights are (1 - p) p^(d-1), as published; the quotient makes identical lists score 1.
    It is not the extrapolated form (eq. 32 of the source), which guesses what lies beyond k.

    Parameters
    ----------
    k : neighbours per sample, the depth of the comparison.
    p : persistence, 0 < p <= 1; at 1 all depths weigh the same (the average overlap of Fagin, Kumar and Sivakumar 2003).

    Examples
    --------
    >>> metric = Rbo(k=2, p=0.5)
    >>> x = metric.prepare(torch.tensor([[1.0], [2.0], [4.0], [5.0]], dtype=torch.float64))  # lists 32, 32, 31, 21
    >>> y = metric.prepare(torch.tensor([[1.0], [2.0], [5.0], [4.0]], dtype=torch.float64))  # lists 23, 23, 31, 21
    >>> round(metric.compare(x, y), 12)  # twice 1/3 (agreeing at depth 2 only, which weighs 1/3), twice 1
    0.666666666667
    """

    p: float = 0.9

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.p <= 1:
            raise InputError(f"p = {self.p}; it must lie above 0 and not above 1.")

    @property
    def facts(self) -> Facts:
        return Facts(
            range=(0.0, 1.0), alike="high", symmetric=True, invariances=("rotation", "scale"),
            ties=ORDER_TIES, least_n=self.k + 1, scope="local", source="Webber et al. 2010, eq. 4, normalised at depth k",
        )

    def _scores(self, lefts: Sequence[Neighbours], rights: Sequence[Neighbours], orders: torch.Tensor | None) -> torch.Tensor:
        lists = [placed(a) for a in lefts], [placed(b) for b in rights]
        return worths(*lists, orders, kind="depths", worth=self._worth()).clamp_max(lefts[0].n) / lefts[0].n

    def _worth(self) -> torch.Tensor:
        """(k + 1,) what a neighbour adds that both lists hold from depth m on: the sum of w_d / d over d >= m; 0 for m = 0."""
        depth = torch.arange(1, self.k + 1, dtype=torch.float64)
        weight = self.p ** (depth - 1)
        from_here = (weight / weight.sum() / depth).flip(0).cumsum(0).flip(0)
        return torch.cat([torch.zeros(1, dtype=torch.float64), from_here])
