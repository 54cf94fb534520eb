"""The zoo: every network that ships loads, is what its card says, and is not its twin that learnt nothing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from platometer import networks, scenes
from platometer.errors import InputError, ModelError, SpecError, StoreError
from platometer.models import load, zoo

NAMES = tuple(zoo.catalogue())
FAMILIES = {"conv-contrastive": 5, "conv-masked": 5, "conv-supervised": 5, "vit-contrastive": 5, "vit-masked": 5,
            "vit-supervised": 5, "gpt": 5, "gru": 5, "bow": 5, "sound": 3, "path": 3}
KEPT = ("conv-contrastive-3", "gpt-3")
ON = {"device": "cpu"}


def items(modality: str, n: int = 5) -> list:
    events = scenes.world().sample(n)
    if modality == "image":
        return [Image.fromarray(picture) for picture in scenes.pictures(events)]
    if modality == "audio":
        return [(wave, scenes.RATE) for wave in scenes.sounds(events)]
    return scenes.captions(events) if modality == "text" else list(scenes.paths(events).reshape(n, -1))


def test_every_family_ships_in_every_size() -> None:
    assert set(NAMES) == {f"{family}-{size}" for family, sizes in FAMILIES.items() for size in range(1, sizes + 1)}


def test_weights_take_twenty_megabytes_at_most_and_nothing_lies_there_unnamed() -> None:
    files = list(zoo.HOME.iterdir())
    assert sum(file.stat().st_size for file in files if file.suffix == ".safetensors") <= 20e6
    kept = {f"{name}@{point['step']}" for name in NAMES for point in zoo.card(name)["checkpoints"]}
    assert {file.name for file in files} == {
        "vocabulary.json", *(f"{name}.json" for name in NAMES), *(f"{name}.safetensors" for name in {*NAMES, *kept})}


@pytest.mark.parametrize("name", NAMES)
def test_a_network_is_what_its_card_says_and_a_batch_changes_nothing(name: str) -> None:
    card, model = zoo.card(name), load(f"zoo:{name}", **ON)
    assert model.card.parameters == card["parameters"] == sum(p.numel() for p in model.module.parameters())
    assert model.layers() == networks.layers(model.module)
    assert model.modality == card["modality"]
    given = items(model.modality)
    together, alone = model.encode(given), [model.encode([item]) for item in given]
    assert tuple(together) == model.layers()
    for layer, found in together.items():
        assert found.dtype == torch.float32
        assert torch.isfinite(found).all()
        assert found.std(0).max() > 0
        apart = torch.cat([one[layer] for one in alone])
        assert torch.allclose(found, apart, rtol=1e-4, atol=1e-4 * float(found.abs().max()))


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith("-1")])
def test_the_untrained_twin_has_the_same_layers_and_other_weights(name: str) -> None:
    model, twin = load(f"zoo:{name}", **ON), load(f"zoo:{name}", untrained=True, **ON)
    assert model.layers() == twin.layers()
    assert model.card.revision != twin.card.revision
    assert twin.card.details["steps"] == 0
    assert twin.details["steps"] == 0
    given = items(model.modality)
    one, other = model.encode(given), twin.encode(given)
    assert all(one[layer].shape == other[layer].shape for layer in one)
    assert not any(torch.allclose(one[layer], other[layer], rtol=1e-2, atol=1e-3) for layer in one)


@pytest.mark.parametrize("name", NAMES)
def test_a_card_tells_data_recipe_curve_and_capability(name: str) -> None:
    card = zoo.card(name)
    assert card["data"]["world_fingerprint"] == scenes.world().fingerprint
    assert card["data"]["split"] == ("captions" if card["modality"] == "text" else "pictures")
    assert card["steps"] == card["recipe"]["steps"] == card["curve"][-1][0]
    assert 0 < len(card["curve"]) <= 50
    assert card["curve"][-1][1] < card["curve"][0][1]  # it learnt
    capability = card["capability"]
    assert capability["interval"][0] <= capability["skill"] <= capability["interval"][1]
    assert capability["layer"] in networks.layers(load(f"zoo:{name}", untrained=True, **ON).module)
    assert card["modality"] != "text" or 0.3 < capability["bits_per_byte"] < card["untrained"]["bits_per_byte"]
    assert {"python", "platometer", "numpy", "torch"} == set(card["versions"])


@pytest.mark.parametrize("family", FAMILIES)
def test_networks_of_a_family_saw_equally_much_and_larger_ones_are_larger(family: str) -> None:
    cards = [zoo.card(f"{family}-{size}") for size in range(1, FAMILIES[family] + 1)]
    assert len({card["items_seen"] for card in cards}) == 1
    counts = [card["parameters"] for card in cards]
    assert counts == sorted(counts)
    assert len({card["seed"] for card in cards}) == len(cards)


@pytest.mark.parametrize("name", KEPT)
def test_two_networks_were_kept_along_their_training(name: str) -> None:
    card = zoo.card(name)
    steps = [point["step"] for point in card["checkpoints"]]
    assert steps == sorted(steps)
    assert len(steps) >= 6
    assert steps[0] < card["steps"] / 50
    assert steps[-1] < card["steps"]
    revisions = {load(f"zoo:{name}", step=step, **ON).card.revision for step in [*steps, card["steps"]]}
    assert len(revisions) == len(steps) + 1
    assert load(f"zoo:{name}", step=card["steps"], **ON).card.revision == load(f"zoo:{name}", **ON).card.revision
    early = load(f"zoo:{name}", step=steps[0], **ON)
    assert early.details["steps"] == early.card.details["steps"] == steps[0]
    assert "capability" not in early.card.details
    with pytest.raises(SpecError, match=rf"not kept at step 12345: kept are {steps[0]}, .*untrained=True is step 0"):
        load(f"zoo:{name}", step=12345)


def test_only_two_were_kept() -> None:
    assert {name for name in NAMES if zoo.card(name)["checkpoints"]} == set(KEPT)
    with pytest.raises(SpecError, match="has only its last"):
        load("zoo:gpt-1", step=3)


def test_what_was_measured_is_measured_again() -> None:
    """Bits per byte of the first test captions, by another road than the script's: word by word."""
    name, texts = "gpt-2", [text for text in scenes.captions(scenes.world().sample(40), seed=0) if len(text) > 40][:5]
    network, vocabulary = load(f"zoo:{name}", **ON).module, zoo.vocabulary()
    bits = length = 0.0
    for text in texts:
        ids = vocabulary.ids([text], stop=True)[0]
        for end in range(1, len(ids)):
            with torch.inference_mode():
                bits -= float(network(ids[None, :end])[0, -1].log_softmax(0)[ids[end]]) / np.log(2)
        length += len(text.encode()) + 1
    assert bits / length == pytest.approx(zoo.card(name)["capability"]["bits_per_byte"], rel=0.25)


