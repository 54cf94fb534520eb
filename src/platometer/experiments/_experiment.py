"""What an experiment is, how one is found, and how its rows, verdict and figure are written."""

from __future__ import annotations

import inspect
import io
import json
import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from platometer import files, plugins
from platometer.cards import fingerprint, versions
from platometer.errors import InputError, MissingDependencyError, SpecError, suggestion

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Track = Callable[[int, int, str], None]
"""Told (steps done, steps in all, what is being done)."""

OUTCOMES = ("held", "not held", "undecided")
_LINES = ("Claim", "Wrong if", "Price", "Last seen")
_OWN = ("quick", "seed", "track")


def silent(done: int, total: int, what: str) -> None:
    """Progress that nobody watches.

    Parameters
    ----------
    done, total, what : ignored.
    """


@dataclass(frozen=True)
class Verdict:
    """What the rows say of the claim.

    Attributes
    ----------
    outcome : ``"held"``, ``"not held"`` or ``"undecided"``.
    words : one or two sentences with the numbers that decided, their intervals, and n.
    numbers : the same numbers by name; finite.
    """

    outcome: str
    words: str
    numbers: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.outcome not in OUTCOMES:
            raise InputError(f"outcome = {self.outcome!r}. {suggestion(self.outcome, OUTCOMES)}")
        for name, value in self.numbers.items():
            if not math.isfinite(value):
                raise InputError(f"The verdict's number {name!r} is {value}; what is not known is left out.")

    def __str__(self) -> str:
        return f"{self.outcome}: {self.words}"


@dataclass(frozen=True)
class Experiment:
    """One claim, and the code that tests it.

    Attributes
    ----------
    name : of its file.
    title : the first line of its docstring.
    claim, wrong_if, price, last_seen : the lines of its docstring.
    options : what `run` takes beside ``quick`` and ``seed``, with the defaults.
    module : with ``run``, ``check`` and ``draw``.
    """

    name: str
    title: str
    claim: str
    wrong_if: str
    price: str
    last_seen: str
    options: Mapping[str, object]
    module: ModuleType = field(repr=False)


@dataclass(frozen=True)
class Outcome:
    """What a run of an experiment left behind.

    Attributes
    ----------
    experiment : which.
    verdict : judged from the rows.
    rows : one per measurement.
    folder : with ``rows.parquet``, ``verdict.json``, ``figure.png`` and ``figure.svg``; and ``figure.html`` where the
        experiment has a ``page``.
    seconds : that the run took.
    """

    experiment: Experiment
    verdict: Verdict
    rows: list[dict] = field(repr=False)
    folder: Path
    seconds: float


def names() -> tuple[str, ...]:
    """Every experiment, from this package and from installed plug-ins."""
    return plugins.names("platometer.experiments")


def load(name: str) -> Experiment:
    """The experiment of this name.

    Parameters
    ----------
    name : of its file; hyphens and underscores are the same.

    Raises
    ------
    UnknownNameError
        There is none; the nearest name is suggested.
    SpecError
        Its docstring lacks one of the lines Claim, Wrong if, Price, Last seen.
    """
    module = plugins.load("platometer.experiments", name, noun="experiment")
    told = inspect.getdoc(module) or ""
    found = {line: _line(told, line) for line in _LINES}
    if missing := [line for line, text in found.items() if not text]:
        raise SpecError(f"The experiment {name!r} does not say {missing[0]!r} in its docstring.")
    options = {p.name: p.default for p in inspect.signature(module.run).parameters.values() if p.name not in _OWN}
    return Experiment(name=name.replace("-", "_"), title=told.split("\n", 1)[0], claim=found["Claim"],
                      wrong_if=found["Wrong if"], price=found["Price"], last_seen=found["Last seen"],
                      options=options, module=module)


