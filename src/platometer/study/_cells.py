"""Cells: one pair of models, one metric, one conditioning; and the desk that answers them, each layer prepared once."""

from __future__ import annotations

import dataclasses
import os
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch

from platometer import alignment, files
from platometer.alignment import Alignment, Prepared
from platometer.cards import fingerprint
from platometer.errors import StoreError
from platometer.features import Features

SCHEMA = 1


@dataclass(frozen=True)
class Cell:
    """Everything that an answer depends on.

    Attributes
    ----------
    left, right : content keys of the features.
    metric, conditioning, summary, undefined : as specs.
    draws, seed, alpha : of the null.
    blocks : labels of samples that move together, or None.
    """

    left: str
    right: str
    metric: str
    conditioning: str
    draws: int
    seed: int
    alpha: float
    summary: str
    undefined: str
    blocks: tuple[str, ...] | None = None

    @property
    def key(self) -> str:
        """The content key: equal for equal questions, whatever the study, machine or order."""
        return fingerprint({"schema": SCHEMA} | dataclasses.asdict(self))


@dataclass(frozen=True)
class Setting:
    """Where a desk finds features and leaves answers; small enough to be sent to another process.

    Attributes
    ----------
    folder : the run folder.
    device : where to compute; where the features are, if empty.
    """

    folder: str
    device: str = ""


class Desk:
    """Answers cells one after another and keeps what was prepared, up to a budget of memory.

    Parameters
    ----------
    setting : where it works.
    budget : bytes of prepared layers to keep; a third of this machine's memory if None.
    """

    def __init__(self, setting: Setting, *, budget: int | None = None):
        self._setting = setting
        self._budget = budget if budget is not None else _memory() // 3
        self._kept: OrderedDict[tuple, tuple[Prepared, int]] = OrderedDict()

    def answer(self, cell: Cell) -> dict:
        """The answer of a cell, read if it is there and else computed and written.

        Parameters
        ----------
        cell : the question.
        """
        path = answer_path(self._setting.folder, cell.key)
        found = read_answer(path)
        if found is not None:
            return found
        left, right = self._side(cell, cell.left), self._side(cell, cell.right)
        result = alignment.compare(
            left, right, cell.metric, conditioning=cell.conditioning, draws=cell.draws, seed=cell.seed,
            alpha=cell.alpha, summary=cell.summary, blocks=cell.blocks,
        )
        value = {"schema": SCHEMA, "key": cell.key} | as_answer(result)
        files.write_json(path, value)
        return value

    def _side(self, cell: Cell, key: str) -> Prepared:
        what = (key, cell.metric, cell.conditioning, cell.undefined)
        if what in self._kept:
            self._kept.move_to_end(what)
            return self._kept[what][0]
        features = open_features(self._setting.folder, key)
        side = alignment.prepare(
            features, cell.metric, conditioning=cell.conditioning, undefined=cell.undefined,
            device=self._setting.device or None,
        )
        self._kept[what] = (side, _size(side.sides))
        while len(self._kept) > 2 and sum(size for _, size in self._kept.values()) > self._budget:
            self._kept.popitem(last=False)
        return side


@cache
def desk(setting: Setting) -> Desk:
    """The desk of this process for a setting.

    Parameters
    ----------
    setting : where it works.
    """
    return Desk(setting)


def answer(setting: Setting, cell: Cell) -> dict:
    """The answer of a cell from this process's desk: the function that engines send around.

    Parameters
    ----------
    setting : where to work.
    cell : the question.
    """
    return desk(setting).answer(cell)


def answer_path(folder: str | Path, key: str) -> Path:
    """Where the answer of a cell lies.

    Parameters
    ----------
    folder : the run folder.
    key : of the cell.
    """
    return Path(folder) / "cells" / f"{key}.json"


def read_answer(path: Path) -> dict | None:
    """An answer, or None if it is not there yet.

    Parameters
    ----------
    path : from `answer_path`.

    Raises
    ------
    StoreError
        The file is there but is not an answer.
    """
    if not path.exists():
        return None
    value = files.read_json(path)
    if not isinstance(value, dict) or value.get("schema") != SCHEMA or value.get("key") != path.stem:
        raise StoreError(f"{path} is not an answer of this version of platometer. Delete it and run the study again.")
    return value


def open_features(folder: str | Path, key: str) -> Features:
    """Features of a run, by content key.

    Parameters
    ----------
    folder : the run folder.
    key : of the features.
    """
    from platometer import store

    return store.open(Path(folder) / "features", key)


def as_answer(a: Alignment) -> dict:
    """An alignment as JSON values, every number exactly.

    Parameters
    ----------
    a : the alignment.
    """
    c = a.calibration
    return {
        "left": a.left.as_dict(), "right": a.right.as_dict(), "metric": a.metric, "conditioning": a.conditioning,
        "summary": a.summary, "alike": a.facts.alike, "n": a.n, "score": a.score,
        "best": dataclasses.asdict(a.best), "left_layers": list(a.left_layers), "right_layers": list(a.right_layers),
        "grid": a.grid.tolist(),
        "null_mean_grid": None if a.null_mean is None else a.null_mean.tolist(),
        "null_sd_grid": None if a.null_sd is None else a.null_sd.tolist(),
        "calibration": None if c is None else {
            "p": c.p, "null_mean": c.null_mean, "null_sd": c.null_sd, "z": c.z, "excess": c.excess, "tau": c.tau,
            "score": c.score, "alpha": c.alpha, "null": c.null, "seed": c.seed, "draws": c.draws.tolist(),
        },
        "remarks": list(a.remarks), "versions": dict(a.versions),
    }




def _memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):  # not said on this platform
        return 8 * 2**30


def _size(value: object) -> int:
    """Bytes of all tensors in a prepared side."""
    if isinstance(value, torch.Tensor):
        return value.numel() * value.element_size()
    if isinstance(value, Sequence) and not isinstance(value, str):
        return sum(_size(part) for part in value)
    if dataclasses.is_dataclass(value):
        return sum(_size(getattr(value, f.name)) for f in dataclasses.fields(value))
    return 0
