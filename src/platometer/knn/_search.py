"""The search: tiles of a float32 product, lists of what can be nearest, float64 where that is not certain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from platometer.arrays import Rows
from platometer.centring import Centred, centre, full_precision, gram
from platometer.errors import ShapeError
from platometer.knn import _device, _kernels, _strips
from platometer.knn._lists import TIE, Neighbours, certain, check_k
from platometer.threads import alone, each, lanes, spread

BUDGET = 256 * 2**20  # bytes for one block of similarities
_U = 2.0**-24  # largest relative error of rounding to float32
_WHOLE = 4096  # samples up to which all similarities lie in memory at once
_TILE = 2048
_SQUARE = 1024  # rows and columns of a tile of a space with itself: one to a thread
_AXES = (31, 63, 127, 191, 255)  # leading axes to try
_NEAR = 4  # leading axes by which samples are put near each other
_LEAD = 40 * 2**20  # bytes up to which samples are kept on more leading axes than are multiplied
_BLOCK = 512  # samples looked at together where they are not multiplied with each other
_FEW = 16  # of such blocks that stand for all
_WORTH = 10_000  # samples from which looking for leading axes can pay


def neighbours(x: torch.Tensor | Rows, k: int, *, budget: int = BUDGET) -> Neighbours:
    """The k nearest of every sample by inner product, itself excluded, exactly.

    Parameters
    ----------
    x : (n, d) floating point, finite; or `Rows`, which are not copied.
    k : neighbours per sample, 1 <= k <= n - 1.
    budget : bytes that one block of similarities may take.

    Raises
    ------
    InputError
        k does not lie between 1 and n - 1.

    Examples
    --------
    >>> x = torch.tensor([[1.0, 0], [0.9, 0.1], [0, 1], [0.2, 0.9]], dtype=torch.float64)
    >>> neighbours(x, 1).lists.flatten().tolist()
    [1, 0, 3, 2]
    """
    rows = (x if isinstance(x, Rows) else Rows(x)).fitted()
    n = len(rows)
    check_k(k, n)
    need = min(k + 1, n - 1)
    if rows.device.type == "cpu":
        values, found, norm = _search(rows, need, budget)
    else:
        values, found = _elsewhere(rows, rows, np.arange(n), need, budget)
        norm = rows.sizes().cpu().numpy()
    tie = torch.from_numpy(TIE * norm.max() * norm)[:, None]
    lists, settled = certain(torch.from_numpy(values), torch.from_numpy(found), k, tie)
    return Neighbours(lists.to(rows.device), settled.to(rows.device), k)


@dataclass(eq=False)
class _Lists:
    """For each sample those that can still be among its nearest; see `_kernels`."""

    values: np.ndarray
    others: np.ndarray
    count: np.ndarray
    floor: np.ndarray
    slack: np.ndarray
    full: np.ndarray
    need: int
    lanes: int

    @classmethod
    def empty(cls, n: int, need: int, slack: np.ndarray) -> _Lists:
        """Nothing found yet."""
        width = need + max(32, need // 2)
        return cls(
            values=np.empty((n, width), np.float32), others=np.empty((n, width), np.int32), count=np.zeros(n, np.int32),
            floor=np.full(n, _kernels.NONE), slack=slack.astype(np.float32) * np.float32(1 + 2**-20),
            full=np.zeros(n, np.bool_), need=need, lanes=max(64, 1 << (4 * need - 1).bit_length()),
        )


def nearest(
    queries: torch.Tensor | Rows, gallery: torch.Tensor | Rows, k: int, *, own: torch.Tensor | None = None, budget: int = BUDGET
) -> Neighbours:
    """The k nearest of every query in a gallery by inner product, exactly.

    Parameters
    ----------
    queries, gallery : (q, d) and (n, d).
    k : neighbours per query, at most n, or n - 1 with `own`.
    own : (q,) where each query stands in the gallery itself, to be left out; -1 where it does not.
    budget : bytes that one block of similarities may take.

    Returns
    -------
    Neighbours, whose lists hold positions in the gallery; the rule for ties is that of `neighbours`.

    Raises
    ------
    InputError
        k is too large, or the widths differ.

    Examples
    --------
    >>> gallery = torch.tensor([[1.0, 0], [0, 1], [-1, 0]], dtype=torch.float64)
    >>> nearest(torch.tensor([[0.9, 0.2]], dtype=torch.float64), gallery, 2).lists.tolist()
    [[0, 1]]
    """
    left, right = ((x if isinstance(x, Rows) else Rows(x)).fitted() for x in (queries, gallery))
    if left.shape[1] != right.shape[1]:
        raise ShapeError(f"Queries of width {left.shape[1]} have no similarity to a gallery of width {right.shape[1]}.")
    where = torch.full((len(left),), -1, dtype=torch.int64) if own is None else own.to("cpu", torch.int64)
    most = len(right) - int(bool((where >= 0).any()))
    check_k(k, most + 1)
    need = min(k + 1, most)
    if left.device.type != "cpu":
        values, found = _elsewhere(left, right, where.numpy(), need, budget)
        norm, reach = left.sizes().cpu().numpy(), float(right.sizes().max())
    else:
        values, found, norm, reach = _between(left, right, where.numpy(), need, budget)
    tie = torch.from_numpy(TIE * reach * norm)[:, None]
    lists, settled = certain(torch.from_numpy(values), torch.from_numpy(found), k, tie)
    return Neighbours(lists.to(left.device), settled.to(left.device), k)


def found_in(left: Rows, right: Rows, own: np.ndarray, need: int, budget: int) -> np.ndarray:
    """(q, need) whose the ``need`` nearest of every query are; itself among them only where there are no others.

    Parameters
    ----------
    left, right : queries and gallery.
    own : (q,) where each query stands in the gallery, -1 where it does not.
    need : how many, at most all rows of the gallery.
    budget : bytes that one block of similarities may take.
    """
    if need > len(right) - int(bool((own >= 0).any())):
        return _plain(left, right, own, need, budget)[1]
    search = _between if left.device.type == "cpu" else _elsewhere
    return search(left, right, own, need, budget)[1]


def _search(rows: Rows, need: int, budget: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The ``need`` nearest of every sample, (n, need) similarities less a number of the row's own, and whose they are."""
    n, d = rows.shape
    whole = n <= _WHOLE and 4 * n * (n + d) <= max(budget, 2**26)
    space, block = centre(rows, whole=whole)
    step = max(256, min(_SQUARE, int((budget / 8) ** 0.5)))
    with alone():
        axes = _axes(space, need) if n >= _WORTH else None
        if axes is not None:
            space = space.ordered(_gathered(space, axes[0], step))
        lead = None if axes is None else _leading(space, *axes)
    error, margin = _errors(space, space, d if axes is None else axes[0].shape[1] + 2, bounded=axes is not None)
    lists = _Lists.empty(n, need, 2 * error + TIE * space.norm * space.norm.max())
    scan = _Scan(space, space, lists, margin, np.arange(n), exact=axes is not None)
    if whole:
        assert block is not None
        if _strips.worth(n, lists.lanes, lanes()):
            _strips.list_nearest(block, space.shift.astype(np.float32), lists)
        else:
            scan.rows(gram(block), 0, 0)
    else:
        scan.tiles(step, lead=lead, first=0 if axes is None else axes[1] + 1)
        del lead
    values, found = scan.settled(rows, rows, budget)
    back = space.place.argsort()
    return values[back], found[back], space.norm[back]


