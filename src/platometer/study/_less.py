"""A study with fewer of its models: those that fit a memory, those whose files are here; and the words that say so."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from platometer.errors import SpecError, StudyError

if TYPE_CHECKING:
    from platometer.study._file import ModelTable, Study

_BYTES = {"float64": 8.0, "float32": 4.0, "bfloat16": 2.0, "float16": 2.0, "8bit": 1.0, "4bit": 0.5}
BESIDE = 1.25
"""Memory of a model that runs, over that of its weights: activations of small batches, buffers (assumed)."""


def fitting(study: Study, memory: float | str) -> Study:
    """The study of those of its models that run within a memory; see `Study.fitting`.

    Parameters
    ----------
    study : any.
    memory : bytes, or such as ``"24GB"``.
    """
    most = sized(memory)
    tables = study.models()
    for table in tables:
        if table.parameters is None and not table.source.startswith("file:"):
            raise StudyError(f"{study.name}: {table.name} does not say how large it is, and models that do not fit "
                             f"{told(most)} are to be left out. Write parameters = ... into its table.")
    kept = [table for table in tables if needed(table) <= most]
    if len(kept) < 2:
        smallest = ", ".join(f"{table.name} {told(needed(table))}" for table in sorted(tables, key=needed)[:2])
        raise StudyError(f"{study.name}: {len(kept)} of its models fit {told(most)} of memory, and a study compares two. Least "
                         f"need {smallest} (estimated). dtype = \"bfloat16\" halves what float32 needs.")
    return dataclasses.replace(_with(study, kept, tables), within=most)


def present(study: Study) -> Study:
    """The study of those of its models whose files are here; see `Study.present`.

    Parameters
    ----------
    study : any.
    """
    tables = study.models()
    kept = [table for table in tables if not absent(table, study.base)]
    if len(kept) < 2:
        gone = next(table for table in tables if table not in kept)
        raise StudyError(f"{study.name}: the files of {len(kept)} of its {len(tables)} models are here, and a study compares "
                         f"two. First is absent {gone.name}: {absent(gone, study.base)}")
    return dataclasses.replace(_with(study, kept, tables), here=True)


def absent(table: ModelTable, base: Path) -> str:
    """What is missing of a model's own files, and where it is to be had; empty if nothing is.

    Parameters
    ----------
    table : the model.
    base : where paths of vectors start from.
    """
    if table.source.startswith("file:"):
        path = base / table.source.partition(":")[2]
        return "" if path.exists() else f"there is no file {str(path)!r}."
    weights = table.options.get("checkpoint")
    if not isinstance(weights, str) or Path(weights).expanduser().is_file():
        return ""
    where = f" Have it from {table.download}, and put it there" if table.download else " Put it there"
    return (f"its weights are not at {weights!r}, seen from the study file or from here.{where}; or leave out "
            "what is absent: --absent leave-out on the command line, study.present() in Python.")


def check(table: ModelTable, base: Path) -> None:
    """Refuse a model whose files are not here.

    Parameters
    ----------
    table, base : as in `absent`.
    """
    if missing := absent(table, base):
        raise StudyError(missing)


def words(study: Study) -> str:
    """Which models were kept; empty if all."""
    from platometer.study._file import told as counted

    said = [f"at most {counted(study.at_most)} parameters"] if study.at_most is not None else []
    said += [f"at most {told(study.within)} of memory (estimated)"] if study.within is not None else []
    said += ["files that are here"] if study.here else []
    return f"models of {' and '.join(said)}" if said else ""


def needed(table: ModelTable) -> float:
    """Bytes of memory that a model needs to run, as estimated from its parameters and their precision.

    Parameters
    ----------
    table : the model; of vectors in a file nothing.
    """
    if table.source.startswith("file:"):
        return 0.0
    precision = str(table.options.get("quantise") or table.options.get("dtype") or "float32")
    return BESIDE * (table.parameters or 0.0) * _BYTES.get(precision, 4.0)


def sized(memory: float | str) -> float:
    """Bytes as they are written: ``"24GB"`` is 24e9.

    Parameters
    ----------
    memory : a number, or digits with MB, GB, TB (thousands) or MiB, GiB, TiB (1,024s) behind.

    Examples
    --------
    >>> sized("24GB"), sized("0.5 GiB"), sized(3e9)
    (24000000000.0, 536870912.0, 3000000000.0)
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?(?:[eE]\+?\d+)?)\s*(?:([KMGT])(i?)B)?\s*", str(memory), re.IGNORECASE)
    value = 0.0 if found is None else float(found[1]) * (1024.0 if found[3] else 1000.0) ** (
        " KMGT".index(found[2].upper()) if found[2] else 0)
    if value < 1e6:
        raise SpecError(f"{memory!r} is no memory of a machine; expected such as 24GB, 512MB or 16GiB.")
    return value


def told(memory: float) -> str:
    """Bytes in few signs.

    Parameters
    ----------
    memory : bytes.

    Examples
    --------
    >>> told(24e9), told(5.36e8)
    ('24 GB', '536 MB')
    """
    for size, sign in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB")):
        if memory >= size:
            return f"{memory / size:.3g} {sign}"
    return f"{memory:.3g} bytes"


def _with(study: Study, kept: Sequence[ModelTable], tables: Sequence[ModelTable]) -> Study:
    gone = tuple(table.name for table in tables if table not in kept)
    return dataclasses.replace(study, file=study.file.model_copy(update={"models": list(kept)}),
                               left_out=(*study.left_out, *gone))
