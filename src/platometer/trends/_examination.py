"""Everything that is asked of a study's rows at once, metric by metric: trend, families, laws, late rise; and agreement.

Each part is a function of its own that says more; what has no answer on these rows says why, and the rest is answered.

>>> rows = [{"left": a, "right": b, "metric": "cka", "alike": "high", "score": i / 9 + j / 50 + 0.01 * (i * j % 3)}
...         for i, a in enumerate("abcdef") for j, b in enumerate("uvwx")]
>>> found = examine(rows, against={name: i for i, name in enumerate("abcdef")}, side="left", draws=200)
>>> found.parts[0].laws["score"].chosen
'line'
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from platometer.errors import InputError, UndefinedError
from platometer.trends._agreement import Agreement, agreement
from platometer.trends._correlation import Correlations, correlate
from platometer.trends._families import WithinFamilies, within_families
from platometer.trends._forecast import LateRise, late_rise
from platometer.trends._laws import Comparison, compare
from platometer.trends._models import Bins, bins, similarity
from platometer.trends._rows import Row
from platometer.trends._trend import Trend, trend
from platometer.trends._units import DRAWS

ASKED = {"score": "raw", "calibrated": "calibrated"}
"""Columns of which families, laws and late rises are asked, and their words."""

FEWEST = 3
"""Families on a side below which its models are taken for independent instead: two families give no interval worth having."""

_APART = ("data", "metric", "conditioning", "summary", "n")
_Found = TypeVar("_Found")


@dataclass(frozen=True)
class Examined:
    """What the rows of one question say.

    Attributes
    ----------
    question : what they have in common: data, metric, conditioning, summary, n; and the modalities of their pairs, where the
        rows have several.
    trend : against capability, raw beside calibrated.
    means : column -> the same of models, each averaged over its partners: what partners differ in is not noise there. Where one
        side is asked about; its families are what is independent, or its models where those are too few.
    within : column -> slopes inside families and between them, of models' means over their partners.
    laws : column -> which law, and whether there is a threshold.
    late : column -> whether it rises late.
    notes : what has no answer, and why.
    bins : raw alignment among models of like capability, bin by bin; None where models are not aligned with every other.
    """

    question: Mapping[str, Any]
    trend: Trend
    within: Mapping[str, WithinFamilies]
    laws: Mapping[str, Comparison]
    late: Mapping[str, LateRise]
    notes: tuple[str, ...] = ()
    means: Mapping[str, Correlations] = field(default_factory=dict)
    bins: Bins | None = None

    def __str__(self) -> str:
        lines = [", ".join(_word(name, value) for name, value in self.question.items() if name != "metric" and value), ""]
        lines = [f"({lines[0]}) {self.trend}" if lines[0] else str(self.trend)]
        for name, word in ASKED.items():
            if name in self.means:
                lines.append(f"  {word}, averaged over partners: {self.means[name]}")
        for name, word in ASKED.items():
            if name in self.within:
                lines.append(f"  {word}: {self.within[name]}")
        for name, word in ASKED.items():
            if name in self.laws:
                law = self.laws[name]
                lines.append(f"  {word}: law {law.fit}; {law.why}")
        for name, word in ASKED.items():
            if name in self.late:
                lines.append(f"  {word}: {self.late[name]}")
        if self.bins is not None:
            lines += [f"  raw, among models of like {self.trend.against}: {line}" for line in str(self.bins).splitlines()]
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])


@dataclass(frozen=True)
class Examination:
    """What the rows of a study say of capability, question by question.

    Attributes
    ----------
    parts : of each metric, conditioning, dataset, n and side.
    agreement : between all of them over the pairs that they share, of two modalities where there are any; None where there is
        one, or too few pairs.
    notes : what has no answer, and why.
    """

    parts: tuple[Examined, ...]
    agreement: Agreement | None
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        told = [*map(str, self.parts)]
        if self.agreement is not None:
            told.append(f"agreement: {self.agreement}\n{_table(self.agreement)}")
        return "\n\n".join([*told, *self.notes])

    def as_dict(self) -> dict[str, Any]:
        """The answers as JSON values, without the points and draws."""
        return {
            "parts": [plain(part) for part in self.parts], "notes": list(self.notes),
            "agreement": None if self.agreement is None else plain(self.agreement) | {
                name: plain(getattr(self.agreement, name).tolist()) for name in ("rho", "low", "high", "p")},
        }


def examine(
    rows: Sequence[Row], *, against: str | Mapping[str, float], side: str = "", families: Mapping[str, str] | None = None,
    called: str = "", scale: str | None = None, absent: str = "leave-out", draws: int = DRAWS, level: float = 0.95,
    seed: int = 0,
) -> Examination:
    """Trends, families, laws, late rises and agreement of all that is in the rows.

    Parameters
    ----------
    rows : of one or several metrics, conditionings, datasets and sizes.
    against : ``"parameters"``, or model's name -> capability.
    side : as in `trend`; each modality whose capability is known of three models if empty, or else both.
    families : model's name -> family, which is what is independent on a side that has at least `FEWEST` of them.
    called : what the capability is called; its own word if empty.
    scale, absent, draws, level, seed : as in `trend`.

    Raises
    ------
    InputError
        There are no rows.
    UndefinedError
        No question has an answer; says why.
    """
    if not rows:
        raise InputError("There are no rows. Was the table filtered by a name that it does not have?")
    parts: list[Examined] = []
    notes: list[str] = []
    groups: dict[tuple, list[Row]] = {}
    kinds = list(dict.fromkeys(map(_pairs, sorted(rows, key=lambda row: _pairs(row)[0] == _pairs(row)[1]))))
    for row in rows:
        groups.setdefault((kinds.index(_pairs(row)), *(row.get(name) for name in _APART)), []).append(row)
    options: dict[str, Any] = {"draws": draws, "level": level, "seed": seed}
    for (kind, *_), group in sorted(groups.items(), key=lambda item: item[0][0]):  # of two modalities before those of one
        question = {name: group[0][name] for name in _APART if name in group[0]}
        question |= {"pairs": " ~ ".join(kinds[kind])} if len(kinds) > 1 else {}
        if side and len(kinds) > 1 and not _fits(side, kinds[kind]):
            continue
        for one in [side] if side else _sides(group, against):
            what = ", ".join(_word(name, value) for name, value in question.items() if value) + f", {one}"
            apart, said = independent(_known(group, one, against), families)
            found = _or_why(lambda group=group, one=one, apart=apart: trend(  # type: ignore[misc]
                group, against=against, side=one, families=apart, scale=scale, absent=absent, column=called or None,
                **options), what, notes)
            if found is not None:
                part = _examined(question, found, families, said, options)
                binned = [] if one != "both" else [_or_why(
                    lambda group=group: _bins(group, against, options), f"{what}, bins", notes)]  # type: ignore[misc]
                parts.append(dataclasses.replace(part, bins=binned[0]) if binned else part)
    if not parts:
        why = " ".join(f"{note.rstrip('.')}." for note in notes)
        raise UndefinedError("Nothing can be said of these rows. "
                             + (why or f"None of their pairs has {side!r} as one side: {_listed(kinds)}."))
    first = {key[1:]: group for key, group in groups.items() if key[0] == 0}
    several = _or_why(lambda: _all(first, options), "agreement", notes) if len(first) > 1 else None
    return Examination(tuple(parts), several, tuple(notes))


def independent(rows: Sequence[Row], families: Mapping[str, str] | None) -> tuple[dict[str, str] | None, list[str]]:
    """The families that are taken for independent: those of sides that have enough of them, and a word on the others.

    Parameters
    ----------
    rows : of a study; models of one modality are one side.
    families : model's name -> family.
    """
    kept, notes = dict(families or {}), []
    one = any(_pairs(row)[0] == _pairs(row)[1] and _pairs(row)[0] for row in rows)
    for where, ends in [("both sides", ("left", "right"))] if one else [("the left", ("left",)), ("the right", ("right",))]:
        models = {str(row[end]) for row in rows for end in ends}
        told = {kept[name] for name in models if name in kept}
        if told and len({kept.get(name, name) for name in models}) < FEWEST:
            notes.append(f"units: {', '.join(sorted(told))} alone on {where}, so its {len(models)} models are taken for "
                         "independent")
            kept = {name: family for name, family in kept.items() if name not in models}
    return kept or None, notes


def plain(value: Any) -> Any:
    """Answers as JSON values: fields that hold points or draws are left out, and what is not a number is None.

    Parameters
    ----------
    value : an answer, or a part of one.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {one.name: plain(getattr(value, one.name)) for one in dataclasses.fields(value)
                if one.repr and not one.name.startswith("_")}
    if isinstance(value, Mapping):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return value.item() if isinstance(value, np.integer) else value


