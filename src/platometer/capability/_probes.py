"""What can be read off features: labels, by a linear map or by the nearest neighbours.

Rows are divided once, by seed, into those learnt from, those that choose the penalty or k, and those that are judged by.
All labels of one division share one decomposition of the features, so twenty cost little more than one. Data that come divided
bring their division along.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field

import numpy as np
import torch
from scipy.optimize import minimize
from torch.nn import functional as F

from platometer import threads
from platometer.errors import InputError, ShapeError, UndefinedError

_PENALTIES = tuple(10.0**e for e in range(-6, 3))
_NEIGHBOURS = (1, 5, 20)
_STEPS = 500  # of the logistic fit for one penalty
_SMALL = 1 << 20  # features below which a step is too short to be worth waiting for threads
Parts = Sequence[np.ndarray]
"""Rows learnt from, rows that choose, and rows that judge."""


@dataclass(frozen=True)
class Probed:
    """How well one label can be read off.

    Attributes
    ----------
    accuracy : share of the judged rows whose label was named.
    chance : the same for always naming the commonest label of the rows learnt from.
    validation : accuracy on the rows that chose.
    chosen : the penalty, or k.
    right : (judged rows,) whether the label was named.
    """

    accuracy: float
    chance: float
    validation: float
    chosen: float
    right: np.ndarray = field(repr=False)

    @property
    def skill(self) -> float:
        """Accuracy between chance (0) and perfection (1); below 0 where it is worse than chance."""
        return (self.accuracy - self.chance) / (1 - self.chance)

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the accuracy (Wilson 1927)."""
        n, p, z = len(self.right), self.accuracy, 1.959964
        middle, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)


def linear_probes(
    x: torch.Tensor | np.ndarray, labels: Mapping[str, np.ndarray], *, penalties: Sequence[float] = _PENALTIES,
    shares: tuple[float, float] = (0.5, 0.15), seed: int = 0, parts: Parts | None = None,
) -> dict[str, Probed]:
    """How well each label can be read off features by a linear map (ridge regression on indicators, the largest wins).

    Parameters
    ----------
    x : (n, d) features; centred and scaled here, by the rows learnt from.
    labels : name -> (n,) whole numbers from 0.
    penalties : to choose from by validation, in units of the mean variance of the features.
    shares : of rows learnt from and of rows that choose; the rest judge.
    seed : of the division.
    parts : rows learnt from, rows that choose and rows that judge, where the data come divided; `shares` and `seed` are
        for those that do not.

    Raises
    ------
    ShapeError
        Rows do not fit.
    InputError
        Too few rows, shares that leave none, or parts that meet.
    UndefinedError
        The features do not vary, or a label has one value only.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> label = rng.integers(0, 3, 600)
    >>> x = np.eye(3)[label] + 0.1 * rng.standard_normal((600, 3))
    >>> linear_probes(x, {"which": label})["which"].accuracy
    1.0
    """
    x, (learn, choose, judge) = _divided(x, labels, shares, seed, parts)
    x = _scaled(x, learn)
    values, basis = torch.linalg.eigh(x[learn].T @ x[learn])
    turned, found = x @ basis, {}
    for name, column in _columns(labels).items():
        target = F.one_hot(column[learn], int(column.max()) + 1).double()
        offset = target.mean(0)
        inner = turned[learn].T @ (target - offset)
        guesses = {}
        for penalty in penalties:
            weights = inner / (values.clamp(min=0) + penalty * len(learn))[:, None]
            guesses[penalty] = (turned @ weights + offset).argmax(1)
        found[name] = _judged(name, column, guesses, learn, choose, judge)
    return found


