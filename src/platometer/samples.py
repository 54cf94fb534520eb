"""Samples of one modality, and views of the same samples in several: the data that models are run on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType

import numpy as np

from platometer.cards import Card, fingerprint
from platometer.errors import InputError, counted

MODALITIES = ("text", "image", "audio", "vector")


@dataclass(frozen=True, eq=False)
class Samples:
    """n samples of one modality, each with one item or several (five captions of a picture).

    Parameters
    ----------
    ids : n distinct strings; rows of all views of one dataset are in this order.
    items : n entries, read lazily: ``items[i]`` is a tuple of the items of sample i. Text is ``str``, an image is a
        ``PIL.Image.Image``, audio is ``(waveform (t,) float32, rate in Hz)``, a vector is an array (d,).
    modality : one of ``MODALITIES``.
    content : n strings that name the content of each sample: a hash of the file's bytes, or of the text.
    card : where they came from.

    Raises
    ------
    InputError
        Lengths differ, ids repeat, or the modality is unknown.
    """

    ids: tuple[str, ...]
    items: Sequence[tuple[object, ...]] = field(repr=False)
    modality: str
    content: Sequence[str] = field(repr=False)
    card: Card = field(default_factory=lambda: Card("samples"))

    def __post_init__(self) -> None:
        if self.modality not in MODALITIES:
            raise InputError(f"There is no modality {self.modality!r}; expected one of {', '.join(MODALITIES)}.")
        if not len(self.ids) == len(self.items) == len(self.content):
            raise InputError(
                f"{len(self.ids)} ids, {len(self.items)} items and {len(self.content)} content hashes: one each is needed."
            )
        if len(set(self.ids)) < len(self.ids):
            seen: set[str] = set()
            twice = next(name for name in self.ids if name in seen or seen.add(name))  # type: ignore[func-returns-value]
            raise InputError(f"The id {twice!r} stands more than once; ids must be distinct.")

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def of(cls, items: Sequence[object], *, modality: str, name: str = "samples") -> Samples:
        """Samples of one item each from a plain list, with ids "0", "1", ... and content hashed from what is there.

        Parameters
        ----------
        items : texts, pictures (``PIL.Image.Image``), sounds (waveform, rate) or vectors; a tuple or list of texts is
            one sample with several items.
        modality : of all items.
        name : what they are called.

        Examples
        --------
        >>> len(Samples.of(["a dog", "a cat"], modality="text"))
        2
        """
        several = [tuple(i) if isinstance(i, tuple | list) and modality in ("text", "image") else (i,) for i in items]
        return cls(
            ids=tuple(str(i) for i in range(len(several))),
            items=several,
            modality=modality,
            content=[fingerprint(*(_content(item) for item in row)) for row in several],
            card=Card(name),
        )

    @cached_property
    def fingerprint(self) -> str:
        """A hash of ids and content: the same samples in the same order have the same fingerprint."""
        return fingerprint(self.modality, list(self.ids), list(self.content))

    def take(self, rows: Sequence[int]) -> Samples:
        """The samples at these positions, in this order.

        Parameters
        ----------
        rows : positions, each at most once.
        """
        rows = [int(row) for row in rows]
        return replace(
            self,
            ids=tuple(self.ids[row] for row in rows),
            items=Rows(self.items, rows),
            content=[self.content[row] for row in rows],
        )


class Rows(Sequence):
    """Some entries of a sequence in a new order, still read lazily.

    Parameters
    ----------
    items : the sequence.
    rows : positions in it.
    """

    def __init__(self, items: Sequence, rows: Sequence[int]):
        self._items, self._rows = items, tuple(rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, i):
        if isinstance(i, slice):
            return Rows(self._items, self._rows[i])
        return self._items[self._rows[i]]


class Lazy(Sequence):
    """n entries computed when asked for, such as pictures decoded from files.

    Parameters
    ----------
    n : how many.
    read : position -> entry.
    """

    def __init__(self, n: int, read: Callable[[int], object]):
        self._n, self._read = n, read

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, i):
        if isinstance(i, slice):
            return Rows(self, range(*i.indices(self._n)))
        if not -self._n <= i < self._n:
            raise IndexError(i)
        return self._read(i % self._n)

    def __iter__(self) -> Iterator:
        return (self._read(i) for i in range(self._n))


@dataclass(frozen=True, eq=False)
class Paired:
    """Views of the same samples in two modalities or more.

    Parameters
    ----------
    views : name of the view -> samples; the same ids in the same order in each.
    card : where they came from.
    notes : what a reader must know: duplicates found, captions dropped.
    groups : n labels of samples that depend on each other (captions of one picture); None if they are independent.

    Raises
    ------
    InputError
        No view, or ids differ between views.
    """

    views: Mapping[str, Samples]
    card: Card
    notes: tuple[str, ...] = ()
    groups: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "views", MappingProxyType(dict(self.views)))
        if not self.views:
            raise InputError("Paired samples need at least one view.")
        (first, ids), *others = ((name, view.ids) for name, view in self.views.items())
        for name, other in others:
            if other != ids:
                raise InputError(f"The views {first!r} and {name!r} do not hold the same ids in the same order.")
        if self.groups is not None and len(self.groups) != len(ids):
            raise InputError(f"{counted(len(self.groups), 'group label')} for {counted(len(ids), 'sample')}.")

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def ids(self) -> tuple[str, ...]:
        """The samples' ids, the same in every view."""
        return next(iter(self.views.values())).ids

    @cached_property
    def fingerprint(self) -> str:
        """A hash of every view's fingerprint."""
        return fingerprint({name: view.fingerprint for name, view in self.views.items()})

    def view(self, modality: str) -> Samples:
        """The view of this name or, if there is none, the only view of this modality.

        Parameters
        ----------
        modality : name of a view or a modality.

        Raises
        ------
        InputError
            No such view, or several of this modality.
        """
        if modality in self.views:
            return self.views[modality]
        found = [name for name, view in self.views.items() if view.modality == modality]
        if len(found) == 1:
            return self.views[found[0]]
        what = f"several views of modality {modality!r}: {found}" if found else f"no view {modality!r}"
        raise InputError(f"{self.card.name} has {what}; its views are {', '.join(self.views)}. Name the view.")

    def take(self, rows: Sequence[int]) -> Paired:
        """The samples at these positions, in this order, in every view.

        Parameters
        ----------
        rows : positions, each at most once.
        """
        groups = None if self.groups is None else tuple(self.groups[row] for row in rows)
        return replace(self, views={name: view.take(rows) for name, view in self.views.items()}, groups=groups)

    def subset(self, n: int, *, seed: int) -> Paired:
        """At most n samples drawn without replacement, in their original order; the same seed gives the same samples.

        Samples of one group stay together: whole groups are drawn, as many as fit.

        Parameters
        ----------
        n : how many; all of them if there are no more.
        seed : any integer.

        Raises
        ------
        InputError
            Not even one group fits.
        """
        if n >= len(self):
            return self
        labels = self.groups if self.groups is not None else self.ids
        rows: dict[str, list[int]] = {}
        for row, label in enumerate(labels):
            rows.setdefault(label, []).append(row)
        units = list(rows.values())
        words = np.random.Philox(key=seed % 2**64).random_raw(len(units))
        kept: list[int] = []
        for unit in np.argsort(words, kind="stable"):
            if len(kept) + len(units[unit]) <= n:
                kept += units[unit]
        if not kept:
            raise InputError(f"A subset of {n} samples cannot hold a single group of {self.card.name}.")
        return self.take(sorted(kept))


def _content(item: object) -> object:
    """What a fingerprint can be taken of."""
    if isinstance(item, str | bytes):
        return item
    if isinstance(item, tuple):  # a waveform and its rate
        return fingerprint(*(_content(part) for part in item))
    if hasattr(item, "tobytes") and hasattr(item, "size"):  # pictures and arrays
        form = [getattr(item, "mode", ""), str(getattr(item, "dtype", "")), str(getattr(item, "shape", item.size))]
        return fingerprint(form, item.tobytes())
    if isinstance(item, int | float):
        return item
    return np.asarray(item).tobytes()
