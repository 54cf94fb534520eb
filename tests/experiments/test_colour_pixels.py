"""Colours counted near each other in pictures: by hand, and against the loop over all pairs of pixels."""

from __future__ import annotations

import builtins
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from platometer.errors import DataError, InputError, MissingDependencyError, UndefinedError
from platometer.experiments import _colour_pixels
from platometer.experiments._colour_pixels import Cells, counted, loaded

RED, GREEN, BLUE = (250, 0, 0), (0, 250, 0), (0, 0, 250)


def _picture(*lines: list[tuple[int, int, int]]) -> np.ndarray:
    return np.array(lines, dtype=np.uint8)


def _literal(pictures: list[np.ndarray], rgb: np.ndarray, number: dict, radius: float) -> np.ndarray:
    """Every ordered pair of different pixels of one picture, one by one."""
    table = np.zeros((len(rgb), len(rgb)), dtype=int)
    for picture in pictures:
        places = [(y, x) for y in range(picture.shape[0]) for x in range(picture.shape[1])]
        for y, x in places:
            for v, u in places:
                if (y, x) != (v, u) and (y - v) ** 2 + (x - u) ** 2 <= radius**2:
                    table[number[tuple(picture[y, x])], number[tuple(picture[v, u])]] += 1
    return table


def test_a_square_of_four_pixels_is_counted_by_hand() -> None:
    square = _picture([RED, GREEN], [BLUE, RED])
    beside = counted([square], radius=1)
    assert beside.rgb.tolist() == [list(BLUE), list(GREEN), list(RED)]
    assert beside.counts.tolist() == [[0, 0, 2], [0, 0, 2], [2, 2, 0]]
    assert beside.pixels.tolist() == [1, 1, 2]
    across = counted([square], radius=1.5)  # and the diagonals: red with red in both orders, green with blue
    assert across.counts.tolist() == [[0, 1, 2], [1, 0, 2], [2, 2, 2]]


@pytest.mark.parametrize("radius", [1, 2, 2.5, 4, 9])
def test_counting_is_the_loop_over_all_pairs(radius: float) -> None:
    chance = np.random.default_rng(0)
    colours = np.array([RED, GREEN, BLUE, (250, 250, 0)], dtype=np.uint8)
    pictures = [colours[chance.integers(4, size=size)] for size in ((5, 7), (3, 3), (5, 7), (1, 6))]
    found = counted(pictures, grid=2, radius=radius)
    number = {tuple(int(v) for v in row): i for i, row in enumerate(np.rint(found.rgb).astype(np.uint8))}
    np.testing.assert_array_equal(found.counts, _literal(pictures, found.rgb, number, radius))
    assert found.pixels.sum() == sum(picture.shape[0] * picture.shape[1] for picture in pictures)


def test_pairs_do_not_reach_across_pictures_or_around_their_edges() -> None:
    left, right = _picture([RED, RED]), _picture([BLUE, BLUE])
    assert counted([left, right], radius=5).counts.tolist() == [[2, 0], [0, 2]]
    assert counted([_picture([RED, GREEN], [GREEN, BLUE])], radius=1).counts[0, 2] == 0


def test_batches_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = np.random.default_rng(0).integers(256, size=(10, 6, 6, 3), dtype=np.uint8)
    whole = counted(pictures, grid=3)
    monkeypatch.setattr(_colour_pixels, "_AT_ONCE", 80)
    np.testing.assert_array_equal(counted(pictures, grid=3).counts, whole.counts)
    np.testing.assert_array_equal(counted([pictures], grid=3).counts, whole.counts)


