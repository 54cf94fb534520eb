"""Colour words in a model, in vectors and in a text whose counts are known by hand."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
import torch

from platometer import models
from platometer.errors import DataError, ModelError
from platometer.experiments._colour_names import FOCAL, lab, written
from platometer.experiments._colour_words import SENTENCES, of_corpus, of_model, of_vectors, unlike


def test_the_words_are_twenty_and_their_colours_lie_where_the_table_says() -> None:
    assert len(FOCAL) == 20
    x = dict(zip(FOCAL, lab(list(FOCAL.values())), strict=True))
    assert x["black"][0] == pytest.approx(0)
    assert x["white"][0] == pytest.approx(100)
    np.testing.assert_allclose(x["red"], [47.83, 73.84, 61.96], atol=0.05)
    assert x["green"][1] < -50 < 50 < x["red"][1]
    assert x["blue"][2] < -50 < 50 < x["yellow"][2]
    assert written(np.array([[0, 127.6, 300.0]])) == ["#0080ff"]


def test_a_word_is_the_mean_of_its_three_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def encode(texts: list[str]) -> dict[str, torch.Tensor]:
        seen.extend(texts)
        length = torch.tensor([[float(len(text)), 1.0] for text in texts])
        return {"first": length, "last": 2 * length}

    model = models.wrap(encode, modality="text", name="lengths", layers=["first", "last"])
    monkeypatch.setattr(models, "load", lambda source: model)
    found = of_model("any:model")
    assert set(seen) == {sentence.format(word) for sentence in SENTENCES for word in FOCAL}
    assert list(found.tables) == ["first", "last"]
    red, lavender = found.words.index("red"), found.words.index("lavender")
    assert found.tables["first"][red, lavender] == pytest.approx(len("lavender") - len("red"))
    np.testing.assert_allclose(found.tables["last"], 2 * found.tables["first"])


def test_a_model_of_pictures_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model = models.wrap(lambda items: torch.ones(len(items), 2), modality="image", name="sees")
    monkeypatch.setattr(models, "load", lambda source: model)
    with pytest.raises(ModelError, match="reads image; colour words need a model of text"):
        of_model("any:model")


def test_vectors_are_read_by_word_from_arrays_and_from_text(tmp_path: Path) -> None:
    table = np.array([[9.0, 9], [0, 0], [3, 4], [0, 1]])
    np.savez(tmp_path / "v.npz", words=np.array(["the", "grey", "red", "blue"]), vectors=table)
    (tmp_path / "v.txt").write_text("4 2\nthe 9 9\ngrey 0 0\nred 3 4\nblue 0 1\n")
    for name in ("v.npz", "v.txt"):
        found = of_vectors(str(tmp_path / name))
        assert found.words == ("gray", "red", "blue")
        np.testing.assert_allclose(found.tables["vectors"], [[0, 5, 1], [5, 0, np.sqrt(18)], [1, np.sqrt(18), 0]])


def test_vectors_that_cannot_be_read_are_errors(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.ones((3, 2)))
    with pytest.raises(DataError, match="does not say which word each row is"):
        of_vectors(str(tmp_path / "v.npy"))
    (tmp_path / "v.txt").write_text("red 1 two\n")
    with pytest.raises(DataError, match="line 1: '1 two' are no numbers"):
        of_vectors(str(tmp_path / "v.txt"))
    (tmp_path / "w.vec").write_text("red 1 2\nblue 1\n")
    with pytest.raises(DataError, match="differ in length"):
        of_vectors(str(tmp_path / "w.vec"))
    (tmp_path / "x.txt").write_text("dog 1 2\n")
    assert of_vectors(str(tmp_path / "x.txt")).words == ()


def _by_hand(smoothing: float) -> np.ndarray:
    """red, blue and any other word in "red and blue. / grey red", window 2, one pair in each order."""
    counts = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0.0]]) + smoothing  # red, blue, other
    p = counts / counts.sum()
    return np.log(p / np.outer(p.sum(0), p.sum(0)))[:2, :2]


def test_a_text_is_counted_by_hand(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("Red and\nBLUE.\n\n\n")
    found = of_corpus(str(tmp_path / "t.txt"), window=2, smoothing=0.5, least=1)
    assert found.words == ("red", "blue")
    np.testing.assert_allclose(found.tables["K_PMI"], unlike(_by_hand(0.5)))
    assert found.source == "t.txt: 3 words"


def test_pairs_stay_within_paragraphs_and_rows(tmp_path: Path) -> None:
    far, near, rows = tmp_path / "far.txt", tmp_path / "near.txt", tmp_path / "rows.csv"
    far.write_text("red x x x red x x x blue x\n\nblue x x x blue x x x red x")
    near.write_text("red x x x red x x x blue blue x x x blue x x x red x")
    rows.write_text("red x x x red x x x blue x\nblue x x x blue x x x red x\n")
    tables = [of_corpus(str(path), window=2, least=1).tables["K_PMI"][0, 1] for path in (far, near, rows)]
    assert tables[0] == tables[2]
    assert near.read_text().count("blue") == far.read_text().count("blue")


def test_texts_may_be_several_and_gzipped_and_spell_grey(tmp_path: Path) -> None:
    text = "grey red blue gray red " * 30
    (tmp_path / "plain.txt").write_text(text)
    (tmp_path / "packed.txt.gz").write_bytes(gzip.compress(text.encode()))
    one, packed = (of_corpus(str(tmp_path / name)) for name in ("plain.txt", "packed.txt.gz"))
    assert one.words == packed.words == ("gray", "red", "blue")
    np.testing.assert_array_equal(one.tables["K_PMI"], packed.tables["K_PMI"])
    both, listed = of_corpus(str(tmp_path)), of_corpus(f"{tmp_path / 'plain.txt'}, {tmp_path / 'packed.txt.gz'}")
    np.testing.assert_allclose(both.tables["K_PMI"], listed.tables["K_PMI"])
    assert listed.source == "plain.txt, packed.txt.gz: 300 words"


def test_rare_words_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("red blue " * 20 + "teal")
    assert of_corpus(str(tmp_path / "t.txt")).words == ("red", "blue")
    assert of_corpus(str(tmp_path / "t.txt"), least=100).tables == {}


def test_no_text_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no text and no folder of texts"):
        of_corpus(str(tmp_path / "absent"))
    (tmp_path / "t.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="cannot be read as UTF-8"):
        of_corpus(str(tmp_path / "t.txt"))
