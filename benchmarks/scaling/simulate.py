"""A study of 15 million samples and 100 models on 64 graphics processors, simulated from unit costs.

    python -m benchmarks.scaling.simulate [--gpus 8 64] [--layers 1 24] [--set mfu=0.4 ...] [--measure] [--out FILE]

Every unit cost is an input (`Costs`), printed with its source, and may be set. With ``--measure`` those that this machine can
tell are measured on it, one thread or its graphics processor being a worker, and take the place of the inputs. What is
simulated is how the engine places work: tasks in order, each to the first free worker; a worker loads a model when its task is
of another one; it dies after an exponential time, is replaced, loads again, and the rows since the last part are run again.
"""

from __future__ import annotations

import argparse
import heapq
import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch

from platometer import knn, metrics, store
from platometer.streaming import StreamingCka

SHARD, PART = 16_384, 256


@dataclass(frozen=True)
class Costs:
    """What one unit costs. The numbers are assumptions until they are measured on the machine that is meant."""

    samples: float = 15e6  # n
    models: float = 100  # parameters spread evenly in their logarithm:
    smallest: float = 2e7  # parameters
    largest: float = 7e9
    tokens: float = 100  # of a sample: a caption, or patches of a picture
    flops: float = 790e12  # of a GPU in bfloat16 products: measured on one H200 (performance.md)
    mfu: float = 0.35  # share of it that a forward pass reaches: assumed
    load: float = 1e9  # bytes a second of a model's weights from the shared disk, 2 bytes a parameter: assumed
    width: float = 1024  # of a layer
    bytes: float = 2  # of a number on disk (float16)
    write: float = 0.5e9  # bytes a second that one worker writes: assumed
    disk: float = 20e9  # bytes a second that all workers write or read together: assumed
    search: float = 583.0  # seconds of exact neighbours of one layer at 15M x 1,024 on one H200: arithmetic (performance.md)
    overlap: float = 0.06  # seconds of one layer pair's shared neighbours at 15M: 15M x 10 x 2 numbers, read at random: assumed
    cka: float = 0.12  # seconds of one layer pair's CKA at 15M: 15 x 8 ms at 1M (performance.md: arithmetic)
    life: float = 24.0  # hours that a worker lives, on average (spot): assumed
    back: float = 120.0  # seconds until another takes its place: assumed


@dataclass(frozen=True)
class Outcome:
    """What a phase took.

    Attributes
    ----------
    phase : its name.
    hours : until the last task is done.
    gpu_hours : that workers were busy.
    tasks, loads, deaths : how many.
    lost : share of the busy time that was spent on loading again and on what died with its worker.
    """

    phase: str
    hours: float
    gpu_hours: float
    tasks: int
    loads: int
    deaths: int
    lost: float


def placed(
    phase: str, tasks: list[tuple[int, float]], load: np.ndarray, gpus: int, costs: Costs, *, unit: float, seed: int = 0
) -> Outcome:
    """Tasks (model, seconds) given in order to the first free of so many workers.

    Parameters
    ----------
    phase : its name.
    tasks : model and seconds of each.
    load : seconds to load each model.
    gpus : workers.
    costs : for lives and replacements.
    unit : share of a task that is lost with its worker at most.
    seed : of lives.
    """
    rng = np.random.default_rng(seed)
    free = [(0.0, i) for i in range(gpus)]
    ends = rng.exponential(costs.life * 3600, gpus)
    holds = [-1] * gpus
    busy = lost = last = 0.0
    loads = deaths = 0
    for model, seconds in tasks:
        now, worker = heapq.heappop(free)
        left, died = seconds, False
        while True:
            begin = 0.0 if holds[worker] == model else float(load[model])
            loads += holds[worker] != model
            if now + begin + left <= ends[worker]:
                break
            spent = max(0.0, ends[worker] - now)  # it dies on the way
            kept = max(0.0, spent - begin)
            kept -= min(kept, float(rng.uniform()) * unit * seconds)
            left, busy, lost = left - kept, busy + spent, lost + spent - kept
            now = max(now, ends[worker]) + costs.back
            ends[worker] = now + rng.exponential(costs.life * 3600)
            holds[worker], deaths, died = -1, deaths + 1, True
        busy, lost = busy + begin + left, lost + begin * died
        holds[worker] = model
        last = max(last, now + begin + left)
        heapq.heappush(free, (now + begin + left, worker))
    return Outcome(phase, last / 3600, busy / 3600, len(tasks), loads, deaths, lost / busy)


