"""The language that asks for rows: what it finds, and what it tells who misspells it."""

from __future__ import annotations

import contextlib

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from platometer import PlatometerError, SpecError
from platometer.dashboard import select

TABLE = pa.table({
    "left": ["a", "b", "c"], "right": ["c", "c", "dino v2"], "metric": ["mutual_knn(k=10)", "cka", "cka"],
    "p": [0.01, None, 0.5], "n": pa.array([10, 20, 30]), "left_parameters": pa.array([1, 2 * 10**9, None]),
    "right_parameters": pa.array([1, 2, None], pa.int64()), "remarks": [["tied"], [], ["tied", "cut"]],
})


@pytest.mark.parametrize(("where", "found"), [
    ("", "abc"), ("p < 0.05", "a"), ("p < 0.05 or model = b", "ab"), ("p = none", "b"), ("p != none", "ac"),
    ("metric = mutual_knn(k=10) and (p<0.05)", "a"), ("not p < 0.05", "bc"), ("parameters > 1B", "b"), ("model != c", ""),
    ("model ~ DINO", "c"), ("right = 'dino v2'", "c"), ('right !~ "dino"', "ab"), ("n >= 20 AND n <= 2e1", "b"),
    ("n = 10 or n = 20 and metric = none", "a"), ("remarks ~ cut", "c"), ("left = 'none'", ""), ("p != 0.01", "c"),
])
def test_a_filter_finds_the_rows_it_describes(where, found):
    assert "".join(select(TABLE, where)["left"].to_pylist()) == found


@pytest.mark.parametrize(("where", "said"), [
    ("metrik = cka", "Rows have no column 'metrik'. Did you mean 'metric'"),
    ("p", "expected one of = != < <= > >= ~ !~ behind 'p'"), ("p <", "at its end: expected a value"),
    ("(p < 1", r"at its end: expected '\)'"), ("p < 1 p", "at 'p': expected 'and' or 'or'"),
    ("p < x", "'p' holds numbers, and 'x' is none"), ("p ~ 1", "~ looks into texts"), ("left < 3", "'left' holds texts"),
    ("p < none", "can only be = or != none"), ("= 3", "expected the name of a column"), ("not " * 60 + "p < 1", "50 deep"),
    ("x" * 3000, "at most 2,000 are read"), ("__import__('os')", "Rows have no column '__import__'|expected"),
    ("p = 1; drop table rows", "Rows|expected|none"), ("versions = 1", "Rows have no column 'versions'"),
])
def test_a_filter_that_cannot_be_read_says_where(where, said):
    with pytest.raises(SpecError, match=said):
        select(TABLE, where)


@given(st.text(alphabet="pn<>=!~()'\" andorleft0.5\\*%;\n", max_size=40))
def test_any_text_is_a_filter_or_an_error_of_ours(text):
    with contextlib.suppress(PlatometerError):
        assert len(select(TABLE, text)) <= 3