def test_words_met_in_capitals_and_words_never_met_are_read() -> None:
    model = load("zoo:gpt-1", **ON)
    low, high, strange = (model.encode([text])["blocks.1"] for text in ("a red tree", "A Red Tree", "a red zeppelin"))
    assert torch.equal(low, high)
    assert not torch.equal(low, strange)
    assert model.lengths(["a red tree."]) == [5]
    assert model.limit == 64


def test_pictures_of_another_size_are_made_smaller() -> None:
    model = load("zoo:conv-supervised-1", **ON)
    assert model.encode([Image.new("RGB", (96, 70), "red")])["blocks.5"].shape == (1, 16)


def test_layers_pooling_and_precision_are_options() -> None:
    assert load("zoo:gpt-2", layers="last", **ON).layers() == ("blocks.2",)
    assert load("zoo:gpt-2", layers="concat", **ON).encode(["a tree"])["concat"].shape == (1, 80)
    one, other = (load("zoo:gpt-2", pooling=how, **ON).encode(["a red tree"])["blocks.2"] for how in ("mean", "last"))
    assert not torch.allclose(one, other)
    assert load("zoo:vit-masked-1", dtype="float64", **ON).encode(items("image", 1))["blocks.1"].dtype == torch.float64


def test_what_is_not_there_or_does_not_fit_is_an_error() -> None:
    with pytest.raises(ModelError, match=r"no network 'gtp-3' in the zoo. Did you mean 'gpt-3'"):
        load("zoo:gtp-3")
    with pytest.raises(ModelError, match=r"no network '\.\./zoo' in the zoo"):
        load("zoo:../zoo")
    with pytest.raises(SpecError, match="untrained=True and step=3 exclude each other"):
        load("zoo:gpt-3", untrained=True, step=3)
    with pytest.raises(InputError, match="a sound of 100 samples; the model takes 4000"):
        load("zoo:sound-1", **ON).encode([(np.zeros(100, dtype=np.float32), scenes.RATE)])
    with pytest.raises(InputError, match=r"the shape \(5,\); the model takes paths"):
        load("zoo:path-1", **ON).encode([np.zeros(5)])


def test_damaged_weights_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("path-1.json", "path-1.safetensors"):
        (tmp_path / name).write_bytes((zoo.HOME / name).read_bytes())
    monkeypatch.setattr(zoo, "HOME", tmp_path)
    card = json.loads((tmp_path / "path-1.json").read_text())
    (tmp_path / "path-1.json").write_text(json.dumps(card | {"options": {"width": 8, "depth": 2}}))
    with pytest.raises(StoreError, match="another network than its card says"):
        load("zoo:path-1", **ON)
    (tmp_path / "path-1.safetensors").write_bytes(b"cut")
    with pytest.raises(ModelError, match="cannot be read"):
        load("zoo:path-1", **ON)
