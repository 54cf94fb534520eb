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
NEVER = np.float32(3e38)
WORD = 8
_CHUNK = 64


def compiled(function):
    """A loop without the interpreter's lock, compiled once and kept."""
    return numba.njit(nogil=True, cache=True, fastmath=True)(function)


@compiled
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


@compiled
def dot(a, b):
    """Inner product in float64."""
    total = 0.0
    for i in range(len(a)):
        total += np.float64(a[i]) * np.float64(b[i])
    return total


@compiled
def similar(mine, theirs, g, h):
    """The similarity of g to h to full precision; a side is (raw, factor, place)."""
    return mine[1][g] * theirs[1][h] * dot(mine[0][mine[2][g]], theirs[0][theirs[2][h]])


@compiled
def tightened(values, others, g, n, need, slack, scratch):
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


@compiled
def lanes_reach(line, scratch, lanes, need):
    """What the largest entry of at least ``need`` of ``lanes`` interleaved parts reaches."""
    for lane in range(lanes):
        scratch[lane] = NONE
    for low in range(0, len(line) - lanes + 1, lanes):
        for lane in range(lanes):
            scratch[lane] = max(scratch[lane], line[low + lane])
    return kth(scratch, lanes, need - 1)


@compiled
def listed(v, g, h, values, others, count, floor, slack, full, need, scratch):
    """Sample h put on the list of g, if it reaches the floor."""
    if v < floor[g] or full[g]:
        return
    n = count[g]
    values[g, n], others[g, n] = v, h
    n += 1
    if n == values.shape[1]:
        floor[g], n = tightened(values, others, g, n, need, slack[g], scratch)
        if n == values.shape[1]:
            full[g], floor[g], n = True, NEVER, 0
    count[g] = n


@compiled
def offer_rows(start, stop, tile, row0, col0, values, others, count, floor, slack, full, need, lanes, shift, own):
    """Rows of a tile looked through for what can be among their nearest; ``own`` says who each is among the columns, or -1.

    ``tile[r, c]`` is the similarity of row0 + r and col0 + c but for the shift of the latter.
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
            f = lanes_reach(line, scratch, lanes, need) - slack[g]
        for low in range(0, m, _CHUNK):
            high = min(low + _CHUNK, m)
            hits = 0
            for c in range(low, high):
                hits += line[c] >= f
            if hits == 0:
                continue
            for c in range(low, high):
                if line[c] >= f and line[c] > NONE:
                    values[g, n], others[g, n] = line[c], col0 + c
                    n += 1
                    if n == width:
                        f, n = tightened(values, others, g, n, need, slack[g], scratch)
                        if n == width:
                            full[g], f, n = True, NEVER, 0
        floor[g], count[g] = f, n


@compiled
def offer_tile(tile, row0, col0, values, others, count, floor, slack, full, need, shift):
    """A tile of two blocks of one space looked through for its rows and its columns at once."""
    m, width = tile.shape[1], values.shape[1]
    scratch = np.empty(width, np.float32)
    moved, least = shift[col0 : col0 + m], floor[col0 : col0 + m].copy()
    matters = np.zeros(-(-m // WORD) * WORD, np.uint8)
    words = matters.view(np.uint64)  # eight marks at a look
    for r in range(tile.shape[0]):
        g, line = row0 + r, tile[r]
        own, f = shift[g], floor[g]
        for c in range(m):
            matters[c] = (line[c] + moved[c] >= f) | (line[c] + own >= least[c])
        for w in range(len(words)):
            if words[w] == 0:
                continue
            for c in range(WORD * w, min(WORD * (w + 1), m)):
                h = col0 + c
                if line[c] + moved[c] >= f:
                    listed(line[c] + moved[c], g, h, values, others, count, floor, slack, full, need, scratch)
                    f = floor[g]
                if line[c] + own >= least[c]:
                    listed(line[c] + own, h, g, values, others, count, floor, slack, full, need, scratch)
                    least[c] = floor[h]


@compiled
def settle(start, stop, values, others, count, slack, full, need, mine, theirs, base, out, who):
    """The ``need`` nearest in falling order; those closer than ``slack`` to their neighbour in the list compared in float64.

    Written where the sample stands among the raw ones, and with the numbers of those.
    """
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
            out[mine[2][g], a], who[mine[2][g], a] = exact[a], theirs[2][name[a]]


@compiled
def _refined(exact, name, low, high, g, mine, theirs, base):
    """Entries low to high of a list computed anew in float64, and put in order."""
    for a in range(low, high):
        h = name[a]
        v, b = similar(mine, theirs, g, h) - base[g], a
        while b > low and exact[b - 1] < v:
            exact[b], name[b] = exact[b - 1], name[b - 1]
            b -= 1
        exact[b], name[b] = v, h
