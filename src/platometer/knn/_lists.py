"""Neighbour lists, and the rule for ties."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numba
import numpy as np
import torch

from platometer.errors import InputError
from platometer.threads import spread

TIE = 2.0**-40  # about 9e-13


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The neighbour lists of n samples in one space.

    Parameters
    ----------
    lists : (n, k) int64, nearest first; places without a certain neighbour hold -1 and stand at the end.
    settled : (n, k) bool, where the *position* in the list is certain too (no tie with the one before or after).
    k : the number asked for.
    """

    lists: torch.Tensor
    settled: torch.Tensor
    k: int

    @property
    def n(self) -> int:
        """Number of samples."""
        return self.lists.shape[0]

    @cached_property
    def counts(self) -> torch.Tensor:
        """(n,) how many certain neighbours each sample has, k where nothing is tied."""
        return (self.lists >= 0).sum(1)

    @property
    def tied(self) -> int:
        """Number of samples that lost neighbours to a tie at the k-th place."""
        return int((self.counts < self.k).sum())

    def mask(self) -> torch.Tensor:
        """(n, n) bool: row i is True at the neighbours of i."""
        wide = torch.zeros(self.n, self.n + 1, dtype=torch.bool, device=self.lists.device)
        wide.scatter_(1, self.lists.where(self.lists >= 0, self.n), True)
        return wide[:, : self.n]

    def edges(self) -> tuple[torch.Tensor, torch.Tensor]:
        """(m,), (m,): each sample and one of its neighbours, for all certain neighbours."""
        rows, places = (self.lists >= 0).nonzero(as_tuple=True)
        return rows, self.lists[rows, places]

    def reordered(self, order: torch.Tensor) -> Neighbours:
        """The neighbours of ``x[order]``, found by renaming instead of searching.

        Parameters
        ----------
        order : (n,) a permutation.
        """
        inverse = torch.empty_like(order)
        inverse[order] = torch.arange(len(order), device=order.device)
        lists = self.lists[order]
        return Neighbours(inverse[lists.clamp_min(0)].where(lists >= 0, -1), self.settled[order], self.k)


def check_k(k: int, n: int) -> None:
    """Nothing, if n samples have k neighbours each.

    Parameters
    ----------
    k : neighbours per sample.
    n : samples.

    Raises
    ------
    InputError
        k < 1 or k > n - 1.
    """
    if k < 1:
        raise InputError(f"k = {k}; a sample needs at least one neighbour.")
    if k > n - 1:
        raise InputError(f"k = {k} but there are {n} samples: each has at most {n - 1} neighbours. Use k <= {n - 1}.")


def certain(values: torch.Tensor, found: torch.Tensor, k: int, tie: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Lists without the members tied with the (k+1)-th, and where positions are certain.

    Parameters
    ----------
    values, found : (m, reach) similarities in falling order, and whose they are; reach = min(k + 1, n - 1).
    k : neighbours per sample.
    tie : (m, 1) differences up to this are ties.
    """
    if values.device.type != "cpu":
        return _certain(values, found, k, tie)
    m = len(values)
    lists, settled = np.empty((m, k), np.int64), np.empty((m, k), np.bool_)
    spread(_looked_through, 0, m, values.numpy(), found.numpy(), tie.numpy(), lists, settled)
    return torch.from_numpy(lists), torch.from_numpy(settled)


def _certain(values: torch.Tensor, found: torch.Tensor, k: int, tie: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The same on any device."""
    level = values[:, :-1] - values[:, 1:] <= tie  # tied with the next
    some = level.any(1).nonzero().flatten()
    if len(some):  # among themselves the tied stand by number, however they were found
        run = torch.zeros(len(some), values.shape[1], dtype=torch.int64, device=found.device)
        run[:, 1:] = (~level[some]).cumsum(1)
        most = int(found.max()) + 1
        found = found.clone()
        found[some] = (run * most + found[some]).sort(1).values % most
    settled = torch.ones_like(values, dtype=torch.bool)
    settled[:, :-1] &= ~level
    settled[:, 1:] &= ~level
    if values.shape[1] == k:  # all other samples are neighbours: no boundary, no tie at it
        return found, settled
    sure = values[:, :k] - values[:, k:] > tie
    return found[:, :k].where(sure, -1), settled[:, :k] & sure


@numba.njit(nogil=True, cache=True)
def _looked_through(start, stop, values, found, tie, lists, settled):
    """Rows start to stop of `certain`."""
    reach, k = values.shape[1], lists.shape[1]
    who = np.empty(reach, np.int64)
    for i in range(start, stop):
        limit, first = tie[i, 0], 0  # of a run of tied ones
        for a in range(reach):
            if a > 0 and not values[i, a - 1] - values[i, a] <= limit:
                first = a
            b, other = a, found[i, a]
            while b > first and who[b - 1] > other:
                who[b] = who[b - 1]
                b -= 1
            who[b] = other
        for a in range(k):
            sure = reach == k or values[i, a] - values[i, k] > limit
            before = a > 0 and values[i, a - 1] - values[i, a] <= limit
            after = a + 1 < reach and values[i, a] - values[i, a + 1] <= limit
            lists[i, a] = who[a] if sure else -1
            settled[i, a] = sure and not before and not after
