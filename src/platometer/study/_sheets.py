"""What agreement looks like: samples and what is nearest to them for both models of a pair, small, for the page."""

from __future__ import annotations

import base64
import io
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from platometer import knn, report
from platometer.conditioning import Conditioning
from platometer.errors import InputError, PlatometerError
from platometer.features import Features
from platometer.samples import Paired
from platometer.study import _cells

_SHOWN = 10  # neighbours of a side
_AMONG = 10  # in which shared ones are sought, where the metric names no k
_PAIRS = 3
_CONTACT = 24  # samples of the contact sheet
_SIDE = 112  # pixels of a picture's longer side
_CAPTION = 160  # characters
_NUMBERS = 2**27  # of a layer in which neighbours are looked for
_WORK = 2**37  # products of numbers that looking for them may take
_log = logging.getLogger("platometer")


def sheets(rows: Sequence[Mapping], features: Mapping[str, Features], paired: Paired | None, *, asked: int = 5) -> dict:
    """Chosen samples with their neighbours for the most alike pair of each metric, and a contact sheet of the data.

    The samples are those that share most and least neighbours and some evenly between, so that a sheet shows no more
    agreement than there is.

    Parameters
    ----------
    rows : of the table.
    features : by model's name.
    paired : the data; None for vectors from files.
    asked : samples of a sheet; 0 shows no sample of the data at all.

    Returns
    -------
    ``why`` there is none, in words; ``items``, by position: id, texts, picture (a data address, or empty); ``pairs``, each with
    left, right, layers, group, k, n and samples (at, shared, left and right positions, nearest first); ``contact``, positions.
    """
    out: dict[str, Any] = {"why": "", "items": {}, "pairs": [], "contact": []}
    if not asked:
        return out | {"why": "The study asks for none of its samples to be shown."}
    if paired is None:
        return out | {"why": "The study is of vectors from files, whose samples are not known."}
    try:
        pairs = [_sheet(row, group, features, paired, asked) for group, row in _strongest(rows).items()]
        shown = any(view.modality in ("image", "text") for view in paired.views.values())
        contact = _spread(len(paired), _CONTACT) if shown else []
        there = {at for pair in pairs for sample in pair["samples"] for at in (sample["at"], *sample["left"], *sample["right"])}
        items = {str(at): _item(paired, at) for at in sorted(there | set(contact))}
    except Exception as error:  # a page must not be lost for its pictures
        _log.debug("no neighbours on the page", exc_info=error)
        reason = error if isinstance(error, PlatometerError) else type(error).__name__
        return out | {"why": f"Neighbours could not be shown: {reason}"}
    return out | {"items": items, "contact": [str(at) for at in contact], "pairs": [pair | {"samples": [
        {"at": str(one["at"]), "shared": one["shared"], "left": [str(at) for at in one["left"]],
         "right": [str(at) for at in one["right"]]} for one in pair["samples"]]} for pair in pairs]}


def _strongest(rows: Sequence[Mapping]) -> dict[str, Mapping]:
    """The row to show of each metric; the same pair in the same layers once."""
    found: dict[tuple, tuple[str, Mapping]] = {}
    groups = report.groups(rows)
    for group in dict.fromkeys(groups):
        row = report.strongest([row for row, own in zip(rows, groups, strict=True) if own == group])
        found.setdefault(tuple(row[name] for name in ("left", "right", "left_layer", "right_layer", "n")), (group, row))
    return dict(list(found.values())[:_PAIRS])


def _sheet(row: Mapping, group: str, features: Mapping[str, Features], paired: Paired, asked: int) -> dict:
    n = int(row["n"])
    at = None if n >= len(paired) else _cells.first_rows(len(paired), n, seed=int(row["seed"] or 0))
    k = min(_k(str(row["metric"])), n - 1)
    sides = [_conditioned(features[row[side]], str(row[f"{side}_layer"]), str(row["conditioning"]), at)
             for side in ("left", "right")]
    queries = np.array(_spread(n, max(asked, min(n, _WORK // (n * max(len(x[0]) for x in sides))))))
    lists = [_nearest(x, queries, k) for x in sides]
    shared = [set(a) & set(b) for a, b in zip(*lists, strict=True)]
    ranked = sorted(range(len(queries)), key=lambda i: (-len(shared[i]), i))
    chosen = [ranked[i] for i in _spread(len(ranked), asked)]
    where = (lambda i: int(i)) if at is None else (lambda i: at[int(i)])
    return {
        "left": row["left"], "right": row["right"], "left_layer": row["left_layer"], "right_layer": row["right_layer"],
        "group": group, "k": k, "n": n, "score": float(row["score"]), "mean": float(np.mean([len(one) for one in shared])),
        "samples": [{"at": where(queries[i]), "shared": len(shared[i])} | {
            side: [where(j) for j in found[i][:_SHOWN]]
            for side, found in zip(("left", "right"), lists, strict=True)} for i in chosen],
    }


def _k(metric: str) -> int:
    name, _, options = metric.partition("(k=")
    return int(options.partition(")")[0].partition(",")[0]) if options and name.endswith("knn") else _AMONG


def _conditioned(features: Features, layer: str, conditioning: str, at: Sequence[int] | None) -> torch.Tensor:
    """(n, d) as the metric saw it."""
    width = features.widths[features.names.index(layer)]
    if features.n * width > _NUMBERS:
        raise InputError(f"the layer {layer} of {features.model.name} has {features.n:,} x {width:,} numbers, more "
                         f"than the {_NUMBERS:,} in which neighbours are looked for.")
    how = Conditioning.parse(conditioning)
    if at is not None:
        features = _cells.of_rows(features, at)
    limit = how.limit([features[name] for name in features.names]) if how.joint else None
    return how(features[layer], limit=limit, name=layer)


def _nearest(x: torch.Tensor, queries: np.ndarray, k: int) -> list[list[int]]:
    """Positions of the k nearest of each query, nearest first; fewer where a tie leaves it open."""
    own = torch.from_numpy(queries)
    lists = knn.neighbours(x, k).lists if len(queries) == len(x) else knn.nearest(x[own], x, k, own=own).lists
    return [[int(one) for one in row if one >= 0] for row in lists.cpu().numpy()]


def _spread(n: int, count: int) -> list[int]:
    """Positions from the first to the last, evenly."""
    return sorted({round(i) for i in np.linspace(0, n - 1, min(n, max(count, 1))).tolist()})


def _item(paired: Paired, at: int) -> dict:
    texts, picture = [], ""
    for view in paired.views.values():
        if view.modality == "text":
            texts += [cut(str(text)) for text in view.items[at][:1]]
        elif view.modality == "image" and not picture:
            picture = small(view.items[at][0])
    return {"id": str(paired.ids[at]), "texts": texts, "picture": picture}


def cut(text: str) -> str:
    """The text on one line, its end left out where it is long.

    Parameters
    ----------
    text : of a sample.
    """
    text = " ".join(text.split())
    return text if len(text) <= _CAPTION else text[: _CAPTION - 1].rstrip() + "…"


def small(picture: Any) -> str:
    """The picture as a data address: drawings of few pixels in their own size, photographs made small.

    Parameters
    ----------
    picture : ``PIL.Image.Image``.
    """
    image = picture.convert("RGB")
    drawn = max(image.size) <= 2 * _SIDE // 3
    if not drawn:
        image.thumbnail((_SIDE, _SIDE))
    out = io.BytesIO()
    image.save(out, "WEBP", quality=90 if drawn else 72, method=2)
    return "data:image/webp;base64," + base64.b64encode(out.getvalue()).decode("ascii")
