"""Amount of data: laws recovered, verdicts of made-up rows, and a run of the smallest size."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from platometer.experiments import _trained, data_amount
from platometer.experiments._scenes import METRICS

DATA, PARAMETERS = (128, 512, 2048, 4096), (8_000, 20_000, 70_000)


def made_up(a: float, b: float, *, noise: float = 0.002) -> list[dict]:
    """Rows that follow the sum with these coefficients."""
    rng, rows = np.random.default_rng(0), []
    for data, parameters, seed, metric in itertools.product(DATA, PARAMETERS, range(4), METRICS):
        excess = 0.3 - a * (data / 128) ** -0.5 - b * (parameters / 8000) ** -0.5 + noise * rng.normal()
        rows.append({"repeat": 0, "data": data, "parameters": parameters, "size": 1, "seed": seed, "loss": 1.0, "n": 512,
                     "metric": metric, "left": f"{data}-{parameters}-{seed}", "right": "gpt-5", "excess": excess})
    return rows


@pytest.mark.parametrize(("a", "b", "noise", "outcome"), [
    (0.1, 0.1, 0.002, "held"), (0.0, 0.0, 0.05, "undecided"), (0.002, 0.002, 0.03, "undecided")])
def test_the_claim_asks_that_both_count(a: float, b: float, noise: float, outcome: str) -> None:
    verdict = data_amount.check(made_up(a, b, noise=noise))
    assert verdict.outcome == outcome
    assert ("more seeds" in verdict.words) == (outcome == "undecided")


def test_a_sum_that_foretells_worse_is_refuted() -> None:
    rows = made_up(0.1, 0.0, noise=0.0002)  # sizes differ only in which amount of data they fail at: no sum foretells that
    for row in rows:
        place = DATA.index(row["data"]) - PARAMETERS.index(row["parameters"])
        row["excess"] += 0.03 if place == 0 else 0.0
    verdict = data_amount.check(rows)
    assert verdict.outcome == "not held"
    assert verdict.numbers["mutual_knn error of data"] < verdict.numbers["mutual_knn error of sum"]


def test_the_law_is_recovered() -> None:
    cells = data_amount._cells(made_up(0.1, 0.05, noise=0.0), METRICS[0])
    assert cells.law() == "the sum is 0.300 - 0.100 (data/128)^-0.5 - 0.050 (parameters/8000)^-0.5"
    np.testing.assert_allclose(cells.fitted("sum"), cells.means(), atol=1e-12)
    assert cells.errors("sum", cells.means()[None])[0] < 1e-20


def test_a_left_out_cell_is_not_seen() -> None:
    cells = data_amount._cells(made_up(0.1, 0.05, noise=0.01), METRICS[0])
    y, other = cells.means()[None], cells.means()[None].copy()
    other[0, 3] += 100.0
    seen = np.arange(y.shape[1]) != 3
    assert cells._foretold("sum", y, seen)[0, 3] == pytest.approx(cells._foretold("sum", other, seen)[0, 3])


def test_a_run_makes_rows_that_can_be_judged_and_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_amount, "_QUICK", {"scenes": 64, "n": 40, "repeats": 1, "seeds": 2, "steps": 2, "draws": 19})
    monkeypatch.setattr(data_amount, "_SIZES_QUICK", (1, 2))
    monkeypatch.setattr(_trained, "readings", lambda events, names, seed: {
        name: {"vector": events.values.astype(np.float32)} for name in names})
    rows = data_amount.run(quick=True)
    assert {row["data"] for row in rows} == {2, 8, 32, 64}
    assert data_amount.check(rows).outcome in ("held", "not held", "undecided")
    assert len(data_amount.draw(rows).axes) == 2
