"""Plug-ins: one file in a folder is one plug-in, found by its file name.

A *folder* is a package of ours (``platometer.metrics``) or the modules that somebody else's package announces under
an entry-point group of the same name::

    [project.entry-points."platometer.metrics"]
    my_metric = "my_package.my_metric"

Nothing is imported until it is asked for by name, and nothing is ever registered at run time.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import pkgutil
from functools import cache
from types import ModuleType

from platometer.errors import UnknownNameError, suggestion


@cache
def _folder(package: str) -> dict[str, str]:
    path = importlib.import_module(package).__path__
    own = {m.name: f"{package}.{m.name}" for m in pkgutil.iter_modules(path) if not m.name.startswith("_")}
    outside = {point.name: point.value for point in importlib.metadata.entry_points(group=package)}
    return outside | own  # a name of ours is never shadowed from outside


def names(package: str) -> tuple[str, ...]:
    """Every plug-in of a folder, in alphabetical order, without importing any.

    Parameters
    ----------
    package : dotted name of the folder, such as ``"platometer.metrics"``.

    Examples
    --------
    >>> "mutual_knn" in names("platometer.metrics")
    True
    """
    return tuple(sorted(_folder(package)))


def load(package: str, name: str, *, noun: str) -> ModuleType:
    """The module of one plug-in, imported now.

    Parameters
    ----------
    package : dotted name of the folder.
    name : file name without ``.py``; hyphens and underscores are the same.
    noun : what a plug-in of this folder is called in the error, such as ``"metric"``.

    Raises
    ------
    UnknownNameError
        No plug-in of that name; the nearest name is suggested.
    """
    found = _folder(package).get(name.replace("-", "_"))
    if found is None:
        raise UnknownNameError(f"There is no {noun} named {name!r}. {suggestion(name, names(package))}")
    return importlib.import_module(found)
