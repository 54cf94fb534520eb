"""What can be read off features is read off, what cannot is not, and nobody is judged by rows that chose."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from platometer.capability import Probed, bits_per_byte, knn_probes, linear_probes, mean_skill
from platometer.errors import InputError, ShapeError, UndefinedError

PROBES = (linear_probes, knn_probes)


def clouds(n: int = 900, spread: float = 0.2) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    label = rng.integers(0, 3, n)
    return np.eye(3)[label] + spread * rng.standard_normal((n, 3)), label


@pytest.mark.parametrize("probe", PROBES)
def test_what_is_there_is_read_off_and_what_is_not_is_left_at_chance(probe) -> None:
    x, label = clouds()
    noise = np.random.default_rng(1).integers(0, 3, len(x))
    found = probe(x, {"there": label, "noise": noise})
    assert found["there"].accuracy > 0.98
    low, high = found["noise"].interval
    assert low < 1 / 3 < high
    assert abs(found["noise"].skill) < 0.15


@pytest.mark.parametrize("probe", PROBES)
def test_the_units_and_the_origin_of_features_change_nothing(probe) -> None:
    x, label = clouds(spread=0.5)
    one, other = (probe(y, {"a": label})["a"] for y in (x, torch.tensor(1000 * x + 5)))
    assert np.array_equal(one.right, other.right)


def test_the_linear_probe_is_ridge_regression_on_indicators() -> None:
    sklearn = pytest.importorskip("sklearn.linear_model")
    x, label = clouds(300, spread=0.6)
    found = linear_probes(x, {"a": label}, penalties=[0.01])["a"]
    order = np.random.default_rng(0).permutation(300)
    learn, judge = order[:150], order[195:]
    y = (x - x[learn].mean(0)) / np.sqrt(((x[learn] - x[learn].mean(0)) ** 2).mean())
    model = sklearn.Ridge(alpha=0.01 * 150).fit(y[learn], np.eye(3)[label[learn]])
    assert np.array_equal(found.right, model.predict(y[judge]).argmax(1) == label[judge])


def test_neighbours_vote_and_the_lowest_label_wins_a_tie() -> None:
    sklearn = pytest.importorskip("sklearn.neighbors")
    x, label = clouds(300, spread=0.6)
    found = knn_probes(x, {"a": label}, ks=[5])["a"]
    order = np.random.default_rng(0).permutation(300)
    learn, judge = order[:150], order[195:]
    y = x - x[learn].mean(0)
    model = sklearn.KNeighborsClassifier(5, metric="cosine").fit(y[learn], label[learn])
    assert np.array_equal(found.right, model.predict(y[judge]) == label[judge])


def test_the_penalty_is_chosen_by_validation() -> None:
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, 200)
    x = np.concatenate([label[:, None] + 0.7 * rng.standard_normal((200, 1)), rng.standard_normal((200, 90))], 1)
    penalties = [1e-8, 1e-1, 1e3]
    chosen = linear_probes(x, {"a": label}, penalties=penalties)["a"]
    each = {penalty: linear_probes(x, {"a": label}, penalties=[penalty])["a"].validation for penalty in penalties}
    assert chosen.validation == max(each.values())
    assert chosen.chosen == max(penalties, key=lambda penalty: (each[penalty], penalty))  # of equals, the simplest


def test_skill_is_zero_at_chance_and_one_at_perfection() -> None:
    right = np.array([True, False, True, True])
    probed = Probed(accuracy=0.75, chance=0.5, validation=0.8, chosen=1.0, right=right)
    assert probed.skill == 0.5
    low, high = probed.interval  # Wilson for 3 of 4
    assert (low, high) == (pytest.approx(0.3006, abs=1e-4), pytest.approx(0.9544, abs=1e-4))


def test_the_mean_skill_lies_in_its_interval_and_is_that_of_the_labels() -> None:
    x, label = clouds(spread=0.6)
    found = linear_probes(x, {"a": label, "b": (label == 0).astype(int)})
    mean, low, high = mean_skill(found)
    assert mean == pytest.approx((found["a"].skill + found["b"].skill) / 2)
    assert low < mean < high
    assert high - low < 0.2


@pytest.mark.parametrize("probe", PROBES)
def test_what_cannot_be_probed_is_an_error(probe) -> None:
    x, label = clouds(100)
    with pytest.raises(ShapeError, match=r"expected \(n, d\) and n"):
        probe(x, {"a": label[:50]})
    with pytest.raises(InputError, match="labels is empty"):
        probe(x, {})
    with pytest.raises(InputError, match="leave a part empty"):
        probe(x, {"a": label}, shares=(0.9, 0.1))
    with pytest.raises(UndefinedError, match="do not vary"):
        probe(np.ones((100, 2)), {"a": label})
    with pytest.raises(UndefinedError, match="label 'a' has one value"):
        probe(x, {"a": np.zeros(100, dtype=int)})
    with pytest.raises(InputError, match="1 to 50"):
        knn_probes(x, {"a": label}, ks=[51])


def test_a_uniform_code_of_256_signs_costs_eight_bits_a_byte() -> None:
    texts = ["abc", "ä"]  # 3 and 2 bytes, and a separator each
    assert bits_per_byte([-4 * np.log(256), -3 * np.log(256)], texts) == pytest.approx(8)
    assert bits_per_byte([-3 * np.log(256), -2 * np.log(256)], texts, separator=0) == pytest.approx(8)


def test_numbers_that_are_no_log_probabilities_are_errors() -> None:
    with pytest.raises(InputError, match=r"1,.*for 2 texts"):
        bits_per_byte([-1.0], ["a", "b"])
    with pytest.raises(InputError, match="natural logarithms"):
        bits_per_byte([0.5], ["a"])
    with pytest.raises(InputError, match="texts are empty"):
        bits_per_byte([0.0], [""], separator=0)
