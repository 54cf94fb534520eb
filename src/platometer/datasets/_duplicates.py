"""Pictures that are there twice: exactly, by a hash of their bytes, and nearly, by a hash of how they look.

Duplicates become each other's neighbours in every model, and so raise alignment for no good reason.

The perceptual hash is a difference hash: the picture in grey at 9 x 8 pixels; one bit for each of the 64 pairs of
horizontal neighbours, whether it grows brighter. Two pictures are near duplicates if at most `NEAR` bits differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from platometer.errors import DataError, SpecError

if TYPE_CHECKING:
    from platometer.datasets._captions import Pictures

NEAR = 2  # bits of 64
_MANY = 20_000  # pictures, beyond which they are not all decoded unless asked for


def look(pictures: Pictures, *, duplicates: str, near: bool | None, name: str) -> tuple[list[int], list[str]]:
    """Positions to keep, and what was found in words.

    Parameters
    ----------
    pictures : to look through.
    duplicates : ``"say"``, ``"drop"`` or ``"error"``.
    near : whether to decode all pictures and look for near duplicates; if there are fewer than 20,000 if None.
    name : of the dataset, for errors.

    Raises
    ------
    DataError
        There are duplicates and they are an error.
    """
    if duplicates not in ("say", "drop", "error"):
        raise SpecError(f"duplicates = {duplicates!r}; expected 'say', 'drop' or 'error'.")
    n = len(pictures.ids)
    pairs = _equal(list(pictures.content))
    exact = len(pairs)
    notes = [_told(pictures.ids, pairs, "are exact copies of another")] if pairs else []
    if near or (near is None and n <= _MANY):
        second = {j for _, j in pairs}
        alike = [(i, j) for i, j in close(np.array([_hash(pictures.read(i)) for i in range(n)], dtype=np.uint64))
                 if j not in second]
        if alike:
            notes.append(_told(pictures.ids, alike, "look nearly the same as another"))
            pairs = pairs + alike
    else:
        notes.append("near duplicates were not looked for (many pictures; near=true looks)")
    if pairs and duplicates == "error":
        raise DataError(f"{name}: {'; '.join(notes)}.")
    if duplicates == "drop" and pairs:
        gone = {j for _, j in pairs}
        notes = [*notes, f"{len(gone)} of them were dropped"]
        return [i for i in range(n) if i not in gone], notes
    if exact == 0 and not pairs:
        return list(range(n)), notes
    return list(range(n)), notes


def close(hashes: np.ndarray) -> list[tuple[int, int]]:
    """Pairs (first, later) of hashes that differ in at most `NEAR` bits; each later one once.

    Found by bands: two 64-bit words that differ in at most two bits agree in at least one of three parts, so only
    words that share a part are compared.

    Parameters
    ----------
    hashes : (n,) uint64.
    """
    found: dict[int, int] = {}
    for shift, width in ((0, 22), (22, 21), (43, 21)):
        part = (hashes >> np.uint64(shift)) & np.uint64((1 << width) - 1)
        order = np.argsort(part, kind="stable")
        edges = np.flatnonzero(np.diff(part[order])) + 1
        for group in np.split(order, edges):
            if len(group) < 2:
                continue
            for place in range(1, len(group)):
                bits = np.bitwise_count(hashes[group[:place]] ^ hashes[group[place]])
                near = np.flatnonzero(bits <= NEAR)
                if len(near):
                    first, later = int(group[near[0]]), int(group[place])
                    found[later] = min(first, found.get(later, first))
    return [(first, later) for later, first in sorted(found.items())]


def _hash(picture: object) -> int:
    grey = np.asarray(picture.convert("L").resize((9, 8)), dtype=np.int16)
    bits = (grey[:, 1:] > grey[:, :-1]).ravel()
    return int(np.packbits(bits).view(">u8")[0])


def _equal(content: Sequence[str]) -> list[tuple[int, int]]:
    first: dict[str, int] = {}
    pairs = []
    for i, name in enumerate(content):
        if name in first:
            pairs.append((first[name], i))
        else:
            first[name] = i
    return pairs


def _told(ids: Sequence[str], pairs: Sequence[tuple[int, int]], what: str) -> str:
    examples = ", ".join(f"{ids[j]} = {ids[i]}" for i, j in pairs[:3])
    verb = "picture" if len(pairs) == 1 else "pictures"
    what = what.replace("are exact copies", "is an exact copy").replace("look ", "looks ") if len(pairs) == 1 else what
    return f"{len(pairs)} {verb} {what} ({examples}{', ...' if len(pairs) > 3 else ''})"
