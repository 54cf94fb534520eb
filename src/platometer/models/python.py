"""``python:PATH.py:FUNCTION`` or ``python:package.module:FUNCTION``: a model of your own.

The function takes the options of the study's table and returns a model, most easily through `wrap`; or a torch module
or function, alone or in a pair with its ``prepare``, which is then wrapped with the options that the function does not
take. Running it runs code that the study names, so it must be allowed: ``--allow-code``, or ``allow_code=True``.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType

import torch
from torch import nn

from platometer.arrays import as_tensor
from platometer.cards import Card, fingerprint
from platometer.errors import InputError, ModelError, PlatometerError, SpecError, suggestion
from platometer.models import _items, _layers, _loading, _pooling
from platometer.models._model import Model
from platometer.models._torch import Inputs, Point, TorchModel, parameters, poolable
from platometer.samples import MODALITIES


def load(name: str, *, allow_code: bool = False, **options: object) -> Model:
    """The model that a function of your own returns.

    Parameters
    ----------
    name : ``PATH.py:FUNCTION`` or ``package.module:FUNCTION``.
    allow_code : must be true, since the function is run.
    options : passed on to the function; those that it does not take, to `wrap`, where it returns a module or function.

    Raises
    ------
    ModelError
        Not allowed, not found, fails, or returns no model.
    SpecError
        An option that neither takes.
    """
    where, colon, function = name.rpartition(":")
    if not colon or not where or not function:
        raise SpecError(f"'python:{name}' names no function; expected python:PATH.py:FUNCTION.")
    if not allow_code:
        raise ModelError(f"'python:{name}' runs code of the study's author. If you trust it, allow it: --allow-code on the "
                         "command line, allow_code=True in Python.")
    module = _module(where)
    make = getattr(module, function, None)
    if not callable(make):
        known = [word for word, value in vars(module).items() if inspect.isfunction(value) and not word.startswith("_")]
        raise ModelError(f"{where} has no function {function!r}. {suggestion(function, known)}")
    taken, left = _split(make, options)
    try:
        made = make(**taken)
    except (PlatometerError, MemoryError):
        raise
    except (Exception, SystemExit) as error:  # whatever the user's function raises is theirs to see
        raise ModelError(f"{name} failed: {type(error).__name__}: {error}") from error
    told = {key: value if isinstance(value, str | int | float | None) else repr(value) for key, value in taken.items()
            if key != "device"}
    return _finished(made, name, function, module, told, left)


def wrap(
    module: nn.Module | Callable,
    *,
    modality: str,
    name: str,
    prepare: Callable[[Sequence], object] | None = None,
    each: Callable[[object], torch.Tensor] | None = None,
    layers: str | Sequence[str] = "blocks",
    pooling: str = "auto",
    device: str | None = None,
    prefix: int = 0,
    channels: str = "first",
    limit: int | None = None,
    lengths: Callable[[Sequence], list[int]] | None = None,
    example: object = None,
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
    modality : ``"text"``, ``"image"``, ``"audio"`` or ``"vector"``. Pictures come to you in RGB.
    name : what it is called.
    prepare : a list of items -> what the module is called with: a tensor; a tuple of positional arguments, of which
        ``(ids, mask)`` is read as tokens and their mask; or a dictionary of keyword arguments, whose
        ``attention_mask`` or ``mask`` is the mask. Items are passed as they are if neither this nor `each` is given.
    each : one item -> a tensor; the batch is the stack of them.
    layers : see `platometer.models._layers.choose`: ``"blocks"``, ``"last"``, ``"every(2)"``, ``"concat"``, ``"all"``
        (needs `example`), a pattern, or a list of names. Of a function: the names in its dictionary, ``"output"``
        where it returns an array.
    pooling : one of ``auto, mean, cls, first, last, max, average, none``.
    device : to move the module to; where it is if None.
    prefix : number of class and register tokens before the first patch.
    channels : ``"last"`` if maps are (B, H, W, C).
    limit : context length, if there is one.
    lengths : items -> their lengths, so that alike ones share a batch and those beyond `limit` are counted.
    example : an item to be run once where layers are to be found by running.
    source, revision, licence : for the card. Without a revision one is made from weights and structure, or of a
        function from its source text.
    details : anything else that the numbers depend on, such as the picture size.

    Examples
    --------
    >>> net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    >>> model = wrap(net, modality="vector", name="mine", prepare=torch.stack)
    >>> {layer: tuple(value.shape) for layer, value in model.encode([torch.ones(4), torch.zeros(4)]).items()}
    {'0': (2, 8), '2': (2, 2)}
    """
    if modality not in MODALITIES:
        raise SpecError(f"There is no modality {modality!r}. {suggestion(str(modality), MODALITIES)}")
    if channels not in ("first", "last"):
        raise SpecError(f"channels = {channels!r}; expected 'first' or 'last'.")
    if prepare is not None and each is not None:
        raise SpecError("prepare makes a batch of a list of items, each makes a tensor of one; give only one of them.")
    ready = _prepared(prepare, each, modality)
    facts = dict(details or {}) | {"prepare": _text_of(prepare or each)}
    if not revision:  # what they call is mostly written beside them
        facts["code"] = _beside(module, prepare or each)
    if not isinstance(module, nn.Module):
        if prepare is not None or each is not None:
            raise SpecError(f"{name} is a function, which takes the items themselves; leave prepare and each out.")
        called = source or getattr(module, "__qualname__", type(module).__name__)
        card = Card(name, called, revision or _revision(module), licence)
        return _function(module, modality, card, facts, layers, example)
    module = module.eval() if device is None else _loading.placed(module, device)
    how = _pooling.chosen(pooling, modality, prefix)
    facts |= {"pooling": how, "prefix": prefix, "channels": channels, "context": limit,
              "layers": layers if isinstance(layers, str) else list(layers)}
    names = _names(module, layers, name, ready, example, {"pooling": how, "prefix": prefix, "channels": channels})
    card = Card(name, source or type(module).__name__, revision or _loading.weights_revision(module), licence,
                parameters=parameters(module))
    return TorchModel(
        module=module, points=tuple(Point(layer, layer) for layer in names), prepare=ready, card=card, modality=modality,
        details=facts, pooling=how, prefix=prefix, channels=channels, concat=layers == "concat", limit=limit, count=lengths,
    )


