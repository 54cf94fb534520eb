"""A recurrent network."""

from __future__ import annotations

import torch
from torch import nn

from platometer.networks._words import Embedding


class Recurrent(nn.Module):
    """Numbers of words (b, t) -> scores of the next word (b, t, words), by gated recurrent units (Cho et al. 2014).

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
        self.blocks: nn.Sequential = nn.Sequential(*(Gated(width, dropout) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.embed.scores(self.norm(self.blocks(self.embed(ids))))


class Gated(nn.Module):
    """A recurrent unit, added to what came in.

    Parameters
    ----------
    width : of a vector.
    dropout : share of what is added that is dropped.
    """

    def __init__(self, width: int, dropout: float = 0.0):
        super().__init__()
        self.norm, self.unit, self.drop = nn.LayerNorm(width), nn.GRU(width, width, batch_first=True), nn.Dropout(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.drop(self.unit(self.norm(x))[0])
