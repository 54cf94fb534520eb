"""Two results side by side: the rows that both have, how far they differ, and what changed between them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from platometer import trends
from platometer.errors import InputError, PlatometerError, UndefinedError
from platometer.study import _cells
from platometer.study._results import Results

_MAYBE = ("conditioning", "n", "summary", "data")
"""Columns that tell rows of one result apart where it has several values of them; a change between results where not."""

_CHANGES = ("data", "samples", "n", "conditioning", "summary", "null", "method", "draws", "seed", "alpha")
_ASKED = ("samples", "n", "conditioning", "summary")
"""What must be the same for scores of different models to be in one order."""

_OF_MODELS = ("source", "revision", "pooling", "parameters", "layers")
_LARGEST = 10
_FEWEST = 4  # pairs of which a correlation is asked


@dataclass(frozen=True)
class Difference:
    """One pair of models under one metric, in both results.

    Attributes
    ----------
    left, right, metric : of the row.
    first, second : scores.
    change : second less first, positive where more alike.
    calibrated : second calibrated score less the first; None where either has none.
    """

    left: str
    right: str
    metric: str
    first: float
    second: float
    change: float
    calibrated: float | None


@dataclass(frozen=True)
class Kept:
    """Whether a metric ranks the pairs in both results alike.

    Attributes
    ----------
    metric : spelled out, with n, conditioning or data where a result has several; and the families, where it is of two.
    pairs : in both.
    rank : Spearman's correlation of their scores, with an interval over models; None where it is undefined.
    mean : of the changes.
    most : the largest change, of either sign.
    note : why there is no correlation; empty if there is one.
    """

    metric: str
    pairs: int
    rank: trends.Estimate | None
    mean: float
    most: float
    note: str = ""


@dataclass(frozen=True)
class Place:
    """Where a model of the first result stands among those of the second.

    Attributes
    ----------
    model, modality, metric : of the newcomer.
    mean : of its scores with the partners that all of them have.
    rank : its place, 1 the most alike with those partners; None where the two results asked different things.
    among : models, itself counted.
    partners : how many.
    differs : in what they did, of samples, n, conditioning and summary.
    """

    model: str
    modality: str
    metric: str
    mean: float
    rank: int | None
    among: int
    partners: int
    differs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Compared:
    """Two results side by side.

    Attributes
    ----------
    names : of both.
    shared : rows in both.
    alone : rows in the first only, and in the second only.
    kept : of each metric.
    families : of each metric and pair of families with four pairs or more, where families are named.
    changed : what differs between them, in words.
    largest : differences, the largest change first.
    newcomers : models of the first that the second does not have.
    """

    names: tuple[str, str]
    shared: int
    alone: tuple[int, int]
    kept: tuple[Kept, ...]
    changed: tuple[str, ...]
    largest: tuple[Difference, ...]
    newcomers: tuple[Place, ...] = ()
    families: tuple[Kept, ...] = ()
    differences: tuple[Difference, ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        return self.told()

    def told(self, families: str = "largest") -> str:
        """All of it in words.

        Parameters
        ----------
        families : ``"largest"``, the ten pairs of families that changed most on the mean, the others counted; or ``"every"``.
        """
        one, other = self.names
        lines = [f"{one} beside {other}: {self.shared} rows in both, {self.alone[0]} in the first alone, {self.alone[1]} in "
                 "the second alone"]
        shown = self.families
        if families == "largest" and len(shown) > _LARGEST:
            shown = tuple(sorted(shown, key=lambda kept: (-abs(kept.mean), -kept.pairs))[:_LARGEST])
        for metric in (*self.kept, *shown):
            ranked = f"rank correlation {metric.rank}" if metric.rank is not None else metric.note
            lines.append(f"  {metric.metric}: {metric.pairs} pairs, {ranked}; change {metric.mean:+.3g} on the mean, "
                         f"{metric.most:+.3g} at most")
        if rest := len(self.families) - len(shown):
            lines.append(f"  ... and {rest} more pairs of families, which changed less on the mean: --all")
        if self.shared:
            lines += [f"  changed: {what}" for what in self.changed] or ["  changed: nothing that the rows know of"]
        if any(one.change for one in self.largest):
            lines.append("  largest changes")
            lines += [f"    {d.left} ~ {d.right}, {d.metric}: {d.first:.4g} -> {d.second:.4g} ({d.change:+.3g})"
                      for d in self.largest if d.change]
        lines += [f"  {p.model} ({p.modality or 'no modality'}), new: {p.metric} {p.mean:.3g} over {p.partners} partners, "
                  + (f"no place, as the {p.among - 1} there differ in {', '.join(p.differs)}" if p.differs
                     else f"place {p.rank} of {p.among}") for p in self.newcomers]
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return trends.plain(self) | {"differences": trends.plain(list(self.differences))}


def compare(first: Results, second: Results, *, draws: int = trends.DRAWS, seed: int = 0) -> Compared:
    """What two results say of the same pairs of models, and what else differs.

    Parameters
    ----------
    first, second : runs, published folders or packs.
    draws, seed : of the intervals.

    Raises
    ------
    InputError
        They share neither a pair of models under one metric nor partners; or two rows of one answer the same question.
    """
    apart = [name for name in _MAYBE if any(len({row[name] for row in one.rows}) > 1 for one in (first, second))]
    ours, theirs = _keyed(first, apart), _keyed(second, apart)
    shared = [(ours[key], theirs[key]) for key in ours if key in theirs]
    newcomers = _newcomers(first.rows, second.rows, apart)
    if not shared and not newcomers:
        raise InputError(f"{first.name} and {second.name} have no row in common: no pair of equally named models under the "
                         f"same metric. {_names(first)} {_names(second)}")
    differences = [_difference(*pair, apart) for pair in shared]
    ranked = sorted(differences, key=lambda one: -abs(one.change))
    kept = [_kept(metric, [one for one in differences if one.metric == metric], draws=draws, seed=seed)
            for metric in dict.fromkeys(one.metric for one in differences)]
    families = _by_family(differences, second.families | first.families, draws=draws, seed=seed)
    return Compared(_called(first, second), len(shared), (len(ours) - len(shared), len(theirs) - len(shared)), tuple(kept),
                    tuple(_changed(shared)), tuple(ranked[:_LARGEST]), tuple(newcomers), families, tuple(differences))


def _called(first: Results, second: Results) -> tuple[str, str]:
    """Their names; those of their folders where a study is held beside itself."""
    return (first.name, second.name) if first.name != second.name else (first.folder.name, second.folder.name)


def _keyed(found: Results, apart: Sequence[str]) -> dict[tuple, Mapping]:
    """Rows by the question that they answer."""
    out: dict[tuple, Mapping] = {}
    for row in found.rows:
        pair = (row["left"], row["right"])
        key = (row["metric"], *(sorted(pair) if _sideless(row) else pair), *(row[name] for name in apart))
        if key in out:
            raise InputError(f"{found.name} has two rows of {row['left']} ~ {row['right']} under {row['metric']}; nothing "
                             "tells which is meant. Are they of several studies?")
        out[key] = row
    return out


def _sideless(row: Mapping) -> bool:
    try:
        return _cells.sideless(row["metric"], row["summary"])
    except PlatometerError:  # a metric of a plug-in that is not installed here
        return False


def _difference(one: Mapping, other: Mapping, apart: Sequence[str]) -> Difference:
    sign = -1.0 if one["alike"] == "low" else 1.0
    metric = ", ".join([one["metric"], *(f"n = {one[name]:,}" if name == "n" else str(one[name]) for name in apart)])
    both = one["calibrated"] is not None and other["calibrated"] is not None
    return Difference(one["left"], one["right"], metric, one["score"], other["score"],
                      sign * (other["score"] - one["score"]), other["calibrated"] - one["calibrated"] if both else None)


def _kept(metric: str, differences: Sequence[Difference], *, draws: int, seed: int) -> Kept:
    changes = np.array([one.change for one in differences])
    rank, note = None, ""
    try:
        crossed = ([one.left for one in differences], [one.right for one in differences])
        rank = trends.correlate([one.first for one in differences], [one.second for one in differences], crossed=crossed,
                                draws=draws, seed=seed).spearman
    except UndefinedError as error:
        note = f"no rank correlation: {str(error).rstrip('.')}"
    return Kept(metric, len(differences), rank, float(changes.mean()), float(changes[np.abs(changes).argmax()]), note)


def _by_family(differences: Sequence[Difference], family: Mapping[str, str], *, draws: int, seed: int) -> tuple[Kept, ...]:
    """Whether pairs keep their order among those of two families, and among those of one."""
    groups: dict[tuple[str, str, str], list[Difference]] = {}
    for one in differences:
        if one.left in family and one.right in family:
            a, b = sorted((family[one.left], family[one.right]))
            groups.setdefault((one.metric, a, b), []).append(one)
    if len(groups) < 2:
        return ()
    return tuple(_kept(f"{metric}, {a} with {b}", group, draws=draws, seed=seed) for (metric, a, b), group in groups.items()
                 if len(group) >= _FEWEST)


def _changed(shared: Sequence[tuple[Mapping, Mapping]]) -> list[str]:
    """What differs in the columns of the rows, of their models, and in the versions, in words."""
    out = [said for name in _CHANGES if (said := _told(name, [(one[name], other[name]) for one, other in shared], "rows"))]
    for name in _OF_MODELS:
        out += _models(name, shared, lambda row, side, name=name: row[f"{side}_{name}"])  # type: ignore[misc]
    details = sorted({key for pair in shared for row in pair for side in ("left", "right") for key in _details(row, side)})
    for name in details:
        out += _models(name, shared, lambda row, side, name=name: _details(row, side).get(name))  # type: ignore[misc]
    for name in sorted({name for pair in shared for row in pair for name in row["versions"]}):
        pairs = [(one["versions"].get(name, "absent"), other["versions"].get(name, "absent")) for one, other in shared]
        out += [said] if (said := _told(f"version of {name}", pairs, "rows")) else []
    return out


def _models(name: str, shared: Sequence[tuple[Mapping, Mapping]], value: Callable[[Mapping, str], Any]) -> list[str]:
    """Each model's value in both results, where they differ."""
    found: dict[str, tuple] = {}
    for one, other in shared:
        for side in ("left", "right"):
            same = other["left"] == one[side] and (one["left"] != one["right"] or side == "left")
            found[one[side]] = (value(one, side), value(other, "left" if same else "right"))
    said = _told(name, list(found.values()), "models")
    return [said] if said else []


