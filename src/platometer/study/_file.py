"""The study file: TOML in, a checked `Study` out; unknown keys are errors with a suggestion."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from platometer.errors import SpecError, StudyError, suggestion

if TYPE_CHECKING:
    from platometer.study._run import Plan, Result

_SHIPPED = Path(__file__).parent.parent / "studies"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Open(BaseModel):
    """A table whose further keys are options of the source it names; the source checks them."""

    model_config = ConfigDict(extra="allow", frozen=True)

    @property
    def options(self) -> dict[str, object]:
        return dict(self.__pydantic_extra__ or {})


class DataTable(_Open):
    """``[data]``: a dataset source and its options."""

    source: str
    limit: Annotated[int, Field(ge=1)] | None = None


class ModelTable(_Open):
    """``[[models]]``: a model source and its options."""

    source: str
    name: str = ""
    view: str = ""
    batch_size: Annotated[int, Field(ge=1)] | None = None


class AlignTable(_Strict):
    """``[align]``: what is measured, and against what null."""

    metrics: Annotated[list[str], Field(min_length=1)] = ["mutual_knn(k=10)"]
    conditioning: str | list[str] = "unit"
    pairs: Literal["cross", "all", "within"] | None = None
    draws: Annotated[int, Field(ge=0)] = 1000
    alpha: Annotated[float, Field(gt=0, lt=1)] = 0.05
    summary: Literal["max", "mean", "last", "rowmax"] = "max"
    undefined: Literal["error", "drop"] = "error"


class ComputeTable(_Strict):
    """``[compute]``: where and how fast; none of it changes a number beyond rounding."""

    engine: str = "local"
    workers: Annotated[int, Field(ge=1)] = 1
    device: str | None = None


class StudyFile(_Strict):
    """The whole file."""

    name: str
    question: str = ""
    needs: str = ""
    seed: int = 0
    data: DataTable | None = None
    models: Annotated[list[ModelTable | str], Field(min_length=1)]
    align: AlignTable = AlignTable()
    compute: ComputeTable = ComputeTable()


@dataclass(frozen=True)
class Study:
    """Which models, samples and metrics; read it with `Study.read`, or build it with `Study.of`.

    Attributes
    ----------
    file : the checked content of the study file.
    text : the file as written, for the record.
    base : folder that relative paths in it start from.
    """

    file: StudyFile
    text: str = field(default="", repr=False)
    base: Path = Path()

    @property
    def name(self) -> str:
        """The study's name."""
        return self.file.name

    @classmethod
    def read(cls, path: str | Path) -> Study:
        """The study in a TOML file, or the one of this name that ships with platometer.

        Parameters
        ----------
        path : a file; or one of `names`.

        Raises
        ------
        StudyError
            No such file, not TOML, an unknown key, or a value that does not fit; names the key.
        """
        path = _found(path)
        try:
            text = path.read_text(encoding="utf-8")
            values = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise StudyError(f"{path} is not TOML: {error}.") from None
        return cls.of(values, text=text, base=path.resolve().parent, where=str(path))

    @classmethod
    def of(cls, values: Mapping[str, object], *, text: str = "", base: str | Path = ".", where: str = "study") -> Study:
        """The study that a dictionary describes, with the keys of a study file.

        Parameters
        ----------
        values : such as ``{"name": "mine", "data": {...}, "models": [...], "align": {...}}``.
        text : the file it came from, if any.
        base : folder that relative paths start from.
        where : what to call it in errors.

        Raises
        ------
        StudyError
            An unknown key, or a value that does not fit.
        """
        try:
            file = StudyFile.model_validate(dict(values))
        except ValidationError as error:
            raise StudyError("\n".join(_told(problem, where) for problem in error.errors())) from None
        _check(file, where)
        return cls(file=file, text=text, base=Path(base))

    def plan(self, out: str | Path | None = None, *, allow_code: bool = False) -> Plan:
        """What a run would do: models to extract, cells to answer, and the price.

        Parameters
        ----------
        out : the run folder; ``runs/NAME`` if None.
        allow_code : see `run`.
        """
        from platometer.study import _run

        return _run.plan(self, out, allow_code=allow_code)

    def run(
        self,
        out: str | Path | None = None,
        *,
        allow_code: bool = False,
        engine: str | None = None,
        workers: int | None = None,
        fresh: bool = False,
        progress: Callable[[str, int, int], None] | None = None,
    ) -> Result:
        """Extract, align every pair, calibrate, correct across pairs; write rows and a page.

        Interrupted anywhere, the same call goes on where it was, and the rows come out identical.

        Parameters
        ----------
        out : the run folder; ``runs/NAME`` if None.
        allow_code : whether ``python:`` models may run the code that the study names.
        engine, workers : override ``[compute]``.
        fresh : extract again even where features are there already.
        progress : called with (what, done, total); bars on the terminal if None.

        Raises
        ------
        StudyError
            Some cells or models failed; the others are answered, written and shown first.
        """
        from platometer.study import _run

        return _run.run(
            self, out, allow_code=allow_code, engine=engine, workers=workers, fresh=fresh, progress=progress
        )

    def conditionings(self) -> list[str]:
        """The conditionings asked for, at least one."""
        asked = self.file.align.conditioning
        return [asked] if isinstance(asked, str) else list(asked)

    def models(self) -> list[ModelTable]:
        """The models asked for, each with a name of its own."""
        tables = [ModelTable(source=entry) if isinstance(entry, str) else entry for entry in self.file.models]
        named: list[ModelTable] = []
        for table in tables:
            name = table.name or _short(table.source)
            named.append(table.model_copy(update={"name": name}))
        return named


