"""Centred kernel nearest-neighbour alignment: CKA over those pairs only that are neighbours in both spaces.

Use it between `mutual_knn`, which asks who is near, and `cka`, which asks how far everybody is: it weighs each common
neighbour by how near it is in the two spaces.

Sources: Huh, Cheung, Wang, Isola 2024, eq. 16 to 18; ``variant=platonic-rep`` is the measure of the code released with
that paper, which is another one; ``variant=centred`` centres rows and columns as CKA does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from platometer.errors import UndefinedError
from platometer.knn import Neighbours, neighbours
from platometer.metrics import Facts, Metric
from platometer.metrics._grams import centred
from platometer.metrics._meetings import check_list_length, meetings
from platometer.metrics._neighbourhoods import tie_remarks

_SMALL = 1e-12  # similarities this small relative to the features' size are rounding, not structure
_WORK = 2**25  # entries of the largest intermediate table
_LARGEST_TABLE = 2**28  # pairs of samples for which the place of an edge is looked up in a table


@dataclass(frozen=True, eq=False)
class Edges:
    """The neighbours in one space and how near they are.

    Parameters
    ----------
    neighbours : the lists.
    values : (n, k) float64, similarities to the neighbours, scaled so that the space's score with itself is 1; 0 where
        a list holds -1.
    """

    neighbours: Neighbours
    values: torch.Tensor

    @property
    def lists(self) -> torch.Tensor:
        """(n, k) neighbours, -1 where there is none."""
        return self.neighbours.lists

    @property
    def n(self) -> int:
        """Number of samples."""
        return self.neighbours.n


@dataclass(frozen=True)
class Cknna(Metric):
    """A(K, L) / sqrt(A(K, K) A(L, L)), A a sum over the pairs (i, j) with j in knn_x(i) and j in knn_y(i).

    Parameters
    ----------
    k : neighbours per sample.
    variant : what is summed.
        ``"paper"``: the product of the similarities less their row means, (K_ij - mean_l K_il)(L_ij - mean_l L_il).
        ``"centred"``: the product of (HKH)_ij and (HLH)_ij; with k = n - 1 it is ``cka(estimator=lange)``.
        ``"platonic-rep"``: the unbiased HSIC (Song et al. 2012, eq. 5) of K and L with zeros outside those pairs, the
        second transposed in its first term, so that there only pairs count that are neighbours both ways. It may
        exceed 1, its two sides are not exchangeable, and with k near n it is ruled by chance.

    Examples
    --------
    >>> metric = Cknna(k=1)
    >>> x = metric.prepare(torch.tensor([[1.0, 0], [0.9, 0.1], [0, 1], [0.2, 0.9]], dtype=torch.float64))
    >>> round(metric.compare(x, x), 12)
    1.0
    """

    k: int = 10
    variant: Literal["paper", "platonic-rep", "centred"] = "paper"

    def __post_init__(self) -> None:
        check_list_length(self.k)

    @property
    def facts(self) -> Facts:
        released = self.variant == "platonic-rep"
        return Facts(
            range=(-float("inf"), float("inf")) if released else (-1.0, 1.0), alike="high", symmetric=not released,
            invariances=("rotation", "scale"),
            ties="samples tied with the (k+1)-th nearest are nobody's neighbours, and stand in none of the three sums",
            least_n=max(4, self.k + 1) if released else self.k + 1, scope="local",
            source={"paper": "Huh et al. 2024, eq. 16-18", "centred": "Huh et al. 2024, eq. 16-18, with HKH for the Gram",
                    "platonic-rep": "code released with Huh et al. 2024"}[self.variant],
            bounded=not released,
        )

    def prepare(self, x: torch.Tensor) -> Edges:
        self.check_n(len(x))
        found = neighbours(x, self.k)
        c = centred(x)
        x = x * 2.0 ** -int(torch.frexp(x.abs().amax()).exponent)
        left, right = {"paper": (x, c), "centred": (c, c), "platonic-rep": (x, x)}[self.variant]
        values = _similarities(left, right, found.lists)
        side = Edges(found, values)
        square = self._sum(side, side)
        size = float(left.norm(dim=1).amax() * right.norm(dim=1).amax())
        edges = int(found.counts.sum())
        if not square > (_SMALL * size) ** 2 * edges or (
            self.variant == "platonic-rep" and not square > _SMALL * float((values * values).sum())
        ):
            raise UndefinedError(_nothing(edges, square))
        return Edges(found, values / square**0.5)

    def compare(self, a: Edges, b: Edges) -> float:
        score = self._sum(a, b)
        return score if self.variant == "platonic-rep" else min(1.0, max(-1.0, score))

    def permute(self, a: Edges, order: torch.Tensor) -> Edges:
        return Edges(a.neighbours.reordered(order), a.values[order])

    def grid(self, lefts: Sequence[Edges], rights: Sequence[Edges]) -> torch.Tensor:
        return self.null_grid(lefts, rights, torch.arange(lefts[0].n)[None])[0]

    def null_grid(self, lefts: Sequence[Edges], rights: Sequence[Edges], orders: torch.Tensor) -> torch.Tensor:
        n = lefts[0].n
        if self.variant == "platonic-rep" or n * n > _LARGEST_TABLE:
            plain = [[[self.compare(a, b) for b in moved] for a in lefts] for moved in self._moved(rights, orders)]
            return torch.tensor(plain, dtype=torch.float64)
        (keys, left), (others, right) = _table(lefts), _table(rights)
        place = torch.full((n * n,), -1, dtype=torch.int32, device=keys.device)
        place[keys] = torch.arange(len(keys), dtype=torch.int32, device=keys.device)
        rows, columns = others // n, others % n
        out = torch.empty(len(orders), len(lefts), len(rights), dtype=torch.float64)
        for draw, order in enumerate(orders.to(keys.device)):
            inverse = torch.empty_like(order)
            inverse[order] = torch.arange(n, device=order.device)
            at = place[inverse[rows] * n + inverse[columns]]
            met = (at >= 0).nonzero().flatten()  # edges that some layer of either side holds
            out[draw] = (left[at[met]].T @ right[met]).clamp(-1, 1)
        return out

    def remarks(self, a: Edges) -> tuple[str, ...]:
        return tie_remarks(a.neighbours)

    def _moved(self, rights: Sequence[Edges], orders: torch.Tensor):
        for order in orders:
            yield [self.permute(b, order.to(b.lists.device)) for b in rights]

    def _sum(self, a: Edges, b: Edges) -> float:
        """A(K, L), the numerator."""
        rows, p, q = meetings(a.lists, b.lists)
        u, v = a.values[rows, p], b.values[rows, q]
        total = float((u * v).sum())
        if self.variant != "platonic-rep":
            return total
        n, columns = a.n, a.lists[rows, p]
        forth, back = rows * n + columns, columns * n + rows
        both = torch.isin(back, forth)
        into = torch.zeros(n, dtype=torch.float64, device=u.device).index_add_(0, columns, u)
        out_of = torch.zeros(n, dtype=torch.float64, device=v.device).index_add_(0, rows, v)
        total = float((u * v)[both].sum()) + float(u.sum() * v.sum()) / ((n - 1) * (n - 2))
        return total - 2 * float((into * out_of).sum()) / (n - 2)


def _similarities(left: torch.Tensor, right: torch.Tensor, lists: torch.Tensor) -> torch.Tensor:
    """(n, k): left_i . right_j for every sample i and its neighbours j; 0 where there is none."""
    step = max(1, _WORK // (lists.shape[1] * left.shape[1]))
    parts = [
        torch.einsum("nd,nkd->nk", left[i : i + step], right[lists[i : i + step].clamp_min(0)])
        for i in range(0, len(left), step)
    ]
    return torch.cat(parts).where(lists >= 0, 0.0)


def _table(sides: Sequence[Edges]) -> tuple[torch.Tensor, torch.Tensor]:
    """Every edge that some layer holds, as i * n + j, (m,), and the layers' values there, (m, L); 0 if a layer has it not."""
    n = sides[0].n
    codes, values = [], []
    for side in sides:
        rows, places = (side.lists >= 0).nonzero(as_tuple=True)
        codes.append(rows * n + side.lists[rows, places])
        values.append(side.values[rows, places])
    keys, place = torch.cat(codes).unique(return_inverse=True)
    table = torch.zeros(len(keys), len(sides), dtype=torch.float64, device=keys.device)
    for layer, (at, value) in enumerate(zip(place.split([len(c) for c in codes]), values, strict=True)):
        table[at, layer] = value
    return keys, table


def _nothing(edges: int, square: float) -> str:
    if edges == 0:
        return "No sample has a certain nearest neighbour: all are tied (constant, rounded or duplicated features?)."
    return (
        f"The alignment of the space with itself is {square:.3g}, which is not positive beyond rounding, so that nothing "
        "can be divided by it. A larger k may help."
    )
