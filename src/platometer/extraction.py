"""Extraction: a model run over samples, every layer kept; resumable, in batches that fit memory.

Rows are worked on in parts of fixed size. A finished part is one small file; a run that is killed loses at most the
part it was in, and what it left is used by the next. Batches are made up inside parts and depend on nothing but the
samples and the batch size, so a resumed run gives the same numbers as an uninterrupted one. Parts are joined to shards,
which may be made by different machines: `shards`, `make_shard` and `finish` are what `extract` does, apart.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import torch

from platometer import files, models, store
from platometer.cards import Card, fingerprint
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
        check_texts(samples)
    key = features_key(model, samples, dtype=dtype)
    if folder is not None and store.has(folder, key):
        return store.open(folder, key)
    if len(samples) == 0:
        raise InputError("There are no samples to run the model on.")
    run = _Run(model, samples, batch_size=batch_size, dtype=dtype)
    _log.info("%s: %d samples in parts of %d", model.card.name, len(samples), part)
    if folder is None:
        block, made = _joined(list(run.parts(0, len(samples), part, None, progress)))
        described = _described(Origin.of(model), samples, [made], key="")
        return replace(described, layers={layer: partial(_itself, value) for layer, value in block.items()})
    home = files.place(folder)
    found = [run.shard(home, key, start, stop, part, progress) for start, stop in shards(len(samples), part=part)]
    return finish(home, key, Origin.of(model), samples, [one for one in found if one is not None])


def features_key(model: Model, samples: Samples, *, dtype: str | None = None) -> str:
    """The name of the features that this model would give on these samples: equal content, equal key, wherever its files lie.

    Parameters
    ----------
    model : ready to encode.
    samples : its input.
    dtype : of storage.
    """
    return fingerprint({
        "schema": SCHEMA, "model": _wherever(model.card), "details": dict(model.details),
        "layers": list(model.layers()), "samples": samples.fingerprint, "dtype": dtype,
    })


def _wherever(card: Card) -> dict[str, object]:
    """The card without where files lie on this disk: a folder's revision is of its content, a file of code keeps its name."""
    kind, _, place = card.source.partition(":")
    file, colon, function = place.rpartition(":")
    if kind in ("hf", "st") and card.revision and Path(place).is_dir():
        return card.as_dict() | {"name": "", "source": kind}
    if kind == "python" and colon and Path(file).is_file():
        return card.as_dict() | {"source": f"{kind}:{Path(file).name}:{function}"}
    return card.as_dict()


@dataclass(frozen=True)
class Origin:
    """What features keep of their model, as plain values that can be sent to another machine.

    Attributes
    ----------
    card : of the model, as a dictionary.
    modality, details : of the model.
    limit : its context length; None if it has none.
    """

    card: dict
    modality: str
    details: dict
    limit: int | None

    @classmethod
    def of(cls, model: Model) -> Origin:
        """The origin of features of a model.

        Parameters
        ----------
        model : ready to encode.
        """
        limit = model.limit if isinstance(model, Sized) else None
        return cls(model.card.as_dict(), model.modality, dict(model.details), None if not limit else int(limit))


@dataclass(frozen=True)
class Made:
    """A shard that is on disk.

    Attributes
    ----------
    entry : of the manifest.
    items, cut : how many it came from, and how many of them were cut at the context length.
    widths : layer -> number of features, in order of depth.
    stored : dtype on disk.
    """

    entry: dict
    items: int
    cut: int
    widths: dict[str, int]
    stored: str


