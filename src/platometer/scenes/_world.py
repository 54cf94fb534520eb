"""The world of scenes: what is likely together, drawn by seed, with every probability known.

A world is a small Bayesian network over named attributes: where, in which season, at what time, in which weather, how many
things, how arranged, and each thing's kind, colour and size. Its tables are read from ``world.toml``, which is meant to be
read and edited. Because it is small, any joint distribution is an exact sum and no estimate.
"""

from __future__ import annotations

import hashlib
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

import numpy as np

from platometer.cards import fingerprint
from platometer.errors import SpecError, suggestion
from platometer.scenes._events import Events

THINGS = 4  # at most
ABSENT = "none"
_SHARES = {"test": 2, "pictures": 4, "captions": 4}  # of ten kinds of scenes
SPLITS = tuple(_SHARES)
_OF_THINGS = ("kind", "colour", "size")
_ORDER = ("place", "season", "time", "weather", "count", "arrangement", *_OF_THINGS, "relation", "mood", "symmetry")


@dataclass(frozen=True)
class Table:
    """P(attribute | parents): the last axis of ``given`` is the attribute, the others its parents, in order.

    Attributes
    ----------
    name : of the attribute.
    values : what it can be.
    parents : names of the attributes it depends on.
    given : (values of parent 1, ..., values of the attribute), non-negative, the last axis adding to 1.
    """

    name: str
    values: tuple[str, ...]
    parents: tuple[str, ...]
    given: np.ndarray = field(repr=False)

    @property
    def ruled(self) -> bool:
        """Whether the attribute follows from its parents."""
        return bool(self.parents) and bool(((self.given == 0) | (self.given == 1)).all())


