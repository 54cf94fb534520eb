"""The labels of the photographs come from what most captions say; the studies of the photographs can be read."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from benchmarks.photos import labels

from platometer.study import Study

PHOTOS = Path(labels.__file__).parent


def test_a_picture_is_of_what_three_captions_say_unless_two_say_another() -> None:
    assert labels.label(["A dog runs .", "Two dogs", "The puppy", "Grass", "Grass"]) == "dog"
    assert labels.label(["A dog runs .", "Two dogs", "Grass", "Grass", "Grass"]) == ""
    assert labels.label(["A boy and his dog"] * 3 + ["Grass"] * 2) == ""
    assert labels.label(["A man throws", "A woman", "The people", "A boy", "Grass"]) == "grown-up"


def test_the_table_names_pictures_by_their_place(tmp_path: Path) -> None:
    rows = [{"image": "a.jpg", "captions": ["a dog"] * 5}, {"image": "b.jpg", "captions": ["a tree"] * 5}]
    (tmp_path / "captions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    labels.main(str(tmp_path / "out.csv"), tmp_path)
    with open(tmp_path / "out.csv", newline="") as file:
        assert list(csv.reader(file)) == [["image", "label"], [str(tmp_path / "a.jpg"), "dog"]]


@pytest.mark.parametrize("path", sorted(PHOTOS.glob("*.toml")), ids=lambda path: path.stem)
def test_a_study_of_the_photographs_is_one(path: Path) -> None:
    study = Study.read(path)
    assert all(table.view in ("image", "text") for table in study.file.models)
    assert len({table.name or table.source for table in study.file.models}) == len(study.file.models)
