"""Cards and fingerprints: what is the same has the same name, what differs does not."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from platometer.cards import Card, fingerprint, versions

PARTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3), max_leaves=6,
)


def test_a_card_reads_back_from_json() -> None:
    card = Card("vit", source="timm:vit", revision="abc", licence="MIT", parameters=3, details={"a": [1, {"b": None}]})
    again = Card.from_dict(json.loads(json.dumps(card.as_dict())))
    assert again.as_dict() == card.as_dict()
    assert again == card


def test_a_card_cannot_be_changed_from_outside() -> None:
    details = {"a": [1]}
    card = Card("x", details=details)
    details["a"].append(2)
    assert card.details["a"] == [1]
    with pytest.raises(TypeError):
        card.details["b"] = 1  # type: ignore[index]
    with pytest.raises(AttributeError):
        card.name = "y"  # type: ignore[misc]


def test_unknown_fields_of_a_card_are_an_error() -> None:
    with pytest.raises(TypeError, match="colour"):
        Card.from_dict({"name": "x", "colour": "red"})


def test_details_must_be_json() -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        Card("x", details={"a": object()})


@settings(max_examples=100, deadline=None, database=None, derandomize=True)
@given(PARTS, PARTS)
def test_a_fingerprint_differs_exactly_when_the_content_does(a: object, b: object) -> None:
    same = json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)
    assert (fingerprint(a) == fingerprint(b)) == same
    assert len(fingerprint(a, b)) == 32
    assert int(fingerprint(a), 16) >= 0


def test_parts_do_not_run_into_each_other() -> None:
    assert len({fingerprint("ab", "c"), fingerprint("a", "bc"), fingerprint("abc"), fingerprint(["ab", "c"]),
                fingerprint(b"ab", b"c"), fingerprint(b"abc"), fingerprint(), fingerprint("")}) == 8
    assert fingerprint(b"ab") == fingerprint(bytearray(b"ab")) == fingerprint(memoryview(b"ab"))
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})


def test_a_fingerprint_never_changes_between_versions() -> None:
    assert fingerprint("platometer", [1, 2.5, None], {"k": True}) == "1918d318fffce29fdd9028be6abfe228"


def test_versions_name_the_libraries_a_number_depends_on() -> None:
    assert {"python", "platometer", "numpy", "torch"} <= set(versions())
    with pytest.raises(TypeError):
        versions()["numpy"] = "0"  # type: ignore[index]
