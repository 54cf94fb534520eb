import numpy as np
import pytest
import torch

from platometer.errors import SpecError, UndefinedError
from platometer.metrics import parse


def score(x, y, spec="linear_predictivity"):
    metric = parse(spec)
    return metric.compare(*(metric.prepare(torch.as_tensor(np.asarray(side, dtype=np.float64))) for side in (x, y)))


def two(seed=0, n=14, d=4, p=3, noise=1.0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)) * np.linspace(0.5, 2, d) + 1
    return x, x @ rng.normal(size=(d, p)) + noise * rng.normal(size=(n, p))


def fitted(x, y, penalty):
    """Ridge with a free intercept: slopes and intercept."""
    xc, yc = x - x.mean(0), y - y.mean(0)
    b = np.linalg.solve(xc.T @ xc + penalty * np.eye(x.shape[1]), xc.T @ yc)
    return b, y.mean(0) - x.mean(0) @ b


def penalty_of(x, ridge):
    xc = x - x.mean(0)
    return ridge * (xc**2).sum() / np.linalg.matrix_rank(xc)


def literal_fit(x, y, ridge):
    """1 - residual over total sum of squares, pooled over features (Kornblith et al. 2019, table 1)."""
    b, c = fitted(x, y, penalty_of(x, ridge))
    return 1 - ((y - x @ b - c) ** 2).sum() / ((y - y.mean(0)) ** 2).sum()


def literal_loo(x, y, ridge):
    """Every sample predicted by a map fitted anew to all others, at the penalty of all, against the mean of the others."""
    missed = total = 0.0
    for i in range(len(x)):
        others = np.arange(len(x)) != i
        b, c = fitted(x[others], y[others], penalty_of(x, ridge))
        missed += ((y[i] - x[i] @ b - c) ** 2).sum()
        total += ((y[i] - y[others].mean(0)) ** 2).sum()
    return 1 - missed / total


@pytest.mark.parametrize("ridge", [0.0, 0.01, 1.0, 50.0])
@pytest.mark.parametrize(("d", "p"), [(4, 3), (1, 2), (6, 30)])
def test_the_scores_are_the_literal_ones(d, p, ridge):
    x, y = two(d=d, p=p)
    assert score(x, y, f"linear_predictivity(ridge={ridge})") == pytest.approx(literal_loo(x, y, ridge), abs=1e-10)
    found = score(x, y, f"linear_predictivity(estimator=fit, ridge={ridge})")
    assert found == pytest.approx(max(0, literal_fit(x, y, ridge)), abs=1e-10)


@pytest.mark.parametrize("ridge", [0.01, 1.0])
def test_more_features_than_samples_are_predicted_from_all_the_same(ridge):
    x, y = two(d=40)
    assert score(x, y, f"linear_predictivity(ridge={ridge})") == pytest.approx(literal_loo(x, y, ridge), abs=1e-9)


def test_left_open_the_ridge_is_the_best_of_the_ladder():
    x, y = two(1, d=40, noise=3)
    ladder = [1e-8, 1e-6, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0]
    rungs = [score(x, y, f"linear_predictivity(ridge={ridge})") for ridge in ladder]
    assert score(x, y) == pytest.approx(max(0, *rungs), abs=1e-12)


def test_a_line_by_hand():
    # leaving out each of (0, 0), (1, 1), (2, 0): the line through the other two misses by 2, 1, 2; their mean by 1/2, 1, 1/2
    x, y = [[0.0], [1], [2]], [[0.0], [1], [0]]
    assert score(x, y, "linear_predictivity(ridge=0.0)") == pytest.approx(1 - 9 / 1.5)
    assert score(x, y, "linear_predictivity(estimator=fit)") == pytest.approx(0, abs=1e-12)
    assert score(x, y) == 0


def test_the_left_side_predicts():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(50, 5))
    assert score(x, x[:, :1]) == pytest.approx(1, abs=1e-9)
    assert score(x[:, :1], x) < 0.5


def test_fit_rewards_width_and_leave_one_out_does_not():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(60, 50)), rng.normal(size=(60, 3))
    assert score(x, y, "linear_predictivity(estimator=fit)") > 0.7
    assert score(x, y) < 0.1
    assert score(x, y, "linear_predictivity(ridge=0.0)") < -1


def test_least_squares_without_a_sample_to_spare_is_an_error():
    x, y = two(d=13)
    with pytest.raises(UndefinedError, match=r"14 samples in 13 independent directions.*Leave ridge open"):
        score(x, y, "linear_predictivity(ridge=0.0)")
    x, y = two()
    x[:, 0] = np.arange(14) == 5
    with pytest.raises(UndefinedError, match=r"1 samples \(the first is row 5\) alone determine a direction"):
        score(x, y, "linear_predictivity(ridge=0.0)")
    assert score(x, y) > 0


def test_a_ridge_below_zero_is_refused():
    with pytest.raises(SpecError, match=r"ridge = -1\.0; it must be zero or positive"):
        parse("linear_predictivity(ridge=-1)")
    assert str(parse("linear_predictivity")) == "linear_predictivity(estimator=loo)"
    assert parse("linear_predictivity(ridge=0.5)").facts.range[0] == -np.inf
