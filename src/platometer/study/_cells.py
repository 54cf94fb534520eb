"""Cells: one pair of models, one metric, one conditioning; and the desk that answers them, each layer prepared once."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import socket
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import torch

from platometer import __version__, alignment, files, metrics, threads
from platometer.alignment import Alignment, Prepared
from platometer.cards import fingerprint
from platometer.errors import DiskError, StoreError
from platometer.features import Features

SCHEMA = 3
"""Of an answer; it grows where the same question gets another one, so that no run folder answers with old draws."""

_log = logging.getLogger("platometer")


@dataclass(frozen=True)
class Cell:
    """Everything that an answer depends on.

    Attributes
    ----------
    left, right : content keys of the features.
    metric, conditioning, summary, undefined : as specs.
    draws, null, seed, alpha : of the null.
    within : labels of samples that change places only with each other, or None.
    blocks : labels of samples that move together, or None.
    first : so many samples of all, as `first_rows` draws them by the seed; all if None.
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
    null: str = "draws"
    within: tuple[str, ...] | None = None
    blocks: tuple[str, ...] | None = None
    first: int | None = None

    @cached_property
    def key(self) -> str:
        """The content key: equal for equal questions, whatever the study, machine or order; another version asks anew."""
        asked = dataclasses.asdict(self)
        if self.first is None:
            del asked["first"]
        return fingerprint({"schema": SCHEMA, "platometer": __version__} | asked)


@dataclass(frozen=True)
class Setting:
    """Where a desk finds features and leaves answers; small enough to be sent to another process.

    Attributes
    ----------
    folder : the run folder.
    device : where to compute; where the features are, if empty.
    desks : how many share this machine's memory; one for each of its processors if None.
    """

    folder: str
    device: str = ""
    desks: int | None = 1

    @property
    def budget(self) -> int:
        """Bytes of prepared layers that a desk keeps."""
        return _memory() // 3 // (self.desks or os.cpu_count() or 1)


class Desk:
    """Answers cells one after another and keeps what was prepared, up to a budget of memory.

    Parameters
    ----------
    setting : where it works.
    budget : bytes of prepared layers to keep; its share of a third of this machine's memory if None.
    """

    def __init__(self, setting: Setting, *, budget: int | None = None):
        self._setting = setting
        self._budget = budget if budget is not None else setting.budget
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
        if not files.place(self._setting.folder).is_dir():
            raise unseen(self._setting.folder)
        with threads.steady():
            value = {"schema": SCHEMA, "key": cell.key} | as_answer(self._compared(cell))
        files.write_json(path, value)
        return value

    def _compared(self, cell: Cell) -> Alignment:
        left, right = self._side(cell, cell.left), self._side(cell, cell.right)
        return alignment.compare(
            left, right, cell.metric, conditioning=cell.conditioning, draws=cell.draws, null=cell.null,
            seed=cell.seed, alpha=cell.alpha, summary=cell.summary, within=cell.within, blocks=cell.blocks,
        )

    def _side(self, cell: Cell, key: str) -> Prepared:
        what = (key, cell.metric, cell.conditioning, cell.undefined, cell.first)
        if what in self._kept:
            self._kept.move_to_end(what)
            return self._kept[what][0]
        features = open_features(self._setting.folder, key)
        if cell.first is not None:
            features = of_rows(features, first_rows(features.n, cell.first, seed=cell.seed))
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


def answers(setting: Setting, cells: Sequence[Cell]) -> list[dict | Exception]:
    """The answer of every cell, or the error that it raised: a task of several cells, as engines send them around.

    Parameters
    ----------
    setting : where to work.
    cells : the questions, of which those that were answered before are read.

    Raises
    ------
    DiskError
        The disk is full: the next cell would meet it too.
    """
    out: list[dict | Exception] = []
    for cell in cells:
        try:
            out.append(answer(setting, cell))
        except DiskError:
            raise
        except Exception as error:  # a cell must not lose the others
            out.append(error)
    return out


def unseen(folder: str | Path) -> StoreError:
    """The error for a run folder that this machine does not see.

    Parameters
    ----------
    folder : the run folder.
    """
    return StoreError(f"{socket.gethostname()} does not see the run folder {folder}. It must lie where every machine of the "
                      "cluster sees it, under the same name.")


