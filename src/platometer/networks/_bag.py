"""A network that knows which words there were, and not their order."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from platometer.networks._words import Embedding


class Bag(nn.Module):
    """Numbers of words (b, t) -> scores of the next word (b, t, words), from the set of words so far and nothing else.

    Each place holds the mean vector of the words up to it, so the last one holds the whole bag.

    Parameters
    ----------
    words : size of the vocabulary.
    width : of a vector.
    depth : number of blocks.
    dropout : share of what a block adds that is dropped.
    """

    def __init__(self, words: int, width: int, depth: int, *, dropout: float = 0.0):
        super().__init__()
        self.width = width
        self.embed = Embedding(words, width)
        self.blocks: nn.Sequential = nn.Sequential(Gathered(width), *(Two(width, dropout) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.embed.scores(self.norm(self.blocks(self.embed(ids))))


class Gathered(nn.Module):
    """(b, t, width) -> the mean of the vectors up to each place, normalised.

    Parameters
    ----------
    width : of a vector.
    """

    def __init__(self, width: int):
        super().__init__()
        self.norm = nn.LayerNorm(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        count = torch.arange(1, x.shape[1] + 1, device=x.device, dtype=x.dtype)
        return self.norm(x.cumsum(1) / count[:, None])


class Two(nn.Module):
    """A two-layer network, added to what came in.

    Parameters
    ----------
    width : of a vector.
    dropout : share of what is added that is dropped.
    """

    def __init__(self, width: int, dropout: float = 0.0):
        super().__init__()
        self.norm, self.drop = nn.LayerNorm(width), nn.Dropout(dropout)
        self.wide, self.narrow = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.drop(self.narrow(F.gelu(self.wide(self.norm(x)))))
