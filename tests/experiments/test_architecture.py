"""Architecture or scale: shares of variance worked by hand, verdicts of made-up rows, and a run of the smallest size."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from platometer.experiments import _trained, architecture
from platometer.experiments._scenes import METRICS


def made_up(*, by_architecture: float, by_size: float, noise: float = 0.005) -> list[dict]:
    """Rows in which the architecture adds so much, and each size so much."""
    rng, rows = np.random.default_rng(0), []
    cells = itertools.product(("conv", "vit"), ("supervised", "contrastive"), (1, 2, 3), range(4))
    for (kind, objective, size, seed), metric in itertools.product(cells, METRICS):
        own = {"repeat": 0, "architecture": kind, "objective": objective, "size": size, "seed": seed, "parameters": 1000 * size,
               "loss": 1.0, "metric": metric, "n": 512, "left": f"{kind}-{objective}-{size}-{seed}"}
        excess = 0.1 + by_architecture * (kind == "vit") + by_size * size + noise * rng.normal()
        rows.append({**own, "with": "language", "right": "gpt-5", "right_architecture": None, "excess": excess})
        rows += [{**own, "with": "each other", "right": f"{other}-supervised-{size}-9", "right_architecture": other,
                  "excess": 0.3} for other in ("conv", "vit")]
    return rows


@pytest.mark.parametrize(("by_architecture", "by_size", "outcome"), [
    (0.01, 0.05, "held"), (0.1, 0.01, "not held"), (0.0, 0.0, "undecided")])
def test_the_claim_weighs_size_against_architecture(by_architecture: float, by_size: float, outcome: str) -> None:
    verdict = architecture.check(made_up(by_architecture=by_architecture, by_size=by_size))
    assert verdict.outcome == outcome
    assert ("more first weights" in verdict.words) == (outcome == "undecided")


def test_shares_are_those_worked_by_hand() -> None:
    # one architecture is 2 above the other, each seed is 1 above or below its cell: 8 cells of 2
    base = np.zeros((2, 2, 2, 2))
    base[1] = 2.0
    shares = architecture._shares(base + np.array([-1.0, 1.0]))
    within, whole = 2.0, 16 * 1.0 + 16 * 1.0 + 2.0
    assert shares["architecture"] == pytest.approx((16 - within) / whole)
    assert shares["size"] == shares["objective"] == pytest.approx(-within / whole)
    assert shares["interactions"] == pytest.approx(-4 * within / whole)
    assert sum(shares.values()) == pytest.approx(1)


def test_chance_alone_explains_nothing_on_average() -> None:
    rng = np.random.default_rng(1)
    found = [architecture._shares(rng.normal(size=(2, 2, 3, 4))) for _ in range(300)]
    for factor in ("architecture", "objective", "size", "interactions"):
        assert abs(np.mean([shares[factor] for shares in found])) < 0.01


def test_intervals_of_shares_cover_what_a_larger_design_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(architecture, "_DRAWS", 200)
    rng, inside = np.random.default_rng(2), 0
    base = np.zeros((2, 2, 3, 1)) + np.array([0.0, 1.0, 2.0])[None, None, :, None]
    truth = architecture._shares(base + rng.normal(size=(2, 2, 3, 4000)))["size"]
    for _ in range(60):
        again = [shares["size"] for shares in architecture._again(base + rng.normal(size=(2, 2, 3, 4)))]
        low, high = np.percentile(again, (2.5, 97.5))
        inside += low <= truth <= high
    assert inside >= 50  # of 60: at 0.95, fewer come once in 5,000 times


def test_a_run_makes_rows_that_can_be_judged_and_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(architecture, "_QUICK", {"scenes": 40, "n": 40, "repeats": 1, "seeds": 2, "steps": 2, "draws": 19})
    monkeypatch.setattr(_trained, "readings", lambda events, names, seed: {
        name: {"vector": events.values.astype(np.float32)} for name in names})
    rows = architecture.run(quick=True)
    assert len({row["left"] for row in rows}) == 2 * 2 * 2 * 2
    assert {row["architecture"] for row in rows} == {"conv", "vit"}
    assert architecture.check(rows).outcome in ("held", "not held", "undecided")
    assert len(architecture.draw(rows).axes) == 2
