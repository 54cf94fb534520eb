"""The command that runs a study again, with all that was asked of it besides the file."""

from __future__ import annotations

import shlex
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from platometer.study._file import SHIPPED, StudyFile, sized, told

if TYPE_CHECKING:
    from platometer.study._file import Study


def command(
    study: Study, out: str | Path | None = None, *, allow_code: bool = False, engine: str | None = None,
    workers: int | None = None, address: str | None = None,
) -> str:
    """The words of the command line; of a study that was no file, of Python.

    Parameters
    ----------
    study, out, allow_code, engine, workers, address : of the run, as for `Study.run`.
    """
    words = ["platometer", "run", _named(study)]
    words += [] if study.at_most is None else ["--at-most", _short(study.at_most)]
    words += [] if study.within is None else ["--within", f"{study.within / 1e6:.12g}MB"]
    words += ["--absent", "leave-out"] if study.here else []
    words += _changed(study)
    words += [] if out is None else ["--out", str(out)]
    words += ["--allow-code"] if allow_code else []
    for name, value in (("--engine", engine), ("--workers", workers), ("--address", address)):
        words += [] if value is None else [name, str(value)]
    if study.text:
        less = " ".join(", ".join(study.left_out).split()) if study.at_most is None else ""  # no line of its own to run
        return shlex.join(words) + (f"  # without {less}" if less else "")
    given = ([] if out is None else [repr(str(out))]) + (["allow_code=True"] if allow_code else [])
    return f"Study.of(...).run({', '.join(given)})"


def _short(parameters: float) -> str:
    return told(parameters) if sized(told(parameters)) == parameters else f"{parameters:.0f}"


def _named(study: Study) -> str:
    """The name of a study that ships, or the copy of the file that the run folder keeps."""
    for path in SHIPPED.glob("*.toml"):
        if study.base == SHIPPED.resolve() and path.read_text(encoding="utf-8") == study.text:
            return path.stem
    return "study.toml"


def _changed(study: Study) -> list[str]:
    """Data and tables that the file does not name."""
    if not study.text:
        return []
    written, words = StudyFile.model_validate(tomllib.loads(study.text)), []
    if study.file.data is not None and written.data is not None and study.file.data != written.data:
        words += ["--data", study.file.data.source]
    own = written.capability.tables if written.capability is not None else []
    for table in study.file.capability.tables if study.file.capability is not None else []:
        words += [] if table in own else ["--capability", table]
    return words
