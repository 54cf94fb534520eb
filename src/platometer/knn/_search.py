"""The search."""

from __future__ import annotations

import torch

from platometer.knn._lists import TIE, Neighbours, certain, check_k

BUDGET = 256 * 2**20  # bytes for one block of similarities


def neighbours(x: torch.Tensor, k: int, *, budget: int = BUDGET) -> Neighbours:
    """The k nearest of every sample by inner product, itself excluded, exactly.

    Parameters
    ----------
    x : (n, d) float64.
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
    n = x.shape[0]
    check_k(k, n)
    # scale by a power of two, which changes no digit, so that products neither overflow nor vanish
    top = float(x.abs().amax())
    x = x * 2.0 ** -int(torch.frexp(torch.tensor(top, dtype=torch.float64)).exponent) if top > 0 else x
    sizes = x.norm(dim=1)
    largest = float(sizes.amax())
    reach = min(k + 1, n - 1)
    lists = torch.empty(n, k, dtype=torch.int64, device=x.device)
    settled = torch.empty(n, k, dtype=torch.bool, device=x.device)
    step = max(1, min(n, budget // (8 * n)))
    for start in range(0, n, step):
        stop = min(start + step, n)
        similar = x[start:stop] @ x.T
        similar[torch.arange(stop - start), torch.arange(start, stop)] = -torch.inf
        values, found = similar.topk(reach, dim=1)
        tie = TIE * largest * sizes[start:stop, None]
        lists[start:stop], settled[start:stop] = certain(values, found, k, tie)
    return Neighbours(lists, settled, k)
