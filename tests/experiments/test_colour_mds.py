"""Points for dissimilarities, and clouds laid onto clouds, against other implementations and known motions."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.spatial import procrustes
from scipy.spatial.distance import cdist
from scipy.spatial.transform import Rotation

from platometer.errors import InputError, ShapeError, UndefinedError
from platometer.experiments._colour_mds import classical, embedded, laid_onto, smacof

CHANCE = np.random.default_rng(0)


def _rough(n: int = 15) -> np.ndarray:
    """Dissimilarities that no points have."""
    d = CHANCE.uniform(0.5, 2, size=(n, n))
    d = (d + d.T) / 2
    np.fill_diagonal(d, 0)
    return d


def test_distances_of_points_are_met_exactly() -> None:
    x = CHANCE.normal(size=(20, 3))
    found = embedded(cdist(x, x), starts=3, steps=1000, tolerance=1e-12)
    assert found.stress < 1e-6
    np.testing.assert_allclose(cdist(found.points, found.points), cdist(x, x), atol=1e-5)
    np.testing.assert_allclose(found.points.mean(0), 0, atol=1e-12)


def test_stress_is_that_of_scikit_learn_from_the_same_starts() -> None:
    manifold = pytest.importorskip("sklearn.manifold")
    d = _rough()
    starts = CHANCE.normal(size=(4, len(d), 3))
    _, ours = smacof(d, starts, steps=2000, tolerance=1e-12)
    theirs = [manifold.smacof(d, n_components=3, init=start, n_init=1, max_iter=2000, eps=1e-12, normalized_stress=False)[1]
              for start in starts]
    np.testing.assert_allclose(ours**2 * (d**2).sum() / 2, theirs, rtol=1e-4)


def test_many_starts_are_no_worse_than_one_and_do_not_depend_on_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    d = _rough()
    many = embedded(d, starts=20, seed=1)
    assert many.stress <= embedded(d, starts=1, seed=1).stress
    assert len(many.stresses) == 20
    monkeypatch.setattr("platometer.experiments._colour_mds._BUDGET", 1)
    np.testing.assert_allclose(embedded(d, starts=20, seed=1).stresses, many.stresses, rtol=1e-9)


def test_no_step_raises_the_stress() -> None:
    d, start = _rough(), CHANCE.normal(size=(1, 15, 3))
    values = [smacof(d, start, steps=steps, tolerance=-1)[1][0] for steps in range(1, 30)]
    assert all(later <= earlier + 1e-12 for earlier, later in pairwise(values))


def test_classical_scaling_of_distances_gives_the_points_turned() -> None:
    x = CHANCE.normal(size=(10, 3))
    assert float(laid_onto(classical(cdist(x, x), 3), x).residual) < 1e-12
    assert classical(cdist(x[:3], x[:3]), 5).shape == (3, 5)


def test_a_known_motion_is_found() -> None:
    x = CHANCE.normal(size=(12, 3))
    turn = Rotation.from_rotvec([0.3, -1.2, 2.0]).as_matrix()
    fit = laid_onto(x, 2.5 * x @ turn.T + [1, 2, 3], reflection="forbidden")
    np.testing.assert_allclose(fit.turn, turn, atol=1e-12)
    assert float(fit.scale) == pytest.approx(2.5)
    assert float(fit.residual) == pytest.approx(0, abs=1e-12)


def test_the_turn_is_that_of_scipy_and_the_residual_its_disparity() -> None:
    x, y = CHANCE.normal(size=(12, 3)), CHANCE.normal(size=(12, 3))
    turn = Rotation.align_vectors(y - y.mean(0), x - x.mean(0))[0].as_matrix()
    np.testing.assert_allclose(laid_onto(x, y, reflection="forbidden").turn, turn, atol=1e-8)
    fit = laid_onto(x, y)
    assert float(fit.residual) == pytest.approx(procrustes(y, x)[2])
    assert float(fit.residual) == pytest.approx(((fit.points - y) ** 2).sum() / ((y - y.mean(0)) ** 2).sum())


def test_allowing_reflection_is_trying_the_cloud_and_its_negative() -> None:
    x, y = CHANCE.normal(size=(9, 3)), CHANCE.normal(size=(9, 3))
    twice = [float(laid_onto(sign * x, y, reflection="forbidden").residual) for sign in (1, -1)]
    assert float(laid_onto(x, y).residual) == pytest.approx(min(twice))


def test_several_targets_are_several_fits() -> None:
    x, several = CHANCE.normal(size=(9, 3)), CHANCE.normal(size=(4, 9, 3))
    for how in ("allowed", "forbidden"):
        together = laid_onto(x, several, reflection=how)
        for i, target in enumerate(several):
            alone = laid_onto(x, target, reflection=how)
            np.testing.assert_allclose(together.points[i], alone.points, atol=1e-9)
            assert together.residual[i] == pytest.approx(float(alone.residual))


def test_what_is_no_dissimilarity_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"\(2, 3\)"):
        embedded(np.ones((2, 3)))
    with pytest.raises(InputError, match="take their maximum less them"):
        embedded(np.array([[0, -1.0], [-1, 0]]))
    with pytest.raises(InputError, match="not symmetric"):
        embedded(np.array([[0, 1.0], [2, 0]]))
    with pytest.raises(UndefinedError, match="all points are one"):
        embedded(np.zeros((3, 3)))
    with pytest.raises(InputError, match="starts = 0"):
        embedded(np.ones((3, 3)), starts=0)
    with pytest.raises(InputError, match="'allowed' or 'forbidden'"):
        laid_onto(np.eye(3), np.eye(3), reflection="no")
    with pytest.raises(UndefinedError, match="nothing to turn"):
        laid_onto(np.ones((4, 3)), CHANCE.normal(size=(4, 3)))
