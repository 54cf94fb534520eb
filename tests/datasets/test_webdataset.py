"""Tar shards."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest

from platometer.datasets.webdataset import load
from platometer.errors import DataError, SpecError


@pytest.fixture
def shard(tmp_path):
    """A function that writes a tar file from (name, bytes) pairs."""

    def write(name, entries, mode="w"):
        with tarfile.open(tmp_path / name, mode) as archive:
            for entry, data in entries:
                info = tarfile.TarInfo(entry)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        return str(tmp_path / name)

    return write


@pytest.fixture
def entries(draw, encode):
    """The files of n samples, the first being drawn with this seed."""

    def make(n, start=0, text=True):
        out = []
        for i in range(start, start + n):
            out.append((f"{i:04d}.jpg", encode(draw(i))))
            out.append((f"{i:04d}.txt", f"a picture of {i}\nor so".encode()) if text else
                       (f"{i:04d}.json", json.dumps({"caption": [f"a picture of {i}"], "title": f"title {i}"}).encode()))
        return out

    return make


def test_pictures_and_texts_of_one_key_belong_together(shard, entries, draw):
    found = load(shard("a.tar", entries(3)))
    assert found.ids == ("0000", "0001", "0002")
    assert found.view("text").items == [(f"a picture of {i}",) for i in range(3)]
    assert np.abs(np.asarray(found.view("image").items[1][0]).astype(int) - np.asarray(draw(1))).mean() < 15
    assert found.card.name == "a"


def test_each_line_of_a_text_is_a_caption(shard, entries):
    assert load(shard("a.tar", entries(2)), captions="mean").view("text").items[0] == ("a picture of 0", "or so")
    assert len(load(shard("a.tar", entries(2)), captions="all")) == 4


def test_captions_may_stand_in_json(shard, entries):
    path = shard("a.tar", entries(2, text=False))
    assert load(path).view("text").items[1] == ("a picture of 1",)
    assert load(path, text_column="title").view("text").items[1] == ("title 1",)
    with pytest.raises(DataError, match=r"0000.json has no column 'name'"):
        load(path, text_column="name")


def test_shards_are_found_by_pattern_by_range_and_by_list(shard, entries, tmp_path):
    a, b = shard("s-08.tar", entries(2)), shard("s-09.tar", entries(2, start=2))
    c = shard("s-10.tar", entries(1, start=4))
    ids = ("0000", "0001", "0002", "0003", "0004")
    for path in (str(tmp_path / "*.tar"), str(tmp_path / "s-{08..10}.tar"), [a, b, c], [a, str(tmp_path / "*.tar")]):
        assert load(path).ids == ids
    assert load([c, a]).ids == ("0004", "0000", "0001")
    assert load(str(tmp_path / "s-{08..09}.tar")).ids == ids[:4]
    with pytest.raises(DataError, match=r"No shard matches .*s-11.tar"):
        load(str(tmp_path / "s-{08..11}.tar"))


def test_a_name_with_brackets_is_a_name(shard, entries):
    assert len(load(shard("a[1].tar", entries(2)))) == 2


def test_keys_that_shards_share_get_the_shards_name(shard, entries, tmp_path):
    shard("a.tar", entries(2))
    shard("b.tar", entries(2, start=1))
    assert load(str(tmp_path / "?.tar")).ids == ("a.tar:0000", "a.tar:0001", "b.tar:0001", "b.tar:0002")
    assert load(str(tmp_path / "?.tar"), duplicates="drop").ids == ("a.tar:0000", "a.tar:0001", "b.tar:0002")


def test_keys_in_folders_keep_their_folder(shard, entries):
    named = [(f"{'x' if i < 2 else 'y'}.z/0000{name[4:]}", data) for i, (name, data) in enumerate(entries(2))]
    assert load(shard("a.tar", named)).ids == ("x.z/0000", "y.z/0000")


def test_files_that_are_no_pictures_links_and_folders_are_passed_over(shard, entries, tmp_path):
    path = shard("a.tar", [("notes.md", b"x"), ("alone.txt", b"x"), ("0000.seg.png", b"x"), *entries(1)])
    with tarfile.open(path, "a") as archive:
        for name, kind in (("0001.jpg", tarfile.SYMTYPE), ("folder.jpg", tarfile.DIRTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    assert load(path).ids == ("0000",)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.tar"]


def test_names_that_lead_outside_are_only_names(shard, entries, tmp_path):
    path = shard("a.tar", [(f"../../out/{name}", data) for name, data in entries(1)])
    assert load(path).ids == ("../../out/0000",)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.tar"]


def test_no_captions_leave_the_pictures(shard, entries):
    assert list(load(shard("a.tar", entries(2)[::2]), captions="none").views) == ["image"]


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [("0001.jpg", b"<html>", "not a picture that Pillow knows"), ("0001.txt", b"\n\n", "there is no caption"),
     ("0001.txt", b"\xff", "not text in UTF-8"), ("0001.md", b"", "neither a .txt nor a .json")],
)
def test_what_cannot_be_read_is_named_with_its_shard_and_key_or_dropped(shard, entries, name, data, said):
    files = dict(entries(3))
    files = {key: value for key, value in files.items() if name.endswith("jpg") or key != "0001.txt"} | {name: data}
    path = shard("a.tar", files.items())
    with pytest.raises(DataError) as error:
        load(path)
    assert said in str(error.value)
    assert "a.tar, 0001" in str(error.value)
    found = load(path, unreadable="drop")
    assert found.ids == ("0000", "0002")
    assert found.notes == ("1 picture was left out as unreadable or without a caption (0001)",)


@pytest.mark.parametrize(("data", "said"), [(b"{", "is not JSON"), (b"[]", "is not an object"), (b'{"caption": ""}', "empty")])
def test_json_that_cannot_be_read_is_named(shard, entries, data, said):
    with pytest.raises(DataError, match=said):
        load(shard("a.tar", [entries(1)[0], ("0000.json", data)]))


def test_a_key_that_stands_twice_is_an_error(shard, entries):
    with pytest.raises(DataError, match=r"a.tar holds '0000.jpg' twice"):
        load(shard("a.tar", entries(2) + entries(1)))


def test_shards_that_are_no_tar_files_are_named(shard, entries, tmp_path):
    with pytest.raises(DataError, match=r"b.tar is not a whole, uncompressed tar file"):
        load(shard("b.tar", entries(2), mode="w:gz"))
    data = Path(shard("a.tar", entries(2))).read_bytes()
    for cut in (100, 700, 1200, len(data) // 4):
        (tmp_path / "c.tar").write_bytes(data[:cut])
        with pytest.raises(DataError, match=r"c.tar"):
            load(str(tmp_path / "c.tar"))


def test_a_shard_that_changes_afterwards_is_named(shard, entries):
    path = shard("a.tar", entries(2))
    found = load(path)
    Path(path).write_bytes(b"")
    with pytest.raises(DataError, match=r"a.tar was cut short"):
        found.view("image").items[1]


def test_options_are_checked(shard, entries):
    with pytest.raises(SpecError, match="'error' or 'drop'"):
        load(shard("a.tar", entries(1)), unreadable="keep")
    with pytest.raises(SpecError, match="expected first, last"):
        load(shard("a.tar", entries(1)), captions="best")
    with pytest.raises(DataError, match="no pictures"):
        load(shard("a.tar", [("a.txt", b"a")]))
