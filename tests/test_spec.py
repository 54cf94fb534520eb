"""Specs: reading and writing are inverse, and what cannot be read says why."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from platometer.errors import SpecError
from platometer.spec import parse, spell

NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,8}", fullmatch=True)
KEYS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,6}", fullmatch=True)
VALUES = st.one_of(st.integers(), st.floats(allow_nan=False), st.booleans(), st.none(), st.text(max_size=12))


@settings(max_examples=300, deadline=None, database=None, derandomize=True)
@given(name=NAMES, first=st.none() | VALUES, options=st.dictionaries(KEYS, VALUES, max_size=4))
def test_what_is_spelled_reads_back(name: str, first: object, options: dict) -> None:
    if first is not None:
        options = {"": first, **options}
    found = parse(spell(name, options))
    assert found == (name, options)
    assert [type(value) for value in found[1].values()] == [type(value) for value in options.values()]


@pytest.mark.parametrize(("text", "name", "options"), [
    ("cka", "cka", {}), ("cka()", "cka", {}), (" cka ( ) ", "cka", {}), ("platonic-rep(exact)", "platonic-rep", {"": "exact"}),
    ("mutual_knn(k=10)", "mutual_knn", {"k": 10}), ("m( k = 10 , )", "m", {"k": 10}),
    ("m(a=1e-3, b=-2, c=true, d=None, e=False)", "m", {"a": 1e-3, "b": -2, "c": True, "d": None, "e": False}),
    ("m(a='two words', b=\"it's\")", "m", {"a": "two words", "b": "it's"}), ("m('a=b')", "m", {"": "a=b"}),
    ("m(a='x,y)', b=2)", "m", {"a": "x,y)", "b": 2}), ("m(a=1.0.0-rc1)", "m", None), ("m(a=v1.0+cpu)", "m", {"a": "v1.0+cpu"}),
    ("m(a=inf, b=-inf)", "m", {"a": math.inf, "b": -math.inf}),
])
def test_specs_read_as_calls_with_words_unquoted(text: str, name: str, options: dict | None) -> None:
    if options is None:
        with pytest.raises(SpecError, match="quote it if it is text"):
            parse(text)
    else:
        assert parse(text) == (name, options)


def test_not_a_number_reads_as_one() -> None:
    assert math.isnan(parse("m(a=nan)")[1]["a"])  # type: ignore[arg-type]
    assert parse("m(a='nan')")[1]["a"] == "nan"


@pytest.mark.parametrize(("text", "why"), [
    ("", "expected something like"), ("10", "expected something like"), ("cka(", "Cannot read the spec"),
    ("cka)", "Cannot read the spec"), ("cka(k=(1)", "Unbalanced"), ("cka(k='a)", "Unbalanced"), ("cka(,)", "missing between"),
    ("cka(a=1,,b=2)", "missing between"), ("cka(a=1, a=2)", "'a' stands twice"), ("cka(b, c)", "'c' stands twice"),
    ("cka(1a=2)", "key=value"), ("cka(a=[1, 2])", "neither a number nor a word"), ("cka(a=1j)", "neither a number"),
    ("cka(a=)", "Cannot read the value ''"), ("cka(a=1 2)", "quote it"), (None, "Cannot read the spec None"),
    (3, "Cannot read the spec 3"),
])
def test_what_cannot_be_read_says_why(text: object, why: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(text)  # type: ignore[arg-type]
    assert why in str(caught.value)
