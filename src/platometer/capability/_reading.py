"""Bits per byte of a language model on a text: what is told, over what it is told of.

Every token is told once, from those before it in its window. Bytes are those of the characters that were told, in UTF-8: all of
the text if a start sign stands before it; without one the first character is told of nothing, and neither its tokens nor its
bytes count. Unlike perplexity, the number does not depend on how a tokenizer cuts texts up.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

from platometer.capability._corpus import Texts, corpus
from platometer.capability._languages import Language, Tokens, causal, language, unusable
from platometer.capability._row import Capability
from platometer.capability._windows import Window, windows
from platometer.errors import InputError, NotFiniteError
from platometer.models._torch import TorchModel

_OPEN = 1024  # tokens of a window where the model has no limit of its own
_BUDGET = 4096  # tokens at once
_ROWS = 256  # of scores in float64 at once
_UNITS = 30  # texts from which on texts, not stretches of them, are what is drawn again


def bits_per_byte_of(
    model: str | TorchModel | Language, text: str | Path | Sequence[str] | Texts, *, window: int | None = None,
    stride: int | None = None, start: str = "auto", again: str = "never", end: str = "auto", lossy: str = "error",
    batch_tokens: int = _BUDGET, draws: int = 1000, seed: int = 0, device: str | None = None,
    options: dict[str, Any] | None = None, progress: Callable[[int, int], None] | None = None,
) -> Capability:
    """Bits that a code built on the model spends per byte of a text; less is better, 8 is no model at all.

    Parameters
    ----------
    model : see `language`.
    text : see `corpus`.
    window : tokens read at once; the model's context, or 1,024 where it has no limit, if None.
    stride : how far a window moves on; half of it if None, so that tokens far into a text have at least half a window before
        them.
    start : the token before a text: ``"auto"``, ``"none"`` or a token; see `language`.
    again : whether the start sign stands before every window (``"always"``) or before the text only (``"never"``).
    end : whether the end of each text is told as well, as one byte: ``"tell"``, ``"leave"``, or ``"auto"``: for models that
        learnt texts one by one (the zoo's).
    lossy : what a text is that the tokens do not give back: an ``"error"``, or ``"allow"``.
    batch_tokens : tokens at once; changes the number by rounding only.
    draws, seed : of the bootstrap behind the interval.
    device : to run on; a graphics processor if there is one, if None.
    options : of the model's source, such as ``dtype`` or ``revision``.
    progress : called with (windows done, windows in all).

    Returns
    -------
    Capability with bytes as ``n`` and an interval over texts (over groups of them where they have any), or over stretches of
    a long text; None with fewer than eight. Details hold window, stride, tokens, bytes left out, nats, and what is drawn again.

    Raises
    ------
    ModelError
        The model does not tell the next token.
    DataError
        The tokens do not give the text back, or a text is longer than a model can read that needs it whole.
    InputError
        Options out of range, or nothing to tell.

    Examples
    --------
    >>> import math, torch
    >>> from platometer.cards import Card
    >>> coin = Language(Card("coin"), read=lambda text: Tokens(tuple(text.encode()), lambda k: k),
    ...                 scores=lambda ids: torch.zeros(*ids.shape, 256), context=16, start=0, stop=None, tokens="bytes")
    >>> bits_per_byte_of(coin, ["no model at all"]).value
    8.0
    """
    _check(again, end, lossy, batch_tokens)
    more = dict(options or {}) | ({} if device is None or not isinstance(model, str) else {"device": device})
    if not isinstance(model, str) and (device is not None or options):
        raise InputError("device and options are for a source that is loaded here; this model is loaded already.")
    told, texts = language(model, start=start, **more), corpus(text)
    if again == "always" and told.start is None:
        raise InputError(f"again = 'always', but {told.card.name} has no start sign; name a token with start=.")
    read = [told.read(one) for one in texts.texts]
    lost = [i for i, tokens in enumerate(read) if tokens.lost]
    if lost and lossy == "error":
        raise unusable(told, texts.texts[lost[0]], read[lost[0]].lost, lost[0])
    causal(told, max(read, key=lambda tokens: len(tokens.ids)).ids)
    ending = told.stop if end == "tell" or (end == "auto" and told.whole) else None
    if end == "tell" and told.stop is None:
        raise InputError(f"end = 'tell', but {told.card.name} has no sign that ends a text.")
    width, step = _widths(told, window, stride)
    if told.whole:
        _check_whole(told, texts, read, width, ending)
    each = [_nats(told, tokens, ending, width, step, again) for tokens in read]
    logs = _scored(told, each, batch_tokens, progress)
    nats = [_spelled(found, tokens) for found, tokens in zip(logs, read, strict=True)]
    units = _units(texts, read, nats, started=told.start is not None, ended=ending is not None)
    value, low, high = _ratio(units, draws, seed)
    left = sum(tokens.ends(tokens.first) for tokens in read if told.start is None and tokens.ids)
    total = sum(float(found.sum()) for found in nats)
    details = {
        "window": width, "stride": step, "tokens": sum(map(len, nats)), "nats": total, "texts": len(texts.texts),
        "words": sum(len(one.split()) for one in texts.texts), "bytes_left_out": left, "tokenizer": told.tokens,
        "started": told.start is not None, "again": again, "ended": ending is not None, "lossy": len(lost),
        "over": units.what, "units": len(units.bits), "text": texts.card.as_dict(), "model": told.card.as_dict(),
    }
    return Capability(model=told.card.name, what=f"bits per byte of {texts.card.name}", value=value, low=low, high=high,
                      unit="bits per byte", better="low", n=int(units.bytes.sum()), source="measured by platometer",
                      details=details)


def _check(again: str, end: str, lossy: str, batch_tokens: int) -> None:
    for name, value, known in (("again", again, ("never", "always")), ("end", end, ("auto", "tell", "leave")),
                               ("lossy", lossy, ("error", "allow"))):
        if value not in known:
            raise InputError(f"{name} = {value!r}; expected one of {', '.join(map(repr, known))}.")
    if batch_tokens < 1:
        raise InputError(f"batch_tokens = {batch_tokens}; expected at least one.")


def _widths(told: Language, window: int | None, stride: int | None) -> tuple[int, int]:
    """Tokens of a window, the sign that is put before it included, and how far it moves on."""
    width = window or told.context or _OPEN
    if width < 2 or (told.context is not None and width > told.context):
        raise InputError(f"window = {width}; {told.card.name} reads 2 to {told.context or 'any number of'} tokens.")
    step = max(1, width // 2) if stride is None else stride
    if not 1 <= step < width:
        raise InputError(f"stride = {step} with windows of {width} tokens; expected 1 to {width - 1}, so that every token has "
                         "one before it.")
    return width, step


def _check_whole(told: Language, texts: Texts, read: Sequence[Tokens], width: int, ending: int | None) -> None:
    for i, tokens in enumerate(read):
        if len(tokens.ids) + 1 > width:
            raise InputError(f"Text {i} ({texts.texts[i][:40]!r}...) has {len(tokens.ids)} tokens; {told.card.name} reads at "
                             f"most {width - 1}, and never learnt to go on in the middle of a text. Is a text a line meant "
                             "('text:FILE')?")


class _Row:
    """One window of one text: what is read, and which of its scores are kept."""

    def __init__(self, ids: Sequence[int], keep: int, text: int, at: int):
        self.ids, self.keep, self.text, self.at = ids, keep, text, at


def _nats(told: Language, tokens: Tokens, ending: int | None, width: int, step: int, again: str) -> tuple[list[_Row], int]:
    """The windows of a text, and how many tokens of it are told."""
    ids = list(tokens.ids) + ([] if ending is None else [ending])
    if told.start is None:
        skip = max(1, tokens.first)
        rows = [_row(ids, w, max(w.told, skip), skip) for w in windows(len(ids), width=width, stride=step) if w.stop > skip]
        return rows, max(0, len(ids) - skip)
    if again == "always":
        cut = windows(len(ids), width=width - 1, stride=step, given=True)
        return [_Row([told.start, *ids[w.start:w.stop]], w.stop - w.told, 0, w.told) for w in cut], len(ids)
    ids = [told.start, *ids]
    return [_row(ids, w, w.told, 1) for w in windows(len(ids), width=width, stride=step)], len(ids) - 1


def _row(ids: Sequence[int], window: Window, told: int, skip: int) -> _Row:
    return _Row(ids[window.start:window.stop], window.stop - told, 0, told - skip)


def _scored(
    told: Language, each: Sequence[tuple[list[_Row], int]], budget: int, progress: Callable[[int, int], None] | None,
) -> list[np.ndarray]:
    """Per text, the nats of every token that is told; windows of like length are run together, padded on the right."""
    out = [np.full(count, np.nan) for _, count in each]
    rows = []
    for text, (found, _) in enumerate(each):
        for row in found:
            row.text = text
            rows.append(row)
    rows.sort(key=lambda row: -len(row.ids))
    done = 0
    while done < len(rows):
        batch = rows[done: done + max(1, budget // len(rows[done].ids))]
        ids = torch.zeros(len(batch), len(batch[0].ids), dtype=torch.long)
        for i, row in enumerate(batch):
            ids[i, : len(row.ids)] = torch.tensor(row.ids)
        with torch.inference_mode():
            scores = told.scores(ids)
        for i, row in enumerate(batch):
            stop = len(row.ids)
            out[row.text][row.at: row.at + row.keep] = _told(scores[i, stop - row.keep - 1: stop - 1],
                                                             ids[i, stop - row.keep: stop])
        done += len(batch)
        if progress is not None:
            progress(done, len(rows))
    for text, nats in enumerate(out):
        if not np.isfinite(nats).all():
            raise NotFiniteError(f"{told.card.name} gave scores that are not finite, or none, in text {text}. Is its "
                                 "precision too low? Use dtype='float32'.")
    return out


def _told(scores: torch.Tensor, ids: torch.Tensor) -> np.ndarray:
    """(t, vocabulary) scores and the tokens that came -> nats of each."""
    parts = []
    for block, came in zip(scores.split(_ROWS), ids.split(_ROWS), strict=True):
        block = block.double()
        parts.append(block.logsumexp(1) - block.gather(1, came.to(block.device)[:, None])[:, 0])
    return torch.cat(parts).cpu().numpy() if parts else np.zeros(0)


def _spelled(nats: np.ndarray, tokens: Tokens) -> np.ndarray:
    if tokens.spelled is None:
        return nats
    nats = nats.copy()
    nats[: len(tokens.spelled)] += tokens.spelled  # only models with a start sign spell, so these are all tokens
    return nats


class _Units:
    """What is drawn again: bits and bytes of each unit."""

    def __init__(self, bits: np.ndarray, bytes_: np.ndarray, what: str):
        self.bits, self.bytes, self.what = bits, bytes_, what


def _units(texts: Texts, read: Sequence[Tokens], nats: Sequence[np.ndarray], *, started: bool, ended: bool) -> _Units:
    labels = texts.groups if texts.groups is not None else tuple(map(str, range(len(read))))
    if len(set(labels)) >= _UNITS:
        places = {label: i for i, label in enumerate(dict.fromkeys(labels))}
        at = np.array([places[label] for label in labels])
        bits = np.bincount(at, [found.sum() / math.log(2) for found in nats])
        sizes = np.bincount(at, [_size(tokens, 0, len(found), started=started, ended=ended)
                                 for tokens, found in zip(read, nats, strict=True)])
        return _Units(bits, sizes, "texts" if texts.groups is None else "groups of texts")
    total, found_bits, found_bytes = sum(map(len, nats)), [], []
    block = max(32, math.ceil(total / (2 * _UNITS)))
    for tokens, found in zip(read, nats, strict=True):
        edges = [*range(0, max(1, len(found) - block // 2), block), len(found)]
        for a, b in pairwise(edges):
            found_bits.append(found[a:b].sum() / math.log(2))
            found_bytes.append(_size(tokens, a, b, started=started, ended=ended))
    return _Units(np.array(found_bits), np.array(found_bytes, dtype=np.float64), f"stretches of {block} tokens")


def _size(tokens: Tokens, a: int, b: int, *, started: bool, ended: bool) -> int:
    """Bytes of the text that its told tokens a to b cover; the end sign counts one."""
    if not tokens.ids:
        return int(ended and b > 0)
    skip = 0 if started else max(1, tokens.first)
    n = len(tokens.ids)
    a, stop = min(a + skip, n), b + skip
    return tokens.ends(min(stop, n)) - tokens.ends(a) + int(ended and stop > n)


def _ratio(units: _Units, draws: int, seed: int) -> tuple[float, float | None, float | None]:
    """Bits over bytes, and the 95 % interval of drawing units again."""
    if not units.bytes.sum():
        raise InputError("Nothing is told: the texts are empty, or have one character and no start sign before it.")
    value, n = float(units.bits.sum() / units.bytes.sum()), len(units.bits)
    if n < 8:
        return value, None, None
    drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=draws)
    sizes = drawn @ units.bytes
    low, high = np.percentile((drawn @ units.bits)[sizes > 0] / sizes[sizes > 0], (2.5, 97.5))
    return value, float(low), float(high)
