"""Models that see spoiled views and fewer texts, run from a study file: what the run says of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from platometer.cli import app
from platometer.errors import InputError, StudyError
from platometer.study import Results, Study

MINE = '''
"""Models of texts that know words and their order a little, and of pictures that know colours and edges."""

import numpy as np

from platometer.models import wrap


def reader(seed=0):
    def features(texts):
        rows = []
        for text in texts:
            row = np.zeros(96)
            for place, word in enumerate(text.split()):
                row[hash_of(word + str(seed)) % 64] += 1
                row[64 + hash_of(word + str(place) + str(seed)) % 32] += 1
            rows.append(row)
        return {"words": np.array(rows)}

    return wrap(features, modality="text", name=f"reader{seed}", layers=["words"], revision=str(seed))


def viewer(seed=0):
    rng = np.random.default_rng(seed)
    mix = rng.normal(size=(6, 16))

    def features(pictures):
        rows = []
        for picture in pictures:
            pixels = np.asarray(picture, dtype=float) / 255
            colour = pixels.mean((0, 1))
            edge = np.abs(np.diff(pixels, axis=1)).mean((0, 1))
            rows.append(np.concatenate([colour, 4 * edge]) @ mix)
        return {"seen": np.array(rows)}

    return wrap(features, modality="image", name=f"viewer{seed}", layers=["seen"], revision=str(seed))


def hash_of(word):
    return int.from_bytes(word.encode(), "little") * 2654435761 % 2**31
'''
FILE = """
name = "spoiled"
seed = 1

[data]
source = "folder"
path = "pictures"
captions = "mean"

[align]
metrics = ["cka"]
draws = 9

[[models]]
source = "python:mine.py:reader"
name = "reader"
view = "text"
perturb = ["shuffle-words", "swap-nouns"]

[[models]]
source = "python:mine.py:viewer"
name = "viewer"
view = "image"
perturb = "grey"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pictures").mkdir()
    rng = np.random.default_rng(0)
    colours = {"red": (200, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 200), "white": (220, 220, 220)}
    lines = ["image,caption_0,caption_1,caption_2,caption_3"]
    for i in range(40):
        colour = list(colours)[i % 4]
        noun = ["ball", "house", "dog"][i % 3]
        pixels = np.clip(np.array(colours[colour]) + rng.normal(scale=10 + 10 * (i % 3), size=(16, 16, 3)), 0, 255)
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "pictures" / f"{i:02d}.png")
        lines.append(f"{i:02d}.png," + ",".join([f"a {colour} thing near a {noun}", f"a {noun} by a {colour} thing",
                                                 f"the {colour} one of number {i}", f"this is {colour} with a {noun}"]))
    (tmp_path / "pictures" / "captions.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "study.toml").write_text(FILE)
    return tmp_path


def run(folder: Path, text: str = FILE) -> Results:
    (folder / "study.toml").write_text(text)
    result = Study.read(folder / "study.toml").run(folder / "out", allow_code=True, progress=lambda *told: None)
    assert not result.failures
    return Results.read(folder / "out")


def test_a_model_is_run_on_the_whole_view_and_on_every_perturbation(folder: Path) -> None:
    found = run(folder)
    names = {row[side] for row in found.rows for side in ("left", "right")}
    assert names == {"reader", "reader, shuffle-words", "reader, swap-nouns", "viewer", "viewer, grey"}
    told = found.perturbed()
    assert {one.how for one in told} == {"grey", "shuffle-words", "swap-nouns"}
    by = {one.how: one for one in told}
    assert all(one.pairs == 1 and one.change is None for one in told)
    assert by["grey"].spoiled < 0.7 * by["grey"].whole
    assert by["swap-nouns"].spoiled != by["swap-nouns"].whole
    said = CliRunner().invoke(app, ["trend", str(folder / "out"), "--against", "perturbed"]).output
    assert "grey: " in said
    assert "whole" in said


def test_with_several_models_the_change_has_an_interval(folder: Path) -> None:
    (folder / "mine.py").write_text(MINE + "".join(
        f"\n\ndef {kind}{i}():\n    return {kind}({i})\n" for kind in ("reader", "viewer") for i in range(3)))
    text = FILE.split("[[models]]")[0] + "".join(
        f'[[models]]\nsource = "python:mine.py:{kind}{i}"\nname = "{kind}{i}"\nview = "{view}"\n'
        + ('perturb = "grey"\n' if view == "image" else "")
        for kind, view in (("reader", "text"), ("viewer", "image")) for i in range(3))
    found = run(folder, text).perturbed(draws=200)
    assert len(found) == 1
    assert found[0].units == "3 x 3 crossed units"
    assert found[0].change.high < 0
    assert set(found[0].each) == {"viewer0", "viewer1", "viewer2"}


def test_texts_and_pictures_have_a_law_of_their_own(folder: Path) -> None:
    text = FILE.split("[[models]]")[0].replace("draws = 9", "draws = 9\nsizes = [10, 20, 30, 40]") + "".join(
        f'[[models]]\nsource = "python:mine.py:reader"\nname = "reader {i}"\nview = "text"\nreads = {{ texts = {i} }}\n'
        for i in (1, 2, 3, 4)) + '[[models]]\nsource = "python:mine.py:viewer"\nname = "viewer"\nview = "image"\n'
    results = run(folder, text)
    found = results.saturation(draws=40)
    assert found.n == 16
    assert found.names == ("pictures", "texts")
    assert found.units == "16 points"
    said = CliRunner().invoke(app, ["trend", str(folder / "out"), "--against", "texts,n", "--draws", "40", "--json"]).output
    assert json.loads(said)[0]["n"] == 16
    with pytest.raises(InputError, match="the run has no gallery"):
        results.saturation(over="gallery")
    with pytest.raises(InputError, match="No model of these rows sees a spoiled view"):
        results.perturbed()


def test_a_perturbation_that_does_not_fit_is_told_before_anything_runs(folder: Path) -> None:
    with pytest.raises(StudyError, match=r"models\.0\.perturb: There is no perturbation 'shuffle'"):
        run(folder, FILE.replace('"shuffle-words", ', '"shuffle", '))
    with pytest.raises(StudyError, match=r"holds vectors, and what it was made of is not here to be spoiled"):
        Study.of({"name": "x", "models": [{"source": "file:a.npz", "perturb": "grey"}, "file:b.npz"]})
