"""Objectives for pictures, and for anything else a network turns into one vector: telling apart, filling in, naming."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import nn
from torch.nn import functional as F

from platometer.errors import ShapeError, SpecError
from platometer.training._objective import Objective, headed

Change = Callable[[torch.Tensor, torch.Generator], torch.Tensor]
"""(items (b, ...), chance) -> other views of the same items, of the same shape."""


class Contrastive(Objective):
    """Two views of an item are alike, views of other items of the batch are not (InfoNCE; Chen et al. 2020, eq. 1).

    The loss is the cross-entropy, in nats, of finding an item's other view among the 2 b - 1 other views of the batch.

    Parameters
    ----------
    network : items (b, ...) -> (b, ``network.width``).
    items : (n, ...), as the network takes them, or integers that `change` makes such of.
    change : see `Change`.
    temperature : of the similarities.
    seed : of the head, two layers that are thrown away.
    """

    def __init__(self, network: nn.Module, items: torch.Tensor, change: Change, *, temperature: float = 0.1, seed: int = 0):
        super().__init__(network, len(items))
        self._data, self._change, self._temperature = (items,), change, temperature  # a tuple is no part of the state
        self.head = headed(_Head, int(network.width), seed=seed)  # type: ignore[arg-type]

    def loss(self, rows: torch.Tensor, chance: torch.Generator) -> torch.Tensor:
        chosen = self._data[0][rows]
        views = torch.cat([self._change(chosen, chance), self._change(chosen, chance)])
        z = F.normalize(self.head(self.network(views)), dim=1)
        alike = (z @ z.T / self._temperature).fill_diagonal_(-torch.inf)
        return F.cross_entropy(alike, torch.arange(len(z)).roll(len(rows)))


class Masked(Objective):
    """The hidden patches of a picture are told from those left (Xie et al. 2022).

    The network sees the whole picture with some patches blanked. Each place of its map tells the pixels of its own part of
    the picture; the loss is the mean squared error over hidden pixels, in units of their variance over all pictures, so that
    1 is the loss of telling their mean.

    Parameters
    ----------
    network : with ``places(pictures (b, 3, s, s)) -> (b, h * h, network.width)``, row by row.
    pictures : (n, s, s, 3) uint8; mean and variance are those of the first thousand.
    patch : side of what is hidden at once; must divide s.
    hidden : share of the patches.
    seed : of the head, one linear map.
    """

    def __init__(self, network: nn.Module, pictures: torch.Tensor, *, patch: int = 8, hidden: float = 0.6, seed: int = 0):
        super().__init__(network, len(pictures))
        side = pictures.shape[1]
        if side % patch or not 0 < hidden < 1:
            raise SpecError(f"patch = {patch}, hidden = {hidden}; expected a divisor of {side} and a share between 0 and 1.")
        few = centred(pictures[:1024])
        self._data = (pictures, few.mean((0, 2, 3))[:, None, None], few.std((0, 2, 3)).clamp(min=1e-3)[:, None, None])
        self._patch, self._hidden = patch, hidden
        with torch.no_grad():
            places = network.places(torch.zeros(1, 3, side, side)).shape[1]  # type: ignore[operator]
        self._grid = round(places**0.5)
        if self._grid**2 != places or side % self._grid:
            raise ShapeError(f"The network gives {places} places for a picture of side {side}; expected a square grid that "
                             "divides it.")
        self.head = headed(nn.Linear, int(network.width), 3 * (side // self._grid) ** 2, seed=seed)  # type: ignore[arg-type]

    def loss(self, rows: torch.Tensor, chance: torch.Generator) -> torch.Tensor:
        pictures, mean, spread = self._data
        x = (centred(pictures[rows]) - mean) / spread
        side, grid = x.shape[2], x.shape[2] // self._patch
        order = torch.rand(len(x), grid * grid, generator=chance).argsort(1).argsort(1)
        mask = (order < round(self._hidden * grid * grid)).view(-1, 1, grid, grid).float()
        wide = mask.repeat_interleave(self._patch, 2).repeat_interleave(self._patch, 3)
        shown = x * (1 - wide) * spread + mean  # the mean colour in place of what is hidden
        told = self.head(self.network.places(shown))  # type: ignore[operator]
        told = told.transpose(1, 2).unflatten(2, (self._grid, self._grid))
        told = F.pixel_shuffle(told, side // self._grid)
        return (((told - x) ** 2).mean(1, keepdim=True) * wide).sum() / wide.sum()


class Supervised(Objective):
    """Every attribute is named from the network's vector by a linear map of its own; the loss is the mean cross-entropy.

    Parameters
    ----------
    network : items (b, ...) -> (b, ``network.width``).
    items : (n, ...), as the network takes them, or integers that `change` makes such of.
    labels : attribute -> (n,) whole numbers from 0.
    change : see `Change`; items as they are if None.
    seed : of the heads.
    """

    def __init__(self, network: nn.Module, items: torch.Tensor, labels: Mapping[str, torch.Tensor], *,
                 change: Change | None = None, seed: int = 0):
        super().__init__(network, len(items))
        for name, column in labels.items():
            if column.shape != (len(items),):
                raise ShapeError(f"The labels {name!r} have the shape {tuple(column.shape)}; expected ({len(items)},).")
        if not labels:
            raise SpecError("labels is empty; expected at least one attribute to learn.")
        self._data, self._change = (items, dict(labels)), change
        self._counts = [int(column.max()) + 1 for column in labels.values()]
        self.head = headed(nn.Linear, int(network.width), sum(self._counts), seed=seed)  # type: ignore[arg-type]

    def loss(self, rows: torch.Tensor, chance: torch.Generator) -> torch.Tensor:
        x = self._data[0][rows]
        told = self.head(self.network(x if self._change is None else self._change(x, chance))).split(self._counts, dim=1)
        losses = [F.cross_entropy(scores, column[rows]) for scores, column in zip(told, self._data[1].values(), strict=True)]
        return torch.stack(losses).mean()


class _Head(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.first, self.second = nn.Linear(width, max(width, 64)), nn.Linear(max(width, 64), 64)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(F.gelu(self.first(x)))


def centred(pictures: torch.Tensor) -> torch.Tensor:
    """(n, h, w, 3) uint8 -> (n, 3, h, w) in [-1, 1].

    Parameters
    ----------
    pictures : as drawn.
    """
    return pictures.permute(0, 3, 1, 2).float() / 127.5 - 1


def other_pictures(pictures: torch.Tensor, chance: torch.Generator) -> torch.Tensor:
    """Other views of the same scenes, (b, 3, s, s): another light and tint, shifted and enlarged, with new noise.

    They are not mirrored: what is left of what is a fact of the scene.

    Parameters
    ----------
    pictures : (b, s, s, 3) uint8.
    chance : a generator.
    """
    x, n = centred(pictures), len(pictures)
    u = torch.rand(n, 7, generator=chance)
    scale, zero = 0.6 + 0.4 * u[:, 0], torch.zeros(n)  # of the part that is shown, along each side
    shift = (1 - scale)[:, None] * (2 * u[:, 1:3] - 1)
    frame = torch.stack([torch.stack([scale, zero, shift[:, 0]], 1), torch.stack([zero, scale, shift[:, 1]], 1)], 1)
    moved = F.grid_sample(x, F.affine_grid(frame, list(x.shape), align_corners=False), align_corners=False,
                          padding_mode="reflection")
    contrast, tint = 0.7 + 0.6 * u[:, 3].view(-1, 1, 1, 1), 0.3 * (u[:, 4:7] - 0.5)[:, :, None, None]
    return moved * contrast + tint + 0.05 * torch.randn(moved.shape, generator=chance)
