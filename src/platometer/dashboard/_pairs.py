"""One pair or one model of a run: layers, the null, and a sample's neighbours as pictures and captions."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from platometer import store, study
from platometer.conditioning import Conditioning
from platometer.dashboard import _table
from platometer.dashboard._runs import Run, Runs
from platometer.errors import DataError, InputError, PlatometerError, StoreError
from platometer.features import Features
from platometer.report._figures import histogram, rounded
from platometer.samples import Paired
from platometer.study import _cells

LOCAL = ("folder", "scenes", "text")
"""Datasets that are read from this machine, or drawn, without running anything and without a network."""

_NUMBERS = 2**27  # of a layer in which neighbours are looked for
_CAPTION = 400  # characters of a caption
_SIDE = 224  # pixels of a picture's longer side


def pair(runs: Runs, run: Run, key: str, left: str, right: str) -> dict[str, Any]:
    """A pair of models: its row, the grid of all layers, and the draws of the null as a histogram.

    Parameters
    ----------
    runs, run : see `Runs.find`.
    key, left, right : of the row.

    Returns
    -------
    ``row``; ``left_layers``, ``right_layers``, ``grid`` (L, M) and ``hist``, or ``why`` there are none.

    Raises
    ------
    DataError
        There is no such row.
    """
    row = _row(runs, run, key, left, right)
    del row["versions"]
    out: dict[str, Any] = {"row": row, "grid": None, "hist": None, "left_layers": [], "right_layers": [], "why": ""}
    try:
        whole = _table.answer(run, key)
        if whole is None:
            out["why"] = "The folder does not hold the answer of this pair, only its row: a published run keeps rows alone."
            return out
        own = _turned(row, whole)
        grid = [[rounded(value) for value in line] for line in own["grid"]]
        draws = (own["calibration"] or {}).get("draws") or []
        layers = {name: list(map(str, own[name])) for name in ("left_layers", "right_layers")}
        return out | layers | {"grid": grid, "hist": histogram(draws)}
    except (StoreError, KeyError, TypeError, ValueError) as error:
        out["why"] = str(error) if isinstance(error, StoreError) else "The answer of this pair is damaged."
        return out


def model(runs: Runs, run: Run, name: str) -> dict[str, Any]:
    """A model of a run: where it came from, its layers with their widths, and the partner it is most alike, per metric.

    Parameters
    ----------
    runs, run : see `Runs.find`.
    name : of the model.

    Raises
    ------
    DataError
        There is no such model.
    """
    key, about = _model(runs, run, name)
    card = _table.card(runs, run, key) if key else {}
    return {"name": name, "features": key, "layers": card.get("layers", []), "n": card.get("n") or about.get("n"),
            "why": "" if card else "The folder does not hold its features."} | {
        word: about.get(word) if about.get(word) is not None else card.get(word)
        for word in ("source", "modality", "parameters", "pooling")} | {"licence": card.get("licence", "")}


def neighbours(
    runs: Runs, run: Run, sides: Sequence[tuple[str, str]], *, sample: int = 0, k: int = 10, conditioning: str = "unit",
    first: int | None = None, seed: int = 0,
) -> dict[str, Any]:
    """What is nearest to a sample for one model or two, nearest first, and which of them both have.

    Parameters
    ----------
    runs, run : see `Runs.find`.
    sides : key of the features and name of the layer, each.
    sample : position among those compared.
    k : neighbours.
    conditioning : of the features first.
    first, seed : the comparison was of so many samples, drawn by this seed; of all if None.

    Returns
    -------
    ``n``; ``sample``, and ``sides``, each a list of k: all with ``at``, ``id``, ``texts`` and ``picture`` (whether there
    is one); ``shared``, positions; ``why``, in words, neither pictures nor captions are shown, if so.

    Raises
    ------
    InputError
        No such sample.
    StoreError
        The features are not there, or damaged.
    """
    opened = [(_features(run, key, layer), layer) for key, layer in sides]
    rows = None if first is None or first >= opened[0][0].n else _cells.first_rows(opened[0][0].n, first, seed=seed)
    n = opened[0][0].n if rows is None else len(rows)
    if not 0 <= sample < n:
        raise InputError(f"There is no sample {sample}; they are numbered 0 to {n - 1:,}.")
    if not 1 <= k <= 50:
        raise InputError(f"k = {k}; expected 1 to 50 neighbours.")
    lists = [_nearest(features, layer, sample, k, Conditioning.parse(conditioning), rows) for features, layer in opened]
    paired, why = samples(runs, run)
    ids = opened[0][0].ids or (paired.ids if paired is not None and len(paired) == opened[0][0].n else ())
    where = {name: i for i, name in enumerate(paired.ids)} if paired is not None else {}

    def told(at: int) -> dict[str, Any]:
        i = at if rows is None else rows[at]
        name = str(ids[i]) if ids else str(i)
        return {"at": at, "id": name} | _shown(paired, where.get(name))

    shared = set.intersection(*map(set, lists)) if len(lists) > 1 else set()
    return {"n": n, "sample": told(sample), "sides": [[told(at) for at in found] for found in lists],
            "shared": sorted(shared), "why": why}


def of_pair(runs: Runs, run: Run, key: str, left: str, right: str, *, sample: int, k: int, layers: tuple[str, str]) -> dict:
    """`neighbours` for a pair, in its most alike layers or those named.

    Parameters
    ----------
    runs, run, key, left, right : see `pair`.
    sample, k : see `neighbours`.
    layers : names; empty for the most alike.
    """
    row = _row(runs, run, key, left, right)
    chosen = [layer or str(row[f"{side}_layer"]) for side, layer in zip(("left", "right"), layers, strict=True)]
    sides = [(str(row[f"{side}_features"] or ""), layer) for side, layer in zip(("left", "right"), chosen, strict=True)]
    return neighbours(runs, run, sides, sample=sample, k=k, conditioning=str(row["conditioning"]), first=row["n"],
                      seed=int(row["seed"] or 0)) | {"layers": chosen}


def of_model(runs: Runs, run: Run, name: str, *, layer: str, sample: int, k: int) -> dict:
    """`neighbours` for one model, in its last layer or the one named.

    Parameters
    ----------
    runs, run, name : see `model`.
    layer : name; empty for the last.
    sample, k : see `neighbours`.
    """
    key, _ = _model(runs, run, name)
    listed = _table.card(runs, run, key).get("layers", []) if key else []
    if not listed:
        raise StoreError(f"The folder does not hold the features of {name}.")
    layer = layer or listed[-1]["name"]
    return neighbours(runs, run, [(key, layer)], sample=sample, k=k) | {"layers": [layer]}


def picture(runs: Runs, run: Run, sample: str) -> bytes:
    """The picture of a sample, small, as PNG.

    Parameters
    ----------
    runs, run : see `Runs.find`.
    sample : its id.

    Raises
    ------
    DataError
        The run's data cannot be loaded again, or have no picture of it.
    """
    paired, why = samples(runs, run)
    if paired is None:
        raise DataError(why)
    view = next((view for view in paired.views.values() if view.modality == "image"), None)
    if view is None or sample not in paired.ids:
        raise DataError(f"There is no picture of a sample {sample[:80]!r}.")
    image = view.items[paired.ids.index(sample)][0].convert("RGB")  # type: ignore[attr-defined]
    small = max(image.size) < _SIDE // 2
    image = image.resize([side * (_SIDE // max(image.size)) for side in image.size], 0) if small else image
    image.thumbnail((_SIDE, _SIDE))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def samples(runs: Runs, run: Run) -> tuple[Paired | None, str]:
    """The samples of a run, read again, or why they are not: nothing is run or downloaded, and they must be the same.

    Parameters
    ----------
    runs, run : see `Runs.find`.
    """
    try:
        going = runs.going(run)
    except StoreError as error:
        return None, str(error)
    if going is None:
        return None, "The run does not say where its samples lie (going.json is not there): ids alone are shown."
    if going.data is None:
        return None, "The run is of vectors from files, whose samples are not known: ids alone are shown."
    source = str(going.data.get("source", "")).partition(":")[0]
    if source not in LOCAL:
        return None, f"Samples of the dataset {source!r} are not loaded here, as that may need a network: ids alone are shown."
    return runs.kept.get((run.path, "samples"), run.stamp("going.json"), lambda: _samples(going))


def compare(runs: Runs, first: Run, second: Run) -> dict[str, Any]:
    """Two runs side by side: `platometer.study.compare`, in words and with every pair.

    Parameters
    ----------
    runs : the folder.
    first, second : two of it.
    """
    read = []
    for run in (first, second):
        run.file("rows.parquet")
        for name in ("card.json", "run.json", "capability.json", "gallery.json"):
            if (run.path / name).exists() or (run.path / name).is_symlink():
                run.file(name)
        read.append(study.Results.read(run.path))
    stamps = tuple(run.stamp("rows.parquet") for run in (first, second))
    found = runs.kept.get(("compare", first.path, second.path), stamps, lambda: study.compare(*read, draws=500))
    return {"words": str(found), "first": first.name, "second": second.name, "differences": [
        {"left": d.left, "right": d.right, "metric": d.metric, "first": d.first, "second": d.second, "change": d.change}
        for d in found.differences]}


def _row(runs: Runs, run: Run, key: str, left: str, right: str) -> dict[str, Any]:
    table = _table.rows(runs, run)
    keys, lefts, rights = (table[name].to_pylist() for name in ("key", "left", "right"))
    for i, there in enumerate(zip(keys, lefts, rights, strict=True)):
        if there == (key, left, right):
            return table.slice(i, 1).to_pylist()[0]
    raise DataError(f"{run.name} has no row of {left[:80]} and {right[:80]} with the key {key[:80]!r}.")


def _model(runs: Runs, run: Run, name: str) -> tuple[str, dict[str, Any]]:
    """The key of a model's features, and what the rows say of it."""
    table = _table.rows(runs, run)
    for side in ("left", "right"):
        names = table[side].to_pylist()
        if name in names:
            row = table.slice(names.index(name), 1).to_pylist()[0]
            return str(row[f"{side}_features"] or ""), {word: row[f"{side}_{word}"] for word in (
                "source", "modality", "parameters", "pooling")} | {"n": row["n"]}
    going = runs.going(run)
    if going is not None and name in going.models:
        return str((going.features or {}).get(name, "")), {}
    raise DataError(f"{run.name} has no model {name[:80]!r}.")


