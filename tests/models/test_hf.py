"""Models of Hugging Face, on tiny ones of the same classes: layers against the library's own, padding, towers, errors."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from PIL import Image

from platometer.errors import DataError, InputError, MissingDependencyError, ModelError, SpecError
from platometer.models import hf, load

DECODERS = ("gpt2", "llama", "bloom")
ENCODERS = ("bert", "roberta", "t5")
Shelf = Callable[[str], Path]


def library(folder: Path) -> object:
    import transformers

    return transformers.AutoModel.from_pretrained(folder).eval()


def tokens(folder: Path, texts: list[str], *, side: str = "right") -> object:
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    tokenizer.padding_side = side
    return tokenizer(texts, return_tensors="pt", padding=True, truncation=True, max_length=tiny.CONTEXT)


def means(states: tuple, mask: torch.Tensor) -> list[torch.Tensor]:
    weight = mask[..., None].float()
    return [(state * weight).sum(1) / weight.sum(1) for state in states]


def close(x: torch.Tensor, y: torch.Tensor) -> bool:
    return torch.allclose(x, y, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", DECODERS + ENCODERS)
def test_layers_of_language_models_are_the_librarys_hidden_states(kind: str, shelf: Shelf) -> None:
    """L + 1 of them: the embedding output and every block, the last after the final norm."""
    folder = shelf(kind)
    network, inputs = library(folder), tokens(folder, list(tiny.TEXTS))
    network = network.get_encoder() if kind == "t5" else network
    with torch.inference_mode():
        states = network(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"],
                         output_hidden_states=True).hidden_states
    found = load(f"hf:{folder}", device="cpu").encode(tiny.TEXTS)
    assert list(found) == ["embeddings", *(f"block.{i}" for i in range(tiny.DEPTH))]
    for mine, theirs in zip(found.values(), means(states, inputs["attention_mask"]), strict=True):
        assert close(mine, theirs)


@pytest.mark.parametrize("kind", ["gpt2", "llama", "bloom", "t5"])
def test_residual_is_the_last_block_before_the_final_norm(kind: str, shelf: Shelf) -> None:
    folder = shelf(kind)
    last = f"block.{tiny.DEPTH - 1}"
    normed, residual = (load(f"hf:{folder}", device="cpu", layers="last", final=final, pooling="last")
                        for final in ("normed", "residual"))
    network = normed.module
    norm = next(part for name, part in network.named_modules() if name in ("ln_f", "norm", "final_layer_norm"))
    with torch.inference_mode():
        assert close(norm(residual.encode(tiny.TEXTS)[last]), normed.encode(tiny.TEXTS)[last])
    assert not close(residual.encode(tiny.TEXTS)[last], normed.encode(tiny.TEXTS)[last])


@pytest.mark.parametrize("kind", ["llama", "bloom"])
def test_the_papers_left_padding_gives_the_same_numbers_with_relative_positions(kind: str, shelf: Shelf) -> None:
    folder = shelf(kind)
    inputs = tokens(folder, list(tiny.TEXTS), side="left")
    with torch.inference_mode():
        states = library(folder)(inputs["input_ids"], attention_mask=inputs["attention_mask"],
                                 output_hidden_states=True).hidden_states
    for mine, theirs in zip(load(f"hf:{folder}", device="cpu").encode(tiny.TEXTS).values(),
                            means(states, inputs["attention_mask"]), strict=True):
        assert close(mine, theirs)


def test_with_learned_positions_left_padding_without_position_ids_depends_on_the_batch(shelf: Shelf) -> None:
    """Why it is not offered: a short text's vectors move by a visible amount beside a long one."""
    folder = shelf("gpt2")
    inputs = tokens(folder, list(tiny.TEXTS), side="left")
    with torch.inference_mode():
        states = library(folder)(inputs["input_ids"], attention_mask=inputs["attention_mask"],
                                 output_hidden_states=True).hidden_states
    mine = load(f"hf:{folder}", device="cpu").encode(tiny.TEXTS)
    assert not close(mine["embeddings"], means(states, inputs["attention_mask"])[0])


@pytest.mark.parametrize("pooling", ["mean", "last", "first", "max"])
def test_every_pooling_sees_only_the_text_itself(pooling: str, shelf: Shelf) -> None:
    model = load(f"hf:{shelf('llama')}", device="cpu", pooling=pooling)
    together = model.encode(tiny.TEXTS)
    for row, text in enumerate(tiny.TEXTS):
        alone = model.encode([text])
        assert all(close(alone[layer][0], together[layer][row]) for layer in model.layers())


