"""How often independent data are called aligned: nominal against measured level, by closed form, draws and auto.

Run ``python benchmarks/nulls/level.py`` (a few minutes; ``--quick`` for a small one, ``--json PATH`` for the numbers).

Two independent models per cell. Every re-pairing of one of them is as independent as the observed one, so each draw of
the null is judged in turn as if it had been observed: by the closed form, by the other draws, and as ``null="auto"``
would. Averaged over data sets, the share that passes is the level. (By draws alone it is exact, by construction; what
auto calls significant, draws call significant too, so its column shows only what its shortcuts give away.) Three kinds
of features:

- wide: normal, d = 256, all directions alike (effective rank near n);
- low rank: normal, spectrum 1/i (an effective rank of about 16), as trained networks have;
- heavy: entries of low rank multiplied row by row with lognormal lengths, so that few samples dominate Gram matrices
  and become hubs of neighbour graphs (conditioning is left out, which would undo it).

Layers of one model share half of their variance with each other, as neighbouring layers do.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch

from platometer import nulls
from platometer.alignment import OPEN
from platometer.metrics import parse

METRICS = ("mutual_knn(k=10)", "cka", "cka(estimator=debiased)", "rsa(compare=spearman)")
KINDS = ("wide", "low rank", "heavy")
LEVELS = (0.05, 0.01)


def model(kind: str, n: int, layers: int, rng: np.random.Generator, d: int = 256) -> list[torch.Tensor]:
    scale = np.ones(d) if kind == "wide" else np.arange(1, d + 1) ** -0.5
    shared = rng.normal(size=(n, d))
    tables = [(shared + rng.normal(size=(n, d))) * scale for _ in range(layers)]
    if kind == "heavy":
        lengths = np.exp(rng.normal(size=(n, 1)))
        tables = [table * lengths for table in tables]
    return [torch.tensor(table) for table in tables]


def closed_ps(moments, maxima: np.ndarray, seed: int) -> np.ndarray:
    """(B,) the closed form's p of every draw."""
    def most(grids: np.ndarray) -> np.ndarray:
        return grids.max((1, 2))

    if moments.mean.size == 1:
        return np.array([nulls.closed_form(s, moments, summarise=most).p for s in maxima])
    simulated = np.sort(np.concatenate([most(grids) for grids in nulls.simulated(moments, nulls.SIMULATED, seed=seed)]))
    return (1 + len(simulated) - np.searchsorted(simulated, maxima - 1e-12)) / (len(simulated) + 1)


def auto_passes(ps: np.ndarray, maxima: np.ndarray, alpha: float, draws: int) -> np.ndarray:
    """(B,) whether null="auto" calls each draw significant, judged against the draws that follow it."""
    out = np.zeros(len(maxima), dtype=bool)
    for b in np.flatnonzero(ps <= OPEN * alpha):
        rest = np.roll(maxima, -b)[1 : draws + 1]
        kept = nulls.until(maxima[b], rest)
        out[b] = nulls.calibrate(maxima[b], rest if kept is None else rest[:kept], alpha=alpha).p <= alpha
    return out


def cell(spec: str, kind: str, n: int, layers: int, sets: int, draws: int, seed: int) -> dict:
    metric = parse(spec)
    found: dict = {"metric": spec, "features": kind, "n": n, "grid": f"{layers}x{layers}", "sets": sets, "draws": draws}
    shares: dict[str, list[float]] = {f"{how} {a}": [] for how in ("closed form", "auto") for a in LEVELS}
    skews, seconds, drawing = [], 0.0, 0.0
    for i in range(sets):
        rng = np.random.default_rng([seed, i, n, layers, KINDS.index(kind)])
        lefts = [metric.prepare(x) for x in model(kind, n, layers, rng)]
        rights = [metric.prepare(x) for x in model(kind, n, layers, rng)]
        start = time.perf_counter()
        moments = metric.null_moments(lefts, rights)
        seconds += time.perf_counter() - start
        start = time.perf_counter()
        maxima = metric.null_grid(lefts, rights, nulls.orders(n, draws, seed=i)).numpy().max((1, 2))
        drawing += time.perf_counter() - start
        ps = closed_ps(moments, maxima, seed=i)
        skews.append(float(moments.skewness.mean()))
        for a in LEVELS:
            shares[f"closed form {a}"].append(float((ps <= a).mean()))
            shares[f"auto {a}"].append(float(auto_passes(ps, maxima, a, min(draws - 1, 1000)).mean()))
    found |= {key: float(np.mean(values)) for key, values in shares.items()}
    found["skewness"] = float(np.mean(skews))
    found["seconds, moments"], found["seconds, draws"] = seconds / sets, drawing / sets
    return found


def main() -> None:
    say = partial(print, flush=True)
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--quick", action="store_true", help="n = 256 only, fewer data sets")
    arguments.add_argument("--draws", type=int, default=1000)
    arguments.add_argument("--metrics", nargs="*", default=METRICS)
    arguments.add_argument("--samples", type=int, nargs="*", default=(256, 1024))
    arguments.add_argument("--json", type=Path)
    options = arguments.parse_args()
    plan = [(256, 1, 20), (256, 6, 10)] + ([] if options.quick else [(1024, 1, 10), (1024, 6, 3)])
    plan = [entry for entry in plan if entry[0] in options.samples]
    say(f"{'metric':26}{'features':10}{'n':>6}{'grid':>6}{'judged':>8}"
        + "".join(f"{how + ' ' + str(a):>18}" for how in ("closed form", "auto") for a in LEVELS) + f"{'skewness':>10}")
    rows = []
    for spec in options.metrics:
        for kind in KINDS:
            for n, layers, sets in plan:
                if options.quick:
                    sets = max(2, sets // 4)
                row = cell(spec, kind, n, layers, sets, options.draws, seed=0)
                rows.append(row)
                numbers = "".join(f"{row[f'{how} {a}']:>18.4f}" for how in ("closed form", "auto") for a in LEVELS)
                say(f"{spec:26}{kind:10}{n:>6}{row['grid']:>6}{sets * options.draws:>8}{numbers}{row['skewness']:>10.2f}")
    judged = min(row["sets"] * row["draws"] for row in rows)
    say("One standard error of chance: at most " + ", ".join(
        f"{math.sqrt(a * (1 - a) / judged):.4f} at {a}" for a in LEVELS) + " (fewest judged).")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    torch.set_num_threads(min(2, torch.get_num_threads()))
    main()
