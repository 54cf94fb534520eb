"""What the statistics ask of a table of rows: one question at a time, and scores that grow with alikeness."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from platometer.errors import InputError, UndefinedError, UnknownNameError, suggestion

Row = Mapping[str, Any]

QUESTION = ("data", "metric", "conditioning", "summary")
"""Columns that must be the same in all rows that are compared with each other."""

SCORES = ("score", "null_mean", "excess", "calibrated")
"""Columns of which a trend is asked: raw, what chance alone gives, raw less chance, and calibrated."""


def one_question(rows: Sequence[Row], *, apart_from: Iterable[str] = ()) -> dict[str, Any]:
    """What all rows have in common: data, metric, conditioning, summary.

    Parameters
    ----------
    rows : of a study; columns that they lack are not asked for.
    apart_from : columns that may differ.

    Raises
    ------
    InputError
        The rows are about several.
    """
    if not rows:
        raise InputError("There are no rows. Was the table filtered by a name that it does not have?")
    out = {}
    for column in QUESTION:
        if column in apart_from or column not in rows[0]:
            continue
        found = list(dict.fromkeys(row[column] for row in rows))
        if len(found) > 1:
            told = ", ".join(map(repr, found[:4]))
            raise InputError(f"The rows differ in {column!r}: {told}. Keep those of one: "
                             f"[row for row in rows if row[{column!r}] == ...].")
        out[column] = found[0]
    return out


def alike(rows: Sequence[Row], column: str) -> np.ndarray:
    """(m,) the column, turned where low means alike, so that it grows with alikeness.

    Parameters
    ----------
    rows : of a study.
    column : one of `SCORES`.

    Raises
    ------
    UndefinedError
        Some rows have no such number.
    """
    if column not in SCORES:
        raise UnknownNameError(f"There is no score {column!r}. {suggestion(column, SCORES)}")
    empty = [row for row in rows if row.get(column) is None]
    if empty:
        raise UndefinedError(f"{len(empty)} of {len(rows)} rows have no {column!r}, first that of {empty[0].get('left')!r} and "
                             f"{empty[0].get('right')!r}. Was the study run with a null, and does the metric have a bound?")
    signs = [-1.0 if row.get("alike") == "low" and column in ("score", "null_mean") else 1.0 for row in rows]
    return np.array([float(row[column]) for row in rows]) * signs


def pair_means(rows: Sequence[Row], column: str) -> dict[tuple[str, str], float]:
    """Pair of models, names sorted -> mean over its rows (both directions of a metric that knows sides).

    Parameters
    ----------
    rows, column : as in `alike`; a model with itself is left out.
    """
    found: dict[tuple[str, str], list[float]] = {}
    for row, value in zip(rows, alike(rows, column), strict=True):
        if row["left"] != row["right"]:
            a, b = sorted((str(row["left"]), str(row["right"])))
            found.setdefault((a, b), []).append(float(value))
    return {pair: float(np.mean(values)) for pair, values in found.items()}


def capability_of(table: Mapping[str, float] | Sequence[Row], column: str | None) -> Callable[[str], float | None]:
    """A function from a model's name to its capability, None where the table does not have it.

    Parameters
    ----------
    table : model's name -> number; or a list of rows with the key ``"model"``.
    column : of the rows.
    """
    if isinstance(table, Mapping):
        return lambda name: table.get(name)
    if column is None:
        raise InputError("A table of capabilities needs column=, the name of the number to take from its rows.")
    known: dict[Hashable, float | None] = {}
    for i, row in enumerate(table):
        if "model" not in row or column not in row:
            absent = "model" if "model" not in row else column
            raise InputError(f"Row {i} of the capabilities has no {absent!r}; it has {', '.join(map(repr, row))}.")
        if row["model"] in known and known[row["model"]] != row[column]:
            raise InputError(f"The capabilities have two values of {column!r} for {row['model']!r}; keep one task or split.")
        known[row["model"]] = row[column]
    return known.get
