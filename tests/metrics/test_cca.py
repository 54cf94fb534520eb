import numpy as np
import pytest
import torch
from scipy import linalg

from platometer.errors import SpecError, UndefinedError
from platometer.metrics import parse


def score(x, y, spec):
    metric = parse(spec)
    return metric.compare(*(metric.prepare(torch.as_tensor(np.asarray(side, dtype=np.float64))) for side in (x, y)))


def two(seed=0, n=20, d=3, p=4):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 2))
    return z @ rng.normal(size=(2, d)) + rng.normal(size=(n, d)) + 1, z @ rng.normal(size=(2, p)) + rng.normal(size=(n, p))


def literal_correlations(x, y):
    """Hotelling 1936: roots of the eigenvalues of S_xx^-1 S_xy S_yy^-1 S_yx, and the directions w in x."""
    x, y = x - x.mean(0), y - y.mean(0)
    values, w = linalg.eigh(x.T @ y @ np.linalg.inv(y.T @ y) @ y.T @ x, x.T @ x)  # w' S_xx w = 1
    order = np.argsort(-values)[: min(x.shape[1], y.shape[1])]
    return np.sqrt(np.maximum(values[order], 0)), w[:, order]


def literal_pwcca(x, y):
    """Morcos et al. 2018, section 3: alpha_i = sum_j |<h_i, x_j>|, h_i the i-th canonical variable of x."""
    rho, w = literal_correlations(x, y)
    x = x - x.mean(0)
    h = x @ w
    alpha = [sum(abs(h[:, i] @ x[:, j]) for j in range(x.shape[1])) for i in range(len(rho))]
    return sum(a * r for a, r in zip(alpha, rho, strict=True)) / sum(alpha)


def literal_unwhitened(x, y):
    """The published code, centred: projections on the left singular vectors of S_xx^-1/2 S_xy S_yy^-1/2, orthogonalised."""
    x, y = x - x.mean(0), y - y.mean(0)

    def root(s):
        values, vectors = np.linalg.eigh(s)
        return vectors @ np.diag(values**-0.5) @ vectors.T

    u, rho, _ = np.linalg.svd(root(x.T @ x) @ x.T @ y @ root(y.T @ y), full_matrices=False)
    q, _ = np.linalg.qr(x @ u)
    alpha = np.abs(q.T @ x).sum(1)
    return (alpha * rho).sum() / alpha.sum()


@pytest.mark.parametrize(("d", "p"), [(3, 4), (4, 3), (1, 5), (5, 1)])
def test_the_scores_are_the_literal_ones(d, p):
    x, y = two(d=d, p=p)
    rho, _ = literal_correlations(x, y)
    assert score(x, y, "cca") == pytest.approx(rho.mean(), abs=1e-10)
    assert score(x, y, "cca(summary=squared)") == pytest.approx((rho**2).mean(), abs=1e-10)
    assert score(x, y, "cca(summary=shape)") == pytest.approx(rho.sum() / np.sqrt(d * p), abs=1e-10)
    assert score(x, y, "pwcca") == pytest.approx(literal_pwcca(x, y), abs=1e-10)
    assert score(x, y, "pwcca(variant=unwhitened)") == pytest.approx(literal_unwhitened(x, y), abs=1e-10)


def test_one_shared_and_one_unshared_direction_by_hand():
    a, b, c = np.array([1, 1, 1, 1, -1, -1, -1, -1]), np.array([1, 1, -1, -1] * 2), np.array([1, -1] * 4)
    x, y = np.c_[a + 3 * b, b], np.c_[a, c]
    assert score(x, y, "cca") == pytest.approx(0.5)
    assert score(x, y, "cca(summary=squared)") == pytest.approx(0.5)
    # h_1 = a meets the features with 8 and 0, h_2 = b with 24 and 8
    assert score(x, y, "pwcca") == pytest.approx(8 / (8 + 24 + 8))
    assert score(y, x, "pwcca") == pytest.approx(1 / 2)
    assert score(np.c_[x, c], y, "cca(summary=shape)") == pytest.approx(2 / np.sqrt(6))


def test_units_of_measurement_do_not_matter_to_cca():
    x, y = two(1)
    assert score(x * [1e-9, 1, 1e9], y, "cca") == pytest.approx(score(x, y, "cca"), abs=1e-9)


