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

from platometer.errors import DataError, SpecError

NEAR = 2  # bits of 64
LEVEL = 12.0  # of 255, root mean square over 9 x 8 pixels and colours
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
        found = close(np.stack([small(i) for i in singles])) if singles else []
        alike = [(singles[i], singles[j]) for i, j in found]
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

    Found by bands: two 64-bit words that differ in at most two bits agree in at least one of three parts, so only
    words that share a part are compared; of these, only ones of similar brightness.

    Parameters
    ----------
    thumbnails : (n, 8, 9, 3) uint8.
    """
    flat = thumbnails.reshape(len(thumbnails), -1).astype(np.float32)
    bright, words = flat.mean(1), hashes(thumbnails)
    found: dict[int, int] = {}
    for shift, width in ((0, 22), (22, 21), (43, 21)):
        part = (words >> np.uint64(shift)) & np.uint64((1 << width) - 1)
        order = np.lexsort((bright, part))
        for group in np.split(order, np.flatnonzero(np.diff(part[order])) + 1):
            starts = np.searchsorted(bright[group], bright[group] - LEVEL)
            for place in range(1, len(group)):
                others, one = group[starts[place] : place], group[place]
                others = others[_few_bits(words[others] ^ words[one])]
                others = others[((flat[others] - flat[one]) ** 2).mean(1) <= LEVEL**2]
                for other in others:
                    first, later = int(min(one, other)), int(max(one, other))
                    found[later] = min(first, found.get(later, first))
    return [(first, later) for later, first in sorted(found.items())]


def hashes(thumbnails: np.ndarray) -> np.ndarray:
    """Difference hashes, (n,) uint64.

    Parameters
    ----------
    thumbnails : (n, 8, 9, 3) uint8.
    """
    grey = thumbnails.astype(np.int64) @ np.array([299, 587, 114])
    bits = (grey[:, :, 1:] > grey[:, :, :-1]).reshape(len(thumbnails), 64)
    return np.packbits(bits, axis=1).view(">u8").astype(np.uint64).ravel()


def _few_bits(words: np.ndarray) -> np.ndarray:
    """Whether at most `NEAR` bits are set: each step takes the lowest one away."""
    for _ in range(NEAR):
        words = words & (words - (words > 0).astype(np.uint64))
    return words == 0


def _equal(content: Sequence[str]) -> list[tuple[int, int]]:
    first: dict[str, int] = {}
    return [(first[name], i) for i, name in enumerate(content) if first.setdefault(name, i) != i]


def _told(ids: Sequence[str], pairs: Sequence[tuple[int, int]], noun: str, one: str, several: str) -> str:
    examples = ", ".join(f"{ids[j]} = {ids[i]}" for i, j in pairs[:3])
    what = f"1 {noun} {one}" if len(pairs) == 1 else f"{len(pairs)} {noun}s {several}"
    return f"{what} ({examples}{', ...' if len(pairs) > 3 else ''})"
