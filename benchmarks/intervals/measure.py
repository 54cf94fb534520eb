"""How often intervals cover what they claim to, and how often comparisons err, where the truth is known.

    python benchmarks/intervals/measure.py [--repeats 200] [--workers 2] [--json FILE]

Samples are views of a Gaussian latent: x = z W + noise, unit rows. The truth is the mean score of 1,000 fresh samples of
the same size; beside it stand scores of samples ten times as large, which an interval does not claim to cover.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat

import numpy as np
import torch

from platometer import metrics
from platometer.conditioning import Conditioning
from platometer.gallery import growing_gallery
from platometer.intervals import compare_alignments, interval

N, WIDTH, LEVEL, DRAWS = 200, 20, 0.95, 30
WORLDS = {"aligned": (5, 0.7), "faint": (20, 3.0), "independent": (0, 1.0)}  # latent dimensions, noise
METRICS = ("cka(estimator=debiased)", "cka", "mutual_knn(k=10)", "mutual_knn(k=1)")
METHODS = {"cka(estimator=debiased)": ("subsample", "jackknife"), "cka": ("subsample", "jackknife"),
           "mutual_knn(k=10)": ("subsample", "jackknife", "queries"), "mutual_knn(k=1)": ("subsample", "jackknife", "queries")}


def views(world: str, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(n, 20) and (n, 20): fresh samples seen by two fixed models."""
    latent, noise = WORLDS[world]
    maps = np.random.default_rng(1)
    rng = np.random.default_rng([seed, n])
    z = rng.normal(size=(n, latent))
    left, right = (
        z @ maps.normal(size=(latent, WIDTH)) / math.sqrt(max(latent, 1)) + noise * rng.normal(size=(n, WIDTH)) for _ in (0, 1)
    )
    return left, right


def scored(world: str, n: int, seed: int) -> list[float]:
    """The score by every metric."""
    sides = [Conditioning()(torch.from_numpy(side)) for side in views(world, n, seed)]
    return [metric.compare(*map(metric.prepare, sides)) for metric in map(metrics.parse, METRICS)]


def intervals(world: str, seed: int) -> list[tuple[float, float]]:
    """low and high by every metric and method."""
    x, y = views(world, N, seed)
    found = [interval(x, y, metric, method=method, level=LEVEL, draws=None if method == "queries" else DRAWS, seed=seed)
             for metric in METRICS for method in METHODS[metric]]
    return [(one.low, one.high) for one in found]


def compared(excess: float, seed: int) -> list[float]:
    """p of A against B, both turned copies of one view, B noisier by a factor 1 + excess; per metric and method."""
    rng = np.random.default_rng([seed, 7])
    z = rng.normal(size=(N, WIDTH)) * np.linspace(1.5, 0.5, WIDTH)
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(WIDTH, WIDTH)))[0]
    a, b, c = (z + noise * rng.normal(size=z.shape) for noise in (0.5, 0.5 * (1 + excess), 0.5))
    return [compare_alignments(a, b @ turn, c, metric, method=method, draws=None if method == "queries" else DRAWS, seed=seed).p
            for metric in (METRICS[0], METRICS[2]) for method in METHODS[metric]]


def in_gallery(seed: int) -> tuple[bool, float]:
    """Whether score +- 1.96 se of 200 queries covers the mean over all 3,000 in the gallery; and the score."""
    x, y = views("aligned", 3000, 0)
    picks = np.random.default_rng(seed).permutation(3000)[:200]
    (row,) = growing_gallery(x, y, queries=picks.tolist(), sizes=[3000], k=10, share=())
    return abs(row.score - whole_gallery()) < 1.96 * float(row.se or 0), row.score


def whole_gallery() -> float:
    """The mean over all queries of the same gallery."""
    if not _WHOLE:
        x, y = views("aligned", 3000, 0)
        _WHOLE.append(growing_gallery(x, y, queries=3000, k=10, share=())[0].score)
    return _WHOLE[0]


_WHOLE: list[float] = []


def table(repeats: int, workers: int) -> Iterator[dict]:
    """Rows of the table, one after the other."""
    with ProcessPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        for world in WORLDS:
            fresh = np.array(list(pool.map(scored, repeat(world), repeat(N), range(10**6, 10**6 + 1000), chunksize=50)))
            large = np.mean(list(pool.map(scored, repeat(world), repeat(10 * N), range(10**6, 10**6 + 10))), axis=0)
            ends = np.array(list(pool.map(intervals, repeat(world), range(repeats), chunksize=5)))  # (repeats, rows, 2)
            place = 0
            for column, metric in enumerate(METRICS):
                truth, sd = fresh[:, column].mean(), fresh[:, column].std()
                for method in METHODS[metric]:
                    low, high = ends[:, place].T
                    place += 1
                    yield {"world": world, "metric": metric, "method": method, "truth": float(truth),
                           "at 10 n": float(large[column]), "nominal": LEVEL,
                           "coverage": float(((low <= truth) & (truth <= high)).mean()),
                           "of 10 n": float(((low <= large[column]) & (large[column] <= high)).mean()),
                           "width": float((high - low).mean() / (2 * 1.96 * sd)), "repeats": repeats}
        names = [(metric, method) for metric in (METRICS[0], METRICS[2]) for method in METHODS[metric]]
        for excess in (0.0, 0.15):
            times = repeats * (1 if excess else 2)
            ps = np.array(list(pool.map(compared, repeat(excess), range(times), chunksize=5)))
            for (metric, method), column in zip(names, ps.T, strict=True):
                yield {"world": f"B noisier by {excess:.0%}", "metric": metric, "method": method,
                       "p <= 0.05": float((column <= 0.05).mean()), "p <= 0.01": float((column <= 0.01).mean()),
                       "repeats": times}
        covered = list(pool.map(in_gallery, range(2 * repeats), chunksize=10))
        yield {"world": "fixed gallery of 3,000", "metric": "mutual_knn(k=10)", "method": "200 queries, score +- 1.96 se",
               "nominal": LEVEL, "coverage": float(np.mean([hit for hit, _ in covered])), "repeats": len(covered)}


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--repeats", type=int, default=200)
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--json")
    asked = options.parse_args()
    rows = []
    for row in table(asked.repeats, asked.workers):
        rows.append(row)
        words = (f"{key} {value:.3f}" if isinstance(value, float) else str(value) for key, value in row.items())
        print(" | ".join(words), flush=True)
    if asked.json:
        with open(asked.json, "w") as file:
            json.dump(rows, file, indent=1)


if __name__ == "__main__":
    main()
