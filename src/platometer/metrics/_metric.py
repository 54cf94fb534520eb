"""The interface of a metric, its facts, and how a spec becomes one."""

from __future__ import annotations

import dataclasses
import types
import typing
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from platometer import plugins, spec
from platometer.errors import InputError, ShapeError, SpecError, suggestion
from platometer.metrics._moments import GridMoments

INVARIANCES = ("rotation", "scale", "translation", "linear")
"""What a metric may be blind to on either side: an orthogonal map; one positive factor; one added vector; any
invertible linear map (which implies rotation and scale)."""


@dataclass(frozen=True)
class Facts:
    """What is true of a metric; the laws in ``tests/laws`` hold every metric to it.

    Parameters
    ----------
    range : least and largest value, on any input; ``inf`` where there is no bound.
    alike : whether alike spaces score ``"high"`` or ``"low"``.
    symmetric : whether score(x, y) = score(y, x).
    invariances : those of `INVARIANCES` that hold exactly, with conditioning ``none``.
    ties : the rule for tied distances, in words; ``"no ties"`` where none can matter.
    least_n : fewest samples for which the score is defined.
    scope : ``"local"`` if it sees neighbourhoods, ``"global"`` if all distances.
    source : where it is defined, with the equation.
    self_score : the score of a space with itself (without ties); None where it depends on the space.
    bounded : whether the end of `range` on the alike side is a bound that a calibrated score can be scaled to.
    """

    range: tuple[float, float]
    alike: Literal["high", "low"]
    symmetric: bool
    invariances: tuple[str, ...]
    ties: str
    least_n: int
    scope: Literal["local", "global"]
    source: str
    self_score: float | None = 1.0
    bounded: bool = True

    @property
    def best(self) -> float | None:
        """The score of perfect agreement, to which calibrated scores are scaled; None if no bound is known."""
        value = self.range[1] if self.alike == "high" else self.range[0]
        return value if self.bounded and abs(value) != float("inf") else None

    @property
    def sign(self) -> int:
        """+1 if more is more alike, -1 if less is."""
        return 1 if self.alike == "high" else -1


@dataclass(frozen=True)
class Moments:
    """Mean, variance and skewness of the score over all n! re-pairings, in closed form.

    Parameters
    ----------
    mean, variance : exact.
    skewness : exact third standardised moment; 0 where the variance is 0.
    """

    mean: float
    variance: float
    skewness: float


class Metric(ABC):
    """A score of two representations, in two steps: prepare each side once, compare often.

    A metric file defines one frozen dataclass that inherits from this and nothing else. The contract:

    - ``prepare(x)`` takes (n, d) float64, finite, conditioned; returns whatever needs no partner.
    - ``compare(a, b)`` is the score of two prepared sides, a plain float, never NaN.
    - ``permute(a, order)`` equals ``prepare(x[order])`` to rounding, cheaply.
    - ``grid`` and ``null_grid`` equal the plain loops below to rounding; override them where many comparisons at
      once are faster than one by one.
    - Undefined is an error (`UndefinedError`), not a stand-in.

    A metric that reads its samples in parts says ``by_rows = True`` and takes `platometer.arrays.Rows` as well, so that
    features need not be copied to float64 as a whole.
    """

    by_rows: typing.ClassVar[bool] = False

    @property
    @abstractmethod
    def facts(self) -> Facts:
        """What is true of this metric with these options."""

    @abstractmethod
    def prepare(self, x: typing.Any) -> typing.Any:
        """All that needs no partner: neighbour lists, a centred Gram, a basis."""

    @abstractmethod
    def compare(self, a: typing.Any, b: typing.Any) -> float:
        """The score of two prepared sides."""

    @abstractmethod
    def permute(self, a: typing.Any, order: torch.Tensor) -> typing.Any:
        """The prepared side of the same samples in another order."""

    def grid(self, lefts: Sequence, rights: Sequence) -> torch.Tensor:
        """Scores of all layer pairs, (L, M) float64 on the CPU.

        Parameters
        ----------
        lefts, rights : L and M prepared sides over the same samples.
        """
        return torch.tensor([[self.compare(a, b) for b in rights] for a in lefts], dtype=torch.float64)

    def null_grid(self, lefts: Sequence, rights: Sequence, orders: torch.Tensor) -> torch.Tensor:
        """Scores of all layer pairs under each re-pairing of the right side, (B, L, M) float64 on the CPU.

        Parameters
        ----------
        lefts, rights : L and M prepared sides over the same samples.
        orders : (B, n) permutations; draw b pairs row i of the left with row orders[b, i] of the right.
        """
        return torch.stack([self.grid(lefts, [self.permute(b, order) for b in rights]) for order in orders])

    @property
    def rings(self) -> bool:
        """Whether `null_grid` computes all turns of a ring (`platometer.nulls.orders`) together, at little more than the cost
        of one, so that draws are best asked for by whole rings."""
        return False

    def null_moments(self, lefts: Sequence, rights: Sequence) -> GridMoments | None:
        """Exact moments of all scores of a grid over all re-pairings, and how the scores go together, or None where no
        closed form is known.

        Parameters
        ----------
        lefts, rights : L and M prepared sides over the same samples.
        """
        return None

    def moments(self, a: typing.Any, b: typing.Any) -> Moments | None:
        """Exact moments of one score over all re-pairings, or None where no closed form is known.

        Parameters
        ----------
        a, b : prepared sides.
        """
        found = self.null_moments([a], [b])
        if found is None:
            return None
        return Moments(float(found.mean[0, 0]), float(found.variance[0, 0]), float(found.skewness[0, 0]))

    def rounding(self, a: typing.Any) -> float:
        """How far `null_grid` may be from the plain loop, for sides like this one; 0 if no further than float64 rounds.

        Parameters
        ----------
        a : a prepared side.
        """
        return float(getattr(a, "rounding", 0.0))

    def remarks(self, a: typing.Any) -> tuple[str, ...]:
        """What a reader must know about a prepared side, such as many ties; usually nothing.

        Parameters
        ----------
        a : a prepared side.
        """
        return ()

    @property
    def name(self) -> str:
        """The file's name."""
        return type(self).__module__.rpartition(".")[2]

    @property
    def least_n(self) -> int:
        """Fewest samples, with these options."""
        return self.facts.least_n

    def check_n(self, n: int) -> None:
        """Nothing, if n samples are enough.

        Parameters
        ----------
        n : number of samples.

        Raises
        ------
        ShapeError
            n is below the least.
        """
        if n < self.least_n:
            raise ShapeError(f"{self} needs at least {self.least_n} samples; there are {n}.")

    def __str__(self) -> str:
        options = {_spelled(f.name): getattr(self, f.name) for f in dataclasses.fields(self)}  # type: ignore[arg-type]
        return spec.spell(self.name, {key: value for key, value in options.items() if value is not None})


