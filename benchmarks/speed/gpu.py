"""The same on a graphics processor: neighbours of a million samples, and a grid with its draws.

    python -m benchmarks.speed.gpu [--quick] [--json FILE] [--device cuda:0]

Beside each stands the bf16 product of the same size on the same card, in the same process, which the neighbours are to
take at most 1.5 times of. Times are by the wall clock with the device waited for, the least of three after one that is
not counted. Without a CUDA device it says so and measures nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
if __package__ in (None, ""):  # run as a file
    sys.path.insert(0, str(ROOT))

import torch  # noqa: E402

_BYTES = 2**32  # of one block of the product


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, write JSON; 2 where there is no such device.

    Parameters
    ----------
    arguments : of the command line, without the program; those of this process if None.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.gpu", description="Speed on a CUDA device.")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it runs")
    parser.add_argument("--json", metavar="FILE", help="write the measurements there")
    parser.add_argument("--device", default="cuda", help="cuda, or cuda:N")
    asked = parser.parse_args(arguments)
    if not torch.cuda.is_available():
        print("torch finds no CUDA device here, so nothing was measured. Run this on a machine with one, with a torch built "
              "for it.")
        return 2
    device = torch.device(asked.device)
    n, grid_n = (65_536, 256) if asked.quick else (1_000_000, 1024)
    found = {"device": torch.cuda.get_device_name(device), "torch": torch.__version__, "quick": asked.quick}
    found |= _neighbours(n, 1024, device) | _grid(grid_n, device)
    rows = [("bf16 product", found["product"], "")]
    for slope in (0, 2):
        seconds = found[f"neighbours {slope}"]
        times, held = seconds / found["product"], found[f"memory {slope}"] / 1e6
        note = f"{times:.2f}x the product (to reach: 1.5x), {held:,.0f} MB above the features"
        rows.append((f"neighbours, spectrum j^-{slope}", seconds, note))
    rows += [
        ("grid of 24 x 24 layers", found["grid"], ""),
        ("grid and 1,000 draws", found["grid + draws"], "to reach: 1 s"),
    ]
    print(f"{found['device']}, torch {found['torch']}, n = {n:,}, d = 1,024" + (" (quick sizes)" if asked.quick else ""))
    for what, seconds, note in rows:
        print(f"  {what:28s} {seconds:9.3f} s  {note}")
    if asked.json:
        Path(asked.json).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0


def _neighbours(n: int, d: int, device: torch.device) -> dict[str, float]:
    """Ten nearest of every sample of a flat and of a decaying spectrum, and the product without them."""
    from platometer.knn import neighbours

    out: dict[str, float] = {}
    for slope in (0, 2):
        x = _features(n, d, slope, device)
        if slope == 0:
            low = x.to(torch.bfloat16)
            out["product"] = _least(lambda low=low: _product(low), device)
            del low
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        out[f"neighbours {slope}"] = _least(lambda x=x: neighbours(x, 10), device)
        out[f"memory {slope}"] = torch.cuda.max_memory_allocated(device) - before
    return out


def _grid(n: int, device: torch.device) -> dict[str, float]:
    """mutual_knn over 24 x 24 layers, without draws and with 1,000."""
    import platometer as pm
    from benchmarks.speed import data

    sides = data.grid({"n": n, "left": 24, "right": 24, "d": 1024, "p": 1536})
    left, right = ([torch.from_numpy(x).to(device) for x in side] for side in sides)
    return {
        "grid": _least(lambda: pm.align(left, right, "mutual_knn(k=10)", draws=0), device),
        "grid + draws": _least(lambda: pm.align(left, right, "mutual_knn(k=10)", draws=1000), device),
    }


def _features(n: int, d: int, slope: int, device: torch.device) -> torch.Tensor:
    generator = torch.Generator(device).manual_seed(0)
    scale = torch.arange(1, d + 1, device=device, dtype=torch.float32) ** (-slope / 2)
    turn = torch.linalg.qr(torch.randn(d, d, generator=generator, device=device)).Q
    x = (torch.randn(n, d, generator=generator, device=device) * scale) @ turn
    return torch.nn.functional.normalize(x, dim=1)


def _product(x: torch.Tensor) -> None:
    step = max(1, _BYTES // (2 * len(x)))
    out = torch.empty(step, len(x), dtype=x.dtype, device=x.device)
    for i in range(0, len(x), step):
        part = x[i : i + step]
        torch.mm(part, x.T, out=out[: len(part)])


def _least(call: Callable[[], object], device: torch.device) -> float:
    """Seconds, of three calls after one."""
    seconds = []
    for _ in range(4):
        torch.cuda.synchronize(device)
        start = time.perf_counter()
        call()
        torch.cuda.synchronize(device)
        seconds.append(time.perf_counter() - start)
    return min(seconds[1:])


if __name__ == "__main__":
    raise SystemExit(main())