def knn_probes(
    x: torch.Tensor | np.ndarray, labels: Mapping[str, np.ndarray], *, ks: Sequence[int] = _NEIGHBOURS,
    shares: tuple[float, float] = (0.5, 0.15), seed: int = 0, parts: Parts | None = None,
) -> dict[str, Probed]:
    """How well each label can be read off features by the nearest rows, by cosine; most votes win, the lowest label on a tie.

    Parameters
    ----------
    x, labels, shares, seed, parts : as of `linear_probes`; features are centred here.
    ks : numbers of neighbours to choose from by validation.

    Raises
    ------
    ShapeError, InputError, UndefinedError
        As of `linear_probes`; InputError also where k exceeds the rows learnt from.
    """
    x, (learn, choose, judge) = _divided(x, labels, shares, seed, parts)
    if max(ks) > len(learn) or min(ks) < 1:
        raise InputError(f"ks = {tuple(ks)}; expected 1 to {len(learn)}, the number of rows learnt from.")
    x = F.normalize(x - x[learn].mean(0), dim=1)
    if not bool(x.any()):
        raise UndefinedError("The features do not vary over the rows learnt from; nothing can be read off.")
    near = (x @ x[learn].T).argsort(dim=1, descending=True, stable=True)[:, : max(ks)]
    found = {}
    for name, column in _columns(labels).items():
        votes = F.one_hot(column[learn][near], int(column.max()) + 1)
        guesses = {float(k): votes[:, :k].sum(1).argmax(1) for k in ks}
        found[name] = _judged(name, column, guesses, learn, choose, judge)
    return found


def logistic_probes(
    x: torch.Tensor | np.ndarray, labels: Mapping[str, np.ndarray], *, penalties: Sequence[float] = _PENALTIES,
    shares: tuple[float, float] = (0.5, 0.15), seed: int = 0, parts: Parts | None = None,
) -> dict[str, Probed]:
    """How well each label can be read off features by logistic regression: least mean cross-entropy + ``penalty |W|^2 / 2``.

    Parameters
    ----------
    x, labels, shares, seed, parts : as of `linear_probes`; features are centred and scaled here.
    penalties : to choose from by validation; offsets go free.

    Raises
    ------
    ShapeError, InputError, UndefinedError
        As of `linear_probes`; UndefinedError also where the least is not found.
    """
    x, (learn, choose, judge) = _divided(x, labels, shares, seed, parts)
    x = _scaled(x, learn)
    found = {}
    for name, column in _columns(labels).items():
        classes, at = column[learn].unique(return_inverse=True)
        weights, guesses = torch.zeros(x.shape[1] + 1, len(classes), dtype=torch.float64), {}
        for penalty in sorted(penalties, reverse=True):  # from the smoothest on, each begins where the last ended
            weights = _logistic(x[learn], at, penalty, weights)
            guesses[penalty] = classes[(x @ weights[:-1] + weights[-1]).argmax(1)]
        found[name] = _judged(name, column, guesses, learn, choose, judge)
    return found


def mean_skill(probed: Mapping[str, Probed], *, draws: int = 1000, seed: int = 0) -> tuple[float, float, float]:
    """The mean over labels of `Probed.skill`, and its 95 % interval (bootstrap of the judged rows, percentiles).

    Parameters
    ----------
    probed : of one division.
    draws : of the bootstrap.
    seed : of the draws.
    """
    right = np.stack([p.right for p in probed.values()]).astype(np.float64)
    chance = np.array([p.chance for p in probed.values()])
    rows = np.random.default_rng(seed).multinomial(right.shape[1], np.full(right.shape[1], 1 / right.shape[1]), size=draws)
    drawn = ((rows @ right.T / right.shape[1] - chance) / (1 - chance)).mean(1)
    low, high = np.percentile(drawn, (2.5, 97.5))
    return float(((right.mean(1) - chance) / (1 - chance)).mean()), float(low), float(high)


