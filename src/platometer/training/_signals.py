"""Objectives for sounds and paths: what comes next."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from platometer.errors import ShapeError
from platometer.training._objective import Objective, headed


class NextPart(Objective):
    """Every next step of a series is told from those before it; the loss is the mean squared error of the next few steps.

    Steps are differences of the series, divided by their deviation over all of it; 1 is the loss of telling their mean.

    Parameters
    ----------
    network : with ``states(series (b, t, d)) -> (b, t, network.width)``; what comes later must not be seen.
    series : (n, t, d).
    ahead : how many steps are told at once.
    seed : of the head, one linear map.
    """

    def __init__(self, network: nn.Module, series: torch.Tensor, *, ahead: int = 8, seed: int = 0):
        super().__init__(network, len(series))
        if series.ndim != 3 or series.shape[1] <= ahead + 1:
            raise ShapeError(f"Series of shape {tuple(series.shape)}; expected (n, t, d) with t > {ahead + 1}.")
        steps = series.diff(dim=1)
        mean, spread = steps.mean((0, 1)), steps.std((0, 1)).clamp(min=1e-6)
        self._data, self._ahead = (series, mean, spread), ahead
        self.head = headed(nn.Linear, int(network.width), ahead * series.shape[2], seed=seed)  # type: ignore[arg-type]

    def loss(self, rows: torch.Tensor, chance: torch.Generator) -> torch.Tensor:
        series, mean, spread = self._data
        x = series[rows]
        steps = ((x.diff(dim=1) - mean) / spread).unfold(1, self._ahead, 1)  # (b, t - ahead, d, ahead)
        told = self.head(self.network.states(x)[:, : steps.shape[1]])  # type: ignore[operator]
        return F.mse_loss(told, steps.flatten(2))


def other_sounds(sounds: torch.Tensor, chance: torch.Generator) -> torch.Tensor:
    """Other views of the same sounds, (b, t): begun elsewhere (what is cut off comes last), louder or softer, with new noise.

    Parameters
    ----------
    sounds : (b, t).
    chance : a generator.
    """
    n, t = sounds.shape
    start = torch.randint(0, t, (n, 1), generator=chance)
    moved = sounds.gather(1, (torch.arange(t)[None] + start) % t)
    gain = 0.5 + torch.rand(n, 1, generator=chance)
    level = 0.05 + 0.15 * torch.rand(n, 1, generator=chance)
    deviation = sounds.std(1, keepdim=True)
    return gain * (moved + level * deviation * torch.randn(n, t, generator=chance))
