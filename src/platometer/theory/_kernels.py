"""Which kernels are inner products, how many dimensions they need, and how far one is from another.

A table of N vectors f can score pairs as <f_a, f_b> = K(a, b) + C exactly when K + C is positive semidefinite (C is added
to every entry). With H = I - 11'/N, u = 1/sqrt(N): such a C exists if and only if HKH is positive semidefinite and HKu
lies in its range; then the least is

    C = (u'KH (HKH)^+ HKu - u'Ku) / N

(Schur's complement in a basis that begins with u). The paper's condition is sufficient: where the off-diagonal values of
K lie in [log rho, log rho + delta], none above 0, and P_coor(z | z) / P_coor(z) >= e^(N delta) rho for all z, the matrix
K - log rho is diagonally dominant.

Source: Huh, Cheung, Wang, Isola 2024, appendix B, proposition B.1 (the sufficient condition); Schoenberg 1935
(conditional positive semidefiniteness); Eckart and Young 1936.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from platometer.errors import InputError, ShapeError
from platometer.theory._worlds import World

ROUNDING = 1e-10
"""Eigenvalues this small a share of the largest count as 0."""
_VALLEYS = 12  # of the error in C, that are looked into


@dataclass(frozen=True)
class Condition:
    """The paper's sufficient condition, in numbers.

    Parameters
    ----------
    holds : whether it does.
    log_rho, delta : off-diagonal values of K_PMI lie in [log_rho, log_rho + delta].
    above : the largest of them; the condition wants it at most 0.
    margin : the least of K_PMI(z, z) - (N delta + log_rho); the condition wants it at least 0.
    """

    holds: bool
    log_rho: float
    delta: float
    above: float
    margin: float


@dataclass(frozen=True)
class Representable:
    """Whether K + C is a kernel of vectors for some C.

    Parameters
    ----------
    holds : whether it is.
    least : the least eigenvalue of K among directions that sum to 0; below 0 no C helps.
    offset : the least C; None if there is none.
    rank : of K + C at the least C: how many dimensions are needed; None if there is no C.
    """

    holds: bool
    least: float
    offset: float | None
    rank: int | None


@dataclass(frozen=True, eq=False)
class Fit:
    """The nearest scores of rank r.

    Parameters
    ----------
    left, right : (N, r) vectors; the same table twice where there is one.
    offset : C; the scores stand for K + C.
    error : Frobenius norm of the scores - (K + C), divided by that of K less its mean.
    """

    left: np.ndarray
    right: np.ndarray
    offset: float
    error: float

    @property
    def scores(self) -> np.ndarray:
        """(N, N) estimates of K + C."""
        return self.left @ self.right.T


def paper_condition(world: World) -> Condition:
    """Whether the paper's condition promises that K_PMI + C is representable.

    Parameters
    ----------
    world : in which every two events meet.

    Examples
    --------
    >>> from platometer.theory import markov
    >>> condition = paper_condition(markov([[0.9, 0.05, 0.05], [0.05, 0.9, 0.05], [0.05, 0.05, 0.9]]))
    >>> condition.holds, round(condition.delta, 9)
    (True, 0.0)
    """
    kernel, size = world.pmi(), len(world)
    others = kernel[~np.eye(size, dtype=bool)]
    low, above = float(others.min()), float(others.max())
    margin = float((np.diag(kernel) - (size * (above - low) + low)).min())
    return Condition(above <= 0 and margin >= 0, low, above - low, above, margin)


def representable(K: np.ndarray) -> Representable:
    """Whether there is a C that makes K + C positive semidefinite, and the least one.

    Parameters
    ----------
    K : (N, N) symmetric.

    Examples
    --------
    >>> found = representable(np.array([[0.0, -1.0], [-1.0, 0.0]]))
    >>> found.holds, round(found.offset, 9), found.rank
    (True, 0.5, 1)
    >>> representable(np.array([[0.0, 1.0], [1.0, 0.0]])).holds
    False
    """
    _symmetric(K)
    size = len(K)
    basis = np.linalg.qr(np.concatenate([np.full((size, 1), size**-0.5), np.eye(size)[:, :-1]], axis=1))[0]
    turned = basis.T @ K @ basis
    values, vectors = np.linalg.eigh(turned[1:, 1:])
    small = ROUNDING * max(float(np.abs(turned).max()), np.finfo(float).tiny) * size
    along = vectors.T @ turned[1:, 0]
    flat = np.abs(values) <= small
    least = float(values[0])
    if least < -small or (np.abs(along[flat]) > np.sqrt(small)).any():
        return Representable(False, least, None, None)
    offset = float(((along[~flat] ** 2 / values[~flat]).sum() - turned[0, 0]) / size)
    return Representable(True, least, offset, int((~flat).sum()))


def spectrum(K: np.ndarray) -> np.ndarray:
    """(N,) eigenvalues, the largest first.

    Parameters
    ----------
    K : (N, N) symmetric.
    """
    _symmetric(K)
    return np.linalg.eigvalsh(K)[::-1]


def best_fit(K: np.ndarray, rank: int, *, offset: float | str = "best", tables: str = "one") -> Fit:
    """The vectors of ``rank`` dimensions whose inner products are nearest to K + C, in the sum of squares.

    For a given C: the largest eigenvalues above 0 (one table), or the largest singular values (two tables).

    Parameters
    ----------
    K : (N, N) symmetric.
    rank : r, at least 1.
    offset : C, or ``"best"``: the C that leaves the least error.
    tables : ``"one"`` for <f_a, f_b>, ``"two"`` for <f_a, g_b>.

    Examples
    --------
    >>> K = np.array([[1.0, -1.0, 0.0], [-1.0, 1.0, 0.0], [0.0, 0.0, 0.5]])
    >>> round(best_fit(K, 1, offset=0.0).error, 3), round(best_fit(K, 2, offset=0.0).error, 3)
    (0.243, 0.0)
    """
    _symmetric(K)
    if rank < 1:
        raise InputError(f"rank = {rank}; expected at least one dimension.")
    if tables not in ("one", "two"):
        raise InputError(f"tables = {tables!r}; expected 'one' or 'two'.")
    if isinstance(offset, str) and offset != "best":
        raise InputError(f"offset = {offset!r}; expected a number or 'best'.")
    constant = _best_offset(lambda c: _left_over(K + c, rank, tables), K) if isinstance(offset, str) else float(offset)
    left, right = _factors(K + constant, rank, tables)
    error = np.linalg.norm(left @ right.T - K - constant) / _spread(K)
    return Fit(left, right, constant, float(error))


def distance(
    A: np.ndarray, B: np.ndarray, *, up_to: str = "offset", scale: str = "fixed", P: np.ndarray | None = None,
) -> float:
    """How far A is from B once the allowed changes of A have been made: 0 if none is left, 1 if A is as far as a constant.

    The root of the mean square of what is left, divided by the same of B less what the allowed offsets could make of it.

    Parameters
    ----------
    A, B : (N, N), finite.
    up_to : what may be added to A: ``"nothing"``, ``"offset"`` (one constant), ``"rows"`` (one constant per row) or
        ``"rows and columns"``.
    scale : ``"fixed"``, or ``"free"``: whether A may be multiplied by a number, not below 0.
    P : (N,) weights of events; all alike if None. A pair counts P(a) P(b).

    Examples
    --------
    >>> K = np.array([[1.0, -1.0], [-1.0, 1.0]])
    >>> distance(K + 3, K), distance(2 * K, K), distance(2 * K, K, scale="free")
    (0.0, 1.0, 0.0)
    """
    if A.shape != B.shape or A.ndim != 2 or A.shape[0] != A.shape[1]:
        raise ShapeError(f"Kernels of shape {A.shape} and {B.shape}; expected the same (N, N).")
    if not (np.isfinite(A).all() and np.isfinite(B).all()):
        raise InputError("Both kernels must be finite; where PMI is minus infinity a distance does not exist.")
    if scale not in ("fixed", "free"):
        raise InputError(f"scale = {scale!r}; expected 'fixed' or 'free'.")
    weights = np.full(len(A), 1 / len(A)) if P is None else P / P.sum()
    rest, goal = _without(A, up_to, weights), _without(B, up_to, weights)
    pairs = np.outer(weights, weights)
    size = float((pairs * goal**2).sum())
    if size <= ROUNDING**2 * max(1.0, float((pairs * B**2).sum())):
        raise InputError("The second kernel is nothing but an allowed offset, so nothing is left to be near to.")
    own = float((pairs * rest**2).sum())
    factor = max(float((pairs * rest * goal).sum()) / own, 0.0) if scale == "free" and own > 0 else 1.0
    return float(np.sqrt((pairs * (factor * rest - goal) ** 2).sum() / size))


def _without(K: np.ndarray, up_to: str, weights: np.ndarray) -> np.ndarray:
    if up_to == "nothing":
        return K
    if up_to == "offset":
        return K - weights @ K @ weights
    if up_to == "rows":
        return K - (K @ weights)[:, None]
    if up_to == "rows and columns":
        return K - (K @ weights)[:, None] - weights @ K + weights @ K @ weights
    raise InputError(f"up_to = {up_to!r}; expected 'nothing', 'offset', 'rows' or 'rows and columns'.")


def _left_over(K: np.ndarray, rank: int, tables: str) -> float:
    """Sum of squares that the best fit leaves."""
    values = np.linalg.eigvalsh(K)[::-1]
    if tables == "two":
        return float((np.sort(np.abs(values))[::-1][rank:] ** 2).sum())
    return float((values[rank:] ** 2).sum() + (np.minimum(values[:rank], 0) ** 2).sum())


def _factors(K: np.ndarray, rank: int, tables: str) -> tuple[np.ndarray, np.ndarray]:
    values, vectors = np.linalg.eigh(K)
    order = np.argsort(-np.abs(values) if tables == "two" else -values)[:rank]
    values, vectors = values[order], vectors[:, order]
    root = np.sqrt(np.abs(values) if tables == "two" else np.maximum(values, 0))
    left = vectors * root
    return left, (left * np.sign(values) if tables == "two" else left)


def _best_offset(error: Callable[[float], float], K: np.ndarray) -> float:
    """The best of a coarse scan on both sides of 0, refined; the error has few valleys in C, but more than one.

    The scan goes far out, since one dimension and a large C together give every row an offset of its own.
    """
    unit = max(float(np.abs(K).max()), np.finfo(float).tiny)
    turns = np.linalg.pinv(K).sum()  # an eigenvalue of K + C passes 0 at C = -1 / 1'K^+ 1: there the error has a sharp valley
    scan = unit * np.unique(np.concatenate([np.sinh(np.linspace(-16, 16, 161)), np.linspace(-3, 3, 241)]))
    scan = np.sort(np.append(scan, -1 / turns)) if turns != 0 else scan
    errors = np.array([error(c) for c in scan])
    around = np.concatenate([[np.inf], errors, [np.inf]])
    valleys = np.flatnonzero((errors <= around[:-2]) & (errors <= around[2:]))
    places = [(float(errors[i]), float(scan[i])) for i in valleys]
    for i in valleys[np.argsort(errors[valleys])][:_VALLEYS]:
        low, high = scan[max(i - 1, 0)], scan[min(i + 1, len(scan) - 1)]
        found = minimize_scalar(error, bounds=(low, high), method="bounded", options={"xatol": 1e-10 * (high - low)})
        places.append((float(found.fun), float(found.x)))
    return min(places)[1]


def _spread(K: np.ndarray) -> float:
    spread = float(np.linalg.norm(K - K.mean()))
    if spread == 0:
        raise InputError("K is constant, so there is nothing to represent.")
    return spread


def _symmetric(K: np.ndarray) -> None:
    if K.ndim != 2 or K.shape[0] != K.shape[1]:
        raise ShapeError(f"A kernel of shape {K.shape}; expected (N, N).")
    if not np.isfinite(K).all():
        raise InputError("A kernel must be finite; pairs that never meet have a PMI of minus infinity.")
    if not np.allclose(K, K.T, rtol=0, atol=1e-9 * max(1.0, float(np.abs(K).max()))):
        raise InputError("A kernel must be symmetric; scores of two tables are compared by distance(), not by eigenvalues.")
