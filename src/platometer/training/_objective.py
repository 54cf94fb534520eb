"""What the loop asks of an objective."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import nn


class Objective(nn.Module):
    """A network, its heads and its data, with the loss of any rows of the data.

    Parameters
    ----------
    network : to be trained, in place.
    items : how many rows the data has.
    """

    network: nn.Module

    def __init__(self, network: nn.Module, items: int):
        super().__init__()
        self.network, self.items = network, items

    @abstractmethod
    def loss(self, rows: torch.Tensor, chance: torch.Generator) -> torch.Tensor:
        """The mean loss of some rows, a scalar.

        Parameters
        ----------
        rows : (b,) places in the data.
        chance : the only source of chance, apart from dropout.
        """


def headed(make: type[nn.Module], *args: int, seed: int) -> nn.Module:
    """A head whose weights come from the seed and leave torch's own generator as it was.

    Parameters
    ----------
    make : class of the module.
    args : of its constructor.
    seed : of its weights.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make(*args)
