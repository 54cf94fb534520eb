"""``zoo:NAME``: small networks that grew up in the world of scenes, each in one modality alone, and ship with the package.

``conv-contrastive-1`` to ``vit-supervised-5`` saw pictures, ``gpt-1`` to ``bow-5`` read captions, ``sound-1`` on heard and
``path-1`` on followed a robot; the number is the size. ``untrained=True`` is the same network before its first step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from PIL import Image
from safetensors import SafetensorError
from torch import nn

from platometer import files, networks
from platometer.cards import Card
from platometer.errors import InputError, ModelError, SpecError, StoreError, suggestion
from platometer.models import _items, _layers, _loading, _pooling
from platometer.models._torch import Inputs, Point, TorchModel, parameters
from platometer.training import PAD, Vocabulary, centred

HOME = Path(__file__).with_name("zoo_weights")
"""One ``NAME.safetensors`` (float16) and one ``NAME.json`` a model, and the vocabulary of those that read."""


def load(
    name: str,
    *,
    layers: str | Sequence[str] = "blocks",
    pooling: str = "auto",
    step: int | None = None,
    untrained: bool = False,
    device: str | None = None,
    dtype: str = "float32",
) -> TorchModel:
    """The network of this name, as it came out of training.

    Parameters
    ----------
    name : one of `catalogue`.
    layers : see `platometer.models._layers.choose`; the names are ``embed`` (language) and ``blocks.0`` on.
    pooling : one of ``auto, mean, first, last, max, average, none``; ``auto`` is ``mean``.
    step : an earlier point of its training; only some models have any, see ``checkpoints`` in `card`.
    untrained : the twin that learnt nothing: the weights from which training began.
    device : to run on; a graphics processor if there is one, if None.
    dtype : of weights and arithmetic.

    Raises
    ------
    ModelError
        No such network, or its file is damaged.
    SpecError
        An option out of range, or a step that was not kept.
    """
    told = card(name)
    if untrained and step is not None:
        raise SpecError(f"untrained=True and step={step} exclude each other.")
    kind, how = _loading.dtype_of(dtype), _pooling.chosen(pooling, told["modality"], 0)
    network = networks.build(told["kind"], seed=told["seed"], **told["options"])
    if not untrained:
        _fill(network, _file(told, step))
    names = _layers.choose(networks.layers(network), _layers.every_of(network), layers, model=f"zoo:{name}")
    door = _door(told, kind)
    steps = 0 if untrained else told["steps"] if step is None else step
    details = {"pooling": how, "dtype": dtype, "layers": layers if isinstance(layers, str) else list(layers),
               "objective": told["objective"], "steps": steps}
    return TorchModel(
        module=_loading.placed(network, device, kind), points=tuple(Point(layer, layer) for layer in names), prepare=door,
        card=_card(told, network, steps), modality=told["modality"], details=details, pooling=how, concat=layers == "concat",
        limit=_Texts.context if isinstance(door, _Texts) else None, count=door.lengths if isinstance(door, _Texts) else None)


def catalogue() -> dict[str, str]:
    """Every network by name, in order of family and size, with a line on what it is."""
    cards = sorted(map(card, _names()), key=lambda told: (told["modality"], told["family"], told["size"]))
    return {c["name"]: f"{c['modality']}, {c['parameters']:,} parameters, learnt {c['objective']}" for c in cards}


def card(name: str) -> dict[str, Any]:
    """What is known of a network: its data, recipe, curve of the loss, capability, checkpoints and versions.

    Parameters
    ----------
    name : one of `catalogue`.

    Raises
    ------
    ModelError
        No such network; the nearest is suggested.
    """
    path = HOME / f"{name}.json"
    if "/" in name or not path.is_file():
        raise ModelError(f"There is no network {name!r} in the zoo. {suggestion(name, _names())}")
    return files.read_json(path)  # type: ignore[return-value]


def _names() -> list[str]:
    return sorted(path.stem for path in HOME.glob("*-[0-9].json"))


def vocabulary() -> Vocabulary:
    """The words that the zoo's language models read."""
    return Vocabulary(_words())


@cache
def _words() -> tuple[str, ...]:
    return tuple(files.read_json(HOME / "vocabulary.json"))  # type: ignore[arg-type]


