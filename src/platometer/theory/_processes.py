"""Worlds made by a process: independent events, chains, walks on graphs, hidden states and topics.

Each is stationary, so P_coor at a window is exact: a sum of powers of the transition matrix. With ``exact=True`` it is
also kept in fractions; floats are then read as the decimals they print as.

Source: Huh, Cheung, Wang, Isola 2024, section 4 (the world as a sequence of discrete events).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from fractions import Fraction

import numpy as np
from scipy.sparse.csgraph import connected_components

from platometer.errors import InputError, ShapeError
from platometer.theory._worlds import SLACK, Process, World, fractions_of

Table = np.ndarray | Sequence


def independent(
    P: Table, *, window: int = 1, same: str = "left out", events: Sequence[Hashable] = (), exact: bool = False,
) -> World:
    """A world without a past: P_coor = P P', and K_PMI is 0.

    Parameters
    ----------
    P : (N,) distribution of an event.
    window, same : as in `Process.together`; with ``same="counted"`` an event meets itself, and K_PMI is no longer 0.
    events : N names.
    exact : whether to keep fractions.

    Examples
    --------
    >>> bool(abs(independent([0.5, 0.3, 0.2]).pmi()).max() < 1e-12)
    True
    """
    margin = _distributions([P], exact)
    process = Process(margin[0], np.repeat(margin, margin.shape[1], axis=0), _identity(margin.shape[1], exact))
    return made(process, window=window, same=same, events=events, name="independent", exact=exact)


def markov(
    transition: Table, *, window: int = 1, same: str = "left out", events: Sequence[Hashable] = (), name: str = "markov",
    exact: bool = False,
) -> World:
    """A chain in its stationary state: where the next event hangs on the last one alone.

    Parameters
    ----------
    transition : (N, N) P(next = b | now = a), rows sum to 1; every event can be reached from every other.
    window : how far apart two events may be and still meet.
    same : ``"left out"``, or ``"counted"``: whether an event at t meets itself at t.
    events, name : of the world.
    exact : whether to keep fractions.

    Raises
    ------
    InputError
        Rows that are no distributions, or events that do not reach each other: then there is no one stationary state.

    Examples
    --------
    >>> world = markov([[0.9, 0.1], [0.3, 0.7]], exact=True)
    >>> world.exact.sum(1).tolist()
    [Fraction(3, 4), Fraction(1, 4)]
    """
    steps = _distributions(transition, exact)
    process = Process(stationary(steps), steps, _identity(len(steps), exact))
    return made(process, window=window, same=same, events=events, name=name, exact=exact)


def graph(
    weights: Table, *, stay: float = 0.5, window: int = 1, same: str = "left out", events: Sequence[Hashable] = (),
    name: str = "graph", exact: bool = False,
) -> World:
    """A random walk on a graph that rests now and then: events are places, and meet where they are near.

    Parameters
    ----------
    weights : (N, N) symmetric, not negative; the weight of an edge, 0 where there is none.
    stay : chance of resting at a step, in [0, 1); without rest, a place never meets itself on a graph with no odd cycles.
    window, same, events, name, exact : as in `markov`.
    """
    edges = fractions_of(weights) if exact else np.asarray(weights, dtype=np.float64)
    if edges.ndim != 2 or edges.shape[0] != edges.shape[1] or (edges != edges.T).any() or (edges < 0).any():
        raise InputError(f"Weights of shape {edges.shape}; expected (N, N), symmetric and not negative.")
    degrees = edges.sum(1)
    if not (degrees > 0).all():
        raise InputError(f"Place {int(np.argmin(degrees))} has no edge; expected a connected graph.")
    if not 0 <= stay < 1:
        raise InputError(f"stay = {stay}; expected a chance in [0, 1).")
    rest = Fraction(str(stay)) if exact else stay
    steps = edges / degrees[:, None] * (1 - rest) + _identity(len(edges), exact) * rest  # type: ignore[operator]
    return markov(steps, window=window, same=same, events=events, name=name, exact=exact)


def ring(size: int, *, stay: float = 0.5, window: int = 1, same: str = "left out", exact: bool = False) -> World:
    """A walk on a ring of ``size`` places: every event alike, near ones meet.

    Parameters
    ----------
    size : at least 3.
    stay, window, same, exact : as in `graph`.

    Examples
    --------
    >>> ring(5, window=2).pmi()[0].round(2)
    array([ 0.78,  0.22, -1.86, -1.86,  0.22])
    """
    _least(size, 3, "places")
    return graph(_cycle(size), stay=stay, window=window, same=same, name=f"ring of {size}", exact=exact)


def torus(rows: int, columns: int, *, stay: float = 0.5, window: int = 1, same: str = "left out", exact: bool = False) -> World:
    """A walk on a grid whose edges are joined; an event is (row, column).

    Parameters
    ----------
    rows, columns : at least 3 each.
    stay, window, same, exact : as in `graph`.
    """
    _least(min(rows, columns), 3, "rows and columns")
    weights = np.kron(_cycle(rows), np.eye(columns, dtype=int)) + np.kron(np.eye(rows, dtype=int), _cycle(columns))
    places = [(row, column) for row in range(rows) for column in range(columns)]
    return graph(weights, stay=stay, window=window, same=same, events=places, name=f"torus {rows} x {columns}", exact=exact)


def tree(
    depth: int, *, branches: int = 2, stay: float = 0.5, window: int = 1, same: str = "left out", exact: bool = False,
) -> World:
    """A walk on a tree, the root first; an event is the path to it.

    Parameters
    ----------
    depth : of the leaves, at least 1.
    branches : of every inner place.
    stay, window, same, exact : as in `graph`.

    Examples
    --------
    >>> tree(1).events
    ((), (0,), (1,))
    """
    _least(depth, 1, "levels below the root")
    places: list[tuple[int, ...]] = [()]
    for place in places:
        if len(place) < depth:
            places += [(*place, branch) for branch in range(branches)]
    number = {place: i for i, place in enumerate(places)}
    weights = np.zeros((len(places), len(places)), dtype=int)
    for place in places[1:]:
        weights[number[place], number[place[:-1]]] = weights[number[place[:-1]], number[place]] = 1
    return graph(weights, stay=stay, window=window, same=same, events=places, name=f"tree of depth {depth}", exact=exact)


def hidden(
    transition: Table, emission: Table, *, window: int = 1, same: str = "left out", events: Sequence[Hashable] = (),
    exact: bool = False,
) -> World:
    """A hidden state steps, and shows one event each time.

    Parameters
    ----------
    transition : (H, H) of the states, as in `markov`.
    emission : (H, N) P(event | state), rows sum to 1.
    window, same, events, exact : as in `markov`.
    """
    steps, shows = _distributions(transition, exact), _distributions(emission, exact)
    if len(shows) != len(steps):
        raise ShapeError(f"Emission has {len(shows)} rows for {len(steps)} states; expected one row per state.")
    return made(Process(stationary(steps), steps, shows), window=window, same=same, events=events, name="hidden states",
                exact=exact)


def topics(
    weights: Table, words: Table, *, window: int = 1, same: str = "left out", events: Sequence[Hashable] = (),
    exact: bool = False,
) -> World:
    """Each sequence has one topic throughout, and its events are drawn from it: the window makes no difference.

    Parameters
    ----------
    weights : (H,) distribution of topics.
    words : (H, N) P(event | topic), rows sum to 1.
    window, same, events, exact : as in `markov`.

    Examples
    --------
    >>> world = topics([0.5, 0.5], [[0.8, 0.2], [0.2, 0.8]], exact=True)
    >>> world.ratios()[0].tolist()
    [Fraction(34, 25), Fraction(16, 25)]
    """
    start, shows = _distributions([weights], exact)[0], _distributions(words, exact)
    if len(shows) != len(start):
        raise ShapeError(f"There are {len(shows)} rows of words for {len(start)} topics; expected one row per topic.")
    return made(Process(start, _identity(len(start), exact), shows), window=window, same=same, events=events, name="topics",
                exact=exact)


def made(
    process: Process, *, window: int = 1, same: str = "left out", events: Sequence[Hashable] = (), name: str = "process",
    exact: bool = False,
) -> World:
    """The world of a process, with its sequences.

    Parameters
    ----------
    process : in fractions if ``exact``.
    window, same, events, name, exact : as in `markov`.
    """
    together = process.together(window, same=same)
    return World(together.astype(np.float64), tuple(events), name, {"window": window, "same": same},
                 exact=together if exact else None, process=process.floats())


def stationary(transition: np.ndarray) -> np.ndarray:
    """(N,) the one distribution that a step leaves as it is; exact for fractions.

    Parameters
    ----------
    transition : (N, N) floats or fractions, rows sum to 1.

    Raises
    ------
    InputError
        The events fall into parts that do not reach each other.
    """
    parts, _ = connected_components(transition.astype(np.float64) > 0, connection="strong")
    if parts > 1:
        raise InputError(f"The events fall into {parts} parts that do not all reach each other, so there is no one stationary "
                         "state in which every event occurs; join them with a small chance, or make one world each.")
    size = len(transition)
    system = transition.T - _identity(size, transition.dtype == object)
    system[-1] = transition[0] * 0 + 1  # the sum is 1, in place of one equation that follows from the rest
    right = transition[0] * 0
    right[-1] = right[-1] + 1
    if transition.dtype == object:
        return _solved(system, right)
    found = np.linalg.solve(system, right)
    return found / found.sum()


def _solved(system: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Gauss and Jordan, in fractions."""
    table = np.concatenate([system, right[:, None]], axis=1)
    for column in range(len(system)):
        pivot = next(row for row in range(column, len(system)) if table[row, column] != 0)
        table[[column, pivot]] = table[[pivot, column]]
        table[column] = table[column] / table[column, column]
        for row in range(len(system)):
            if row != column:
                table[row] = table[row] - table[column] * table[row, column]
    return table[:, -1]


def _distributions(table: Table, exact: bool) -> np.ndarray:
    """(m, N), each row a distribution."""
    rows = fractions_of(table) if exact else np.array(table, dtype=np.float64)
    if rows.ndim != 2:
        raise ShapeError(f"Chances of shape {rows.shape}; expected one distribution per row.")
    sums = rows.sum(1).astype(np.float64)
    if (rows < 0).any() or not (np.abs(sums - 1) <= SLACK).all():
        row = int(np.argmax((rows < 0).any(1) | ~(np.abs(sums - 1) <= SLACK)))
        raise InputError(f"Row {row} is no distribution: its sum is {sums[row]:.6g}, its least {float(rows[row].min()):.6g}; "
                         "expected chances that sum to 1.")
    return rows / rows.sum(1)[:, None]


def _identity(size: int, exact: bool) -> np.ndarray:
    return fractions_of(np.eye(size, dtype=int)) if exact else np.eye(size)


def _cycle(size: int) -> np.ndarray:
    one = np.roll(np.eye(size, dtype=int), 1, axis=1)
    return one + one.T


def _least(size: int, least: int, what: str) -> None:
    if size < least:
        raise InputError(f"{size} {what}; expected at least {least}.")