def test_a_repeated_feature_adds_no_direction():
    x, y = two(2)
    assert score(np.c_[x, x @ [1, 2, 3]], y, "cca") == pytest.approx(score(x, y, "cca"), abs=1e-10)
    assert score(np.c_[x, np.full(20, 5.0)], y, "cca") == pytest.approx(score(x, y, "cca"), abs=1e-10)


@pytest.mark.parametrize("spec", ["cca", "pwcca", "svcca(dims=19)", "svcca(variance=0.999999999)"])
def test_a_side_that_spans_everything_is_an_error_and_not_a_one(spec):
    x, y = two(d=40)
    with pytest.raises(UndefinedError, match=r"20 samples in 19 independent directions.*svcca\(dims=10\)"):
        score(x, y, spec)


def test_forced_correlations_of_one_leave_pwcca_defined_whatever_the_order():
    x, y = two(3, n=14, d=10, p=9)  # 10 + 9 - 13 = 6 of the correlations are 1
    expected = score(x, y, "pwcca")
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(14)
        assert score(x[order], y[order], "pwcca") == pytest.approx(expected, abs=1e-9)


def test_svcca_is_cca_of_the_leading_directions():
    x, y = two(4, n=40, d=6, p=7)
    x, y = x * [9, 5, 3, 1, 0.1, 0.1], y * [9, 5, 3, 1, 1, 0.1, 0.1]
    for side in (x, y):
        side -= side.mean(0)

    def leading(side, keep):
        return side @ np.linalg.svd(side)[2][:keep].T

    expected = literal_correlations(leading(x, 2), leading(y, 2))[0].mean()
    assert score(x, y, "svcca(dims=2)") == pytest.approx(expected, abs=1e-10)
    kept = []
    for side in (x, y):  # Raghu et al. 2017: the fewest that hold 99 % of the variance
        share = np.cumsum(np.linalg.svd(side)[1] ** 2) / (side**2).sum()
        kept.append(next(i + 1 for i, s in enumerate(share) if s >= 0.99))
    assert kept[0] < 6
    expected = literal_correlations(leading(x, kept[0]), leading(y, kept[1]))[0].mean()
    assert score(x, y, "svcca") == score(x, y, "svcca(variance=0.99)") == pytest.approx(expected, abs=1e-10)
    assert score(x, y, "svcca(dims=7)") == pytest.approx(score(x, y, "cca"), abs=1e-9)


def test_a_share_that_is_reached_exactly_needs_no_further_direction():
    x = np.array([[3.0, 0], [-3, 0], [0, 1], [0, -1]])  # 18 of 20 along the first
    metric = parse("svcca(variance=0.9)")
    assert metric.prepare(torch.tensor(x)).rank == 1


def test_the_released_variant_standardises_and_takes_ten():
    x, y = two(5, n=60, d=15, p=12)
    z, w = ((side - side.mean(0)) / side.std(0) for side in (x, y))
    u, v = (np.linalg.svd(side, full_matrices=False)[0][:, :10] for side in (z, w))
    expected = np.linalg.svd(u.T @ v)[1].mean()
    assert str(parse("svcca(variant=platonic-rep)")) == "svcca(dims=10, variant=platonic-rep, summary=mean)"
    assert score(x, y, "svcca(variant=platonic-rep)") == pytest.approx(expected, abs=1e-10)


def test_fewer_directions_than_asked_for_are_remarked_on():
    x, _ = two()
    metric = parse("svcca(dims=10)")
    assert metric.remarks(metric.prepare(torch.tensor(x))) == (
        "The features have 3 independent directions, fewer than dims=10; all were kept.",
    )
    assert parse("svcca(dims=2)").remarks(parse("svcca(dims=2)").prepare(torch.tensor(x))) == ()


def test_options_that_contradict_are_errors():
    with pytest.raises(SpecError, match="variance and dims both say"):
        parse("svcca(variance=0.9, dims=3)")
    with pytest.raises(SpecError, match=r"variance = 1.0; a share lies between 0 and 1. For all directions use cca"):
        parse("svcca(variance=1.0)")
    with pytest.raises(SpecError, match="at least one direction"):
        parse("svcca(dims=0)")


def test_constant_features_have_no_directions():
    _, y = two()
    for spec in ("cca", "pwcca", "svcca", "svcca(variant=platonic-rep)"):
        with pytest.raises(UndefinedError, match="same features"):
            score(np.full((20, 3), 0.1), y, spec)
