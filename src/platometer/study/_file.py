"""The study file: TOML in, a checked `Study` out; unknown keys are errors with a suggestion."""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from platometer.errors import SpecError, StudyError, suggestion

if TYPE_CHECKING:
    from platometer.study._run import Plan, Result

SHIPPED = Path(__file__).parent.parent / "studies"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Open(BaseModel):
    """A table whose further keys are options of the source it names."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    @property
    def options(self) -> dict[str, object]:
        return dict(self.__pydantic_extra__ or {})


def _listed(value: object) -> object:
    """One word is a list of one."""
    return [value] if isinstance(value, str) else value


def _tabled(value: object) -> object:
    """A model's source alone is a table of one key."""
    return {"source": value} if isinstance(value, str) else value


class DataTable(_Open):
    """``[data]``: a dataset source and its options.

    Attributes
    ----------
    source : one of ``platometer list datasets``, or ``NAME:REST``.
    limit : a subset of this many samples, drawn by the study's seed.
    """

    source: str
    limit: Annotated[int, Field(ge=1)] | None = None


class ReadsTable(_Strict):
    """``reads`` of a model: what it is given of a sample.

    Attributes
    ----------
    text : the one at this position of a sample's texts (data with ``captions = "mean"`` has several); all if None.
    texts : the first so many of them; all if None.
    perturbed : how the view is spoiled first, by the study's seed; one of `platometer.datasets.PERTURBATIONS`, such as
        ``"shuffle-words"`` or, of pictures, ``"blur(share=0.05)"``. As it is if empty.
    prompt : a template with ``{caption}`` in it, such as ``"A picture of {caption}"``; the text alone if empty.
    several : ``"mean"`` (each text is run, their features are averaged) or ``"join"`` (one text of all).
    """

    text: Annotated[int, Field(ge=0)] | None = None
    texts: Annotated[int, Field(ge=1)] | None = None
    perturbed: str = ""
    prompt: str = ""
    several: Literal["mean", "join"] = "mean"


class ModelTable(_Open):
    """``[[models]]``: a model source and its options.

    Attributes
    ----------
    source : ``PREFIX:NAME``; see ``platometer list models``.
    name : what it is called; the last part of the source if empty.
    view : of the data that it is run on; the one of the model's modality if empty.
    batch_size : items at once; found if None.
    parameters : how many it has, as published: for ``--at-most``, and for trends where its source does not count them.
    family : models of one making; what trends take for independent.
    reads : what it is given of a sample; all of each if None.
    perturb : perturbations (see `ReadsTable`); the model is run once on the data as they are, and once more on each of these,
        under its name and that of the perturbation.
    download : where the file of its weights (``checkpoint``) is to be had; told if it is not there. Nothing is fetched.
    gpus, memory : of a worker that runs it, instead of those under ``[compute]``.
    """

    source: str
    name: str = ""
    view: str = ""
    batch_size: Annotated[int, Field(ge=1)] | None = None
    parameters: Annotated[float, Field(ge=1)] | None = None
    family: str = ""
    reads: ReadsTable | None = None
    perturb: Annotated[list[str], BeforeValidator(_listed)] = []
    download: str = ""
    gpus: Annotated[float, Field(ge=0)] | None = None
    memory: Annotated[float, Field(gt=0)] | None = None


class AlignTable(_Strict):
    """``[align]``: what is measured, and against what null.

    Attributes
    ----------
    metrics, conditioning : specs, one or a list.
    pairs : ``"cross"`` (of different modalities), ``"within"`` (of the same) or ``"all"``; cross where there are any
        if None, else all.
    draws, null, alpha, summary, undefined : as for `platometer.align`.
    within : what is held fixed when chance re-pairs samples. The name of a view: samples with equal items in it (the same
        class label, the same text) change places only with each other. Or a text file with one label per line, in
        the order of the samples. Captions of one picture (``captions = "all"``) move together without being asked.
    sizes : numbers of samples; all is measured on each, smaller ones within larger ones, drawn by the study's seed. All
        samples alone if empty.
    """

    metrics: Annotated[list[str], BeforeValidator(_listed), Field(min_length=1)] = ["mutual_knn(k=10)"]
    conditioning: Annotated[list[str], BeforeValidator(_listed), Field(min_length=1)] = ["unit"]
    pairs: Literal["cross", "all", "within"] | None = None
    draws: Annotated[int, Field(ge=0)] = 1000
    null: Literal["draws", "closed-form", "auto"] = "draws"
    alpha: Annotated[float, Field(gt=0, lt=1)] = 0.05
    summary: Literal["max", "mean", "last", "rowmax"] = "max"
    undefined: Literal["error", "drop"] = "error"
    within: str = ""
    sizes: list[Annotated[int, Field(ge=4)]] = []


