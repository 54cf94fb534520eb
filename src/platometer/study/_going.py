"""What a run says of itself while it goes: its models, its cells, and where its data come from, for whoever looks on.

``going.json`` is written when a run begins, and once more when its cells are known. It is a word to onlookers: no number
depends on it, and a run does without it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from platometer import files
from platometer.errors import StoreError

if TYPE_CHECKING:
    from platometer.features import Features
    from platometer.samples import Paired
    from platometer.study._file import Study
    from platometer.study._run import Asked

FILE = "going.json"
SCHEMA = 1


@dataclass(frozen=True)
class Going:
    """A run as it said of itself when it began or went on.

    Attributes
    ----------
    study, question, seed : of the study.
    started : seconds since 1970.
    models : names of all, those that will fail included.
    data : the table ``[data]`` of the study; None for vectors from files.
    base : folder that relative paths of the data start from.
    samples : fingerprint of the paired samples; empty for vectors from files.
    features : model's name -> content key; None until all are there.
    cells : left, right, metric, conditioning, key, and whether the answer's sides are exchanged; None until they are known.
    """

    study: str
    question: str
    seed: int
    started: float
    models: tuple[str, ...]
    data: Mapping[str, object] | None
    base: str
    samples: str
    features: Mapping[str, str] | None = None
    cells: Sequence[Sequence] | None = field(default=None, repr=False)

    @classmethod
    def read(cls, path: str | Path) -> Going:
        """What ``going.json`` says.

        Parameters
        ----------
        path : of the file.

        Raises
        ------
        StoreError
            It is absent, not whole, or no such file.
        """
        value = files.read_json(path)
        try:
            if not isinstance(value, dict) or value.pop("schema") != SCHEMA:
                raise TypeError
            found = cls(**value | {"models": tuple(map(str, value["models"])), "started": float(value["started"])})
            for one in found.cells or ():
                left, right, metric, conditioning, key, _ = one
                if not all(isinstance(word, str) for word in (left, right, metric, conditioning, key)):
                    raise TypeError
            if not all(isinstance(key, str) for key in (found.features or {}).values()):
                raise TypeError
            return found
        except (KeyError, TypeError, ValueError, AttributeError):
            raise StoreError(f"{path} is not what a run of this version says of itself while it goes.") from None


def begin(folder: Path, study: Study, paired: Paired | None) -> None:
    """Say that a run begins.

    Parameters
    ----------
    folder, study, paired : of the run.
    """
    _write(folder, study, paired, time.time(), None, None)


def ask(
    folder: Path, study: Study, paired: Paired | None, asked: Sequence[Asked], features: Mapping[str, Features], *,
    started: float,
) -> None:
    """Say which cells a run has.

    Parameters
    ----------
    folder, study, paired : of the run.
    asked : its cells.
    features : of the models that did not fail.
    started : when it began.
    """
    cells = [[one.pair.left, one.pair.right, one.cell.metric, one.cell.conditioning, one.cell.key, one.turned] for one in asked]
    _write(folder, study, paired, started, {name: value.fingerprint for name, value in features.items()}, cells)


def _write(
    folder: Path, study: Study, paired: Paired | None, started: float, features: Mapping[str, str] | None,
    cells: list | None,
) -> None:
    table = study.file.data
    data = None if table is None else json.loads(json.dumps(table.model_dump(), default=str))
    files.write_json(folder / FILE, {
        "schema": SCHEMA, "study": study.name, "question": study.file.question, "seed": study.file.seed, "started": started,
        "models": [one.name for one in study.models()], "data": data, "base": str(study.base.resolve()),
        "samples": "" if paired is None else paired.fingerprint, "features": features, "cells": cells,
    })
