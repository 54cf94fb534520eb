"""Features made in each run from a seed: float32, with structure that both sides share, a mean, and a known spectrum."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

_ROWS = 50_000  # made at once
_LATENT = 48


def grid(size: dict) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Two models' layers: what a model sees turns with depth from one latent space into another, both partly its own.

    The latent spaces fall off; each layer has its own map, noise and mean.

    Parameters
    ----------
    size : n; left, right: how many layers; d, p: their widths.
    """
    rng = np.random.default_rng(11)
    shared = _latent(size["n"], rng), _latent(size["n"], rng)
    return _model(shared, size["left"], size["d"], rng), _model(shared, size["right"], size["p"], rng)


def _model(shared: tuple[np.ndarray, np.ndarray], layers: int, d: int, rng: np.random.Generator) -> list[np.ndarray]:
    early, late = (z + np.float32(0.4) * _latent(len(z), rng) for z in shared)
    angles = np.linspace(0, 1.2, layers, dtype=np.float32) if layers else ()
    return [_layer(np.cos(a) * early + np.sin(a) * late, d, rng) for a in angles]


def _latent(n: int, rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal((n, _LATENT), np.float32) * np.arange(1, _LATENT + 1, dtype=np.float32) ** -0.5


def _layer(z: np.ndarray, d: int, rng: np.random.Generator) -> np.ndarray:
    x = z @ rng.standard_normal((z.shape[1], d), np.float32)
    x += 1.5 * rng.standard_normal(x.shape, np.float32)
    x += 0.5 * rng.standard_normal(d, np.float32)
    return x


def pair(size: dict) -> tuple[np.ndarray, np.ndarray]:
    """Two spaces that share half of what they are.

    Parameters
    ----------
    size : n, d; slope: the variance on principal axis j is j^-slope, so that 0 is a flat spectrum.
    """
    return space(size, 0), space(size, 1)


def space(size: dict, side: int) -> np.ndarray:
    """One of the two spaces, (n, d).

    Parameters
    ----------
    size : as of `pair`.
    side : 0 or 1.
    """
    n, d = size["n"], size["d"]
    scale = np.arange(1, d + 1, dtype=np.float64) ** (-size["slope"] / 2)
    scale *= np.sqrt(d / (scale**2).sum())
    own = np.random.default_rng([7, side])
    axes = np.linalg.qr(own.standard_normal((d, d)))[0]
    turn = (scale[:, None] * axes.T).astype(np.float32)
    mean = 0.5 * own.standard_normal(d, np.float32)
    out = np.empty((n, d), np.float32)
    for start in range(0, n, _ROWS):
        rows = slice(start, min(start + _ROWS, n))
        shape = (rows.stop - rows.start, d)
        z = np.random.default_rng([3, start]).standard_normal(shape, np.float32)
        z += np.random.default_rng([5, side, start]).standard_normal(shape, np.float32)
        np.matmul(z, turn, out=out[rows])
        out[rows] += mean
    return out


def subset(size: dict) -> list[tuple[int, int]]:
    """Layer pairs that stand for the whole grid, where the whole grid would take too long.

    Parameters
    ----------
    size : left, right, and pairs: how many.
    """
    left, right, pairs = size["left"], size["right"], size["pairs"]
    return [(i * left // pairs, i * right // pairs) for i in range(pairs)]


def moves(specs: tuple[str, ...]) -> list[tuple[str, Callable[[np.ndarray], np.ndarray], str]]:
    """(name, what is done to the features, spec) for every spec: shifts from the origin and scales, in float32.

    Parameters
    ----------
    specs : to be tried on each.
    """
    asked: list[tuple[str, Callable[[np.ndarray], np.ndarray]]] = [("as made", lambda x: x)]
    asked += [(f"+ {by}", lambda x, by=by: x + np.float32(by)) for by in (10, 100, 1000)]
    asked += [(f"* {by}", lambda x, by=by: x * np.float32(by)) for by in ("1e-6", "1e6")]
    return [(f"{spec}, {name}", move, spec) for spec in specs for name, move in asked]
