"""Hugging Face datasets, from the hub or a folder: ``hf:NAME@REVISION``, such as ``hf:minhuh/prh@wit_1024``.

Columns are told by their types: a picture column gives the view ``image``, sounds ``audio``, text columns ``text``. No
code of a dataset is ever run.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from platometer.cards import Card
from platometer.datasets import _captions, _pictures, _tables
from platometer.datasets._captions import Medium, Things
from platometer.errors import DataError, SpecError, missing
from platometer.samples import Paired

if TYPE_CHECKING:
    import datasets as library

_IDS = ("id", "ids", "key", "image_id")


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
    unreadable: str = "error",
    duplicates: str = "say",
    near: bool | None = None,
) -> Paired:
    """The views of a dataset on the hub, saved by ``save_to_disk``, or in parquet, csv or jsonl files.

    Parameters
    ----------
    name : hub name, ``NAME@REVISION``, or a folder or file.
    revision : branch, tag or commit on the hub. Without one the newest is taken, and its commit noted on the card.
    subset : configuration, where the dataset has several.
    split : such as ``"train"``; the only one if None.
    captions : which of several texts; see ``folder``. ``"none"`` leaves the texts out.
    image_column, text_column, id_column : names of columns; told by type and name if None.
    seed : of ``captions="random"``.
    unreadable : what a row with a damaged picture or an empty text is: an ``"error"``, or ``"drop"`` to leave it out with
        a note.
    duplicates, near : see ``folder``.

    Raises
    ------
    DataError
        It is not there, has several splits or configurations, or no such column; or a cell is empty or damaged.
    MissingDependencyError
        datasets is not installed.
    """
    try:
        import datasets as library
    except ImportError:
        raise missing("datasets", "hub", wanted_for="A Hugging Face dataset") from None
    if unreadable not in ("error", "drop"):
        raise SpecError(f"unreadable = {unreadable!r}; expected 'error' or 'drop'.")
    library.disable_progress_bars()
    plain, at, tagged = (name, "", "") if Path(name).exists() else name.partition("@")
    if at and revision is not None and revision != tagged:
        raise SpecError(f"{name!r} names the revision {tagged!r}, and revision = {revision!r} another. Give one.")
    table = _table(library, plain, revision or tagged or None, subset, split)
    if len(table) == 0:
        raise DataError(f"{name} has no rows.")
    image, sound = _media_columns(table, image_column, name)
    text = None if captions == "none" else _text_column(table, text_column, name)
    if image is None and sound is None and text is None:
        raise DataError(f"{name} has neither pictures, sounds nor texts; its columns are {', '.join(table.column_names)}.")
    ids = _ids(table, id_column, name)
    notes: list[str] = []
    if unreadable == "drop":
        rows, notes = _whole(library, table, image, sound, text, name)
        table, ids = table.select(rows), [ids[row] for row in rows]
    media = {}
    if image is not None:
        data = _bytes_of(library, table, image, name)
        media["image"] = Medium("image", lambda at: _pictures.decode(*data(at)), _digests(data, len(table)),
                                lambda at: _pictures.small(*data(at)))
    if sound is not None:
        heard = _bytes_of(library, table, sound, name)
        media["audio"] = Medium("audio", lambda at: _wave(*heard(at)), _digests(heard, len(table)))
    texts = None if text is None else [
        _tables.texts_of(value, f"{name}, row {row}") for row, value in enumerate(table.select_columns([text])[text])]
    card = _card(table, plain, revision or tagged, {"captions": captions, "seed": seed})
    things = Things(ids, media, texts, notes)
    return _captions.paired(things, captions=captions, seed=seed, card=card, duplicates=duplicates, near=near)


def _table(library: ModuleType, name: str, revision: str | None, subset: str | None, split: str | None) -> library.Dataset:
    place = Path(name)
    if not place.exists() and (name.startswith((".", "/", "~")) or place.suffix.lower() in _KINDS):
        raise DataError(f"There is no folder or file {name}.")
    try:
        if (place / "dataset_info.json").exists() or (place / "dataset_dict.json").exists():
            found = library.load_from_disk(name)
        elif place.is_file():
            if place.suffix.lower() not in _KINDS:
                raise DataError(f"{name}: expected a file {', '.join(_KINDS)}, or a folder.")
            found = library.load_dataset(_KINDS[place.suffix.lower()], data_files=name)
        else:
            found = library.load_dataset(name, subset, revision=None if place.is_dir() else revision)
    except (OSError, ValueError, RuntimeError, library.exceptions.DatasetsError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        hint = "Is a file damaged?" if place.exists() else (
            "Is the name right (OWNER/NAME@REVISION), does it need subset=, and can this machine reach the hub?")
        raise DataError(f"Cannot load the dataset {name!r}: {first}. {hint}") from error
    if not isinstance(found, Mapping):
        if split is not None and str(found.split) != split:
            raise DataError(f"{name} has no split {split!r}; it is a single table.")
        return found
    if split is None and len(found) > 1:
        raise DataError(f"{name} has the splits {', '.join(found)}; choose one with split=\"...\".")
    chosen = split or next(iter(found))
    if chosen not in found:
        raise DataError(f"{name} has no split {chosen!r}; it has {', '.join(found)}.")
    return found[chosen]


_KINDS = {".parquet": "parquet", ".csv": "csv", ".jsonl": "json", ".json": "json"}


def _text_column(table: library.Dataset, asked: str | None, name: str) -> str | None:
    """The column of texts: as asked, or of a usual name, or the only one of texts; None if there is none."""
    if asked is not None:
        return _tables.column(table.column_names, asked, (), "texts", name)
    texts = [key for key, feature in table.features.items() if _is_text(feature) and key.lower() not in _IDS]
    usual = next((key for usual in _tables.TEXT for key in texts if key.lower() == usual), None)
    if usual is not None or not texts:
        return usual
    if len(texts) > 1:
        raise DataError(f"{name}: which column holds the texts? It has {', '.join(map(repr, texts))}; name one with "
                        'text_column="...", or captions="none".')
    return texts[0]


def _is_text(feature: object) -> bool:
    """Whether a column holds texts or lists of texts."""
    inner = getattr(feature, "feature", feature[0] if isinstance(feature, list) and feature else feature)
    return getattr(inner, "dtype", None) in ("string", "large_string")


def _ids(table: library.Dataset, asked: str | None, name: str) -> list[str]:
    """The values of a column of ids where they are distinct, else row numbers."""
    key = asked or next((key for key in table.column_names if key.lower() in _IDS), None)
    numbers = [f"{i:07d}" for i in range(len(table))]
    if key is None:
        return numbers
    key = _tables.column(table.column_names, key, (), "ids", name)
    values = [str(value) for value in table.select_columns([key])[key]]
    if len(set(values)) == len(values):
        return values
    if asked is not None:
        twice = next(value for i, value in enumerate(values) if value in values[:i])
        raise DataError(f"{name}: {twice!r} stands more than once in {asked!r}; ids must be distinct.")
    return numbers


def _media_columns(table: library.Dataset, image_column: str | None, name: str) -> tuple[str | None, str | None]:
    """The columns of pictures and of sounds, where there are such."""
    images, sounds = ([key for key, feature in table.features.items() if type(feature).__name__ == kind]
                      for kind in ("Image", "Audio"))
    if image_column is not None or len(images) > 1:
        images = [_tables.column(images or table.column_names, image_column, ("image", "img", "picture"), "pictures", name)]
    if len(sounds) > 1:
        raise DataError(f"{name} has several columns of sounds: {', '.join(sounds)}. Keep one.")
    return (images or [None])[0], (sounds or [None])[0]


def _whole(
    library: ModuleType, table: library.Dataset, image: str | None, sound: str | None, text: str | None, name: str
) -> tuple[list[int], list[str]]:
    """The rows of which everything can be read, and a note on the others."""
    checks: list[Callable[[int], object]] = []
    if image is not None:
        seen = _bytes_of(library, table, image, name)
        checks.append(lambda row: _pictures.small(*seen(row)))
    if sound is not None:
        heard = _bytes_of(library, table, sound, name)
        checks.append(lambda row: _wave(*heard(row)))
    if text is not None:
        texts = table.select_columns([text])[text]
        checks.append(lambda row: _tables.texts_of(texts[row], f"{name}, row {row}"))
    gone = []
    for row in range(len(table)):
        try:
            for check in checks:
                check(row)
        except DataError:
            gone.append(row)
    if len(gone) == len(table):
        raise DataError(f"{name} has no row that can be read.")
    lost = set(gone)
    return [row for row in range(len(table)) if row not in lost], _captions.left_out(gone, noun="row", why="unreadable")


def _digests(data: Callable[[int], tuple[bytes, str]], n: int) -> list[str]:
    return [_captions.digest(data(row)[0]) for row in range(n)]


def _bytes_of(library: ModuleType, table: library.Dataset, key: str, name: str) -> Callable[[int], tuple[bytes, str]]:
    """Row -> (the bytes in a cell, where it is)."""
    kind = library.Audio if type(table.features[key]).__name__ == "Audio" else library.Image
    try:
        raw = table.select_columns([key]).cast_column(key, kind(decode=False))
    except (TypeError, ValueError) as error:
        raise DataError(f"{name}: the column {key!r} holds {table.features[key]}, not pictures.") from error

    def data(row: int) -> tuple[bytes, str]:
        value, where = raw[row][key], f"{name}, row {row}"
        if value and value.get("bytes"):
            return value["bytes"], where
        place = value.get("path") if value else None
        try:
            found = Path(place).read_bytes() if place else b""
        except OSError as error:
            raise DataError(f"{where}: {place} cannot be read: {error.strerror or error}.") from None
        if not found:
            raise DataError(f"{where}: there is nothing in {key!r}.")
        return found, where

    return data


def _wave(data: bytes, where: str) -> tuple[np.ndarray, int]:
    """A WAV file as (mono float32 in [-1, 1], rate)."""
    from scipy.io import wavfile

    try:
        rate, wave = wavfile.read(io.BytesIO(data))
    except Exception as error:  # damaged files raise almost anything; the cause is kept
        raise DataError(f"{where}: only whole WAV sounds can be read ({error}).") from error
    if wave.dtype.kind == "i":
        wave = wave / -float(np.iinfo(wave.dtype).min)
    elif wave.dtype.kind == "u":
        wave = wave / 128.0 - 1
    return np.asarray(wave if wave.ndim == 1 else wave.mean(1), dtype=np.float32), int(rate)


def _card(table: library.Dataset, name: str, revision: str, details: dict) -> Card:
    """The card, with the hub's commit where the files' addresses tell it."""
    info = table.info
    addresses = " ".join(map(str, info.download_checksums or {}))
    commit = re.search(r"hf://datasets/[^@\s]+@([0-9a-f]{40})/", addresses)
    details = details | {"split": str(table.split) if table.split else None}
    return Card(name=Path(name).name, source=f"hf:{name}" + (f"@{revision}" if revision else ""),
                revision=commit.group(1) if commit else revision or str(table._fingerprint),
                licence=str(info.license or ""), citation=str(info.citation or "").strip(), details=details)
