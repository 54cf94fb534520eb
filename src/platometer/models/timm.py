"""``timm:NAME``: vision models of timm, with their own preprocessing.

Vision transformers give the residual stream after each block, before the final norm (class token where there is one:
the paper's choice); convolutional networks each stage, globally averaged. Names as in ``timm.list_models()``, such as
``vit_base_patch14_dinov2.lvd142m``.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import torch
from PIL import Image
from torch import nn

from platometer.cards import Card
from platometer.errors import ModelError, missing, suggestion
from platometer.models import _checkpoint, _items, _layers, _loading, _pooling, _torchvision_shim
from platometer.models._torch import Inputs, Point, TorchModel, parameters, poolable


def load(
    name: str,
    *,
    layers: str | Sequence[str] = "blocks",
    pooling: str = "auto",
    pretrained: bool = True,
    checkpoint: str | None = None,
    keys: str = "",
    device: str | None = None,
    dtype: str = "float32",
    size: int | None = None,
    seed: int = 0,
) -> TorchModel:
    """The vision model of this name.

    Parameters
    ----------
    name : as in ``timm.list_models()``, with its tag; or ``hf-hub:OWNER/NAME``.
    layers : see `platometer.models._layers.choose`; the names are timm's, such as ``blocks.0`` or ``stages.0``.
    pooling : one of ``auto, mean, cls, first, last, max, average, none``.
    pretrained : whether to load the published weights; without, they are random with `seed`.
    checkpoint : a file of weights to load instead, of safetensors or of PyTorch; see `platometer.models._checkpoint`.
    keys : what the names of the network's weights begin with in that file, such as ``"module.encoder_q."``.
    device : a graphics processor if there is one, if None.
    dtype : of weights and arithmetic.
    size : side of the picture in pixels, where the model can take another than its own.
    seed : of random weights.

    Raises
    ------
    ModelError
        No such model, or its weights cannot be had.
    """
    kind = _loading.dtype_of(dtype)
    _pooling.check(pooling)
    timm = _timm()
    network = _network(timm, name, pretrained and checkpoint is None, size, seed)
    filled = None if checkpoint is None else _checkpoint.fill(network, checkpoint, keys=keys)
    network = _loading.placed(network, device, kind)
    config = timm.data.resolve_data_config({} if size is None else {"input_size": (3, size, size)}, model=network)
    transform = timm.data.create_transform(**config, is_training=False)
    prefix = int(getattr(network, "num_prefix_tokens", 0) or 0)
    how = _pooling.chosen(pooling, "image", prefix if _has_cls(network) else 0)
    channels = "last" if getattr(network, "output_fmt", "") == "NHWC" else "first"

    def prepare(items: Sequence) -> Inputs:
        return Inputs(args=(torch.stack([transform(item) for item in _items.pictures(items)]).to(kind),))

    if layers == "all":
        names = poolable(network, prepare, Image.new("RGB", (64, 64)), pooling=how, prefix=prefix, channels=channels)
    else:
        names = _layers.choose(_stages(network), _layers.every_of(network), layers, model=f"timm:{name}")
    trained = pretrained or checkpoint is not None
    details = {
        "pooling": how, "prefix": prefix, "dtype": dtype, "library": f"timm {timm.__version__}", "pretrained": trained,
        "seed": None if trained else seed, "layers": layers if isinstance(layers, str) else list(layers),
        "preprocessing": {key: list(v) if isinstance(v, tuple) else v for key, v in config.items()},
    } | (filled.as_details(str(checkpoint), keys) if filled is not None else {})
    return TorchModel(
        module=network, points=tuple(Point(layer, layer) for layer in names), prepare=prepare,
        card=_card(network, name, pretrained, filled), modality="image", details=details, pooling=how, prefix=prefix,
        channels=channels, concat=layers == "concat",
    )


def _timm() -> ModuleType:
    if _torchvision_shim.ready() == "absent":
        raise missing("torchvision", "vision", wanted_for="A vision model from timm")
    try:
        import timm
        import timm.data
    except ImportError:
        raise missing("timm", "vision", wanted_for="A vision model from timm") from None
    return timm


def _network(timm: ModuleType, name: str, pretrained: bool, size: int | None, seed: int) -> nn.Module:
    if not name.startswith(("hf-hub:", "hf_hub:")):
        _check(timm, name, pretrained)
    options = {"pretrained": pretrained, "num_classes": 0}
    with torch.random.fork_rng(devices=[]), _loading.weights_only():
        torch.manual_seed(seed)
        try:
            if size is None:
                return timm.create_model(name, **options)
            try:
                return timm.create_model(name, img_size=size, **options)
            except TypeError:  # a network without positions takes any size, and no such option
                torch.manual_seed(seed)
                return timm.create_model(name, **options)
        except (AssertionError, ValueError) as error:
            raise ModelError(f"timm:{name} cannot be built" + (f" for pictures of {size} pixels" if size else "")
                             + f": {_loading.first_line(error)}") from error
        except Exception as error:  # huggingface_hub, its client, or timm itself: many kinds, one meaning
            raise ModelError(f"Cannot load the weights of timm:{name}: {_loading.first_line(error)} Can this machine reach the "
                             "hub? A file works too: checkpoint='FILE.safetensors', or pretrained=false for random "
                             "weights.") from error


def _check(timm: ModuleType, name: str, pretrained: bool) -> None:
    """That timm knows the model and, where they are wanted, has weights of that tag; it would use random ones."""
    architecture, _, tag = name.partition(".")
    if not timm.is_model(architecture):
        near = suggestion(architecture, timm.list_models())
        raise ModelError(f"timm has no model {architecture!r}. "
                         + (near if near.startswith("Did you") else "timm.list_models() lists what there is."))
    tags = [known.partition(".")[2] for known in timm.list_pretrained(f"{architecture}.*")]
    if tag and tag not in tags:
        raise ModelError(f"timm has no weights {tag!r} for {architecture}. "
                         + (suggestion(tag, tags) if tags else "It has none at all; leave the tag out."))
    if pretrained and not timm.is_model_pretrained(name):
        raise ModelError(f"timm has no published weights for {name!r}; set pretrained=false for random ones, or "
                         "checkpoint='FILE.safetensors'.")


def _stages(network: nn.Module) -> Sequence[str]:
    """Blocks of a transformer; stages of a convolutional network, as timm itself names them."""
    blocks: Any = getattr(network, "blocks", None)
    if blocks is not None and hasattr(network, "num_prefix_tokens"):
        return [f"blocks.{i}" for i in range(len(blocks))]
    known = set(_layers.every_of(network))
    stages = [str(entry["module"]) for entry in getattr(network, "feature_info", None) or [] if entry.get("module")]
    return [path for path in stages if path in known] or _layers.blocks_of(network)


def _has_cls(network: nn.Module) -> bool:
    return getattr(network, "cls_token", None) is not None or bool(getattr(network, "has_class_token", False))


def _card(network: nn.Module, name: str, pretrained: bool, filled: _checkpoint.Filled | None) -> Card:
    stated = getattr(network, "pretrained_cfg", None) or {}
    revision = str(stated.get("hf_hub_id") or stated.get("url") or "") if pretrained else "random"
    if filled is not None:
        return Card(name=name, source=f"timm:{name}", revision=filled.revision, parameters=parameters(network))
    return Card(
        name=name, source=f"timm:{name}", revision=revision, licence=str(stated.get("license") or "") if pretrained else "",
        citation=str(stated.get("paper_name") or ""), parameters=parameters(network),
        details={"architecture": str(stated.get("architecture") or ""), "tag": str(stated.get("tag") or "")},
    )
