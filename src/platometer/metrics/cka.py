"""Centred kernel alignment: the cosine between two centred Gram matrices.

Use it when all distances matter, not only the nearest. The biased estimator grows with the effective rank of the
features, by chance alone: read it beside its null, or use ``estimator=debiased``, whose chance mean is zero.

Sources: Kornblith, Norouzi, Lee, Hinton 2019, eq. 4 (biased, linear and RBF); Song et al. 2012, eq. 5 (debiased HSIC,
used as in Nguyen, Raghu, Kornblith 2021); Székely and Rizzo 2014 (the same as the cosine of U-centred matrices);
Lange, Kwok, Matelsky, Wang, Rolnick, Kording 2023 (``estimator=lange``: centre, then drop the diagonal).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch

from platometer.arrays import Rows
from platometer.errors import InputError
from platometer.metrics import Facts, GridMoments, Metric, _moments
from platometer.metrics._grams import (
    Side,
    centred,
    double_centred,
    grid,
    null_grid,
    permuted,
    quick,
    rbf,
    u_centred,
    unit,
    zero_diagonal,
)

_QUICK = 512  # samples from which features in float32 get a Gram matrix in float32
_LARGEST_GRAM = 4096  # samples, beyond which a linear kernel is handled through its features


@dataclass(frozen=True)
class Cka(Metric):
    """<K, L> / (|K| |L|) of two centred Gram matrices.

    Parameters
    ----------
    kernel : ``"linear"``, or ``"rbf"``: exp(-|x - x'|^2 / (2 s^2)).
    bandwidth : s of the RBF kernel, in units of the median distance between samples; ignored by ``linear``.
    estimator : ``"biased"`` (HKH), ``"debiased"`` (U-centred; chance mean 0) or ``"lange"`` (HKH without its diagonal).
    unit : what `bandwidth` is a multiple of: the ``"median"`` distance, or ``"one"`` for an absolute s.

    Examples
    --------
    >>> x = torch.tensor([[0.0], [1.0], [2.0], [5.0]], dtype=torch.float64)
    >>> metric = Cka()
    >>> round(metric.compare(metric.prepare(x), metric.prepare(-3 * x + 1)), 12)
    1.0
    """

    kernel: Literal["linear", "rbf"] = "linear"
    bandwidth: float | None = None
    estimator: Literal["biased", "debiased", "lange"] = "biased"
    unit: Literal["median", "one"] | None = None
    by_rows: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.kernel == "linear" and (self.bandwidth is not None or self.unit is not None):
            raise InputError("bandwidth and unit belong to kernel=rbf; a linear kernel has none.")
        if self.kernel == "rbf":
            object.__setattr__(self, "bandwidth", 1.0 if self.bandwidth is None else self.bandwidth)
            object.__setattr__(self, "unit", self.unit or "median")
            if not 0 < self.bandwidth < float("inf"):  # type: ignore[operator]
                raise InputError(f"bandwidth = {self.bandwidth}; it must be positive.")

    @property
    def facts(self) -> Facts:
        scale = ("scale",) if self.kernel == "linear" or self.unit == "median" else ()
        return Facts(
            range=(0.0, 1.0) if self.estimator == "biased" else (-1.0, 1.0), alike="high", symmetric=True,
            invariances=("rotation", *scale, "translation"), ties="no ties",
            least_n=2 if self.estimator == "biased" else 4 if self.estimator == "debiased" else 3, scope="global",
            source={"biased": "Kornblith et al. 2019, eq. 4", "debiased": "Song et al. 2012, eq. 5",
                    "lange": "Lange et al. 2023"}[self.estimator],
        )

    def prepare(self, x: torch.Tensor | Rows) -> Side:
        rows = x if isinstance(x, Rows) else Rows(x)
        n = len(rows)
        features = self.estimator != "lange" and n > _LARGEST_GRAM
        short = rows.raw.dtype != torch.float64 and rows.device.type == "cpu" and n >= _QUICK
        if self.kernel == "linear" and not features and short:
            return quick(rows, self.estimator)
        x = centred(rows.block(slice(None)))
        if self.kernel == "linear" and features:
            return Side.of_features(x, debiased=self.estimator == "debiased")
        if self.unit == "one":
            x = rows.block(slice(None))  # an absolute bandwidth needs distances as they are
        gram = x @ x.T if self.kernel == "linear" else rbf(x, self.bandwidth or 1.0, of_median=self.unit == "median")
        centre = {"biased": double_centred, "debiased": u_centred, "lange": lambda K: zero_diagonal(double_centred(K))}
        return Side.of_gram(unit(centre[self.estimator](gram), size=gram))

    def compare(self, a: Side, b: Side) -> float:
        return a.cosine(b)

    def permute(self, a: Side, order: torch.Tensor) -> Side:
        return permuted(a, order)

    def grid(self, lefts: Sequence[Side], rights: Sequence[Side]) -> torch.Tensor:
        return grid(lefts, rights)

    @property
    def rings(self) -> bool:
        return True

    def null_grid(self, lefts: Sequence[Side], rights: Sequence[Side], orders: torch.Tensor) -> torch.Tensor:
        return null_grid(lefts, rights, orders)

    def null_moments(self, lefts: Sequence[Side], rights: Sequence[Side]) -> GridMoments | None:
        return _moments.of_pair(_moments.of_sides(lefts), _moments.of_sides(rights))
