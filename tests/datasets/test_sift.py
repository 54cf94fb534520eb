"""Duplicates of more samples than memory holds: one pass, the pairs of a comparison of all with all, bounded memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from platometer.datasets import _sift
from platometer.datasets._duplicates import _equal, close
from platometer.datasets._sift import Piece, sift

N = 100_000


def _caption(i: int) -> str:
    """The text of a row; every 97th is that of an earlier one."""
    if i % 97 == 96:
        i = (i * 31) % (i - 95)
    return f"a photograph of {i % 1009} birds and {i} trees in the year {1000 + i % 977}"


def _pieces(n: int = N, rows: int = 5000) -> Iterator[Piece]:
    for start in range(0, n, rows):
        yield Piece([_caption(i) for i in range(start, min(start + rows, n))])


def test_equal_captions_of_100_000_are_all_found_in_one_pass() -> None:
    found = sift(_pieces()).equal
    expected = _equal([_caption(i) for i in range(N)])
    assert len(expected) > 1000
    assert [tuple(pair) for pair in found.tolist()] == expected


def test_memory_does_not_grow_with_the_samples() -> None:
    peaks = []
    for n in (20_000, N):
        tracemalloc.start()
        sift(_pieces(n))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    tracemalloc.start()
    _equal([_caption(i) for i in range(N)])
    whole = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0] < 4e6
    assert whole > 5 * peaks[1]


def test_near_pairs_do_not_depend_on_the_pieces(draw) -> None:
    random = np.random.default_rng(0)
    base = random.integers(0, 256, (40, 8, 9, 3))
    looks = np.clip(base[random.integers(0, 40, 500)] + random.integers(-9, 10, (500, 8, 9, 3)), 0, 255).astype(np.uint8)
    whole = close(looks)
    assert len(whole) > 200
    for rows in (7, 100, 499):
        found = sift(Piece(thumbnails=looks[at : at + rows]) for at in range(0, 500, rows))
        assert [tuple(pair) for pair in found.alike.tolist()] == whole
        assert found.equal.shape == (0, 2)


def test_exact_copies_are_not_among_those_that_look_alike() -> None:
    looks = np.zeros((4, 8, 9, 3), np.uint8)
    found = sift([Piece([b"1", b"2", b"1", b"3"], looks)])
    assert (found.equal.tolist(), found.alike.tolist()) == ([[0, 2]], [[0, 1], [0, 3]])


def test_rows_may_be_named_and_nothing_is_left_behind(tmp_path: Path) -> None:
    found = sift([Piece(["a", "b"], rows=np.array([5, 9])), Piece(["b"], rows=np.array([12]))], folder=tmp_path)
    assert found.equal.tolist() == [[9, 12]]
    assert list(tmp_path.iterdir()) == []
    assert sift([]).equal.tolist() == []


def test_one_bucket_is_read_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    most = []
    read = np.fromfile
    monkeypatch.setattr(_sift.np, "fromfile", lambda path, kind: most.append(len(found := read(path, kind))) or found)
    sift(_pieces(20_000))
    assert sum(most) == 20_000
    assert max(most) < 2 * 20_000 / _sift.BUCKETS
