"""What every model source promises, on tiny models: shapes, determinism, no influence between batch mates."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from torch import nn

from platometer.models import Model, Sized, _torchvision_shim, load, wrap
from platometer.models._loading import dtype_of

_PATH = Path(__file__).parents[1] / "models" / "tiny.py"
_FOUND = importlib.util.spec_from_file_location("tiny_models_for_laws", _PATH)
tiny = importlib.util.module_from_spec(_FOUND)
_FOUND.loader.exec_module(tiny)

POOLED = {"text": ("mean", "first", "last", "max"), "image": ("mean", "max"), "audio": ("mean", "max")}
SOURCES = (
    *(f"hf:{kind}" for kind in tiny.KINDS if kind not in ("clip", "siglip")),
    "hf:clip/vision", "hf:clip/text", "hf:siglip/vision", "hf:siglip/text", "hf:t5/decoder",
    "timm:vit_tiny_patch16_224", "timm:resnet18", "torchvision:resnet18",
    "zoo:conv-masked-1", "zoo:vit-supervised-1", "zoo:gpt-1", "zoo:gru-1", "zoo:bow-1",
    "wrap:module", "wrap:function",
)
EXTERNAL = tuple(source for source in SOURCES if not source.startswith("wrap:"))


@pytest.fixture(scope="session")
def make(tmp_path_factory: pytest.TempPathFactory) -> Callable:
    """Source and options -> a tiny model."""
    home, made = tmp_path_factory.mktemp("laws"), {}

    def model(source: str, **options: object) -> Model:
        prefix, _, name = source.partition(":")
        if prefix == "wrap":
            return own(name)
        if prefix == "timm":
            pytest.importorskip("timm")
            return load(source, pretrained=False, size=64, device="cpu", **options)
        if prefix == "torchvision":
            if _torchvision_shim.ready() == "absent":
                pytest.skip("needs torchvision")
            return load(source, weights="none", device="cpu", **options)
        if prefix == "zoo":
            return load(source, device="cpu", **options)
        kind, _, side = name.partition("/")
        if kind not in made:
            made[kind] = tiny.save(kind, home / kind)
        chosen = {"part": side} if side == "decoder" else {"tower": side} if side else {}
        return load(f"hf:{made[kind]}", device="cpu", **chosen, **options)

    return model


def own(name: str) -> Model:
    if name == "function":
        return wrap(lengths_and_vowels, modality="text", name="letters")
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 4))
    return wrap(net, modality="text", name="net", prepare=lambda texts: torch.tensor(
        [[float(text.count(letter)) for letter in "abcdefgh"] for text in texts]))


def lengths_and_vowels(texts: list[str]) -> torch.Tensor:
    return torch.tensor([[len(text), sum(text.count(vowel) for vowel in "aeiou")] for text in texts])


def items_of(model: Model) -> list:
    return {"text": list(tiny.TEXTS), "image": tiny.pictures(), "audio": tiny.sounds(4000, 6000, 5000, 6000)}[model.modality]


def alike(x: Mapping[str, torch.Tensor], y: Mapping[str, torch.Tensor], rows: list[int]) -> None:
    for layer, value in x.items():
        assert torch.allclose(value, y[layer][rows], atol=2e-5, rtol=1e-4), layer


@pytest.mark.parametrize("source", SOURCES)
def test_every_layer_gives_one_finite_vector_per_item_in_the_order_announced(source: str, make: Callable) -> None:
    model = make(source)
    assert isinstance(model, Model)
    items = items_of(model)
    found = model.encode(items)
    assert tuple(found) == model.layers()
    assert len(set(model.layers())) == len(model.layers()) > 0
    for value in found.values():
        assert value.ndim == 2
        assert len(value) == len(items)
        assert value.is_floating_point()
        assert bool(value.isfinite().all())
        assert not value.is_inference()


@pytest.mark.parametrize("source", SOURCES)
def test_the_same_items_give_the_same_vectors_every_time(source: str, make: Callable) -> None:
    one, other = make(source), make(source)
    items = items_of(one)
    first, again, anew = one.encode(items), one.encode(items), other.encode(items)
    for layer in one.layers():
        assert torch.equal(first[layer], again[layer])
        assert torch.equal(first[layer], anew[layer])
    assert one.card == other.card
    assert dict(one.details) == dict(other.details)


@pytest.mark.parametrize("source", SOURCES)
def test_batch_size_and_batch_mates_do_not_matter(source: str, make: Callable) -> None:
    model = make(source)
    items = items_of(model)
    together = model.encode(items)
    for row, item in enumerate(items):
        alike(model.encode([item]), together, [row])
    alike(model.encode(items[::-1]), together, list(range(len(items)))[::-1])


@pytest.mark.parametrize("source", EXTERNAL)
def test_every_pooling_keeps_the_law_of_batch_mates(source: str, make: Callable) -> None:
    modality = make(source).modality
    for pooling in POOLED[modality]:
        model = make(source, layers="last", pooling=pooling)
        assert model.details["pooling"] == pooling
        items = items_of(model)
        alike(model.encode([items[0]]), model.encode(items), [0])


@pytest.mark.parametrize("source", SOURCES)
def test_card_and_details_can_be_kept_as_json_and_say_what_travels(source: str, make: Callable) -> None:
    model = make(source)
    assert json.loads(json.dumps(dict(model.details)))
    assert json.loads(json.dumps(model.card.as_dict()))["name"] == model.card.name != ""
    assert model.card.revision != ""
    if source != "wrap:function":
        assert model.card.parameters > 0
        assert model.details["pooling"] in ("mean", "cls")


@pytest.mark.parametrize("source", SOURCES)
def test_lengths_are_one_whole_number_per_item(source: str, make: Callable) -> None:
    model = make(source)
    if not isinstance(model, Sized):
        pytest.skip("has no lengths")
    lengths = model.lengths(items_of(model))
    assert len(lengths) == len(items_of(model))
    assert all(isinstance(length, int) and length > 0 for length in lengths)


@pytest.mark.parametrize("source", EXTERNAL)
def test_depth_is_kept_by_every_choice_of_layers(source: str, make: Callable) -> None:
    order = list(make(source).layers())
    for layers, expected in (("last", order[-1:]), ("every(2)", order[::-1][::2][::-1]), (order[:2], order[:2]),
                             ("concat", ["concat"])):
        assert list(make(source, layers=layers).layers()) == expected


@pytest.mark.parametrize("source", EXTERNAL)
@pytest.mark.parametrize("dtype", ["bfloat16", "float64"])
def test_precision_changes_numbers_only_by_rounding(source: str, dtype: str, make: Callable) -> None:
    fine, other = make(source), make(source, dtype=dtype)
    items = items_of(fine)
    exact, found = fine.encode(items), other.encode(items)
    for layer in fine.layers():
        assert found[layer].dtype == dtype_of(dtype)
        scale = float(exact[layer].abs().max())
        assert float((found[layer].float() - exact[layer]).abs().max()) < (0.1 if dtype == "bfloat16" else 1e-3) * scale