def _turned(row: Mapping[str, Any], whole: Mapping[str, Any]) -> Mapping[str, Any]:
    """The answer of a row, its left model in the grid's rows."""
    try:
        return _cells.of_row(whole, row)
    except PlatometerError:  # a metric of a plug-in that is not installed here
        best, here = (whole["best"]["left"], whole["best"]["right"]), (row["left_layer"], row["right_layer"])
        return _cells.turned(whole) if best == here[::-1] != here else whole


def _features(run: Run, key: str, layer: str) -> Features:
    """Features of a run, every shard of which lies in their own folder."""
    _table.check_key(key)
    manifest = run.json("features", key, "manifest.json")
    try:
        for shard in manifest["shards"]:
            if Path(str(shard["file"])).name != shard["file"]:
                raise StoreError(f"The manifest of the features {key} names a shard outside its folder.")
            run.file("features", key, shard["file"], limit=2**50)
        width = int(manifest["layers"][layer]["width"])
    except (KeyError, TypeError):
        raise StoreError(f"The features {key} have no layer {layer[:80]!r}, or are damaged.") from None
    if int(manifest["n"]) * width > _NUMBERS:
        raise InputError(f"The layer {layer} has {manifest['n']:,} x {width:,} numbers; neighbours are looked for in at most "
                         f"{_NUMBERS:,}.")
    return store.open(run.path / "features", key)


