"""How good the models of a study are: tables from elsewhere, joined by model, with the table they came from."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from platometer import files
from platometer.errors import DataError, StoreError, StudyError, suggestion
from platometer.study._file import CapabilityTable, ModelTable

FILE = "capability.json"


def joined(asked: CapabilityTable, tables: Sequence[ModelTable], base: Path) -> list[dict]:
    """One row for each model and number that a table has of it: model, what, value, source.

    Parameters
    ----------
    asked : tables and columns.
    tables : the models of the study.
    base : where paths start from.

    Raises
    ------
    DataError
        A table cannot be read, or has no column ``model``.
    StudyError
        A column is in none of the tables, none has any of the models, or two differ in a number.
    """
    out: dict[tuple[str, str], dict] = {}
    seen: set[str] = set()
    for place in asked.tables:
        path = base / place
        rows = read(path)
        seen.update(name for row in rows for name in row)
        for table in tables:
            for row in rows:
                if str(row["model"]) not in called(table.name, table.source):
                    continue
                for what, value in numbers(row, asked.columns).items():
                    found = {"model": table.name, "what": what, "value": value, "source": path.name}
                    before = out.setdefault((table.name, what), found)
                    if before["value"] != value:
                        raise StudyError(f"capability: {table.name} has two values of {what!r}, {before['value']:g} in "
                                         f"{before['source']} and {value:g} in {path.name}; keep one.")
    for name in asked.columns if asked.tables else ():
        if name not in seen:
            hint = suggestion(name, sorted(seen - {"model"}))
            raise StudyError(f"capability.columns: no table has a column {name!r}. {hint}")
    if asked.tables and not out:
        raise StudyError(f"capability: none of {', '.join(asked.tables)} has a number of any model of the study. Its column "
                         f"'model' holds names, such as {tables[0].name!r}, or sources, such as {tables[0].source!r}.")
    return list(out.values())


def called(name: str, source: str) -> set[str]:
    """What a table of capabilities may call a model: its name, its source, that without prefix or revision, its last part.

    Parameters
    ----------
    name : in the study.
    source : of the model.

    Examples
    --------
    >>> sorted(called("gpt2", "hf:openai/gpt2@main"))
    ['gpt2', 'hf:openai/gpt2@main', 'openai/gpt2', 'openai/gpt2@main']
    """
    tail = source.partition(":")[2]
    plain = tail.partition("@")[0]
    return {name, source, tail, plain, plain.rstrip("/").rpartition("/")[2]} - {""}


def read(path: Path) -> list[dict]:
    """Rows of a csv, tsv, jsonl or parquet file that has a column ``model``.

    Parameters
    ----------
    path : the file.
    """
    if not path.is_file():
        raise DataError(f"There is no table of capabilities {path}.")
    try:
        rows = _rows(path)
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"{path} cannot be read: {error}.") from None
    if not rows:
        raise DataError(f"{path} has no rows.")
    for i, row in enumerate(rows):
        if "model" not in row:
            raise DataError(f"{path}, row {i}: there is no column 'model'. {suggestion('model', [str(name) for name in row])}")
    return rows


def kept(folder: str | Path) -> list[dict]:
    """The capabilities beside the rows of a run or a published folder; none if it has none.

    Parameters
    ----------
    folder : of the run.
    """
    try:
        found = files.read_json(Path(folder) / FILE)
    except StoreError:
        if (Path(folder) / FILE).exists():
            raise
        return []
    return list(found)  # type: ignore[call-overload]


def _rows(path: Path) -> list[dict]:
    kind = path.suffix.lower()
    if kind == ".parquet":
        import pyarrow.parquet as pq

        return pq.read_table(path).to_pylist()
    text = path.read_text(encoding="utf-8-sig")
    if kind in (".jsonl", ".ndjson"):
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    if kind not in (".csv", ".tsv"):
        raise ValueError("expected csv, tsv, jsonl or parquet")
    return [dict(row) for row in csv.DictReader(text.splitlines(), delimiter="\t" if kind == ".tsv" else ",", strict=True)]


def numbers(row: Mapping[str, object], columns: Iterable[str]) -> dict[str, float]:
    """The finite numbers of a row by column; cells that hold none are left out.

    Parameters
    ----------
    row : of a table.
    columns : to take; all but the model's name if empty.
    """
    out = {}
    for name in list(columns) or [name for name in row if name != "model"]:
        value = row.get(name)
        try:
            number = float(value.replace(",", "")) if isinstance(value, str) else float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            continue
        if math.isfinite(number) and not isinstance(value, bool):
            out[str(name)] = number
    return out
