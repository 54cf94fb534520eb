"""How alignment goes with what is known of the models, and where models lie among each other, for the page."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np
from scipy import special
from scipy.cluster import hierarchy

from platometer import report, stats, trends
from platometer.capability import Capability
from platometer.errors import PlatometerError
from platometer.study._families import family

PARAMETERS = {"what": "parameters", "unit": "", "better": "high", "log": True}
_COLUMNS = ("score", "null_mean", "calibrated")
_MOST = 400
"""Models up to which a map and an order are made."""


def measures(rows: Sequence[Mapping], capability: Sequence[Capability]) -> list[dict]:
    """What alignment can be drawn against: parameters first, then every capability of which three models are told apart.

    Parameters
    ----------
    rows : of the table.
    capability : what is known of the models.

    Returns
    -------
    what, unit, better (``"high"`` or ``"low"``), log (whether on a logarithm), values by model's name.
    """
    sizes = {str(row[side]): row[f"{side}_parameters"] for row in rows for side in ("left", "right")
             if row[f"{side}_parameters"]}
    out = [PARAMETERS | {"values": sizes}] if sizes else []
    for what in dict.fromkeys(one.what for one in capability):
        found = [one for one in capability if one.what == what]
        values = {one.model: float(one.value) for one in found}
        if len(set(values.values())) >= 3 and what not in [one["what"] for one in out]:
            out.append({"what": what, "unit": found[0].unit, "better": found[0].better, "log": False, "values": values})
    return out


def along(rows: Sequence[Mapping], asked: Sequence[Mapping], families: Mapping[str, str]) -> list[dict]:
    """Per metric, modalities, measure and kind of score: each model's mean over its partners against the measure.

    Parameters
    ----------
    rows : of the table.
    asked : of `measures`.
    families : model's name -> family, where the study names any.

    Returns
    -------
    group, against, modality, partner, what; r with ``low`` and ``high``, the ends of its 95 % interval (Fisher's z over
    models); slope per unit (per tenfold, of parameters; where low is better, of minus the measure) with ``slope_low`` and
    ``slope_high``, the ends of its 95 % interval (Student's t), intercept; ``within``, the slope that families have in common,
    as (value, low, high), or None; n models.
    """
    groups = report.groups(rows)
    out = []
    for one in asked:
        points: dict[tuple[str, str, str, str], dict[str, list[float]]] = {}
        for row, group in zip(rows, groups, strict=True):
            for side, other in (("left", "right"), ("right", "left")):
                for what in _COLUMNS:
                    if row[side] in one["values"] and row[what] is not None:
                        models = points.setdefault((group, row[f"{side}_modality"], row[f"{other}_modality"], what), {})
                        models.setdefault(str(row[side]), []).append(row[what])
        for (group, modality, partner, what), models in points.items():
            x = [place(one, one["values"][name]) for name in models]
            y = [sum(values) / len(values) for values in models.values()]
            out.append({"group": group, "against": one["what"], "modality": modality, "partner": partner, "what": what}
                       | _line(x, y) | {"within": _within(x, y, [family(name, families) for name in models])})
    return out


def place(asked: Mapping, value: float) -> float:
    """Where a value of a measure stands on an axis that grows to the better.

    Parameters
    ----------
    asked : of `measures`.
    value : of a model.
    """
    value = math.log10(value) if asked["log"] else value
    return value if asked["better"] == "high" else -value


def _line(x: Sequence[float], y: Sequence[float]) -> dict:
    found = stats.correlation(x, y)
    low = high = None
    if found.slope is not None and found.n > 3:
        rest = np.asarray(y) - found.intercept - found.slope * np.asarray(x)
        error = math.sqrt(float(rest @ rest) / (found.n - 2) / float(np.var(x)) / found.n)
        reach = -float(special.stdtrit(found.n - 2, 0.025)) * error
        low, high = found.slope - reach, found.slope + reach
    return dataclasses.asdict(found) | {"slope_low": low, "slope_high": high}


def _within(x: Sequence[float], y: Sequence[float], groups: Sequence[str]) -> list[float] | None:
    """The slope inside families, where there are three at least, of two models or more."""
    if len([one for one in set(groups) if groups.count(one) > 1]) < 3:
        return None
    try:
        found = trends.within_families(x, y, groups=groups).within
    except PlatometerError:  # nothing varies inside any
        return None
    return [found.value, found.low, found.high]


def places(rows: Sequence[Mapping]) -> dict[str, dict]:
    """Per metric: names in the order in which models are joined, and maps of the models.

    Where every model was aligned with every other, distances on the map are -log alignment (`platometer.trends.model_map`).
    Where pairs cross two modalities, the models of each are placed by their scores with all of the other: two that agree with
    the same partners, and as much, lie near each other.

    Parameters
    ----------
    rows : of the table.

    Returns
    -------
    By group: ``order``, and ``maps`` of title, words, names, x, y and what is lost (``stress``, or ``left_out``, the share of
    the variance that the two axes do not show).
    """
    out: dict[str, dict] = {}
    groups = report.groups(rows)
    for group in dict.fromkeys(groups):
        mine = [row for row, own in zip(rows, groups, strict=True) if own == group]
        if len({row[side] for row in mine for side in ("left", "right")}) > _MOST:
            out[group] = {"order": [], "maps": []}
            continue
        try:
            out[group] = _whole(mine)
        except PlatometerError:  # not all with all, or an alignment without a logarithm
            out[group] = _sides(mine)
    return out


def _whole(rows: Sequence[Mapping]) -> dict:
    found = trends.similarity(rows)
    order = list(trends.tree(found).order)
    if np.nanmin(found.values) >= 1 - 1e-9:  # all in one place
        return {"order": order, "maps": []}
    try:
        drawn = trends.model_map(found)
    except PlatometerError:
        return {"order": order, "maps": []}
    return {"order": order, "maps": [{
        "title": "all models", "kind": "alignment", "names": list(drawn.names), "lost": drawn.stress,
        "x": drawn.points[:, 0].tolist(), "y": drawn.points[:, 1].tolist(),
    }]}


def _sides(rows: Sequence[Mapping]) -> dict:
    """Models of each side by their scores with the partners that all of that side have."""
    table: dict[str, dict[str, float]] = {}
    modality: dict[str, str] = {}
    for row in rows:
        for side, other in (("left", "right"), ("right", "left")):
            modality[str(row[side])] = str(row[f"{side}_modality"] or "")
            if row["left_modality"] != row["right_modality"]:
                table.setdefault(str(row[side]), {})[str(row[other])] = float(row["score"])
    order, maps = [], []
    for kind in dict.fromkeys(modality.values()):
        names = [name for name in table if modality[name] == kind]
        shared = [other for other in table if names and all(other in table[name] for name in names)]
        if len(names) < 3 or len(shared) < 2:
            order += names
            continue
        profiles = np.array([[table[name][other] for other in shared] for name in names])
        order += [names[i] for i in hierarchy.leaves_list(hierarchy.linkage(profiles, "average", optimal_ordering=True))]
        maps.append({"title": kind, "kind": "profile", "names": names} | _axes(profiles))
    return {"order": order, "maps": maps}


def _axes(profiles: np.ndarray) -> dict:
    """The two axes along which profiles differ most, the first growing with the mean score."""
    centred = profiles - profiles.mean(axis=0)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    points = u[:, :2] * s[:2] / math.sqrt(profiles.shape[1])
    for k in range(2):  # so that the signs do not depend on the library
        by = profiles.mean(axis=1) - profiles.mean() if k == 0 else points[:, 1] ** 3
        points[:, k] *= -1.0 if float(points[:, k] @ by if k == 0 else by.sum()) < 0 else 1.0
    whole = float((s**2).sum())
    lost = 1.0 - float((s[:2] ** 2).sum()) / whole if whole > 0 else 0.0
    return {"x": points[:, 0].tolist(), "y": points[:, 1].tolist(), "lost": max(lost, 0.0)}
