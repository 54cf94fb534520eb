"""From texts, pictures and sounds to what a Hugging Face network is called with, by the processor that came with it."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import torch
from torch import nn

from platometer.cards import fingerprint
from platometer.errors import InputError, ModelError, SpecError
from platometer.models import _items
from platometer.models._loading import first_line
from platometer.models._torch import Inputs

_KINDS = {"text": ("AutoTokenizer", "tokenizer"), "image": ("AutoImageProcessor", "image processor"),
          "audio": ("AutoFeatureExtractor", "feature extractor")}
_COUNTED_FROM_PAD = ("roberta", "xlm-roberta", "camembert", "longformer", "data2vec-text", "mpnet", "esm", "xmod")
_PREPROCESSING = ("size", "crop_size", "image_mean", "image_std", "resample", "do_resize", "do_center_crop", "do_normalize",
                  "do_rescale", "rescale_factor", "do_pad", "crop_pct")


@dataclass(frozen=True)
class Door:
    """How items get into a network.

    Attributes
    ----------
    prepare : items -> Inputs.
    count, limit, apart : see `platometer.models._torch.TorchModel`.
    facts : what to record.
    """

    prepare: Callable[[Sequence], Inputs]
    count: Callable[[Sequence], list[int]] | None = None
    limit: int | None = None
    apart: Callable[[Sequence], Sequence[Hashable]] | None = None
    facts: Mapping[str, object] = field(default_factory=dict)


def door(
    transformers: ModuleType, name: str, source: Mapping, network: nn.Module, modality: str, *, max_length: int | None,
    decoder: bool, dtype: torch.dtype,
) -> Door:
    """The way in for a network, by the tokenizer or processor saved beside it.

    Parameters
    ----------
    transformers : the library.
    name : of the model, on the hub or a folder.
    source : revision, local_files_only, trust_remote_code.
    network : that will be called.
    modality : ``"text"``, ``"image"`` or ``"audio"``.
    max_length : context length asked for, for text.
    decoder : whether the decoder of an encoder-decoder is looked at.
    dtype : of pictures and sounds.

    Raises
    ------
    ModelError
        The tokenizer or processor is not there.
    """
    if max_length is not None and modality != "text":
        raise SpecError(f"max_length is for texts; {name} takes {modality}. Leave it out.")
    kind, noun = _KINDS[modality]
    options = dict(source)
    if modality == "image":
        options |= {"backend": "pil"} if int(transformers.__version__.partition(".")[0]) >= 5 else {"use_fast": False}
    try:
        processor = getattr(transformers, kind).from_pretrained(name, **options)
    except Exception as error:  # the hub client and the libraries under it have many kinds
        raise ModelError(f"{name} is there, but its {noun} cannot be loaded: {first_line(error)} Was it saved into the same "
                         "folder?") from error
    if modality == "text":
        return _texts(processor, network, name, max_length, decoder)
    return _pictures(processor, network, dtype) if modality == "image" else _sounds(processor, network, dtype)


def _texts(tokenizer: Any, network: nn.Module, name: str, max_length: int | None, decoder: bool) -> Door:
    if len(set(tokenizer.get_vocab()) - set(tokenizer.all_special_tokens)) < 2:  # the library makes an empty one up
        raise ModelError(f"{name} is there, but its tokenizer cannot be loaded: it has no vocabulary. Was it saved into the "
                         "same folder?")
    _pad(tokenizer, network)
    tokenizer.padding_side = tokenizer.truncation_side = "right"
    limit = _context(tokenizer, network.config, name, max_length)
    siglip = str(getattr(network.config, "model_type", "")).startswith("siglip")  # trained on padded texts without a mask
    start = getattr(network.config, "decoder_start_token_id", None)

    def prepare(items: Sequence[str]) -> Inputs:
        words = _items.texts(items)
        found = tokenizer(words, return_tensors="pt", padding="max_length" if siglip else True, return_attention_mask=True,
                          truncation=limit is not None, max_length=limit)
        ids, mask = found["input_ids"].long(), found["attention_mask"]
        for text, count in zip(words, mask.sum(1).tolist(), strict=True):
            if not count:
                raise InputError(f"The tokenizer of {name} makes no tokens of the text {text!r}; it has no vectors. Drop it.")
        kwargs = {"input_ids": ids} if siglip else {"input_ids": ids, "attention_mask": mask}
        if "token_type_ids" in found:
            kwargs["token_type_ids"] = found["token_type_ids"]
        if decoder:
            first = torch.full_like(ids[:, :1], tokenizer.pad_token_id if start is None else start)
            kwargs |= {"decoder_input_ids": torch.cat([first, ids[:, :-1]], 1), "decoder_attention_mask": mask}
        return Inputs(kwargs=kwargs, mask=mask)

    def count(items: Sequence[str]) -> list[int]:
        return [len(ids) for ids in tokenizer(_items.texts(items), truncation=False, verbose=False)["input_ids"]]

    facts = {"context": limit, "padding": "max_length" if siglip else "right", "pad_token": str(tokenizer.pad_token),
             "tokenizer": fingerprint(sorted(tokenizer.get_vocab().items()))[:16]}
    return Door(prepare, count, limit, facts=facts)


def _pad(tokenizer: Any, network: nn.Module) -> None:
    """A padding token that the network has a row for: its own, else end of sequence, else any; it is masked out."""
    embeddings: Any = getattr(network, "get_input_embeddings", None)
    table = embeddings() if embeddings is not None else None
    rows = getattr(table, "num_embeddings", None) or len(tokenizer)
    for token in (tokenizer.pad_token, tokenizer.eos_token, tokenizer.unk_token, tokenizer.convert_ids_to_tokens(0)):
        if token is not None and 0 <= tokenizer.convert_tokens_to_ids(token) < rows:
            tokenizer.pad_token = token
            return


def _context(tokenizer: Any, config: Any, name: str, asked: int | None) -> int | None:
    """The most tokens that are read: what was asked for, else the least of what tokenizer and configuration say."""
    positions = next((value for key in ("max_position_embeddings", "n_positions", "n_ctx", "seq_length")
                      if isinstance(value := getattr(config, key, None), int) and value > 0), None)
    if positions is not None and getattr(config, "model_type", "") in _COUNTED_FROM_PAD:
        positions -= (getattr(config, "pad_token_id", None) or 0) + 1  # they number positions from the padding index on
    if asked is not None:
        if asked < 1 or (positions is not None and asked > positions):
            raise SpecError(f"max_length = {asked}; {name} takes 1 to {positions or 'any number of'} tokens.")
        return int(asked)
    finite = [int(value) for value in (tokenizer.model_max_length, positions) if value and value < 10**7]
    return min(finite) if finite else None


def _pictures(processor: Any, network: nn.Module, dtype: torch.dtype) -> Door:
    config: Any = network.config
    masked = getattr(config, "model_type", "") == "vit_mae"

    def prepare(items: Sequence) -> Inputs:
        values = processor(images=_items.pictures(items), return_tensors="pt")["pixel_values"]
        kwargs = {"pixel_values": values.to(dtype)}
        if masked:  # it orders patches by this noise before it drops a share of them, here none
            side, patch = config.image_size, config.patch_size
            kwargs["noise"] = torch.linspace(0, 1, (side // patch) ** 2).expand(len(values), -1)
        return Inputs(kwargs=kwargs)

    if masked:
        config.mask_ratio = 0.0
    stated = {key: value for key, value in processor.to_dict().items() if key in _PREPROCESSING}
    facts = {"preprocessing": json.loads(json.dumps(stated, default=str)), "processor": type(processor).__name__}
    return Door(prepare, facts=facts)


def _sounds(extractor: Any, network: nn.Module, dtype: torch.dtype) -> Door:
    """Sounds are masked where the network has a mask, filled up where it takes one length, else run apart by length."""
    rate = int(extractor.sampling_rate)
    frames_of = getattr(network, "_get_feature_vector_attention_mask", None)
    whole = int(getattr(extractor, "n_samples", 0) or 0)  # Whisper and its kin: always so many samples
    spectrogram = "max_length" in vars(extractor) and frames_of is None and not whole  # so many frames, as in AST
    limit = whole or (extractor.max_length * rate // 100 if spectrogram else None)
    masked = bool(getattr(extractor, "return_attention_mask", False)) and frames_of is not None

    def prepare(items: Sequence) -> Inputs:
        waves = _items.sounds(items, rate)
        options = {} if whole or spectrogram else {"padding": True}
        if whole or masked:
            options["return_attention_mask"] = True
        found = extractor(waves, sampling_rate=rate, return_tensors="pt", **options)
        kwargs = {key: found[key].to(dtype) for key in ("input_values", "input_features") if key in found}
        mask = None
        if whole:
            mask = found["attention_mask"][:, ::2]  # the encoder halves the number of frames
        elif masked:
            kwargs["attention_mask"] = found["attention_mask"]
            assert frames_of is not None  # as masked says
            lengths: Any = network._get_feat_extract_output_lengths
            length = int(lengths(torch.tensor(found["attention_mask"].shape[1])))
            mask = frames_of(length, found["attention_mask"])
        return Inputs(kwargs=kwargs, mask=mask)

    def count(items: Sequence) -> list[int]:
        return [len(wave) for wave in _items.sounds(items, rate)]

    facts = {"rate": rate, "processor": type(extractor).__name__, "context": limit}
    return Door(prepare, count, limit, None if whole or spectrogram or masked else count, facts)
