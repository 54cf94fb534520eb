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

import numba
import numpy as np
import torch

from platometer.errors import UndefinedError
from platometer.knn import Neighbours, neighbours
from platometer.metrics import Facts, Metric
from platometer.metrics._counts import turned_sums
from platometer.metrics._grams import centred
from platometer.metrics._meetings import check_list_length
from platometer.metrics._neighbourhoods import tie_remarks
from platometer.metrics._rings import parts
from platometer.threads import spread

_SMALL = 1e-12  # similarities this small relative to the features' size are rounding, not structure
_WORK = 2**25  # entries of the largest intermediate table


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
        square = float(self._sums([side], [side], None))
        size = float(left.norm(dim=1).amax() * right.norm(dim=1).amax())
        edges = int(found.counts.sum())
        if not square > (_SMALL * size) ** 2 * edges or (
            self.variant == "platonic-rep" and not square > _SMALL * float((values * values).sum())
        ):
            raise UndefinedError(_nothing(edges, square))
        return Edges(found, values / square**0.5)

    def compare(self, a: Edges, b: Edges) -> float:
        return float(self.grid([a], [b]))

    def permute(self, a: Edges, order: torch.Tensor) -> Edges:
        return Edges(a.neighbours.reordered(order), a.values[order])

    def grid(self, lefts: Sequence[Edges], rights: Sequence[Edges]) -> torch.Tensor:
        return self._bounded(self._sums(lefts, rights, None)[0])

    @property
    def rings(self) -> bool:
        return self.variant != "platonic-rep"

    def null_grid(self, lefts: Sequence[Edges], rights: Sequence[Edges], orders: torch.Tensor) -> torch.Tensor:
        return self._bounded(self._sums(lefts, rights, orders))

    def remarks(self, a: Edges) -> tuple[str, ...]:
        return tie_remarks(a.neighbours)

    def _sums(self, lefts: Sequence[Edges], rights: Sequence[Edges], orders: torch.Tensor | None) -> torch.Tensor:
        """(B, L, M) A(K, L), the numerator, under each re-pairing; None: one draw, as they stand."""
        n = lefts[0].n
        moves = np.arange(n)[None] if orders is None else np.ascontiguousarray(orders.cpu().numpy())
        out = np.empty((len(moves), len(lefts), len(rights)))
        released = self.variant == "platonic-rep"
        stacks = [_stacks(side, released=released) for side in (lefts, rights)]
        for part, ring in [(slice(0, len(moves)), None)] if released else parts(moves, least=2 * self.k):
            if ring is None:
                spread(_drawn, 0, part.stop - part.start, moves[part], *stacks[0], *stacks[1], released, out[part], least=1)
            else:
                out[part] = turned_sums(*(list(zip(lists, values, strict=True)) for lists, values, _ in stacks), ring=ring)
        return torch.from_numpy(out)

    def _bounded(self, scores: torch.Tensor) -> torch.Tensor:
        return scores if self.variant == "platonic-rep" else scores.clamp(-1, 1)


def _similarities(left: torch.Tensor, right: torch.Tensor, lists: torch.Tensor) -> torch.Tensor:
    """(n, k): left_i . right_j for every sample i and its neighbours j; 0 where there is none."""
    step = max(1, _WORK // (lists.shape[1] * left.shape[1]))
    parts = [
        torch.einsum("nd,nkd->nk", left[i : i + step], right[lists[i : i + step].clamp_min(0)])
        for i in range(0, len(left), step)
    ]
    return torch.cat(parts).where(lists >= 0, 0.0)


def _stacks(sides: Sequence[Edges], *, released: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lists, values and whether neighbours are so both ways, each (L, n, k); the last is looked at in one variant only."""
    lists = np.stack([side.lists.cpu().numpy() for side in sides]).astype(np.int32)
    values = np.stack([side.values.cpu().numpy() for side in sides])
    mutual = np.zeros(lists.shape, np.bool_)
    if released:
        samples = np.arange(lists.shape[1])[:, None, None]
        for layer, both in zip(lists, mutual, strict=True):
            both[:] = (layer[layer] == samples).any(2) & (layer >= 0)
    return lists, values, mutual


@numba.njit(nogil=True, cache=True)
def _drawn(first, last, moves, lists, values, mutual, right_lists, right_values, right_mutual, released, out):
    """The sums of draws first to last, over what both lists of a sample hold."""
    n, k = lists.shape[1:]
    name = np.empty(n, np.int32)
    names = np.empty((n, k), np.int32)  # of the right layer at hand: everyone's neighbours under their new names
    at = np.zeros(n + 1, np.int32)  # of the left list at hand: the place of each sample, counted from one
    into, out_of = np.empty(n), np.empty(n)  # column sums of the left and row sums of the right masked matrix
    for b in range(first, last):
        for i in range(n):
            name[moves[b, i]] = i
        for m in range(len(right_lists)):
            for i in range(n):
                for q in range(k):
                    j = right_lists[m, moves[b, i], q]
                    names[i, q] = n if j < 0 else name[j]
            for l in range(len(lists)):  # noqa: E741
                total = both_ways = 0.0
                into[:] = 0.0
                for i in range(n):
                    for p in range(k):
                        if lists[l, i, p] >= 0:
                            at[lists[l, i, p]] = p + 1
                    r, out_of[i] = moves[b, i], 0.0
                    for q in range(k):
                        p = at[names[i, q]] - 1
                        if p < 0:
                            continue
                        u, v = values[l, i, p], right_values[m, r, q]
                        total += u * v
                        if mutual[l, i, p] and right_mutual[m, r, q]:
                            both_ways += u * v
                        into[names[i, q]] += u
                        out_of[i] += v
                    for p in range(k):
                        if lists[l, i, p] >= 0:
                            at[lists[l, i, p]] = 0
                if released:  # Song et al. 2012, eq. 5, without the factor 1 / (n (n - 3)), which cancels
                    total = both_ways + into.sum() * out_of.sum() / ((n - 1) * (n - 2))
                    total -= 2 * (into * out_of).sum() / (n - 2)
                out[b, l, m] = total


def _nothing(edges: int, square: float) -> str:
    if edges == 0:
        return "No sample has a certain nearest neighbour: all are tied (constant, rounded or duplicated features?)."
    return (
        f"The alignment of the space with itself is {square:.3g}, which is not positive beyond rounding, so that nothing "
        "can be divided by it. A larger k may help."
    )
