"""Observations: what of an event a modality shows. A bijection loses nothing; three ways to lose something.

An observation is a channel W(x | z), one row per event and one column per symbol. A learner of the modality meets only
P_coor of symbols, W' P_coor W (each event is observed on its own), so a bijection hands every learner the same table,
renamed. What is kept of an event is the mutual information I(Z; X), exact.

Source: Huh, Cheung, Wang, Isola 2024, section 4 (bijective observations) and 6 (what differs between modalities); Cover
and Thomas 2006, chapter 2 (mutual information, data processing).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from platometer.errors import InputError, ShapeError
from platometer.theory._worlds import SLACK, Process, World

NOTHING = "nothing"
"""The symbol of an event that was not mentioned."""


@dataclass(frozen=True)
class Information:
    """What a view keeps of an event.

    Parameters
    ----------
    nats : I(Z; X).
    bits : the same in bits.
    share : I(Z; X) / H(Z), 1 if the event can be told from the symbol, 0 if the symbol says nothing.
    """

    nats: float
    bits: float
    share: float


@dataclass(frozen=True, eq=False)
class Observation:
    """A channel from events to symbols.

    Parameters
    ----------
    channel : (N, M), rows sum to 1: the chance of a symbol given the event; every symbol occurs for some event.
    symbols : M names; ``0 ... M - 1`` if empty.
    name : of the view.

    Examples
    --------
    >>> view = merged([0, 0, 1], symbols=("warm", "cold"))
    >>> view.channel
    array([[1., 0.],
           [1., 0.],
           [0., 1.]])
    """

    channel: np.ndarray
    symbols: tuple[Hashable, ...] = ()
    name: str = "view"

    def __post_init__(self) -> None:
        table = np.array(self.channel, dtype=np.float64)
        if table.ndim != 2 or (table < 0).any() or not (np.abs(table.sum(1) - 1) <= SLACK).all():
            raise InputError(f"A channel of shape {table.shape}; expected (N, M), rows of chances that sum to 1.")
        if not (table.sum(0) > 0).all():
            raise InputError(f"Symbol {int(np.argmin(table.sum(0)))} is never shown; leave its column out.")
        symbols = tuple(self.symbols) or tuple(range(table.shape[1]))
        if len(symbols) != table.shape[1] or len(set(symbols)) != len(symbols):
            raise ShapeError(f"{len(set(symbols))} different names for {table.shape[1]} symbols; expected one each.")
        table.setflags(write=False)
        object.__setattr__(self, "channel", table)
        object.__setattr__(self, "symbols", symbols)

    @property
    def bijective(self) -> bool:
        """Whether every event has one symbol, and every symbol one event."""
        return self.channel.shape[0] == self.channel.shape[1] and bool(
            ((self.channel == 0) | (self.channel == 1)).all() and (self.channel.sum(0) == 1).all())

    def seen(self, world: World) -> World:
        """The world of symbols that a learner of this modality meets.

        Parameters
        ----------
        world : of N events. Fractions are kept where the view is deterministic.
        """
        self._fits(world)
        together = self.channel.T @ world.P_coor @ self.channel
        made = world.process
        process = made and Process(made.start, made.transition, made.emission @ self.channel)
        exact = None
        if world.exact is not None and ((self.channel == 0) | (self.channel == 1)).all():
            whole = self.channel.astype(int).astype(object)
            exact = whole.T @ world.exact @ whole
        return World((together + together.T) / 2, self.symbols, f"{world.name} in {self.name}", world.details, exact=exact,
                     process=process)

    def information(self, world: World) -> Information:
        """What the symbol tells of the event, exactly.

        Parameters
        ----------
        world : of N events.
        """
        self._fits(world)
        joint = world.P[:, None] * self.channel
        chance = np.outer(world.P, joint.sum(0))
        there = joint > 0
        nats = float((joint[there] * np.log(joint[there] / chance[there])).sum())
        return Information(nats, nats / float(np.log(2)), nats / world.entropy())

    def draw(self, events: np.ndarray, *, seed: int = 0) -> np.ndarray:
        """Symbols of these events, as numbers; each is observed on its own.

        Parameters
        ----------
        events : any shape, numbers of events.
        """
        edges = np.cumsum(self.channel, axis=1)[events]
        chance = np.random.default_rng(seed).random((*np.shape(events), 1)) * edges[..., -1:]
        return np.minimum((chance >= edges).sum(-1), self.channel.shape[1] - 1)

    def posterior(self, world: World) -> np.ndarray:
        """(M, N) P(event | symbol)."""
        self._fits(world)
        joint = world.P[:, None] * self.channel
        return (joint / joint.sum(0)).T

    def _fits(self, world: World) -> None:
        if len(world) != len(self.channel):
            raise ShapeError(f"View {self.name!r} observes {len(self.channel)} events, world {world.name!r} has {len(world)}.")


def bijection(size: int, *, seed: int = 0, symbols: Sequence[Hashable] = ()) -> Observation:
    """Every event has a symbol of its own; which one is drawn by the seed.

    Parameters
    ----------
    size : N.
    seed : of the names.
    symbols : N names.
    """
    return Observation(np.eye(size)[np.random.default_rng(seed).permutation(size)], tuple(symbols), f"bijection {seed}")


def merged(groups: Sequence[int], *, symbols: Sequence[Hashable] = ()) -> Observation:
    """Many events look the same: event z shows its group.

    Parameters
    ----------
    groups : N numbers of symbols, 0 ... M - 1, all in use.
    symbols : M names.
    """
    numbers = np.asarray(groups, dtype=np.int64)
    if numbers.ndim != 1 or len(numbers) == 0 or (numbers < 0).any():
        raise InputError("Groups must be one number, 0 or more, for each event.")
    return Observation(np.eye(int(numbers.max()) + 1)[numbers], tuple(symbols), f"{int(numbers.max()) + 1} groups")


def noisy(size: int, error: float) -> Observation:
    """With chance ``error``, another event's symbol is shown, any alike.

    Parameters
    ----------
    size : N.
    error : chance of a wrong symbol, in [0, (N - 1) / N]; at the upper end the symbol says nothing.
    """
    if not 0 <= error <= (size - 1) / size:
        raise InputError(f"error = {error}; expected a chance in [0, (N - 1)/N = {(size - 1) / size:.4g}].")
    return Observation(np.eye(size) * (1 - error) + (1 - np.eye(size)) * error / (size - 1), name=f"noise {error:g}")


def partial(size: int, missing: float) -> Observation:
    """With chance ``missing``, the event is not mentioned: the symbol is `NOTHING`.

    Parameters
    ----------
    size : N.
    missing : in (0, 1); I(Z; X) = (1 - missing) H(Z).
    """
    if not 0 < missing < 1:
        raise InputError(f"missing = {missing}; expected a chance in (0, 1).")
    channel = np.concatenate([np.eye(size) * (1 - missing), np.full((size, 1), missing)], axis=1)
    return Observation(channel, (*range(size), NOTHING), f"{missing:g} missing")