@pytest.mark.parametrize("kind", ["vit", "dinov2", "dinov2_registers"])
def test_vision_transformers_give_the_class_token_of_the_residual_stream(kind: str, shelf: Shelf) -> None:
    folder = shelf(kind)
    model = load(f"hf:{folder}", device="cpu")
    pixels = model.prepare(tiny.pictures()).kwargs["pixel_values"]
    with torch.inference_mode():
        states = library(folder)(pixels, output_hidden_states=True).hidden_states
    found = model.encode(tiny.pictures())
    assert list(found) == [f"block.{i}" for i in range(tiny.DEPTH)]
    assert model.details["pooling"] == "cls"
    for mine, theirs in zip(found.values(), states[1:], strict=True):
        assert close(mine, theirs[:, 0])
    patches = load(f"hf:{folder}", device="cpu", pooling="mean").encode(tiny.pictures())
    skipped = 3 if kind == "dinov2_registers" else 1
    assert close(patches["block.0"], states[1][:, skipped:].mean(1))


def test_a_masked_autoencoder_sees_the_whole_picture_and_no_chance(shelf: Shelf) -> None:
    folder = shelf("vit_mae")
    model = load(f"hf:{folder}", device="cpu", pooling="none")
    found = model.encode(tiny.pictures())
    assert found["block.0"].shape == (4, 17 * tiny.WIDTH)  # 16 patches and the class token
    assert torch.equal(found["block.2"], model.encode(tiny.pictures())["block.2"])


@pytest.mark.parametrize("kind", ["convnext", "resnet"])
def test_convolutional_networks_give_their_stages_averaged_over_the_map(kind: str, shelf: Shelf) -> None:
    folder = shelf(kind)
    model = load(f"hf:{folder}", device="cpu")
    with torch.inference_mode():
        states = library(folder)(**model.prepare(tiny.pictures()).kwargs, output_hidden_states=True).hidden_states
    found = model.encode(tiny.pictures())
    assert [value.shape[1] for value in found.values()] == [8, 16, 24, 32]
    for mine, theirs in zip(found.values(), states[1:], strict=True):
        assert close(mine, theirs.mean((2, 3)))


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_both_towers_can_be_read_and_one_must_be_chosen(kind: str, shelf: Shelf) -> None:
    folder = shelf(kind)
    with pytest.raises(ModelError, match="has two towers; choose tower='vision' or tower='text'"):
        load(f"hf:{folder}")
    vision, text = load(f"hf:{folder}", device="cpu", tower="vision"), load(f"hf:{folder}", device="cpu", tower="text")
    assert (vision.modality, text.modality) == ("image", "text")
    assert len(vision.encode(tiny.pictures())) == tiny.DEPTH
    assert len(text.encode(tiny.TEXTS)) == tiny.DEPTH + 1
    assert vision.card.parameters != text.card.parameters
    assert vision.details["pooling"] == ("cls" if kind == "clip" else "mean")
    with pytest.raises(ModelError, match="has no tower 'audio'; expected vision or text"):
        load(f"hf:{folder}", tower="audio")


def test_siglip_reads_texts_padded_to_its_context_as_it_was_trained(shelf: Shelf) -> None:
    text = load(f"hf:{shelf('siglip')}", device="cpu", tower="text")
    inputs = text.prepare(["a cat"])
    assert inputs.kwargs["input_ids"].shape == (1, tiny.CONTEXT)
    assert "attention_mask" not in inputs.kwargs
    assert int(inputs.mask.sum()) < tiny.CONTEXT


def test_an_encoder_decoder_has_two_parts_and_the_encoder_is_the_default(shelf: Shelf) -> None:
    folder = shelf("t5")
    encoder, decoder = load(f"hf:{folder}", device="cpu"), load(f"hf:{folder}", device="cpu", part="decoder")
    assert len(encoder.layers()) == tiny.DEPTH + 1
    assert len(decoder.layers()) == tiny.DEPTH
    inputs = decoder.prepare(["a cat"]).kwargs
    with torch.inference_mode():
        states = library(folder)(**inputs, output_hidden_states=True).decoder_hidden_states
    for mine, theirs in zip(decoder.encode(["a cat"]).values(), states, strict=True):
        assert close(mine, theirs.mean(1))
    with pytest.raises(ModelError, match="has no part 'decoder'; leave the option out"):
        load(f"hf:{shelf('bert')}", part="decoder")


