"""The RBF kernel's bandwidth: worked by hand, in units of the median distance or as it stands."""

from __future__ import annotations

import math

import pytest
import torch

from platometer.metrics import parse

X, Y = torch.tensor([[0.0], [3.0], [7.0], [20.0]]).double(), torch.tensor([[1.0], [4.0], [2.0], [9.0]]).double()


def literal(x: torch.Tensor, s: float) -> torch.Tensor:
    """HKH with K_ij = exp(-|x_i - x_j|^2 / (2 s^2))."""
    K = torch.tensor([[math.exp(-float(((a - b) ** 2).sum()) / (2 * s * s)) for b in x] for a in x], dtype=torch.float64)
    H = torch.eye(4, dtype=torch.float64) - 0.25
    return H @ K @ H


def cka(x: torch.Tensor, y: torch.Tensor, s: float, t: float) -> float:
    K, L = literal(x, s), literal(y, t)
    return float((K * L).sum() / (K.norm() * L.norm()))


@pytest.mark.parametrize("s", [0.7, 1.0, 6.5])
@pytest.mark.parametrize("size", [1.0, 0.3, 16.0])
def test_an_absolute_bandwidth_is_taken_as_it_stands(s: float, size: float) -> None:
    metric = parse(f"cka(kernel=rbf, bandwidth={s}, unit=one)")
    found = metric.compare(metric.prepare(size * X), metric.prepare(size * Y))
    assert found == pytest.approx(cka(size * X, size * Y, s, s), rel=1e-12)


@pytest.mark.parametrize("s", [0.7, 1.0])
def test_a_relative_bandwidth_is_a_multiple_of_the_median_over_different_samples(s: float) -> None:
    metric = parse(f"cka(kernel=rbf, bandwidth={s})")
    found = metric.compare(metric.prepare(X), metric.prepare(Y))
    assert found == pytest.approx(cka(X, Y, 10.0 * s, 4.0 * s), rel=1e-12)  # of 3 4 7 13 17 20 and of 1 2 3 5 7 8
