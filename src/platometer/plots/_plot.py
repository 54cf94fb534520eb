"""Finding a plot by name, drawing it from a run, and writing it so that equal figures are equal bytes.

A plot is a file with ``draw(..., *, theme="light", width="column") -> Figure`` and ``gather(run) -> dict``, what `draw` takes
of a run. What it reads of a run's ``against``, ``column`` and ``side`` it names in ``ASKS``.
"""

from __future__ import annotations

import io
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from platometer import files, plugins
from platometer.errors import InputError, suggestion
from platometer.plots._run import Run
from platometer.plots._style import literal

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ABOUT: dict[str, dict[str, None]] = {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {"Software": None}}


def names() -> tuple[str, ...]:
    """Every plot, from this package and from installed plug-ins."""
    return plugins.names("platometer.plots")


def load(name: str) -> ModuleType:
    """The module of one plot, with its ``draw``.

    Parameters
    ----------
    name : of its file; hyphens and underscores are the same.

    Raises
    ------
    UnknownNameError
        There is none; the nearest name is suggested.
    """
    return plugins.load("platometer.plots", name, noun="plot")


def of_run(
    name: str, run: str | Path, *, metric: str = "", left: str = "", right: str = "", against: str = "", column: str = "",
    side: str = "", theme: str = "light", width: str = "column",
) -> Figure:
    """The figure of this name, drawn from a run folder.

    Parameters
    ----------
    name : see `names`.
    run : folder that a study wrote.
    metric : spec or name; that of the first row if empty.
    left, right : models, for plots that show one pair; the strongest pair if empty.
    against, column, side : for plots that show capability: what, as in ``platometer trend --against``, parameters if empty;
        of a table, which column; and whose.
    theme : ``"light"`` or ``"dark"``.
    width : ``"column"`` (3.4 inches) or ``"double"`` (7).

    Raises
    ------
    UnknownNameError
        No such plot, metric or model.
    UndefinedError
        The run's rows do not have what the plot shows.
    InputError
        The plot shows no capability, and one was asked for.
    MissingDependencyError
        matplotlib is not installed.
    """
    plot = load(name)
    asked = {"against": against, "column": column, "side": side}
    for option, value in asked.items():
        if value and option not in getattr(plot, "ASKS", ()):
            raise InputError(f"{option} = {value!r}, of which the plot {name!r} shows nothing. Was 'capability' meant?")
    found = Run.read(run, metric=metric, left=left, right=right, **asked)
    return plot.draw(**plot.gather(found), theme=theme, width=width)


def write(path: str | Path, figure: Figure) -> Path:
    """The path of a file that shows the figure; equal figures give equal bytes.

    Parameters
    ----------
    path : ending in .pdf, .svg or .png; written whole or not at all.
    figure : from a plot.

    Raises
    ------
    InputError
        Another ending.
    DiskError
        The place cannot be written.
    """
    import matplotlib

    ending = Path(path).suffix.lower().removeprefix(".")
    if ending not in _ABOUT:
        raise InputError(f"{Path(path).name!r} is no PDF, SVG or PNG. {suggestion(ending, _ABOUT)}")
    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "platometer", "svg.fonttype": "path", "pdf.fonttype": 42,
                                "text.parse_math": False}):
        literal(figure)
        figure.savefig(buffer, format=ending, metadata=_ABOUT[ending], dpi=300)
    return files.write_whole(path, buffer.getvalue())