def test_drawn_pairs_are_as_many_as_asked_and_spread_as_all_pairs_are() -> None:
    pictures = np.random.default_rng(0).integers(2, size=(5, 8, 8, 3), dtype=np.uint8) * 200
    every, some = counted(pictures, grid=2), counted(pictures, grid=2, pairs=200_000)
    assert some.counts.sum() == 400_000  # each in both orders
    np.testing.assert_allclose(some.counts / some.counts.sum(), every.counts / every.counts.sum(), atol=0.002)
    np.testing.assert_array_equal(counted(pictures, grid=2, pairs=500, seed=3).counts,
                                  counted(pictures, grid=2, pairs=500, seed=3).counts)
    assert (counted(pictures, grid=2, pairs=500, seed=4).counts != counted(pictures, grid=2, pairs=500, seed=3).counts).any()


def test_a_cell_is_the_mean_of_its_pixels_in_either_space() -> None:
    near = _picture([(0, 0, 0), (10, 0, 0)], [(0, 20, 0), (0, 0, 30)])
    for space in ("rgb", "lab"):
        found = counted([near], grid=2, space=space)
        assert found.pixels.sum() == 4
        np.testing.assert_allclose(found.pixels @ found.rgb / 4, near.reshape(4, 3).mean(0))
    assert counted([near], grid=2).rgb.tolist() == [[2.5, 5.0, 7.5]]


def test_rare_colours_are_left_out_by_how_often_chance_would_join_them() -> None:
    counts = np.full((6, 6), 100)
    counts[5] = counts[:, 5] = 1
    cells = Cells(np.zeros((6, 3)), counts, np.ones(6))
    assert cells.least(5) == pytest.approx(np.sqrt(5 * counts.sum()))
    kept = cells.often(5)
    assert len(kept.rgb) == 5
    assert kept.counts.tolist() == np.full((5, 5), 100).tolist()
    with pytest.raises(UndefinedError, match="0 of 6 colours"):
        cells.often(1e6)


def test_pictures_come_from_a_folder_a_file_of_arrays_or_a_dataset(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(256, size=(4, 8, 8, 3), dtype=np.uint8)
    np.savez(tmp_path / "tiny.npz", images=images, labels=np.zeros(4, dtype=int))
    folder = tmp_path / "folder"
    folder.mkdir()
    for i, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{i}.png")
    for source in (str(tmp_path / "tiny.npz"), str(folder), f"cifar:{tmp_path / 'tiny.npz'}"):
        found, what = loaded(source)
        np.testing.assert_array_equal(np.stack(found), images)
        assert what.startswith("4 pictures of")
    assert len(loaded(str(folder), limit=2)[0]) == 2


def test_the_photographs_are_there_without_a_network() -> None:
    pytest.importorskip("skimage")
    found, what = loaded("photographs")
    assert len(found) >= len(_colour_pixels.PHOTOGRAPHS)
    assert all(picture.ndim == 3 and picture.dtype == np.uint8 for picture in found)
    assert "photographs of scikit-image" in what
    assert len(loaded("photographs", limit=2)[0]) == 2


def test_without_scikit_image_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = builtins.__import__

    def refuse(name: str, *args, **kwargs):
        if name.startswith("skimage"):
            raise ImportError(name)
        return plain(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingDependencyError, match=r"platometer\[colour\]"):
        loaded("photographs")
    with pytest.raises(MissingDependencyError, match=r"CIELAB needs 'skimage'.*platometer\[colour\]"):
        counted([np.zeros((2, 2, 3), dtype=np.uint8)], space="lab")


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"Picture 0 is float64 \(2, 2, 3\)"):
        counted([np.zeros((2, 2, 3))])
    with pytest.raises(InputError, match="no pictures"):
        counted([])
    with pytest.raises(InputError, match="grid = 40"):
        counted([np.zeros((2, 2, 3), dtype=np.uint8)], grid=40)
    with pytest.raises(InputError, match="single pixel"):
        counted([np.zeros((1, 1, 3), dtype=np.uint8)], pairs=5)
    with pytest.raises(DataError, match="no folder, no npz file and no dataset"):
        loaded("cifar10")
    (tmp_path / "one.png").write_bytes(b"")
    with pytest.raises(DataError, match="go into a folder"):
        loaded(str(tmp_path / "one.png"))
