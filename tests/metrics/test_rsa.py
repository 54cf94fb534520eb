import numpy as np
import pytest
import torch
from scipy import stats

from platometer.errors import SpecError, UndefinedError
from platometer.metrics import parse
from platometer.metrics.rsa import Rsa, _midranks


def score(x, y, **options):
    metric = Rsa(**options)
    return metric.compare(*(metric.prepare(torch.as_tensor(np.asarray(side, dtype=np.float64))) for side in (x, y)))


def two(seed=0, n=12):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 2))
    x = z @ rng.normal(size=(2, 5)) + 0.5 * rng.normal(size=(n, 5)) + 1
    return x, z @ rng.normal(size=(2, 4)) + rng.normal(size=(n, 4))


def literal_dissimilarity(u, v, how):
    if how == "correlation":
        return 1 - np.corrcoef(u, v)[0, 1]
    if how == "cosine":
        return 1 - u @ v / np.sqrt((u @ u) * (v @ v))
    square = sum((a - b) ** 2 for a, b in zip(u, v, strict=True))
    return square if how == "squared_euclidean" else np.sqrt(square)


def literal_tau_b(left, right):
    """Kendall 1945: (concordant - discordant) / sqrt((pairs untied left) (pairs untied right))."""
    total = untied_left = untied_right = 0
    for i in range(len(left)):
        for j in range(i):
            a, b = np.sign(left[i] - left[j]), np.sign(right[i] - right[j])
            total, untied_left, untied_right = total + a * b, untied_left + a * a, untied_right + b * b
    return total / np.sqrt(untied_left * untied_right)


def literal(x, y, how, by):
    pairs = [(i, j) for i in range(len(x)) for j in range(i)]
    left, right = (np.array([literal_dissimilarity(side[i], side[j], how) for i, j in pairs]).round(11) for side in (x, y))
    if by == "cosine":
        return left @ right / np.sqrt((left @ left) * (right @ right))
    if by == "kendall":
        return literal_tau_b(left, right)
    if by == "spearman":
        left, right = stats.rankdata(left), stats.rankdata(right)
    return np.corrcoef(left, right)[0, 1]


@pytest.mark.parametrize("by", ["pearson", "spearman", "kendall", "cosine"])
@pytest.mark.parametrize("how", ["correlation", "cosine", "euclidean", "squared_euclidean"])
def test_the_score_is_the_literal_one(how, by):
    x, y = two()
    assert score(x, y, dissimilarity=how, compare_=by) == pytest.approx(literal(x, y, how, by), abs=1e-9)


def test_the_option_is_called_compare_in_a_spec():
    metric = parse("rsa(dissimilarity=euclidean, compare=kendall)")
    assert metric == Rsa(dissimilarity="euclidean", compare_="kendall")
    assert str(metric) == "rsa(dissimilarity=euclidean, compare=kendall)"
    with pytest.raises(SpecError, match=r"Did you mean 'spearman'"):
        parse("rsa(compare=spearmann)")
    with pytest.raises(SpecError, match=r"no option 'comparee'.*Did you mean 'compare'"):
        parse("rsa(comparee=spearman)")


def test_three_points_on_a_line_by_hand():
    # distances (1, 3, 2) against (2, 3, 1): ranks (1, 3, 2) and (2, 3, 1)
    x, y = [[0], [1], [3]], [[0], [2], [3]]
    options = {"dissimilarity": "euclidean"}
    assert score(x, y, compare_="spearman", **options) == pytest.approx(0.5)
    assert score(x, y, compare_="pearson", **options) == pytest.approx(0.5)
    assert score(x, y, compare_="kendall", **options) == pytest.approx(1 / 3)
    assert score(x, y, compare_="cosine", **options) == pytest.approx(13 / 14)


def test_tied_pairs_share_their_mean_rank():
    assert _midranks(torch.tensor([5, 1, 5, 0, 5], dtype=torch.float64), tolerance=0).tolist() == [4, 2, 4, 1, 4]


def test_ties_up_to_rounding_are_ties():
    values = torch.tensor([0.3, 0.1 + 0.2, 0.5, 0.1], dtype=torch.float64)
    assert _midranks(values, tolerance=1e-12).tolist() == [2.5, 2.5, 4, 1]


def test_kendall_counts_tied_pairs_as_tau_b_does():
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 4, (9, 1)), rng.integers(0, 4, (9, 1))
    found = score(x, y, dissimilarity="euclidean", compare_="kendall")
    assert found == pytest.approx(literal(x.astype(float), y.astype(float), "euclidean", "kendall"), abs=1e-12)


def test_equal_rows_are_at_distance_zero_however_far_from_the_origin():
    x, y = two(2)
    x[4] = x[1]
    for how in ("correlation", "cosine", "euclidean"):
        near = score(x, y, dissimilarity=how)
        assert near == pytest.approx(literal(x, y, how, "spearman"), abs=1e-9)
    assert score(x + 1e5, y, dissimilarity="euclidean") == pytest.approx(score(x, y, dissimilarity="euclidean"), abs=1e-6)


def test_a_row_without_a_correlation_or_direction_is_named():
    x, y = two()
    x[3] = 0.7
    with pytest.raises(UndefinedError, match=r"1 samples \(the first is row 3\) have the same value in every feature"):
        score(x, y)
    x[3] = 0
    with pytest.raises(UndefinedError, match=r"rows of zeros, \d+ of \d+ \(the first is row 3\)"):
        score(x, y, dissimilarity="cosine")
    with pytest.raises(UndefinedError, match="use dissimilarity=cosine or euclidean"):
        score(np.arange(12.0)[:, None], y)


def test_dissimilarities_that_are_all_equal_are_an_error():
    simplex = np.eye(4)
    with pytest.raises(UndefinedError, match="All euclidean dissimilarities are equal"):
        score(simplex, simplex, dissimilarity="euclidean")
    with pytest.raises(UndefinedError, match="All cosine dissimilarities are zero"):
        score(np.outer([1, 2, 3, 4], [1.0, 2]), simplex, dissimilarity="cosine", compare_="cosine")
    assert score(simplex, simplex, dissimilarity="euclidean", compare_="cosine") == pytest.approx(1)
