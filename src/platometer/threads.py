"""Compiled loops on several threads: each takes a range of rows and runs without the interpreter's lock."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from threading import Lock, local
from typing import TypeVar

import numpy as np
import torch

Item = TypeVar("Item")
Made = TypeVar("Made")
_door, _inside, _before = Lock(), 0, 1  # of `alone`
_steady, _lanes, _own = 0, 1, local()  # of `steady`; `_own.lane` is set in threads of the pool


def spread(kernel: Callable, start: int, stop: int, *args: object, least: int = 64) -> None:
    """Run ``kernel(start, stop, *args)`` in parts, on as many threads as `lanes`.

    Parameters
    ----------
    kernel : a loop that may run on parts of its range at once.
    start, stop : the range.
    args : passed on as they are.
    least : the shortest part worth a thread.
    """
    threads = min(lanes(), max(1, (stop - start) // least))
    if threads == 1:
        kernel(start, stop, *args)
        return
    edges = np.linspace(start, stop, threads + 1).astype(np.int64)
    list(_pool(os.getpid(), threads).map(lambda i: kernel(int(edges[i]), int(edges[i + 1]), *args), range(threads)))


def each(act: Callable[[Item], Made], items: Sequence[Item]) -> list[Made]:
    """What ``act`` makes of each item, in their order: one thread an item, on as many threads as `lanes`.

    Parameters
    ----------
    act : computes with one thread each time, so that its numbers do not depend on how many there are.
    items : as many as are worth holding at once.
    """
    threads = min(lanes(), len(items))
    if threads < 2:
        return [act(item) for item in items]

    def own(item: Item) -> Made:
        torch.set_num_threads(1)  # a thread of the pool has its own number
        _own.lane = True
        return act(item)

    with alone():
        return list(_pool(os.getpid(), threads).map(own, items))


@contextmanager
def alone() -> Iterator[None]:
    """While this lasts, torch computes on one thread: many small products lose more in waiting for threads than they win.

    Where it lasts in several threads of the program at once, the last one to leave puts back what the first one found.
    """
    global _inside, _before
    with _door:
        if _inside == 0:
            _before = torch.get_num_threads()
        _inside += 1
        torch.set_num_threads(1)
    try:
        yield
    finally:
        with _door:
            _inside -= 1
            if _inside == 0:
                torch.set_num_threads(_before)


def lanes() -> int:
    """Threads that may share work here: as many as torch uses, or used when `steady` began; one inside `each`."""
    if getattr(_own, "lane", False):
        return 1
    return _lanes if _steady else torch.get_num_threads()


@contextmanager
def steady() -> Iterator[None]:
    """While this lasts no number depends on how many threads there are.

    A product or a decomposition on several threads adds up in another order than on one. So torch computes each on one
    thread, while `spread` and `each`, whose parts are whole numbers' work, go on sharing them among as many threads as before.
    """
    global _steady, _lanes
    with _door:
        if _steady == 0:
            _lanes = torch.get_num_threads()
        _steady += 1
    try:
        with alone():
            yield
    finally:
        with _door:
            _steady -= 1


@cache
def _pool(process: int, threads: int) -> ThreadPoolExecutor:  # of this process: threads do not survive a fork
    return ThreadPoolExecutor(threads, thread_name_prefix="platometer")
