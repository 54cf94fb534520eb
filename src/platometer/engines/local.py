"""This machine: in this process, or in worker processes that each use one thread."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.process import BaseProcess

from platometer.engines._tasks import Needs, result, settle
from platometer.errors import InputError, StudyError

_work: Callable  # of a worker process
_ATTEMPTS = 3  # pools that may die, each of half the workers of the one before


def run(
    work: Callable, tasks: Sequence, *, workers: int | None = None, needs: Needs | None = None, address: str = ""
) -> Iterator[tuple[int, object | Exception]]:
    """Results of ``work(task)``, in order for one worker and as they come for several.

    Parameters
    ----------
    work : called once per task; an error that it raises is the task's result. Again for tasks whose worker process died.
    tasks : what to work on.
    workers : 1 (or None) for this process, more for worker processes.
    needs : what this machine has is shared by all.
    address : none; this engine is of one machine.

    Raises
    ------
    InputError
        An address.
    """
    _check(address)
    return _run(work, tasks, workers or 1)


@contextmanager
def held(*, workers: int | None = None, address: str = "") -> Iterator[None]:
    """Nothing to hold; see `platometer.engines.held`.

    Parameters
    ----------
    workers, address : as for `run`.
    """
    _check(address)
    yield


def _check(address: str) -> None:
    if address:
        raise InputError(f"address = {address!r}: the engine 'local' is of this machine. Did you mean the engine 'ray'?")


def _run(work: Callable, tasks: Sequence, workers: int) -> Iterator[tuple[int, object | Exception]]:
    if workers <= 1 or len(tasks) <= 1:
        for i, task in enumerate(tasks):
            yield i, result(work, task)
        return
    open_ = set(range(len(tasks)))
    for attempt in range(_ATTEMPTS):
        for i, found in _pooled(work, {i: tasks[i] for i in sorted(open_)}, max(1, workers >> attempt)):
            open_.discard(i)
            yield i, found
        if not open_:
            return
    for i in sorted(open_):
        yield i, StudyError(f"worker processes died {_ATTEMPTS} times, likely for want of memory. Use fewer workers; in a "
                            "script of your own, keep the call under: if __name__ == '__main__'.")


def _pooled(work: Callable, tasks: dict[int, object], workers: int) -> Iterator[tuple[int, object | Exception]]:
    """Results as they come; none for tasks that were open when a worker died."""
    context = multiprocessing.get_context("spawn")  # fork and threads of torch do not go together
    with ProcessPoolExecutor(min(workers, len(tasks)), mp_context=context, initializer=_settle, initargs=(work,)) as pool:
        places = {pool.submit(_worked, task): i for i, task in tasks.items()}
        try:
            for done in as_completed(places):
                error = done.exception()
                if not isinstance(error, BrokenProcessPool):
                    yield places[done], done.result() if error is None else error  # type: ignore[misc]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _worked(task: object) -> object | Exception:
    return result(_work, task)


def _settle(work: Callable) -> None:
    """A worker is told its work once, uses one thread, goes quietly when interrupted, and leaves with its parent, however that
    went."""
    global _work
    _work = work
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()
    settle()


def _leave_with(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)
