"""Running a study: data, features, cells, rows, page; every step found again when it is there already."""

from __future__ import annotations

import dataclasses
import json
import logging
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path

import torch

from platometer import datasets, engines, files, metrics, models, rows, samples, stats, store, threads, vectors
from platometer.capability import Capability
from platometer.cards import fingerprint
from platometer.conditioning import Conditioning
from platometer.engines import Needs
from platometer.errors import (
    DataError,
    DiskError,
    InputError,
    PlatometerError,
    StoreError,
    StudyError,
    UnknownNameError,
    suggestion,
)
from platometer.extraction import extract, features_key, forget
from platometer.features import Features
from platometer.study import (
    _capability,
    _cells,
    _command,
    _content,
    _forecast,
    _gallery,
    _going,
    _layout,
    _less,
    _price,
    _reads,
    _shards,
)
from platometer.study._cells import Cell, Setting
from platometer.study._file import ModelTable, Study
from platometer.study._meter import Meter, duration, sized, taken
from platometer.study._price import Price

_FEW = 8  # cells whose order does not matter
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
class Asked:
    """A cell, and the row of the table that it answers.

    Attributes
    ----------
    pair : left and right of the row.
    cell : the question; of a metric that knows no sides, in the order of the features' keys, so that the order of models
        in the file changes no number.
    turned : whether left and right of the cell are right and left of the row.
    """

    pair: Pair
    cell: Cell
    turned: bool


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
    cells : number of cells in all; a metric that is not symmetric takes two for each pair.
    answered : how many are answered already; cells of models not yet extracted cannot be.
    comparisons : scores that the open cells need, over layer pairs and draws, where the layers are known.
    seconds : estimated time, from a trial of each metric and of each model that is on this machine's disk; None if nothing is
        known yet.
    needs : what the study's file says of the machine it wants.
    notes : what a reader must know.
    at_most : whether pairs and cells are upper bounds, because the modality of some models is known only once they are
        loaded (name their ``view`` in the file to know it before).
    price : time, memory, disk and hours of graphics processors that the open part is expected to take; None if nothing is
        known.
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
    price: Price | None = field(default=None, compare=False)

    def priced(self) -> list[str]:
        """The price in words, a line for each kind."""
        if not self.to_extract and self.answered == self.cells:
            return ["nothing is left to do"]
        out = []
        models = "1 model" if len(self.to_extract) == 1 else f"{len(self.to_extract):,} models"
        one = self.price
        if self.to_extract and self.n is not None and (one is None or not one.extraction):
            out.append(f"{models} over {self.n:,} samples each; their pairs are priced once layers are known")
        if one is not None:
            parts = f" (models {duration(one.extraction)}, pairs {duration(one.comparison)})" if one.extraction else ""
            quiet = f" when it is quiet; its load is {one.load:.1f} now" if one.load else ""
            out.append(f"{self.comparisons:,} comparison{'s' * (self.comparisons != 1)}, about {duration(one.seconds)} on this "
                       f"machine{quiet}{parts}")
            out.append(f"memory about {sized(one.memory)}, disk {sized(one.disk)}"
                       + (f", GPU hours {one.gpu_hours:.2g}" if one.gpu_hours else ""))
            if one.sides:
                out.append(f"{one.sides:,} times a model's layers are prepared for a metric"
                           if one.prepared <= one.sides else
                           f"{one.prepared:,} times a model's layers are prepared for a metric; with all of them kept it "
                           f"would be {one.sides:,}")
        return out


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
    galleries : one dictionary per pair, size and k, where the study has a ``[gallery]``.
    price : what the run took beside what was predicted, in words.
    stands : why table and page are those of an earlier run, if they are: a model failed now that has rows in it.
    """

    folder: Path
    rows: list[dict] = field(repr=False)
    page: Path
    table: Path
    failures: tuple[str, ...] = ()
    galleries: tuple[dict, ...] = field(default=(), repr=False)
    price: str = ""
    stands: str = ""

    def told(self) -> str:
        """The failures in one message."""
        what = "1 part" if len(self.failures) == 1 else f"{len(self.failures)} parts"
        return f"{what} of the study failed; the rest is in {self.folder}.\n  " + "\n  ".join(self.failures) + (
            f"\n{self.stands}" if self.stands else "")


def plan(
    study: Study, out: str | Path | None, *, allow_code: bool, engine: str | None = None, workers: int | None = None,
    address: str | None = None,
) -> Plan:
    """The plan of a study; nothing is aligned or written.

    Parameters
    ----------
    study, out, allow_code, engine, workers, address : as for `Study.plan`.
    """
    where = _where(study, engine, workers, address)
    return _plan(study, _folder(study, out), _data(study), allow_code=allow_code, where=where)


def run(
    study: Study,
    out: str | Path | None,
    *,
    allow_code: bool,
    engine: str | None,
    workers: int | None,
    address: str | None,
    fresh: bool,
    failures: str,
    progress: Callable[[str, int, int], None] | None,
    announce: Callable[[Plan], None] | None,
) -> Result:
    """Do what is open of a study, and collect it.

    Parameters
    ----------
    study, out, allow_code, engine, workers, address, fresh, failures, progress, announce : as for `Study.run`.
    """
    asked_for = study.file.compute
    command = _command.command(study, out, allow_code=allow_code, engine=engine, workers=workers, address=address)
    where = _where(study, engine, workers, address)
    if failures not in ("error", "keep"):
        raise InputError(f"failures = {failures!r}; expected 'error' or 'keep'.")
    folder = _folder(study, out)
    _check_code(study, folder, allow_code=allow_code)
    paired = _data(study)
    foreseen: Plan | None = None
    if announce is not None:
        foreseen = _plan(study, folder, paired, allow_code=allow_code, where=where, patience=_price.PATIENCE / 4)
        announce(foreseen)
    files.sweep(folder)
    started, meter = time.time(), Meter(folder, gpus=_gpus(study))
    _going.begin(folder, study, paired)
    with where.held(), _shown(progress) as show:
        with meter.phase("extraction"):
            features, failed = _extract_all(study, folder, paired, allow_code=allow_code, fresh=fresh, where=where, show=show)
        asked = _all_cells(study, features, paired)
        if not asked and not failed:
            raise StudyError(f"{study.name}: there are no pairs of models to compare with pairs = {study.file.align.pairs!r}.")
        if fresh:
            for one in asked:
                _cells.answer_path(folder, one.cell.key).unlink(missing_ok=True)
            for name in ("galleries", "capabilities", "probes"):
                files.clear(folder / name)
        _going.ask(folder, study, paired, asked, features, started=started)
        setting = Setting(folder=str(folder.absolute()), device=asked_for.device or "", desks=where.desks)
        with meter.phase("comparison"):
            answers = _answer_all(setting, asked, features, failed, where=where, memory=asked_for.memory, show=show)
        asked = [one for one in asked if one.cell.key in answers]
        found = [_cells.turned(answers[one.cell.key]) if one.turned else answers[one.cell.key] for one in asked]
        table = _corrected([_row(study, paired, one, answer, features) for one, answer in zip(asked, found, strict=True)])
        galleries = [] if study.file.gallery is None else _gallery.grown(
            folder, table, study.file.gallery, seed=study.file.seed, device=setting.device, show=show, failures=failed)
        capabilities = _capabilities(study) + _measured(study, folder, features, failed, show=show)
    return _collected(study, folder, paired, features, table, found, galleries, capabilities, failed, started=started,
                      failures=failures, command=command, meter=meter, foreseen=foreseen)


@dataclass(frozen=True)
class _Where:
    """The engine, and what it is told."""

    engine: str
    workers: int | None
    address: str

    @property
    def desks(self) -> int | None:
        """How many share this machine's memory, where that is known."""
        return self.workers or (1 if self.engine == "local" else None)

    def alone(self, device: str) -> bool:
        """Whether models are run in this process, one after another: one worker, or several that would share one graphics
        processor."""
        shared = device != "cpu" and (bool(device) or torch.cuda.is_available())
        return self.engine == "local" and ((self.workers or 1) == 1 or shared)

    def held(self) -> AbstractContextManager[None]:
        """Its library is there and its cluster answers, before anything runs for hours."""
        return engines.held(self.engine, workers=self.workers, address=self.address)

    def run(self, work: Callable, tasks: Sequence, needs: Needs | None = None) -> Iterator[tuple[int, object | Exception]]:
        return engines.run(self.engine, work, tasks, workers=self.workers, needs=needs, address=self.address)


