"""Edit distance of neighbour lists: values worked by hand, Levenshtein's recursion, ties, bad input."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import platometer as pm
from platometer import metrics
from platometer.errors import InputError, SpecError
from platometer.metrics import _meetings
from platometer.metrics.edit_knn import EditKnn


def spaces(seed: int, *, n: int = 30, layers: int = 1) -> list[torch.Tensor]:
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 3))
    return [torch.tensor(z @ rng.normal(size=(3, 5)) + 0.5 * rng.normal(size=(n, 5))) for _ in range(layers)]


def lists(x: torch.Tensor, k: int) -> list[list[int]]:
    """The k others of largest inner product, the largest first."""
    similar = (x @ x.T).tolist()
    return [sorted((j for j in range(len(x)) if j != i), key=lambda j: -similar[i][j])[:k] for i in range(len(x))]


def levenshtein(a: list[int], b: list[int]) -> int:
    """Wagner and Fischer's recursion: the least of deleting, inserting, and replacing (free where equal)."""
    cost = [[p + q if p * q == 0 else 0 for q in range(len(b) + 1)] for p in range(len(a) + 1)]
    for p, u in enumerate(a, 1):
        for q, v in enumerate(b, 1):
            cost[p][q] = min(cost[p - 1][q] + 1, cost[p][q - 1] + 1, cost[p - 1][q - 1] + (not u == v >= 0))
    return cost[-1][-1]


@pytest.mark.parametrize("k", [1, 3, 10, 29])
def test_it_is_one_less_the_mean_distance_over_k(k: int) -> None:
    x, y = spaces(0, layers=2)
    distance = np.mean([levenshtein(a, b) for a, b in zip(lists(x, k), lists(y, k), strict=True)])
    literal = 1 - distance / k  # Huh et al. 2024, appendix A
    assert pm.score(x, y, EditKnn(k=k), conditioning="none") == pytest.approx(literal, abs=1e-14)


def test_values_worked_by_hand() -> None:
    x, y = torch.tensor([[1.0], [2.0], [4.0], [5.0]]), torch.tensor([[1.0], [2.0], [5.0], [4.0]])
    # lists: x 321 320 310 210, y 231 230 310 210: an exchange costs a deletion and an insertion, twice
    assert pm.score(x, y, "edit_knn(k=3)", conditioning="none") == pytest.approx(1 - (2 + 2) / 12)
    # the first of each: x 3 3 3 2, y 2 2 3 2
    assert pm.score(x, y, "edit_knn(k=1)", conditioning="none") == 1 - 2 / 4
    assert pm.score(x, x, "edit_knn(k=3)", conditioning="none") == 1.0


@pytest.mark.parametrize("k", range(1, 13))
def test_the_fast_distance_is_the_literal_one_for_any_two_lists(k: int) -> None:
    rng = np.random.default_rng(k)
    n = 60
    for unknown, names in ((0.0, k), (0.2, k + 2), (0.0, 2 * k)):
        a, b = (np.stack([rng.permutation(names)[:k] for _ in range(n)]) for _ in range(2))
        a[rng.random(a.shape) < unknown] = -1
        b[rng.random(b.shape) < unknown] = -1
        literal = sum(levenshtein(u, v) for u, v in zip(a.tolist(), b.tolist(), strict=True))
        worth = torch.arange(k + 1, dtype=torch.float64)
        assert _meetings.worths([torch.from_numpy(a)], [torch.from_numpy(b)], None, kind="edits", worth=worth).item() == literal


def test_neighbours_whose_place_is_tied_match_nothing() -> None:
    x = torch.tensor([[3.0], [2.0], [1.0], [1.0], [0.5]], dtype=torch.float64)
    metric = EditKnn(k=3)
    side = metric.prepare(x)  # certain places: 0: 1; 1: 0; 2: 0 1 3; 3: 0 1 2; 4: 0 1
    assert metric.compare(side, side) == (1 + 1 + 3 + 3 + 2) / 15


def test_many_pairs_at_once_give_the_same_digits_as_one_by_one() -> None:
    metric = EditKnn(k=6)
    lefts, rights = ([metric.prepare(x) for x in spaces(seed, layers=3)] for seed in (2, 3))
    orders = torch.stack([torch.randperm(30, generator=torch.Generator().manual_seed(s)) for s in range(5)])
    loop = [[[metric.compare(a, metric.permute(b, order)) for b in rights] for a in lefts] for order in orders]
    assert metric.null_grid(lefts, rights, orders).tolist() == loop


def test_bad_options_say_what_is_wrong() -> None:
    with pytest.raises(SpecError, match="k = 0; a sample needs at least one neighbour"):
        metrics.parse("edit_knn(k=0)")
    with pytest.raises(InputError, match="each has at most 29 neighbours"):
        EditKnn(k=30).prepare(spaces(0)[0])
