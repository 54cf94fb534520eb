"""Worlds of discrete events, and how often two events happen near each other.

A world is a distribution over events z_1, z_2, ... in time. All that a learner of pairs can know of it is

    P_coor(a, b)  proportional to  the sum over t, t' with |t - t'| <= window of P(z_t = a, z_t' = b)

its margin P(a), and K_PMI(a, b) = log P_coor(a, b) / (P(a) P(b)), how much more often than by chance the two meet.
The paper's sum includes t = t', in which an event meets itself; here that is an option (``same="counted"``), since it
teaches nothing about the world and makes even independent events look bound to themselves.

Source: Huh, Cheung, Wang, Isola 2024, section 4 and appendix B; Church and Hanks 1990 (PMI); Levy and Goldberg 2014
(PPMI, shifted PMI).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from types import MappingProxyType

import numpy as np

from platometer.errors import InputError, ShapeError, UndefinedError

SLACK = 1e-9
"""How far sums and symmetry may be off before a table is no distribution."""


@dataclass(frozen=True, eq=False)
class Process:
    """What makes a sequence: a hidden state that steps, and the event it shows.

    Parameters
    ----------
    start : (H,) distribution of the first state, unchanged by a step.
    transition : (H, H), rows sum to 1.
    emission : (H, N), rows sum to 1: which event a state shows; the identity where the state is the event.
    """

    start: np.ndarray
    transition: np.ndarray
    emission: np.ndarray

    def joint(self, distance: int) -> np.ndarray:
        """(N, N) P(z_t = a, z_{t + distance} = b), in the order of time."""
        if distance == 0:
            return _diagonal(self.start @ self.emission)
        states = _diagonal(self.start)
        for _ in range(distance):
            states = states @ self.transition
        return self.emission.T @ states @ self.emission

    def together(self, window: int, *, same: str = "left out") -> np.ndarray:
        """(N, N) P_coor of the pairs at most ``window`` apart."""
        check_window(window, same)
        total = self.joint(0) if same == "counted" else 0 * self.joint(0)
        for distance in range(1, window + 1):
            total = total + self.joint(distance) + self.joint(distance).T
        return total / total.sum()

    def floats(self) -> Process:
        """The same in floating point."""
        return Process(*(np.asarray(part, dtype=np.float64) for part in (self.start, self.transition, self.emission)))


@dataclass(frozen=True, eq=False)
class World:
    """Events, and how often each two of them meet; P is the margin of P_coor, so the two always fit.

    Parameters
    ----------
    P_coor : (N, N), symmetric, not negative, sums to 1; every event occurs.
    events : N names, all different; ``0 ... N - 1`` if empty.
    name : of the world.
    details : what it was made from, as plain values.
    exact : (N, N) the same P_coor in `fractions.Fraction`, if it is known exactly.
    process : what makes its sequences, if it is known.

    Raises
    ------
    InputError
        Not a symmetric distribution over pairs in which every event occurs.

    Examples
    --------
    >>> world = World(np.array([[0.4, 0.1], [0.1, 0.4]]), events=("sun", "rain"))
    >>> world.P
    array([0.5, 0.5])
    >>> world.pmi().round(3)
    array([[ 0.47 , -0.916],
           [-0.916,  0.47 ]])
    """

    P_coor: np.ndarray
    events: tuple[Hashable, ...] = ()
    name: str = "world"
    details: Mapping[str, object] = field(default_factory=dict)
    exact: np.ndarray | None = field(default=None, repr=False)
    process: Process | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        table = np.array(self.P_coor, dtype=np.float64)
        events = tuple(self.events) or tuple(range(len(table)))
        _check_table(table, events)
        table.setflags(write=False)
        object.__setattr__(self, "P_coor", table)
        object.__setattr__(self, "events", events)
        object.__setattr__(self, "details", MappingProxyType(dict(self.details)))

    @classmethod
    def from_counts(
        cls,
        counts: np.ndarray | Sequence,
        *,
        events: Sequence[Hashable] = (),
        smoothing: float = 0.0,
        unseen: str = "error",
        name: str = "counts",
        details: Mapping[str, object] = MappingProxyType({}),
        exact: bool = False,
    ) -> World:
        """The world in which pairs meet as often as they were counted.

        Parameters
        ----------
        counts : (N, N) how often a and b met; both orders are added up.
        events : N names; ``0 ... N - 1`` if empty.
        smoothing : added to the count of every pair (after (counts + counts') / 2), recorded in the details.
        unseen : ``"error"``, or ``"left out"``: what becomes of events whose counts are all 0.
        name, details : of the world.
        exact : whether to keep fractions too; counts are read as the decimals they print as.

        Raises
        ------
        InputError
            Counts are negative, not finite, not square, all nought, or hold an event that meets nothing.

        Examples
        --------
        >>> world = World.from_counts([[0, 3], [1, 4]], exact=True)
        >>> world.exact.tolist()
        [[Fraction(0, 1), Fraction(1, 4)], [Fraction(1, 4), Fraction(1, 2)]]
        """
        table: np.ndarray = fractions_of(counts) if exact else np.asarray(counts, dtype=np.float64)
        names = tuple(events) or tuple(range(len(table)))
        _check_counts(table, names, smoothing, unseen)
        table = (table + table.T) / 2
        if not table.sum() > 0:
            raise InputError("No pair was ever counted; expected at least one count above 0.")
        if unseen == "left out":
            seen = np.flatnonzero(table.sum(1) > 0)
            table, names = table[np.ix_(seen, seen)], tuple(names[i] for i in seen)
        table = table + np.asarray(Fraction(str(smoothing)) if exact else smoothing)
        table = table / table.sum()
        known = {**details, **({"smoothing": smoothing} if smoothing else {})}
        return cls(table.astype(np.float64), names, name, known, exact=table if exact else None)

    def __len__(self) -> int:
        return len(self.P_coor)

    @property
    def P(self) -> np.ndarray:
        """(N,) how often each event takes part in a pair."""
        return self.P_coor.sum(1)

    def pmi(self, *, zeros: str = "error") -> np.ndarray:
        """(N, N) K_PMI(a, b) = log P_coor(a, b) / (P(a) P(b)), in nats: above 0 where two meet more often than by chance.

        Parameters
        ----------
        zeros : ``"error"``, or ``"-inf"`` as the value of pairs that never meet.

        Raises
        ------
        UndefinedError
            Some pair never meets.
        """
        if zeros not in ("error", "-inf"):
            raise InputError(f"zeros = {zeros!r}; expected 'error' or '-inf'.")
        if zeros == "error" and (self.P_coor == 0).any():
            a, b = np.argwhere(self.P_coor == 0)[0]
            raise UndefinedError(
                f"{int((self.P_coor == 0).sum())} of {self.P_coor.size} pairs never meet, first {self.events[a]!r} "
                f"with {self.events[b]!r}: their PMI is minus infinity. Ask for zeros='-inf' or ppmi(), widen the window, or "
                "declare a smoothing where counts become a world."
            )
        with np.errstate(divide="ignore"):
            return np.log(self.P_coor / np.outer(self.P, self.P))

    def ppmi(self, *, shift: float = 0.0) -> np.ndarray:
        """(N, N) max(PMI - shift, 0); 0 where two never meet.

        Parameters
        ----------
        shift : taken off first, in nats; log k gives what skip-gram with k negatives is often replaced by.
        """
        return np.maximum(self.pmi(zeros="-inf") - shift, 0.0)

    def conditional(self, *, zeros: str = "error") -> np.ndarray:
        """(N, N) log P(b | a), rows a: K_PMI + log P(b)."""
        return self.pmi(zeros=zeros) + np.log(self.P)

    def ratios(self) -> np.ndarray:
        """(N, N) P_coor(a, b) / (P(a) P(b)) in exact fractions; the exponential of K_PMI.

        Raises
        ------
        UndefinedError
            The world is not known exactly.
        """
        if self.exact is None:
            raise UndefinedError(f"World {self.name!r} is known in floating point only; make it with exact=True.")
        margin = self.exact.sum(1)
        return self.exact / np.multiply.outer(margin, margin)

    def information(self) -> float:
        """What an event tells about one that it meets, in nats: the mean of K_PMI over P_coor; 0 if independent."""
        meet = self.P_coor > 0
        return float((self.P_coor[meet] * self.pmi(zeros="-inf")[meet]).sum())

    def entropy(self) -> float:
        """Of one event, in nats."""
        return float(-(self.P * np.log(self.P)).sum())

    def next(self) -> np.ndarray:
        """(N, N) P(z_t = a, z_{t+1} = b), in the order of time."""
        return self._made().joint(1)

    def pairs(self, count: int, *, seed: int = 0) -> np.ndarray:
        """(count, 2) events that met, drawn independently from P_coor."""
        drawn = np.random.default_rng(seed).choice(self.P_coor.size, size=count, p=self.P_coor.ravel())
        return np.stack(np.divmod(drawn, len(self)), axis=1)

    def sequences(self, count: int, length: int, *, seed: int = 0) -> np.ndarray:
        """(count, length) independent sequences of events.

        Raises
        ------
        UndefinedError
            Only counts of pairs are known, not what made them.
        """
        process, chance = self._made(), np.random.default_rng(seed)
        states, events = np.empty((count, length), dtype=np.int64), np.empty((count, length), dtype=np.int64)
        for t in range(length):
            table = process.transition[states[:, t - 1]] if t else np.broadcast_to(process.start, (count, len(process.start)))
            states[:, t] = _drawn(table, chance)
            events[:, t] = _drawn(process.emission[states[:, t]], chance)
        return events

    def seen_in(self, pairs: np.ndarray, *, smoothing: float = 0.0) -> World:
        """The world that a sample of pairs shows: same events, P_coor as counted.

        Parameters
        ----------
        pairs : (n, 2) events as numbers.
        smoothing : added to every count.
        """
        size = len(self)
        counts = np.bincount(pairs[:, 0] * size + pairs[:, 1], minlength=size * size).reshape(size, size)
        return World.from_counts(counts, events=self.events, smoothing=smoothing, name=f"{self.name}, {len(pairs)} pairs")

    def _made(self) -> Process:
        if self.process is None:
            raise UndefinedError(
                f"World {self.name!r} is known by its pairs only, so it has no sequences; draw pairs(), or make the world "
                "from a process (markov, hidden, topics, graph)."
            )
        return self.process


def counted(
    sequences: Iterable[Sequence[Hashable] | np.ndarray],
    window: int,
    *,
    events: Sequence[Hashable] = (),
    same: str = "left out",
    smoothing: float = 0.0,
    unseen: str = "error",
    name: str = "counted",
    exact: bool = False,
) -> World:
    """The world of real sequences: how often two events stand at most ``window`` apart in one of them.

    Pairs never reach across two sequences. Events near an end have fewer partners, so P is the share of pairs an event
    takes part in and not quite its share of places; in long sequences the two are one.

    Parameters
    ----------
    sequences : of words, numbers or anything hashable.
    window : the largest distance, at least 1.
    events : those to count; the others keep their places and count for nothing. All that occur, sorted, if empty.
    same : ``"left out"``, or ``"counted"``: whether an event at t meets itself at t, as in the paper's sum.
    smoothing, unseen, name, exact : as in `World.from_counts`.

    Raises
    ------
    InputError
        A text where a sequence of words is expected, or nothing to count.

    Examples
    --------
    >>> world = counted(["the sun and the rain".split()], window=1)
    >>> world.events
    ('and', 'rain', 'sun', 'the')
    >>> (8 * world.P_coor).astype(int)
    array([[0, 0, 1, 1],
           [0, 0, 0, 1],
           [1, 0, 0, 1],
           [1, 1, 1, 0]])
    """
    check_window(window, same)
    ids, names = _placed([_listed(sequence) for sequence in sequences], window, events)
    size, known = len(names), np.flatnonzero(ids >= 0)
    counts = np.zeros((size, size), dtype=np.int64)
    for distance in range(1, window + 1):
        left, right = ids[:-distance], ids[distance:]
        both = (left >= 0) & (right >= 0)
        counts += np.bincount(left[both] * size + right[both], minlength=size * size).reshape(size, size)
    counts += counts.T
    if same == "counted":
        counts += np.diag(np.bincount(ids[known], minlength=size))
    return World.from_counts(counts, events=names, smoothing=smoothing, unseen=unseen, name=name, exact=exact,
                             details={"window": window, "same": same, "places": len(known)})


def fractions_of(table: np.ndarray | Sequence) -> np.ndarray:
    """The same numbers as `fractions.Fraction`; a float is read as the decimal it prints as.

    Examples
    --------
    >>> fractions_of([0.1, 2])
    array([Fraction(1, 10), Fraction(2, 1)], dtype=object)
    """
    values = np.asarray(table, dtype=object)
    read = [value if isinstance(value, Fraction) else Fraction(str(value)) for value in values.ravel()]
    out = np.empty(len(read), dtype=object)
    out[:] = read
    return out.reshape(values.shape)


def check_window(window: int, same: str) -> None:
    """An error unless both options make sense."""
    if window < 1:
        raise InputError(f"window = {window}; expected at least 1: how far apart two events may be and still meet.")
    if same not in ("left out", "counted"):
        raise InputError(f"same = {same!r}; expected 'left out' or 'counted': whether an event meets itself at its own time.")


def _listed(sequence: Sequence[Hashable] | np.ndarray) -> list:
    if isinstance(sequence, str):
        raise InputError(f"Expected sequences of events, came the text {sequence[:40]!r}: split it into words first.")
    if not isinstance(sequence, Iterable):
        raise InputError(f"Expected sequences of events, came the event {sequence!r}: put one sequence into a list.")
    return sequence.tolist() if isinstance(sequence, np.ndarray) else list(sequence)


def _placed(sequences: list[list], window: int, events: Sequence[Hashable]) -> tuple[np.ndarray, tuple[Hashable, ...]]:
    """All places in one row as numbers of events, -1 for what is not counted, and as gaps between sequences."""
    names = tuple(events) or tuple(sorted({event for sequence in sequences for event in sequence}))  # type: ignore[type-var]
    if not names:
        raise InputError("There is nothing to count: no sequence holds an event.")
    number = {event: i for i, event in enumerate(names)}
    gap = [-1] * window
    places = [place for sequence in sequences for place in [*(number.get(event, -1) for event in sequence), *gap]]
    return np.array(places, dtype=np.int64), names


def _check_counts(table: np.ndarray, names: tuple, smoothing: float, unseen: str) -> None:
    if table.ndim != 2 or table.shape[0] != table.shape[1]:
        raise ShapeError(f"Counts of shape {table.shape}; expected (N, N), one row and one column per event.")
    if len(names) != len(table):
        raise ShapeError(f"{len(names)} events for counts of shape {table.shape}; expected one name per row.")
    if not np.isfinite(table.astype(np.float64)).all() or (table < 0).any() or smoothing < 0:
        raise InputError("Counts and smoothing must be finite and not negative.")
    if unseen not in ("error", "left out"):
        raise InputError(f"unseen = {unseen!r}; expected 'error' or 'left out'.")


def _check_table(table: np.ndarray, events: tuple) -> None:
    if table.ndim != 2 or table.shape[0] != table.shape[1] or len(table) < 2:
        raise ShapeError(f"P_coor of shape {table.shape}; expected (N, N) with N >= 2 events.")
    if len(events) != len(table) or len(set(events)) != len(events):
        raise ShapeError(f"{len(set(events))} different names for {len(table)} events; expected one each.")
    if not np.isfinite(table).all() or (table < 0).any() or abs(table.sum() - 1) > SLACK:
        raise InputError(f"P_coor must be finite, not negative and sum to 1; its sum is {table.sum():.6g}. Counts go through "
                         "World.from_counts.")
    if np.abs(table - table.T).max() > SLACK:
        raise InputError("P_coor is not symmetric: a meets b as often as b meets a. Counts in one order go through "
                         "World.from_counts, which adds up both.")
    never = np.flatnonzero(table.sum(1) == 0)
    if len(never):
        raise InputError(f"Event {events[never[0]]!r} never occurs ({len(never)} such); leave it out (unseen='left out') or "
                         "declare a smoothing.")


def _diagonal(values: np.ndarray) -> np.ndarray:
    out = np.zeros((len(values), len(values)), dtype=values.dtype)  # np.diag fills an object table with 0, too, but as int
    out[np.arange(len(values)), np.arange(len(values))] = values
    return out


def _drawn(tables: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """One column per row of (n, M) distributions."""
    edges = np.cumsum(tables, axis=1)
    return np.minimum((chance.random((len(tables), 1)) * edges[:, -1:] >= edges).sum(1), tables.shape[1] - 1)
