"""This machine: in this process, or in worker processes that each use one thread."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed

from platometer.errors import PlatometerError


def run(work: Callable, tasks: Sequence, *, workers: int = 1) -> Iterator[tuple[int, object | PlatometerError]]:
    """Results of ``work(task)``, in order for one worker and as they come for several.

    Parameters
    ----------
    work : called once per task; a `PlatometerError` it raises is the task's result, any other error ends the run.
    tasks : what to work on.
    workers : 1 for this process, more for worker processes.
    """
    if workers <= 1 or len(tasks) <= 1:
        for i, task in enumerate(tasks):
            yield i, _result(work, task)
        return
    context = multiprocessing.get_context("spawn")  # fork and threads of torch do not go together
    with ProcessPoolExecutor(min(workers, len(tasks)), mp_context=context, initializer=_one_thread) as pool:
        places = {pool.submit(_result, work, task): i for i, task in enumerate(tasks)}
        try:
            for done in as_completed(places):
                yield places[done], done.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _result(work: Callable, task: object) -> object | PlatometerError:
    try:
        return work(task)
    except PlatometerError as error:
        return error


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)
