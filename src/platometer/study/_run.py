"""Running a study: data, features, cells, rows, page; every step found again when it is there already."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from platometer import datasets, engines, files, metrics, models, rows, samples, stats, store, vectors
from platometer.cards import Card, fingerprint
from platometer.errors import PlatometerError, StudyError
from platometer.extraction import extract
from platometer.features import Features
from platometer.study import _cells, _content, _price
from platometer.study._cells import Cell, Setting
from platometer.study._file import ModelTable, Study

_log = logging.getLogger("platometer")


@dataclass(frozen=True)
class Pair:
    """Two models that are compared.

    Attributes
    ----------
    left, right : names of the models.
    """

    left: str
    right: str


@dataclass(frozen=True)
class Plan:
    """What a run would do.

    Attributes
    ----------
    study : name.
    folder : the run folder.
    n : samples; None if they are only known once read from the models' files.
    extracted, to_extract : names of models whose features are there, and of those that must be run.
    pairs : number of pairs of models.
    cells : number of cells in all.
    answered : how many are answered already; cells of models not yet extracted cannot be.
    comparisons : scores that the open cells need, over layer pairs and draws, where the layers are known.
    seconds : estimated time of the open cells whose layers are known, from a trial of each metric on this machine;
        None if nothing is known yet.
    needs : what the study's file says of the machine it wants.
    notes : what a reader must know.
    at_most : whether pairs and cells are upper bounds, because the modality of some models is known only once they are
        loaded (name their ``view`` in the file to know it before).
    """

    study: str
    folder: Path
    n: int | None
    extracted: tuple[str, ...]
    to_extract: tuple[str, ...]
    pairs: int
    cells: int
    answered: int
    comparisons: int
    seconds: float | None
    needs: str = ""
    notes: tuple[str, ...] = ()
    at_most: bool = False


@dataclass(frozen=True)
class Result:
    """What a run left behind.

    Attributes
    ----------
    folder : the run folder.
    rows : one dictionary per pair, metric and conditioning; see `platometer.rows.SCHEMA`.
    page : path of ``report.html``.
    table : path of ``rows.parquet``.
    failures : what could not be done, with the reason.
    """

    folder: Path
    rows: list[dict] = field(repr=False)
    page: Path
    table: Path
    failures: tuple[str, ...] = ()


def plan(study: Study, out: str | Path | None, *, allow_code: bool) -> Plan:
    """The plan of a study; nothing is extracted, aligned or written.

    Parameters
    ----------
    study, out, allow_code : as for `Study.plan`.
    """
    folder = _folder(study, out)
    paired = _data(study)
    tables = study.models()
    there = {table.name: _found(folder, table, study, paired) for table in tables}
    modality = {table.name: _modality(table, paired, there[table.name]) for table in tables}
    pairs = _pairs(study, modality)
    specs = [(m, c) for m in study.file.align.metrics for c in study.conditionings()]
    count, answered, comparisons, seconds, priced = 0, 0, 0, 0.0, False
    for metric in study.file.align.metrics:
        trial = None
        for pair in pairs:
            for conditioning in study.conditionings():
                count += 1
                left, right = there[pair.left], there[pair.right]
                if left is None or right is None:
                    continue
                cell = _cell(study, left, right, metric, conditioning, paired)
                if _cells.answer_path(folder, cell.key).exists():
                    answered += 1
                    continue
                grid = len(left) * len(right)
                comparisons += grid * (1 + cell.draws)
                trial = trial if trial is not None else _price.trial(metric, left.n)
                seconds += trial.seconds(len(left), len(right), cell.draws)
                priced = True
    return Plan(
        study=study.name, folder=folder, n=_n(paired, there),
        extracted=tuple(name for name, value in there.items() if value is not None),
        to_extract=tuple(name for name, value in there.items() if value is None),
        pairs=len(pairs), cells=len(pairs) * len(specs), answered=answered, comparisons=comparisons,
        seconds=seconds if priced else None, needs=study.file.needs, notes=paired.notes if paired else (), at_most=not all(modality.values()) and study.file.align.pairs != "all",
    )


def run(
    study: Study,
    out: str | Path | None,
    *,
    allow_code: bool,
    engine: str | None,
    workers: int | None,
    fresh: bool,
    progress: Callable[[str, int, int], None] | None,
) -> Result:
    """Do what is open of a study, and collect it.

    Parameters
    ----------
    study, out, allow_code, engine, workers, fresh, progress : as for `Study.run`.
    """
    folder = _folder(study, out)
    folder.mkdir(parents=True, exist_ok=True)
    started = time.time()
    with _shown(progress) as show:
        paired = _data(study)
        features, failures = _extract_all(study, folder, paired, allow_code=allow_code, fresh=fresh, show=show)
        cells = _all_cells(study, features, paired)
        answers = _answer_all(study, folder, cells, failures, engine=engine, workers=workers, show=show)
    table = [_row(study, paired, cell, answers[cell.key], features) for _, cell in cells if cell.key in answers]
    table = _corrected(table)
    content = _content.content(study, paired, features, table, answers, failures=failures)
    path = rows.write(folder / "rows.parquet", table)
    from platometer import report

    page = report.write(folder / "report.html", content)
    files.write_json(folder / "run.json", _record(study, features, failures, time.time() - started))
    if study.text:
        files.write_whole(folder / "study.toml", study.text.encode())
    result = Result(folder=folder, rows=table, page=page, table=path, failures=tuple(failures))
    if failures:
        raise StudyError(
            f"{len(failures)} parts of the study {study.name!r} failed; the rest is in {folder}.\n  "
            + "\n  ".join(failures)
        )
    return result


def _folder(study: Study, out: str | Path | None) -> Path:
    return Path(out) if out is not None else Path("runs") / study.name


def _data(study: Study) -> samples.Paired | None:
    table = study.file.data
    if table is None:
        return None
    options = {key: _placed(value, study.base) if key == "path" else value for key, value in table.options.items()}
    source = table.source
    return datasets.load(source, limit=table.limit, **{"seed": study.file.seed, **options})


def _placed(value: object, base: Path) -> object:
    """A relative path as seen from the study file."""
    if isinstance(value, str) and not Path(value).is_absolute():
        return str(base / value)
    return value


def _source(table: ModelTable, base: Path) -> str:
    """The source, with a path that starts with a dot or names something beside the study file made absolute."""
    prefix, _, name = table.source.partition(":")
    path, colon, function = name.rpartition(":") if prefix == "python" else (name, "", "")
    if prefix in ("hf", "file", "python", "st") and (path.startswith(".") or (base / path).exists()):
        path = str((base / path).resolve())
    return f"{prefix}:{path}{colon}{function}"


def _stamp(source: str) -> list:
    """Names, sizes and times of the files that a local source consists of, so that a changed model is run again."""
    prefix, _, name = source.partition(":")
    path = Path(name.rpartition(":")[0] if prefix == "python" else name)
    if not path.exists():
        return []
    found = [path] if path.is_file() else sorted(p for p in path.iterdir() if p.is_file())
    return [[p.name, p.stat().st_size, p.stat().st_mtime_ns] for p in found]


def _request(table: ModelTable, study: Study, view: samples.Samples) -> str:
    """A name for 'these features', known without loading the model."""
    source = _source(table, study.base)
    return fingerprint({"schema": 1, "source": source, "stamp": _stamp(source), "options": table.options,
                        "name": table.name, "samples": view.fingerprint})


def _modality(table: ModelTable, paired: samples.Paired | None, found: Features | None) -> str:
    """The modality of a model before it is loaded: its view if named, else what its features or source say."""
    if found is not None and found.details.get("modality"):
        return str(found.details["modality"])
    if paired is not None and table.view:
        return paired.view(table.view).modality
    return {"timm": "image", "torchvision": "image", "st": "text"}.get(table.source.partition(":")[0], "")


def _found(folder: Path, table: ModelTable, study: Study, paired: samples.Paired | None) -> Features | None:
    """Features of a model that are there already."""
    if table.source.startswith("file:"):
        return _from_file(table, study, paired)
    assert paired is not None
    for view in paired.views.values():
        note = folder / "requests" / f"{_request(table, study, view)}.json"
        if note.exists():
            key = str(files.read_json(note)["features"])
            if store.has(folder / "features", key):
                return store.open(folder / "features", key)
    return None


def _from_file(table: ModelTable, study: Study, paired: samples.Paired | None) -> Features:
    """Vectors in a file, taken as a model's features."""
    found = vectors.read(_source(table, study.base).partition(":")[2], **table.options)
    if paired is not None and found.n != len(paired):
        raise StudyError(f"{table.name}: the file has {found.n} rows, the data {len(paired)} samples.")
    if paired is not None and found.ids and tuple(found.ids) != tuple(paired.ids):
        raise StudyError(f"{table.name}: the file's ids are not the data's, or not in its order.")
    details = {"modality": table.view or "vector"} | dict(found.details)
    return dataclasses.replace(found, model=dataclasses.replace(found.model, name=table.name), details=details)


