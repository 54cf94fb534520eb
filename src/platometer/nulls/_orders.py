"""Re-pairings, each found from (seed, its own number) alone, so that any part of them can be drawn anywhere.

Below `RING` samples, and where they are restricted, re-pairings are drawn one by one: draw b sorts n random 64-bit words
from the counter-based generator Philox with the key (seed, b); the stream is the same on every machine and with every
version of numpy, which guarantees raw bits but not its permutations.

Else they are turns of a ring. The samples are put in a random order, in a ring, and the right side's ring is turned
against the left side's, by random numbers of places, each once and none by nought: n - 1 draws. With the pairing that was
observed they make a group, so that p is valid at every level, as for draws made one by one (Hemerik and Goeman 2018). Draws
beyond those come from further rings, of n turns each, whose two sides are put in order each by itself, so that every turn is
any permutation with equal chance; scores that are sums over samples or pairs are correlated by 1 / (n - 3) at most between
two turns of such a ring. p is valid at every level where the last ring is whole, and else very nearly (``docs/nulls.md``).
Under all turns of a ring such scores are a correlation along it, at little more than the cost of one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from platometer.errors import InputError, ShapeError

RING = 128
"""Samples from which unrestricted re-pairings are turns of a ring."""


def orders(
    n: int,
    draws: int,
    *,
    seed: int = 0,
    start: int = 0,
    within: Sequence | None = None,
    blocks: Sequence | None = None,
) -> torch.Tensor:
    """Random re-pairings of n samples, (draws, n) int64; row b is the draw of number start + b.

    Parameters
    ----------
    n : samples.
    draws : how many.
    seed : any integer; the same seed gives the same draws.
    start : number of the first draw.
    within : n labels; samples change places only with samples of the same label (a known confound, held fixed).
    blocks : n labels; samples of one label move together, in their order, and change places with blocks of the same
        size (captions of one picture, frames of one film).

    Raises
    ------
    InputError
        Both restrictions at once, or one that leaves nothing to permute; a number of draws or a first number below 0.
    ShapeError
        The labels are not n.

    Examples
    --------
    >>> orders(4, 2, seed=0, within=["a", "a", "b", "b"]).sort(1).values.tolist()
    [[0, 1, 2, 3], [0, 1, 2, 3]]
    """
    if within is not None and blocks is not None:
        raise InputError("Give within= or blocks=, not both.")
    if draws < 0:
        raise InputError(f"draws = {draws}; it cannot be negative.")
    if start < 0:
        raise InputError(f"start = {start}; draws are numbered from 0.")
    if n >= RING and within is None and blocks is None:
        return torch.from_numpy(_turned(n, draws, seed=seed, start=start))
    units, classes = _units(n, within, blocks)
    out = np.tile(np.arange(n), (draws, 1))
    for b in range(draws):
        words = _words(units, seed, start + b)
        for numbers, rows in classes:
            out[b, rows.ravel()] = rows[np.argsort(words[numbers], kind="stable")].ravel()
    return torch.from_numpy(out)


def ring_end(n: int, number: int) -> int:
    """The number of the draw after the last of the same ring.

    Parameters
    ----------
    n : samples, at least `RING`.
    number : of a draw.

    Examples
    --------
    >>> ring_end(200, 0), ring_end(200, 199)
    (199, 399)
    """
    return n - 1 if number < n - 1 else n * ((number + 1) // n + 1) - 1


def _turned(n: int, draws: int, *, seed: int, start: int) -> np.ndarray:
    """(draws, n) the turns of rings."""
    out = np.empty((draws, n), np.int64)
    at = start
    while at < start + draws:
        end = ring_end(n, at)
        first, ring = (0, 0) if end == n - 1 else (end - n, end // n)
        words = _words(3 * n, seed, ring).reshape(3, n)
        left, right, turns = words.argsort(1, kind="stable")
        if ring == 0:
            right, turns = left, turns[turns != 0]
        some = turns[at - first : start + draws - first]
        place = np.empty(n, np.int64)
        place[left] = np.arange(n)
        twice = np.concatenate([right, right])
        for row, turn in zip(out[at - start :], some, strict=False):
            np.take(twice[turn : turn + n], place, out=row)
        at += len(some)
    return out


def _words(count: int, seed: int, key: int) -> np.ndarray:
    """Random 64-bit words."""
    return np.random.Philox(key=np.array([seed % 2**64, key], dtype=np.uint64)).random_raw(count)


def _units(n: int, within: Sequence | None, blocks: Sequence | None) -> tuple[int, list[tuple[np.ndarray, np.ndarray]]]:
    """How many units there are, and for each class of exchangeable ones their numbers (m,) and rows (m, size)."""
    if blocks is None:
        codes = np.zeros(n, dtype=np.int64) if within is None else _codes(within, n, "within")
        groups = [np.flatnonzero(codes == code) for code in range(codes.max(initial=-1) + 1)]
        units, classes = n, [(rows, rows[:, None]) for rows in groups]
    else:
        codes = _codes(blocks, n, "blocks")
        members = [np.flatnonzero(codes == code) for code in range(codes.max(initial=-1) + 1)]
        units, sizes = len(members), np.array([len(rows) for rows in members])
        alike = [np.flatnonzero(sizes == size) for size in np.unique(sizes)]
        classes = [(numbers, np.stack([members[number] for number in numbers])) for numbers in alike]
    if n > 1 and all(len(numbers) < 2 for numbers, _ in classes):
        why = "within= puts every sample in a group of its own" if blocks is None else "no two blocks= have the same size"
        raise InputError(f"{why}: there is nothing to permute.")
    return units, classes


def _codes(labels: Sequence, n: int, name: str) -> np.ndarray:
    """(n,) the number of each label, in order of first appearance."""
    if len(labels) != n:
        raise ShapeError(f"{name}= has {len(labels)} label{'' if len(labels) == 1 else 's'} for {n} samples.")
    seen: dict[object, int] = {}
    plain = (label.item() if hasattr(label, "item") else label for label in labels)
    return np.array([seen.setdefault(label, len(seen)) for label in plain], dtype=np.int64)
