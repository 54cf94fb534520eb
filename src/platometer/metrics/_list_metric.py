"""What the metrics of neighbour lists share: each prepares the lists, and says what their meeting is worth."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch

from platometer.arrays import Rows
from platometer.knn import Neighbours
from platometer.metrics import Metric
from platometer.metrics._meetings import check_list_length
from platometer.metrics._neighbourhoods import certain_neighbours, tie_remarks


@dataclass(frozen=True)
class ListMetric(Metric):
    """A score of two spaces by the lists of each sample's k neighbours; what is worth what is in `_scores`.

    Parameters
    ----------
    k : neighbours per sample.
    """

    k: int = 10
    by_rows: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_list_length(self.k)

    def prepare(self, x: torch.Tensor | Rows) -> Neighbours:
        return certain_neighbours(x, self.k)

    def compare(self, a: Neighbours, b: Neighbours) -> float:
        return float(self.grid([a], [b]))

    def permute(self, a: Neighbours, order: torch.Tensor) -> Neighbours:
        return a.reordered(order)

    def grid(self, lefts: Sequence[Neighbours], rights: Sequence[Neighbours]) -> torch.Tensor:
        return self._scores(lefts, rights, None)[0]

    def null_grid(self, lefts: Sequence[Neighbours], rights: Sequence[Neighbours], orders: torch.Tensor) -> torch.Tensor:
        return self._scores(lefts, rights, orders)

    def remarks(self, a: Neighbours) -> tuple[str, ...]:
        return tie_remarks(a)

    @abstractmethod
    def _scores(self, lefts: Sequence[Neighbours], rights: Sequence[Neighbours], orders: torch.Tensor | None) -> torch.Tensor:
        """(draws, left layers, right layers) the scores under these orders of the right side; one as it is, if None.

        Parameters
        ----------
        lefts, rights : lists of each layer.
        orders : (draws, n) permutations.
        """
