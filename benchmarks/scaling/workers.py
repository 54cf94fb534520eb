"""Weak and strong scaling of a study's cells over workers, by both engines.

    python -m benchmarks.scaling.workers [--n 1500] [--cells 8] [--workers 1 2 4] [--engines local ray] [--out scaling.json]

Strong: the same cells for any number of workers. Weak: as many cells as workers, times a constant. Cells are pairs of random
features of 6 layers of width 256 under ``cka`` with 200 draws: arithmetic, with nothing to load. Each worker computes on one
thread, so that a machine of two cores can show what 1 and 2 workers do, and that 4 do not harm; it can show nothing of more.
``start`` is what the engine takes for as many empty tasks as workers, and is in ``seconds``; ``efficiency`` leaves it out.
``core`` is the processor time of the cells themselves, told by the workers: what it grows by with their number is what they
cost each other, whoever else uses the machine. Runs take turns, and the smallest of ``--repeats`` counts. On a busy machine the
clock says little: the load is told, and must be below ``--quiet``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import torch

from platometer import engines, store
from platometer.features import Features
from platometer.study import Cell
from platometer.study._cells import Setting, answer, desk


def features(folder: Path, n: int, count: int) -> list[str]:
    """Keys of random features in a run folder.

    Parameters
    ----------
    folder : the run folder.
    n : samples.
    count : how many.
    """
    for i in range(count):
        generator = torch.Generator().manual_seed(i)
        layers = {f"l{j}": torch.randn(n, 256, generator=generator) for j in range(6)}
        store.write(folder / "features", f"f{i}", Features.of(layers, name=f"f{i}"))
    return [f"f{i}" for i in range(count)]


def cells(keys: list[str], count: int) -> list[Cell]:
    """So many pairs, each under a seed of its own.

    Parameters
    ----------
    keys : of features.
    count : of cells.
    """
    pairs = [(a, b) for i, a in enumerate(keys) for b in keys[i + 1 :]]
    return [Cell(*pairs[i % len(pairs)], metric="cka", conditioning="unit", draws=200, seed=i, alpha=0.05, summary="max",
                 undefined="error") for i in range(count)]


def processed(setting: Setting, cell: Cell) -> float:
    """Seconds of a processor that the answer of a cell took.

    Parameters
    ----------
    setting, cell : as for a desk.
    """
    began = time.process_time()
    answer(setting, cell)
    return time.process_time() - began


def timed(engine: str, workers: int, n: int, count: int) -> tuple[float, float, float]:
    """Seconds of so many cells, of the start alone, and of processors in the cells.

    Parameters
    ----------
    engine, workers : as for `platometer.engines.run`.
    n : samples.
    count : of cells.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        asked = cells(features(folder, n, 5), count)
        setting = Setting(str(folder), desks=workers)
        with engines.held(engine, workers=workers):
            began = time.perf_counter()
            list(engines.run(engine, abs, list(range(workers)), workers=workers))
            start = time.perf_counter() - began
            began = time.perf_counter()
            found = [out for _, out in engines.run(engine, partial(processed, setting), asked, workers=workers)]
            seconds = time.perf_counter() - began
        desk.cache_clear()
    failed = [out for out in found if isinstance(out, Exception)]
    if failed:
        raise failed[0]
    return seconds, start, sum(found)  # type: ignore[arg-type]


def _told(value: float | None, width: int) -> str:
    return f"{'-' if value is None else format(value, '.2f'):>{width}}"


def main() -> None:
    """Measure and print; see the top of the file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int, default=1500)
    parser.add_argument("--cells", type=int, default=8, help="of one worker")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--engines", nargs="+", default=["local", "ray"])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quiet", type=float, default=3.0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    load = os.getloadavg()[0]
    if load >= options.quiet:
        sys.exit(f"load {load:.1f}: too busy to measure anything (--quiet {options.quiet:g}).")
    runs: dict[tuple, list[tuple[float, float, float]]] = {}
    for _ in range(options.repeats):
        for engine in options.engines:
            for workers in options.workers:
                for kind, count in (("strong", options.cells * max(options.workers)), ("weak", options.cells * workers)):
                    one_run = timed(engine, workers, options.n, count)
                    runs.setdefault((engine, kind, workers, count), []).append(one_run)
                    print(engine, kind, workers, count, *(f"{value:.1f}" for value in one_run), file=sys.stderr, flush=True)
    rows = []
    for (engine, kind, workers, count), found in runs.items():
        seconds, start, _ = min(found)
        rows.append({"engine": engine, "kind": kind, "workers": workers, "cells": count, "seconds": seconds, "start": start,
                     "core": min(core for _, _, core in found)})
    for row in rows:
        one = next(r for r in rows if (r["engine"], r["kind"]) == (row["engine"], row["kind"]))  # of the fewest workers
        speed, base = (None if r["start"] >= r["seconds"] / 2 else r["cells"] / (r["seconds"] - r["start"]) for r in (row, one))
        told = speed is not None and base is not None  # else the clock told of the start, or of other programs
        row |= {"speedup": speed / base if told else None,  # type: ignore[operator]
                "efficiency": speed / base * one["workers"] / row["workers"] if told else None}  # type: ignore[operator]
    print(f"{os.cpu_count()} cores, load {load:.1f} at the start, n = {options.n}")
    print(f"{'engine':8}{'kind':8}{'workers':>8}{'cells':>7}{'seconds':>9}{'start':>7}{'speedup':>9}{'efficiency':>12}{'core':>7}")
    for r in rows:
        print(f"{r['engine']:8}{r['kind']:8}{r['workers']:8}{r['cells']:7}{r['seconds']:9.1f}{r['start']:7.1f}"
              f"{_told(r['speedup'], 9)}{_told(r['efficiency'], 12)}{r['core']:7.1f}")
    if options.out:
        options.out.write_text(json.dumps({"cores": os.cpu_count(), "load": load, "n": options.n, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