@pytest.mark.parametrize("kind", tiny.AUDIO)
def test_sounds_of_different_length_do_not_disturb_each_other(kind: str, shelf: Shelf) -> None:
    model = load(f"hf:{shelf(kind)}", device="cpu")
    waves = tiny.sounds(6000, 3000, 6000, 4500)
    together = model.encode(waves)
    assert list(together) == ["embeddings", "block.0", "block.1", "block.2"]
    for row, wave in enumerate(waves):
        alone = model.encode([wave])
        assert all(close(alone[layer][0], together[layer][row]) for layer in model.layers())
    assert model.lengths(waves) == [6000, 3000, 6000, 4500]


def test_a_sound_of_another_rate_or_shape_is_an_error(shelf: Shelf) -> None:
    model = load(f"hf:{shelf('wav2vec2')}", device="cpu")
    with pytest.raises(InputError, match="8000 Hz, the model takes 16000 Hz; resample"):
        model.encode(tiny.sounds(4000, rate=8000))
    with pytest.raises(InputError, match="several channels"):
        model.encode([(np.zeros((2, 4000), np.float32), 16000)])
    with pytest.raises(InputError, match="the model takes sounds"):
        model.encode([np.zeros(4000, np.float32)])


def test_sounds_longer_than_the_window_are_known_to_be_cut(shelf: Shelf) -> None:
    model = load(f"hf:{shelf('whisper')}", device="cpu")
    assert model.limit == 16000
    start, = tiny.sounds(20000)
    assert close(model.encode([start])["block.2"], model.encode([(start[0][:16000], 16000)])["block.2"])


@pytest.mark.parametrize("kind", DECODERS + ENCODERS)
def test_texts_beyond_the_context_are_cut_and_their_length_is_told(kind: str, shelf: Shelf) -> None:
    model = load(f"hf:{shelf(kind)}", device="cpu")
    long = " ".join(tiny.TEXTS) * 3
    assert model.limit == tiny.CONTEXT
    assert model.lengths(["a cat", long])[1] > tiny.CONTEXT
    assert model.encode([long])["block.1"].isfinite().all()
    short = load(f"hf:{shelf(kind)}", device="cpu", max_length=4)
    assert short.limit == 4
    assert not close(short.encode([long])["block.2"], model.encode([long])["block.2"])


def test_a_context_beyond_the_models_positions_is_an_error(shelf: Shelf) -> None:
    with pytest.raises(SpecError, match="takes 1 to 32 tokens"):
        load(f"hf:{shelf('gpt2')}", max_length=64)
    with pytest.raises(SpecError, match="max_length is for texts"):
        load(f"hf:{shelf('vit')}", max_length=64)


def test_a_tokenizer_without_padding_token_pads_with_end_of_sequence(shelf: Shelf) -> None:
    assert load(f"hf:{shelf('gpt2')}", device="cpu").details["pad_token"] == "</s>"


def test_a_text_without_tokens_is_named(shelf: Shelf) -> None:
    with pytest.raises(InputError, match="makes no tokens of the text ''"):
        load(f"hf:{shelf('gpt2')}", device="cpu").encode(["a cat", ""])


def test_layers_are_chosen_by_word_name_and_pattern(shelf: Shelf) -> None:
    folder = f"hf:{shelf('bert')}"
    every = load(folder, device="cpu").encode(tiny.TEXTS)
    assert load(folder, device="cpu", layers="last").layers() == ("block.2",)
    assert load(folder, device="cpu", layers="every(2)").layers() == ("block.0", "block.2")
    assert load(folder, device="cpu", layers="block.*").layers() == ("block.0", "block.1", "block.2")
    joined = load(folder, device="cpu", layers="concat").encode(tiny.TEXTS)["concat"]
    assert torch.equal(joined, torch.cat(list(every.values()), 1))
    inside = load(folder, device="cpu", layers=["embeddings", "encoder.layer.1.output"]).encode(tiny.TEXTS)
    assert close(inside["encoder.layer.1.output"], every["block.1"])
    with pytest.raises(SpecError, match=r"has no layer 'blocks\.1'"):
        load(folder, layers="blocks.1")


