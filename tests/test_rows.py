"""Rows come back as they were written; equal rows are equal bytes; a table that does not fit is named."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from platometer import rows
from platometer.errors import DataError, InputError


def _row(**values: object) -> dict:
    empty = dict.fromkeys(rows.SCHEMA.names)
    return empty | {"left": "ä", "right": "b", "score": 0.1 + 0.2, "n": 3, "remarks": ["one", "two"],
                    "versions": {"torch": "2", "numpy": "1"}} | values


def test_rows_come_back_as_they_were_written(tmp_path: Path) -> None:
    written = [_row(), _row(p=None, remarks=[], left_parameters=7 * 10**9)]
    assert rows.read(rows.write(tmp_path / "a" / "rows.parquet", written)) == written


def test_equal_rows_are_equal_bytes(tmp_path: Path) -> None:
    a, b = (rows.write(tmp_path / name, [_row()]).read_bytes() for name in "ab")
    assert a == b
    backwards = dict(reversed(_row().items()))
    assert rows.write(tmp_path / "c", [backwards]).read_bytes() == a


def test_an_empty_table_has_its_columns(tmp_path: Path) -> None:
    path = rows.write(tmp_path / "rows.parquet", [])
    assert rows.read(path) == []
    assert pq.read_table(path).column_names == rows.SCHEMA.names


def test_a_row_must_fit_the_table() -> None:
    with pytest.raises(InputError, match=r"Row 1 does not fit the table; look at 'scoer'\."):
        rows.table([_row(), _row(scoer=1)])
    short = _row()
    del short["seed"]
    with pytest.raises(InputError, match=r"Row 0 does not fit the table; look at 'seed'\."):
        rows.table([short])


def test_what_is_no_table_of_rows_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There is no table of rows at"):
        rows.read(tmp_path / "none.parquet")
    (tmp_path / "text.parquet").write_text("PAR1 cut")
    with pytest.raises(DataError, match=r"text\.parquet is not a readable Parquet file"):
        rows.read(tmp_path / "text.parquet")
    pq.write_table(pa.table({"left": ["a"]}), tmp_path / "other.parquet")
    with pytest.raises(DataError, match=r"other\.parquet lacks the columns study, data, .*another version"):
        rows.read(tmp_path / "other.parquet")


def test_a_row_carries_what_a_number_can_be_traced_by() -> None:
    wanted = {"samples", "n", "seed", "draws", "null", "versions", "metric", "conditioning", "summary", "key"}
    wanted |= {f"{side}_{what}" for side in ("left", "right")
               for what in ("source", "revision", "features", "pooling", "details", "layer")}
    assert wanted <= set(rows.SCHEMA.names)
