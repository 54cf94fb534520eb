"""Mutual k-nearest neighbours: the share of neighbours that two spaces have in common.

Use it when what matters is who is near whom and not how far: it is the paper's main metric, blind to the scale of
distances, and far less inflated by width than CKA. Chance is k/(n - 1), exactly, where nothing is tied.

Source: Huh, Cheung, Wang, Isola 2024, eq. 11 (appendix A).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch

from platometer.arrays import Rows
from platometer.errors import InputError
from platometer.knn import Neighbours
from platometer.metrics import Facts, GridMoments, Metric, _moments
from platometer.metrics._neighbourhoods import TIES, certain_neighbours, null_overlaps, overlap, overlaps, tie_remarks


@dataclass(frozen=True)
class MutualKnn(Metric):
    """mean_i |knn_x(i) & knn_y(i)| / k.

    Parameters
    ----------
    k : neighbours per sample.

    Examples
    --------
    >>> metric = MutualKnn(k=1)
    >>> x = metric.prepare(torch.tensor([[1.0, 0], [0.9, 0.1], [0, 1], [0.2, 0.9]], dtype=torch.float64))
    >>> metric.compare(x, x)
    1.0
    """

    k: int = 10
    by_rows: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.k < 1:
            raise InputError(f"k = {self.k}; a sample needs at least one neighbour.")

    @property
    def facts(self) -> Facts:
        return Facts(
            range=(0.0, 1.0), alike="high", symmetric=True, invariances=("rotation", "scale"),
            ties=TIES, least_n=self.k + 1, scope="local", source="Huh et al. 2024, eq. 11",
        )

    def prepare(self, x: torch.Tensor | Rows) -> Neighbours:
        return certain_neighbours(x, self.k)

    def compare(self, a: Neighbours, b: Neighbours) -> float:
        return int(overlap(a, b).sum()) / (a.n * self.k)

    def permute(self, a: Neighbours, order: torch.Tensor) -> Neighbours:
        return a.reordered(order)

    def grid(self, lefts: Sequence[Neighbours], rights: Sequence[Neighbours]) -> torch.Tensor:
        return overlaps(lefts, rights) / (lefts[0].n * self.k)

    @property
    def rings(self) -> bool:
        return True

    def null_grid(self, lefts: Sequence[Neighbours], rights: Sequence[Neighbours], orders: torch.Tensor) -> torch.Tensor:
        return null_overlaps(lefts, rights, orders) / (lefts[0].n * self.k)

    def null_moments(self, lefts: Sequence[Neighbours], rights: Sequence[Neighbours]) -> GridMoments | None:
        forms = _moments.directed(lefts), _moments.directed(rights)
        return _moments.of_pair(*forms, unit=1 / (lefts[0].n * self.k))

    def remarks(self, a: Neighbours) -> tuple[str, ...]:
        return tie_remarks(a)
