import numpy as np
import pytest
import torch

from platometer.errors import UndefinedError
from platometer.metrics import parse


def score(x, y, spec="rv"):
    metric = parse(spec)
    return metric.compare(*(metric.prepare(torch.as_tensor(np.asarray(side, dtype=np.float64))) for side in (x, y)))


def two(seed=0, n=12, d=4, p=5):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 2))
    return z @ rng.normal(size=(2, d)) + rng.normal(size=(n, d)) + 1, z @ rng.normal(size=(2, p)) + rng.normal(size=(n, p))


def literal_rv(x, y):
    """Robert and Escoufier 1976: tr(S_xy S_yx) / sqrt(tr(S_xx^2) tr(S_yy^2))."""
    x, y = x - x.mean(0), y - y.mean(0)
    xy, xx, yy = x.T @ y, x.T @ x, y.T @ y
    return np.trace(xy @ xy.T) / np.sqrt(np.trace(xx @ xx) * np.trace(yy @ yy))


def literal_rv2(x, y):
    """Smilde et al. 2009: the same of xx' and yy' without their diagonals."""
    k, m = (side @ side.T for side in (x - x.mean(0), y - y.mean(0)))
    k, m = k - np.diag(np.diag(k)), m - np.diag(np.diag(m))
    return np.sum(k * m) / np.sqrt(np.sum(k * k) * np.sum(m * m))


def literal_adjusted(x, y):
    """Mayer et al. 2011: every squared correlation of two features adjusted as R2 is."""
    n = len(x)

    def total(a, b):
        return sum(1 - (n - 1) / (n - 2) * (1 - np.corrcoef(u, v)[0, 1] ** 2) for u in a.T for v in b.T)

    return total(x, y) / np.sqrt(total(x, x) * total(y, y))


@pytest.mark.parametrize(("spec", "literal"), [
    ("rv", literal_rv), ("rv(variant=rv2)", literal_rv2), ("rv(variant=adjusted)", literal_adjusted),
])
@pytest.mark.parametrize("widths", [(1, 1), (4, 5), (30, 3)])
def test_the_score_is_the_literal_one(spec, literal, widths):
    x, y = two(d=widths[0], p=widths[1])
    assert score(x, y, spec) == pytest.approx(literal(x, y), abs=1e-12)


def test_rv_is_biased_linear_cka_and_rv2_is_cka_after_lange():
    x, y = two(1)
    assert score(x, y) == pytest.approx(score(x, y, "cka"), abs=1e-12)
    assert score(x, y, "rv(variant=rv2)") == pytest.approx(score(x, y, "cka(estimator=lange)"), abs=1e-12)


def test_a_single_feature_each_gives_the_squared_correlation():
    x, y = np.array([[0.0], [1], [2], [3]]), np.array([[0.0], [1], [3], [2]])
    assert score(x, y) == pytest.approx(0.64)
    assert score(x, y, "rv(variant=adjusted)") == pytest.approx(1 - 3 / 2 * 0.36)


@pytest.mark.parametrize("variant", ["rv", "adjusted"])
def test_the_chance_mean_is_zero_for_adjusted_only(variant):
    x, y = two(2, n=8)
    metric = parse(f"rv(variant={variant})")
    mean = metric.moments(metric.prepare(torch.tensor(x)), metric.prepare(torch.tensor(y))).mean
    assert (abs(mean) < 1e-15) == (variant == "adjusted")


def test_features_that_do_not_vary_are_left_out_of_adjusted():
    x, y = two(3)
    assert score(np.c_[x, np.full(12, 0.3)], y, "rv(variant=adjusted)") == pytest.approx(score(x, y, "rv(variant=adjusted)"))


def test_what_has_no_score_says_why():
    _, y = two()
    for spec in ("rv", "rv(variant=rv2)", "rv(variant=adjusted)"):
        with pytest.raises(UndefinedError, match="All samples have the same features"):
            score(np.ones((12, 3)), y, spec)
    with pytest.raises(UndefinedError, match=r"vary equally in all n - 1 directions"):
        score(np.eye(12), y, "rv(variant=adjusted)")
