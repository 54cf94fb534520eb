"""The rows of a run as a table: those it wrote at its end or, while it goes, those of the cells that are answered."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from platometer.dashboard._query import select
from platometer.dashboard._runs import Run, Runs, _names
from platometer.errors import DataError, InputError, PlatometerError, StoreError
from platometer.report._words import groups
from platometer.rows import SCHEMA
from platometer.study import _cells

SHOWN = ("left", "right", "metric", "conditioning", "n", "score", "null_mean", "z", "p", "p_bh", "p_holm", "tau", "calibrated",
         "left_layer", "right_layer", "left_modality", "right_modality", "left_parameters", "right_parameters", "alike",
         "alpha", "least_p", "draws", "key")
"""Columns that the page reads."""

FORMATS = {"parquet": "application/vnd.apache.parquet", "csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}
_LIMIT = 2**29


def rows(runs: Runs, run: Run) -> pa.Table:
    """The rows of a run, with the columns of `platometer.rows.SCHEMA`.

    Parameters
    ----------
    runs, run : see `Runs.find`.

    Raises
    ------
    DataError
        There are none, or their table is damaged or of another kind.
    """
    ended, begun = run.stamp("run.json") or run.stamp("card.json"), run.stamp("going.json")
    if begun is not None and (ended is None or begun[0] > ended[0]):
        return _live(runs, run)
    path = run.file("rows.parquet", limit=_LIMIT)
    return runs.kept.get((run.path, "rows"), run.stamp("rows.parquet"), lambda: _read(path, run.name))


def shown(runs: Runs, run: Run, where: str = "") -> dict[str, Any]:
    """Rows as the page reads them: ``columns`` by name, each a list, ``count`` of them, and ``of`` how many.

    Parameters
    ----------
    runs, run : see `Runs.find`.
    where : a filter, see `select`.
    """
    every = rows(runs, run)
    found = select(every, where)
    columns = {name: found[name].to_pylist() for name in SHOWN}
    asked = zip(columns["metric"], columns["conditioning"], strict=True)
    within = groups([{"metric": metric, "conditioning": kind, "n": 0} for metric, kind in asked])
    return {"count": len(found), "of": len(every), "columns": columns | {"group": within}}


def download(runs: Runs, run: Run, where: str = "", form: str = "parquet") -> bytes:
    """Rows as a file.

    Parameters
    ----------
    runs, run : see `Runs.find`.
    where : a filter, see `select`.
    form : one of `FORMATS`. In ``csv``, a text that a spreadsheet would take for a formula begins with an apostrophe.

    Raises
    ------
    InputError
        No such format.
    """
    if form not in FORMATS:
        raise InputError(f"Rows cannot be had as {form!r}; expected one of {', '.join(FORMATS)}.")
    found, out = select(rows(runs, run), where), io.BytesIO()
    if form == "parquet":
        pq.write_table(found, out, compression="zstd")
    elif form == "jsonl":
        for row in found.to_pylist():
            line = json.dumps(row | {"versions": dict(row["versions"] or [])}, ensure_ascii=False, default=str)
            out.write(line.encode("utf-8", "replace") + b"\n")
    else:
        pyarrow.csv.write_csv(_flat(found), out)
    return out.getvalue()


def _read(path: Any, name: str) -> pa.Table:
    try:
        found = pq.read_table(path)
        missing = [column for column in SCHEMA.names if column not in found.column_names]
        if missing:
            raise DataError(f"{name}/rows.parquet lacks the columns {', '.join(missing[:5])}; it is no table of alignments, or "
                            "was written by another version.")
        return found.select(SCHEMA.names).cast(SCHEMA)
    except PlatometerError:
        raise
    except Exception as error:  # whatever a damaged file brings about
        raise DataError(f"{name}/rows.parquet is not a readable table of rows: {type(error).__name__}.") from None


def _flat(table: pa.Table) -> pa.Table:
    """Texts and numbers alone, harmless in a spreadsheet."""
    columns = {}
    for name in table.column_names:
        values = table[name].to_pylist()
        if name == "versions":
            values = [None if value is None else "; ".join(f"{k} {v}" for k, v in value) for value in values]
        elif name == "remarks":
            values = [None if value is None else "; ".join(map(str, value)) for value in values]
        kind = pa.string() if pa.types.is_nested(table[name].type) else table[name].type
        columns[name] = pa.array([_harmless(value) for value in values], kind)
    return pa.table(columns)


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def _live(runs: Runs, run: Run) -> pa.Table:
    """Rows of the cells that are answered; what is corrected over all pairs waits for the end."""
    going = runs.going(run)
    if going is None or going.cells is None:
        return SCHEMA.empty_table()
    there = _names(run.path, "cells")
    done = [one for one in going.cells if one[4] in there]
    stamp = (len(done), run.stamp("going.json"))

    def made() -> pa.Table:
        found = [_row(runs, run, going, one) for one in done]
        return pa.Table.from_pylist([row for row in found if row is not None], schema=SCHEMA)

    return runs.kept.get((run.path, "live"), stamp, made)


def _row(runs: Runs, run: Run, going: Any, cell: Any) -> dict | None:
    left, right, _, _, key, turned = cell
    values = _answers(runs, run).get(key)
    if values is None:
        try:
            values = _short(_cells.turned(whole) if turned else whole) if (whole := answer(run, key)) else None
        except (StoreError, KeyError, TypeError, ValueError):
            return None
        if values is None:
            return None
        _answers(runs, run)[key] = values
    keys = going.features or {}
    sides: dict[str, Any] = {}
    for side, name in (("left", left), ("right", right)):
        about = card(runs, run, str(keys.get(name, "")))
        sides |= {side: name, f"{side}_features": keys.get(name), f"{side}_modality": about.get("modality"),
                  f"{side}_parameters": about.get("parameters"), f"{side}_source": about.get("source"),
                  f"{side}_pooling": about.get("pooling")}
    return dict.fromkeys(SCHEMA.names) | values | sides | {"study": going.study, "seed": going.seed, "key": key,
                                                           "samples": going.samples}


def _answers(runs: Runs, run: Run) -> dict[str, dict]:
    """What was read of a run's answers, which never change."""
    return runs.kept.get((run.path, "answers"), run.stamp("going.json"), dict)


