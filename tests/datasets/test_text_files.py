"""Text files, one view or two."""

import gzip
import json

import pytest

from platometer.datasets.text import load
from platometer.errors import DataError, SpecError


def write(tmp_path, **texts):
    for name, text in texts.items():
        (tmp_path / f"{name}.txt").write_text(text, encoding="utf-8", newline="")
    return [str(tmp_path / f"{name}.txt") for name in texts]


def test_every_line_is_a_sample_named_by_its_number(tmp_path):
    (path,) = write(tmp_path, a="one\ntwo\r\nthree")
    found = load(path)
    assert found.ids == ("0000001", "0000002", "0000003")
    assert found.view("text").items == [("one",), ("two",), ("three",)]
    assert found.notes == ()


def test_only_line_feeds_end_a_line(tmp_path):
    (path,) = write(tmp_path, a="a\u2028b\x0cc\x85d\re\n<b>f</b>\n")
    assert load(path).view("text").items == [("a\u2028b\x0cc\x85d\re",), ("<b>f</b>",)]


def test_two_files_are_two_views_of_the_same_lines(tmp_path):
    first, second = write(tmp_path, en="a dog\na cat\n", de="ein Hund\neine Katze\n")
    found = load(first, second=second)
    assert list(found.views) == ["text", "text_2"]
    assert found.view("text_2").items[1] == ("eine Katze",)


def test_files_of_different_length_are_no_views_of_the_same_lines(tmp_path):
    first, second = write(tmp_path, a="a\nb\n", b="a\n")
    with pytest.raises(DataError, match=r"a.txt has 2 lines and .*b.txt has 1; line i must belong to line i"):
        load(first, second=second)


def test_an_empty_line_is_named_or_dropped_from_both_views(tmp_path):
    first, second = write(tmp_path, a="a\nb\nc\nd\n", b="x\n \ny\nz\n")
    with pytest.raises(DataError, match=r"b.txt, line 2 is empty"):
        load(first, second=second)
    found = load(first, second=second, empty="drop")
    assert found.ids == ("0000001", "0000003", "0000004")
    assert found.view("text").items == [("a",), ("c",), ("d",)]
    assert found.view("text_2").items == [("x",), ("y",), ("z",)]
    assert found.notes == ("empty lines were left out: 1",)


def test_lines_that_stand_more_than_once_are_said_dropped_or_an_error(tmp_path):
    (path,) = write(tmp_path, a="a\nb\na\n")
    assert load(path).notes == ("1 line is an exact copy of another (0000003 = 0000001)",)
    assert load(path, duplicates="drop").ids == ("0000001", "0000002")
    with pytest.raises(DataError, match="is an exact copy"):
        load(path, duplicates="error")


def test_a_pair_of_lines_is_a_duplicate_only_in_both_views(tmp_path):
    first, second = write(tmp_path, a="a\na\nb\na\n", b="x\ny\nz\nx\n")
    found = load(first, second=second, duplicates="drop")
    assert found.ids == ("0000001", "0000002", "0000003")
    assert found.notes[-1] == "text: 1 line stands more than once (in 2 samples)"


def test_tables_have_columns_of_texts(tmp_path):
    rows = [{"text": "a dog", "german": "ein Hund"}, {"text": "a cat", "german": "eine Katze"}]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found = load(str(tmp_path / "t.jsonl"), second_column="german")
    assert found.view("text").items == [("a dog",), ("a cat",)]
    assert found.view("text_2").items == [("ein Hund",), ("eine Katze",)]
    with pytest.raises(DataError, match=r"no column 'germ'. Did you mean 'german'"):
        load(str(tmp_path / "t.jsonl"), text_column="germ")


def test_a_table_and_a_plain_file_can_be_paired(tmp_path):
    (tmp_path / "t.csv").write_text("title,body\nx,a dog\ny,a cat\n")
    (plain,) = write(tmp_path, de="ein Hund\neine Katze\n")
    found = load(str(tmp_path / "t.csv"), text_column="body", second=plain)
    assert found.view("text").items[0] == ("a dog",)
    assert found.view("text_2").items[1] == ("eine Katze",)


def test_cells_that_are_no_text_are_named_by_line(tmp_path):
    (tmp_path / "t.jsonl").write_text('\n{"text": "a"}\n{"text": 7}\n')
    with pytest.raises(DataError, match=r"t.jsonl, line 3: 'text' is 7, not a text"):
        load(str(tmp_path / "t.jsonl"))
    (tmp_path / "t.jsonl").write_text('\n{"text": "a"}\n{"text": null}\n')
    with pytest.raises(DataError, match=r"t.jsonl, line 3 is empty"):
        load(str(tmp_path / "t.jsonl"))


def test_what_cannot_be_read_is_named(tmp_path):
    with pytest.raises(DataError, match=r"nowhere.txt cannot be read: No such file"):
        load(str(tmp_path / "nowhere.txt"))
    (tmp_path / "a.txt").write_bytes(gzip.compress(b"text"))
    with pytest.raises(DataError, match=r"a.txt is not text in UTF-8"):
        load(str(tmp_path / "a.txt"))
    (path,) = write(tmp_path, a="")
    with pytest.raises(DataError, match=r"a.txt is empty"):
        load(path)
    (path,) = write(tmp_path, a=" \n\n")
    with pytest.raises(DataError, match="no text in it"):
        load(path, empty="drop")


def test_options_that_do_not_apply_are_errors(tmp_path):
    (path,) = write(tmp_path, a="a\n")
    with pytest.raises(SpecError, match="plain text and has no column 'x'"):
        load(path, text_column="x")
    with pytest.raises(SpecError, match="plain text and has no column 'x'"):
        load(path, second_column="x")
    with pytest.raises(SpecError, match="'error' or 'drop'"):
        load(path, empty="keep")