def answer_path(folder: str | Path, key: str) -> Path:
    """Where the answer of a cell lies.

    Parameters
    ----------
    folder : the run folder.
    key : of the cell.
    """
    return files.place(folder) / "cells" / f"{key}.json"


def read_answer(path: Path) -> dict | None:
    """An answer, or None if it is not there, or not whole, and must be found (again).

    Parameters
    ----------
    path : from `answer_path`.
    """
    try:
        value = files.read_json(path)
    except StoreError:
        value = None
    if isinstance(value, dict) and value.get("schema") == SCHEMA and value.get("key") == path.stem:
        return value
    if path.exists():
        _log.warning("%s is damaged, or of another version; it is made anew", path)
    return None


def open_features(folder: str | Path, key: str) -> Features:
    """Features of a run, by content key.

    Parameters
    ----------
    folder : the run folder.
    key : of the features.
    """
    from platometer import store

    return store.open(files.place(folder) / "features", key)


def first_rows(n: int, first: int, *, seed: int) -> tuple[int, ...]:
    """The first so many rows in an order drawn by the seed, rising; fewer are contained in more.

    Parameters
    ----------
    n : samples.
    first : how many of them.
    seed : of the order.

    Examples
    --------
    >>> set(first_rows(9, 3, seed=0)) < set(first_rows(9, 5, seed=0))
    True
    """
    order = np.argsort(np.random.Philox(key=seed % 2**64).random_raw(n), kind="stable")
    return tuple(sorted(order[:first].tolist()))


def of_rows(features: Features, rows: Sequence[int]) -> Features:
    """The features of these samples alone, still read lazily.

    Parameters
    ----------
    features : of all.
    rows : positions.
    """
    at = torch.tensor(list(rows), dtype=torch.int64)

    def taken(layer: str) -> Callable[[], torch.Tensor]:
        return lambda: features[layer][at]

    return dataclasses.replace(
        features, layers={layer: taken(layer) for layer in features.names}, n=len(rows),
        ids=tuple(features.ids[row] for row in rows) if features.ids else (), key=fingerprint(features.fingerprint, list(rows)),
    )


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
            "score": c.score, "alpha": c.alpha, "null": c.null, "seed": c.seed, "method": c.method, "least": c.least,
            "note": c.note, "draws": c.draws.tolist(),
        },
        "remarks": list(a.remarks), "versions": dict(a.versions),
    }


def sideless(metric: str, summary: str) -> bool:
    """Whether left and right may be exchanged without changing the score.

    Parameters
    ----------
    metric, summary : as in a row.
    """
    return metrics.parse(metric).facts.symmetric and summary != "rowmax"


def turned(value: Mapping) -> dict:
    """The answer with its sides exchanged, for metrics that know no sides.

    Parameters
    ----------
    value : from `as_answer`.
    """
    best = value["best"]
    best = {"score": best["score"], "left": best["right"], "right": best["left"], "left_index": best["right_index"],
            "right_index": best["left_index"]}
    grids = {name: None if value[name] is None else [list(row) for row in zip(*value[name], strict=True)]
             for name in ("grid", "null_mean_grid", "null_sd_grid")}
    return dict(value) | grids | {
        "left": value["right"], "right": value["left"], "left_layers": value["right_layers"],
        "right_layers": value["left_layers"], "best": best,
    }


def of_row(value: Mapping, row: Mapping) -> Mapping:
    """The answer of a row, its left model in the grid's rows.

    Parameters
    ----------
    value : from `read_answer`; of a metric that knows no sides it is in the order of the features' keys.
    row : of the table.
    """
    other = sideless(str(row["metric"]), str(row["summary"])) and row["left_features"] > row["right_features"]
    return turned(value) if other else value


def _memory() -> int:
    """Bytes of memory that this process may use: the machine's, or the container's where that is less."""
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):
            return min(int(Path(limit).read_text()), _machine())
    return _machine()


def _machine() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):  # not said on this platform
        return 8 * 2**30


def _size(value: object) -> int:
    """Bytes of all tensors and arrays in a prepared side."""
    if isinstance(value, torch.Tensor | np.ndarray):
        return value.nbytes
    if isinstance(value, Mapping):
        return sum(_size(part) for part in value.values())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return sum(_size(part) for part in value)
    if dataclasses.is_dataclass(value):
        return sum(_size(getattr(value, f.name)) for f in dataclasses.fields(value))
    return 0