def _between(
    left: Rows, right: Rows, own: np.ndarray, need: int, budget: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """The ``need`` nearest of every query, whose they are, the queries' norms and the gallery's largest."""
    gallery, _ = centre(right, whole=False)
    space, block = centre(left, whole=True, mean=gallery.mean)
    assert block is not None
    error, margin = _errors(space, gallery, left.shape[1], bounded=False)
    reach = float(gallery.norm.max())
    lists = _Lists.empty(len(left), need, 2 * error + TIE * space.norm * reach)
    scan = _Scan(space, gallery, lists, margin, own, exact=False)
    step = max(256, min(len(right), budget // (4 * max(1, min(len(left), _TILE)))))
    for col in range(0, len(right), min(step, 4 * _TILE)):
        part = gallery.block(col, min(col + min(step, 4 * _TILE), len(right)))
        for row in range(0, len(left), _TILE):
            with full_precision():
                tile = (block[row : row + _TILE] @ part.T).numpy()
            scan.rows(tile, row, col)
    values, found = scan.settled(left, right, budget)
    return values, found, space.norm, reach


def _errors(mine: Centred, theirs: Centred, width: int, *, bounded: bool) -> tuple[np.ndarray, np.ndarray]:
    """(n,) how far a listed similarity may be from the truth, and how far an upper bound in a tile may fall below it.

    The worst case of rounding to float32 and of summing `width` products, whatever the order of summing.
    """
    reach, most = mine.size * theirs.size.max(), np.abs(theirs.shift).max()
    if not bounded:
        return 1.02 * _U * ((width + 4) * reach + 2 * most) + 1e-36, np.zeros(len(reach), np.float32)
    margin = 1.02 * _U * ((width + 7) * reach + 3 * most)
    return 1.02 * _U * (reach + most) + 1e-36, margin.astype(np.float32) * np.float32(1 + 2**-20)


@dataclass(frozen=True, eq=False)
class _Scan:
    """Tiles shown to the lists."""

    mine: Centred
    theirs: Centred
    lists: _Lists
    margin: np.ndarray
    own: np.ndarray
    exact: bool

    def tiles(self, step: int, *, lead: np.ndarray | None, first: int) -> None:
        """Every pair of samples of one space once, a tile serving its rows and its columns.

        Each thread has a tile of its own, and those worked on at once have no sample in common.

        Parameters
        ----------
        step : rows of a tile.
        lead : (n, m) samples on leading axes; None if the tiles hold the samples' own inner products.
        first : how many columns of them the tiles are made from.
        """
        n, d = self.mine.raw.shape
        starts = list(range(0, n, step))
        none = np.empty((0, 0), np.float32)
        spare = [(np.empty(step * step, np.float32), *np.empty((2, 0 if lead is not None else step, d), np.float32))
                 for _ in range(lanes())]

        def block(i: int, place: np.ndarray) -> torch.Tensor:
            stop = min(i + step, n)
            return self.mine.block(i, stop, place) if lead is None else torch.from_numpy(lead[i:stop, :first])

        def shown(pair: tuple[int, int]) -> None:
            i, j = pair
            buffers = spare.pop()
            place, one, other = buffers
            left, right = block(i, one), block(j, other)
            out = torch.from_numpy(place[: len(left) * len(right)]).view(len(left), len(right))
            with full_precision():
                tile = torch.mm(left, right.T, out=out).numpy()
            if i == j and lead is None:
                self.rows(tile, i, i)
            else:
                if i == j:
                    self._seed(tile, i)
                self._both(tile, i, j, none if lead is None else lead, first)
            spare.append(buffers)

        each(shown, [(i, i) for i in starts])  # so that every list has a floor
        for some in _rounds(len(starts)):
            each(shown, [(starts[i], starts[j]) for i, j in some])

    def rows(self, tile: np.ndarray, row0: int, col0: int) -> None:
        """Show a tile to the lists of its rows."""
        a = self.lists
        spread(_kernels.offer_rows, 0, len(tile), tile, row0, col0, a.values, a.others, a.count, a.floor, a.slack, a.full,
               a.need, a.lanes, self._shift, self.margin, self.exact, self.mine.side, self.theirs.side, self._base, self.own)

    def _seed(self, tile: np.ndarray, at: int) -> None:
        """First floors from a tile of bounds of a block with itself, where it is long enough."""
        a = self.lists
        if len(tile) >= 2 * a.lanes:
            shifted = tile + self._shift[at : at + len(tile)]
            _kernels.seed(0, len(tile), shifted, at, a.floor, a.lanes, a.need, a.slack, self.mine.side, self._base)

    def _both(self, tile: np.ndarray, row0: int, col0: int, lead: np.ndarray, first: int) -> None:
        """Show a tile to the lists of its rows and its columns."""
        a = self.lists
        _kernels.offer_tile(tile, row0, col0, a.values, a.others, a.count, a.floor, a.slack, a.full, a.need, self._shift,
                            self.margin, self.exact, self.mine.side, self._base, lead, first)

    def settled(self, left: Rows, right: Rows, budget: int) -> tuple[np.ndarray, np.ndarray]:
        """(n, need) similarities in falling order less a number of the row's own, and whose they are."""
        a, n = self.lists, len(self.lists.count)
        values, found = np.empty((n, a.need)), np.empty((n, a.need), np.int64)
        spread(_kernels.settle, 0, n, a.values, a.others, a.count, a.slack, a.full, a.need, self.mine.side, self.theirs.side,
               self._base, values, found)
        at = np.flatnonzero(a.full)
        found[at] = 0
        found = self.theirs.place[found]
        if len(at):
            own = np.where(self.own[at] < 0, -1, self.theirs.place[self.own[at]])
            values[at], found[at] = _plain(_some(left, self.mine.place[at]), right, own, a.need, budget)
        return values, found

    @cached_property
    def _shift(self) -> np.ndarray:
        return self.theirs.shift.astype(np.float32)

    @cached_property
    def _base(self) -> np.ndarray:
        return self.mine.base


def _rounds(count: int) -> Iterator[list[tuple[int, int]]]:
    """Every pair of different numbers below count once, in rounds in which no number comes twice (a round robin)."""
    even = count + count % 2
    for turn in range(even - 1):
        pairs = [(turn, even - 1), *(((turn + i) % (even - 1), (turn - i) % (even - 1)) for i in range(1, even // 2))]
        yield [(min(pair), max(pair)) for pair in pairs if max(pair) < count]


# leading axes


def _axes(space: Centred, need: int) -> tuple[np.ndarray, int] | None:
    """(d, m) orthonormal leading axes, and how many of them to multiply, where that and bounds of the rest are cheaper
    than the product over all; else None.

    The price is in nanoseconds for one pair of samples, with the speeds of an ordinary core; it decides how long the search
    takes and never what it finds.
    """
    n, d = space.raw.shape
    counts = [m for m in _AXES if 2 * m <= d]
    if not counts:
        return None
    starts = range(0, n, _BLOCK)
    few = [starts[i * len(starts) // _FEW] for i in range(_FEW)] if len(starts) > _FEW else starts
    scatter = torch.zeros(d, d)
    for at in few[:: max(1, len(few) // 4)]:
        c = space.block(at, min(at + _BLOCK, n))
        scatter += c.T @ c
    axes = torch.linalg.qr(torch.linalg.eigh(scatter).eigenvectors.flip(1)[:, : counts[-1]].double()).Q.contiguous()
    some = np.arange(64) * n // 64
    c, shift = torch.cat([space.block(i, i + 1) for i in some.tolist()]), torch.from_numpy(space.shift)
    own, lead, top = space.size[some], c.double() @ axes, torch.full((64, 1), -torch.inf)
    for at in starts:
        scores = c @ space.block(at, min(at + _BLOCK, n)).T + shift[at : at + _BLOCK].float()
        top = torch.cat([top, scores], 1).topk(min(need + 1, top.shape[1] + scores.shape[1]), dim=1).values
    floor = top[:, -1:].double()  # its own similarity is among them
    passed, seen = dict.fromkeys(counts, 0), 0
    for at in few:
        other = space.block(at, min(at + _BLOCK, n)).double() @ axes
        seen += 64 * len(other)
        for m in counts:
            mine, theirs = _rest(own, lead[:, :m].numpy()), _rest(space.size[at : at + _BLOCK], other[:, :m].numpy())
            bound = lead[:, :m] @ other[:, :m].T + torch.from_numpy(mine[:, None] * theirs) + shift[at : at + _BLOCK]
            passed[m] += int((bound >= floor).sum())
    share = {m: 4 * count / seen for m, count in passed.items()}  # for rows and columns; and floors are lower on the way
    prices = {(first, m): (first + 1) / 75 + 0.4 + share[first] * 20 + share[m] * (150 + d / 4)
              for first in counts for m in counts if first == m or (first < m and 4 * n * (m + 2) <= _LEAD)}
    best = min(prices, key=prices.__getitem__)
    return (axes[:, : best[1]].contiguous().numpy(), best[0]) if prices[best] < d / 75 + 0.3 else None


def _gathered(space: Centred, axes: np.ndarray, step: int) -> np.ndarray:
    """(n,) an order in which samples of one block are near each other, so that floors are high from the first tile on."""
    n, turn = len(space.raw), torch.from_numpy(axes[:, :_NEAR]).float()
    seen = np.concatenate([(space.block(at, min(at + _BLOCK, n)) @ turn).numpy() for at in range(0, n, _BLOCK)])

    def halved(some: np.ndarray) -> Iterator[np.ndarray]:
        if len(some) <= step:
            yield some
            return
        low = step * (-(-len(some) // step) // 2)
        split = some[seen[some, seen[some].var(0).argmax()].argpartition(low)]
        yield from halved(split[:low])
        yield from halved(split[low:])

    return np.concatenate(list(halved(np.arange(n))))


def _leading(space: Centred, axes: np.ndarray, few: int) -> np.ndarray:
    """Samples on the leading axes: (n, few) and the length of the rest, whose inner products bound those in full; where
    there are more axes, the other ones and the length of what these leave."""
    n, m = len(space.raw), axes.shape[1]
    out, turn = np.empty((n, few + 1 if m == few else m + 2), np.float32), torch.from_numpy(axes)
    for start in range(0, n, _BLOCK):
        at = slice(start, min(start + _BLOCK, n))
        lead = (torch.from_numpy(space.factor[at, None] * space.raw[space.place[at]] - space.mean) @ turn).numpy()
        out[at, :few], out[at, few] = lead[:, :few], _rest(space.size[at], lead[:, :few]) * (1 + 2 * _U)
        if m > few:
            out[at, few + 1 : -1], out[at, -1] = lead[:, few:], _rest(space.size[at], lead) * (1 + 2 * _U)
    return out


def _rest(size: np.ndarray, lead: np.ndarray) -> np.ndarray:
    """(m,) no less than the length of what the leading axes leave of samples of this length."""
    return np.sqrt(np.maximum(size**2 - (lead**2).sum(1, dtype=np.float64), 0) + 1e-13 * size**2)


def _elsewhere(left: Rows, right: Rows, own: np.ndarray, need: int, budget: int) -> tuple[np.ndarray, np.ndarray]:
    """The ``need`` nearest of every query on an accelerator, which has no compiled loops."""
    values, found, still_open = _device.search(left, right, own, need, budget)
    if len(still_open):
        values[still_open], found[still_open] = _plain(_some(left, still_open), right, own[still_open], need, budget)
    return values, found


def _some(rows: Rows, at: np.ndarray) -> Rows:
    some = torch.from_numpy(at).to(rows.device)
    return Rows(rows.raw[some], None if rows.factor is None else rows.factor[some])


# the plain way, for samples with hundreds of near ties


def _plain(left: Rows, right: Rows, own: np.ndarray, need: int, budget: int) -> tuple[np.ndarray, np.ndarray]:
    """The ``need`` nearest of every row of the left side, from float64 products with all of the right, on any device."""
    n = len(right)
    values, found = np.empty((len(left), need)), np.empty((len(left), need), np.int64)
    step = max(1, min(len(left), budget // (8 * n)))
    wide = max(1, 2**24 // right.shape[1])
    for start in range(0, len(left), step):
        mine, self_at = left.block(slice(start, start + step)), torch.from_numpy(own[start : start + step])
        similar = torch.empty(len(mine), n, dtype=torch.float64, device=mine.device)
        for at in range(0, n, wide):
            similar[:, at : at + wide] = mine @ right.block(slice(at, at + wide)).T
        there = (self_at >= 0).nonzero().flatten()
        similar[there.to(mine.device), self_at[there].to(mine.device)] = -torch.inf
        top, who = similar.topk(need, dim=1)
        values[start : start + step], found[start : start + step] = top.cpu().numpy(), who.cpu().numpy()
    return values, found
