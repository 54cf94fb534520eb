"""The RV coefficient: the cosine of two configuration matrices xx' and yy' of centred features.

The classic of multivariate statistics, equal to biased linear `cka`, with which it shares the fault that chance
grows with dimension. Two cures from the same literature: ``rv2`` drops the diagonals, where the fault sits
(equal to ``cka(estimator=lange)``); ``adjusted`` adjusts every squared correlation of a left with a right feature as
adjusted R2 does, after bringing all features to unit variance; its chance mean is exactly 0.

Sources: Escoufier 1973; Robert and Escoufier 1976; Smilde, Kiers, Bijlsma, Rubingh, van Erk 2009 (``rv2``);
Mayer, Lorent, Horgan 2011 (``adjusted``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from platometer.errors import UndefinedError
from platometer.metrics import Facts, GridMoments, Metric, _moments
from platometer.metrics._grams import Side, centred, double_centred, grid, null_grid, permuted, unit, zero_diagonal
from platometer.metrics._subspaces import standardised


@dataclass(frozen=True)
class Rv(Metric):
    """tr(KL) / sqrt(tr(KK) tr(LL)) with K = xx', L = yy' of centred features.

    Parameters
    ----------
    variant : ``"rv"``; ``"rv2"``, without the diagonals of K and L; ``"adjusted"``, of features at unit variance
        (those that do not vary left out), less what chance gives.

    Examples
    --------
    >>> x = torch.tensor([[0.0], [1.0], [2.0], [5.0]], dtype=torch.float64)
    >>> metric = Rv()
    >>> round(metric.compare(metric.prepare(x), metric.prepare(-3 * x + 1)), 12)
    1.0
    """

    variant: Literal["rv", "rv2", "adjusted"] = "rv"

    @property
    def facts(self) -> Facts:
        turns = () if self.variant == "adjusted" else ("rotation",)
        return Facts(
            range=(0.0, 1.0) if self.variant == "rv" else (-1.0, 1.0), alike="high", symmetric=True,
            invariances=(*turns, "scale", "translation"), ties="no ties", least_n=2 if self.variant == "rv" else 3,
            scope="global",
            source={"rv": "Robert and Escoufier 1976", "rv2": "Smilde et al. 2009",
                    "adjusted": "Mayer et al. 2011"}[self.variant],
        )

    def prepare(self, x: torch.Tensor) -> Side:
        if self.variant == "adjusted":
            return _adjusted(standardised(x))
        x = centred(x)
        gram = double_centred(x @ x.T)
        return Side.of_gram(unit(gram if self.variant == "rv" else zero_diagonal(gram), size=gram))

    def compare(self, a: Side, b: Side) -> float:
        return max(self.facts.range[0], a.cosine(b))

    def permute(self, a: Side, order: torch.Tensor) -> Side:
        return permuted(a, order)

    def grid(self, lefts: Sequence[Side], rights: Sequence[Side]) -> torch.Tensor:
        return grid(lefts, rights).clamp_min(self.facts.range[0])

    @property
    def rings(self) -> bool:
        return True

    def null_grid(self, lefts: Sequence[Side], rights: Sequence[Side], orders: torch.Tensor) -> torch.Tensor:
        return null_grid(lefts, rights, orders).clamp_min(self.facts.range[0])

    def null_moments(self, lefts: Sequence[Side], rights: Sequence[Side]) -> GridMoments | None:
        return _moments.of_pair(_moments.of_sides(lefts), _moments.of_sides(rights))


def _adjusted(z: torch.Tensor) -> Side:
    """K = zz' less its mean over re-pairings, (tr K / (n - 1)) H.

    With r2 the squared correlation of a left and a right feature, the sum of 1 - (n-1)/(n-2) (1 - r2) over all pairs of
    them is (n-1)/(n-2) (tr KL - tr K tr L / (n-1)), the inner product of two such matrices; the factor cancels.
    """
    n, d = z.shape
    gram = double_centred(z @ z.T)
    at_chance = double_centred(torch.eye(n, dtype=z.dtype, device=z.device)) * (d / (n - 1))
    left = gram - at_chance
    if float(left.norm()) <= 1e-10 * float(gram.norm()):
        raise UndefinedError(
            "The features vary equally in all n - 1 directions that the samples have, which chance alone explains fully; "
            "the adjusted RV is 0/0."
        )
    return Side.of_gram(left / left.norm())
