"""All turns of a ring together: the same numbers as one by one, for every kind of side."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import platometer as pm
from platometer.metrics import _grams, _products, _rings, _turns, parse
from platometer.nulls import RING, calibrate, orders

BY_RINGS = [
    "cka", "cka(estimator=debiased)", "cka(estimator=lange)", "cka(kernel=rbf)", "rv", "rsa", "rsa(compare=spearman)",
    "distance_correlation", "mutual_knn(k=4)", "cknna(k=4)", "cknna(k=4, variant=centred)",
]


def layers(n, widths, seed, dtype=torch.float64):
    chance = torch.Generator().manual_seed(seed)
    seen = torch.randn(n, 4, generator=torch.Generator().manual_seed(9), dtype=torch.float64)
    made = [0.5 * seen @ torch.randn(4, d, generator=chance, dtype=torch.float64)
            + torch.randn(n, d, generator=chance, dtype=torch.float64) for d in widths]
    for x in made:
        x[3] = x[2]  # a tie
    return [x.to(dtype) for x in made]


def one_by_one(metric, lefts, rights, moves):
    return np.array([[[metric.compare(a, metric.permute(b, order)) for b in rights] for a in lefts] for order in moves])


@pytest.mark.parametrize("spec", BY_RINGS)
@pytest.mark.parametrize("n", [RING, 135])
def test_all_turns_together_equal_each_by_itself(spec, n):
    metric = parse(spec)
    assert metric.rings
    lefts, rights = [metric.prepare(x) for x in layers(n, (3, 20), 0)], [metric.prepare(x) for x in layers(n, (5,), 1)]
    moves = orders(n, n + 40, seed=2)[n - 60 :]  # the end of one ring and the beginning of another
    for a, b in ((lefts, rights), (rights, lefts)):
        found = metric.null_grid(a, b, moves)
        assert found.dtype == torch.float64
        np.testing.assert_allclose(found, one_by_one(metric, a, b, moves), rtol=0, atol=metric.rounding(a[0]) / 10 + 1e-12)


def test_neighbours_in_common_are_counted_exactly():
    metric = parse("mutual_knn(k=7)")
    lefts, rights = [metric.prepare(x) for x in layers(200, (3, 20), 0)], [metric.prepare(x) for x in layers(200, (5, 4), 1)]
    moves = orders(200, 60, seed=1)
    assert (metric.null_grid(lefts, rights, moves).numpy() == one_by_one(metric, lefts, rights, moves)).all()


@pytest.mark.parametrize("n", [512, 600])
@pytest.mark.parametrize("estimator", ["biased", "debiased", "lange"])
def test_halves_of_matrices_are_turned_as_whole_ones_in_one_part_or_many(n, estimator, monkeypatch):
    metric = parse(f"cka(estimator={estimator})")
    lefts = [metric.prepare(x) for x in layers(n, (3, 40), 0, torch.float32)]
    rights = [metric.prepare(x) for x in layers(n, (5,), 1, torch.float32)]
    assert lefts[0].half is not None
    moves = orders(n, 20, seed=1)
    found = metric.null_grid(lefts, rights, moves)
    np.testing.assert_allclose(found, one_by_one(metric, lefts, rights, moves), rtol=0, atol=1e-7)
    monkeypatch.setattr(_turns, "_BYTES", 2**20)
    np.testing.assert_allclose(metric.null_grid(lefts, rights, moves), found, rtol=0, atol=1e-7)


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize(("first", "size"), [(0, 41), (7, 5)])
def test_the_lines_of_a_matrix_are_the_same_on_every_device_and_in_every_form(backward, first, size):
    n = 80
    x = layers(n, (4,), 0)[0]
    gram = x @ x.T
    order = np.random.default_rng(0).permutation(n)
    lines = _turns._lines(_grams.Side.of_gram(gram), order, first, size, backward=backward).numpy()
    twice, weight = np.concatenate([order, order[: first + size]]), np.ones(size, np.float32)
    there = _turns._of_device(gram, twice, first, size, weight, backward=backward).numpy()
    doubled = [2 if backward and 0 < first + t < n / 2 else 1 for t in range(size)]
    np.testing.assert_allclose(lines, there * doubled, rtol=1e-6)
    for i, t in ((0, 0), (5, 3), (79, 4)):
        at = -i % n if backward else i
        assert there[at, t] == pytest.approx(float(gram[order[i], order[(i + first + t) % n]]), rel=1e-6)


@pytest.mark.parametrize("estimator", ["biased", "debiased"])
@pytest.mark.parametrize("other", ["features", "matrix"])
def test_features_are_turned_without_their_matrix(estimator, other, monkeypatch):
    metric = parse(f"cka(estimator={estimator})")
    n, x, y = 300, layers(300, (3, 40), 0), layers(300, (5,), 1)
    monkeypatch.setattr("platometer.metrics.cka._LARGEST_GRAM", 200)
    lefts = [metric.prepare(one) for one in x]
    assert lefts[0].features is not None
    if other == "matrix":
        monkeypatch.undo()
    rights = [metric.prepare(one) for one in y]
    moves = orders(n, 64, seed=1)
    monkeypatch.setattr(_turns, "worth_it", lambda *_: True)
    for most in (2**27, 2**19):
        monkeypatch.setattr(_turns, "_BYTES", most)
        for a, b in ((lefts, rights), (rights, lefts)):
            np.testing.assert_allclose(metric.null_grid(a, b, moves), one_by_one(metric, a, b, moves), rtol=0, atol=1e-7)


def test_few_turns_of_features_are_computed_one_by_one():
    metric = parse("cka")
    narrow, wide = (_grams.Side.of_features(x, debiased=False) for x in layers(300, (3, 200), 0))
    few, many = (_rings.parts(orders(300, draws).numpy(), least=2)[0][1] for draws in (10, 299))
    assert not _turns.worth_it([narrow], [narrow], few)
    assert _turns.worth_it([wide], [wide], many)
    found = metric.null_grid([narrow], [narrow], orders(300, 16))
    assert (found.numpy() == one_by_one(metric, [narrow], [narrow], orders(300, 16))).all()


def test_a_ring_is_found_between_draws_of_any_kind():
    chance = np.random.default_rng(0)
    ring, free = orders(150, 149, seed=4).numpy(), np.stack([chance.permutation(150) for _ in range(5)])
    found = _rings.parts(np.concatenate([free, ring[:40], free, orders(150, 190, seed=5).numpy()[149:]]))
    assert [(part.start, part.stop, one is not None) for part, one in found] == [
        (0, 5, False), (5, 45, True), (45, 50, False), (50, 91, True)]
    for order, turn in zip(ring[:40], found[1][1].turns, strict=True):
        assert (order[found[1][1].left] == np.roll(found[1][1].right, -turn)).all()


def test_draws_without_a_ring_have_none():
    chance = np.random.default_rng(0)
    free = np.stack([chance.permutation(60) for _ in range(200)])
    assert _rings.parts(free) == [(slice(0, 200), None)]
    assert _rings.parts(free[:0]) == []
    same = np.tile(np.arange(60), (50, 1))  # no draw leads anywhere
    assert _rings.parts(same) == [(slice(0, 50), None)]
    spoiled = orders(200, 60, seed=1).numpy()
    spoiled[30, [3, 4]] = spoiled[30, [4, 3]]
    found = [(part.start, part.stop, ring is not None) for part, ring in _rings.parts(spoiled)]
    assert found == [(0, 30, True), (30, 31, False), (31, 60, True)]


@pytest.mark.parametrize("spec", ["mutual_knn(k=5)", "cka(estimator=debiased)"])
def test_whichever_pairing_of_the_ring_was_observed_the_others_are_its_draws(spec):
    """So its rank among them is any one with equal chance, which makes p valid at every level."""
    n = RING + 2
    x, y = layers(n, (6,), 0)[0], layers(n, (6,), 1)[0]
    seen = []
    for order in (torch.arange(n), *orders(n, 3, seed=8)):
        found = pm.align(x, y[order], spec, draws=n - 1, seed=8)
        seen.append(np.sort([found.score, *found.calibration.draws]))
    for other in seen[1:]:
        np.testing.assert_allclose(other, seen[0], rtol=0, atol=_products.ROUNDING)


@pytest.mark.parametrize("spec", ["cka", "mutual_knn(k=5)"])
def test_mean_and_spread_of_many_draws_are_those_of_all_re_pairings(spec):
    metric = parse(spec)
    a, b = (metric.prepare(layers(RING, (6,), seed)[0]) for seed in (0, 1))
    exact, draws = metric.moments(a, b), metric.null_grid([a], [b], orders(RING, 200 * RING)[RING - 1 :]).numpy().ravel()
    spread = exact.variance**0.5
    assert abs(draws.mean() - exact.mean) < 4 * spread / len(draws) ** 0.5
    assert draws.std() == pytest.approx(spread, rel=0.03)


def test_re_pairings_of_many_samples_are_held_in_parts(monkeypatch):
    n, sizes, metric = 400, [], parse("cka")
    x, y = layers(n, (6,), 0), layers(n, (6,), 1)
    whole = pm.align(x, y, metric, draws=300).calibration
    monkeypatch.setattr(pm.alignment, "_CHUNK", 50 * 120)
    monkeypatch.setattr(pm.alignment.nulls, "orders", lambda *a, **o: (sizes.append(a[1]), orders(*a, **o))[1])
    np.testing.assert_allclose(pm.align(x, y, metric, draws=300).calibration.draws, whole.draws, rtol=0, atol=1e-7)
    assert sizes == [120, 120, 60]


def test_an_alignment_asks_for_whole_rings_and_sums_up_all_of_them():
    n = 200
    x, y = layers(n, (6, 5), 0), layers(n, (6,), 1)
    found = pm.align(x, y, "cka(estimator=debiased)", draws=450)
    metric = parse("cka(estimator=debiased)")
    prepared = [pm.alignment.prepare(side, metric) for side in (x, y)]
    grids = one_by_one(metric, prepared[0].sides, prepared[1].sides, orders(n, 450))
    np.testing.assert_allclose(found.calibration.draws, grids.max((1, 2)), atol=1e-7)
    np.testing.assert_allclose(found.null_mean, grids.mean(0), atol=1e-8)
    np.testing.assert_allclose(found.null_sd, grids.std(0, ddof=1), rtol=1e-4)
    assert found.calibration.p == calibrate(found.score, grids.max((1, 2))).p