@dataclass(frozen=True)
class World:
    """A distribution over scenes, attribute by attribute.

    Attributes
    ----------
    name : for cards.
    tables : one `Table` per attribute, parents before children.
    """

    name: str
    tables: tuple[Table, ...]

    @cached_property
    def attributes(self) -> dict[str, tuple[str, ...]]:
        """name -> values, in the order they are drawn."""
        return {table.name: table.values for table in self.tables}

    @cached_property
    def fingerprint(self) -> str:
        """A hash of every table."""
        return fingerprint(self.name, *(part for t in self.tables for part in (t.name, list(t.values), list(t.parents),
                                                                             t.given.tobytes())))

    def joint(self, *attributes: str) -> np.ndarray:
        """P(attribute 1, attribute 2, ...), exactly, up to rounding.

        Parameters
        ----------
        attributes : names; one axis each, in this order.

        Returns
        -------
        Non-negative, adding to 1.

        Raises
        ------
        SpecError
            No such attribute, one named twice, or a table too large to be held.

        Examples
        --------
        >>> from platometer import scenes
        >>> world = scenes.world()
        >>> bool(world.joint("place", "season").sum().round(12) == 1)
        True
        """
        self._known(attributes)
        if len(set(attributes)) < len(attributes):
            raise SpecError(f"joint{attributes}: an attribute is named twice.")
        size = math.prod(len(self.attributes[name]) for name in attributes)
        if size > 5e7:
            raise SpecError(f"joint{attributes} has {size:.1e} cells; expected at most 5e7: ask for fewer attributes at once.")
        needed = self._ancestors(attributes)
        axis = {name: i for i, name in enumerate(self.attributes)}
        operands: list = []
        for table in self.tables:
            if table.name in needed:
                operands += [table.given, [axis[name] for name in (*table.parents, table.name)]]
        return np.einsum(*operands, [axis[name] for name in attributes], optimize="greedy")

    def pmi(self, left: str | Sequence[str], right: str | Sequence[str]) -> np.ndarray:
        """log P(a, b) / (P(a) P(b)) in nats; -inf where a and b are never together.

        Parameters
        ----------
        left, right : one attribute or several, whose values in combination are then the rows or columns.
        """
        both, a, b = self._paired(left, right)
        with np.errstate(divide="ignore", invalid="ignore"):
            value = np.log(both) - np.log(a)[:, None] - np.log(b)[None]
        return np.where(both > 0, value, -np.inf)

    def mutual_information(self, left: str | Sequence[str], right: str | Sequence[str]) -> float:
        """What one tells of the other, in bits: exact.

        Parameters
        ----------
        left, right : one attribute or several.

        Examples
        --------
        >>> from platometer import scenes
        >>> round(scenes.world().mutual_information("place", "kind"), 3)
        0.928
        """
        both, a, b = self._paired(left, right)
        there = both > 0
        return float((both[there] * (np.log2(both[there]) - np.log2(np.outer(a, b)[there]))).sum())

    def entropy(self, *attributes: str) -> float:
        """In bits.

        Parameters
        ----------
        attributes : names, taken together.
        """
        p = self.joint(*attributes)
        return float(-(p[p > 0] * np.log2(p[p > 0])).sum())

    def log_probability(self, events: Events) -> np.ndarray:
        """log P(scene) in nats, one per event; -inf for what cannot be.

        Parameters
        ----------
        events : scenes of a world with these attributes.
        """
        total = np.zeros(len(events))
        with np.errstate(divide="ignore"):
            for table in self.tables:
                total += np.log(table.given[tuple(events.column(name) for name in (*table.parents, table.name))])
        return total

    def sample(self, n: int, *, split: str = "test", seed: int = 0) -> Events:
        """n scenes of one split; the i-th does not depend on n.

        Parameters
        ----------
        n : how many.
        split : ``"test"``, ``"pictures"`` or ``"captions"``. What a scene shows belongs to one of them for good, so no
            picture shows to a vision model what a caption tells a language model, and neither has met the test scenes.
        seed : another seed, other scenes.

        Raises
        ------
        SpecError
            No such split, or n < 1.
        """
        if split not in _SHARES:
            raise SpecError(f"split = {split!r}. {suggestion(split, SPLITS)}")
        if n < 1:
            raise SpecError(f"n = {n}; expected at least one scene.")
        chance = np.random.Generator(np.random.Philox(_number(f"{self.name} {split} {seed}")))
        kept: list[np.ndarray] = []
        while sum(map(len, kept)) < n:
            rows = self._drawn(chance.random((4096, len(self.tables))))
            kept.append(rows[_split_of(rows) == split])
        return Events(attributes=self.attributes, values=np.concatenate(kept)[:n],
                      ids=tuple(f"{split}-{seed}-{i:06d}" for i in range(n)))

    def redrawn(self, events: Events, *, shared: int, seed: int = 0) -> Events:
        """Other scenes, which have the first attributes in common with these, one by one, and nothing else but by chance.

        Given what is shared, the two scenes of a pair are independent draws of this world, so that what one tells of the
        other is exactly `information`.

        Parameters
        ----------
        events : scenes of a world with these attributes.
        shared : how many attributes, in the order of `attributes`, are kept; 0 makes them unrelated.
        seed : of what is drawn anew.

        Raises
        ------
        SpecError
            `shared` is negative or more than there are.
        """
        self._some(shared)
        chance = np.random.default_rng([seed, shared, 17])
        rows = self._drawn(chance.random((len(events), len(self.tables))), known=events.values[:, :shared])
        return Events(self.attributes, rows, tuple(f"{name}/{shared}-{seed}" for name in events.ids))

    def information(self, shared: int) -> float:
        """What scenes have in common that share their first attributes, in bits: the entropy of those, exactly.

        Parameters
        ----------
        shared : how many attributes, in the order of `attributes`.

        Examples
        --------
        >>> from platometer import scenes
        >>> world = scenes.world()
        >>> world.information(0), round(world.information(1) - world.entropy("place"), 9)
        (0.0, 0.0)
        """
        self._some(shared)
        total = 0.0
        for table in self.tables[:shared]:  # H(a, b, ...) = H(a) + H(b | a) + ..., each given its parents alone
            own = np.where(table.given > 0, -table.given * np.log2(np.where(table.given > 0, table.given, 1)), 0).sum(-1)
            total += float((own * self.joint(*table.parents)).sum()) if table.parents else float(own)
        return total

    def _some(self, shared: int) -> None:
        if not 0 <= shared <= len(self.tables):
            raise SpecError(f"shared = {shared}; expected 0 to {len(self.tables)}, the number of attributes.")

    def _drawn(self, uniform: np.ndarray, known: np.ndarray | None = None) -> np.ndarray:
        """(m, attributes) in [0, 1) -> values of every attribute, by inverting each table; the first may be known."""
        rows = np.zeros(uniform.shape, dtype=np.int16)
        at = {name: i for i, name in enumerate(self.attributes)}
        first = 0 if known is None else known.shape[1]
        if known is not None:
            rows[:, :first] = known
        for table, u in list(zip(self.tables, uniform.T, strict=True))[first:]:
            below = table.given.cumsum(-1)[tuple(rows[:, at[name]] for name in table.parents)]
            below = np.broadcast_to(below, (len(u), len(table.values)))
            rows[:, at[table.name]] = np.minimum((u[:, None] * below[:, -1:] >= below).sum(1), len(table.values) - 1)
        return rows

    def unrelated(self) -> World:
        """The world with the same frequency of every value and no co-occurrence at all.

        Whether a thing is there at all still follows from the count.
        """
        return World(name=f"{self.name}, unrelated", tables=tuple(
            table if set(table.parents) <= {"count"} else self._without_parents(table) for table in self.tables))

    def rewired(self, *, seed: int = 0) -> World:
        """A world with the same frequency of every value and other co-occurrences, drawn by seed.

        Each table's rows change places at random, and are then fitted so that the attribute keeps its frequencies (iterative
        proportional fitting). What follows by rule, or whether a thing is there at all, stays.

        Parameters
        ----------
        seed : of the rearrangement.
        """
        chance = np.random.default_rng([seed, 71])
        made: list[Table] = []
        for table in self.tables:
            loose = [name for name in table.parents if name != "count"]
            if not loose or table.ruled:
                made.append(table)
                continue
            given = table.given
            for name in loose:
                axis = table.parents.index(name)
                kept = len(self.attributes[name]) - (ABSENT in self.attributes[name])
                given = given.take([*chance.permutation(kept), *range(kept, given.shape[axis])], axis=axis)
            above = World(name="", tables=tuple(made)).joint(*table.parents)
            made.append(Table(table.name, table.values, table.parents, _fitted(given, above, self.joint(table.name))))
        return World(name=f"{self.name}, rewired {seed}", tables=tuple(made))

    def _without_parents(self, table: Table) -> Table:
        """The same frequencies whatever the parents, but for the count, on which it hangs whether a thing is there."""
        if table.ruled:
            return table
        own = [name for name in ("count",) if name in table.parents]
        both = self.joint(*own, table.name)
        if table.name.startswith(("colour_", "size_")):  # absent where its kind is
            kind = "kind_" + table.name.split("_")[1]
            own, both = [kind], self.joint(kind, table.name)
            both = np.where(np.arange(len(both))[:, None] < len(both) - 1, both[:-1].sum(0), both)
        return Table(table.name, table.values, tuple(own), both / both.sum(-1, keepdims=True))

    def _paired(self, left: str | Sequence[str], right: str | Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        left, right = ([side] if isinstance(side, str) else list(side) for side in (left, right))
        rows = math.prod(len(self.attributes[name]) for name in self._known(left))
        both = self.joint(*left, *right).reshape(rows, -1)
        return both, both.sum(1), both.sum(0)

    def _known(self, names: Sequence[str]) -> Sequence[str]:
        for name in names:
            if name not in self.attributes:
                raise SpecError(f"This world has no attribute {name!r}. {suggestion(name, list(self.attributes))}")
        return names

    def _ancestors(self, names: Sequence[str]) -> set[str]:
        found = set(names)
        for table in reversed(self.tables):
            if table.name in found:
                found |= set(table.parents)
        return found


def read(path: str | Path) -> World:
    """The world that a file of tables describes; see ``world.toml`` in this folder for the form.

    Parameters
    ----------
    path : of a TOML file.

    Raises
    ------
    SpecError
        A value or parent that is not there, a negative number, a rule that fits nothing.
    """
    try:
        tables = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as slip:
        raise SpecError(f"{path} is no TOML: {slip}.") from slip
    name = str(tables.pop("name", Path(path).stem))
    made: dict[str, Table] = {}
    liking: dict[str, float] = {}
    for attribute in _ORDER:
        if attribute not in tables:
            raise SpecError(f"{path}: there is no table [{attribute}].")
        where = f"{path}, [{attribute}]"
        part = tables.pop(attribute)
        liking[attribute] = _positive(part.get("company", 1.0), f"{where} company")
        made[attribute] = _ruled(attribute, part, made, where) if "rules" in part else _tabled(attribute, part, made, where)
        if attribute == _OF_THINGS[-1]:
            for j in range(2, THINGS + 1):
                for of in _OF_THINGS:
                    made[f"{of}_{j}"] = _companion(made[of], j, liking[of], made)
    if tables:
        stray = next(iter(tables))
        raise SpecError(f"{path}: unknown table [{stray}]. {suggestion(stray, _ORDER)}")
    return World(name=name, tables=tuple(made.values()))


@cache
def world() -> World:
    """The world that ships."""
    return read(Path(__file__).with_name("world.toml"))


def _tabled(name: str, part: Mapping, made: Mapping[str, Table], where: str) -> Table:
    """Base frequencies and multipliers, multiplied out."""
    if extra := set(part) - {"base", "given", "company"}:
        raise SpecError(f"{where}: unknown key {min(extra)!r}; expected base, given, company or rules.")
    base = part.get("base") or {}
    if len(base) < 2:
        raise SpecError(f"{where}: base names {len(base)} values; expected at least two.")
    values, given = tuple(base), part.get("given", {})
    for parent in given:
        if parent not in made:
            raise SpecError(f"{where}: given.{parent}, but {parent!r} is not drawn before {name!r}. "
                            f"{suggestion(parent, list(made))}")
    parents = tuple(parent for parent in made if parent in given)
    table = np.array([_positive(base[value], f"{where} base.{value}") for value in values])
    table = np.broadcast_to(table, (*(len(made[parent].values) for parent in parents), len(values))).copy()
    for axis, parent in enumerate(parents):
        for value, factors in given[parent].items():
            row = _place(value, made[parent].values, f"{where} given.{parent}")
            at = (slice(None),) * axis + (row,)
            for child, factor in factors.items():
                column = _place(child, values, f"{where} given.{parent}.{value}")
                table[(*at, ..., column)] *= _positive(factor, f"{where} given.{parent}.{value}.{child}")
    table = table / table.sum(-1, keepdims=True)
    if name == "relation":  # there is none where there is one thing
        return _with_absence(Table(name, values, parents, table), made["count"])
    return Table(name, values, parents, table)


def _with_absence(table: Table, count: Table) -> Table:
    """The same table where there are two things or more, and ``none`` where there is one."""
    first = np.arange(len(count.values)) == 0
    there = np.broadcast_to(table.given[..., None, :], (*table.given.shape[:-1], len(first), len(table.values)))
    given = np.concatenate([there * ~first[:, None], np.broadcast_to(first[:, None], (*there.shape[:-1], 1))], axis=-1)
    return Table(table.name, (*table.values, ABSENT), (*table.parents, count.name), given)


def _companion(first: Table, j: int, liking: float, made: Mapping[str, Table]) -> Table:
    """The table of thing j: that of thing 1, what thing 1 is being `liking` times as likely; ``none`` where there is no j."""
    of, m = first.name, len(first.values)
    given = first.given[..., None, :] * (1 + (liking - 1) * np.eye(m))  # (..., of thing 1, of thing j)
    given = given / given.sum(-1, keepdims=True)
    parents = (*first.parents, of)
    if of == "kind":
        there = np.arange(len(made["count"].values)) >= j - 1
        given = given[..., None, :] * there[:, None]
        gone = np.broadcast_to(~there[:, None], (*given.shape[:-1], 1))
        return Table(f"kind_{j}", (*first.values, ABSENT), (*parents, "count"), np.concatenate([given, gone], axis=-1))
    axis = parents.index("kind")
    given = np.concatenate([given, np.zeros_like(given.take([0], axis))], axis=axis)
    gone = np.zeros((*given.shape[:-1], 1))
    gone[(slice(None),) * axis + (-1,)] = 1
    parents = tuple(f"kind_{j}" if parent == "kind" else parent for parent in parents)
    return Table(f"{of}_{j}", (*first.values, ABSENT), parents, np.concatenate([given, gone], axis=-1))


def _ruled(name: str, part: Mapping, made: Mapping[str, Table], where: str) -> Table:
    """What follows from others: the first rule that fits decides."""
    rules = part["rules"]
    parents = tuple(parent for parent in made if any(parent in rule for rule in rules))
    for rule in rules:
        if stray := set(rule) - {"is", "else"} - set(made):
            raise SpecError(f"{where}: a rule asks for {min(stray)!r}. {suggestion(min(stray), list(made))}")
        for parent in set(rule) & set(made):
            for value in _listed(rule[parent]):
                _place(value, made[parent].values, f"{where} {parent}")
    values = tuple(dict.fromkeys(rule["is"] for rule in rules))
    given = np.zeros((*(len(made[parent].values) for parent in parents), len(values)))
    for at in np.ndindex(given.shape[:-1]):
        case = {parent: made[parent].values[i] for parent, i in zip(parents, at, strict=True)}
        fits = (rule for rule in rules if all(case[parent] in _listed(rule[parent]) for parent in parents if parent in rule))
        rule = next(fits, None)
        if rule is None:
            raise SpecError(f"{where}: no rule fits {case}; end with {{ else = true, is = ... }}.")
        given[(*at, values.index(rule["is"]))] = 1
    return Table(name, values, parents, given)


def _fitted(given: np.ndarray, above: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """P(attribute | parents) near `given` with these frequencies of parents and attribute (proportional fitting)."""
    both = above[..., None] * given
    for _ in range(500):
        have = both.reshape(-1, len(wanted)).sum(0)
        both = both * np.divide(wanted, have, out=np.zeros_like(have), where=have > 0)
        rows = both.sum(-1)
        both = both * np.divide(above, rows, out=np.zeros_like(rows), where=rows > 0)[..., None]
        if np.abs(both.reshape(-1, len(wanted)).sum(0) - wanted).max() < 1e-13:
            break
    rows = both.sum(-1, keepdims=True)
    return np.where(rows > 0, both / np.where(rows > 0, rows, 1), given)


def _split_of(rows: np.ndarray) -> np.ndarray:
    """The split to which each kind of scene belongs, by a hash of what it shows."""
    shares = [name for name, share in _SHARES.items() for _ in range(share)]
    return np.array([shares[hashlib.blake2b(row.tobytes(), digest_size=4).digest()[0] % len(shares)]
                     for row in np.ascontiguousarray(rows)])


def _number(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "little")


def _place(value: str, values: Sequence[str], where: str) -> int:
    if value not in values:
        raise SpecError(f"{where}: there is no {value!r}. {suggestion(str(value), list(values))}")
    return list(values).index(value)


def _positive(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise SpecError(f"{where} = {value!r}; expected a number that is not negative.")
    return float(value)


def _listed(value: object) -> list:
    return list(value) if isinstance(value, list) else [value]
