"""The null in closed form: curves, simulated grids, what `align` makes of them, and the level that comes out."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
import torch
from scipy import stats

import platometer as pm
from platometer import nulls
from platometer.alignment import align
from platometer.conditioning import Conditioning
from platometer.errors import InputError, SpecError
from platometer.metrics import GridMoments, parse
from platometer.nulls import _closed

METRICS = ["mutual_knn(k=5)", "cka", "cka(estimator=debiased)", "rsa(compare=spearman)"]


def spaces(n: int, layers: int, seed: int, d: int = 24) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(n, d))
    return [(shared + rng.normal(size=(n, d))) * np.arange(1, d + 1) ** -0.3 for _ in range(layers)]


def one(mean: float, sd: float, skewness: float, *, unit: float | None = None) -> GridMoments:
    return GridMoments(*(np.full((1, 1), x) for x in (mean, sd**2, skewness)), (), unit)


def first(grids: np.ndarray) -> np.ndarray:
    return grids[:, 0, 0]


@pytest.mark.parametrize("skewness", [0.0, 0.05, 0.8, 2.5, -0.8])
def test_a_pearson_curve_has_the_tails_of_scipys(skewness):
    curve = stats.pearson3(skewness, loc=0.3, scale=0.1)
    for level in (0.5, 0.1, 0.05, 0.01):
        found = nulls.closed_form(curve.ppf(1 - level), one(0.3, 0.1, skewness), summarise=first, alpha=level)
        assert found.p == pytest.approx(level, rel=1e-6)
        assert found.tau == pytest.approx(curve.ppf(1 - level), rel=1e-6)


def test_counts_are_read_half_a_count_lower():
    curve = stats.pearson3(0.4, loc=40, scale=8)
    found = nulls.closed_form(55 / 200, one(40 / 200, 8 / 200, 0.4, unit=1 / 200), summarise=first)
    assert found.p == pytest.approx(curve.sf(54.5))  # 55 or more
    assert found.tau * 200 == pytest.approx(np.ceil(curve.ppf(0.95) - 0.5))


@pytest.mark.parametrize("skewness", [-0.3, 0.0, 0.4, 2.0])
def test_a_count_beats_the_threshold_exactly_when_its_p_is_at_most_alpha(skewness):
    moments = one(0.2, 8 / 200, skewness, unit=1 / 200)
    for count in range(200):
        found = nulls.closed_form(count / 200, moments, summarise=first)
        assert (found.p <= 0.05) == (found.observed > found.tau + 1e-12)


def test_low_is_alike_reads_the_other_tail():
    found = nulls.closed_form(0.1, one(0.3, 0.1, 0.0), summarise=first, alike="low", best=0.0)
    assert found.p == pytest.approx(stats.norm.cdf(-2))
    assert found.z == pytest.approx(2)
    assert found.tau == pytest.approx(0.3 - 0.1 * stats.norm.ppf(0.95))


def test_no_p_is_given_beyond_what_was_verified():
    found = nulls.closed_form(1.0, one(0.0, 0.001, 0.0), summarise=first)
    assert found.p == found.least == 1 / (nulls.SIMULATED + 1)


def test_a_score_that_cannot_vary_is_no_evidence():
    found = nulls.closed_form(0.5, one(0.5, 0.0, 0.0), summarise=first)
    assert found.p == 1
    assert found.z is None
    assert found.score == 0


@pytest.mark.parametrize("spec", METRICS)
def test_simulated_grids_have_the_moments_they_were_made_from(spec):
    metric = parse(spec)
    lefts = [metric.prepare(pm.arrays.as_matrix(x)) for x in spaces(60, 2, seed=0)]
    rights = [metric.prepare(pm.arrays.as_matrix(x)) for x in spaces(60, 3, seed=1)]
    moments = metric.null_moments(lefts, rights)
    grids = np.concatenate(list(nulls.simulated(moments, 20_000, seed=2)))
    sd = np.sqrt(moments.variance)
    assert grids.shape == (20_000, 2, 3)
    np.testing.assert_allclose(grids.mean(0), moments.mean, atol=5 * sd.max() / math.sqrt(20_000))
    np.testing.assert_allclose(grids.std(0), sd, rtol=0.03)
    flat = (grids.reshape(20_000, 6) - moments.mean.ravel()) / sd.ravel()
    expected = moments.covariance().reshape(6, 6) / np.outer(sd, sd)
    np.testing.assert_allclose(flat.T @ flat / 20_000, expected, atol=0.06)


def test_simulated_grids_depend_on_the_seed_alone(monkeypatch):
    metric = parse("cka")
    side = [metric.prepare(pm.arrays.as_matrix(x)) for x in spaces(30, 2, seed=0)]
    moments = metric.null_moments(side, side)
    whole = np.concatenate(list(nulls.simulated(moments, 100, seed=2)))
    monkeypatch.setattr(_closed, "_CHUNK", 30)
    np.testing.assert_allclose(np.concatenate(list(nulls.simulated(moments, 100, seed=2))), whole, rtol=1e-12)
    assert not np.allclose(np.concatenate(list(nulls.simulated(moments, 100, seed=3))), whole)


@pytest.mark.parametrize("summary", ["max", "mean", "last", "rowmax"])
@pytest.mark.parametrize("spec", METRICS)
def test_closed_form_and_draws_tell_the_same_story(spec, summary):
    x, y = spaces(80, 3, seed=3), spaces(80, 4, seed=4)
    drawn = align(x, y, spec, draws=2000, summary=summary)
    closed = align(x, y, spec, null="closed-form", summary=summary)
    a, b = drawn.calibration, closed.calibration
    assert closed.score == drawn.score
    assert b.null_mean == pytest.approx(a.null_mean, abs=0.2 * a.null_sd)
    assert b.null_sd == pytest.approx(a.null_sd, rel=0.12)
    assert b.tau == pytest.approx(a.tau, abs=0.3 * a.null_sd)
    assert b.p == pytest.approx(a.p, abs=0.06)
    np.testing.assert_allclose(closed.null_mean, drawn.null_mean, atol=0.15 * closed.null_sd.max())
    np.testing.assert_allclose(closed.null_sd, drawn.null_sd, rtol=0.1)


def test_the_mean_over_the_grid_has_its_exact_mean_and_sd():
    x, y = spaces(6, 2, seed=3, d=4), spaces(6, 3, seed=4, d=4)
    found = align(x, y, "cka", null="closed-form", summary="mean").calibration
    metric = parse("cka")
    unit = Conditioning.parse("unit")
    lefts, rights = ([metric.prepare(unit(pm.arrays.as_matrix(t), name="t")) for t in side] for side in (x, y))
    scores = metric.null_grid(lefts, rights, torch.tensor(list(permutations(range(6))))).numpy().mean((1, 2))
    assert found.null_mean == pytest.approx(scores.mean())
    assert found.null_sd == pytest.approx(scores.std(), rel=1e-5)


def test_a_closed_form_says_what_it_is():
    x, y = spaces(50, 2, seed=0), spaces(50, 2, seed=1)
    found = align(x, y, "cka", null="closed-form")
    assert found.calibration.method == "closed form"
    assert found.calibration.null == "closed form (Pearson III, Gaussian copula)"
    assert len(found.calibration.draws) == 0
    assert "closed form (Pearson III, Gaussian copula)" in repr(found)
    assert "(approximate)" in repr(found)
    assert align(x[:1], y[:1], "mutual_knn", null="closed-form").calibration.null == "closed form (Pearson III on counts)"
    assert "the least that is given in closed form" in repr(align(x, x, "mutual_knn", null="closed-form"))


def test_the_same_seed_gives_the_same_p():
    x, y = spaces(50, 2, seed=0), spaces(50, 2, seed=1)
    a, b, c = (align(x, y, "cka", null="closed-form", seed=seed).calibration for seed in (1, 1, 2))
    assert a.p == b.p
    assert a.p != c.p


def test_where_there_is_no_closed_form_it_is_an_error():
    x, y = spaces(20, 1, seed=0)[0], spaces(20, 1, seed=1)[0]
    with pytest.raises(InputError, match=r"No closed form is known for the null of procrustes.*null='draws' or null='auto'"):
        align(x, y, "procrustes", null="closed-form")
    with pytest.raises(InputError, match="No closed form is known for restricted re-pairings"):
        align(x, y, "cka", null="closed-form", within=[0, 1] * 10)
    with pytest.raises(InputError, match=r"cka.* with 3 samples"):
        align(x[:3], y[:3], "cka", null="closed-form")


def test_a_misspelt_null_is_answered_with_the_nearest():
    x, y = spaces(20, 1, seed=0)[0], spaces(20, 1, seed=1)[0]
    with pytest.raises(SpecError, match="Did you mean 'closed-form'"):
        align(x, y, null="closed_form")


def level(spec: str, layers: tuple[int, int], alpha: float, *, n: int = 100, sets: int = 10, draws: int = 400) -> float:
    """The share of re-pairings of independent data that a closed form calls significant at alpha."""
    metric, beyond = parse(spec), 0
    for seed in range(sets):
        lefts = [metric.prepare(pm.arrays.as_matrix(x)) for x in spaces(n, layers[0], seed=2 * seed)]
        rights = [metric.prepare(pm.arrays.as_matrix(x)) for x in spaces(n, layers[1], seed=2 * seed + 1)]
        tau = nulls.closed_form(
            0.0, metric.null_moments(lefts, rights), summarise=lambda grids: grids.max((1, 2)), alpha=alpha, seed=seed
        ).tau
        scores = metric.null_grid(lefts, rights, nulls.orders(n, draws, seed=seed)).numpy().max((1, 2))
        beyond += int((scores > tau + 1e-9).sum())
    return beyond / (sets * draws)


@pytest.mark.parametrize("layers", [(1, 1), (4, 5)])
@pytest.mark.parametrize("spec", METRICS)
def test_the_level_is_near_the_stated_one_on_independent_data(spec, layers):
    """Four thousand judgements: a binomial band of four standard errors, 0.014, and what approximation may add."""
    found = level(spec, layers, 0.05)
    if spec.startswith("mutual"):  # counts are careful
        assert 0.02 < found < 0.064
    else:
        assert 0.036 < found < 0.05 + 0.014 + 0.01
