"""Learners: each objective's optimum in closed form, and what training finds of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from platometer.errors import InputError, UndefinedError
from platometer.theory import (
    BinaryNCE,
    InfoNCE,
    MaskedPrediction,
    NextEvent,
    Objective,
    Plan,
    SkipGram,
    Spectral,
    World,
    distance,
    independent,
    learn,
    markov,
    oracle,
    representable,
    ring,
)

OBJECTIVES: list[Objective] = [
    BinaryNCE(), BinaryNCE(p_pos=0.2), InfoNCE(), InfoNCE(negatives=2), InfoNCE(temperature=0.5), SkipGram(negatives=3),
    SkipGram(power=0.75), Spectral(), MaskedPrediction(), NextEvent(),
]
NAMES = [repr(objective) for objective in OBJECTIVES]


def _uneven() -> World:
    """Four events, none alike, time reversed looks different; every two meet."""
    return markov([[0.7, 0.1, 0.1, 0.1], [0.05, 0.75, 0.15, 0.05], [0.1, 0.05, 0.8, 0.05], [0.2, 0.1, 0.1, 0.6]])


def _same(objective: Objective, scores: np.ndarray, best: np.ndarray) -> float:
    free = isinstance(objective, (InfoNCE, MaskedPrediction))
    return distance(scores, best, up_to="rows" if free else "nothing")


@pytest.mark.parametrize("objective", OBJECTIVES, ids=NAMES)
def test_no_other_scores_are_better_than_the_optimum(objective: Objective) -> None:
    world, chance = _uneven(), np.random.default_rng(0)
    best = objective.optimum(world)
    least = objective.value(best, world)
    for size in (1e-3, 0.1, 1):
        for _ in range(20):
            assert objective.value(best + size * chance.normal(size=best.shape), world) > least


@pytest.mark.parametrize("objective", OBJECTIVES, ids=NAMES)
def test_two_tables_find_the_optimum_of_any_world(objective: Objective) -> None:
    world = _uneven()
    learned = learn(world, objective, Plan(model="two tables"))
    assert _same(objective, learned.scores, objective.optimum(world)) < 1e-3
    assert objective.value(learned.scores, world) - objective.value(objective.optimum(world), world) < 1e-9


@pytest.mark.parametrize("model", ["table", "network"])
@pytest.mark.parametrize("objective", OBJECTIVES, ids=NAMES)
def test_one_table_finds_the_best_symmetric_scores_where_they_are_a_kernel(objective: Objective, model: str) -> None:
    world = _uneven()
    if isinstance(objective, NextEvent):
        with pytest.raises(UndefinedError, match="no closed form"):
            objective.optimum(world, tables="one")
        return
    best = objective.optimum(world, tables="one")
    assert representable(best).holds
    learned = learn(world, objective, Plan(model=model))
    np.testing.assert_allclose(learned.scores, learned.scores.T, atol=1e-12)
    up_to = "offset" if isinstance(objective, (InfoNCE, MaskedPrediction)) else "nothing"
    assert distance(learned.scores, best, up_to=up_to) < 1e-3


def test_one_table_cannot_hold_what_is_no_kernel() -> None:
    world = ring(6, window=3, same="counted")
    assert not representable(world.pmi()).holds
    one, two = (learn(world, BinaryNCE(), Plan(model=model)) for model in ("table", "two tables"))
    assert distance(one.scores, world.pmi()) > 0.1
    assert distance(two.scores, world.pmi()) < 1e-3


def test_next_event_by_one_table_where_time_may_run_backwards() -> None:
    world = markov(0.6 * np.eye(4) + 0.1)
    best = NextEvent().optimum(world, tables="one")
    assert distance(learn(world, NextEvent()).scores, best) < 1e-3


def test_an_exact_expectation_over_negatives_is_the_mean_over_all_of_them() -> None:
    """K = 2 negatives, summed over all 9 ordered pairs, as written in van den Oord et al. 2018, eq. 4."""
    world = markov([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.3, 0.6]])
    g, slow = np.random.default_rng(0).normal(size=(3, 3)), 0.0
    for a in range(3):
        for b in range(3):
            for i in range(3):
                for j in range(3):
                    share = np.exp(g[a, b]) / (np.exp(g[a, b]) + np.exp(g[a, i]) + np.exp(g[a, j]))
                    slow -= world.P_coor[a, b] * world.P[i] * world.P[j] * np.log(share)
    assert InfoNCE(negatives=2).value(g, world) == pytest.approx(slow, rel=1e-12)


def test_many_negatives_come_to_the_limit() -> None:
    world, g = markov([[0.8, 0.2], [0.3, 0.7]]), np.array([[1.0, -0.5], [0.0, 2.0]])
    assert InfoNCE(negatives=2000).value(g, world) - np.log(2000) == pytest.approx(InfoNCE().value(g, world), abs=2e-3)


@pytest.mark.parametrize("objective", [o for o in OBJECTIVES if getattr(o, "negatives", 1)], ids=repr)
def test_batches_estimate_the_expectation(objective: Objective) -> None:
    world = _uneven()
    g = torch.tensor(np.random.default_rng(1).normal(size=(4, 4)))
    chance, many = np.random.default_rng(2), 200_000
    table = objective.tables(world).P_coor.numpy()
    drawn = chance.choice(16, size=many, p=table.ravel())
    pairs = torch.tensor(np.stack(np.divmod(drawn, 4), axis=1))
    apart = torch.tensor(chance.choice(4, size=(many, objective.drawn()), p=objective.negative(world)))
    assert float(objective.sampled(g, pairs, apart)) == pytest.approx(objective.value(g.numpy(), world), abs=0.02)


def test_learning_from_batches_comes_near() -> None:
    world = _uneven()
    plan = Plan(model="table", optimiser="adam", steps=3000, batch=256, rate=0.03)
    learned = learn(world, BinaryNCE(), plan)
    far = [step.distance for step in learned.path]
    assert far[-1] is not None
    assert far[0] is not None
    assert far[-1] < 0.1 < far[0]


def test_equal_options_give_equal_numbers_and_leave_the_callers_chance_alone() -> None:
    world = _uneven()
    plan = Plan(optimiser="adam", steps=30, batch=16, model="network")
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    one, two = (learn(world, InfoNCE(negatives=3), plan) for _ in range(2))
    assert torch.equal(before, torch.random.get_rng_state())
    np.testing.assert_array_equal(one.scores, two.scores)
    assert one.path == two.path
    other = learn(world, InfoNCE(negatives=3), Plan(optimiser="adam", steps=30, batch=16, model="network", seed=1))
    assert np.abs(one.scores - other.scores).max() > 0.01


def test_the_path_goes_down_to_pmi() -> None:
    path = learn(_uneven(), BinaryNCE(), Plan(optimiser="adam", steps=1500)).path
    assert path[0].step == 0
    assert path[-1].step == 1500
    assert path[-1].loss < path[0].loss
    assert path[-1].distance is not None
    assert path[-1].distance < 1e-3


def test_the_oracle_needs_no_learning() -> None:
    world = _uneven()
    np.testing.assert_allclose(oracle(world).scores, world.pmi(), atol=1e-7)
    np.testing.assert_allclose(oracle(world).scores, learn(world, BinaryNCE()).scores, atol=1e-3)


def test_a_fixed_offset_is_enough_only_if_it_is_large_enough() -> None:
    """Without an offset of its own, a learner's is log(p_pos / (1 - p_pos)): it must reach the least C."""
    world = _uneven()
    least = representable(world.pmi()).offset
    assert least is not None
    enough, short = (1 / (1 + np.exp(-(least + change))) for change in (0.2, -0.2))
    far = [distance(learn(world, BinaryNCE(p_pos=p), Plan(offset="none")).scores, world.pmi()) for p in (enough, short)]
    assert far[0] < 1e-3 < 0.01 < far[1]


