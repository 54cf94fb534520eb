"""Where the neighbour lists of two spaces meet: at which places, how often for each sample, and in what order."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from platometer.errors import InputError
from platometer.knn import Neighbours

ORDER_TIES = "neighbours whose place in the list is tied match nothing, so ties lower the score"
_WORK = 2**25  # entries of the largest intermediate table


def check_list_length(k: int) -> None:
    """Nothing, if lists of k neighbours can be compared.

    Parameters
    ----------
    k : neighbours per sample.

    Raises
    ------
    InputError
        k < 1.
    """
    if k < 1:
        raise InputError(f"k = {k}; a sample needs at least one neighbour.")


def placed(a: Neighbours) -> torch.Tensor:
    """(n, k) int64: the neighbours whose place in the list is certain; -1 elsewhere.

    Parameters
    ----------
    a : neighbour lists.
    """
    return a.lists.where(a.settled, -1)


def matches(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """(n, k, l) bool: whether place p of a sample's left list and place q of its right one hold the same neighbour.

    Parameters
    ----------
    a, b : (n, k) and (n, l) lists; -1 matches nothing.
    """
    return (a[:, :, None] == b[:, None, :]) & (a >= 0)[:, :, None]


def meetings(a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(m,) each: sample, place in its left list, place in its right list, for every neighbour that both lists hold.

    Parameters
    ----------
    a, b : (n, k) and (n, l) lists; -1 matches nothing.
    """
    step = max(1, _WORK // (a.shape[1] * b.shape[1]))
    found = [matches(a[i : i + step], b[i : i + step]).nonzero() for i in range(0, len(a), step)]
    for part, i in zip(found, range(0, len(a), step), strict=True):
        part[:, 0] += i
    rows, left, right = torch.cat(found).unbind(1)
    return rows, left, right


def in_order(a: Neighbours, b: Neighbours, of: Callable[[torch.Tensor], torch.Tensor], *, apart: int) -> int:
    """A whole number for each sample from the pattern of matches between its two ordered lists, summed over samples.

    Parameters
    ----------
    a, b : neighbour lists of the same samples.
    of : (m, k, k) patterns of matches -> (m,) numbers.
    apart : the number for lists with nothing in common, for which `of` is not asked.
    """
    left, right = placed(a), placed(b)
    step = max(1, _WORK // (a.k * b.k))
    total = 0
    for i in range(0, a.n, step):
        pattern = matches(left[i : i + step], right[i : i + step])
        some = pattern.flatten(1).any(1).nonzero().flatten()
        total += (len(pattern) - len(some)) * apart
        if len(some):
            total += int(of(pattern[some]).sum())
    return total


def longest_common(pattern: torch.Tensor) -> torch.Tensor:
    """(m,) int32: the length of the longest common subsequence of two lists.

    Parameters
    ----------
    pattern : (m, k, l) bool, whether entry p of the first list equals entry q of the second.
    """
    row = torch.zeros(pattern.shape[0], pattern.shape[2], dtype=torch.int32, device=pattern.device)
    for p in range(pattern.shape[1]):  # D[p, q] = max(D[p-1, q], D[p, q-1], D[p-1, q-1] + match)
        step = pattern[:, p].to(torch.int32)
        step[:, 1:] += row[:, :-1]
        row = torch.maximum(row, step).cummax(1).values
    return row[:, -1]


def edits(pattern: torch.Tensor) -> torch.Tensor:
    """(m,) int32: the fewest insertions, deletions and replacements that turn one list into the other (Levenshtein).

    Parameters
    ----------
    pattern : (m, k, l) bool, whether entry p of the first list equals entry q of the second.
    """
    m, k, width = pattern.shape
    place = torch.arange(width + 1, dtype=torch.int32, device=pattern.device)
    row = place.expand(m, -1)
    for p in range(k):  # E[p, q] = min(E[p-1, q] + 1, E[p, q-1] + 1, E[p-1, q-1] + no match)
        step = row + 1
        step[:, 1:] = torch.minimum(step[:, 1:], row[:, :-1] + (~pattern[:, p]).to(torch.int32))
        row = (step - place).cummin(1).values + place
    return row[:, -1]


def sums_of_counts(
    members: Sequence[torch.Tensor],
    rights: Sequence[Neighbours],
    orders: torch.Tensor,
    of: Callable[[torch.Tensor], torch.Tensor],
) -> torch.Tensor | None:
    """(B, L, M) float64: a number for each sample from its count of common neighbours, summed over samples.

    The right layers' neighbours of a sample are kept once each with the layers that hold them; a draw looks them up,
    under their new names, in a table of all left layers, and one small product per sample counts for all pairs.

    Parameters
    ----------
    members : L tables (n, n) bool; row i is True at what counts as a left neighbour of i.
    rights : M neighbour lists of the same samples.
    orders : (B, n); draw b pairs row i of the left with row orders[b, i] of the right.
    of : (m, L, M) counts -> (m, L, M) float64 numbers.

    Returns
    -------
    The sums, or None where the tables would be too large and pairs are better taken one by one.
    """
    n = len(members[0])
    others, belongs = _together(rights)
    if n * n * len(members) > 8 * _WORK or belongs.numel() > 8 * _WORK:
        return None
    table = torch.stack([member.flatten() for member in members], dim=1).to(torch.float32)  # (n * n, L)
    step = max(1, _WORK // (others.shape[1] * (len(members) + len(rights))))
    start = n * torch.arange(n, device=others.device)[:, None]
    out = torch.zeros(len(orders), len(members), len(rights), dtype=torch.float64)
    for draw, order in enumerate(orders.to(others.device)):
        inverse = torch.empty_like(order)
        inverse[order] = torch.arange(n, device=order.device)
        for i in range(0, n, step):
            whose = order[i : i + step]
            met = table[start[i : i + step] + inverse[others[whose]]]  # (m, W, L)
            out[draw] += of(met.transpose(1, 2) @ belongs[whose]).sum(0).cpu()
    return out


def _together(rights: Sequence[Neighbours]) -> tuple[torch.Tensor, torch.Tensor]:
    """Each sample's neighbours in any right layer, (n, W) padded with 0, and which layers hold them, (n, W, M)."""
    n, device = rights[0].n, rights[0].lists.device
    edges = [layer.edges() for layer in rights]
    keys, place = torch.cat([rows * n + others for rows, others in edges]).unique(return_inverse=True)
    rows = keys // n
    first = torch.searchsorted(rows, torch.arange(n, device=device))
    column = torch.arange(len(keys), device=device) - first[rows]
    width = int(column.max()) + 1 if len(keys) else 1
    others = torch.zeros(n, width, dtype=torch.int64, device=device)
    others[rows, column] = keys % n
    belongs = torch.zeros(n, width, len(rights), dtype=torch.float32, device=device)
    layer = torch.repeat_interleave(
        torch.arange(len(rights), device=device), torch.tensor([len(r) for r, _ in edges], device=device)
    )
    belongs[rows[place], column[place], layer] = 1.0
    return others, belongs
