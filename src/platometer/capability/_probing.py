"""Probes of a model on labelled data: every layer, kept on disk by content, the best layer chosen where nobody is judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from platometer import extraction, files
from platometer.capability._labelled import LIMIT, Labelled, labelled
from platometer.capability._probes import Parts, Probed, knn_probes, linear_probes, logistic_probes
from platometer.capability._row import Capability
from platometer.cards import fingerprint
from platometer.errors import InputError, StoreError, UndefinedError
from platometer.features import Features
from platometer.models import Model
from platometer.stats import SAME

KINDS: dict[str, Callable[..., dict[str, Probed]]] = {
    "ridge": linear_probes, "logistic": logistic_probes, "knn": knn_probes}
_SCHEMA = 1


def probe(
    model: str | Model, data: str | Path | Labelled, *, kind: str = "ridge", limit: int = LIMIT, most: int | None = None,
    seed: int = 0, folder: str | Path | None = None, options: Mapping[str, Any] | None = None,
    data_options: Mapping[str, Any] | None = None, progress: Callable[[int, int], None] | None = None,
) -> Capability:
    """How well the labels can be read off the best layer of a model: the share of test samples named rightly.

    Parameters
    ----------
    model : a source string or a loaded model.
    data : see `labelled`.
    kind : ``"ridge"``, ``"logistic"`` or ``"knn"``.
    limit : the most rows learnt from, and the most that choose penalty and layer.
    most : the most rows that judge; all if None.
    seed : of the rows drawn.
    folder : where features and probes are kept, each by its content; None keeps nothing.
    options : of the model's source.
    data_options : of the data, see `labelled`.
    progress : called with (rows done, rows in all) while features are taken.

    Returns
    -------
    Capability with Wilson's interval over the test samples as ``n``; details hold the layer, its penalty or k, the accuracy on
    validation by layer, and that of always naming the commonest class.

    Raises
    ------
    UndefinedError
        No layer varies.
    """
    _check(kind)
    chosen = labelled(data, **dict(data_options or {}))
    parts = chosen.parts(limit=limit, most=most, seed=seed)
    rows = np.sort(np.concatenate(parts))
    samples = chosen.samples.take(rows.tolist())
    at = np.full(len(chosen.samples), -1)
    at[rows] = np.arange(len(rows))
    home = None if folder is None else files.place(folder) / "features"
    features = extraction.extract(model, samples, home, progress=progress,
                                  **dict(options or {}) if isinstance(model, str) else {})
    found = probe_layers(features, chosen.labels[rows], kind=kind, parts=[at[part] for part in parts], folder=folder)
    best = max(found, key=lambda layer: found[layer].validation)
    one = found[best]
    low, high = one.interval
    details = {
        "kind": kind, "layer": best, "chosen": one.chosen, "validation": one.validation, "chance": one.chance,
        "skill": one.skill, "by_layer": {layer: p.validation for layer, p in found.items()}, "classes": len(chosen.classes),
        "rows": [len(part) for part in parts], "seed": seed, "data": chosen.card.as_dict(), "model": features.model.as_dict(),
    }
    return Capability(model=features.model.name, what=f"accuracy on {chosen.card.name}", value=one.accuracy, low=low, high=high,
                      unit="share", n=len(one.right), source="measured by platometer", details=details)


def probe_layers(
    features: Features, labels: np.ndarray | Sequence[int], *, kind: str = "ridge", parts: Parts | None = None, seed: int = 0,
    folder: str | Path | None = None,
) -> dict[str, Probed]:
    """layer -> how well the label can be read off it; layers that do not vary are left out.

    Parameters
    ----------
    features : of any model or file.
    labels : (n,) whole numbers from 0.
    kind : see `probe`.
    parts, seed : see `linear_probes`.
    folder : where the answers are kept, by content of layer, labels and division.

    Raises
    ------
    UndefinedError
        No layer varies.
    """
    _check(kind)
    labels, found = np.asarray(labels), {}
    asked = fingerprint(labels.tolist(), None if parts is None else [np.asarray(part).tolist() for part in parts], seed, kind)
    for layer in features.names:
        place = None if folder is None else (
            files.place(folder) / "probes" / f"{fingerprint(_SCHEMA, features.fingerprint, layer, asked)}.json")
        kept = _kept(place)
        if kept is None:
            try:
                kept = KINDS[kind](features.checked(layer), {"label": labels}, parts=parts, seed=seed)["label"]
            except UndefinedError as error:
                if "do not vary" not in str(error):
                    raise
                continue
            _keep(place, kept)
        found[layer] = kept
    if not found:
        raise UndefinedError(f"No layer of {features.model.name} varies over the rows learnt from; nothing can be read off.")
    return found


def solved(found: Sequence[Capability], *, at: float = 0.8) -> list[Capability]:
    """Per model, the share of tasks that it solves: those on which it reaches so much of the best model's value.

    Parameters
    ----------
    found : every model on every task, high being better.
    at : how much of the best; the paper's 80 %.

    Raises
    ------
    InputError
        A model lacks a task or has it twice, or low is better on one.

    Examples
    --------
    >>> found = [Capability("a", "x", 0.9), Capability("b", "x", 0.7), Capability("a", "y", 0.5), Capability("b", "y", 0.6)]
    >>> [(one.model, one.value) for one in solved(found)]
    [('a', 1.0), ('b', 0.5)]
    """
    table: dict[tuple[str, str], float] = {}
    for one in found:
        if one.better != "high" or (one.model, one.what) in table:
            why = "is better when low" if one.better != "high" else "stands twice"
            raise InputError(f"{one.what!r} of {one.model!r} {why}; expected a value for each model and task, high being "
                             "better.")
        table[one.model, one.what] = one.value
    names, tasks = (list(dict.fromkeys(values)) for values in ((m for m, _ in table), (t for _, t in table)))
    absent = next(((m, t) for m in names for t in tasks if (m, t) not in table), None)
    if absent or not names:
        raise InputError(f"{absent[0]!r} has no {absent[1]!r}; every model needs every task." if absent else "There are no "
                         "tasks.")
    best = {task: max(table[name, task] for name in names) for task in tasks}
    out = []
    for name in names:
        done = [task for task in tasks if table[name, task] >= at * best[task] - SAME]
        out.append(Capability(name, f"tasks solved at {at:.0%} of the best", len(done) / len(tasks), unit="share", n=len(tasks),
                              source="measured by platometer", details={"solved": done, "tasks": tasks}))
    return out


def _check(kind: str) -> None:
    if kind not in KINDS:
        raise InputError(f"kind = {kind!r}; expected one of {', '.join(KINDS)}.")


def _kept(place: Path | None) -> Probed | None:
    """An answer on disk; a damaged one counts as none and is made anew."""
    if place is None or not place.exists():
        return None
    try:
        told: Any = files.read_json(place)
        return Probed(accuracy=told["accuracy"], chance=told["chance"], validation=told["validation"], chosen=told["chosen"],
                      right=np.array([sign == "1" for sign in told["right"]]))
    except (StoreError, KeyError, TypeError):
        return None


def _keep(place: Path | None, probed: Probed) -> None:
    if place is not None:
        files.write_json(place, {"accuracy": probed.accuracy, "chance": probed.chance, "validation": probed.validation,
                                 "chosen": probed.chosen, "right": "".join("01"[int(one)] for one in probed.right)})
