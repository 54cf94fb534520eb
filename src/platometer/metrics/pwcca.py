"""Projection-weighted CCA: the canonical correlations, each weighted by how much of the left side it accounts for.

Use it in the place of `cca` when weak directions should count less. It is not symmetric: the weights are the left
side's. They are sums of absolute values over single features, so that a rotation of the left side changes the score,
though any linear map of the right side does not.

The code published with SVCCA, and what derives from it, weights by directions before whitening, which are not the
canonical ones of the paper (``variant=unwhitened``). That code further adds the features' means to the directions,
which ties its third digit to the arbitrary signs of a decomposition; here directions are centred.

Source: Morcos, Raghu, Bengio 2018, section 3 (alpha_i = sum_j |<h_i, z_j>|, with h the canonical variables and z the
features of the first space); Ding, Denain, Steinhardt 2021 (the same).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch

from platometer.metrics import Facts, Metric
from platometer.metrics._subspaces import Subspace, directions, whole


@dataclass(frozen=True)
class Pwcca(Metric):
    """sum_i alpha_i rho_i / sum_i alpha_i.

    Parameters
    ----------
    variant : ``"morcos"``, alpha_i = sum_j |<h_i, z_j>| with the canonical variables h_i of the left side; or
        ``"unwhitened"``, with the orthogonalised projections on the canonical directions before whitening.

    Examples
    --------
    >>> x = torch.tensor([[0.0, 1], [1, 3], [2, -1], [5, 0], [3, 2]], dtype=torch.float64)
    >>> metric = Pwcca()
    >>> round(metric.compare(metric.prepare(x), metric.prepare(x @ torch.tensor([[1.0, 2], [0, 3]]).double())), 12)
    1.0
    """

    variant: Literal["morcos", "unwhitened"] = "morcos"

    @property
    def facts(self) -> Facts:
        return Facts(
            range=(0.0, 1.0), alike="high", symmetric=False, invariances=("scale", "translation"), ties="no ties", least_n=3,
            scope="global",
            source="Morcos et al. 2018, section 3" if self.variant == "morcos" else "code of Raghu et al. 2017, centred",
        )

    def prepare(self, x: torch.Tensor) -> Subspace:
        return whole(x, loadings=True)

    def compare(self, a: Subspace, b: Subspace) -> float:
        turn, rho = directions(a, b)
        if self.variant == "unwhitened":
            turn = _unwhitened(a, turn)
        weights = (turn.T @ a.loadings).abs().sum(1)  # type: ignore[operator]
        return min(1.0, max(0.0, float((weights * rho).sum() / weights.sum())))

    def permute(self, a: Subspace, order: torch.Tensor) -> Subspace:
        return a.reordered(order)


def _unwhitened(a: Subspace, turn: torch.Tensor) -> torch.Tensor:
    """Of x = U S V', the projections of x on V V_h, orthogonalised in turn, as combinations of the basis.

    With W the symmetric inverse root of the covariance, W S_xy W_y has left singular vectors u = V h where h are the
    canonical directions in the basis of left singular vectors; x u are the projections, which W would have whitened.
    """
    left, scales, _ = torch.linalg.svd(a.loadings, full_matrices=False)
    return torch.linalg.qr(left @ (scales[:, None] * (left.T @ turn)))[0]
