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
_CHUNK, _WORD = 64, 8


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
    """The similarity of g to h less what is common to all of g's, to full precision; a side is (raw, factor, place)."""
    return mine[1][g] * theirs[1][h] * dot(mine[0][mine[2][g]], theirs[0][theirs[2][h]]) - base[g]


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
def seed(start, stop, tile, at, floor, lanes, need, slack, mine, base):
    """First floors of the samples of one block from its tile with itself, which holds bounds; no list is begun."""
    scratch, line = np.empty(lanes, np.float32), np.empty(tile.shape[1], np.float32)
    for r in range(start, stop):
        line[:] = tile[r]
        line[r] = NONE
        floor[at + r] = _first_floor(line, scratch, lanes, need, at + r, at, slack, True, mine, mine, base)


@_compiled
def offer_tile(tile, row0, col0, values, others, count, floor, slack, full, need, shift, margin, exact, mine, base, lead,
               first):
    """A tile of two blocks of one space looked through for its rows and its columns at once, or of a block with itself.

    ``lead`` holds the samples on the leading axes, as many as the tile was made from in the columns before ``first``; the
    others make the bound tighter.
    """
    m = tile.shape[1]
    scratch = np.empty(values.shape[1], np.float32)
    moved, least = shift[col0 : col0 + m], np.empty(m, np.float32)
    for c in range(m):
        least[c] = _least(floor, margin, full, col0 + c)
    matters = np.zeros(-(-m // _WORD) * _WORD, np.uint8)
    words = matters.view(np.uint64)  # eight marks at a look
    for r in range(tile.shape[0]):
        g, line = row0 + r, tile[r]
        own, f = shift[g], _least(floor, margin, full, g)
        for c in range(m):
            matters[c] = (line[c] + moved[c] >= f) | (line[c] + own >= least[c])
        begin = r + 1 if row0 == col0 else 0
        for w in range(len(words)):
            if words[w] == 0:
                continue
            for c in range(max(_WORD * w, begin), min(_WORD * (w + 1), m)):
                for_row, for_column = line[c] + moved[c] >= f, line[c] + own >= least[c]
                if not (for_row or for_column):
                    continue
                h = col0 + c
                if exact:
                    bound = _closer(line[c], lead, first, g, h)
                    for_row, for_column = for_row and bound + moved[c] >= f, for_column and bound + own >= least[c]
                    if not (for_row or for_column):
                        continue
                    similar = mine[1][g] * mine[1][h] * dot(mine[0][mine[2][g]], mine[0][mine[2][h]])
                if for_row:
                    v = np.float32(similar - base[g]) if exact else line[c] + moved[c]
                    _listed(v, g, h, values, others, count, floor, slack, full, need, exact, scratch)
                    f = _least(floor, margin, full, g)
                if for_column:
                    v = np.float32(similar - base[h]) if exact else line[c] + own
                    _listed(v, h, g, values, others, count, floor, slack, full, need, exact, scratch)
                    least[c] = _least(floor, margin, full, h)


@_compiled
def _least(floor, margin, full, g):
    """What an entry of a tile must reach to matter to a sample."""
    return _NEVER if full[g] else floor[g] - margin[g]


@_compiled
def _closer(bound, lead, first, g, h):
    """A bound by the first leading axes made one by all of them."""
    if first == lead.shape[1]:
        return bound
    total = bound - lead[g, first - 1] * lead[h, first - 1]
    for k in range(first, lead.shape[1]):
        total += lead[g, k] * lead[h, k]
    return total


@_compiled
def _listed(v, g, h, values, others, count, floor, slack, full, need, exact, scratch):
    """Sample h put on the list of g, if it reaches the floor."""
    if v < floor[g] or full[g]:
        return
    n, width = count[g], values.shape[1]
    values[g, n], others[g, n] = v, h
    n += 1
    if n == width or (exact and n > need):
        floor[g], n = _tightened(values, others, g, n, need, slack[g], scratch)
        if n == width:
            full[g], floor[g], n = True, _NEVER, 0
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
