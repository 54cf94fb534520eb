"""Intrinsic dimension: along how many directions the samples of one space vary.

Two answers to two questions. `participation_ratio` counts linear directions, each by its share of the variance; it is what
inflates biased CKA by chance (mean of the null: sqrt(PR_x PR_y) / (n - 1)). `two_nn` measures the curved surface that the
samples lie on, from the two nearest neighbours of each, and needs no linear directions at all.

Sources: Gao et al. 2017 (participation ratio); Facco, d'Errico, Rodriguez, Laio 2017 (TwoNN: the fit and the
decimation); Denti, Doimo, Laio, Mira 2022 (its maximum likelihood estimate); Ansuini, Laio, Macke, Zoccolan 2019
(on layers of networks).
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch

from platometer import arrays
from platometer.errors import InputError, UndefinedError
from platometer.metrics._grams import centred

_CANDIDATES = 8  # nearest by the fast product, whose distances are then computed from differences
_BLOCK = 2**24  # entries held at once


def participation_ratio(x: Any) -> float:
    """The effective number of principal directions: (sum of eigenvalues)^2 / sum of their squares.

    Parameters
    ----------
    x : (n, d), n >= 2; centred here.

    Returns
    -------
    From 1, all variance along one direction, to min(d, n - 1), equal variance along all. A scale, a shift or a rotation
    does not change it. It grows with the number of samples towards its limit.

    Raises
    ------
    UndefinedError
        All samples are the same.

    Examples
    --------
    >>> round(participation_ratio([[1.0, 0], [-1, 0], [0, 1], [0, -1]]), 12)
    2.0
    """
    x = centred(arrays.as_matrix(x, least_rows=2))
    gram = x.T @ x if x.shape[1] <= x.shape[0] else x @ x.T
    return float(gram.trace() ** 2 / (gram * gram).sum())


def two_nn(
    x: Any, *, estimator: Literal["mle", "fit"] = "mle", discard: float = 0.1, parts: int = 1, seed: int = 0
) -> float:
    """The dimension d for which the ratios mu = r2 / r1 of second to first neighbour distance follow 1 - mu^-d.

    Only the two nearest neighbours enter, so that curvature and uneven density matter little; what noise there is at that
    scale counts as dimensions. More samples look closer: with `parts`, fewer samples each, one sees how the answer
    depends on the scale (decimation). From about d = 20 on, estimates are too low unless samples are very many.

    Parameters
    ----------
    x : (n, d) of distinct rows, at least 3 in each part.
    estimator : ``"mle"``, (n - 1) / sum_i log mu_i, unbiased for independent ratios (Denti et al. 2022); or ``"fit"``, the
        slope through the origin of -log(1 - i/n) on log mu_(i), without the largest ratios (Facco et al. 2017).
    discard : share of the largest ratios that the fit leaves out; the maximum likelihood estimate uses all.
    parts : number of random parts of equal size to split the samples into; the mean over parts is returned.
    seed : of the split.

    Raises
    ------
    UndefinedError
        Rows coincide, so that r1 = 0; or all ratios are 1, as on a lattice.

    Examples
    --------
    >>> line = np.random.default_rng(0).uniform(size=(500, 1)) * [[3.0, 4.0, 0.0]]
    >>> 0.9 < two_nn(line) < 1.1
    True
    """
    if estimator not in ("mle", "fit"):
        raise InputError(f"estimator = {estimator!r}; expected 'mle' or 'fit'.")
    if not 0 <= discard < 1:
        raise InputError(f"discard = {discard}; a share lies in [0, 1).")
    if parts < 1:
        raise InputError(f"parts = {parts}; there is at least one.")
    x = arrays.as_matrix(x, least_rows=3 * parts)
    if parts == 1:
        return _of_ratios(_log_ratios(centred(x), np.arange(len(x))), estimator, discard)
    order = np.random.default_rng(seed).permutation(len(x))
    size = len(x) // parts
    pieces = [np.sort(order[i * size : (i + 1) * size]) for i in range(parts)]
    return float(np.mean([_of_ratios(_log_ratios(centred(x[torch.from_numpy(p)]), p), estimator, discard) for p in pieces]))


def _log_ratios(x: torch.Tensor, rows: np.ndarray) -> torch.Tensor:
    """(n,) log r2/r1.

    Parameters
    ----------
    x : (n, d) centred.
    rows : (n,) what the samples are called in an error.
    """
    n = len(x)
    norms = (x * x).sum(1)
    kept = min(_CANDIDATES, n - 1)
    found = []
    for start in range(0, n, max(1, _BLOCK // max(n, kept * x.shape[1]))):
        block = slice(start, min(n, start + max(1, _BLOCK // max(n, kept * x.shape[1]))))
        far = norms[block, None] + norms[None] - 2 * (x[block] @ x.T)
        far[torch.arange(far.shape[0]), torch.arange(block.start, block.stop)] = float("inf")
        near = far.topk(kept, dim=1, largest=False).indices
        exact = (x[block, None] - x[near]).norm(dim=2)
        found.append(exact.topk(2, dim=1, largest=False).values)
    nearest = torch.cat(found)
    same = (nearest[:, 0] == 0).nonzero().flatten()
    if same.numel():
        raise UndefinedError(
            f"{same.numel()} samples coincide with another (the first is row {int(rows[int(same[0])])}), so that their nearest "
            "neighbour is at distance zero. Drop duplicates first."
        )
    return (nearest[:, 1] / nearest[:, 0]).log()


def _of_ratios(logs: torch.Tensor, estimator: str, discard: float) -> float:
    n = len(logs)
    if float(logs.amax()) <= 1e-12:
        raise UndefinedError("Every sample has its two nearest neighbours at the same distance, as on a lattice; no dimension.")
    if estimator == "mle":
        return (n - 1) / float(logs.sum())
    kept = min(max(2, int(n * (1 - discard))), n - 1)  # the last has 1 - n/n = 0, which has no logarithm
    a = logs.sort().values[:kept]
    b = -torch.log1p(-torch.arange(1, kept + 1, dtype=torch.float64, device=logs.device) / n)
    if float(a.amax()) <= 1e-12:
        raise UndefinedError("Nearly all samples have their two nearest neighbours at the same distance; no dimension.")
    return float((a @ b) / (a @ a))
