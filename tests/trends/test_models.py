"""Models among each other, and metrics among each other: worked by hand, or equal to another implementation."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from platometer.errors import InputError, UndefinedError, UnknownNameError
from platometer.trends import agreement, bins, model_map, similarity, tree

NAMES = [f"m{i}" for i in range(9)]
PLACES = np.random.default_rng(0).normal(size=(9, 2))


def rows(values: np.ndarray, names: list[str] = NAMES, **columns: object) -> list[dict]:
    return [{"left": names[i], "right": names[j], "score": float(values[i, j]), "metric": "cka"} | columns
            for i, j in itertools.combinations(range(len(names)), 2)]


def laid_out(places: np.ndarray = PLACES) -> np.ndarray:
    return np.exp(-np.linalg.norm(places[:, None] - places, axis=-1))


def test_the_table_is_that_of_the_rows() -> None:
    found = similarity(rows(laid_out()))
    np.testing.assert_allclose(found.values[~np.eye(9, dtype=bool)], laid_out()[~np.eye(9, dtype=bool)])
    assert np.isnan(np.diag(found.values)).all()
    assert found.among(["m3", "m1", "m0"]).values[0, 1] == laid_out()[3, 1]
    with pytest.raises(UndefinedError, match=r"no row of 'm0' with 'm1'. Align every model with every other"):
        similarity(rows(laid_out())[1:])


def test_both_directions_of_a_pair_count_as_their_mean() -> None:
    many = rows(laid_out()) + [row | {"left": row["right"], "right": row["left"], "score": 0.0} for row in rows(laid_out())]
    assert similarity(many).values[2, 5] == pytest.approx(laid_out()[2, 5] / 2)


def test_a_map_lays_out_distances_that_fit_a_plane_exactly() -> None:
    found = model_map(similarity(rows(laid_out())))
    far = np.linalg.norm(found.points[:, None] - found.points, axis=-1)
    np.testing.assert_allclose(far, np.linalg.norm(PLACES[:, None] - PLACES, axis=-1), atol=1e-6)
    assert found.stress < 1e-6


def test_a_map_is_as_good_as_scikit_learns() -> None:
    manifold = pytest.importorskip("sklearn.manifold")
    places = np.random.default_rng(2).normal(size=(9, 5))
    found = model_map(similarity(rows(laid_out(places))))
    wanted = np.linalg.norm(places[:, None] - places, axis=-1)
    options = {"metric": "precomputed", "init": "random", "n_init": 20, "random_state": 0, "max_iter": 500}
    other = manifold.MDS(n_components=2, **options).fit(wanted)
    far = np.linalg.norm(other.embedding_[:, None] - other.embedding_, axis=-1)
    theirs = ((far - wanted) ** 2).sum() / (far**2).sum()
    assert found.stress <= 1.1 * theirs**0.5
    assert found.stress <= found.start
    assert found.points.std(0)[0] >= found.points.std(0)[1]


def test_a_map_needs_alignments_that_have_a_logarithm() -> None:
    with pytest.raises(UndefinedError, match="-log needs them above 0"):
        model_map(similarity(rows(laid_out() - 0.5)))
    with pytest.raises(InputError, match="dimensions = 9; expected 1 to 8"):
        model_map(similarity(rows(laid_out())), dimensions=9)


def test_a_tree_joins_the_most_alike_first() -> None:
    values = np.full((6, 6), 0.1)
    for block in ((0, 2, 4), (1, 3, 5)):
        values[np.ix_(block, block)] = 0.8
    found = tree(similarity(rows(values, NAMES[:6])))
    assert found.groups(2) == (("m0", "m2", "m4"), ("m1", "m3", "m5"))
    assert set(found.order[:3]) in ({"m0", "m2", "m4"}, {"m1", "m3", "m5"})
    assert found.kept == pytest.approx(1)
    with pytest.raises(InputError, match="method = 'ward'"):
        tree(similarity(rows(values, NAMES[:6])), method="ward")


def test_bins_have_means_over_pairs_and_errors_over_models() -> None:
    values = laid_out()
    found = bins(similarity(rows(values)), {name: -i for i, name in enumerate(NAMES)}, count=3, draws=200)
    assert [one.models for one in found.bins] == [("m8", "m7", "m6"), ("m5", "m4", "m3"), ("m2", "m1", "m0")]
    a, b, c = values[6, 7], values[6, 8], values[7, 8]
    assert found.bins[0].mean == pytest.approx((a + b + c) / 3)
    assert found.bins[0].se == pytest.approx((2 / 3 * np.var([a, b, c]) * 3) ** 0.5)
    assert (found.bins[0].low, found.bins[0].high) == (-8, -6)
    assert found.rise == pytest.approx((found.bins[2].mean - found.bins[0].mean) / 2)


def test_a_rise_over_bins_is_told_from_chance() -> None:
    skill = np.arange(20) / 20
    noise = np.random.default_rng(0).normal(size=(20, 20))
    values = 0.1 + 0.5 * np.minimum(skill[:, None], skill) + 0.02 * (noise + noise.T)
    names = [f"n{i}" for i in range(20)]
    found = bins(similarity(rows(values, names)), dict(zip(names, skill, strict=True)), draws=500)
    assert found.p < 0.01
    assert [len(one.models) for one in found.bins] == [5] * 4
    assert "rise" in str(found)
    few = bins(similarity(rows(values, names)), dict(zip(names, skill, strict=True)), edges=[0, 0.1, 1], draws=50).bins[0]
    assert (len(few.models), few.se, few.interval) == (2, None, None)
    with pytest.raises(InputError, match="The bins have 1, 19 models"):
        bins(similarity(rows(values, names)), dict(zip(names, skill, strict=True)), edges=[0, 0.05, 1])
    with pytest.raises(InputError, match=r"No capability is known of 'n0' \(20 such"):
        bins(similarity(rows(values, names)), {})


def test_metrics_agree_by_spearmans_rho() -> None:
    values = laid_out()
    noisy = values + 0.1 * np.random.default_rng(1).normal(size=(9, 9))
    many = rows(values) + rows(1 - noisy, metric="far", alike="low") + rows(values**3, metric="cubed")
    found = agreement(many, draws=300)
    upper = np.triu_indices(9, 1)
    assert found.names == ("cka", "far", "cubed")
    assert found.of("cka", "far").value == pytest.approx(stats.spearmanr(values[upper], noisy[upper]).statistic)
    assert found.of("cka", "cubed").value == pytest.approx(1)
    assert found.of("cka", "far").low < found.of("cka", "far").value <= found.of("cka", "far").high
    assert found.p[0, 1] < 0.01
    assert found.pairs == 36
    assert "least" in str(found)
    with pytest.raises(UnknownNameError, match=r"Did you mean 'cka'"):
        found.of("cko", "far")


def test_datasets_are_consistent_over_the_pairs_they_share() -> None:
    values = laid_out()
    many = rows(values, data="one") + rows(values[:7, :7] ** 2, NAMES[:7], data="two")
    found = agreement(many, between="data", draws=200)
    assert (found.pairs, found.units) == (21, "7 crossed units")
    assert found.mean == pytest.approx(1)


def test_unrelated_metrics_do_not_agree() -> None:
    one, other = (np.random.default_rng(seed).normal(size=(9, 9)) for seed in (1, 2))
    found = agreement(rows(one) + rows(other, metric="b"), draws=300)
    assert found.of("cka", "b").sure == "open"
    assert found.p[0, 1] > 0.05


def test_slips_of_an_agreement_are_named() -> None:
    with pytest.raises(InputError, match="All rows have the metric 'cka'; agreement needs two"):
        agreement(rows(laid_out()))
    with pytest.raises(UnknownNameError, match=r"no agreement between 'metrics'\. Did you mean 'metric'"):
        agreement(rows(laid_out()), between="metrics")
    with pytest.raises(InputError, match="The rows differ in 'data'"):
        agreement(rows(laid_out(), data="a") + rows(laid_out(), metric="b", data="b"))
    with pytest.raises(UndefinedError, match=r"The 'score' is the same for all 36 pairs under b \(0\.5\); it ranks nothing"):
        agreement(rows(laid_out()) + rows(np.full((9, 9), 0.5), metric="b"))


def test_a_metric_that_is_constant_is_named_and_the_others_are_told() -> None:
    many = rows(laid_out()) + rows(np.full((9, 9), 0.5), metric="flat") + rows(laid_out() ** 3, metric="cubed")
    found = agreement(many, draws=100)
    assert (found.names, found.constant) == (("cka", "cubed"), ("flat",))
    assert found.of("cka", "cubed").value == pytest.approx(1)
    assert str(found).endswith("undefined for flat, the same for every pair")
    with pytest.raises(UndefinedError, match="The score of flat is the same for every pair"):
        found.of("cka", "flat")
