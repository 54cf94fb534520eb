"""Neighbours in a gallery of many parts: the nearest in each part, and how two such lists become one.

A part is searched alone, by anybody, and leaves the ``k + 1`` nearest of every query with their similarities in float64.
Of two lists the larger similarities stay, and of equal ones the lower number: an order of all candidates, so that lists may
be merged in any order and any tree. The rule for ties is applied once, at the end, as in `nearest`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch

from platometer.arrays import Rows
from platometer.errors import InputError, ShapeError
from platometer.knn._lists import TIE, Neighbours, certain, check_k
from platometer.knn._search import BUDGET, found_in


@dataclass(frozen=True, eq=False)
class Shortlist:
    """The nearest of some queries in the parts of a gallery that were searched.

    Attributes
    ----------
    values : (q, k + 1) float64 similarities in falling order; -inf where the parts hold fewer.
    found : (q, k + 1) int64 whose they are, by position in the whole gallery; -1 where the parts hold fewer.
    norm : (q,) float64 lengths of the queries.
    reach : the largest length in the parts.
    size : rows of the parts.
    own : whether some query stands in the gallery itself, and is left out.
    power : of two, by which the parts were multiplied, so that nothing overflows.
    """

    values: torch.Tensor
    found: torch.Tensor
    norm: torch.Tensor
    reach: float
    size: int
    own: bool
    power: int = 0

    def merged(self, other: Shortlist) -> Shortlist:
        """The nearest in both ones' parts, which have no row in common.

        Parameters
        ----------
        other : of the same queries and k.
        """
        if self.values.shape != other.values.shape:
            raise ShapeError(f"Lists of {tuple(self.values.shape)} and {tuple(other.values.shape)} queries and places are not "
                             "of the same queries and k.")
        power = min(self.power, other.power)
        mine, theirs = 2.0 ** (power - self.power), 2.0 ** (power - other.power)
        values = torch.cat([self.values * mine, other.values * theirs], 1)
        found = torch.cat([self.found, other.found], 1)
        number = found.sort(dim=1, stable=True).indices
        order = number.gather(1, values.gather(1, number).sort(dim=1, descending=True, stable=True).indices)
        best = order[:, : self.values.shape[1]]
        return Shortlist(values.gather(1, best), found.gather(1, best), self.norm, max(self.reach * mine, other.reach * theirs),
                         self.size + other.size, self.own, power)

    def neighbours(self) -> Neighbours:
        """The lists, once every part is in them; equal to those of `nearest` in the whole gallery.

        Raises
        ------
        InputError
            The gallery holds fewer than k neighbours.
        """
        k, most = self.values.shape[1] - 1, self.size - int(self.own)
        check_k(k, most + 1)
        need = min(k + 1, most)
        tie = (TIE * self.reach * self.norm)[:, None]
        lists, settled = certain(self.values[:, :need], self.found[:, :need], k, tie)
        return Neighbours(lists, settled, k)


def shortlist(
    queries: torch.Tensor | Rows, part: torch.Tensor | Rows, k: int, *, start: int = 0, own: torch.Tensor | None = None,
    budget: int = BUDGET,
) -> Shortlist:
    """The nearest of every query in one part of a gallery.

    Parameters
    ----------
    queries, part : (q, d) and (m, d), any m.
    k : neighbours per query that will be asked for.
    start : position of the part's first row in the gallery.
    own : (q,) where each query stands in the whole gallery, -1 where it does not; it is not its own neighbour.
    budget : bytes that one block of similarities may take.

    Raises
    ------
    ShapeError
        The widths differ.

    Examples
    --------
    >>> x = torch.tensor([[1.0, 0], [0.9, 0.1], [0, 1], [0.2, 0.9]], dtype=torch.float64)
    >>> parts = [shortlist(x, x[at : at + 2], 1, start=at, own=torch.arange(4)) for at in (0, 2)]
    >>> parts[0].merged(parts[1]).neighbours().lists.flatten().tolist()
    [1, 0, 3, 2]
    """
    given = [x if isinstance(x, Rows) else Rows(x) for x in (queries, part)]
    left, right = (x.fitted() for x in given)
    if left.shape[1] != right.shape[1]:
        raise ShapeError(f"Queries of width {left.shape[1]} have no similarity to a gallery of width {right.shape[1]}.")
    if k < 1:
        raise InputError(f"k = {k}; a query needs at least one neighbour.")
    m, there = len(right), torch.full((len(left),), -1) if own is None else own.to("cpu", torch.int64)
    here = torch.where((there >= start) & (there < start + m), there - start, -1)
    need = min(k + 1, m)
    found = torch.from_numpy(found_in(left, right, here.numpy(), need, budget)).to(left.device)
    values = _similar(left, right, found).cpu()
    found = found.cpu()
    out = (found == here[:, None]) | (found < 0)
    values, found = values.masked_fill(out, -torch.inf), (found + start).masked_fill(out, -1)
    gap = k + 1 - need
    alone = Shortlist(
        torch.nn.functional.pad(values, (0, gap), value=-torch.inf), torch.nn.functional.pad(found, (0, gap), value=-1),
        left.sizes().cpu(), float(right.sizes().max()), m, bool((there >= 0).any()), _power(given[1]))
    return alone.merged(_nothing(alone))  # in the order that all lists are in


def merge(lists: Iterable[Shortlist]) -> Shortlist:
    """One list of many, merged as a tree in the order they come: two of a height become one of the next.

    Parameters
    ----------
    lists : at least one, of the same queries and k, whose parts have no row in common.
    """
    waiting: list[tuple[int, Shortlist]] = []
    for one in lists:
        _grown(waiting, one)
    if not waiting:
        raise InputError("There are no lists to merge; a gallery has at least one part.")
    _, last = waiting.pop()
    while waiting:
        last = waiting.pop()[1].merged(last)
    return last


@dataclass(frozen=True)
class Search:
    """A search in parts, as an engine's workers do it: ``Search(...)(task)`` is the shortlist of a task of `tasks`.

    Attributes
    ----------
    queries, gallery : one function for each block and each part, which reads it: (rows, d). They are sent to workers, so
        they had better read from a disk that all of them see.
    starts : position in the gallery of each part's first row.
    k : neighbours per query.
    own : for each block (rows,) where its queries stand in the gallery; None if they do not.
    """

    queries: Sequence[Callable[[], torch.Tensor]]
    gallery: Sequence[Callable[[], torch.Tensor]]
    starts: Sequence[int]
    k: int
    own: Sequence[torch.Tensor] | None = None

    def tasks(self, *, parts: int = 1) -> list[tuple[int, int, int]]:
        """(block, first part, last part + 1) of every task.

        Parameters
        ----------
        parts : of a task; more of them send fewer lists to the driver.
        """
        edges = range(0, len(self.gallery), parts)
        return [(block, at, min(at + parts, len(self.gallery))) for block in range(len(self.queries)) for at in edges]

    def __call__(self, task: tuple[int, int, int]) -> Shortlist:
        block, first, last = task
        queries, own = self.queries[block](), None if self.own is None else self.own[block]
        return merge(shortlist(queries, self.gallery[i](), self.k, start=self.starts[i], own=own) for i in range(first, last))

    def over(self, run: Callable[..., Iterable[tuple[int, object]]], *, parts: int = 1) -> Iterator[tuple[int, Neighbours]]:
        """Each block of queries and its neighbours, as they come.

        Parameters
        ----------
        run : (work, tasks) -> (position, result), such as `platometer.engines.run` of some engine.
        parts : of a task.
        """
        tasks = self.tasks(parts=parts)
        open_: dict[int, list[tuple[int, Shortlist]]] = {}
        rounds = -(-len(self.gallery) // parts)
        count = dict.fromkeys(range(len(self.queries)), 0)
        for i, outcome in run(self, tasks):
            if isinstance(outcome, Exception):
                raise outcome
            assert isinstance(outcome, Shortlist)
            block = tasks[i][0]
            count[block] += 1
            _grown(open_.setdefault(block, []), outcome)
            if count[block] == rounds:
                yield block, merge(one for _, one in open_.pop(block)).neighbours()


def _grown(waiting: list[tuple[int, Shortlist]], one: Shortlist) -> None:
    """A list more, with those of equal height merged; few are held at once."""
    height = 0
    while waiting and waiting[-1][0] == height:
        one, height = waiting.pop()[1].merged(one), height + 1
    waiting.append((height, one))


def _nothing(like: Shortlist) -> Shortlist:
    """The list of no part at all."""
    return Shortlist(torch.full_like(like.values, -torch.inf), torch.full_like(like.found, -1), like.norm, reach=0.0, size=0,
                     own=like.own, power=like.power)


def _power(x: Rows) -> int:
    """Of two, by which `Rows.fitted` multiplies."""
    top = 0.0 if x.factor is not None else float(max(x.raw.amax(), -x.raw.amin()))
    return -math.frexp(top)[1]


def _similar(left: Rows, right: Rows, found: torch.Tensor) -> torch.Tensor:
    """(q, need) float64 similarities of every query with those found for it."""
    out = torch.empty(found.shape, dtype=torch.float64, device=found.device)
    step = max(1, 2**24 // (found.shape[1] * right.shape[1]))
    for at in range(0, len(left), step):
        who = found[at : at + step]
        rows = right.block(who.clamp_min(0).flatten()).view(*who.shape, right.shape[1])
        out[at : at + step] = torch.einsum("qd,qwd->qw", left.block(slice(at, at + step)), rows)
    return out
