"""What an experiment is, and what a run of one writes."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from platometer import experiments
from platometer.errors import InputError, SpecError
from platometer.experiments import _experiment


@pytest.fixture
def coin(monkeypatch: pytest.MonkeyPatch) -> str:
    """An experiment from outside the package: coins are fair."""
    module = ModuleType("coin_of_a_test")
    module.__doc__ = """A coin is fair.

    Claim: heads come up
        half of the time.
    Wrong if: the share is outside [0.4, 0.6].
    Price: nothing.
    Last seen: held, 0.5.

    Source: none.
    """

    def run(*, quick: bool = False, seed: int = 0, track: experiments.Track = experiments.silent, sides: int = 2) -> list[dict]:
        track(1, 1, "toss")
        return [{"toss": i, "heads": (i + seed) % sides == 0} for i in range(4 if quick else 10)]

    def check(rows: list[dict]) -> experiments.Verdict:
        share = sum(row["heads"] for row in rows) / len(rows)
        return experiments.Verdict("held" if 0.4 <= share <= 0.6 else "not held", f"{share} heads", {"share": share})

    def draw(rows: list[dict]):
        from matplotlib.figure import Figure

        figure = Figure()
        figure.subplots().plot([row["heads"] for row in rows])
        return figure

    module.run, module.check, module.draw = run, check, draw
    monkeypatch.setitem(sys.modules, "coin_of_a_test", module)
    monkeypatch.setattr(_experiment.plugins, "_folder", lambda package: {"coin": "coin_of_a_test"})
    return "coin"


def test_an_experiment_says_what_would_refute_it(coin: str) -> None:
    found = experiments.load(coin)
    assert found.title == "A coin is fair."
    assert found.claim == "heads come up half of the time."
    assert found.wrong_if == "the share is outside [0.4, 0.6]."
    assert found.last_seen == "held, 0.5."
    assert dict(found.options) == {"sides": 2}


def test_a_run_leaves_rows_a_verdict_and_a_figure(coin: str, tmp_path) -> None:
    seen: list[tuple] = []
    outcome = experiments.run(coin, out=tmp_path, track=lambda *told: seen.append(told))
    assert outcome.verdict.outcome == "held"
    assert seen == [(1, 1, "toss")]
    rows, verdict = _experiment.read(tmp_path)
    assert rows == outcome.rows
    assert verdict["numbers"] == {"share": 0.5}
    assert verdict["seed"] == 0
    assert "numpy" in verdict["versions"]
    assert (tmp_path / "figure.png").read_bytes()[:4] == b"\x89PNG"
    assert b"<svg" in (tmp_path / "figure.svg").read_bytes()


def test_equal_runs_leave_equal_files(coin: str, tmp_path) -> None:
    for name in ("a", "b"):
        experiments.run(coin, out=tmp_path / name)
    for file in ("rows.parquet", "verdict.json", "figure.png", "figure.svg"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes(), file


def test_the_verdict_is_judged_from_the_rows(coin: str, tmp_path) -> None:
    assert experiments.run(coin, out=tmp_path, options={"sides": 5}, figure="skip").verdict.outcome == "not held"
    assert not (tmp_path / "figure.png").exists()


def test_an_option_that_is_not_there_is_named(coin: str, tmp_path) -> None:
    with pytest.raises(SpecError, match=r"'coin' has no option 'side'\. .*sides"):
        experiments.run(coin, out=tmp_path, options={"side": 3})


def test_a_verdict_has_three_outcomes_and_finite_numbers() -> None:
    with pytest.raises(InputError, match="outcome = 'helt'"):
        experiments.Verdict("helt", "")
    with pytest.raises(InputError, match="'slope' is nan"):
        experiments.Verdict("held", "", {"slope": float("nan")})


@pytest.mark.parametrize("name", experiments.names())
def test_every_experiment_opens_with_its_claim(name: str) -> None:
    found = experiments.load(name)
    assert found.title.endswith(".")
    assert callable(found.module.check)
    assert callable(found.module.draw)
