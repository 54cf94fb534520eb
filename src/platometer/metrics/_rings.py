"""Re-pairings that are the turns of a ring, found again among any others.

The samples of either side stand in a ring, in an order of its own, and a draw turns one ring against the other. Under all
turns at once, a sum over pairs of samples is a correlation along the ring, which costs hardly more than the sum under one.
`platometer.nulls.orders` draws such turns; here they are recognised by what they are, so that nobody need hand them on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

_BESIDE = 16  # draws among which one is looked for that moves every sample along one ring, and that may be in none


@dataclass(frozen=True, eq=False)
class Ring:
    """Draws that turn the right side's ring against the left side's.

    Attributes
    ----------
    left, right : (n,) int64, the samples of either side in the order of its ring.
    turns : (m,) int64, by how many places each draw turns: it pairs left[i] with right[(i + turn) % n].
    """

    left: np.ndarray
    right: np.ndarray
    turns: np.ndarray


def parts(moves: np.ndarray, *, least: int = _BESIDE) -> list[tuple[slice, Ring | None]]:
    """Consecutive draws, with their ring where they have one.

    Parameters
    ----------
    moves : (B, n) int64 permutations; draw b pairs row i of the left with row moves[b, i] of the right.
    least : fewest draws of a ring that are worth computing together.

    Examples
    --------
    >>> moves = np.array([[1, 2, 3, 0], [2, 3, 0, 1], [2, 0, 1, 3]])
    >>> [(part.start, part.stop, ring is not None) for part, ring in parts(moves, least=2)]
    [(0, 2, True), (2, 3, False)]
    """
    found: list[tuple[slice, Ring | None]] = []
    draws, plain, at = len(moves), 0, 0  # the draws from `plain` to `at` have no ring
    while draws - at >= least and at - plain <= _BESIDE:
        ring = _ring(moves, at)
        if ring is None or len(ring.turns) < least:
            at += 1 if ring is None else len(ring.turns)
            continue
        if plain < at:
            found.append((slice(plain, at), None))
        found.append((slice(at, at + len(ring.turns)), ring))
        plain = at = at + len(ring.turns)
    return [*found, (slice(plain, draws), None)] if plain < draws else found


def _ring(moves: np.ndarray, at: int) -> Ring | None:
    """The ring of draw `at` and of those after it."""
    n = moves.shape[1]
    left = np.empty(n, np.int64)
    if not _walked(moves[at : at + _BESIDE], left):
        return None
    right = moves[at][left]
    turns = np.empty(len(moves) - at, np.int64)
    return Ring(left, right, turns[: _turned(moves[at:], left, right, turns)])


@numba.njit(nogil=True, cache=True)
def _walked(moves, left):
    """Whether one of some draws leads from the first one through all samples and back; then `left` in that order."""
    n = moves.shape[1]
    back = np.zeros(n, np.int64)
    for i in range(n):
        back[moves[0, i]] = i
    for b in range(1, len(moves)):
        sample = 0
        for i in range(n):
            left[i] = sample
            sample = back[moves[b, sample]]
            if sample == 0:
                if i == n - 1:
                    return True
                break
    return False


@numba.njit(nogil=True, cache=True)
def _turned(moves, left, right, turns):
    """How many draws, from the first on, are turns of these rings; by how many places each of them turns."""
    n = moves.shape[1]
    place = np.empty(n, np.int64)
    for i in range(n):
        place[right[i]] = i
    for b in range(len(moves)):
        turns[b] = at = place[moves[b, left[0]]]
        for i in range(n):
            if moves[b, left[i]] != right[at]:
                return b
            at += 1
            if at == n:
                at = 0
    return len(moves)