def names() -> dict[str, str]:
    """Every study that ships with platometer, with its question."""
    found = {}
    for path in sorted(_SHIPPED.glob("*.toml")):
        found[path.stem] = str(tomllib.loads(path.read_text(encoding="utf-8")).get("question", ""))
    return found


def _found(path: str | Path) -> Path:
    asked = Path(path)
    if asked.is_file():
        return asked
    shipped = _SHIPPED / f"{path}.toml"
    if asked.name == str(path) and shipped.is_file():
        return shipped
    hint = suggestion(str(path), names()) if asked.name == str(path) and asked.suffix == "" else ""
    raise StudyError(f"There is no study file {str(path)!r}. {hint}".strip())


def _short(source: str) -> str:
    """A name for a model whose table gives none: the last part of its source."""
    tail = source.partition(":")[2] or source
    last = tail.rstrip("/").rpartition("/")[2] or tail
    if source.startswith("python:"):
        last = tail.rpartition(":")[2]
    if source.startswith("file:"):
        last = Path(tail).stem
    return last


def _told(problem: Mapping, where: str) -> str:
    """One line for one of pydantic's findings: the key, what is wrong, what was meant."""
    parts = [str(part) for part in problem["loc"] if not str(part).endswith("Table") and part != "str"]
    key = ".".join(parts)
    if problem["type"] == "extra_forbidden":
        home = {"align": AlignTable, "compute": ComputeTable}.get(parts[0], StudyFile) if len(parts) > 1 else StudyFile
        return f"{where}: there is no key {key!r}. {suggestion(parts[-1], home.model_fields)}"
    if problem["type"] == "missing":
        return f"{where}: the key {key!r} is missing."
    given = f" (it is {problem['input']!r})" if isinstance(problem.get("input"), str | int | float | bool) else ""
    return f"{where}: {key}: {problem['msg']}{given}."


def _check(file: StudyFile, where: str) -> None:
    """What pydantic cannot see: specs that parse, names that differ, data where it is needed."""
    from platometer.conditioning import Conditioning
    from platometer.metrics import parse

    try:
        for spec in file.align.metrics:
            parse(spec)
        asked = file.align.conditioning
        for spec in [asked] if isinstance(asked, str) else asked:
            Conditioning.parse(spec)
    except SpecError as error:
        raise StudyError(f"{where}: align: {error}") from None
    tables = Study(file=file).models()
    listed = [table.name for table in tables]
    for name in listed:
        if listed.count(name) > 1:
            raise StudyError(f"{where}: two models are called {name!r}; give them a name = \"...\" of their own.")
    if len(listed) < 2:
        raise StudyError(f"{where}: a study compares at least two models; there is {len(listed)}.")
    if file.data is None and not all(table.source.startswith("file:") for table in tables):
        raise StudyError(f"{where}: the key 'data' is missing; only studies of file: models can do without.")


