"""What engines share: what a task asks for, its result, and how a worker process settles down."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Needs:
    """What one task asks for, where the engine hands such things out.

    Attributes
    ----------
    cpus : processors, or a part of one.
    gpus : graphics processors, or a part of one; None for one, if there are any.
    memory : bytes.
    """

    cpus: float = 1
    gpus: float | None = 0
    memory: int = 0


def result(work: Callable, task: object) -> object | Exception:
    """What the work gives, or the error that it raised, to be told beside the other tasks' results.

    Parameters
    ----------
    work, task : as for `platometer.engines.run`.
    """
    try:
        return work(task)
    except Exception as error:
        return error


def settle() -> None:
    """From now on this process uses one thread, so that no number depends on where it is computed."""
    for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[name] = "1"
    import torch

    torch.set_num_threads(1)
