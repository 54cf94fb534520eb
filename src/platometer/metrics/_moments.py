"""Exact moments of matrix statistics over all re-pairings of the samples.

CKA, RV, RSA and mutual kNN are each, up to a constant, G = <A, P B P'>: a matrix of the left side against a matrix of
the right side, re-paired by a random permutation P. The moments of G over all n! permutations follow from sums over A
and sums over B alone, so a whole grid of layer pairs costs little more than the layers.

**Mean and covariance.** The n x n matrices split, under re-pairing, into orthogonal parts: what is constant (on the
diagonal and off it); what is given by one centred number per sample (diagonal, row sums, column sums); and two rests
with zero diagonal and zero row sums, one symmetric, of dimension n(n-3)/2, one antisymmetric, of dimension
(n-1)(n-2)/2. By Schur's lemma the parts do not mix, and within each part

    E[<A, P B P'> <C, P D P'>] = <A, C> <B, D> / dimension,

summed over the copies of a part where it occurs more than once. The symmetric rest is the U-centred matrix of Székely
and Rizzo 2014, which is why debiased CKA has variance 2 / (n (n-3)) whatever the data. Written out in sums over
entries, this is the permutational variance of Mantel 1967 and of Kazi-Aoual et al. 1995.

**Third moment**: see `_third`.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse

from platometer.knn import Neighbours
from platometer.metrics import _third
from platometer.metrics._grams import Side, grid
from platometer.threads import each

_LEAST_N = 4  # below, the rests have no dimension and enumeration is no work
_DOUBLE = 512  # samples, up to which the cube of a Gram is taken in float64; beyond, float32 gives six digits
_APART = 4096  # samples up to which a layer is summed by one thread, so that several are at once
_NULL = 1e-12  # directions this weak, relative to the strongest, are rounding
_CHUNK = 2**24  # entries held at once
_known: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()  # of `_remembered`: first side -> (all sides, Forms)


@dataclass(frozen=True, eq=False)
class Part:
    """One part of a grid of statistics: with Z (r, s) standard normal, sum_c left[l, c] Z right[m, c]'.

    Parameters
    ----------
    left : (L, c, r) factors of the left layers.
    right : (M, c, s) factors of the right layers.
    """

    left: np.ndarray
    right: np.ndarray


@dataclass(frozen=True, eq=False)
class GridMoments:
    """Moments of every score of a grid over all n! re-pairings, and how the scores go together.

    Parameters
    ----------
    mean, variance : (L, M) exact.
    skewness : (L, M) exact third standardised moment, 0 where the variance is 0.
    parts : whose covariances add up to the exact covariance of the grid.
    unit : score of one count, where scores are whole numbers of counts; None where they are continuous.

    Examples
    --------
    >>> from platometer.metrics import parse
    >>> metric = parse("cka(estimator=debiased)")
    >>> x = torch.randn(9, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    >>> side = metric.prepare(x)
    >>> found = metric.null_moments([side], [side])
    >>> bool(abs(found.variance[0, 0] - 2 / (9 * 6)) < 1e-12)
    True
    """

    mean: np.ndarray
    variance: np.ndarray
    skewness: np.ndarray
    parts: tuple[Part, ...]
    unit: float | None = None

    def covariance(self) -> np.ndarray:
        """(L, M, L, M): the exact covariance of every two scores; for small grids."""
        shape = self.mean.shape
        total = np.zeros((*shape, *shape))
        for part in self.parts:
            total += np.einsum("acr,bdr,mcs,nds->ambn", part.left, part.left, part.right, part.right, optimize=True)
        return total

    def mean_variance(self) -> float:
        """The exact variance of the mean over the grid."""
        return sum(
            float(((part.left.mean(0).T @ part.right.mean(0)) ** 2).sum()) for part in self.parts
        )

    def only(self, row: int, column: int) -> GridMoments:
        """The moments of one layer pair, as a grid of one.

        Parameters
        ----------
        row, column : positions, negative ones from the end.
        """
        def pick(table: np.ndarray) -> np.ndarray:
            return table[row, column].reshape(1, 1)

        parts = tuple(Part(p.left[[row]], p.right[[column]]) for p in self.parts)
        return GridMoments(pick(self.mean), pick(self.variance), pick(self.skewness), parts, self.unit)


@dataclass(frozen=True, eq=False)
class Forms:
    """What the layers of one side bring to the moments.

    Parameters
    ----------
    n : samples.
    level : (L, a) the constant parts; the mean is the inner product of left and right.
    vectors : (L, c, n) one centred number per sample, in c copies.
    even : (L, L) inner products of the symmetric rests.
    cubic : (L, q) the sums of `_third.symmetric`, without the constant part, or of `_third.graphs`.
    odd : (L, L) of the antisymmetric rests; None for symmetric matrices.
    """

    n: int
    level: np.ndarray
    vectors: np.ndarray
    even: np.ndarray
    cubic: np.ndarray
    odd: np.ndarray | None = None


def of_pair(left: Forms, right: Forms, *, unit: float | None = None) -> GridMoments | None:
    """The moments of all layer pairs; None for fewer than four samples.

    Parameters
    ----------
    left, right : of the two sides.
    unit : as in `GridMoments`.
    """
    n, size = left.n, unit or 1.0
    if n < _LEAST_N:
        return None
    parts = [
        _part(np.einsum("acn,bdn->acbd", left.vectors, left.vectors), np.einsum("acn,bdn->acbd", right.vectors, right.vectors),
              size / math.sqrt(n - 1)),
        _part(left.even[:, None, :, None], right.even[:, None, :, None], size / math.sqrt(n * (n - 3) / 2)),
    ]
    if left.odd is not None and right.odd is not None:
        parts.append(_part(left.odd[:, None, :, None], right.odd[:, None, :, None], size / math.sqrt((n - 1) * (n - 2) / 2)))
    mean = size * left.level @ right.level.T
    variance = sum(np.einsum("lcr,ldr,mcs,mds->lm", p.left, p.left, p.right, p.right, optimize=True) for p in parts)
    if left.odd is None:  # without the constant part, the moment is central already
        third = size**3 * _third.third_moment(left.cubic, right.cubic, n, _third.symmetric)
    else:
        third = size**3 * _third.third_moment(left.cubic, right.cubic, n, _third.graphs) - 3 * mean * variance - mean**3
    skewness = np.divide(third, variance**1.5, out=np.zeros_like(third), where=variance > 0)
    return GridMoments(mean, variance, skewness, tuple(parts), unit)


def symmetric(grams: Sequence[torch.Tensor]) -> Forms:
    """The forms of symmetric matrices, with any diagonal and any row sums.

    Parameters
    ----------
    grams : L of (n, n) float64.
    """
    return _of_layers([_dense(gram) for gram in grams], _squares(grams))


def of_sides(sides: Sequence[Side]) -> Forms:
    """The forms of prepared sides of the Gram metrics, in Gram form or in feature form.

    Parameters
    ----------
    sides : L of them; asked for the same ones again while they live, the answer is at hand.
    """
    return _remembered(sides, _of_sides)


def _of_sides(sides: Sequence[Side]) -> Forms:
    given = sides[0].matrix if sides[0].matrix is not None else sides[0].features
    apart = sides[0].n <= _APART and (given is None or given.device.type == "cpu")
    layers = each(_summed, sides) if apart else [_summed(side) for side in sides]
    return _of_layers(layers, grid(sides, sides).numpy())


def _summed(side: Side) -> _Layer:
    gram = side.gram
    return _featured(side) if gram is None else _dense(gram)


def directed(sides: Sequence[Neighbours]) -> Forms:
    """The forms of neighbour graphs: 0/1 matrices without a diagonal, row i marking the neighbours of i.

    Rows may hold fewer than k neighbours (ties), so nothing is assumed about row sums.

    Parameters
    ----------
    sides : L neighbour lists; asked for the same ones again while they live, the answer is at hand.
    """
    return _remembered(sides, _directed)


def _directed(sides: Sequence[Neighbours]) -> Forms:
    n, pairs = sides[0].n, [tuple(ends.cpu().numpy() for ends in side.edges()) for side in sides]
    rows = np.stack([np.bincount(u, minlength=n) for u, _ in pairs]).astype(np.float64)
    columns = np.stack([np.bincount(v, minlength=n) for _, v in pairs]).astype(np.float64)
    there, back = _incidence(pairs, n), _incidence([(v, u) for u, v in pairs], n)
    same, crossed = (there @ there.T).toarray(), (there @ back.T).toarray()
    total = rows.sum(1)
    level = total[:, None] / math.sqrt(n * (n - 1))
    even = (rows + columns) / 2
    even, odd = (even - even.mean(1, keepdims=True)) * math.sqrt(2 / (n - 2)), (rows - columns) / 2 * math.sqrt(2 / n)
    cubic = np.stack(each(lambda ends: _third.vector(_third.of_graph(ends[0], ends[1], n), _third.graphs), pairs))
    return Forms(
        n, level, np.stack([even, odd], axis=1), (same + crossed) / 2 - level @ level.T - even @ even.T, cubic,
        (same - crossed) / 2 - odd @ odd.T,
    )


def _remembered(sides: Sequence, make: Callable[[Sequence], Forms]) -> Forms:
    """What ``make`` made of these very sides, if it did: a model is compared with many, and its forms are its own."""
    kept = _known.get(sides[0])
    if kept is not None and len(kept[0]) == len(sides) and all(a() is b for a, b in zip(kept[0], sides, strict=True)):
        return kept[1]
    forms = make(sides)
    _known[sides[0]] = tuple(weakref.ref(side) for side in sides), forms
    return forms


def _incidence(pairs: Sequence[tuple[np.ndarray, ...]], n: int) -> sparse.csr_array:
    """(L, n n): row l marks the edges of layer l."""
    codes = [u * n + v for u, v in pairs]
    start = np.concatenate([[0], np.cumsum([len(code) for code in codes])])
    columns = np.concatenate(codes)
    return sparse.csr_array((np.ones(len(columns)), columns, start), shape=(len(pairs), n * n))


@dataclass(frozen=True, eq=False)
class _Layer:
    """One symmetric matrix: diagonal (n,), row sums without it (n,), and the sums of `_third.symmetric` (11,)."""

    diagonal: np.ndarray
    rows: np.ndarray
    cubic: np.ndarray


def _of_layers(layers: Sequence[_Layer], inner: np.ndarray) -> Forms:
    n = len(layers[0].diagonal)
    diagonal, rows = (np.stack([getattr(layer, name) for layer in layers]) for name in ("diagonal", "rows"))
    level = np.stack([diagonal.sum(1) / math.sqrt(n), rows.sum(1) / math.sqrt(n * max(n - 1, 1))], axis=1)
    vectors = np.stack([
        diagonal - diagonal.mean(1, keepdims=True),
        (rows - rows.mean(1, keepdims=True)) * math.sqrt(2 / max(n - 2, 1)),
    ], axis=1)
    even = inner - level @ level.T - np.einsum("acn,bcn->ab", vectors, vectors)
    return Forms(n, level, vectors, even, np.stack([layer.cubic for layer in layers]))


def _squares(grams: Sequence[torch.Tensor]) -> np.ndarray:
    """(L, L) inner products."""
    flat = torch.stack([gram.flatten() for gram in grams]).to(torch.float64)
    return (flat @ flat.T).cpu().numpy()


def _dense(gram: torch.Tensor) -> _Layer:
    """The sums of a Gram matrix, added in float64, entries as they are."""
    n, exact = len(gram), torch.float64
    diagonal = gram.diagonal().to(exact)
    rows = gram.sum(1, dtype=exact) - diagonal
    bare = gram - float(rows.sum()) / max(n * (n - 1), 1)
    d = diagonal - diagonal.mean()
    bare.diagonal().copy_(d)
    r, squares = bare.sum(1, dtype=exact), bare * bare
    q = squares.sum(1, dtype=exact)
    triangles = _cubed(bare if n <= _DOUBLE else bare.float())
    cubes = squares.mul_(bare).sum(dtype=exact)
    moved = (bare @ torch.stack([d, r], dim=1).to(bare.dtype)).to(exact)
    sums = _third.of_matrix(d, r, q, (moved[:, 0], moved[:, 1]), cubes, triangles)
    return _Layer(diagonal.cpu().numpy(), rows.cpu().numpy(), _third.vector(sums, _third.symmetric))


def _cubed(gram: torch.Tensor, step: int = 128) -> torch.Tensor:
    """tr K^3 of a symmetric matrix, from the blocks of K K on the diagonal and below it."""
    total = torch.zeros((), dtype=torch.float64, device=gram.device)
    for start in range(0, len(gram), step):
        stop = start + step
        both = (gram[start:] @ gram[start:stop].T).mul_(gram[start:, start:stop])
        total += both[:step].sum(dtype=torch.float64) + 2 * both[step:].sum(dtype=torch.float64)
    return total


def _featured(side: Side) -> _Layer:
    """The same without the Gram matrix: it is F J F' less a diagonal, with J of +1 and -1, and row sums are zero."""
    x = side.features.to(torch.float64)  # type: ignore[union-attr]
    n = len(x)
    one = torch.ones(n, 1, dtype=x.dtype, device=x.device)
    sizes = (x * x).sum(1)
    if side.diagonal is None:  # biased: x x' - t H, which has no constant part
        t = float(sizes.sum()) / (n - 1)
        f, signs = torch.cat([x, one * math.sqrt(t / n)], dim=1), [1.0]
        taken = torch.full_like(sizes, t)
        diagonal, rows = sizes, -sizes
    else:  # U-centred: x_i x_j' - a_i - a_j off the diagonal, as (1-a_i)(1-a_j)/2 - (1+a_i)(1+a_j)/2
        a = (-sizes / (n - 2) + sizes.sum() / (2 * (n - 1) * (n - 2)))[:, None]
        f, signs = torch.cat([x, (one - a) / math.sqrt(2), (one + a) / math.sqrt(2)], dim=1), [1.0, -1.0]
        taken = None
        diagonal = rows = torch.zeros_like(sizes)
    j = torch.tensor([1.0] * x.shape[1] + signs, dtype=x.dtype, device=x.device)
    whole = (f * f) @ j  # the diagonal of F J F'
    taken = whole if taken is None else taken
    small = f.T @ f * j
    d, second = whole - taken, ((f @ (small * j[:, None]).T) * f).sum(1)  # second: the diagonal of (F J F')^2
    q = second - 2 * taken * whole + taken**2
    cubes = _cubes(f, j) - (whole**3).sum() + (d**3).sum()
    triangles = (small @ small @ small).trace() - 3 * (taken @ second) + 3 * (taken**2 @ whole) - (taken**3).sum()
    nothing = torch.zeros_like(d)
    sums = _third.of_matrix(d, nothing, q, (f @ (j * (f.T @ d)) - taken * d, nothing), cubes, triangles)
    return _Layer(diagonal.cpu().numpy(), rows.cpu().numpy(), _third.vector(sums, _third.symmetric))


def _cubes(f: torch.Tensor, signs: torch.Tensor) -> torch.Tensor:
    """The sum of (F J F')^3 entry by entry: over pairs of samples or over triples of features, whichever is fewer."""
    n, d = f.shape
    total = torch.zeros((), dtype=f.dtype, device=f.device)
    if d * d >= n:
        step = max(1, _CHUNK // n)
        for start in range(0, n, step):
            total += ((f[start : start + step] * signs) @ f.T).pow_(3).sum()
        return total
    for a in range(d):
        table = (f * f[:, a, None]).T @ f
        total += signs[a] * (signs @ (table * table) @ signs)
    return total


def _part(left: np.ndarray, right: np.ndarray, weight: float) -> Part:
    """From covariances (L, c, L, c) and (M, c, M, c) to factors, the weight inside the left one."""
    return Part(_factor(left) * weight, _factor(right))


def _factor(covariance: np.ndarray) -> np.ndarray:
    """(L, c, r) with factor factor' = covariance, directions without spread left out."""
    layers, copies = covariance.shape[:2]
    values, directions = np.linalg.eigh(covariance.reshape(layers * copies, -1))
    kept = values > max(values[-1] * _NULL, 1e-30)
    return (directions[:, kept] * np.sqrt(values[kept])).reshape(layers, copies, -1)
