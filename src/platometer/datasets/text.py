"""Text files: one sample per line, or per row of a jsonl, csv or parquet file; one view, or two of the same lines."""

from __future__ import annotations

from pathlib import Path

from platometer.cards import Card, fingerprint
from platometer.datasets.folder import _TEXT, column, read_rows
from platometer.errors import DataError
from platometer.samples import Paired, Samples


def load(
    path: str,
    *,
    second: str | None = None,
    text_column: str | None = None,
    second_column: str | None = None,
    empty: str = "error",
    licence: str = "",
    citation: str = "",
) -> Paired:
    """A view ``text``, and ``text_2`` from a second file or column whose line i belongs to line i of the first.

    Parameters
    ----------
    path : a text file with one sample per line, or a csv, tsv, jsonl or parquet table.
    second : another such file, for two views of the same samples (two languages).
    text_column : column of a table; the usual names are recognised if None.
    second_column : column of the second view, in the second table or, without `second`, in the first.
    empty : what empty lines are: an ``"error"``, or ``"drop"`` to leave them out with a note.
    licence, citation : for the card.

    Raises
    ------
    DataError
        A file is missing or empty, a line is empty, or the files differ in length; names file and line.
    """
    first = _lines(Path(path), text_column)
    views = {"text": first}
    if second is not None:
        views["text_2"] = _lines(Path(second), second_column or text_column)
    elif second_column is not None:
        views["text_2"] = _lines(Path(path), second_column)
    sizes = {name: len(lines) for name, lines in views.items()}
    if len(set(sizes.values())) > 1:
        raise DataError(f"{path} has {sizes['text']} lines and {second} has {sizes['text_2']}; line i must belong to line i.")
    blank = [i for i in range(len(first)) if any(not lines[i].strip() for lines in views.values())]
    if blank and empty != "drop":
        raise DataError(f"{path}: {len(blank)} lines are empty, the first is line {blank[0] + 1}. Remove them, or empty = \"drop\".")
    gone = set(blank)
    rows = [i for i in range(len(first)) if i not in gone]
    if not rows:
        raise DataError(f"{path} has no text in it.")
    notes = [f"{len(blank)} empty lines were left out"] if blank else []
    repeated = len(rows) - len({first[i] for i in rows})
    notes += [f"{repeated} lines stand more than once"] if repeated else []
    card = Card(name=Path(path).stem, source=f"text:{path}", licence=licence, citation=citation)
    ids = tuple(f"{i + 1:07d}" for i in rows)
    return Paired(
        views={
            name: Samples(ids=ids, items=[(lines[i],) for i in rows], modality="text",
                          content=[fingerprint(lines[i]) for i in rows], card=card)
            for name, lines in views.items()
        },
        card=card, notes=tuple(notes),
    )


def _lines(path: Path, text_column: str | None) -> list[str]:
    if not path.is_file():
        raise DataError(f"There is no file {path}.")
    if path.suffix in (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet"):
        rows = read_rows(path)
        if not rows:
            raise DataError(f"{path} has no rows.")
        name = column(list(rows[0][1]), text_column, _TEXT, "texts", path)
        return [str(row.get(name) or "") for _, row in rows]
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not text in UTF-8: {error}.") from None
    lines = text.split("\n")  # and not splitlines(), which also breaks at form feeds and U+2028
    return [line.removesuffix("\r") for line in (lines[:-1] if lines[-1] == "" else lines)]
