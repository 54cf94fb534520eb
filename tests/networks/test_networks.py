"""Networks by kind and size: weights from the seed, layers in order, and what may not be seen is not."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from platometer import networks
from platometer.errors import SpecError

READS = ("gpt", "gru", "bow")
INPUTS = {"conv": (3, 48, 48), "vit": (3, 48, 48), "sound": (4000,), "path": (64, 2)}


def made(kind: str, size: int = 1, seed: int = 0, **options: float) -> torch.nn.Module:
    words = {"words": 430} if kind in READS else {}
    return networks.build(kind, seed=seed, **words, **networks.SIZES[kind][size - 1], **options)


def given(kind: str, n: int = 3) -> torch.Tensor:
    chance = torch.Generator().manual_seed(0)
    return torch.randint(5, 430, (n, 9), generator=chance) if kind in READS else torch.randn(n, *INPUTS[kind], generator=chance)


def count(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize("kind", networks.KINDS)
def test_weights_follow_from_the_seed_and_leave_the_callers_generator_alone(kind: str) -> None:
    before = torch.random.get_rng_state()
    one, same, other = made(kind), made(kind), made(kind, seed=1)
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), same.parameters(), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    assert not one.training


@pytest.mark.parametrize("kind", networks.KINDS)
def test_sizes_grow_about_threefold(kind: str) -> None:
    counts = [count(made(kind, size)) for size in range(1, len(networks.SIZES[kind]) + 1)]
    assert all(1.9 < b / a < 6 for a, b in pairwise(counts)), counts


@pytest.mark.parametrize(("kinds", "counts"), [(("conv", "vit"), (7e3, 20e3, 60e3, 185e3, 545e3)),
                                               (READS, (9.5e3, 26e3, 80e3, 230e3, 655e3))])
def test_architectures_of_one_modality_are_of_like_size(kinds: tuple[str, ...], counts: tuple[float, ...]) -> None:
    for kind in kinds:
        for size, wanted in enumerate(counts, 1):
            assert count(made(kind, size)) == pytest.approx(wanted, rel=0.25), (kind, size)


@pytest.mark.parametrize("kind", networks.KINDS)
def test_layers_are_modules_that_run_once_in_order(kind: str) -> None:
    network, ran = made(kind, 2), []
    for name in networks.layers(network):
        network.get_submodule(name).register_forward_hook(lambda *_, name=name: ran.append(name))
    with torch.inference_mode():
        network(given(kind))
    assert tuple(ran) == networks.layers(network)
    assert len(ran) >= 3


@pytest.mark.parametrize("kind", INPUTS)
def test_what_sees_or_hears_gives_one_vector_of_its_width(kind: str) -> None:
    network = made(kind)
    with torch.inference_mode():
        assert network(given(kind)).shape == (3, network.width)


@pytest.mark.parametrize("kind", READS)
def test_what_comes_later_changes_nothing_before_it(kind: str) -> None:
    network, ids = made(kind, 2), given(kind)
    changed = ids.clone()
    changed[:, 6:] = 7
    with torch.inference_mode():
        one, other = network(ids), network(changed)
    assert one.shape == (3, 9, 430)
    assert torch.allclose(one[:, :6], other[:, :6], atol=1e-6)
    assert not torch.allclose(one[:, 6:], other[:, 6:], atol=1e-3)


def test_a_bag_does_not_know_the_order_and_the_others_do() -> None:
    for kind in READS:
        network, ids = made(kind, 2), given(kind)
        turned = torch.cat([ids[:, :8].flip(1), ids[:, 8:]], 1)
        with torch.inference_mode():
            same = torch.allclose(network(ids)[:, -1], network(turned)[:, -1], atol=1e-5)
        assert same == (kind == "bow")


def test_a_step_of_a_path_knows_only_what_was_walked() -> None:
    network, path = made("path"), given("path")
    with torch.inference_mode():
        assert torch.allclose(network.states(path)[:, :20], network.states(path[:, :20]), atol=1e-6)


def test_places_are_a_square_grid_row_by_row() -> None:
    for kind, places in (("conv", 9), ("vit", 36)):
        network = made(kind, 2)
        with torch.inference_mode():
            found = network.places(given(kind))
            assert found.shape == (3, places, network.width)
            assert torch.allclose(found.mean(1), network(given(kind)), atol=1e-5)


@pytest.mark.parametrize("kind", networks.KINDS)
def test_dropout_acts_in_training_only(kind: str) -> None:
    network, x = made(kind, 2, dropout=0.5), given(kind)
    with torch.inference_mode():
        assert torch.equal(network(x), network(x))
        network.train()
        assert not torch.equal(network(x), network(x))
    assert count(network) == count(made(kind, 2))


def test_an_unknown_kind_is_an_error() -> None:
    with pytest.raises(SpecError, match=r"no network 'cnov'. Did you mean 'conv'"):
        networks.build("cnov", seed=0)
