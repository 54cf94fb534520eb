"""How good the models of a study are: tables from elsewhere, joined by name; and what is measured in the run itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from platometer import __version__, capability, files
from platometer.capability import Capability
from platometer.cards import fingerprint
from platometer.errors import DataError, DiskError, ModelError, PlatometerError, StoreError, StudyError, suggestion
from platometer.study._file import CapabilityTable, ModelTable

FILE = "capability.json"
_SCHEMA = 1


def joined(asked: CapabilityTable, tables: Sequence[ModelTable], base: Path) -> list[Capability]:
    """What the study's tables say of its models, under the names that they have in it.

    Parameters
    ----------
    asked : tables and columns.
    tables : the models of the study.
    base : where paths start from.

    Raises
    ------
    DataError
        A table cannot be read.
    StudyError
        No table has one of the columns, or any of the models; or two differ in a number.
    """
    found = [one for place in asked.tables for one in told_of({t.name: t.source for t in tables}, base / place)]
    kept = [one for one in found if not asked.columns or any(_is(one.what, name) for name in asked.columns)]
    for name in asked.columns if asked.tables else ():
        if not any(_is(one.what, name) for one in found):
            hint = suggestion(name, sorted({one.what for one in found}))
            raise StudyError(f"capability.columns: no table has {name!r} of a model of the study. {hint}")
    seen: dict[tuple[str, str], Capability] = {}
    for one in kept:
        before = seen.setdefault((one.model, one.what), one)
        if before.value != one.value:
            raise StudyError(f"capability: {one.model} has two values of {one.what!r}, {before.value:g} in {before.source} and "
                             f"{one.value:g} in {one.source}; keep one.")
    return list(seen.values())


def told_of(models: Mapping[str, str], path: Path) -> list[Capability]:
    """What a table says of models, each known by its name or else by its source.

    Parameters
    ----------
    models : name -> source.
    path : of the table; see `platometer.capability.table`.

    Raises
    ------
    DataError
        The table cannot be read, or has none of the models.
    """
    table, out = capability.table(path), []
    for name, source in models.items():
        found = capability.join([name], table).found or capability.join([source], table).found
        out += [Capability(**(_fields(one) | {"model": name, "source": path.name})) for one in found]
    if not out:
        name, source = next(iter(models.items()))
        raise DataError(f"{path} has none of the models. It would name them as the study does, such as {name!r}, or by their "
                        f"source, {source!r}.")
    return out


def measured(
    folder: Path, asked: CapabilityTable, models: Iterable[tuple[ModelTable, str, str]], *, base: Path, device: str, seed: int,
    stamp: Callable[[str], list], show: Callable[[str, int, int], None], failures: list[str],
) -> list[Capability]:
    """Bits per byte of the models that read, and accuracies of probes of those that see; each a file of the run, found again.

    Parameters
    ----------
    folder : of the run.
    asked : texts and probes.
    models : (table, source, modality) of each; code that comes with models has been allowed.
    base : where paths start from.
    device : to run on; empty for what there is.
    seed : of the texts and rows drawn.
    stamp : a source -> what shows that the files it consists of are still the same.
    show : told of progress.
    failures : to which what fails is added; a model that does not tell the next token has no bits, and that is none.
    """
    todo = [(table, source, modality, what) for table, source, modality in models if not source.startswith("file:")
            for what in ([asked.text] if modality == "text" and asked.text else tasks(asked) if modality == "image" else [])]
    texts = capability.corpus(_placed(asked.text, base), limit=asked.limit, seed=seed) if asked.text else None
    out: list[Capability] = []
    for i, (table, source, modality, what) in enumerate(todo):
        show("capabilities", i, len(todo))
        alone = device and not {"device", "device_map"} & set(table.options)
        options = dict(table.options) | ({"device": device} if alone else {})
        data: list = [what, stamp(f"file:{_placed(what, base)}")]
        if modality == "text" and texts is not None:
            data = [texts.card.revision, asked.limit]
        weights = stamp(f"file:{options['checkpoint']}") if options.get("checkpoint") else []
        key = fingerprint({"schema": _SCHEMA, "platometer": __version__, "source": source, "stamp": stamp(source) + weights,
                           "options": options, "data": data, "seed": seed, "modality": modality})
        options |= {"allow_code": True} if source.startswith("python:") else {}  # or it would have no features
        try:
            found = _kept(folder / "capabilities" / f"{key}.json")
            if found is None and modality == "text" and texts is not None:
                found = capability.bits_per_byte_of(source, texts, options=_of_language(source, options), seed=seed)
            elif found is None:
                found = capability.probe(source, _placed(what, base), kind="logistic", folder=folder, options=options,
                                         seed=seed)
            files.write_json(folder / "capabilities" / f"{key}.json", found.as_row())
            out.append(Capability(**(_fields(found) | {"model": table.name})))
        except DiskError:
            raise
        except ModelError as error:
            if modality != "text" or "next token" not in str(error):
                failures.append(f"capability of {table.name}, {what}: {error}")
        except (PlatometerError, RuntimeError) as error:
            failures.append(f"capability of {table.name}, {what}: {error}")
    show("capabilities", len(todo), len(todo))
    return out + _solved(out, len(tasks(asked)))


def tasks(asked: CapabilityTable) -> list[str]:
    """The labelled data of the probes; ``"vtab"`` stands for its 19 tasks.

    Parameters
    ----------
    asked : with probes.
    """
    return [one for name in asked.probes
            for one in ([f"vtab:{task}" for task in capability.VTAB] if name == "vtab" else [name])]


def kept(folder: str | Path) -> list[Capability]:
    """The capabilities beside the rows of a run or a published folder; none if it has none.

    Parameters
    ----------
    folder : of the run.
    """
    path = files.place(folder) / FILE
    return [Capability(**_fields_of(row)) for row in files.read_json(path)] if path.exists() else []  # type: ignore[attr-defined]


def _solved(found: Sequence[Capability], count: int) -> list[Capability]:
    """The share of tasks solved, of the models that have all of several."""
    probes = [one for one in found if one.unit != "bits per byte"]
    whole = {name for name in {one.model for one in probes} if sum(one.model == name for one in probes) == count}
    return capability.solved([one for one in probes if one.model in whole]) if count > 1 and whole else []


def _is(what: str, name: str) -> bool:
    """Whether a column is meant: timm's carry the name of their table before them."""
    return what == name or what.endswith(f" {name}")


def _placed(source: str, base: Path) -> str:
    """A path beside the study file made absolute; a dataset's or task's name stays."""
    return str(base / source) if ":" not in source and (base / source).exists() else source


def _of_language(source: str, options: Mapping[str, object]) -> dict:
    """The options that telling tokens has in common with taking features."""
    known = ("device", "dtype", "revision", "local_files_only", "trust_remote_code", "device_map", "quantise")
    return {name: value for name, value in options.items() if name in known or not source.startswith("hf:")}


def _kept(path: Path) -> Capability | None:
    try:
        return Capability(**_fields_of(files.read_json(path)))  # type: ignore[arg-type]
    except (StoreError, TypeError):  # not there, or damaged: measured anew
        return None


def _fields(one: Capability) -> dict:
    return _fields_of(one.as_row())


def _fields_of(row: Mapping) -> dict:
    return {name: value for name, value in row.items() if name in Capability.__dataclass_fields__}
