"""What a model must be able to do, and how a source string becomes one."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import torch

from platometer import plugins
from platometer.cards import Card
from platometer.errors import SpecError, suggestion


@runtime_checkable
class Model(Protocol):
    """Anything that turns items of one modality into one vector per layer.

    Attributes
    ----------
    card : name, source, revision, licence, number of parameters.
    modality : ``"text"``, ``"image"``, ``"audio"`` or ``"vector"``; see `platometer.samples.Samples` for the items.
    details : whatever else the numbers depend on, as JSON values: pooling, preprocessing, dtype, context length. Two
        models with equal cards and details give equal features on equal items, up to rounding.
    """

    @property
    def card(self) -> Card: ...

    @property
    def modality(self) -> str: ...

    @property
    def details(self) -> Mapping[str, object]: ...

    def layers(self) -> tuple[str, ...]:
        """Names of the layers, in order of depth."""
        ...

    def encode(self, items: Sequence[object]) -> Mapping[str, torch.Tensor]:
        """One vector per item and layer: layer -> (len(items), d) floating point, on the CPU or a device.

        The vectors of an item do not depend, beyond rounding, on which other items are encoded with it.
        """
        ...


@runtime_checkable
class Sized(Protocol):
    """What a model with a context length can say before it runs."""

    @property
    def limit(self) -> int | None: ...

    def lengths(self, items: Sequence[object]) -> list[int]:
        """Length of each item in tokens (or frames), uncut; items longer than `limit` will be cut by ``encode``."""
        ...


def names() -> tuple[str, ...]:
    """Every kind of model source, from this package and from installed plug-ins."""
    return plugins.names("platometer.models")


def load(source: str, **options: object) -> Model:
    """The model that a source string names, ready to encode.

    Parameters
    ----------
    source : ``PREFIX:NAME``, the prefix being one of `names`.
    options : passed on to the source; see ``load`` in its file. All take ``layers`` and ``pooling`` where they apply.

    Raises
    ------
    SpecError
        No prefix, or an unknown one; an option that the source does not have.
    ModelError
        The source does not have it, or cannot load it.
    """
    prefix, colon, name = source.partition(":")
    if not colon or not name:
        raise SpecError(f"The model source {source!r} has no prefix; expected e.g. {'hf:' + source!r}. "
                        f"{suggestion(prefix, names())}")
    read = plugins.load("platometer.models", prefix, noun="model source").load
    wanted = inspect.signature(read).parameters
    if not any(p.kind is p.VAR_KEYWORD for p in wanted.values()):
        known = list(wanted)[1:]
        for option in options:
            if option not in known:
                raise SpecError(f"The model source {prefix!r} has no option {option!r}. {suggestion(option, known)}")
    return read(name, **options)
