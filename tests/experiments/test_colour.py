"""The colour study whole, on pictures whose colours are planted, and the rule of its verdict."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from platometer import experiments
from platometer.errors import DataError
from platometer.experiments import colour
from platometer.experiments._colour_names import FOCAL, lab


@pytest.fixture(scope="module")
def walks(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Pictures in which neighbouring pixels are neighbouring colours of the cube: steps of a walk, in four lines."""
    chance = np.random.default_rng(0)
    images = np.zeros((60, 24, 24, 3))
    for image in images:
        steps = chance.normal(scale=14, size=(24, 24, 3))
        start = chance.uniform(0, 255, size=3)
        image[:] = start + steps.cumsum(0) / 2 + steps[:, ::-1].cumsum(1) / 2
    images = 255 - np.abs(np.abs(images) % 510 - 255)  # reflected at the walls of the cube
    path = tmp_path_factory.mktemp("colour") / "walks.npz"
    np.savez(path, images=images.astype(np.uint8), labels=np.zeros(60, dtype=int))
    return str(path)


@pytest.fixture(scope="module")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Word vectors that are the colours, turned and stretched."""
    path = tmp_path_factory.mktemp("colour") / "planted.npz"
    np.savez(path, words=np.array(list(FOCAL)), vectors=3 * lab(list(FOCAL.values()))[:, [2, 0, 1]] + 7)
    return str(path)


@pytest.fixture(scope="module")
def rows(walks: str, vectors: str) -> list[dict]:
    return colour.run(quick=True, pictures=walks, vectors=vectors, grid=4)


def test_planted_colours_are_found_in_pictures_and_words(rows: list[dict]) -> None:
    verdict = colour.check(rows)
    assert verdict.outcome == "held", verdict.words
    assert verdict.numbers["pixels_rsa"] > 0.5
    assert verdict.numbers["word_vectors_residual"] == pytest.approx(0, abs=1e-3)
    assert "Not judged: language model, corpus." in verdict.words
    absent = {row["picture"]: row["why"] for row in rows if row["kind"] == "absent"}
    assert absent == {"language model": "no source; name one with words_model", "corpus": "no source; name one with corpus"}


def test_rows_hold_every_point_with_its_colour_and_its_place(rows: list[dict]) -> None:
    for score in (row for row in rows if row["kind"] == "score"):
        points = [row for row in rows if row["kind"] == "point" and row["picture"] == score["picture"]]
        assert len(points) == score["n"]
        true = np.array([[point[axis] for axis in ("L", "a", "b")] for point in points])
        laid = np.array([[point["at_" + axis] for axis in ("L", "a", "b")] for point in points])
        residual = ((true - laid) ** 2).sum() / ((true - true.mean(0)) ** 2).sum()
        assert residual == pytest.approx(score["residual"], abs=1e-9)
        assert all(re.fullmatch("#[0-9a-f]{6}", point["colour"]) for point in points)


def test_two_pictures_are_also_set_against_each_other(rows: list[dict]) -> None:
    (pair,) = [row for row in rows if row["kind"] == "pair"]
    assert (pair["picture"], pair["other"]) == ("pixels", "word vectors")
    assert pair["n"] >= 8
    assert pair["rsa"] > 0.3


def test_equal_seeds_give_equal_rows(rows: list[dict], walks: str, vectors: str) -> None:
    assert colour.run(quick=True, pictures=walks, vectors=vectors, grid=4) == rows


def test_shuffled_pixels_do_not_give_colours_back(walks: str, tmp_path: Path) -> None:
    images = np.load(walks)["images"]
    flat = np.random.default_rng(0).permutation(images.reshape(-1, 3))
    np.savez(tmp_path / "shuffled.npz", images=flat.reshape(images.shape), labels=np.zeros(60, dtype=int))
    verdict = colour.check(colour.run(quick=True, pictures=str(tmp_path / "shuffled.npz"), grid=4))
    assert verdict.outcome == "not held", verdict.words
    assert abs(verdict.numbers["pixels_rsa"]) < 0.2


def test_words_that_are_too_few_are_said_to_be_absent(walks: str, tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("red blue " * 30)
    rows = colour.run(quick=True, pictures=walks, corpus=str(tmp_path / "t.txt"), grid=4)
    why = next(row["why"] for row in rows if row["kind"] == "absent" and row["picture"] == "corpus")
    assert why == "t.txt: 60 words has 2 of the words often enough; 8 are needed"


def _score(picture: str, rsa: float, p: float, reach: float) -> dict:
    return {"kind": "score", "picture": picture, "source": "s", "n": 20, "rsa": rsa, "rsa_p": p, "rsa_low": rsa - reach,
            "rsa_high": rsa + reach, "residual": 0.5, "lightness": 0.1}


@pytest.mark.parametrize(("scores", "outcome"), [
    ([("pixels", 0.6, 0.001, 0.1)], "held"),
    ([("pixels", 0.6, 0.001, 0.1), ("corpus", 0.5, 0.04, 0.2)], "held"),
    ([("pixels", 0.6, 0.04, 0.1), ("corpus", 0.5, 0.04, 0.2)], "undecided"),  # 0.08 after Holm
    ([("pixels", 0.6, 0.001, 0.7)], "undecided"),  # the interval holds 0
    ([("pixels", 0.6, 0.001, 0.1), ("corpus", 0.0, 0.5, 0.1)], "not held"),
    ([("pixels", 0.6, 0.001, 0.1), ("corpus", 0.0, 0.5, 0.4)], "undecided"),  # nothing shown either way
    ([], "undecided"),
])
def test_the_rule_of_the_verdict(scores: list, outcome: str) -> None:
    assert colour.check([_score(*score) for score in scores]).outcome == outcome


def test_a_figure_has_a_solid_for_the_eye_and_for_each_picture(rows: list[dict]) -> None:
    pytest.importorskip("matplotlib")
    titles = [axes.get_title() for axes in colour.draw(rows).axes]
    assert [title.split("\n")[0].split(":")[0] for title in titles] == [
        "To the eye (CIELAB)", "Pixels", "To the eye (CIELAB)", "Word vectors"]


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.opened: list[tuple[str, dict]] = []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.opened.append((tag, dict(attrs)))


def test_the_page_is_self_contained_escaped_and_can_be_turned_by_keys(rows: list[dict]) -> None:
    sly = "</script><img src=x onerror=alert(1)>\"'"
    renamed = [row | {"source": sly} if row["kind"] == "score" else row | {"name": sly} if row["kind"] == "point" else row
               for row in rows]
    for these, count in ((rows, 4), (renamed, 4)):
        text = colour.page(these)
        tags = _Tags()
        tags.feed(text)
        assert [tag for tag, _ in tags.opened].count("canvas") == count
        assert {tag for tag, _ in tags.opened} == {"div", "style", "p", "figure", "canvas", "figcaption", "b", "br", "script"}
        assert all(found["tabindex"] == "0" and found["aria-label"] for tag, found in tags.opened if tag == "canvas")
        assert "http" not in text
        assert "ArrowLeft" in text
        assert text.count("</script>") == 1


def test_a_run_leaves_the_page_beside_the_figure(walks: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    outcome = experiments.run("colour", quick=True, out=tmp_path, options={"pictures": walks, "grid": 4})
    assert outcome.verdict.outcome == "held"
    assert {path.name for path in tmp_path.iterdir()} == {
        "rows.parquet", "verdict.json", "figure.png", "figure.svg", "figure.html"}
    found = experiments.load("colour")
    assert found.title.endswith("lie as colours do to the eye.")
    assert found.options["grid"] == 8


def test_pictures_that_are_not_there_are_an_error() -> None:
    with pytest.raises(DataError, match="no folder, no npz file and no dataset"):
        colour.run(pictures="cifar10")