def _where(study: Study, engine: str | None, workers: int | None, address: str | None) -> _Where:
    """The engine that the study or its caller names."""
    asked = study.file.compute
    engine = engine or asked.engine
    if engine.replace("-", "_") not in engines.names():
        raise UnknownNameError(f"There is no engine {engine!r}. {suggestion(engine, engines.names())}")
    return _Where(engine, workers or asked.workers, asked.address if address is None else address)


def _plan(
    study: Study, folder: Path, paired: samples.Paired | None, *, allow_code: bool, where: _Where,
    patience: float = _price.PATIENCE,
) -> Plan:
    tables = study.models()
    there: dict[str, Features | None] = {}
    notes = [*_limits(study), *(paired.notes if paired else ())]
    _capabilities(study)  # a wrong table is told now
    failing = set()
    for table in tables:
        try:
            there[table.name] = _found(folder, table, study, paired)
            _check_allowed(table, allow_code or there[table.name] is not None)
            if there[table.name] is None:
                _less.check(table, study.base)
            if table.source.startswith("python:") and not allow_code:  # even where its features are there
                notes.append(f"{table.name} will fail unless its code is allowed: --allow-code, or allow_code=True in Python")
        except PlatometerError as error:  # a run goes on with the others, and so does its plan
            there[table.name] = None
            failing.add(table.name)
            notes.append(f"{table.name} will fail: {error}")
    modality = {table.name: _modality(table, paired, there[table.name]) for table in tables}
    pairs = _pairs(study, modality)
    unknown = not all(modality.values()) and study.file.align.pairs != "all"
    if not pairs and not unknown:
        raise StudyError(f"{study.name}: there are no pairs of models to compare with pairs = {study.file.align.pairs!r}.")
    open_, count = _open(study, folder, paired, pairs, there)
    known = {name: value for name, value in there.items() if value is not None}
    orders = {table.name: (_order(study, table, allow_code=True), table.parameters) for table in tables
              if there[table.name] is None and table.name not in failing and not table.source.startswith("file:")}
    wanted = study.file.align
    setting = Setting(folder=str(folder), desks=where.desks)
    ask = _forecast.Ask(
        open_, known, orders, paired, draws=0 if wanted.null == "closed-form" else wanted.draws, null=wanted.null,
        summary=wanted.summary, engine=where.engine, workers=where.workers, budget=setting.budget,
        device=study.file.compute.device or "",
        restricted=bool(wanted.within) or (paired is not None and paired.groups is not None))
    price, comparisons, more = _forecast.forecast(ask, patience=patience)
    return Plan(
        study=study.name, folder=folder, n=_n(paired, there), extracted=tuple(known),
        to_extract=tuple(name for name, value in there.items() if value is None), pairs=len(pairs), cells=count,
        answered=count - len(open_), comparisons=comparisons, seconds=None if price is None else price.seconds,
        needs=study.file.needs, notes=(*notes, *_forecast.troubles(ask, where.address), *more), at_most=unknown, price=price,
    )


