"""Which runs there are in a folder, and how far each is: read from what lies there, trusting none of it."""

from __future__ import annotations

import json
import math
import os
import stat
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from platometer import files
from platometer.errors import DataError, InputError, PlatometerError, StoreError
from platometer.study import Going

MARKS = ("rows.parquet", "run.json", "going.json", "card.json")
"""A folder with one of these is a run, or a published one."""

QUIET = 600.0
"""Seconds after which a run that wrote nothing is called quiet; a long cell or a large model can be so, too."""

_FOLDERS = 2000  # looked into
_JSON = 256 * 2**20  # bytes of the largest file that is read whole
_RECENT = 50  # answers that the speed is taken from


@dataclass(frozen=True)
class Run:
    """A folder that holds a run.

    Attributes
    ----------
    name : path below the folder of runs; "." for that folder itself.
    path : where it lies, links followed.
    """

    name: str
    path: Path

    def file(self, *parts: str, limit: int = _JSON) -> Path:
        """The path of a file of this run that may be read: a plain file inside its folder, not too large.

        Parameters
        ----------
        parts : of the path, below the run.
        limit : in bytes.

        Raises
        ------
        StoreError
            It is absent, no plain file, too large, or a link leads out of the run.
        """
        asked = self.path.joinpath(*parts)
        told = "/".join((self.name, *parts))
        try:
            found = asked.resolve(strict=True)
            about = found.stat()
        except (OSError, ValueError, RuntimeError):
            raise StoreError(f"There is no file {told}.") from None
        if not found.is_relative_to(self.path):
            raise StoreError(f"{told} leads out of the run's folder; it is not followed.")
        if not stat.S_ISREG(about.st_mode):
            raise StoreError(f"{told} is no plain file.")
        if about.st_size > limit:
            raise StoreError(f"{told} has {about.st_size:,} bytes; at most {limit:,} are read.")
        return found

    def stamp(self, *parts: str) -> tuple[int, int] | None:
        """Time and size of a file of this run; None if it is not there or may not be read."""
        try:
            about = self.file(*parts).stat()
        except (StoreError, OSError):
            return None
        return about.st_mtime_ns, about.st_size

    def json(self, *parts: str) -> Any:
        """The value in a file of this run.

        Parameters
        ----------
        parts : of the path, below the run.
        """
        return files.read_json(self.file(*parts))


@dataclass
class Kept:
    """Values that were read, each until the files it came from change; the least used go first.

    Attributes
    ----------
    most : how many are kept.
    """

    most: int
    _values: OrderedDict = field(default_factory=OrderedDict, repr=False)
    _lock: Any = field(default_factory=threading.RLock, repr=False)

    def get(self, what: tuple, stamp: object, make: Callable[[], Any]) -> Any:
        """The value of this name and stamp, made if need be.

        Parameters
        ----------
        what : its name.
        stamp : of the files it is made from.
        make : makes it.
        """
        with self._lock:
            if what in self._values and self._values[what][0] == stamp:
                self._values.move_to_end(what)
                return self._values[what][1]
        value = make()
        with self._lock:
            self._values[what] = (stamp, value)
            self._values.move_to_end(what)
            while len(self._values) > self.most:
                self._values.popitem(last=False)
        return value


@dataclass(frozen=True)
class Runs:
    """A folder of runs, and what was read of them.

    Attributes
    ----------
    root : the folder, links followed.
    """

    root: Path
    kept: Kept = field(default_factory=lambda: Kept(512), repr=False)

    @classmethod
    def at(cls, place: str | Path) -> Runs:
        """The runs in a folder.

        Parameters
        ----------
        place : a folder of run folders, of folders of them, or a run folder.

        Raises
        ------
        DataError
            It is no folder.
        """
        root = Path(place)
        if not root.is_dir():
            raise DataError(f"There is no folder {str(place)!r}. Runs lie in runs/NAME, unless --out said otherwise.")
        return cls(root.resolve())

    def listed(self) -> tuple[dict[str, Run], list[dict[str, str]]]:
        """Runs by name; and what else lies there, each with ``name`` and ``why``."""
        runs: dict[str, Run] = {}
        others: list[dict[str, str]] = []
        if _is_run(self.root):
            return {".": Run(".", self.root)}, []
        for name, path in _folders(self.root, self.root, others):
            runs[name] = Run(name, path)
        return runs, others

    def find(self, name: str) -> Run:
        """The run of this name.

        Parameters
        ----------
        name : as `listed`; any other, paths out of the folder among them, is no run.

        Raises
        ------
        DataError
            There is none.
        """
        found = self.listed()[0].get(name)
        if found is None:
            raise DataError(f"There is no run {name!r} in this folder.")
        return found

    def going(self, run: Run) -> Going | None:
        """What a run says of itself while it goes; None if it says nothing.

        Parameters
        ----------
        run : from `listed`.
        """
        if not (run.path / "going.json").is_symlink() and not (run.path / "going.json").exists():
            return None
        path = run.file("going.json")
        return self.kept.get((run.path, "going"), run.stamp("going.json"), lambda: Going.read(path))


