"""CIFAR-style arrays."""

from pathlib import Path

import numpy as np
import pytest

from platometer.datasets.cifar import load
from platometer.errors import DataError, SpecError

SHARED = Path("/work/shared/data/cifar10/train_4000.npz")
IMAGES = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3), dtype=np.uint8)
LABELS = np.array([0, 2, 1, 0, 2, 0])
NAMES = ["dog", "cat", "aquarium fish"]


def write_npz(folder, **arrays):
    np.savez(folder / "c.npz", **{"images": IMAGES, "labels": LABELS, "classes": np.array(NAMES)} | arrays)
    return str(folder / "c.npz")


def write_binary(path, images, labels, coarse=()):
    planes = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
    columns = [np.asarray(column, dtype=np.uint8)[:, None] for column in (coarse, labels) if len(column)]
    path.write_bytes(np.concatenate([*columns, planes], axis=1).tobytes())


def test_an_npz_gives_pictures_and_class_names(tmp_path):
    found = load(write_npz(tmp_path), template="this is a {}")
    assert found.ids == tuple(f"{i:06d}" for i in range(6))
    assert np.array_equal(np.asarray(found.view("image").items[4][0]), IMAGES[4])
    assert found.view("text").items[1] == ("this is a aquarium fish",)
    assert found.notes == ("2 captions stand more than once (in 5 samples)",)
    assert found.groups is None
    assert "Krizhevsky" in found.card.citation


def test_classes_can_be_marked_as_belonging_together(tmp_path):
    found = load(write_npz(tmp_path), groups="label")
    assert found.groups == tuple(NAMES[label] for label in LABELS)
    assert len(set(found.subset(3, seed=0).groups)) <= 2


def test_binary_files_of_both_kinds_are_read_with_the_names_beside_them(tmp_path):
    write_binary(tmp_path / "ten.bin", IMAGES, LABELS)
    write_binary(tmp_path / "hundred.bin", IMAGES, LABELS, coarse=[9] * 6)
    for name, beside in (("ten", "batches.meta.txt"), ("hundred", "fine_label_names.txt")):
        found = load(str(tmp_path / f"{name}.bin"))
        assert np.array_equal(np.asarray(found.view("image").items[3][0]), IMAGES[3])
        assert found.view("text").items[1] == ("a photo of a class 2.",)
        (tmp_path / beside).write_text("\n".join(NAMES) + "\n\n")
        assert load(str(tmp_path / f"{name}.bin")).view("text").items[1] == ("a photo of a aquarium fish.",)


def test_a_folder_is_read_split_by_split(tmp_path):
    write_binary(tmp_path / "data_batch_1.bin", IMAGES[:2], LABELS[:2])
    write_binary(tmp_path / "data_batch_2.bin", IMAGES[2:4], LABELS[2:4])
    write_binary(tmp_path / "test_batch.bin", IMAGES[4:], LABELS[4:])
    assert len(load(str(tmp_path), split="train")) == 4
    assert np.array_equal(np.asarray(load(str(tmp_path)).view("image").items[0][0]), IMAGES[4])
    with pytest.raises(SpecError, match="'train' or 'test'"):
        load(str(tmp_path), split="validation")
    (tmp_path / "test_batch.bin").unlink()
    with pytest.raises(DataError, match=r"has none of test_batch.bin, test.bin"):
        load(str(tmp_path))


def test_class_names_can_be_given(tmp_path):
    (tmp_path / "names.txt").write_text("a\nb b\nc\n")
    assert load(write_npz(tmp_path), classes=str(tmp_path / "names.txt")).view("text").items[2] == ("a photo of a b b.",)
    (tmp_path / "names.txt").write_text("a\nb\n")
    with pytest.raises(DataError, match="row 1: label 2 has no name; there are 2 classes"):
        load(write_npz(tmp_path), classes=str(tmp_path / "names.txt"))
    with pytest.raises(DataError, match=r"nowhere.txt cannot be read"):
        load(write_npz(tmp_path), classes=str(tmp_path / "nowhere.txt"))


def test_duplicates_are_found(tmp_path):
    images = IMAGES.copy()
    images[5] = images[0]
    images[4] = np.clip(images[1].astype(int) + 1, 0, 255)
    path = write_npz(tmp_path, images=images)
    assert "1 picture is an exact copy of another (000005 = 000000)" in load(path).notes
    assert "1 picture looks nearly the same as another (000004 = 000001)" in load(path).notes
    found = load(path, duplicates="drop", groups="label")
    assert found.ids == ("000000", "000001", "000002", "000003")
    assert found.groups == ("dog", "aquarium fish", "cat", "dog")


@pytest.mark.parametrize(
    ("arrays", "said"),
    [({"images": IMAGES.astype(float)}, "images are float64"), ({"images": IMAGES[..., 0]}, r"images are uint8 \(6, 32, 32\)"),
     ({"images": IMAGES[:0], "labels": LABELS[:0]}, "n > 0"), ({"labels": LABELS[:5]}, "expected 6 whole numbers"),
     ({"labels": LABELS + 0.5}, "labels are float64"), ({"labels": LABELS - 1}, "row 0: label -1 has no name"),
     ({"labels": np.array([object()] * 6)}, "cannot be read as npz")],
)
def test_arrays_of_another_form_are_errors(tmp_path, arrays, said):
    with pytest.raises(DataError, match=said):
        load(write_npz(tmp_path, **arrays))


def test_what_cannot_be_read_is_named(tmp_path):
    with pytest.raises(DataError, match="There is no file"):
        load(str(tmp_path / "nowhere.npz"))
    np.savez(tmp_path / "x.npz", pictures=IMAGES)
    with pytest.raises(DataError, match="no array 'images'; it has pictures"):
        load(str(tmp_path / "x.npz"))
    (tmp_path / "x.npz").write_bytes(Path(write_npz(tmp_path)).read_bytes()[:5000])
    with pytest.raises(DataError, match=r"x.npz cannot be read as npz"):
        load(str(tmp_path / "x.npz"))
    (tmp_path / "x.bin").write_bytes(bytes(3072))
    with pytest.raises(DataError, match="3072 bytes, which is no whole number of CIFAR records"):
        load(str(tmp_path / "x.bin"))


def test_options_are_checked(tmp_path):
    for template in ("a photo", "{} {}"):
        with pytest.raises(SpecError, match=r"expected one \{\}"):
            load(write_npz(tmp_path), template=template)
    with pytest.raises(SpecError, match="'none' or 'label'"):
        load(write_npz(tmp_path), groups="class")


@pytest.mark.skipif(not SHARED.exists(), reason="needs the shared data")
def test_four_thousand_pictures_of_cifar_10_are_read():
    found = load(str(SHARED))
    assert len(found) == 4000
    assert found.notes == ("10 captions stand more than once (in 4000 samples)",)
