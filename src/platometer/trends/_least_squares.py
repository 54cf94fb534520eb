"""The least-squares curve of many weighted samples at once.

Every law is a constant plus one or two columns that depend on at most two further parameters (the rate, the threshold).
For given further parameters the rest is linear and has a closed form (variable projection; Golub and Pereyra 1973). So
a fit searches the further parameters only: a grid of starts for all samples in one product, then ever finer grids around
the best, sample by sample. `polished` ends the search with scipy's least squares from the best starts.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
from scipy import optimize

Columns = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""(v (m,), theta (..., d)) -> (..., q, m) columns beside the constant."""

_ROUNDS = 6
_BLOCK = 4_000_000  # numbers in one block of columns
_NOTHING = 1e-4  # a column of smaller variance is constant: columns span about 1
_STARTS = 5


def solve(columns: Columns, axes: list[np.ndarray], v: np.ndarray, y: np.ndarray, weights: np.ndarray) -> tuple:
    """Further parameters (B, d) and coefficients (B, 1 + q) of the least-squares curve of every sample.

    Parameters
    ----------
    columns : of the law.
    axes : d evenly spaced grids.
    v : (m,).
    y : (m,) or (B, m).
    weights : (B, m) how often each point counts.
    """
    grid = _grid(axes)
    shared = columns(v, grid)
    thetas, betas = [], []
    step = max(1, _BLOCK // max(1, len(grid) * 4, 25 * shared.shape[1] * len(v)))
    for start in range(0, len(weights), step):
        w = weights[start : start + step]
        t = y if y.ndim == 1 else y[start : start + step]
        theta = grid[_profile(shared, t, w)[0].argmin(1)]
        for i in range(_ROUNDS if axes else 0):
            near = theta[:, None, :] + _grid([np.arange(-2, 3) / 2 ** (i + 1) * (a[1] - a[0]) for a in axes])
            near = np.clip(near, [a[0] for a in axes], [a[-1] for a in axes])
            error, _ = _profile(columns(v, near), t, w)
            theta = near[np.arange(len(w)), error.argmin(1)]
        thetas.append(theta)
        betas.append(_profile(columns(v, theta[:, None, :]), t, w)[1][:, 0])
    return np.concatenate(thetas), np.concatenate(betas)


def polished(columns: Columns, axes: list[np.ndarray], v: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Further parameters (d,) and coefficients (1 + q,) of the least-squares curve of one sample.

    Parameters
    ----------
    columns, axes, v : as in `solve`.
    y : (m,).
    """
    one = np.ones((1, len(v)))
    theta, beta = (part[0] for part in solve(columns, axes, v, y, one))
    if not axes:
        return theta, beta

    def residuals(at: np.ndarray) -> np.ndarray:
        found = _profile(columns(v, at[None, None, :]), y, one)[1][0, 0]
        return y - curve(columns, v, at[None], found[None])[0]

    grid = _grid(axes)
    order = _profile(columns(v, grid), y, one)[0][0].argsort(kind="stable")
    apart: list[np.ndarray] = [theta]
    for at in grid[order]:
        if len(apart) < _STARTS and min(np.abs(at - other).max() for other in apart) > 4 * max(a[1] - a[0] for a in axes):
            apart.append(at)
    bounds = [a[0] for a in axes], [a[-1] for a in axes]
    found = [theta, *(optimize.least_squares(residuals, np.clip(at, *bounds), bounds=bounds).x for at in apart)]
    theta = min(found, key=lambda at: float((residuals(at) ** 2).sum()))
    return theta, _profile(columns(v, theta[None, None, :]), y, one)[1][0, 0]


def curve(columns: Columns, v: np.ndarray, theta: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """(B, m) the curves at v.

    Parameters
    ----------
    columns : of the law.
    v : (m,).
    theta, beta : (B, d) and (B, 1 + q).
    """
    return beta[:, :1] + np.einsum("bq,bqm->bm", beta[:, 1:], columns(v, theta))


def _grid(axes: list[np.ndarray]) -> np.ndarray:
    return np.array(list(itertools.product(*axes)), dtype=np.float64).reshape(math.prod(map(len, axes)), len(axes))


def _profile(c: np.ndarray, y: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(B, G) weighted squared errors and (B, G, 1 + q) coefficients, for columns (G, q, m) or (B, G, q, m)."""

    def total(part: np.ndarray, by: np.ndarray) -> np.ndarray:
        return by @ part.T if part.ndim == 2 else np.matmul(part, by[:, :, None])[..., 0]

    all_w, wy = w.sum(1)[:, None], w * y
    mean = wy.sum(1)[:, None] / all_w
    spread = (wy * y).sum(1)[:, None] - all_w * mean**2
    q, count = c.shape[-2], c.shape[-3]
    parts = [c[..., i, :] for i in range(q)]
    means = [total(part, w) / all_w for part in parts]
    sizes = [total(part * part, w) for part in parts]
    own = [np.where((s := size - all_w * m * m) > _NOTHING * all_w, s, np.inf)  # a constant column gets no share
           for size, m in zip(sizes, means, strict=True)]
    with_y = [total(part, wy) - all_w * m * mean for part, m in zip(parts, means, strict=True)]
    if q == 0:
        slopes = []
    elif q == 1:
        slopes = [with_y[0] / own[0]]
    else:
        both = total(parts[0] * parts[1], w) - all_w * means[0] * means[1]
        alone = with_y[0] / own[0]
        rest = own[1] - both**2 / own[0]
        rest = np.where(rest > 1e-9 * own[1], rest, np.inf)  # the second column says nothing that the first does not
        second = (with_y[1] - both * alone) / rest
        slopes = [alone - both / own[0] * second, second]
    explained = sum((slope * part for slope, part in zip(slopes, with_y, strict=True)), np.zeros((len(w), count)))
    level = mean - sum((slope * m for slope, m in zip(slopes, means, strict=True)), np.zeros((len(w), count)))
    return np.maximum(spread - explained, 0.0), np.stack([level, *slopes], -1)
