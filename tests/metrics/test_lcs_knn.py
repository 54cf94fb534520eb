"""Longest common subsequence of neighbour lists: values worked by hand, the literal recursion, ties, bad input."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import platometer as pm
from platometer import metrics
from platometer.errors import InputError, SpecError
from platometer.metrics import _meetings
from platometer.metrics.lcs_knn import LcsKnn


def spaces(seed: int, *, n: int = 30, layers: int = 1) -> list[torch.Tensor]:
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 3))
    return [torch.tensor(z @ rng.normal(size=(3, 5)) + 0.5 * rng.normal(size=(n, 5))) for _ in range(layers)]


def lists(x: torch.Tensor, k: int) -> list[list[int]]:
    """The k others of largest inner product, the largest first."""
    similar = (x @ x.T).tolist()
    return [sorted((j for j in range(len(x)) if j != i), key=lambda j: -similar[i][j])[:k] for i in range(len(x))]


def common(a: list[int], b: list[int]) -> int:
    """The textbook recursion: one more than before where the last entries are equal, else the better of dropping one."""
    length = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for p, u in enumerate(a, 1):
        for q, v in enumerate(b, 1):
            length[p][q] = length[p - 1][q - 1] + 1 if u == v >= 0 else max(length[p - 1][q], length[p][q - 1])
    return length[-1][-1]


@pytest.mark.parametrize("k", [1, 3, 10, 29])
def test_it_is_the_mean_length_over_k(k: int) -> None:
    x, y = spaces(0, layers=2)
    literal = np.mean([common(a, b) for a, b in zip(lists(x, k), lists(y, k), strict=True)])  # Huh et al. 2024, appendix A
    assert pm.score(x, y, LcsKnn(k=k), conditioning="none") == pytest.approx(literal / k, abs=1e-14)
    assert pm.score(x, y, LcsKnn(k=k, normalise="one"), conditioning="none") == pytest.approx(literal, abs=1e-13)


def test_values_worked_by_hand() -> None:
    x, y = torch.tensor([[1.0], [2.0], [4.0], [5.0]]), torch.tensor([[1.0], [2.0], [5.0], [4.0]])
    # lists: x 321 320 310 210, y 231 230 310 210: exchanging the first two costs one, twice
    assert pm.score(x, y, "lcs_knn(k=3)", conditioning="none") == (2 + 2 + 3 + 3) / 12
    assert pm.score(x, y, "lcs_knn(k=3, normalise=one)", conditioning="none") == (2 + 2 + 3 + 3) / 4
    assert pm.score(x, x, "lcs_knn(k=3)", conditioning="none") == 1.0
    assert pm.score(x, x, "lcs_knn(k=3, normalise=one)", conditioning="none") == 3.0 == LcsKnn(3, "one").facts.self_score


def test_it_counts_no_more_than_the_neighbours_in_common() -> None:
    x, y = spaces(1, layers=2)
    assert pm.score(x, y, "lcs_knn(k=5)") < pm.score(x, y, "mutual_knn(k=5)")


@pytest.mark.parametrize("k", range(1, 13))
def test_the_fast_length_is_the_literal_one_for_any_two_lists(k: int) -> None:
    rng = np.random.default_rng(k)
    n = 60
    for unknown, names in ((0.0, k), (0.2, k + 2), (0.0, 2 * k)):
        a, b = (np.stack([rng.permutation(names)[:k] for _ in range(n)]) for _ in range(2))
        a[rng.random(a.shape) < unknown] = -1
        b[rng.random(b.shape) < unknown] = -1
        literal = sum(common(u, v) for u, v in zip(a.tolist(), b.tolist(), strict=True))
        worth = torch.arange(k + 1, dtype=torch.float64)
        found = _meetings.worths([torch.from_numpy(a)], [torch.from_numpy(b)], None, kind="subsequence", worth=worth)
        assert found.item() == literal


def test_neighbours_whose_place_is_tied_match_nothing() -> None:
    x = torch.tensor([[3.0], [2.0], [1.0], [1.0], [0.5]], dtype=torch.float64)
    metric = LcsKnn(k=3)
    side = metric.prepare(x)  # 0: 1, then 2 and 3 in no certain order
    # certain places: 0: 1; 1: 0; 2: 0 1 3; 3: 0 1 2; 4: 0 1
    assert _meetings.placed(side).tolist() == [[1, -1, -1], [0, -1, -1], [0, 1, 3], [0, 1, 2], [0, 1, -1]]
    assert metric.compare(side, side) == (1 + 1 + 3 + 3 + 2) / 15


def test_many_pairs_at_once_give_the_same_digits_as_one_by_one() -> None:
    metric = LcsKnn(k=6)
    lefts, rights = ([metric.prepare(x) for x in spaces(seed, layers=3)] for seed in (2, 3))
    orders = torch.stack([torch.randperm(30, generator=torch.Generator().manual_seed(s)) for s in range(5)])
    loop = [[[metric.compare(a, metric.permute(b, order)) for b in rights] for a in lefts] for order in orders]
    assert metric.null_grid(lefts, rights, orders).tolist() == loop


def test_bad_options_say_what_is_wrong() -> None:
    with pytest.raises(SpecError, match="k = 0; a sample needs at least one neighbour"):
        metrics.parse("lcs_knn(k=0)")
    with pytest.raises(SpecError, match="normalise = 'length'"):
        metrics.parse("lcs_knn(normalise=length)")
    with pytest.raises(InputError, match="each has at most 29 neighbours"):
        LcsKnn(k=30).prepare(spaces(0)[0])
