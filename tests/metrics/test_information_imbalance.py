"""Information imbalance: which side is which, values worked by hand, the literal ranks, ties, bad input."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import platometer as pm
from platometer.errors import ShapeError, UndefinedError
from platometer.metrics.information_imbalance import InformationImbalance


def spaces(seed: int, *, n: int = 30, layers: int = 1) -> list[torch.Tensor]:
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 3))
    return [torch.tensor(z @ rng.normal(size=(3, 5)) + 0.5 * rng.normal(size=(n, 5))) for _ in range(layers)]


def literal(x: torch.Tensor, y: torch.Tensor) -> float:
    """Glielmo et al. 2022: 2/N times the mean rank in y of those of rank one in x."""
    n, dx, dy = len(x), torch.cdist(x, x), torch.cdist(y, y)
    total = 0
    for i in range(n):
        others = [j for j in range(n) if j != i]
        nearest = min(others, key=lambda j: float(dx[i, j]))
        total += sorted(others, key=lambda j: float(dy[i, j])).index(nearest) + 1
    return 2 / n * total / n


def test_it_is_the_mean_rank_of_the_nearest() -> None:
    x, y = spaces(0, layers=2)
    assert pm.score(x, y, "information_imbalance", conditioning="none") == pytest.approx(literal(x, y), abs=1e-14)
    assert pm.score(y, x, "information_imbalance", conditioning="none") == pytest.approx(literal(y, x), abs=1e-14)


def test_values_worked_by_hand_show_which_side_is_which() -> None:
    x, y = torch.tensor([[0.0], [1.0], [3.0], [7.0]]), torch.tensor([[0.0], [2.0], [9.0], [1.5]])
    # nearest in x: 1 0 1 2; ranks there in y: 0: 3 1 2 .. so 1 is second; 1: 3 0 2, second; 2: 1 3 0, first; 3: 1 0 2, third
    assert pm.score(x, y, "information_imbalance", conditioning="none") == 2 * (2 + 2 + 1 + 3) / 16
    # nearest in y: 3 3 1 1; ranks there in x: 0: 1 2 3, third; 1: 0 2 3, third; 2: 1 0 3, first; 3: 2 1 0, second
    assert pm.score(y, x, "information_imbalance", conditioning="none") == 2 * (3 + 3 + 1 + 2) / 16


@pytest.mark.parametrize("n", [3, 10, 50])
def test_a_space_says_of_itself_all_but_two_in_n(n: int) -> None:
    x = spaces(1, n=n)[0]
    assert pm.score(x, x, "information_imbalance") == pytest.approx(2 / n)


def test_a_space_that_holds_another_says_more_about_it_than_the_other_way_round() -> None:
    whole = torch.tensor(np.random.default_rng(3).normal(size=(200, 2)))
    part = whole[:, :1]
    known = pm.score(whole, part, "information_imbalance", conditioning="none")
    guessed = pm.score(part, whole, "information_imbalance", conditioning="none")
    assert known < 0.3 < 0.5 < guessed


def test_unpaired_spaces_score_one_on_average() -> None:
    metric = InformationImbalance()
    a, b = (metric.prepare(x) for x in spaces(4, layers=2))
    orders = torch.stack([torch.randperm(30, generator=torch.Generator().manual_seed(s)) for s in range(2000)])
    assert float(metric.null_grid([a], [b], orders).mean()) == pytest.approx(1.0, abs=0.01)


def test_it_stays_below_two_where_the_nearest_become_the_farthest() -> None:
    x = torch.tensor([[0.0], [1.0], [10.0], [11.0]])
    y = torch.tensor([[0.0, 0.0], [9.0, 9.0], [1.0, 0.0], [9.0, 8.0]])
    y[[1, 2]] = y[[2, 1]]  # 0 with 1 and 2 with 3 near in both
    assert pm.score(x, y, "information_imbalance", conditioning="none") == 0.5
    y[[1, 3]] = y[[3, 1]]  # 1 and 3 exchanged: every nearest becomes far
    assert 1 < pm.score(x, y, "information_imbalance", conditioning="none") <= 2 * 3 / 4


def test_ties_count_against_agreement_on_either_side() -> None:
    x = torch.tensor([[0.0], [1.0], [2.0], [10.0]], dtype=torch.float64)  # 1 has two nearest, 0 and 2
    y = torch.tensor([[0.0], [1.0], [5.0], [7.0]], dtype=torch.float64)
    metric = InformationImbalance()
    a, b = metric.prepare(x), metric.prepare(y)
    assert list(zip(a.rows.tolist(), a.nearest.tolist(), strict=True)) == [(0, 1), (1, 0), (1, 2), (2, 1), (3, 2)]
    assert a.rank[1].tolist() == [2, 0, 2, 3]  # both of the tied stand at the worse place
    # x's nearest in y: 1 of 0 is first; of 0 and 2 for 1 the worse is second; 1 of 2 is second; 2 of 3 is first
    assert metric.compare(a, b) == 2 * (1 + 2 + 2 + 1) / 16
    # y's nearest 1 0 3 2 in x: first; 0 of 1 ties, second; 3 of 2 is third; first
    assert metric.compare(b, a) == 2 * (1 + 2 + 3 + 1) / 16
    assert "more than one nearest neighbour" in metric.remarks(a)[0]
    assert metric.remarks(b) == ()


def test_draws_at_once_give_the_same_digits_as_one_by_one_also_with_ties() -> None:
    metric = InformationImbalance()
    lefts, rights = ([metric.prepare(x.round()) for x in spaces(seed, layers=3)] for seed in (2, 3))
    assert any(side.tied for side in lefts)
    orders = torch.stack([torch.randperm(30, generator=torch.Generator().manual_seed(s)) for s in range(5)])
    loop = [[[metric.compare(a, metric.permute(b, order)) for b in rights] for a in lefts] for order in orders]
    assert metric.null_grid(lefts, rights, orders).tolist() == loop


def test_undefined_and_bad_input_are_errors() -> None:
    metric = InformationImbalance()
    with pytest.raises(UndefinedError, match="All samples have the same features"):
        metric.prepare(torch.full((5, 2), 3.0, dtype=torch.float64))
    with pytest.raises(ShapeError, match="needs at least 3 samples; there are 2"):
        metric.prepare(torch.eye(2, dtype=torch.float64))