class GalleryTable(_Strict):
    """``[gallery]``: mutual kNN of fixed queries while the gallery grows, on one layer of each model.

    Attributes
    ----------
    queries : samples whose neighbours are looked for, drawn by the study's seed.
    sizes : of the galleries; the number of queries and its doubles if empty.
    k, share : neighbours, and the same as shares of the gallery.
    layers : ``"best"`` (the pair most alike under the first metric and conditioning, at the first of ``align.sizes``) or
        ``"last"``.
    """

    queries: Annotated[int, Field(ge=2)] = 1024
    sizes: list[Annotated[int, Field(ge=2)]] = []
    k: list[Annotated[int, Field(ge=1)]] = [10]
    share: list[Annotated[float, Field(gt=0, lt=1)]] = [0.01]
    layers: Literal["best", "last"] = "best"


class CapabilityTable(_Strict):
    """``[capability]``: how good the models are; kept beside the rows, for trends.

    Attributes
    ----------
    tables : files as `platometer.capability.table` reads them (timm's results, an lm-evaluation-harness folder, csv, json),
        which name models as the study does or by their source; or given to the run.
    columns : the ones to take; all that hold numbers if empty.
    text : a file or dataset, on which bits per byte of the models that read are measured.
    limit : samples of it that are drawn; all if None.
    probes : labelled data (see `platometer.capability.labelled`), or ``"vtab"`` for its 19 tasks, on which the models that see
        are probed.
    """

    tables: Annotated[list[str], BeforeValidator(_listed)] = []
    columns: Annotated[list[str], BeforeValidator(_listed)] = []
    text: str = ""
    limit: Annotated[int, Field(ge=1)] | None = None
    probes: Annotated[list[str], BeforeValidator(_listed)] = []


class PageTable(_Strict):
    """``[page]``: what the page shows of the data.

    Attributes
    ----------
    samples : shown with their neighbours, as small pictures and captions; with 0, no sample of the data is on the page.
    """

    samples: Annotated[int, Field(ge=0, le=20)] = 5


class ComputeTable(_Strict):
    """``[compute]``: where and how fast; none of it changes a number, but for what a graphics processor rounds otherwise.

    Attributes
    ----------
    engine : see `platometer.engines`.
    workers : processes at once; if None 1 for ``local``, and for ``ray`` as many as the cluster has room for.
    device : for models and metrics, such as ``"cuda"``; a graphics processor for models if there is one, if None.
    address : of a ray cluster; this machine if empty.
    gpus, memory : graphics processors and gigabytes of a worker that runs a model, where the engine hands them out; a
        graphics processor if there are any, if None.
    """

    engine: str = "local"
    workers: Annotated[int, Field(ge=1)] | None = None
    device: str | None = None
    address: str = ""
    gpus: Annotated[float, Field(ge=0)] | None = None
    memory: Annotated[float, Field(gt=0)] | None = None


class StudyFile(_Strict):
    """The whole file.

    Attributes
    ----------
    name : of the study and, if none is named, of its run folder.
    question : that it asks, for the page.
    needs : of a machine, for the plan.
    seed : of re-pairings, subsets and chosen captions.
    data, models, align, compute : the tables; data may be absent where all models are files of vectors.
    gallery, capability : asked for where they are there.
    page : what the page shows of the data.
    """

    name: Annotated[str, Field(pattern=r"^[\w][\w .+-]*$", max_length=80)]
    question: str = ""
    needs: str = ""
    seed: int = 0
    data: DataTable | None = None
    models: Annotated[list[Annotated[ModelTable, BeforeValidator(_tabled)]], Field(min_length=1)]
    align: AlignTable = AlignTable()
    gallery: GalleryTable | None = None
    capability: CapabilityTable | None = None
    compute: ComputeTable = ComputeTable()
    page: PageTable = PageTable()


