"""Information imbalance: how far down y's ranking of distances the nearest neighbour in x stands.

Use it to see which of two spaces says more about the other. Low is alike: 2/n where every sample's nearest in x is its
nearest in y, 1 at chance, near 2 where the nearest become the farthest. If imbalance(x, y) is low and
imbalance(y, x) is high, x holds what y holds and more.

Source: Glielmo, Zeni, Cheng, Csányi, Laio 2022, "Ranking the information content of distance measures", eq. 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from platometer.knn import TIE
from platometer.metrics import Facts, Metric
from platometer.metrics._grams import centred

_AT_ONCE = 2**22  # ranks looked up at once
_LARGEST_TABLE = 2**28  # ranks of several layers side by side


@dataclass(frozen=True, eq=False)
class Ranks:
    """Every sample's ranking of all others by Euclidean distance.

    Parameters
    ----------
    rank : (n, n) int32; entry (i, j) is how many samples are as near to i as j is, or nearer; the diagonal is 0.
    rows, nearest : (m,) each sample and its nearest; more than one each where they are tied.
    """

    rank: torch.Tensor
    rows: torch.Tensor
    nearest: torch.Tensor

    @property
    def n(self) -> int:
        """Number of samples."""
        return len(self.rank)

    @property
    def tied(self) -> int:
        """Number of samples with more than one nearest."""
        return int((self.rows.bincount(minlength=self.n) > 1).sum())


@dataclass(frozen=True)
class InformationImbalance(Metric):
    """2/n^2 sum_i r_y(i, nearest_x(i)), where r_y(i, j) is the rank of j among the distances from i in y.

    **Not symmetric.** The nearest neighbour is taken in x, the first (left) side; its rank in y, the second (right).
    The score says how well x predicts y. Distances are Euclidean; on unit rows they rank as cosines do.

    **Ties** count against agreement: among tied nearest in x the one farthest in y is taken, and a rank in y is the
    worst among its ties. Holds an (n, n) table of ranks per side.

    Examples
    --------
    >>> metric = InformationImbalance()
    >>> x = metric.prepare(torch.tensor([[0.0], [1.0], [3.0], [7.0]], dtype=torch.float64))
    >>> y = metric.prepare(torch.tensor([[0.0], [3.0], [1.0], [7.0]], dtype=torch.float64))
    >>> metric.compare(x, x)  # 2/n
    0.5
    >>> metric.compare(x, y)  # 2/16 (2 + 2 + 2 + 2)
    1.0
    """

    @property
    def facts(self) -> Facts:
        return Facts(
            range=(0.0, 2.0), alike="low", symmetric=False, invariances=("rotation", "scale", "translation"),
            ties="of tied nearest the one farthest in the other space counts, at the worst of tied ranks, so ties raise "
            "the score", least_n=3, scope="local", source="Glielmo et al. 2022, eq. 3", self_score=None,
        )

    def prepare(self, x: torch.Tensor) -> Ranks:
        self.check_n(len(x))
        c = centred(x)
        square = (c * c).sum(1)
        near = c @ c.T - square / 2  # |c_i - c_j|^2 = |c_i|^2 - 2 near_ij: the larger, the nearer
        near.fill_diagonal_(-torch.inf)
        most = square.max().sqrt()
        slack = (TIE * most * (square.sqrt() + most))[:, None]  # less than this apart is tied
        rows, nearest = (near >= near.amax(1, keepdim=True) - slack).nonzero(as_tuple=True)
        rank = len(x) - torch.searchsorted(near.sort(1).values, near - slack)
        return Ranks(rank.fill_diagonal_(0).to(torch.int32), rows, nearest)

    def compare(self, a: Ranks, b: Ranks) -> float:
        worst = self._worst(b.rank[a.rows, a.nearest][None, :, None], a)
        return 2 * int(worst.sum(dtype=torch.int64)) / a.n**2

    def permute(self, a: Ranks, order: torch.Tensor) -> Ranks:
        inverse = torch.empty_like(order)
        inverse[order] = torch.arange(len(order), device=order.device)
        rows, by_sample = inverse[a.rows].sort()
        return Ranks(a.rank[order][:, order], rows, inverse[a.nearest[by_sample]])

    def null_grid(self, lefts: Sequence[Ranks], rights: Sequence[Ranks], orders: torch.Tensor) -> torch.Tensor:
        n = lefts[0].n
        out = torch.empty(len(orders), len(lefts), len(rights), dtype=torch.float64)
        together = max(1, _LARGEST_TABLE // n**2)
        for first in range(0, len(rights), together):
            some = slice(first, first + together)
            # entries of several right layers side by side, so that one random read serves them all
            flat = [b.rank.flatten() for b in rights[some]]
            table = torch.stack(flat, dim=1) if len(flat) > 1 else flat[0][:, None]
            for row, a in enumerate(lefts):
                step = max(1, _AT_ONCE // (len(a.rows) * len(flat)))
                for i in range(0, len(orders), step):
                    moved = orders[i : i + step].to(table.device)
                    worst = self._worst(table[moved[:, a.rows] * n + moved[:, a.nearest]], a)  # (draws, n, layers)
                    out[i : i + step, row, some] = 2 * worst.sum(1, dtype=torch.int64).cpu().to(torch.float64) / n**2
        return out

    def remarks(self, a: Ranks) -> tuple[str, ...]:
        if a.tied * 100 <= a.n:
            return ()
        return (
            f"{a.tied} of {a.n} samples have more than one nearest neighbour (rounded or duplicated features?); "
            "the one farthest in the other space counts.",
        )

    def _worst(self, ranks: torch.Tensor, a: Ranks) -> torch.Tensor:
        """(B, n, M): of the ranks (B, m, M) at a's nearest, the largest of each sample."""
        if len(a.rows) == a.n:
            return ranks
        out = torch.zeros(len(ranks), a.n, ranks.shape[2], dtype=ranks.dtype, device=ranks.device)
        return out.scatter_reduce_(1, a.rows[None, :, None].expand_as(ranks), ranks, "amax")
