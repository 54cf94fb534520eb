"""The cheapest plan that moves equal shares of one set onto equal shares of another: exact, in whole numbers.

Each of d sources holds p/g units and each of p sinks takes d/g, g being the greatest common divisor; shortest augmenting
paths with prices (Kuhn 1955, Jonker and Volgenant 1987, with several units at a node) move them. For d = p this is
the assignment problem, left to SciPy.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from scipy.optimize import linear_sum_assignment


def cheapest(cost: np.ndarray) -> float:
    """The least of sum_ij P_ij cost_ij over plans P >= 0 with row sums 1/d and column sums 1/p.

    Time grows as the cube of the width, and with widths that have no common factor at most twofold or so.

    Parameters
    ----------
    cost : (d, p) finite.

    Examples
    --------
    >>> cheapest(np.array([[0.0, 1.0]]))  # one source, shared by two sinks
    0.5
    """
    d, p = cost.shape
    if d == p:
        rows, columns = linear_sum_assignment(cost)
        return float(cost[rows, columns].sum()) / d
    if d > p:
        return cheapest(cost.T)
    g = math.gcd(d, p)
    flow = _plan(np.ascontiguousarray(cost, dtype=np.float64), p // g, d // g)
    return float((flow * cost).sum()) / (d * (p // g))


@numba.njit(nogil=True, cache=True)
def _plan(cost, supply, demand):
    """(d, p) int64: units moved from each source to each sink."""
    d, p = cost.shape
    u, v = np.zeros(d), np.zeros(p)
    flow = np.zeros((d, p), np.int64)
    open_ = np.full(p, demand)
    length, done, via = np.empty(p), np.empty(p, np.bool_), np.empty(p, np.int64)
    reached, back, level = np.empty(d, np.bool_), np.empty(d, np.int64), np.empty(d)
    queue = np.empty(d, np.int64)
    for start in range(d):
        rest = supply
        while rest > 0:
            length[:] = np.inf
            done[:] = False
            reached[:] = False
            reached[start], level[start], queue[0] = True, 0.0, start
            waiting, sink, low = 1, -1, 0.0
            while sink < 0:
                for w in range(waiting):  # what the sources reached last can reach
                    i = queue[w]
                    base = level[i] - u[i]
                    for j in range(p):
                        if not done[j]:
                            t = base + cost[i, j] - v[j]
                            if t < length[j]:
                                length[j], via[j] = t, i
                waiting, near = 0, -1
                for j in range(p):
                    if not done[j] and (near < 0 or length[j] < length[near]):
                        near = j
                done[near], low = True, length[near]
                if open_[near] > 0:
                    sink = near
                else:  # back along what already flows into this sink
                    for i in range(d):
                        if flow[i, near] > 0 and not reached[i]:
                            reached[i], level[i], back[i], queue[waiting] = True, low, near, i
                            waiting += 1
            for i in range(d):
                if reached[i]:
                    u[i] += low - level[i]
            for j in range(p):
                if done[j]:
                    v[j] -= low - length[j]
            amount, j = min(rest, open_[sink]), sink
            while via[j] != start:
                i = via[j]
                j = back[i]
                amount = min(amount, flow[i, j])
            j = sink
            while True:
                i = via[j]
                flow[i, j] += amount
                if i == start:
                    break
                j = back[i]
                flow[i, j] -= amount
            open_[sink] -= amount
            rest -= amount
    return flow
