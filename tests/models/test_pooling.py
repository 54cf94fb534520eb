"""Pooling: values worked by hand, padding on either side, and shapes that have no such token."""

from __future__ import annotations

import pytest
import torch

from platometer.errors import InputError, ModelError, SpecError
from platometer.models import _pooling

TOKENS = torch.tensor([[[1.0, 10.0], [2.0, 20.0], [6.0, 0.0]], [[3.0, 30.0], [5.0, 50.0], [9.0, 90.0]]])
RIGHT = torch.tensor([[1, 1, 0], [1, 1, 1]])
LEFT = torch.tensor([[0, 1, 1], [1, 1, 1]])


@pytest.mark.parametrize(("pooling", "mask", "first_row"), [
    ("mean", RIGHT, [1.5, 15.0]), ("mean", LEFT, [4.0, 10.0]), ("mean", None, [3.0, 10.0]),
    ("first", RIGHT, [1.0, 10.0]), ("first", LEFT, [2.0, 20.0]), ("cls", RIGHT, [1.0, 10.0]), ("cls", LEFT, [2.0, 20.0]),
    ("last", RIGHT, [2.0, 20.0]), ("last", LEFT, [6.0, 0.0]), ("last", None, [6.0, 0.0]),
    ("max", RIGHT, [2.0, 20.0]), ("max", LEFT, [6.0, 20.0]),
])
def test_only_valid_tokens_count_whichever_side_is_padded(pooling: str, mask: torch.Tensor | None, first_row: list) -> None:
    assert _pooling.pool(TOKENS, pooling, mask=mask)[0].tolist() == first_row


def test_what_stands_in_padding_does_not_matter_even_if_it_is_not_a_number() -> None:
    spoilt = TOKENS.clone()
    spoilt[0, 2] = torch.nan
    for pooling in ("mean", "max", "last", "first"):
        assert torch.equal(_pooling.pool(spoilt, pooling, mask=RIGHT), _pooling.pool(TOKENS, pooling, mask=RIGHT))


def test_class_and_register_tokens_are_left_out_of_means_and_maxima_only() -> None:
    assert _pooling.pool(TOKENS, "mean", prefix=1)[1].tolist() == [7.0, 70.0]
    assert _pooling.pool(-TOKENS, "max", prefix=1)[1].tolist() == [-5.0, -50.0]
    assert _pooling.pool(TOKENS, "cls", prefix=1)[1].tolist() == [3.0, 30.0]


def test_a_prefix_that_takes_every_token_is_an_error() -> None:
    with pytest.raises(ModelError, match="none is left to pool"):
        _pooling.pool(TOKENS, "mean", prefix=3)


@pytest.mark.parametrize("pooling", ["mean", "average"])
def test_maps_are_averaged_over_both_sides_wherever_the_channels_stand(pooling: str) -> None:
    maps = torch.arange(2 * 3 * 4 * 5, dtype=torch.float64).reshape(2, 3, 4, 5)
    expected = maps.flatten(2).mean(2)
    assert torch.allclose(_pooling.pool(maps, pooling), expected)
    assert torch.allclose(_pooling.pool(maps.movedim(1, -1), pooling, channels="last"), expected)
    assert torch.equal(_pooling.pool(maps, "max"), maps.flatten(2).amax(2))


def test_none_keeps_everything_but_not_the_padding() -> None:
    assert torch.equal(_pooling.pool(TOKENS, "none"), TOKENS.flatten(1))
    assert _pooling.pool(torch.zeros(2, 3, 4, 4), "none").shape == (2, 48)
    with pytest.raises(ModelError, match="differ in length"):
        _pooling.pool(TOKENS, "none", mask=RIGHT)


@pytest.mark.parametrize("pooling", ["cls", "first", "last"])
def test_a_map_has_no_tokens(pooling: str) -> None:
    with pytest.raises(ModelError, match=f"no {pooling} token; use 'average'"):
        _pooling.pool(torch.zeros(2, 3, 4, 4), pooling, layer="stem")


def test_vectors_are_taken_as_they_are() -> None:
    x = torch.randn(3, 4)
    assert all(torch.equal(_pooling.pool(x, pooling), x) for pooling in _pooling.POOLINGS if pooling != "auto")


def test_a_mean_in_half_precision_is_taken_in_single() -> None:
    values = torch.cat([torch.full((1, 4000, 1), 1.0), torch.full((1, 1, 1), 3.0)], 1).half()
    assert float(_pooling.pool(values, "mean")) == pytest.approx(4003 / 4001, abs=1e-3)
    assert float(_pooling.pool(torch.full((1, 4000, 1), 100.0).half(), "mean")) == 100.0  # the sum, 400000, is no half


def test_double_precision_stays_double() -> None:
    x = torch.tensor([[[1.0], [1.0 + 2.0**-40]]], dtype=torch.float64)
    assert float(_pooling.pool(x, "mean")) == 1.0 + 2.0**-41


def test_an_item_without_tokens_is_named() -> None:
    with pytest.raises(InputError, match="Item 1 of a batch has no tokens"):
        _pooling.pool(TOKENS, "mean", mask=torch.tensor([[1, 1, 0], [0, 0, 0]]))


def test_a_mask_of_another_length_is_never_ignored() -> None:
    with pytest.raises(ModelError, match="gives 3 tokens and the mask has 2"):
        _pooling.pool(TOKENS, "mean", mask=torch.ones(2, 2))


@pytest.mark.parametrize("shape", [(5,), (2, 3, 4, 5, 6), (3, 2, 4)])
def test_other_shapes_are_errors(shape: tuple) -> None:
    with pytest.raises(ModelError, match="one entry per item first"):
        _pooling.pool(torch.zeros(shape), "mean", items=2, layer="odd")


def test_auto_is_the_class_token_of_pictures_that_have_one_and_else_the_mean() -> None:
    assert _pooling.chosen("auto", "image", 1) == "cls"
    assert _pooling.chosen("auto", "image", 0) == _pooling.chosen("auto", "text", 1) == "mean"
    assert _pooling.chosen("last", "image", 1) == "last"
    with pytest.raises(SpecError, match="Did you mean 'mean'"):
        _pooling.chosen("meen", "text", 0)
