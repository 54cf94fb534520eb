"""Cycles of neighbours: which side is which, values worked by hand, the literal definition, ties, bad input."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import platometer as pm
from platometer import metrics
from platometer.errors import InputError, SpecError
from platometer.metrics.cycle_knn import CycleKnn


def spaces(seed: int, *, n: int = 30, layers: int = 1) -> list[torch.Tensor]:
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 3))
    return [torch.tensor(z @ rng.normal(size=(3, 5)) + 0.5 * rng.normal(size=(n, 5))) for _ in range(layers)]


def lists(x: torch.Tensor, k: int) -> list[list[int]]:
    """The k others of largest inner product."""
    similar = (x @ x.T).tolist()
    return [sorted((j for j in range(len(x)) if j != i), key=lambda j: -similar[i][j])[:k] for i in range(len(x))]


def literal(x: torch.Tensor, y: torch.Tensor, k: int) -> float:
    """Huh et al. 2024, appendix A: the share of i with some j in knn_y(i) that has i in knn_x(j)."""
    out, back = lists(y, k), lists(x, k)
    return sum(any(i in back[j] for j in out[i]) for i in range(len(x))) / len(x)


@pytest.mark.parametrize("k", [1, 2, 5, 29])
def test_it_is_the_share_of_samples_on_a_cycle(k: int) -> None:
    x, y = spaces(0, layers=2)
    assert pm.score(x, y, CycleKnn(k=k), conditioning="none") == literal(x, y, k)
    assert pm.score(y, x, CycleKnn(k=k), conditioning="none") == literal(y, x, k)


def test_the_way_out_is_in_the_right_space_and_the_way_back_in_the_left() -> None:
    x, y = torch.tensor([[1.0], [2.0], [4.0], [5.0]]), torch.tensor([[5.0], [1.0], [4.0], [2.0]])
    # the largest other: x 3 3 3 2, y 2 0 0 0
    # out in y, back in x: 0-2-3, 1-0-3, 2-0-3, 3-0-3: only 3 returns
    assert pm.score(x, y, "cycle_knn(k=1)", conditioning="none") == 1 / 4
    # out in x, back in y: 0-3-0, 1-3-0, 2-3-0, 3-2-0: only 0 returns
    assert pm.score(y, x, "cycle_knn(k=1)", conditioning="none") == 1 / 4
    # the two largest others: x 32 32 31 21, y 23 02 03 02
    # 0-2-31, 0-3-21: no; 1-0-32, 1-2-31: yes; 2-0-32: yes; 3-0-32: yes
    assert pm.score(x, y, "cycle_knn(k=2)", conditioning="none") == 3 / 4
    # 0-3-02: yes; 1-3-02, 1-2-03: no; 2-3-02: yes; 3-2-03: yes
    assert pm.score(y, x, "cycle_knn(k=2)", conditioning="none") == 3 / 4


def test_exchanging_the_sides_may_change_the_score() -> None:
    scores = {(pm.score(x, y, "cycle_knn(k=2)"), pm.score(y, x, "cycle_knn(k=2)")) for x, y in
              (spaces(seed, layers=2) for seed in range(5))}
    assert any(a != b for a, b in scores)
    assert not CycleKnn().facts.symmetric


def test_a_space_agrees_with_itself_by_its_reciprocal_neighbours() -> None:
    x = torch.tensor([[1.0], [2.0], [4.0], [5.0]])  # the largest other: 3 3 3 2
    assert pm.score(x, x, "cycle_knn(k=1)", conditioning="none") == 2 / 4
    assert CycleKnn().facts.self_score is None


def test_tied_neighbours_close_no_cycle() -> None:
    x = torch.tensor([[3.0], [2.0], [1.0], [1.0]], dtype=torch.float64)
    metric = CycleKnn(k=1)
    side = metric.prepare(x)
    assert side.lists.tolist() == [[1], [0], [0], [0]]
    assert metric.compare(side, side) == 2 / 4


def test_many_pairs_at_once_give_the_same_digits_as_one_by_one() -> None:
    metric = CycleKnn(k=3)
    lefts, rights = ([metric.prepare(x) for x in spaces(seed, layers=3)] for seed in (2, 3))
    orders = torch.stack([torch.randperm(30, generator=torch.Generator().manual_seed(s)) for s in range(5)])
    loop = [[[metric.compare(a, metric.permute(b, order)) for b in rights] for a in lefts] for order in orders]
    assert metric.null_grid(lefts, rights, orders).tolist() == loop


def test_bad_options_say_what_is_wrong() -> None:
    with pytest.raises(SpecError, match="k = -1; a sample needs at least one neighbour"):
        metrics.parse("cycle_knn(k=-1)")
    with pytest.raises(InputError, match="each has at most 29 neighbours"):
        CycleKnn(k=30).prepare(spaces(0)[0])
