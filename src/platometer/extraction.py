"""Extraction: a model run over samples, every layer kept; resumable, in batches that fit memory.

Rows are worked on in parts of fixed size. A finished part is one small file; a run that is killed loses at most the
part it was in, and what it left is used by the next. Batches are made up inside parts and depend on nothing but the
samples and the batch size, so a resumed run gives the same numbers as an uninterrupted one.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import save

from platometer import files, models, store
from platometer.cards import fingerprint
from platometer.errors import DataError, InputError, ModelError, NotFiniteError, PlatometerError, StoreError
from platometer.features import Features
from platometer.models import Model, Sized
from platometer.samples import Paired, Samples

_log = logging.getLogger("platometer")
SCHEMA = 1
PART = 256  # rows of a part
BATCH = {"text": 32, "image": 32, "audio": 8, "vector": 1024}
_KINDS = {None: None, "float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16,
          "float64": torch.float64}


def extract(
    model: Model | str,
    samples: Samples | Paired | Sequence,
    folder: str | Path | None = None,
    *,
    batch_size: int | None = None,
    dtype: str | None = None,
    empty: str = "error",
    progress: Callable[[int, int], None] | None = None,
    part: int = PART,
    **options: object,
) -> Features:
    """Every layer of a model over samples.

    Parameters
    ----------
    model : a `Model`, or a source string such as ``"timm:vit_tiny_patch16_224"``.
    samples : `Samples`; `Paired`, of which the view of the model's modality is taken; or a plain list of texts or
        pictures.
    folder : where features are kept; if they are there already they are returned at once. None keeps them in memory,
        and an interrupted run is lost.
    batch_size : items at once; found by halving where memory runs out if None. Changes numbers by rounding only.
    dtype : ``"float32"``, ``"float16"``, ``"bfloat16"`` or ``"float64"`` to store as; as the model gives if None.
    empty : what empty texts are: an ``"error"`` naming them, or ``"keep"`` to run them.
    progress : called with (rows done, rows in all).
    part : rows between savings.
    options : passed on to the source where `model` is a string.

    Returns
    -------
    Features over the samples, in their order. A sample of several items (five captions) gets the mean of their
    features. ``details`` records pooling, preprocessing, dtype, and how many texts were cut at the context length.

    Raises
    ------
    DataError
        An item cannot be read; names id and row.
    InputError
        Empty texts; names the rows.
    NotFiniteError
        The model gave NaN or infinity; names layer, row and id.
    ModelError
        The model gave something else than one vector per item and layer, or runs out of memory with a single item.
    StoreError
        The disk is full, or what was kept is damaged.
    """
    if dtype not in _KINDS:
        raise InputError(f"dtype = {dtype!r}; expected one of {', '.join(str(k) for k in _KINDS if k)}.")
    if empty not in ("error", "keep"):
        raise InputError(f"empty = {empty!r}; expected 'error' or 'keep'.")
    if part < 1 or (batch_size is not None and batch_size < 1):
        raise InputError(f"batch_size = {batch_size}, part = {part}; each holds at least one.")
    model = models.load(model, **options) if isinstance(model, str) else model
    if not isinstance(model, Model):
        raise ModelError(f"A {type(model).__name__} is not a model of platometer's. Make it one with platometer.models.wrap, "
                         "which asks for its modality and layers.")
    samples = _samples(samples, model.modality)
    if model.modality == "text" and empty == "error":
        _check_texts(samples)
    key = features_key(model, samples, dtype=dtype)
    if folder is not None and store.has(folder, key):
        return store.open(folder, key)
    if len(samples) == 0:
        raise InputError("There are no samples to run the model on.")
    run = _Run(model, samples, batch_size=batch_size, dtype=dtype)
    _log.info("%s: %d samples in parts of %d", model.card.name, len(samples), part)
    if folder is None:
        blocks = [found.block for found in run.parts(part, None, progress)]
        return run.features({layer: torch.cat([b[layer] for b in blocks]) for layer in blocks[0]}, key="")
    return _kept(run, Path(folder), key, part, progress)


def features_key(model: Model, samples: Samples, *, dtype: str | None = None) -> str:
    """The name of the features that this model would give on these samples: equal content, equal key.

    Parameters
    ----------
    model : ready to encode.
    samples : its input.
    dtype : of storage.
    """
    return fingerprint({
        "schema": SCHEMA, "model": model.card.as_dict(), "details": dict(model.details),
        "layers": list(model.layers()), "samples": samples.fingerprint, "dtype": dtype,
    })


@dataclass(frozen=True)
class _Part:
    """Rows that are done: layer -> (rows, d), the number of items they came from, and how many were cut."""

    block: dict[str, torch.Tensor]
    items: int
    cut: int

    @property
    def rows(self) -> int:
        return len(next(iter(self.block.values())))


def _kept(run: _Run, folder: Path, key: str, part: int, progress: Callable | None) -> Features:
    """Run with parts on disk; merge each shard's parts as soon as they are there."""
    home, parts = folder / key, folder / f"{key}.parts"
    per_shard = max(1, store.ROWS // part) * part
    entries, pending, start = [], [], 0
    merged: dict[str, torch.Tensor] = {}
    for found in run.parts(part, parts, progress):
        if store.has(folder, key):  # another run was faster
            break
        pending.append(found)
        rows = sum(one.rows for one in pending)
        if rows >= per_shard or start + rows == len(run.samples):
            merged = {layer: torch.cat([one.block[layer] for one in pending]) for layer in found.block}
            entries.append(store.write_shard(home, start, merged))
            start, pending = start + rows, []
    if not store.has(folder, key):
        store.write_manifest(home, key, run.features(merged, key=key), entries)
    shutil.rmtree(parts, ignore_errors=True)
    return store.open(folder, key)


class _Run:
    """One model over one set of samples."""

    def __init__(self, model: Model, samples: Samples, *, batch_size: int | None, dtype: str | None):
        self.model, self.samples = model, samples
        self._given, self._batch = batch_size is not None, batch_size or BATCH.get(model.modality, 32)
        self._dtype = _KINDS[dtype]
        self._cut = self._items = 0

    def parts(self, size: int, folder: Path | None, progress: Callable | None) -> Iterator[_Part]:
        """Blocks of rows in order; read from the folder where they are there."""
        n = len(self.samples)
        for start in range(0, n, size):
            stop = min(start + size, n)
            path = None if folder is None else folder / f"part-{start:09d}-{stop:09d}-{self._batch_name()}.safetensors"
            found = None if path is None else _read_part(path)
            if found is None:
                found = self._encode(start, stop, progress)
                if path is not None:
                    _write_part(path, found)
            self._cut += found.cut
            self._items += found.items
            yield found
            if progress is not None:
                progress(stop, n)

    def features(self, layers: Mapping[str, torch.Tensor], *, key: str) -> Features:
        """Features with everything that must travel with them."""
        details = dict(self.model.details) | {"modality": self.model.modality}
        details["stored"] = str(next(iter(layers.values())).dtype).removeprefix("torch.")
        if isinstance(self.model, Sized) and self.model.limit:
            details["cut"] = {"count": self._cut, "of": self._items, "limit": int(self.model.limit)}
            if self._cut:
                _log.warning("%s: %d of %d items were cut at %d tokens", self.model.card.name, self._cut, self._items,
                             self.model.limit)
        return Features(
            layers={layer: partial(_itself, value) for layer, value in layers.items()},
            n=len(self.samples), model=self.model.card, samples=self.samples.fingerprint,
            pooling=str(self.model.details.get("pooling", "")), ids=self.samples.ids, details=details, key=key,
        )

    def _batch_name(self) -> str:
        """Parts of different batch sizes are not mixed: a given size always; a found one starts equal everywhere."""
        return str(self._batch) if self._given else "auto"

    def _encode(self, start: int, stop: int, progress: Callable | None) -> _Part:
        """Rows [start, stop), on the CPU."""
        items, owner = self._read(start, stop)
        order, cut = self._order(items)
        collected: dict[str, list[torch.Tensor]] = {}
        at = 0
        while at < len(order):
            chosen = order[at : at + self._batch]
            out = self._forward([items[i] for i in chosen])
            if out is None:
                continue  # the batch was halved
            for layer, value in out.items():
                collected.setdefault(layer, []).append(value)
            at += len(chosen)
            if progress is not None and at < len(order):
                progress(start + (stop - start) * at // len(order), len(self.samples))
        back = torch.empty(len(order), dtype=torch.int64)
        back[torch.tensor(order)] = torch.arange(len(order))
        block = {layer: _averaged(torch.cat(values)[back], owner, stop - start) for layer, values in collected.items()}
        block = {layer: value.to(self._dtype) if self._dtype else value for layer, value in block.items()}
        self._check(block, start)
        return _Part(block, len(items), cut)

    def _read(self, start: int, stop: int) -> tuple[list, list[int]]:
        items: list = []
        owner: list[int] = []
        for row in range(start, stop):
            try:
                found = self.samples.items[row]
            except (DataError, OSError, ValueError, SyntaxError) as error:  # what picture and sound decoders raise
                raise DataError(f"Sample {self.samples.ids[row]!r} (row {row}) cannot be read: "
                                f"{str(error).rstrip('.')}.") from error
            if len(found) == 0:
                raise InputError(f"Sample {self.samples.ids[row]!r} (row {row}) has no items.")
            items += found
            owner += [row - start] * len(found)
        return items, owner

    def _order(self, items: Sequence) -> tuple[list[int], int]:
        """Items of similar length beside each other, so that little is padded; and how many are too long."""
        if not isinstance(self.model, Sized):
            return list(range(len(items))), 0
        lengths = self.model.lengths(items)
        limit = self.model.limit
        cut = sum(length > limit for length in lengths) if limit else 0
        return sorted(range(len(items)), key=lambda i: (lengths[i], i)), cut

    def _forward(self, batch: list) -> dict[str, torch.Tensor] | None:
        """The model's output for a batch, checked; None if memory ran out and the batch size was halved."""
        try:
            out = self.model.encode(batch)
        except PlatometerError:
            raise
        except Exception as error:  # whatever a model raises
            if not (isinstance(error, torch.OutOfMemoryError | MemoryError) or "out of memory" in str(error).lower()):
                raise ModelError(f"{self.model.card.name} failed on a batch of {len(batch)}: {type(error).__name__}: "
                                 f"{error}") from error
            if self._batch <= 1:
                raise ModelError(
                    f"{self.model.card.name} runs out of memory with a single item. Use a smaller model, dtype="
                    "'bfloat16', quantise='8bit', or device_map='auto' over several devices."
                ) from error
            self._batch = max(1, min(self._batch, len(batch)) // 2)
            _log.warning("%s: out of memory, going on with batches of %d", self.model.card.name, self._batch)
            with contextlib.suppress(RuntimeError):
                if torch.cuda.is_available():
                    torch.cuda.empty_cache()
            return None
        for layer, value in out.items():
            if not isinstance(value, torch.Tensor) or value.ndim != 2 or len(value) != len(batch):
                shape = tuple(value.shape) if hasattr(value, "shape") else type(value).__name__
                raise ModelError(f"{self.model.card.name}, layer {layer}: got {shape} for {len(batch)} items; expected "
                                 f"({len(batch)}, d). Choose a pooling that gives one vector per item.")
        return {layer: value.detach().to("cpu") for layer, value in out.items()}

    def _check(self, block: Mapping[str, torch.Tensor], start: int) -> None:
        for layer, value in block.items():
            bad = (~torch.isfinite(value)).any(1).nonzero().flatten()
            if len(bad):
                row = start + int(bad[0])
                more = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
                raise NotFiniteError(
                    f"{self.model.card.name}, layer {layer}: NaN or infinity for sample {self.samples.ids[row]!r} "
                    f"(row {row}){more}. Likely half precision overflows: use dtype='float32' or "
                    "'bfloat16' for the model."
                )


def _check_texts(samples: Samples) -> None:
    """Refuse empty texts before the model has run for hours, and name them."""
    blank = [row for row, texts in enumerate(samples.items) if any(not str(text).strip() for text in texts)]
    if blank:
        rows = ", ".join(f"{row} ({samples.ids[row]!r})" for row in blank[:5])
        what = "1 sample has an empty text: row" if len(blank) == 1 else f"{len(blank)} samples have empty texts: rows"
        raise InputError(f"{what} {rows}{', ...' if len(blank) > 5 else ''}. Drop them, or pass empty='keep'.")


def _averaged(values: torch.Tensor, owner: Sequence[int], rows: int) -> torch.Tensor:
    """(items, d) -> (rows, d): the mean over each row's items."""
    if len(values) == rows:
        return values
    index = torch.tensor(owner)
    total = torch.zeros(rows, values.shape[1], dtype=torch.float64).index_add_(0, index, values.double())
    return (total / torch.bincount(index, minlength=rows)[:, None]).to(values.dtype)


def _itself(value: torch.Tensor) -> torch.Tensor:
    return value


def _write_part(path: Path, part: _Part) -> None:
    data = save({layer: value.contiguous() for layer, value in part.block.items()})
    note = {"items": part.items, "cut": part.cut, "sha256": hashlib.sha256(data).hexdigest(), "layers": list(part.block)}
    files.write_whole(path, data)
    files.write_json(path.with_suffix(".json"), note)


def _read_part(path: Path) -> _Part | None:
    """A part that is there whole; None if it must be made (anew)."""
    note = path.with_suffix(".json")
    if not note.exists() or not path.exists():
        return None
    try:
        facts: dict = files.read_json(note)  # type: ignore[assignment]
        if hashlib.sha256(path.read_bytes()).hexdigest() != facts["sha256"]:
            return None
        tensors = store.read_shard(path)
    except (StoreError, OSError, KeyError, TypeError):  # damaged, or another run has just cleared it away
        return None
    return _Part({layer: tensors[layer] for layer in facts["layers"]}, int(facts["items"]), int(facts["cut"]))


def _samples(samples: Samples | Paired | Sequence, modality: str) -> Samples:
    if isinstance(samples, Paired):
        return samples.view(modality)
    if isinstance(samples, str | bytes):
        raise InputError(f"samples is one text, {samples[:40]!r}; expected a list of them. One sample is [text].")
    if not isinstance(samples, Samples):
        samples = Samples.of(samples, modality=modality)
    if samples.modality != modality:
        raise InputError(f"The model takes {modality}, the samples are {samples.modality}.")
    return samples
