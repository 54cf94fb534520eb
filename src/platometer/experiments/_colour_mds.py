"""Points for dissimilarities, and one cloud of points laid onto another.

Sources: Torgerson 1952 (classical scaling); de Leeuw 1977, Guttman 1968 (the majorising step of SMACOF); Kabsch 1976
and Umeyama 1991 (the best turn, scale and shift).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from platometer.errors import InputError, ShapeError, UndefinedError

_BUDGET = 2**26  # bytes of one table of distances, over the starts that are worked on at once


@dataclass(frozen=True, eq=False)
class Embedding:
    """Points whose distances follow given dissimilarities.

    Attributes
    ----------
    points : (n, axes) of the best start, their mean at the origin.
    stress : sqrt(sum (d - distance)^2 / sum d^2) over pairs: 0 where the points meet every dissimilarity.
    stresses : (starts,) of every start; the first is classical scaling.
    """

    points: np.ndarray
    stress: float
    stresses: np.ndarray


def embedded(
    dissimilarities: np.ndarray, *, axes: int = 3, starts: int = 100, seed: int = 0, steps: int = 300, tolerance: float = 1e-6
) -> Embedding:
    """The points of least stress among many starts, each improved by SMACOF until it stands still.

    Parameters
    ----------
    dissimilarities : (n, n) symmetric, not negative; the diagonal is not read.
    axes : of the space.
    starts : the first is classical scaling, the others are random points, drawn by `seed`.
    steps : at most, of each start.
    tolerance : a start stands still when a step lowers its stress by less than this share.

    Raises
    ------
    InputError
        Negative or lopsided dissimilarities; no start.
    UndefinedError
        All dissimilarities are zero.

    Examples
    --------
    >>> corners = np.array([[0.0, 0, 0], [1, 0, 0], [0, 2, 0], [0, 0, 3], [1, 2, 3]])
    >>> wanted = np.linalg.norm(corners[:, None] - corners, axis=-1)
    >>> bool(embedded(wanted, starts=4).stress < 1e-3)
    True
    """
    d = _checked(dissimilarities)
    if starts < 1 or axes < 1:
        raise InputError(f"starts = {starts}, axes = {axes}; each is at least 1.")
    size = np.sqrt((d**2).sum() / len(d) ** 2 / 2)
    random = np.random.default_rng(seed).normal(size=(starts - 1, len(d), axes)) * size / np.sqrt(axes)
    points, stresses = smacof(d, np.concatenate([classical(d, axes)[None], random]), steps=steps, tolerance=tolerance)
    best = int(stresses.argmin())
    return Embedding(points[best] - points[best].mean(0), float(stresses[best]), stresses)


def classical(dissimilarities: np.ndarray, axes: int) -> np.ndarray:
    """The leading principal axes of the points that the squared dissimilarities would have, (n, axes).

    Parameters
    ----------
    dissimilarities : (n, n).
    axes : how many; zeros where the squares have fewer positive directions.
    """
    squares = dissimilarities**2
    centred = squares - squares.mean(0) - squares.mean(1)[:, None] + squares.mean()
    values, vectors = np.linalg.eigh(-centred / 2)
    values, vectors = values[::-1][:axes], vectors[:, ::-1][:, :axes]
    vectors = vectors * np.sign(vectors[np.abs(vectors).argmax(0), np.arange(vectors.shape[1])])  # one sign on all machines
    points = np.zeros((len(squares), axes))
    points[:, : len(values)] = vectors * np.sqrt(np.maximum(values, 0))
    return points


def smacof(
    dissimilarities: np.ndarray, starts: np.ndarray, *, steps: int = 300, tolerance: float = 1e-6
) -> tuple[np.ndarray, np.ndarray]:
    """Points of lower stress from each start, and their stresses: no step ever raises the stress.

    Parameters
    ----------
    dissimilarities : (n, n).
    starts : (starts, n, axes).
    steps, tolerance : see `embedded`.

    Returns
    -------
    (starts, n, axes) and (starts,).
    """
    points, n = np.array(starts, dtype=np.float64), len(dissimilarities)
    stresses = np.empty(len(points))
    at_once = max(1, _BUDGET // (8 * n * n))
    for first in range(0, len(points), at_once):
        part = slice(first, first + at_once)
        points[part], stresses[part] = _improved(dissimilarities, points[part], steps, tolerance)
    return points, stresses


def _improved(d: np.ndarray, points: np.ndarray, steps: int, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    """Guttman's transform until every start of the batch stands still; those that do are left alone."""
    total, n = (d**2).sum() / 2, len(d)
    before, distances = _stress(d, points)
    moving = np.arange(len(points))
    for _ in range(steps):
        ratio = np.divide(d, distances, out=np.zeros_like(distances), where=distances > 0)
        current = (ratio.sum(2)[..., None] * points[moving] - ratio @ points[moving]) / n
        points[moving] = current
        now, distances = _stress(d, current)
        still = before[moving] - now <= tolerance * before[moving] + 1e-15 * total
        before[moving] = now
        moving, distances = moving[~still], distances[~still]
        if not len(moving):
            break
    return points, np.sqrt(before / total)