def _file(told: Mapping[str, Any], step: int | None) -> Path:
    if step is None or step == told["steps"]:
        return HOME / f"{told['name']}.safetensors"
    kept = [point["step"] for point in told["checkpoints"]]
    if step not in kept:
        there = f"kept are {', '.join(map(str, [*kept, told['steps']]))}" if kept else "it has only its last"
        raise SpecError(f"zoo:{told['name']} was not kept at step {step}: {there}. untrained=True is step 0.")
    return HOME / f"{told['name']}@{step}.safetensors"


def _fill(network: nn.Module, path: Path) -> None:
    try:
        weights = safetensors.torch.load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"The weights {path} cannot be read ({error}). Was the package installed whole?") from None
    try:
        network.load_state_dict({name: value.float() for name, value in weights.items()})
    except RuntimeError as error:
        raise StoreError(f"{path} holds another network than its card says: {_loading.first_line(error)}") from None


def _card(told: Mapping[str, Any], network: nn.Module, steps: int) -> Card:
    kept = ("objective", "data", "capability") if steps == told["steps"] else ("objective", "data")
    return Card(name=told["name"], source=f"zoo:{told['name']}", revision=_loading.weights_revision(network),
                licence=told["licence"], parameters=parameters(network),
                details={key: told[key] for key in kept} | {"steps": steps, "family": told["family"], "size": told["size"]})


def _door(told: Mapping[str, Any], kind: torch.dtype) -> _Pictures | _Texts | _Sounds | _Paths:
    if told["modality"] == "image":
        return _Pictures(kind)
    if told["modality"] == "text":
        return _Texts(vocabulary())
    return _Sounds(told["data"]["rate"], told["data"]["length"], kind) if told["modality"] == "audio" else _Paths(kind)


class _Pictures:
    """Pictures -> (b, 3, 48, 48) in [-1, 1]."""

    side = 48

    def __init__(self, kind: torch.dtype = torch.float32):
        self._kind = kind

    def __call__(self, items: Sequence) -> Inputs:
        side = (self.side, self.side)
        small = [picture if picture.size == side else picture.resize(side, Image.Resampling.BOX)
                 for picture in _items.pictures(items)]
        return Inputs(args=(centred(torch.from_numpy(np.stack([np.asarray(picture) for picture in small]))).to(self._kind),))


class _Texts:
    """Texts -> numbers of words, padded on the right."""

    context = 64

    def __init__(self, words: Vocabulary):
        self._vocabulary, self.lengths = words, words.lengths

    def __call__(self, items: Sequence) -> Inputs:
        ids = self._vocabulary.ids(_items.texts(items), context=self.context)
        return Inputs(args=(ids,), mask=ids != PAD)


class _Sounds:
    """Waveforms of one length -> (b, t)."""

    def __init__(self, rate: int, length: int, kind: torch.dtype = torch.float32):
        self._rate, self._length, self._kind = rate, length, kind

    def __call__(self, items: Sequence) -> Inputs:
        waves = _items.sounds(items, self._rate)
        for i, wave in enumerate(waves):
            if len(wave) != self._length:
                raise InputError(f"Item {i} of a batch is a sound of {len(wave)} samples; the model takes {self._length}.")
        return Inputs(args=(torch.from_numpy(np.stack(waves)).to(self._kind),))


class _Paths:
    """Paths, (t, 2) or flattened -> (b, t, 2)."""

    def __init__(self, kind: torch.dtype = torch.float32):
        self._kind = kind

    def __call__(self, items: Sequence) -> Inputs:
        rows = [torch.as_tensor(np.asarray(item)) for item in items]
        for i, row in enumerate(rows):
            pairs = row.shape[1:] == (2,) if row.ndim == 2 else row.ndim == 1 and len(row) % 2 == 0
            if not pairs or row.shape != rows[0].shape:
                raise InputError(f"Item {i} of a batch has the shape {tuple(row.shape)}; the model takes paths (t, 2), or "
                                 "flattened to (2 t,), all of one length.")
        return Inputs(args=(torch.stack(rows).reshape(len(rows), -1, 2).to(self._kind),))
