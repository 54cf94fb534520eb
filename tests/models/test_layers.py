"""Which modules are layers: found by structure, chosen by name, pattern, step or position."""

from __future__ import annotations

import pytest
from torch import nn

from platometer.errors import ModelError, SpecError
from platometer.models import _layers

BLOCKS = ("b.0", "b.1", "b.2", "b.3", "b.4")
EVERY = ("stem", "b", "b.0", "b.0.fc", "b.1", "b.1.fc", "b.2", "b.3", "b.4", "head")


class Block(nn.Module):
    def __init__(self, width: int = 4):
        super().__init__()
        self.fc = nn.Linear(width, width)


class Other(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)


def made(**parts: nn.Module) -> nn.Module:
    module = nn.Module()
    for name, part in parts.items():
        module.add_module(name, part)
    return module


@pytest.mark.parametrize(("layers", "found"), [
    ("blocks", BLOCKS), ("concat", BLOCKS), ("last", ("b.4",)), ("every(1)", BLOCKS), ("every(2)", ("b.0", "b.2", "b.4")),
    ("every(3)", ("b.1", "b.4")), ("every(m=9)", ("b.4",)), ("all", EVERY), ("b.*", BLOCKS), ("b.[0]", None),
    ("b.?", BLOCKS), ("b.*.fc", ("b.0.fc", "b.1.fc")), ("head", ("head",)), (["head", "b.1"], ("head", "b.1")),
    (["last", "stem", "b.4"], ("b.4", "stem")), (("b.0", "every(4)"), ("b.0", "b.4")),
])
def test_a_choice_names_these_layers(layers: object, found: tuple | None) -> None:
    if found is None:
        with pytest.raises(SpecError, match="has no layer"):
            _layers.choose(BLOCKS, EVERY, layers, model="m")
    else:
        assert _layers.choose(BLOCKS, EVERY, layers, model="m") == found


def test_one_star_stays_within_a_step_and_two_cross_them() -> None:
    assert set(_layers.choose(BLOCKS, EVERY, "b.**", model="m")) == {*BLOCKS, "b.0.fc", "b.1.fc"}


@pytest.mark.parametrize("layers", ["every(0)", "every(2.5)", "every(true)", "every()", "every(a)", "every(1, 2)"])
def test_a_step_is_a_whole_number(layers: str) -> None:
    with pytest.raises(SpecError):
        _layers.choose(BLOCKS, EVERY, layers, model="m")


def test_a_misspelt_layer_is_an_error_that_suggests() -> None:
    with pytest.raises(SpecError, match=r"m has no layer 'hed'\. Did you mean 'head'"):
        _layers.choose(BLOCKS, EVERY, "hed", model="m")


def test_no_layers_and_concat_among_others_are_errors() -> None:
    with pytest.raises(SpecError, match="at least one layer"):
        _layers.choose(BLOCKS, EVERY, [], model="m")
    with pytest.raises(SpecError, match="stands alone"):
        _layers.choose(BLOCKS, EVERY, ["concat", "head"], model="m")
    with pytest.raises(SpecError, match="has no blocks"):
        _layers.choose((), EVERY, "last", model="m")


def test_blocks_are_members_of_a_list_of_one_class() -> None:
    net = made(stem=nn.Linear(4, 4), body=nn.ModuleList([Block() for _ in range(3)]), head=nn.Linear(4, 4))
    assert _layers.blocks_of(net) == ("body.0", "body.1", "body.2")


def test_stages_of_a_residual_network_keep_their_order_however_small_the_first() -> None:
    net = made(layer1=nn.Sequential(Block(1), Block(1)), layer2=nn.Sequential(Block(40), Block(40)))
    assert _layers.blocks_of(net) == ("layer1.0", "layer1.1", "layer2.0", "layer2.1")


def test_the_outermost_stack_counts() -> None:
    net = made(stages=nn.ModuleList([made(blocks=nn.ModuleList([Block(), Block()])) for _ in range(2)]))
    assert _layers.blocks_of(net) == ("stages.0", "stages.1")


def test_a_bare_sequence_of_blocks_is_its_own_home() -> None:
    assert _layers.blocks_of(nn.Sequential(Block(), Block(), nn.Linear(4, 4))) == ("0", "1", "2")


def test_siblings_of_one_class_that_are_attributes_are_blocks() -> None:
    net = made(stem=nn.Linear(4, 4), one=Block(8), two=Block(8), three=Block(8), head=Other())
    assert _layers.blocks_of(net) == ("one", "two", "three")
    assert _layers.blocks_of(made(inner=net)) == ("inner.one", "inner.two", "inner.three")


def test_a_plain_network_is_taken_by_its_children_with_parameters() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.Flatten(), nn.Linear(4, 2))
    assert _layers.blocks_of(net) == ("0", "2", "4")
    assert _layers.blocks_of(made(net=net)) == ("net.0", "net.2", "net.4")


def test_a_network_without_parts_is_an_error() -> None:
    with pytest.raises(ModelError, match="has no parts"):
        _layers.blocks_of(nn.Linear(2, 2))


def test_the_trunk_is_the_list_with_most_parameters() -> None:
    net = made(convs=nn.ModuleList([Block(2), Block(2)]), body=nn.ModuleList([Block(16), Block(16)]))
    assert _layers.blocks_of(net) == ("convs.0", "convs.1", "body.0", "body.1")
    assert _layers.trunk_of(net) == ("body.0", "body.1")
