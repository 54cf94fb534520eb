"""A planted colour space is found, unrelated dissimilarities stay in their null, and the numbers are those of others."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from platometer.errors import InputError, UndefinedError
from platometer.experiments._colour_names import FOCAL, lab
from platometer.experiments._colour_scores import NAMES, circular, compared, distances, rsa
from platometer.metrics.rsa import Rsa

COLOURS = lab(list(FOCAL.values()))
FEW = {"draws": 199, "starts": 5}


def _unrelated(chance: np.random.Generator) -> np.ndarray:
    return distances(chance.normal(size=(len(COLOURS), 6)))


def test_a_planted_colour_space_is_recovered_whole() -> None:
    found = compared([distances(COLOURS @ np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0])], COLOURS, **FEW)
    for name, wanted in zip(NAMES, (1, 0, 1, 1), strict=True):
        assert found.score[name] == pytest.approx(wanted, abs=1e-3), name
        assert found.p[name] == pytest.approx(1 / 200), name
        assert found.low[name] <= found.score[name] <= found.high[name], name
    np.testing.assert_allclose(found.points, COLOURS, atol=0.5)
    assert found.stress < 1e-3


def test_a_planted_space_in_noise_is_found_with_an_interval_that_says_so() -> None:
    chance = np.random.default_rng(1)
    noisy = compared([distances(COLOURS + chance.normal(scale=25, size=COLOURS.shape))], COLOURS, **FEW)
    assert 0.4 < noisy.low["rsa"] < noisy.score["rsa"] < noisy.high["rsa"] < 1
    assert 0.05 < noisy.score["residual"] < 0.6
    assert max(noisy.p.values()) < 0.05


def test_unrelated_words_stay_in_their_null_the_choice_of_a_layer_inside() -> None:
    chance = np.random.default_rng(2)
    ps = {name: [] for name in NAMES}
    for i in range(40):
        found = compared([_unrelated(chance) for _ in range(4)], COLOURS, draws=39, starts=2, seed=i)
        for name in NAMES:
            ps[name].append(found.p[name])
    for name, values in ps.items():  # 40 trials at level 0.2: 8 expected, 18 or more with probability 0.0004
        assert np.mean(np.array(values) <= 0.2) < 0.43, name
        assert 0.3 < np.mean(values) < 0.7, name


def test_chance_leaves_less_than_everything_and_the_null_knows() -> None:
    found = compared([_unrelated(np.random.default_rng(3))], COLOURS, **FEW)
    assert 0.7 < found.chance["residual"] < 0.95
    assert found.chance["hue"] > 0.1
    assert abs(found.chance["rsa"]) < 0.05


def test_the_layer_of_highest_rsa_is_chosen() -> None:
    chance = np.random.default_rng(4)
    found = compared([_unrelated(chance), distances(COLOURS), _unrelated(chance)], COLOURS, **FEW)
    assert found.layer == 1
    assert [round(layer["rsa"], 3) == 1 for layer in found.layers] == [False, True, False]


def test_a_mirrored_space_fits_only_where_reflection_is_allowed() -> None:
    found = compared([distances(COLOURS)], COLOURS, **FEW)  # which of the mirror images a start finds is chance
    assert found.score["residual"] <= found.turned


def test_rsa_is_that_of_scipy_and_of_the_metric() -> None:
    x = np.random.default_rng(5).normal(size=(20, 4))
    upper = np.triu_indices(20, 1)
    ours = rsa([distances(x)], distances(COLOURS), np.arange(20)[None])[0, 0]
    assert ours == pytest.approx(spearmanr(distances(x)[upper], distances(COLOURS)[upper]).statistic)
    metric = Rsa(dissimilarity="euclidean")
    assert ours == pytest.approx(metric.compare(metric.prepare(torch.tensor(x)), metric.prepare(torch.tensor(COLOURS))))
    order = np.random.default_rng(6).permutation(20)
    moved = rsa([distances(x)], distances(COLOURS), order[None])[0, 0]
    assert moved == pytest.approx(rsa([distances(x)], distances(COLOURS[order]), np.arange(20)[None])[0, 0])


def test_circular_correlation_is_the_sum_over_pairs() -> None:
    a, b = np.random.default_rng(7).uniform(-np.pi, np.pi, size=(2, 9))
    there = np.arange(9) != 4
    i, j = np.array([(i, j) for i in range(9) for j in range(i) if there[i] and there[j]]).T
    left, right = np.sin(a[i] - a[j]), np.sin(b[i] - b[j])
    literal = (left * right).sum() / np.sqrt((left**2).sum() * (right**2).sum())
    assert circular(a[None], b[None], there[None])[0] == pytest.approx(literal)


def test_colours_without_a_hue_have_no_score_of_hue() -> None:
    greys = lab(np.repeat(np.linspace(0, 255, 12)[:, None], 3, axis=1))
    found = compared([distances(greys)], greys, **FEW)
    assert set(found.score) == {"rsa", "residual", "lightness"}


def test_too_few_items_and_equal_dissimilarities_are_undefined() -> None:
    with pytest.raises(UndefinedError, match="5 items; expected at least 8"):
        compared([np.ones((5, 5))], COLOURS[:5])
    with pytest.raises(UndefinedError, match="dissimilarities are equal"):
        compared([np.ones((20, 20))], COLOURS, **FEW)
    with pytest.raises(InputError, match="for 20 colours"):
        compared([np.ones((3, 3))], COLOURS, **FEW)
