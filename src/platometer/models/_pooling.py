"""Pooling: how tokens or pixels become one vector per item."""

from __future__ import annotations

import torch

from platometer.errors import InputError, ModelError, SpecError, suggestion

POOLINGS = ("auto", "mean", "cls", "first", "last", "max", "average", "none")
"""``mean``: over valid tokens (for pictures: over patches, without class and register tokens) or over the map;
``cls``, ``first``: the first token; ``last``: the last valid token; ``max``: the largest value over valid tokens or the
map; ``average``: over the whole map; ``none``: everything, flattened; ``auto``: see `chosen`."""


def check(pooling: str) -> str:
    """The pooling's name, if there is one of that name.

    Parameters
    ----------
    pooling : one of `POOLINGS`.
    """
    if pooling not in POOLINGS:
        raise SpecError(f"There is no pooling {pooling!r}. {suggestion(pooling, POOLINGS)}")
    return pooling


def chosen(pooling: str, modality: str, prefix: int) -> str:
    """What ``auto`` stands for: ``cls`` for pictures with a class token, else ``mean`` (maps are averaged either way).

    Parameters
    ----------
    pooling : asked for.
    modality : of the model.
    prefix : tokens before the first patch.
    """
    if check(pooling) != "auto":
        return pooling
    return "cls" if modality == "image" and prefix > 0 else "mean"


def pool(
    value: torch.Tensor, pooling: str, *, mask: torch.Tensor | None = None, prefix: int = 0, layer: str = ""
) -> torch.Tensor:
    """One vector per item, (B, d).

    Parameters
    ----------
    value : (B, d), taken as it is; tokens (B, T, d); or a map (B, C, H, W) or (B, H, W, C), told apart by which two
        sides are equal.
    pooling : one of `POOLINGS` but ``auto``.
    mask : (B, T), nonzero where a token is valid, for text and sound; None if all are.
    prefix : tokens before the first patch, left out of ``mean`` and ``max``.
    layer : named in errors.

    Raises
    ------
    ModelError
        The layer's output has no such shape.
    InputError
        An item has no valid tokens.
    """
    if value.ndim == 2:
        return value
    if value.ndim == 4:
        return _map(value, pooling, layer)
    if value.ndim != 3:
        raise ModelError(f"Layer {layer!r} gives {tuple(value.shape)}; expected (B, d), (B, T, d) or (B, C, H, W). "
                         "Choose other layers.")
    if pooling == "none":
        return value.flatten(1)
    if mask is not None and mask.shape != value.shape[:2]:
        mask = None if mask.shape[1] != value.shape[1] else mask
    if mask is None:
        mask = torch.ones(value.shape[:2], dtype=torch.bool, device=value.device)
        if prefix < value.shape[1] and pooling in ("mean", "average", "max"):
            mask[:, :prefix] = False
    mask = mask.to(value.device).bool()
    if not mask.any(1).all():
        raise InputError(f"Item {int((~mask.any(1)).nonzero()[0])} of a batch has no tokens. Is a text empty?")
    if pooling in ("mean", "average"):
        weight = mask[..., None].to(torch.float32)
        return ((value.float() * weight).sum(1) / weight.sum(1)).to(value.dtype)
    if pooling == "max":
        return value.masked_fill(~mask[..., None], -torch.inf).amax(1)
    place = mask.int().argmax(1) if pooling in ("cls", "first") else mask.shape[1] - 1 - mask.flip(1).int().argmax(1)
    return value[torch.arange(len(value), device=value.device), place]


def _map(value: torch.Tensor, pooling: str, layer: str) -> torch.Tensor:
    last = value.shape[1] == value.shape[2] != value.shape[3]  # (B, H, W, C), as Swin gives
    sides = (1, 2) if last else (2, 3)
    if pooling == "none":
        return value.flatten(1)
    if pooling == "max":
        return value.amax(sides)
    if pooling in ("first", "last"):
        raise ModelError(f"Layer {layer!r} gives a map {tuple(value.shape)}, which has no {pooling} token; use 'average'.")
    return value.float().mean(sides).to(value.dtype)
