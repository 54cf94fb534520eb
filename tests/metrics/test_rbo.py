"""Rank-biased overlap of neighbour lists: values worked by hand, the literal sum, weights, ties, bad input."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import platometer as pm
from platometer import metrics
from platometer.errors import InputError, SpecError
from platometer.metrics.rbo import Rbo


def spaces(seed: int, *, n: int = 30, layers: int = 1) -> list[torch.Tensor]:
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 3))
    return [torch.tensor(z @ rng.normal(size=(3, 5)) + 0.5 * rng.normal(size=(n, 5))) for _ in range(layers)]


def lists(x: torch.Tensor, k: int) -> list[list[int]]:
    """The k others of largest inner product, the largest first."""
    similar = (x @ x.T).tolist()
    return [sorted((j for j in range(len(x)) if j != i), key=lambda j: -similar[i][j])[:k] for i in range(len(x))]


def overlap(a: list[int], b: list[int], p: float) -> float:
    """Webber, Moffat, Zobel 2010, eq. 4, (1 - p) sum_d p^(d-1) A_d with A_d = |S_:d & T_:d| / d, cut at k, over the same
    sum with A_d = 1."""
    agreement = [len(set(a[:d]) & set(b[:d])) / d for d in range(1, len(a) + 1)]
    weight = [(1 - p) * p ** (d - 1) for d in range(1, len(a) + 1)]
    return sum(w * s for w, s in zip(weight, agreement, strict=True)) / sum(weight)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("k", [1, 3, 10, 29])
def test_it_is_the_weighted_mean_agreement_over_depths(k: int, p: float) -> None:
    x, y = spaces(0, layers=2)
    literal = np.mean([overlap(a, b, p) for a, b in zip(lists(x, k), lists(y, k), strict=True)])
    assert pm.score(x, y, Rbo(k=k, p=p), conditioning="none") == pytest.approx(literal, abs=1e-13)


def test_values_worked_by_hand() -> None:
    x, y = torch.tensor([[1.0], [2.0], [4.0], [5.0]]), torch.tensor([[1.0], [2.0], [5.0], [4.0]])
    # lists: x 321 320 310 210, y 231 230 310 210; the first two rows agree by 0, 1, 1 at depths 1, 2, 3, the others by 1
    # weights at p = 1/2: 4/7, 2/7, 1/7
    assert pm.score(x, y, "rbo(k=3, p=0.5)", conditioning="none") == pytest.approx((2 * 3 / 7 + 2) / 4)
    # at p = 1 all depths weigh 1/3
    assert pm.score(x, y, "rbo(k=3, p=1)", conditioning="none") == pytest.approx((2 * 2 / 3 + 2) / 4)


@pytest.mark.parametrize("p", [1e-6, 0.3, 0.9, 1.0])
def test_identical_lists_score_one(p: float) -> None:
    x = spaces(1)[0]
    assert pm.score(x, x, Rbo(k=7, p=p)) == pytest.approx(1.0, abs=1e-14)


def test_a_small_p_sees_only_the_nearest() -> None:
    x, y = spaces(2, layers=2)
    assert pm.score(x, y, "rbo(k=10, p=1e-9)") == pytest.approx(pm.score(x, y, "mutual_knn(k=1)"), abs=1e-8)


def test_neighbours_whose_place_is_tied_match_nothing() -> None:
    x = torch.tensor([[3.0], [2.0], [1.0], [1.0], [0.5]], dtype=torch.float64)
    metric = Rbo(k=3, p=1.0)
    side = metric.prepare(x)  # certain places: 0: 1; 1: 0; 2: 0 1 3; 3: 0 1 2; 4: 0 1
    one, two = (1 + 1 / 2 + 1 / 3) / 3, (1 + 1 + 2 / 3) / 3
    assert metric.compare(side, side) == pytest.approx((one + one + 1 + 1 + two) / 5)


def test_many_pairs_at_once_give_the_same_digits_as_one_by_one() -> None:
    metric = Rbo(k=6)
    lefts, rights = ([metric.prepare(x) for x in spaces(seed, layers=3)] for seed in (2, 3))
    orders = torch.stack([torch.randperm(30, generator=torch.Generator().manual_seed(s)) for s in range(5)])
    loop = [[[metric.compare(a, metric.permute(b, order)) for b in rights] for a in lefts] for order in orders]
    assert metric.null_grid(lefts, rights, orders).tolist() == loop


def test_bad_options_say_what_is_wrong() -> None:
    with pytest.raises(SpecError, match="k = 0; a sample needs at least one neighbour"):
        metrics.parse("rbo(k=0)")
    for p in (0, -0.5, 1.5):
        with pytest.raises(SpecError, match="must lie above 0 and not above 1"):
            metrics.parse(f"rbo(p={p})")
    with pytest.raises(InputError, match="p = nan"):
        Rbo(p=float("nan"))
    with pytest.raises(InputError, match="each has at most 29 neighbours"):
        Rbo(k=30).prepare(spaces(0)[0])
