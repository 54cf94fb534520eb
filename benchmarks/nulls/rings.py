"""Whether the turns of a ring tell as much as re-pairings drawn one by one, and whether their p keeps its level.

Run ``python benchmarks/nulls/rings.py`` (some minutes; ``--json PATH`` for the numbers).

Spread: for one pair of models, how many of the n turns of a ring reach a threshold, over many rings, and the variance of that
number as a share of the binomial one, which is what n draws made one by one would have. Below one the ring tells more than
they do; p = (1 + those) / (n + 1) is then nearer to the p of all n! re-pairings.

Level: how often independent data are called aligned by ``null="draws"``, with as many draws as stay inside the first ring
(where the level is exact, by construction) and with draws from several. Features are those of ``level.py``.

Cut: the level where a whole ring is followed by half of another, in which alone it is not exact. The pairings of the whole ring
have equal chances to be the observed one, so that it is averaged over them all.
"""

from __future__ import annotations

import argparse
import json
import math
from functools import partial
from pathlib import Path

import numpy as np
from level import KINDS, METRICS, model

import platometer as pm
from platometer import nulls
from platometer.metrics import parse

SHARES = (0.5, 0.05, 0.01)
LEVELS = (0.05, 0.01)
REACHED = np.array([1, 9])  # of 192


def spread(spec: str, kind: str, n: int, rings: int, seed: int) -> dict:
    """Variance of the turns of a ring that reach a threshold, of the binomial one."""
    metric, rng = parse(spec), np.random.default_rng([seed, n, KINDS.index(kind)])
    sides = [[metric.prepare(x) for x in model(kind, n, 2, rng, d=64)] for _ in range(2)]
    turns = np.stack([  # a ring whose two sides are in orders of their own
        metric.null_grid(*sides, nulls.orders(n, n, seed=ring, start=n - 1)).numpy().max((1, 2)) for ring in range(rings)
    ])
    found: dict = {"metric": spec, "features": kind, "n": n, "rings": rings}
    for share in SHARES:
        reached = turns >= np.quantile(turns, 1 - share)
        p = reached.mean()
        found[f"variance {share}"] = float(reached.sum(1).var(ddof=1) / (n * p * (1 - p)))
    return found


def level(spec: str, kind: str, n: int, draws: int, sets: int, seed: int) -> dict:
    """The share of independent pairs of models that is called aligned."""
    ps = []
    for i in range(sets):
        rng = np.random.default_rng([seed, i, n, draws, KINDS.index(kind)])
        x, y = (model(kind, n, 2, rng, d=32) for _ in range(2))
        ps.append(pm.align(x, y, spec, conditioning="none", draws=draws, seed=i).calibration.p)
    shares = {f"level {a}": float(np.mean(np.array(ps) <= a)) for a in LEVELS}
    return {"metric": spec, "features": kind, "n": n, "draws": draws, "sets": sets} | shares


def cut(spec: str, kind: str, n: int, sets: int, seed: int) -> dict:
    """The share of the pairings of a whole ring whose p, with half of the next ring, is at most 1 and 9 of all."""
    metric, draws = parse(spec), n + n // 2 - 1
    found = np.empty((sets, len(REACHED)))
    for i in range(sets):
        rng = np.random.default_rng([seed, i, n, KINDS.index(kind)])
        a, b = (metric.prepare(model(kind, n, 1, rng, d=32)[0]) for _ in range(2))
        scores = np.append(metric.compare(a, b), metric.null_grid([a], [b], nulls.orders(n, draws, seed=i)))
        ranks = (scores >= scores[:n, None] - 1e-7).sum(1)
        found[i] = [(ranks <= reached).mean() for reached in REACHED]
    rows = {f"cut {r}": float(share) for r, share in zip(REACHED, found.mean(0) * (draws + 1) / REACHED, strict=True)}
    errors = {f"error {r}": float(e) for r, e in zip(REACHED, found.std(0) / sets**0.5 * (draws + 1) / REACHED, strict=True)}
    return {"metric": spec, "features": kind, "n": n, "draws": draws, "sets": sets} | rows | errors


def main() -> None:
    say = partial(print, flush=True)
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--rings", type=int, default=300)
    arguments.add_argument("--sets", type=int, default=2000)
    arguments.add_argument("--metrics", nargs="*", default=METRICS)
    arguments.add_argument("--json", type=Path)
    options = arguments.parse_args()
    rows = []
    say(f"{'metric':26}{'features':10}{'n':>6}" + "".join(f"{f'variance, {s:g}':>16}" for s in SHARES))
    for spec in options.metrics:
        for kind in KINDS:
            for n in (128, 1021):
                rows.append(spread(spec, kind, n, options.rings, seed=0))
                say(f"{spec:26}{kind:10}{n:>6}" + "".join(f"{rows[-1][f'variance {s}']:>16.2f}" for s in SHARES))
    say(f"one standard error of a variance: {math.sqrt(2 / options.rings):.2f}\n")
    say(f"{'metric':26}{'features':10}{'n':>6}{'draws':>7}" + "".join(f"{f'level {a}':>13}" for a in LEVELS))
    for spec in options.metrics:
        for kind in KINDS:
            for draws in (99, 1000):
                rows.append(level(spec, kind, 128, draws, options.sets, seed=0))
                say(f"{spec:26}{kind:10}{128:>6}{draws:>7}" + "".join(f"{rows[-1][f'level {a}']:>13.4f}" for a in LEVELS))
    say("one standard error: " + ", ".join(f"{math.sqrt(a * (1 - a) / options.sets):.4f} at {a}" for a in LEVELS))
    say(f"\n{'metric':26}{'features':10}{'n':>6}{'draws':>7}" + "".join(f"{f'level x 192/{r}':>22}" for r in REACHED))
    for spec in options.metrics:
        for kind in KINDS:
            row = cut(spec, kind, 128, options.sets, seed=0)
            rows.append(row)
            say(f"{spec:26}{kind:10}{128:>6}{row['draws']:>7}"
                + "".join(f"{row[f'cut {r}']:>13.3f} +- {row[f'error {r}']:.3f}" for r in REACHED))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
