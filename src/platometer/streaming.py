"""CKA of more samples than fit into memory: sums over features, gathered block by block, in one pass.

A linear kernel never needs its n x n Gram matrix. With z, w the features less their means, a_i = |z_i|^2 and
b_i = |w_i|^2, the inner products of the centred and of the U-centred Grams are

    <HKH, HLH>   = |z'w|_F^2
    <U(K), U(L)> = |z'w|_F^2 - n/(n-2) sum_i a_i b_i + sum(a) sum(b) / ((n-1)(n-2))

because K1 = z (z'1) = 0 (Song et al. 2012, eq. 5; Székely and Rizzo 2014). All of these are sums over samples, and so
is what moves them to another mean: z'z, z'w, w'w (d x d, d x p, p x p), sum_i a_i z_i and its like, sum_i a_i b_i.
Every block is centred on itself and then moved to the common mean, a generalisation of Chan, Golub and LeVeque 1983 to
these fourth moments, so one pass loses no digits to a mean far from zero, to blocks that drift, or to scale. Sums of
different machines add up: ``a + b``.

The same sums hold what chance alone would give: the mean and variance over all n! re-pairings, exactly.

**Minibatch CKA** (Nguyen, Raghu, Kornblith 2021) averages the unbiased HSIC over batches. It needs no d x d sums, but it is
another estimate, see `MinibatchCka`.

>>> import numpy as np
>>> rng = np.random.default_rng(0)
>>> x = rng.normal(size=(1000, 5))
>>> found = streaming_cka((x[i : i + 100] for i in range(0, 1000, 100)), x @ rng.normal(size=(5, 3)), conditioning="none")
>>> found.n, round(found.null_mean, 12), round(found.null_sd, 6)
(1000, 0.0, 0.001416)
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import torch

from platometer.arrays import ArrayLike, as_matrix, check_paired
from platometer.blocks import Blocks, paired_blocks
from platometer.conditioning import Conditioning
from platometer.errors import InputError, ShapeError, SpecError, UndefinedError, suggestion
from platometer.metrics._grams import u_centred

ESTIMATORS = ("debiased", "biased")
ROWS = 4096
"""Rows of a block, where the caller does not say."""

_LEAST = {"debiased": 4, "biased": 2, "minibatch": 4}
_SMALL = 1e-12  # as in metrics: a debiased HSIC this small relative to its parts is rounding
_FLAT = 1e-14  # as in metrics: a spread this small relative to the features is rounding
_ROW_WISE = ("unit", "none")
_BETWEEN = ((0, 0), (0, 1), (1, 1))  # left with left, left with right, right with right


@dataclass(frozen=True)
class StreamedCka:
    """A score that was gathered in one pass, beside its null.

    Attributes
    ----------
    score : CKA.
    null_mean, null_sd : exact mean and sd of the score over all re-pairings of the samples; for ``minibatch``, over
        all re-pairings within batches. None below four samples.
    n : samples.
    estimator : ``"debiased"``, ``"biased"`` or ``"minibatch"``.
    """

    score: float
    null_mean: float | None
    null_sd: float | None
    n: int
    estimator: str

    @property
    def z(self) -> float | None:
        """How many sd the score lies above its null mean."""
        if self.null_mean is None or not self.null_sd:
            return None
        return (self.score - self.null_mean) / self.null_sd


def streaming_cka(
    left: Blocks,
    right: Blocks,
    *,
    estimator: Literal["debiased", "biased"] = "debiased",
    conditioning: str | Conditioning = "unit",
    rows: int = ROWS,
    device: str | None = None,
) -> StreamedCka:
    """Linear CKA of all samples from one reading; equals `platometer.score` with ``cka(estimator=...)`` to rounding.

    Parameters
    ----------
    left, right : arrays (n, d) and (n, p), in memory or mapped; iterables of blocks, cut in whatever way; or
        `Features` of one layer, read shard by shard.
    estimator : ``"debiased"`` or ``"biased"``.
    conditioning : ``"unit"`` or ``"none"``; others look at all samples at once.
    rows : of a block. Memory is that of two blocks and (d + p)^2 numbers, in float64.
    device : where to compute; where the blocks are, if None.

    Raises
    ------
    ShapeError
        One side ends before the other, or there are too few samples.
    UndefinedError
        Constant features, or a debiased HSIC that is not positive.
    """
    sums = StreamingCka(estimator=estimator, conditioning=conditioning, device=device)
    for x, y in paired_blocks(left, right, rows=rows):
        sums.update(x, y)
    return sums.result()


def minibatch_cka(
    left: Blocks,
    right: Blocks,
    *,
    batch: int = 256,
    conditioning: str | Conditioning = "unit",
    device: str | None = None,
) -> StreamedCka:
    """Minibatch CKA of samples that come in random order; see `MinibatchCka` for what it estimates.

    Parameters
    ----------
    left, right, conditioning, device : as in `streaming_cka`.
    batch : samples of a batch, at least 4; fewer than 4 left over at the end join the last batch.
    """
    if batch < _LEAST["minibatch"]:
        raise InputError(f"batch = {batch}; the unbiased HSIC of a batch needs at least 4 samples.")
    sums = MinibatchCka(conditioning=conditioning, device=device)
    for x, y in _whole_batches(paired_blocks(left, right, rows=batch)):
        sums.update(x, y)
    return sums.result()


class StreamingCka:
    """The sums that linear CKA needs of two sides; blocks are added, sums of several machines too.

    Parameters
    ----------
    estimator, conditioning, device : as in `streaming_cka`.

    Examples
    --------
    >>> x, y = torch.randn(2, 40, 3, generator=torch.Generator().manual_seed(0))
    >>> one, other = StreamingCka(), StreamingCka()
    >>> _ = one.update(x[:25], y[:25]), other.update(x[25:], y[25:])
    >>> bool(abs((one + other).result().score - streaming_cka(x, y).score) < 1e-12)
    True
    """

    def __init__(
        self,
        *,
        estimator: Literal["debiased", "biased"] = "debiased",
        conditioning: str | Conditioning = "unit",
        device: str | None = None,
    ) -> None:
        if estimator not in ESTIMATORS:
            raise SpecError(f"There is no streaming estimator {estimator!r}. {suggestion(str(estimator), ESTIMATORS)}")
        self.estimator = estimator
        self.conditioning = _row_wise(conditioning)
        self.device = device
        self._sums: _Sums | None = None

    @property
    def n(self) -> int:
        """Samples so far."""
        return 0 if self._sums is None else self._sums.n

    def update(self, x: ArrayLike, y: ArrayLike) -> StreamingCka:
        """This, with more samples.

        Parameters
        ----------
        x, y : (m, d) and (m, p), row i of both being the same sample.
        """
        pair = _checked(x, y, self.conditioning, self.n, self.device)
        self._check_widths([side.shape[1] for side in pair])
        block = _Sums.of(pair, like=self._sums)
        self._sums = block if self._sums is None else self._sums.joined(block)
        return self

    def __add__(self, other: StreamingCka) -> StreamingCka:
        """The sums of both, which saw different samples."""
        if not isinstance(other, StreamingCka):
            return NotImplemented
        if (self.estimator, self.conditioning) != (other.estimator, other.conditioning):
            raise InputError(
                f"Sums of {self.estimator}, {self.conditioning} and of {other.estimator}, {other.conditioning} do not add up; "
                "gather both with the same estimator and conditioning."
            )
        out = StreamingCka(estimator=self.estimator, conditioning=self.conditioning, device=self.device)
        if self._sums is None or other._sums is None:
            out._sums = self._sums or other._sums
            return out
        self._check_widths([len(mean) for mean in other._sums.mean])
        out._sums = self._sums.joined(other._sums)
        return out

    def state(self) -> dict[str, torch.Tensor]:
        """The sums as tensors by name, to be written with safetensors and added up elsewhere."""
        return {} if self._sums is None else self._sums.as_tensors()

    def restored(self, state: Mapping[str, torch.Tensor]) -> StreamingCka:
        """New sums with this estimator and conditioning, and what `state` held.

        Parameters
        ----------
        state : from `state`.
        """
        out = StreamingCka(estimator=self.estimator, conditioning=self.conditioning, device=self.device)
        out._sums = _Sums.of_tensors(state) if state else None
        return out

    def result(self) -> StreamedCka:
        """The score of all samples so far, beside its null.

        Raises
        ------
        ShapeError
            Too few samples.
        UndefinedError
            Constant features, or a debiased HSIC that is not positive.
        """
        if self._sums is None or self.n < _LEAST[self.estimator]:
            raise ShapeError(f"{self.estimator} CKA needs at least {_LEAST[self.estimator]} samples; there are {self.n}.")
        s = self._sums
        for side in (0, 1):
            if not math.sqrt(float(s.size[side])) > _FLAT * float(s.top[side]):
                raise UndefinedError("All samples have the same features, so that no alignment with them is defined.")
        debiased = self.estimator == "debiased"
        xx, xy, yy = (s.product(i, j, debiased=debiased) for i, j in _BETWEEN)
        if debiased:
            for own, both in ((xx, (0, 0)), (yy, (1, 1))):
                if not own > _SMALL**2 * float((s.cross[both] ** 2).sum()):
                    raise UndefinedError(
                        "The debiased HSIC of a side with itself is not positive, so that no debiased CKA with it is defined: "
                        "its samples are all alike, or all equally unlike."
                    )
        score = xy / math.sqrt(xx) / math.sqrt(yy)
        if not math.isfinite(score):
            raise UndefinedError("The sums overflowed: later blocks are larger than the first by 70 orders of magnitude.")
        mean, sd = (0.0, math.sqrt(2 / (s.n * (s.n - 3)))) if debiased else _biased_null(s)
        return StreamedCka(min(1.0, max(-1.0, score)), mean, sd, s.n, self.estimator)

    def _check_widths(self, widths: list[int]) -> None:
        if self._sums is not None and widths != (own := [len(mean) for mean in self._sums.mean]):
            raise ShapeError(f"Earlier samples have {own[0]} and {own[1]} features, these {widths[0]} and {widths[1]}.")


class MinibatchCka:
    """Minibatch CKA: the unbiased HSIC of Song et al. 2012, averaged over batches, before the ratio is taken.

    Every batch must be a random part of all samples. Then numerator and both factors of the denominator are unbiased at
    every batch size, and only the ratio is not: its bias falls with the number of all samples n, like 1/n, whatever the
    batch size (measured: below 0.01 for n from 16 to 128 in batches of 8). It is noisier than debiased CKA of all
    samples, since pairs across batches are never compared: its chance sd is sqrt(2 / (n (m - 3))) with batches of m,
    larger by sqrt(n / m). Batches in any other order (class by class, film by film) estimate the alignment within
    batches, which is another number; `StreamingCka` does not depend on the order.

    Parameters
    ----------
    conditioning, device : as in `streaming_cka`.

    Notes
    -----
    Source: Nguyen, Raghu, Kornblith 2021, eq. 3; batches of different sizes count by their samples.
    """

    def __init__(self, *, conditioning: str | Conditioning = "unit", device: str | None = None) -> None:
        self.conditioning = _row_wise(conditioning)
        self.device = device
        self.n = 0
        self._products = [0.0, 0.0, 0.0]
        self._variance = 0.0
        self._scale: list[float] | None = None

    def update(self, x: ArrayLike, y: ArrayLike) -> MinibatchCka:
        """This, with one more batch.

        Parameters
        ----------
        x, y : (m, d) and (m, p), m at least 4.
        """
        pair = _checked(x, y, self.conditioning, self.n, self.device)
        m = len(pair[0])
        if m < _LEAST["minibatch"]:
            raise ShapeError(f"A batch of {m} samples; the unbiased HSIC needs at least 4. Join it to another batch.")
        if self._scale is None:
            self._scale = [_power(side - side.mean(0)) for side in pair]
        z = [(side - side.mean(0)) * scale for side, scale in zip(pair, self._scale, strict=True)]
        grams = [u_centred(side @ side.T) for side in z]
        xx, xy, yy = (float((grams[i] * grams[j]).sum()) / (m * (m - 3)) for i, j in _BETWEEN)
        self._products = [total + m * value for total, value in zip(self._products, (xx, xy, yy), strict=True)]
        self._variance += m * m * 2 * xx * yy / (m * (m - 3))  # exact over re-pairings within the batch
        self.n += m
        return self

    def result(self) -> StreamedCka:
        """The score of all batches so far, beside its null of re-pairings within batches.

        Raises
        ------
        UndefinedError
            A summed HSIC of a side with itself is not positive; or no batches.
        """
        xx, xy, yy = self._products
        if not (xx > 0 and yy > 0):
            raise UndefinedError(
                f"After {self.n} samples the unbiased HSIC of a side with itself is not positive, so that minibatch CKA is not "
                "defined: constant features, or too few samples."
            )
        size = math.sqrt(xx) * math.sqrt(yy)
        return StreamedCka(xy / size, 0.0, math.sqrt(self._variance) / size, self.n, "minibatch")


@dataclass(frozen=True, eq=False)
class _Sums:
    """Sums over n samples of u_0 = z and u_1 = w, features moved by `shift` and scaled by `scale`, less their mean.

    Attributes
    ----------
    n : samples.
    shift : (d,), (p,) near the mean, in the features' own units.
    scale : powers of two that keep fourth powers in range.
    mean : (d,), (p,) of (x - shift) scale.
    top : largest (x) scale there was.
    size : sum_i |u_i|^2.
    cross : (i, j) -> sum u_i u_j', for i <= j.
    leaning : (i, j) -> sum |u_j|^2 u_i.
    squares : (i, j) -> sum |u_i|^2 |u_j|^2, for i <= j.
    """

    n: int
    shift: tuple[torch.Tensor, ...]
    scale: tuple[float, ...]
    mean: tuple[torch.Tensor, ...]
    top: tuple[float, ...]
    size: tuple[torch.Tensor, ...]
    cross: dict[tuple[int, int], torch.Tensor]
    leaning: dict[tuple[int, int], torch.Tensor]
    squares: dict[tuple[int, int], torch.Tensor]

    @classmethod
    def of(cls, pair: tuple[torch.Tensor, torch.Tensor], *, like: _Sums | None) -> _Sums:
        """The sums of one block, in the frame of earlier ones."""
        shift = tuple(side.mean(0) for side in pair) if like is None else like.shift
        moved = [side - origin for side, origin in zip(pair, shift, strict=True)]
        scale = tuple(_power(side) for side in moved) if like is None else like.scale
        u, means = [], []
        for side, factor in zip(moved, scale, strict=True):
            side = side * factor
            mean = side.mean(0)
            side = side - mean
            rest = side.mean(0)  # what rounding left
            u.append(side - rest)
            means.append(mean + rest)
        a = [(side * side).sum(1) for side in u]
        return cls(
            n=len(u[0]), shift=shift, scale=scale, mean=tuple(means),
            top=tuple(float(side.abs().amax()) * factor for side, factor in zip(pair, scale, strict=True)),
            size=tuple(side.sum() for side in a),
            cross={(i, j): u[i].T @ u[j] for i, j in _BETWEEN},
            leaning={(i, j): u[i].T @ a[j] for i in (0, 1) for j in (0, 1)},
            squares={(i, j): a[i] @ a[j] for i, j in _BETWEEN},
        )

    def joined(self, other: _Sums) -> _Sums:
        """The sums of both, about their common mean."""
        other = other._in_frame(self)
        n = self.n + other.n
        mean = tuple(a + (b - a) * (other.n / n) for a, b in zip(self.mean, other.mean, strict=True))
        a, b = self._about(mean), other._about(mean)
        return _Sums(
            n=n, shift=self.shift, scale=self.scale, mean=mean,
            top=tuple(max(pair) for pair in zip(a.top, b.top, strict=True)),
            size=tuple(x + y for x, y in zip(a.size, b.size, strict=True)),
            cross={key: value + b.cross[key] for key, value in a.cross.items()},
            leaning={key: value + b.leaning[key] for key, value in a.leaning.items()},
            squares={key: value + b.squares[key] for key, value in a.squares.items()},
        )

    def product(self, i: int, j: int, *, debiased: bool) -> float:
        """The inner product of the centred, or U-centred, Grams of two sides."""
        total, n = float((self.cross[i, j] ** 2).sum()), self.n
        if debiased:
            total -= float(self.squares[i, j]) * n / (n - 2)
            total += float(self.size[i] * self.size[j]) / ((n - 1) * (n - 2))
        return total

    def as_tensors(self) -> dict[str, torch.Tensor]:
        """Everything, by name."""
        number = lambda value: torch.tensor(value, dtype=torch.float64)  # noqa: E731
        out = {"n": torch.tensor(self.n)}
        for i in (0, 1):
            out |= {f"shift.{i}": self.shift[i], f"mean.{i}": self.mean[i], f"size.{i}": self.size[i],
                    f"scale.{i}": number(self.scale[i]), f"top.{i}": number(self.top[i])}
        for kind in ("cross", "leaning", "squares"):
            out |= {f"{kind}.{i}{j}": value.contiguous() for (i, j), value in getattr(self, kind).items()}
        return out

    @classmethod
    def of_tensors(cls, state: Mapping[str, torch.Tensor]) -> _Sums:
        """What `as_tensors` wrote."""
        try:
            sides = {kind: tuple(state[f"{kind}.{i}"] for i in (0, 1)) for kind in ("shift", "mean", "size")}
            numbers = {kind: tuple(float(state[f"{kind}.{i}"]) for i in (0, 1)) for kind in ("scale", "top")}
            tables = {kind: {(i, j): state[f"{kind}.{i}{j}"] for i, j in _BETWEEN} for kind in ("cross", "squares")}
            leaning = {(i, j): state[f"leaning.{i}{j}"] for i in (0, 1) for j in (0, 1)}
            return cls(int(state["n"]), **sides, **numbers, **tables, leaning=leaning)  # type: ignore[arg-type]
        except KeyError as error:
            raise InputError(f"The state lacks {error}; expected what StreamingCka.state() gave.") from None

    def _in_frame(self, like: _Sums) -> _Sums:
        """The same with the shift and scale of others."""
        if self.shift is like.shift and self.scale == like.scale:
            return self
        f = tuple(a / b for a, b in zip(like.scale, self.scale, strict=True))
        mean = tuple(
            m * f[i] + (self.shift[i] - like.shift[i]) * like.scale[i] for i, m in enumerate(self.mean)
        )
        return _Sums(
            n=self.n, shift=like.shift, scale=like.scale, mean=mean,
            top=tuple(value * factor for value, factor in zip(self.top, f, strict=True)),
            size=tuple(value * factor**2 for value, factor in zip(self.size, f, strict=True)),
            cross={(i, j): value * (f[i] * f[j]) for (i, j), value in self.cross.items()},
            leaning={(i, j): value * (f[i] * f[j] ** 2) for (i, j), value in self.leaning.items()},
            squares={(i, j): value * (f[i] ** 2 * f[j] ** 2) for (i, j), value in self.squares.items()},
        )

    def _about(self, mean: tuple[torch.Tensor, ...]) -> _Sums:
        """The sums of u + delta, delta = own mean - mean; own sums of u are zero."""
        n, t, c, v = self.n, self.size, self.cross, self.leaning
        d = [own - new for own, new in zip(self.mean, mean, strict=True)]
        e = [delta @ delta for delta in d]
        moved = lambda i, j: c[i, j] @ d[j] if i <= j else c[j, i].T @ d[j]  # sum u_i (u_j . delta_j)  # noqa: E731
        across = {(i, j): moved(i, j) for i in (0, 1) for j in (0, 1)}
        return _Sums(
            n=n, shift=self.shift, scale=self.scale, mean=mean, top=self.top,
            size=tuple(t[i] + n * e[i] for i in (0, 1)),
            cross={(i, j): torch.addr(value, d[i], d[j], alpha=n) for (i, j), value in c.items()},
            leaning={(i, j): v[i, j] + 2 * across[i, j] + d[i] * (t[j] + n * e[j]) for i, j in v},
            squares={
                (i, j): value + 2 * v[j, i] @ d[j] + 2 * v[i, j] @ d[i] + 4 * d[i] @ across[i, j]
                + e[j] * t[i] + e[i] * t[j] + n * e[i] * e[j]
                for (i, j), value in self.squares.items()
            },
        )


def _biased_null(s: _Sums) -> tuple[float | None, float | None]:
    """Exact mean and sd of biased CKA over all re-pairings (Kazi-Aoual et al. 1995)."""
    n = s.n
    if n < 4:
        return None, None
    first, spread, level = [], [], []
    for i in (0, 1):
        norm = float(s.cross[i, i].norm())  # of the centred Gram; everything in its units
        t, s2 = float(s.size[i]) / norm, float(s.squares[i, i]) / norm**2
        first.append(t)
        spread.append((n - 1) - t * t)
        level.append(n * (n + 1) * s2 - (n - 1) * (t * t + 2))
    mean = first[0] * first[1] / (n - 1)
    variance = 2 * spread[0] * spread[1] / ((n - 1) ** 2 * (n + 1) * (n - 2))
    variance += level[0] * level[1] / ((n + 1) * n * (n - 1) * (n - 2) * (n - 3))
    return mean, math.sqrt(max(variance, 0.0))


def _row_wise(conditioning: str | Conditioning) -> Conditioning:
    """The conditioning, if a block can be conditioned without the others."""
    found = Conditioning.parse(conditioning)
    if found.name not in _ROW_WISE:
        raise SpecError(
            f"The conditioning {str(found)!r} looks at all samples at once, and here they come block by block. "
            "Use 'unit' or 'none', or condition them before."
        )
    return found


def _checked(
    x: ArrayLike, y: ArrayLike, conditioning: Conditioning, start: int, device: str | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """A block of both sides, conditioned, float64."""
    sides = [as_matrix(side, name=f"{name}, from row {start}") for side, name in ((x, "left"), (y, "right"))]
    check_paired(*sides, names=("left", "right"))
    if device is not None:
        sides = [side.to(device) for side in sides]
    return conditioning(sides[0], name=f"left, from row {start}"), conditioning(sides[1], name=f"right, from row {start}")


def _power(x: torch.Tensor) -> float:
    """The power of two that brings the largest entry into [0.5, 1)."""
    top = float(x.abs().amax())
    return 2.0 ** -math.frexp(top)[1] if top > 0 else 1.0


def _whole_batches(batches: Iterator[tuple[torch.Tensor, torch.Tensor]]) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """The same batches; a last one too short for an HSIC joins the one before."""
    held = next(batches, None)
    for x, y in batches:
        assert held is not None
        if len(x) < _LEAST["minibatch"]:
            held = torch.cat([held[0], x]), torch.cat([held[1], y])
        else:
            yield held
            held = x, y
    if held is not None:
        yield held
