"""``python:PATH.py:FUNCTION`` or ``python:package.module:FUNCTION``: a model of your own.

The function takes the options of the study's table and returns a `platometer.models.Model`, most easily through
`wrap`. Running it runs code that the study names, so it must be allowed: ``--allow-code``, or ``allow_code=True``.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import nn

from platometer.arrays import as_tensor
from platometer.cards import Card
from platometer.errors import ModelError, SpecError
from platometer.models import _layers, _pooling
from platometer.models._model import Model
from platometer.models._torch import Inputs, Point, TorchModel, parameters


def load(name: str, *, allow_code: bool = False, **options: object) -> Model:
    """The model that a function of your own returns.

    Parameters
    ----------
    name : ``PATH.py:FUNCTION`` or ``package.module:FUNCTION``.
    allow_code : must be true, since the function is run.
    options : passed on to the function.

    Raises
    ------
    ModelError
        Not allowed, not found, or not a model.
    """
    where, colon, function = name.rpartition(":")
    if not colon or not where or not function:
        raise SpecError(f"'python:{name}' names no function; expected python:PATH.py:FUNCTION.")
    if not allow_code:
        raise ModelError(f"'python:{name}' runs code of the study's author. If you trust it, allow it: --allow-code on the "
                         "command line, allow_code=True in Python.")
    module = _module(where)
    if not hasattr(module, function):
        raise ModelError(f"{where} has no function {function!r}.")
    model = getattr(module, function)(**options)
    if isinstance(model, nn.Module) or not isinstance(model, Model):
        raise ModelError(f"{name} returned a {type(model).__name__}; return platometer.models.wrap(it, modality=..., ...).")
    return model


def wrap(
    module: nn.Module | Callable,
    *,
    modality: str,
    name: str,
    prepare: Callable[[Sequence], object] | None = None,
    layers: str | Sequence[str] = "blocks",
    pooling: str = "auto",
    device: str | None = None,
    prefix: int = 0,
    source: str = "",
    revision: str = "",
    licence: str = "",
    details: Mapping[str, object] | None = None,
) -> Model:
    """A model around a torch module or a function of your own.

    Parameters
    ----------
    module : a ``torch.nn.Module``; or a function from a list of items to an array (B, d), or to a dictionary of them
        by layer.
    modality : ``"text"``, ``"image"``, ``"audio"`` or ``"vector"``.
    name : what it is called.
    prepare : a list of items -> what the module is called with: a tensor; a tuple of positional arguments, of which
        ``(ids, mask)`` is read as tokens and their mask; or a dictionary of keyword arguments, whose
        ``attention_mask`` is the mask. Items are passed as they are if None.
    layers : see `platometer.models._layers.choose`: ``"blocks"``, ``"last"``, ``"every(2)"``, ``"concat"``, ``"all"``, a
        pattern, or a list of names.
    pooling : one of ``auto, mean, cls, first, last, max, average, none``.
    device : to move the module to; where it is if None.
    prefix : number of class and register tokens before the first patch.
    source, revision, licence : for the card. Without a revision one is made from the weights.
    details : anything else that the numbers depend on, such as the picture size.

    Examples
    --------
    >>> net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    >>> model = wrap(net, modality="vector", name="mine", prepare=torch.stack)
    >>> {layer: tuple(value.shape) for layer, value in model.encode([torch.ones(4), torch.zeros(4)]).items()}
    {'0': (2, 8), '2': (2, 2)}
    """
    if not isinstance(module, nn.Module):
        return _Function(module, modality, Card(name, source, revision, licence), dict(details or {}))
    module = module.eval() if device is None else module.eval().to(device)
    try:
        blocks = _layers.blocks_of(module)
    except ModelError:
        if layers in ("blocks", "last", "concat"):
            raise
        blocks = ()
    names = _layers.choose(blocks, _layers.every_of(module), layers, model=name)
    how = _pooling.chosen(pooling, modality, prefix)
    card = Card(name, source or type(module).__name__, revision or _weights(module), licence, parameters=parameters(module))
    return TorchModel(
        module=module, points=tuple(Point(layer, layer) for layer in names), prepare=_prepared(prepare), card=card,
        modality=modality, details={"pooling": how, "prefix": prefix} | dict(details or {}), pooling=how, prefix=prefix,
        concat=layers == "concat",
    )


class _Function:
    """A model around a plain function."""

    def __init__(self, function: Callable, modality: str, card: Card, details: dict):
        self._function, self.modality, self.card, self.details = function, modality, card, details

    def layers(self) -> tuple[str, ...]:
        return ("output",)

    def encode(self, items: Sequence) -> dict[str, torch.Tensor]:
        out = self._function(list(items))
        found = out if isinstance(out, Mapping) else {"output": out}
        return {str(layer): as_tensor(value, name=f"{self.card.name}, layer {layer}").float() for layer, value in found.items()}


def _prepared(prepare: Callable | None) -> Callable[[Sequence], Inputs]:
    def inputs(items: Sequence) -> Inputs:
        value = list(items) if prepare is None else prepare(list(items))
        if isinstance(value, Mapping):
            return Inputs(kwargs=dict(value), mask=value.get("attention_mask"))
        if isinstance(value, tuple):
            is_mask = len(value) > 1 and isinstance(value[1], torch.Tensor) and value[1].shape == value[0].shape[:2]
            return Inputs(args=value, mask=value[1] if is_mask else None)
        return Inputs(args=(value,))

    return inputs


def _module(where: str) -> object:
    path = Path(where)
    if path.suffix != ".py":
        try:
            return importlib.import_module(where)
        except ImportError as error:
            raise ModelError(f"Cannot import {where!r}: {error}.") from error
    if not path.is_file():
        raise ModelError(f"There is no file {where!r}.")
    name = f"platometer_user_{path.stem}_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    try:
        spec.loader.exec_module(module)  # type: ignore[union-attr]
    except Exception as error:  # whatever the user's file raises is theirs to see
        raise ModelError(f"{where} failed while it was read: {type(error).__name__}: {error}.") from error
    return module


def _weights(module: nn.Module) -> str:
    digest = hashlib.sha256(inspect.getmodule(type(module)).__name__.encode() if inspect.getmodule(type(module)) else b"")
    for key, value in module.state_dict().items():
        digest.update(key.encode())
        if isinstance(value, torch.Tensor):
            digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]
