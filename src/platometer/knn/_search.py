"""The search: tiles of a float32 product, lists of what can be nearest, float64 where that is not certain."""

from __future__ import annotations

import numpy as np
import torch

from platometer.arrays import Rows
from platometer.centring import Centred, centre, full_precision, gram
from platometer.errors import ShapeError
from platometer.knn import _device, _strips
from platometer.knn._codes import Codes, way
from platometer.knn._lists import TIE, Neighbours, certain, check_k
from platometer.knn._scan import Lists, Scan
from platometer.threads import lanes

BUDGET = 256 * 2**20  # bytes for one block of similarities
_U = 2.0**-24  # largest relative error of rounding to float32
_WHOLE = 4096  # samples up to which all similarities lie in memory at once
_PAIR = 2  # threads up to which strips, which one thread looks through, are quicker than all of the matrix
_TILE = 2048
_SQUARE = 1024  # rows and columns of a tile of a space with itself: one to a thread
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
    norm = space.norm
    step = _step(n, budget)
    coded = None
    if n >= _WORTH and not whole:
        coded, order = way(space, need, step)
        space = space if coded is None else space.ordered(order)
    error, margin = _errors(space, space, d if coded is None else coded.terms, bounded=coded is not None)
    lists = Lists.empty(n, need, 2 * error + TIE * space.norm * space.norm.max())
    scan = Scan(space, space, lists, np.arange(n))
    if whole:
        assert block is not None
        if _strips.worth(n, lists.lanes, lanes()):
            _strips.list_nearest(block, space.shift.astype(np.float32), lists)
        else:
            scan.rows(gram(block), 0, 0)
    elif coded is None:
        scan.tiles(step)
    else:
        scan.codes(Codes.of(space, coded), margin, step)
    return *_settled(scan, rows, rows, budget), norm


def _step(n: int, budget: int) -> int:
    """Samples of a block: as many blocks as let threads share all rounds of their meetings evenly."""
    most = max(256, min(_SQUARE, int((budget / 8) ** 0.5)))
    blocks = 4 * max(-(-n // (4 * most)), lanes())
    return min(most, max(256, 8 * -(-n // (8 * blocks))))


def _between(
    left: Rows, right: Rows, own: np.ndarray, need: int, budget: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """The ``need`` nearest of every query, whose they are, the queries' norms and the gallery's largest."""
    gallery, _ = centre(right, whole=False)
    space, block = centre(left, whole=True, mean=gallery.mean)
    assert block is not None
    error, _ = _errors(space, gallery, left.shape[1], bounded=False)
    reach = float(gallery.norm.max())
    lists = Lists.empty(len(left), need, 2 * error + TIE * space.norm * reach)
    scan = Scan(space, gallery, lists, own)
    step = max(256, min(len(right), budget // (4 * max(1, min(len(left), _TILE)))))
    for col in range(0, len(right), min(step, 4 * _TILE)):
        part = gallery.block(col, min(col + min(step, 4 * _TILE), len(right)))
        for row in range(0, len(left), _TILE):
            with full_precision():
                tile = (block[row : row + _TILE] @ part.T).numpy()
            scan.rows(tile, row, col)
    return *_settled(scan, left, right, budget), space.norm, reach


def _errors(mine: Centred, theirs: Centred, terms: int, *, bounded: bool) -> tuple[np.ndarray, np.ndarray]:
    """(n,) how far a listed similarity may be from the truth, and how far an upper bound in a tile may fall below it.

    The worst case of rounding to float32 and of summing so many terms, whatever the order of summing.
    """
    reach, most = mine.size * theirs.size.max(), np.abs(theirs.shift).max()
    if not bounded:
        return 1.02 * _U * ((terms + 4) * reach + 2 * most) + 1e-36, np.zeros(len(reach), np.float32)
    margin = 1.02 * _U * ((terms + 12) * reach + 4 * most) + 1e-36
    return 1.02 * _U * (reach + most) + 1e-36, margin.astype(np.float32) * np.float32(1 + 2**-20)


def _settled(scan: Scan, left: Rows, right: Rows, budget: int) -> tuple[np.ndarray, np.ndarray]:
    """(q, need) similarities in falling order less a number of the row's own, and whose they are."""
    values, found = scan.settled()
    at = np.flatnonzero(scan.lists.full)
    if len(at):
        given = scan.mine.place[at]
        own = np.where(scan.own[at] < 0, -1, scan.theirs.place[scan.own[at]])
        values[given], found[given] = _plain(_some(left, given), right, own, scan.lists.need, budget)
    return values, found


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
