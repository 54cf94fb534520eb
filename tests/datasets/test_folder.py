"""Folders of pictures with captions."""

import json
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from platometer import datasets
from platometer.datasets.folder import load
from platometer.errors import DataError, SpecError

SHARED = Path("/work/shared/data/photos")


def first_texts(found):
    return [row[0] for row in found.view("text").items]


def test_a_folder_gives_pictures_and_captions_in_the_tables_order(photos, draw):
    found = load(str(photos))
    assert found.ids == ("0.jpg", "1.jpg", "2.jpg", "3.jpg")
    assert first_texts(found) == [f"caption 0 of {i}" for i in range(4)]
    (picture,) = found.view("image").items[2]
    assert (picture.mode, picture.size) == ("RGB", (48, 40))
    assert np.abs(np.asarray(picture).astype(int) - np.asarray(draw(2))).mean() < 15  # JPEG
    assert found.notes == ()
    assert found.card.name == "photos"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.csv", "file_name,caption\n0.jpg,a\n0.jpg,b\n1.jpg,c\n"),
        ("t.csv", '\ufeffimage,text\r\n0.jpg,"a"\r\n0.jpg,"b"\r\n1.jpg,"c"\r\n'),
        ("t.csv", "image_name| comment_number| comment\n0.jpg| 0| a\n0.jpg| 1| b\n1.jpg| 0| c\n"),
        ("t.csv", "image;sentence\n0.jpg;a\n0.jpg;b\n1.jpg;c\n"),
        ("t.csv", "path,caption_0,caption_1\n0.jpg,a,b\n1.jpg,c,\n"),
        ("t.tsv", "Image\tCaption\n0.jpg\ta\n0.jpg\tb\n1.jpg\tc\n"),
        ("t.jsonl", '{"image": "0.jpg", "captions": ["a", "b"]}\n\n{"captions": ["c"], "image": "1.jpg"}\n'),
        ("T.JSONL", '{"img": "0.jpg", "text": "a"}\n{"img": "0.jpg", "text": "b"}\n{"img": "1.jpg", "text": "c"}'),
    ],
)
def test_tables_of_many_kinds_are_understood(photos, name, text):
    (photos / "captions.jsonl").unlink()
    (photos / name).write_text(text, encoding="utf-8", newline="")
    assert load(str(photos), captions="mean").view("text").items == [("a", "b"), ("c",)]


def test_a_parquet_table_is_understood(photos):
    (photos / "captions.jsonl").unlink()
    pq.write_table(pa.table({"filename": ["0.jpg", "1.jpg"], "texts": [["a", "b"], ["c"]]}), photos / "t.parquet")
    assert load(str(photos), captions="mean").view("text").items == [("a", "b"), ("c",)]


def test_pictures_without_a_caption_are_told(photos):
    (photos / "below").mkdir()
    (photos / "below" / "5.JPG").write_bytes((photos / "0.jpg").read_bytes())
    (photos / "captions.jsonl").write_text('{"image": "./0.jpg", "text": "a"}\n{"image": "1.jpg", "text": "b"}\n')
    assert load(str(photos)).notes == ("3 of 5 pictures have no caption in captions.jsonl and are left out",)
    assert load(str(photos), captions="none").notes == ("3 of 5 pictures are not named in captions.jsonl and are left out",)
    (photos / "2.jpg").unlink()
    (photos / "3.jpg").unlink()
    assert load(str(photos)).notes == ("1 of 3 pictures has no caption in captions.jsonl and is left out",)


def test_numbered_columns_stand_in_the_order_of_their_numbers(photos):
    columns = [f"caption_{i}" for i in range(12)]
    (photos / "captions.jsonl").write_text(json.dumps({"image": "0.jpg"} | {name: name for name in reversed(columns)}))
    assert load(str(photos), captions="mean").view("text").items == [tuple(columns)]


def test_control_characters_and_markup_stay_text(photos):
    odd = ["<script>alert(1)</script>", "tab\there", "bell\a, form feed\f, separator\u2028, \U0001f9b4", "a\nb\r\nc"]
    (photos / "captions.jsonl").write_text("\n".join(json.dumps({"image": f"{i}.jpg", "text": t}) for i, t in enumerate(odd)))
    assert first_texts(load(str(photos))) == odd
    (photos / "captions.jsonl").unlink()
    with open(photos / "t.csv", "w", encoding="utf-8", newline="") as file:
        file.write("image,text\n" + "".join(f'{i}.jpg,"{t}"\n' for i, t in enumerate(odd)))
    assert first_texts(load(str(photos))) == odd


def test_columns_can_be_named(photos):
    (photos / "captions.jsonl").write_text('{"image": "0.jpg", "which": "1.jpg", "caption": "a", "title": "b"}')
    found = load(str(photos), image_column="which", text_column="title")
    assert (found.ids, first_texts(found)) == (("1.jpg",), ["b"])
    with pytest.raises(DataError, match=r"no column 'titel'. Did you mean 'title'\?"):
        load(str(photos), text_column="titel")


