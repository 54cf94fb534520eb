"""Rows: the tidy table of results, one row per (left, right, samples, metric, conditioning).

A row carries everything a number can be traced by: both models, the samples' fingerprint, the metric spelled out, the
null, n, draws, seed and versions. It holds no wall-clock time, so that equal work gives equal rows.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from platometer import files
from platometer.errors import DataError, InputError

SCHEMA = pa.schema([
    ("study", pa.string()),  # name of the study
    ("data", pa.string()),  # name of the dataset
    ("samples", pa.string()),  # fingerprint of the paired samples
    ("n", pa.int64()),  # number of samples
    ("left", pa.string()),  # names of the models
    ("right", pa.string()),
    ("left_source", pa.string()),
    ("right_source", pa.string()),
    ("left_revision", pa.string()),
    ("right_revision", pa.string()),
    ("left_modality", pa.string()),
    ("right_modality", pa.string()),
    ("left_parameters", pa.int64()),  # null where the source does not say
    ("right_parameters", pa.int64()),
    ("left_features", pa.string()),  # content keys of the features, which the run folder holds
    ("right_features", pa.string()),
    ("left_pooling", pa.string()),  # how tokens or pixels became one vector
    ("right_pooling", pa.string()),
    ("left_details", pa.string()),  # all else that the features depend on, as JSON: preprocessing, dtype, texts cut, ...
    ("right_details", pa.string()),
    ("left_layers", pa.int64()),  # number of layers compared
    ("right_layers", pa.int64()),
    ("metric", pa.string()),
    ("conditioning", pa.string()),
    ("alike", pa.string()),  # "high" or "low": which end of the metric means alike
    ("summary", pa.string()),  # how the grid became one score
    ("score", pa.float64()),
    ("left_layer", pa.string()),  # the most alike pair of layers
    ("right_layer", pa.string()),
    ("null", pa.string()),  # how the pairing was broken; the columns below are null without a null
    ("method", pa.string()),  # draws, sequential draws, or closed form
    ("draws", pa.int64()),
    ("least_p", pa.float64()),  # the smallest p that the null could have given
    ("seed", pa.int64()),
    ("null_mean", pa.float64()),
    ("null_sd", pa.float64()),
    ("excess", pa.float64()),  # score - null_mean, positive where more alike
    ("z", pa.float64()),
    ("p", pa.float64()),
    ("p_bh", pa.float64()),  # corrected over all pairs of the study with the same metric and conditioning
    ("p_holm", pa.float64()),
    ("alpha", pa.float64()),
    ("tau", pa.float64()),
    ("calibrated", pa.float64()),  # null where the metric has no bound to scale to
    ("remarks", pa.list_(pa.string())),
    ("versions", pa.map_(pa.string(), pa.string())),
    ("key", pa.string()),  # of the cell that answered
])
"""Columns of the table, in order."""


def table(rows: Sequence[Mapping[str, object]]) -> pa.Table:
    """The rows as an Arrow table with the columns of `SCHEMA`.

    Parameters
    ----------
    rows : dictionaries with exactly those keys; a missing value is None.

    Raises
    ------
    InputError
        A row lacks a column or has one that the table does not know.
    """
    for i, row in enumerate(rows):
        if set(row) != set(SCHEMA.names):
            odd = sorted(set(row) ^ set(SCHEMA.names))
            raise InputError(f"Row {i} does not fit the table; look at {', '.join(map(repr, odd))}.")
    return pa.Table.from_pylist([dict(row) for row in rows], schema=SCHEMA)


def write(path: str | Path, rows: Sequence[Mapping[str, object]]) -> Path:
    """The path of a Parquet file that holds the rows; equal rows give equal bytes.

    Parameters
    ----------
    path : where to; written whole or not at all.
    rows : see `table`.
    """
    buffer = io.BytesIO()
    pq.write_table(table(rows), buffer, compression="zstd")
    return files.write_whole(path, buffer.getvalue())


def read(path: str | Path) -> list[dict[str, object]]:
    """The rows of a Parquet file that `write` made.

    Parameters
    ----------
    path : the file.

    Raises
    ------
    DataError
        It is absent, or is not such a table.
    """
    path = files.place(path)
    if not path.exists():
        raise DataError(f"There is no table of rows at {path}. A study writes rows.parquet into its run folder.")
    try:
        found = pq.read_table(io.BytesIO(path.read_bytes()) if isinstance(path, files.Remote) else path)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} is not a readable Parquet file: {error}") from None
    missing = [name for name in SCHEMA.names if name not in found.column_names]
    if missing:
        raise DataError(f"{path} lacks the columns {', '.join(missing)}; was it written by another version?")
    rows = found.select(SCHEMA.names).to_pylist()
    return [row | {"versions": dict(row["versions"] or [])} for row in rows]