def _open(
    study: Study, folder: Path, paired: samples.Paired | None, pairs: Sequence[Pair], there: Mapping[str, Features | None]
) -> tuple[list[_forecast.Open], int]:
    """The cells that are not answered, and how many there are in all."""
    labels = _labels(study, paired, there)
    out, count = [], 0
    for pair, metric, conditioning, size in _questions(study, pairs):
        count += 1
        left, right = there[pair.left], there[pair.right]
        if left is not None and right is not None and left.n == right.n:
            cell = _asked(study, pair, left, right, metric, conditioning, size, labels).cell
            if _cells.answer_path(folder, cell.key).exists():
                continue
        out.append(_forecast.Open(pair.left, pair.right, metric, conditioning, size))
    return out, count


def _gpus(study: Study) -> float:
    """Graphics processors that a worker holds while models run."""
    asked = study.file.compute
    there = torch.cuda.is_available() and asked.device != "cpu"
    return float(asked.gpus if asked.gpus is not None else there)


def _collected(
    study: Study, folder: Path, paired: samples.Paired | None, features: Mapping[str, Features], table: list[dict],
    answers: Sequence[Mapping], galleries: Sequence[dict], capabilities: Sequence[Capability], failed: Sequence[str], *,
    started: float, failures: str, command: str, meter: Meter, foreseen: Plan | None,
) -> Result:
    """Rows, page and record of what was answered."""
    from platometer import report

    earlier, lost = _earlier(folder, [one.name for one in study.models() if one.name not in features])
    if lost:
        result = Result(folder=folder, rows=earlier, page=folder / "report.html", table=folder / "rows.parquet",
                        failures=tuple(failed), stands=_stood(folder, earlier, lost),
                        price=taken({"actual": meter.read(), "predicted": None}))
        if failures == "error":
            raise StudyError(result.told())
        return result
    path = rows.write(folder / "rows.parquet", table)
    page = report.write(folder / "report.html", _content.content(
        study, paired, features, table, answers, failures=failed, galleries=galleries, capability=capabilities,
        command=command))
    for name, beside in ((_gallery.FILE, galleries), (_capability.FILE, [one.as_row() for one in capabilities])):
        if beside:
            files.write_json(folder / name, list(beside))
        else:
            (folder / name).unlink(missing_ok=True)  # of an earlier run that had some
    if study.text:
        files.write_whole(folder / "study.toml", study.text.encode())
    expected = None if foreseen is None or foreseen.price is None else foreseen.price.as_dict()
    price: dict[str, object] = {"actual": meter.read(), "predicted": expected}
    files.write_json(folder / "run.json", _record(study, paired, features, failed, time.time() - started) | {"price": price})
    result = Result(folder=folder, rows=table, page=page, table=path, failures=tuple(failed), galleries=tuple(galleries),
                    price=taken(price))
    if failed and failures == "error":
        raise StudyError(result.told())
    return result


def _earlier(folder: Path, names: Sequence[str]) -> tuple[list[dict], dict[str, int]]:
    """Rows that an earlier run left in the folder; and those of these models, how many of each that has some."""
    with suppress(DataError):  # none, or no table that can be read: nothing that could be lost
        found = rows.read(folder / "rows.parquet") if names else []
        counts = {name: sum(name in (row["left"], row["right"]) for row in found) for name in names}
        return found, {name: count for name, count in counts.items() if count}
    return [], {}


def _stood(folder: Path, earlier: Sequence[Mapping], lost: Mapping[str, int]) -> str:
    """That an earlier table stands as it was, and why."""
    held = ", ".join(f"{count} of {name}" for name, count in lost.items())
    there = "1 row" if len(earlier) == 1 else f"{len(earlier)} rows"
    return (f"{folder / 'rows.parquet'} and the page stand as an earlier run left them: of {there}, {held} would be lost. "
            "What was answered now is kept; once nothing of these fails, the same command collects it. For a table without "
            "them, take them out of the study or give another folder with --out.")


