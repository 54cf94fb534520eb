"""Small networks that learn in the run: they learn, the same each time, and from their own modality alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from platometer import shapes
from platometer.errors import ModelError, SpecError
from platometer.models import _learners, load

FEW = {"scenes": 256, "device": "cpu"}


@pytest.mark.parametrize("name", ["cnn-8", "gpt-16"])
def test_weights_depend_on_the_options_and_not_on_threads_or_the_callers_generator(name: str) -> None:
    threads, revisions = torch.get_num_threads(), []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            torch.manual_seed(count)
            before = torch.random.get_rng_state()
            revisions.append(load(f"tiny:{name}", steps=3, **FEW).card.revision)
            assert torch.equal(before, torch.random.get_rng_state())
            assert torch.get_num_threads() == count
    finally:
        torch.set_num_threads(threads)
    assert revisions[0] == revisions[1]
    assert load(f"tiny:{name}", steps=3, seed=1, **FEW).card.revision != revisions[0]
    assert load(f"tiny:{name}", steps=0, **FEW).card.revision != revisions[0]
    assert not torch.are_deterministic_algorithms_enabled()


def test_a_network_learns_to_tell_pictures_apart() -> None:
    pictures = torch.tensor(shapes.drawn("train", 256, 0)[0]).permute(0, 3, 1, 2).float() / 127.5 - 1
    chance = torch.Generator().manual_seed(9)

    def found(network: torch.nn.Module) -> float:
        """Share of pictures whose nearest other view is their own."""
        with torch.inference_mode():
            x, y = (F.normalize(network(_learners._changed(pictures, chance)), dim=1) for _ in range(2))
        return float(((x - x.mean(0)) @ (y - y.mean(0)).T).argmax(1).eq(torch.arange(256)).double().mean())

    network = _learners.convolutional(8, seed=0)
    before = found(network)
    _learners.see(network, pictures, steps=40, seed=0)
    assert found(network) > before + 0.1


def test_a_network_learns_the_next_word() -> None:
    model = load("tiny:gpt-16", steps=60, **FEW)
    untrained = load("tiny:gpt-16", steps=0, **FEW)
    ids = model.prepare(shapes.drawn("test", 64, 0)[1]).args[0]

    def surprise(network: torch.nn.Module) -> float:
        with torch.inference_mode():
            return float(F.cross_entropy(network(ids)[:, :-1].flatten(0, 1), ids[:, 1:].flatten(), ignore_index=_learners.PAD))

    assert surprise(model.module) < surprise(untrained.module) - 1  # nats a word


def test_what_comes_later_changes_nothing_before_it() -> None:
    model = load("tiny:gpt-16", steps=0, pooling="first", **FEW)
    one, other = model.encode(["a red star"]), model.encode(["a red star on the grass"])
    assert all(torch.allclose(one[layer], other[layer], atol=1e-6) for layer in one)


def test_layers_are_named_and_as_wide_as_announced() -> None:
    assert load("tiny:cnn-8", steps=0, **FEW).layers() == ("blocks.0", "blocks.1", "blocks.2", "blocks.3")
    gpt = load("tiny:gpt-32", steps=0, **FEW)
    assert gpt.layers() == ("embed", "blocks.0", "blocks.1", "blocks.2")
    assert all(value.shape == (2, 32) for value in gpt.encode(["a star", "two"]).values())
    assert gpt.lengths(["a red star", "star"]) == [4, 2]


def test_pictures_of_another_size_are_shrunk() -> None:
    from PIL import Image

    model = load("tiny:cnn-8", steps=0, **FEW)
    found = model.encode([Image.fromarray(np.zeros((50, 70, 3), dtype=np.uint8))])
    assert found["blocks.0"].shape == (1, 8)


def test_unknown_names_and_impossible_options_are_errors() -> None:
    with pytest.raises(ModelError, match=r"no tiny model 'cnn-9'. Did you mean 'cnn-8'"):
        load("tiny:cnn-9")
    with pytest.raises(SpecError, match="at least two scenes"):
        load("tiny:cnn-8", scenes=1)