@dataclass(frozen=True)
class Study:
    """Which models, samples and metrics; read it with `Study.read`, or build it with `Study.of`.

    Attributes
    ----------
    file : the checked content of the study file.
    text : the file as written, for the record.
    base : folder that relative paths in it start from.
    at_most : parameters of the models that were kept by `limited`; None for all.
    within : bytes of memory of the models that were kept by `fitting`; None for all.
    here : whether only models whose files are here were kept, by `present`.
    left_out : names of the models that were not.
    dropped : keys of ``[data]`` that other data, set by `on`, do not know.
    """

    file: StudyFile
    text: str = field(default="", repr=False)
    base: Path = Path()
    at_most: float | None = None
    left_out: tuple[str, ...] = ()
    within: float | None = None
    here: bool = False
    dropped: tuple[str, ...] = ()

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
        except OSError as error:
            raise StudyError(f"{path} cannot be read: {error.strerror or error}.") from None
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

    def plan(
        self, out: str | Path | None = None, *, allow_code: bool = False, engine: str | None = None, workers: int | None = None,
        address: str | None = None,
    ) -> Plan:
        """What a run would do: models to extract, cells to answer, what it will take, and what of it cannot work.

        For the price every metric, and every model that is on this disk, is tried on a few samples, for half a minute at most.

        Parameters
        ----------
        out : the run folder; ``runs/NAME`` if None.
        allow_code, engine, workers, address : see `run`.
        """
        from platometer.study import _run

        return _run.plan(self, out, allow_code=allow_code, engine=engine, workers=workers, address=address)

    def run(
        self,
        out: str | Path | None = None,
        *,
        allow_code: bool = False,
        engine: str | None = None,
        workers: int | None = None,
        address: str | None = None,
        fresh: bool = False,
        failures: str = "error",
        progress: Callable[[str, int, int], None] | None = None,
        announce: Callable[[Plan], None] | None = None,
    ) -> Result:
        """Extract, align every pair, calibrate, correct across pairs; write rows and a page.

        Interrupted anywhere, the same call goes on where it was, and the rows come out identical.

        Parameters
        ----------
        out : the run folder; ``runs/NAME`` if None.
        allow_code : whether ``python:`` models may run the code that the study names, and models with
            ``trust_remote_code`` the code that comes with them.
        engine, workers, address : override ``[compute]``.
        fresh : do everything anew, even what is there already. Leave it out to go on with an interrupted run.
        failures : of models or pairs, which never lose the others: an ``"error"`` once these are written, or ``"keep"``
            to return the result with them.
        progress : called with (what, done, total); bars on the terminal if None.
        announce : called with the plan before anything is done.

        Raises
        ------
        StudyError
            The study asks for something impossible; or models or pairs failed, each told with its reason.
        DiskError
            The disk is full; what is done already will not be done twice.
        """
        from platometer.study import _run

        return _run.run(
            self, out, allow_code=allow_code, engine=engine, workers=workers, address=address, fresh=fresh, failures=failures,
            progress=progress, announce=announce,
        )

    def limited(self, parameters: float | str) -> Study:
        """The study of those of its models that have at most so many parameters; the rows say so.

        Parameters
        ----------
        parameters : a number, or such as ``"3B"``, ``"160M"``.

        Raises
        ------
        StudyError
            A model's table does not say how many it has, or fewer than two models are left.
        """
        most = sized(parameters)
        tables = self.models()
        for table in tables:
            if table.parameters is None:
                raise StudyError(f"{self.name}: {table.name} does not say how large it is, and models above {told(most)} "
                                 "parameters are to be left out. Write parameters = ... into its table.")
        kept = [table for table in tables if (table.parameters or 0) <= most]
        if len(kept) < 2:
            smallest = ", ".join(f"{table.name} {told(table.parameters or 0)}"
                                 for table in sorted(tables, key=lambda table: table.parameters or 0)[:2])
            raise StudyError(f"{self.name}: {len(kept)} of its models have at most {told(most)} parameters, and a study "
                             f"compares two. The smallest are {smallest}.")
        gone = tuple(table.name for table in tables if table not in kept)
        return dataclasses.replace(self, file=self.file.model_copy(update={"models": kept}), at_most=most,
                                   left_out=(*self.left_out, *gone))

    def fitting(self, memory: float | str) -> Study:
        """The study of those of its models that run within a memory, as estimated from their parameters and precision.

        Parameters
        ----------
        memory : bytes of the graphics processor or the machine, or such as ``"24GB"``.

        Raises
        ------
        StudyError
            A model's table does not say how many parameters it has, or fewer than two models are left.
        """
        from platometer.study import _less

        return _less.fitting(self, memory)

    def present(self) -> Study:
        """The study of those of its models whose own files (weights, vectors) are here; others come from hubs, or fail.

        Raises
        ------
        StudyError
            Fewer than two models are left.
        """
        from platometer.study import _less

        return _less.present(self)

    def on(self, data: str | Path) -> Study:
        """The study on other data of the same form.

        Parameters
        ----------
        data : a path for the study's own source; or another source, such as ``"hf:NAME@REVISION"``. Options that the new
            source does not have are dropped, and the plan names them.

        Raises
        ------
        StudyError
            The study has no data, or the source does not fit.
        """
        table = self.file.data
        if table is None:
            raise StudyError(f"{self.name} is of vectors in files and has no data to replace.")
        name = str(data).partition(":")[0]
        options = {key: value for key, value in table.options.items() if key != "path"}
        source = str(data)
        if not re.fullmatch(r"[a-z_-]{2,}", name) or name == source:
            source = f"{table.source.partition(':')[0]}:{Path(data).resolve()}"
        known = _options_of(source)
        dropped = tuple(key for key in options if known is not None and key not in known)
        kept = {key: value for key, value in options.items() if key not in dropped}
        new = DataTable(source=source, limit=table.limit, **kept)  # type: ignore[arg-type]
        _check_source(new, "datasets", f"{self.name}: data")
        return dataclasses.replace(self, file=self.file.model_copy(update={"data": new}), dropped=dropped)

    def told_by(self, *tables: str | Path) -> Study:
        """The study with more tables of capabilities.

        Parameters
        ----------
        tables : as in `CapabilityTable`; paths seen from here.
        """
        own = self.file.capability or CapabilityTable()
        more = [str(Path(table).resolve()) for table in tables]
        asked = own.model_copy(update={"tables": [*own.tables, *more]})
        return dataclasses.replace(self, file=self.file.model_copy(update={"capability": asked}))

    def models(self) -> list[ModelTable]:
        """The models asked for, each with a name of its own; those with ``perturb`` once more on every perturbation."""
        return [one for table in self.file.models for one in _variants(table, self.base)]


