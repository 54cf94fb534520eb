"""Literal twins of how these numbers are computed elsewhere, written from the descriptions of the algorithms.

The code released with the paper (Huh et al. 2024) takes one pair of layers at a time and starts from the features: rows
to unit length, the full product, the diagonal out of the way, each row sorted, two n x n tables of zeros and ones; for
CKA both Gram matrices and three HSICs, each with products of n x n matrices. Calibration code (Groeger et al. 2026) keeps
neighbour indices or Gram matrices and, for each draw and pair of layers, moves one side's and compares again.
"""

from __future__ import annotations

import torch
from torch.nn.functional import normalize


def neighbours(x: torch.Tensor, k: int, *, by: str) -> torch.Tensor:
    """(n, k): nearest by inner product, found by sorting all of each row, or by topk.

    Parameters
    ----------
    x : (n, d).
    k : neighbours.
    by : ``"sort"`` or ``"topk"``.
    """
    similar = (x @ x.T).fill_diagonal_(-1e8)
    if by == "sort":
        return similar.sort(dim=1, descending=True).indices[:, :k]
    return similar.topk(k, dim=1).indices


def mutual_knn(x: torch.Tensor, y: torch.Tensor, k: int, *, by: str = "sort") -> float:
    """The score of one pair of layers, from the features.

    Parameters
    ----------
    x, y : (n, d), (n, p).
    k : neighbours.
    by : as for `neighbours`.
    """
    held = []
    for side in (x, y):
        found = neighbours(normalize(side, dim=1), k, by=by)
        table = torch.zeros(len(side), len(side))
        table.scatter_(1, found, 1.0)
        held.append(table)
    return float((held[0] * held[1]).sum(1).div(k).mean())


def hsic_biased(K: torch.Tensor, L: torch.Tensor) -> torch.Tensor:
    """tr(KHLH), by products with H.

    Parameters
    ----------
    K, L : (n, n).
    """
    n = len(K)
    H = torch.eye(n) - 1 / n
    return torch.trace(K @ H @ L @ H)


def hsic_debiased(K: torch.Tensor, L: torch.Tensor) -> torch.Tensor:
    """Song et al. 2012, eq. 5, whose last term is the sum over a product of n x n matrices.

    Parameters
    ----------
    K, L : (n, n).
    """
    n = len(K)
    K, L = K.clone().fill_diagonal_(0), L.clone().fill_diagonal_(0)
    total = (K * L.T).sum() + K.sum() * L.sum() / ((n - 1) * (n - 2)) - 2 * (K @ L).sum() / (n - 2)
    return total / (n * (n - 3))


HSIC = {"biased": hsic_biased, "debiased": hsic_debiased}


def cka(x: torch.Tensor, y: torch.Tensor, estimator: str, *, unit: bool = True) -> float:
    """The score of one pair of layers, from the features.

    Parameters
    ----------
    x, y : (n, d), (n, p).
    estimator : ``"biased"`` or ``"debiased"``.
    unit : whether rows are brought to unit length.
    """
    if unit:
        x, y = normalize(x, dim=1), normalize(y, dim=1)
    K, L, hsic = x @ x.T, y @ y.T, HSIC[estimator]
    return float(hsic(K, L) / ((hsic(K, K) * hsic(L, L)).sqrt() + 1e-6))


def null_mutual_knn(left: list[torch.Tensor], right: list[torch.Tensor], orders: torch.Tensor) -> torch.Tensor:
    """(B,) maxima over all pairs: per draw, lists renamed; per pair, kept lists compared.

    Parameters
    ----------
    left, right : neighbour lists (n, k).
    orders : (B, n).
    """
    maxima = []
    for order in orders:
        name = order.argsort()
        moved = [name[b[order]] for b in right]
        best = 0.0
        for a in left:
            for b in moved:
                best = max(best, float((a[:, :, None] == b[:, None, :]).any(2).float().mean()))
        maxima.append(best)
    return torch.tensor(maxima)


def null_cka(K: torch.Tensor, L: torch.Tensor, orders: torch.Tensor, estimator: str) -> torch.Tensor:
    """(B,) of one pair of kept Gram matrices: moved and, if biased, multiplied and summed; if debiased, HSIC anew.

    Parameters
    ----------
    K, L : (n, n); centred and of unit norm for the biased estimator.
    orders : (B, n).
    estimator : which.
    """
    out = []
    for order in orders:
        moved = L[order][:, order]
        out.append((K * moved).sum() if estimator == "biased" else hsic_debiased(K, moved))
    return torch.stack(out)
