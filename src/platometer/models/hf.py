"""``hf:NAME_OR_FOLDER``: any Hugging Face transformer of text, pictures or sound, from the hub or a folder.

Language models give the hidden states of the paper: the embedding output and every block, the last one as the library
returns it (after the final norm; ``final="residual"`` for before). Vision transformers give the residual stream after
each block, before the final norm. Of models with two towers, such as CLIP, choose ``tower="vision"`` or ``"text"``; of
encoder-decoders, ``part="encoder"`` (the default) or ``"decoder"``.

Texts are padded on the right and masked, so that a text's vectors do not depend on its batch. The released code of the
paper pads on the left and passes no position ids, which gives the same numbers for its models (rotary or ALiBi
positions) and different ones for models with learned absolute positions.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from platometer.cards import Card, fingerprint
from platometer.errors import InputError, MissingDependencyError, ModelError, SpecError, missing
from platometer.models import _layers, _pooling, _torchvision_shim
from platometer.models._torch import Inputs, Point, TorchModel, parameters

if TYPE_CHECKING:
    from types import ModuleType

_log = logging.getLogger("platometer")
_INPUTS = {"input_ids": "text", "pixel_values": "image", "input_values": "audio", "input_features": "audio"}
_DTYPES = ("auto", "float32", "float16", "bfloat16", "float64")


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
    layers : see `platometer.models._layers.choose`; the names are ``embeddings`` (text and sound) and ``block.0`` on.
    pooling : one of ``auto, mean, cls, first, last, max, average, none``; ``auto`` is ``cls`` for pictures with a class
        token, else ``mean``.
    tower : ``"vision"`` or ``"text"`` of a model that has both.
    part : ``"encoder"`` or ``"decoder"`` of a model that has both.
    final : the last layer of a language model after (``"normed"``) or before (``"residual"``) its final norm.
    device : such as ``"cuda"``; a graphics processor if there is one, if None.
    dtype : of weights and arithmetic: ``"float32"``, ``"bfloat16"``, ``"float16"``, or ``"auto"`` for the stored one.
    device_map : such as ``"auto"``, to spread a large model over devices; needs accelerate.
    quantise : ``"8bit"`` or ``"4bit"``; needs bitsandbytes and a graphics processor.
    revision : branch, tag or commit on the hub.
    max_length : context length in tokens; the model's own if None. Longer texts are cut.
    local_files_only : never ask the hub.
    trust_remote_code : run code that comes with the model; off, and better left off.

    Raises
    ------
    ModelError
        It is not there, cannot be loaded, or a choice between towers or parts is open.
    MissingDependencyError
        transformers is not installed.
    """
    if final not in ("normed", "residual"):
        raise SpecError(f"final = {final!r}; expected 'normed' or 'residual'.")
    if dtype not in _DTYPES:
        raise SpecError(f"dtype = {dtype!r}; expected one of {', '.join(_DTYPES)}.")
    _pooling.check(pooling)
    transformers = _transformers()
    name, _, tagged = name.partition("@") if not Path(name).exists() else (name, "", "")
    source = {"revision": revision or tagged or None, "local_files_only": local_files_only or Path(name).exists(),
              "trust_remote_code": trust_remote_code}
    network = _network(transformers, name, source, dtype=dtype, device_map=device_map, quantise=quantise, device=device)
    kind = type(network).__name__
    network = _tower(network, tower, name)
    network = _part(network, part, name)
    modality = _INPUTS.get(getattr(network, "main_input_name", "input_ids"))
    if modality is None:
        raise ModelError(f"{name} takes {network.main_input_name!r}; expected text, pictures or sound.")
    decoder = part == "decoder"
    points = _points(network, layers, modality=modality, final=final, decoder=decoder, name=name)
    prefix = _prefix(network) if modality == "image" else 0
    how = _pooling.chosen(pooling, modality, prefix)
    prepare, count, limit, facts = _processor(
        transformers, name, source, network, modality, max_length=max_length, decoder=decoder)
    details = {
        "class": kind, "pooling": how, "dtype": str(next(network.parameters()).dtype).removeprefix("torch."),
        "tower": tower or "", "part": part or "", "final": final if modality == "text" else "", "quantise": quantise or "",
        "layers": layers if isinstance(layers, str) else list(layers), "library": f"transformers {transformers.__version__}",
    } | facts
    return TorchModel(
        module=network, points=points, prepare=prepare, card=_card(name, network, source), modality=modality,
        details=details, pooling=how, prefix=prefix, concat=layers == "concat", limit=limit, count=count,
    )


