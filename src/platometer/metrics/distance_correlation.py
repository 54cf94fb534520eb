"""Distance correlation: whether pairs that are far apart in one space are far apart in the other, zero only for
independence.

Use it where the relation may be of any form: in the limit of many samples it vanishes for independent spaces alone,
which no linear measure promises. In finite samples the biased estimator grows with dimension (towards 1 for any two
spaces with d far above n); ``debiased`` has a chance mean of exactly 0.

What comes back by default is dCor itself, the root. The debiased estimator can be negative, has no root, and is on the
scale of the square.

Sources: Székely, Rizzo, Bakirov 2007, definitions 4 and 5 (dCor, biased); Székely and Rizzo 2013 and 2014,
eq. 2.4 (debiased: the cosine of U-centred distance matrices).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from platometer.errors import InputError
from platometer.metrics import Facts, GridMoments, Metric, _moments
from platometer.metrics._distances import distances
from platometer.metrics._grams import Side, centred, double_centred, grid, null_grid, permuted, u_centred, unit


@dataclass(frozen=True)
class DistanceCorrelation(Metric):
    """The cosine of two centred Euclidean distance matrices, or its root.

    Parameters
    ----------
    estimator : ``"biased"`` (double-centred distances) or ``"debiased"`` (U-centred; chance mean 0).
    form : ``"root"``, dCor; or ``"squared"``, dCor^2. The debiased estimator is ``"squared"`` only.

    Examples
    --------
    >>> x = torch.tensor([[0.0], [1.0], [2.0], [5.0]], dtype=torch.float64)
    >>> metric = DistanceCorrelation()
    >>> round(metric.compare(metric.prepare(x), metric.prepare(-3 * x + 1)), 12)
    1.0
    """

    estimator: Literal["biased", "debiased"] = "biased"
    form: Literal["root", "squared"] | None = None

    def __post_init__(self) -> None:
        if self.estimator == "debiased" and self.form == "root":
            raise InputError("estimator=debiased can be negative and has no root; its form is squared.")
        if self.form is None:
            object.__setattr__(self, "form", "root" if self.estimator == "biased" else "squared")

    @property
    def facts(self) -> Facts:
        biased = self.estimator == "biased"
        return Facts(
            range=(0.0, 1.0) if biased else (-1.0, 1.0), alike="high", symmetric=True,
            invariances=("rotation", "scale", "translation"), ties="no ties", least_n=2 if biased else 4, scope="global",
            source="Székely et al. 2007, definition 5" if biased else "Székely and Rizzo 2014, eq. 2.4",
        )

    def prepare(self, x: torch.Tensor) -> Side:
        far = distances(centred(x))
        return Side.of_gram(unit(double_centred(far) if self.estimator == "biased" else u_centred(far), size=far))

    def compare(self, a: Side, b: Side) -> float:
        return float(self._formed(torch.tensor(a.cosine(b), dtype=torch.float64)))

    def permute(self, a: Side, order: torch.Tensor) -> Side:
        return permuted(a, order)

    def grid(self, lefts: Sequence[Side], rights: Sequence[Side]) -> torch.Tensor:
        return self._formed(grid(lefts, rights))

    @property
    def rings(self) -> bool:
        return True

    def null_grid(self, lefts: Sequence[Side], rights: Sequence[Side], orders: torch.Tensor) -> torch.Tensor:
        return self._formed(null_grid(lefts, rights, orders))

    def null_moments(self, lefts: Sequence[Side], rights: Sequence[Side]) -> GridMoments | None:
        if self.form == "root":
            return None  # the mean of a root is not the root of the mean
        return _moments.of_pair(_moments.of_sides(lefts), _moments.of_sides(rights))

    def _formed(self, squares: torch.Tensor) -> torch.Tensor:
        if self.estimator == "debiased":
            return squares
        squares = squares.clamp_min(0)
        return squares if self.form == "squared" else squares.sqrt()
