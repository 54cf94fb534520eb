"""Language models as what tells the next token: where their tokens lie in a text, and how surely each is told.

A model that sees what comes later tells nothing; it is refused, by its configuration and by trying.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from platometer import models, training
from platometer.cards import Card
from platometer.errors import DataError, ModelError, SpecError
from platometer.models import _hf_inputs, _loading, hf, zoo
from platometer.models._torch import TorchModel


@dataclass(frozen=True, eq=False)
class Tokens:
    """A text as a model reads it.

    Attributes
    ----------
    ids : numbers of the tokens, without start or end sign.
    ends : k -> bytes of the text that its first k tokens cover.
    first : how many tokens the first character takes, at least one where there is any.
    spelled : (tokens,) nats that a token costs beside its probability: the letters of a word that the model has no number for.
    lost : why the tokens do not give the text back; empty where they do.
    """

    ids: tuple[int, ...]
    ends: Callable[[int], int]
    first: int = 1
    spelled: np.ndarray | None = None
    lost: str = ""


@dataclass(frozen=True, eq=False)
class Language:
    """A model that tells the next token from those before it.

    Attributes
    ----------
    card : of the model.
    read : text -> Tokens.
    scores : ids (b, t) -> unnormalised log-probabilities of the token that follows each (b, t, vocabulary).
    context : the most tokens that it reads at once; None if any number.
    start : number of the token that a text begins with; None if there is none, and the first character is not told.
    stop : number of the token that ends a text; None if there is none.
    tokens : what its tokens are, in words.
    whole : whether a text must fit the context, since the model never learnt to go on in a text's middle.
    """

    card: Card
    read: Callable[[str], Tokens]
    scores: Callable[[torch.Tensor], torch.Tensor] = field(repr=False)
    context: int | None
    start: int | None
    stop: int | None
    tokens: str
    whole: bool = False


def language(model: str | TorchModel | Language, *, start: str = "auto", **options: object) -> Language:
    """The model as one that tells the next token.

    Parameters
    ----------
    model : ``"hf:NAME_OR_FOLDER"``, ``"zoo:NAME"``, or ``"python:..."`` that reads bytes; or such a model, loaded.
    start : the token before the text: ``"auto"`` for the tokenizer's own, ``"none"``, or a token such as ``"<|endoftext|>"``.
    options : of the source; for ``hf:`` ``device, dtype, revision, local_files_only, trust_remote_code,
        device_map, quantise``.

    Raises
    ------
    ModelError
        It does not tell the next token: masked language models, encoder-decoders, models of pictures.
    SpecError
        An option that is none.
    """
    if isinstance(model, Language):
        return model
    prefix, _, name = model.partition(":") if isinstance(model, str) else ("", "", "")
    if prefix == "hf":
        return _from_hf(name, start=start, **options)  # type: ignore[arg-type]
    if start != "auto":
        raise SpecError(f"start = {start!r} is for models of Hugging Face; {model} has its own way to begin.")
    loaded = models.load(model, **options) if isinstance(model, str) else model
    if not isinstance(loaded, TorchModel) or loaded.modality != "text":
        raise ModelError(f"{getattr(loaded.card, 'name', model)} reads {loaded.modality}; bits per byte are for models of "
                         "text.")
    return _from_zoo(loaded) if loaded.card.source.startswith("zoo:") else _from_bytes(loaded)


def causal(found: Language, ids: tuple[int, ...]) -> None:
    """Nothing, if what is told of a token does not depend on it or on what follows.

    Parameters
    ----------
    found : the model.
    ids : some tokens; a few suffice.

    Raises
    ------
    ModelError
        It does.
    """
    ids = ids[:12]
    if len(ids) < 2:
        return
    other = next((token for token in ids if token != ids[-1]), 0 if ids[-1] else 1)
    with torch.inference_mode():
        one, two = (found.scores(torch.tensor([row]))[0, :-1].double() for row in (ids, (*ids[:-1], other)))
    if not torch.allclose(one, two, rtol=1e-3, atol=1e-3 * float(one.abs().max())):
        raise ModelError(f"{found.card.name} sees what comes later: its scores change when a later token does. Bits per byte "
                         "need a model that tells the next token from those before it.")


# --- Hugging Face


def _from_hf(
    name: str, *, start: str, device: str | None = None, dtype: str = "float32", revision: str | None = None,
    local_files_only: bool = False, trust_remote_code: bool = False, device_map: str | None = None, quantise: str | None = None,
) -> Language:
    hf._check(final="normed", dtype=dtype, pooling="auto", device=device, device_map=device_map, quantise=quantise)
    transformers = hf._transformers()
    name, revision = hf._named(name, revision)
    source = {"revision": revision, "local_files_only": local_files_only or Path(name).is_dir(),
              "trust_remote_code": trust_remote_code}
    spread = _spread(transformers, device, device_map, quantise)
    kind = dtype if dtype == "auto" else _loading.dtype_of(dtype)
    try:
        config = transformers.AutoConfig.from_pretrained(name, **source)
        _refuse_masked(transformers, config, name, trust_remote_code)
        tokenizer = transformers.AutoTokenizer.from_pretrained(name, **source)
        with _loading.weights_only():
            network, report = transformers.AutoModelForCausalLM.from_pretrained(
                name, config=config, output_loading_info=True, dtype=kind, **source, **spread)
    except ModelError:
        raise
    except Exception as error:  # the hub client and the libraries under it have many kinds
        raise ModelError(f"Cannot load 'hf:{name}' as a language model: {_loading.first_line(error)} "
                         f"{hf.hint(str(error))}") from error
    absent = sorted(report["missing_keys"])
    if absent:
        raise ModelError(f"{name} lacks {len(absent)} weights of {type(network).__name__}, the first {absent[0]!r}; they "
                         "would be random. Was it saved without its head for the next token?")
    network.config.use_cache = False
    network = network.eval() if spread else _loading.placed(network, device)
    embedding: Any = network.get_input_embeddings
    where = embedding().weight.device

    def scores(ids: torch.Tensor) -> torch.Tensor:
        return network(input_ids=ids.to(where), use_cache=False).logits

    said = hf._card(name, network, source)
    limit = _hf_inputs._context(tokenizer, config, name, None)
    return Language(card=said, read=_HfTokens(tokenizer), scores=scores, context=limit,
                    start=_start(tokenizer, start, name), stop=tokenizer.eos_token_id,
                    tokens=f"{type(tokenizer).__name__}, {len(tokenizer):,} tokens")


def _spread(transformers: Any, device: str | None, device_map: str | None, quantise: str | None) -> dict[str, Any]:
    """What a model over several devices, or with fewer bits a weight, is loaded with."""
    if device_map is None and quantise is None:
        return {}
    spread: dict[str, Any] = {"device_map": device_map or str(_loading.device_of(device))}
    if quantise is not None:
        more = {} if quantise == "8bit" else {"bnb_4bit_compute_dtype": torch.bfloat16}
        spread["quantization_config"] = transformers.BitsAndBytesConfig(
            load_in_8bit=quantise == "8bit", load_in_4bit=quantise == "4bit", **more)
    return spread


def _refuse_masked(transformers: Any, config: Any, name: str, trust_remote_code: bool) -> None:
    auto = transformers.models.auto.modeling_auto
    if getattr(config, "is_encoder_decoder", False):
        raise ModelError(f"{name} is an encoder-decoder ({config.model_type}); it tells a text from another, not the "
                         "next token of one text, which is what bits per byte need.")
    if config.model_type not in auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES and not trust_remote_code:
        raise ModelError(f"{name} ({config.model_type}) has no head for the next token in transformers, so it tells no text. "
                         "Is it an encoder, or a model of pictures?")
    masked = config.model_type in auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES and not getattr(config, "is_decoder", False)
    if masked and not any("CausalLM" in word for word in config.architectures or ()):
        raise ModelError(f"{name} is a masked language model ({config.model_type}); it tells a hidden token from both sides, "
                         "and such scores do not multiply to the probability of a text. Bits per byte need a model of the next "
                         "token.")


def _start(tokenizer: Any, start: str, name: str) -> int | None:
    if start == "auto":
        return tokenizer.bos_token_id
    if start == "none":
        return None
    known = tokenizer.get_vocab()
    if start not in known:
        raise SpecError(f"start = {start!r}; {name} has no such token. Its start sign is {tokenizer.bos_token!r}, its end sign "
                        f"{tokenizer.eos_token!r}; 'none' for neither.")
    return known[start]


class _HfTokens:
    """A tokenizer of transformers, fast or slow."""

    def __init__(self, tokenizer: Any):
        self._tokenizer = tokenizer

    def __call__(self, text: str) -> Tokens:
        how: dict[str, Any] = {"add_special_tokens": False, "truncation": False, "verbose": False}
        if getattr(self._tokenizer, "is_fast", False):
            found = self._tokenizer(text, return_offsets_mapping=True, **how)
            ids = found["input_ids"]
            ends: _ByOffsets | _ByDecoding = _ByOffsets(text, found["offset_mapping"])
        else:
            ids = self._tokenizer(text, **how)["input_ids"]
            ends = _ByDecoding(text, ids, self._decode)
        return Tokens(tuple(ids), ends, first=ends.first(), lost=_lost(text, self._decode(ids)))

    def _decode(self, ids: list[int]) -> str:
        return self._tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)


class _ByOffsets:
    """Bytes that the first k tokens cover, from where each lies in the text."""

    def __init__(self, text: str, offsets: list[tuple[int, int]]):
        self._offsets = offsets
        self._bytes = np.concatenate([[0], np.cumsum([len(sign.encode()) for sign in text])]).astype(np.int64)

    def __call__(self, k: int) -> int:
        if k == len(self._offsets):
            return int(self._bytes[-1])
        return int(self._bytes[max((end for _, end in self._offsets[max(0, k - 4):k]), default=0)])

    def first(self) -> int:
        """Tokens of the first character: several where it is told byte by byte."""
        k = 1
        while k < len(self._offsets) and self._offsets[k][0] < self._offsets[k - 1][1]:
            k += 1
        return min(k, len(self._offsets))


class _ByDecoding:
    """The same where a tokenizer does not tell: bytes of what the first k tokens decode to."""

    def __init__(self, text: str, ids: list[int], decode: Callable[[list[int]], str]):
        self._text, self._ids, self._decode = text, ids, decode

    def __call__(self, k: int) -> int:
        if k == len(self._ids):
            return len(self._text.encode())
        return len(self._decode(self._ids[:k]).removesuffix("\ufffd").encode())

    def first(self) -> int:
        """Tokens until the first characters are whole."""
        for k in range(1, len(self._ids)):
            if self._text.startswith(self._decode(self._ids[:k])):
                return k
        return len(self._ids)


def _lost(text: str, again: str) -> str:
    """Where a text and what its tokens give back part; empty where they do not, but for a blank put in front."""
    if again in (text, " " + text):
        return ""
    at = next((i for i, (a, b) in enumerate(zip(text, again, strict=False)) if a != b), min(len(text), len(again)))
    return f"at character {at} the text has {text[at: at + 20]!r} and its tokens {again[at: at + 20]!r}"


# --- the zoo, and models that read bytes


def _from_zoo(model: TorchModel) -> Language:
    vocabulary = zoo.vocabulary()
    return Language(card=model.card, read=lambda text: _words(text, vocabulary), scores=model.module, context=model.limit,
                    start=training.START, stop=training.STOP, whole=True,
                    tokens=f"{len(vocabulary):,} words and signs in small letters; unknown words spelled at 8 bits a byte")


def _words(text: str, vocabulary: training.Vocabulary) -> Tokens:
    """Words and signs; one that the model does not know is spelled after the sign for it, and a byte ends it."""
    words = training.split(text)
    ids = vocabulary.ids([text], context=10**9)[0, 1:].tolist()
    spelled = np.array([0.0 if word in vocabulary else (len(word.encode()) + 1) * np.log(256) for word in words])
    ends, at = [0], 0
    for word in words:
        at = text.lower().find(word, at) + len(word)
        ends.append(len(text.lower()[:at].encode()))
    lost = _lost(text, re.sub(r" ([.,;:!?])| ?([-']) ?", r"\1\2", " ".join(words)))
    return Tokens(tuple(ids), lambda k: len(text.encode()) if k == len(words) else ends[k], spelled=spelled, lost=lost)


def _from_bytes(model: TorchModel) -> Language:
    """A model of one's own whose tokens are the bytes of the text."""
    probe = "aé z"
    ids = next((part for part in (*model.prepare([probe]).args, *model.prepare([probe]).kwargs.values())
                if isinstance(part, torch.Tensor)), None)
    if ids is None or ids.ndim != 2 or ids[0].tolist() != list(probe.encode()):
        raise ModelError(f"{model.card.name} reads neither bytes nor words of the zoo, and its tokens cannot be told from "
                         "outside. "
                         "Save it as a Hugging Face folder (hf:FOLDER), or make a platometer.capability.Language of it.")
    where = next((p.device for p in model.module.parameters()), torch.device("cpu"))

    def scores(ids: torch.Tensor) -> torch.Tensor:
        return _logits(model.module, ids.to(where), model.card.name)

    def read(text: str) -> Tokens:
        data = text.encode()
        return Tokens(tuple(data), lambda k: k, first=len(text[:1].encode()))

    return Language(card=model.card, read=read, scores=scores, context=model.limit, start=None, stop=None, tokens="UTF-8 bytes")


def _logits(module: nn.Module, ids: torch.Tensor, name: str) -> torch.Tensor:
    """(b, t, vocabulary) in what the module gives: itself, ``.logits``, or first of a tuple."""
    out = module(ids)
    found = out if isinstance(out, torch.Tensor) else getattr(out, "logits", None)
    if found is None and isinstance(out, Mapping | tuple | list):
        found = out.get("logits") if isinstance(out, Mapping) else out[0]
    if not isinstance(found, torch.Tensor) or found.ndim != 3 or found.shape[2] < 256:
        raise ModelError(f"{name} gave {tuple(found.shape) if isinstance(found, torch.Tensor) else type(out).__name__} for "
                         f"bytes {tuple(ids.shape)}; expected scores of the next byte, (b, t, 256) or wider.")
    return found


def unusable(found: Language, text: str, lost: str, position: int) -> DataError:
    """The error for a text that a model's tokens do not give back.

    Parameters
    ----------
    found, text, lost, position : the model, the text, why, and which it is.
    """
    return DataError(f"{found.card.name} cannot give back text {position} ({text[:40]!r}...): {lost}. Its number would be of "
                     "another text, and too low. lossy='allow' measures it all the same, and says so.")
