"""Moments of the null against enumeration of all re-pairings, against the published sums, and against draws."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from platometer import nulls
from platometer.metrics import Metric, _moments, cka, parse

WITH = ["cka", "cka(estimator=debiased)", "cka(estimator=lange)", "cka(kernel=rbf)", "cka(kernel=rbf, estimator=debiased)",
        "mutual_knn(k=2)", "rv", "rv(variant=adjusted)", "rsa(compare=pearson)", "rsa(compare=spearman)", "rsa(compare=cosine)"]


def layers(n: int, dims: tuple[int, ...], seed: int) -> list[torch.Tensor]:
    """Skewed features with a few equal rows, so that graphs have ties and moments are not symmetric by accident."""
    rng = np.random.default_rng(seed)
    return [torch.tensor(rng.gamma(0.5, size=(n, d)) - 0.3) for d in dims]


def everything(n: int) -> torch.Tensor:
    return torch.tensor(list(itertools.permutations(range(n))))


def enumerated(metric, lefts, rights, n: int) -> np.ndarray:
    """(n!, L, M), by the plain loop, which is in float64."""
    return Metric.null_grid(metric, lefts, rights, everything(n)).numpy()


def check(found, scores: np.ndarray) -> None:
    """Mean, variance, covariance and skewness against all the values there are."""
    flat = scores.reshape(len(scores), -1)
    moved = scores - scores.mean(0)
    np.testing.assert_allclose(found.mean, scores.mean(0), atol=1e-12)
    np.testing.assert_allclose(found.variance, scores.var(0), rtol=1e-9)
    expected = np.cov(flat.T, bias=True).reshape(found.covariance().shape)
    np.testing.assert_allclose(found.covariance(), expected, atol=1e-9 * scores.var(0).max())
    np.testing.assert_allclose(found.mean_variance(), scores.mean((1, 2)).var(), rtol=1e-8)
    np.testing.assert_allclose(found.skewness, (moved**3).mean(0) / scores.std(0) ** 3, atol=1e-8)


@pytest.mark.parametrize("n", [6, 7])
@pytest.mark.parametrize("spec", WITH)
def test_moments_are_those_of_all_re_pairings(spec, n):
    metric = parse(spec)
    lefts = [metric.prepare(x) for x in layers(n, (3, 5), seed=n)]
    rights = [metric.prepare(x) for x in layers(n, (4, 3, 6), seed=n + 1)]
    scores = enumerated(metric, lefts, rights, n)
    check(metric.null_moments(lefts, rights), scores)


@pytest.mark.parametrize("spec", WITH)
def test_one_pair_has_the_moments_of_its_place_in_the_grid(spec):
    metric = parse(spec)
    lefts = [metric.prepare(x) for x in layers(9, (3, 5), seed=0)]
    rights = [metric.prepare(x) for x in layers(9, (4, 3), seed=1)]
    grid, one = metric.null_moments(lefts, rights), metric.moments(lefts[1], rights[0])
    assert one.mean == pytest.approx(grid.mean[1, 0])
    assert one.variance == pytest.approx(grid.variance[1, 0])
    assert one.skewness == pytest.approx(grid.skewness[1, 0])
    only = grid.only(-1, 0)
    assert only.variance[0, 0] == grid.variance[1, 0]
    np.testing.assert_allclose(only.covariance()[0, 0, 0, 0], grid.variance[1, 0])


@pytest.mark.parametrize("estimator", ["biased", "debiased"])
@pytest.mark.parametrize("d", [2, 5])
def test_features_give_the_moments_that_their_gram_gives(estimator, d, monkeypatch):
    monkeypatch.setattr(cka, "_LARGEST_GRAM", 0)  # every linear side in feature form; d = 2 < sqrt(n), d = 5 beyond it
    metric = parse(f"cka(estimator={estimator})")
    x, y = layers(6, (d, d), seed=3)
    assert metric.prepare(x).gram is None
    lefts, rights = [metric.prepare(x)], [metric.prepare(y)]
    scores = enumerated(metric, lefts, rights, 6)
    check(metric.null_moments(lefts, rights), scores)


def test_layers_in_gram_form_and_in_feature_form_stand_in_one_grid(monkeypatch):
    metric = parse("cka(estimator=debiased)")
    xs = layers(6, (1, 4), seed=5)
    lefts, rights = [metric.prepare(x) for x in xs], [metric.prepare(x) for x in layers(6, (4, 2), seed=6)]
    monkeypatch.setattr(cka, "_LARGEST_GRAM", 0)
    lefts[0] = metric.prepare(xs[0])
    assert [side.gram is None for side in lefts] == [True, False]
    scores = enumerated(metric, lefts, rights, 6)
    check(metric.null_moments(lefts, rights), scores)


def test_rounded_features_whose_rows_lost_neighbours_to_ties_keep_exact_moments():
    metric = parse("mutual_knn(k=3)")
    sides = [metric.prepare(x.round(decimals=0)) for x in layers(7, (2, 3), seed=2)]
    assert any(side.tied for side in sides)
    scores = enumerated(metric, sides[:1], sides[1:], 7)
    check(metric.null_moments(sides[:1], sides[1:]), scores)


def test_any_symmetric_matrix_has_exact_moments():
    rng = np.random.default_rng(0)
    grams = [torch.tensor(m + m.T) for m in rng.gamma(0.5, size=(5, 6, 6))]
    scores = np.array([
        [[float((a * b[p][:, p]).sum()) for b in grams[2:]] for a in grams[:2]] for p in everything(6)
    ])
    check(_moments.of_pair(_moments.symmetric(grams[:2]), _moments.symmetric(grams[2:])), scores)


def test_biased_cka_has_the_published_variance():
    """Kazi-Aoual et al. 1995, as in science.md, section 4, 1."""
    metric, n = parse("cka"), 12
    a, b = (metric.prepare(x) for x in layers(n, (5, 4), seed=8))

    def sums(side):
        gram = side.gram.numpy()
        return np.trace(gram), np.trace(gram @ gram), (np.diag(gram) ** 2).sum()

    (t, t2, s2), (u, u2, v2) = sums(a), sums(b)
    mean = t * u / (n - 1)
    first = 2 * ((n - 1) * t2 - t**2) * ((n - 1) * u2 - u**2) / ((n - 1) ** 2 * (n + 1) * (n - 2))
    second = (n * (n + 1) * s2 - (n - 1) * (t**2 + 2 * t2)) * (n * (n + 1) * v2 - (n - 1) * (u**2 + 2 * u2))
    found = metric.moments(a, b)
    assert found.mean == pytest.approx(mean)
    assert found.variance == pytest.approx(first + second / ((n + 1) * n * (n - 1) * (n - 2) * (n - 3)))


def test_debiased_cka_has_the_variance_and_covariance_that_no_data_can_change():
    metric, n = parse("cka(estimator=debiased)"), 15
    lefts = [metric.prepare(x) for x in layers(n, (4, 6), seed=1)]
    rights = [metric.prepare(x) for x in layers(n, (5, 7, 3), seed=2)]
    found = metric.null_moments(lefts, rights)
    np.testing.assert_allclose(found.mean, 0, atol=1e-15)
    np.testing.assert_allclose(found.variance, 2 / (n * (n - 3)))
    among = metric.grid(lefts, lefts).numpy(), metric.grid(rights, rights).numpy()
    np.testing.assert_allclose(
        found.covariance(), 2 / (n * (n - 3)) * np.einsum("ac,bd->abcd", *among), atol=1e-14
    )


def test_the_third_moment_of_debiased_cka_is_the_published_sum():
    """performance.md: 8 sum_g (a_g C + b_g R)(a_g c + b_g r) / N_g with eight terms."""
    metric, n = parse("cka(estimator=debiased)"), 11
    a, b = (metric.prepare(x) for x in layers(n, (5, 4), seed=4))

    def sums(side):
        gram = side.gram.numpy()
        return (gram**3).sum(), np.trace(gram @ gram @ gram)

    (cube, ring), (cube2, ring2) = sums(a), sums(b)
    f = [math.perm(n, m) for m in range(7)]
    terms = [(0.5, 0, f[2] / 2), (-3, 0, 3 * f[3]), (1.5, 0, 3 * f[4] / 4), (0, 1, f[3]), (2, 0, f[4]), (3, -3, 3 * f[4]),
             (-6, 3, 3 * f[5] / 2), (2, -1, f[6] / 8)]
    third = 8 * sum((p * cube + q * ring) * (p * cube2 + q * ring2) / size for p, q, size in terms)
    assert metric.moments(a, b).skewness == pytest.approx(third / (2 / (n * (n - 3))) ** 1.5)


def test_mutual_knn_has_the_covariance_of_seven_sums():
    """performance.md: E[SS'] = sum_t a_t(A, C) b_t(B, D) / c_t."""
    metric, n = parse("mutual_knn(k=3)"), 12
    lefts = [metric.prepare(x) for x in layers(n, (4, 6), seed=1)]
    rights = [metric.prepare(x) for x in layers(n, (5, 7), seed=2)]

    def sums(a, c):
        a, c = a.mask().numpy().astype(float), c.mask().numpy().astype(float)
        ra, rc, ca, cc = a.sum(1), c.sum(1), a.sum(0), c.sum(0)
        one, two = (a * c).sum(), (a * c.T).sum()
        some = [one, two, ra @ rc - one, ca @ cc - one, ca @ rc - two, ra @ cc - two]
        return np.array([*some, ra.sum() * rc.sum() - sum(some)])

    weights = np.array([math.perm(n, m) for m in (2, 2, 3, 3, 3, 3, 4)])
    found = metric.null_moments(lefts, rights)
    for i, j, k, m in itertools.product(range(2), repeat=4):
        both = (sums(lefts[i], lefts[k]) * sums(rights[j], rights[m]) / weights).sum() / (n * 3) ** 2
        assert found.covariance()[i, j, k, m] == pytest.approx(both - found.mean[i, j] * found.mean[k, m], abs=1e-15)


def test_mutual_knn_expects_k_of_n_minus_one():
    metric = parse("mutual_knn(k=4)")
    a, b = (metric.prepare(x) for x in layers(50, (5, 4), seed=0))
    assert metric.moments(a, b).mean == pytest.approx(4 / 49)


@pytest.mark.parametrize("spec", ["cka", "cka(estimator=debiased)", "mutual_knn(k=10)"])
def test_moments_and_upper_points_are_those_of_twenty_thousand_draws(spec):
    metric, n, draws = parse(spec), 200, 20_000
    rng = np.random.default_rng(5)
    x, y = (torch.tensor(rng.normal(size=(n, d)) * np.arange(1, d + 1) ** -0.5) for d in (20, 30))
    lefts, rights = [metric.prepare(x)], [metric.prepare(y)]
    found = metric.null_moments(lefts, rights)
    scores = metric.null_grid(lefts, rights, nulls.orders(n, draws, seed=1)).numpy()[:, 0, 0]
    mean, sd = found.mean[0, 0], math.sqrt(found.variance[0, 0])
    assert abs(scores.mean() - mean) < 4 * sd / math.sqrt(draws)
    assert scores.std() == pytest.approx(sd, rel=0.03)
    for level in (0.05, 0.01):
        tau = nulls.closed_form(0.0, found, summarise=lambda grids: grids[:, 0, 0], alpha=level).tau
        beyond = (scores > tau + 1e-12).sum()
        if spec.startswith("mutual"):  # counts: the share beyond tau is at most the level, the share from tau on above it
            assert beyond < level * draws + 4 * math.sqrt(level * draws)
            assert (scores >= tau - 1e-12).sum() > level * draws - 4 * math.sqrt(level * draws)
        else:
            assert abs(beyond - level * draws) < 4 * math.sqrt(level * draws) + 0.06 * level * draws


def test_three_samples_have_no_closed_form():
    metric = parse("cka")
    a, b = (metric.prepare(x) for x in layers(3, (2, 2), seed=0))
    assert metric.moments(a, b) is None
