"""The loop: AdamW, a rate that rises and falls, and weights that depend on nothing but what is stated.

Equal recipes, data and seeds give equal weights on one kind of processor and version of torch, whatever the number of
threads, and whether or not the run was interrupted: rows and chance of every step follow from the seed and the step.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from platometer import files, threads
from platometer.errors import SpecError, StoreError, UndefinedError
from platometer.training._objective import Objective

Track = Callable[[int, int, float], None]
"""Told (steps done, steps in all, mean loss since it was told before)."""


def silent(done: int, total: int, loss: float) -> None:
    """Progress that nobody watches.

    Parameters
    ----------
    done, total, loss : ignored.
    """


@dataclass(frozen=True)
class Recipe:
    """How long and how fast to descend.

    Attributes
    ----------
    steps : batches.
    batch : rows of a batch; all rows if there are fewer.
    rate : the highest rate.
    warm : share of the steps over which the rate rises; along a cosine it then falls to nothing.
    decay : weight decay of matrices; vectors (offsets, norms) are left alone.
    clip : longest gradient.
    seed : of batches, changes and dropout; a network's first weights have their own.
    """

    steps: int
    batch: int = 128
    rate: float = 2e-3
    warm: float = 0.1
    decay: float = 0.05
    clip: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.steps < 0 or self.batch < 1 or not 0 <= self.warm <= 1:
            raise SpecError(f"steps = {self.steps}, batch = {self.batch}, warm = {self.warm}; expected steps >= 0, batch >= 1 "
                            "and a share of the steps between 0 and 1.")
        if not (self.rate > 0 and self.decay >= 0 and self.clip > 0):
            raise SpecError(f"rate = {self.rate}, decay = {self.decay}, clip = {self.clip}; expected rate > 0, decay >= 0 "
                            "and clip > 0.")

    def rate_at(self, step: int) -> float:
        """The rate of one step.

        Parameters
        ----------
        step : 0 to steps - 1.

        Examples
        --------
        >>> recipe = Recipe(steps=100, rate=1.0)
        >>> [round(recipe.rate_at(step), 2) for step in (0, 9, 55, 99)]
        [0.1, 1.0, 0.5, 0.0]
        """
        rise = max(1, round(self.warm * self.steps))
        if step < rise:
            return self.rate * (step + 1) / rise
        return self.rate * (0.5 + 0.5 * math.cos(math.pi * (step - rise) / max(1, self.steps - rise)))


@dataclass(frozen=True)
class Curve:
    """How the loss fell.

    Attributes
    ----------
    steps : steps done at each point.
    losses : mean training loss of the steps since the point before.
    seconds : of the processor, spent on steps.
    """

    steps: tuple[int, ...]
    losses: tuple[float, ...]
    seconds: float

    @property
    def last(self) -> float:
        """The mean loss of the last steps."""
        if not self.losses:
            raise UndefinedError("A network that made no step has no loss.")
        return self.losses[-1]


def fit(
    objective: Objective, recipe: Recipe, *, checkpoint: str | Path | None = None, every: int = 500, points: int = 50,
    marks: Sequence[int] = (), at_mark: Callable[[int], object] | None = None, track: Track = silent,
) -> Curve:
    """The curve of the loss; the objective's network is trained afterwards, and in evaluation mode.

    Parameters
    ----------
    objective : trained in place.
    recipe : see `Recipe`.
    checkpoint : file to resume from if it is there, written anew every so many steps; none if None.
    every : steps between checkpoints.
    points : of the curve, at most.
    marks : numbers of steps done (0 to steps) at which to stop and look; those before a resumed step are not met again.
    at_mark : called with each mark, the network being in evaluation mode; it must not change it.
    track : see `Track`; told once per point of the curve.

    Raises
    ------
    UndefinedError
        The loss is no finite number; the rate is probably too high.
    StoreError
        The checkpoint is damaged, or belongs to another recipe or network.
    """
    run = _Run(objective, recipe, points)
    with _strict():
        if checkpoint is not None and Path(checkpoint).exists():
            run.resume(Path(checkpoint))
        objective.train()
        try:
            while True:
                if run.done in marks and at_mark is not None:
                    objective.eval()
                    at_mark(run.done)
                    objective.train()
                if run.done == recipe.steps:
                    break
                run.step(track)
                if checkpoint is not None and (run.done % every == 0 or run.done == recipe.steps):
                    run.save(Path(checkpoint))
        finally:
            objective.eval()
    return Curve(tuple(step for step, _ in run.curve), tuple(loss for _, loss in run.curve), run.seconds)


class _Run:
    """A descent under way: what a checkpoint must hold."""

    def __init__(self, objective: Objective, recipe: Recipe, points: int):
        self.objective, self.recipe = objective, recipe
        self.weights = {name: p for name, p in objective.named_parameters() if p.requires_grad}
        matrices = [p for p in self.weights.values() if p.ndim > 1]
        vectors = [p for p in self.weights.values() if p.ndim <= 1]
        self.optimiser = torch.optim.AdamW(
            [{"params": matrices, "weight_decay": recipe.decay}, {"params": vectors, "weight_decay": 0.0}],
            lr=recipe.rate, betas=(0.9, 0.98), foreach=True)
        self.stride = max(1, math.ceil(recipe.steps / points))
        self.done, self.seconds, self.since = 0, 0.0, [0.0, 0.0]  # sum and number of losses since the last point
        self.curve: list[tuple[int, float]] = []
        self.rows = _Rows(objective.items, recipe.batch, recipe.seed)

    def step(self, track: Track) -> None:
        start, recipe = time.process_time(), self.recipe
        for group in self.optimiser.param_groups:
            group["lr"] = recipe.rate_at(self.done)
        chance = torch.Generator().manual_seed(_number(recipe.seed, "chance", self.done))
        with torch.random.fork_rng(devices=[]):  # dropout draws from torch's own generator
            torch.manual_seed(_number(recipe.seed, "dropout", self.done))
            loss = self.objective.loss(self.rows.of(self.done), chance)
        self.optimiser.zero_grad()
        loss.backward()
        value = float(loss.detach())
        if not math.isfinite(value):
            raise UndefinedError(f"The loss is {value} at step {self.done}. Is the rate of {recipe.rate:g} too high?")
        nn.utils.clip_grad_norm_(list(self.weights.values()), recipe.clip)
        self.optimiser.step()
        self.done += 1
        self.since = [self.since[0] + value, self.since[1] + 1]
        self.seconds += time.process_time() - start
        if self.done % self.stride == 0 or self.done == recipe.steps:
            self.curve.append((self.done, self.since[0] / self.since[1]))
            self.since = [0.0, 0.0]
            track(self.done, recipe.steps, self.curve[-1][1])

    def save(self, path: Path) -> None:
        tensors: dict[str, torch.Tensor] = {}
        for name, p in self.weights.items():
            tensors[f"weight/{name}"] = p.detach().contiguous()
            for part in ("exp_avg", "exp_avg_sq"):
                tensors[f"{part}/{name}"] = self.optimiser.state[p][part].contiguous()
        state = {"recipe": asdict(self.recipe), "items": self.objective.items, "done": self.done, "seconds": self.seconds,
                 "since": self.since, "curve": self.curve}
        files.write_whole(path, safetensors.torch.save(tensors, {"state": json.dumps(state)}))

    def resume(self, path: Path) -> None:
        try:
            with safe_open(path, framework="pt") as file:
                state = json.loads((file.metadata() or {})["state"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, KeyError, json.JSONDecodeError) as error:
            raise StoreError(f"{path} is no whole checkpoint ({error}). Delete it to start anew.") from None
        shapes = {f"weight/{name}": p.shape for name, p in self.weights.items()}
        found = {name: value.shape for name, value in tensors.items() if name.startswith("weight/")}
        if (state["recipe"], state["items"]) != (asdict(self.recipe), self.objective.items) or found != shapes:
            raise StoreError(f"{path} belongs to another recipe, network or number of items. Delete it to start anew.")
        self.done, self.seconds, self.since = state["done"], state["seconds"], state["since"]
        self.curve = [(step, loss) for step, loss in state["curve"]]
        with torch.no_grad():
            for name, p in self.weights.items():
                p.copy_(tensors[f"weight/{name}"])
                self.optimiser.state[p] = {"step": torch.tensor(float(self.done)), **{
                    part: torch.empty_like(p, memory_format=torch.preserve_format).copy_(tensors[f"{part}/{name}"])
                    for part in ("exp_avg", "exp_avg_sq")}}


class _Rows:
    """Rows of any step: each row once a round, in an order of the round's own."""

    def __init__(self, items: int, batch: int, seed: int):
        self.items, self.batch, self.seed = items, min(batch, items), seed
        self._round, self._order = -1, torch.empty(0, dtype=torch.long)

    def of(self, step: int) -> torch.Tensor:
        round_, place = divmod(step, self.items // self.batch)
        if round_ != self._round:
            chance = torch.Generator().manual_seed(_number(self.seed, "order", round_))
            self._round, self._order = round_, torch.randperm(self.items, generator=chance)
        return self._order[place * self.batch: (place + 1) * self.batch]


def _number(*parts: object) -> int:
    """A seed that differs whenever the parts do."""
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=7).digest(), "little")


@contextmanager
def _strict() -> Iterator[None]:
    """One thread, gradients on, and the processor's rounding the same each time."""
    strict, warned = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    memory: Any = torch.utils.deterministic
    filled = memory.fill_uninitialized_memory
    torch.use_deterministic_algorithms(True)
    memory.fill_uninitialized_memory = False  # costs time, and nothing here reads such memory
    try:
        with threads.alone(), torch.inference_mode(False), torch.enable_grad():
            yield
    finally:
        torch.use_deterministic_algorithms(strict, warn_only=warned)
        memory.fill_uninitialized_memory = filled
