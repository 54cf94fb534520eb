"""Simplicity: what the rows must look like for the claim to hold, and a run of the smallest size."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from platometer import scenes
from platometer.experiments import _trained, simplicity
from platometer.experiments._scenes import METRICS

PARAMETERS = {1: 8_000, 2: 20_000, 3: 70_000, 4: 200_000}


def made_up(slope: float, twins: float, *, noise: float = 0.005, loss: float = 1.1) -> list[dict]:
    """Rows in which tenfold parameters gain so much in alignment, and so much without training."""
    rng, rows = np.random.default_rng(0), []
    cells = itertools.product(METRICS, simplicity._ARMS, PARAMETERS.items(), (True, False))
    for metric, arm, (size, parameters), trained in cells:
        own = {"repeat": 0, "regularisation": arm, "size": size, "parameters": parameters, "trained": trained, "target": 1.1,
               "loss": loss if trained else None, "steps": 100, "metric": metric, "n": 512}
        models = [f"{arm}-{size}-{seed}" + ("" if trained else "-untrained") for seed in range(5)]
        rows += [{**own, "with": "each other", "left": left, "right": right,
                  "excess": 0.2 + (slope if trained else twins) * np.log10(parameters) + noise * rng.normal()}
                 for left, right in itertools.combinations(models, 2)]
        if trained:
            rows += [{**own, "with": other, "left": left, "right": other, "excess": 0.05} for left in models
                     for other in ("language", "vision")]
    return rows


@pytest.mark.parametrize(("slope", "twins", "outcome"), [
    (0.1, 0.05, "held"), (0.1, 0.15, "not held"), (-0.1, -0.2, "not held")])
def test_the_claim_asks_for_more_than_the_width_gives(slope: float, twins: float, outcome: str) -> None:
    verdict = simplicity.check(made_up(slope, twins))
    assert verdict.outcome == outcome
    assert verdict.numbers["mutual_knn slope beyond twins, none"] == pytest.approx(slope - twins, abs=0.01)


def test_what_is_not_sure_is_undecided() -> None:
    verdict = simplicity.check(made_up(0.1, 0.1, noise=0.05))
    assert verdict.outcome == "undecided"
    assert "more seeds" in verdict.words


def test_networks_that_do_not_fit_decide_nothing() -> None:
    verdict = simplicity.check(made_up(0.1, 0.0, loss=1.2))
    assert verdict.outcome == "undecided"
    assert "40 networks did not come down to the loss of 1.1" in verdict.words


def test_a_run_makes_rows_that_can_be_judged_and_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simplicity, "_QUICK", {"scenes": 48, "n": 40, "repeats": 1, "seeds": 3, "steps": 4, "draws": 19})
    monkeypatch.setattr(simplicity, "_SIZES_QUICK", (1, 2))
    monkeypatch.setattr(_trained, "readings", lambda events, names, seed: {
        name: {"vector": events.values.astype(np.float32)} for name in names})
    monkeypatch.setattr(_trained, "sightings", lambda pictures, names: {
        name: {"vector": pictures[:, ::8, ::8].reshape(len(pictures), -1).astype(np.float32)} for name in names})
    rows = simplicity.run(quick=True)
    assert {row["with"] for row in rows} == {"each other", "language", "vision"}
    own = [row for row in rows if row["with"] == "each other"]
    assert {row["left"].split("-")[1] for row in own} == {"1", "2"}
    assert all(simplicity._kin(row["left"]) == simplicity._kin(row["right"]) for row in own)
    assert simplicity.check(rows).outcome == "undecided"  # four steps fit nothing
    assert len(simplicity.draw(rows).axes) == 2


def test_training_stops_at_the_loss_asked_for() -> None:
    lesson = _trained.lesson(48, seed=0)
    pupil = _trained.Pupil("conv", 1, seed=0, changed=False)
    whole = _trained.taught(pupil, lesson, steps=60)
    found = _trained.taught(pupil, lesson, steps=60, until=whole.loss + 0.1)
    assert found.steps < whole.steps == 60
    assert whole.loss < found.loss <= whole.loss + 0.1


def test_the_loss_of_changing_pictures_is_no_mark() -> None:
    with pytest.raises(_trained.SpecError, match="changed=False"):
        _trained.taught(_trained.Pupil("conv", 1, seed=0), _trained.lesson(2, seed=0), steps=1, until=1.0)


def test_a_part_of_a_lesson_is_its_beginning() -> None:
    lesson = _trained.lesson(6, seed=2)
    assert lesson.part(4).events.ids == scenes.world().sample(4, split="pictures", seed=2).ids
    assert bool((lesson.part(4).pictures == lesson.pictures[:4]).all())
