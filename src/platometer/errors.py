"""Every error platometer raises, in one tree.

::

    PlatometerError
    ├── InputError            an array, table or option is not what it must be   (also ValueError)
    │   ├── ShapeError            rows or columns do not fit
    │   ├── NotFiniteError        NaN or infinity, with the first row named
    │   └── UndefinedError        the number asked for does not exist on this input (constant features, ...)
    ├── SpecError             a spec such as "mutual_knn(k=10)" cannot be read    (also ValueError)
    │   └── UnknownNameError      no metric, model source, dataset or study of that name (also LookupError)
    ├── DataError             a file or a sample cannot be read; names file and row
    ├── ModelError            a model cannot be loaded or run
    ├── StoreError            features or answers on disk are damaged or incomplete
    │   └── DiskError             the disk is full, or cannot be written
    ├── StudyError            a study file asks for something impossible; names the key
    └── MissingDependencyError   an optional library is not installed            (also ImportError)

An error says what was expected, what came, and the likely slip. `except pm.PlatometerError` catches all of them
and nothing else.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class PlatometerError(Exception):
    """The root: whatever platometer raises on purpose."""


class InputError(PlatometerError, ValueError):
    """An array, table or option is not what it must be."""


class ShapeError(InputError):
    """Rows or columns do not fit."""


class NotFiniteError(InputError):
    """NaN or infinity where numbers must be."""


class UndefinedError(InputError):
    """The number asked for does not exist on this input."""


class SpecError(PlatometerError, ValueError):
    """A spec cannot be read."""


class UnknownNameError(SpecError, LookupError):
    """Nothing of that name is there; near misses are suggested."""


class DataError(PlatometerError):
    """A file or sample cannot be read."""


class ModelError(PlatometerError):
    """A model cannot be loaded or run."""


class StoreError(PlatometerError):
    """Features or answers on disk are damaged or incomplete."""


class DiskError(StoreError):
    """The disk is full, or cannot be written."""


class StudyError(PlatometerError):
    """A study asks for something impossible."""


class MissingDependencyError(PlatometerError, ImportError):
    """An optional library is not installed; the message names the extra that brings it."""


def suggestion(word: str, known: Iterable[str]) -> str:
    """A sentence that points to the nearest known word, small letters or capitals, or lists what there is.

    Parameters
    ----------
    word : what was written.
    known : the words that would have been understood.

    Returns
    -------
    A sentence ending in a full stop, ready to be appended to an error.

    Examples
    --------
    >>> suggestion("mutual_nn", ["mutual_knn", "cka"])
    "Did you mean 'mutual_knn'?"
    >>> suggestion("L3", ["l1", "l2", "l3"])
    "Did you mean 'l3'?"
    >>> suggestion("zebra", ["cka", "rv"])
    'Known: cka, rv.'
    """
    known = list(known)
    spelled: dict[str, list[str]] = {}
    for name in known:
        spelled.setdefault(name.lower(), []).append(name)
    found = difflib.get_close_matches(word.lower(), spelled, n=2, cutoff=0.6)
    near = [name for lower in found for name in spelled[lower]][:2]
    if near:
        return "Did you mean " + " or ".join(repr(name) for name in near) + "?"
    return "Known: " + ", ".join(sorted(known)) + "."


def counted(n: int, noun: str, several: str = "") -> str:
    """So many of a thing, as a sentence says it.

    Parameters
    ----------
    n : how many.
    noun : what one is called.
    several : what several are called, where that is not an s more.

    Examples
    --------
    >>> counted(1, "label"), counted(2400, "label"), counted(0, "class", "classes")
    ('1 label', '2,400 labels', '0 classes')
    """
    return f"{n:,} {noun if n == 1 else several or noun + 's'}"


def missing(library: str, extra: str, *, wanted_for: str) -> MissingDependencyError:
    """The error for an optional library that is absent, naming the extra that installs it.

    Parameters
    ----------
    library : import name of the absent library.
    extra : platometer's extra that brings it.
    wanted_for : what it was needed for, in words.
    """
    return MissingDependencyError(
        f"{wanted_for} needs {library!r}, which is not installed. Install it with: pip install 'platometer[{extra}]'"
    )
