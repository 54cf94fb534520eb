"""``timm:NAME``: vision models of timm, with their own preprocessing.

Vision transformers give the residual stream after each block, before the final norm (class token where there is one:
the paper's choice); convolutional networks each stage, globally averaged. Names as in ``timm.list_models()``, such as
``vit_base_patch14_dinov2.lvd142m``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from platometer.cards import Card
from platometer.errors import ModelError, missing, suggestion
from platometer.models import _layers, _pooling, _torchvision_shim
from platometer.models._torch import Inputs, Point, TorchModel, parameters


def load(
    name: str,
    *,
    layers: str | Sequence[str] = "blocks",
    pooling: str = "auto",
    pretrained: bool = True,
    checkpoint: str | None = None,
    device: str | None = None,
    dtype: str = "float32",
    size: int | None = None,
    seed: int = 0,
) -> TorchModel:
    """The vision model of this name.

    Parameters
    ----------
    name : as in ``timm.list_models()``, with its tag.
    layers : see `platometer.models._layers.choose`.
    pooling : one of ``auto, mean, cls, first, last, max, average, none``.
    pretrained : whether to load the published weights; without, they are random with `seed`.
    checkpoint : a safetensors file to load instead.
    device : a graphics processor if there is one, if None.
    dtype : of weights and arithmetic.
    size : side of the picture in pixels, where the model can take another than its own.
    seed : of random weights.

    Raises
    ------
    ModelError
        No such model, or its weights cannot be had.
    """
    timm = _timm()
    _pooling.check(pooling)
    if not timm.is_model(name):
        raise ModelError(f"timm has no model {name!r}. {suggestion(name.partition('.')[0], timm.list_models())}"[:400])
    options = {"img_size": size} if size is not None and "vit" in name else {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            network = timm.create_model(name, pretrained=pretrained and checkpoint is None, num_classes=0, **options)
        except Exception as error:  # the hub client, huggingface_hub or timm itself: many kinds, one meaning
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise ModelError(f"Cannot load the weights of timm:{name}: {first} Can this machine reach the hub? A file works "
                             "too: checkpoint='FILE.safetensors', or pretrained=false for random weights.") from error
    if checkpoint is not None:
        _fill(network, checkpoint)
    network = network.to(device or ("cuda" if torch.cuda.is_available() else "cpu"), getattr(torch, dtype)).eval()
    config = timm.data.resolve_data_config({} if size is None else {"input_size": (3, size, size)}, model=network)
    transform = timm.data.create_transform(**config, is_training=False)
    prefix = int(getattr(network, "num_prefix_tokens", 0) or 0)
    how = _pooling.chosen(pooling, "image", prefix if _has_cls(network) else 0)
    kind = getattr(torch, dtype)

    def prepare(items: Sequence) -> Inputs:
        return Inputs(args=(torch.stack([transform(item.convert("RGB")) for item in items]).to(kind),))

    details = {
        "pooling": how, "dtype": dtype, "library": f"timm {timm.__version__}", "pretrained": pretrained or bool(checkpoint),
        "seed": None if pretrained or checkpoint else seed, "layers": layers if isinstance(layers, str) else list(layers),
        "preprocessing": {key: list(v) if isinstance(v, tuple) else v for key, v in config.items()},
    }
    return TorchModel(
        module=network, points=_points(network, layers, name), prepare=prepare, card=_card(network, name, pretrained),
        modality="image", details=details, pooling=how, prefix=prefix, concat=layers == "concat",
    )


def _timm():
    if _torchvision_shim.ready() == "absent":
        raise missing("torchvision", "vision", wanted_for="timm")
    try:
        import timm
        import timm.data
    except ImportError:
        raise missing("timm", "vision", wanted_for="A vision model from timm") from None
    return timm


def _points(network: nn.Module, layers: str | Sequence[str], name: str) -> tuple[Point, ...]:
    blocks = [Point(path, path) for path in _stages(network)]
    known = {point.name: point for point in blocks}
    every = _layers.every_of(network)
    chosen = _layers.choose(list(known), every, layers, model=f"timm:{name}")
    return tuple(known.get(layer) or Point(layer, layer) for layer in chosen)


def _stages(network: nn.Module) -> Sequence[str]:
    """Blocks of a transformer; stages of a convolutional network, as timm itself names them."""
    if getattr(network, "blocks", None) is not None and hasattr(network, "num_prefix_tokens"):
        return [f"blocks.{i}" for i in range(len(network.blocks))]
    info = [str(entry["module"]) for entry in getattr(network, "feature_info", None) or [] if entry.get("module")]
    known = set(_layers.every_of(network))
    return [path for path in info if path in known] or _layers.blocks_of(network)


def _has_cls(network: nn.Module) -> bool:
    return getattr(network, "cls_token", None) is not None or bool(getattr(network, "has_class_token", False))


def _fill(network: nn.Module, checkpoint: str) -> None:
    from safetensors.torch import load_file

    if Path(checkpoint).suffix != ".safetensors" or not Path(checkpoint).is_file():
        raise ModelError(f"checkpoint = {checkpoint!r}; expected an existing .safetensors file (no pickle is ever loaded).")
    found = network.load_state_dict(load_file(checkpoint), strict=False)
    if found.missing_keys:
        raise ModelError(f"{checkpoint} lacks {len(found.missing_keys)} weights, the first {found.missing_keys[0]!r}; is it of "
                         "another model?")


def _card(network: nn.Module, name: str, pretrained: bool) -> Card:
    said = getattr(network, "pretrained_cfg", None) or {}
    return Card(
        name=name, source=f"timm:{name}", revision=str(said.get("hf_hub_id") or "") if pretrained else "random",
        licence=str(said.get("license") or ""), citation=str(said.get("paper_name") or ""), parameters=parameters(network),
        details={"architecture": str(said.get("architecture") or ""), "tag": str(said.get("tag") or "")},
    )
