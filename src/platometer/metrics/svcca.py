"""Singular vector CCA: the mean canonical correlation of the strongest directions of two spaces.

Use it where `cca` drowns in weak directions, or where there are as many dimensions as samples: the features are first
cut to the principal directions that hold a stated share of their variance, or to a stated number of them.

The released code of the Platonic Representation Hypothesis takes ten left singular vectors of standardised columns
(``variant=platonic-rep``); it draws a randomised decomposition and an iterative CCA, so that even equal spaces score
0.86 to 0.98 there. The decomposition here is exact.

Sources: Raghu, Gilmer, Yosinski, Sohl-Dickstein 2017, section 2 (99 % of the variance, then the mean); Huh, Cheung,
Wang, Isola 2024, appendix A (as one of the metrics).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch

from platometer.errors import InputError
from platometer.metrics import Facts, Metric
from platometer.metrics._grams import centred
from platometer.metrics._subspaces import (
    SUMMARY_SOURCE,
    Subspace,
    Summary,
    correlations,
    open_to_doubt,
    standardised,
    subspace,
    summarised,
)

_ROUNDING = 1e-12  # shares of variance this close to the one asked for have reached it


@dataclass(frozen=True)
class Svcca(Metric):
    """The mean canonical correlation of the leading principal directions.

    Parameters
    ----------
    variance : share of each side's variance to keep, in (0, 1): the fewest directions that hold it. 0.99 unless `dims`
        is given.
    dims : number of directions to keep instead; all of them, with a remark, where there are fewer.
    variant : ``"raghu"``, or ``"platonic-rep"``: columns of unit variance first, and `dims` of 10.
    summary : as in `cca`: ``"mean"``, ``"squared"`` or ``"shape"``.

    Examples
    --------
    >>> x = torch.tensor([[0.0, 1], [1, 3], [2, -1], [5, 0], [3, 2]], dtype=torch.float64)
    >>> metric = Svcca(dims=1)
    >>> round(metric.compare(metric.prepare(x), metric.prepare(x * 2 + 1)), 12)
    1.0
    """

    variance: float | None = None
    dims: int | None = None
    variant: Literal["raghu", "platonic-rep"] = "raghu"
    summary: Summary = "mean"

    def __post_init__(self) -> None:
        if self.variance is not None and self.dims is not None:
            raise InputError("variance and dims both say how many directions to keep; give one of them.")
        if self.variance is None and self.dims is None:
            word, value = ("dims", 10) if self.variant == "platonic-rep" else ("variance", 0.99)
            object.__setattr__(self, word, value)
        if self.variance is not None and not 0 < self.variance < 1:
            raise InputError(f"variance = {self.variance}; a share lies between 0 and 1. For all directions use cca.")
        if self.dims is not None and self.dims < 1:
            raise InputError(f"dims = {self.dims}; at least one direction is needed.")

    @property
    def facts(self) -> Facts:
        own = self.variant == "platonic-rep"
        return Facts(
            range=(0.0, 1.0), alike="high", symmetric=True,
            invariances=("scale", "translation") if own else ("rotation", "scale", "translation"), ties="no ties",
            least_n=3, scope="global",
            source="Huh et al. 2024, appendix A" if own else SUMMARY_SOURCE[self.summary] + ", after PCA",
        )

    def prepare(self, x: torch.Tensor) -> Subspace:
        full = subspace(standardised(x) if self.variant == "platonic-rep" else centred(x))
        if self.dims is not None:
            kept = min(self.dims, full.rank)
        else:
            share = (full.scales**2).cumsum(0) / (full.scales**2).sum()
            kept = min(int((share < self.variance - _ROUNDING).sum()) + 1, full.rank)  # type: ignore[operator]
        missing = max(0, (self.dims or 0) - full.rank)
        return open_to_doubt(Subspace(full.basis[:, :kept], full.scales[:kept], missing=missing))

    def compare(self, a: Subspace, b: Subspace) -> float:
        return summarised(correlations(a, b), a.rank, b.rank, self.summary)

    def permute(self, a: Subspace, order: torch.Tensor) -> Subspace:
        return a.reordered(order)

    def remarks(self, a: Subspace) -> tuple[str, ...]:
        if not a.missing:
            return ()
        return (f"The features have {a.rank} independent directions, fewer than dims={self.dims}; all were kept.",)
