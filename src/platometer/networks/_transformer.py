"""Transformers: one that sees all patches of a picture at once, one that reads words and never looks ahead."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from platometer.networks._words import Embedding


class Block(nn.Module):
    """Attention and a two-layer network, each added to what came in.

    Parameters
    ----------
    width : of a vector.
    heads : of the attention; must divide the width.
    causal : whether later places are hidden from earlier ones.
    dropout : share of what is added that is dropped.
    """

    def __init__(self, width: int, heads: int, *, causal: bool, dropout: float):
        super().__init__()
        self.heads, self.causal = heads, causal
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attend, self.join = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = (part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in self.attend(self.before(x)).chunk(3, dim=2))
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal).transpose(1, 2).flatten(2)
        x = x + self.drop(self.join(seen))
        return x + self.drop(self.narrow(F.gelu(self.wide(self.between(x)))))


class Vision(nn.Module):
    """Pictures (b, 3, side, side) in [-1, 1] -> (b, width): patches, blocks, and the mean over places.

    Parameters
    ----------
    width : of a vector, a multiple of `heads`.
    depth : number of blocks.
    heads : of the attention.
    side : of the picture.
    patch : side of a patch; must divide the picture's.
    dropout : see `Block`.
    """

    def __init__(self, width: int, depth: int, *, heads: int = 4, side: int = 48, patch: int = 8, dropout: float = 0.0):
        super().__init__()
        self.width = width
        self.patches = nn.Conv2d(3, width, patch, stride=patch)
        self.place = nn.Parameter(0.02 * torch.randn((side // patch) ** 2, width))
        self.blocks: nn.Sequential = nn.Sequential(*(Block(width, heads, causal=False, dropout=dropout) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)

    def places(self, x: torch.Tensor) -> torch.Tensor:
        """(b, (side / patch)^2, width), row by row.

        Parameters
        ----------
        x : as for the network.
        """
        return self.norm(self.blocks(self.patches(x).flatten(2).transpose(1, 2) + self.place))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.places(x).mean(1)


class Causal(nn.Module):
    """Numbers of words (b, t) -> scores of the next word (b, t, words).

    Texts are padded on the right; what comes later is never seen, so padding changes nothing before it.

    Parameters
    ----------
    words : size of the vocabulary.
    width : of a vector, a multiple of `heads`.
    depth : number of blocks.
    heads : of the attention.
    context : the longest text.
    dropout : see `Block`.
    """

    def __init__(self, words: int, width: int, depth: int, *, heads: int = 4, context: int = 64, dropout: float = 0.0):
        super().__init__()
        self.width = width
        self.embed = Embedding(words, width, context)
        self.blocks: nn.Sequential = nn.Sequential(*(Block(width, heads, causal=True, dropout=dropout) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.embed.scores(self.norm(self.blocks(self.embed(ids))))