def _extract_all(
    study: Study, folder: Path, paired: samples.Paired | None, *, allow_code: bool, fresh: bool, show: Callable
) -> tuple[dict[str, Features], list[str]]:
    """Features of every model, and what failed."""
    features: dict[str, Features] = {}
    failures: list[str] = []
    tables = study.models()
    for i, table in enumerate(tables):
        show("models", i, len(tables))
        try:
            found = None if fresh else _found(folder, table, study, paired)
            features[table.name] = found if found is not None and not table.source.startswith("file:") else _extract(
                study, folder, table, paired, found, allow_code=allow_code, show=show)
        except PlatometerError as error:
            _log.warning("%s failed: %s", table.name, error)
            failures.append(f"model {table.name}: {error}")
    show("models", len(tables), len(tables))
    return features, failures


def _extract(
    study: Study, folder: Path, table: ModelTable, paired: samples.Paired | None, found: Features | None, *,
    allow_code: bool, show: Callable,
) -> Features:
    if table.source.startswith("file:"):
        kept = found if found is not None else _from_file(table, study, paired)
        store.write(folder / "features", kept.fingerprint, kept)
        return store.open(folder / "features", kept.fingerprint)
    assert paired is not None
    options = dict(table.options)
    if table.source.startswith("python:"):
        options["allow_code"] = allow_code
    if study.file.compute.device and "device" not in options:
        options["device"] = study.file.compute.device
    model = models.load(_source(table, study.base), **options)
    model = _Named(model, table.name)
    view = paired.view(table.view or model.modality)
    result = extract(model, view, folder / "features", batch_size=table.batch_size,
                     progress=partial(show, f"run {table.name}"))
    note = folder / "requests" / f"{_request(table, study, view)}.json"
    files.write_json(note, {"features": result.key, "name": table.name, "source": table.source})
    return result


