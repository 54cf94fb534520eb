"""Engines: where a study's work is done. One file each, ``run(work, tasks, *, workers, needs, address)``.

An engine yields ``(position of the task, result or the error that was raised)`` as tasks finish, in any order. It knows nothing
of what the work is; results do not depend on the engine, the number of workers, or the order. It remembers nothing either:
what is done is told by the files that the work leaves, so that whoever died, running again is resuming.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager

from platometer import plugins
from platometer.engines._tasks import Needs

__all__ = ["Needs", "held", "names", "run"]


def names() -> tuple[str, ...]:
    """Every engine there is."""
    return plugins.names("platometer.engines")


def run(
    engine: str, work: Callable, tasks: Sequence, *, workers: int | None = None, needs: Needs | None = None, address: str = ""
) -> Iterator[tuple[int, object | Exception]]:
    """Results of ``work(task)`` for every task, as they come.

    Parameters
    ----------
    engine : one of `names`.
    work : a function that can be sent to another process.
    tasks : what to work on.
    workers : processes at once; what the engine thinks fit if None.
    needs : of one task; a processor if None.
    address : of a cluster; empty for this machine.

    Raises
    ------
    UnknownNameError
        There is no such engine.
    MissingDependencyError
        Its library is not installed.
    """
    where = plugins.load("platometer.engines", engine, noun="engine")
    return where.run(work, tasks, workers=workers, needs=needs or Needs(), address=address)


def held(engine: str, *, workers: int | None = None, address: str = "") -> AbstractContextManager[None]:
    """While this lasts, the engine stays ready for one run after another: a cluster is joined or started once.

    Parameters
    ----------
    engine, workers, address : as for `run`, whose errors this raises.
    """
    return plugins.load("platometer.engines", engine, noun="engine").held(workers=workers, address=address)
