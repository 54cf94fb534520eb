"""A cluster, or this machine, by ray: workers that ask for processors, graphics processors and memory.

A worker is an actor: a process that takes one task after another, so that what the work keeps (a loaded model, prepared
layers) serves all of them. There are as many as the cluster has room for, more when nodes come, fewer when they go. A task
whose worker died is given to another one; nothing else is retried, since what was done is told by the files it left.
"""

from __future__ import annotations

import math
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from platometer.engines._tasks import Needs, result, settle
from platometer.errors import StudyError, missing

ATTEMPTS = 5
"""Workers that may die over one task before it is given up."""

WAIT = 2.0
"""Seconds between looks at what the cluster has room for."""

PATIENCE = 300.0
"""Seconds that a cluster is given until it has a node that can hold a worker: nodes may be on their way."""

_STORE = 200 * 2**20  # bytes; results are small files, and what is sent is small too


def run(
    work: Callable, tasks: Sequence, *, workers: int | None = None, needs: Needs | None = None, address: str = ""
) -> Iterator[tuple[int, object | Exception]]:
    """Results of ``work(task)`` as they come.

    Parameters
    ----------
    work : sent to every worker once; an error that it raises is the task's result.
    tasks : what to work on, begun in order.
    workers : at most so many at once; as many as there is room for if None.
    needs : of each worker.
    address : ``"auto"`` or HOST:PORT of a running cluster; empty for this machine, or the cluster that ``RAY_ADDRESS`` names.

    Raises
    ------
    MissingDependencyError
        ray is not installed.
    StudyError
        There is no cluster at the address, or no node that has what a task asks for.
    """
    ray = _library()
    if not tasks:
        return iter(())
    needs = needs or Needs()
    started = _joined(ray, address, None if workers is None else math.ceil(workers * needs.cpus))
    try:
        needs = _checked(ray, needs, PATIENCE if address or os.environ.get("RAY_ADDRESS") else 0)
    except StudyError:
        if started:
            ray.shutdown()
        raise
    return _run(ray, work, tasks, workers or len(tasks), needs, started)


@contextmanager
def held(*, workers: int | None = None, address: str = "") -> Iterator[None]:
    """The cluster is joined, or one of this machine started, until this ends; see `platometer.engines.held`.

    Parameters
    ----------
    workers, address : as for `run`.
    """
    ray = _library()
    started = _joined(ray, address, workers)
    try:
        yield
    finally:
        if started:
            ray.shutdown()


def _run(
    ray: Any, work: Callable, tasks: Sequence, most: int, needs: Needs, started: bool
) -> Iterator[tuple[int, object | Exception]]:
    crew = _Crew(ray, work, needs, most)
    waiting, deaths = deque(range(len(tasks))), [0] * len(tasks)
    busy: dict[Any, tuple[int, Any]] = {}
    try:
        while waiting or busy:
            for worker in crew.free(len(waiting)):
                i = waiting.popleft()
                busy[worker.do.remote(tasks[i])] = (i, worker)
            done = ray.wait(list(busy), timeout=WAIT)[0] if busy else []
            for reference in done:
                i, worker = busy.pop(reference)
                try:
                    found = ray.get(reference)
                except ray.exceptions.RayTaskError as error:  # what the work raised is its result; this could not be sent
                    found = StudyError(f"a worker could not tell its result: {error.cause or error}")
                except ray.exceptions.RayError as error:  # it died, or its node did
                    crew.lose(worker)
                    deaths[i] += 1
                    if deaths[i] < ATTEMPTS and "creation task" not in str(error):
                        waiting.appendleft(i)
                    else:
                        yield i, StudyError(_died(error))
                    continue
                crew.back(worker)
                yield i, found
    finally:
        crew.dismiss()
        if started:
            ray.shutdown()


def _died(error: Exception) -> str:
    last = " ".join(str(error).split())[:600]
    if "creation task" in last:
        return f"a worker could not begin. Is platometer installed on all machines, in one version? {last}"
    return (f"{ATTEMPTS} workers died over this one task, likely for want of memory: ask for more with memory = \"...\" under "
            f"[compute] or beside the model. The last one: {last}")


