"""A folder of pictures, with captions in a csv, tsv, jsonl or parquet file.

The table has one row per picture (a caption, or a list of captions, or columns caption_0, caption_1, ...) or one row per
caption. Pictures are named relative to the folder.
"""

from __future__ import annotations

import os.path
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from platometer.cards import Card, fingerprint
from platometer.datasets import _captions, _pictures, _tables
from platometer.datasets._captions import Medium, Things
from platometer.errors import DataError, SpecError
from platometer.samples import Paired

IMAGE = ("image", "file_name", "filename", "image_path", "path", "file", "img", "image_name", "image_id")


def load(
    path: str,
    *,
    table: str | None = None,
    captions: str | int = "first",
    image_column: str | None = None,
    text_column: str | None = None,
    seed: int = 0,
    unreadable: str = "error",
    duplicates: str = "say",
    near: bool | None = None,
    licence: str = "",
    citation: str = "",
) -> Paired:
    """Views ``image`` and ``text`` of the pictures in a folder.

    Parameters
    ----------
    path : the folder.
    table : the captions' file, relative to the folder; the only csv, tsv, jsonl or parquet file in it if None.
    captions : ``"first"``, ``"last"``, ``"random"``, a position, ``"all"``, ``"mean"`` or ``"join"``; ``"none"`` gives the
        pictures alone, and all of the folder if there is no table.
    image_column, text_column : names of columns; the usual ones are recognised if None.
    seed : of ``captions="random"``.
    unreadable : what a missing or damaged picture and an empty caption are: an ``"error"``, or ``"drop"`` to leave them
        out with a note.
    duplicates : ``"say"``, ``"drop"`` (all but the first of equal pictures) or ``"error"``.
    near : whether to look for pictures that look alike, too; if there are at most 20,000 if None.
    licence, citation : for the card.

    Raises
    ------
    DataError
        Folder, table, column, picture or caption is missing or unreadable; names file and row.
    """
    if unreadable not in ("error", "drop"):
        raise SpecError(f"unreadable = {unreadable!r}; expected 'error' or 'drop'.")
    folder = Path(path)
    if not folder.is_dir():
        raise DataError(f"There is no folder {path!r}." + (" It is a file." if folder.exists() else ""))
    drop = unreadable == "drop"
    file = _table(folder, table, needed=captions != "none")
    found, lost = _listed(folder) if file is None else _named(file, image_column, text_column, captions=captions, drop=drop)
    names, content, dropped = [], [], []
    for name, (where, texts) in found.items():
        try:
            if not texts and captions != "none":
                raise DataError(f"{where}: {name!r} has no caption.")
            content.append(_captions.digest(_checked(folder, name, where, whole=drop)))
            names.append(name)
        except DataError:
            if not drop or _outside(folder, name):
                raise
            dropped.append(name)
    notes = [f"empty captions were left out: {lost}"] if lost else []
    notes += _captions.left_out(dropped)
    notes += _unnamed(folder, found, file, "is not named" if captions == "none" else "has no caption") if file else []
    if not names:
        raise DataError(f"{file or folder} names no picture that can be read.")

    def data(at: int) -> tuple[bytes, str]:
        name = names[at]
        return _bytes(folder / name, found[name][0]), f"{found[name][0]}: {name!r}"

    captioned = None if captions == "none" else [found[name][1] for name in names]
    things = Things(names, {"image": Medium("image", lambda at: _pictures.decode(*data(at)), content,
                                            lambda at: _pictures.small(*data(at)))}, captioned, notes)
    card = Card(name=folder.resolve().name, source=f"folder:{path}", revision=fingerprint(names, content, captioned)[:16],
                licence=licence, citation=citation,
                details={"table": file.name if file else None, "captions": captions, "seed": seed})
    return _captions.paired(things, captions=captions, seed=seed, card=card, duplicates=duplicates, near=near)


def _table(folder: Path, table: str | None, *, needed: bool) -> Path | None:
    kinds = ", ".join(_tables.ENDINGS)
    if table is not None:
        file = folder / table
        if not file.is_file() or file.suffix.lower() not in _tables.ENDINGS:
            raise DataError(f"There is no captions file {file} ({kinds}).")
        return file
    found = sorted(p for p in folder.iterdir() if p.suffix.lower() in _tables.ENDINGS and p.is_file())
    if len(found) == 1:
        return found[0]
    if not found and not needed:
        return None
    what = f"no captions file ({kinds})" if not found else f"several tables: {', '.join(p.name for p in found)}"
    hint = '; pictures alone are captions="none"' if not found else ""
    ask = "Put captions.jsonl, .csv or .parquet beside the pictures, with the columns image and caption; or name" if not found \
        else "Name"
    raise DataError(f"{folder} has {what}. {ask} the captions' file, relative to the folder, with table=\"...\"{hint}.")


