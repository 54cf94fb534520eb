"""One half of a symmetric matrix stands for all of it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from platometer import metrics
from platometer.arrays import Rows
from platometer.metrics import _grams, _halves


def features(n, d=5, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("n", [1, 2, 127, 128, 129, 300, 512])
def test_the_kept_half_is_that_of_the_product(n):
    x = features(n)
    half = replace(_halves.Half.of_products(x), scale=0.5)
    whole = (x @ x.T) / 2
    assert torch.allclose(half.full(), whole, atol=1e-6)
    assert torch.equal(half.full(), half.full().T)
    assert len(half.entries) < n * n or n <= 128
    assert np.array_equal(_halves.pairs(half), half.full().numpy()[np.triu_indices(n)] * 2)
    assert _halves.square(half) == pytest.approx(float((whole.double() ** 2).sum()), rel=1e-6)


def test_inner_products_of_halves_are_those_of_whole_matrices():
    halves = [replace(_halves.Half.of_products(features(300, seed=seed)), scale=seed + 1.0) for seed in range(5)]
    plain = [[float((a.full().double() * b.full()).sum()) for b in halves[2:]] for a in halves[:2]]
    assert torch.allclose(_halves.products(halves[:2], halves[2:]), torch.tensor(plain, dtype=torch.float64), rtol=1e-6)


def test_numbers_of_rows_and_columns_are_taken_off_and_the_diagonal_is_zeroed():
    half, means = _halves.Half.of_products(features(300)), np.arange(300.0)
    plain = half.full().double() - torch.from_numpy(means[:, None] + means)
    _halves.without(half, means)
    assert torch.allclose(half.full().double(), plain.fill_diagonal_(0), atol=1e-4)


@pytest.mark.parametrize("estimator", ["biased", "debiased", "lange"])
@pytest.mark.parametrize("move", [lambda x: x, lambda x: x + 100, lambda x: 1e-6 * x])
def test_a_quick_side_is_the_plain_one(estimator, move):
    x = move(features(700, 40) @ features(40, 60, seed=1))
    quick = _grams.quick(Rows(x), estimator)
    plain = metrics.parse(f"cka(estimator={estimator})").prepare(x.double())
    assert quick.half is not None
    assert plain.half is None
    assert torch.allclose(quick.gram.double(), plain.gram, atol=2e-7 * float(plain.gram.abs().max()) + 1e-9)
    assert quick.product(plain) == pytest.approx(1, abs=1e-6)
