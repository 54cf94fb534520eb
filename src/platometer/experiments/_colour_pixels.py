"""How often colours occur near each other in pictures.

Colours are quantised on a grid, in sRGB (cubes of edge 256/grid) or CIELAB (cubes of edge 200/grid). Counted are the
ordered pairs of different pixels of one picture at most `radius` apart (Euclidean), all of them, or some drawn by seed
as in the paper. Colours seen too rarely are left out before anything is normalised.

Source: Huh et al. 2024, appendix D.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from platometer import datasets
from platometer.errors import DataError, InputError, MissingDependencyError, UndefinedError
from platometer.experiments import _colour_names

PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket", "stereo_motorcycle")
"""Those of scikit-image that are photographs in colour and part of its package."""

_AT_ONCE = 2**22  # pixels that are worked on together


@dataclass(frozen=True, eq=False)
class Cells:
    """Colours of a grid, and how often each pair was seen.

    Attributes
    ----------
    rgb : (n, 3) mean sRGB of the pixels in each cell, in [0, 255].
    counts : (n, n) symmetric, ordered pairs.
    pixels : (n,) pixels in each cell.
    """

    rgb: np.ndarray
    counts: np.ndarray
    pixels: np.ndarray

    def least(self, expected: float) -> float:
        """Pairs that a cell must be in for any two such cells to be expected together `expected` times by chance alone.

        Parameters
        ----------
        expected : five, by the rule of thumb for tables of counts.
        """
        return float(np.sqrt(expected * self.counts.sum()))

    def often(self, expected: float) -> Cells:
        """The cells in at least so many pairs as `least` says.

        Parameters
        ----------
        expected : see `least`.

        Raises
        ------
        UndefinedError
            Hardly any remain.
        """
        least = self.least(expected)
        kept = np.flatnonzero(self.counts.sum(1) >= least)
        if len(kept) < 5:
            raise UndefinedError(f"{len(kept)} of {len(self.rgb)} colours are in {least:.0f} pairs of pixels or more; a solid "
                                 "needs at least five. Take more pictures, a coarser grid, or a smaller expected.")
        return Cells(self.rgb[kept], self.counts[np.ix_(kept, kept)], self.pixels[kept])


def counted(
    pictures: Iterable[np.ndarray], *, grid: int = 8, radius: float = 4, space: str = "rgb", pairs: int | None = None,
    seed: int = 0,
) -> Cells:
    """The colours that occur in pictures, and how often each pair occurs within the radius.

    Parameters
    ----------
    pictures : (h, w, 3) or (m, h, w, 3) uint8, sRGB.
    grid : cells along each axis, 2 to 16.
    radius : in pixels, at least 1.
    space : ``"rgb"`` or ``"lab"``.
    pairs : how many to draw by `seed`, each from a pixel drawn evenly and an offset drawn evenly, again where it falls
        outside the picture; all pairs once if None.

    Raises
    ------
    InputError
        Not pictures, or an option out of range.

    Examples
    --------
    >>> picture = np.zeros((1, 3, 3), dtype=np.uint8)
    >>> picture[0, 2] = 255
    >>> counted([picture], radius=1).counts.tolist()
    [[2, 1], [1, 0]]
    """
    if not 2 <= grid <= 16 or radius < 1 or space not in ("rgb", "lab") or (pairs is not None and pairs < 1):
        raise InputError(f"grid = {grid}, radius = {radius}, space = {space!r}, pairs = {pairs}; expected a grid of 2 to 16, a "
                         "radius of at least 1, 'rgb' or 'lab', and at least one pair.")
    stacks = _stacks(pictures)
    codes, rgb, pixels = _quantised(stacks, grid, space)
    offsets = _offsets(radius)
    table = _all_pairs(codes, offsets, len(rgb)) if pairs is None else _some_pairs(codes, offsets, len(rgb), pairs, seed)
    return Cells(rgb, table + table.T, pixels)


def loaded(source: str, *, limit: int | None = None, split: str = "train", seed: int = 0) -> tuple[list[np.ndarray], str]:
    """Pictures (h, w, 3) uint8, and what they are in words.

    Parameters
    ----------
    source : ``"photographs"``, those that ship in scikit-image and, where it is installed, scikit-learn; a dataset of
        platometer's such as ``"hf:uoft-cs/cifar10"``; an npz file with ``images``; a folder of pictures; or one picture.
    limit : at most so many, drawn by `seed`; of the photographs, the first.
    split : of a dataset on the hub.

    Raises
    ------
    DataError
        There is no such file.
    MissingDependencyError
        scikit-image is not installed.
    """
    if source == "photographs":
        found = _photographs()[:limit]
        return found, f"{len(found)} photographs of scikit-image and scikit-learn"
    paired = datasets.load(_named(source), limit=limit, seed=seed, **_options(source, split))
    items: Any = paired.view("image").items
    return [np.asarray(row[0].convert("RGB")) for row in items], f"{len(items)} pictures of {paired.card.name}"


def _named(source: str) -> str:
    path = Path(source)
    if source.partition(":")[0] in datasets.names() and ":" in source:
        return source
    if path.is_dir():
        return f"folder:{source}"
    if path.suffix == ".npz":
        return f"cifar:{source}"
    hint = "It is a file; pictures of your own go into a folder." if path.exists() else "A dataset is written SOURCE:NAME."
    raise DataError(f"pictures = {source!r} is no folder, no npz file and no dataset. {hint}")


def _options(source: str, split: str) -> dict:
    """Of the dataset: what would only cost time is left out."""
    prefix = _named(source).partition(":")[0]
    known: dict[str, dict] = {"hf": {"split": split, "captions": "none", "near": False},
                              "folder": {"captions": "none", "near": False}, "cifar": {"near": False}}
    return known.get(prefix, {})


def _photographs() -> list[np.ndarray]:
    try:
        from skimage import data
    except ImportError:
        raise MissingDependencyError("The default pictures are those of scikit-image, which is not installed. Install it with: "
                                     "pip install 'platometer[colour]', or name pictures of your own.") from None
    found = [getattr(data, name)() for name in PHOTOGRAPHS]
    found = [picture[0] if isinstance(picture, tuple) else picture for picture in found]  # a stereo pair: its left eye
    try:
        from sklearn.datasets import load_sample_images
    except ImportError:
        return found
    return found + list(load_sample_images().images)


def _stacks(pictures: Iterable[np.ndarray]) -> list[np.ndarray]:
    """Pictures of equal size together, (m, h, w, 3)."""
    by_size: dict[tuple[int, ...], list[np.ndarray]] = {}
    for i, picture in enumerate(pictures):
        picture = np.asarray(picture)
        if picture.ndim not in (3, 4) or picture.shape[-1] != 3 or picture.dtype != np.uint8:
            raise InputError(f"Picture {i} is {picture.dtype} {picture.shape}; expected uint8 (h, w, 3).")
        stack = picture if picture.ndim == 4 else picture[None]
        by_size.setdefault(stack.shape[1:], []).append(stack)
    if not by_size:
        raise InputError("There are no pictures.")
    whole = [np.concatenate(stacks) for stacks in by_size.values()]
    return [stack[i : i + step] for stack in whole for step in [max(1, _AT_ONCE // (stack.shape[1] * stack.shape[2]))]
            for i in range(0, len(stack), step)]


def _quantised(stacks: Sequence[np.ndarray], grid: int, space: str) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Numbers (m, h, w) of the cells that occur; each cell's mean sRGB and how many pixels it has."""
    raw = [_cell(stack, grid, space) for stack in stacks]
    highest = max(int(codes.max()) for codes in raw) + 1
    pixels = np.zeros(highest, dtype=np.int64)
    sums = np.zeros((highest, 3))
    for codes, stack in zip(raw, stacks, strict=True):
        pixels += np.bincount(codes.ravel(), minlength=highest)
        for axis in range(3):
            sums[:, axis] += np.bincount(codes.ravel(), weights=stack[..., axis].ravel(), minlength=highest)
    there = np.flatnonzero(pixels)
    number = np.zeros(highest, dtype=np.int32)
    number[there] = np.arange(len(there))
    return [number[codes] for codes in raw], sums[there] / pixels[there, None], pixels[there]


