"""null="auto": the closed form spares draws, draws decide, and p stays valid."""

from __future__ import annotations

import math

import numpy as np
import pytest

from platometer import alignment, nulls
from platometer.alignment import align
from platometer.errors import InputError


def noise(n: int, layers: int, seed: int, d: int = 12) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(n, d)) for _ in range(layers)]


def related(n: int, seed: int, strength: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 6))
    return x, strength * x + rng.normal(size=(n, 6))


def test_the_sequence_ends_before_the_draw_that_makes_it_enough():
    draws = np.array([0.9, 0.1, 0.5, 0.2, 0.7])
    assert nulls.until(0.5, draws, enough=2) == 2  # equal counts
    assert nulls.until(0.5, draws, enough=3) == 4
    assert nulls.until(0.5, draws, enough=4) is None
    assert nulls.until(0.5, draws, enough=2, alike="low") == 2


def test_the_sequential_p_is_exact_under_the_null():
    """Besag and Clifford 1991: P(p <= a) <= a for every a, and equal to a where a is attained by h / l."""
    rng = np.random.default_rng(0)
    ps = []
    for _ in range(4000):
        scores = rng.normal(size=200)
        kept = nulls.until(scores[0], scores[1:], enough=5)
        ps.append(nulls.calibrate(scores[0], scores[1:] if kept is None else scores[1 : 1 + kept]).p)
    for a in (0.02, 0.05, 0.1, 0.25, 0.5):
        share = float((np.array(ps) <= a).mean())
        assert share == pytest.approx(a, abs=4 * math.sqrt(a * (1 - a) / 4000) + 0.1 * (a > 0.3) * a)


def test_a_score_that_is_plainly_chance_costs_no_draws():
    found = align(noise(60, 2, 0), noise(60, 2, 10), "cka", null="auto").calibration
    assert found.method == "closed form"
    assert found.p > alignment.OPEN * 0.05
    assert "no draws were spent" in found.note


@pytest.mark.parametrize("spec", ["cka", "cka(estimator=debiased)", "mutual_knn(k=5)"])
def test_a_significant_score_is_judged_by_draws(spec):
    x, y = related(60, 0, 1.0)
    found = align(x, y, spec, null="auto", draws=300)
    drawn = align(x, y, spec, draws=300)
    assert found.calibration.method == "sequential draws"
    assert found.calibration.p == drawn.calibration.p == 1 / 301
    np.testing.assert_array_equal(found.calibration.draws, drawn.calibration.draws)
    assert "draws decided" in found.calibration.note
    assert "draws decided" in repr(found)
    np.testing.assert_allclose(found.null_sd, drawn.null_sd)


def borderline() -> tuple[np.ndarray, np.ndarray]:
    for seed in range(100):
        x, y = related(60, seed, 0.12)
        if 0.03 < align(x, y, "cka(estimator=debiased)", null="closed-form").calibration.p < 0.08:
            return x, y
    raise AssertionError("no borderline pair among a hundred")


def test_an_open_decision_takes_as_many_draws_as_it_needs_whatever_the_batch(monkeypatch):
    x, y = borderline()
    found = align(x, y, "cka(estimator=debiased)", null="auto", draws=5000)
    c = found.calibration
    assert c.method == "sequential draws"
    assert 9 <= len(c.draws) < 5000
    assert c.p == nulls.ENOUGH / (len(c.draws) + 1)  # h / l
    assert (c.p <= c.alpha) == (c.observed > c.tau)
    every = align(x, y, "cka(estimator=debiased)", draws=5000).calibration
    np.testing.assert_allclose(c.draws, every.draws[: len(c.draws)], rtol=1e-9)
    assert c.p == pytest.approx(every.p, rel=1)
    np.testing.assert_allclose(found.null_mean, c.null_mean)
    np.testing.assert_allclose(found.null_sd, c.null_sd)
    monkeypatch.setattr(alignment, "_CHUNK", 7)
    small = align(x, y, "cka(estimator=debiased)", null="auto", draws=5000)
    np.testing.assert_allclose(small.calibration.draws, c.draws, rtol=1e-9)
    assert small.calibration.p == c.p
    np.testing.assert_allclose(small.null_sd, found.null_sd)


def test_progress_reaches_its_end_when_the_sequence_stops_early():
    seen: list[tuple[int, int]] = []
    x, y = borderline()
    align(x, y, "cka(estimator=debiased)", null="auto", draws=5000, progress=lambda done, of: seen.append((done, of)))
    assert seen[-1][0] == seen[-1][1]


def test_a_metric_without_a_closed_form_is_judged_by_draws_and_says_so():
    found = align(noise(30, 1, 0), noise(30, 1, 1), "procrustes", null="auto", draws=200).calibration
    assert found.method == "sequential draws"
    assert "No closed form is known for the null of procrustes" in found.note


def test_restricted_re_pairings_are_judged_by_draws_and_say_so():
    labels = [0, 1, 2] * 10
    found = align(noise(30, 1, 0), noise(30, 1, 1), "cka", null="auto", draws=100, within=labels).calibration
    assert found.method == "sequential draws"
    assert found.null == "permutation within groups"
    assert "restricted re-pairings" in found.note


def test_auto_without_leave_to_draw_is_an_error():
    with pytest.raises(InputError, match="draws = 0: it draws where the closed form leaves doubt"):
        align(noise(30, 1, 0), noise(30, 1, 1), "cka", null="auto", draws=0)


@pytest.mark.parametrize("spec", ["mutual_knn(k=5)", "cka(estimator=debiased)"])
@pytest.mark.parametrize("layers", [(1, 1), (4, 5)])
def test_auto_keeps_the_level_on_independent_data(spec, layers, monkeypatch):
    """The whole procedure, again and again: at most alpha, within four standard errors of chance."""
    monkeypatch.setattr(nulls._closed, "SIMULATED", 2000)
    times, alpha = 250 if layers == (1, 1) else 100, 0.1
    ps = []
    for seed in range(times):
        found = align(noise(40, layers[0], 2 * seed), noise(40, layers[1], 2 * seed + 1), spec, null="auto", draws=199,
                      seed=seed, alpha=alpha).calibration
        ps.append(found.p)
        assert (found.p <= alpha) == (found.observed > found.tau)
        assert found.method != "closed form" or found.p > alignment.OPEN * alpha
    rejected = np.mean(np.array(ps) <= alpha)
    assert rejected <= alpha + 4 * math.sqrt(alpha * (1 - alpha) / times)
    assert rejected > alpha / 4
