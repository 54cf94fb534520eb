"""Pictures with several captions: one chosen, all, averaged, or joined."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from platometer.cards import Card, fingerprint
from platometer.datasets import _duplicates
from platometer.errors import DataError, SpecError
from platometer.samples import Lazy, Paired, Samples

MODES = "first, last, random, all, mean, join, or a position such as 2"


@dataclass(frozen=True)
class Pictures:
    """n pictures, each with captions, before one of the modes is applied.

    Attributes
    ----------
    ids : n distinct strings.
    read : position -> ``PIL.Image.Image`` in RGB.
    content : n hashes of the pictures' bytes.
    captions : n lists of texts.
    """

    ids: Sequence[str]
    read: Callable[[int], object]
    content: Sequence[str]
    captions: Sequence[Sequence[str]]


def paired(
    pictures: Pictures, *, captions: str | int, seed: int, card: Card, duplicates: str, near: bool | None,
    notes: Sequence[str] = (),
) -> Paired:
    """Views ``image`` and ``text`` of the same samples.

    Parameters
    ----------
    pictures : with their captions.
    captions : ``"first"``, ``"last"``, ``"random"`` (by `seed`), a position; ``"all"``: one sample per caption, the picture
        repeated, and pictures' ids as groups that belong together; ``"mean"``: every caption is run and their features
        are averaged; ``"join"``: one text of all.
    seed : of ``"random"``.
    card : of the dataset.
    duplicates : ``"say"``, ``"drop"`` (all but the first of equal pictures) or ``"error"``.
    near : whether to look for near duplicates too, which decodes every picture; below 20,000 pictures if None.
    notes : what was noted before.

    Raises
    ------
    DataError
        A picture has no caption, an empty one, or fewer than the position asked for; names it.
    """
    for name, texts in zip(pictures.ids, pictures.captions, strict=True):
        if not texts:
            raise DataError(f"{card.name}: {name!r} has no caption.")
        if any(not text.strip() for text in texts):
            raise DataError(f"{card.name}: {name!r} has an empty caption. Remove it, or drop the row.")
    kept, found = _duplicates.look(pictures, duplicates=duplicates, near=near, name=card.name)
    notes = [*notes, *found]
    rows, texts = _chosen(pictures, kept, captions, seed, card.name)
    several = captions == "all"
    ids = tuple(f"{pictures.ids[i]}#{k}" if several else pictures.ids[i] for i, k in rows)
    image = Samples(
        ids=ids, items=Lazy(len(rows), lambda at: (pictures.read(rows[at][0]),)), modality="image",
        content=[pictures.content[i] for i, _ in rows], card=card)
    text = Samples(
        ids=ids, items=texts, modality="text",
        content=[fingerprint(*row) for row in texts], card=card)
    repeated = len(texts) - len(set(texts))
    if repeated and not several:
        notes.append(f"{repeated} samples have a caption that another sample has too")
    groups = tuple(pictures.ids[i] for i, _ in rows) if several else None
    return Paired(views={"image": image, "text": text}, card=card, notes=tuple(notes), groups=groups)


def _chosen(
    pictures: Pictures, kept: Sequence[int], captions: str | int, seed: int, name: str
) -> tuple[list[tuple[int, int]], list[tuple[str, ...]]]:
    """(picture, caption) of each sample, and its texts."""
    if isinstance(captions, str) and captions.lstrip("-").isdigit():
        captions = int(captions)
    if captions == "all":
        rows = [(i, k) for i in kept for k in range(len(pictures.captions[i]))]
        return rows, [(pictures.captions[i][k],) for i, k in rows]
    whole = {"mean": tuple, "join": lambda texts: (" ".join(texts),)}
    if captions in whole:
        return [(i, 0) for i in kept], [whole[captions](pictures.captions[i]) for i in kept]
    words = np.random.Philox(key=seed % 2**64).random_raw(len(pictures.ids))
    rows = []
    for i in kept:
        count = len(pictures.captions[i])
        if captions == "random":
            k = int(words[i] % np.uint64(count))
        elif isinstance(captions, int) and not isinstance(captions, bool):
            if not -count <= captions < count:
                raise DataError(f"{name}: {pictures.ids[i]!r} has {count} captions; there is none at position {captions}.")
            k = captions % count
        elif captions in ("first", "last"):
            k = 0 if captions == "first" else count - 1
        else:
            raise SpecError(f"captions = {captions!r}; expected {MODES}.")
        rows.append((i, k))
    return rows, [(pictures.captions[i][k],) for i, k in rows]


def digest(data: bytes) -> str:
    """A hash of a picture's bytes.

    Parameters
    ----------
    data : of the file.
    """
    return hashlib.sha256(data).hexdigest()[:32]
