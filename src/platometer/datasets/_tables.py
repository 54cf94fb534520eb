"""Tables of captions: csv, tsv, jsonl and parquet files as rows, and which of their columns hold what."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from platometer.errors import DataError, suggestion

ENDINGS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
TEXT = ("caption", "captions", "text", "texts", "sentence", "sentences", "description", "comment", "raw", "txt")


def read_rows(file: Path) -> list[tuple[int, dict]]:
    """Rows of a table as dictionaries, each with the number of its line (the last, if it has several; from 1). In
    parquet, which has no lines, rows are counted from 0.

    Parameters
    ----------
    file : csv, tsv, jsonl or parquet. What separates the cells of a csv is seen from its header.

    Raises
    ------
    DataError
        It cannot be read, or has no rows; names the line.
    """
    if not file.is_file():
        raise DataError(f"There is no file {file}.")
    kind = file.suffix.lower()
    rows = _parquet_rows(file) if kind == ".parquet" else list(
        _json_rows(file) if kind in (".jsonl", ".ndjson") else _csv_rows(file))
    if not rows:
        raise DataError(f"{file} has no rows.")
    return rows


def read_text(file: Path) -> str:
    """A file's text, with the line ends as they are.

    Parameters
    ----------
    file : in UTF-8.

    Raises
    ------
    DataError
        It is missing or not UTF-8.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            return opened.read()
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is not text in UTF-8: {error}.") from None
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror or error}.") from None


def lines_of(text: str) -> list[str]:
    """The lines of a text: only line feeds end a line, for a form feed or U+2028 may stand in a caption.

    Parameters
    ----------
    text : of a file; a carriage return before a line feed belongs to the line's end.
    """
    lines = text.split("\n")
    return [line.removesuffix("\r") for line in (lines[:-1] if lines[-1] == "" else lines)]


def column(columns: Sequence[str], asked: str | None, usual: Sequence[str], what: str, where: object) -> str:
    """The column that holds something.

    Parameters
    ----------
    columns : of the table.
    asked : the name given, if any.
    usual : names that are recognised, likeliest first.
    what : it holds, in words.
    where : the table, for errors.

    Raises
    ------
    DataError
        There is no such column; lists the columns.
    """
    if asked is not None:
        if asked not in columns:
            raise DataError(f"{where} has no column {asked!r}. {suggestion(asked, columns)}")
        return asked
    lower = {name.strip().lower(): name for name in reversed(columns)}
    found = next((lower[name] for name in usual if name in lower), None)
    if found is None:
        option = "image_column" if what == "pictures" else "text_column"
        listed = ", ".join(map(repr, columns))
        raise DataError(f'{where}: which column holds the {what}? Its columns are {listed}; name one with {option}="...".')
    return found


def numbered(columns: Sequence[str]) -> list[str]:
    """Columns such as caption_0, caption_1, ... in the order of their numbers.

    Parameters
    ----------
    columns : of the table.
    """
    found = [(int(match.group(1)), name) for name in columns
             if (match := re.fullmatch(r"(?:caption|text|sentence)_?(\d+)", name.strip().lower()))]
    return [name for _, name in sorted(found)]


def texts_of(value: object, where: str) -> list[str]:
    """The texts in a cell: one, or a list of them.

    Parameters
    ----------
    value : the cell.
    where : file and row, for errors.

    Raises
    ------
    DataError
        Something in it is empty or not text.
    """
    values: list[Any] = list(value) if isinstance(value, list | tuple) else [value]
    if not values:
        raise DataError(f"{where}: there is no caption.")
    for text in values:
        if text is None or (isinstance(text, str) and not text.strip()):
            raise DataError(f'{where}: the caption is empty. unreadable = "drop" leaves such captions out.')
        if not isinstance(text, str):
            raise DataError(f"{where}: the caption {text!r} is not text.")
    return values


def _parquet_rows(file: Path) -> list[tuple[int, dict]]:
    import pyarrow.parquet as pq

    try:
        return list(enumerate(pq.read_table(file).to_pylist()))
    except (OSError, ValueError) as error:
        raise DataError(f"{file} is not a whole Parquet file: {error}") from None


def _csv_rows(file: Path) -> Iterator[tuple[int, dict]]:
    text = read_text(file)
    header = text.split("\n", 1)[0]
    mark = max("\t,;|" if file.suffix.lower() == ".tsv" else ",\t;|", key=header.count)
    reader = csv.reader(re.split(r"(?<=\n)", text), delimiter=mark, strict=True, skipinitialspace=mark == "|")
    names: list[str] = []
    try:
        for row in reader:
            if not names:
                names = [name.strip() for name in row]
                twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
                if twice is not None:
                    raise DataError(f"{file}: two columns are named {twice!r}. Is its first line a header?")
            elif row:
                if len(row) != len(names):
                    raise DataError(f"{file}, line {reader.line_num}: {len(row)} cells where the header has {len(names)}. Is a "
                                    f"caption with {mark!r} in it unquoted?")
                yield reader.line_num, dict(zip(names, row, strict=True))
    except csv.Error as error:
        raise DataError(f"{file}, line {reader.line_num}: {error}. Is a quotation mark not closed?") from None


def _json_rows(file: Path) -> Iterable[tuple[int, dict]]:
    for line, part in enumerate(lines_of(read_text(file)), 1):
        if not part.strip():
            continue
        try:
            row = json.loads(part)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{file}, line {line} is not JSON: {error}.") from None
        if not isinstance(row, dict):
            raise DataError(f"{file}, line {line} is not an object with named fields.")
        yield line, row
