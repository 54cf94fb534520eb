"""Rows of features in blocks: from arrays, memory maps, stored features or iterators, never more in memory than asked.

>>> import numpy as np
>>> [len(x) for x, y in paired_blocks(np.ones((10, 2)), iter([np.ones((7, 3)), np.ones((3, 3))]), rows=4)]
[4, 4, 2]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Any

import torch

from platometer.arrays import ArrayLike, as_features
from platometer.errors import InputError, ShapeError
from platometer.features import Features

Blocks = ArrayLike | Iterable[ArrayLike] | Features
"""What can be read in blocks: an array (n, d), in memory or mapped; an iterable of arrays (m, d); one stored layer."""


def row_blocks(x: Blocks, *, rows: int, name: str = "x") -> Iterator[torch.Tensor]:
    """The rows in order, as checked matrices (rows, d) in their own precision, the last one shorter.

    Parameters
    ----------
    x : an array (n, d), or anything with a shape whose rows can be sliced (numpy.memmap, h5py, zarr); an iterable of
        arrays (m, d) of any lengths; `Features` of one layer, read shard by shard.
    rows : of a block.
    name : what the features are called in errors.

    Raises
    ------
    ShapeError
        A block is no matrix, or blocks differ in width.
    NotFiniteError
        NaN or infinity; names the row of all rows.
    """
    feed = _Feed(x, rows, name)
    while (block := feed.take(rows)) is not None:
        yield block


def paired_blocks(
    left: Blocks, right: Blocks, *, rows: int, names: tuple[str, str] = ("left", "right")
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """The rows of both sides together, however each of them is cut into blocks.

    Parameters
    ----------
    left, right : as in `row_blocks`, with the same samples.
    rows : of a block.
    names : what the sides are called in errors.

    Raises
    ------
    ShapeError
        One side ends before the other.
    """
    a, b = _Feed(left, rows, names[0]), _Feed(right, rows, names[1])
    while True:
        x, y = a.take(rows), b.take(rows)
        if x is None and y is None:
            return
        if x is None or y is None or len(x) != len(y):
            short, long = (a, b) if a.given < b.given else (b, a)
            raise ShapeError(
                f"{short.name} ends after {short.given} samples and {long.name} has more; they must be paired, row by row. "
                "Was one side cut short?"
            )
        yield x, y


def length(x: Blocks) -> int | None:
    """The number of rows, where it is known without reading them.

    Parameters
    ----------
    x : as in `row_blocks`.
    """
    if isinstance(x, Features):
        return x.n
    shape = getattr(x, "shape", None)
    if shape is not None:
        return int(shape[0])
    return len(x) if isinstance(x, list | tuple) and not _holds_blocks(x) else None


def readers(x: Features) -> tuple[list[Callable[[], torch.Tensor]], list[int]]:
    """A function for each stored part of one layer, which reads its rows, and the row that each begins with.

    The functions may be sent to other processes that see the same place. `platometer.knn.Search` takes them as a gallery,
    which is then never in memory as a whole.

    Parameters
    ----------
    x : `Features` of one layer.

    Examples
    --------
    >>> import tempfile, torch
    >>> from platometer import store
    >>> kept = store.write(tempfile.mkdtemp(), "a", Features.of(torch.ones(5, 2)), rows=3)
    >>> functions, starts = readers(kept)
    >>> [len(read()) for read in functions], starts
    ([3, 2], [0, 3])
    """
    read = _one(x, "x")
    return read.readers() if hasattr(read, "readers") else ([read], [0])


class Stored:
    """Rows (n, d) of one stored layer, of which those are read that are asked for, and no others.

    Parameters
    ----------
    x : `Features` of one layer.

    Examples
    --------
    >>> Stored(Features.of([[1.0, 2.0], [3.0, 4.0]]))[torch.tensor([1])].tolist()
    [[3.0, 4.0]]
    """

    def __init__(self, x: Features) -> None:
        self._readers, self._starts = readers(x)
        self._name, self._n = x.model.name, x.n

    @cached_property
    def shape(self) -> tuple[int, int]:
        """(n, d)."""
        return self._n, int(self._readers[0]().shape[1])

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, rows: torch.Tensor) -> torch.Tensor:
        """(m, d) checked, in their stored precision and the order asked for."""
        where = torch.bucketize(rows, torch.tensor(self._starts), right=True) - 1
        out: torch.Tensor | None = None
        for part in where.unique().tolist():
            mine = (where == part).nonzero().flatten()
            found = self._readers[part]()[rows[mine] - self._starts[part]]
            if out is None:
                out = torch.empty(len(rows), found.shape[1], dtype=found.dtype)
            out[mine] = found
        if out is None:
            return torch.empty(0, self.shape[1])
        return as_features(out, name=self._name)


class _Feed:
    """Rows on demand from what comes in pieces."""

    def __init__(self, x: Blocks, rows: int, name: str) -> None:
        if rows < 1:
            raise InputError(f"rows = {rows}; a block has at least one row.")
        self.name, self.given = name, 0
        self._pieces = _pieces(x, rows, name)
        self._held: list[torch.Tensor] = []
        self._read, self._width = 0, 0

    def take(self, rows: int) -> torch.Tensor | None:
        """The next rows, fewer at the end, None after it.

        Parameters
        ----------
        rows : how many.

        Raises
        ------
        ShapeError
            The width changes on the way.
        """
        while sum(map(len, self._held)) < rows and (piece := next(self._pieces, None)) is not None:
            piece = as_features(piece, name=f"{self.name}, from row {self._read}", least_rows=0)
            if self._width not in (0, piece.shape[1]):
                raise ShapeError(
                    f"{self.name} has {self._width} features up to row {self._read} and {piece.shape[1]} from there on; "
                    "expected blocks (m, d) of one width."
                )
            self._read, self._width = self._read + len(piece), piece.shape[1]
            self._held.append(piece)
        whole = [piece for piece in self._held if len(piece)]
        if not whole:
            return None
        joined = whole[0] if len(whole) == 1 else torch.cat(whole)
        self._held = [joined[rows:]]
        self.given += min(rows, len(joined))
        return joined[:rows]


def _pieces(x: Blocks, rows: int, name: str) -> Iterator[ArrayLike]:
    if isinstance(x, Features):
        read: Any = _one(x, name)
        whole = read.parts() if hasattr(read, "parts") else iter([read()])
        return (part[start : start + rows] for part in whole for start in range(0, len(part), rows))
    if getattr(x, "shape", None) is not None:
        return (x[start : start + rows] for start in range(0, x.shape[0], rows))  # type: ignore[index, attr-defined]
    if isinstance(x, list | tuple) and not _holds_blocks(x):
        return iter([x])
    if not isinstance(x, Iterable):
        raise InputError(f"{name} is a {type(x).__name__}; expected an array (n, d), or an iterable of blocks (m, d).")
    return iter(x)


def _one(x: Features, name: str) -> Any:
    if len(x) != 1:
        raise InputError(
            f"{name} ({x.model.name}) has {len(x)} layers; blocks are read from one. "
            f"Choose it with .only(['{x.names[-1]}'])."
        )
    return x.layers[x.names[0]]


def _holds_blocks(x: list | tuple) -> bool:
    return len(x) > 0 and getattr(x[0], "ndim", 0) == 2