def _stress(d: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(s,) the sum over pairs of (d - distance)^2, and (s, n, n) the distances."""
    squares = (points**2).sum(2)
    distances = np.sqrt(np.maximum(squares[:, :, None] + squares[:, None] - 2 * points @ points.transpose(0, 2, 1), 0))
    at = np.arange(len(d))
    distances[:, at, at] = 0
    return ((d - distances) ** 2).sum((1, 2)) / 2, distances


def _checked(dissimilarities: np.ndarray) -> np.ndarray:
    d = np.array(dissimilarities, dtype=np.float64)
    if d.ndim != 2 or d.shape[0] != d.shape[1] or len(d) < 2:
        raise ShapeError(f"Dissimilarities are {d.shape}; expected (n, n) with n >= 2.")
    np.fill_diagonal(d, 0)
    if not np.isfinite(d).all() or d.min() < 0:
        raise InputError(f"Dissimilarities must be finite and not negative; the least is {d.min():g}. Of similarities, take "
                         "their maximum less them.")
    if not np.allclose(d, d.T, rtol=1e-9, atol=1e-12):
        raise InputError("Dissimilarities are not symmetric: d[i, j] must be d[j, i].")
    if d.max() == 0:
        raise UndefinedError("All dissimilarities are zero, so that all points are one.")
    return (d + d.T) / 2


@dataclass(frozen=True, eq=False)
class Fit:
    """The best similarity map from one cloud onto another, (scale * x @ turn.T + shift).

    Attributes
    ----------
    points : (..., n, axes) the first cloud, laid onto the second.
    residual : (...) share of the second cloud's variance that stays unexplained, in [0, 1].
    scale : (...) not negative.
    turn : (..., axes, axes) orthogonal.
    """

    points: np.ndarray
    residual: np.ndarray
    scale: np.ndarray
    turn: np.ndarray


def laid_onto(points: np.ndarray, target: np.ndarray, *, reflection: str = "allowed") -> Fit:
    """One cloud laid onto another by turn, scale and shift, leaving the least squared distance.

    Parameters
    ----------
    points : (n, axes).
    target : (n, axes), or (..., n, axes) of several targets.
    reflection : ``"allowed"``, or ``"forbidden"`` for turns alone. In three dimensions, allowing it is the same as
        trying the cloud and its negative.

    Raises
    ------
    UndefinedError
        A cloud is a single point.

    Examples
    --------
    >>> x = np.array([[0.0, 0, 0], [1, 0, 0], [0, 2, 0], [0, 0, 3]])
    >>> mirrored = x * [1, 1, -1]
    >>> [round(float(laid_onto(x, mirrored, reflection=how).residual), 2) for how in ("allowed", "forbidden")]
    [0.0, 0.16]
    """
    if reflection not in ("allowed", "forbidden"):
        raise InputError(f"reflection = {reflection!r}; expected 'allowed' or 'forbidden'.")
    middle = target.mean(-2, keepdims=True)
    x, y = points - points.mean(0), target - middle
    size_x, size_y = (x**2).sum(), (y**2).sum((-2, -1))
    if size_x == 0 or np.any(size_y == 0):
        raise UndefinedError("All points are one; there is nothing to turn.")
    u, s, vh = np.linalg.svd(y.swapaxes(-1, -2) @ x)
    if reflection == "forbidden":
        mirrored = np.linalg.det(u @ vh) < 0
        s[..., -1] = np.where(mirrored, -s[..., -1], s[..., -1])
        u[..., -1] = np.where(mirrored[..., None], -u[..., -1], u[..., -1])
    turn, scale = u @ vh, s.sum(-1) / size_x
    residual = np.clip(1 - s.sum(-1) ** 2 / (size_x * size_y), 0, 1)
    laid = scale[..., None, None] * (x @ turn.swapaxes(-1, -2)) + middle
    return Fit(laid, residual, scale, turn)