def _cell(stack: np.ndarray, grid: int, space: str) -> np.ndarray:
    """(m, h, w) int32 numbers of cells."""
    if space == "rgb":
        steps = stack.astype(np.int32) * grid // 256
    else:
        lab = _colour_names.lab(stack.reshape(-1, 3)).reshape(stack.shape) + np.array([0, 100, 100])
        steps = np.clip(np.floor(lab * grid / 200), 0, grid).astype(np.int32)
    side = grid if space == "rgb" else grid + 1
    return (steps[..., 0] * side + steps[..., 1]) * side + steps[..., 2]


def _offsets(radius: float) -> list[tuple[int, int]]:
    """(down, right) of one of each two opposite neighbours at most `radius` away."""
    reach = int(radius)
    return [(down, right) for down in range(reach + 1) for right in range(-reach, reach + 1)
            if down**2 + right**2 <= radius**2 and (down > 0 or right > 0)]


def _all_pairs(codes: Sequence[np.ndarray], offsets: Sequence[tuple[int, int]], n: int) -> np.ndarray:
    """(n, n) one count for every unordered pair of pixels, first the upper one."""
    table = np.zeros(n * n, dtype=np.int64)
    for stack in codes:
        height, width = stack.shape[1:]
        for down, right in offsets:
            if down >= height or abs(right) >= width:
                continue
            first = stack[:, : height - down, max(0, -right) : width - max(0, right)]
            second = stack[:, down:, max(0, right) : width + min(0, right)]
            table += np.bincount((first.astype(np.int64) * n + second).ravel(), minlength=n * n)
    return table.reshape(n, n)


def _some_pairs(
    codes: Sequence[np.ndarray], offsets: Sequence[tuple[int, int]], n: int, pairs: int, seed: int
) -> np.ndarray:
    """(n, n) of pairs drawn evenly from all that there are."""
    if all(stack.shape[1] * stack.shape[2] < 2 for stack in codes):
        raise InputError("Pictures of a single pixel have no pairs.")
    chance, table = np.random.default_rng(seed), np.zeros(n * n, dtype=np.int64)
    sizes = np.array([stack.size for stack in codes])
    while (left := pairs - int(table.sum())) > 0:
        which = chance.choice(len(codes), size=left, p=sizes / sizes.sum())
        steps = np.array(offsets)[chance.integers(len(offsets), size=left)]
        for i in np.unique(which):
            stack, (down, right) = codes[i], steps[which == i].T
            at = [chance.integers(size, size=len(down)) for size in stack.shape]
            inside = (at[1] + down < stack.shape[1]) & (at[2] + right >= 0) & (at[2] + right < stack.shape[2])
            first = stack[at[0], at[1], at[2]][inside].astype(np.int64)
            second = stack[at[0][inside], (at[1] + down)[inside], (at[2] + right)[inside]]
            table += np.bincount(first * n + second, minlength=n * n)
    return table.reshape(n, n)
