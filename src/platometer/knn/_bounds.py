"""The loops over tiles of codes: what an upper bound lets through is compared in float64, the rest is never computed.

Compiled as those of `_kernels`, whose lists and floors these share. A sample is a code with a scale, at most ``error``
away from the sample on the axes that the code is of, and ``rest`` is what those axes leave of it; see `_codes`.
"""

from __future__ import annotations

import numpy as np

from platometer.knn._kernels import NEVER, NONE, WORD, compiled, kth, lanes_reach, similar


@compiled
def code(start, stop, lead, square, whole, scale, rest, size, error):
    """Samples on some axes written as whole numbers from -127 to 127 times a scale of each sample's own.

    ``lead`` holds them from row 0 on, and ``square`` their squared lengths on all axes.
    """
    up = 1 + 2.0**-22
    for i in range(start, stop):
        row, to = lead[i - start], whole[i]
        top, kept, coded, lost = 0.0, 0.0, 0.0, 0.0
        for k in range(len(row)):
            top = max(top, abs(row[k]))
            kept += row[k] * row[k]
        unit = np.float32(top / 127)
        each = np.float64(unit)
        inverse = 1 / each if each > 0 else 0.0
        for k in range(len(row)):
            q = min(max(np.rint(row[k] * inverse), -127.0), 127.0)
            to[k] = np.int8(q)
            coded += (q * each) ** 2
            lost += (row[k] - q * each) ** 2
        scale[i] = unit
        rest[i] = up * np.sqrt(max(square[i] - kept, 0.0) + 1e-12 * square[i])
        size[i], error[i] = up * np.sqrt(coded), up * (np.sqrt(lost) + 1e-12 * np.sqrt(square[i]))


@compiled
def keep(start, stop, lead, square, whole, scale, rest, size, error):
    """The same samples rounded to float32."""
    up = 1 + 2.0**-22
    for i in range(start, stop):
        row, to = lead[i - start], whole[i]
        kept = 0.0
        for k in range(len(row)):
            to[k] = row[k]
            kept += row[k] * row[k]
        scale[i], size[i], error[i] = 1, up * np.sqrt(kept), 2.0**-24 * 1.01 * np.sqrt(square[i])
        rest[i] = up * np.sqrt(max(square[i] - kept, 0.0) + 1e-12 * square[i])


@compiled
def seed(tile, row0, col0, floor, slack, need, lanes, shift, margin, mine, base, scale, rest, size, error):
    """First floors of some samples of a block from their tile with all of it; no list is begun."""
    m = tile.shape[1]
    scratch, line = np.empty(lanes, np.float32), np.empty(m, np.float32)
    scales, rests, moved = scale[col0 : col0 + m], rest[col0 : col0 + m], shift[col0 : col0 + m]
    for r in range(tile.shape[0]):
        g = row0 + r
        for c in range(m):
            line[c] = np.float32(tile[r, c]) * scales[c] * scale[g] + rests[c] * rest[g] + moved[c]
        line[g - col0] = NONE
        f, n = lanes_reach(line, scratch, lanes, need), 0
        for c in range(m):
            if line[c] >= f and n < lanes:
                scratch[n] = np.float32(similar(mine, mine, g, col0 + c) - base[g])
                n += 1
        floor[g] = kth(scratch, n, need - 1) - slack[g]


@compiled
def offer(tile, row0, col0, values, others, count, floor, slack, full, need, shift, margin, mine, base, scale, rest, size,
          error):
    """A tile of products of codes of two blocks of one space looked through for its rows and its columns at once.

    A row of the block with itself is shown the columns after its own.
    """
    m = tile.shape[1]
    there = slice(col0, col0 + m)
    scales, rests, moved, sizes, errors = scale[there], rest[there], shift[there], size[there], error[there]
    far, off = _reach(size, error, row0, row0 + tile.shape[0])
    more, least = np.empty(m, np.float32), np.empty(m, np.float32)
    for c in range(m):
        more[c] = margin[col0 + c] + errors[c] * far + sizes[c] * off
        least[c] = floor[col0 + c] - more[c]
    matters = np.zeros(-(-m // WORD) * WORD, np.uint8)
    words = matters.view(np.uint64)  # eight marks at a look
    far, off = _reach(size, error, col0, col0 + m)
    for r in range(tile.shape[0]):
        g, line = row0 + r, tile[r]
        own, unit, left = shift[g], scale[g], rest[g]
        f = floor[g] - margin[g] - (error[g] * far + size[g] * off)
        for c in range(m):
            bound = np.float32(line[c]) * scales[c] * unit + rests[c] * left
            matters[c] = (bound + moved[c] >= f) | (bound + own >= least[c])
        begin = max(0, g + 1 - col0)
        for w in range(begin // WORD, len(words)):
            if words[w] == 0:
                continue
            for c in range(max(WORD * w, begin), min(WORD * (w + 1), m)):
                if matters[c] == 0:
                    continue
                h = col0 + c
                bound = np.float32(line[c]) * scales[c] * unit + rests[c] * left
                bound += error[g] * (sizes[c] + errors[c]) + size[g] * errors[c]
                for_row, for_column = bound + moved[c] >= floor[g] - margin[g], bound + own >= floor[h] - margin[h]
                if for_row or for_column:
                    truth = similar(mine, mine, g, h)
                    if for_row:
                        _placed(np.float32(truth - base[g]), g, h, values, others, count, floor, slack, full, need)
                    if for_column:
                        _placed(np.float32(truth - base[h]), h, g, values, others, count, floor, slack, full, need)
                        least[c] = floor[h] - more[c]


@compiled
def _placed(v, g, h, values, others, count, floor, slack, full, need):
    """Sample h put in its place on the list of g, which is in falling order, and the floor raised."""
    if v < floor[g] or full[g]:
        return
    line, names, n = values[g], others[g], count[g]
    at = n
    while at > 0 and line[at - 1] < v:
        line[at], names[at] = line[at - 1], names[at - 1]
        at -= 1
    line[at], names[at] = v, h
    n += 1
    if n >= need:
        floor[g] = max(floor[g], line[need - 1] - slack[g])
        while line[n - 1] < floor[g]:
            n -= 1
        if n == len(line):
            full[g], floor[g], n = True, NEVER, 0
    count[g] = n


@compiled
def _reach(size, error, start, stop):
    """The most that samples of a block can be, in code and with its error, and the most that their code is off."""
    far, off = np.float32(0), np.float32(0)
    for i in range(start, stop):
        far, off = max(far, size[i] + error[i]), max(off, error[i])
    return far, off