def _check_code(study: Study, folder: Path, *, allow_code: bool) -> None:
    """Refuse a run without leave for code that an earlier table in the folder came from; nothing is written."""
    coded = [] if allow_code else [one.name for one in study.models() if one.source.startswith("python:")]
    _, lost = _earlier(folder, coded)
    if lost:
        held = ", ".join(f"{count} of {name}" for name, count in lost.items())
        raise StudyError(f"{study.name}: {folder / 'rows.parquet'} holds rows that need code ({held}), which would be lost: "
                         "code is not allowed in this run. Nothing was changed. Allow it as before: --allow-code on the "
                         "command line, allow_code=True in Python.")


def _limits(study: Study) -> list[str]:
    """What a reader must know of the models: which were left out; and of numbers still wanted."""
    out = []
    if kept := _less.words(study):
        listed = ", ".join(study.left_out[:8]) + (", ..." if len(study.left_out) > 8 else "")
        out.append(f"{kept}, {len(study.left_out)} of {len(study.left_out) + len(study.models())} are left out"
                   + (f": {listed}" if listed else ""))
    if study.dropped and study.file.data is not None:
        keys = f"the key{'s' * (len(study.dropped) > 1)} {', '.join(study.dropped)} of the study's data"
        out.append(f"{keys} {'is' if len(study.dropped) == 1 else 'are'} dropped: {study.file.data.source} does not know "
                   f"{'it' if len(study.dropped) == 1 else 'them'}")
    wanted = study.file.capability
    if wanted is not None and not (wanted.tables or wanted.text or wanted.probes):
        columns = f" with the columns model, {', '.join(wanted.columns)}" if wanted.columns else ""
        out.append(f"capabilities are asked for and no table is given; --capability TABLE{columns} joins one, now or later")
    return out


def _capabilities(study: Study) -> list[Capability]:
    """What the study's tables say of its models."""
    return [] if study.file.capability is None else _capability.joined(study.file.capability, study.models(), study.base)


def _measured(
    study: Study, folder: Path, features: Mapping[str, Features], failed: list[str], *, show: Callable
) -> list[Capability]:
    """What the run itself measures of the models that did not fail."""
    asked = study.file.capability
    if asked is None or not (asked.text or asked.probes):
        return []
    models_ = [(table, _source(table, study.base), str(features[table.name].details.get("modality", "")))
               for table in study.models() if table.name in features]
    return _capability.measured(folder, asked, models_, base=study.base, device=study.file.compute.device or "",
                                seed=study.file.seed, stamp=_stamp, show=show, failures=failed)


def _folder(study: Study, out: str | Path | None) -> Path:
    return files.place(out) if out is not None else Path("runs") / study.name


def _data(study: Study) -> samples.Paired | None:
    table = study.file.data
    if table is None:
        return None
    options = {key: _placed(value, study.base) if key == "path" else value for key, value in table.options.items()}
    name, colon, rest = table.source.partition(":")
    if colon and (rest.startswith(".") or (study.base / rest).exists()):
        rest = str(_placed(rest, study.base))
    paired = datasets.load(f"{name}{colon}{rest}", limit=table.limit, **{"seed": study.file.seed, **options})  # type: ignore[arg-type]
    for i, model in enumerate(study.file.models):
        if model.view and not model.source.startswith("file:"):
            try:
                paired.view(model.view)
            except InputError as error:
                raise StudyError(f"{study.name}: models.{i}.view: {error}{_remedy(model.view, name, rest)}") from None
    return paired


def _remedy(view: str, source: str, place: str) -> str:
    """How a folder of pictures comes by captions, where these are what is missing; else empty."""
    if view != "text" or not Path(place).is_dir():
        return ""
    columns = "captions.jsonl, .csv or .parquet beside the pictures, with the columns image and caption"
    if source == "hf":
        return (f" hf:{place} reads captions from metadata.jsonl beside the pictures, with the columns file_name and text; "
                f"folder:{place} from {columns}.")
    return f" Captions stand in {columns}." if source == "folder" else ""


def _data_of(study: Study) -> samples.Paired:
    """The data of a study that has some."""
    found = _data(study)
    assert found is not None
    return found


def _placed(value: object, base: Path) -> object:
    """A relative path, or a list of them, as seen from the study file."""
    if isinstance(value, list):
        return [_placed(one, base) for one in value]
    return str(base / value) if isinstance(value, str) else value  # an absolute path stays what it is


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
    found = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    return [[str(p.relative_to(path)), p.stat().st_size, p.stat().st_mtime_ns] for p in found]


def _request(table: ModelTable, study: Study, view: samples.Samples) -> str:
    """A name for 'these features', known without loading the model."""
    source = _source(table, study.base)
    return fingerprint({"schema": 1, "source": source, "stamp": _stamp(source) + _weights(table.options),
                        "options": table.options, "view": table.view, "samples": view.fingerprint})


