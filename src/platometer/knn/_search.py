"""The search: tiles of a float32 product, lists of what can be nearest, float64 where that is not certain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from platometer.arrays import Rows
from platometer.centring import Centred, centre, full_precision, gram
from platometer.knn import _kernels
from platometer.knn._lists import TIE, Neighbours, certain, check_k
from platometer.threads import spread

BUDGET = 256 * 2**20  # bytes for one block of similarities
_U = 2.0**-24  # largest relative error of rounding to float32
_WHOLE = 4096  # samples up to which all similarities lie in memory at once
_TILE = 2048
_AXES = (63, 127, 255)  # leading axes to try
_BLOCK = 2048  # samples looked at together where they are not multiplied with each other
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
    check_k(k, len(rows))
    need = min(k + 1, len(rows) - 1)
    if rows.device.type != "cpu":
        return _plain(rows, k, budget)
    values, found, norm = _search(rows, need, budget)
    tie = (TIE * norm.max() * norm)[:, None]
    return Neighbours(*certain(torch.from_numpy(values), torch.from_numpy(found), k, torch.from_numpy(tie)), k)


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


def _search(rows: Rows, need: int, budget: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The ``need`` nearest of every sample, (n, need) similarities less a number of the row's own, and whose they are."""
    n, d = rows.shape
    whole = n <= _WHOLE and 4 * n * (n + d) <= max(budget, 2**26)
    space, whole_block = centre(rows, whole=whole)
    q, most, b = space.size, space.size.max(), np.abs(space.shift).max()
    axes = _axes(space, need) if n >= _WORTH else None
    if axes is None:
        error = 1.02 * _U * ((d + 4) * q * most + 2 * b) + 1e-36
        margin = np.zeros(n, np.float32)
    else:
        error = 1.02 * _U * (q * most + b) + 1e-36
        margin = (1.02 * _U * ((axes.shape[1] + 8) * q * most + 3 * b)).astype(np.float32) * np.float32(1 + 2**-20)
    lists = _Lists.empty(n, need, 2 * error + TIE * space.norm * space.norm.max())
    scan = _Scan(space, lists, margin, exact=axes is not None)
    if whole:
        assert whole_block is not None
        scan.rows(gram(whole_block), 0, 0)
    else:
        scan.tiles(_leading(space, axes) if axes is not None else space.block, max(256, min(_TILE, int((budget / 8) ** 0.5))))
    out, who = np.empty((n, need)), np.empty((n, need), np.int64)
    spread(_kernels.settle, 0, n, lists.values, lists.others, lists.count, lists.slack, lists.full, need, space.raw,
            space.factor, space.base, out, who)
    for at in np.array_split(np.flatnonzero(lists.full), max(1, int(lists.full.sum()) * n * 8 // budget + 1)):
        if len(at):
            out[at], who[at] = _whole_rows(rows, at, need)
    return out, who, space.norm


@dataclass(frozen=True, eq=False)
class _Scan:
    """Tiles shown to the lists."""

    space: Centred
    lists: _Lists
    margin: np.ndarray
    exact: bool

    def tiles(self, block: Callable[[int, int], torch.Tensor], step: int) -> None:
        """Every pair of samples once, a tile serving its rows and its columns.

        Parameters
        ----------
        block : (start, stop) -> float32 (stop - start, K), whose inner products the tiles hold.
        step : rows of a tile.
        """
        n = len(self.space.raw)
        starts = range(0, n, step)
        for i in starts:  # so that every list has a floor
            self.rows(gram(block(i, min(i + step, n))), i, i)
        for i in starts:
            left = block(i, min(i + step, n))
            for j in starts[i // step + 1 :]:
                right = block(j, min(j + step, n))
                with full_precision():
                    tile = (left @ right.T).numpy()
                self.rows(tile, i, j)
                self.columns(tile, i, j)

    def rows(self, tile: np.ndarray, row0: int, col0: int) -> None:
        """Show a tile to the lists of its rows."""
        a, s = self.lists, self.space
        spread(_kernels.offer_rows, 0, len(tile), tile, row0, col0, a.values, a.others, a.count, a.floor, a.slack, a.full,
               a.need, a.lanes, s.shift.astype(np.float32), self.margin, self.exact, s.raw, s.factor, s.base, row0 == col0)

    def columns(self, tile: np.ndarray, row0: int, col0: int) -> None:
        """Show a tile to the lists of its columns."""
        a, s = self.lists, self.space
        spread(_kernels.offer_columns, 0, tile.shape[1], tile, row0, col0, a.values, a.others, a.count, a.floor, a.slack,
               a.full, a.need, s.shift.astype(np.float32), self.margin, self.exact, s.raw, s.factor, s.base)


# leading axes


def _axes(space: Centred, need: int) -> np.ndarray | None:
    """(d, m) orthonormal leading axes, where the product over them and a bound of the rest is cheaper than all; else None.

    The price is in nanoseconds for one pair of samples, with the speeds of an ordinary core; it decides how long the search
    takes and never what it finds.
    """
    n, d = space.raw.shape
    if d < 2 * _AXES[0]:
        return None
    some = np.linspace(0, n - 1, min(n, _BLOCK)).astype(np.int64)
    c = space.factor[some, None] * space.raw[some] - space.mean
    _, vectors = np.linalg.eigh(c.T @ c)
    axes = np.ascontiguousarray(vectors[:, ::-1][:, : _AXES[-1]])
    c = c[:: len(some) // 64][:64]
    own = np.linalg.norm(c, axis=1)
    lead = c @ axes
    scores = np.empty((len(c), n), np.float32)
    for at in range(0, n, _BLOCK):
        block = space.block(at, min(at + _BLOCK, n)).numpy()
        scores[:, at : at + _BLOCK] = c.astype(np.float32) @ block.T + space.shift[at : at + _BLOCK]
    least = -np.partition(-scores, need, axis=1)[:, need]  # its own similarity is among them
    passed = {m: 0 for m in _AXES if 2 * m <= d}
    for at in range(0, n, _BLOCK):
        other = space.block(at, min(at + _BLOCK, n)).numpy() @ axes.astype(np.float32)
        for m in passed:
            rest = _rest(space.size[at : at + _BLOCK], other[:, :m])
            bound = lead[:, :m] @ other[:, :m].T + _rest(own, lead[:, :m])[:, None] * rest + space.shift[at : at + _BLOCK]
            passed[m] += int((bound >= least[:, None]).sum())
    best, price = None, d / 75 + 0.3
    for m, count in passed.items():
        share = 2 * count / (len(c) * n)  # twice: floors are lower on the way
        cost = (m + 1) / 75 + 0.3 + 2 * share * (150 + d / 4)
        if cost < price:
            best, price = axes[:, :m], cost
    return None if best is None else np.ascontiguousarray(best)


def _leading(space: Centred, axes: np.ndarray) -> Callable[[int, int], torch.Tensor]:
    """Samples on the leading axes, and the length of the rest as one more column: inner products bound those in full."""
    n, m = len(space.raw), axes.shape[1]
    out = torch.empty(n, m + 1, dtype=torch.float32)
    for start in range(0, n, _BLOCK):
        at = slice(start, min(start + _BLOCK, n))
        lead = (space.factor[at, None] * space.raw[at] - space.mean) @ axes
        out[at, :m], out[at, m] = torch.from_numpy(lead), torch.from_numpy(_rest(space.size[at], lead) * (1 + 2 * _U))
    return lambda start, stop: out[start:stop]


def _rest(size: np.ndarray, lead: np.ndarray) -> np.ndarray:
    """(m,) no less than the length of what the leading axes leave of samples of this length."""
    return np.sqrt(np.maximum(size**2 - (lead**2).sum(1, dtype=np.float64), 0) + 1e-13 * size**2)


# the plain way, for samples with hundreds of near ties, and where there are no compiled loops


def _whole_rows(rows: Rows, at: np.ndarray, need: int) -> tuple[np.ndarray, np.ndarray]:
    """The nearest of some samples, from float64 products with all others."""
    which = torch.from_numpy(at)
    similar = torch.empty(len(at), len(rows), dtype=torch.float64, device=rows.device)
    mine = rows.block(which.to(rows.device))
    step = max(1, 2**24 // rows.shape[1])
    for start in range(0, len(rows), step):
        similar[:, start : start + step] = mine @ rows.block(slice(start, start + step)).T
    similar[torch.arange(len(at)), which] = -torch.inf
    values, found = similar.topk(need, dim=1)
    return values.cpu().numpy(), found.cpu().numpy()


def _plain(rows: Rows, k: int, budget: int) -> Neighbours:
    """The search by float64 products alone, on any device."""
    n = len(rows)
    need = min(k + 1, n - 1)
    values, found = np.empty((n, need)), np.empty((n, need), np.int64)
    step = max(1, min(n, budget // (8 * n)))
    for start in range(0, n, step):
        at = np.arange(start, min(start + step, n))
        values[at], found[at] = _whole_rows(rows, at, need)
    norm = torch.cat([rows.block(slice(i, i + step)).norm(dim=1) for i in range(0, n, step)]).cpu()
    tie = (TIE * norm.max() * norm)[:, None]
    lists, settled = certain(torch.from_numpy(values), torch.from_numpy(found), k, tie)
    return Neighbours(lists.to(rows.device), settled.to(rows.device), k)