@dataclasses.dataclass(frozen=True, eq=False)
class FunctionModel:
    """A model around a plain function from items to an array, or to arrays by layer.

    Attributes
    ----------
    function : items -> (B, d), or layer -> (B, d).
    names : of the layers.
    card, modality, details : see `platometer.models.Model`.
    """

    function: Callable = dataclasses.field(repr=False)
    names: tuple[str, ...]
    card: Card
    modality: str
    details: Mapping[str, object]

    def layers(self) -> tuple[str, ...]:
        """Names of the layers, in order of depth."""
        return self.names

    def encode(self, items: Sequence) -> dict[str, torch.Tensor]:
        """One vector per item and layer, (len(items), d).

        Parameters
        ----------
        items : of the model's modality.

        Raises
        ------
        ModelError
            The function failed, or gave other layers than it said.
        """
        items = _items.pictures(items) if self.modality == "image" else list(items)
        found = _called(self.function, items, self.card.name)
        if set(found) != set(self.names):
            raise ModelError(f"{self.card.name} gave the layers {', '.join(found)}; expected {', '.join(self.names)}. Name "
                             "them in wrap(..., layers=[...]).")
        return {layer: found[layer] for layer in self.names}


def _function(
    function: Callable, modality: str, card: Card, details: dict, layers: str | Sequence[str], example: object
) -> FunctionModel:
    if not callable(function):
        raise ModelError(f"{card.name} is a {type(function).__name__}; expected a torch.nn.Module or a function.")
    if not isinstance(layers, str):
        names = tuple(layers)
    elif layers != "blocks":
        raise SpecError(f"layers = {layers!r}; {card.name} is a function, so list the names of the layers it returns.")
    elif example is not None:
        items = _items.pictures([example]) if modality == "image" else [example]
        names = tuple(_called(function, items, card.name))
    else:
        names = ("output",)
    return FunctionModel(function, names, card, modality, details | {"layers": list(names)})


