"""Procrustes: how well one space can be turned onto the other by a rotation or reflection alone.

Both sides are centred and brought to unit size (Frobenius norm); the narrower one is padded with zeros. Use it when
only an orthogonal map should count as the same space: stricter than `cca`, blind to rotation as `cka` is, but a
distance in the strict sense (``angular`` and ``distance`` keep the triangle inequality). Chance is high for wide spaces.

With s the nuclear norm of x'y, all forms are the same order of pairs, in other words. The similarity s is also the
fidelity, or normalised Bures similarity, of the two Gram matrices (Harvey, Lipshutz, Williams 2024).

Sources: Schönemann 1966; Williams, Kunz, Kornblith, Linderman 2021 (``angular``, arccos s; its cosine is
``similarity``); Ding, Denain, Steinhardt 2021 (``squared``, 2 - 2s).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch

from platometer.metrics import Facts, Metric
from platometer.metrics._grams import centred

_NEAR = 1e-6  # this near to 1, 1 - s has lost digits and is computed from the residual

_RANGES = {"similarity": (0.0, 1.0), "angular": (0.0, math.pi / 2), "distance": (0.0, math.sqrt(2)), "squared": (0.0, 2.0)}


@dataclass(frozen=True)
class Procrustes(Metric):
    """The best match of two spaces over all orthogonal maps: s = |x'y|_* for centred x and y of unit size.

    Parameters
    ----------
    form : ``"similarity"``, s itself, high when alike; or a distance, low when alike: ``"angular"``, arccos s;
        ``"distance"``, the residual length sqrt(2 - 2s); ``"squared"``, its square.

    Examples
    --------
    >>> x = torch.tensor([[0.0, 1], [1, 3], [2, -1], [5, 0]], dtype=torch.float64)
    >>> turned = 3 * x @ torch.tensor([[0.6, 0.8], [-0.8, 0.6]], dtype=torch.float64) + 5
    >>> metric = Procrustes(form="angular")
    >>> round(metric.compare(metric.prepare(x), metric.prepare(turned)), 12)
    0.0
    """

    form: Literal["similarity", "angular", "distance", "squared"] = "similarity"

    @property
    def facts(self) -> Facts:
        high = self.form == "similarity"
        return Facts(
            range=_RANGES[self.form], alike="high" if high else "low", symmetric=True,
            invariances=("rotation", "scale", "translation"), ties="no ties", least_n=2, scope="global",
            source="Ding et al. 2021" if self.form == "squared" else "Williams et al. 2021",
            self_score=1.0 if high else 0.0,
        )

    def prepare(self, x: torch.Tensor) -> torch.Tensor:
        x = centred(x)
        if x.shape[1] > x.shape[0]:  # turned into as many axes as there are samples, which no score can see
            x = torch.linalg.qr(x.T)[1].T
        return x / x.norm()

    def compare(self, a: torch.Tensor, b: torch.Tensor) -> float:
        s = min(1.0, float(torch.linalg.svdvals(a.T @ b).sum()))
        if self.form == "similarity":
            return s
        square = 2 - 2 * s if s < 1 - _NEAR else _residual(a, b)
        if self.form == "squared":
            return square
        return math.sqrt(square) if self.form == "distance" else 2 * math.asin(math.sqrt(square) / 2)

    def permute(self, a: torch.Tensor, order: torch.Tensor) -> torch.Tensor:
        return a[order]


def _residual(a: torch.Tensor, b: torch.Tensor) -> float:
    """|a - bR|^2 for the best R, from the difference itself, where 2 - 2s would cancel."""
    u, _, vh = torch.linalg.svd(a.T @ b, full_matrices=False)
    along, other = a @ u, b @ vh.T
    beside = float(((a - along @ u.T) ** 2).sum() + ((b - other @ vh) ** 2).sum())
    return float(((along - other) ** 2).sum()) + beside
