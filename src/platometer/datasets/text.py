"""Text files: one sample per line, or per row of a jsonl, csv or parquet file; one view, or two of the same lines."""

from __future__ import annotations

from pathlib import Path

from platometer.cards import Card, fingerprint
from platometer.datasets import _captions, _duplicates, _tables
from platometer.errors import DataError, SpecError
from platometer.samples import Paired, Samples


def load(
    path: str,
    *,
    second: str | None = None,
    text_column: str | None = None,
    second_column: str | None = None,
    empty: str = "error",
    duplicates: str = "say",
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
    empty : what empty lines are: an ``"error"``, or ``"drop"`` to leave them out (in both views) with a note.
    duplicates : what samples are that equal another in every view: ``"say"``, ``"drop"`` or ``"error"``.
    licence, citation : for the card.

    Raises
    ------
    DataError
        A file is missing or empty, a line is empty, or the files differ in length; names file and line.
    """
    if empty not in ("error", "drop"):
        raise SpecError(f"empty = {empty!r}; expected 'error' or 'drop'.")
    sources = {"text": (Path(path), text_column)}
    if second is not None or second_column is not None:
        shared = text_column if second is None or Path(second).suffix.lower() in _tables.ENDINGS else None
        sources["text_2"] = (Path(second or path), second_column or shared)
    views = {name: _lines(file, column) for name, (file, column) in sources.items()}
    sizes = {name: len(lines) for name, lines in views.items()}
    if len(set(sizes.values())) > 1:
        raise DataError(f"{path} has {sizes['text']} lines and {second} has {sizes['text_2']}; line i must belong to line i.")
    n = sizes["text"]
    blank = [(sources[name][0], lines[i][0]) for i in range(n) for name, lines in views.items() if not lines[i][1].strip()]
    rows = [i for i in range(n) if all(lines[i][1].strip() for lines in views.values())]
    if blank and empty == "error":
        file, line = blank[0]
        more = f", the first of {len(blank)}" if len(blank) > 1 else ""
        raise DataError(f"{file}, line {line} is empty{more}. Remove such lines, or empty=\"drop\".")
    notes = [f"empty lines were left out: {n - len(rows)}"] if blank else []
    if not rows:
        raise DataError(f"{path} has no text in it.")
    return _paired(views, rows, notes, duplicates, Card(
        name=Path(path).stem, source=f"text:{path}", licence=licence, citation=citation,
        revision=fingerprint([[text for _, text in lines] for lines in views.values()])[:16],
        details={"second": second, "text_column": text_column, "second_column": second_column}))


def _paired(views: dict[str, list[tuple[int, str]]], rows: list[int], notes: list[str], duplicates: str, card: Card) -> Paired:
    """The views of these rows; ids are line numbers."""
    ids = [f"{i + 1:07d}" for i in rows]
    content = [fingerprint(*(lines[i][1] for lines in views.values())) for i in rows]
    kept, found = _duplicates.look(ids, content, duplicates=duplicates, name=card.name, noun="line")
    rows, ids = [rows[at] for at in kept], [ids[at] for at in kept]
    if len(views) > 1:
        found = [*found, *(f"{name}: {note}" for name, lines in views.items()
                           for note in _captions.repeated([lines[i][1] for i in rows], noun="line"))]
    samples = {name: Samples(ids=tuple(ids), items=[(lines[i][1],) for i in rows], modality="text",
                             content=[fingerprint(lines[i][1]) for i in rows], card=card) for name, lines in views.items()}
    return Paired(views=samples, card=card, notes=(*notes, *found))


def _lines(path: Path, text_column: str | None) -> list[tuple[int, str]]:
    """(line number, text) of each sample; empty where there is none."""
    if path.suffix.lower() not in _tables.ENDINGS:
        if text_column is not None:
            raise SpecError(f"{path} is plain text and has no column {text_column!r}; tables are {', '.join(_tables.ENDINGS)}.")
        lines = _tables.lines_of(_tables.read_text(path))
        if not lines:
            raise DataError(f"{path} is empty.")
        return list(enumerate(lines, 1))
    rows = _tables.read_rows(path)
    name = _tables.column(list(dict.fromkeys(key for _, row in rows for key in row)), text_column, _tables.TEXT, "texts", path)
    out = []
    for line, row in rows:
        text = row.get(name)
        if text is not None and not isinstance(text, str):
            raise DataError(f"{path}, line {line}: {name!r} is {text!r}, not a text.")
        out.append((line, text or ""))
    return out
