"""Duplicates among more samples than memory holds, in one pass: hashes go to files, and each file is looked through alone.

A record of every sample, a hash of its content and, of pictures, its thumbnail, is appended to one of `BUCKETS` files chosen by
the hash, so that equal hashes meet in one file; the files are then read one after another and sorted. Near duplicates meet
likewise, in files chosen by each third of their difference hash. Memory is that of a piece, of one file and of what was found:
of 15 million captions a file holds 24 bytes x 15e6 / 64 = 6 MB, of as many pictures 54 MB; on disk lie 24 bytes a caption,
and 24 + 3 x 232 a picture, while it lasts.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xxhash

from platometer.datasets._near import BANDS, hashes, pairs

BUCKETS = 64
_EXACT = np.dtype([("high", "<u8"), ("low", "<u8"), ("row", "<i8")])
_LOOK = np.dtype([("row", "<i8"), ("word", "<u8"), ("thumbnail", "u1", (8, 9, 3))])


@dataclass(frozen=True)
class Piece:
    """Some samples, in order.

    Attributes
    ----------
    content : texts or bytes; equal ones are exact duplicates. Empty where only looks are compared.
    thumbnails : (m, 8, 9, 3) uint8; None where there are no pictures, or looks are not compared.
    rows : positions of the samples; counted on from the piece before if None.
    """

    content: Sequence[str | bytes] = ()
    thumbnails: np.ndarray | None = None
    rows: np.ndarray | None = None


@dataclass(frozen=True)
class Found:
    """Pairs (first, later) of positions, (m, 2) int64, in order of the later one, each later one once.

    Attributes
    ----------
    equal : exact duplicates.
    alike : pictures that look nearly the same, and are no exact duplicates.
    """

    equal: np.ndarray
    alike: np.ndarray


def sift(pieces: Iterable[Piece], *, folder: str | Path | None = None) -> Found:
    """All duplicates among samples that come in pieces; equal to those of a comparison of all with all.

    Parameters
    ----------
    pieces : read once, in order.
    folder : where the files lie while this lasts; where temporary files lie, if None.

    Examples
    --------
    >>> from platometer.datasets import Piece, sift
    >>> found = sift([Piece(["a dog", "a cat"]), Piece(["a dog", "two cats", "a cat"])])
    >>> found.equal.tolist()
    [[0, 2], [1, 4]]
    """
    with tempfile.TemporaryDirectory(dir=folder) as name:
        home, at = Path(name), 0
        with contextlib.ExitStack() as stack:
            exact = _Files(home, "exact", stack)
            looks = [_Files(home, f"look-{shift}", stack) for shift, _ in BANDS]
            for piece in pieces:
                m = len(piece.content) or (0 if piece.thumbnails is None else len(piece.thumbnails))
                rows = np.arange(at, at + m, dtype=np.int64) if piece.rows is None else piece.rows
                at += m
                if len(piece.content):
                    records = _hashed(piece.content, rows)
                    exact.add(records, records["high"])
                if piece.thumbnails is not None:
                    _add_looks(looks, piece.thumbnails, rows)
        equal = _first([_equal(records) for records in exact.read(_EXACT)])
        gone = np.sort(equal[:, 1])
        alike = [pairs(records["thumbnail"], records["row"], band)
                 for band, files in zip(BANDS, looks, strict=True) for records in _without(files.read(_LOOK), gone)]
    return Found(equal, _first(alike))


class _Files:
    """Records in as many files as there are buckets."""

    def __init__(self, home: Path, name: str, stack: contextlib.ExitStack):
        self._paths = [home / f"{name}-{i}" for i in range(BUCKETS)]
        self._stack = stack
        self._open: dict[int, object] = {}

    def add(self, records: np.ndarray, key: np.ndarray) -> None:
        """Each record to the file of its key."""
        bucket = ((key * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(58)).astype(np.int64)  # its six highest bits
        order = np.argsort(bucket, kind="stable")
        edges = np.searchsorted(bucket[order], np.arange(BUCKETS + 1))
        for i in np.flatnonzero(np.diff(edges)).tolist():
            if i not in self._open:
                self._open[i] = self._stack.enter_context(self._paths[i].open("ab"))
            self._open[i].write(records[order[edges[i] : edges[i + 1]]].tobytes())  # type: ignore[attr-defined]

    def read(self, kind: np.dtype) -> Iterable[np.ndarray]:
        """The records of each file, which then is removed."""
        for path in self._paths:
            if path.exists():
                yield np.fromfile(path, kind)
                path.unlink()


def _hashed(content: Sequence[str | bytes], rows: np.ndarray) -> np.ndarray:
    out = np.empty(len(content), _EXACT)
    out["row"] = rows
    for i, one in enumerate(content):
        value = xxhash.xxh3_128_intdigest(one.encode() if isinstance(one, str) else one)
        out["high"][i], out["low"][i] = value >> 64, value & (2**64 - 1)
    return out


def _add_looks(looks: Sequence[_Files], thumbnails: np.ndarray, rows: np.ndarray) -> None:
    records = np.empty(len(rows), _LOOK)
    records["row"], records["word"], records["thumbnail"] = rows, hashes(thumbnails), thumbnails
    for files, (shift, width) in zip(looks, BANDS, strict=True):
        files.add(records, (records["word"] >> np.uint64(shift)) & np.uint64((1 << width) - 1))


def _equal(records: np.ndarray) -> np.ndarray:
    """(first, later) of the equal ones in a file."""
    records = records[np.lexsort((records["row"], records["low"], records["high"]))]
    fresh = np.ones(len(records), bool)
    fresh[1:] = (records["high"][1:] != records["high"][:-1]) | (records["low"][1:] != records["low"][:-1])
    first = records["row"][np.flatnonzero(fresh)][np.cumsum(fresh) - 1]
    return np.stack([first, records["row"]], 1)[~fresh]


def _without(several: Iterable[np.ndarray], gone: np.ndarray) -> Iterable[np.ndarray]:
    """The records of rows that are not gone, in order of rows."""
    for records in several:
        place = np.minimum(np.searchsorted(gone, records["row"]), max(0, len(gone) - 1))
        kept = records if not len(gone) else records[gone[place] != records["row"]]
        yield kept[np.argsort(kept["row"], kind="stable")]


def _first(several: Sequence[np.ndarray]) -> np.ndarray:
    """Pairs in order of the later one, each later one once, with the first of those it is a duplicate of."""
    found = np.concatenate([np.empty((0, 2), np.int64), *several])
    found = found[np.lexsort((found[:, 0], found[:, 1]))]
    keep = np.ones(len(found), bool)
    keep[1:] = found[1:, 1] != found[:-1, 1]
    return found[keep]