def _pairs(row: Row) -> tuple[str, str]:
    """The modalities of a pair, in the order of the alphabet."""
    left, right = sorted(str(row.get(f"{side}_modality") or "") for side in ("left", "right"))
    return left, right


def _listed(kinds: Sequence[tuple[str, str]]) -> str:
    return ", ".join(" ~ ".join(kind) for kind in kinds)


def _fits(side: str, kind: tuple[str, str]) -> bool:
    """Whether the side of such pairs can be asked for: a modality that one of the two has."""
    return side in ("left", "right", "both") or kind.count(side) == 1


def _known(rows: Sequence[Row], side: str, against: str | Mapping[str, float]) -> list[Row]:
    """The rows whose models of that side have a capability."""
    def has(row: Row, end: str) -> bool:
        return (row.get(f"{end}_parameters") if isinstance(against, str) else against.get(str(row[end]))) is not None

    return [row for row in rows if all(has(row, end) for end in ("left", "right")
                                       if side in (end, "both") or row.get(f"{end}_modality") == side)]


def _examined(
    question: Mapping[str, Any], found: Trend, families: Mapping[str, str] | None, said: Sequence[str], options: dict
) -> Examined:
    notes = list(said)
    within: dict[str, WithinFamilies] = {}
    laws: dict[str, Comparison] = {}
    late: dict[str, LateRise] = {}
    means: dict[str, Correlations] = {}
    for name, word in ASKED.items():
        if name not in found.y or np.ptp(found.y[name]) <= 1e-12:
            continue
        y = found.y[name]
        if found.side != "both":
            mean = _or_why(lambda y=y: correlate(*(part := _averaged(found, y))[:2], groups=part[3], **options),  # type: ignore[misc]
                           f"{word}, averaged over partners", notes)
            means |= {} if mean is None else {name: mean}
        if families is not None and found.side != "both":
            inside = _or_why(lambda y=y: _within(found, y, families, options), f"{word}, families", notes)  # type: ignore[misc]
            within |= {} if inside is None else {name: inside}
        law = _or_why(lambda y=y: compare(found.x, y, scale=found.scale, crossed=found.crossed, **options),  # type: ignore[misc]
                      f"{word}, laws", notes)
        laws |= {} if law is None else {name: law}
        rise = _or_why(lambda y=y: late_rise(found.x, y, scale=found.scale, crossed=found.crossed, **options),  # type: ignore[misc]
                       f"{word}, late rise", notes)
        late |= {} if rise is None else {name: rise}
    return Examined(question, found, within, laws, late, tuple(notes), means)


