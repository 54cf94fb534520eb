"""``torchvision:NAME``: vision models of torchvision, with the preprocessing that comes with their weights.

Layers are blocks, found from the network's structure; maps are averaged, and vision transformers give the class token.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING

import torch
from PIL import Image
from torch import nn

from platometer.cards import Card
from platometer.errors import ModelError, SpecError, missing, suggestion
from platometer.models import _checkpoint, _items, _layers, _loading, _pooling, _torchvision_shim
from platometer.models._torch import Inputs, Point, TorchModel, parameters, poolable

if TYPE_CHECKING:
    from torchvision.models import WeightsEnum


def load(
    name: str,
    *,
    layers: str | Sequence[str] = "blocks",
    pooling: str = "auto",
    weights: str = "DEFAULT",
    checkpoint: str | None = None,
    keys: str = "",
    device: str | None = None,
    dtype: str = "float32",
    seed: int = 0,
) -> TorchModel:
    """The vision model of this name.

    Parameters
    ----------
    name : as in ``torchvision.models.list_models()``, such as ``"resnet50"``.
    layers : see `platometer.models._layers.choose`.
    pooling : one of ``auto, mean, cls, first, last, max, average, none``.
    weights : name of published weights, such as ``"IMAGENET1K_V2"``, or ``"none"`` for random ones with `seed`.
    checkpoint : a file of weights to load instead, of safetensors or of PyTorch; see `platometer.models._checkpoint`. Pictures
        are prepared as for the first of the published weights.
    keys : what the names of the network's weights begin with in that file, such as ``"module.encoder_q."``.
    device : a graphics processor if there is one, if None.
    dtype : of weights and arithmetic.
    seed : of random weights.

    Raises
    ------
    ModelError
        No such model or weights, or they cannot be had.
    """
    kind = _loading.dtype_of(dtype)
    _pooling.check(pooling)
    if _torchvision_shim.ready() == "absent":
        raise missing("torchvision", "vision", wanted_for="A vision model from torchvision")
    import torchvision

    library = torchvision.models
    if name not in library.list_models(module=library):
        raise ModelError(f"torchvision has no model {name!r}. {suggestion(name, library.list_models(module=library))}")
    known = library.get_model_weights(name)
    chosen = _weights(name, weights if checkpoint is None else "none", known)
    network = _network(library, name, chosen, seed)
    filled = None if checkpoint is None else _checkpoint.fill(network, checkpoint, keys=keys)
    network = _loading.placed(network, device, kind)
    transform = (chosen or next(iter(known))).transforms()
    prefix = 1 if hasattr(network, "class_token") else 0
    how = _pooling.chosen(pooling, "image", prefix)
    channels = "last" if type(network).__name__ == "SwinTransformer" else "first"

    def prepare(items: Sequence) -> Inputs:
        return Inputs(args=(torch.stack([transform(item) for item in _items.pictures(items)]).to(kind),))

    if layers == "all":
        names = poolable(network, prepare, Image.new("RGB", (64, 64)), pooling=how, prefix=prefix, channels=channels)
    else:
        names = _layers.choose(_layers.blocks_of(network), _layers.every_of(network), layers, model=f"torchvision:{name}")
    details = {"pooling": how, "prefix": prefix, "dtype": dtype, "library": f"torchvision {torchvision.__version__}",
               "weights": str(weights) if filled is None else "file",
               "seed": seed if chosen is None and filled is None else None,
               "preprocessing": " ".join(str(transform).split()),
               "layers": layers if isinstance(layers, str) else list(layers)}
    details |= filled.as_details(str(checkpoint), keys) if filled is not None else {}
    revision = filled.revision if filled is not None else str(chosen or "random")
    card = Card(name=name, source=f"torchvision:{name}", revision=revision, parameters=parameters(network))
    return TorchModel(
        module=network, points=tuple(Point(layer, layer) for layer in names), prepare=prepare, card=card, modality="image",
        details=details, pooling=how, prefix=prefix, channels=channels, concat=layers == "concat",
    )


def _weights(name: str, weights: str | None, known: type[WeightsEnum]) -> WeightsEnum | None:
    if weights is None or weights == "none":
        return None
    if weights not in known.__members__:
        raise SpecError(f"{name} has no weights {weights!r}. {suggestion(str(weights), [*known.__members__, 'none'])}")
    return known[weights]


def _network(library: ModuleType, name: str, chosen: WeightsEnum | None, seed: int) -> nn.Module:
    more = {"init_weights": False} if name in ("inception_v3", "googlenet") and chosen is None else {}
    with torch.random.fork_rng(devices=[]), _loading.weights_only():
        torch.manual_seed(seed)
        try:
            return library.get_model(name, weights=chosen, **more)
        except Exception as error:  # urllib's, torch's and the system's kinds
            raise ModelError(f"Cannot load torchvision:{name}: {_loading.first_line(error)} Can this machine download? "
                             "weights='none' gives random ones.") from error
