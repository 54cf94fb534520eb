"""The loop: equal recipes give equal weights, interrupted or not; and every objective falls."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from platometer import networks, training
from platometer.errors import ShapeError, SpecError, StoreError, UndefinedError
from platometer.training import MASK, PAD, START, STOP, Objective, Recipe, Vocabulary

TEXTS = Vocabulary(["a", "red", "blue", "dog", "cat"]).ids(["a red dog", "a blue cat", "a dog", "a red cat"] * 8, stop=True)


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(n: int = 32) -> torch.Tensor:
    """Fields of four by four colours."""
    fields = torch.randint(0, 256, (n, 4, 4, 3), generator=chance(), dtype=torch.uint8)
    return fields.repeat_interleave(12, 1).repeat_interleave(12, 2)


def reader(dropout: float = 0.0, seed: int = 0) -> Objective:
    return training.NextWord(networks.build("gpt", seed=seed, words=10, width=8, depth=1, context=16, dropout=dropout), TEXTS)


def weights(objective: Objective) -> list[torch.Tensor]:
    return [p.detach().clone() for p in objective.parameters()]


def equal(left: Objective, right: Objective) -> bool:
    return all(torch.equal(a, b) for a, b in zip(weights(left), weights(right), strict=True))


@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_equal_recipes_give_equal_weights_whatever_the_threads_and_the_callers_generator(dropout: float) -> None:
    threads, runs = torch.get_num_threads(), []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            torch.manual_seed(count)
            before = torch.random.get_rng_state()
            runs.append(reader(dropout))
            training.fit(runs[-1], Recipe(steps=3, batch=8))
            assert torch.equal(before, torch.random.get_rng_state())
            assert torch.get_num_threads() == count
    finally:
        torch.set_num_threads(threads)
    assert equal(*runs)
    assert not torch.are_deterministic_algorithms_enabled()
    other = reader(dropout)
    training.fit(other, Recipe(steps=3, batch=8, seed=1))
    assert not equal(other, runs[0])


@pytest.mark.parametrize("stop", [2, 4, 5])
def test_a_resumed_run_equals_one_that_was_never_interrupted(tmp_path: Path, stop: int) -> None:
    whole, halves, place = reader(0.1), reader(0.1), tmp_path / "checkpoint"
    recipe = Recipe(steps=7, batch=8)
    curve = training.fit(whole, recipe, points=3)

    class Cut(Exception):
        pass

    def cut(step: int) -> None:
        raise Cut

    with pytest.raises(Cut):
        training.fit(halves, recipe, points=3, checkpoint=place, every=2, marks=[stop], at_mark=cut)
    fresh = reader(0.1, seed=5)  # its own weights are overwritten
    resumed = training.fit(fresh, recipe, points=3, checkpoint=place, every=2)
    assert equal(whole, fresh)
    assert (resumed.steps, resumed.losses) == (curve.steps, curve.losses)


def test_a_finished_run_is_read_back_without_a_step(tmp_path: Path) -> None:
    first, again = reader(), reader(seed=3)
    curve = training.fit(first, Recipe(steps=3, batch=8), checkpoint=tmp_path / "c")
    assert training.fit(again, Recipe(steps=3, batch=8), checkpoint=tmp_path / "c") == curve
    assert equal(first, again)


def test_a_checkpoint_of_another_recipe_or_none_at_all_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "c"
    training.fit(reader(), Recipe(steps=3, batch=8), checkpoint=place)
    with pytest.raises(StoreError, match="belongs to another recipe"):
        training.fit(reader(), Recipe(steps=4, batch=8), checkpoint=place)
    place.write_bytes(place.read_bytes()[:50])
    with pytest.raises(StoreError, match="no whole checkpoint"):
        training.fit(reader(), Recipe(steps=3, batch=8), checkpoint=place)


def test_marks_are_met_in_evaluation_mode_at_their_steps() -> None:
    met, objective = [], reader(0.5)
    training.fit(objective, Recipe(steps=4, batch=8), marks=[0, 2, 4],
                 at_mark=lambda step: met.append((step, objective.training)))
    assert met == [(0, False), (2, False), (4, False)]
    assert not objective.training


def test_the_curve_is_the_mean_loss_between_its_points() -> None:
    told: list[tuple[int, int, float]] = []
    curve = training.fit(reader(), Recipe(steps=7, batch=8), points=3, track=lambda *now: told.append(now))
    assert curve.steps == (3, 6, 7)
    assert told == [(step, 7, loss) for step, loss in zip(curve.steps, curve.losses, strict=True)]
    each = training.fit(reader(), Recipe(steps=7, batch=8), points=7)
    assert curve.losses[0] == pytest.approx(sum(each.losses[:3]) / 3)
    assert curve.last == each.losses[-1]
    with pytest.raises(UndefinedError, match="made no step"):
        _ = training.fit(reader(), Recipe(steps=0)).last


def test_every_row_comes_once_a_round() -> None:
    seen: list[int] = []

    class Watching(Objective):
        def __init__(self) -> None:
            super().__init__(nn.Linear(1, 1), 10)

        def loss(self, rows: torch.Tensor, chance: torch.Generator) -> torch.Tensor:
            seen.extend(rows.tolist())
            return self.network(torch.ones(1)).square().sum()

    training.fit(Watching(), Recipe(steps=4, batch=5))
    assert sorted(seen[:10]) == sorted(seen[10:]) == list(range(10))
    assert seen[:10] != seen[10:]


def test_decay_shrinks_matrices_and_leaves_vectors_alone() -> None:
    class Still(Objective):
        def __init__(self) -> None:
            super().__init__(nn.Linear(3, 2), 4)
            nn.init.constant_(self.network.bias, 1.0)

        def loss(self, rows: torch.Tensor, chance: torch.Generator) -> torch.Tensor:
            return 0 * sum(p.sum() for p in self.network.parameters())

    objective = Still()
    before = objective.network.weight.detach().clone()
    training.fit(objective, Recipe(steps=1, batch=4, rate=0.1, decay=0.5))
    assert torch.allclose(objective.network.weight, before * 0.95)
    assert torch.equal(objective.network.bias.detach(), torch.ones(2))


def test_a_loss_that_is_not_finite_names_its_step() -> None:
    class Broken(Objective):
        def __init__(self) -> None:
            super().__init__(nn.Linear(1, 1), 4)

        def loss(self, rows: torch.Tensor, chance: torch.Generator) -> torch.Tensor:
            return self.network(torch.ones(1)).sum() * torch.inf

    with pytest.raises(UndefinedError, match=r"at step 0. Is the rate of 0.002 too high"):
        training.fit(Broken(), Recipe(steps=1))


@pytest.mark.parametrize(("option", "text"), [
    ({"steps": -1}, "steps >= 0"), ({"batch": 0}, "batch >= 1"), ({"warm": 2.0}, "share"), ({"rate": 0.0}, "rate > 0"),
    ({"clip": 0.0}, "clip > 0"), ({"decay": -1.0}, "decay >= 0")])
def test_an_impossible_recipe_is_an_error(option: dict, text: str) -> None:
    with pytest.raises(SpecError, match=text):
        replace(Recipe(steps=1), **option)


def falls(objective: Objective, steps: int = 30, rate: float = 5e-3) -> bool:
    curve = training.fit(objective, Recipe(steps=steps, batch=32, rate=rate), points=steps)
    return sum(curve.losses[-3:]) < 0.9 * sum(curve.losses[:3])


def test_every_objective_falls() -> None:
    conv, vit = ({"width": 4}, {"width": 8, "depth": 1})
    colours = (torch.arange(32) % 4).mul(60).to(torch.uint8)[:, None, None, None].expand(-1, 48, 48, 3).contiguous()
    labels = {"colour": torch.arange(32) % 4, "dark": (torch.arange(32) % 4 == 0).long()}
    assert falls(training.Supervised(networks.build("conv", seed=0, **conv), colours, labels,
                                     change=lambda x, _: training.centred(x)))
    assert falls(training.Contrastive(networks.build("vit", seed=0, **vit), pictures(), training.other_pictures))
    bars = (torch.arange(48) // 4) % 2
    stripes = (48 + 160 * bars).to(torch.uint8)[None, None, :, None].expand(32, 48, 48, 3).contiguous()
    for kind, options in (("conv", conv), ("vit", vit)):
        assert falls(training.Masked(networks.build(kind, seed=0, **options), stripes))
    assert falls(reader())
    assert falls(training.MaskedWord(networks.build("bow", seed=0, words=10, width=8, depth=1), TEXTS))
    turn = torch.arange(40)[None, :, None] * 0.3 + torch.rand(32, 1, 1, generator=chance())
    assert falls(training.NextPart(networks.build("path", seed=0, width=8, depth=1), torch.cat([turn.sin(), turn.cos()], 2)))
    tones = torch.sin(torch.arange(800)[None] * torch.linspace(0.05, 0.5, 32)[:, None])
    assert falls(training.Contrastive(networks.build("sound", seed=0, width=4), tones, training.other_sounds))


def test_contrast_is_the_cross_entropy_of_finding_the_other_view() -> None:
    x = torch.randn(3, 4, generator=chance())

    class Same(nn.Module):
        width = 4

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x

    objective = training.Contrastive(Same(), x, lambda chosen, _: chosen, temperature=0.5)
    objective.head = nn.Identity()
    z = F.normalize(torch.cat([x, x]), dim=1)
    total = 0.0
    for i in range(6):
        scores = [float(z[i] @ z[j]) / 0.5 for j in range(6) if j != i]
        total += torch.tensor(scores).logsumexp(0).item() - float(z[i] @ z[(i + 3) % 6]) / 0.5
    assert float(objective.loss(torch.arange(3), chance())) == pytest.approx(total / 6, rel=1e-5)


def test_next_word_counts_words_and_the_end_and_no_padding() -> None:
    objective = reader()
    rows = torch.tensor([0, 2])  # of lengths 5 and 4
    total, count = 0.0, 0
    for row in rows.tolist():
        ids = TEXTS[row][TEXTS[row] != PAD]
        log = objective.network(ids[None, :-1])[0].log_softmax(1).detach()
        total -= sum(float(log[i, ids[i + 1]]) for i in range(len(ids) - 1))
        count += len(ids) - 1
    assert float(objective.loss(rows, chance()).detach()) == pytest.approx(total / count, rel=1e-5)


def test_a_hidden_word_is_never_the_start_the_end_or_padding() -> None:
    asked: list[torch.Tensor] = []

    class Asking(nn.Module):
        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            asked.append(ids.clone())
            return torch.zeros(*ids.shape, 10)

    objective = training.MaskedWord(Asking(), TEXTS)
    for seed in range(20):
        objective.loss(torch.arange(len(TEXTS)), chance(seed))
    for ids in asked:
        assert bool(((ids == MASK).sum(1) == 1).all())
        assert bool((ids[:, 0] == START).all())
        assert bool(((ids == STOP).sum(1) == 1).all())
    assert {int(place) for ids in asked for place in (ids == MASK).int().argmax(1)} == {1, 2, 3}


def test_only_hidden_patches_count() -> None:
    class Blank(nn.Module):
        width = 3 * 64

        def places(self, x: torch.Tensor) -> torch.Tensor:
            self.seen = x
            return torch.zeros(len(x), 36, self.width)

    network, seen = Blank(), pictures(4)
    objective = training.Masked(network, seen, hidden=0.5)
    objective.head = nn.Identity()
    loss = objective.loss(torch.arange(4), chance())
    x = training.centred(seen)
    hidden = (network.seen - x).abs().amax(1, keepdim=True) > 1e-4
    assert F.max_pool2d(hidden.float(), 8).sum((1, 2, 3)).tolist() == [18] * 4
    scaled = (x - x.mean((0, 2, 3), keepdim=True)) / x.std((0, 2, 3), keepdim=True)
    wrong = (scaled**2).mean(1, keepdim=True)  # zero was told
    assert float(loss) == pytest.approx(float(wrong[hidden].mean()), rel=1e-3)


def test_items_that_do_not_fit_are_errors() -> None:
    conv = networks.build("conv", seed=0, width=4)
    with pytest.raises(SpecError, match="a divisor of 48"):
        training.Masked(conv, pictures(2), patch=7)
    with pytest.raises(ShapeError, match=r"labels 'a' have the shape \(3,\); expected \(2,\)"):
        training.Supervised(conv, pictures(2), {"a": torch.zeros(3, dtype=torch.long)})
    with pytest.raises(SpecError, match="labels is empty"):
        training.Supervised(conv, pictures(2), {})
    with pytest.raises(ShapeError, match="start sign 1"):
        training.NextWord(nn.Identity(), torch.zeros(2, 3, dtype=torch.long))
    with pytest.raises(ShapeError, match="t > 9"):
        training.NextPart(nn.Identity(), torch.zeros(2, 5, 2))


def test_other_views_keep_shape_and_range_about() -> None:
    views = training.other_pictures(pictures(4), chance())
    assert views.shape == (4, 3, 48, 48)
    assert float(views.abs().max()) < 2.5
    assert not torch.equal(views, training.other_pictures(pictures(4), chance(1)))
    sounds = training.other_sounds(torch.randn(3, 100, generator=chance()), chance())
    assert sounds.shape == (3, 100)


def test_a_vocabulary_is_that_of_its_texts_and_cuts_at_the_context() -> None:
    vocabulary = Vocabulary.of(["A dog, a cat."])
    assert vocabulary.words == (",", ".", "a", "cat", "dog")
    assert len(vocabulary) == 10
    assert vocabulary.ids(["a a a a"], context=3).tolist() == [[START, 7, 7]]
    assert vocabulary.lengths(["a dog.", ""]) == [4, 1]
    with pytest.raises(SpecError, match="more than once"):
        Vocabulary(["a", "a"])
