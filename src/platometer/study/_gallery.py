"""Fixed queries in a growing gallery, for every pair of models of a study: one layer of each, one small file a pair."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from platometer import __version__, files
from platometer.cards import fingerprint
from platometer.errors import DiskError, PlatometerError, StoreError
from platometer.gallery import growing_gallery
from platometer.study._cells import open_features
from platometer.study._file import GalleryTable

FILE = "gallery.json"
_SCHEMA = 1


def grown(
    folder: Path, rows: Sequence[Mapping], asked: GalleryTable, *, seed: int, device: str,
    show: Callable[[str, int, int], None], failures: list[str],
) -> list[dict]:
    """One row for each pair, size and k: the models, their layers, size, k, share, score, chance, queries, se.

    Parameters
    ----------
    folder : of the run.
    rows : of the run; the pairs are those of the first metric, conditioning and size.
    asked : queries, sizes, neighbours, layers.
    seed : of the queries and the order.
    device : where to compute; where the features are if empty.
    show : told of progress.
    failures : to which pairs that fail are added.
    """
    pairs: dict[tuple[str, ...], Mapping] = {}
    for row in rows:
        if all(row[name] == rows[0][name] for name in ("metric", "conditioning", "n")):
            pairs.setdefault(tuple(sorted((row["left"], row["right"]))), row)
    out: list[dict] = []
    for i, row in enumerate(pairs.values()):
        show("galleries", i, len(pairs))
        try:
            out += _pair(folder, row, asked, seed=seed, device=device)
        except DiskError:
            raise
        except (PlatometerError, RuntimeError) as error:
            failures.append(f"gallery of {row['left']} ~ {row['right']}: {error}")
    show("galleries", len(pairs), len(pairs))
    return out


def kept(folder: str | Path) -> list[dict]:
    """The galleries beside the rows of a run or a published folder; none if it has none.

    Parameters
    ----------
    folder : of the run.
    """
    path = files.place(folder) / FILE
    return list(files.read_json(path)) if path.exists() else []  # type: ignore[call-overload]


def ends(galleries: Sequence[Mapping], rows: Sequence[Mapping]) -> list[Mapping]:
    """For each k or share, the first and the last size of the pair most alike in the last; of two modalities if there are any.

    Parameters
    ----------
    galleries : as from `kept`.
    rows : of the run, which know the modalities.
    """
    across = {frozenset((row["left"], row["right"])) for row in rows if row["left_modality"] != row["right_modality"]}
    named = [frozenset((one["left"], one["right"])) for one in galleries]
    asked = [one for one, pair in zip(galleries, named, strict=True) if pair in across] or galleries
    kinds: dict[tuple, list[Mapping]] = {}
    for one in asked:
        kinds.setdefault((one["share"], None if one["share"] else one["k"]), []).append(one)
    out = []
    for mine in kinds.values():
        last = max(one["size"] for one in mine)
        best = max((one for one in mine if one["size"] == last), key=lambda one: one["score"])
        same = [one for one in mine if (one["left"], one["right"]) == (best["left"], best["right"])]
        out += [min(same, key=lambda one: one["size"]), best] if len(same) > 1 else [best]
    return out


def _pair(folder: Path, row: Mapping, asked: GalleryTable, *, seed: int, device: str) -> list[dict]:
    """The rows of one pair, read if they are there and else computed and written."""
    sides = [open_features(folder, row[f"{side}_features"]) for side in ("left", "right")]
    layers = [row[f"{side}_layer"] if asked.layers == "best" else features.names[-1]
              for side, features in zip(("left", "right"), sides, strict=True)]
    conditioning = str(row["conditioning"])
    key = fingerprint({"schema": _SCHEMA, "platometer": __version__, "features": [row["left_features"], row["right_features"]],
                       "layers": layers, "asked": asked.model_dump(), "seed": seed, "conditioning": conditioning})
    path = folder / "galleries" / f"{key}.json"
    named = {"left": row["left"], "right": row["right"], "left_layer": layers[0], "right_layer": layers[1],
             "samples": row["samples"], "seed": seed, "conditioning": conditioning}
    try:
        return [named | one for one in files.read_json(path)]  # type: ignore[attr-defined]
    except StoreError:  # not there, or damaged: made anew
        pass
    left, right = (features.only([layer]) for features, layer in zip(sides, layers, strict=True))
    found = growing_gallery(
        left, right, queries=asked.queries, sizes=asked.sizes or None, k=asked.k, share=asked.share, seed=seed,
        conditioning=conditioning, device=device or None,
    )
    value = [{field.name: getattr(one, field.name) for field in dataclasses.fields(one) if field.name != "per_query"}
             for one in found]
    files.write_json(path, value)
    return [named | one for one in value]