def _weights(options: Mapping[str, object]) -> list:
    """Size and time of the file of weights that a model is given, if any."""
    return _stamp(f"file:{options['checkpoint']}") if options.get("checkpoint") else []


def _modality(table: ModelTable, paired: samples.Paired | None, found: Features | None) -> str:
    """The modality of a model before it is loaded: its view if named, else what its features, source or data say."""
    if found is not None and found.details.get("modality"):
        return str(found.details["modality"])
    if table.source.startswith("file:"):
        return table.view or "vector"
    if paired is not None and table.view:
        return paired.view(table.view).modality
    offered = {view.modality for view in paired.views.values()} if paired is not None else set()
    if len(offered) == 1:
        return offered.pop()
    return {"timm": "image", "torchvision": "image", "st": "text"}.get(table.source.partition(":")[0], "")


def _found(folder: Path, table: ModelTable, study: Study, paired: samples.Paired | None) -> Features | None:
    """Features of a model that are there already, under the name that the study gives it."""
    if table.source.startswith("file:"):
        return _from_file(table, study, paired)
    assert paired is not None
    for whole in [paired.view(table.view)] if table.view else paired.views.values():
        if not _reads.fits(whole, table.reads):
            continue
        view = _reads.reading(whole, table.reads, seed=study.file.seed)
        try:
            note = files.read_json(folder / "requests" / f"{_request(table, study, view)}.json")
            key = str(note["features"])  # type: ignore[index]
        except (StoreError, KeyError, TypeError):  # none yet, or damaged
            continue
        if store.has(folder / "features", key):
            return _named(store.open(folder / "features", key), table, study.base, _reads.told(view, table.reads))
    return None


def _named(features: Features, table: ModelTable, base: Path, reads: Mapping[str, object] | None = None) -> Features:
    """The features under the name that the study gives the model, with what it says of it and where its files lie by now."""
    source = _source(table, base)
    kind, _, place = source.partition(":")
    if not (Path(place).is_absolute() and features.model.source.startswith(f"{kind}:")):
        source = features.model.source
    count = features.model.parameters
    if count is None and table.parameters is not None:
        count = int(table.parameters)
    details = dict(features.details) | dict(reads or {})
    card = dataclasses.replace(features.model, name=table.name, source=source, parameters=count)
    return dataclasses.replace(features, model=card, details=details)


def _from_file(table: ModelTable, study: Study, paired: samples.Paired | None) -> Features:
    """Vectors in a file, taken as a model's features."""
    found = vectors.read(_source(table, study.base).partition(":")[2], **table.options)  # type: ignore[arg-type]
    if paired is not None:
        _check_same(table.name, found, "the data", paired.ids, len(paired))
    details = {"modality": table.view or "vector"} | dict(found.details)
    return _named(dataclasses.replace(found, details=details), table, study.base)


def _check_same(name: str, found: Features, other: str, ids: Sequence[str], n: int) -> None:
    """Refuse vectors that are not of the same samples in the same order."""
    if found.n != n:
        raise StudyError(f"{name} has {found.n} rows, {other} {n}; row i of both must be the same sample.")
    if found.ids and ids and tuple(found.ids) != tuple(ids):
        row = next(i for i, (a, b) in enumerate(zip(found.ids, ids, strict=True)) if a != b)
        same = "The ids are the same in another order: sort one of them." if set(found.ids) == set(ids) else (
            "Do the ids name the same thing?")
        raise StudyError(f"{name} and {other} differ in row {row}: {found.ids[row]!r} and {ids[row]!r}. {same}")


def _check_allowed(table: ModelTable, allowed: bool) -> None:
    """Refuse code that comes with a model from the hub, unless the user allows it: the study's file alone cannot."""
    if table.options.get("trust_remote_code") and not allowed:
        raise StudyError(f"trust_remote_code runs code that comes with {table.source}. If you trust it, allow it: --allow-code "
                         "on the command line, allow_code=True in Python.")


def _extract_all(
    study: Study, folder: Path, paired: samples.Paired | None, *, allow_code: bool, fresh: bool, where: _Where, show: Callable
) -> tuple[dict[str, Features], list[str]]:
    """Features of every model, and what failed."""
    elsewhere = {} if where.alone(study.file.compute.device or "") or paired is None else _elsewhere(
        study, folder, paired, allow_code=allow_code, fresh=fresh, where=where, show=show)
    features: dict[str, Features] = {}
    failures: list[str] = []
    tables = study.models()
    for i, table in enumerate(tables):
        show("models", i, len(tables))
        try:
            made = elsewhere.get(table.name) or _features(
                study, folder, table, paired, allow_code=allow_code, fresh=fresh, show=show)
            if isinstance(made, Exception):
                raise made
            if paired is None:
                for name, other in features.items():
                    _check_same(table.name, made, name, other.ids, other.n)
            features[table.name] = made
        except DiskError:
            raise  # the next model would meet it too
        except Exception as error:  # a model must not lose the others
            _log.warning("%s failed: %s", table.name, error, exc_info=_log.isEnabledFor(logging.DEBUG))
            failures.append(f"model {table.name}: {_reason(error)}")
    show("models", len(tables), len(tables))
    return features, failures


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, PlatometerError) else f"{type(error).__name__}: {error}"


