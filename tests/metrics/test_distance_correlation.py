import numpy as np
import pytest
import torch

from platometer.errors import SpecError, UndefinedError
from platometer.metrics import parse
from platometer.metrics._distances import distances, squared_distances


def score(x, y, spec="distance_correlation"):
    metric = parse(spec)
    return metric.compare(*(metric.prepare(torch.as_tensor(np.asarray(side, dtype=np.float64))) for side in (x, y)))


def two(seed=0, n=10):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 2))
    return z @ rng.normal(size=(2, 3)) + rng.normal(size=(n, 3)) + 1, (z**2) @ rng.normal(size=(2, 5)) + rng.normal(size=(n, 5))


def far(x):
    return np.array([[np.sqrt(sum((u - v) ** 2)) for v in x] for u in x])


def literal_biased(x, y):
    """Székely et al. 2007, definitions 4 and 5: A_kl = a_kl - a_k. - a_.l + a_.., and the root of a ratio of mean products."""
    def centre(a):
        return np.array([[a[k, j] - a[k].mean() - a[:, j].mean() + a.mean() for j in range(len(a))] for k in range(len(a))])

    a, b = centre(far(x)), centre(far(y))
    return np.sqrt((a * b).mean() / np.sqrt((a * a).mean() * (b * b).mean()))


def literal_debiased(x, y):
    """Székely and Rizzo 2014, eq. 2.4: U-centred entries off the diagonal, and their cosine."""
    def centre(a):
        n, out = len(a), np.zeros_like(a)
        for i in range(n):
            for j in range(n):
                if i != j:
                    out[i, j] = a[i, j] - a[i].sum() / (n - 2) - a[:, j].sum() / (n - 2) + a.sum() / ((n - 1) * (n - 2))
        return out

    a, b = centre(far(x)), centre(far(y))
    return (a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum())


def test_the_score_is_the_literal_one():
    x, y = two()
    assert score(x, y) == pytest.approx(literal_biased(x, y), abs=1e-12)
    assert score(x, y, "distance_correlation(form=squared)") == pytest.approx(literal_biased(x, y) ** 2, abs=1e-12)
    assert score(x, y, "distance_correlation(estimator=debiased)") == pytest.approx(literal_debiased(x, y), abs=1e-12)


def test_two_against_one_by_hand():
    # distances (1, 1, 0) and (0, 1, 1): A = (4,-2,-2; ., 1, 1; ., ., 1)/9, B the same with samples 1 and 3 exchanged
    x, y = [[0.0], [1], [1]], [[0.0], [0], [1]]
    assert score(x, y, "distance_correlation(form=squared)") == pytest.approx(0.25)
    assert score(x, y) == pytest.approx(0.5)


def test_it_sees_a_relation_that_no_linear_measure_sees():
    x = np.linspace(-1, 1, 21)[:, None]
    assert score(x, x**2, "rv") == pytest.approx(0, abs=1e-12)
    assert score(x, x**2) > 0.4


def test_the_debiased_chance_mean_is_zero_and_wide_spaces_no_longer_look_alike():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(20, 2000)), rng.normal(size=(20, 2000))
    assert score(x, y) > 0.95
    metric = parse("distance_correlation(estimator=debiased)")
    a, b = metric.prepare(torch.tensor(x)), metric.prepare(torch.tensor(y))
    assert metric.moments(a, b).mean == pytest.approx(0, abs=1e-15)
    assert abs(metric.compare(a, b)) < 0.3


def test_a_root_of_the_debiased_estimator_is_refused():
    with pytest.raises(SpecError, match="can be negative and has no root"):
        parse("distance_correlation(estimator=debiased, form=root)")
    assert parse("distance_correlation(estimator=debiased)").form == "squared"


def test_what_has_no_score_says_why():
    x, _ = two()
    for spec in ("distance_correlation", "distance_correlation(estimator=debiased)"):
        with pytest.raises(UndefinedError, match="same features"):
            score(np.full((10, 2), 0.1), x, spec)
    with pytest.raises(UndefinedError):
        score(np.eye(10), x, "distance_correlation(estimator=debiased)")  # all distances equal: U-centred they vanish


def test_distances_keep_their_digits_where_the_product_cancels():
    rng = np.random.default_rng(4)
    x = rng.normal(size=(30, 6))
    x[10:20] = x[:10] + 1e-9 * rng.normal(size=(10, 6))
    x[20] = x[0]
    x = torch.tensor(x)
    slow = (x[:, None] - x[None]).norm(dim=2)
    assert torch.allclose(distances(x), slow, rtol=1e-9, atol=0)
    assert torch.allclose(squared_distances(x), slow**2, rtol=1e-9, atol=0)
    assert torch.equal(distances(x), distances(x).T)
    assert distances(x)[20, 0] == 0
