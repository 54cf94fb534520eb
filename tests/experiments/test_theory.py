"""Experiments on worlds of events: each runs quickly, and its verdict follows from its rows and nothing else."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from platometer.experiments import Experiment, load
from platometer.experiments import samples_needed as samples
from platometer.experiments._theory import chain, places, representable_chain
from platometer.theory import representable

Change = Callable[[dict], None]


def _set(where: dict, **values: object) -> Change:
    """Rows that fit ``where`` get these values."""

    def change(row: dict) -> None:
        if all(row.get(name) == value for name, value in where.items()):
            row.update(values)

    return change


def _scale(column: str, factor: float, **where: object) -> Change:
    def change(row: dict) -> None:
        if column in row and all(row.get(name) == value for name, value in where.items()):
            row[column] *= factor

    return change


AGAINST: dict[str, tuple[Change, str]] = {
    "contrastive_meets_pmi": (_set({"objective": "InfoNCE, many", "model": "one table"}, to_pmi=0.3), "many misses K_PMI"),
    "bijective_views": (_set({"pairing": "same world"}, p=0.4), "not told from chance"),
    "smooth_worlds": (_set({"true": True}, distance=0.2, relative=0.5), "a representable world is not reached"),
    "rank": (_set({}, bound=10.0), "nearer than the best of its rank"),
    "samples_needed": (_scale("error", 3.0, way="counted"), "theory misses the error"),
    "lossy_events": (_scale("bound", 0.5, kind="noisy"), "above its bound"),
    "temperature": (_scale("slope", 1.5), "the scale is not the temperature"),
    "simple_fits": (_set({"start": "small"}, disagreement=50.0, excess=0.0), "does not surely lower disagreement"),
}


@cache
def _run(name: str) -> tuple[Experiment, list[dict]]:
    found = load(name)
    return found, found.module.run(quick=True, seed=0)


@pytest.mark.parametrize("name", AGAINST)
def test_a_quick_run_is_judged_and_drawn_from_its_rows(name: str) -> None:
    found, rows = _run(name)
    assert found.claim
    assert all(isinstance(value, str | int | float | bool | None) for row in rows for value in row.values())
    before = copy.deepcopy(rows)
    verdict = found.module.check(rows)
    assert verdict.outcome in ("held", "not held", "undecided")
    assert verdict == found.module.check(before)
    figure = found.module.draw(rows)
    assert figure.get_axes()
    assert rows == before


@pytest.mark.parametrize("name", AGAINST)
def test_rows_that_contradict_the_claim_are_not_held(name: str) -> None:
    found, rows = _run(name)
    change, told = AGAINST[name]
    altered = copy.deepcopy(rows)
    for row in altered:
        change(row)
    verdict = found.module.check(altered)
    assert verdict.outcome == "not held"
    assert told in verdict.words


@pytest.mark.parametrize("name", ["temperature", "lossy_events"])
def test_equal_seeds_give_equal_rows(name: str) -> None:
    found, rows = _run(name)
    assert found.module.run(quick=True, seed=0) == rows


def test_only_representable_worlds_would_leave_the_boundary_open() -> None:
    found, rows = _run("smooth_worlds")
    verdict = found.module.check([row for row in rows if row["true"]])
    assert verdict.outcome == "undecided"
    assert "both are needed" in verdict.words


def test_a_fit_that_did_not_finish_decides_nothing() -> None:
    found, rows = _run("simple_fits")
    verdict = found.module.check([row | {"excess": 0.1} for row in rows])
    assert verdict.outcome == "undecided"


def test_worlds_of_the_experiments_are_what_they_say() -> None:
    even = chain(6, seed=0, even=True)
    np.testing.assert_allclose(even.P, 1 / 6, atol=1e-9)
    np.testing.assert_allclose(even.next(), even.next().T, atol=1e-9)
    assert representable(representable_chain(6, seed=3).pmi()).holds
    assert representable(places(12, seed=0, keep=0.6).pmi()).holds
    assert places(12, seed=0).P_coor.diagonal().sum() == pytest.approx(0.3)


def test_the_predicted_variance_is_that_of_many_samples() -> None:
    world = chain(3, seed=1)
    found = np.stack([world.seen_in(world.pairs(20_000, seed=s)).pmi() for s in range(300)])
    np.testing.assert_allclose(found.var(0) * 20_000, samples.predicted_variance(world), rtol=0.35)
