import itertools

import numpy as np
import pytest
import torch
from scipy.optimize import linprog

from platometer.errors import InputError, UndefinedError
from platometer.metrics import parse
from platometer.metrics._transport import cheapest


def score(x, y, spec="soft_matching"):
    metric = parse(spec)
    return metric.compare(*(metric.prepare(torch.as_tensor(np.asarray(side, dtype=np.float64))) for side in (x, y)))


def two(seed=0, n=15, d=4, p=6):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 3))
    return z @ rng.normal(size=(3, d)) + rng.normal(size=(n, d)) + 1, z @ rng.normal(size=(3, p)) + rng.normal(size=(n, p))


def literal_plan(cost):
    """The linear programme: min <P, cost> with P >= 0, rows of P summing to 1/d and columns to 1/p."""
    d, p = cost.shape
    rows = [np.kron(np.eye(d)[i], np.ones(p)) for i in range(d)]
    columns = [np.kron(np.ones(d), np.eye(p)[j]) for j in range(p)]
    sums = np.concatenate([np.full(d, 1 / d), np.full(p, 1 / p)])
    return linprog(cost.ravel(), A_eq=np.array(rows + columns), b_eq=sums).fun


@pytest.mark.parametrize(("d", "p"), [(1, 1), (1, 4), (5, 5), (4, 6), (6, 4), (3, 7), (9, 8), (12, 18)])
@pytest.mark.parametrize("whole", [False, True])
def test_the_plan_is_the_linear_programme_s(d, p, whole):
    for seed in range(4):
        rng = np.random.default_rng(seed)
        cost = rng.integers(0, 3, (d, p)).astype(float) if whole else rng.normal(size=(d, p))
        assert cheapest(cost) == pytest.approx(literal_plan(cost), abs=1e-9)


@pytest.mark.parametrize(("d", "p"), [(4, 6), (5, 5), (7, 3)])
def test_the_score_is_the_literal_one(d, p):
    x, y = two(d=d, p=p)
    correlation = np.corrcoef(x.T, y.T)[:d, d:]
    soft = -literal_plan(-correlation)
    assert score(x, y) == pytest.approx(soft, abs=1e-10)
    assert score(x, y, "soft_matching(form=distance)") == pytest.approx(np.sqrt(2 - 2 * soft), abs=1e-10)
    best = (correlation.max(0).mean() + correlation.max(1).mean()) / 2
    assert score(x, y, "soft_matching(matching=semi)") == pytest.approx(best, abs=1e-12)


def test_one_feature_shared_by_two_by_hand():
    x = np.array([[1.0], [-1], [1], [-1]])
    y = np.array([[1.0, 1], [-1, 1], [1, -1], [-1, -1]])  # correlations 1 and 0
    assert score(x, y) == pytest.approx(0.5)
    assert score(x, y, "soft_matching(matching=hard)") == pytest.approx(1)
    assert score(x, y, "soft_matching(matching=semi)") == pytest.approx((1 + 0.5) / 2)
    assert score(x, y, "soft_matching(form=distance)") == pytest.approx(1)


def test_hard_matching_is_the_best_over_all_assignments():
    x, y = two(1, d=3, p=5)
    correlation = np.corrcoef(x.T, y.T)[:3, 3:]
    best = max(correlation[range(3), chosen].mean() for chosen in itertools.permutations(range(5), 3))
    assert score(x, y, "soft_matching(matching=hard)") == pytest.approx(best, abs=1e-12)


def test_the_order_and_the_scale_of_features_do_not_matter():
    x, y = two(2)
    assert score(x[:, [2, 0, 3, 1]] * [1, 5, 0.1, 3], y) == pytest.approx(score(x, y), abs=1e-12)
    assert score(-x, x) < 1


def test_the_distance_keeps_the_triangle_inequality_across_widths():
    spaces = [two(seed, d=d)[0] for seed, d in ((0, 2), (1, 3), (2, 5), (3, 4))]
    for a in spaces:
        for b in spaces:
            for c in spaces:
                d = [score(*pair, "soft_matching(form=distance)") for pair in ((a, c), (a, b), (b, c))]
                assert d[0] <= d[1] + d[2] + 1e-9


def test_dead_features_are_left_out_and_counted():
    x, y = two(3)
    wide = np.c_[x, np.zeros(15), np.full(15, 0.1)]
    assert score(wide, y) == pytest.approx(score(x, y), abs=1e-12)
    metric = parse("soft_matching")
    remarks = metric.remarks(metric.prepare(torch.tensor(wide)))
    assert remarks == ("2 of 6 features do not vary over the samples and were left out.",)
    with pytest.raises(UndefinedError, match="same features"):
        score(np.zeros((15, 2)), y)


def test_what_would_take_hours_is_refused():
    metric = parse("soft_matching")
    rng = np.random.default_rng(0)
    a = metric.prepare(torch.tensor(rng.normal(size=(3, 9000))))
    with pytest.raises(InputError, match=r"Matching 9000 with 9000 features.*Use matching=semi"):
        metric.compare(a, a)
