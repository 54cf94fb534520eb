"""Features: what a model made of samples, layer by layer, and how."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from types import MappingProxyType
from typing import Any, Protocol

import torch

from platometer import threads
from platometer.arrays import ArrayLike, as_features, as_floating, as_matrix, as_tensor
from platometer.cards import Card, digest, fingerprint
from platometer.errors import InputError, ShapeError, UnknownNameError, counted, suggestion


@dataclass(frozen=True, eq=False)
class Features:
    """Layers of one model over n samples, read when asked for.

    Parameters
    ----------
    layers : name -> a function of no arguments that returns (n, d) as a torch tensor in its stored dtype; in order
        of depth.
    n : number of samples.
    model : card of the model.
    samples : fingerprint of the samples; empty for plain arrays.
    pooling : how tokens or pixels became one vector; empty for plain arrays.
    ids : the samples' ids; empty for plain arrays.
    details : what else was done: preprocessing, dtype, how many texts were cut.

    Examples
    --------
    >>> f = Features.of([torch.ones(4, 2), torch.ones(4, 3)], name="toy")
    >>> f.names, f.widths
    (('0', '1'), (2, 3))
    """

    layers: Mapping[str, Callable[[], torch.Tensor]] = field(repr=False)
    n: int
    model: Card
    samples: str = ""
    pooling: str = ""
    ids: tuple[str, ...] = field(default=(), repr=False)
    details: Mapping[str, object] = field(default_factory=dict)
    key: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", MappingProxyType(dict(self.layers)))
        object.__setattr__(self, "details", MappingProxyType(dict(self.details)))
        if not self.layers:
            raise InputError(f"{self.model.name} has no layers.")
        if self.ids and len(self.ids) != self.n:
            raise ShapeError(f"{self.model.name} has {counted(self.n, 'sample')} and {counted(len(self.ids), 'id')}.")

    @classmethod
    def of(cls, x: object, *, name: str = "x", samples: str = "") -> Features:
        """Features from whatever holds layers: `Features`, one array, a list or dictionary of them, (n, L, d).

        Parameters
        ----------
        x : one array (n,) or (n, d); an array (n, L, d) of L layers; a sequence or mapping of arrays (n, d_l), whose
            widths may differ. The index of a DataFrame, where it is unique and does not only count, names the samples.
        name : what they are called in tables and errors.
        samples : fingerprint of the samples, if known.

        Raises
        ------
        ShapeError
            Layers differ in their number of samples or in the order that DataFrames name, or an array has no such shape.
        NotFiniteError
            NaN or infinity.
        """
        return cls._made(x, as_features, name=name, samples=samples)

    @classmethod
    def unseen(cls, x: object, *, name: str = "x", samples: str = "") -> Features:
        """The same, but nobody has looked yet whether every entry is finite: for who reads all of them soon, and does.

        Parameters
        ----------
        x, name, samples : as for `of`, whose other errors this raises.
        """
        return cls._made(x, as_floating, name=name, samples=samples)

    @classmethod
    def _made(cls, x: object, check: Callable[..., torch.Tensor], *, name: str, samples: str) -> Features:
        if isinstance(x, Features):
            return x
        named = _named_layers(x, name)
        if not named:
            raise InputError(f"{name} has no layers.")
        tensors = {key: as_tensor(value, name=_called(name, key, named)) for key, value in named.items()}
        checked = threads.each(lambda key: check(tensors[key], name=_called(name, key, named)), list(tensors))
        matrices = dict(zip(tensors, checked, strict=True))
        sizes = {value.shape[0] for value in matrices.values()}
        if len(sizes) != 1:
            listed = ", ".join(f"{key!r} has {value.shape[0]}" for key, value in matrices.items())
            raise ShapeError(f"The layers of {name} must have the same samples, but {listed}.")
        stored = {key: value[:, None] if value.ndim == 1 else value for key, value in tensors.items()}
        return cls(
            layers={key: _giving(value) for key, value in stored.items()},
            n=sizes.pop(),
            model=Card(name),
            samples=samples,
            ids=_ids(x, name),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the layers, in order of depth."""
        return tuple(self.layers)

    @cached_property
    def widths(self) -> tuple[int, ...]:
        """Number of features of each layer."""
        return tuple(self.layers[name]().shape[1] for name in self.names)

    def __getitem__(self, layer: str) -> torch.Tensor:
        """One layer (n, d), in its stored dtype."""
        if layer not in self.layers:
            raise UnknownNameError(f"{self.model.name} has no layer {layer!r}. {suggestion(layer, self.names)}")
        return self.layers[layer]()

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.layers)

    def matrix(self, layer: str) -> torch.Tensor:
        """One layer as a checked float64 matrix (n, d).

        Parameters
        ----------
        layer : one of `names`.

        Raises
        ------
        NotFiniteError
            NaN or infinity; names the row.
        """
        return as_matrix(self[layer], name=f"{self.model.name}, layer {layer}")

    def checked(self, layer: str) -> torch.Tensor:
        """One layer as a checked matrix (n, d) of floating point numbers in their own precision.

        Parameters
        ----------
        layer : one of `names`.

        Raises
        ------
        NotFiniteError
            NaN or infinity; names the row.
        """
        return as_features(self[layer], name=f"{self.model.name}, layer {layer}")

    def floating(self, layer: str) -> torch.Tensor:
        """The same matrix for who looks himself whether every entry is finite.

        Parameters
        ----------
        layer : one of `names`.
        """
        return as_floating(self[layer], name=f"{self.model.name}, layer {layer}")

    def only(self, layers: Sequence[str]) -> Features:
        """The same features with these layers only, in this order.

        Parameters
        ----------
        layers : some of `names`.
        """
        for layer in layers:
            if layer not in self.layers:
                raise UnknownNameError(f"{self.model.name} has no layer {layer!r}. {suggestion(layer, self.names)}")
        key = fingerprint(self.key, list(layers)) if self.key else ""
        return replace(self, layers={name: self.layers[name] for name in layers}, key=key)

    @cached_property
    def fingerprint(self) -> str:
        """A name for the content: the store's key if there is one, else a hash of every number."""
        if self.key:
            return self.key

        return fingerprint(*chain.from_iterable(threads.each(self.told, self.names)))

    def told(self, layer: str) -> list[object]:
        """What the fingerprint says of a layer that is not from a store; kept, so best asked for while the layer is read.

        Parameters
        ----------
        layer : one of `names`.
        """
        if layer not in self._told:
            value = self[layer].detach().cpu().contiguous()
            content = memoryview(value.flatten().view(torch.uint8).numpy())  # type: ignore[arg-type]
            self._told[layer] = [layer, list(value.shape), str(value.dtype), digest(content)]
        return self._told[layer]

    @cached_property
    def _told(self) -> dict[str, list[object]]:
        return {}

    @property
    def _width(self) -> str:
        low, high = min(self.widths), max(self.widths)
        return str(low) if low == high else f"{low} to {high}"

    def __repr__(self) -> str:
        layers = "1 layer" if len(self) == 1 else f"{len(self)} layers"
        return f"<Features of {self.model.name}: {self.n} samples, {layers} of width {self._width}>"