def _told(name: str, pairs: Sequence[tuple], noun: str) -> str:
    moved = [(a, b) for a, b in pairs if a != b]
    if not moved:
        return ""
    a, b = moved[0]
    least = "" if len(set(map(repr, moved))) == 1 else ", such as"
    return f"{name}{least} {_short(a)} -> {_short(b)} ({len(moved)} of {len(pairs)} {noun})"


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return (text if len(text) <= 48 else text[:45] + "...") or "none"


def _details(row: Mapping, side: str) -> dict:
    return json.loads(row[f"{side}_details"] or "{}")


def _newcomers(ours: Sequence[Mapping], theirs: Sequence[Mapping], apart: Sequence[str]) -> list[Place]:
    """Models of the first alone, each ranked among those of its modality in the second, over the same partners."""
    known = {row[side] for row in theirs for side in ("left", "right")}
    out = []
    for metric in dict.fromkeys(row["metric"] for row in ours):
        questions = {tuple(row[name] for name in apart) for row in ours if row["metric"] == metric}
        if len(questions) > 1:
            continue  # which of several is meant is not known
        mine, modality = _partners([row for row in ours if row["metric"] == metric])
        asked = [row for row in theirs if row["metric"] == metric and tuple(row[name] for name in apart) in questions]
        others, kinds = _partners(asked)
        differs = tuple(name for name in _ASKED
                        if {row[name] for row in asked} != {row[name] for row in ours if row["metric"] == metric})
        sign = -1.0 if next(row["alike"] for row in ours if row["metric"] == metric) == "low" else 1.0
        for model, scores in mine.items():
            shared = [name for name in scores if name in known and model not in known]
            ahead = []
            for rival, own in others.items():
                both = [name for name in shared if name != rival]  # where all are compared with all, it is a partner too
                if both and kinds[rival] == modality[model] and all(name in own for name in both):
                    ahead.append(np.mean([own[name] for name in both]) > np.mean([scores[name] for name in both]))
            if ahead:
                mean = sign * float(np.mean([scores[name] for name in shared]))
                rank = None if differs else sum(map(bool, ahead)) + 1
                out.append(Place(model, modality[model], metric, mean, rank, len(ahead) + 1, len(shared), differs))
    return out


def _partners(rows: Sequence[Mapping]) -> tuple[dict[str, dict[str, float]], dict[str, str]]:
    """Model -> partner -> score, high where alike; and the modality of each."""
    out: dict[str, dict[str, float]] = {}
    modality: dict[str, str] = {}
    for row in rows:
        value = -row["score"] if row["alike"] == "low" else row["score"]
        for side, other in (("left", "right"), ("right", "left")):
            out.setdefault(row[side], {})[row[other]] = value
            modality[row[side]] = row[f"{side}_modality"]
    return out, modality


def _names(found: Results) -> str:
    listed = list(dict.fromkeys(row[side] for row in found.rows for side in ("left", "right")))
    return f"{found.name} has {', '.join(map(repr, listed[:3]))}{', ...' if len(listed) > 3 else ''}."