def _transformers() -> ModuleType:
    _torchvision_shim.ready()
    try:
        import transformers
    except ImportError:
        raise missing("transformers", "language", wanted_for="A model from Hugging Face") from None
    transformers.utils.logging.disable_progress_bar()
    return transformers


def _network(
    transformers: ModuleType, name: str, source: Mapping, *, dtype: str, device_map: str | None, quantise: str | None,
    device: str | None,
) -> nn.Module:
    folder = Path(name)
    if folder.exists() and not (folder / "config.json").is_file():
        raise ModelError(f"The folder {name} has no config.json, so it is not a saved Hugging Face model. Is it the folder "
                         "above, or a checkpoint of another library?")
    options: dict[str, object] = dict(source) | {"dtype": dtype if dtype == "auto" else getattr(torch, dtype)}
    if device_map is not None:
        options["device_map"] = device_map
    if quantise is not None:
        options["quantization_config"] = _quantised(transformers, quantise)
    try:
        network = transformers.AutoModel.from_pretrained(name, use_safetensors=_has_safetensors(folder), **options)
    except (OSError, ValueError, ImportError, RuntimeError, KeyError) as error:
        raise _told(name, error, bool(source["local_files_only"])) from error
    if device_map is None and quantise is None:
        network = network.to(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    return network.eval()


def _has_safetensors(folder: Path) -> bool | None:
    """Only safetensors for a folder that has them; else the library's choice, which reads .bin with weights_only."""
    return True if folder.is_dir() and any(folder.glob("*.safetensors")) else None


def _quantised(transformers: ModuleType, quantise: str) -> object:
    if quantise not in ("8bit", "4bit"):
        raise SpecError(f"quantise = {quantise!r}; expected '8bit' or '4bit'.")
    try:
        return transformers.BitsAndBytesConfig(load_in_8bit=quantise == "8bit", load_in_4bit=quantise == "4bit",
                                               **({"bnb_4bit_compute_dtype": torch.bfloat16} if quantise == "4bit" else {}))
    except (ImportError, TypeError) as error:
        raise MissingDependencyError(f"quantise={quantise!r} needs bitsandbytes and accelerate: {error}") from error


def _told(name: str, error: Exception, local: bool) -> ModelError:
    first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    text = str(error).lower()
    if "gated" in text or "401" in text or "403" in text:
        hint = "It is gated: accept its terms on the hub and log in with 'hf auth login'."
    elif "trust_remote_code" in text:
        hint = "It comes with code of its own; if you trust its authors, set trust_remote_code=true."
    elif "connect" in text or "offline" in text or "couldn't" in text or "can't load" in text or "not a valid model" in text:
        hint = ("It is not in that folder." if local else
                "Is the name right (OWNER/NAME), and can this machine reach the hub? A downloaded folder works too.")
    elif "accelerate" in text:
        hint = "Install accelerate for device_map and quantise."
    else:
        hint = "Is it a model that transformers' AutoModel knows?"
    return ModelError(f"Cannot load {name!r}: {first} {hint}")


def _tower(network: nn.Module, tower: str | None, name: str) -> nn.Module:
    has = {side: getattr(network, f"{side}_model", None) for side in ("vision", "text")}
    both = isinstance(has["vision"], nn.Module) and isinstance(has["text"], nn.Module)
    if tower is None and both:
        raise ModelError(f"{name} has two towers; choose tower='vision' or tower='text'.")
    if tower is None:
        return network
    if tower not in has or not isinstance(has[tower], nn.Module):
        hint = "expected vision or text" if both else "leave the option out"
        raise ModelError(f"{name} has no tower {tower!r}; {hint}.")
    chosen = has[tower]
    if not getattr(chosen, "main_input_name", None) or tower == "vision":
        chosen.main_input_name = "pixel_values" if tower == "vision" else "input_ids"
    return chosen


def _part(network: nn.Module, part: str | None, name: str) -> nn.Module:
    two = bool(getattr(network.config, "is_encoder_decoder", False))
    if part is not None and (not two or part not in ("encoder", "decoder")):
        hint = "expected encoder or decoder" if two else "leave the option out"
        raise ModelError(f"{name} has no part {part!r}; {hint}.")
    if not two or part == "decoder":
        return network
    encoder = network.get_encoder()
    encoder.main_input_name = getattr(network, "main_input_name", "input_ids")
    return encoder


def _points(
    network: nn.Module, layers: str | Sequence[str], *, modality: str, final: str, decoder: bool, name: str
) -> tuple[Point, ...]:
    """Where the layers are: the embedding output (text, sound), the blocks, and the result for a normed last layer."""
    paths = _layers.blocks_of(network)
    if decoder:
        paths = tuple(path for path in paths if path.startswith("decoder.") or ".decoder." in path)
        if not paths:
            raise ModelError(f"Cannot find the decoder's blocks in {name}.")
    points = [Point(f"block.{i}", path) for i, path in enumerate(paths)]
    if modality != "image":
        points.insert(0, Point("embeddings", paths[0], "input"))
        if modality == "text" and final == "normed":
            points[-1] = Point(points[-1].name, "", "result")
    every = {path: Point(path, path) for path in _layers.every_of(network)}
    known = {point.name: point for point in points}
    chosen = _layers.choose(list(known), list(every), layers, model=name)
    return tuple(known.get(layer) or every[layer] for layer in chosen)


def _prefix(network: nn.Module) -> int:
    """Number of class and register tokens before the first patch."""
    named = dict(network.named_parameters())
    cls = any(key.endswith(("cls_token", "class_embedding")) for key in named)
    registers = next((value.shape[1] for key, value in named.items() if key.endswith("register_tokens")), 0)
    return int(cls) + int(registers)


def _processor(
    transformers: ModuleType, name: str, source: Mapping, network: nn.Module, modality: str, *, max_length: int | None,
    decoder: bool,
) -> tuple[Callable, Callable | None, int | None, dict]:
    """Items -> Inputs; items -> lengths; the context length; and what to record."""
    try:
        if modality == "text":
            return _texts(transformers.AutoTokenizer.from_pretrained(name, **source), network, max_length, decoder)
        if modality == "image":
            return _pictures(transformers.AutoImageProcessor.from_pretrained(name, backend="pil", **source))
        return _sounds(transformers.AutoFeatureExtractor.from_pretrained(name, **source), network)
    except (OSError, ValueError, ImportError, KeyError) as error:
        raise ModelError(f"{name} is there, but not its {'tokenizer' if modality == 'text' else 'processor'}: "
                         f"{str(error).strip().splitlines()[0]} Save it into the same folder.") from error


def _texts(tokenizer: object, network: nn.Module, max_length: int | None, decoder: bool) -> tuple:
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token or tokenizer.convert_ids_to_tokens(0)
    tokenizer.padding_side = "right"
    limit = max_length or _context(tokenizer, network.config)
    start = getattr(network.config, "decoder_start_token_id", None)

    def prepare(items: Sequence[str]) -> Inputs:
        found = tokenizer(list(items), return_tensors="pt", padding=True, truncation=limit is not None, max_length=limit)
        ids, mask = found["input_ids"], found["attention_mask"]
        if ids.shape[1] == 0:
            raise InputError("The tokenizer made no tokens of any text of a batch.")
        kwargs = {"input_ids": ids, "attention_mask": mask}
        if "token_type_ids" in found:
            kwargs["token_type_ids"] = found["token_type_ids"]
        if decoder:
            first = torch.full_like(ids[:, :1], tokenizer.pad_token_id if start is None else start)
            kwargs |= {"decoder_input_ids": torch.cat([first, ids[:, :-1]], 1), "decoder_attention_mask": mask}
        return Inputs(kwargs=kwargs, mask=mask)

    def count(items: Sequence[str]) -> list[int]:
        return [len(ids) for ids in tokenizer(list(items), truncation=False, verbose=False)["input_ids"]]

    facts = {"context": limit, "padding": "right", "pad_token": str(tokenizer.pad_token),
             "tokenizer": fingerprint(sorted(tokenizer.get_vocab().items()))}
    return prepare, count, limit, facts


def _context(tokenizer: object, config: object) -> int | None:
    """The most tokens that the model takes: the least of what tokenizer and configuration say."""
    said = [tokenizer.model_max_length]
    for key in ("max_position_embeddings", "n_positions", "n_ctx", "seq_length"):
        value = getattr(config, key, None)
        if isinstance(value, int) and value > 0:
            # RoBERTa and its kin number positions from the padding index on
            shift = config.pad_token_id + 1 if getattr(config, "model_type", "") in _SHIFTED and config.pad_token_id else 0
            said.append(value - shift)
            break
    finite = [int(value) for value in said if value and value < 10**7]
    return min(finite) if finite else None


_SHIFTED = ("roberta", "xlm-roberta", "camembert", "longformer", "mpnet", "data2vec-text")


def _pictures(processor: object) -> tuple:
    def prepare(items: Sequence) -> Inputs:
        pictures = [item.convert("RGB") for item in items]
        return Inputs(kwargs={"pixel_values": processor(images=pictures, return_tensors="pt")["pixel_values"]})

    said = {key: value for key, value in processor.to_dict().items()
            if key in ("size", "crop_size", "image_mean", "image_std", "resample", "do_resize", "do_center_crop",
                       "do_normalize", "do_rescale", "rescale_factor")}
    return prepare, None, None, {"preprocessing": json.loads(json.dumps(said, default=str)),
                                 "processor": type(processor).__name__}


def _sounds(extractor: object, network: nn.Module) -> tuple:
    rate = int(extractor.sampling_rate)

    def prepare(items: Sequence) -> Inputs:
        waves = []
        for wave, given in items:
            if int(given) != rate:
                raise InputError(f"A sound has {given} Hz, the model takes {rate} Hz; resample it first.")
            waves.append(torch.as_tensor(wave).numpy())
        found = extractor(waves, sampling_rate=rate, return_tensors="pt", padding=True, return_attention_mask=True)
        kwargs = {key: value for key, value in found.items() if key in ("input_values", "input_features", "attention_mask")}
        mask = kwargs.get("attention_mask")
        if mask is not None and hasattr(network, "_get_feature_vector_attention_mask"):
            frames = int(network._get_feat_extract_output_lengths(torch.tensor(mask.shape[1])))
            mask = network._get_feature_vector_attention_mask(frames, mask)
        else:
            mask = None
        return Inputs(kwargs=kwargs, mask=mask)

    return prepare, None, None, {"rate": rate, "processor": type(extractor).__name__}


def _card(name: str, network: nn.Module, source: Mapping) -> Card:
    config = network.config
    revision = getattr(config, "_commit_hash", None) or source["revision"] or ""
    folder = Path(name)
    licence = ""
    if folder.is_dir():
        revision = fingerprint([[p.name, p.stat().st_size, _edges(p)] for p in sorted(folder.iterdir()) if p.is_file()])[:16]
        readme = folder / "README.md"
        lines = readme.read_text(encoding="utf-8", errors="replace").splitlines()[:60] if readme.is_file() else []
        licence = next((line.partition(":")[2].strip() for line in lines if line.startswith("license:")), "")
    return Card(name=folder.name if folder.is_dir() else name.rpartition("/")[2], source=f"hf:{name}", revision=str(revision),
                licence=licence, parameters=parameters(network), details={"model_type": str(config.model_type)})


def _edges(path: Path) -> str:
    """A hash of a file's content; of its first and last megabyte where it is large."""
    with path.open("rb") as file:
        size = path.stat().st_size
        if size <= 2**26:
            return fingerprint(file.read())
        head = file.read(2**20)
        file.seek(size - 2**20)
        return fingerprint(head, file.read())