def state(runs: str | Path | Runs) -> dict[str, Any]:
    """Every run in a folder and how far it is, as JSON values.

    Parameters
    ----------
    runs : the folder.

    Returns
    -------
    ``folder``; ``runs``, each with

    - ``name``, ``study``, ``question``;
    - ``state``: ``"going"``, ``"quiet"`` (nothing written for ten minutes), ``"finished"``, ``"failed in part"`` or
      ``"unreadable"``;
    - ``models``, ``extracted``, ``cells``, ``answered``, ``rows``: counts; None where nobody knows yet;
    - ``started``, ``ended``, ``last``: seconds since 1970; ``last`` is that of the youngest file;
    - ``seconds``: the price so far; ``left``: seconds that the open cells will take at the speed of the last ones; ``bytes``
      on disk of its features;
    - ``failures``, ``notes``: in words;

    and ``others``, the folders that are no runs, each with ``name`` and ``why``.

    Raises
    ------
    DataError
        There is no such folder.
    """
    found = runs if isinstance(runs, Runs) else Runs.at(runs)
    listed, others = found.listed()
    return {"folder": found.root.name or str(found.root), "runs": [_state(found, run) for run in listed.values()],
            "others": others}


def _is_run(path: Path) -> bool:
    return any((path / mark).exists() for mark in MARKS)


def _folders(root: Path, folder: Path, others: list[dict[str, str]], depth: int = 0) -> Iterator[tuple[str, Path]]:
    """(name, path) of runs below a folder, two deep; what is no run is told."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)[:_FOLDERS]
    except OSError as error:
        others.append({"name": _told(root, folder), "why": f"cannot be read: {error.strerror}"})
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        path, name = Path(entry.path), _told(root, Path(entry.path))
        try:
            why = _strange(root, entry)
            if why:
                others.append({"name": name, "why": why})
            elif not entry.is_dir():
                continue
            elif (path / "verdict.json").exists():
                others.append({"name": name, "why": _verdict(Run(name, path.resolve()))})
            elif _is_run(path):
                yield name, path.resolve()
            elif depth == 0 and _has_folders(path):
                yield from _folders(root, path, others, depth + 1)
            else:
                others.append({"name": name, "why": f"no run: none of {', '.join(MARKS)} is in it"})
        except OSError as error:
            others.append({"name": name, "why": f"cannot be read: {error.strerror}"})


def _has_folders(path: Path) -> bool:
    """Whether runs may lie below a folder that is none: it has folders, other than those of a run that lost its record."""
    with os.scandir(path) as children:
        names = {child.name for child in children if child.is_dir() and not child.name.startswith(".")}
    return bool(names) and not names & {"cells", "features"}


def _strange(root: Path, entry: os.DirEntry) -> str:
    """Why an entry is not looked into; empty if it is."""
    try:
        entry.name.encode()
    except UnicodeEncodeError:
        return "its name is not text"
    if not entry.is_symlink():
        return ""
    try:
        found = Path(entry.path).resolve(strict=True)
    except (OSError, RuntimeError):
        return "a link that leads nowhere"
    return "" if found.is_relative_to(root) else "a link that leads out of the folder; it is not followed"


def _told(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix().encode("utf-8", "replace").decode()


def _verdict(run: Run) -> str:
    """What an experiment's folder says."""
    try:
        value = run.json("verdict.json")
        return f"an experiment, {value['outcome']}: {value['words']}"[:400]
    except (StoreError, KeyError, TypeError):
        return "an experiment whose verdict cannot be read"


def _state(runs: Runs, run: Run) -> dict[str, Any]:
    out: dict[str, Any] = {
        "name": run.name, "study": run.path.name, "question": "", "state": "unreadable", "models": None, "extracted": None,
        "cells": None, "answered": 0, "rows": None, "started": None, "ended": None, "last": None, "seconds": None,
        "left": None, "bytes": 0, "failures": [], "notes": [],
    }
    record: Mapping = {}
    for name in ("card.json", "run.json"):
        if (run.path / name).exists():
            record = _record(runs, run, name, out["notes"]) or record
    try:
        going = runs.going(run)
    except StoreError as error:
        going, _ = None, out["notes"].append(str(error))
    out |= {key: str(record.get(key) or out[key]) for key in ("study", "question")}
    out["failures"] = [str(one) for one in record.get("failures") or ()][:100]
    out["rows"] = _rows(runs, run, out["notes"])
    answered = _names(run.path, "cells")
    out["bytes"], features, youngest = _features(run.path)
    marks = [stamp[0] / 1e9 for name in MARKS if (stamp := run.stamp(name))]
    out["last"] = max([youngest, *marks, *answered.values()], default=None)
    if going is not None:
        _progress(out, going, answered, features)
    ended = run.stamp("run.json") or run.stamp("card.json")
    begun = run.stamp("going.json")
    if ended and (begun is None or ended[0] >= begun[0] or _over(record, going)):
        out |= {"state": "failed in part" if out["failures"] else "finished", "ended": ended[0] / 1e9, "left": None,
                "seconds": _number(record.get("seconds"))}
        if going is None:
            out["answered"] = len(answered) or out["rows"] or 0
            out["cells"] = out["answered"]
            out["models"] = out["extracted"] = len(record.get("features") or record.get("models") or ()) or None
    elif going is not None:
        out["seconds"] = max(0.0, (out["last"] or going.started) - going.started)
        out["failures"] = []  # of an earlier try
        out["state"] = "quiet" if time.time() - (out["last"] or 0) > QUIET else "going"
    elif out["rows"] is not None:
        out["state"] = "finished"
        out["notes"].append("rows alone: nothing says how they were made")
    if not record and going is None and out["rows"] is None:
        out["state"] = "unreadable"
    return out