@pytest.mark.parametrize(("kind", "options"), [("bert", {}), ("vit", {}), ("resnet", {}), ("wav2vec2", {})])
def test_all_layers_are_those_that_can_be_pooled(kind: str, options: dict, shelf: Shelf) -> None:
    model = load(f"hf:{shelf(kind)}", device="cpu", layers="all", **options)
    items = {"text": tiny.TEXTS, "image": tiny.pictures(), "audio": tiny.sounds(6000, 6000)}[model.modality]
    assert len(model.layers()) > 2 * tiny.DEPTH
    assert all(value.ndim == 2 and len(value) == len(items) for value in model.encode(items).values())


@pytest.mark.parametrize("kind", ["llama", "vit", "resnet", "wav2vec2"])
def test_half_precision_is_used_throughout(kind: str, shelf: Shelf) -> None:
    model, full = (load(f"hf:{shelf(kind)}", device="cpu", dtype=dtype) for dtype in ("bfloat16", "float32"))
    items = {"text": tiny.TEXTS, "image": tiny.pictures(), "audio": tiny.sounds(6000)}[model.modality]
    last = model.layers()[-1]
    assert model.encode(items)[last].dtype == torch.bfloat16
    assert model.details["dtype"] == "bfloat16"
    assert torch.allclose(model.encode(items)[last].float(), full.encode(items)[last], atol=0.1, rtol=0.1)


def test_the_card_counts_parameters_and_names_content_not_place(shelf: Shelf, tmp_path: Path) -> None:
    folder = shelf("bert")
    card = load(f"hf:{folder}", device="cpu").card
    assert card.parameters == sum(p.numel() for p in library(folder).parameters())
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / "README.md").write_text("---\nlicense: apache-2.0\n---\nCite:\n```bibtex\n@article{a,\n x={T}}\n```\n")
    found = load(f"hf:{copy}", device="cpu").card
    assert (found.revision, found.licence) == (card.revision, "apache-2.0")
    assert found.citation.startswith("@article{a,")
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | {"layer_norm_eps": 1e-3}))
    assert load(f"hf:{copy}", device="cpu").card.revision != card.revision


def test_details_say_what_the_numbers_depend_on(shelf: Shelf) -> None:
    details = load(f"hf:{shelf('vit')}", device="cpu").details
    json.dumps(dict(details))
    assert details["processor"].endswith("Pil")
    assert details["preprocessing"]["size"] == {"height": 32, "width": 32}
    assert details["preprocessing"]["image_mean"] == [0.5, 0.5, 0.5]
    assert (details["pooling"], details["dtype"], details["class"]) == ("cls", "float32", "ViTModel")


def test_pictures_of_any_mode_become_rgb_and_deep_ones_are_refused(shelf: Shelf) -> None:
    model = load(f"hf:{shelf('vit')}", device="cpu", layers="last")
    grey = Image.new("L", (40, 40), 128)
    assert torch.equal(model.encode([grey])["block.2"], model.encode([grey.convert("RGB")])["block.2"])
    with pytest.raises(InputError, match="more than 8 bits a channel"):
        model.encode([Image.new("I;16", (40, 40))])
    with pytest.raises(InputError, match="the model takes pictures"):
        model.encode([np.zeros((40, 40, 3), np.uint8)])


def test_a_truncated_picture_is_named(shelf: Shelf, tmp_path: Path) -> None:
    path = tmp_path / "cut.jpg"
    tiny.pictures()[0].save(path)
    path.write_bytes(path.read_bytes()[:-400])
    with Image.open(path) as cut, pytest.raises(DataError, match=r"cut\.jpg cannot be decoded"):
        load(f"hf:{shelf('vit')}", device="cpu").encode([cut])


def test_a_number_among_texts_is_an_error(shelf: Shelf) -> None:
    with pytest.raises(InputError, match="Item 1 of a batch is a float; the model takes texts"):
        load(f"hf:{shelf('bert')}", device="cpu").encode(["a cat", float("nan")])