def test_pairs_that_are_not_seen_are_not_learned() -> None:
    world, seen = _uneven(), np.ones((4, 4))
    seen[0, 1] = seen[1, 0] = 0
    learned = learn(world, BinaryNCE(), Plan(model="two tables"), seen=seen)
    gap = np.abs(learned.scores - world.pmi())
    assert gap[seen == 1].max() < 1e-3
    assert gap[0, 1] > 0.01
    with pytest.raises(InputError, match="a sum over pairs"):
        learn(world, InfoNCE(), seen=seen)


def test_a_world_without_pmi_can_still_be_learned_by_its_ratio() -> None:
    world = ring(5)
    learned = learn(world, Spectral())
    np.testing.assert_allclose(learned.scores, Spectral().optimum(world), atol=1e-5)
    assert learned.path[-1].distance is None


def test_slips_are_told() -> None:
    with pytest.raises(InputError, match="model = 'tables'; expected one of table, two tables, network"):
        Plan(model="tables")
    with pytest.raises(InputError, match="L-BFGS needs the exact expectation"):
        Plan(batch=10)
    with pytest.raises(InputError, match=r"p_pos = 1"):
        BinaryNCE(p_pos=1)
    with pytest.raises(InputError, match="limit of many negatives has no batches"):
        learn(ring(5), InfoNCE(), Plan(batch=8, optimiser="adam"))
    with pytest.raises(InputError, match="too many for an exact expectation"):
        InfoNCE(negatives=30).value(np.zeros((20, 20)), independent(np.full(20, 0.05)))
    with pytest.raises(UndefinedError, match="never follows"):
        NextEvent().optimum(ring(5))