def _variants(table: ModelTable, base: Path) -> list[ModelTable]:
    """The model on the data as they are, and on each perturbation of them; a file of weights is where the study file says."""
    more: dict[str, object] = {"name": table.name or _short(table.source), "perturb": []}
    checkpoint = table.options.get("checkpoint")
    if isinstance(checkpoint, str) and (base / checkpoint).is_file():
        more["checkpoint"] = str((base / checkpoint).resolve())
    plain = table.model_copy(update=more)
    reads = plain.reads or ReadsTable()
    return [plain, *(plain.model_copy(update={"name": f"{plain.name}, {how}",
                                              "reads": reads.model_copy(update={"perturbed": how})}) for how in table.perturb)]


def names() -> dict[str, str]:
    """Every study that ships with platometer, with its question."""
    found = {}
    for path in sorted(SHIPPED.glob("*.toml")):
        found[path.stem] = str(tomllib.loads(path.read_text(encoding="utf-8")).get("question", ""))
    return found


def sized(parameters: float | str) -> float:
    """A number of parameters as it is written: ``"3B"`` is 3e9.

    Parameters
    ----------
    parameters : a number, or digits with K, M, B or T behind.

    Examples
    --------
    >>> sized("3B"), sized("1.5M"), sized(70)
    (3000000000.0, 1500000.0, 70.0)
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?(?:[eE]\+?\d+)?)\s*([KMBTkmbt]?)\s*", str(parameters))
    if found is None or float(found[1]) < 1:
        raise SpecError(f"{parameters!r} is no number of parameters; expected such as 3B, 160M or 7e9.")
    return float(found[1]) * {"": 1.0, "K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}[found[2].upper()]


def told(parameters: float) -> str:
    """A number of parameters in few signs.

    Parameters
    ----------
    parameters : the number.

    Examples
    --------
    >>> told(3e9), told(161_000_000), told(12)
    ('3B', '161M', '12')
    """
    for size, sign in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K")):
        if parameters >= size:
            return f"{parameters / size:.3g}{sign}"
    return f"{parameters:.3g}"


def _found(path: str | Path) -> Path:
    asked = Path(path)
    if asked.is_file():
        return asked
    shipped = SHIPPED / f"{path}.toml"
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
    parts = [str(part) for part in problem["loc"]]
    key = ".".join(parts)
    if problem["type"] == "extra_forbidden":
        tables: dict[str, type[BaseModel]] = {"align": AlignTable, "compute": ComputeTable, "gallery": GalleryTable,
                                              "capability": CapabilityTable, "page": PageTable,
                                              "models": ReadsTable}  # of models, reads alone
        home = {name: table.model_fields for name, table in tables.items()} if len(parts) > 1 else {}
        return f"{where}: there is no key {key!r}. {suggestion(parts[-1], home.get(parts[0], StudyFile.model_fields))}"
    if problem["type"] == "missing":
        near = difflib.get_close_matches(parts[-1], [str(one) for one in problem["input"]], n=1)
        return f"{where}: the key {key!r} is missing{f'; is it what {near[0]!r} should be?' if near else '.'}"
    given = f" (it is {problem['input']!r})" if isinstance(problem.get("input"), str | int | float | bool) else ""
    if problem["type"] == "too_short":
        return f"{where}: {key}: at least one is needed."
    if problem["type"] == "string_pattern_mismatch":
        return f"{where}: {key}: it names a folder, so write it with letters, digits, spaces and . + - _ alone{given}."
    return f"{where}: {key}: {problem['msg']}{given}."


def _check(file: StudyFile, where: str) -> None:
    """What pydantic cannot see: specs that parse, sources and options that exist, names that differ."""
    from platometer import engines
    from platometer.conditioning import Conditioning
    from platometer.metrics import parse

    specs = (("metrics", file.align.metrics, parse), ("conditioning", file.align.conditioning, Conditioning.parse))
    for key, values, read in specs:
        for value in values:
            try:
                spelled = str(read(value))
            except SpecError as error:
                raise StudyError(f"{where}: align.{key}: {error}") from None
            if [str(read(other)) for other in values].count(spelled) > 1:
                raise StudyError(f"{where}: align.{key}: {spelled!r} stands twice.")
    if file.compute.engine.replace("-", "_") not in engines.names():
        raise StudyError(f"{where}: compute.engine: there is no engine {file.compute.engine!r}. "
                         f"{suggestion(file.compute.engine, engines.names())}")
    if file.data is not None:
        _check_source(file.data, "datasets", f"{where}: data")
    _check_sizes(file, where)
    for i, table in enumerate(file.models):
        _check_source(table, "models", f"{where}: models.{i}")
        _check_reads(table, f"{where}: models.{i}")
        if file.data is None and not table.source.startswith("file:"):
            raise StudyError(f"{where}: the key 'data' is missing; only studies of file: models can do without.")
    listed = [table.name for table in Study(file=file).models()]
    for name in listed:
        if listed.count(name) > 1:
            raise StudyError(f"{where}: two models are called {name!r}; give them a name = \"...\" of their own.")
    if len(listed) < 2:
        raise StudyError(f"{where}: a study compares at least two models; there is {len(listed)}.")


def _check_sizes(file: StudyFile, where: str) -> None:
    """Refuse sizes that cannot be told apart, and galleries whose scores would be of something else than the rows'."""
    sizes, gallery = file.align.sizes, file.gallery
    if len(set(sizes)) < len(sizes):
        raise StudyError(f"{where}: align.sizes: a size stands twice in {sizes}.")
    if sizes and file.align.within:
        raise StudyError(f"{where}: align.sizes: with within = {file.align.within!r}, which may leave a group with one sample. "
                         "Give one of them.")
    if gallery is None:
        return
    if not gallery.k and not gallery.share:
        raise StudyError(f"{where}: gallery: k and share are both empty; expected some neighbours to look for.")
    if gallery.sizes and min(gallery.sizes) < gallery.queries:
        raise StudyError(f"{where}: gallery.sizes: a gallery of {min(gallery.sizes)} cannot hold {gallery.queries} queries.")
    if file.align.conditioning[0].partition("(")[0] not in ("unit", "none"):
        raise StudyError(f"{where}: gallery: it streams past, so align.conditioning must begin with 'unit' or 'none' (it is "
                         f"{file.align.conditioning[0]!r}).")