class _Named:
    """A model under the name that the study gives it."""

    def __init__(self, model: models.Model, name: str):
        self._model = model
        self.card: Card = dataclasses.replace(model.card, name=name)

    def __getattr__(self, name: str) -> object:
        return getattr(self._model, name)

    def layers(self) -> tuple[str, ...]:
        return self._model.layers()

    def encode(self, items: Sequence[object]) -> Mapping:
        return self._model.encode(items)


def _pairs(study: Study, modality: Mapping[str, str]) -> list[Pair]:
    """Pairs of models in the order of the file; by default those of different modalities if there are any."""
    listed = list(modality)
    every = [Pair(a, b) for i, a in enumerate(listed) for b in listed[i + 1 :]]
    asked = study.file.align.pairs
    if not all(modality.values()):
        return every  # not known yet: at most these
    cross = [pair for pair in every if modality[pair.left] != modality[pair.right]]
    if asked == "cross" or (asked is None and cross):
        return cross
    if asked == "within":
        return [pair for pair in every if modality[pair.left] == modality[pair.right]]
    return every


def _cell(
    study: Study, left: Features, right: Features, metric: str, conditioning: str, paired: samples.Paired | None
) -> Cell:
    wanted = study.file.align
    blocks = paired.groups if paired is not None else None
    return Cell(
        left=left.fingerprint, right=right.fingerprint, metric=str(metrics.parse(metric)), conditioning=conditioning,
        draws=wanted.draws, seed=study.file.seed, alpha=wanted.alpha, summary=wanted.summary,
        undefined=wanted.undefined, blocks=tuple(blocks) if blocks else None,
    )


def _all_cells(
    study: Study, features: Mapping[str, Features], paired: samples.Paired | None
) -> list[tuple[Pair, Cell]]:
    """Every cell, ordered so that what was prepared is used again soon."""
    pairs = _pairs(study, {name: str(value.details.get("modality", "")) for name, value in features.items()})
    out = []
    for metric in study.file.align.metrics:
        both = not metrics.parse(metric).facts.symmetric
        for conditioning in study.conditionings():
            for pair in pairs:
                directions = [pair, Pair(pair.right, pair.left)] if both else [pair]
                for one in directions:
                    cell = _cell(study, features[one.left], features[one.right], metric, conditioning, paired)
                    out.append((one, cell))
    return out


