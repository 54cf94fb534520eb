"""``torchvision:NAME``: vision models of torchvision, with the preprocessing that comes with their weights.

Layers are blocks or stages, found from the network's structure; maps are averaged.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from platometer.cards import Card
from platometer.errors import ModelError, missing, suggestion
from platometer.models import _layers, _pooling, _torchvision_shim
from platometer.models._torch import Inputs, Point, TorchModel, parameters


def load(
    name: str,
    *,
    layers: str | Sequence[str] = "blocks",
    pooling: str = "auto",
    weights: str = "DEFAULT",
    device: str | None = None,
    seed: int = 0,
) -> TorchModel:
    """The vision model of this name.

    Parameters
    ----------
    name : as in ``torchvision.models.list_models()``, such as ``"resnet50"``.
    layers : see `platometer.models._layers.choose`.
    pooling : one of ``auto, mean, cls, first, last, max, average, none``.
    weights : name of published weights, such as ``"IMAGENET1K_V2"``, or ``"none"`` for random ones with `seed`.
    device : a graphics processor if there is one, if None.
    seed : of random weights.

    Raises
    ------
    ModelError
        No such model or weights, or they cannot be had.
    """
    if _torchvision_shim.ready() == "absent":
        raise missing("torchvision", "vision", wanted_for="A vision model from torchvision")
    import torchvision

    _pooling.check(pooling)
    library = torchvision.models
    if name not in library.list_models(module=library):
        raise ModelError(f"torchvision has no model {name!r}. {suggestion(name, library.list_models(module=library))}"[:400])
    known = library.get_model_weights(name)
    if weights != "none" and weights not in known.__members__:
        raise ModelError(f"{name} has no weights {weights!r}. {suggestion(weights, [*known.__members__, 'none'])}")
    chosen = None if weights == "none" else known[weights]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            network = library.get_model(name, weights=chosen)
        except (OSError, RuntimeError) as error:
            raise ModelError(f"Cannot load torchvision:{name}: {error} Can this machine download?") from error
    network = network.to(device or ("cuda" if torch.cuda.is_available() else "cpu")).eval()
    any_weights = chosen or next(iter(known), None)
    transform = any_weights.transforms()
    prefix = 1 if hasattr(network, "class_token") else 0
    how = _pooling.chosen(pooling, "image", prefix)

    def prepare(items: Sequence) -> Inputs:
        return Inputs(args=(torch.stack([transform(item.convert("RGB")) for item in items]),))

    names = _layers.choose(_layers.blocks_of(network), _layers.every_of(network), layers, model=f"torchvision:{name}")
    details = {"pooling": how, "library": f"torchvision {torchvision.__version__}", "weights": weights,
               "seed": seed if chosen is None else None, "preprocessing": " ".join(str(transform).split()),
               "layers": layers if isinstance(layers, str) else list(layers)}
    card = Card(name=name, source=f"torchvision:{name}", revision=str(chosen or "random"), parameters=parameters(network))
    return TorchModel(
        module=network, points=tuple(Point(layer, layer) for layer in names), prepare=prepare, card=card, modality="image",
        details=details, pooling=how, prefix=prefix, concat=layers == "concat",
    )
