"""What a figure is drawn from: the rows of a run, and what its folder keeps beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from platometer import metrics, store
from platometer.alignment import Alignment
from platometer.errors import InputError, PlatometerError, StoreError, UnknownNameError, suggestion
from platometer.features import Features
from platometer.samples import Paired
from platometer.study import Results, Study, _cells

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Run:
    """A run folder, and the rows of it that are asked about.

    Attributes
    ----------
    folder : with ``rows.parquet``, ``cells`` and ``features``.
    every : all its rows.
    rows : those of one metric, conditioning and dataset, on the most samples.
    families : model's name -> family, where the study names any.
    galleries : rows of a growing gallery, where the study has one.
    left, right : names of the pair to show, where one pair is shown; empty for the strongest.
    against, column, side : what alignment is drawn against, where a plot does so; see `measure`. Empty for parameters, of the
        plot's own side.
    """

    folder: Path
    every: list[dict[str, Any]] = field(repr=False)
    rows: list[dict[str, Any]] = field(repr=False)
    families: Mapping[str, str] = field(default_factory=dict, repr=False)
    galleries: Sequence[Row] = field(default=(), repr=False)
    left: str = ""
    right: str = ""
    against: str = ""
    column: str = ""
    side: str = ""

    @classmethod
    def read(
        cls, folder: str | Path, *, metric: str = "", left: str = "", right: str = "", against: str = "", column: str = "",
        side: str = "",
    ) -> Run:
        """The run in a folder.

        Parameters
        ----------
        folder : that a study wrote; or a published folder, a table of rows or the name of a pack, which have no grids.
        metric : spec, or the name alone; that of the first row if empty.
        left, right : names of models, to choose a pair.
        against, column, side : see `measure`.

        Raises
        ------
        DataError
            There are no rows.
        UnknownNameError
            No row has that metric or model.
        """
        found = Results.read(folder)
        folder, every = found.folder, found.rows
        if not every:
            raise InputError(f"{folder} holds no rows: nothing was aligned, and there is nothing to draw.")
        kept = [row for row in every if _is(metric, str(row["metric"]))] if metric else every
        if not kept:
            known = list(dict.fromkeys(str(row["metric"]) for row in every))
            raise UnknownNameError(f"No row of {folder} has the metric {metric!r}. {suggestion(metric, known)}")
        first = kept[0]
        same = [row for row in kept if all(row[c] == first[c] for c in ("metric", "conditioning", "data"))]
        most = max(row["n"] for row in same)
        return cls(folder, every, [row for row in same if row["n"] == most], found.families or {}, found.galleries, left, right,
                   against, column, side)

    def measure(self) -> tuple[str | dict[str, float], str, str]:
        """What alignment is drawn against, as `platometer.trends.trend` takes it; its name and its unit.

        ``size``, ``texts`` or ``words`` that models read, a capability of the run, or a table, as in ``platometer trend
        --against``; parameters if nothing is asked for.

        Raises
        ------
        UnknownNameError
            The run has no such capability.
        """
        results = Results.read(self.folder)
        found, word = results.known(self.against or "size", self.column)
        if isinstance(found, str):
            return found, word, "count"
        own = {one.unit for one in results.capability if one.what == word.removeprefix("minus ")}
        return found, word, "count" if word.endswith(" read") else next(iter(own), "") or "as given"

    def pair(self) -> dict[str, Any]:
        """The row of the pair that was asked for, or else the strongest: calibrated, then in excess, then raw; of two
        modalities where there are such pairs."""
        names = {str(row[side]) for row in self.rows for side in ("left", "right")}
        asked = {name for name in (self.left, self.right) if name}
        for name in sorted(asked - names):
            raise UnknownNameError(f"No row has the model {name!r}. {suggestion(name, names)}")
        found = [row for row in self.rows if asked <= {row["left"], row["right"]}]
        if not found:
            raise InputError(f"No row compares {self.left!r} with {self.right!r}.")
        return max(found, key=_strength)

    def answer(self, row: Row) -> dict[str, Any]:
        """The grid and the draws behind a row, its left model in the grid's rows.

        Parameters
        ----------
        row : of this run.

        Raises
        ------
        StoreError
            The folder does not hold it any more.
        """
        found = _cells.read_answer(_cells.answer_path(self.folder, str(row["key"])))
        if found is None:
            raise StoreError(f"{self.folder} lacks the answer of {row['left']} ~ {row['right']} (cells/{row['key']}.json); "
                             "the same study run again makes it.")
        return {**_cells.of_row(found, row), "left_name": row["left"], "right_name": row["right"],
                "left_modality": row["left_modality"], "right_modality": row["right_modality"]}

    def sides(self, row: Row) -> tuple[Features, Features]:
        """Features of both models of a row, of the most alike layers alone.

        Parameters
        ----------
        row : of this run.
        """
        left, right = (store.open(self.folder / "features", str(row[f"{side}_features"])) for side in ("left", "right"))
        return left.only([str(row["left_layer"])]), right.only([str(row["right_layer"])])

    def samples(self) -> Paired | None:
        """The data of the study, read again; None for vectors from files.

        Raises
        ------
        StoreError
            The folder does not hold the study's file, or the data are others by now.
        """
        from platometer.study._run import _data

        try:
            found = _data(Study.read(self.folder / "study.toml"))
        except PlatometerError as error:
            raise StoreError(f"The samples of {self.folder} cannot be read again: {error}") from None
        if found is not None and found.fingerprint != self.rows[0]["samples"]:
            raise StoreError(f"The data that {self.folder / 'study.toml'} names are not those of its rows any more.")
        return found


def answer_of(value: Alignment | Mapping[str, Any]) -> dict[str, Any]:
    """An alignment as the plain values that a run keeps.

    Parameters
    ----------
    value : an alignment, or such values already.
    """
    out = _cells.as_answer(value) if isinstance(value, Alignment) else dict(value)
    for side in ("left", "right"):
        out.setdefault(f"{side}_name", out[side]["name"])
        out.setdefault(f"{side}_modality", "")
    return out


def need(rows: Sequence[Row], *columns: str, plot: str) -> None:
    """Refuse rows that lack a column, by name.

    Parameters
    ----------
    rows : to be drawn.
    columns : that the drawing reads.
    plot : its name.

    Raises
    ------
    InputError
        There are no rows, or one lacks a column.
    """
    if not rows:
        raise InputError(f"The plot {plot!r} got no rows. Was the table filtered by a name that it does not have?")
    for i, row in enumerate(rows):
        if absent := [name for name in columns if name not in row]:
            raise InputError(f"The plot {plot!r} reads the column {absent[0]!r}, which row {i} lacks; it has "
                             f"{', '.join(map(repr, row))}. `platometer.rows.read` gives all columns of a run.")


def crossing(rows: Sequence[Row]) -> list[Row]:
    """The rows of two modalities where there are any, else all: how alike models of one modality are is another question.

    Parameters
    ----------
    rows : of a run.
    """
    return [row for row in rows if row.get("left_modality") != row.get("right_modality")] or list(rows)


def kinds(rows: Sequence[Row]) -> str:
    """What kind of pairs rows have, in words.

    Parameters
    ----------
    rows : any.

    Examples
    --------
    >>> kinds([{"left_modality": "image", "right_modality": "text"}])
    'pairs of two modalities'
    """
    found = {row.get("left_modality") != row.get("right_modality") for row in rows}
    return "pairs of " + ("two modalities and of one" if len(found) > 1 else "two modalities" if True in found else
                          "one modality")


def _is(asked: str, metric: str) -> bool:
    return asked.replace("-", "_") in (metric, metric.partition("(")[0]) or _spelled(asked) == metric


def _spelled(asked: str) -> str:
    try:
        return str(metrics.parse(asked))
    except PlatometerError:
        return asked


def _strength(row: Row) -> tuple[bool, float, float]:
    raw = float(row["score"]) if row["alike"] == "high" else -float(row["score"])
    return (row["left_modality"] != row["right_modality"], float(row["calibrated"] or 0),
            raw if row["excess"] is None else float(row["excess"]))
