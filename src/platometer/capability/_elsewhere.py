"""What tables elsewhere say of models: timm's results, leaderboards, any csv or json, with the file and its hash as the "
"source."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from platometer.capability._harness import harness_results
from platometer.capability._row import Capability
from platometer.cards import Card, fingerprint
from platometer.errors import DataError, InputError, suggestion

_MODEL = ("model", "model_name", "name", "models")
_TIMM = {"top1", "top5", "param_count", "img_size"}
_LOW = re.compile(r"bits|perplexity|ppl|loss|error|(^|_)err($|_)|word_error|wer", re.IGNORECASE)


def table(
    path: str | Path, *, columns: Sequence[str] | None = None, model_column: str | None = None, unit: str = "",
    better: str | None = None, source: str = "",
) -> list[Capability]:
    """Every model and number of a table.

    Parameters
    ----------
    path : timm's ``results-*.csv``; an lm-evaluation-harness folder or ``results_*.json``; a leaderboard or any other csv, tsv
    or
        jsonl with a model a row; or json: a list of rows, or model -> number, or model -> {what: number}.
    columns : the numbers wanted; all columns of numbers if None.
    model_column : the column of names; the usual ones are recognised if None.
    unit : of the numbers; ``"%"`` for timm's and leaderboards' if empty.
    better : ``"high"`` or ``"low"``; told by the column's name if None: bits, perplexity, loss and error are better low.
    source : where the table is from; the path if empty. A hash of the file is recorded with it.

    Raises
    ------
    DataError
        There is no such file, it has another form, or a cell is no number; names the line.
    """
    path = Path(path)
    if better not in (None, "high", "low"):
        raise InputError(f"better = {better!r}; expected 'high' or 'low'.")
    if path.is_dir() or re.fullmatch(r"results.*\.json", path.name):
        found = harness_results(path)
        return [one for one in found if columns is None or one.what in columns]
    data = _bytes(path)
    where = {"source": source or str(path), "hash": fingerprint(data)[:16]}
    if path.suffix.lower() == ".json":
        rows = _json(path, data)
    else:
        rows = _csv(path, data)
    return _rows(rows, path, columns, model_column, unit, better, where)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from None


def _csv(path: Path, data: bytes) -> list[tuple[str, dict]]:
    text = data.decode("utf-8-sig", errors="strict")
    if path.suffix.lower() in (".jsonl", ".ndjson"):
        return [(f"line {i}", json.loads(line)) for i, line in enumerate(text.splitlines(), 1) if line.strip()]
    header = text.split("\n", 1)[0]
    reader = csv.DictReader(text.splitlines(), delimiter=max(",\t;|", key=header.count))
    return [(f"line {reader.line_num}", row) for row in reader]


def _json(path: Path, data: bytes) -> list[tuple[str, dict]]:
    try:
        value = json.loads(data)
    except ValueError as error:
        raise DataError(f"{path} is not JSON: {error}.") from None
    if isinstance(value, list) and all(isinstance(row, Mapping) for row in value):
        return [(f"row {i}", dict(row)) for i, row in enumerate(value)]
    if isinstance(value, Mapping) and value:
        return [(f"{name!r}", {"model": name} | (dict(told) if isinstance(told, Mapping) else {"value": told}))
                for name, told in value.items()]
    raise DataError(f"{path} is neither a list of rows nor an object of models.")


def _rows(
    rows: Sequence[tuple[str, dict]], path: Path, columns: Sequence[str] | None, model_column: str | None, unit: str,
    better: str | None, where: Mapping[str, str],
) -> list[Capability]:
    if not rows:
        raise DataError(f"{path} has no rows.")
    known = list(dict.fromkeys(key for _, row in rows for key in row if key is not None))
    name = _name_column(known, model_column, path)
    timm = set(known) >= _TIMM
    board = not timm and any("-shot" in key for key in known)
    wanted = list(columns) if columns is not None else [
        key for key in known if key != name and (not timm or key in ("top1", "top5")) and _numbers(rows, key)
        and not (board and key == "Parameters")]
    for key in wanted:
        if key not in known:
            raise DataError(f"{path} has no column {key!r}. {suggestion(key, known)}")
    if not wanted:
        raise DataError(f"{path} has no column of numbers beside {name!r}; its columns are {', '.join(map(repr, known))}.")
    prefix = path.stem.removeprefix("results-") + " " if timm else ""
    out: list[Capability] = []
    for line, row in rows:
        who = str(row.get(name) or "").strip()
        if not who:
            raise DataError(f"{path}, {line}: there is no name in {name!r}.")
        details = dict(where) | {"line": line} | ({"parameters": _number(row["param_count"], path, line, "param_count")} if timm
                                                  else {})
        for key in wanted:
            value = _number(row.get(key), path, line, key)
            if value is not None:
                low = bool(_LOW.search(key)) if better is None else better == "low"
                out.append(Capability(who, prefix + key, value, unit=unit or ("%" if timm or board else ""),
                                      better="low" if low else "high", source=where["source"], details=details))
    return out


def _name_column(known: Sequence[str], asked: str | None, path: Path) -> str:
    if asked is not None and asked not in known:
        raise DataError(f"{path} has no column {asked!r}. {suggestion(asked, known)}")
    lower = {key.strip().lower(): key for key in reversed(known)}
    found = asked or next((lower[usual] for usual in _MODEL if usual in lower), None)
    if found is None:
        raise DataError(f"{path}: which column holds the models? Its columns are {', '.join(map(repr, known))}; call "
                        "it 'model', or name it with model_column.")
    return found


def _numbers(rows: Sequence[tuple[str, dict]], key: str) -> bool:
    """Whether a column holds numbers and nothing else, gaps apart."""
    values = [row.get(key) for _, row in rows if row.get(key) not in (None, "")]
    return bool(values) and all(_parsed(value) is not None for value in values)


def _number(value: object, path: Path, line: str, key: str) -> float | None:
    """A cell as a number; None for a gap."""
    if value in (None, ""):
        return None
    found = _parsed(value)
    if found is None:
        raise DataError(f"{path}, {line}: {key!r} is {value!r}; expected a number.")
    return found


def _parsed(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        found = float(value.replace(",", "").rstrip("%")) if isinstance(value, str) else float(value)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def stated(card: Card) -> list[Capability]:
    """What a model's card says of its size and making: parameters, and of its details those that tell data, items or compute.

    Parameters
    ----------
    card : of the model.

    Examples
    --------
    >>> [(one.what, one.value) for one in stated(Card("mine", parameters=1000, details={"training_tokens": 5e9}))]
    [('parameters', 1000.0), ('training_tokens', 5000000000.0)]
    """
    known = {"training_tokens": "tokens", "training_items": "items", "items_seen": "items", "training_flops": "FLOP",
             "steps": "steps"}
    found = [] if card.parameters is None else [("parameters", float(card.parameters), "weights")]
    found += [(key, float(value), unit) for key, unit in known.items()
              if isinstance(value := card.details.get(key), int | float) and not isinstance(value, bool)]
    return [Capability(card.name, what, value, unit=unit, source=f"card of {card.source or card.name}")
            for what, value, unit in found]
