"""Hugging Face datasets, from folders and files: no network is needed, nor used."""

import io
import json
import wave

import numpy as np
import pytest

from platometer.cards import Card
from platometer.datasets.hf import _card, load
from platometer.errors import DataError, MissingDependencyError, SpecError

library = pytest.importorskip("datasets")


@pytest.fixture(autouse=True)
def _at_home(tmp_path, monkeypatch):
    """Caches in the test's own folder, and no way to the hub."""
    monkeypatch.setattr(library.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(library.config, "HF_HUB_OFFLINE", True)


@pytest.fixture
def rows(draw, encode):
    """Columns as the paper's data set has them: pictures and lists of texts."""
    return {"image": [{"bytes": encode(draw(i)), "path": None} for i in range(4)],
            "text": [[f"caption {k} of {i}" for k in range(2)] for i in range(4)]}


def table(columns, **features):
    kinds = {"image": library.Image(), "text": library.List(library.Value("string"))} | features
    return library.Dataset.from_dict(columns, features=library.Features({key: kinds[key] for key in columns}))


@pytest.fixture
def saved(tmp_path, rows):
    table(rows).save_to_disk(str(tmp_path / "saved"))
    return str(tmp_path / "saved")


def test_a_saved_dataset_gives_pictures_and_texts(saved, draw):
    found = load(saved, captions="mean")
    assert found.ids == ("0000000", "0000001", "0000002", "0000003")
    assert found.view("text").items[3] == ("caption 0 of 3", "caption 1 of 3")
    (picture,) = found.view("image").items[1]
    assert np.abs(np.asarray(picture).astype(int) - np.asarray(draw(1))).mean() < 15
    assert found.card.source == f"hf:{saved}"
    assert found.notes == ()


def test_the_same_rows_have_the_same_fingerprint_from_disk_and_from_parquet(saved, rows, tmp_path):
    table(rows).to_parquet(str(tmp_path / "t.parquet"))
    assert load(saved).fingerprint == load(str(tmp_path / "t.parquet")).fingerprint


def test_a_folder_of_parquet_files_with_splits_must_be_told_which(rows, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    for split in ("train", "test"):
        part = {key: value[: 3 if split == "train" else 1] for key, value in rows.items()}
        table(part).to_parquet(str(folder / f"{split}.parquet"))
    with pytest.raises(DataError, match=r'has the splits train, test; choose one with split="..."'):
        load(str(folder))
    with pytest.raises(DataError, match="no split 'valid'; it has train, test"):
        load(str(folder), split="valid")
    assert len(load(str(folder), split="train")) == 3


def test_texts_alone_follow_the_choice_of_captions(rows, tmp_path):
    table({"text": rows["text"]}).save_to_disk(str(tmp_path / "t"))
    assert load(str(tmp_path / "t"), captions=1).view("text").items[2] == ("caption 1 of 2",)
    assert load(str(tmp_path / "t"), captions="all").groups == tuple(f"{i // 2:07d}" for i in range(8))


def test_pictures_alone_are_a_view(rows, tmp_path):
    table({"image": rows["image"]}).save_to_disk(str(tmp_path / "t"))
    assert list(load(str(tmp_path / "t")).views) == ["image"]


def test_the_column_of_texts_is_known_by_name_or_if_it_is_the_only_one(rows, tmp_path):
    columns = {"image": rows["image"], "id": list("abcd"), "prompt": [f"words {i}" for i in range(4)]}
    text = library.Value("string")
    table(columns, id=text, prompt=text).save_to_disk(str(tmp_path / "one"))
    found = load(str(tmp_path / "one"))
    assert found.ids == ("a", "b", "c", "d")
    assert found.view("text").items[0] == ("words 0",)
    table(columns | {"url": list("wxyz")}, id=text, prompt=text, url=text).save_to_disk(str(tmp_path / "two"))
    with pytest.raises(DataError, match="which column holds the texts\\? It has 'prompt', 'url'"):
        load(str(tmp_path / "two"))
    assert load(str(tmp_path / "two"), text_column="url").view("text").items[0] == ("w",)
    assert list(load(str(tmp_path / "two"), captions="none").views) == ["image"]


def test_pictures_in_several_columns_must_be_told_apart(rows, tmp_path, draw, encode):
    columns = {"left": rows["image"], "right": [{"bytes": encode(draw(9)), "path": None}] * 4, "text": rows["text"]}
    table(columns, left=library.Image(), right=library.Image()).save_to_disk(str(tmp_path / "t"))
    with pytest.raises(DataError, match=r"which column holds the pictures\? Its columns are 'left', 'right'"):
        load(str(tmp_path / "t"))
    assert "3 pictures are exact copies" in load(str(tmp_path / "t"), image_column="right").notes[0]
    with pytest.raises(DataError, match="no column 'text'"):
        load(str(tmp_path / "t"), image_column="text")


def test_ids_that_repeat_are_an_error_only_if_asked_for(rows, tmp_path):
    table(rows | {"id": ["a", "b", "a", "c"]}, id=library.Value("string")).save_to_disk(str(tmp_path / "t"))
    assert load(str(tmp_path / "t")).ids[0] == "0000000"
    with pytest.raises(DataError, match="'a' stands more than once in 'id'"):
        load(str(tmp_path / "t"), id_column="id")


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [("image", {"bytes": b"<html>", "path": None}, "row 2 is not a picture"),
     ("image", None, "row 2: there is nothing in 'image'"),
     ("text", ["a", ""], "row 2: the caption is empty"), ("text", None, "row 2: the caption is empty"),
     ("text", [], "row 2: there is no caption")],
)
def test_what_cannot_be_read_is_named_by_row_or_dropped(rows, tmp_path, column, value, said):
    rows[column][2] = value
    table(rows).save_to_disk(str(tmp_path / "t"))
    with pytest.raises(DataError, match=said):
        load(str(tmp_path / "t"))
    found = load(str(tmp_path / "t"), unreadable="drop")
    assert found.ids == ("0000000", "0000001", "0000003")
    assert found.notes == ("1 row was left out as unreadable (2)",)


def test_a_folder_of_pictures_is_read_and_one_that_went_away_is_named(tmp_path, draw):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for i in range(3):
        draw(i).save(folder / f"{i}.png")
    lines = [json.dumps({"file_name": f"{i}.png", "text": f"words {i}"}) for i in range(3)]
    (folder / "metadata.jsonl").write_text("\n".join(lines))
    found = load(str(folder))
    assert found.view("text").items[1] == ("words 1",)
    assert np.array_equal(np.asarray(found.view("image").items[1][0]), np.asarray(draw(1)))
    (folder / "1.png").unlink()
    with pytest.raises(DataError, match=r"row 1: .*1.png cannot be read: No such file"):
        found.view("image").items[1]


def sound(samples, width=2, rate=16000):
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(np.asarray(samples).tobytes())
    return {"bytes": buffer.getvalue(), "path": None}


def heard_table(columns):
    """A table with a column of sounds; the library's own way of writing one needs torchcodec."""
    text = library.Value("string")
    features = {"audio": {"bytes": library.Value("binary"), "path": text}, "text": library.List(text)}
    plain = library.Dataset.from_dict(columns, features=library.Features(features))
    return plain.cast_column("audio", library.Audio(decode=False))


def test_sounds_are_waves_between_minus_one_and_one(tmp_path):
    waves = [np.array([0, 16384, -32768, 32767], dtype="<i2"), np.array([0, 1, 2], dtype="<i2")]
    columns = {"audio": [sound(value) for value in waves], "text": [["a"], ["b"]]}
    heard_table(columns).save_to_disk(str(tmp_path / "t"))
    found = load(str(tmp_path / "t"))
    ((heard, rate),) = found.view("audio").items[0]
    assert rate == 16000
    assert heard.dtype == np.float32
    assert np.allclose(heard, [0, 0.5, -1, 32767 / 32768])
    columns["audio"][1] = sound(waves[0])
    heard_table(columns).save_to_disk(str(tmp_path / "u"))
    assert load(str(tmp_path / "u")).notes == ("1 sound is an exact copy of another (0000001 = 0000000)",)
    columns["audio"][1] = {"bytes": b"RIFF no", "path": None}
    heard_table(columns).save_to_disk(str(tmp_path / "v"))
    with pytest.raises(DataError, match="row 1: only whole WAV sounds"):
        load(str(tmp_path / "v")).view("audio").items[1]


def test_what_is_not_there_is_said(tmp_path, saved):
    with pytest.raises(DataError, match="There is no folder or file"):
        load(str(tmp_path / "nowhere"))
    (tmp_path / "t.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(DataError, match=r"Cannot load the dataset .*t.parquet.*Is a file damaged"):
        load(str(tmp_path / "t.parquet"))
    (tmp_path / "t.txt").write_text("a")
    with pytest.raises(DataError, match=r"expected a file .parquet, .csv"):
        load(str(tmp_path / "t.txt"))
    with pytest.raises(DataError, match="is a single table"):
        load(saved, split="train")


def test_a_table_without_anything_to_see_or_read_lists_its_columns(tmp_path):
    library.Dataset.from_dict({"a": [1, 2]}).save_to_disk(str(tmp_path / "t"))
    with pytest.raises(DataError, match="neither pictures, sounds nor texts; its columns are a"):
        load(str(tmp_path / "t"))


def test_a_dataset_with_a_script_is_not_run(tmp_path):
    folder = tmp_path / "scripted"
    folder.mkdir()
    (folder / "scripted.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    with pytest.raises(DataError, match="Cannot load the dataset"):
        load(str(folder))
    assert not (tmp_path / "ran").exists()


def test_a_revision_is_taken_from_the_name_once(monkeypatch, rows):
    asked = []

    def stand_in(name, subset, revision):
        asked.append((name, subset, revision))
        return library.DatasetDict({"train": table(rows)})

    monkeypatch.setattr(library, "load_dataset", stand_in)
    assert load("minhuh/prh@wit_1024").card == Card(
        "prh", source="hf:minhuh/prh@wit_1024", revision="wit_1024", details={"captions": "first", "seed": 0, "split": None})
    load("minhuh/prh", revision="wit_1024", subset="x")
    assert asked == [("minhuh/prh", None, "wit_1024"), ("minhuh/prh", "x", "wit_1024")]
    with pytest.raises(SpecError, match="names the revision 'wit_1024', and revision = 'main' another"):
        load("minhuh/prh@wit_1024", revision="main")


def test_the_commit_is_taken_from_the_addresses_of_the_files(rows):
    made = table(rows)
    commit = "0123456789abcdef" * 2 + "01234567"
    made.info.download_checksums = {f"hf://datasets/minhuh/prh@{commit}/data/train.parquet": {}}
    made.info.licence, made.info.citation = "mit", " Huh et al. 2024\n"
    card = _card(made, "minhuh/prh", "wit_1024", {})
    assert (card.revision, card.source, card.citation) == (commit, "hf:minhuh/prh@wit_1024", "Huh et al. 2024")


def test_without_the_library_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    with pytest.raises(MissingDependencyError, match=r"platometer\[hub\]"):
        load("minhuh/prh")
