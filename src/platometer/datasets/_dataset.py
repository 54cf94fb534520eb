"""How a dataset's name becomes paired samples."""

from __future__ import annotations

import dataclasses
import inspect

from platometer import plugins
from platometer.errors import SpecError, suggestion
from platometer.samples import Paired


def names() -> tuple[str, ...]:
    """Every dataset source, from this package and from installed plug-ins."""
    return plugins.names("platometer.datasets")


def load(source: str, *, limit: int | None = None, seed: int = 0, **options: object) -> Paired:
    """The paired samples that a source and its options name.

    Parameters
    ----------
    source : one of `names`, or ``NAME:REST``, which passes REST as the source's first parameter.
    limit : keep a subset of this many samples, drawn by `seed`; all if None, and, with a note, if there are no more.
    seed : of the subset, and of whatever else the source draws (``captions="random"``).
    options : parameters of ``load`` in the source's file.

    Raises
    ------
    UnknownNameError
        No such source.
    SpecError
        An option that the source does not have.
    DataError
        The data cannot be read.
    """
    name, colon, rest = source.partition(":")
    read = plugins.load("platometer.datasets", name, noun="dataset").load
    known = list(inspect.signature(read).parameters)
    if colon:
        options = {known[0]: rest} | options
    for option in options:
        if option not in known:
            raise SpecError(f"The dataset {name!r} has no option {option!r}. {suggestion(option, known)}")
    needed = [key for key, value in inspect.signature(read).parameters.items() if value.default is value.empty]
    for option in needed:
        if option not in options:
            raise SpecError(f"The dataset {name!r} needs the option {option!r}.")
    if limit is not None and limit < 1:
        raise SpecError(f"limit = {limit}; expected at least one sample, or none for all.")
    paired = read(**({"seed": seed} if "seed" in known else {}), **options)
    if limit is None or len(paired) == limit:
        return paired
    if len(paired) < limit:
        return dataclasses.replace(paired, notes=(*paired.notes, f"limit = {limit:,}, and there are {len(paired):,} samples: "
                                                                 "all of them"))
    part = paired.subset(limit, seed=seed)
    return dataclasses.replace(part, notes=(*part.notes, f"{len(part)} of {len(paired)} samples, drawn with seed {seed}"))
