"""Where in a model alignment peaks: its best score with any layer of its partners, by relative depth.

>>> found = layer_profile([{"left": "a", "right": "b", "alike": "high", "grid": [[0.1, 0.2], [0.6, 0.3], [0.4, 0.5]]}])
>>> found[0].model, found[0].peak, [round(value, 2) for value in found[0].curve[::5]]
('a', 0.5, [0.2, 0.6, 0.5])
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from platometer.errors import InputError

DEPTHS = tuple(i / 10 for i in range(11))
"""Relative depths of a profile's curve: 0 is the first layer, 1 the last."""


@dataclass(frozen=True)
class Profile:
    """How well each part of a model agrees with its partners.

    Attributes
    ----------
    model : its name.
    layers : how many it has.
    peak : relative depth of the best layer, mean over partners.
    curve : at `DEPTHS`, between layers along a line: score with the best layer of the partner, mean over partners.
    partners : how many.
    """

    model: str
    layers: int
    peak: float
    curve: tuple[float, ...]
    partners: int

    def __str__(self) -> str:
        told = " ".join(f"{value:.3g}" for value in self.curve[::2])
        return f"{self.model} ({self.layers} layers, {self.partners} partners): peak at {self.peak:.2f}; {told}"


def layer_profile(grids: Sequence[Mapping[str, Any]]) -> tuple[Profile, ...]:
    """The profile of every model with two layers or more, in the order in which they come.

    Parameters
    ----------
    grids : of one metric: ``left``, ``right``, ``alike`` and ``grid`` (L, M), rows being layers of the left model; such as the
        answers that a run keeps.

    Raises
    ------
    InputError
        A grid is none, or no model has two layers.
    """
    curves: dict[str, list[np.ndarray]] = {}
    peaks: dict[str, list[float]] = {}
    layers: dict[str, int] = {}
    for one in grids:
        grid = np.asarray(one["grid"], dtype=np.float64)
        if grid.ndim != 2 or not np.isfinite(grid).all():
            raise InputError(f"The grid of {one['left']!r} and {one['right']!r} has the shape {grid.shape}, or numbers that "
                             "are none; expected (layers, layers).")
        sign = -1.0 if one.get("alike") == "low" else 1.0
        for name, table in ((one["left"], sign * grid), (one["right"], sign * grid.T)):
            best = table.max(1)
            if len(best) > 1:
                depth = np.linspace(0, 1, len(best))
                layers[name] = len(best)
                peaks.setdefault(name, []).append(float(depth[best.argmax()]))
                curves.setdefault(name, []).append(sign * np.interp(DEPTHS, depth, best))
    if not layers:
        raise InputError("No model has two layers; there is no profile.")
    return tuple(Profile(name, count, float(np.mean(peaks[name])), tuple(map(float, np.mean(curves[name], axis=0))),
                         len(peaks[name])) for name, count in layers.items())