def test_an_unknown_column_lists_what_there_is(photos):
    (photos / "captions.jsonl").write_text('{"image": "0.jpg", "german": "a", "czech": "b"}')
    with pytest.raises(DataError, match=r"which column holds the captions\? Its columns are 'image', 'german', 'czech'"):
        load(str(photos))


def test_without_a_table_the_pictures_alone_can_be_had(photos, draw):
    (photos / "captions.jsonl").unlink()
    (photos / "deeper").mkdir()
    draw(9).save(photos / "deeper" / "9.PNG")
    with pytest.raises(DataError, match=r'no captions file .*pictures alone are captions="none"'):
        load(str(photos))
    found = load(str(photos), captions="none")
    assert found.ids == ("0.jpg", "1.jpg", "2.jpg", "3.jpg", "deeper/9.PNG")
    assert list(found.views) == ["image"]


def test_one_table_of_several_must_be_named(photos):
    (photos / "other.csv").write_text("image,caption\n3.jpg,x\n")
    with pytest.raises(DataError, match=r"several tables: captions.jsonl, other.csv"):
        load(str(photos))
    assert load(str(photos), table="other.csv").ids == ("3.jpg",)
    with pytest.raises(DataError, match=r"no captions file .*nothing.csv"):
        load(str(photos), table="nothing.csv")


def test_a_missing_folder_is_said_to_be_missing(tmp_path, photos):
    with pytest.raises(DataError, match="There is no folder"):
        load(str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="It is a file"):
        load(str(photos / "0.jpg"))


# what cannot be read


@pytest.mark.parametrize(
    ("damage", "said"),
    [(lambda file: file.unlink(), "there is no picture"), (lambda file: file.write_bytes(b""), "is an empty file"),
     (lambda file: file.write_bytes(file.read_bytes()[:400]), "cannot be decoded"),
     (lambda file: file.write_text("<html>"), "not a picture that Pillow knows")],
)
def test_a_picture_that_cannot_be_read_is_named_with_its_row_or_dropped(photos, damage, said):
    damage(photos / "2.jpg")
    with pytest.raises(DataError) as error:
        load(str(photos))
    assert said in str(error.value)
    assert "captions.jsonl, row 3" in str(error.value)
    assert "2.jpg" in str(error.value)
    found = load(str(photos), unreadable="drop")
    assert found.ids == ("0.jpg", "1.jpg", "3.jpg")
    assert first_texts(found) == [f"caption 0 of {i}" for i in (0, 1, 3)]
    assert found.notes == ("1 picture was left out as unreadable or without a caption (2.jpg)",)


def test_a_damaged_picture_is_named_when_it_is_read(photos):
    (photos / "2.jpg").write_bytes((photos / "2.jpg").read_bytes()[:400])
    found = load(str(photos), near=False)
    with pytest.raises(DataError, match=r"captions.jsonl, row 3: '2.jpg' cannot be decoded"):
        found.view("image").items[2]


def test_an_empty_caption_is_named_with_its_row_or_dropped(photos):
    rows = [["a", " "], [None], ["b"]]
    (photos / "3.jpg").unlink()
    text = "\n".join(json.dumps({"image": f"{i}.jpg", "captions": row}) for i, row in enumerate(rows))
    (photos / "captions.jsonl").write_text(text)
    with pytest.raises(DataError, match=r"captions.jsonl, row 1: the caption is empty. unreadable = \"drop\" leaves"):
        load(str(photos))
    found = load(str(photos), unreadable="drop", captions="mean")
    assert found.view("text").items == [("a",), ("b",)]
    assert found.notes == ("empty captions were left out: 2",
                           "1 picture was left out as unreadable or without a caption (1.jpg)")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('{"image": "0.jpg", "captions": ["a"]}\n{"image": "1.jpg"', "line 2 is not JSON"),
        ("[1]\n", "line 1 is not an object"),
        ("[" * 100_000, "line 1 is not JSON"),
        ('{"image": "0.jpg", "captions": [3]}', "row 1: the caption 3 is not text"),
        ('{"image": "0.jpg", "captions": []}', "row 1: there is no caption"),
        ('{"image": 7, "captions": ["a"]}', "row 1: 'image' is 7, which names no picture"),
        ('{"image": "0.jpg", "captions": ["a"]}\n{"captions": ["b"]}', "row 2: 'image' is None"),
        ('{"image": "0", "captions": ["a"]}', "Does the name lack its ending?"),
        ('{"image": "a\\u0000b.jpg", "captions": ["a"]}', "row 1"),
        ("\n", "has no rows"),
    ],
)
def test_an_error_in_the_table_names_its_line(photos, table, said):
    (photos / "captions.jsonl").write_text(table)
    with pytest.raises(DataError) as error:
        load(str(photos))
    assert said in str(error.value)
    assert "captions.jsonl" in str(error.value)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (b"image,caption\n0.jpg,a\n1.jpg,one, two\n", "line 3: 3 cells where the header has 2"),
        (b"image,caption\n0.jpg,a\n1.jpg\n", "line 3: 1 cells"),
        (b'image,caption\n0.jpg,"a\n1.jpg,b\n', "Is a quotation mark not closed?"),
        (b"image,caption,caption\n0.jpg,a,b\n", "two columns are named 'caption'"),
        (b"0.jpg,a\n1.jpg,b\n", "Its columns are '0.jpg', 'a'"),
        (b"image,caption\n0.jpg,\xff\n", "not text in UTF-8"),
        (b"image,caption\n", "has no rows"),
        (b"", "has no rows"),
        (b"image,caption\n0.jpg," + b"x" * 200_000, "field larger than field limit"),
    ],
)
def test_an_error_in_a_csv_names_its_line(photos, table, said):
    (photos / "captions.jsonl").unlink()
    (photos / "t.csv").write_bytes(table)
    with pytest.raises(DataError) as error:
        load(str(photos))
    assert said in str(error.value)
    assert "t.csv" in str(error.value)