def _features(
    study: Study, folder: Path, table: ModelTable, paired: samples.Paired | None, *, allow_code: bool, fresh: bool,
    show: Callable,
) -> Features:
    """Features of one model: found, or extracted now."""
    home = folder / "features"
    found = _found(folder, table, study, paired) if _lasting(table, fresh) else None
    if table.source.startswith("file:"):
        kept = found if found is not None else _from_file(table, study, paired)
        store.write(home, kept.fingerprint, kept)
        return dataclasses.replace(store.open(home, kept.fingerprint), model=kept.model, details=kept.details)
    if found is not None:
        return found
    assert paired is not None
    order = _order(study, table, allow_code=allow_code)
    with threads.steady():
        model = models.load(order.source, **order.options)
        view = _shards.as_read(order, paired, model.modality)
        if fresh:
            forget(home, features_key(model, view))
        result = extract(model, view, home, batch_size=table.batch_size, progress=partial(show, f"run {table.name}"))
    _remember(study, folder, table, view, result)
    return _named(result, table, study.base, _reads.told(view, table.reads))


def _lasting(table: ModelTable, fresh: bool) -> bool:
    """Whether features that are there will do; what code of one's own gives is known only by running it."""
    return not fresh and not table.source.startswith("python:")


def _order(study: Study, table: ModelTable, *, allow_code: bool) -> _shards.Order:
    """A model that is to be run."""
    _check_allowed(table, allow_code)
    _less.check(table, study.base)
    compute = study.file.compute
    options = dict(table.options) | ({"allow_code": allow_code} if table.source.startswith("python:") else {})
    if compute.device and not {"device", "device_map"} & set(options):
        options["device"] = compute.device
    gpus = next((value for value in (table.gpus, compute.gpus) if value is not None), 0 if compute.device == "cpu" else None)
    needs = Needs(gpus=gpus, memory=int((table.memory or compute.memory or 0) * 1e9))
    return _shards.Order(table.name, _source(table, study.base), options, table.view, table.reads, table.batch_size,
                         study.file.seed, needs)


def _remember(study: Study, folder: Path, table: ModelTable, view: samples.Samples, found: Features) -> None:
    """Note which features the model has, so that it need not be loaded to know."""
    files.write_json(folder / "requests" / f"{_request(table, study, view)}.json",
                     {"features": found.key, "name": table.name, "source": table.source})


def _elsewhere(
    study: Study, folder: Path, paired: samples.Paired, *, allow_code: bool, fresh: bool, where: _Where, show: Callable
) -> dict[str, Features | Exception]:
    """Features of the models that the engine's workers had to run, or why there are none."""
    orders = {}
    for table in study.models():
        with suppress(PlatometerError):  # told when its turn comes
            if not table.source.startswith("file:") and not (
                    _lasting(table, fresh) and _found(folder, table, study, paired) is not None):
                orders[table.name] = (table, _order(study, table, allow_code=allow_code))
    out: dict[str, Features | Exception] = {}
    found = _shards.extracted([order for _, order in orders.values()], paired, folder, run=where.run, fresh=fresh, show=show,
                              read=partial(_data_of, study) if where.engine == "local" else None)
    for name, made in found.items():
        if not isinstance(made, Exception):
            _remember(study, folder, orders[name][0], made[1], made[0])
        table = orders[name][0]
        out[name] = made if isinstance(made, Exception) else _named(
            made[0], table, study.base, _reads.told(made[1], table.reads))
    return out


def _pairs(study: Study, modality: Mapping[str, str]) -> list[Pair]:
    """Pairs of models in the order of the file; by default those of different modalities if there are any.

    A modality that is not known yet ("") may turn out to be any: the pairs are then at most these.
    """
    listed = list(modality)
    every = [Pair(a, b) for i, a in enumerate(listed) for b in listed[i + 1 :]]
    asked, known = study.file.align.pairs, all(modality.values())

    def maybe(pair: Pair, *, same: bool) -> bool:
        a, b = modality[pair.left], modality[pair.right]
        return (a == b) is same or not (a and b)

    cross = [pair for pair in every if maybe(pair, same=False)]
    if asked == "cross" or (asked is None and cross and known):
        return cross
    return [pair for pair in every if maybe(pair, same=True)] if asked == "within" else every


def _questions(study: Study, pairs: Sequence[Pair]) -> Iterator[tuple[Pair, str, str, int | None]]:
    """(pair, metric, conditioning, size) of every cell, ordered so that what was prepared is used again soon."""
    wanted = study.file.align
    sizes: list[int | None] = [*wanted.sizes] or [None]
    for metric, conditioning, size in product(wanted.metrics, wanted.conditioning, sizes):
        for pair in pairs:
            yield pair, metric, conditioning, size
            if not _sideless(study, metric):
                yield Pair(pair.right, pair.left), metric, conditioning, size


