"""``tiny:NAME``: small networks that learn in the run itself, in seconds, from the training scenes of the dataset shapes.

``cnn-8``, ``cnn-16``, ``cnn-32`` see pictures and learn to tell them apart; ``gpt-16``, ``gpt-32``, ``gpt-64`` read
captions and learn the next word. Neither kind ever meets the other's modality. ``steps=0`` leaves one untrained.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image

from platometer import shapes as drawings
from platometer.cards import Card
from platometer.errors import ModelError, SpecError, suggestion
from platometer.models import _items, _layers, _learners, _loading, _pooling
from platometer.models._torch import Inputs, Point, TorchModel, parameters

_SEES = {"cnn-8": 8, "cnn-16": 16, "cnn-32": 32}  # width
_READS = {"gpt-16": (16, 2), "gpt-32": (32, 3), "gpt-64": (64, 4)}  # width, depth
_STEPS = {"cnn": 120, "gpt": 160}


def load(
    name: str,
    *,
    layers: str | Sequence[str] = "blocks",
    pooling: str = "auto",
    steps: int | None = None,
    scenes: int = 4096,
    seed: int = 0,
    device: str | None = None,
    dtype: str = "float32",
) -> TorchModel:
    """The network of this name, trained now.

    Equal options give equal weights on one machine, whatever its number of threads; another processor or version of
    torch may round otherwise, and its weights then carry another revision.

    Parameters
    ----------
    name : one of ``cnn-8, cnn-16, cnn-32, gpt-16, gpt-32, gpt-64``; the number is the width.
    layers : see `platometer.models._layers.choose`; the names are ``embed`` (language) and ``blocks.0`` on.
    pooling : one of ``auto, mean, first, last, max, average, none``; ``auto`` is ``mean``.
    steps : batches to learn from; a number that takes seconds if None, an untrained network if 0.
    scenes : size of the training split.
    seed : of weights, batches and scenes.
    device : to run on; a graphics processor if there is one, if None. Training is always on the CPU.
    dtype : of weights and arithmetic after training.

    Raises
    ------
    ModelError
        No such network.
    SpecError
        An option out of range.
    """
    if name not in _SEES and name not in _READS:
        raise ModelError(f"There is no tiny model {name!r}. {suggestion(name, [*_SEES, *_READS])}")
    steps = _STEPS[name[:3]] if steps is None else steps
    if steps < 0 or scenes < 2:
        raise SpecError(f"steps = {steps}, scenes = {scenes}; expected steps >= 0 and at least two scenes.")
    kind, modality = _loading.dtype_of(dtype), "image" if name in _SEES else "text"
    how = _pooling.chosen(pooling, modality, 0)
    network: _learners.Convolutional | _learners.Causal = (
        _seeing(name, steps, scenes, seed) if modality == "image" else _reading(name, steps, scenes, seed))
    card = Card(name=name, source=f"tiny:{name}", revision=_loading.weights_revision(network), licence="Apache-2.0",
                parameters=parameters(network), details={"steps": steps, "scenes": scenes, "seed": seed})
    blocks = (["embed"] if modality == "text" else []) + [f"blocks.{i}" for i in range(len(network.blocks))]
    names = _layers.choose(blocks, _layers.every_of(network), layers, model=f"tiny:{name}")
    door = _Pictures(kind) if modality == "image" else _Texts(_words(scenes, seed))
    details = {"pooling": how, "dtype": dtype, "layers": layers if isinstance(layers, str) else list(layers),
               "learned": "nothing" if steps == 0 else "to tell pictures apart" if modality == "image" else "the next word"}
    return TorchModel(
        module=_loading.placed(network, device, kind), points=tuple(Point(layer, layer) for layer in names),
        prepare=door, card=card, modality=modality, details=details, pooling=how, concat=layers == "concat",
        limit=_learners.CONTEXT if modality == "text" else None, count=door.lengths if isinstance(door, _Texts) else None,
    )


class _Pictures:
    """Pictures -> (B, 3, 32, 32) in [-1, 1].

    Parameters
    ----------
    kind : of the numbers.
    """

    def __init__(self, kind: torch.dtype = torch.float32):
        self._kind = kind

    def __call__(self, items: Sequence) -> Inputs:
        side = (_learners.SIDE, _learners.SIDE)
        small = [picture if picture.size == side else picture.resize(side, Image.Resampling.BILINEAR)
                 for picture in _items.pictures(items)]
        return Inputs(args=(_centred(np.stack([np.asarray(picture) for picture in small])).to(self._kind),))


class _Texts:
    """Texts -> ids of words, padded on the right; a start sign comes first, words it never read are one.

    Parameters
    ----------
    words : the vocabulary.
    """

    def __init__(self, words: Sequence[str]):
        self._ids = {word: i for i, word in enumerate(words, _learners.UNKNOWN + 1)}

    def __call__(self, items: Sequence) -> Inputs:
        ids = self.ids(_items.texts(items))
        return Inputs(args=(ids,), mask=ids != _learners.PAD)

    def ids(self, texts: Sequence[str]) -> torch.Tensor:
        rows = [[_learners.START, *(self._ids.get(word, _learners.UNKNOWN) for word in _split(text))][: _learners.CONTEXT]
                for text in texts]
        return torch.tensor([row + [_learners.PAD] * (max(map(len, rows)) - len(row)) for row in rows])

    def lengths(self, texts: Sequence[str]) -> list[int]:
        return [1 + len(_split(text)) for text in texts]


def _split(text: str) -> list[str]:
    return re.findall(r"\w+|[^\w\s]", text.lower())


def _centred(pictures: np.ndarray) -> torch.Tensor:
    """(n, h, w, 3) uint8 -> (n, 3, h, w) in [-1, 1]."""
    return torch.tensor(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1


def _words(scenes: int, seed: int) -> list[str]:
    """The vocabulary of the training captions."""
    return sorted({word for text in drawings.drawn("train", scenes, seed)[1] for word in _split(text)})


def _seeing(name: str, steps: int, scenes: int, seed: int) -> _learners.Convolutional:
    network = _learners.convolutional(_SEES[name], seed=seed)
    if steps:
        _learners.see(network, _centred(drawings.drawn("train", scenes, seed)[0]), steps=steps, seed=seed)
    return network


def _reading(name: str, steps: int, scenes: int, seed: int) -> _learners.Causal:
    words = _words(scenes, seed)
    network = _learners.causal(len(words) + _learners.UNKNOWN + 1, *_READS[name], seed=seed)
    if steps:
        texts = _Texts(words).ids(drawings.drawn("train", scenes, seed)[1])
        _learners.read(network, texts, steps=steps, seed=seed)
    return network
