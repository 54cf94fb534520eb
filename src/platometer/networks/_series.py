"""Networks for what runs in time: a sound, a path."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from platometer.networks._recurrent import Gated


class Sound(nn.Module):
    """Waveforms (b, t) -> (b, 4 width), by convolutions along time, each a quarter as long as before.

    Parameters
    ----------
    width : channels of the first block, even.
    dropout : share of channels dropped after each block but the last.
    """

    def __init__(self, width: int, *, dropout: float = 0.0):
        super().__init__()
        self.width = 4 * width
        self.blocks: nn.Sequential = nn.Sequential(
            _Along(1, width, 32, 8, dropout), _Along(width, 2 * width, 8, 4, dropout),
            _Along(2 * width, 4 * width, 8, 4, dropout), _Along(4 * width, 4 * width, 8, 4, 0.0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.blocks(x[:, None]).mean(1)


class _Along(nn.Module):
    """A strided convolution along time: (b, 1, t), or (b, t, channels) -> (b, t', width), so that it can be pooled."""

    def __init__(self, before: int, width: int, kernel: int, stride: int, dropout: float):
        super().__init__()
        self.before = before
        self.conv = nn.Conv1d(before, width, kernel, stride=stride, padding=kernel // 2)
        self.norm, self.drop = nn.GroupNorm(2, width), nn.Dropout1d(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x if self.before == 1 else x.transpose(1, 2)
        return self.drop(F.gelu(self.norm(self.conv(x)))).transpose(1, 2)


class Path(nn.Module):
    """Paths (b, t, d) -> (b, width), by recurrent blocks; the mean over time.

    Parameters
    ----------
    width : of a vector.
    depth : number of blocks.
    d : coordinates of a place on the path.
    dropout : share of what a block adds that is dropped.
    """

    def __init__(self, width: int, depth: int, *, d: int = 2, dropout: float = 0.0):
        super().__init__()
        self.width = width
        self.embed = nn.Linear(2 * d, width)
        self.blocks: nn.Sequential = nn.Sequential(*(Gated(width, dropout) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)

    def states(self, x: torch.Tensor) -> torch.Tensor:
        """(b, t, width); each place knows the path up to it.

        Parameters
        ----------
        x : as for the network.
        """
        steps = F.pad(x.diff(dim=1), (0, 0, 1, 0))
        return self.norm(self.blocks(self.embed(torch.cat([x, 10 * steps], 2))))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.states(x).mean(1)
