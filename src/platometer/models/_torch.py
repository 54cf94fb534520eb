"""A model around any torch module: layers caught by forward hooks, pooled to one vector per item as they come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from platometer.cards import Card
from platometer.errors import InputError, ModelError, PlatometerError
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
    channels : ``"first"`` if maps are (B, C, H, W), ``"last"`` if they are (B, H, W, C).
    concat : whether the layers are joined into one.
    limit : context length; None if there is none.
    count : items -> their lengths; None if they have no length.
    apart : items -> one key each; items of different keys never share a batch. None if all may.
    """

    module: nn.Module = field(repr=False)
    points: tuple[Point, ...]
    prepare: Callable[[Sequence], Inputs] = field(repr=False)
    card: Card
    modality: str
    details: Mapping[str, object]
    pooling: str = "mean"
    prefix: int = 0
    channels: str = "first"
    concat: bool = False
    limit: int | None = None
    count: Callable[[Sequence], list[int]] | None = field(default=None, repr=False)
    apart: Callable[[Sequence], Sequence[Hashable]] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "details", MappingProxyType(dict(self.details)))

    def layers(self) -> tuple[str, ...]:
        """Names of the layers, in order of depth."""
        return ("concat",) if self.concat else tuple(point.name for point in self.points)

    def lengths(self, items: Sequence) -> list[int]:
        """Length of each item in tokens (sounds: in samples), uncut; 1 each where the model has no lengths.

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

        Raises
        ------
        ModelError
            A layer gave nothing that can be pooled, or the network failed.
        torch.OutOfMemoryError, MemoryError
            A smaller batch may do.
        """
        items = list(items)
        if not items:
            raise InputError(f"{self.card.name} was given no items; expected at least one.")
        groups: dict[Hashable, list[int]] = {}
        for row, key in enumerate([0] * len(items) if self.apart is None else self.apart(items)):
            groups.setdefault(key, []).append(row)
        found = [self._batch([items[row] for row in rows]) for rows in groups.values()]
        if len(found) == 1:
            return found[0]
        back = torch.tensor([row for rows in groups.values() for row in rows]).argsort()
        return {layer: torch.cat([part[layer] for part in found])[back.to(found[0][layer].device)] for layer in found[0]}

    def _batch(self, items: list) -> dict[str, torch.Tensor]:
        try:
            inputs = self.prepare(items)
            with torch.inference_mode():
                pooled = caught(
                    self.module, self.points, inputs,
                    lambda name, value, mask: _pooling.pool(value, self.pooling, mask=mask, prefix=self.prefix, layer=name,
                                                            channels=self.channels, items=len(items)))
        except (PlatometerError, MemoryError, torch.OutOfMemoryError):
            raise
        except Exception as error:  # whatever a network or its preprocessing raises
            if "can't allocate memory" in str(error):
                raise MemoryError(str(error)) from error
            if "out of memory" in str(error).lower():
                raise
            raise ModelError(f"{self.card.name} failed on a batch of {len(items)}: {type(error).__name__}: {error}") from error
        for point in self.points:
            if point.name not in pooled:
                raise ModelError(f"{self.card.name}: the layer {point.name!r} gave no tensor; it was not used in the forward "
                                 "pass, or gives something else. Choose other layers.")
        pooled = {point.name: pooled[point.name].clone() for point in self.points}  # no longer inference tensors
        if self.concat:
            first = next(iter(pooled.values())).device
            return {"concat": torch.cat([value.to(first) for value in pooled.values()], dim=1)}
        return pooled


