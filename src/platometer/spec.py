"""Specs: ``name(key=value, ...)``, the one way to write a thing with options in a command, a study and a table.

A spec reads as Python reads a call with literal arguments, except that words need no quotes and a leading positional
word is allowed (``platonic-rep(exact)``). Reading and writing are inverse: ``parse(spell(*parse(s))) == parse(s)``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping

from platometer.errors import SpecError

_CALL = re.compile(r"^\s*([A-Za-z][\w-]*)\s*(?:\((.*)\))?\s*$", re.DOTALL)
_WORD = re.compile(r"[A-Za-z][\w.+-]*")
_WORDS = {"true": True, "false": False, "none": None, "inf": float("inf"), "-inf": float("-inf"), "nan": float("nan")}


def parse(text: str) -> tuple[str, dict[str, object]]:
    """The name and the options of a spec.

    Parameters
    ----------
    text : such as ``"cka(kernel=rbf, bandwidth=1.0)"``. A positional argument gets the key ``""``.

    Returns
    -------
    (name, options), values being int, float, bool, None or str.

    Raises
    ------
    SpecError
        The text does not have that form.

    Examples
    --------
    >>> parse("cka(kernel=rbf, bandwidth=1.0)")
    ('cka', {'kernel': 'rbf', 'bandwidth': 1.0})
    >>> parse("platonic-rep(exact)")
    ('platonic-rep', {'': 'exact'})
    """
    match = _CALL.match(text) if isinstance(text, str) else None
    if match is None:
        raise SpecError(f"Cannot read the spec {text!r}; expected something like 'mutual_knn(k=10)'.")
    name, inside = match.group(1), (match.group(2) or "").strip()
    options: dict[str, object] = {}
    for part in _split(inside, text):
        quoted = part.strip()[0] in "'\""  # a positional text, which may hold an equals sign
        key, equals, value = ("", "", part) if quoted else part.partition("=")
        key, value = (key.strip(), value.strip()) if equals else ("", (key + value).strip())
        if equals and not re.fullmatch(r"[A-Za-z_]\w*", key):
            raise SpecError(f"Cannot read {part.strip()!r} in {text!r}; options are written key=value.")
        if key in options:
            raise SpecError(f"The option {key or value!r} stands twice in {text!r}.")
        options[key] = _value(value, text)
    return name, options


def spell(name: str, options: Mapping[str, object]) -> str:
    """The spec that `parse` reads back as this name and these options.

    Parameters
    ----------
    name : the thing's name.
    options : values of int, float, bool, None or str; the key ``""`` is positional.

    Examples
    --------
    >>> spell("mutual_knn", {"k": 10})
    'mutual_knn(k=10)'
    >>> spell("unit", {})
    'unit'
    """
    inside = ", ".join(f"{key}={_spelled(value)}" if key else _spelled(value) for key, value in options.items())
    return f"{name}({inside})" if inside else name


def _split(inside: str, text: str) -> list[str]:
    parts, depth, quote, start = [], 0, "", 0
    escaped = False
    for i, letter in enumerate(inside):
        if quote:
            quote = "" if letter == quote and not escaped else quote
            escaped = letter == "\\" and not escaped
        elif letter in "'\"":
            quote = letter
        elif letter in "([":
            depth += 1
        elif letter in ")]":
            depth -= 1
        elif letter == "," and depth == 0:
            parts.append(inside[start:i])
            start = i + 1
    if depth or quote:
        raise SpecError(f"Unbalanced brackets or quotes in {text!r}.")
    parts.append(inside[start:])
    if parts and not parts[-1].strip():
        parts.pop()  # nothing inside, or a trailing comma
    if any(not part.strip() for part in parts):
        raise SpecError(f"An option is missing between two commas in {text!r}.")
    return parts


def _value(word: str, text: str) -> object:
    if word.lower() in _WORDS:
        return _WORDS[word.lower()]
    try:
        value = ast.literal_eval(word)
    except (ValueError, SyntaxError):
        if _WORD.fullmatch(word):
            return word
        raise SpecError(f"Cannot read the value {word!r} in {text!r}; quote it if it is text.") from None
    if not isinstance(value, int | float | str | bool):
        raise SpecError(f"The value {word!r} in {text!r} is neither a number nor a word.")
    return value


def _spelled(value: object) -> str:
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        plain = _WORD.fullmatch(value) and value.lower() not in _WORDS
        return value if plain else repr(value)
    return repr(value)
