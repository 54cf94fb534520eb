"""Vision models of torchvision with random weights: blocks, preprocessing, names."""

from __future__ import annotations

import os

import pytest
import tiny
import torch

from platometer.errors import ModelError, SpecError
from platometer.models import _torchvision_shim, load

if _torchvision_shim.ready() == "absent":
    pytest.skip("needs torchvision", allow_module_level=True)


def test_a_residual_network_gives_its_blocks_averaged_over_the_map() -> None:
    model = load("torchvision:resnet18", weights="none", device="cpu")
    pixels = model.prepare(tiny.pictures()).args[0]
    with torch.inference_mode():
        state = torch.nn.Sequential(*list(model.module.children())[:-2])(pixels)
    found = model.encode(tiny.pictures())
    assert list(found) == [f"layer{i}.{j}" for i in (1, 2, 3, 4) for j in (0, 1)]
    assert torch.allclose(found["layer4.1"], state.mean((2, 3)), atol=1e-5)
    assert "crop_size=[224]" in model.details["preprocessing"]
    assert model.card.parameters == 11_689_512


def test_a_vision_transformer_gives_the_class_token() -> None:
    model = load("torchvision:vit_b_16", weights="none", layers="last", device="cpu")
    assert model.details["pooling"] == "cls"
    caught = {}
    handle = model.module.encoder.layers[-1].register_forward_hook(lambda module, args, out: caught.update(out=out))
    found = model.encode(tiny.pictures(2))
    handle.remove()
    assert torch.equal(next(iter(found.values())), caught["out"][:, 0])


@pytest.mark.parametrize(("name", "count"), [("mobilenet_v2", 19), ("convnext_tiny", 18), ("squeezenet1_0", 9), ("swin_t", 12)])
def test_blocks_are_found_in_other_families(name: str, count: int) -> None:
    assert len(load(f"torchvision:{name}", weights="none", device="cpu").layers()) == count


def test_weights_are_read_without_pickles(monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.models._api import WeightsEnum

    seen = []

    def published(self: object, **options: object) -> dict:
        seen.append(os.environ.get("TORCH_FORCE_WEIGHTS_ONLY_LOAD"))
        raise OSError("no network")

    monkeypatch.setattr(WeightsEnum, "get_state_dict", published)
    with pytest.raises(ModelError, match=r"Cannot load torchvision:resnet18: no network\. Can this machine download"):
        load("torchvision:resnet18")
    assert seen == ["1"]
    assert "TORCH_FORCE_WEIGHTS_ONLY_LOAD" not in os.environ


def test_misspelt_names_and_weights_are_errors_that_suggest() -> None:
    with pytest.raises(ModelError, match="Did you mean 'resnet18'"):
        load("torchvision:resnt18")
    with pytest.raises(SpecError, match="Did you mean 'IMAGENET1K_V1'"):
        load("torchvision:resnet18", weights="IMAGENET_V1")
