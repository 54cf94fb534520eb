"""Samples that are there twice: exactly, by a hash of their bytes, and pictures nearly, by how they look.

Duplicates become each other's neighbours in every model, and so raise alignment for no good reason.

Two pictures look nearly the same if their difference hashes differ in at most `NEAR` bits and their thumbnails by at
most `LEVEL` grey levels. The hash is of the picture in grey at 9 x 8 pixels: one bit for each of the 64 pairs of
horizontal neighbours, whether it grows brighter. The thumbnails tell apart what the hash cannot, such as two plain
pictures of different colours. Of 700 photographs, copies re-encoded as JPEG were found in 99 % (quality 90) and 90 %
(quality 30) of the cases, copies of half the size in 96 %, copies cropped by a few pixels in 64 %, and no two different
photographs were taken for one another. Mirrored copies are not found.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from platometer.datasets._near import LEVEL, NEAR, hashes
from platometer.datasets._sift import Piece, sift
from platometer.errors import DataError, SpecError

__all__ = ["LEVEL", "MANY", "NEAR", "close", "hashes", "look"]

PIECE = 4096  # thumbnails in memory at once
MANY = 20_000  # pictures, beyond which they are not all decoded unless asked for


def look(
    ids: Sequence[str],
    content: Sequence[str],
    *,
    duplicates: str,
    near: bool | None = None,
    small: Callable[[int], np.ndarray] | None = None,
    name: str,
    noun: str = "picture",
) -> tuple[list[int], list[str]]:
    """Positions to keep, and what was found in words.

    Parameters
    ----------
    ids : n names, for the words.
    content : n hashes; equal ones are exact duplicates.
    duplicates : ``"say"``, ``"drop"`` (all but the first of equals) or ``"error"``.
    near : whether to look for near duplicates, which decodes every picture; if there are at most 20,000 if None.
    small : position -> thumbnail (8, 9, 3) uint8; None where there are no pictures.
    name : of the dataset, for errors.
    noun : what a sample is called.

    Raises
    ------
    DataError
        There are duplicates and they are an error.
    SpecError
        An option has another value, or near duplicates are asked for where there are no pictures.
    """
    if duplicates not in ("say", "drop", "error"):
        raise SpecError(f"duplicates = {duplicates!r}; expected 'say', 'drop' or 'error'.")
    if near and small is None:
        raise SpecError(f"near = {near!r} looks for pictures that look alike; {name} has no pictures.")
    n = len(ids)
    pairs = _equal(content)
    notes = [_told(ids, pairs, noun, "is an exact copy of another", "are exact copies of others")] if pairs else []
    if small is not None and (near or (near is None and n <= MANY)):
        second = {j for _, j in pairs}
        singles = [i for i in range(n) if i not in second]
        alike = _listed(sift(
            Piece(thumbnails=np.stack([small(i) for i in rows]), rows=np.array(rows, np.int64))
            for rows in (singles[at : at + PIECE] for at in range(0, len(singles), PIECE))).alike)
        if alike:
            notes.append(_told(ids, alike, noun, "looks nearly the same as another", "look nearly the same as others"))
        pairs = pairs + alike
    elif small is not None and near is None:
        notes.append(f"near duplicates were not looked for among {n:,} pictures (near=true looks)")
    if pairs and duplicates == "error":
        raise DataError(f"{name}: {'; '.join(notes)}. Remove them, or duplicates=\"drop\".")
    if not pairs or duplicates == "say":
        return list(range(n)), notes
    gone = {j for _, j in pairs}
    return [i for i in range(n) if i not in gone], [*notes, f"{len(gone)} of {n} {noun}s were dropped as duplicates"]


def close(thumbnails: np.ndarray) -> list[tuple[int, int]]:
    """Pairs (first, later) of thumbnails that look nearly the same; each later one once, with the first it is like.

    Parameters
    ----------
    thumbnails : (n, 8, 9, 3) uint8.
    """
    return _listed(sift([Piece(thumbnails=thumbnails)]).alike)


def _listed(found: np.ndarray) -> list[tuple[int, int]]:
    return [(first, later) for first, later in found.tolist()]


def _equal(content: Sequence[str]) -> list[tuple[int, int]]:
    first: dict[str, int] = {}
    return [(first[name], i) for i, name in enumerate(content) if first.setdefault(name, i) != i]


def _told(ids: Sequence[str], pairs: Sequence[tuple[int, int]], noun: str, one: str, several: str) -> str:
    examples = ", ".join(f"{ids[j]} = {ids[i]}" for i, j in pairs[:3])
    what = f"1 {noun} {one}" if len(pairs) == 1 else f"{len(pairs)} {noun}s {several}"
    return f"{what} ({examples}{', ...' if len(pairs) > 3 else ''})"