def _check_reads(table: ModelTable, where: str) -> None:
    from platometer.datasets import perturbation

    for key, how in [(f"{where}.perturb", how) for how in table.perturb] + (
            [(f"{where}.reads.perturbed", table.reads.perturbed)] if table.reads is not None and table.reads.perturbed else []):
        try:
            perturbation(how)
        except SpecError as error:
            raise StudyError(f"{key}: {error}") from None
        if table.source.startswith("file:"):
            raise StudyError(f"{key}: {table.source!r} holds vectors, and what it was made of is not here to be spoiled.")
    if table.reads is not None and table.reads.prompt and "{caption}" not in table.reads.prompt:
        raise StudyError(f"{where}.reads.prompt: {table.reads.prompt!r} has no place for the text; expected such as "
                         "'A picture of {caption}'.")
    if table.reads is not None and table.reads.text is not None and table.reads.texts is not None:
        raise StudyError(f"{where}.reads: text = {table.reads.text} is one of them, texts = {table.reads.texts} the first so "
                         "many. Give one.")
    if table.reads is not None and table.source.startswith("file:"):
        raise StudyError(f"{where}.reads: {table.source!r} holds vectors and reads nothing.")


def _check_source(table: DataTable | ModelTable, folder: str, where: str) -> None:
    """Refuse a source that does not exist and an option it does not have, before anything runs for hours."""
    from platometer import plugins

    package = f"platometer.{folder}"
    noun = {"models": "model source", "datasets": "dataset"}[folder]
    name, colon, rest = table.source.partition(":")
    fields = list(DataTable.model_fields if folder == "datasets" else ModelTable.model_fields)
    if folder == "models":
        if not colon or not rest:
            raise StudyError(f"{where}.source: {table.source!r} has no prefix; expected e.g. {'hf:' + (rest or name)!r}. "
                             f"{suggestion(name, [*plugins.names(package), 'file'])}")
        if name == "file":
            _check_options(table, [*fields, "key"], where, f"source = {table.source!r}")
            return
    if name.replace("-", "_") not in plugins.names(package):
        known = plugins.names(package) if folder == "datasets" else [*plugins.names(package), "file"]
        raise StudyError(f"{where}.source: there is no {noun} {name!r}. {suggestion(name, known)}")
    wanted = inspect.signature(plugins.load(package, name, noun=noun).load).parameters.values()
    if any(one.kind is one.VAR_KEYWORD for one in wanted):
        return  # the user's own function says what it takes
    known = [one.name for one in wanted][0 if folder == "datasets" else 1 :]
    _check_options(table, [*fields, *known], where, f"source = {table.source!r}")
    given = {*table.options, *(known[:1] if colon and folder == "datasets" else ())}
    for one in list(wanted)[0 if folder == "datasets" else 1 :]:
        if one.default is one.empty and one.name not in given:
            raise StudyError(f"{where}: the key {one.name!r} is missing; source = {table.source!r} needs it.")


def _options_of(source: str) -> set[str] | None:
    """What a dataset's source takes; None for one that is not there, or that says itself what it takes."""
    from platometer import plugins

    name = source.partition(":")[0]
    if name.replace("-", "_") not in plugins.names("platometer.datasets"):
        return None
    wanted = inspect.signature(plugins.load("platometer.datasets", name, noun="dataset").load).parameters.values()
    return None if any(one.kind is one.VAR_KEYWORD for one in wanted) else {one.name for one in wanted}


def _check_options(table: DataTable | ModelTable, known: Sequence[str], where: str, what: str) -> None:
    for option in table.options:
        if option not in known:
            raise StudyError(f"{where}: there is no key {option!r} beside {what}. {suggestion(option, known)}")