def shards(n: int, *, part: int = PART) -> list[tuple[int, int]]:
    """(start, stop) of the rows of each shard, none of which cuts a part in two.

    Parameters
    ----------
    n : samples.
    part : rows of a part.

    Examples
    --------
    >>> shards(40_000)
    [(0, 16384), (16384, 32768), (32768, 40000)]
    """
    step = max(1, store.ROWS // part) * part
    return [(start, min(start + step, n)) for start in range(0, n, step)]


def make_shard(
    model: Model, samples: Samples, folder: str | Path, start: int, stop: int, *, batch_size: int | None = None,
    dtype: str | None = None, progress: Callable[[int, int], None] | None = None, part: int = PART,
) -> Made | None:
    """One shard of the features of a model, on disk; what is there already is not made again. None if all features are there.

    Whoever makes which shard, and wherever, the files are the same.

    Parameters
    ----------
    model, samples : as for `extract`; of samples, all.
    folder : where features are kept.
    start, stop : rows, from `shards`.
    batch_size, dtype, progress, part : as for `extract`.
    """
    run = _Run(model, samples, batch_size=batch_size, dtype=dtype)
    return run.shard(files.place(folder), features_key(model, samples, dtype=dtype), start, stop, part, progress)


def finish(folder: str | Path, key: str, origin: Origin, samples: Samples, made: Sequence[Made]) -> Features:
    """The features whose shards are all there; from now on they count.

    Parameters
    ----------
    folder : where features are kept.
    key : from `features_key`.
    origin : of them.
    samples : all.
    made : every shard, in order of rows; may be incomplete if the features are there already.

    Raises
    ------
    StoreError
        A shard is missing: it was removed, or made on a machine whose disk is another.
    """
    folder = files.place(folder)
    if not store.has(folder, key):
        for one in made:
            if not _there(folder / key, one.entry):
                raise StoreError(f"{folder / key / one.entry['file']} is not there, or not whole, though it was made. Does "
                                 "every machine see the same folder?")
        store.write_manifest(folder / key, key, _described(origin, samples, made, key=key), [one.entry for one in made])
    files.clear(folder / f"{key}.parts")
    return store.open(folder, key)


def forget(folder: str | Path, key: str) -> None:
    """Take away features, and what an interrupted run left of them.

    Parameters
    ----------
    folder : where features are kept.
    key : from `features_key`.
    """
    store.remove(folder, key)
    files.clear(files.place(folder) / f"{key}.parts")


def _described(origin: Origin, samples: Samples, made: Sequence[Made], *, key: str) -> Features:
    """Features with everything that must travel with them, and layers of no rows, but of their width."""
    details = dict(origin.details) | {"modality": origin.modality, "stored": made[0].stored}
    cut, items = sum(one.cut for one in made), sum(one.items for one in made)
    card = Card.from_dict(origin.card)
    if origin.limit:
        details["cut"] = {"count": cut, "of": items, "limit": origin.limit}
        if cut:
            _log.warning("%s: %d of %d items were cut at %d tokens", card.name, cut, items, origin.limit)
    return Features(
        layers={layer: partial(torch.empty, 0, width) for layer, width in made[0].widths.items()},
        n=len(samples), model=card, samples=samples.fingerprint, pooling=str(origin.details.get("pooling", "")),
        ids=samples.ids, details=details, key=key,
    )


@dataclass(frozen=True)
class _Part:
    """Rows that are done: layer -> (rows, d), the number of items they came from, and how many were cut."""

    block: dict[str, torch.Tensor]
    items: int
    cut: int


def _joined(parts: Sequence[_Part]) -> tuple[dict[str, torch.Tensor], Made]:
    """All rows, and what is told of them, without an entry."""
    block = {layer: torch.cat([one.block[layer] for one in parts]) for layer in parts[0].block}
    first = next(iter(block.values()))
    return block, Made({}, sum(one.items for one in parts), sum(one.cut for one in parts),
                       {layer: value.shape[1] for layer, value in block.items()}, str(first.dtype).removeprefix("torch."))


class _Run:
    """One model over one set of samples."""

    def __init__(self, model: Model, samples: Samples, *, batch_size: int | None, dtype: str | None):
        self.model, self.samples = model, samples
        self._given, self._batch = batch_size is not None, batch_size or BATCH.get(model.modality, 32)
        self._dtype = _KINDS[dtype]

    def shard(self, folder: Path, key: str, start: int, stop: int, part: int, progress: Callable | None) -> Made | None:
        """A shard, found or made of its parts, which are removed; None if another run has finished all features meanwhile.

        Parameters
        ----------
        folder, key : of the features.
        start, stop : samples of the shard.
        part : samples of a part, the most that an interruption loses.
        progress : is told the samples done.
        """
        home, parts = folder / key, folder / f"{key}.parts"
        note = parts / f"shard-{start:09d}-{stop:09d}-{self._batch_name()}.json"
        pending: list[_Part] = []

        def over() -> Made | bool:
            return _read_note(note, home) or store.has(folder, key)

        found = over()
        if not found:
            for one in self.parts(start, stop, part, parts, progress, over=lambda: bool(over())):
                pending.append(one)
            found = over()
        if found:
            return found if isinstance(found, Made) else None
        block, made = _joined(pending)
        made = replace(made, entry=store.write_shard(home, start, block))
        files.write_json(note, asdict(made))
        self._clear(parts, start, stop, part)
        return made

    def parts(
        self, first: int, last: int, size: int, folder: Path | None, progress: Callable | None,
        over: Callable[[], bool] = lambda: False,
    ) -> Iterator[_Part]:
        """Blocks of rows in order; read from the folder where they are there. They end where it is all over already.

        Parameters
        ----------
        first, last : samples.
        size : samples of a block.
        folder : of the parts; None to keep none.
        progress : is told the samples done.
        over : whether another run has finished meanwhile.
        """
        for start in range(first, last, size):
            stop = min(start + size, last)
            path = None if folder is None else folder / self._part_name(start, stop)
            found = None if path is None else _read_part(path)
            if found is None:
                if over():
                    return
                found = self._encode(start, stop, progress)
                if path is not None:
                    _write_part(path, found)
            yield found
            if progress is not None:
                progress(stop, len(self.samples))

    def _part_name(self, start: int, stop: int) -> str:
        return f"part-{start:09d}-{stop:09d}-{self._batch_name()}.safetensors"

    def _clear(self, folder: Path, first: int, last: int, size: int) -> None:
        """Remove the parts of a shard that is on disk."""
        for start in range(first, last, size):
            path = folder / self._part_name(start, min(start + size, last))
            path.with_suffix(".json").unlink(missing_ok=True)
            path.unlink(missing_ok=True)

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
        return {layer: store.floating(value.detach().to("cpu")) for layer, value in out.items()}

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


def check_texts(samples: Samples) -> None:
    """Refuse empty texts before the model has run for hours, and name them.

    Parameters
    ----------
    samples : of texts.
    """
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
    data = store.packed(part.block)
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


def _there(home: Path, entry: Mapping) -> bool:
    """Whether a shard is there, in its size."""
    try:
        return (home / entry["file"]).stat().st_size == entry["bytes"]
    except OSError:
        return False


def _read_note(path: Path, home: Path) -> Made | None:
    """What is told of a shard that is there whole; None if it must be made (anew)."""
    if not path.exists():
        return None
    try:
        made = Made(**files.read_json(path))  # type: ignore[arg-type]
    except (StoreError, TypeError):  # damaged, or another run has just cleared it away
        return None
    return made if _there(home, made.entry) else None


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
