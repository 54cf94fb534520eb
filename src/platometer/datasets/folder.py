"""A folder of pictures, with captions in a csv, tsv, jsonl or parquet file.

The table has one row per picture (a caption, or a list of captions, or columns caption_0, caption_1, ...) or one row per
caption. Pictures are named relative to the folder.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from platometer.cards import Card
from platometer.datasets import _captions, _pictures
from platometer.datasets._captions import Pictures
from platometer.errors import DataError, SpecError, suggestion
from platometer.samples import Paired

_TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
_IMAGE = ("image", "file_name", "filename", "image_path", "path", "file", "img", "image_name", "image_id")
_TEXT = ("caption", "captions", "text", "texts", "sentence", "sentences", "description", "raw")


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
    captions : ``"first"``, ``"last"``, ``"random"``, a position, ``"all"``, ``"mean"`` or ``"join"``.
    image_column, text_column : names of columns; the usual ones are recognised if None.
    seed : of ``captions="random"``.
    unreadable : what a missing or damaged picture is: an ``"error"``, or ``"drop"`` to leave it out with a note.
    duplicates : ``"say"``, ``"drop"`` or ``"error"``.
    near : whether to look for pictures that look alike; below 20,000 pictures if None.
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
        raise DataError(f"There is no folder {path!r}.")
    file = _table(folder, table)
    rows = read_rows(file)
    pairs = _grouped(rows, file, image_column, text_column)
    home = folder.resolve()
    kept, texts, content, dropped = [], [], [], []
    for name, (line, found) in pairs.items():
        try:
            place = (home / name).resolve()
            if not place.is_relative_to(home):
                raise DataError(f"{file}, row {line}: {name!r} lies outside the folder.")
            data = _bytes(place, f"{file}, row {line}: {name!r}")
            if unreadable == "drop":
                _pictures.decode(data, name)
        except DataError:
            if unreadable == "error":
                raise
            dropped.append(name)
            continue
        kept.append(name)
        texts.append(found)
        content.append(_captions.digest(data))
    if not kept:
        raise DataError(f"{file} names no picture that can be read.")
    notes = [f"{len(dropped)} pictures were left out as unreadable ({', '.join(dropped[:3])})"] if dropped else []

    def read(at: int) -> object:
        return _pictures.decode(_bytes(home / kept[at], kept[at]), f"{kept[at]} (row {at})")

    card = Card(name=folder.resolve().name, source=f"folder:{path}", licence=licence, citation=citation,
                details={"table": file.name, "captions": captions})
    return _captions.paired(Pictures(kept, read, content, texts), captions=captions, seed=seed, card=card,
                            duplicates=duplicates, near=near, notes=notes)


def read_rows(file: Path) -> list[tuple[int, dict]]:
    """Rows of a table as dictionaries, each with its line number (counted from 1; from 0 in parquet).

    Parameters
    ----------
    file : csv, tsv, jsonl or parquet.

    Raises
    ------
    DataError
        It cannot be read; names the line.
    """
    if file.suffix == ".parquet":
        import pyarrow.parquet as pq

        try:
            return list(enumerate(pq.read_table(file).to_pylist()))
        except (OSError, ValueError) as error:
            raise DataError(f"{file} is not a readable Parquet file: {error}") from None
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is not text in UTF-8: {error}.") from None
    if file.suffix in (".jsonl", ".ndjson"):
        return list(_json_rows(text, file))
    # only line feeds end a row; a form feed or U+2028 inside a caption does not
    reader = csv.DictReader(re.split(r"(?<=\n)", text), delimiter="\t" if file.suffix == ".tsv" else ",")
    rows = []
    try:
        for row in reader:
            if None in row or None in row.values():
                raise DataError(f"{file}, line {reader.line_num}: {len([v for v in row.values() if v is not None])} cells do not "
                                f"fit {len(reader.fieldnames or [])} columns. Is a caption with commas in it unquoted?")
            rows.append((reader.line_num, row))
    except csv.Error as error:
        raise DataError(f"{file}, line {reader.line_num}: {error}.") from None
    return rows


def _json_rows(text: str, file: Path) -> Iterable[tuple[int, dict]]:
    for line, part in enumerate(text.split("\n"), 1):
        if not part.strip():
            continue
        try:
            row = json.loads(part)
        except json.JSONDecodeError as error:
            raise DataError(f"{file}, line {line} is not JSON: {error}.") from None
        if not isinstance(row, dict):
            raise DataError(f"{file}, line {line} is not an object with named fields.")
        yield line, row


def _table(folder: Path, table: str | None) -> Path:
    if table is not None:
        file = folder / table
        if not file.is_file() or file.suffix not in _TABLES:
            raise DataError(f"There is no captions file {file} (csv, tsv, jsonl or parquet).")
        return file
    found = sorted(p for p in folder.iterdir() if p.suffix in _TABLES)
    if len(found) != 1:
        what = "no csv, tsv, jsonl or parquet file" if not found else f"several: {', '.join(p.name for p in found)}"
        raise DataError(f"{folder} has {what}; name the captions' file with table = \"...\".")
    return found[0]


def _grouped(
    rows: Sequence[tuple[int, dict]], file: Path, image_column: str | None, text_column: str | None
) -> dict[str, tuple[int, list[str]]]:
    """Picture -> (line of its first row, its captions)."""
    if not rows:
        raise DataError(f"{file} has no rows.")
    columns = list(rows[0][1])
    image = column(columns, image_column, _IMAGE, "pictures", file)
    numbered = sorted((c for c in columns if re.fullmatch(r"(caption|text|sentence)_?\d+", c.lower())), key=_number)
    text = None if numbered and text_column is None else column(columns, text_column, _TEXT, "captions", file)
    out: dict[str, tuple[int, list[str]]] = {}
    for line, row in rows:
        name = row.get(image)
        if not isinstance(name, str) or not name:
            raise DataError(f"{file}, row {line}: {image!r} names no picture.")
        values = [row.get(c) for c in numbered] if text is None else row.get(text)
        found = texts_of(values, f"{file}, row {line}")
        out.setdefault(name, (line, []))[1].extend(found)
    return out


def column(columns: Sequence[str], asked: str | None, usual: Sequence[str], what: str, where: object) -> str:
    """The column that holds something.

    Parameters
    ----------
    columns : of the table.
    asked : the name given, if any.
    usual : names that are recognised, likeliest first.
    what : it holds, in words.
    where : the table, for errors.
    """
    if asked is not None:
        if asked not in columns:
            raise DataError(f"{where} has no column {asked!r}. {suggestion(asked, columns)}")
        return asked
    lower = {name.lower(): name for name in reversed(columns)}
    found = next((lower[name] for name in usual if name in lower), None)
    if found is None:
        raise DataError(f"{where}: which column holds the {what}? Its columns are {', '.join(columns)}.")
    return found


def texts_of(value: object, where: str) -> list[str]:
    """The captions in a cell: one text, or a list of them.

    Parameters
    ----------
    value : the cell.
    where : file and row, for errors.
    """
    values = list(value) if isinstance(value, list | tuple) else [value]
    for text in values:
        if not isinstance(text, str):
            raise DataError(f"{where}: the caption {text!r} is not text.")
        if not text.strip():
            raise DataError(f"{where}: the caption is empty.")
    return values


def _number(name: str) -> int:
    return int(re.search(r"\d+$", name).group())  # type: ignore[union-attr]


def _bytes(place: Path, where: str) -> bytes:
    try:
        data = place.read_bytes()
    except OSError as error:
        raise DataError(f"{where} cannot be read: {error.strerror or error}.") from None
    if not data:
        raise DataError(f"{where} is an empty file.")
    return data
