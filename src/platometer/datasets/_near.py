"""Pictures that look nearly the same: difference hashes that differ in few bits, thumbnails of few grey levels.

See `platometer.datasets._duplicates`, which says what is found and how often.
"""

from __future__ import annotations

import numpy as np

NEAR = 2  # bits of 64
LEVEL = 12.0  # of 255, root mean square over 9 x 8 pixels and colours
BANDS = ((0, 22), (22, 21), (43, 21))
"""(first bit, bits) of the thirds of a hash: two hashes that differ in at most two bits agree in at least one of them."""


def pairs(thumbnails: np.ndarray, rows: np.ndarray, band: tuple[int, int]) -> np.ndarray:
    """(first, later) rows, (m, 2) int64, of thumbnails that look nearly the same and agree in a band of their hashes; each
    later one once, with the first it is like.

    Parameters
    ----------
    thumbnails : (n, 8, 9, 3) uint8.
    rows : (n,) their positions, rising.
    band : one of `BANDS`.
    """
    shift, width = band
    words = hashes(thumbnails)
    bright = thumbnails.reshape(len(thumbnails), -1).mean(1, dtype=np.float32)
    part = (words >> np.uint64(shift)) & np.uint64((1 << width) - 1)
    order = np.lexsort((bright, part))
    found: dict[int, int] = {}
    for group in np.split(order, np.flatnonzero(np.diff(part[order])) + 1):
        if len(group) < 2:
            continue
        flat = thumbnails[group].reshape(len(group), -1).astype(np.float32)
        starts = np.searchsorted(bright[group], bright[group] - LEVEL)
        for place in range(1, len(group)):
            others = np.arange(starts[place], place)
            others = others[_few_bits(words[group[others]] ^ words[group[place]])]
            others = others[((flat[others] - flat[place]) ** 2).mean(1) <= LEVEL**2]
            one = int(group[place])
            for other in group[others].tolist():
                first, later = min(one, other), max(one, other)
                found[later] = min(first, found.get(later, first))
    listed = np.array([(first, later) for later, first in sorted(found.items())], np.int64).reshape(-1, 2)
    return rows[listed]


def hashes(thumbnails: np.ndarray) -> np.ndarray:
    """Difference hashes, (n,) uint64.

    Parameters
    ----------
    thumbnails : (n, 8, 9, 3) uint8.
    """
    grey = thumbnails.astype(np.int64) @ np.array([299, 587, 114])
    bits = (grey[:, :, 1:] > grey[:, :, :-1]).reshape(len(thumbnails), 64)
    return np.packbits(bits, axis=1).view(">u8").astype(np.uint64).ravel()


def _few_bits(words: np.ndarray) -> np.ndarray:
    """Whether at most `NEAR` bits are set: each step takes the lowest one away."""
    for _ in range(NEAR):
        words = words & (words - (words > 0).astype(np.uint64))
    return words == 0
