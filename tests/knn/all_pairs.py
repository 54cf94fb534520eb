"""Neighbours as float64 products of all samples with all give them."""

from __future__ import annotations

import torch

from platometer.knn import TIE, Neighbours
from platometer.knn._lists import certain


def literal(x: torch.Tensor, k: int) -> Neighbours:
    """All similarities in float64, the k + 1 largest of each row, ties left out."""
    x = x.double()
    x = x / x.abs().max()
    similar = (x @ x.T).fill_diagonal_(-torch.inf)
    values, found = similar.topk(min(k + 1, len(x) - 1), dim=1)
    size = x.norm(dim=1)
    return Neighbours(*certain(values, found, k, TIE * size.max() * size[:, None]), k)
