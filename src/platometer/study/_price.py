"""What cells will cost: each metric tried once on this machine, on few layers and draws, and scaled up."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch

from platometer import nulls
from platometer.metrics import parse

_MOST = 1024  # samples of a trial; beyond it the price is taken to grow with n squared
_DRAWS = (2, 50)  # of a slow metric, and of one so fast that two draws show little but the call
_ENOUGH = 0.5  # seconds that say something even on a busy machine


@dataclass(frozen=True)
class Trial:
    """Measured seconds.

    Attributes
    ----------
    layer : to prepare one layer.
    draw : for one draw of one layer pair.
    """

    layer: float
    draw: float

    def seconds(self, left: int, right: int, draws: int) -> float:
        """Estimated time of one cell whose layers are not yet prepared.

        Parameters
        ----------
        left, right : layers.
        draws : of the null.
        """
        return self.layer * (left + right) + self.draw * left * right * (1 + draws)


def trial(metric: str, n: int, *, layers: int = 6) -> Trial:
    """What a metric costs on random features of this many samples.

    Parameters
    ----------
    metric : spec.
    n : samples.
    layers : of the trial.
    """
    m = min(n, _MOST)
    grown = (n / m) ** 2
    kind = parse(metric)
    generator = torch.Generator().manual_seed(0)
    x = [torch.randn(m, 64, generator=generator, dtype=torch.float64) for _ in range(layers)]
    moves = nulls.orders(m, _DRAWS[-1])
    first = [kind.prepare(value) for value in x[:1]]
    kind.null_grid(first, first, moves[:1])  # what is only loaded or compiled once is not in the price
    start = time.perf_counter()
    sides = [kind.prepare(value) for value in x]
    prepared = time.perf_counter() - start
    for draws in _DRAWS:
        start = time.perf_counter()
        kind.null_grid(sides, sides, moves[:draws])
        drawn = time.perf_counter() - start
        if drawn > _ENOUGH:
            break
    return Trial(layer=prepared / layers * grown, draw=drawn / (draws * layers**2) * grown)