def _answer_all(
    study: Study, folder: Path, cells: Sequence[tuple[Pair, Cell]], failures: list[str], *, engine: str | None,
    workers: int | None, show: Callable,
) -> dict[str, dict]:
    """Answers by key; cells that failed are added to the failures."""
    answers: dict[str, dict] = {}
    for _, cell in cells:
        found = _cells.read_answer(_cells.answer_path(folder, cell.key))
        if found is not None:
            answers[cell.key] = found
    todo = list({cell.key: (pair, cell) for pair, cell in cells if cell.key not in answers}.values())
    total = len({cell.key for _, cell in cells})
    show("pairs", len(answers), total)
    setting = Setting(folder=str(folder), device=study.file.compute.device or "")
    work = partial(_cells.answer, setting)
    asked = workers or study.file.compute.workers
    for i, outcome in engines.run(engine or study.file.compute.engine, work, [cell for _, cell in todo], workers=asked):
        pair, cell = todo[i]
        if isinstance(outcome, PlatometerError):
            failures.append(f"{pair.left} ~ {pair.right}, {cell.metric}: {outcome}")
        else:
            answers[cell.key] = outcome
        show("pairs", len(answers), total)
    return answers


def _row(
    study: Study, paired: samples.Paired | None, cell: Cell, answer: Mapping, features: Mapping[str, Features]
) -> dict:
    """One row of the table, without the corrections across pairs."""
    by_key = {value.fingerprint: name for name, value in features.items()}
    left, right = features[by_key[cell.left]], features[by_key[cell.right]]
    c = answer["calibration"] or {}
    return {
        "study": study.name, "data": paired.card.name if paired else "", "n": answer["n"],
        "samples": paired.fingerprint if paired else "",
        "left": left.model.name, "right": right.model.name,
        "left_source": left.model.source, "right_source": right.model.source,
        "left_revision": left.model.revision, "right_revision": right.model.revision,
        "left_modality": str(left.details.get("modality", "")), "right_modality": str(right.details.get("modality", "")),
        "left_parameters": left.model.parameters, "right_parameters": right.model.parameters,
        "left_layers": len(answer["left_layers"]), "right_layers": len(answer["right_layers"]),
        "metric": answer["metric"], "conditioning": answer["conditioning"], "alike": answer["alike"],
        "summary": answer["summary"], "score": answer["score"], "left_layer": answer["best"]["left"],
        "right_layer": answer["best"]["right"], "null": c.get("null"), "draws": len(c["draws"]) if c else 0,
        "seed": cell.seed, "null_mean": c.get("null_mean"), "null_sd": c.get("null_sd"), "excess": c.get("excess"),
        "z": c.get("z"), "p": c.get("p"), "p_bh": None, "p_holm": None, "alpha": cell.alpha, "tau": c.get("tau"),
        "calibrated": c.get("score"), "remarks": answer["remarks"], "versions": answer["versions"], "key": cell.key,
    }


def _corrected(table: list[dict]) -> list[dict]:
    """The rows with p-values corrected over all pairs of the same metric and conditioning."""
    out = [dict(row) for row in table]
    groups: dict[tuple, list[dict]] = {}
    for row in out:
        if row["p"] is not None:
            groups.setdefault((row["metric"], row["conditioning"]), []).append(row)
    for group in groups.values():
        ps = [row["p"] for row in group]
        for row, bh, holm in zip(group, stats.benjamini_hochberg(ps), stats.holm(ps), strict=True):
            row["p_bh"], row["p_holm"] = float(bh), float(holm)
    return out


def _n(paired: samples.Paired | None, there: Mapping[str, Features | None]) -> int | None:
    if paired is not None:
        return len(paired)
    return next((value.n for value in there.values() if value is not None), None)


def _record(study: Study, features: Mapping[str, Features], failures: Sequence[str], seconds: float) -> dict:
    """What is worth knowing of a run but must not be in the rows: when, how long, what failed."""
    return {
        "study": study.name, "finished": not failures, "failures": list(failures), "seconds": round(seconds, 1),
        "ended": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "features": {n: f.fingerprint for n, f in features.items()},
    }


@contextmanager
def _shown(progress: Callable[[str, int, int], None] | None) -> Iterator[Callable[[str, int, int], None]]:
    """A function (what, done, total) that shows progress: the caller's, bars on a terminal, or nothing."""
    if progress is not None:
        yield progress
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda what, done, total: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
               TimeRemainingColumn())
    with Progress(*columns, console=console) as bars:
        tasks: dict = {}

        def show(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done, total=total)

        yield show
