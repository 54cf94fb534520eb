"""Duplicates: exact by content, near by looks."""

import numpy as np
import pytest
from PIL import Image

from platometer.datasets._duplicates import LEVEL, NEAR, close, hashes, look
from platometer.datasets._pictures import shrunk, small
from platometer.errors import DataError, SpecError

IDS = ("a", "b", "c", "d")


def test_equal_content_is_found_and_said():
    kept, notes = look(IDS, ["1", "2", "1", "1"], duplicates="say", name="x")
    assert kept == [0, 1, 2, 3]
    assert notes == ["2 pictures are exact copies of others (c = a, d = a)"]


def test_one_duplicate_is_said_in_the_singular():
    assert look(IDS, ["1", "2", "3", "1"], duplicates="say", name="x")[1] == ["1 picture is an exact copy of another (d = a)"]


def test_all_but_the_first_are_dropped():
    kept, notes = look(IDS, ["1", "2", "1", "2"], duplicates="drop", name="x")
    assert kept == [0, 1]
    assert notes[-1] == "2 of 4 pictures were dropped as duplicates"


def test_duplicates_can_be_an_error():
    with pytest.raises(DataError, match=r"x: 1 line is an exact copy of another \(b = a\)"):
        look(("a", "b"), ["1", "1"], duplicates="error", name="x", noun="line")
    assert look(IDS, list("1234"), duplicates="error", name="x") == ([0, 1, 2, 3], [])


def test_unknown_options_are_errors():
    with pytest.raises(SpecError, match="'say', 'drop' or 'error'"):
        look(IDS, list("1234"), duplicates="warn", name="x")
    with pytest.raises(SpecError, match="no pictures"):
        look(IDS, list("1234"), duplicates="say", near=True, name="x")


def test_reencoded_and_rescaled_copies_look_nearly_the_same(draw, encode):
    pictures = [draw(i, size=(160, 120)) for i in range(20)]
    copies = [encode(p, quality=q) for p in pictures for q in (95, 60)] + [encode(p.resize((80, 60))) for p in pictures]
    found = close(np.stack([shrunk(p) for p in pictures] + [small(data, "x") for data in copies]))
    right = {20 + 2 * i + k: i for i in range(20) for k in range(2)} | {60 + i: i for i in range(20)}
    assert all(right[later] == first for first, later in found)
    assert len(found) >= 57  # of 60; a flat patch may flip more bits than are allowed


def test_plain_pictures_of_different_colours_are_different():
    plain = np.stack([np.full((8, 9, 3), colour, np.uint8) for colour in ((255, 0, 0), (0, 0, 255), (0, 76, 0), (250, 0, 0))])
    assert len(set(hashes(plain).tolist())) == 1
    assert close(plain) == [(0, 3)]


def test_near_pairs_are_those_that_comparing_all_with_all_finds():
    random = np.random.default_rng(0)
    base = random.integers(0, 256, (40, 8, 9, 3))
    thumbnails = np.clip(base[random.integers(0, 40, 300)] + random.integers(-9, 10, (300, 8, 9, 3)), 0, 255).astype(np.uint8)
    words, flat = hashes(thumbnails), thumbnails.reshape(300, -1).astype(float)
    slow = {}
    for later in range(300):
        for first in range(later):
            bits = bin(int(words[first]) ^ int(words[later])).count("1")
            if bits <= NEAR and ((flat[first] - flat[later]) ** 2).mean() <= LEVEL**2:
                slow.setdefault(later, first)
    assert len(slow) > 100
    assert close(thumbnails) == [(first, later) for later, first in sorted(slow.items())]


def test_the_hash_is_one_bit_per_neighbour_that_grows_brighter():
    ramp = np.repeat(np.arange(9, dtype=np.uint8)[None, :, None] * 20, 8, axis=0).repeat(3, axis=2)
    assert hashes(np.stack([ramp, ramp[:, ::-1]])).tolist() == [2**64 - 1, 0]


def test_many_pictures_are_not_decoded_unless_asked_for(monkeypatch, draw):
    monkeypatch.setattr("platometer.datasets._duplicates.MANY", 3)
    pictures = [draw(0), draw(0), draw(1), draw(2)]
    options = {"duplicates": "say", "name": "x", "small": lambda i: shrunk(pictures[i])}
    assert look(IDS, list("1234"), **options)[1] == ["near duplicates were not looked for among 4 pictures (near=true looks)"]
    assert look(IDS, list("1234"), near=True, **options)[1] == ["1 picture looks nearly the same as another (b = a)"]
    assert look(IDS, list("1234"), near=False, **options)[1] == []


def test_an_exact_copy_is_not_called_a_near_one_too(draw):
    picture = shrunk(Image.new("RGB", (20, 20), "red"))
    _, notes = look(("a", "b"), ["1", "1"], duplicates="say", name="x", small=lambda i: picture)
    assert len(notes) == 1
