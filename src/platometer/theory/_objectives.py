"""What each objective's best score is, exactly, and what it pays for any other.

Every objective here sees pairs of events and a table of scores g (N, N), and nothing else; so its optimum over all tables
has a closed form:

==================  ===========================================  ==================================================
objective           optimum g(a, b)                              against K_PMI
==================  ===========================================  ==================================================
BinaryNCE           K_PMI + log(p_pos / (1 - p_pos))             equal up to a constant
InfoNCE             temperature (K_PMI + c(a)), any c            up to rows and scale; c is constant if g = g'
SkipGram            K_PMI - log k - log(P_neg(b) / P(b))         up to a constant if power = 1, up to columns if not
Spectral            P_coor(a, b) / (P(a) P(b)) = exp(K_PMI)      not equal: its exponential
MaskedPrediction    log P(b | a) + c(a)                          up to rows and columns: K_PMI + log P(b) + c(a)
NextEvent           log P(next = b | now = a) + c(a)             as MaskedPrediction, if time reversed looks the same
==================  ===========================================  ==================================================

Symmetric scores leave no choice of c(a): InfoNCE's are K_PMI + c, those of MaskedPrediction log P_coor(a, b) + c.

Source: Gutmann and Hyvärinen 2010 (NCE); van den Oord, Li, Vinyals 2018 (InfoNCE); Levy and Goldberg 2014 (skip-gram);
HaoChen, Wei, Gaidon, Ma 2021 (spectral); Huh, Cheung, Wang, Isola 2024, appendix B.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import combinations_with_replacement
from typing import ClassVar

import numpy as np
import torch
from torch.nn import functional as F

from platometer.errors import InputError, UndefinedError
from platometer.theory._worlds import World

MOST = 4_000_000
"""Terms of an exact expectation over negatives that are still computed."""


@dataclass(frozen=True)
class Tables:
    """What an expectation over pairs needs, in torch.

    Parameters
    ----------
    P_coor : (N, N) how often two events meet, or (for `NextEvent`) how often b comes next after a.
    P : (N,) of an event.
    """

    P_coor: torch.Tensor
    P: torch.Tensor


@dataclass(frozen=True)
class Objective(ABC):
    """What is made small by giving a score to each pair of events."""

    allowed: ClassVar[Mapping[str, str]]
    """The changes that the theory allows between the optimum and K_PMI, as options of `distance`."""
    pairwise: ClassVar[bool] = False
    """Whether the expectation is a sum over pairs, so that one pair's score matters to no other's."""

    def tables(self, world: World) -> Tables:
        """What of the world the objective meets."""
        return Tables(torch.tensor(world.P_coor), torch.tensor(world.P))

    @abstractmethod
    def loss(self, g: torch.Tensor, tables: Tables) -> torch.Tensor:
        """The exact expectation.

        Parameters
        ----------
        g : (N, N) scores.
        tables : of the world.
        """

    @abstractmethod
    def sampled(self, g: torch.Tensor, pairs: torch.Tensor, negatives: torch.Tensor) -> torch.Tensor:
        """An estimate of the expectation, without bias.

        Parameters
        ----------
        g : (N, N) scores.
        pairs : (B, 2) that met.
        negatives : (B, k) drawn on their own.
        """

    @abstractmethod
    def optimum(self, world: World, *, tables: str = "two") -> np.ndarray:
        """(N, N) the best scores; where c(a) is free, with the c that makes them symmetric if one does, else with c = 0.

        Parameters
        ----------
        world : in which every two events meet.
        tables : ``"two"``, or ``"one"`` for the best among symmetric scores. One table reaches them where they are positive
            semidefinite, with an offset where they are so up to a constant.

        Raises
        ------
        UndefinedError
            Some pair never meets, or the best symmetric scores have no closed form.
        """

    def drawn(self) -> int:
        """Independent events drawn per pair where learning is from samples."""
        return 1

    def negative(self, world: World) -> np.ndarray:
        """(N,) the distribution that negatives are drawn from."""
        return world.P

    def value(self, g: np.ndarray, world: World) -> float:
        """The exact expectation for these scores.

        Parameters
        ----------
        g : (N, N).
        world : of N events.
        """
        return float(self.loss(torch.tensor(g, dtype=torch.float64), self.tables(world)))


@dataclass(frozen=True)
class BinaryNCE(Objective):
    """Did these two meet, or were they drawn apart? Logistic loss.

    Parameters
    ----------
    p_pos : share of pairs that met, in (0, 1).

    Examples
    --------
    >>> from platometer.theory import markov
    >>> world = markov([[0.9, 0.1], [0.1, 0.9]])
    >>> bool(abs(BinaryNCE(p_pos=0.5).optimum(world) - world.pmi()).max() < 1e-12)
    True
    """

    p_pos: float = 0.5
    allowed: ClassVar[Mapping[str, str]] = {"up_to": "offset"}
    pairwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not 0 < self.p_pos < 1:
            raise InputError(f"p_pos = {self.p_pos}; expected a share in (0, 1).")

    def loss(self, g: torch.Tensor, tables: Tables) -> torch.Tensor:
        apart = torch.outer(tables.P, tables.P)
        return -(self.p_pos * tables.P_coor * F.logsigmoid(g) + (1 - self.p_pos) * apart * F.logsigmoid(-g)).sum()

    def sampled(self, g: torch.Tensor, pairs: torch.Tensor, negatives: torch.Tensor) -> torch.Tensor:
        met, apart = _scores(g, pairs, negatives)
        return -(self.p_pos * F.logsigmoid(met).mean() + (1 - self.p_pos) * F.logsigmoid(-apart).mean())

    def optimum(self, world: World, *, tables: str = "two") -> np.ndarray:
        return world.pmi() + math.log(self.p_pos / (1 - self.p_pos))


@dataclass(frozen=True)
class InfoNCE(Objective):
    """Which of K + 1 events is the one that met a? Softmax of g / temperature.

    Parameters
    ----------
    negatives : K, drawn from P; None for the limit of many, E_b under P of exp(g / temperature) in the denominator.
    temperature : above 0.
    """

    negatives: int | None = None
    temperature: float = 1.0
    allowed: ClassVar[Mapping[str, str]] = {"up_to": "rows", "scale": "free"}

    def __post_init__(self) -> None:
        if self.temperature <= 0 or (self.negatives is not None and self.negatives < 1):
            raise InputError(f"temperature = {self.temperature}, negatives = {self.negatives}; expected a temperature above 0 "
                             "and at least one negative (or None for the limit).")

    def drawn(self) -> int:
        if self.negatives is None:
            raise InputError("InfoNCE in the limit of many negatives has no batches; expected a number of negatives.")
        return self.negatives

    def loss(self, g: torch.Tensor, tables: Tables) -> torch.Tensor:
        scaled = g / self.temperature
        if self.negatives is None:
            normal = torch.logsumexp(scaled + tables.P.log(), dim=1)
            return (tables.P_coor.sum(1) * normal).sum() - (tables.P_coor * scaled).sum()
        counts, chances = _multisets(len(g), self.negatives)
        weights = torch.exp(chances + counts @ tables.P.log())  # (M,)
        top = scaled.max(1, keepdim=True).values.detach()
        others = torch.exp(scaled - top) @ counts.T  # (N, M)
        among = torch.log(torch.exp(scaled - top)[:, :, None] + others[:, None, :]) + top[:, :, None]
        return (tables.P_coor * ((among @ weights) - scaled)).sum()

    def sampled(self, g: torch.Tensor, pairs: torch.Tensor, negatives: torch.Tensor) -> torch.Tensor:
        met, apart = _scores(g / self.temperature, pairs, negatives)
        return (torch.logsumexp(torch.cat([met[:, None], apart], dim=1), dim=1) - met).mean()

    def optimum(self, world: World, *, tables: str = "two") -> np.ndarray:
        return self.temperature * world.pmi()


@dataclass(frozen=True)
class SkipGram(Objective):
    """Skip-gram with negative sampling: logistic loss, k pairs drawn apart for each that met.

    Parameters
    ----------
    negatives : k.
    power : negatives are drawn in proportion to P to this power; word2vec's is 0.75.
    """

    negatives: int = 5
    power: float = 1.0
    allowed: ClassVar[Mapping[str, str]] = {"up_to": "offset"}
    pairwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.negatives < 1:
            raise InputError(f"negatives = {self.negatives}; expected at least one.")

    def drawn(self) -> int:
        return self.negatives

    def negative(self, world: World) -> np.ndarray:
        raised = world.P**self.power
        return raised / raised.sum()

    def loss(self, g: torch.Tensor, tables: Tables) -> torch.Tensor:
        raised = tables.P**self.power
        apart = torch.outer(tables.P, raised / raised.sum())
        return -(tables.P_coor * F.logsigmoid(g) + self.negatives * apart * F.logsigmoid(-g)).sum()

    def sampled(self, g: torch.Tensor, pairs: torch.Tensor, negatives: torch.Tensor) -> torch.Tensor:
        met, apart = _scores(g, pairs, negatives)
        return -(F.logsigmoid(met) + F.logsigmoid(-apart).sum(1)).mean()

    def optimum(self, world: World, *, tables: str = "two") -> np.ndarray:
        apart = np.outer(world.P, self.negative(world))
        if _checked(tables) == "one":
            apart = (apart + apart.T) / 2
        return world.pmi() - np.log(self.negatives * apart / np.outer(world.P, world.P))


@dataclass(frozen=True)
class Spectral(Objective):
    """Spectral contrastive loss: -2 E g over pairs that met + E g^2 over pairs drawn apart."""

    allowed: ClassVar[Mapping[str, str]] = {"up_to": "offset", "scale": "free"}
    pairwise: ClassVar[bool] = True

    def loss(self, g: torch.Tensor, tables: Tables) -> torch.Tensor:
        return (torch.outer(tables.P, tables.P) * g**2).sum() - 2 * (tables.P_coor * g).sum()

    def sampled(self, g: torch.Tensor, pairs: torch.Tensor, negatives: torch.Tensor) -> torch.Tensor:
        met, apart = _scores(g, pairs, negatives)
        return (apart**2).mean() - 2 * met.mean()

    def optimum(self, world: World, *, tables: str = "two") -> np.ndarray:
        return np.exp(world.pmi(zeros="-inf"))


@dataclass(frozen=True)
class MaskedPrediction(Objective):
    """Which event is hidden, given one that it met? Softmax over all events, each once."""

    allowed: ClassVar[Mapping[str, str]] = {"up_to": "rows"}

    def loss(self, g: torch.Tensor, tables: Tables) -> torch.Tensor:
        return -(tables.P_coor * torch.log_softmax(g, dim=1)).sum()

    def sampled(self, g: torch.Tensor, pairs: torch.Tensor, negatives: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(g[pairs[:, 0]], pairs[:, 1])

    def optimum(self, world: World, *, tables: str = "two") -> np.ndarray:
        return world.pmi() + np.add.outer(np.log(world.P), np.log(world.P))


@dataclass(frozen=True)
class NextEvent(MaskedPrediction):
    """Which event comes next? Softmax over all events; the window is one step, in the order of time."""

    def tables(self, world: World) -> Tables:
        return Tables(torch.tensor(world.next()), torch.tensor(world.P))

    def optimum(self, world: World, *, tables: str = "two") -> np.ndarray:
        following = world.next()
        if (following == 0).any():
            raise UndefinedError("Some event never follows some other, so the best score is minus infinity; let every step be "
                                 "possible, with a small chance.")
        turned = np.abs(following - following.T).max() > 1e-12
        if _checked(tables) == "one" and turned:
            raise UndefinedError(f"Time reversed looks different in world {world.name!r}, so the best symmetric scores have no "
                                 "closed form; ask for tables='two'.")
        return np.log(following)


def _checked(tables: str) -> str:
    if tables not in ("one", "two"):
        raise InputError(f"tables = {tables!r}; expected 'one' or 'two'.")
    return tables


def _scores(g: torch.Tensor, pairs: torch.Tensor, negatives: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(B,) of pairs that met, (B, k) of those drawn apart."""
    return g[pairs[:, 0], pairs[:, 1]], g[pairs[:, :1], negatives]


@cache
def _multisets(events: int, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(M, N) how often each event is among ``size`` draws, and (M,) the log of the number of orders."""
    if math.comb(events + size - 1, size) * events**2 > MOST:
        raise InputError(f"{size} negatives of {events} events have {math.comb(events + size - 1, size):,} outcomes, too many "
                         "for an exact expectation; take fewer, None for the limit of many, or learn from samples (batch=).")
    chosen = np.array(list(combinations_with_replacement(range(events), size)))
    counts = np.stack([(chosen == event).sum(1) for event in range(events)], axis=1)
    orders = [math.lgamma(size + 1) - sum(math.lgamma(count + 1) for count in row) for row in counts]
    return torch.tensor(counts, dtype=torch.float64), torch.tensor(orders, dtype=torch.float64)
