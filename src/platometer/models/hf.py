"""``hf:NAME_OR_FOLDER``: any Hugging Face transformer of text, pictures or sound, from the hub or a folder.

Language models give the hidden states of the paper: the embedding output and every block, the last one as the library
returns it (after the final norm; ``final="residual"`` for before). Vision models give the residual stream after each
block, before the final norm, or each stage. Of models with two towers, such as CLIP, choose ``tower="vision"`` or
``"text"``; of encoder-decoders, ``part="encoder"`` (the default) or ``"decoder"``, which reads the text shifted by one
token while it attends to the encoder.

Texts are padded on the right and masked, so that a text's vectors do not depend on its batch. The released code of the
paper pads on the left and passes no position ids. For its models, whose positions are rotary or ALiBi, that gives the
same numbers up to rounding; for models with learned absolute positions (GPT-2) it gives numbers that depend on the
batch, and is not offered. Sounds that a network cannot mask are run in batches of equal length.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

from platometer.cards import Card
from platometer.errors import MissingDependencyError, ModelError, SpecError, missing
from platometer.models import _hf_inputs, _layers, _loading, _pooling, _torchvision_shim
from platometer.models._torch import Point, TorchModel, parameters, poolable

_INPUTS = {"input_ids": "text", "pixel_values": "image", "input_values": "audio", "input_features": "audio"}
_UNUSED = re.compile(r"pooler|masked_spec_embed|mask_token|position_ids|rotary_emb|lm_head|logit_scale|logit_bias")


def load(
    name: str,
    *,
    layers: str | Sequence[str] = "blocks",
    pooling: str = "auto",
    tower: str | None = None,
    part: str | None = None,
    final: str = "normed",
    device: str | None = None,
    dtype: str = "float32",
    device_map: str | None = None,
    quantise: str | None = None,
    revision: str | None = None,
    max_length: int | None = None,
    local_files_only: bool = False,
    trust_remote_code: bool = False,
) -> TorchModel:
    """The model of this name on the hub, or in this folder.

    Parameters
    ----------
    name : hub name, such as ``"bigscience/bloomz-560m"``, ``NAME@REVISION``, or a folder.
    layers : see `platometer.models._layers.choose`; the names are ``embeddings`` (text and sound) and ``block.0`` on,
        and the names of modules inside the network.
    pooling : one of ``auto, mean, cls, first, last, max, average, none``; ``auto`` is ``cls`` for pictures with a class
        token, else ``mean``.
    tower : ``"vision"`` or ``"text"`` of a model that has both.
    part : ``"encoder"`` or ``"decoder"`` of a model that has both.
    final : the last layer of a language model after (``"normed"``) or before (``"residual"``) its final norm.
    device : such as ``"cuda"``; a graphics processor if there is one, if None.
    dtype : of weights and arithmetic: ``"float32"``, ``"bfloat16"``, ``"float16"``, ``"float64"``, or ``"auto"`` for
        the stored one.
    device_map : such as ``"auto"``, to spread a large model over devices; needs accelerate.
    quantise : ``"8bit"`` or ``"4bit"``; needs accelerate, bitsandbytes and a graphics processor.
    revision : branch, tag or commit on the hub.
    max_length : context length in tokens; the model's own if None. Longer texts are cut.
    local_files_only : never ask the hub.
    trust_remote_code : run code that comes with the model; off, and better left off.

    Raises
    ------
    ModelError
        It is not there, cannot be loaded, lacks weights, or a choice between towers or parts is open.
    SpecError
        An option is none of those above, or two exclude each other.
    MissingDependencyError
        transformers, or what an option needs, is not installed.
    """
    _check(final=final, dtype=dtype, pooling=pooling, device=device, device_map=device_map, quantise=quantise)
    transformers = _transformers()
    name, revision = _named(name, revision)
    source = {"revision": revision, "local_files_only": local_files_only or Path(name).is_dir(),
              "trust_remote_code": trust_remote_code}
    network = _network(transformers, name, source, dtype=dtype, device_map=device_map, quantise=quantise, device=device)
    kind = type(network).__name__
    network = _part(_tower(network, tower, name), part, name)
    modality = _INPUTS.get(str(network.main_input_name))
    if modality is None:
        raise ModelError(f"{name} takes {network.main_input_name!r}; expected text, pictures or sound.")
    decoder = part == "decoder"
    if decoder and modality != "text":
        raise ModelError(f"{name} reads {modality}, and its decoder needs a text beside it; use part='encoder'.")
    own = next(p.dtype for p in network.parameters() if p.is_floating_point())
    door = _hf_inputs.door(transformers, name, source, network, modality, max_length=max_length, decoder=decoder, dtype=own)
    cls, prefix = _prefix(network) if modality != "text" else (0, 0)
    how = _pooling.chosen(pooling, modality, cls)
    details = {
        "class": kind, "pooling": how, "dtype": str(own).removeprefix("torch."), "tower": tower or "", "part": part or "",
        "final": final if modality == "text" else "", "quantise": quantise or "",
        "layers": layers if isinstance(layers, str) else list(layers), "library": f"transformers {transformers.__version__}",
    } | dict(door.facts) | ({"prefix": prefix} if modality != "text" else {})
    points = _points(network, modality=modality, final=final, decoder=decoder, name=name)
    return TorchModel(
        module=network, points=_chosen(points, network, layers, name, door, modality, how, prefix), prepare=door.prepare,
        card=_card(name, network, source), modality=modality, details=details, pooling=how, prefix=prefix,
        concat=layers == "concat", limit=door.limit, count=door.count, apart=door.apart,
    )


def _check(
    *, final: str, dtype: str, pooling: str, device: str | None, device_map: str | None, quantise: str | None
) -> None:
    if final not in ("normed", "residual"):
        raise SpecError(f"final = {final!r}; expected 'normed' or 'residual'.")
    if dtype != "auto":
        _loading.dtype_of(dtype)
    if quantise not in (None, "8bit", "4bit"):
        raise SpecError(f"quantise = {quantise!r}; expected '8bit' or '4bit'.")
    if device is not None and device_map is not None:
        raise SpecError(f"device = {device!r} and device_map = {device_map!r} exclude each other; leave one out.")
    _pooling.check(pooling)
    wanted = (["accelerate"] if device_map or quantise else []) + (["bitsandbytes"] if quantise else [])
    absent = [library for library in wanted if importlib.util.find_spec(library) is None]
    if absent:
        option = f"quantise={quantise!r}" if quantise else f"device_map={device_map!r}"
        raise MissingDependencyError(f"{option} needs {' and '.join(absent)}, which is not installed. Install it with: "
                                     f"pip install {' '.join(absent)}")


def _transformers() -> ModuleType:
    _torchvision_shim.ready()
    try:
        import transformers
    except ImportError:
        raise missing("transformers", "language", wanted_for="A model from Hugging Face") from None
    transformers.utils.logging.disable_progress_bar()
    return transformers


def _named(name: str, revision: str | None) -> tuple[str, str | None]:
    """Folder or hub name, and the revision."""
    folder = Path(name).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise ModelError(f"The folder {name} has no config.json, so it is not a saved Hugging Face model. Is it the folder "
                             "above or below, or a checkpoint of another library?")
        if revision is not None:
            raise SpecError(f"revision = {revision!r} is for models on the hub; {name} is a folder.")
        return str(folder), None
    name, _, tagged = name.partition("@")
    if folder.exists() or name.startswith((".", "/", "~")) or name.count("/") > 1:
        found = "a file" if folder.exists() else "not there"
        raise ModelError(f"Cannot load 'hf:{name}': the folder is {found}. Expected a folder with config.json and weights, or "
                         "a name on the hub (OWNER/NAME).")
    if tagged and revision is not None:
        raise SpecError(f"The revision stands twice: {tagged!r} in the name, and revision = {revision!r}.")
    return name, revision or tagged or None


def _network(
    transformers: ModuleType, name: str, source: Mapping, *, dtype: str, device_map: str | None, quantise: str | None,
    device: str | None,
) -> nn.Module:
    options: dict[str, object] = dict(source) | {"dtype": dtype if dtype == "auto" else _loading.dtype_of(dtype)}
    if device_map is not None or quantise is not None:
        options["device_map"] = device_map or str(_loading.device_of(device))
    if quantise is not None:
        more = {} if quantise == "8bit" else {"bnb_4bit_compute_dtype": torch.bfloat16}
        options["quantization_config"] = transformers.BitsAndBytesConfig(
            load_in_8bit=quantise == "8bit", load_in_4bit=quantise == "4bit", **more)
    if any(Path(name).glob("*.safetensors")):
        options["use_safetensors"] = True
    try:
        with _loading.weights_only():
            network, report = transformers.AutoModel.from_pretrained(name, output_loading_info=True, **options)
    except Exception as error:  # the hub client and the libraries under it have many kinds
        raise ModelError(f"Cannot load 'hf:{name}': {_loading.first_line(error)} {hint(str(error))}") from error
    absent = sorted(key for key in report["missing_keys"] if not _UNUSED.search(key))
    if absent:
        raise ModelError(f"{name} lacks {len(absent)} weights of {type(network).__name__}, the first {absent[0]!r}; they would "
                         "be random. Is it a checkpoint of another class, or incomplete?")
    if hasattr(network.config, "use_cache"):
        network.config.use_cache = False  # for writing, not for reading
    return network.eval() if "device_map" in options else _loading.placed(network, device)


def hint(said: str) -> str:
    """The likely slip behind what the library says of a model that it cannot load.

    Parameters
    ----------
    said : the library's message.
    """
    said = said.lower()
    found = (
        (("gated repo", "awaiting a review", "403"), "It is gated: accept its terms on the hub, then log in: hf auth login."),
        (("trust_remote_code", "custom code"), "It comes with code of its own; if you trust its authors, set "
                                               "trust_remote_code=true."),
        (("not a valid model identifier", "not found", "404", "401"),
         "Is the name right (OWNER/NAME, capitals count)? If it is private, log in with 'hf auth login'."),
        (("connect", "offline", "resolve", "timed out", "cached files"),
         "Can this machine reach the hub? A folder works too, and local_files_only=true what was downloaded before."),
        (("out of memory",), "It does not fit: use dtype='bfloat16', quantise='8bit' or device_map='auto'."),
        (("no file named", "safetensors", "header"), "Are the weights complete, and in that folder?"),
    )
    return next((text for words, text in found if any(word in said for word in words)),
                "Is it a model that transformers' AutoModel knows, in this version?")


def _tower(network: nn.Module, tower: str | None, name: str) -> nn.Module:
    has = {side: part for side in ("vision", "text") if isinstance(part := getattr(network, f"{side}_model", None), nn.Module)}
    if tower is None and len(has) < 2:
        return network
    if tower is None:
        raise ModelError(f"{name} has two towers; choose tower='vision' or tower='text'.")
    if tower not in has:
        raise ModelError(f"{name} has no tower {tower!r}; " + ("expected vision or text." if has else "leave the option out."))
    has[tower].main_input_name = "pixel_values" if tower == "vision" else "input_ids"  # type: ignore[assignment]
    return has[tower]


def _part(network: nn.Module, part: str | None, name: str) -> nn.Module:
    two = bool(getattr(network.config, "is_encoder_decoder", False))
    if part is not None and (not two or part not in ("encoder", "decoder")):
        hinted = "expected encoder or decoder" if two else "leave the option out"
        raise ModelError(f"{name} has no part {part!r}; {hinted}.")
    if not two or part == "decoder":
        return network
    encoder = network.get_encoder()  # type: ignore[operator]
    encoder.main_input_name = network.main_input_name
    return encoder


def _points(network: nn.Module, *, modality: str, final: str, decoder: bool, name: str) -> dict[str, Point]:
    """Where the layers are: the embedding output (text, sound), the blocks, and the result for a normed last layer."""
    if decoder:
        paths = tuple(f"decoder.{path}" for path in _layers.trunk_of(network.get_decoder()))  # type: ignore[operator]
        if not all(path in dict(network.named_modules()) for path in paths):
            raise ModelError(f"Cannot find the blocks of the decoder of {name}; name its layers.")
    else:
        paths = _layers.trunk_of(network)
    points = [Point(f"block.{i}", path) for i, path in enumerate(paths)]
    if modality != "image":
        points.insert(0, Point("embeddings", paths[0], "input"))
    if modality == "text" and final == "normed":
        points[-1] = Point(points[-1].name, "", "result")
    return {point.name: point for point in points}


def _chosen(
    points: Mapping[str, Point], network: nn.Module, layers: str | Sequence[str], name: str, door: _hf_inputs.Door,
    modality: str, how: str, prefix: int,
) -> tuple[Point, ...]:
    every = _layers.every_of(network)
    if layers == "all":
        every = poolable(network, door.prepare, _example(modality, door), pooling=how, prefix=prefix)
        return tuple(Point(path, path) for path in every)
    return tuple(points.get(layer) or Point(layer, layer) for layer in _layers.choose(list(points), every, layers, model=name))


def _example(modality: str, door: _hf_inputs.Door) -> object:
    if modality == "text":
        return "a dog and a cat"
    if modality == "image":
        return Image.new("RGB", (64, 64))
    rate = int(door.facts["rate"])  # type: ignore[call-overload]
    return np.linspace(-1, 1, rate, dtype=np.float32), rate


def _prefix(network: nn.Module) -> tuple[int, int]:
    """Number of class tokens, and of all tokens before the first patch."""
    named = {key.rpartition(".")[2]: value for key, value in network.named_parameters()}
    cls = int("cls_token" in named or "class_embedding" in named)
    more = int("distillation_token" in named)
    registers = named["register_tokens"].shape[1] if "register_tokens" in named else 0
    return cls, cls + more + int(registers)


def _card(name: str, network: nn.Module, source: Mapping) -> Card:
    config: Any = network.config
    folder = Path(name)
    if folder.is_dir():
        found, revision, called = _loading.said(folder / "README.md"), _loading.folder_revision(folder), folder.resolve().name
    else:
        revision, called = getattr(config, "_commit_hash", None) or source["revision"], name.rpartition("/")[2]
        found = _loading.hub_card(name, revision, local_files_only=bool(source["local_files_only"]))
    return Card(name=called, source=f"hf:{name}", revision=str(revision or ""), licence=found.licence, citation=found.citation,
                parameters=parameters(network), details={"model_type": str(config.model_type)})
