"""Correlations of dependent points: equal to the plain ones, with p-values from the right null."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from platometer.errors import MissingDependencyError, ShapeError, UndefinedError
from platometer.trends import correlate, mixed, within_families
from platometer.trends._correlation import weighted_ranks, weighted_rho
from platometer.trends._units import tail_of, units

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=14), RNG.integers(0, 6, size=14).astype(float)
FAMILIES = np.repeat(np.arange(12), 5)


def in_families(slope: float = 0.5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=60)
    return x, 3 + slope * x + 2 * rng.normal(size=12)[FAMILIES] + 0.5 * rng.normal(size=60)


def test_correlations_and_slope_are_those_of_scipy() -> None:
    found = correlate(X, Y, draws=200)
    assert found.pearson.value == pytest.approx(stats.pearsonr(X, Y).statistic, rel=1e-12)
    assert found.spearman.value == pytest.approx(stats.spearmanr(X, Y).statistic, rel=1e-12)
    assert found.slope.value == pytest.approx(stats.linregress(X, Y).slope, rel=1e-12)
    assert found.pearson.low < found.pearson.value < found.pearson.high


def test_a_resample_without_a_pair_is_left_out() -> None:
    pairs = [(f"{size}{a}", f"{size}{b}") for size in "pqr" for a, b in itertools.combinations("123", 2)]
    x = np.repeat([1.0, 2.0, 3.0], 3)
    found = correlate(x, x + 0.1 * RNG.normal(size=9), crossed=([a for a, _ in pairs], [b for _, b in pairs]), draws=500)
    assert found.slope.low < found.slope.value < found.slope.high


def test_weights_are_copies() -> None:
    weights = np.random.default_rng(1).integers(0, 4, size=(5, 14)).astype(float)
    for row, ranks, rho in zip(weights, weighted_ranks(Y, weights), weighted_rho(X, Y, weights), strict=True):
        many = np.repeat(np.arange(14), row.astype(int))
        np.testing.assert_allclose(ranks[many], stats.rankdata(Y[many]))
        assert rho == pytest.approx(stats.spearmanr(X[many], Y[many]).statistic, rel=1e-10)


def test_the_p_of_points_is_that_of_all_re_pairings() -> None:
    x, y = X[:6], Y[:6] + 0.01 * X[6:12]
    real = abs(np.corrcoef(x, y)[0, 1])
    exact = np.mean([abs(np.corrcoef(x, y[list(order)])[0, 1]) >= real - 1e-12 for order in itertools.permutations(range(6))])
    assert correlate(x, y, draws=4000).p == pytest.approx(exact, abs=0.03)


def test_the_p_of_pairs_is_that_of_all_relabellings() -> None:
    rng = np.random.default_rng(4)
    left, right = np.repeat(np.arange(5), 3), np.tile(np.arange(3), 5)
    table = rng.normal(size=5)[:, None] + rng.normal(size=(5, 3))
    ability = rng.normal(size=5)

    def strength(order: tuple[int, ...]) -> float:
        return abs(np.corrcoef(ability[left], table[list(order)].ravel())[0, 1])

    exact = np.mean([strength(order) >= strength((0, 1, 2, 3, 4)) - 1e-12 for order in itertools.permutations(range(5))])
    found = correlate(ability[left], table.ravel(), crossed=(left.tolist(), [f"r{i}" for i in right]), draws=4000)
    assert found.p == pytest.approx(exact, abs=0.03)
    assert found.units == "5 x 3 crossed units"


def test_what_families_share_is_no_evidence_of_its_own() -> None:
    rng = np.random.default_rng(2)
    x, y = (np.repeat(side, 10) + 0.01 * rng.normal(size=60) for side in ([0, 1, 2, 3, 4, 5], [1, 0, 3, 2, 5, 3]))
    alone, together = correlate(x, y, draws=500), correlate(x, y, groups=np.repeat(np.arange(6), 10).tolist(), draws=500)
    assert alone.p < 0.01 <= together.p
    assert together.pearson.high - together.pearson.low > 2 * (alone.pearson.high - alone.pearson.low)


def test_a_resample_of_pairs_is_one_of_models() -> None:
    known = units(6, crossed=(list("aaabbb"), list("uvwuvw")))
    for row in known.weights(20, 0).reshape(20, 2, 3):
        assert np.linalg.matrix_rank(row) == 1
        assert row.sum() == 6
    same = units(3, crossed=(["a", "a", "b"], ["b", "c", "c"]))
    counts = same.weights(50, 0)
    assert {tuple(row) for row in counts} <= {(1, 1, 1), (2, 0, 0), (0, 2, 0), (0, 0, 2)}


def test_one_family_that_varies_has_the_interval_of_its_own_line() -> None:
    x, y = [1.0, 2, 3, 4, 7, 9], [1.0, 2.5, 2.5, 4, 3, 8]
    found = within_families(x, y, groups=list("aaaabc"), draws=100)
    line = stats.linregress(x[:4], y[:4])
    assert found.within.value == pytest.approx(line.slope)
    assert found.within.high - line.slope == pytest.approx(stats.t.ppf(0.975, 2) * line.stderr)
    assert found.within == found.slopes["a"]


def test_families_that_do_not_differ_in_x_have_a_slope_within_alone() -> None:
    x = np.tile([1.0, 2, 3, 5], 3)
    y = np.repeat([0.0, 4, 9], 4) + 0.5 * x + np.random.default_rng(0).normal(0, 0.01, 12)
    found = within_families(x, y, groups=np.repeat(["a", "b", "c"], 4).tolist(), draws=100)
    assert found.between is None
    assert found.within.value == pytest.approx(0.5, abs=0.02)
    assert str(found).endswith("(3 of 3 rise), no x differs between families")


def test_what_varies_inside_units_alone_is_not_judged_by_relabelling_them() -> None:
    rng = np.random.default_rng(0)
    left, right = np.repeat(list("abc"), 12), np.tile(np.repeat(list("uvw"), 4), 3)
    x = np.tile([1.0, 2, 3, 5], 9)
    level = {name: i for i, name in enumerate("abcuvw")}
    y = np.array([level[i] + level[j] for i, j in zip(left, right, strict=True)]) + 0.1 * x + rng.normal(0, 0.05, 36)
    found = correlate(x, y, crossed=(left.tolist(), right.tolist()), draws=400)
    assert found.test == "wild cluster bootstrap"
    assert found.slope.sure == "positive"
    assert found.p > 0.01  # three units cannot say more
    apart = correlate(x + np.repeat([0.0, 1, 2], 12), y, crossed=(left.tolist(), right.tolist()), draws=50)
    assert apart.test == "models relabelled"


def test_two_units_give_no_interval_rather_than_one_without_width() -> None:
    x, y = np.arange(6.0), np.array([0, 2, 1, 3, 5, 4.0])
    with pytest.raises(UndefinedError, match="no interval from 2 groups; it takes three that differ"):
        correlate(x, y, groups=list("aaabbb"), draws=100)
    with pytest.raises(UndefinedError, match="2 crossed units"):
        correlate(x, y, crossed=(list("aaaaab"), list("bbbaaa")), draws=100)


def test_few_units_widen_the_interval_as_students_t_would() -> None:
    reach = stats.t.ppf(0.975, 5) * (6 / 5) ** 0.5
    assert tail_of(6, 0.95) == pytest.approx(stats.norm.sf(reach), rel=1e-9)


def test_a_trend_between_families_alone_has_no_slope_within() -> None:
    rng = np.random.default_rng(1)
    level = np.linspace(0, 10, 12)[FAMILIES]
    x, y = level + rng.normal(size=60), 2 * level + rng.normal(size=60)
    found = within_families(x, y, groups=FAMILIES.tolist(), draws=500)
    assert found.between is not None
    assert found.between.sure == "positive" != found.within.sure
    assert found.between.value == pytest.approx(2, abs=0.2)
    assert "within families" in str(found)


def test_slopes_within_are_the_literal_ones_and_small_families_are_named() -> None:
    x, y = in_families()
    labels = [*FAMILIES[:-3].tolist(), "one", "two", "two"]
    found = within_families(x, y, groups=labels, draws=100)
    literal = stats.linregress(x[:5], y[:5])
    assert found.slopes[0].value == pytest.approx(literal.slope, rel=1e-9)
    assert found.slopes[0].high - literal.slope == pytest.approx(stats.t.ppf(0.975, 3) * literal.stderr, rel=1e-9)
    assert set(found.left_out) == {11, "one", "two"}


def test_random_effects_find_what_was_put_in() -> None:
    pytest.importorskip("statsmodels")
    x, y = in_families()
    found = mixed(x, y, groups=FAMILIES.tolist())
    assert found.slope.low < 0.5 < found.slope.high
    assert found.intercept.low < 3 < found.intercept.high
    assert found.sd["groups"] == pytest.approx(2, rel=0.5)
    assert found.sd["residual"] == pytest.approx(0.5, rel=0.2)
    assert found.share == pytest.approx(16 / 17, abs=0.06)
    assert found.p < 0.001


def test_random_effects_of_pairs_are_told_apart() -> None:
    pytest.importorskip("statsmodels")
    rng = np.random.default_rng(5)
    left, right = np.repeat(np.arange(20), 20), np.tile(np.arange(20), 20)
    y = 2 * rng.normal(size=20)[left] + 0.5 * rng.normal(size=20)[right] + rng.normal(size=400)
    found = mixed(rng.normal(size=400), y, crossed=(left.tolist(), [f"r{i}" for i in right]))
    assert [found.sd[name] for name in ("left", "right", "residual")] == pytest.approx([2, 0.5, 1], rel=0.45)
    a, b = np.triu_indices(20, 1)
    level = 2 * rng.normal(size=20)
    found = mixed(rng.normal(size=190), level[a] + level[b] + rng.normal(size=190), crossed=(a.tolist(), b.tolist()))
    assert [found.sd[name] for name in ("models", "residual")] == pytest.approx([2, 1], rel=0.45)


def test_without_statsmodels_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "statsmodels.regression.mixed_linear_model", None)
    x, y = in_families()
    with pytest.raises(MissingDependencyError, match=r"needs 'statsmodels'.*platometer\[trends\]"):
        mixed(x, y, groups=FAMILIES.tolist())


def test_slips_are_named() -> None:
    with pytest.raises(UndefinedError, match=r"y has 4 values, 1 of them different"):
        correlate([1, 2, 3, 4], [1, 1, 1, 1])
    with pytest.raises(ShapeError, match="left has 2 labels for 14 points"):
        correlate(X, Y, crossed=(["a", "b"], ["c"] * 14))
    with pytest.raises(ShapeError, match="left has 1 label for 14 points"):
        correlate(X, Y, crossed=(["a"], ["c"] * 14))
    with pytest.raises(UndefinedError, match="x does not vary inside any family"):
        within_families([1, 1, 2, 2], [1, 2, 3, 4], groups=list("aabb"))
    with pytest.raises(UndefinedError, match="without them use correlate"):
        mixed(X, Y)
    with pytest.raises(UndefinedError, match="three units and spread are needed"):
        mixed(X, Y, groups=["a"] * 7 + ["b"] * 7)
