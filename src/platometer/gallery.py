"""Mutual nearest neighbours of fixed queries in a gallery that grows: does the agreement last?

Mutual kNN with k fixed falls as samples are added, because ever nearer neighbours must agree; with k a share of the
gallery it need not. Koepke et al. 2026 kept 1,024 queries fixed and grew the gallery to 15 million: k = 10 fell from
0.135 to 0.008, k = n/100 stayed flat. Here that is one pass: queries and the running lists stay on the device, the
gallery streams past in blocks, and the score is reported at every size on the way.

The score of a query is \\|knn_x & knn_y\\| / k, both among the first ``size`` rows of the gallery, the query itself left
out; chance is k over the number of others. With the queries as gallery it is `mutual_knn`. Similarities are float64
products, and the rule for ties is that of `platometer.knn`: members tied with the (k+1)-th nearest are left out, so that
neither the order of the gallery nor its cutting into blocks changes a score, and ties count against the claim.

>>> import numpy as np
>>> z = np.random.default_rng(0).normal(size=(400, 3))
>>> for row in growing_gallery(z, 2 * z + 0.5, queries=50, sizes=(100, 400), k=5, share=0.05):
...     print(row.size, row.k, row.share, row.score > 2 * row.chance)
100 5 None True
100 5 0.05 True
400 5 None True
400 20 0.05 True
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from platometer.arrays import ArrayLike, as_features, as_matrix, check_paired
from platometer.blocks import Stored
from platometer.conditioning import Conditioning
from platometer.errors import InputError, ShapeError, SpecError
from platometer.features import Features, check_same_samples
from platometer.knn import TIE

BUDGET = 256 * 2**20
"""Bytes for one block of similarities."""


@dataclass(frozen=True)
class GalleryScore:
    """Mutual kNN of the queries in a gallery of one size.

    Attributes
    ----------
    size : rows of the gallery, counting queries that are among them.
    k : neighbours of a query.
    share : k as a share of `size`, where it was asked for so; None for a fixed k.
    score : mean over queries.
    chance : mean over queries of k / (rows that can be neighbours).
    queries : how many.
    se : standard error of the score over queries, the gallery held fixed; None for a single query.
    tied : queries that lost neighbours to a tie, on either side.
    per_query : (queries,) their scores.
    """

    size: int
    k: int
    share: float | None
    score: float
    chance: float
    queries: int
    se: float | None
    tied: int
    per_query: np.ndarray = field(repr=False, compare=False)


def growing_gallery(
    left: ArrayLike | Features,
    right: ArrayLike | Features,
    *,
    queries: int | Sequence[int] = 1024,
    sizes: Sequence[int] | None = None,
    k: int | Sequence[int] = 10,
    share: float | Sequence[float] = 0.01,
    seed: int = 0,
    conditioning: str | Conditioning = "unit",
    device: str | None = None,
    budget: int = BUDGET,
) -> tuple[GalleryScore, ...]:
    """The score at every size of galleries that contain each other, the queries being part of the smallest.

    Parameters
    ----------
    left, right : (n, d) and (n, p), in memory or mapped, or `Features` of one layer, of which 16,384 rows at a time are read;
        row i of both is the same sample.
    queries : how many, drawn by `seed`; or which rows.
    sizes : of the galleries; the number of queries and its doubles up to n, if None.
    k, share : neighbours of a query, and the same as shares of the gallery (rounded down, at least 1): one or several of
        each; ``()`` for none.
    seed : of the queries and of the order in which the gallery grows.
    conditioning : ``"unit"`` or ``"none"``.
    device : where to compute; where the features are, if None.
    budget : bytes for one block of similarities. Beside it lie the lists, 32 bytes for every query and neighbour of the
        largest k.

    Returns
    -------
    For every size in rising order, a row for every k and then for every share.

    Raises
    ------
    InputError
        More queries or larger sizes than samples, or k too large for the smallest gallery.
    """
    if isinstance(left, Features) and isinstance(right, Features):
        check_same_samples(left, right)
    x, y = (_rows(side, name) for side, name in ((left, "left"), (right, "right")))
    if len(x) != len(y):
        check_paired(torch.empty(len(x), 1), torch.empty(len(y), 1), names=("left", "right"))
    order = nested_order(len(x), queries=queries, seed=seed)
    q = queries if isinstance(queries, int) else len(queries)
    sizes = tuple(_doubles(q, len(x)) if sizes is None else sizes)
    if sizes and min(sizes) < q:
        raise InputError(f"A gallery of {min(sizes)} cannot hold the {q} queries; expected sizes from {q} to {len(x)}.")
    gallery = GrowingGallery(
        x[order[:q]], y[order[:q]], largest=max(sizes, default=q), k=k, share=share, ids=range(q), conditioning=conditioning,
        device=device, budget=budget,
    )
    step = 16_384
    moved = ((x[order[i : i + step]], y[order[i : i + step]]) for i in range(0, max(sizes, default=q), step))
    return gallery.over(moved, sizes)


def nested_order(n: int, *, queries: int | Sequence[int], seed: int = 0) -> torch.Tensor:
    """(n,) rows in the order in which a gallery grows: the queries first, then all others, shuffled by the seed.

    The first m rows are a gallery of size m, contained in every larger one.

    Parameters
    ----------
    n : samples.
    queries : how many, drawn by the seed; or which rows.
    seed : of the order.

    Examples
    --------
    >>> nested_order(5, queries=[3, 1])[:2].tolist()
    [3, 1]
    """
    order = np.random.Generator(np.random.Philox(key=seed % 2**64)).random(n).argsort(kind="stable")
    if isinstance(queries, int):
        if not 1 <= queries <= n:
            raise InputError(f"queries = {queries}; there are {n} samples to choose them from.")
        return torch.from_numpy(order)
    chosen = np.asarray(queries, dtype=np.int64)
    if len(chosen) == 0 or chosen.min() < 0 or chosen.max() >= n or len(np.unique(chosen)) < len(chosen):
        raise InputError(f"queries must be different rows from 0 to {n - 1}; got {len(chosen)} of them, or a repeated one.")
    return torch.from_numpy(np.concatenate([chosen, order[~np.isin(order, chosen)]]))


class GrowingGallery:
    """Fixed queries, and the lists of what is nearest to them among all rows that were added.

    Parameters
    ----------
    left, right : (q, d) and (q, p) queries in both spaces.
    largest : the largest size at which a share of the gallery will be asked for; sets how long lists must be.
    k, share : as in `growing_gallery`.
    ids : (q,) what the queries are called in the gallery: their positions in it, counted from the first row added; or,
        with ``add(..., ids=...)``, any names. A row of a query's name is not its neighbour. None if no query is in the
        gallery.
    conditioning, device, budget : as in `growing_gallery`.

    Examples
    --------
    >>> x = torch.eye(4, dtype=torch.float64)
    >>> gallery = GrowingGallery(x[:2], x[:2], largest=3, k=1, share=())
    >>> gallery.add(x + 0.1, x)
    >>> gallery.scores()[0].score
    1.0
    """

    def __init__(
        self,
        left: ArrayLike,
        right: ArrayLike,
        *,
        largest: int,
        k: int | Sequence[int] = 10,
        share: float | Sequence[float] = 0.01,
        ids: Iterable[Hashable] | None = None,
        conditioning: str | Conditioning = "unit",
        device: str | None = None,
        budget: int = BUDGET,
    ) -> None:
        self._conditioning = Conditioning.parse(conditioning)
        if self._conditioning.name not in ("unit", "none"):
            raise SpecError(
                f"The conditioning {str(self._conditioning)!r} looks at all samples at once, and a gallery comes in blocks. "
                "Use 'unit' or 'none', or condition before."
            )
        self._k = (k,) if isinstance(k, int) else tuple(k)
        self._share = (share,) if isinstance(share, float | int) else tuple(share)
        if not self._k + self._share or any(value < 1 for value in self._k) or any(not 0 < s < 1 for s in self._share):
            raise InputError(f"k = {self._k}, share = {self._share}; expected some k >= 1, or some share between 0 and 1.")
        pair = self._pair(left, right, "queries", device)
        self._largest, self._budget, self._q = largest, budget, len(pair[0])
        longest = max([*self._k, *(_of_share(value, largest) for value in self._share)])
        self._sides = [_Lists.empty(side, longest + 1) for side in pair]
        self._size = 0
        self._own = torch.zeros(self._q, dtype=torch.int64)  # rows of the gallery that are the query itself
        self._named: dict[Hashable, list[int]] = {}
        for row, name in enumerate(ids if ids is not None else ()):
            self._named.setdefault(name, []).append(row)
        if ids is not None and sum(map(len, self._named.values())) != self._q:
            raise ShapeError(f"There are {self._q} queries and {sum(map(len, self._named.values()))} ids.")

    @property
    def size(self) -> int:
        """Rows of the gallery so far."""
        return self._size

    def add(self, x: ArrayLike, y: ArrayLike, *, ids: Sequence[Hashable] | None = None) -> None:
        """Let the gallery grow.

        Parameters
        ----------
        x, y : (m, d) and (m, p), row i of both being the same sample.
        ids : (m,) names of the rows; their positions, if None.
        """
        pair = self._pair(x, y, f"gallery from row {self._size}", str(self._sides[0].queries.device))
        if ids is not None and len(ids) != len(pair[0]):
            raise ShapeError(f"A block of {len(pair[0])} rows has {len(ids)} ids.")
        step = max(1, self._budget // (8 * self._q))
        for start in range(0, len(pair[0]), step):
            stop = min(start + step, len(pair[0]))
            names = range(self._size, self._size + stop - start) if ids is None else ids[start:stop]
            own = [(row, column) for column, name in enumerate(names) for row in self._named.get(name, ())]
            rows, columns = (torch.tensor([pair[i] for pair in own], dtype=torch.int64) for i in (0, 1))
            self._own.index_add_(0, rows, torch.ones_like(rows))
            for lists, side in zip(self._sides, pair, strict=True):
                lists.offer(side[start:stop], rows, columns, self._size)
            self._size += stop - start

    def over(
        self, blocks: Iterable[tuple[torch.Tensor, torch.Tensor]], sizes: Sequence[int]
    ) -> tuple[GalleryScore, ...]:
        """The scores at each size, while the gallery streams past.

        Parameters
        ----------
        blocks : pairs (x, y) of arrays (m, d) and (m, p), cut in whatever way; `platometer.blocks.paired_blocks` makes them
            from files, arrays and iterators.
        sizes : to report at, in rows of the whole gallery.

        Raises
        ------
        InputError
            The gallery ends before the largest size.
        """
        wanted = sorted(set(sizes))
        if not wanted or wanted[0] <= self._size:
            raise InputError(f"sizes = {tuple(sizes)}; the gallery already has {self._size} rows and can only grow.")
        out: list[GalleryScore] = []
        for x, y in blocks:
            start, m = 0, len(x)
            while wanted and start < m:
                stop = min(m, start + wanted[0] - self._size)
                self.add(x[start:stop], y[start:stop])
                start = stop
                if self._size == wanted[0]:
                    out += self.scores()
                    wanted.pop(0)
            if not wanted:
                return tuple(out)
        raise InputError(f"The gallery ends after {self._size} rows, before the size {wanted[0]} was reached.")

    def scores(self) -> tuple[GalleryScore, ...]:
        """The scores in the gallery as it is, a row for every k and then for every share.

        Raises
        ------
        InputError
            A query has fewer than k others in the gallery; or it outgrew `largest`.
        """
        if self._share and self._size > self._largest:
            raise InputError(
                f"The gallery has {self._size} rows, and lists were made for shares of at most {self._largest}. "
                f"Start with largest={self._size} or more."
            )
        others = self._size - self._own
        asked = [(k, None) for k in self._k] + [(_of_share(share, self._size), share) for share in self._share]
        ranked = [lists.ranked() for lists in self._sides]
        return tuple(self._score(k, share, others, ranked) for k, share in asked)

    def _score(
        self, k: int, share: float | None, others: torch.Tensor, ranked: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]
    ) -> GalleryScore:
        if k > int(others.min()):
            raise InputError(f"k = {k} but a query has only {int(others.min())} others in a gallery of {self._size}.")
        members = []
        for values, found, tie in ranked:
            sure = values[:, :k] - values[:, k : k + 1] > tie
            members.append(found[:, :k].where(sure, -1))
        scores = common(*members).to("cpu", torch.float64) / k
        tied = ((members[0] < 0) | (members[1] < 0)).any(1).sum()
        return GalleryScore(
            size=self._size, k=k, share=share, score=float(scores.mean()),
            chance=float((k / others.to(torch.float64)).mean()), queries=self._q,
            se=float(scores.std()) / math.sqrt(self._q) if self._q > 1 else None, tied=int(tied), per_query=scores.numpy(),
        )

    def _pair(self, x: ArrayLike, y: ArrayLike, what: str, device: str | None) -> tuple[torch.Tensor, torch.Tensor]:
        sides = []
        for side, name in ((x, f"left {what}"), (y, f"right {what}")):
            matrix = as_matrix(side, name=name)
            sides.append(self._conditioning(matrix if device is None else matrix.to(device), name=name))
        check_paired(*sides, names=(f"left {what}", f"right {what}"))
        return sides[0], sides[1]


def common(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """(q,) how many members two lists have in common.

    Parameters
    ----------
    a, b : (q, k) lists whose members differ; -1 is no member.
    """
    both = torch.cat([a, b], dim=1).sort(1).values
    return ((both[:, 1:] == both[:, :-1]) & (both[:, 1:] >= 0)).sum(1)


@dataclass(eq=False)
class _Lists:
    """The largest similarities of each query so far, and whose they are, in no order.

    Attributes
    ----------
    queries : (q, d) float64.
    values, found : (q, need); -inf and -1 where nothing was found yet.
    most : length of the longest row there was.
    """

    queries: torch.Tensor
    values: torch.Tensor
    found: torch.Tensor
    most: float

    @classmethod
    def empty(cls, queries: torch.Tensor, need: int) -> _Lists:
        shape = (len(queries), need)
        return cls(
            queries, torch.full(shape, -torch.inf, dtype=torch.float64, device=queries.device),
            torch.full(shape, -1, dtype=torch.int64, device=queries.device), float(queries.norm(dim=1).max()),
        )

    def offer(self, block: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor, start: int) -> None:
        """Show the lists a block of the gallery.

        Parameters
        ----------
        block : (m, d), the rows of the gallery from `start` on.
        rows, columns : queries, and where in the block each meets itself.
        start : position of the first row in the gallery.

        Raises
        ------
        ShapeError
            Another width than that of the queries.
        InputError
            A similarity overflows.
        """
        if block.shape[1] != self.queries.shape[1]:
            raise ShapeError(f"Queries have {self.queries.shape[1]} features and the gallery {block.shape[1]}.")
        similar = self.queries @ block.T
        if not torch.isfinite(similar.sum()):
            raise InputError("Similarities overflow in float64; scale the features, or use conditioning='unit'.")
        similar[rows.to(similar.device), columns.to(similar.device)] = -torch.inf
        need = self.values.shape[1]
        values, found = similar.topk(min(need, len(block)), dim=1, sorted=False)
        values, found = torch.cat([self.values, values], dim=1), torch.cat([self.found, found + start], dim=1)
        self.values, places = values.topk(need, dim=1, sorted=False)
        self.found = found.gather(1, places)
        self.most = max(self.most, float(block.norm(dim=1).max()))

    def ranked(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Values in falling order, whose they are, and (q, 1) up to which difference two are tied."""
        values, order = self.values.sort(dim=1, descending=True)
        return values, self.found.gather(1, order), (TIE * self.most * self.queries.norm(dim=1))[:, None]


def _of_share(share: float, size: int) -> int:
    return max(1, math.floor(share * size * (1 + 1e-12)))  # 0.07 * 100 = 7.000000000000001, 0.29 * 100 = 28.999999999999996


def _doubles(first: int, last: int) -> list[int]:
    out = [first << i for i in range(64) if first << i < last]
    return [*out, last]


def _rows(x: ArrayLike | Features, name: str) -> torch.Tensor | Stored:
    if not isinstance(x, Features):
        return as_features(x, name=name)
    if len(x) != 1:
        raise InputError(f"{name} ({x.model.name}) has {len(x)} layers; choose one with .only(['{x.names[-1]}']).")
    return Stored(x)
