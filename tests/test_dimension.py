import numpy as np
import pytest

from platometer.dimension import participation_ratio, two_nn
from platometer.errors import InputError, NotFiniteError, ShapeError, UndefinedError


def surface(seed=0, n=1500):
    """A curved sheet of two dimensions in ten."""
    u = np.random.default_rng(seed).uniform(size=(n, 2))
    sheet = np.c_[np.cos(3 * u[:, 0]), np.sin(3 * u[:, 0]), u[:, 1], u[:, 0] * u[:, 1]]
    return sheet @ np.random.default_rng(1).normal(size=(4, 10))


def literal_ratios(x):
    """mu_i = r2 / r1 (Facco et al. 2017)."""
    ratios = []
    for i, point in enumerate(x):
        r = sorted(np.sqrt(((point - other) ** 2).sum()) for j, other in enumerate(x) if j != i)
        ratios.append(r[1] / r[0])
    return np.array(ratios)


def test_the_participation_ratio_counts_equal_directions():
    assert participation_ratio(np.r_[np.eye(5), -np.eye(5)]) == pytest.approx(5)
    assert participation_ratio(np.outer(np.arange(9.0), [1, 2, 3])) == pytest.approx(1)
    assert participation_ratio([[2.0, 0], [-2, 0], [0, 1], [0, -1]]) == pytest.approx((8 + 2) ** 2 / (64 + 4))


@pytest.mark.parametrize("shape", [(30, 4), (6, 40)])
def test_the_participation_ratio_is_that_of_the_covariance_s_eigenvalues(shape):
    x = np.random.default_rng(0).normal(size=shape) + 3
    values = np.linalg.eigvalsh(np.cov(x.T))
    assert participation_ratio(x) == pytest.approx(values.sum() ** 2 / (values**2).sum())
    assert participation_ratio(1e-20 * x.astype(np.float32)) == pytest.approx(participation_ratio(x), rel=1e-5)


def test_two_nn_is_the_literal_one():
    x = surface(n=60)
    logs = np.log(literal_ratios(x))
    assert two_nn(x) == pytest.approx(59 / logs.sum(), rel=1e-9)
    kept = np.sort(logs)[:54]
    heights = [-np.log(1 - i / 60) for i in range(1, 55)]
    slope = sum(a * b for a, b in zip(kept, heights, strict=True)) / sum(a * a for a in kept)
    assert two_nn(x, estimator="fit", discard=0.1) == pytest.approx(slope, rel=1e-9)


def test_three_points_by_hand():
    # distances (1, 4), (1, 3) and (3, 4): ratios 4, 3, 4/3, whose product is 16
    assert two_nn([0.0, 1.0, 4.0]) == pytest.approx(2 / np.log(16))


@pytest.mark.parametrize("estimator", ["mle", "fit"])
def test_a_curved_sheet_has_two_dimensions_whatever_it_lies_in(estimator):
    x = surface()  # 1,500 samples: a standard error of 2 / sqrt(1500) = 0.05; the band is five of them
    assert two_nn(x, estimator=estimator) == pytest.approx(2, abs=0.26)
    assert two_nn(1e20 * x + 1e21, estimator=estimator) == pytest.approx(two_nn(x, estimator=estimator), rel=1e-6)
    assert participation_ratio(np.random.default_rng(0).normal(size=(1500, 10))) > 9


def test_far_from_the_origin_distances_keep_their_digits():
    x = surface(n=200)
    assert two_nn(x + 1e6) == pytest.approx(two_nn(x), rel=1e-6)


def test_noise_counts_as_dimensions_at_its_own_scale_and_decimation_shows_it():
    x = surface()
    noisy = x + 0.02 * np.random.default_rng(2).normal(size=x.shape)
    assert two_nn(noisy) > 3
    assert two_nn(noisy, parts=10, seed=0) < two_nn(noisy) - 0.3


def test_parts_are_random_by_the_seed_alone():
    x = surface(n=300)
    assert two_nn(x, parts=3, seed=4) == two_nn(x, parts=3, seed=4) != two_nn(x, parts=3, seed=5)


def test_duplicates_are_named_by_row():
    x = surface(n=50)
    x[31] = x[7]
    with pytest.raises(UndefinedError, match=r"2 samples coincide with another \(the first is row 7\).*Drop duplicates"):
        two_nn(x)


def test_what_has_no_dimension_says_why():
    with pytest.raises(UndefinedError, match="same features"):
        participation_ratio(np.ones((5, 2)))
    with pytest.raises(UndefinedError, match="as on a lattice"):
        two_nn(np.eye(5))
    with pytest.raises(ShapeError, match="at least 6"):
        two_nn(surface(n=5), parts=2)
    with pytest.raises(ShapeError, match="at least 2"):
        participation_ratio([[1.0, 2.0]])
    with pytest.raises(NotFiniteError, match="row 1"):
        two_nn([[0.0], [np.nan], [1.0]])
    with pytest.raises(InputError, match="expected 'mle' or 'fit'"):
        two_nn(surface(n=9), estimator="levina")
    with pytest.raises(InputError, match="discard = 1"):
        two_nn(surface(n=9), discard=1)
    with pytest.raises(InputError, match="parts = 0"):
        two_nn(surface(n=9), parts=0)