class _Crew:
    """The workers: hired while there is room, dropped when they die.

    Parameters
    ----------
    ray : the library.
    work : what all of them do.
    needs : of each.
    most : at once.
    """

    def __init__(self, ray: Any, work: Callable, needs: Needs, most: int):
        self._ray, self._needs, self._most = ray, needs, most
        self._work = ray.put(work)
        # no restarts: a new worker is hired where there is room, and it is known which task the old one was at
        self._kind = ray.remote(num_cpus=needs.cpus, num_gpus=needs.gpus, memory=needs.memory or None, max_restarts=0,
                                scheduling_strategy="SPREAD")(_Worker)
        self._idle: list[Any] = []
        self._busy: list[Any] = []
        self._counted, self._seen = 0, -math.inf

    def free(self, wanted: int) -> list[Any]:
        """Workers for so many tasks, or as many as there are; they count as busy now.

        Parameters
        ----------
        wanted : tasks.
        """
        room = min(self._most, self._room()) - len(self._busy) - len(self._idle)
        if not self._busy and not self._idle:
            room = max(room, 1)  # a cluster that grows by itself grows when it is asked
        while len(self._idle) < wanted and room > 0:
            self._idle.append(self._kind.remote(self._work, os.getcwd()))
            room -= 1
        taken, self._idle = self._idle[:wanted], self._idle[wanted:]
        self._busy += taken
        return taken

    def back(self, worker: Any) -> None:
        """A worker has done its task."""
        if worker in self._busy:
            self._busy.remove(worker)
            self._idle.append(worker)

    def lose(self, worker: Any) -> None:
        """A worker is dead; those that were idle may have gone with it, and are not trusted with its task."""
        self._busy.remove(worker)
        for one in (worker, *self._idle):
            self._ray.kill(one)
        self._idle.clear()
        self._seen = -math.inf

    def dismiss(self) -> None:
        """Nobody is needed any more; what they keep in memory goes with them."""
        if self._ray.is_initialized():
            for worker in (*self._idle, *self._busy):
                self._ray.kill(worker)

    def _room(self) -> int:
        """How many workers the cluster can hold, whoever else uses it: those that find no room wait for it."""
        if time.monotonic() - self._seen > WAIT:
            self._counted = sum(_held(node["Resources"], self._needs) for node in self._ray.nodes() if node["Alive"])
            self._seen = time.monotonic()
        return self._counted


class _Worker:
    """Does one task after another.

    Parameters
    ----------
    work : what to do.
    folder : the driver's; paths of a study may start from it.
    """

    def __init__(self, work: Callable, folder: str):
        settle()
        if os.path.isdir(folder):
            os.chdir(folder)
        self._work = work

    def do(self, task: object) -> object | Exception:
        return result(self._work, task)


def _library() -> Any:
    try:
        import ray
    except ImportError:
        raise missing("ray", "ray", wanted_for="The engine 'ray'") from None
    return ray


def _joined(ray: Any, address: str, cpus: int | None) -> bool:
    """Join the cluster, or start one of this machine alone; whether it must be shut down afterwards."""
    if ray.is_initialized():
        return False
    address = address or os.environ.get("RAY_ADDRESS", "")
    alone: dict[str, object] = {"num_cpus": cpus, "object_store_memory": _STORE, "include_dashboard": False}
    try:
        ray.init(address=address or "local", log_to_driver=False, logging_level="ERROR", **({} if address else alone))
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        first = next(iter(str(error).splitlines()), type(error).__name__)
        raise StudyError(f"ray finds no cluster at {address or 'this machine'!r}: {first} Start one with 'ray start --head' "
                         "and name its HOST:PORT, or 'auto' on one of its nodes.") from error
    return True


def _checked(ray: Any, needs: Needs, patience: float) -> Needs:
    """What a worker asks for, in numbers, and of which some node has enough."""
    end = time.monotonic() + patience
    while True:
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        gpus = needs.gpus if needs.gpus is not None else float(any(node.get("GPU", 0) >= 1 for node in nodes))
        if any(_held(node, replace(needs, gpus=gpus)) for node in nodes):
            return replace(needs, gpus=gpus)
        if time.monotonic() >= end:
            break
        time.sleep(WAIT)
    largest = "; ".join(sorted({_told(node) for node in nodes}))
    asked = _told({"CPU": needs.cpus, "GPU": gpus, "memory": needs.memory})
    raise StudyError(f"A worker asks for {asked} of one node, and no node has as much. There are nodes of {largest}. Ask for "
                     "less under [compute] or beside the model.")


def _told(node: dict) -> str:
    return f"{node.get('CPU', 0):g} CPU, {node.get('GPU', 0):g} GPU, {node.get('memory', 0) / 2**30:.3g} GiB"


def _held(node: dict, needs: Needs) -> int:
    """How many workers a node can hold."""
    asked = {"CPU": needs.cpus, "GPU": needs.gpus, "memory": needs.memory}
    return min((int(node.get(name, 0) / amount + 1e-9) for name, amount in asked.items() if amount), default=1)