def answer(run: Run, key: str) -> dict | None:
    """The answer of a cell; None if it is not there.

    Parameters
    ----------
    run : that was asked.
    key : of the cell.

    Raises
    ------
    StoreError
        It is no key, or leads out of the run.
    """
    check_key(key)
    if not (run.path / "cells" / f"{key}.json").exists():
        return None
    return _cells.read_answer(run.file("cells", f"{key}.json"))


def check_key(key: str) -> None:
    """Refuse what is no content key, such as a path.

    Parameters
    ----------
    key : letters and digits.
    """
    if not key or len(key) > 128 or not all(sign in "0123456789abcdef" for sign in key):
        raise StoreError(f"{key[:80]!r} is no key of anything in a run.")


def card(runs: Runs, run: Run, key: str) -> dict[str, Any]:
    """What the manifest of a model's features says of it: name, source, parameters, modality, pooling, n, layers.

    Parameters
    ----------
    runs, run : see `Runs.find`.
    key : of the features.

    Returns
    -------
    Empty if it is not there, or damaged.
    """
    try:
        check_key(key)
        stamp = run.stamp("features", key, "manifest.json")
        return runs.kept.get((run.path, "card", key), stamp, lambda: _card(run.json("features", key, "manifest.json")))
    except (StoreError, KeyError, TypeError, AttributeError):
        return {}


def _card(value: Any) -> dict[str, Any]:
    model, details = value["model"], value["details"]
    count = model.get("parameters")
    return {
        "name": str(model["name"]), "source": str(model.get("source") or ""), "licence": str(model.get("licence") or ""),
        "parameters": count if isinstance(count, int) else None, "modality": str(details.get("modality") or ""),
        "pooling": str(value["pooling"]), "n": int(value["n"]),
        "layers": [{"name": str(name), "width": int(about["width"])} for name, about in value["layers"].items()],
    }


def _short(whole: Mapping) -> dict[str, Any]:
    """An answer's part of a row."""
    c = whole["calibration"] or {}
    return {
        "n": whole["n"], "left_layers": len(whole["left_layers"]), "right_layers": len(whole["right_layers"]),
        "metric": whole["metric"], "conditioning": whole["conditioning"], "alike": whole["alike"], "summary": whole["summary"],
        "score": whole["score"], "left_layer": whole["best"]["left"], "right_layer": whole["best"]["right"],
        "null": c.get("null"), "method": c.get("method"), "draws": len(c["draws"]) if c else 0, "least_p": c.get("least"),
        "null_mean": c.get("null_mean"), "null_sd": c.get("null_sd"), "excess": c.get("excess"), "z": c.get("z"),
        "p": c.get("p"), "alpha": c.get("alpha"), "tau": c.get("tau"), "calibrated": c.get("score"),
        "remarks": list(whole["remarks"]),
    }
