"""The loops: compiled by numba, without the interpreter's lock, each over a range of rows so that threads can share.

``need`` is the number of nearest asked for. Every sample keeps a short list of others that can still be among them:
``values`` (float32), ``others``, ``count``; and ``floor``, below which nothing can. A list that overflows even after
what fell below the floor was dropped (hundreds of near ties) is given up, ``full``, and its sample compared with
all others in float64 later.
"""

from __future__ import annotations

import numba
import numpy as np

NONE = np.float32(-3e38)  # no floor yet
_NEVER = np.float32(3e38)
_CHUNK = 64


def _compiled(function):
    return numba.njit(nogil=True, cache=True, fastmath=True)(function)


@_compiled
def kth(v, m, k):
    """The k-th largest (from 0) of the first m entries, which change places."""
    low, high = 0, m - 1
    while low < high:
        pivot = v[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while v[i] > pivot:
                i += 1
            while v[j] < pivot:
                j -= 1
            if i <= j:
                v[i], v[j] = v[j], v[i]
                i += 1
                j -= 1
        if k <= j:
            high = j
        elif k >= i:
            low = i
        else:
            break
    return v[k]


@_compiled
def dot(a, b):
    """Inner product in float64."""
    total = 0.0
    for i in range(len(a)):
        total += np.float64(a[i]) * np.float64(b[i])
    return total


@_compiled
def _tightened(values, others, g, n, need, slack, scratch):
    """The floor after a list was filled up, and how many of it are left."""
    for a in range(n):
        scratch[a] = values[g, a]
    floor = kth(scratch, n, need - 1) - slack
    left = 0
    for a in range(n):
        if values[g, a] >= floor:
            values[g, left], others[g, left] = values[g, a], others[g, a]
            left += 1
    return floor, left


@_compiled
def _exact(mine, theirs, base, g, h):
    """The similarity of g to h less what is common to all of g's, to full precision; a side is (raw, factor)."""
    return mine[1][g] * theirs[1][h] * dot(mine[0][g], theirs[0][h]) - base[g]


@_compiled
def offer_rows(start, stop, tile, row0, col0, values, others, count, floor, slack, full, need, lanes, shift, margin, exact,
               mine, theirs, base, own):
    """Rows of a tile looked through for what can be among their nearest; ``own`` says who each is among the columns, or -1.

    ``tile[r, c]`` is the similarity of row0 + r and col0 + c but for the shift of the latter, or an upper bound of it
    within ``margin`` if `exact`, in which case what passes is computed from the raw rows.
    """
    width, m = values.shape[1], tile.shape[1]
    scratch = np.empty(max(width, lanes), np.float32)
    line = np.empty(m, np.float32)
    for r in range(start, stop):
        g = row0 + r
        if full[g]:
            continue
        f, n = floor[g], count[g]
        for c in range(m):
            line[c] = tile[r, c] + shift[col0 + c]
        if 0 <= own[g] - col0 < m:
            line[own[g] - col0] = NONE
        if f == NONE and m >= 2 * lanes:
            f = _first_floor(line, scratch, lanes, need, g, col0, slack, exact, mine, theirs, base)
        for low in range(0, m, _CHUNK):
            high = min(low + _CHUNK, m)
            least = f - margin[g]
            hits = 0
            for c in range(low, high):
                hits += line[c] >= least
            if hits == 0:
                continue
            for c in range(low, high):
                if line[c] >= f - margin[g] and line[c] > NONE:
                    v = np.float32(_exact(mine, theirs, base, g, col0 + c)) if exact else line[c]
                    if v >= f:
                        values[g, n], others[g, n] = v, col0 + c
                        n += 1
                        if n == width:
                            f, n = _tightened(values, others, g, n, need, slack[g], scratch)
                            if n == width:
                                full[g], f, n = True, _NEVER, 0
        if exact and n > need:
            f, n = _tightened(values, others, g, n, need, slack[g], scratch)
        floor[g], count[g] = f, n


@_compiled
def _first_floor(line, scratch, lanes, need, g, col0, slack, exact, mine, theirs, base):
    """A floor from the largest entry of each of ``lanes`` interleaved parts: at least ``need`` samples reach it."""
    for lane in range(lanes):
        scratch[lane] = NONE
    for low in range(0, len(line) - lanes + 1, lanes):
        for lane in range(lanes):
            scratch[lane] = max(scratch[lane], line[low + lane])
    f = kth(scratch, lanes, need - 1)
    if not exact:
        return f - slack[g]
    n = 0  # of upper bounds only: what reaches it is computed
    for c in range(len(line)):
        if line[c] >= f and n < lanes:
            scratch[n] = np.float32(_exact(mine, theirs, base, g, col0 + c))
            n += 1
    return kth(scratch, n, need - 1) - slack[g]


@_compiled
def offer_columns(start, stop, tile, row0, col0, values, others, count, floor, slack, full, need, shift, margin, exact, mine,
                  base):
    """Columns start to stop of a tile of a space with itself looked through in the same way; they must have a floor."""
    width = values.shape[1]
    scratch = np.empty(width, np.float32)
    least = np.empty(stop - start, np.float32)
    for c in range(start, stop):
        least[c - start] = _NEVER if full[col0 + c] else floor[col0 + c] - margin[col0 + c]
    for r in range(tile.shape[0]):
        moved = shift[row0 + r]
        for low in range(start, stop, _CHUNK):
            high = min(low + _CHUNK, stop)
            hits = 0
            for c in range(low, high):
                hits += tile[r, c] + moved >= least[c - start]
            if hits == 0:
                continue
            for c in range(low, high):
                if tile[r, c] + moved >= least[c - start]:
                    g, h = col0 + c, row0 + r
                    v = np.float32(_exact(mine, mine, base, g, h)) if exact else tile[r, c] + moved
                    if v < floor[g]:
                        continue
                    n = count[g]
                    values[g, n], others[g, n] = v, h
                    n += 1
                    if n == width or (exact and n > need + 3):
                        floor[g], n = _tightened(values, others, g, n, need, slack[g], scratch)
                        if n == width:
                            full[g], floor[g], n = True, _NEVER, 0
                        least[c - start] = _NEVER if full[g] else floor[g] - margin[g]
                    count[g] = n


@_compiled
def settle(start, stop, values, others, count, slack, full, need, mine, theirs, base, out, who):
    """The ``need`` nearest in falling order; those closer than ``slack`` to their neighbour in the list compared in float64."""
    width = values.shape[1]
    exact = np.empty(width, np.float64)
    name = np.empty(width, np.int64)
    for g in range(start, stop):
        if full[g]:
            continue
        n = count[g]
        for a in range(n):  # by insertion: the lists are short
            v, h, b = np.float64(values[g, a]), others[g, a], a
            while b > 0 and exact[b - 1] < v:
                exact[b], name[b] = exact[b - 1], name[b - 1]
                b -= 1
            exact[b], name[b] = v, h
        low = 0
        while low < min(need, n):
            high = low + 1
            while high < n and exact[high - 1] - exact[high] <= slack[g]:
                high += 1
            if high > low + 1:
                _refined(exact, name, low, high, g, mine, theirs, base)
            low = high
        for a in range(need):
            out[g, a], who[g, a] = exact[a], name[a]


@_compiled
def _refined(exact, name, low, high, g, mine, theirs, base):
    """Entries low to high of a list computed anew in float64, and put in order."""
    for a in range(low, high):
        h = name[a]
        v, b = _exact(mine, theirs, base, g, h), a
        while b > low and exact[b - 1] < v:
            exact[b], name[b] = exact[b - 1], name[b - 1]
            b -= 1
        exact[b], name[b] = v, h
