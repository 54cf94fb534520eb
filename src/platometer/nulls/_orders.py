"""Re-pairings, each found from (seed, its own number) alone, so that any part of them can be drawn anywhere.

Draw b sorts n random 64-bit words from the counter-based generator Philox with the key (seed, b); the stream is the
same on every machine and with every version of numpy, which guarantees raw bits but not its permutations.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from platometer.errors import InputError, ShapeError


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
        Both restrictions at once, or one that leaves nothing to permute.
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
    units, classes = _units(n, within, blocks)
    out = np.tile(np.arange(n), (draws, 1))
    for b in range(draws):
        words = np.random.Philox(key=np.array([seed % 2**64, start + b], dtype=np.uint64)).random_raw(units)
        for numbers, rows in classes:
            out[b, rows.ravel()] = rows[np.argsort(words[numbers], kind="stable")].ravel()
    return torch.from_numpy(out)


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
        raise ShapeError(f"{name}= has {len(labels)} labels for {n} samples.")
    seen: dict[object, int] = {}
    plain = (label.item() if hasattr(label, "item") else label for label in labels)
    return np.array([seen.setdefault(label, len(seen)) for label in plain], dtype=np.int64)
