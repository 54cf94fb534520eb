"""What the Gram metrics share: centring, kernels, and the cosine between two centred Gram matrices.

A side is held as its Gram matrix (n, n), or one half of it, or, for a linear kernel over many samples, as its features
(n, d), from which every sum over the Gram follows without forming it: tr(KL) = \\|x'y\\|_F^2, K1 = x(x'1).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from platometer.arrays import Rows
from platometer.centring import centre
from platometer.errors import UndefinedError
from platometer.metrics import _halves, _products, _rings, _turns

_EXACT = 128  # samples below which draws are multiplied in the precision of the sides
_ENTRIES = 2**14  # of a Gram matrix multiplied with others at once
_SMALL = 1e-12  # a centred Gram this small relative to its size is rounding, not structure


@dataclass(frozen=True, eq=False)
class Side:
    """One prepared side: a Gram of unit norm, or features whose Gram has unit norm.

    Parameters
    ----------
    matrix : (n, n) centred, of unit Frobenius norm; None in the other forms.
    half : one half of such a matrix, in float32.
    features : (n, d) centred and scaled; None in the Gram forms.
    diagonal : (n,) diagonal of the Gram, and rows : (n,) its row sums without the diagonal; for the debiased
        feature form only.
    """

    matrix: torch.Tensor | None = None
    half: _halves.Half | None = None
    features: torch.Tensor | None = None
    diagonal: torch.Tensor | None = None
    rows: torch.Tensor | None = None

    @classmethod
    def of_gram(cls, gram: torch.Tensor) -> Side:
        """A side in Gram form.

        Parameters
        ----------
        gram : (n, n), centred, of unit norm.
        """
        return cls(matrix=gram)

    @classmethod
    def of_features(cls, x: torch.Tensor, *, debiased: bool) -> Side:
        """A side of a linear kernel in feature form.

        Parameters
        ----------
        x : (n, d) centred.
        debiased : whether inner products are to be those of U-centred Grams.

        Raises
        ------
        UndefinedError
            The features are constant, or their debiased HSIC with themselves is not positive.
        """
        diagonal = (x * x).sum(1) if debiased else None
        rows = -diagonal if diagonal is not None else None  # x is centred: K1 = x (x'1) = 0
        raw = cls(features=x, diagonal=diagonal, rows=rows)
        square = raw.product(raw)
        size = float(((x.T @ x) ** 2).sum())
        if not square > (_SMALL**2) * size or size == 0:
            raise UndefinedError(_flat())
        factor = square**-0.25
        scaled = factor * factor
        return cls(
            features=x * factor,
            diagonal=None if diagonal is None else diagonal * scaled,
            rows=None if rows is None else rows * scaled,
        )

    @property
    def n(self) -> int:
        """Number of samples."""
        if self.half is not None:
            return self.half.n
        return len(self.matrix if self.matrix is not None else self.features)  # type: ignore[arg-type]

    @property
    def gram(self) -> torch.Tensor | None:
        """(n, n) the Gram matrix; None in the feature form."""
        return self.matrix if self.half is None else self.half.full()

    @property
    def gram_dtype(self) -> torch.dtype | None:
        """The precision of the Gram matrix; None in the feature form."""
        return torch.float32 if self.half is not None else None if self.matrix is None else self.matrix.dtype

    @property
    def rounding(self) -> float:
        """How far a draw may be from the plain loop: Gram matrices are multiplied in float32 under re-pairings."""
        return _products.ROUNDING if self.n >= _EXACT else 0.0

    def product(self, other: Side) -> float:
        """The inner product of the two (U-)centred Grams.

        Parameters
        ----------
        other : a side over the same samples, prepared by the same metric.
        """
        if self.half is not None and other.half is not None:
            return float(_halves.products([self.half], [other.half]))
        gram, theirs = self.gram, other.gram
        if gram is not None and theirs is not None:
            return float((gram * theirs).sum(dtype=torch.float64))
        if gram is not None:
            return other.product(self)
        x = self.features
        if theirs is not None:  # the other's Gram is centred already, which centres the product
            return float((x * (theirs.to(x.dtype) @ x)).sum())  # type: ignore[operator, union-attr]
        total = float(((x.T @ other.features) ** 2).sum())  # type: ignore[union-attr, operator]
        if self.diagonal is None:
            return total
        n = self.n
        total -= float((self.diagonal * other.diagonal).sum())  # type: ignore[operator]
        total += float(self.rows.sum() * other.rows.sum()) / ((n - 1) * (n - 2))  # type: ignore[union-attr]
        return total - 2 / (n - 2) * float((self.rows * other.rows).sum())  # type: ignore[operator]

    def cosine(self, other: Side) -> float:
        """The inner product of two sides of unit norm, held inside [-1, 1].

        Parameters
        ----------
        other : a side over the same samples.
        """
        return min(1.0, max(-1.0, self.product(other)))


def quick(rows: Rows, estimator: str) -> Side:
    """A side of a linear kernel in Gram form, in float32 from features in float32 or less.

    Features are centred in float64 before they are rounded and multiplied, so that only their spread is rounded; sums over
    the Gram matrix are in float64, but for short parts.

    Parameters
    ----------
    rows : on the CPU.
    estimator : ``"biased"``, ``"debiased"`` or ``"lange"``.

    Raises
    ------
    UndefinedError
        Every row is the same.
    """
    space, x = centre(rows.fitted(), whole=True)
    assert x is not None
    if space.size.max() <= 1e-14 * space.norm.max():
        raise UndefinedError(_flat())
    half, n = _halves.Half.of_products(x), len(x)
    if estimator == "debiased":  # x is centred, so that without the diagonal row i sums to -|x_i|^2
        bare = -(space.size**2)
        _halves.without(half, bare / (n - 2) - bare.sum() / (2 * (n - 1) * (n - 2)))
    elif estimator == "lange":
        _halves.without(half, None)
    norm = math.sqrt(_halves.square(half))
    if not norm > 0:
        raise UndefinedError(_flat())
    return Side(half=replace(half, scale=1 / norm))


def centred(x: torch.Tensor) -> torch.Tensor:
    """Features with column means removed, scaled by a power of two so that squares stay in range.

    Parameters
    ----------
    x : (n, d).

    Raises
    ------
    UndefinedError
        Every row is the same.
    """
    top = float(x.abs().amax())
    if top > 0:
        x = x * 2.0 ** -int(torch.frexp(torch.tensor(top, dtype=torch.float64)).exponent)
    moved = x - x.mean(0)
    if float(moved.abs().amax()) <= 1e-14 * float(x.abs().amax()):
        raise UndefinedError(_flat())
    top = float(moved.abs().amax())
    moved = moved * 2.0 ** -int(torch.frexp(torch.tensor(top, dtype=torch.float64)).exponent)
    return moved - moved.mean(0)


def rbf(x: torch.Tensor, bandwidth: float, *, of_median: bool) -> torch.Tensor:
    """exp(-|x - x'|^2 / (2 s^2)), (n, n).

    Parameters
    ----------
    x : (n, d).
    bandwidth : s, absolute or in units of the median distance between different samples.
    of_median : which of the two.
    """
    distances = torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist")
    s = bandwidth
    if of_median:
        n = len(x)
        rows, columns = torch.triu_indices(n, n, 1)
        median = float(distances[rows, columns].quantile(0.5)) if n < 5000 else float(distances[rows, columns].median())
        if median == 0:
            raise UndefinedError("More than half of all pairs of samples coincide, so the median distance is zero.")
        s = bandwidth * median
    return torch.exp(-((distances / s) ** 2) / 2)


def double_centred(gram: torch.Tensor) -> torch.Tensor:
    """HKH: row and column means removed.

    Parameters
    ----------
    gram : (n, n) symmetric.
    """
    rows = gram.mean(0)
    return gram - rows[None] - rows[:, None] + rows.mean()


def u_centred(gram: torch.Tensor) -> torch.Tensor:
    """The U-centred matrix of Székely and Rizzo 2014, eq. 2.4: zero diagonal, every row sums to zero.

    Parameters
    ----------
    gram : (n, n) symmetric, n >= 4.
    """
    n = len(gram)
    bare = zero_diagonal(gram)
    rows = bare.sum(0) / (n - 2)
    return zero_diagonal(bare - rows[None] - rows[:, None] + bare.sum() / ((n - 1) * (n - 2)))


def zero_diagonal(gram: torch.Tensor) -> torch.Tensor:
    """The matrix with zeros on its diagonal.

    Parameters
    ----------
    gram : (n, n).
    """
    return gram - torch.diag(gram.diagonal())


def unit(gram: torch.Tensor, *, size: torch.Tensor) -> torch.Tensor:
    """The matrix at unit Frobenius norm.

    Parameters
    ----------
    gram : (n, n) centred.
    size : the Gram before centring, against which rounding is judged.

    Raises
    ------
    UndefinedError
        Nothing is left after centring.
    """
    norm = float(gram.norm())
    if norm <= _SMALL * float(size.norm()):
        raise UndefinedError(_flat())
    return gram / norm


def permuted(a: Side, order: torch.Tensor) -> Side:
    """The side of the same samples in another order.

    Parameters
    ----------
    a : a side.
    order : (n,) a permutation.
    """
    gram = a.gram
    if gram is not None:
        return Side.of_gram(gram[order][:, order])
    move = lambda v: None if v is None else v[order]  # noqa: E731
    return Side(features=move(a.features), diagonal=move(a.diagonal), rows=move(a.rows))


def grid(lefts: Sequence[Side], rights: Sequence[Side]) -> torch.Tensor:
    """(L, M): cosines of all pairs, as one product where all sides are Grams.

    Parameters
    ----------
    lefts, rights : sides over the same samples.
    """
    halves = [[side.half for side in sides if side.half is not None] for sides in (lefts, rights)]
    if len(halves[0]) == len(lefts) and len(halves[1]) == len(rights):
        return _halves.products(*halves).clamp(-1, 1)
    lefts, rights = _of_one_form(lefts, rights)
    if lefts[0].matrix is None:
        return torch.tensor([[a.cosine(b) for b in rights] for a in lefts], dtype=torch.float64)
    grams = [side.matrix for side in (*lefts, *rights)]
    total = torch.zeros(len(lefts), len(rights), dtype=torch.float64)
    n, first = lefts[0].n, grams[0]
    step = max(1, _ENTRIES // n)
    whole = torch.empty(len(grams), step, n, dtype=first.dtype, device=first.device)  # type: ignore[union-attr]
    for at in range(0, n, step):  # in parts, so that float32 sums are short; the parts are summed in float64
        rows = min(step, n - at)
        for place, matrix in zip(whole, grams, strict=True):
            place[:rows] = matrix[at : at + rows]  # type: ignore[index]
        part = whole[:, :rows].flatten(1)
        total += (part[: len(lefts)] @ part[len(lefts) :].T).to("cpu", torch.float64)
    return total.clamp(-1, 1)


def null_grid(lefts: Sequence[Side], rights: Sequence[Side], orders: torch.Tensor) -> torch.Tensor:
    """(B, L, M): the same under each re-pairing of the right side; all turns of a ring together.

    Parameters
    ----------
    lefts, rights : sides over the same samples.
    orders : (B, n) permutations of the right side.
    """
    moves = np.ascontiguousarray(orders.cpu().numpy())
    out = torch.empty(len(orders), len(lefts), len(rights), dtype=torch.float64)
    for part, ring in _rings.parts(moves) if lefts[0].n >= _EXACT else [(slice(0, len(moves)), None)]:
        if ring is None or not _turns.worth_it(lefts, rights, ring):
            out[part] = _one_by_one(lefts, rights, orders[part])
        else:
            out[part] = _turns.turned(lefts, rights, ring)
    return out.clamp_(-1, 1)


def _one_by_one(lefts: Sequence[Side], rights: Sequence[Side], orders: torch.Tensor) -> torch.Tensor:
    """Draws of any kind."""
    if len(rights) > len(lefts):  # moving the left side by the inverse is the same, and there is less of it to move
        return _one_by_one(rights, lefts, orders.argsort(1)).transpose(1, 2)
    if all(_in_float32(side) for side in (*lefts, *rights)):
        return torch.from_numpy(_products.null_products(lefts, rights, orders))
    lefts, rights = _of_one_form(lefts, rights)
    if lefts[0].matrix is None:
        return torch.stack([grid(lefts, [permuted(b, order) for b in rights]) for order in orders])
    if _in_float32(lefts[0]):
        return torch.from_numpy(_products.null_products(lefts, rights, orders))
    n = lefts[0].n
    device = lefts[0].matrix.device  # type: ignore[union-attr]
    rows, columns = torch.triu_indices(n, n, device=device)
    weight = torch.where(rows == columns, 1.0, 2.0).to(torch.float64)
    left = torch.stack([a.matrix[rows, columns] * weight for a in lefts])  # type: ignore[index]
    # entries of all right layers side by side, so that one random read serves them all
    right = torch.stack([b.matrix.flatten() for b in rights], dim=1)  # type: ignore[union-attr]
    out = torch.empty(len(orders), len(lefts), len(rights), dtype=torch.float64)
    for draw, order in enumerate(orders.to(device)):
        out[draw] = left @ right.index_select(0, order[rows] * n + order[columns])
    return out


def _of_one_form(lefts: Sequence[Side], rights: Sequence[Side]) -> tuple[Sequence[Side], Sequence[Side]]:
    """The same sides, all Grams of one precision where some are: of float64 features they are in float64."""
    given = [side.gram_dtype for side in (*lefts, *rights)]
    kinds = {kind for kind in given if kind is not None}
    if not kinds or (all(side.matrix is not None for side in (*lefts, *rights)) and len(kinds) == 1):
        return lefts, rights
    kind = min(kinds, key=lambda dtype: dtype.itemsize)

    def as_gram(side: Side) -> Side:
        gram = side.gram
        if gram is not None:
            return Side.of_gram(gram.to(kind))
        gram = side.features @ side.features.T  # type: ignore[operator, union-attr]
        return Side.of_gram((gram if side.diagonal is None else u_centred(gram)).to(kind))

    return [as_gram(side) for side in lefts], [as_gram(side) for side in rights]


def _in_float32(side: Side) -> bool:
    """Whether draws are multiplied in float32: not for so few samples that some re-pairing may give the very same score."""
    return side.n >= _EXACT and (side.half is not None or (side.matrix is not None and side.matrix.device.type == "cpu"))


def _flat() -> str:
    return "All samples have the same features, so that no alignment with them is defined."
