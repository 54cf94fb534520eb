"""A convolutional network of residual stages."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F


class Convolutional(nn.Module):
    """Pictures (b, 3, s, s) in [-1, 1] -> (b, 4 width): maps of side s/4, s/8 and s/16, the last one averaged.

    Its layers are two blocks a stage, one that widens (and halves, after the first stage) and one that is added to its input.

    Parameters
    ----------
    width : channels of the first stage, even.
    dropout : share of channels of a map that are dropped before they are added.
    """

    def __init__(self, width: int, *, dropout: float = 0.0):
        super().__init__()
        self.width = 4 * width
        self.stem = nn.Conv2d(3, width, 3, stride=2, padding=1)
        self.blocks: nn.Sequential = nn.Sequential(
            _Wider(width, width), _Residual(width, dropout),
            _Wider(width, 2 * width), _Residual(2 * width, dropout),
            _Wider(2 * width, 4 * width), _Residual(4 * width, dropout))

    def places(self, x: torch.Tensor) -> torch.Tensor:
        """(b, (s / 16)^2, 4 width), the last map row by row.

        Parameters
        ----------
        x : as for the network.
        """
        return self._map(x).flatten(2).transpose(1, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self._map(x).mean((2, 3))

    def _map(self, x: torch.Tensor) -> torch.Tensor:
        return self.blocks(F.gelu(self.stem(x.contiguous(memory_format=torch.channels_last))))


class _Wider(nn.Module):
    """A convolution that halves the sides."""

    def __init__(self, before: int, width: int):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(before, width, 3, stride=2, padding=1), nn.GroupNorm(2, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.gelu(self.norm(self.conv(x)))


class _Residual(nn.Module):
    """Two convolutions, added to what came in."""

    def __init__(self, width: int, dropout: float):
        super().__init__()
        self.norm, self.first = nn.GroupNorm(2, width), nn.Conv2d(width, width, 3, padding=1)
        self.between, self.second = nn.GroupNorm(2, width), nn.Conv2d(width, width, 3, padding=1)
        self.drop = nn.Dropout2d(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = self.first(F.gelu(self.norm(x)))
        return x + self.drop(self.second(F.gelu(self.between(inner))))
