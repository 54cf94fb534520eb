"""What a run left behind, read again: rows, families, capabilities, galleries; and the packs that ship, by name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from platometer import capability, files, trends
from platometer import rows as table
from platometer.capability import Capability
from platometer.cards import digest
from platometer.errors import DataError, InputError, StoreError, UnknownNameError, suggestion
from platometer.study import _capability, _cells, _gallery, _seen
from platometer.study._meter import taken

PACKS = Path(__file__).parent.parent / "packs"
CARD = "card.json"
_READS = {"texts": "texts", "words": "mean_words"}


@dataclass(frozen=True)
class Results:
    """The rows of a run, of a published folder, or of a pack, with what stands beside them.

    Attributes
    ----------
    name : of the study, or of the pack.
    folder : where they lie.
    rows : see `platometer.rows.SCHEMA`.
    record : ``run.json`` of a run, ``card.json`` of a published folder; empty for a table alone.
    capability : what is known of the models.
    galleries : rows of a growing gallery.
    """

    name: str
    folder: Path
    rows: list[dict] = field(repr=False)
    record: Mapping[str, object] = field(default_factory=dict, repr=False)
    capability: Sequence[Capability] = field(default=(), repr=False)
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
        path = files.place(place)
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
    def price(self) -> str:
        """What the run took beside what was predicted, in words; empty where it was not recorded."""
        return taken(found) if isinstance(found := self.record.get("price"), Mapping) else ""

    @property
    def families(self) -> dict[str, str]:
        """Model's name -> family, where the study names any."""
        return dict(self.record.get("families") or {})  # type: ignore[call-overload]

    @property
    def failures(self) -> tuple[str, ...]:
        """What could not be done, with the reason."""
        return tuple(map(str, self.record.get("failures") or ()))  # type: ignore[call-overload]

    def layers(self, row: Mapping) -> list[float | None]:
        """Of each layer of the left model, its score with the right model's layer that it is most alike; empty without a grid.

        Parameters
        ----------
        row : of these results.
        """
        answer = _cells.read_answer(_cells.answer_path(self.folder, row["key"]))
        if answer is None:
            return []
        grid = _cells.of_row(answer, row)["grid"]
        best = max if row["alike"] == "high" else min
        return [best([value for value in line if value is not None and value == value], default=None) for line in grid]

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
        against : ``"size"``; ``"texts"`` or ``"words"``, how many of a sample a model read (of models with ``reads``); a
            capability of the run (how it begins will do); or a table, see `platometer.capability.table`.
        column : of the table; its only one if empty.

        Raises
        ------
        UnknownNameError
            None of these.
        DataError
            The table names none of the models, or has several columns and none was named.
        InputError
            A column of what is no table.
        """
        table = bool(Path(against).exists() or Path(against).suffix)
        if column and not table:
            raise InputError(f"column = {column!r} is of a table, and {against!r} is none.")
        if against in ("size", "parameters"):
            return "parameters", "parameters"
        if against in _READS:
            return _read(self.rows, against), f"{against} read"
        there = list(dict.fromkeys(one.what for one in self.capability))
        close = [name for name in there if name == against] or [name for name in there if name.startswith(against)]
        if len(close) == 1:
            return _growing(self.capability, close[0])
        if table:
            found = _capability.told_of({row[side]: row[f"{side}_source"] for row in self.rows for side in ("left", "right")},
                                        Path(against))
            return _growing(found, _column(found, column, against))
        hint = suggestion(against, ["size", *_READS, *there])
        raise UnknownNameError(f"{self.name} has no capability {against!r}. {hint}")

    def profile(self, metric: str = "") -> tuple[trends.Profile, ...]:
        """Where in the models alignment peaks, by relative depth; see `platometer.trends.layer_profile`.

        Of pairs of two modalities where there are any: layers that are alike in models of one modality are others.

        Parameters
        ----------
        metric : of which the grids are taken, the first in the rows if empty; of several conditionings or sizes the first.

        Raises
        ------
        DataError
            The grids are not there: a published folder has rows only.
        """
        grids, rows = [], self._first(metric)
        cross = [row for row in rows if row["left_modality"] != row["right_modality"]]
        for row in cross or rows:
            answer = _cells.read_answer(_cells.answer_path(self.folder, row["key"]))
            if answer is None:
                raise DataError(f"{self.folder} does not hold the grid of {row['left']} ~ {row['right']}. Grids lie in the run "
                                "folder; a published folder has rows only.")
            grids.append({"left": row["left"], "right": row["right"], "alike": row["alike"],
                          "grid": _cells.of_row(answer, row)["grid"]})
        return trends.layer_profile(grids)

    def perturbed(
        self, metric: str = "", *, score: str = "score", draws: int = trends.DRAWS, level: float = 0.95, seed: int = 0
    ) -> tuple[trends.Perturbed, ...]:
        """What models that see a spoiled view lose, beside themselves on the whole one; see `platometer.trends.perturbed`.

        Parameters
        ----------
        metric : of which, the first in the rows if empty; of several conditionings or sizes the first.
        score, draws, level, seed : as there.

        Raises
        ------
        InputError
            No model of the run sees a spoiled view.
        """
        return _seen.perturbed(self._first(metric), score=score, draws=draws, level=level, seed=seed)

    def saturation(
        self, metric: str = "", *, over: str = "n", draws: int = trends.DRAWS // 4, level: float = 0.95, seed: int = 0
    ) -> trends.Saturation:
        """How alignment goes with the texts that models read and the pictures there are; see `platometer.trends.saturation`.

        Parameters
        ----------
        metric : of which, the first in the rows if empty; of several conditionings the first.
        over : ``"n"``, sizes of samples (``align.sizes``), or ``"gallery"``, sizes of galleries.
        draws, level, seed : as there.

        Raises
        ------
        InputError
            No model says how many texts it reads, or the run has no gallery.
        UndefinedError
            Fewer than three numbers of texts or of pictures.
        """
        return _seen.saturation(self._first(metric, n="every"), self.galleries, over=over, draws=draws, level=level, seed=seed)

    def _first(self, metric: str, *, n: str = "first") -> list[dict]:
        """The rows of one question: of the metric, and of the first conditioning, summary and, unless every is asked for, n."""
        rows = self.only([metric] if metric else [])
        same = ("metric", "conditioning", "summary", *(() if n == "every" else ("n",)))
        return [row for row in rows if all(row[name] == rows[0][name] for name in same)]

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


def _read(rows: Sequence[Mapping], what: str) -> dict[str, float]:
    """Model's name -> how many texts or words of a sample it read, of models whose study says what they read."""
    out = {}
    for row in rows:
        for side in ("left", "right"):
            reads = json.loads(row[f"{side}_details"] or "{}").get("reads")
            if reads:
                out[row[side]] = float(reads[_READS[what]])
    if not out:
        raise InputError(f"No model of these rows says how many {what} it read; reads = {{...}} in the study does.")
    return out


def _growing(found: Sequence[Capability], what: str) -> tuple[dict[str, float], str]:
    """Model's name -> a number that grows with capability, and what it is called: where low is better, minus it."""
    known = [one for one in found if one.what == what]
    sign = "minus " if known[0].better == "low" else ""
    return capability.against(known), f"{sign}{what}"


def _column(found: Sequence[Capability], column: str, path: str) -> str:
    """The kind of number that is meant."""
    there = list(dict.fromkeys(one.what for one in found))
    close = [name for name in there if name == column] or [name for name in there if column and name.endswith(f" {column}")]
    if not column and len(there) > 1:
        raise DataError(f"{path} has several numbers of the models: {', '.join(there[:8])}. Name one with --column.")
    if column and len(close) != 1:
        raise DataError(f"{path} has no column {column!r} of the models. {suggestion(column, there)}")
    return close[0] if column else there[0]


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
