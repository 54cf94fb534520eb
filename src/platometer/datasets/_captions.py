"""From samples with several captions each to paired views: one caption chosen, all, averaged, or joined."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from platometer.cards import Card, fingerprint
from platometer.datasets import _duplicates
from platometer.errors import DataError, SpecError
from platometer.samples import Lazy, Paired, Samples

MODES = "first, last, random, all, mean, join, none, or a position such as 2"


@dataclass(frozen=True)
class Medium:
    """What is seen or heard of n samples.

    Attributes
    ----------
    modality : ``"image"`` or ``"audio"``.
    read : position -> item.
    content : n hashes of the items' bytes.
    small : position -> thumbnail (8, 9, 3) uint8; None for sounds.
    """

    modality: str
    read: Callable[[int], object]
    content: Sequence[str]
    small: Callable[[int], np.ndarray] | None = None


@dataclass(frozen=True)
class Things:
    """n samples before their captions are chosen.

    Attributes
    ----------
    ids : n distinct strings.
    media : name of the view -> what is seen or heard; empty for texts alone.
    captions : n lists of texts, none of them empty; None if there are no texts.
    notes : what was noted when they were read.
    """

    ids: Sequence[str]
    media: Mapping[str, Medium]
    captions: Sequence[Sequence[str]] | None
    notes: Sequence[str] = field(default=())


def paired(
    things: Things, *, captions: str | int, seed: int, card: Card, duplicates: str, near: bool | None
) -> Paired:
    """The views of the media, and ``text``, of the same samples.

    Parameters
    ----------
    things : with their captions.
    captions : ``"first"``, ``"last"``, ``"random"`` (by `seed` and id), a position; ``"all"``: one sample per caption, the
        picture repeated, and the things' ids as groups that belong together; ``"mean"``: every caption is run and their
        features are averaged; ``"join"``: one text of all; ``"none"``: no texts.
    seed : of ``"random"``.
    card : of the dataset.
    duplicates : ``"say"``, ``"drop"`` (all but the first of equals) or ``"error"``; equal are things whose first medium
        is equal or, of texts alone, all whose captions are.
    near : whether to look for pictures that look alike too; see `platometer.datasets._duplicates.look`.

    Raises
    ------
    DataError
        A thing has no caption, an empty one, or fewer than the position asked for; names it.
    """
    mode = _mode(captions)
    texts = None if mode == "none" else things.captions
    first = next(iter(things.media.values()), None)
    if first is None and texts is None:
        raise SpecError(f"captions = {captions!r} leaves nothing of {card.name}, which has only texts.")
    _check(things.ids, texts, card.name)
    kept, found = _duplicates.look(
        things.ids, first.content if first else [fingerprint(*row) for row in texts or ()], duplicates=duplicates, near=near,
        small=first.small if first else None, name=card.name,
        noun="text" if first is None else {"image": "picture", "audio": "sound"}[first.modality])
    rows, chosen = _chosen(things.ids, texts, kept, mode, seed, card.name) if texts else ([(i, 0) for i in kept], None)
    ids = tuple(f"{things.ids[i]}#{k}" if mode == "all" else things.ids[i] for i, k in rows)
    views = {name: _view(medium, [i for i, _ in rows], ids, card) for name, medium in things.media.items()}
    notes = [*things.notes, *found]
    if chosen is not None:
        content = [fingerprint(*row) for row in chosen]
        views["text"] = Samples(ids=ids, items=chosen, modality="text", content=content, card=card)
        notes += repeated(chosen) if first is not None else []
    groups = tuple(things.ids[i] for i, _ in rows) if mode == "all" else None
    return Paired(views=views, card=card, notes=tuple(notes), groups=groups)


def repeated(texts: Sequence[object], *, noun: str = "caption") -> list[str]:
    """A note on texts that stand more than once, or none.

    Parameters
    ----------
    texts : of n samples.
    noun : what a text is called.

    Examples
    --------
    >>> repeated(["a dog", "a cat", "a dog", "a dog"])
    ['1 caption stands more than once (in 3 samples)']
    """
    counts = [count for count in Counter(texts).values() if count > 1]
    what = f"1 {noun} stands" if len(counts) == 1 else f"{len(counts)} {noun}s stand"
    return [f"{what} more than once (in {sum(counts)} samples)"] if counts else []


def left_out(names: Sequence[object], *, noun: str = "picture", why: str = "unreadable or without a caption") -> list[str]:
    """A note on samples that were left out, or none.

    Parameters
    ----------
    names : of the samples.
    noun, why : what they are called, and the reason.
    """
    what = f"1 {noun} was" if len(names) == 1 else f"{len(names)} {noun}s were"
    listed = ", ".join(map(str, names[:3])) + (", ..." if len(names) > 3 else "")
    return [f"{what} left out as {why} ({listed})"] if names else []


def digest(data: bytes) -> str:
    """A hash of a file's bytes: 128 bits of SHA-256.

    Parameters
    ----------
    data : of the file.
    """
    return hashlib.sha256(data).hexdigest()[:32]


def _view(medium: Medium, rows: Sequence[int], ids: tuple[str, ...], card: Card) -> Samples:
    return Samples(ids=ids, items=Lazy(len(rows), lambda at: (medium.read(rows[at]),)), modality=medium.modality,
                   content=[medium.content[i] for i in rows], card=card)


def _check(ids: Sequence[str], captions: Sequence[Sequence[str]] | None, name: str) -> None:
    for one, texts in zip(ids, captions or (), strict=captions is not None):
        if not texts:
            raise DataError(f"{name}: {one!r} has no caption.")
        if any(not text.strip() for text in texts):
            raise DataError(f"{name}: {one!r} has an empty caption.")


def _mode(captions: str | int) -> str | int:
    """The mode, a position being a number however it was written."""
    if isinstance(captions, str) and captions.removeprefix("-").isdecimal():
        return int(captions)
    word = captions in ("first", "last", "random", "all", "mean", "join", "none")
    if isinstance(captions, bool) or not (word or isinstance(captions, int)):
        raise SpecError(f"captions = {captions!r}; expected {MODES}.")
    return captions


def _chosen(
    ids: Sequence[str], captions: Sequence[Sequence[str]], kept: Sequence[int], mode: str | int, seed: int, name: str
) -> tuple[list[tuple[int, int]], list[tuple[str, ...]]]:
    """(thing, caption) of each sample, and its texts."""
    if mode == "mean":
        return [(i, 0) for i in kept], [tuple(captions[i]) for i in kept]
    if mode == "join":
        return [(i, 0) for i in kept], [(" ".join(captions[i]),) for i in kept]
    rows = []
    for i in kept:
        count = len(captions[i])
        if mode == "all":
            rows += [(i, k) for k in range(count)]
        elif mode == "random":
            rows.append((i, int(fingerprint(seed, ids[i]), 16) % count))
        elif mode in ("first", "last"):
            rows.append((i, 0 if mode == "first" else count - 1))
        elif isinstance(mode, int) and -count <= mode < count:
            rows.append((i, mode % count))
        else:
            raise DataError(f"{name}: {ids[i]!r} has {count} captions; there is none at position {mode}.")
    return rows, [(captions[i][k],) for i, k in rows]