def _sideless(study: Study, metric: str) -> bool:
    """Whether left and right may be exchanged without changing the score."""
    return _cells.sideless(metric, study.file.align.summary)


@dataclass(frozen=True)
class _Labels:
    """What restricts the re-pairings: labels of every sample, or None."""

    within: tuple[str, ...] | None = None
    blocks: tuple[str, ...] | None = None


def _labels(study: Study, paired: samples.Paired | None, features: Mapping[str, Features | None]) -> _Labels:
    """The restrictions that the study's file and the data ask for."""
    word = study.file.align.within
    blocks = paired.groups if paired is not None else None
    if blocks is not None and study.file.align.sizes:
        raise StudyError(f"{study.name}: align.sizes: the samples of {paired.card.name} depend on each other in groups, which "  # type: ignore[union-attr]
                         "a size would tear. Take one caption per picture, or limit = ... in [data].")
    if not word:
        return _Labels(blocks=blocks)
    if blocks is not None:
        raise StudyError(f"{study.name}: align.within: the samples of {paired.card.name} depend on each other in groups, "  # type: ignore[union-attr]
                         "which move together already. Take one caption per picture to hold something else fixed.")
    if paired is not None and word in paired.views:
        return _Labels(within=tuple(paired.views[word].content))
    path = study.base / word
    if not path.is_file():
        views = f" and none of the views {', '.join(paired.views)}" if paired is not None else ""
        raise StudyError(f"{study.name}: align.within: {word!r} is no file{views}.")
    found = tuple(path.read_text(encoding="utf-8").splitlines())
    n = _n(paired, features)
    if n is not None and len(found) != n:
        raise StudyError(f"{study.name}: align.within: {path} has {len(found)} lines for {n} samples.")
    return _Labels(within=found)


def _asked(
    study: Study, pair: Pair, left: Features, right: Features, metric: str, conditioning: str, size: int | None, labels: _Labels
) -> Asked:
    wanted = study.file.align
    if size is not None and size > left.n:
        raise StudyError(f"{study.name}: align.sizes: {size} samples are asked for, and there are {left.n}.")
    turned = _sideless(study, metric) and left.fingerprint > right.fingerprint
    first, second = (right, left) if turned else (left, right)
    cell = Cell(
        left=first.fingerprint, right=second.fingerprint, metric=str(metrics.parse(metric)),
        conditioning=str(Conditioning.parse(conditioning)), draws=wanted.draws, null=wanted.null, seed=study.file.seed,
        alpha=wanted.alpha, summary=wanted.summary, undefined=wanted.undefined, within=labels.within, blocks=labels.blocks,
        first=size,
    )
    return Asked(pair, cell, turned)


def _all_cells(study: Study, features: Mapping[str, Features], paired: samples.Paired | None) -> list[Asked]:
    """Every cell of the models that did not fail."""
    modality = {table.name: _modality(table, paired, features.get(table.name)) for table in study.models()}
    modality = {name: value or f"? of {name}" for name, value in modality.items()}  # failed, so that nothing follows from it
    pairs = [pair for pair in _pairs(study, modality) if pair.left in features and pair.right in features]
    labels = _labels(study, paired, features) if features else _Labels()
    return [_asked(study, pair, features[pair.left], features[pair.right], metric, conditioning, size, labels)
            for pair, metric, conditioning, size in _questions(study, pairs)]


def _answer_all(
    setting: Setting, asked: Sequence[Asked], features: Mapping[str, Features], failures: list[str], *, where: _Where,
    memory: float | None, show: Callable,
) -> dict[str, dict]:
    """Answers by key; cells that failed are added to the failures."""
    unique = list({one.cell.key: one for one in asked}.values())
    answers: dict[str, dict] = {}
    for one in unique:
        found = _cells.read_answer(_cells.answer_path(setting.folder, one.cell.key))
        if found is not None:
            answers[one.cell.key] = found
    todo = [one for one in unique if one.cell.key not in answers]
    show("pairs", len(answers), len(unique))
    try:
        needs = Needs(gpus=int(setting.device.startswith("cuda")), memory=int((memory or 0) * 1e9))
        todo, tasks = _laid_out(setting, todo, features, where)
        work = [tuple(one.cell for one in todo[first:last]) for first, last in tasks]
        for i, outcome in where.run(partial(_cells.answers, setting), work, needs):
            if isinstance(outcome, DiskError):
                raise outcome
            several = todo[slice(*tasks[i])]
            given = outcome if isinstance(outcome, list) else [outcome] * len(several)
            for one, answer in zip(several, given, strict=True):
                if isinstance(answer, Exception):
                    failures.append(_untold(one, answer))
                else:
                    answers[one.cell.key] = answer  # type: ignore[assignment]
            show("pairs", len(answers), len(unique))
    finally:
        _cells.desk.cache_clear()  # what was prepared is large
    return answers


