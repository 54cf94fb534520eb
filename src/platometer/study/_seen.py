"""What the models of a run saw, read off its rows: which ones a spoiled view, beside which on the whole one; and how much."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np

from platometer import trends
from platometer.errors import InputError

OVER = ("n", "gallery")
"""Counts that a law of two is asked of, beside texts."""

_OTHERS = ("text", "prompt", "several")


def perturbed(rows: Sequence[Mapping], *, score: str, draws: int, level: float, seed: int) -> tuple[trends.Perturbed, ...]:
    """Every perturbation of the rows of one question; see `platometer.trends.perturbed`.

    Parameters
    ----------
    rows, score, draws, level, seed : as there.

    Raises
    ------
    InputError
        No model sees a spoiled view, or none of those has its twin on the whole one.
    """
    told = _told(rows)
    how = {name: str(reads["perturbed"]) for name, (_, reads) in told.items() if reads.get("perturbed")}
    if not how:
        raise InputError("No model of these rows sees a spoiled view. perturb = [\"shuffle-words\"] or such in a model's table "
                         "runs it on the whole view and on that.")
    whole = {}
    for name in how:
        twins = [other for other in told if other not in how and _alike(told[name], told[other])]
        if twins:
            whole[name] = twins[0]
    return trends.perturbed(rows, whole, how, score=score, draws=draws, level=level, seed=seed)


def saturation(
    rows: Sequence[Mapping], galleries: Sequence[Mapping], *, over: str, draws: int, level: float, seed: int
) -> trends.Saturation:
    """The law of texts and of pictures, each pair of models on a level of its own; see `platometer.trends.saturation`.

    Parameters
    ----------
    rows : of one metric and conditioning, of all sizes.
    galleries : of the run; those of the first number of neighbours that is no share are taken.
    over : one of `OVER`.
    draws, level, seed : as there.

    Raises
    ------
    InputError
        No model says how many texts it reads, or there is no gallery.
    """
    if over not in OVER:
        raise InputError(f"over = {over!r}; expected 'n', samples of the rows, or 'gallery'.")
    told = _told(rows)
    points = [(row["left"], row["right"], row["n"], -row["score"] if row["alike"] == "low" else row["score"]) for row in rows]
    if over == "gallery":
        fixed = [one for one in galleries if one["share"] is None]
        points = [(one["left"], one["right"], one["size"], one["score"]) for one in fixed if one["k"] == fixed[0]["k"]]
    found = []
    for left, right, size, score in points:
        for name, partner in ((left, right), (right, left)):
            if "texts" in told[name][1]:
                group = json.dumps([told[name][0], [told[name][1].get(key) for key in _OTHERS[1:]]])
                found.append((size, told[name][1]["texts"], score, (group, partner)))
    if not found:
        raise InputError("There are no points: no model says how many texts it reads (reads = { texts = ... } of several "
                         "models), or the run has no gallery.")
    f, c, y, groups = (list(side) for side in zip(*found, strict=True))
    values = np.array(y, dtype=np.float64)
    for group in set(groups):
        inside = np.array([one == group for one in groups])
        values[inside] -= values[inside].mean() - np.mean(y)  # the shape is asked for, not who is more alike
    return trends.saturation(f, c, values, groups=groups if len(set(groups)) > 1 else None, names=(
        "pictures" if over == "n" else "gallery", "texts"), draws=draws, level=level, seed=seed)


def _told(rows: Sequence[Mapping]) -> dict[str, tuple[list, dict]]:
    """Model's name -> what it is apart from what it reads, and what it reads."""
    out = {}
    for row in rows:
        for side in ("left", "right"):
            details = json.loads(row[f"{side}_details"] or "{}")
            reads = details.pop("reads", None) or {}
            for of_the_data in ("cut", "stored"):
                details.pop(of_the_data, None)
            out[row[side]] = ([row[f"{side}_source"], row[f"{side}_revision"], details], reads)
    return out


def _alike(one: tuple[list, dict], other: tuple[list, dict]) -> bool:
    """Whether two are one model that reads the same, apart from how it is spoiled."""
    usual = {"text": None, "prompt": "", "several": "mean"}
    same = all(one[1].get(key, usual[key]) == other[1].get(key, usual[key]) for key in _OTHERS)
    texts = {reads["texts"] for _, reads in (one, other) if "texts" in reads}
    return one[0] == other[0] and same and len(texts) < 2
