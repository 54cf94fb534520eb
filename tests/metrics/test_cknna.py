"""CKNNA: the literal sums of each variant, values worked by hand, what links it to CKA, ties, bad input."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import platometer as pm
from platometer import metrics
from platometer.errors import InputError, ShapeError, SpecError, UndefinedError
from platometer.metrics.cknna import Cknna

VARIANTS = ("paper", "centred", "platonic-rep")


def spaces(seed: int, *, n: int = 30, layers: int = 1) -> list[torch.Tensor]:
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 3))
    return [torch.tensor(z @ rng.normal(size=(3, 5)) + 0.5 * rng.normal(size=(n, 5)) + 0.3) for _ in range(layers)]


def mask(K: np.ndarray, k: int) -> np.ndarray:
    """Row i is one at the k largest K_ij, j other than i."""
    n = len(K)
    out = np.zeros((n, n))
    for i in range(n):
        for j in sorted((j for j in range(n) if j != i), key=lambda j: -K[i, j])[:k]:
            out[i, j] = 1
    return out


def paper(K: np.ndarray, L: np.ndarray, k: int) -> float:
    """Huh et al. 2024, eq. 16 to 18: sum_ij a(i, j) (K_ij - E_l K_il) (L_ij - E_l L_il), a(i, j) whether j is among the
    neighbours of i in both."""
    a = mask(K, k) * mask(L, k)
    n = len(K)
    return sum(
        a[i, j] * (K[i, j] - sum(K[i]) / n) * (L[i, j] - sum(L[i]) / n) for i in range(n) for j in range(n)
    )


def centred(K: np.ndarray, L: np.ndarray, k: int) -> float:
    """The same with (HKH)_ij and (HLH)_ij."""
    H = np.eye(len(K)) - 1 / len(K)
    return float((mask(K, k) * mask(L, k) * (H @ K @ H) * (H @ L @ H)).sum())


def released(K: np.ndarray, L: np.ndarray, k: int) -> float:
    """Song et al. 2012, eq. 5, of the masked matrices, the second transposed in the first term."""
    a, n = mask(K, k) * mask(L, k), len(K)
    K, L, one = a * K, a * L, np.ones(n)
    hsic = np.trace(K @ L) + one @ K @ one * (one @ L @ one) / ((n - 1) * (n - 2)) - 2 / (n - 2) * (one @ K @ L @ one)
    return float(hsic / (n * (n - 3)))


LITERAL = {"paper": paper, "centred": centred, "platonic-rep": released}


@pytest.mark.parametrize("k", [2, 5, 12, 29])
@pytest.mark.parametrize("variant", VARIANTS)
def test_it_is_the_quotient_of_the_literal_sums(variant: str, k: int) -> None:
    x, y = spaces(0, layers=2)
    K, L, of = (x @ x.T).numpy(), (y @ y.T).numpy(), LITERAL[variant]
    literal = of(K, L, k) / np.sqrt(of(K, K, k) * of(L, L, k))
    assert pm.score(x, y, Cknna(k=k, variant=variant), conditioning="none") == pytest.approx(literal, rel=1e-10)


def test_values_worked_by_hand() -> None:
    x, y = torch.tensor([[1.0], [2.0], [6.0]]), torch.tensor([[1.0], [3.0], [2.0]])
    # K = xx', row means 3 x_i; the largest other: 2 2 1. K_ij - mean there: 6 - 3 = 3, 12 - 6 = 6, 12 - 18 = -6
    # L = yy', row means 2 y_i; the largest other: 1 2 1. L_ij - mean there: 3 - 2 = 1, 6 - 6 = 0, 6 - 4 = 2
    # in common: 1 -> 2 and 2 -> 1; 6 * 0 - 6 * 2 = -12; 9 + 36 + 36 = 81; 1 + 0 + 4 = 5
    assert pm.score(x, y, "cknna(k=1)", conditioning="none") == pytest.approx(-12 / np.sqrt(81 * 5))
    # centred: x - 3 = -2 -1 3, y - 2 = -1 1 0: HKH at 2 2 1: -6 -3 -3, HLH at 1 2 1: -1 0 0; in common: 0 + 0
    assert pm.score(x, y, "cknna(k=1, variant=centred)", conditioning="none") == 0.0


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_space_agrees_with_itself_fully(variant: str) -> None:
    x = spaces(1)[0]
    assert pm.score(x, x, Cknna(k=5, variant=variant)) == pytest.approx(1.0, abs=1e-12)


def test_with_all_others_as_neighbours_the_centred_variant_is_cka_without_the_diagonal() -> None:
    x, y = spaces(2, layers=2)
    expected = pm.score(x, y, "cka(estimator=lange)", conditioning="none")
    assert pm.score(x, y, Cknna(k=29, variant="centred"), conditioning="none") == pytest.approx(expected, abs=1e-12)


def test_with_all_others_as_neighbours_the_released_variant_is_debiased_cka() -> None:
    x, y = spaces(2, layers=2)
    expected = pm.score(x, y, "cka(estimator=debiased)", conditioning="none")
    assert pm.score(x, y, Cknna(k=29, variant="platonic-rep"), conditioning="none") == pytest.approx(expected, abs=1e-12)


def test_the_released_variant_may_exceed_one_and_says_that_it_has_no_bound() -> None:
    x, y = spaces(33, n=6, layers=2)
    assert pm.score(x, y, Cknna(k=4, variant="platonic-rep"), conditioning="none") > 2
    assert Cknna(variant="platonic-rep").facts.best is None
    assert Cknna().facts.best == 1.0


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("size", [1e-150, 1e-20, 1e20, 1e150])
def test_scale_changes_nothing(variant: str, size: float) -> None:
    x, y = spaces(3, layers=2)
    metric = Cknna(k=5, variant=variant)
    assert pm.score(x * size, y, metric, conditioning="none") == pytest.approx(
        pm.score(x, y, metric, conditioning="none"), rel=1e-9)


@pytest.mark.parametrize("variant", ["paper", "centred"])
def test_features_far_from_the_origin_keep_their_digits(variant: str) -> None:
    x, y = spaces(4, layers=2)
    far = x.round(decimals=3) + torch.tensor([2.0**20, 0, 0, 0, 0])
    metric = Cknna(k=5, variant=variant)
    K = far @ far.T
    similar = {"paper": far @ (far - far.mean(0)).T, "centred": (far - far.mean(0)) @ (far - far.mean(0)).T}[variant]
    on = torch.tensor(mask(K.numpy(), 5)).bool()
    L = {"paper": y @ (y - y.mean(0)).T, "centred": (y - y.mean(0)) @ (y - y.mean(0)).T}[variant]
    there = torch.tensor(mask((y @ y.T).numpy(), 5)).bool()
    expected = (similar * L)[on & there].sum() / (similar[on].norm() * L[there].norm())
    assert pm.score(far, y, metric, conditioning="none") == pytest.approx(float(expected), abs=1e-9)


@pytest.mark.parametrize("variant", VARIANTS)
def test_many_pairs_at_once_equal_the_plain_loop(variant: str) -> None:
    metric = Cknna(k=4, variant=variant)
    lefts, rights = ([metric.prepare(x) for x in spaces(seed, layers=3)] for seed in (2, 3))
    orders = torch.stack([torch.randperm(30, generator=torch.Generator().manual_seed(s)) for s in range(5)])
    loop = [[[metric.compare(a, metric.permute(b, order)) for b in rights] for a in lefts] for order in orders]
    np.testing.assert_allclose(metric.null_grid(lefts, rights, orders), loop, rtol=0, atol=1e-12)


@pytest.mark.parametrize("variant", VARIANTS)
def test_tied_neighbours_stand_in_no_sum(variant: str) -> None:
    x = torch.cat([spaces(5)[0]] * 2)
    metric = Cknna(k=4, variant=variant)
    side = metric.prepare(x)
    assert bool((side.values[side.lists < 0] == 0).all())
    assert metric.compare(side, side) == pytest.approx(1.0)
    assert "ties at their k-th neighbour" in metric.remarks(side)[0]


@pytest.mark.parametrize("variant", VARIANTS)
def test_undefined_is_an_error_that_says_why(variant: str) -> None:
    with pytest.raises(UndefinedError, match="All samples have the same features"):
        Cknna(k=2, variant=variant).prepare(torch.ones(6, 3, dtype=torch.float64))
    with pytest.raises(UndefinedError, match="All samples have the same features"):
        Cknna(k=5, variant=variant).prepare(torch.ones(6, 3, dtype=torch.float64))
    with pytest.raises(UndefinedError, match="all are tied"):
        Cknna(k=2, variant=variant).prepare(torch.eye(6, dtype=torch.float64))


def test_no_square_root_is_taken_of_a_negative() -> None:
    x = torch.tensor([[2.0, -1.0], [0.0, 3.0], [3.0, 1.0], [-2.0, -2.0]], dtype=torch.float64)
    K = (x @ x.T).numpy()
    assert released(K, K, 2) == pytest.approx(-0.625)
    with pytest.raises(UndefinedError, match=r"alignment of the space with itself is -.*, which is not positive"):
        Cknna(k=2, variant="platonic-rep").prepare(x)


def test_bad_options_say_what_is_wrong() -> None:
    with pytest.raises(SpecError, match="k = 0; a sample needs at least one neighbour"):
        metrics.parse("cknna(k=0)")
    with pytest.raises(SpecError, match=r"variant = 'papier'\. Did you mean 'paper'"):
        metrics.parse("cknna(variant=papier)")
    with pytest.raises(InputError, match="needs at least 31 samples; there are 30"):
        Cknna(k=30).prepare(spaces(0)[0])
    with pytest.raises(ShapeError, match="needs at least 4 samples; there are 3"):
        Cknna(k=1, variant="platonic-rep").prepare(torch.eye(3, dtype=torch.float64))
