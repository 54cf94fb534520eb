"""One contender, once: a fresh process that makes its features, warms up, measures, and prints one line of JSON.

What is compiled once and cached (numba), first calls of a library, and imports are not in the time: every contender is
called on small features first, and what is short is called up to three times. Memory is the peak of the process during
the call less what it held before, which is the features; the peak is reset through ``/proc/self/clear_refs`` and the
allocator is asked to give back what it keeps.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_SHORT = 6.0  # seconds: rounds begin until then


@dataclass(frozen=True)
class Part:
    """Something to be timed.

    Attributes
    ----------
    call : is timed.
    answer : from what the call returned, numbers that other contenders should agree with; not timed.
    scale : what the time is multiplied with, where the call stands for more of the same.
    note : says so.
    """

    call: Callable[[], Any]
    answer: Callable[[Any], list[float]] | None = None
    scale: float = 1.0
    note: str = ""


def main(arguments: list[str]) -> None:
    """Measure the contender named on the command line.

    Parameters
    ----------
    arguments : one JSON object with setup (``module:function`` of this folder), size, and threads.
    """
    asked = json.loads(arguments[0])
    threads = _threads(asked["threads"])
    module, _, function = asked["setup"].partition(":")
    made = getattr(importlib.import_module(f"benchmarks.speed.{module}"), function)(asked["size"])
    parts = _rounds(made)
    print(json.dumps({"parts": parts, "threads": threads}))


def machine(size: dict) -> dict[str, Part]:
    """Which kernels the products run on, and versions.

    Parameters
    ----------
    size : nothing is taken from it.
    """
    return {"machine": Part(lambda: None, lambda _: _libraries())}


def _libraries() -> list:
    import numpy as np
    import torch
    from threadpoolctl import threadpool_info

    np.ones((8, 8), np.float32) @ np.ones((8, 8), np.float32)
    told = ("internal_api", "version", "architecture", "num_threads")
    pools = [{key: pool.get(key) for key in told} for pool in threadpool_info()]
    return [{"torch": torch.__version__, "numpy": np.__version__, "mkl": torch.backends.mkl.is_available(),
             "cpu_capability": torch.backends.cpu.get_cpu_capability(), "pools": pools}]


def _threads(count: int) -> int:
    import torch

    torch.set_num_threads(count)
    return torch.get_num_threads()


def _rounds(made: dict[str, Part]) -> dict[str, dict]:
    """Every part once, and what is short up to three times in turn: the least time and the most memory of each."""
    start = time.perf_counter()
    found = {name: _measured(part) for name, part in made.items()}
    for _ in range(2):
        if time.perf_counter() - start > _SHORT:
            break
        for name, part in made.items():
            again = _measured(part)
            for clock in ("wall", "cpu", "took"):
                found[name][clock] = min(found[name][clock], again[clock])
            if again["memory"] is not None:
                found[name]["memory"] = max(found[name]["memory"], again["memory"])
    return found


def _measured(part: Part) -> dict:
    gc.collect()
    _give_back()
    before = _memory("VmRSS")
    _reset_peak()
    wall, cpu = time.perf_counter(), time.process_time()
    result = part.call()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = _memory("VmHWM")
    return {
        "wall": wall * part.scale, "cpu": cpu * part.scale, "took": wall, "scale": part.scale, "note": part.note,
        "memory": None if peak is None or before is None else max(0, peak - before),
        "answer": None if part.answer is None else part.answer(result),
    }


def _memory(key: str) -> int | None:
    """Bytes, from the kernel's table of this process; None where there is no such table."""
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            return next(1024 * int(line.split()[1]) for line in file if line.startswith(key + ":"))
    except (OSError, StopIteration):
        return None


def _reset_peak() -> None:
    if os.path.exists("/proc/self/clear_refs"):
        with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
            file.write("5")


def _give_back() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)


if __name__ == "__main__":
    main(sys.argv[1:])