def simulated(costs: Costs, *, gpus: int, layers: int, seed: int = 0) -> list[Outcome]:
    """Extraction, neighbours of every layer, and all pairs.

    Parameters
    ----------
    costs : of units.
    gpus : workers.
    layers : kept of each model.
    seed : of the workers' lives.
    """
    count, n = int(costs.models), int(costs.samples)
    sizes = np.geomspace(costs.smallest, costs.largest, count)[::-1]  # the largest first: the tail is short
    load = 2 * sizes / costs.load
    written = layers * costs.width * costs.bytes
    row = 2 * sizes * costs.tokens / (costs.flops * costs.mfu) + written / min(costs.write, costs.disk / gpus)
    rows = [min(SHARD, n - start) for start in range(0, n, SHARD)]
    extraction = [(m, r * float(row[m])) for m in range(count) for r in rows]
    nothing = np.zeros(count * layers + 1)
    read = n * costs.width * costs.bytes / min(4 * costs.write, costs.disk / gpus)
    blocks = max(1, -(-gpus * 4 // (count * layers)))  # a layer's queries are cut where there are few layers
    search = [(i, costs.search / blocks + read) for i in range(count * layers) for _ in range(blocks)]
    lists = n * 10 * 4 * 2 * layers / min(4 * costs.write, costs.disk / gpus)
    pairs = [(0, layers**2 * (costs.overlap + costs.cka) + lists) for _ in range(count * (count - 1) // 2)]
    return [
        placed("extraction", extraction, load, gpus, costs, unit=PART / SHARD, seed=seed),
        placed("neighbours", search, nothing, gpus, costs, unit=1, seed=seed + 1),
        placed("pairs", pairs, nothing, gpus, costs, unit=1, seed=seed + 2),
    ]


def measured(costs: Costs) -> Costs:
    """The costs with what this machine says of them: products, a forward pass, disk, neighbours, CKA.

    Work grows as it is known to: neighbours with n^2 d, CKA with n d^2, lists in common with n. Small enough for a minute.

    Parameters
    ----------
    costs : for all else.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_num_threads(1)
    a = torch.randn(2048, 2048, device=device)
    flops = 2 * 2048**3 / _seconds(lambda: a @ a, device)
    layer = torch.nn.TransformerEncoderLayer(512, 8, 2048, batch_first=True)
    net = torch.nn.TransformerEncoder(layer, 4, enable_nested_tensor=False).to(device).eval()
    count, x = sum(p.numel() for p in net.parameters()), torch.randn(4, int(costs.tokens), 512, device=device)
    with torch.inference_mode():
        reached = 2 * count * 4 * costs.tokens / _seconds(lambda: net(x), device)
    n, d, m = 12_000, 256, 16_384
    rows = torch.randn(n, d, device=device)
    search = _seconds(lambda: knn.neighbours(rows, 10), device) * (costs.samples / n) ** 2 * costs.width / d
    kind = metrics.parse("mutual_knn(k=10)")
    side = kind.prepare(rows)
    overlap = _seconds(lambda: kind.compare(side, side), device) * costs.samples / n
    block = torch.randn(m, d, device=device)
    cka = _seconds(lambda: StreamingCka().update(block, block), device) * costs.samples / m * (costs.width / d) ** 2
    with tempfile.TemporaryDirectory() as name:
        shard = torch.randn(m, int(costs.width)).half()
        began = time.perf_counter()
        entry = store.write_shard(Path(name), 0, {"last": shard})
        write = entry["bytes"] / (time.perf_counter() - began)
    return replace(costs, flops=flops, mfu=reached / flops, search=search, overlap=overlap, cka=cka, write=write)


def _seconds(act: Callable[[], object], device: str) -> float:
    """The least of four, of the processor that does it, once it is warm."""
    act()
    found = []
    for _ in range(4):
        if device == "cuda":
            torch.cuda.synchronize()
        clock = time.perf_counter if device == "cuda" else time.process_time
        began = clock()
        act()
        if device == "cuda":
            torch.cuda.synchronize()
        found.append(clock() - began)
    return max(min(found), 1e-9)


def main() -> None:
    """Simulate and print; see the top of the file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--gpus", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--layers", type=int, nargs="+", default=[1, 24])
    parser.add_argument("--set", nargs="*", default=[], help="NAME=VALUE of Costs")
    parser.add_argument("--measure", action="store_true")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    given = dict(word.split("=", 1) for word in options.set)
    unknown = set(given) - {field.name for field in fields(Costs)}
    if unknown:
        parser.error(f"there is no cost {', '.join(sorted(unknown))}; there are {', '.join(f.name for f in fields(Costs))}")
    costs = replace(Costs(), **{name: float(value) for name, value in given.items()})
    load = os.getloadavg()[0]
    costs = measured(costs) if options.measure else costs
    rows = [{"gpus": gpus, "layers": layers} | asdict(one) for layers in options.layers for gpus in options.gpus
            for one in simulated(costs, gpus=gpus, layers=layers)]
    if options.out:
        found = {"measured": options.measure, "load": load, "costs": asdict(costs), "rows": rows}
        options.out.write_text(json.dumps(found, indent=1))
    print("costs: " + ", ".join(f"{name} = {value:g}" for name, value in asdict(costs).items()))
    for layers in options.layers:
        size = costs.samples * costs.models * layers * costs.width * costs.bytes
        print(f"{layers} layers a model: {size / 1e12:.1f} TB on disk")
    print(f"{'layers':>6}{'gpus':>6} {'phase':12}{'hours':>9}{'GPU hours':>11}{'tasks':>8}{'loads':>8}{'deaths':>8}{'lost':>7}")
    for r in rows:
        print(f"{r['layers']:6}{r['gpus']:6} {r['phase']:12}{r['hours']:9.2f}{r['gpu_hours']:11.1f}{r['tasks']:8}{r['loads']:8}"
              f"{r['deaths']:8}{r['lost']:7.1%}")


if __name__ == "__main__":
    main()
