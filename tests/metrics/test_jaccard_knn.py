"""Jaccard of neighbourhoods: values worked by hand, the literal definition, ties, bad input."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import platometer as pm
from platometer import metrics
from platometer.errors import InputError, SpecError
from platometer.metrics.jaccard_knn import JaccardKnn


def spaces(seed: int, *, n: int = 30, layers: int = 1) -> list[torch.Tensor]:
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 3))
    return [torch.tensor(z @ rng.normal(size=(3, 5)) + 0.5 * rng.normal(size=(n, 5))) for _ in range(layers)]


def sets(x: torch.Tensor, k: int) -> list[set[int]]:
    """The k others of largest inner product."""
    similar = (x @ x.T).tolist()
    return [set(sorted((j for j in range(len(x)) if j != i), key=lambda j: -similar[i][j])[:k]) for i in range(len(x))]


def literal(x: torch.Tensor, y: torch.Tensor, k: int) -> float:
    """Klabunde et al. 2023, section 3.4: mean_i |N_x(i) & N_y(i)| / |N_x(i) | N_y(i)|."""
    return float(np.mean([len(a & b) / len(a | b) for a, b in zip(sets(x, k), sets(y, k), strict=True)]))


@pytest.mark.parametrize("k", [1, 4, 12, 29])
def test_it_is_the_mean_share_of_the_union(k: int) -> None:
    x, y = spaces(0, layers=2)
    assert pm.score(x, y, JaccardKnn(k=k), conditioning="none") == pytest.approx(literal(x, y, k), abs=1e-14)


def test_values_worked_by_hand() -> None:
    x, y = torch.tensor([[1.0], [2.0], [4.0], [5.0]]), torch.tensor([[5.0], [1.0], [4.0], [2.0]])
    # the two largest others: x 32 32 31 21, y 23 02 03 02; common 2 1 1 1, union 2 3 3 3
    assert pm.score(x, y, "jaccard_knn(k=2)", conditioning="none") == pytest.approx((1 + 3 * (1 / 3)) / 4)
    # the largest other: x 3 3 3 2, y 2 0 0 0
    assert pm.score(x, y, "jaccard_knn(k=1)", conditioning="none") == 0.0


def test_it_lies_below_the_overlap_and_orders_pairs_alike_where_overlaps_are_equal() -> None:
    x, y = spaces(1, layers=2)
    assert pm.score(x, y, "jaccard_knn(k=5)") < pm.score(x, y, "mutual_knn(k=5)")
    assert pm.score(x, y, "jaccard_knn(k=29)") == 1.0  # all others are neighbours


def test_a_place_lost_to_a_tie_counts_as_a_difference() -> None:
    x = torch.tensor([[3.0], [2.0], [1.0], [1.0]], dtype=torch.float64)  # 2 and 3 are tied for everyone but each other
    metric = JaccardKnn(k=2)
    side = metric.prepare(x)
    assert side.lists.tolist() == [[1, -1], [0, -1], [0, 1], [0, 1]]
    assert metric.compare(side, side) == pytest.approx((1 / 3 + 1 / 3 + 1 + 1) / 4)
    assert metric.remarks(side) != ()


def test_many_pairs_at_once_give_the_same_digits_as_one_by_one() -> None:
    metric = JaccardKnn(k=4)
    lefts, rights = ([metric.prepare(x) for x in spaces(seed, layers=3)] for seed in (2, 3))
    orders = torch.stack([torch.randperm(30, generator=torch.Generator().manual_seed(s)) for s in range(5)])
    loop = [[[metric.compare(a, metric.permute(b, order)) for b in rights] for a in lefts] for order in orders]
    assert metric.null_grid(lefts, rights, orders).tolist() == loop


def test_bad_options_say_what_is_wrong() -> None:
    with pytest.raises(SpecError, match="k = 0; a sample needs at least one neighbour"):
        metrics.parse("jaccard_knn(k=0)")
    with pytest.raises(InputError, match="each has at most 29 neighbours"):
        JaccardKnn(k=30).prepare(spaces(0)[0])