class OfSamples(Protocol):
    """Anything made of a model's samples."""

    @property
    def n(self) -> int: ...
    @property
    def ids(self) -> tuple[str, ...]: ...
    @property
    def model(self) -> Card: ...


def check_same_samples(left: OfSamples, right: OfSamples) -> None:
    """Nothing, if both are of as many samples and, where their ids are known, of the same in the same order.

    Parameters
    ----------
    left, right : such as `Features`.

    Raises
    ------
    ShapeError
        Their numbers differ, or the ids of a row, which is named.
    """
    if left.n != right.n:
        raise ShapeError(
            f"{left.model.name} has {counted(left.n, 'sample')} and {right.model.name} has {right.n:,}; row i of both must be "
            "the same sample. Was one side extracted from a subset, or cut short?"
        )
    if left.ids and right.ids and left.ids != right.ids:
        row = next(i for i, (a, b) in enumerate(zip(left.ids, right.ids, strict=True)) if a != b)
        why = ("They have the same samples in another order: bring one into that of the other (of DataFrames: y.loc[x.index])."
               if set(left.ids) == set(right.ids) else "Do they come from two subsets, or in two orders?")
        raise ShapeError(
            f"Row {row} of {left.model.name} is the sample {left.ids[row]!r} and of {right.model.name} {right.ids[row]!r}; "
            f"row i of both must be the same sample. {why}"
        )


def _giving(value: torch.Tensor) -> Callable[[], torch.Tensor]:
    return lambda: value


def _named_layers(x: object, name: str) -> dict[str, ArrayLike]:
    if isinstance(x, Mapping):
        return {str(key): value for key, value in x.items()}
    if isinstance(x, list | tuple) and not (x and _is_numbers(x)):
        return {str(i): value for i, value in enumerate(x)}
    tensor = as_tensor(x, name=name)
    if tensor.ndim == 3:
        return {str(i): tensor[:, i] for i in range(tensor.shape[1])}
    if tensor.ndim > 3 or tensor.ndim == 0:
        raise ShapeError(
            f"{name} has shape {tuple(tensor.shape)}; expected (n, d), or (n, L, d) for L layers, or a list of (n, d)."
        )
    return {"0": tensor}


def _ids(x: object, name: str) -> tuple[str, ...]:
    """What the index of a DataFrame, or of each layer's, calls the samples; empty if there is none or it only counts."""
    layers = list(x.values()) if isinstance(x, Mapping) else x if isinstance(x, list | tuple) else [x]
    found = [ids for ids in map(_labels, layers) if ids]
    for ids in found[1:]:
        if ids != found[0]:
            row = next(i for i, (a, b) in enumerate(zip(found[0], ids, strict=True)) if a != b)
            raise ShapeError(f"Layers of {name} differ in row {row}: {found[0][row]!r} in the index of one, {ids[row]!r} in "
                             "that of another. Row i of all must be the same sample.")
    return found[0] if found else ()


def _labels(x: object) -> tuple[str, ...]:
    """The index of a DataFrame or Series, if it is unique and does not only count."""
    index: Any = getattr(x, "index", None)
    if not hasattr(x, "iloc") or type(index).__name__ == "RangeIndex":
        return ()
    ids = tuple(map(str, index))
    return ids if len(set(ids)) == len(ids) and ids != tuple(map(str, range(len(ids)))) else ()


def _is_numbers(x: list | tuple) -> bool:
    """Whether a list is one table of numbers rather than a list of layers."""
    first = x[0]
    if isinstance(first, list | tuple) and first:
        return not isinstance(first[0], list | tuple) and not hasattr(first[0], "shape")
    if hasattr(first, "shape"):
        return not first.shape
    return not hasattr(first, "__array__") and not hasattr(first, "__dlpack__")


def _called(name: str, key: str, named: Mapping[str, object]) -> str:
    return name if len(named) == 1 else f"{name}, layer {key}"
