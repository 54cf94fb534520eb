"""Vision models of timm with random weights: layers against timm's own, preprocessing, checkpoints, errors."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny
import torch

from platometer.errors import ModelError, SpecError
from platometer.models import _torchvision_shim, load, names

VIT = "vit_tiny_patch16_224"
_torchvision_shim.ready()  # before timm, which imports torchvision
pytest.importorskip("timm")


def random(name: str, **options: object) -> object:
    return load(f"timm:{name}", pretrained=False, device="cpu", **options)


def close(x: torch.Tensor, y: torch.Tensor) -> bool:
    return torch.allclose(x, y, atol=1e-5, rtol=1e-4)


def test_a_vision_transformer_gives_the_class_token_of_the_residual_stream_after_each_block() -> None:
    model = random(VIT, size=64)
    pixels = model.prepare(tiny.pictures()).args[0]
    with torch.inference_mode():
        _, states = model.module.forward_intermediates(pixels, output_fmt="NLC", return_prefix_tokens=True, norm=False)
    found = model.encode(tiny.pictures())
    assert list(found) == [f"blocks.{i}" for i in range(12)]
    for mine, (_, prefix) in zip(found.values(), states, strict=True):
        assert close(mine, prefix[:, 0])
    assert model.details["pooling"] == "cls"
    assert model.details["preprocessing"]["input_size"] == [3, 64, 64]
    assert model.details["preprocessing"]["interpolation"] == "bicubic"


@pytest.mark.parametrize(("name", "widths"), [("resnet18", [64, 64, 128, 256, 512]), ("convnext_atto", [40, 80, 160, 320])])
def test_a_convolutional_network_gives_its_stages_averaged(name: str, widths: list) -> None:
    model = random(name, size=64)
    pixels = model.prepare(tiny.pictures()).args[0]
    with torch.inference_mode():
        states = model.module.forward_intermediates(pixels, intermediates_only=True)
    found = model.encode(tiny.pictures())
    assert [value.shape[1] for value in found.values()] == widths
    for mine, theirs in zip(found.values(), states, strict=True):
        assert close(mine, theirs.mean((2, 3)))


def test_maps_with_channels_last_are_averaged_over_the_right_sides() -> None:
    assert [v.shape[1] for v in random("swin_tiny_patch4_window7_224").encode(tiny.pictures(1)).values()] == [96, 192, 384, 768]


def test_a_transformer_without_class_token_is_averaged_over_its_patches() -> None:
    model = random("vit_base_patch16_siglip_224", size=64, layers="last")
    assert model.details["pooling"] == "mean"
    assert model.encode(tiny.pictures())["blocks.11"].shape == (4, 768)


def test_random_weights_come_from_the_seed_and_leave_the_generator_alone() -> None:
    before = torch.random.get_rng_state()
    one, same, other = (random("resnet18", size=32, layers="last", seed=seed) for seed in (0, 0, 1))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(one.encode(tiny.pictures())["layer4"], same.encode(tiny.pictures())["layer4"])
    assert not torch.equal(one.encode(tiny.pictures())["layer4"], other.encode(tiny.pictures())["layer4"])
    assert (one.card.revision, one.details["seed"]) == ("random", 0)


def test_parameters_are_those_of_the_body_without_its_head() -> None:
    assert random("resnet18").card.parameters == 11_176_512


def test_layers_inside_a_block_can_be_named() -> None:
    model = random(VIT, size=64, layers=["blocks.0.attn", "blocks.11"])
    assert list(model.encode(tiny.pictures())) == ["blocks.0.attn", "blocks.11"]
    assert len(random(VIT, size=64, layers="blocks.*").layers()) == 12
    assert len(random("resnet18", size=64, layers="all").layers()) > 40


def test_a_checkpoint_is_loaded_and_named_by_its_content(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    source = random("resnet18", size=32, seed=5)
    weights = source.module.state_dict()
    save_file(weights | {"fc.weight": torch.zeros(2, 512)}, tmp_path / "mine.safetensors")
    model = random("resnet18", size=32, checkpoint=str(tmp_path / "mine.safetensors"))
    assert torch.equal(model.encode(tiny.pictures())["layer4"], source.encode(tiny.pictures())["layer4"])
    assert model.details["pretrained"] is True
    assert len(model.card.revision) == 16
    save_file({k: v for k, v in weights.items() if k != "conv1.weight"}, tmp_path / "holey.safetensors")
    with pytest.raises(ModelError, match=r"lacks 1 weights, the first 'conv1\.weight'"):
        random("resnet18", checkpoint=str(tmp_path / "holey.safetensors"))
    with pytest.raises(ModelError, match="Is it of another model"):
        random("resnet34", checkpoint=str(tmp_path / "mine.safetensors"))
    (tmp_path / "cut.safetensors").write_bytes(b"\x00" * 9)
    with pytest.raises(ModelError, match="does not fit"):
        random("resnet18", checkpoint=str(tmp_path / "cut.safetensors"))


@pytest.mark.parametrize(("name", "text"), [
    ("vit_tny_patch16_224", "Did you mean 'vit_tiny_patch16_224'"),
    ("zzzzzzzzzz", r"timm\.list_models\(\) lists"),
    ("vit_tiny_patch16_224.augreg_in21", "has no weights 'augreg_in21'.*Did you mean 'augreg_in21k'"),
])
def test_a_misspelt_name_or_tag_is_an_error_that_suggests(name: str, text: str) -> None:
    with pytest.raises(ModelError, match=text):
        load(f"timm:{name}")


def test_published_weights_that_do_not_exist_are_not_made_up() -> None:
    with pytest.raises(ModelError, match=r"no published weights for 'vit_small_patch16_36x1_224'; set pretrained=false"):
        load("timm:vit_small_patch16_36x1_224")


def test_weights_that_cannot_be_had_are_an_error_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    import timm

    def offline(*_: object, **__: object) -> None:
        raise ConnectionError("Name or service not known")

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(ModelError, match=r"Name or service not known\. Can this machine reach the hub\?.*pretrained=false"):
        load(f"timm:{VIT}")


def test_options_that_cannot_be_are_errors() -> None:
    with pytest.raises(SpecError, match="expected one of float32"):
        random(VIT, dtype="manual_seed")
    with pytest.raises(SpecError, match=r"no option 'pretraind'\. Did you mean 'pretrained'"):
        load(f"timm:{VIT}", pretraind=False)
    with pytest.raises(ModelError, match="failed on a batch of 1: RuntimeError: Calculated padded input size"):
        random(VIT, size=10).encode(tiny.pictures(1))


def test_half_precision_is_used_throughout() -> None:
    assert random("resnet18", size=32, dtype="bfloat16").encode(tiny.pictures())["layer4"].dtype == torch.bfloat16


def test_every_source_is_listed() -> None:
    assert set(names()) >= {"hf", "python", "st", "timm", "torchvision"}


def test_a_source_without_prefix_is_an_error_that_shows_one() -> None:
    with pytest.raises(SpecError, match=r"has no prefix; expected e\.g\. 'hf:resnet18'"):
        load("resnet18")
    with pytest.raises(SpecError, match=r"no model source named 'timn'\. Did you mean 'timm'"):
        load("timn:resnet18")
