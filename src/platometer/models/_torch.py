"""A model around any torch module: layers caught by forward hooks, pooled to one vector per item."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import torch
from torch import nn

from platometer.cards import Card
from platometer.errors import ModelError
from platometer.models import _pooling


@dataclass(frozen=True)
class Inputs:
    """What a module is called with for one batch.

    Attributes
    ----------
    args, kwargs : of the call; tensors are moved to the module's device.
    mask : (B, T), nonzero where a token is valid; None if all are.
    """

    args: tuple = ()
    kwargs: Mapping[str, object] = field(default_factory=dict)
    mask: torch.Tensor | None = None


@dataclass(frozen=True)
class Point:
    """Where a layer is caught.

    Attributes
    ----------
    name : of the layer.
    path : of the module in the network.
    side : ``"output"`` of the module, its ``"input"``, or the network's ``"result"``.
    """

    name: str
    path: str = ""
    side: str = "output"


@dataclass(frozen=True, eq=False)
class TorchModel:
    """A `platometer.models.Model` around a torch module; see there for what it does.

    Attributes
    ----------
    module : the network, in evaluation mode on its device.
    points : where the layers are caught, in order of depth.
    prepare : items -> Inputs.
    card, modality, details : as the protocol says.
    pooling : one of `_pooling.POOLINGS` but ``auto``.
    prefix : tokens before the first patch.
    concat : whether the layers are joined into one.
    limit : context length; None if there is none.
    count : items -> their lengths in tokens; None if they have no length.
    """

    module: nn.Module = field(repr=False)
    points: tuple[Point, ...]
    prepare: Callable[[Sequence], Inputs] = field(repr=False)
    card: Card
    modality: str
    details: Mapping[str, object]
    pooling: str = "mean"
    prefix: int = 0
    concat: bool = False
    limit: int | None = None
    count: Callable[[Sequence], list[int]] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "details", MappingProxyType(dict(self.details)))

    def layers(self) -> tuple[str, ...]:
        """Names of the layers, in order of depth."""
        return ("concat",) if self.concat else tuple(point.name for point in self.points)

    def lengths(self, items: Sequence) -> list[int]:
        """Length of each item in tokens, uncut; 1 each where the model has no lengths.

        Parameters
        ----------
        items : of the model's modality.
        """
        return self.count(items) if self.count is not None else [1] * len(items)

    def encode(self, items: Sequence) -> dict[str, torch.Tensor]:
        """One vector per item and layer, (len(items), d).

        Parameters
        ----------
        items : of the model's modality.
        """
        device = _device(self.module)
        inputs = self.prepare(items)
        mask = None if inputs.mask is None else inputs.mask.to(device)
        with torch.inference_mode():
            caught = self._caught(_moved(inputs.args, device), _moved(dict(inputs.kwargs), device))
            pooled = {
                name: _pooling.pool(value, self.pooling, mask=mask, prefix=self.prefix, layer=name)
                for name, value in caught.items()
            }
            if self.concat:
                pooled = {"concat": torch.cat(list(pooled.values()), dim=1)}
        return {name: value.clone() for name, value in pooled.items()}

    def _caught(self, args: tuple, kwargs: dict) -> dict[str, torch.Tensor]:
        seen: dict[str, torch.Tensor] = {}
        hooks = []
        try:
            for point in self.points:
                if point.side == "result":
                    continue
                part = self.module.get_submodule(point.path)
                if point.side == "input":
                    hooks.append(part.register_forward_pre_hook(_catch_input(seen, point.name), with_kwargs=True))
                else:
                    hooks.append(part.register_forward_hook(_catch_output(seen, point.name)))
            result = self.module(*args, **kwargs)
        finally:
            for hook in hooks:
                hook.remove()
        for point in self.points:
            if point.side == "result":
                seen[point.name] = first_tensor(result)
            if seen.get(point.name) is None:
                raise ModelError(f"{self.card.name}: the layer {point.name!r} gave no tensor; it was not used in the forward "
                                 "pass, or gives something else. Choose other layers.")
        return {point.name: seen[point.name] for point in self.points}


def first_tensor(value: object) -> torch.Tensor | None:
    """The tensor in a module's output: itself, or the first in a tuple, list, dictionary or output object.

    Parameters
    ----------
    value : what a module returned.
    """
    if isinstance(value, torch.Tensor):
        return value if value.is_floating_point() else None
    if isinstance(value, Mapping):
        hidden = value.get("last_hidden_state")
        return hidden if hidden is not None else first_tensor(list(value.values()))
    if isinstance(value, tuple | list):
        return next((found for found in map(first_tensor, value) if found is not None), None)
    return None


def parameters(module: nn.Module) -> int:
    """Number of parameters, shared ones counted once; packed 4-bit weights count as they were before packing.

    Parameters
    ----------
    module : the network.
    """
    total = 0
    for p in module.parameters():
        state = getattr(p, "quant_state", None)
        shape = getattr(state, "shape", None)
        total += int(torch.Size(shape).numel()) if shape is not None else p.numel()
    return total


def _catch_output(seen: dict, name: str) -> Callable:
    def hook(module: nn.Module, args: object, output: object) -> None:
        found = first_tensor(output)
        if found is not None:
            seen[name] = found

    return hook


def _catch_input(seen: dict, name: str) -> Callable:
    def hook(module: nn.Module, args: tuple, kwargs: dict) -> None:
        found = first_tensor(args) if args else None
        found = found if found is not None else kwargs.get("hidden_states")
        if found is not None:
            seen[name] = found

    return hook


def _device(module: nn.Module) -> torch.device:
    return next((p.device for p in module.parameters()), torch.device("cpu"))


def _moved(value: object, device: torch.device) -> object:
    if isinstance(value, torch.Tensor):
        return value.to(device)
    if isinstance(value, Mapping):
        return {key: _moved(part, device) for key, part in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(_moved(part, device) for part in value)
    return value
