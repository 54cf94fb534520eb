"""How good a model is at one thing, with what a reader must know to compare it."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from platometer.errors import InputError


@dataclass(frozen=True)
class Capability:
    """One number about one model.

    Attributes
    ----------
    model : name.
    what : it is good at, or has: ``"bits per byte of wikitext"``, ``"accuracy on cifar"``, ``"imagenet top1"``.
    value : the number.
    low, high : its 95 % interval; None where there is none.
    unit : of the value.
    better : ``"high"`` or ``"low"``.
    n : how many things the value is a mean over (bytes, test samples); None where that is not told.
    source : measured here, or the table that says so.
    details : anything else; JSON values only.

    Examples
    --------
    >>> Capability("gpt2", "bits per byte of a text", 1.2, low=1.1, high=1.3, unit="bits per byte", better="low", n=1000)
    <gpt2: bits per byte of a text 1.2 [1.1, 1.3] bits per byte, low is better, n = 1,000>
    """

    model: str
    what: str
    value: float
    low: float | None = None
    high: float | None = None
    unit: str = ""
    better: str = "high"
    n: int | None = None
    source: str = ""
    details: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise InputError(f"{self.what} of {self.model} is {self.value}; expected a finite number.")
        if self.better not in ("high", "low"):
            raise InputError(f"better = {self.better!r}; expected 'high' or 'low'.")
        if (self.low is None) != (self.high is None):
            raise InputError(f"{self.what} of {self.model} has one end of an interval only: {self.low}, {self.high}.")
        object.__setattr__(self, "details", MappingProxyType(json.loads(json.dumps(dict(self.details)))))

    def as_row(self) -> dict[str, Any]:
        """The fields as JSON values, and the value once more under the name of `what`."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)} | {
            "details": dict(self.details), self.what: self.value}

    def __repr__(self) -> str:
        ends = "" if self.low is None else f" [{self.low:.4g}, {self.high:.4g}]"
        n = "" if self.n is None else f", n = {self.n:,}"
        return f"<{self.model}: {self.what} {self.value:.4g}{ends} {self.unit}, {self.better} is better{n}>"


def against(found: Sequence[Capability], *, what: str | None = None) -> dict[str, float]:
    """Model's name -> a number that grows with capability, as `platometer.trends.trend` takes it.

    Where low is better the sign is turned, so that bits per byte become minus bits per byte: correlations are those with the
    paper's 1 - bits per byte.

    Parameters
    ----------
    found : about one thing.
    what : which, if they are about several.

    Raises
    ------
    InputError
        There are none, they are about several things, or a model has two values.

    Examples
    --------
    >>> against([Capability("a", "bits", 1.5, better="low"), Capability("b", "bits", 1.25, better="low")])
    {'a': -1.5, 'b': -1.25}
    """
    chosen = [one for one in found if what is None or one.what == what]
    kinds = list(dict.fromkeys((one.what, one.better) for one in chosen))
    if len(kinds) != 1:
        told = ", ".join(repr(name) for name, _ in list(dict.fromkeys((one.what, one.better) for one in found))[:5])
        raise InputError(f"{len(kinds)} kinds of capability; expected one. Choose with what=; there are {told or 'none'}.")
    table: dict[str, float] = {}
    for one in chosen:
        value = one.value if one.better == "high" else -one.value
        if table.get(one.model, value) != value:
            raise InputError(f"{one.model!r} has two values of {one.what!r}: {abs(table[one.model]):g} and {one.value:g}. "
                             "Keep one.")
        table[one.model] = value
    return table
