"""Mean canonical correlation: how far a linear map of one space can be read off a linear map of the other.

Use it when any invertible linear map should count as the same space. It treats the weakest direction like the
strongest, so noise counts fully, and chance is high: two independent spaces of d dimensions and n samples score about
sqrt(d/n). Read it beside its null, with many more samples than dimensions; otherwise `svcca`.
Where r + s directions exceed the n - 1 that centred samples have, r + s - (n - 1) correlations are 1 by counting
alone; where one side spans all n - 1, all are, and the score is an error rather than a 1.

Sources: Hotelling 1936 (canonical correlations); Raghu, Gilmer, Yosinski, Sohl-Dickstein 2017 (their mean, over the
smaller space); Kornblith et al. 2019, table 1 (``squared``: R2 of CCA); Williams, Kunz, Kornblith, Linderman 2021
(``shape``: sum over sqrt(d p), the cosine of their whitened angular distance); Björck and Golub 1973 (computation).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from platometer.metrics import Facts, Metric
from platometer.metrics._subspaces import SUMMARY_SOURCE, Subspace, Summary, correlations, summarised, whole


@dataclass(frozen=True)
class Cca(Metric):
    """The mean of the canonical correlations of two spaces.

    Parameters
    ----------
    summary : ``"mean"`` over the smaller dimension; ``"squared"``, the mean of squares; ``"shape"``, the sum over
        the geometric mean of the two dimensions, below 1 for spaces of different dimension.

    Examples
    --------
    >>> x = torch.tensor([[0.0, 1], [1, 3], [2, -1], [5, 0], [3, 2]], dtype=torch.float64)
    >>> metric = Cca()
    >>> round(metric.compare(metric.prepare(x), metric.prepare(x[:, :1] - 7 * x[:, 1:])), 12)
    1.0
    """

    summary: Summary = "mean"

    @property
    def facts(self) -> Facts:
        return Facts(
            range=(0.0, 1.0), alike="high", symmetric=True, invariances=("rotation", "scale", "translation", "linear"),
            ties="no ties", least_n=3, scope="global", source=SUMMARY_SOURCE[self.summary],
        )

    def prepare(self, x: torch.Tensor) -> Subspace:
        return whole(x)

    def compare(self, a: Subspace, b: Subspace) -> float:
        return summarised(correlations(a, b), a.rank, b.rank, self.summary)

    def permute(self, a: Subspace, order: torch.Tensor) -> Subspace:
        return a.reordered(order)
