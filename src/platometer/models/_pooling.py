"""Pooling: how tokens or pixels become one vector per item."""

from __future__ import annotations

import torch

from platometer.errors import InputError, ModelError, SpecError, suggestion

POOLINGS = ("auto", "mean", "cls", "first", "last", "max", "average", "none")
"""``mean``: over valid tokens (for pictures: over patches, without class and register tokens) or over the map;
``cls``: the class token, which is the first; ``first``, ``last``: the first or last valid token; ``max``: the largest
value over valid tokens or the map; ``average``: the same as ``mean``, the usual word for maps; ``none``: everything,
flattened; ``auto``: see `chosen`."""


def check(pooling: str) -> str:
    """The pooling's name, if there is one of that name.

    Parameters
    ----------
    pooling : one of `POOLINGS`.

    Raises
    ------
    SpecError
        There is none; the nearest is suggested.
    """
    if pooling not in POOLINGS:
        raise SpecError(f"There is no pooling {pooling!r}. {suggestion(str(pooling), POOLINGS)}")
    return pooling


def chosen(pooling: str, modality: str, prefix: int) -> str:
    """What ``auto`` stands for: ``cls`` for pictures with a class token, else ``mean``.

    Parameters
    ----------
    pooling : asked for.
    modality : of the model.
    prefix : number of class tokens before the first patch.
    """
    if check(pooling) != "auto":
        return pooling
    return "cls" if modality == "image" and prefix > 0 else "mean"


def pool(
    value: torch.Tensor, pooling: str, *, mask: torch.Tensor | None = None, prefix: int = 0, layer: str = "",
    channels: str = "first", items: int | None = None,
) -> torch.Tensor:
    """One vector per item, (B, d).

    Parameters
    ----------
    value : (B, d), taken as it is; tokens (B, T, d); or a map (B, C, H, W).
    pooling : one of `POOLINGS` but ``auto``.
    mask : (B, T), nonzero where a token is valid; padding may be on either side. None if all are valid.
    prefix : tokens before the first patch, left out of ``mean``, ``average`` and ``max``.
    layer : named in errors.
    channels : ``"last"`` if maps are (B, H, W, C).
    items : how many vectors are expected; B if None.

    Raises
    ------
    ModelError
        The layer's output has no such shape, or no such token.
    InputError
        An item has no valid tokens.
    """
    if value.ndim not in (2, 3, 4) or (items is not None and len(value) != items):
        raise ModelError(f"Layer {layer!r} gives {tuple(value.shape)} for {len(value) if items is None else items} items; "
                         "expected (B, d), (B, T, d) or (B, C, H, W), one entry per item first. Choose other layers.")
    if value.ndim == 2:
        return value
    if value.ndim == 4:
        return _map(value, pooling, layer, (1, 2) if channels == "last" else (2, 3))
    if pooling == "none":
        if mask is not None and not bool(mask.all()):
            raise ModelError(f"Pooling 'none' keeps every token of layer {layer!r}, and the items of a batch differ in length; "
                             "use 'mean'.")
        return value.flatten(1)
    return _tokens(value, pooling, _valid(value, pooling, mask, prefix, layer))


def _valid(value: torch.Tensor, pooling: str, mask: torch.Tensor | None, prefix: int, layer: str) -> torch.Tensor:
    """(B, T), true for the tokens that count."""
    if mask is not None and mask.shape != value.shape[:2]:
        raise ModelError(f"Layer {layer!r} gives {value.shape[1]} tokens and the mask has {mask.shape[1]}, so padding cannot "
                         "be told from content. Choose other layers.")
    valid = torch.ones(value.shape[:2], dtype=torch.bool, device=value.device) if mask is None else mask.to(value.device).bool()
    if prefix and pooling in ("mean", "average", "max"):
        if prefix >= value.shape[1]:
            raise ModelError(f"Layer {layer!r} gives {value.shape[1]} tokens, of which {prefix} are class or register tokens; "
                             "none is left to pool. Use pooling 'cls'.")
        valid = valid.clone()
        valid[:, :prefix] = False
    if not bool(valid.any(1).all()):
        raise InputError(f"Item {int((~valid.any(1)).nonzero()[0])} of a batch has no tokens. Is a text empty?")
    return valid


def _tokens(value: torch.Tensor, pooling: str, valid: torch.Tensor) -> torch.Tensor:
    if pooling in ("mean", "average"):
        wide = value.to(torch.promote_types(value.dtype, torch.float32)).masked_fill(~valid[..., None], 0)
        return (wide.sum(1) / valid.sum(1, keepdim=True)).to(value.dtype)
    if pooling == "max":
        return value.masked_fill(~valid[..., None], -torch.inf).amax(1)
    place = valid.shape[1] - 1 - valid.flip(1).int().argmax(1) if pooling == "last" else valid.int().argmax(1)
    return value[torch.arange(len(value), device=value.device), place]


def _map(value: torch.Tensor, pooling: str, layer: str, sides: tuple[int, int]) -> torch.Tensor:
    if pooling == "none":
        return value.flatten(1)
    if pooling == "max":
        return value.amax(sides)
    if pooling in ("cls", "first", "last"):
        raise ModelError(f"Layer {layer!r} gives a map {tuple(value.shape)}, which has no {pooling} token; use 'average'.")
    return value.to(torch.promote_types(value.dtype, torch.float32)).mean(sides).to(value.dtype)
