"""The experiments on scenes judge rows, and only rows: made-up ones that hold, that contradict, and that leave it open."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from platometer import scenes
from platometer.experiments import (
    _scenes,
    abstraction,
    bijectivity,
    capacity,
    density,
    information,
    modalities,
    null_world,
    training_time,
)

NAMES = ("mutual_knn(k=10)", "cka(estimator=debiased)")


def _score(metric: str, excess: float, p: float = 0.5) -> dict:
    return {"metric": metric, "n": 512, "null": "draws", "draws": 99, "score": 0.02 + excess, "p": p, "null_mean": 0.02,
            "null_sd": 0.002, "calibrated": max(excess, 0.0), "excess": excess, "left_layer": "a", "right_layer": "b"}


def _noise(scale: float = 0.002, seed: int = 0) -> Callable[[], float]:
    chance = np.random.default_rng(seed)
    return lambda: float(chance.normal(0, scale))


def _density(rise: float, scale: float = 0.002) -> list[dict]:
    noise = _noise(scale)
    return [{"repeat": r, "asked": words, "words": float(words), "attributes": 3.0, "left": "a", "right": "b",
             **_score(metric, 0.05 + rise * np.log(words) + noise())}
            for r in range(6) for words in (3, 5, 10, 20, 30) for metric in NAMES]


def test_density_is_judged_by_its_rise() -> None:
    held = density.check(_density(0.02))
    assert held.outcome == "held"
    assert held.numbers["rise low"] > 0
    assert density.check(_density(-0.02)).outcome == "not held"
    assert density.check(_density(0.0, scale=0.03)).outcome in ("undecided", "not held")


def test_density_is_refuted_by_a_step_that_surely_falls() -> None:
    rows = _density(0.02)
    for row in rows:
        if row["asked"] == 30:
            row["excess"] -= 0.03
    found = density.check(rows)
    assert found.outcome == "not held"
    assert "from 20 to 30 words it surely falls" in found.words


def _information(curve: Callable[[float], float]) -> list[dict]:
    noise = _noise()
    return [{"repeat": r, "attributes": k, "bits": float(k) * 2, "left": "a", "right": "b",
             **_score(metric, curve(k * 2) + noise())}
            for r in range(6) for k in range(10) for metric in NAMES]


def test_information_is_judged_by_rise_and_prediction() -> None:
    found = information.check(_information(lambda bits: 0.01 * bits))
    assert found.outcome == "held"
    assert found.numbers["r2 held out"] > 0.9
    assert information.check(_information(lambda bits: 0.1 - 0.01 * bits)).outcome == "not held"
    assert information.check(_information(lambda bits: 0.0)).outcome == "not held"


def _null_world(p: Callable[[np.random.Generator], float], same: float = 0.01) -> list[dict]:
    chance = np.random.default_rng(3)
    apart = [{"pairing": "unrelated worlds", "repeat": r, "left": a, "right": b, **_score(metric, 0.0, p(chance))}
             for r in range(60) for a in "ab" for b in "cd" for metric in NAMES]
    together = [{"pairing": "same events", "repeat": r, "left": a, "right": b, **_score(metric, 0.1, same)}
                for r in range(3) for a in "ab" for b in "cd" for metric in NAMES]
    return apart + together


def test_the_null_world_is_judged_by_level_and_power() -> None:
    assert null_world.check(_null_world(lambda chance: chance.random())).outcome == "held"
    beyond = null_world.check(_null_world(lambda chance: chance.random() ** 4))
    assert beyond.outcome == "not held"
    assert "leave the null" in beyond.words
    assert null_world.check(_null_world(lambda chance: chance.random(), same=0.3)).outcome == "undecided"


def _modalities(trained: float, untrained: float) -> list[dict]:
    noise, kinds = _noise(0.001), ("vision", "language", "sound", "path")
    return [{"repeat": r, "trained": t, "modalities": f"{a} ~ {b}", "left": a, "right": b,
             **_score(metric, (trained if t else untrained) + noise())}
            for r in range(6) for t in (True, False) for i, a in enumerate(kinds) for b in kinds[i + 1 :] for metric in NAMES]


def test_modalities_must_beat_chance_and_their_untrained_twins() -> None:
    assert modalities.check(_modalities(0.1, 0.02)).outcome == "held"
    assert modalities.check(_modalities(0.02, 0.1)).outcome == "not held"
    assert modalities.check(_modalities(0.0, 0.0)).outcome == "not held"


def _abstraction(fall: float, gap: float) -> list[dict]:
    noise = _noise()
    captions = [{"repeat": r, "what": "captions", "abstraction": a, "concept": None, "left": "a", "right": "b",
                 **_score(metric, 0.1 - fall * a + noise())}
                for r in range(6) for a in (0.0, 0.5, 1.0) for metric in NAMES]
    concepts = [{"repeat": r, "what": "concept", "abstraction": 0.5, "concept": name, "left": "a", "right": "b",
                 **_score(NAMES[1], 0.3 + (gap if name in abstraction._CONCRETE else 0.0) + noise())}
                for r in range(6) for name in abstraction._CONCRETE + abstraction._ABSTRACT]
    return captions + concepts


def test_abstraction_needs_both_the_fall_and_the_gap() -> None:
    assert abstraction.check(_abstraction(0.05, 0.1)).outcome == "held"
    assert abstraction.check(_abstraction(-0.05, 0.1)).outcome == "not held"
    assert abstraction.check(_abstraction(0.05, -0.1)).outcome == "not held"


def _capacity(slope: float) -> list[dict]:
    noise = _noise()
    return [{"repeat": r, "left": f"{a}-{i}", "right": f"{b}-{j}", "left_parameters": 6000 * 3**i,
             "right_parameters": 6000 * 3**j, **_score(metric, 0.1 + slope * (i + j) + noise())}
            for r in range(2) for a in ("conv-contrastive", "vit-masked", "vit-supervised") for b in ("gpt", "gru")
            for i in range(1, 6) for j in range(1, 6) for metric in NAMES]


def test_capacity_is_judged_over_models_and_within_families() -> None:
    found = capacity.check(_capacity(0.01))
    assert found.outcome == "held"
    assert "law of mutual_knn" in found.words
    assert capacity.check(_capacity(-0.01)).outcome == "not held"


def _bijectivity(loss: float, raised: float = 0.0) -> list[dict]:
    noise, rows = _noise(0.001), []
    for r in range(6):
        rows.append({"repeat": r, "on": "none", "channel": "none", "strength": 0.0, "bits": None, "left": "a", "right": "b",
                     **_score(NAMES[0], 0.1 + noise())})
        for on, name, strength in bijectivity._cases():
            top = max(bijectivity._STRENGTHS[on][name])
            bits = bijectivity._bits(name, strength) if on == "events" and r == 0 else None
            if on == "events" and bits is None:
                bits = next(row["bits"] for row in rows if (row["channel"], row["strength"]) == (name, strength))
            change = -loss * strength / top + (raised if name == "grey" else 0.0)
            rows.append({"repeat": r, "on": on, "channel": name, "strength": float(strength), "bits": bits, "left": "a",
                         "right": "b", **_score(NAMES[0], 0.1 + change + noise())})
    return rows


def test_bijectivity_is_refuted_by_a_loss_that_raises_alignment() -> None:
    assert bijectivity.check(_bijectivity(0.08)).outcome == "held"
    found = bijectivity.check(_bijectivity(0.08, raised=0.12))
    assert found.outcome == "not held"
    assert "grey" in found.words
    assert bijectivity.check(_bijectivity(-0.08)).outcome == "not held"


def test_a_channel_that_hides_everything_keeps_whether_there_is_a_second_thing() -> None:
    alone = float(scenes.world().joint("relation")[-1])
    left = -alone * np.log2(alone) - (1 - alone) * np.log2(1 - alone)
    assert bijectivity._bits("hidden", 1.0) == pytest.approx(left)
    whole = sum(scenes.world().entropy(name) for name in bijectivity._OF_EVENTS)
    assert bijectivity._bits("replaced", 0.2) < whole


def _training(rise: float) -> list[dict]:
    noise = _noise()
    return [{"repeat": r, "model": name, "step": step, "loss": 4 - np.log2(step + 1) / 3,
             "skill": 0.1 + 0.02 * np.log2(step + 1), "partner": "p",
             **_score(NAMES[0], 0.01 + rise * np.log2(step + 1) + noise())}
            for r in range(6) for name in ("conv", "gpt") for step in (0, 3, 12, 50, 200, 750)]


def test_training_time_is_judged_by_the_rise_of_each_model() -> None:
    found = training_time.check(_training(0.01))
    assert found.outcome == "held"
    assert "half of the change is done in" in found.words
    assert training_time.check(_training(-0.01)).outcome == "not held"


def test_half_of_a_change_is_found_between_checkpoints() -> None:
    assert training_time._half(np.array([0, 2, 4, 8]), np.array([0.0, 0.0, 1.0, 1.0])) == pytest.approx(1.5)


@pytest.mark.parametrize(("module", "rows"), [
    (density, _density(0.02)), (information, _information(lambda bits: 0.01 * bits)),
    (null_world, _null_world(lambda chance: chance.random())), (modalities, _modalities(0.1, 0.02)),
    (abstraction, _abstraction(0.05, 0.1)), (capacity, _capacity(0.01)), (bijectivity, _bijectivity(0.08)),
    (training_time, _training(0.01)),
], ids=lambda value: value.__name__.rsplit(".", 1)[1] if hasattr(value, "__name__") else "rows")
def test_every_figure_is_drawn_from_rows_and_says_n(module, rows: list[dict]) -> None:
    figure = module.draw(rows)
    figure.canvas.draw()
    words = " ".join(text.get_text() for axes in figure.axes for text in (axes.xaxis.label, axes.yaxis.label))
    assert "n = 512" in words or module is null_world


def test_an_interval_needs_two_repetitions() -> None:
    with pytest.raises(ValueError, match="1 repetition has no interval"):
        _scenes.interval([1.0])
