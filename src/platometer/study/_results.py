"""What a run left behind, read again: rows, families, capabilities, galleries; and the packs that ship, by name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from platometer import files, trends
from platometer import rows as table
from platometer.cards import digest
from platometer.errors import DataError, InputError, StoreError, UnknownNameError, suggestion
from platometer.study import _capability, _gallery

PACKS = Path(__file__).parent.parent / "packs"
CARD = "card.json"


@dataclass(frozen=True)
class Results:
    """The rows of a run, of a published folder, or of a pack, with what stands beside them.

    Attributes
    ----------
    name : of the study, or of the pack.
    folder : where they lie.
    rows : see `platometer.rows.SCHEMA`.
    record : ``run.json`` of a run, ``card.json`` of a published folder; empty for a table alone.
    capability : rows of model, what, value, source.
    galleries : rows of a growing gallery.
    """

    name: str
    folder: Path
    rows: list[dict] = field(repr=False)
    record: Mapping[str, object] = field(default_factory=dict, repr=False)
    capability: Sequence[Mapping] = field(default=(), repr=False)
    galleries: Sequence[Mapping] = field(default=(), repr=False)

    @classmethod
    def read(cls, place: str | Path) -> Results:
        """The results in a run folder, a published folder or a table of rows; or the pack of this name.

        Parameters
        ----------
        place : a folder or a Parquet file; or one of `packs`.

        Raises
        ------
        DataError
            There is nothing of that name.
        StoreError
            The rows of a published folder are not those that its card names.
        """
        path = Path(place)
        if not path.exists():
            shipped = PACKS / str(place)
            if path.name != str(place) or not (shipped / CARD).exists():
                hint = suggestion(str(place), packs()) if packs() and path.name == str(place) else ""
                raise DataError(f"There is no folder of results {str(place)!r}. {hint}".strip())
            path = shipped
        if path.is_file():
            return cls(path.stem, path.parent, table.read(path))
        rows = table.read(path / "rows.parquet")
        record: Mapping = {}
        for name in (CARD, "run.json"):
            if (path / name).exists():
                record = files.read_json(path / name)  # type: ignore[assignment]
                break
        if "digest" in record and digest((path / "rows.parquet").read_bytes()) != record["digest"]:
            raise StoreError(f"{path}: rows.parquet is not the table that {CARD} was written for. Was one of them replaced?")
        return cls(str(record.get("study") or path.name), path, rows, record, _capability.kept(path), _gallery.kept(path))

    @property
    def families(self) -> dict[str, str]:
        """Model's name -> family, where the study names any."""
        return dict(self.record.get("families") or {})  # type: ignore[call-overload]

    def only(self, metrics: Sequence[str]) -> list[dict]:
        """The rows of these metrics.

        Parameters
        ----------
        metrics : as spelled in the rows, or their names alone; all if empty.

        Raises
        ------
        UnknownNameError
            The rows have no such metric.
        """
        there = list(dict.fromkeys(row["metric"] for row in self.rows))
        for asked in metrics:
            if asked not in there and asked not in {_short(name) for name in there}:
                raise UnknownNameError(f"{self.name} has no rows of {asked!r}. {suggestion(asked, there)}")
        return [row for row in self.rows if not metrics or row["metric"] in metrics or _short(row["metric"]) in metrics]

    def known(self, against: str, column: str = "") -> tuple[str | dict[str, float], str]:
        """What a trend is asked against (``"parameters"``, or model's name -> number), and what it is called.

        Parameters
        ----------
        against : ``"size"``; ``"texts"``, how many texts of a sample a model read; a capability that the run joined; or a
            table (csv, tsv, jsonl, parquet) with a column ``model``.
        column : of the table; its only one if empty.

        Raises
        ------
        UnknownNameError
            None of these.
        DataError
            The table names none of the models, or has several columns and none was named.
        """
        if against in ("size", "parameters"):
            return "parameters", "parameters"
        if against == "texts":
            return _texts(self.rows), "texts read"
        there = {str(row["what"]) for row in self.capability}
        if against in there:
            return {str(row["model"]): float(row["value"]) for row in self.capability if row["what"] == against}, against
        if Path(against).suffix:
            return _table(Path(against), self.rows, column)
        hint = suggestion(against, ["size", "texts", *sorted(there)])
        raise UnknownNameError(f"{self.name} has no capability {against!r}. {hint}")

    def examine(
        self, against: str = "size", *, column: str = "", metrics: Sequence[str] = (), side: str = "", scale: str | None = None,
        beside: Sequence[Results] = (), draws: int = trends.DRAWS, level: float = 0.95, seed: int = 0,
    ) -> trends.Examination:
        """How alignment goes with size or capability; see `platometer.trends.examine`.

        Parameters
        ----------
        against, column : see `known`.
        metrics : to look at; all if empty.
        side : whose capability; each modality of which three are known if empty.
        scale : of x: ``"log"`` or ``"linear"``.
        beside : others' results, whose rows on the same samples are added: a model among known ones.
        draws, level, seed : of the intervals.
        """
        rows, families = self.only(metrics), self.families
        for other in beside:
            rows, families = rows + _beside(self, rows, other), other.families | families
        asked, called = self.known(against, column)
        if not isinstance(asked, str):
            for other in beside:
                found, _ = other.known(against, column)
                asked = dict(found) | asked  # type: ignore[arg-type]
        return trends.examine(rows, against=asked, called=called, side=side, scale=scale, families=families or None,
                              draws=draws, level=level, seed=seed)


