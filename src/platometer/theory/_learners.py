"""Learners of pairs: vectors whose inner products are scores, moved until an objective is small.

A learner holds one table of vectors (g = <f_a, f_b> + C), two tables (g = <f_a, h_b> + C), or a small network that reads
a fixed code of the event. It learns from the exact expectation over the world, or from batches drawn from it. Everything
is in double precision, on one thread, and equal options give equal numbers.

Source: Huh, Cheung, Wang, Isola 2024, section 4 and appendix B; Levy and Goldberg 2014.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import torch
from torch import nn

from platometer.errors import InputError, ShapeError
from platometer.theory._kernels import best_fit, distance, representable
from platometer.theory._objectives import Objective, Tables
from platometer.theory._worlds import World
from platometer.threads import alone

MODELS = ("table", "two tables", "network")
OPTIMISERS = ("lbfgs", "adam", "descent")
_ROUND = 20  # steps of L-BFGS between two looks


@dataclass(frozen=True)
class Step:
    """How far learning has come.

    Parameters
    ----------
    step : steps taken.
    loss : exact expectation of the objective.
    distance : of the scores to K_PMI, up to what the objective's theory allows; None if K_PMI does not exist.
    """

    step: int
    loss: float
    distance: float | None


@dataclass(frozen=True, eq=False)
class Learned:
    """Vectors of events, and how they came about.

    Parameters
    ----------
    left, right : (N, r); the same table twice unless there are two.
    offset : C of the scores.
    path : looks at learning, the last one at its end.
    """

    left: np.ndarray
    right: np.ndarray
    offset: float
    path: tuple[Step, ...] = field(default=(), repr=False)

    @property
    def kernel(self) -> np.ndarray:
        """(N, N) inner products."""
        return self.left @ self.right.T

    @property
    def scores(self) -> np.ndarray:
        """(N, N) inner products + C."""
        return self.kernel + self.offset


@dataclass(frozen=True)
class Plan:
    """How a learner learns.

    Parameters
    ----------
    model : ``"table"``, ``"two tables"`` or ``"network"``.
    rank : dimensions of a vector; as many as events if None.
    offset : ``"learned"``, or ``"none"`` for scores that are inner products alone.
    optimiser : ``"lbfgs"``, ``"adam"`` (its rate falls to 0 along a cosine) or ``"descent"``, plain and at one rate.
    steps : at most; L-BFGS stops by itself.
    rate : of a step; 1 for L-BFGS and 0.02 otherwise if None.
    start : size of the first vectors: entries are normal with standard deviation start / sqrt(rank).
    batch : pairs drawn anew for each step; None for the exact expectation.
    width : of the code that a network reads, and of its two hidden layers.
    seed : of first vectors, codes and batches.
    looks : how often the path is noted, at evenly spaced steps.
    """

    model: str = "table"
    rank: int | None = None
    offset: str = "learned"
    optimiser: str = "lbfgs"
    steps: int = 2000
    rate: float | None = None
    start: float = 1.0
    batch: int | None = None
    width: int = 64
    seed: int = 0
    looks: int = 20

    def __post_init__(self) -> None:
        for name, value, known in (("model", self.model, MODELS), ("offset", self.offset, ("learned", "none")),
                                   ("optimiser", self.optimiser, OPTIMISERS)):
            if value not in known:
                raise InputError(f"{name} = {value!r}; expected one of {', '.join(known)}.")
        if self.steps < 1 or self.looks < 1 or (self.rank is not None and self.rank < 1) or self.start <= 0:
            raise InputError("Steps, looks and rank must be at least 1, and start above 0.")
        if self.batch is not None and self.optimiser == "lbfgs":
            raise InputError("L-BFGS needs the exact expectation, since a line search cannot follow changing batches; expected "
                             "optimiser='adam' or 'descent' with batch.")


def learn(world: World, objective: Objective, plan: Plan | None = None, *, seen: np.ndarray | None = None) -> Learned:
    """The vectors that a learner comes to hold.

    Parameters
    ----------
    world : of N events.
    objective : what is made small.
    plan : how; one table, as many dimensions as events, L-BFGS on the exact expectation if None.
    seen : (N, N) of 0 and 1: the pairs that the objective ever scores, as pairs that met or that were drawn apart; all if None.
        The objective must be a sum over pairs (BinaryNCE, SkipGram, Spectral), and the expectation exact.

    Examples
    --------
    >>> from platometer.theory import BinaryNCE, ring
    >>> world = ring(5, stay=0.9, window=2)
    >>> learned = learn(world, BinaryNCE())
    >>> bool(distance(learned.scores, world.pmi()) < 1e-4)
    True
    """
    plan = plan or Plan()
    with alone():
        holder, watch = _model(len(world), plan), _Watch(world, objective, plan, seen)
        taken = _by_lines(holder, watch, plan) if plan.optimiser == "lbfgs" else _by_steps(holder, watch, plan, world)
        for step in taken:
            watch.look(holder, step)
        left, right, offset = holder()
    return Learned(left.detach().numpy(), right.detach().numpy(), float(offset.detach()), tuple(watch.path))


def oracle(world: World, *, rank: int | None = None, offset: float | str = "best") -> Learned:
    """The vectors by eigenvalues, with no learning: the nearest of their rank to K_PMI + C.

    Parameters
    ----------
    world : in which every two events meet.
    rank : dimensions; as many as events if None.
    offset : C, or ``"best"``: the least that makes K_PMI + C a kernel where there is one and the rank suffices, else the C
        that leaves the least error.

    Examples
    --------
    >>> from platometer.theory import ring
    >>> world = ring(5, stay=0.9, window=2)
    >>> bool(np.allclose(oracle(world).scores, world.pmi()))
    True
    """
    K = world.pmi()
    if offset == "best":
        true = representable(K)
        if true.offset is not None and true.rank is not None and (rank is None or rank >= true.rank):
            offset = true.offset
    fit = best_fit(K, rank or len(K), offset=offset)
    return Learned(fit.left, fit.right, -fit.offset)


class _Watch:
    """The loss as the learner sees it, and the path as theory sees it."""

    def __init__(self, world: World, objective: Objective, plan: Plan, seen: np.ndarray | None):
        self.objective, self.tables = objective, objective.tables(world)
        self._seen, self._P = _pairs_seen(seen, objective, plan, len(world)), world.P
        self._goal = world.pmi() if (world.P_coor > 0).all() else None
        self.path: list[Step] = []

    def loss(self, holder: nn.Module) -> torch.Tensor:
        left, right, offset = holder()
        g = left @ right.T + offset
        if self._seen is None:
            return self.objective.loss(g, self.tables)
        return self.objective.loss(torch.where(self._seen, g, 0.0), self.tables)  # what is not seen adds a constant

    def look(self, holder: nn.Module, step: int) -> None:
        with torch.no_grad():
            left, right, offset = holder()
            g = (left @ right.T + offset).numpy()
            loss = float(self.loss(holder))
        known = self._goal is not None and np.isfinite(g).all()
        far = distance(g, self._goal, P=self._P, **self.objective.allowed) if known and self._goal is not None else None
        self.path.append(Step(step, loss, far))


def _pairs_seen(seen: np.ndarray | None, objective: Objective, plan: Plan, size: int) -> torch.Tensor | None:
    if seen is None:
        return None
    if not objective.pairwise or plan.batch is not None:
        raise InputError(f"seen= needs an objective that is a sum over pairs, and the exact expectation; came "
                         f"{type(objective).__name__} with batch = {plan.batch}.")
    if seen.shape != (size, size):
        raise ShapeError(f"seen of shape {seen.shape}; expected ({size}, {size}).")
    return torch.tensor(seen.astype(bool))


class _Table(nn.Module):
    def __init__(self, size: int, rank: int, tables: int, start: float, offset: str, chance: torch.Generator):
        super().__init__()
        first = torch.randn(tables, size, rank, generator=chance, dtype=torch.float64) * start / rank**0.5
        self.tables = nn.ParameterList([nn.Parameter(table) for table in first])
        self.offset = nn.Parameter(torch.zeros((), dtype=torch.float64), requires_grad=offset == "learned")

    def forward(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        return self.tables[0], self.tables[-1], self.offset


class _Network(nn.Module):
    """Two hidden layers on a fixed random code of the event."""

    def __init__(self, size: int, rank: int, width: int, start: float, offset: str, chance: torch.Generator):
        super().__init__()
        self.code = torch.randn(size, width, generator=chance, dtype=torch.float64)
        sizes = [width, width, width, rank]
        self.weights = nn.ParameterList([
            nn.Parameter(torch.randn(ins, outs, generator=chance, dtype=torch.float64) * (2 / ins) ** 0.5)
            for ins, outs in pairwise(sizes)])
        self.biases = nn.ParameterList([nn.Parameter(torch.zeros(outs, dtype=torch.float64)) for outs in sizes[1:]])
        self.size = start / rank**0.5
        self.offset = nn.Parameter(torch.zeros((), dtype=torch.float64), requires_grad=offset == "learned")

    def forward(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        x = self.code
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            x = torch.nn.functional.gelu(x @ weight + bias)
        x = (x @ self.weights[-1] + self.biases[-1]) * self.size
        return x, x, self.offset


def _model(size: int, plan: Plan) -> nn.Module:
    chance, rank = torch.Generator().manual_seed(plan.seed), plan.rank or size
    if plan.model == "network":
        return _Network(size, rank, plan.width, plan.start, plan.offset, chance)
    return _Table(size, rank, 1 if plan.model == "table" else 2, plan.start, plan.offset, chance)


def _by_lines(holder: nn.Module, watch: _Watch, plan: Plan) -> Iterator[int]:
    """L-BFGS; yields the steps taken, now and then."""
    moving = [p for p in holder.parameters() if p.requires_grad]
    optimiser = torch.optim.LBFGS(moving, lr=plan.rate or 1.0, max_iter=_ROUND, history_size=50, tolerance_grad=1e-11,
                                  tolerance_change=1e-16, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = watch.loss(holder)
        loss.backward()
        return loss

    last, yielded, every = float("inf"), 0, max(plan.steps // plan.looks, 1)
    for taken in range(0, plan.steps, _ROUND):
        if taken == 0 or taken - yielded >= every:
            yield taken
            yielded = taken
        loss = float(optimiser.step(closure).detach())  # type: ignore[arg-type, union-attr]
        if abs(last - loss) <= 1e-15 * max(1.0, abs(loss)):
            break
        last = loss
    yield taken + _ROUND


def _by_steps(holder: nn.Module, watch: _Watch, plan: Plan, world: World) -> Iterator[int]:
    """Adam or plain descent; yields the steps taken, now and then."""
    moving, rate = [p for p in holder.parameters() if p.requires_grad], plan.rate or 0.02
    optimiser: torch.optim.Optimizer = (
        torch.optim.Adam(moving, lr=rate) if plan.optimiser == "adam" else torch.optim.SGD(moving, lr=rate))
    falls = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, plan.steps) if plan.optimiser == "adam" else None
    loss = _from_batches(watch, plan, world) if plan.batch is not None else watch.loss
    every = max(plan.steps // plan.looks, 1)
    for step in range(plan.steps):
        if step % every == 0:
            yield step
        optimiser.zero_grad()
        loss(holder).backward()
        optimiser.step()
        if falls is not None:
            falls.step()
    yield plan.steps


def _from_batches(watch: _Watch, plan: Plan, world: World) -> Callable[[nn.Module], torch.Tensor]:
    """The loss on a fresh batch at each call."""
    chance, size, batch = torch.Generator().manual_seed(plan.seed + 1), len(world), plan.batch or 1
    tables: Tables = watch.tables
    negative = torch.tensor(watch.objective.negative(world))

    def loss(holder: nn.Module) -> torch.Tensor:
        left, right, offset = holder()
        drawn = torch.multinomial(tables.P_coor.flatten(), batch, replacement=True, generator=chance)
        pairs = torch.stack([drawn // size, drawn % size], dim=1)
        apart = torch.multinomial(negative, batch * watch.objective.drawn(), replacement=True, generator=chance)
        return watch.objective.sampled(left @ right.T + offset, pairs, apart.reshape(batch, -1))

    return loss
