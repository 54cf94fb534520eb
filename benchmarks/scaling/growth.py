"""How time grows with samples, width, layers and models, and memory with samples, with fitted exponents.

    python -m benchmarks.scaling.growth [--most 1000000] [--repeats 3] [--only time memory] [--out growth.json]

Time is that of this process's processor on one thread, the smallest of ``--repeats``: it does not depend on who else uses the
machine, but for what shares its caches. Data are normal. The exponent is the slope of log time over log size, by least squares
over the larger half of the sizes, where constants weigh less.

Memory is that of streaming debiased CKA, and of exact neighbours of 1,024 queries in a gallery, both of float16 features that
lie on disk in shards: what the process holds at its peak above what it held before, of its own and of pages of mapped files.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch

from platometer import alignment, blocks, knn, store
from platometer.features import Features
from platometer.streaming import streaming_cka
from platometer.study import Cell
from platometer.study._cells import Desk, Setting

METRICS = ("mutual_knn(k=10)", "cka(estimator=debiased)")


def normal(n: int, d: int, layers: int, seed: int) -> Features:
    """Layers of normal numbers.

    Parameters
    ----------
    n, d, layers, seed : of them.
    """
    generator = torch.Generator().manual_seed(seed)
    return Features.of({str(i): torch.randn(n, d, generator=generator) for i in range(layers)}, name=f"m{seed}")


def processed(act: Callable[[], object], repeats: int) -> float:
    """Seconds of the processor, the least of so many.

    Parameters
    ----------
    act : what is timed.
    repeats : how often.
    """
    found = []
    for _ in range(repeats):
        gc.collect()
        began = time.process_time()
        act()
        found.append(time.process_time() - began)
    return min(found)


def exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """Slope of log seconds over log size over the larger half.

    Parameters
    ----------
    sizes, seconds : as many of each.
    """
    half = max(2, (len(sizes) + 1) // 2)
    x, y = ([math.log(value) for value in values[-half:]] for values in (sizes, seconds))
    mean = sum(x) / half, sum(y) / half
    return sum((a - mean[0]) * (b - mean[1]) for a, b in zip(x, y, strict=True)) / sum((a - mean[0]) ** 2 for a in x)


def grid(metric: str, n: int, d: int, layers: int) -> Callable[[], object]:
    """A pair of models, prepared and compared, without a null.

    Parameters
    ----------
    metric, n, d, layers : of it.
    """
    left, right = (normal(n, d, layers, seed) for seed in (0, 1))
    return lambda: alignment.align(left, right, metric, draws=0)


def study(metric: str, models: int) -> Callable[[], object]:
    """All pairs of so many models, answered by one desk, with 100 draws.

    Parameters
    ----------
    metric : of the cells.
    models : how many; 400 samples, 2 layers of width 64.
    """
    def act() -> None:
        with tempfile.TemporaryDirectory() as folder:
            for i in range(models):
                store.write(Path(folder) / "features", f"f{i}", normal(400, 64, 2, i))
            desk = Desk(Setting(folder))
            for i in range(models):
                for j in range(i + 1, models):
                    desk.answer(Cell(f"f{i}", f"f{j}", metric=metric, conditioning="unit", draws=100, seed=0, alpha=0.05,
                                     summary="max", undefined="error"))

    return act


def times(repeats: int) -> list[dict]:
    """Rows of time against each of n, d, layers and models.

    Parameters
    ----------
    repeats : see `processed`.
    """
    out = []
    made: Callable[[str, int], Callable[[], object]]
    for metric in METRICS:
        for what, sizes, made in (
            ("n", (1000, 2000, 4000, 8000, 16000), lambda m, v: grid(m, v, 256, 1)),
            ("d", (128, 256, 512, 1024, 2048), lambda m, v: grid(m, 3000, v, 1)),
            ("layers", (2, 4, 8, 16), lambda m, v: grid(m, 1000, 128, v)),
            ("models", (3, 6, 12, 24), study),
        ):
            made(metric, sizes[0])()  # what is compiled once is not in it; large searches go another way
            made(metric, sizes[-1])() if what == "n" else None
            found = [processed(made(metric, size), repeats) for size in sizes]
            out.append({"metric": metric, "against": what, "sizes": list(sizes), "core_seconds": found,
                        "exponent": exponent(sizes, found)})
            told = "".join(f"{size:>8}: {seconds:<8.3g}" for size, seconds in zip(sizes, found, strict=True))
            print(f"{metric:26}{what:8}{told}exponent {out[-1]['exponent']:.2f}", flush=True)
    return out


def written(root: Path, name: str, n: int, d: int) -> Features:
    """Normal float16 features on disk, made a shard at a time.

    Parameters
    ----------
    root : folder of features.
    name : their key.
    n, d : of the one layer.
    """
    entries, generator = [], torch.Generator().manual_seed(len(name))
    for start in range(0, n, store.ROWS):
        block = torch.randn(min(store.ROWS, n - start), d, generator=generator).to(torch.float16)
        entries.append(store.write_shard(root / name, start, {"last": block}))
    card = Features.of({"last": torch.zeros(1, d)}, name=name).model
    store.write_manifest(root / name, name, Features({"last": lambda: torch.empty(0, d)}, n=n, model=card), entries)
    return store.open(root, name)


def peaks(act: Callable[[], object]) -> tuple[float, float, float]:
    """Bytes of its own and of mapped files at their peaks, above what was there before, and seconds of the processor.

    Parameters
    ----------
    act : what is measured, in this process; looked at every few milliseconds.
    """
    from threading import Event, Thread

    gc.collect()
    before, top, ended = _held(), [0, 0], Event()

    def look() -> None:
        while not ended.wait(0.005):
            top[:] = map(max, top, _held())

    watcher = Thread(target=look)
    watcher.start()
    began = time.process_time()
    act()
    seconds = time.process_time() - began
    ended.set()
    watcher.join()
    return max(0, top[0] - before[0]), max(0, top[1] - before[1]), seconds


def _held() -> tuple[int, int]:
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("Rss"))
    return tuple(int(lines[name].split()[0]) * 1024 for name in ("RssAnon", "RssFile"))  # type: ignore[return-value]


def memory(most: int, d: int = 256) -> list[dict]:
    """Rows of memory against n.

    Parameters
    ----------
    most : the largest n.
    d : width of the layer.
    """
    out: list[dict] = []
    sizes = [most >> shift for shift in (5, 3, 2, 1, 0)]
    few = torch.randn(1024, d, generator=torch.Generator().manual_seed(0))
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for n in sizes:
            left, right = (written(root, f"{side}{n}", n, d) for side in ("l", "rr"))
            gallery, starts = blocks.readers(left)
            search = knn.Search([lambda: few], gallery, starts, 10)
            if n == sizes[0]:
                streaming_cka(left, right)
                search((0, 0, 1))
            for what, sides, act in (("streaming cka", 2, partial(streaming_cka, left, right)),
                                     ("neighbours in the gallery", 1, partial(search, (0, 0, len(gallery))))):
                own, mapped, seconds = peaks(act)
                out.append({"what": what, "n": n, "d": d, "features_bytes": n * d * 2 * sides, "own": own, "mapped": mapped,
                            "core_seconds": seconds})
                print(f"{what:28}n = {n:>9,}: {own / 1e6:7.1f} MB own, {mapped / 1e6:6.1f} MB mapped, of "
                      f"{out[-1]['features_bytes'] / 1e6:8.1f} MB of features; {seconds:.1f} core-seconds", flush=True)
            for side in ("l", "rr"):
                store.remove(root, f"{side}{n}")
    return out


def main() -> None:
    """Measure and print; see the top of the file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--most", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=["time", "memory"], default=["time", "memory"])
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    load = os.getloadavg()[0]
    found = {"cores": os.cpu_count(), "load": load, "torch": torch.__version__}
    if "time" in options.only:
        found["time"] = times(options.repeats)
    if "memory" in options.only:
        found["memory"] = memory(options.most)
    print(f"{os.cpu_count()} cores, load {load:.1f} at the start, {os.getloadavg()[0]:.1f} at the end; one thread")
    if options.out:
        options.out.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