def _nearest(
    features: Features, layer: str, sample: int, k: int, conditioning: Conditioning, rows: Sequence[int] | None
) -> list[int]:
    """Positions of the k nearest, nearest first, the sample itself left out; of equals the first."""
    x = features[layer]
    if rows is not None:
        x = x[torch.tensor(list(rows))]
    limit = conditioning.limit([features[name] for name in features.names]) if conditioning.joint else None
    x = conditioning(x, limit=limit, name=layer)
    away = ((x - x[sample]) ** 2).sum(dim=1).numpy()
    away[sample] = math.inf
    order = np.argsort(away, kind="stable")[: min(k, len(away) - 1)]
    return order.tolist()


def _samples(going: study.Going) -> tuple[Paired | None, str]:
    from platometer.study._run import _data

    values = {"name": "samples", "seed": going.seed, "data": dict(going.data or {}), "models": ["file:a", "file:b"]}
    try:
        found = _data(study.Study.of(values, base=going.base))
    except PlatometerError as error:
        return None, f"The samples cannot be read again: {error}"
    except Exception as error:  # whatever a moved or damaged file brings about
        return None, f"The samples cannot be read again: {type(error).__name__}."
    if found is None or found.fingerprint != going.samples:
        return None, "The samples that the run names are others by now: ids alone are shown."
    return found, ""


def _shown(paired: Paired | None, i: int | None) -> dict[str, Any]:
    texts: list[str] = []
    picture = False
    if paired is not None and i is not None:
        for view in paired.views.values():
            if view.modality == "text":
                texts += [str(text)[:_CAPTION] for text in view.items[i][:3]]
            picture = picture or view.modality == "image"
    return {"texts": texts, "picture": picture}
