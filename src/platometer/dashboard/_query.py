"""The language that asks for rows: ``p_bh < 0.05 and (model ~ dino or n = 512)``; compared column by column, never run.

A condition is ``COLUMN OP VALUE`` with ``=``, ``!=``, ``<``, ``<=``, ``>``, ``>=``, ``~`` (contains, in small letters or
capitals) or ``!~``; conditions are joined by ``and``, ``or``, ``not`` and brackets, ``and`` first. A value is a number
(``1B`` is 10⁹), a word, a text in quotes, or ``none``. What is not there is neither equal nor unequal to any value: only
``= none`` finds it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from platometer.errors import SpecError, UnknownNameError, suggestion
from platometer.rows import SCHEMA

EITHER = {"model": "", "source": "_source", "modality": "_modality", "parameters": "_parameters", "layer": "_layer"}
"""Words for a column of either side, and how the columns end."""

_TOKEN = re.compile(r"""\s*(?:(?P<op><=|>=|!=|!~|==|=|<|>|~)|(?P<open>\()|(?P<close>\))
    |"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<word>[^\s()"'<>=!~]+))""", re.VERBOSE)
_BARE = re.compile(r"""\s*([^\s()"']+(?:\([^()\s]*\))?)""")
_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)([KMBT]?)")
_SIZES = {"": 1.0, "K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
_ORDER = {"<": pc.less, "<=": pc.less_equal, ">": pc.greater, ">=": pc.greater_equal}
_LONGEST = 2000
_DEEPEST = 50


def select(table: pa.Table, where: str) -> pa.Table:
    """The rows of a table that a filter describes, in their order.

    Parameters
    ----------
    table : with columns of `platometer.rows.SCHEMA`.
    where : see this module; all rows if blank.

    Raises
    ------
    UnknownNameError
        A column that rows do not have.
    SpecError
        It cannot be read, says where; or compares a text with a number.

    Examples
    --------
    >>> table = pa.table({"left": ["a", "b"], "right": ["c", "c"], "p": [0.01, None]})
    >>> select(table, "p < 0.05 or model = b").column("left").to_pylist()
    ['a', 'b']
    """
    if not where.strip():
        return table
    return table.filter(_Reader(where, table).all())


@dataclass
class _Reader:
    """Reads a filter from left to right, and gives which rows it means."""

    text: str
    table: pa.Table
    at: int = 0
    depth: int = 0

    def all(self) -> pa.ChunkedArray:
        if len(self.text) > _LONGEST:
            raise SpecError(f"The filter has {len(self.text):,} characters; at most {_LONGEST:,} are read.")
        found = self._or()
        if self.text[self.at:].strip():
            raise self._odd("'and' or 'or'")
        return found

    def _or(self) -> pa.ChunkedArray:
        found = self._and()
        while self._takes("or"):
            found = pc.or_(found, self._and())
        return found

    def _and(self) -> pa.ChunkedArray:
        found = self._one()
        while self._takes("and"):
            found = pc.and_(found, self._one())
        return found

    def _one(self) -> pa.ChunkedArray:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise SpecError(f"The filter has brackets or 'not' more than {_DEEPEST} deep.")
        if self._takes("not"):
            found = pc.invert(self._one())
        elif self._takes("("):
            found = self._or()
            if not self._takes(")"):
                raise self._odd("')'")
        else:
            found = self._condition()
        self.depth -= 1
        return found

    def _condition(self) -> pa.ChunkedArray:
        column = self._next()
        if column is None or column["word"] is None:
            raise self._odd("the name of a column")
        name = column["word"]
        columns = self._columns(name)
        self.at = column.end()
        op = self._next()
        if op is None or op["op"] is None:
            raise self._odd(f"one of = != < <= > >= ~ !~ behind {name!r}")
        self.at = op.end()
        value, quoted = self._value()
        return _either(op["op"], [self._compared(self.table[one], op["op"], value, quoted, name) for one in columns])

    def _columns(self, name: str) -> list[str]:
        """The columns that a word stands for: one, or one of each side."""
        known = [one.name for one in SCHEMA if one.name in self.table.column_names and one.name != "versions"]
        both = [f"{side}{EITHER[name]}" for side in ("left", "right")] if name in EITHER else [name]
        if not all(one in known for one in both):
            raise UnknownNameError(f"Rows have no column {name!r}. {suggestion(name, [*EITHER, *known])}")
        return both

    def _value(self) -> tuple[str, bool]:
        """The value, and whether it stood in quotes."""
        found = self._next()
        if found is not None and (found["double"] is not None or found["single"] is not None):
            self.at = found.end()
            return found["double"] if found["double"] is not None else found["single"], True
        bare = _BARE.match(self.text, self.at)
        if bare is None:
            raise self._odd("a value")
        self.at = bare.end()
        return bare[1], False

    def _compared(self, column: pa.ChunkedArray, op: str, value: str, quoted: bool, name: str) -> pa.ChunkedArray:
        if value == "none" and not quoted:
            if op not in ("=", "==", "!="):
                raise SpecError(f"{name} {op} none: what is not there can only be = or != none.")
            return pc.is_valid(column) if op == "!=" else pc.is_null(column)
        if pa.types.is_list(column.type):
            column = pc.binary_join(column, "; ")
        numeric = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
        return pc.fill_null((_number if numeric else _text)(column, op, value, name), False)

    def _next(self) -> re.Match | None:
        return _TOKEN.match(self.text, self.at)

    def _takes(self, word: str) -> bool:
        """Whether this word or bracket comes next; then it is behind us."""
        found = self._next()
        there = found is not None and (found["word"] or found["open"] or found["close"] or "").lower() == word
        if there and found is not None:
            self.at = found.end()
        return there

    def _odd(self, expected: str) -> SpecError:
        rest = self.text[self.at:].strip()
        here = f"at {rest[:24]!r}" if rest else "at its end"
        return SpecError(f"The filter cannot be read {here}: expected {expected}. Such as: p_bh < 0.05 and model ~ dino")


def _number(column: pa.ChunkedArray, op: str, value: str, name: str) -> pa.ChunkedArray:
    found = _NUMBER.fullmatch(value)
    if found is None:
        raise SpecError(f"{name} {op} {value}: {name!r} holds numbers, and {value!r} is none.")
    if op in ("~", "!~"):
        raise SpecError(f"{name} {op} {value}: {op} looks into texts; {name!r} holds numbers.")
    number = pa.scalar(float(found[1]) * _SIZES[found[2]])
    kinds: dict[str, Callable] = _ORDER | {"=": pc.equal, "==": pc.equal, "!=": pc.not_equal}
    return kinds[op](pc.cast(column, pa.float64()), number)


def _text(column: pa.ChunkedArray, op: str, value: str, name: str) -> pa.ChunkedArray:
    if op in _ORDER:
        raise SpecError(f"{name} {op} {value}: {name!r} holds texts, which are only =, !=, ~ or !~.")
    if op in ("~", "!~"):
        found = pc.match_substring(column, value, ignore_case=True)
        return pc.invert(found) if op == "!~" else found
    return (pc.not_equal if op == "!=" else pc.equal)(column, pa.scalar(value))


def _either(op: str, found: list[pa.ChunkedArray]) -> pa.ChunkedArray:
    """Of a word for both sides: one of them is so, or for a negation both are."""
    if len(found) == 1:
        return found[0]
    return pc.and_(*found) if op in ("!=", "!~") else pc.or_(*found)
