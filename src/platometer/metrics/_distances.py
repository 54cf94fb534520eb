"""Euclidean distances between samples, by a matrix product, with what cancels in it computed again."""

from __future__ import annotations

import torch

_CANCELS = 1e-5  # squared distances below this share of the squared norms have lost digits in the product
_CHUNK = 2**22  # entries held at once


def squared_distances(x: torch.Tensor) -> torch.Tensor:
    """|x_i - x_j|^2, (n, n), symmetric with a zero diagonal; equal rows are at distance zero exactly.

    Parameters
    ----------
    x : (n, d), centred.
    """
    norms = (x * x).sum(1)
    both = norms[:, None] + norms[None]
    found = both - 2 * (x @ x.T)
    rows, columns = (found <= _CANCELS * both).triu(1).nonzero(as_tuple=True)
    step = max(1, _CHUNK // x.shape[1])
    for start in range(0, len(rows), step):
        i, j = rows[start : start + step], columns[start : start + step]
        found[i, j] = ((x[i] - x[j]) ** 2).sum(1)
    upper = found.triu(1)
    return upper + upper.T


def distances(x: torch.Tensor) -> torch.Tensor:
    """|x_i - x_j|, (n, n), symmetric with a zero diagonal.

    Parameters
    ----------
    x : (n, d), centred.
    """
    return squared_distances(x).clamp_min(0).sqrt()