def _laid_out(
    setting: Setting, todo: Sequence[Asked], features: Mapping[str, Features], where: _Where
) -> tuple[list[Asked], list[tuple[int, int]]]:
    """Open cells in the order that prepares the fewest layers, and the first and last of each task."""
    workers = setting.desks or 16
    groups: dict[tuple, list[Asked]] = {}
    for one in todo:
        groups.setdefault((one.cell.metric, one.cell.conditioning, one.cell.first), []).append(one)
    out: list[Asked] = []
    for (metric, conditioning, first), group in groups.items():
        pairs = [(one.pair.left, one.pair.right) for one in group]
        names = {name for pair in pairs for name in pair}
        if len(group) <= _FEW:
            out += group
            continue
        try:
            sizes: dict[Hashable, float] = {
                name: len(features[name]) * _price.size(metric, first or features[name].n, width=max(features[name].widths),
                                                        conditioning=conditioning) for name in names}
        except PlatometerError:  # told when the cells are answered
            sizes = {name: 0.0 for name in names}
        room = _layout.room_of(_layout.rooms(sizes, setting.budget), len(group), workers)
        out += [group[i] for i in _layout.blocked(pairs, room)]
    return out, _layout.parts(len(out), workers)


def _untold(one: Asked, error: Exception) -> str:
    """What failed, and why."""
    what = f"{one.pair.left} ~ {one.pair.right}, {one.cell.metric}, {one.cell.conditioning}"
    _log.warning("%s failed: %s", what, error, exc_info=error if _log.isEnabledFor(logging.DEBUG) else None)
    return f"{what}: {_reason(error)}"


def _row(
    study: Study, paired: samples.Paired | None, asked: Asked, answer: Mapping, features: Mapping[str, Features]
) -> dict:
    """One row of the table, without the corrections across pairs."""
    left, right, cell = features[asked.pair.left], features[asked.pair.right], asked.cell
    c = answer["calibration"] or {}
    return {
        "study": study.name, "data": paired.card.name if paired else "", "n": answer["n"],
        "samples": "" if paired is None else paired.fingerprint if cell.first is None else fingerprint(
            paired.fingerprint, cell.first, cell.seed),
        "left_layers": len(answer["left_layers"]), "right_layers": len(answer["right_layers"]),
        "metric": answer["metric"], "conditioning": answer["conditioning"], "alike": answer["alike"],
        "summary": answer["summary"], "score": answer["score"], "left_layer": answer["best"]["left"],
        "right_layer": answer["best"]["right"], "null": c.get("null"), "method": c.get("method"),
        "draws": len(c["draws"]) if c else 0, "least_p": c.get("least"), "seed": cell.seed,
        "null_mean": c.get("null_mean"), "null_sd": c.get("null_sd"), "excess": c.get("excess"),
        "z": c.get("z"), "p": c.get("p"), "p_bh": None, "p_holm": None, "alpha": cell.alpha, "tau": c.get("tau"),
        "calibrated": c.get("score"), "remarks": [*answer["remarks"], *([c["note"]] if c.get("note") else []),
                    *([f"of {_less.words(study)}"] if _less.words(study) else [])],
        "versions": answer["versions"], "key": cell.key,
    } | _side("left", left) | _side("right", right)


def _side(side: str, features: Features) -> dict:
    """Columns of one of the models."""
    card = features.model
    return {
        side: card.name, f"{side}_source": card.source, f"{side}_revision": card.revision,
        f"{side}_modality": str(features.details.get("modality", "")), f"{side}_parameters": card.parameters,
        f"{side}_features": features.fingerprint, f"{side}_pooling": features.pooling,
        f"{side}_details": json.dumps(dict(features.details), sort_keys=True, ensure_ascii=False),
    }


def _corrected(table: list[dict]) -> list[dict]:
    """The rows with p-values corrected over all pairs of the same metric, conditioning and n."""
    out = [dict(row) for row in table]
    groups: dict[tuple, list[dict]] = {}
    for row in out:
        if row["p"] is not None:
            groups.setdefault((row["metric"], row["conditioning"], row["n"]), []).append(row)
    for group in groups.values():
        ps = [row["p"] for row in group]
        for row, bh, holm in zip(group, stats.benjamini_hochberg(ps), stats.holm(ps), strict=True):
            row["p_bh"], row["p_holm"] = float(bh), float(holm)
    return out


def _n(paired: samples.Paired | None, there: Mapping[str, Features | None]) -> int | None:
    if paired is not None:
        return len(paired)
    return next((value.n for value in there.values() if value is not None), None)


def _record(
    study: Study, paired: samples.Paired | None, features: Mapping[str, Features], failures: Sequence[str], seconds: float
) -> dict:
    """What is worth knowing of a run but must not be in the rows: when, how long, what failed, of which data and families."""
    return {
        "study": study.name, "finished": not failures, "failures": list(failures), "seconds": round(seconds, 1),
        "ended": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "features": {n: f.fingerprint for n, f in features.items()},
        "question": study.file.question, "needs": study.file.needs, "seed": study.file.seed, "at_most": study.at_most,
        "kept": _less.words(study),
        "left_out": list(study.left_out), "families": {one.name: one.family for one in study.models() if one.family},
        "data": None if paired is None else paired.card.as_dict() | {"fingerprint": paired.fingerprint, "n": len(paired)},
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
