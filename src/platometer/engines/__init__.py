"""Engines: where a study's cells are answered. One file each, ``run(work, tasks, *, workers)``.

An engine yields ``(position of the task, result or the error that was raised)`` as tasks finish, in any order. It knows nothing
of what the work is; results do not depend on the engine, the number of workers, or the order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from platometer import plugins

__all__ = ["names", "run"]


def names() -> tuple[str, ...]:
    """Every engine there is."""
    return plugins.names("platometer.engines")


def run(
    engine: str, work: Callable, tasks: Sequence, *, workers: int = 1
) -> Iterator[tuple[int, object | Exception]]:
    """Results of ``work(task)`` for every task, as they come.

    Parameters
    ----------
    engine : one of `names`.
    work : a function that can be sent to another process.
    tasks : what to work on.
    workers : processes at once.

    Raises
    ------
    UnknownNameError
        There is no such engine.
    """
    return plugins.load("platometer.engines", engine, noun="engine").run(work, tasks, workers=workers)