def _over(record: Mapping, going: Going | None) -> bool:
    """Whether a record is of the run that began last, by what both say; times of files are lost where a folder is copied."""
    try:
        ended = datetime.strptime(str(record.get("ended")), "%Y-%m-%dT%H:%M:%S%z").timestamp()
    except ValueError:
        return False
    return going is not None and ended + 1 > going.started  # seconds are cut off


def _progress(out: dict[str, Any], going: Going, answered: Mapping[str, float], features: set[str]) -> None:
    """How far a run is that says of itself what it will do."""
    out |= {"study": going.study, "question": going.question, "started": going.started, "models": len(going.models)}
    known = set((going.features or {}).values())
    out["extracted"] = sum(key in features for key in (going.features or {}).values()) if known else min(
        len(features), len(going.models))
    if going.cells is None:
        out["answered"] = 0
        return
    keys = [str(one[4]) for one in going.cells]
    done = [answered[key] for key in keys if key in answered]
    out |= {"cells": len(keys), "answered": len(done)}
    recent = sorted(time_ for time_ in done if time_ >= going.started)[-_RECENT:]
    if len(recent) > 1 and recent[-1] > recent[0] and len(done) < len(keys):
        out["left"] = round((len(keys) - len(done)) * (recent[-1] - recent[0]) / (len(recent) - 1), 1)


def _record(runs: Runs, run: Run, name: str, notes: list[str]) -> Mapping:
    """A run's record, or nothing and a note."""
    try:
        path = run.file(name)
        value = runs.kept.get((run.path, name), run.stamp(name), lambda: files.read_json(path))
    except StoreError as error:
        notes.append(str(error))
        return {}
    if not isinstance(value, dict):
        notes.append(f"{run.name}/{name} is no record of a run.")
        return {}
    return value | {key: None for key in ("failures", "features", "models") if not isinstance(value.get(key), list | dict)}


def _rows(runs: Runs, run: Run, notes: list[str]) -> int | None:
    """How many rows the table has; None if there is none."""
    if not (run.path / "rows.parquet").exists():
        return None
    try:
        path = run.file("rows.parquet", limit=2**32)
        return runs.kept.get((run.path, "count"), run.stamp("rows.parquet"), lambda: pq.read_metadata(path).num_rows)
    except PlatometerError as error:
        notes.append(str(error))
    except Exception as error:  # whatever a damaged file brings about
        notes.append(f"{run.name}/rows.parquet is not a readable table: {type(error).__name__}")
    return None


def _names(folder: Path, kind: str) -> dict[str, float]:
    """Keys of the answers that are there, with the time of each."""
    out = {}
    try:
        if (folder / kind).is_symlink():
            return {}
        for entry in os.scandir(folder / kind):
            if entry.name.endswith(".json") and not entry.name.startswith("."):
                out[entry.name.removesuffix(".json")] = entry.stat(follow_symlinks=False).st_mtime
    except OSError:  # none yet, or taken away while we looked
        pass
    return out


def _features(folder: Path) -> tuple[int, set[str], float]:
    """Bytes of all features, keys of those that are whole, and the time of the youngest file."""
    size, keys, youngest = 0, set(), 0.0
    try:
        if (folder / "features").is_symlink():
            return 0, set(), 0.0
        for entry in os.scandir(folder / "features"):
            if not entry.is_dir(follow_symlinks=False):
                continue
            for file in os.scandir(entry.path):
                about = file.stat(follow_symlinks=False)
                size += about.st_size
                youngest = max(youngest, about.st_mtime)
                if file.name == "manifest.json":
                    keys.add(entry.name)
    except OSError:
        pass
    return size, keys, youngest


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def plain(value: object) -> str:
    """JSON values as text; what is not finite is none.

    Parameters
    ----------
    value : any.

    Raises
    ------
    InputError
        It holds something that JSON cannot.
    """
    try:
        return json.dumps(_finite(value), ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise InputError(f"This cannot be told as JSON: {error}.") from None


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return value
