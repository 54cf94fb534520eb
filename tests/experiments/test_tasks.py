"""Tasks: what the rows must look like for the claim to hold, and a run of the smallest size."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from platometer import scenes
from platometer.experiments import _trained, tasks
from platometer.experiments._scenes import METRICS


def attributes(events: scenes.Events, names: tuple[str, ...] = (), *, seed: int = 0) -> dict[str, dict[str, np.ndarray]]:
    """Instead of language models: what a scene is, as indicators."""
    parts = [np.eye(len(values))[events.column(name)] for name, values in events.attributes.items()]
    return {name: {"vector": np.concatenate(parts, 1).astype(np.float32)} for name in names}


def made_up(gain: float, *, noise: float, overlap_gain: float = 0.0) -> list[dict]:
    """Rows in which each doubling of the tasks gains so much, and a full overlap so much more."""
    rng, rows = np.random.default_rng(0), []
    for metric, level in itertools.product(METRICS, (1, 2, 4, 8)):
        models = [f"{level}-{division}{side}" for division in range(6) for side in "ab"]
        for left, right in itertools.combinations(models, 2):
            overlap = 0.0 if left[:-1] == right[:-1] else float(rng.integers(0, level + 1)) / level
            excess = 0.1 + gain * np.log2(level) + overlap_gain * overlap + noise * rng.normal()
            rows.append({"repeat": 0, "tasks": level, "with": "each other", "shared": round(overlap * level), "metric": metric,
                         "overlap": overlap, "left": left, "right": right, "excess": excess, "n": 512})
        rows += [{"repeat": 0, "tasks": level, "with": "language", "shared": 0, "overlap": 0.0, "metric": metric, "left": left,
                  "right": "gpt-5", "excess": 0.05, "n": 512} for left in models]
    return rows


@pytest.mark.parametrize(("gain", "noise", "outcome"), [
    (0.03, 0.01, "held"), (-0.03, 0.01, "not held"), (0.0, 0.05, "undecided")])
def test_the_claim_stands_and_falls_with_the_gain(gain: float, noise: float, outcome: str) -> None:
    verdict = tasks.check(made_up(gain, noise=noise))
    assert verdict.outcome == outcome
    assert verdict.numbers["mutual_knn slope"] == pytest.approx(gain, abs=0.01)
    assert ("more divisions" in verdict.words) == (outcome == "undecided")


def test_tasks_in_common_are_not_taken_for_convergence() -> None:
    verdict = tasks.check(made_up(0.0, noise=0.03, overlap_gain=0.4))
    assert verdict.outcome != "held"
    assert abs(verdict.numbers["mutual_knn slope"]) < 0.02


def test_two_sides_of_a_division_share_nothing_as_far_as_there_are_enough() -> None:
    for division, level in itertools.product(range(4), (1, 2, 4, 8, 16)):
        one, other = (set(tasks._subset(division, level, side, seed=3)) for side in "ab")
        assert len(one) == len(other) == level
        assert len(one & other) == max(0, 2 * level - len(scenes.world().attributes))


def test_a_run_makes_rows_that_can_be_judged_and_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "_QUICK", {"scenes": 48, "n": 40, "repeats": 1, "divisions": 2, "steps": 2, "draws": 19})
    monkeypatch.setattr(tasks, "_LEVELS", (0, 1, 8))
    monkeypatch.setattr(_trained, "readings", attributes)
    seen: list[tuple] = []
    rows = tasks.run(quick=True, seed=1, track=lambda *told: seen.append(told))
    assert rows == tasks.run(quick=True, seed=1)
    assert seen[-1][0] == seen[-1][1] == 12
    assert {row["tasks"] for row in rows} == {0, 1, 8}
    assert tasks.check(rows).outcome in ("held", "not held", "undecided")
    assert len(tasks.draw(rows).axes) == 2