def test_missing_weights_are_never_made_up(shelf: Shelf, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    copy = tmp_path / "holey"
    shutil.copytree(shelf("llama"), copy)
    weights = load_file(copy / "model.safetensors")
    gone = next(key for key in weights if "layers.1" in key)
    save_file({key: value for key, value in weights.items() if key != gone}, copy / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match=r"lacks 1 weights of LlamaModel.*would be random"):
        load(f"hf:{copy}")


def test_damaged_weights_and_folders_that_are_no_model_are_errors(shelf: Shelf, tmp_path: Path) -> None:
    copy = tmp_path / "cut"
    shutil.copytree(shelf("bert"), copy)
    (copy / "model.safetensors").write_bytes((copy / "model.safetensors").read_bytes()[:1000])
    with pytest.raises(ModelError, match="Are the weights complete"):
        load(f"hf:{copy}")
    (copy / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="Are the weights complete, and in that folder"):
        load(f"hf:{copy}")
    with pytest.raises(ModelError, match=r"has no config\.json"):
        load(f"hf:{tmp_path}")
    with pytest.raises(ModelError, match="the folder is not there"):
        load(f"hf:{tmp_path / 'nowhere'}")
    with pytest.raises(ModelError, match="the folder is a file"):
        load(f"hf:{copy / 'config.json'}")


def test_a_model_without_its_tokenizer_or_processor_is_an_error(shelf: Shelf, tmp_path: Path) -> None:
    nouns = {"bert": "tokenizer", "t5": "tokenizer", "gpt2": "tokenizer", "vit": "image processor",
             "hubert": "feature extractor"}
    for kind, noun in nouns.items():
        copy = tmp_path / kind
        copy.mkdir()
        for name in ("config.json", "model.safetensors"):
            shutil.copy(shelf(kind) / name, copy / name)
        with pytest.raises(ModelError, match=f"its {noun} cannot be loaded"):
            load(f"hf:{copy}")


def test_a_name_on_the_hub_without_network_is_an_error_that_says_so() -> None:
    with pytest.raises(ModelError, match=r"Cannot load 'hf:nobody/nothing'.*reach the hub"):
        load("hf:nobody/nothing", local_files_only=True)


@pytest.mark.parametrize(("said", "told"), [
    ("You are trying to access a gated repo.", "accept its terms"),
    ("401 Client Error. Repository Not Found for url: ... private or gated", "Is the name right"),
    ("x is not a local folder and is not a valid model identifier", "Is the name right"),
    ("We couldn't connect to 'https://huggingface.co'", "reach the hub"),
    ("requires you to execute the modeling file (custom code); set trust_remote_code=True", "if you trust its authors"),
    ("CUDA out of memory. Tried to allocate", "quantise='8bit'"),
    ("Unrecognized configuration class", "AutoModel knows"),
])
def test_the_likely_slip_is_read_from_what_the_library_says(said: str, told: str) -> None:
    assert told in hf.hint(said)


@pytest.mark.parametrize(("options", "text"), [
    ({"final": "before"}, "expected 'normed' or 'residual'"), ({"dtype": "int8"}, "expected one of float32"),
    ({"pooling": "men"}, "Did you mean 'mean'"), ({"quantise": "2bit"}, "'8bit' or '4bit'"),
    ({"device": "cpu", "device_map": "auto"}, "exclude each other"), ({"device": "abacus"}, "expected e.g. 'cpu'"),
    ({"revision": "main"}, "is a folder"), ({"poling": "mean"}, "no option 'poling'. Did you mean 'pooling'"),
])
def test_options_that_cannot_be_are_errors(options: dict, text: str, shelf: Shelf) -> None:
    with pytest.raises(SpecError, match=text):
        load(f"hf:{shelf('bert')}", **options)


def test_quantisation_names_the_libraries_it_lacks(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hf.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match="quantise='4bit' needs accelerate and bitsandbytes"):
        load(f"hf:{shelf('llama')}", quantise="4bit")
    with pytest.raises(MissingDependencyError, match="device_map='auto' needs accelerate"):
        load(f"hf:{shelf('llama')}", device_map="auto")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is such a device")
def test_a_device_that_is_not_there_is_an_error(shelf: Shelf) -> None:
    with pytest.raises(ModelError, match="Cannot use the device 'cuda'"):
        load(f"hf:{shelf('bert')}", device="cuda")


def test_loading_says_nothing(shelf: Shelf, capfd: pytest.CaptureFixture, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        load(f"hf:{shelf('bert')}", device="cpu").encode(["a cat"])
    assert capfd.readouterr().out == ""
    assert not caplog.records