def names() -> tuple[str, ...]:
    """Every metric there is, from this package and from installed plug-ins."""
    return plugins.names("platometer.metrics")


def parse(text: str | Metric) -> Metric:
    """The metric that a spec names; options left out take their defaults.

    Parameters
    ----------
    text : such as ``"cka(kernel=rbf, bandwidth=1.0)"``, or a metric, which is returned.

    Raises
    ------
    UnknownNameError
        No metric of that name.
    SpecError
        Unknown option, or a value that the option cannot take.

    Examples
    --------
    >>> parse("mutual_knn(k=5)").k
    5
    """
    if isinstance(text, Metric):
        return text
    name, options = spec.parse(text)
    kind = _class_of(plugins.load("platometer.metrics", name, noun="metric"))
    hints = typing.get_type_hints(kind)
    known = {_spelled(f.name): f.name for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    checked = {}
    for key, value in options.items():
        if key not in known:
            hint = suggestion(key, known) if known else "It has no options."
            what = f"no option {key!r}" if key else f"options with names only, not {value!r}"
            raise SpecError(f"{text!r}: {name} has {what}. {hint}")
        checked[known[key]] = _fit(value, hints[known[key]], f"{text!r}: {key}")
    try:
        return kind(**checked)
    except InputError as error:
        raise SpecError(f"{text!r}: {error}") from None


def _spelled(field: str) -> str:
    """An option as written in a spec; a field ends in _ where its word is that of a method (``compare_``)."""
    return field.removesuffix("_")


def _class_of(module: types.ModuleType) -> type[Metric]:
    found = [
        value for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Metric) and value.__module__ == module.__name__
    ]
    if len(found) != 1:
        raise SpecError(f"{module.__name__} defines {len(found)} metrics; a metric file defines exactly one.")
    return found[0]


def _fit(value: object, hint: object, where: str) -> object:
    """The value as the annotated type, or an error that says what the option takes."""
    origin, inside = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        if value in inside:
            return value
        raise SpecError(f"{where} = {value!r}. {suggestion(str(value), map(str, inside))}")
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in inside:
            return None
        return _fit(value, next(kind for kind in inside if kind is not type(None)), where)
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if hint is int and isinstance(value, int) and not isinstance(value, bool):
        return value
    if hint is bool and isinstance(value, bool):
        return value
    if hint is str and isinstance(value, str):
        return value
    raise SpecError(f"{where} = {value!r}; expected {getattr(hint, '__name__', hint)}.")
