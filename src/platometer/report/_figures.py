"""What the figures draw from: the rows' numbers, the grids packed small, and the null's draws as a histogram."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup

from platometer.report import _words

BINS = 25
"""Bars of a histogram of draws."""

PAIRS = 1000
"""Pairs whose galleries are drawn at most, so that the page stays small."""

_PAIR = ("left", "right", "left_layer", "right_layer")

_STEPS = 65534  # values of a packed grid between its least and its largest; one more says that there is none
_ABSENT = 65535
_KEPT = (
    "left", "right", "left_modality", "right_modality", "left_parameters", "right_parameters", "score", "calibrated",
    "null_mean", "null_sd", "tau", "left_layer", "right_layer", "alike", "n", "draws", "alpha", "p_bh",
)


def figures(content: Mapping) -> dict:
    """Plain data for the page's script.

    Parameters
    ----------
    content : of the page.

    Returns
    -------
    ``rows`` with a ``grid`` each, in which ``layers`` of a side are an index into the list of all distinct lists; and what
    is known of models, how alignment goes with it, and where models lie.
    """
    names = _words.groups(content["rows"])
    layers: dict[tuple[str, ...], int] = {}
    order = sorted(range(len(content["rows"])), key=lambda i: _words.strength(content["rows"][i]), reverse=True)
    ranks = {i: rank for rank, i in enumerate(order)}
    rows = []
    for i, row in enumerate(content["rows"]):
        grid = content["grids"][row["grid"]]
        sides = [layers.setdefault(tuple(grid[side]), len(layers)) for side in ("left_layers", "right_layers")]
        said = {key: _words.p_value(row, key) for key in ("p", "p_bh", "p_holm")}
        rows.append({key: rounded(row[key]) for key in _KEPT} | {
            "group": names[i], "rank": ranks[i], "said": said, "hist": histogram(grid["draws"]),
            "grid": {"left": sides[0], "right": sides[1]} | packed(grid["scores"]),
        })
    return {
        "models": [{key: model[key] for key in ("name", "modality", "parameters", "family")} for model in content["models"]],
        "symmetric": {fact["metric"]: fact["symmetric"] for fact in content["facts"]},
        "metric": {name: row["metric"] for name, row in zip(names, content["rows"], strict=True)},
        "rows": rows, "layers": [list(names) for names in layers],
        "trends": [_rounded(trend) for trend in content["trends"]], "measures": _rounded(content["measures"]),
        "places": _rounded(content["places"]), "galleries": grown(content["galleries"]),
    }


def grown(galleries: Sequence[Mapping]) -> list[dict]:
    """Of each pair a line for every k and every share, over the sizes of the gallery; the pair most alike in the largest first.

    Parameters
    ----------
    galleries : of the page's content.

    Returns
    -------
    left, right, left_layer, right_layer, and ``lines``: k (None where it grows with the gallery), share, and ``points``, each
    with size, k, score, chance and se.
    """
    pairs: dict[tuple, dict[tuple, list]] = {}
    for one in galleries:
        line = pairs.setdefault(tuple(one[name] for name in _PAIR), {})
        line.setdefault((one["k"] if one["share"] is None else None, one["share"]), []).append(
            [rounded(one[name]) for name in ("size", "k", "score", "chance", "se")])
    out: list[dict] = []
    for pair, lines in pairs.items():
        told = [{"k": k, "share": share, "points": sorted(points)} for (k, share), points in lines.items()]
        out.append(dict(zip(_PAIR, pair, strict=True)) | {"lines": told})
    return sorted(out, key=lambda pair: -pair["lines"][0]["points"][-1][2])[:PAIRS]


def columns(rows: Sequence[Mapping], names: Sequence[str]) -> dict:
    """The whole table, exactly, column by column, for the page's downloads.

    Parameters
    ----------
    rows : of the table.
    names : of its columns.

    Returns
    -------
    By name: a list of values, or, where few differ, ``values`` and for each row ``at`` which of them it has.

    Examples
    --------
    >>> columns([{"n": 700, "score": 0.1}, {"n": 700, "score": 0.2}, {"n": 700, "score": 0.3}], ["n", "score"])
    {'n': {'values': [700], 'at': [0, 0, 0]}, 'score': [0.1, 0.2, 0.3]}
    """
    out: dict[str, object] = {}
    for name in names:
        values = [_finite(row[name]) for row in rows]
        seen: dict[str, int] = {}
        at = [seen.setdefault(json.dumps(value, sort_keys=True), len(seen)) for value in values]
        few = len(seen) <= len(rows) / 2
        out[name] = {"values": [values[at.index(i)] for i in range(len(seen))], "at": at} if few else values
    return out


def _finite(value: object) -> object:
    """A cell as JSON can say it: what is no finite number is None."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return dict(value) if isinstance(value, Mapping) else list(value) if isinstance(value, tuple | list) else value


def _rounded(value: object) -> object:
    """`rounded`, of all that is inside."""
    if isinstance(value, Mapping):
        return {str(key): _rounded(part) for key, part in value.items()}
    return [_rounded(part) for part in value] if isinstance(value, list | tuple) else rounded(value)


def packed(scores: Sequence[Sequence[float]]) -> dict:
    """A grid as two bytes a cell, so that a thousand pairs of deep models fit a page that opens at once.

    Parameters
    ----------
    scores : (L, M); None or NaN where there is no score.

    Returns
    -------
    ``low`` and ``high``, and base64 of little-endian 16-bit steps between them: exact to 1/131,068 of the range.
    """
    grid = np.array([[math.nan if value is None else value for value in row] for row in scores], dtype=np.float64)
    there = np.isfinite(grid)
    low, high = (float(grid[there].min()), float(grid[there].max())) if there.any() else (0.0, 0.0)
    steps = np.full(grid.shape, _ABSENT, dtype="<u2")
    steps[there] = np.rint((grid[there] - low) / (high - low) * _STEPS) if high > low else 0
    return {"low": low, "high": high, "cells": base64.b64encode(steps.tobytes()).decode("ascii")}


def histogram(draws: Sequence[float]) -> dict | None:
    """How the draws are spread, over bars of equal width; None without draws.

    Parameters
    ----------
    draws : (B,) of the null.

    Examples
    --------
    >>> histogram([0.0, 0.0, 1.0])["counts"][0]
    2
    """
    if not len(draws):
        return None
    counts, edges = np.histogram(np.asarray(draws, dtype=np.float64), bins=BINS)
    return {"low": rounded(float(edges[0])), "high": rounded(float(edges[-1])), "counts": counts.tolist()}


def rounded(value: object) -> object:
    """A float to five digits, which is more than a drawing shows; None where it is not finite; else the value.

    Parameters
    ----------
    value : any.
    """
    if isinstance(value, float):
        return float(f"{value:.5g}") if math.isfinite(value) else None
    return value


def embedded(value: object) -> Markup:
    """JSON that cannot end the element it stands in.

    Parameters
    ----------
    value : JSON values.
    """
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))
