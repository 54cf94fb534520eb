"""Tables of captions, whatever they are."""

import csv
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from platometer.datasets._tables import column, lines_of, numbered, read_rows
from platometer.errors import DataError

CELLS = st.text(st.characters(codec="utf-8"), max_size=12)


@settings(max_examples=80, deadline=None)
@given(rows=st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=5))
def test_whatever_a_csv_writer_writes_is_read(tmp_path_factory, rows):
    file = tmp_path_factory.mktemp("t") / "t.csv"
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened, quoting=csv.QUOTE_ALL)
        writer.writerow(("image", "caption"))
        writer.writerows(rows)
    assert [tuple(row.values()) for _, row in read_rows(file)] == rows


@settings(max_examples=80, deadline=None)
@given(rows=st.lists(CELLS, min_size=1, max_size=5), escaped=st.booleans())
def test_whatever_a_json_writer_writes_is_read(tmp_path_factory, rows, escaped):
    file = tmp_path_factory.mktemp("t") / "t.jsonl"
    text = "\n".join(json.dumps({"text": value}, ensure_ascii=escaped) for value in rows)
    file.write_text(text, encoding="utf-8", newline="")
    assert [row["text"] for _, row in read_rows(file)] == rows


@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=60))
def test_whatever_stands_in_a_file_it_is_read_or_an_error_of_ours(tmp_path_factory, data):
    for ending in (".csv", ".tsv", ".jsonl"):
        file = tmp_path_factory.mktemp("t") / f"t{ending}"
        file.write_bytes(data)
        try:
            found = read_rows(file)
        except DataError:
            continue
        assert all(isinstance(row, dict) for _, row in found)


def test_lines_are_numbered_as_an_editor_does(tmp_path):
    (tmp_path / "t.csv").write_text('image,caption\n\na.jpg,"one\ntwo"\nb.jpg,c\n')
    assert [line for line, _ in read_rows(tmp_path / "t.csv")] == [4, 5]
    (tmp_path / "t.jsonl").write_text('\n{"a": 1}\n\n{"a": 2}\n')
    assert [line for line, _ in read_rows(tmp_path / "t.jsonl")] == [2, 4]


def test_lines_end_at_line_feeds():
    assert lines_of("a\r\nb\n\nc") == ["a", "b", "", "c"]
    assert lines_of("a\n") == ["a"]
    assert lines_of("") == []


def test_the_likeliest_of_the_usual_columns_is_taken():
    assert column(["Text", "Caption"], None, ("caption", "text"), "captions", "t") == "Caption"
    assert numbered(["caption_10", "caption_9", "title_1", "Sentence2"]) == ["Sentence2", "caption_9", "caption_10"]
