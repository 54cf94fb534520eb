"""Soft matching: how well the single features of one space can be matched to single features of the other.

Use it to ask whether two networks agree neuron by neuron: no rotation is allowed, only reordering, and, where widths
differ, sharing. The matching is an exact optimal transport plan between features with equal weights; its cost grows
with the cube of the width (equal widths of 768: a quarter of a second; 768 against 1,024: one to three seconds), for every
score and every null draw.

Features are centred and brought to unit length, so that a matched pair counts by its correlation. Features that do not
vary over the samples (dead units) correlate with nothing and are left out, with a remark.

Sources: Khosla and Williams 2024 (``soft``); Li, Yosinski, Clune, Lipson, Hopcroft 2016 (``hard``: one to one;
``semi``: each feature with its best partner, here averaged over both directions).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from scipy.optimize import linear_sum_assignment

from platometer.errors import InputError
from platometer.metrics import Facts, Metric
from platometer.metrics._subspaces import standardised
from platometer.metrics._transport import cheapest

_CLOSE = 1e-5  # 1 - correlation below this has lost digits in a product
_LARGEST = 2**26  # pairs of features; beyond, an exact plan takes hours


@dataclass(frozen=True)
class SoftMatching(Metric):
    """The mean correlation of matched features under the best matching.

    Parameters
    ----------
    matching : ``"soft"``, a transport plan in which every feature has the same weight on its side; ``"hard"``, one to one,
        the wider side's rest left unmatched; ``"semi"``, each to its best partner, which may serve several.
    form : ``"correlation"``, high when alike; or ``"distance"``, sqrt(2 - 2 correlation), low when alike.

    Examples
    --------
    >>> x = torch.tensor([[0.0, 1], [1, 3], [2, -1], [5, 0]], dtype=torch.float64)
    >>> metric = SoftMatching()
    >>> round(metric.compare(metric.prepare(x), metric.prepare(3 * x[:, [1, 0]] + 1)), 12)
    1.0
    """

    matching: Literal["soft", "hard", "semi"] = "soft"
    form: Literal["correlation", "distance"] = "correlation"

    @property
    def facts(self) -> Facts:
        high = self.form == "correlation"
        return Facts(
            range=(-1.0, 1.0) if high else (0.0, 2.0), alike="high" if high else "low", symmetric=True,
            invariances=("scale", "translation"), ties="no ties", least_n=3, scope="global",
            source="Khosla and Williams 2024" if self.matching == "soft" else "Li et al. 2016",
            self_score=1.0 if high else 0.0,
        )

    def prepare(self, x: torch.Tensor) -> Matchable:
        z = standardised(x)
        return Matchable(z, x.shape[1] - z.shape[1])

    def compare(self, a: Matchable, b: Matchable) -> float:
        d, p = a.z.shape[1], b.z.shape[1]
        if d * p > _LARGEST and self.matching != "semi":
            raise InputError(
                f"Matching {d} with {p} features exactly would take hours; the most is {_LARGEST:,} pairs of features. "
                "Use matching=semi, fewer features, or procrustes."
            )
        # half the squared distance of unit columns, from the difference where the product would cancel
        cost = 1 - a.z.T @ b.z
        rows, columns = (cost < _CLOSE).nonzero(as_tuple=True)
        cost[rows, columns] = ((a.z[:, rows] - b.z[:, columns]) ** 2).sum(0) / 2
        value = max(0.0, self._least(cost))
        return 1 - min(2.0, value) if self.form == "correlation" else math.sqrt(min(4.0, 2 * value))

    def permute(self, a: Matchable, order: torch.Tensor) -> Matchable:
        return Matchable(a.z[order], a.still)

    def remarks(self, a: Matchable) -> tuple[str, ...]:
        if not a.still:
            return ()
        return (f"{a.still} of {a.still + a.z.shape[1]} features do not vary over the samples and were left out.",)

    def _least(self, cost: torch.Tensor) -> float:
        """The mean of 1 - correlation over matched pairs."""
        if self.matching == "semi":
            return float(cost.amin(1).mean() + cost.amin(0).mean()) / 2
        table = cost.cpu().numpy()
        if self.matching == "soft":
            return cheapest(table)
        return float(table[linear_sum_assignment(table)].mean())


@dataclass(frozen=True, eq=False)
class Matchable:
    """Features at mean zero and unit length.

    Parameters
    ----------
    z : (n, d) those that vary.
    still : how many do not.
    """

    z: torch.Tensor
    still: int