def _divided(
    x: torch.Tensor | np.ndarray, labels: Mapping[str, np.ndarray], shares: tuple[float, float], seed: int, parts: Parts | None,
) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Features in float64 on the CPU, and the rows of the three parts."""
    x = torch.as_tensor(x).detach().cpu().double()
    if x.ndim != 2 or any(len(column) != len(x) for column in labels.values()):
        raise ShapeError(f"Features of shape {tuple(x.shape)} and labels of lengths "
                         f"{sorted({len(column) for column in labels.values()})}; expected (n, d) and n.")
    if not labels:
        raise InputError("labels is empty; expected at least one.")
    n = len(x)
    if parts is not None:
        return x, _given(parts, n)
    first, second = round(shares[0] * n), round((shares[0] + shares[1]) * n)
    if not 0 < first < second < n:
        raise InputError(f"shares = {shares} of {n} rows leave a part empty; expected rows to learn from, to choose by and to "
                         "judge by.")
    order = torch.from_numpy(np.random.default_rng(seed).permutation(n))
    return x, (order[:first], order[first:second], order[second:])


def _given(parts: Parts, n: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    rows = [np.asarray(part, dtype=np.int64).ravel() for part in parts]
    if len(rows) != 3 or not all(len(part) for part in rows):
        raise InputError(f"parts of {', '.join(str(len(part)) for part in rows)} rows; expected three, none empty: to learn "
                         "from, to choose by and to judge by.")
    every = np.concatenate(rows)
    if every.min() < 0 or every.max() >= n or len(np.unique(every)) < len(every):
        raise InputError(f"parts name rows from {every.min()} to {every.max()}, {len(every) - len(np.unique(every))} of them "
                         "more "
                         f"than once; expected distinct rows of 0 to {n - 1}. Nobody is judged by rows that were learnt from.")
    learn, choose, judge = (torch.from_numpy(part) for part in rows)
    return learn, choose, judge


def _scaled(x: torch.Tensor, learn: torch.Tensor) -> torch.Tensor:
    """Features about their mean, in units of their spread, both over the rows learnt from."""
    x = x - x[learn].mean(0)
    scale = x[learn].square().mean().sqrt()
    if not bool(scale > 0):
        raise UndefinedError("The features do not vary over the rows learnt from; nothing can be read off.")
    return x / scale


def _logistic(x: torch.Tensor, label: torch.Tensor, penalty: float, start: torch.Tensor) -> torch.Tensor:
    """(d + 1, classes) weights, the offsets last."""
    target = F.one_hot(label, start.shape[1]).double()

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = torch.from_numpy(flat).view(start.shape)
        log = F.log_softmax(x @ weights[:-1] + weights[-1], 1)
        apart = (log.exp() - target) / len(x)
        slope = torch.cat([x.T @ apart + penalty * weights[:-1], apart.sum(0, keepdim=True)])
        value = -log.gather(1, label[:, None]).mean() + penalty / 2 * weights[:-1].square().sum()
        return float(value), slope.flatten().numpy()

    with threads.alone() if x.numel() < _SMALL else nullcontext():
        done = minimize(loss, start.flatten().numpy(), jac=True, method="L-BFGS-B", options={"maxiter": _STEPS, "gtol": 1e-6})
    if not np.isfinite(done.fun):
        raise UndefinedError(f"Logistic regression with a penalty of {penalty:g} ran away; are the features finite?")
    return torch.from_numpy(done.x).view(start.shape)


def _columns(labels: Mapping[str, np.ndarray]) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(np.asarray(column).astype(np.int64)) for name, column in labels.items()}


def _judged(
    name: str, column: torch.Tensor, guesses: Mapping[float, torch.Tensor], learn: torch.Tensor, choose: torch.Tensor,
    judge: torch.Tensor,
) -> Probed:
    commonest = int(torch.bincount(column[learn]).argmax())
    chance = float((column[judge] == commonest).double().mean())
    if chance == 1:
        raise UndefinedError(f"The label {name!r} has one value over the rows judged by; there is nothing to read off.")
    scores = {option: float((guess[choose] == column[choose]).double().mean()) for option, guess in guesses.items()}
    chosen = max(scores, key=lambda option: (scores[option], option))  # of equals, the simplest
    right = (guesses[chosen][judge] == column[judge]).numpy()
    return Probed(accuracy=float(right.mean()), chance=chance, validation=scores[chosen], chosen=chosen, right=right)