def caught(
    module: nn.Module, points: Sequence[Point], inputs: Inputs,
    take: Callable[[str, torch.Tensor, torch.Tensor | None], torch.Tensor],
) -> dict[str, torch.Tensor]:
    """What `take` makes of each layer during one forward pass, at the moment the layer is computed.

    Taking at once keeps one layer in memory at a time, and the numbers that the layer gave even where the network
    writes over them later. The result is in order of computation; a layer that did not run is not in it.

    Parameters
    ----------
    module : the network.
    points : where to catch.
    inputs : of the network.
    take : (name of the layer, its tensor, mask) -> what to keep.

    Raises
    ------
    ModelError
        A layer ran more than once, so that it is not one layer.
    """
    device = device_of(module)
    mask = None if inputs.mask is None else inputs.mask.to(device)
    seen: dict[str, torch.Tensor] = {}

    def keep(name: str, value: object) -> None:
        tensor = first_tensor(value)
        if tensor is None:
            return
        if name in seen:
            raise ModelError(f"The layer {name!r} runs more than once in a forward pass, so it is not one layer; choose the "
                             "modules around it.")
        kept = take(name, tensor, mask)
        seen[name] = kept.clone() if kept.data_ptr() == tensor.data_ptr() else kept

    with ExitStack() as hooks:
        for point in points:
            if point.side != "result":
                hooks.callback(_hooked(module.get_submodule(point.path), point, keep).remove)
        result = module(*_moved(inputs.args, device), **_moved(dict(inputs.kwargs), device))
        for point in points:
            if point.side == "result":
                keep(point.name, result)
    return seen


def poolable(module: nn.Module, prepare: Callable[[Sequence], Inputs], example: object, **how: object) -> tuple[str, ...]:
    """Names of all modules that ran once and gave a tensor that can be pooled, in order of computation.

    Parameters
    ----------
    module : the network.
    prepare : items -> Inputs.
    example : an item, run twice in one batch.
    how : pooling, prefix, channels; see `_pooling.pool`.
    """
    pooling = str(how.pop("pooling"))
    runs: Counter[str] = Counter()
    fit: dict[str, bool] = {}

    def take(name: str, value: torch.Tensor, mask: torch.Tensor | None) -> None:
        runs[name] += 1
        try:
            _pooling.pool(value, pooling, mask=mask, layer=name, items=2, **how)  # type: ignore[arg-type]
        except PlatometerError:
            fit[name] = False
        else:
            fit.setdefault(name, True)

    inputs = prepare([example, example])
    device = device_of(module)
    mask = None if inputs.mask is None else inputs.mask.to(device)

    def keep(name: str, value: object) -> None:
        tensor = first_tensor(value)
        if tensor is not None:
            take(name, tensor, mask)

    with ExitStack() as hooks, torch.inference_mode():
        for name, part in module.named_modules():
            if name:
                hooks.callback(_hooked(part, Point(name, name), keep).remove)
        module(*_moved(inputs.args, device), **_moved(dict(inputs.kwargs), device))
    found = tuple(name for name, good in fit.items() if good and runs[name] == 1)
    if not found:
        raise ModelError(f"No module of {type(module).__name__} gives a tensor that pooling {pooling!r} can take.")
    return found


def first_tensor(value: object) -> torch.Tensor | None:
    """The tensor in a module's output: itself, or the first in a tuple, list, dictionary or output object.

    Parameters
    ----------
    value : what a module returned; of a mapping, ``last_hidden_state`` goes before all others.
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
        shape = getattr(getattr(p, "quant_state", None), "shape", None)
        total += int(torch.Size(shape).numel()) if shape is not None else p.numel()
    return total


def device_of(module: nn.Module) -> torch.device:
    """Where a network takes its input: the device of its first parameter that is really there.

    Parameters
    ----------
    module : the network.
    """
    return next((p.device for p in module.parameters() if p.device.type != "meta"), torch.device("cpu"))


def _hooked(part: nn.Module, point: Point, keep: Callable[[str, object], None]) -> torch.utils.hooks.RemovableHandle:
    if point.side == "input":
        return part.register_forward_pre_hook(
            lambda _, args, kwargs: keep(point.name, args if args else kwargs.get("hidden_states")), with_kwargs=True)
    return part.register_forward_hook(lambda _, args, output: keep(point.name, output))


def _moved(value: Any, device: torch.device) -> Any:
    if isinstance(value, torch.Tensor):
        return value.to(device)
    if isinstance(value, Mapping):
        return {key: _moved(part, device) for key, part in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_moved(part, device) for part in value))
    if isinstance(value, tuple | list):
        return type(value)(_moved(part, device) for part in value)
    return value