def _called(function: Callable, items: list, name: str) -> dict[str, torch.Tensor]:
    """What the function gives, by layer."""
    try:
        out = function(items)
    except (PlatometerError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # whatever the user's function raises is theirs to see
        if "out of memory" in str(error).lower():
            raise
        raise ModelError(f"{name} failed on a batch of {len(items)}: {type(error).__name__}: {error}") from error
    found = out if isinstance(out, Mapping) else {"output": out}
    made = {str(layer): as_tensor(value, name=f"{name}, layer {layer}") for layer, value in found.items()}
    return {layer: value if value.is_floating_point() else value.double() for layer, value in made.items()}


def _names(
    module: nn.Module, layers: str | Sequence[str], name: str, ready: Callable, example: object, how: Mapping[str, object]
) -> tuple[str, ...]:
    if layers == "all":
        if example is None:
            raise SpecError(f"layers = 'all' runs {name} once to see which modules give a tensor; pass example=, an item.")
        return poolable(module, ready, example, **how)
    try:
        blocks = _layers.blocks_of(module)
    except ModelError:
        blocks = ()
    return _layers.choose(blocks, _layers.every_of(module), layers, model=name)


def _prepared(prepare: Callable | None, each: Callable | None, modality: str) -> Callable[[Sequence], Inputs]:
    def inputs(items: Sequence) -> Inputs:
        listed = _items.pictures(items) if modality == "image" else list(items)
        if each is not None:
            value: object = torch.stack([torch.as_tensor(each(item)) for item in listed])
        else:
            value = listed if prepare is None else prepare(listed)
        if isinstance(value, Mapping):
            mask = value.get("attention_mask", value.get("mask"))
            return Inputs(kwargs=dict(value), mask=mask if isinstance(mask, torch.Tensor) and mask.ndim == 2 else None)
        if isinstance(value, tuple):
            return Inputs(args=value, mask=value[1] if _is_mask(value) else None)
        if not isinstance(value, torch.Tensor | list):
            raise InputError(f"prepare gave a {type(value).__name__}; expected a tensor, a tuple or a dictionary of arguments.")
        return Inputs(args=(value,))

    return inputs


def _is_mask(value: tuple) -> bool:
    """Whether arguments are (ids, mask): two tensors of shape (B, T), whole numbers, the second of zeros and ones."""
    if len(value) < 2 or not all(isinstance(part, torch.Tensor) for part in value[:2]):
        return False
    ids, mask = value[:2]
    if mask.ndim != 2 or ids.shape[:2] != mask.shape or mask.is_complex():
        return False
    return bool(((mask == 0) | (mask == 1)).all())


def _split(make: Callable, options: Mapping[str, object]) -> tuple[dict, dict]:
    """Options that the function takes, and the others."""
    wanted = inspect.signature(make).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in wanted):
        return dict(options), {}
    known = {p.name for p in wanted if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    return ({key: value for key, value in options.items() if key in known},
            {key: value for key, value in options.items() if key not in known})


def _finished(made: object, name: str, function: str, module: ModuleType, taken: dict, left: dict) -> Model:
    """The model in what the function returned, with the options that it left; those that it took go with the features."""
    if isinstance(made, Model) and not isinstance(made, nn.Module):
        if isinstance(made, TorchModel | FunctionModel) and taken:  # the function's own, of which its model may say nothing
            made = dataclasses.replace(made, details=dict(made.details) | {"options": taken})
        if isinstance(made, TorchModel) and left.get("device") is not None:
            made = dataclasses.replace(made, module=_loading.placed(made.module, str(left.pop("device"))))
        if isinstance(made, FunctionModel):
            left.pop("device", None)  # a function keeps its own
        if left:
            raise SpecError(f"The function {name} has no option {next(iter(left))!r}; add it to its parameters.")
        return made
    body, prepare = made if isinstance(made, tuple) and len(made) == 2 else (made, None)
    if not isinstance(body, nn.Module) and not callable(body):
        raise ModelError(f"{name} returned a {type(made).__name__}; expected a model (platometer.models.wrap), a torch module "
                         "or function, or a pair of one with its prepare.")
    if "modality" not in left:
        raise ModelError(f"{name} returned a {type(body).__name__}, and what it reads is not said. Return "
                         "platometer.models.wrap(it, modality=..., prepare=...), or set modality beside the source.")
    known = [p for p in inspect.signature(wrap).parameters if p != "module"]
    for option in left:
        if option not in known:
            raise SpecError(f"Neither the function {name} nor wrap has an option {option!r}. {suggestion(option, known)}")
    if not isinstance(body, nn.Module):
        left.pop("device", None)
        left.setdefault("revision", _revision(module))
    left |= {"details": dict(left.get("details") or {}) | {"options": taken}} if taken else {}
    return wrap(body, prepare=prepare, **({"name": function, "source": f"python:{name}"} | left))  # type: ignore[arg-type]


def _module(where: str) -> ModuleType:
    """The user's module, read anew where its file has changed; files beside it can be imported by it."""
    path = Path(where).expanduser()
    if path.suffix != ".py":
        try:
            return importlib.import_module(where)
        except ImportError as error:
            raise ModelError(f"Cannot import {where!r}: {error}. A file is written with its ending: PATH.py.") from error
    if not path.is_file():
        raise ModelError(f"There is no file {where!r}. Paths are seen from {Path.cwd()}.")
    stamp = hashlib.sha256(f"{path.resolve()}\0{path.stat().st_mtime_ns}".encode()).hexdigest()[:12]
    name = f"platometer_user_{path.stem}_{stamp}"
    if name in sys.modules:
        return sys.modules[name]
    found = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(found)  # type: ignore[arg-type]
    sys.modules[name] = module
    sys.path.insert(0, str(path.resolve().parent))
    try:
        found.loader.exec_module(module)  # type: ignore[union-attr]
    except (Exception, SystemExit) as error:  # whatever the user's file raises is theirs to see; argparse leaves
        del sys.modules[name]
        raise ModelError(f"{where} failed while it was read: {type(error).__name__}: {error}.") from error
    finally:
        sys.path.remove(str(path.resolve().parent))
    return module


def _revision(code: object) -> str:
    """A hash of the source text of a function, its class, or its module."""
    text = _text_of(code)
    if not text:
        raise SpecError(f"The source of {getattr(code, '__name__', code)!r} cannot be read, so its features could not be told "
                        "from those of another version; pass revision='...'.")
    return text


def _beside(*parts: object) -> list[str]:
    """Hashes of the source files in which functions, or the classes of modules, are written; torch's own left out."""
    found = []
    for part in parts:
        while hasattr(part, "func"):
            part = part.func  # functools.partial
        home = inspect.getmodule(part if inspect.isroutine(part) or inspect.isclass(part) else type(part))
        if home is not None and home.__name__.partition(".")[0] not in ("torch", "builtins"):
            found.append(_text_of(home))
    return sorted(set(found) - {""})


def _text_of(code: object) -> str:
    """A hash of source text; empty where there is none, as for functions of C."""
    if code is None:
        return ""
    while hasattr(code, "func"):
        code = code.func  # functools.partial
    subject = code if inspect.isroutine(code) or inspect.isclass(code) or inspect.ismodule(code) else type(code)
    try:
        return fingerprint(inspect.getsource(subject))[:16]
    except (OSError, TypeError):
        body = getattr(code, "__code__", None)
        return fingerprint(body.co_code.hex(), [str(c) for c in body.co_consts], list(body.co_names))[:16] if body else ""