def _listed(folder: Path) -> tuple[dict[str, tuple[str, list[str]]], int]:
    """Every picture in the folder and in folders below it, in the order of their names."""
    found = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.suffix.lower() in _pictures.ENDINGS)
    if not found:
        raise DataError(f"{folder} has no pictures ({', '.join(_pictures.ENDINGS)}).")
    return {name: (str(folder), []) for name in found}, 0


def _unnamed(folder: Path, found: Mapping[str, object], file: Path, why: str) -> list[str]:
    """A note on pictures in the folder that its table says nothing of, or none."""
    there = {os.path.normpath(os.path.join(home, name)) for home, _, names in os.walk(folder) for name in names
             if name.lower().endswith(_pictures.ENDINGS)}
    lost = len(there - {os.path.normpath(os.path.join(folder, name)) for name in found})
    several = {"is not named": "are not named", "has no caption": "have no caption"}[why]
    how = f"{why} in {file.name} and is" if lost == 1 else f"{several} in {file.name} and are"
    return [f"{lost} of {len(there)} pictures {how} left out"] if lost else []


def _named(
    file: Path, image_column: str | None, text_column: str | None, *, captions: str | int, drop: bool
) -> tuple[dict[str, tuple[str, list[str]]], int]:
    """Picture -> (where it is first named, its captions); and how many empty captions were left out."""
    rows = _tables.read_rows(file)
    columns = list(dict.fromkeys(name for _, row in rows for name in row))
    image = _tables.column(columns, image_column, IMAGE, "pictures", file)
    numbered = _tables.numbered(columns) if text_column is None else []
    text = None if numbered or captions == "none" else _tables.column(columns, text_column, _tables.TEXT, "captions", file)
    out: dict[str, tuple[str, list[str]]] = {}
    lost = 0
    for line, row in rows:
        where = f"{file}, row {line}"
        name = row.get(image)
        if not isinstance(name, str) or not name.strip():
            raise DataError(f"{where}: {image!r} is {name!r}, which names no picture.")
        texts = out.setdefault(name, (where, []))[1]
        if captions == "none":
            continue
        found, blank = _cell(row, text, numbered, where, drop=drop)
        lost += blank
        texts += found
    return out, lost


def _cell(row: Mapping, text: str | None, numbered: list[str], where: str, *, drop: bool) -> tuple[list[str], int]:
    """The captions of a row, and how many were empty and left out; unused numbered columns are no captions."""
    if text is None:
        values: Any = [row.get(name) for name in numbered]
        values = [value for value in values if value is not None and str(value).strip()] or [""]
    else:
        values = row.get(text)
    if not drop:
        return _tables.texts_of(values, where), 0
    values = values if isinstance(values, list | tuple) else [values]
    full = [value for value in values if value is not None and str(value).strip()]
    return _tables.texts_of(full, where) if full else [], len(values) - len(full)


def _outside(folder: Path, name: str) -> bool:
    """Whether a name leads out of the folder; links that its owner put into it may."""
    home = os.path.abspath(folder)
    return os.path.commonpath([home, os.path.normpath(os.path.join(home, name))]) != home


def _checked(folder: Path, name: str, where: str, *, whole: bool) -> bytes:
    """The bytes of a picture, decoded once if it must be whole."""
    if _outside(folder, name):
        raise DataError(f"{where}: {name!r} lies outside the folder {folder}.")
    data = _bytes(folder / name, where)
    if whole:
        _pictures.small(data, f"{where}: {name!r}")
    return data


def _bytes(place: Path, where: str) -> bytes:
    try:
        if not place.is_file():
            hint = "" if place.suffix else " Does the name lack its ending?"
            raise DataError(f"{where}: there is no picture {place}.{hint}")
        data = place.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        raise DataError(f"{where}: {str(place)!r} cannot be read: {error}.") from None
    if not data:
        raise DataError(f"{where}: {place} is an empty file.")
    return data
