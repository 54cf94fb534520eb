"""Words as vectors, and vectors as scores of words."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F


class Embedding(nn.Module):
    """Numbers of words (b, t) -> (b, t, width), their places added where the network has no other way to know them.

    Parameters
    ----------
    words : size of the vocabulary.
    width : of a vector.
    context : the longest text; 0 if places are not told.
    """

    def __init__(self, words: int, width: int, context: int = 0):
        super().__init__()
        self.word = nn.Embedding(words, width)
        nn.init.normal_(self.word.weight, std=0.05)
        self.place = nn.Embedding(context, width) if context else None
        if self.place is not None:
            nn.init.normal_(self.place.weight, std=0.05)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.word(ids)
        return x if self.place is None else x + self.place(torch.arange(ids.shape[1], device=ids.device))

    def scores(self, x: torch.Tensor) -> torch.Tensor:
        """(b, t, words), by the words' own vectors.

        Parameters
        ----------
        x : (b, t, width).
        """
        return F.linear(x, self.word.weight)
