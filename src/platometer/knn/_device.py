"""The search on an accelerator: low-precision products, a running list of the largest, float64 for what is on the list.

Queries are taken in blocks, the gallery in chunks; both, and the running lists, stay on the device. A list is longer than
what is asked for. If its end is certainly below the last one asked for, given the worst case of rounding, nothing outside
can belong in it, and its members are compared in float64. Rows of which that is not certain are compared with all others
in float64 instead; so the lists are those of float64 products, whatever the precision of the first pass.
"""

from __future__ import annotations

import numpy as np
import torch

from platometer.arrays import Rows

UNITS = {"bfloat16": 2.0**-9, "tf32": 2.0**-11, "float32": 2.0**-24}
"""Largest relative error of rounding the factors of a product; sums are in float32 in all of them."""

_QUERIES = 4096
_CHUNK = 65_536
_SUM = 2.0**-24


def search(
    left: Rows, right: Rows, own: np.ndarray, need: int, budget: int, *, precision: str = "tf32"
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The ``need`` nearest of every query: float64 similarities in falling order, whose they are, and which rows are open.

    Parameters
    ----------
    left, right : queries (q, d) and gallery (n, d) on one device.
    own : (q,) where each query stands in the gallery, or -1.
    need : how many.
    budget : bytes that one block of similarities may take.
    precision : of the first pass, one of `UNITS`.

    Returns
    -------
    (q, need), (q, need), and (k,) numbers of the queries for which the first pass could not tell.
    """
    n, d = right.shape
    width = min(n, max(2 * need, need + 32))
    chunk = max(width, min(n, _CHUNK))
    step = max(1, min(len(left), _QUERIES, budget // (4 * chunk)))
    mean = torch.zeros(d, dtype=torch.float64, device=right.device)
    for at in range(0, n, chunk):
        mean += right.block(slice(at, at + chunk)).sum(0) / n
    kind = torch.bfloat16 if precision == "bfloat16" else torch.float32
    gallery, shift, reach = _gallery(right, mean, chunk, kind)
    values, found = np.empty((len(left), need)), np.empty((len(left), need), np.int64)
    still_open = []
    for start in range(0, len(left), step):
        rows = slice(start, min(start + step, len(left)))
        exact = left.block(rows)
        centred = exact - mean
        where = torch.from_numpy(own[rows]).to(mean.device)
        top, who = _listed(centred.to(kind), gallery, shift, where, width, chunk, precision)
        unit = 2 * UNITS[precision] + (d + 4) * _SUM
        slack = 2 * 1.02 * (unit * centred.norm(dim=1) * reach + 2 * _SUM * shift.abs().max())
        uncertain = top[:, -1] >= top[:, need - 1] - slack if width < n else torch.zeros_like(slack, dtype=torch.bool)
        similar = _compared(exact, right, who).masked_fill(who == where[:, None], -torch.inf)
        best, place = similar.topk(need, dim=1)
        values[rows], found[rows] = best.cpu().numpy(), who.gather(1, place).cpu().numpy()
        still_open.append(uncertain.nonzero().flatten().cpu().numpy() + start)
    return values, found, np.concatenate(still_open)


def _gallery(right: Rows, mean: torch.Tensor, chunk: int, kind: torch.dtype) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(n, d) less the mean in the precision of the first pass, (n,) the shift of each, and the largest length."""
    out = torch.empty(right.shape, dtype=kind, device=right.device)
    shift = torch.empty(len(right), dtype=torch.float64, device=right.device)
    reach = torch.zeros((), dtype=torch.float64, device=right.device)
    for at in range(0, len(right), chunk):
        part = right.block(slice(at, at + chunk)) - mean
        out[at : at + chunk], shift[at : at + chunk] = part.to(kind), part @ mean
        reach = torch.maximum(reach, part.norm(dim=1).max())
    return out, shift, reach


def _listed(
    queries: torch.Tensor, gallery: torch.Tensor, shift: torch.Tensor, where: torch.Tensor, width: int, chunk: int,
    precision: str,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The ``width`` largest similarities of every query by the first pass, and whose they are."""
    top = torch.full((len(queries), width), -torch.inf, device=queries.device)
    who = torch.zeros(len(queries), width, dtype=torch.int64, device=queries.device)
    for at in range(0, len(gallery), chunk):
        similar = _product(queries, gallery[at : at + chunk], precision) + shift[at : at + chunk].to(torch.float32)
        mine = ((where >= at) & (where < at + similar.shape[1])).nonzero().flatten()
        similar[mine, where[mine] - at] = -torch.inf
        part, place = similar.topk(min(width, similar.shape[1]), dim=1)
        top, order = torch.cat([top, part], dim=1).topk(width, dim=1)
        who = torch.cat([who, place + at], dim=1).gather(1, order)
    return top, who


def _product(a: torch.Tensor, b: torch.Tensor, precision: str) -> torch.Tensor:
    """a b' in float32, by the tensor cores where the precision allows it."""
    asked = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    try:
        if a.dtype == torch.bfloat16 and a.device.type == "cuda":
            return torch.mm(a, b.T, out_dtype=torch.float32)
        return a.float() @ b.float().T if a.dtype == torch.bfloat16 else a @ b.T
    finally:
        torch.set_float32_matmul_precision(asked)


def _compared(exact: torch.Tensor, right: Rows, who: torch.Tensor) -> torch.Tensor:
    """(q, width) float64 similarities of queries with those on their lists."""
    step = max(1, 2**26 // (who.shape[1] * right.shape[1]))
    parts = []
    for at in range(0, len(exact), step):
        listed = right.block(who[at : at + step].flatten()).view(-1, who.shape[1], right.shape[1])
        parts.append(torch.einsum("qd,qwd->qw", exact[at : at + step], listed))
    return torch.cat(parts)
