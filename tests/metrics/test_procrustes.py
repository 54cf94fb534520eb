import math

import numpy as np
import pytest
import torch

from platometer.errors import UndefinedError
from platometer.metrics import parse


def score(x, y, form="similarity"):
    metric = parse(f"procrustes(form={form})")
    return metric.compare(*(metric.prepare(torch.as_tensor(np.asarray(side, dtype=np.float64))) for side in (x, y)))


def two(seed=0, n=12, d=3, p=3):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 2))
    return z @ rng.normal(size=(2, d)) + rng.normal(size=(n, d)) + 1, z @ rng.normal(size=(2, p)) + rng.normal(size=(n, p))


def literal_squared(x, y):
    """Ding et al. 2021: min over orthogonal R of |x - yR|^2, sides centred, padded to one width and of unit size."""
    width = max(x.shape[1], y.shape[1])
    x, y = (np.pad(side - side.mean(0), ((0, 0), (0, width - side.shape[1]))) for side in (x, y))
    x, y = x / np.linalg.norm(x), y / np.linalg.norm(y)
    u, _, vh = np.linalg.svd(y.T @ x)  # Schönemann 1966
    return ((x - y @ u @ vh) ** 2).sum()


@pytest.mark.parametrize(("d", "p"), [(3, 3), (2, 5), (30, 4), (30, 40)])
def test_the_score_is_the_literal_one(d, p):
    x, y = two(d=d, p=p)
    square = literal_squared(x, y)
    assert score(x, y, "squared") == pytest.approx(square, abs=1e-12)
    assert score(x, y, "distance") == pytest.approx(math.sqrt(square), abs=1e-12)
    assert score(x, y) == pytest.approx(1 - square / 2, abs=1e-12)
    assert score(x, y, "angular") == pytest.approx(math.acos(1 - square / 2), abs=1e-12)


def test_no_turn_of_many_does_better():
    x, y = two(1, d=2, p=2)
    x, y = (side - side.mean(0) for side in (x, y))
    x, y = x / np.linalg.norm(x), y / np.linalg.norm(y)
    best = 9.0
    for angle in np.linspace(0, 2 * np.pi, 2000):
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        for flip in (1, -1):
            best = min(best, ((x - y @ turn @ np.diag([1, flip])) ** 2).sum())
    assert score(x, y, "squared") <= best + 1e-12
    assert score(x, y, "squared") == pytest.approx(best, abs=1e-4)


def test_a_single_axis_by_hand():
    x, y = [[0.0], [1], [2], [3]], [[0.0], [1], [3], [2]]  # correlation 0.8; a reflection is allowed
    assert score(x, y) == pytest.approx(0.8)
    assert score(x, [[-v] for (v,) in y]) == pytest.approx(0.8)
    assert score(x, y, "squared") == pytest.approx(0.4)
    assert score(x, y, "angular") == pytest.approx(math.acos(0.8))


@pytest.mark.parametrize("form", ["angular", "distance", "squared"])
def test_small_distances_keep_their_digits(form):
    x, _ = two(2)
    assert score(x, x, form) < 1e-14
    for size in (1e-3, 1e-6, 1e-9):
        nudge = size * np.random.default_rng(5).normal(size=x.shape)
        expected = literal_squared(x, x + nudge)
        expected = expected if form == "squared" else math.sqrt(expected)
        assert score(x, x + nudge, form) == pytest.approx(expected, rel=1e-5)


def test_the_angular_form_keeps_the_triangle_inequality():
    spaces = [two(seed, d=d)[0] for seed, d in ((0, 2), (1, 3), (2, 5), (3, 4))]
    for form in ("angular", "distance"):
        for a in spaces:
            for b in spaces:
                for c in spaces:
                    assert score(a, c, form) <= score(a, b, form) + score(b, c, form) + 1e-12


def test_constant_features_have_no_shape():
    with pytest.raises(UndefinedError, match="same features"):
        score(np.ones((12, 3)), two()[1])
