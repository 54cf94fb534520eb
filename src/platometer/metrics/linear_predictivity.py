"""Linear predictivity: the share of the right side's variance that a linear map of the left side predicts.

Use it to ask for a direction: how much of y can be read off x. It is not symmetric; the left side predicts.

``loo`` (the default) predicts each sample from a map fitted to all others, in closed form from one fit (PRESS), so that
no split into folds, and hence no order of samples or seed, enters. The mean of the others is what a prediction must
beat: 0 is no better than that. ``fit`` is R2 on the samples that the map was fitted to, as in Kornblith et al. 2019; it
grows with the number of left features, towards 1 as they approach the number of samples.

The ridge is in units of the left side's mean squared singular value, so that scale does not matter. Left open, it is the
best of a ladder by leave-one-out error, up to an infinite one, which predicts the mean: the score is then never below 0,
and a little above 0 by chance, which a null takes into account. With ``ridge=0`` the map is least squares.

Sources: Kornblith, Norouzi, Lee, Hinton 2019, table 1 (``fit``: R2 of linear regression, pooled over features);
Allen 1974 (PRESS); Golub, Heath, Wahba 1979 (ridge by leave-one-out); Yamins et al. 2014 (linear
predictivity as a measure of similarity).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch

from platometer.errors import InputError, UndefinedError
from platometer.metrics import Facts, Metric
from platometer.metrics._grams import centred
from platometer.metrics._subspaces import Subspace, subspace

_LADDER = (1e-8, 1e-6, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0)  # and infinity, which scores 0
_FREE = 1e-10  # of its leverage, what a sample must leave to the others for its prediction to be one


@dataclass(frozen=True)
class LinearPredictivity(Metric):
    """R2 of the best (ridge) linear map from left to right, pooled over the right side's features.

    Parameters
    ----------
    estimator : ``"loo"``, each sample predicted from the others; or ``"fit"``, on the samples of the fit.
    ridge : penalty, in units of the left side's mean squared singular value; None for the ladder's best with ``loo`` and
        for 0 with ``fit``.

    Examples
    --------
    >>> x = torch.tensor([[0.0], [1.0], [2.0], [5.0]], dtype=torch.float64)
    >>> metric = LinearPredictivity(ridge=0.0)
    >>> round(metric.compare(metric.prepare(x), metric.prepare(-3 * x + 1)), 12)
    1.0
    """

    estimator: Literal["loo", "fit"] = "loo"
    ridge: float | None = None

    def __post_init__(self) -> None:
        if self.estimator == "fit" and self.ridge is None:
            object.__setattr__(self, "ridge", 0.0)
        if self.ridge is not None and not 0 <= self.ridge < float("inf"):
            raise InputError(f"ridge = {self.ridge}; it must be zero or positive, and finite.")

    @property
    def facts(self) -> Facts:
        lowest = 0.0 if self.estimator == "fit" or self.ridge is None else -float("inf")
        return Facts(
            range=(lowest, 1.0), alike="high", symmetric=False, invariances=("rotation", "scale", "translation"),
            ties="no ties", least_n=3, scope="global",
            source="Kornblith et al. 2019, table 1" if self.estimator == "fit" else "Allen 1974",
            self_score=None if self.ridge != 0 else 1.0,
        )

    def prepare(self, x: torch.Tensor) -> Subspace:
        return subspace(centred(x))

    def compare(self, a: Subspace, b: Subspace) -> float:
        y = b.basis * (b.scales / b.scales.norm())  # the right side at unit size, turned, which a pooled R2 cannot see
        if self.estimator == "fit":
            left = _left_over(a, self.ridge or 0.0)
            return min(1.0, max(0.0, 1 - float((_residuals(a, y, left) ** 2).sum())))
        if self.ridge is not None:
            return min(1.0, _loo(a, y, self.ridge))
        return min(1.0, max(0.0, *(_loo(a, y, ridge) for ridge in _LADDER)))

    def permute(self, a: Subspace, order: torch.Tensor) -> Subspace:
        return a.reordered(order)


def _left_over(a: Subspace, ridge: float) -> torch.Tensor:
    """(r,) in [0, 1): what the penalty leaves unfitted of each direction, l / (s^2 + l)."""
    squares = a.scales**2
    penalty = ridge * squares.mean()
    return penalty / (squares + penalty)


def _residuals(a: Subspace, y: torch.Tensor, left: torch.Tensor) -> torch.Tensor:
    """(n, q): y less its fit, without a difference of near equals where the penalty is small."""
    inside = a.basis.T @ y
    outside = y - a.basis @ inside
    return outside + a.basis @ (left[:, None] * inside)


def _loo(a: Subspace, y: torch.Tensor, ridge: float) -> float:
    """1 - PRESS / sum_i |y_i - mean of the others|^2."""
    n, squares = a.n, a.basis**2
    left = _left_over(a, ridge)
    free = 1 - 1 / n - squares.sum(1) + squares @ left  # 1 - h_ii, the intercept included
    if ridge == 0 and a.rank >= n - 1:
        raise UndefinedError(
            f"{n} samples in {a.rank} independent directions: least squares fits them all exactly and predicts nothing. "
            "Leave ridge open, give a positive one, or use more samples."
        )
    bound = free <= _FREE * (left.amax() if ridge else 1.0)
    if bool(bound.any()):
        raise UndefinedError(
            f"{int(bound.sum())} samples (the first is row {int(bound.nonzero()[0])}) alone determine a direction of the left "
            "side, so that without them nothing predicts it. Leave ridge open, give a positive one, or drop them."
        )
    errors = _residuals(a, y, left) / free[:, None]
    return 1 - float((errors**2).sum()) * ((n - 1) / n) ** 2