def run(
    name: str,
    *,
    quick: bool = False,
    seed: int = 0,
    out: str | Path | None = None,
    options: Mapping[str, object] | None = None,
    track: Track = silent,
    figure: str = "draw",
) -> Outcome:
    """The experiment, done now, with its rows, verdict and figure in a folder.

    Parameters
    ----------
    name : see `names`.
    quick : the same code with smaller numbers, in under a minute; its verdict is no evidence.
    seed : of everything drawn by chance.
    out : the folder; ``runs/experiments/NAME`` if None, with ``-quick`` behind it if quick.
    options : the experiment's own, by name; see `Experiment.options`.
    track : told of progress.
    figure : ``"draw"`` or ``"skip"``.

    Raises
    ------
    UnknownNameError
        No such experiment.
    SpecError
        An option that it does not have.
    MissingDependencyError
        matplotlib is not installed and a figure is wanted; said before anything is run.
    """
    found, options = load(name), dict(options or {})
    for option in options:
        if option not in found.options:
            known = f" {suggestion(option, list(found.options))}" if found.options else " It has none."
            raise SpecError(f"The experiment {found.name!r} has no option {option!r}.{known}")
    if figure not in ("draw", "skip"):
        raise SpecError(f"figure = {figure!r}; expected 'draw' or 'skip'.")
    if figure == "draw":
        _matplotlib()
    folder = Path(out) if out is not None else Path("runs") / "experiments" / (found.name + ("-quick" if quick else ""))
    start = time.perf_counter()
    rows = found.module.run(quick=quick, seed=seed, track=track, **options)
    seconds = time.perf_counter() - start
    verdict = found.module.check(rows)
    asked = {"experiment": found.name, "quick": quick, "seed": seed,
             "options": {key: str(value) for key, value in options.items()}}
    files.write_whole(folder / "rows.parquet", _parquet(rows, asked))
    files.write_json(folder / "verdict.json", asked | {
        "claim": found.claim, "wrong_if": found.wrong_if, **asdict(verdict), "rows": len(rows),
        "rows_fingerprint": fingerprint(json.dumps(rows, sort_keys=True, default=str)), "versions": dict(versions())})
    if figure == "draw":
        _drawn(found.module.draw(rows), folder)
        if hasattr(found.module, "page"):  # a piece of a page that can be turned or played with
            files.write_whole(folder / "figure.html", found.module.page(rows).encode())
    return Outcome(experiment=found, verdict=verdict, rows=rows, folder=folder, seconds=seconds)


def read(folder: str | Path) -> tuple[list[dict], dict]:
    """The rows of a run, and its verdict with what was asked.

    Parameters
    ----------
    folder : that `run` wrote.
    """
    verdict = files.read_json(Path(folder) / "verdict.json")
    return pq.read_table(Path(folder) / "rows.parquet").to_pylist(), dict(verdict)  # type: ignore[call-overload]


def _line(told: str, name: str) -> str:
    """What follows ``NAME:`` up to the next such line or an empty one."""
    match = re.search(rf"^{name}:(.*?)(?=^\s*$|^(?:{'|'.join(_LINES)}):|\Z)", told, re.MULTILINE | re.DOTALL)
    return " ".join(match.group(1).split()) if match else ""


def _parquet(rows: Sequence[Mapping[str, object]], asked: Mapping[str, object]) -> bytes:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    table = pa.Table.from_pylist([{name: row.get(name) for name in columns} for row in rows])
    table = table.replace_schema_metadata({"platometer": json.dumps({**asked, "versions": dict(versions())}, sort_keys=True)})
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def _matplotlib() -> None:
    try:
        import matplotlib
    except ImportError:
        raise MissingDependencyError("The figure of an experiment needs matplotlib: pip install 'platometer[report]'; "
                                     "or ask for none (--no-figure, figure='skip').") from None
    matplotlib.rcParams["svg.hashsalt"] = "platometer"  # equal rows, equal files


def _drawn(figure: Figure, folder: Path) -> None:
    for ending in ("png", "svg"):
        buffer = io.BytesIO()
        about = {"Date": None} if ending == "svg" else {"Software": None}
        figure.savefig(buffer, format=ending, metadata=about, bbox_inches="tight", dpi=160)
        files.write_whole(folder / f"figure.{ending}", buffer.getvalue())
    figure.clear()
