"""The price: measured on this machine, and scaled as the work grows."""

from __future__ import annotations

import pytest

from platometer.study import _price


def test_a_cell_costs_its_layers_and_its_draws() -> None:
    trial = _price.Trial(layer=2.0, draw=0.5)
    assert trial.seconds(3, 4, 0) == 2 * 7 + 0.5 * 12
    assert trial.seconds(3, 4, 9) == 2 * 7 + 0.5 * 12 * 10


@pytest.mark.parametrize("metric", ["mutual_knn(k=5)", "cka"])
def test_a_trial_takes_some_time(metric: str) -> None:
    trial = _price.trial(metric, 50)
    assert trial.layer > 0
    assert trial.draw > 0


def test_beyond_its_size_a_trial_grows_with_the_square_of_the_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(range(100))
    monkeypatch.setattr(_price.time, "perf_counter", lambda: float(next(ticks)))
    small, large = _price.trial("cka", _price._MOST), _price.trial("cka", 3 * _price._MOST)
    assert (large.layer, large.draw) == (pytest.approx(9 * small.layer), pytest.approx(9 * small.draw))
