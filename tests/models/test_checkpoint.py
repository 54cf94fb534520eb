"""Weights from files as training scripts leave them: laid out as theirs, with what does not belong to the network."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny
import torch

from platometer.errors import ModelError
from platometer.models import _torchvision_shim, load

if _torchvision_shim.ready() == "absent":
    pytest.skip("needs torchvision", allow_module_level=True)
pytest.importorskip("timm")


def timm(**options: object) -> object:
    return load("timm:resnet18", pretrained=False, size=32, device="cpu", **options)


def torchvision(**options: object) -> object:
    return load("torchvision:resnet18", weights="none", device="cpu", layers=["layer1", "layer4"], **options)


def same(one: object, other: object) -> bool:
    a, b = (model.encode(tiny.pictures(2))["layer4"] for model in (one, other))
    return torch.equal(a, b)


def as_momentum_contrast(weights: dict, head: int = 512) -> dict:
    """Two encoders with a projection of two layers, a queue and an optimiser's state, all behind ``module.``"""
    body = {name: value for name, value in weights.items() if not name.startswith("fc.")}
    state = {"module.queue": torch.zeros(8, 16), "module.queue_ptr": torch.zeros(1, dtype=torch.long)}
    for encoder in ("encoder_q", "encoder_k"):
        made = body if encoder == "encoder_q" else {name: torch.zeros_like(value) for name, value in body.items()}
        made = made | {f"fc.{i}.{part}": torch.zeros(*size) for i, rows in ((0, head), (2, 8))
                       for part, size in (("weight", (rows, head)), ("bias", (rows,)))}
        state |= {f"module.{encoder}.{name}": value for name, value in made.items()}
    return {"epoch": 200, "arch": "resnet18", "state_dict": state, "wandb_run_id": "main-moco",
            "optimizer": {"state": {0: {"momentum_buffer": torch.zeros(3)}}, "param_groups": [{"lr": 0.1, "params": [0]}]}}


@pytest.mark.parametrize("source", [timm, torchvision])
def test_the_query_encoder_of_a_momentum_contrast_is_taken_and_all_else_is_recorded(source: object, tmp_path: Path) -> None:
    trained = source(seed=5)
    path = tmp_path / "checkpoint_0199.pth.tar"
    torch.save(as_momentum_contrast(trained.module.state_dict()), path)
    model = source(checkpoint=str(path), keys="module.encoder_q.")
    assert same(model, trained)
    assert model.details["checkpoint"] == "checkpoint_0199.pth.tar"
    assert model.details["keys"] == "module.encoder_q."
    assert model.details["ignored"] == {"module.queue": 1, "module.queue_ptr": 1, "module.encoder_q.fc": 4,
                                        "module.encoder_k": len(trained.module.state_dict()) - 2 * (source is torchvision) + 4}
    assert model.details["without"] == ("fc" if source is torchvision else "")
    assert model.details["seed"] is None
    assert len(model.card.revision) == 16
    assert model.card.parameters == 11_176_512


def test_the_encoder_before_its_module_prefix_and_a_plain_one_are_the_same_network(tmp_path: Path) -> None:
    trained = timm(seed=5)
    plain, wrapped, held = (tmp_path / name for name in ("encoder.pth", "wrapped.pt", "held.ckpt"))
    weights = trained.module.state_dict() | {"fc.weight": torch.zeros(128, 512), "fc.bias": torch.zeros(128)}
    torch.save(weights, plain)
    torch.save({f"module.{name}": value for name, value in weights.items()}, wrapped)
    torch.save({"model": weights, "epoch": 3}, held)
    assert same(timm(checkpoint=str(plain)), trained)
    assert same(timm(checkpoint=str(wrapped), keys="module."), trained)
    model = timm(checkpoint=str(held))
    assert same(model, trained)
    assert model.details["ignored"] == {"fc": 2}


def test_a_head_of_another_width_is_left_aside_with_its_own(tmp_path: Path) -> None:
    trained = torchvision(seed=2)
    weights = trained.module.state_dict()
    torch.save(weights | {"fc.weight": torch.zeros(128, 512), "fc.bias": torch.zeros(128)}, tmp_path / "encoder.pth")
    model = torchvision(checkpoint=str(tmp_path / "encoder.pth"))
    assert same(model, trained)
    assert model.details["without"] == "fc"
    assert isinstance(model.module.fc, torch.nn.Identity)
    torch.save(weights, tmp_path / "whole.pth")
    assert torchvision(checkpoint=str(tmp_path / "whole.pth")).details["without"] == ""


def test_a_prefix_that_was_not_named_is_suggested(tmp_path: Path) -> None:
    path = tmp_path / "moco.pth.tar"
    torch.save(as_momentum_contrast(timm().module.state_dict()), path)
    with pytest.raises(ModelError, match=r"under names that begin with ''\. Did you mean keys = 'module\.encoder_k\.' or "
                                         r"'module\.encoder_q\.'\?"):
        timm(checkpoint=str(path))


def test_a_file_of_another_network_is_an_error(tmp_path: Path) -> None:
    torch.save({"blocks.0.0.weight": torch.zeros(96, 3, 3, 3)}, tmp_path / "alexnet.pth")
    with pytest.raises(ModelError, match=r"Its names are such as 'blocks\.0\.0\.weight'; expected 'conv1\.weight'\. Is it of"):
        timm(checkpoint=str(tmp_path / "alexnet.pth"))
    weights = timm().module.state_dict()
    torch.save({k: v for k, v in weights.items() if not k.startswith("layer2")}, tmp_path / "holey.pth")
    with pytest.raises(ModelError, match=r"lacks \d+ weights, the first 'layer2\.0\.conv1\.weight'"):
        timm(checkpoint=str(tmp_path / "holey.pth"))
    torch.save(weights | {"conv1.weight": torch.zeros(32, 3, 7, 7)}, tmp_path / "narrow.pth")
    with pytest.raises(ModelError, match=r"narrow\.pth does not fit.*conv1\.weight"):
        timm(checkpoint=str(tmp_path / "narrow.pth"))


class Greeting:
    """Something that is no weight."""


def test_no_code_in_a_file_is_ever_run(tmp_path: Path) -> None:
    torch.save({"state_dict": {}, "args": Greeting()}, tmp_path / "args.pth")
    with pytest.raises(ModelError, match=r"cannot be read as weights alone.*Files that hold code or objects are refused"):
        timm(checkpoint=str(tmp_path / "args.pth"))
    (tmp_path / "cut.pth").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(ModelError, match="Was the download cut short"):
        timm(checkpoint=str(tmp_path / "cut.pth"))


def test_files_that_are_not_there_or_hold_no_weights_are_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"there is no such file here\. Has it been downloaded"):
        timm(checkpoint=str(tmp_path / "absent.pth"))
    (tmp_path / "weights.npz").write_bytes(b"")
    with pytest.raises(ModelError, match=r"expected a file that ends in \.safetensors, \.pth"):
        timm(checkpoint=str(tmp_path / "weights.npz"))
    torch.save({"epoch": 3, "loss": 0.5}, tmp_path / "log.pth")
    with pytest.raises(ModelError, match=r"holds the entries 'epoch', 'loss'; expected weights by name, at the top or under "
                                         "state_dict or model"):
        timm(checkpoint=str(tmp_path / "log.pth"))