def test_a_damaged_parquet_table_is_named(photos):
    (photos / "captions.jsonl").unlink()
    (photos / "t.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(DataError, match=r"t.parquet is not a whole Parquet file"):
        load(str(photos))


@pytest.mark.parametrize("name", ["../secret.jpg", "/etc/passwd", "a/../../secret.jpg", ".."])
@pytest.mark.parametrize("unreadable", ["error", "drop"])
def test_a_name_that_leads_out_of_the_folder_is_refused(photos, draw, name, unreadable):
    draw(0).save(photos.parent / "secret.jpg")
    (photos / "captions.jsonl").write_text(json.dumps({"image": name, "captions": ["a"]}))
    with pytest.raises(DataError, match="lies outside the folder"):
        load(str(photos), unreadable=unreadable)


def test_names_inside_the_folder_may_be_absolute_or_links(photos, tmp_path, draw):
    draw(7).save(tmp_path / "elsewhere.png")
    os.symlink(tmp_path / "elsewhere.png", photos / "link.png")
    rows = [{"image": str(photos / "0.jpg"), "caption": "a"}, {"image": "link.png", "caption": "b"}]
    (photos / "captions.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert load(str(photos)).view("image").items[1][0].size == (48, 40)


def test_a_pipe_is_not_waited_for(photos):
    os.mkfifo(photos / "pipe.jpg")
    (photos / "captions.jsonl").write_text('{"image": "pipe.jpg", "caption": "a"}')
    with pytest.raises(DataError, match="there is no picture"):
        load(str(photos))


# duplicates


def test_duplicates_are_said_dropped_or_an_error(photos, draw, encode):
    (photos / "3.jpg").write_bytes((photos / "0.jpg").read_bytes())
    (photos / "2.jpg").write_bytes(encode(draw(1), quality=70))
    assert load(str(photos)).notes == ("1 picture is an exact copy of another (3.jpg = 0.jpg)",
                                       "1 picture looks nearly the same as another (2.jpg = 1.jpg)")
    assert load(str(photos), duplicates="drop").ids == ("0.jpg", "1.jpg")
    assert load(str(photos), duplicates="drop", near=False).ids == ("0.jpg", "1.jpg", "2.jpg")
    with pytest.raises(DataError, match="exact copy of another"):
        load(str(photos), duplicates="error")


# the door


def test_options_are_checked_at_the_door(photos):
    with pytest.raises(SpecError, match=r"no option 'caption'. Did you mean 'captions'"):
        datasets.load("folder", path=str(photos), caption="first")
    with pytest.raises(SpecError, match="'error' or 'drop'"):
        datasets.load("folder", path=str(photos), unreadable="skip")
    with pytest.raises(SpecError, match="needs the option 'path'"):
        datasets.load("folder")
    with pytest.raises(SpecError, match="limit = 0"):
        datasets.load("folder", path=str(photos), limit=0)
    assert datasets.load(f"folder:{photos}").ids == load(str(photos)).ids


def test_a_subset_is_said_and_one_seed_governs_all_that_is_drawn(photos):
    found = datasets.load("folder", path=str(photos), limit=2, seed=5, captions="random")
    assert found.notes == ("2 of 4 samples, drawn with seed 5",)
    assert datasets.load("folder", path=str(photos), limit=4).notes == ()
    assert datasets.load("folder", path=str(photos), limit=9).notes == ("limit = 9, and there are 4 samples: all of them",)
    whole = load(str(photos), captions="random", seed=5)
    rows = [whole.ids.index(name) for name in found.ids]
    assert first_texts(found) == [first_texts(whole)[row] for row in rows]


def test_the_revision_changes_with_pictures_and_captions(photos, draw, encode):
    before = load(str(photos)).card.revision
    assert before == load(str(photos)).card.revision
    (photos / "1.jpg").write_bytes(encode(draw(11)))
    middle = load(str(photos)).card.revision
    (photos / "captions.jsonl").write_text((photos / "captions.jsonl").read_text().replace("caption 1", "words", 1))
    assert len({before, middle, load(str(photos)).card.revision}) == 3


@pytest.mark.skipif(not SHARED.exists(), reason="needs the shared data")
def test_seven_hundred_photographs_are_read():
    found = load(str(SHARED), captions="all")
    assert (len(found), len(set(found.groups))) == (3500, 700)
    assert found.view("image").items[3499][0].mode == "RGB"
    assert found.notes == ()
