"""What the intervals cover and how often the tests speak without cause, on fresh data of known truth.

``python tests/trends/test_coverage.py`` prints the table of docs/trends.md (600 repeats); the tests run a small form of it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from platometer.trends import correlate, fit, late_rise

SLOPE = 0.5
Made = tuple[np.ndarray, np.ndarray, dict]


def loose(rng: np.random.Generator, m: int = 16) -> Made:
    """Points that depend on nothing but x."""
    return rng.normal(size=m), rng.normal(size=m), {}


def families(rng: np.random.Generator, count: int = 8, size: int = 5) -> Made:
    """Half of the variance of x and of y lies between families."""
    group = np.repeat(np.arange(count), size)
    x, y = (rng.normal(size=count)[group] + rng.normal(size=count * size) for _ in range(2))
    return x, y, {"groups": group.tolist()}


def crossed(rng: np.random.Generator, lefts: int = 9, rights: int = 7) -> Made:
    """Pairs of two kinds of models; x belongs to the left one, and each model has a level of its own."""
    left, right = np.repeat(np.arange(lefts), rights), np.tile(np.arange(rights), lefts)
    y = rng.normal(size=lefts)[left] + rng.normal(size=rights)[right] + 0.5 * rng.normal(size=len(left))
    return rng.normal(size=lefts)[left], y, {"crossed": (left.tolist(), [f"r{i}" for i in right])}


def among(rng: np.random.Generator, models: int = 10) -> Made:
    """Pairs among one kind of models; x is the mean of both."""
    left, right = np.triu_indices(models, 1)
    ability, level = rng.normal(size=models), rng.normal(size=models)
    y = level[left] + level[right] + 0.5 * rng.normal(size=len(left))
    return (ability[left] + ability[right]) / 2, y, {"crossed": (left.tolist(), right.tolist())}


KINDS: dict[str, Callable[..., Made]] = {one.__name__: one for one in (loose, families, crossed, among)}


def covered(kind: str, repeats: int, draws: int = 300) -> dict[str, float]:
    """Share of repeats in which the interval holds the truth, or p <= 0.05 although there is nothing."""
    rng, seen = np.random.default_rng(7), []
    for i in range(repeats):
        x, y, known = KINDS[kind](rng)
        none, some = (correlate(x, y + add * x, draws=draws, seed=i, **known) for add in (0, SLOPE))
        line = fit("line", x, y + SLOPE * x, scale="linear", draws=draws, seed=i, **known).parameters["slope"]
        bend = late_rise(x, y + SLOPE * x, scale="linear", draws=99, seed=i, **known)
        seen.append([
            none.pearson.low <= 0 <= none.pearson.high, none.spearman.low <= 0 <= none.spearman.high,
            some.slope.low <= SLOPE <= some.slope.high, line.low <= SLOPE <= line.high, none.p <= 0.05,
            none.p_spearman <= 0.05, bend.p <= 0.05,
        ])
    names = ("pearson", "spearman", "slope", "line", "p", "p_spearman", "late rise")
    return dict(zip(names, np.mean(seen, 0), strict=True))


@pytest.mark.parametrize("kind", list(KINDS))
def test_intervals_cover_and_tests_stay_quiet_as_often_as_they_say(kind: str) -> None:
    repeats = 100
    found = covered(kind, repeats)
    least = stats.binom.ppf(0.001, repeats, 0.92) / repeats  # 0.95 is nominal; 0.92 was measured at worst
    most = stats.binom.ppf(0.999, repeats, 0.08) / repeats
    for name in ("pearson", "spearman", "slope", "line"):
        assert found[name] >= least, (name, found)
    for name in ("p", "p_spearman", "late rise"):
        assert found[name] <= most, (name, found)


def test_taking_pairs_for_independent_covers_far_less() -> None:
    rng, held = np.random.default_rng(3), 0
    for i in range(200):
        x, y, _ = among(rng)
        found = correlate(x, y, draws=200, seed=i).pearson
        held += found.low <= 0 <= found.high
    assert held / 200 < stats.binom.ppf(0.999, 200, 0.595) / 200  # as measured with 600 repeats; 0.95 is nominal


if __name__ == "__main__":
    for kind in KINDS:
        told = covered(kind, 600, draws=600)
        print(f"| {kind} | " + " | ".join(f"{value:.3f}" for value in told.values()) + " |", flush=True)