def _short(metric: str) -> str:
    return metric.partition("(")[0]


def packs() -> dict[str, str]:
    """Every pack of rows that ships with platometer, with the question of its study."""
    found = {}
    for card in sorted(PACKS.glob(f"*/{CARD}")):
        found[card.parent.name] = str(json.loads(card.read_text(encoding="utf-8")).get("question", ""))
    return found


def _texts(rows: Sequence[Mapping]) -> dict[str, float]:
    """Model's name -> how many texts of a sample it read, of models whose study says so."""
    out = {}
    for row in rows:
        for side in ("left", "right"):
            reads = json.loads(row[f"{side}_details"] or "{}").get("reads") or {}
            if reads.get("texts"):
                out[row[side]] = float(reads["texts"])
    if not out:
        raise InputError("No model of these rows says how many texts it read; reads = {texts = ...} in the study does.")
    return out


def _table(path: Path, rows: Sequence[Mapping], column: str) -> tuple[dict[str, float], str]:
    models = {row[side]: row[f"{side}_source"] for row in rows for side in ("left", "right")}
    given = _capability.read(path)
    columns = [name for name in given[0] if name != "model"]
    if not column and len(columns) != 1:
        raise DataError(f"{path} has {len(columns)} columns beside 'model': {', '.join(columns[:8])}. Name one with --column.")
    column = column or columns[0]
    if column not in columns:
        raise DataError(f"{path} has no column {column!r}. {suggestion(column, columns)}")
    out: dict[str, float] = {}
    for row in given:
        for name, source in models.items():
            number = _capability.numbers(row, [column]).get(column)
            if number is None or str(row["model"]) not in _capability.called(name, source):
                continue
            if out.setdefault(name, number) != number:
                raise DataError(f"{path} has two values of {column!r} for {name}; keep one.")
    if not out:
        raise DataError(f"{path} names none of the models; its column 'model' holds names such as {next(iter(models))!r}.")
    return out, column


def _beside(own: Results, rows: Sequence[Mapping], other: Results) -> list[dict]:
    """Rows of another on the same samples and questions, of pairs that are not there yet."""
    asked = {(row["samples"], row["metric"], row["conditioning"], row["summary"], row["n"]) for row in rows}
    there = {(row["metric"], row["conditioning"], row["n"], *sorted((row["left"], row["right"]))) for row in rows}
    found = [row for row in other.rows
             if (row["samples"], row["metric"], row["conditioning"], row["summary"], row["n"]) in asked
             and (row["metric"], row["conditioning"], row["n"], *sorted((row["left"], row["right"]))) not in there]
    if not found:
        raise InputError(f"{other.name} has no rows to stand beside those of {own.name}: samples, metric, conditioning, "
                         "summary and n must be equal. `platometer compare` says what differs.")
    return found