def _bins(rows: Sequence[Row], against: str | Mapping[str, float], options: Mapping[str, Any]) -> Bins:
    """Alignment among models of like capability, of those whose capability is known."""
    if any(_pairs(row)[0] != _pairs(row)[1] for row in rows):
        raise UndefinedError("models of two modalities are not aligned with every other")
    known = _known(rows, "both", against)
    values = {str(row[end]): row[f"{end}_parameters"] if isinstance(against, str) else against[str(row[end])]
              for row in known for end in ("left", "right")}
    if len(values) < 2 * FEWEST:
        raise UndefinedError(f"{len(values)} models are too few to be put into bins")
    return bins(similarity(known), values, count=min(4, len(values) // FEWEST), **options)


def _within(found: Trend, y: np.ndarray, families: Mapping[str, str], options: dict) -> WithinFamilies:
    """Slopes inside families, each model of the side being one point: its mean over its partners."""
    x, means, names, _ = _averaged(found, y)
    return within_families(x, means, groups=[families.get(name, name) for name in names], **options)


def _averaged(found: Trend, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[str], list]:
    """x, mean over partners, name and unit of each model of the side; a partner's own mean is taken away first, so that a model
    that lacks one is not the worse for it."""
    right = found.side == "right"
    models, partners = (np.array(side) for side in ((found.right, found.left) if right else (found.left, found.right)))
    x = np.log10(found.x) if found.scale == "log" else found.x
    level = {name: float(y[partners == name].mean()) for name in set(partners.tolist())}
    rest = y - np.array([level[name] for name in partners.tolist()]) + float(y.mean())
    names = list(dict.fromkeys(models.tolist()))
    rows = [np.flatnonzero(models == name) for name in names]
    return (np.array([float(x[row].mean()) for row in rows]), np.array([float(rest[row].mean()) for row in rows]), names,
            [found.crossed[int(right)][row[0]] for row in rows])


def _sides(rows: Sequence[Row], against: str | Mapping[str, float]) -> list[str]:
    """The modalities of which three models differ in their capability; both sides at once where all are of one."""
    known: dict[str, dict[str, Any]] = {}
    for row in rows:
        for side in ("left", "right"):
            name = str(row[side])
            value = row.get(f"{side}_parameters") if isinstance(against, str) else against.get(name)
            known.setdefault(str(row.get(f"{side}_modality") or ""), {})[name] = value
    if len(known) == 1 or any(row.get("left_modality") == row.get("right_modality") for row in rows):
        return ["both"]
    told = {modality: {value for value in values.values() if value is not None} for modality, values in known.items()}
    return [modality for modality, values in told.items() if len(values) >= 3] or ["both"]


def _all(groups: Mapping[tuple, Sequence[Row]], options: dict) -> Agreement:
    """Agreement between all questions, each called by what tells it from the others."""
    keys = list(groups)
    differing = [i for i in range(len(_APART)) if len({key[i] for key in keys}) > 1]
    plain_rows = [{"left": row["left"], "right": row["right"], "alike": row.get("alike"), "score": row["score"],
                   "metric": ", ".join(_word(_APART[i], key[i]) for i in differing)}
                  for key, rows in groups.items() for row in rows]
    return agreement(plain_rows, between="metric", **options)


def _table(found: Agreement) -> str:
    """The correlations, one line each."""
    lines = []
    for i, one in enumerate(found.names):
        for j in range(i):
            lines.append(f"  {found.of(found.names[j], one)}  {found.names[j]} ~ {one}")
    return "\n".join(lines)


def _word(name: str, value: Any) -> str:
    return f"n = {value:,}" if name == "n" else str(value)


def _or_why(ask: Callable[[], _Found], what: str, notes: list[str]) -> _Found | None:
    try:
        return ask()
    except UndefinedError as error:
        notes.append(f"{what}: {error}")
        return None
