"""Hugging Face datasets, from the hub or a folder: ``hf:NAME@REVISION``, such as ``hf:minhuh/prh@wit_1024``.

Columns are told by their types: a picture column gives the view ``image``, text columns give ``text``, sounds
``audio``. No code of a dataset is ever run.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from platometer.cards import Card, fingerprint
from platometer.datasets import _captions, _pictures
from platometer.datasets._captions import Pictures
from platometer.datasets.folder import _TEXT, column, texts_of
from platometer.errors import DataError, missing
from platometer.samples import Paired, Samples

if TYPE_CHECKING:
    import datasets as library


def load(
    name: str,
    *,
    revision: str | None = None,
    subset: str | None = None,
    split: str | None = None,
    captions: str | int = "first",
    image_column: str | None = None,
    text_column: str | None = None,
    id_column: str | None = None,
    seed: int = 0,
    duplicates: str = "say",
    near: bool | None = None,
) -> Paired:
    """The views of a dataset on the hub, saved by ``save_to_disk``, or in a folder of parquet files.

    Parameters
    ----------
    name : hub name, ``NAME@REVISION``, or a folder.
    revision : branch, tag or commit on the hub.
    subset : configuration, where the dataset has several.
    split : such as ``"train"``; the only one if None.
    captions : which of several texts; see ``folder``.
    image_column, text_column, id_column : names of columns; told by type and name if None.
    seed : of ``captions="random"``.
    duplicates, near : see ``folder``.

    Raises
    ------
    DataError
        It is not there, has several splits or configurations, or no such column.
    MissingDependencyError
        datasets is not installed.
    """
    try:
        import datasets as library
    except ImportError:
        raise missing("datasets", "hub", wanted_for="A Hugging Face dataset") from None
    library.disable_progress_bars()
    plain, _, tagged = name.partition("@") if not Path(name).exists() else (name, "", "")
    table = _table(library, plain, revision or tagged or None, subset, split)
    kinds = {key: type(feature).__name__ for key, feature in table.features.items()}
    images = [key for key, kind in kinds.items() if kind == "Image"]
    sounds = [key for key, kind in kinds.items() if kind == "Audio"]
    card = _card(table, name, revision or tagged)
    ids = _ids(table, id_column)
    texts = _texts(table, text_column, name) if _has_text(table, text_column) else None
    if images or image_column:
        if texts is None:
            raise DataError(f"{name} has pictures but no text column; its columns are {', '.join(table.column_names)}.")
        key = column(table.column_names, image_column, images, "pictures", name)
        raw = table.cast_column(key, library.Image(decode=False))
        read = _reader(raw, key, name)
        content = [_captions.digest(_cell(raw, key, row, name)) for row in range(len(raw))]
        return _captions.paired(
            Pictures(ids, read, content, texts), captions=captions, seed=seed, card=card, duplicates=duplicates, near=near)
    views = {}
    if texts is not None:
        views["text"] = Samples(ids=tuple(ids), items=[(row[0],) for row in texts], modality="text",
                                content=[fingerprint(row[0]) for row in texts], card=card)
    if sounds:
        views["audio"] = _sounds(library, table, sounds[0], ids, card)
    if not views:
        raise DataError(f"{name} has neither pictures, sounds nor texts; its columns are {', '.join(table.column_names)}.")
    return Paired(views=views, card=card)


def _table(library: object, name: str, revision: str | None, subset: str | None, split: str | None) -> library.Dataset:
    folder = Path(name)
    try:
        if folder.is_dir() and ((folder / "dataset_info.json").exists() or (folder / "dataset_dict.json").exists()):
            found = library.load_from_disk(name)
        elif folder.is_file():
            kind = {".parquet": "parquet", ".csv": "csv", ".jsonl": "json", ".json": "json"}.get(folder.suffix)
            if kind is None:
                raise DataError(f"{name}: expected a parquet, csv or jsonl file.")
            found = library.load_dataset(kind, data_files=name)
        else:
            found = library.load_dataset(name, subset, revision=None if folder.is_dir() else revision)
    except (OSError, ValueError, RuntimeError, library.exceptions.DatasetsError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise DataError(f"Cannot load the dataset {name!r}: {first} Is the name right (OWNER/NAME@REVISION), and can this "
                        "machine reach the hub?") from error
    if isinstance(found, Mapping):
        if split is None and len(found) > 1:
            raise DataError(f"{name} has the splits {', '.join(found)}; choose one with split = \"...\".")
        chosen = split or next(iter(found))
        if chosen not in found:
            raise DataError(f"{name} has no split {chosen!r}; it has {', '.join(found)}.")
        return found[chosen]
    return found


def _has_text(table: library.Dataset, asked: str | None) -> bool:
    return asked is not None or any(key.lower() in _TEXT for key in table.column_names)


def _texts(table: library.Dataset, asked: str | None, name: str) -> list[list[str]]:
    key = column(table.column_names, asked, _TEXT, "texts", name)
    return [texts_of(value, f"{name}, row {row}") for row, value in enumerate(table[key])]


def _ids(table: library.Dataset, asked: str | None) -> list[str]:
    key = asked or next((c for c in table.column_names if c.lower() in ("id", "ids", "key", "image_id")), None)
    if key is None:
        return [f"{i:07d}" for i in range(len(table))]
    values = [str(value) for value in table[key]]
    return values if len(set(values)) == len(values) else [f"{i:07d}" for i in range(len(table))]


def _cell(raw: library.Dataset, key: str, row: int, name: str) -> bytes:
    value = raw[row][key]
    if value and value.get("bytes"):
        return value["bytes"]
    if value and value.get("path") and Path(value["path"]).is_file():
        return Path(value["path"]).read_bytes()
    raise DataError(f"{name}, row {row}: there is no picture in {key!r}.")


def _reader(raw: library.Dataset, key: str, name: str):
    return lambda row: _pictures.decode(_cell(raw, key, row, name), f"{name}, row {row}")


def _sounds(library: object, table: library.Dataset, key: str, ids: Sequence[str], card: Card) -> Samples:
    raw = table.cast_column(key, library.Audio(decode=False))

    def data(row: int) -> bytes:
        value = raw[row][key]
        return value["bytes"] or Path(value["path"]).read_bytes()

    from platometer.samples import Lazy

    return Samples(ids=tuple(ids), items=Lazy(len(raw), lambda row: (_wave(data(row), f"{card.name}, row {row}"),)),
                   modality="audio", content=[_captions.digest(data(row)) for row in range(len(raw))], card=card)


def _wave(data: bytes, where: str) -> tuple[np.ndarray, int]:
    """A WAV file as (mono float32 in [-1, 1], rate)."""
    from scipy.io import wavfile

    try:
        rate, wave = wavfile.read(io.BytesIO(data))
    except ValueError as error:
        raise DataError(f"{where}: only WAV sounds can be read ({error}).") from None
    if wave.dtype.kind == "i":
        wave = wave / float(np.iinfo(wave.dtype).max)
    elif wave.dtype.kind == "u":
        wave = wave / 127.5 - 1
    return np.asarray(wave if wave.ndim == 1 else wave.mean(1), dtype=np.float32), int(rate)


def _card(table: library.Dataset, name: str, revision: str) -> Card:
    info = table.info
    return Card(name=Path(name).name, source=f"hf:{name}", revision=revision or str(getattr(table, "_fingerprint", "")),
                licence=str(info.license or ""), citation=str(info.citation or "").strip())
