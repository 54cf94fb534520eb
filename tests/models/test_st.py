"""sentence-transformers models put together from tiny parts: the sentence embedding is the library's own."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import tiny
import torch

from platometer.errors import InputError, ModelError
from platometer.models import _torchvision_shim, load

_torchvision_shim.ready()
st = pytest.importorskip("sentence_transformers")
Shelf = Callable[[str], Path]


def _parts() -> ModuleType:
    """Where the library keeps its modules: since version 6, and before."""
    try:
        return importlib.import_module("sentence_transformers.sentence_transformer.modules")
    except ImportError:
        return importlib.import_module("sentence_transformers.models")


@pytest.fixture(scope="module")
def saved(shelf: Shelf, tmp_path_factory: pytest.TempPathFactory) -> Callable:
    home, made = tmp_path_factory.mktemp("sentences"), {}

    def folder(mode: str = "mean", **options: object) -> Path:
        key = f"{mode}{len(options)}"
        if key not in made:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                parts = _parts()
                body = parts.Transformer(str(shelf("bert")), max_seq_length=16)
                pool = parts.Pooling(tiny.WIDTH, pooling_mode=mode)
                network = st.SentenceTransformer(modules=[body, pool, parts.Normalize()], device="cpu", **options)
                network.save(str(home / key))
            made[key] = home / key
        return made[key]

    return folder


@pytest.mark.parametrize("mode", ["mean", "cls", "max"])
def test_the_sentence_layer_is_what_the_library_encodes(mode: str, saved: Callable) -> None:
    folder = saved(mode)
    model = load(f"st:{folder}", device="cpu")
    theirs = st.SentenceTransformer(str(folder), device="cpu").encode(list(tiny.TEXTS), convert_to_tensor=True)
    found = model.encode(tiny.TEXTS)
    assert list(found) == ["embeddings", "block.0", "block.1", "block.2", "sentence"]
    assert torch.allclose(found["sentence"], theirs, atol=1e-6)
    assert model.details["pooling"] == mode
    last = found["block.2"] / found["block.2"].norm(dim=1, keepdim=True)
    assert torch.allclose(last, theirs, atol=1e-6)


def test_layers_are_those_that_hf_gives(saved: Callable, shelf: Shelf) -> None:
    inside, plain = load(f"st:{saved()}", device="cpu"), load(f"hf:{shelf('bert')}", device="cpu", max_length=16)
    theirs = plain.encode(tiny.TEXTS)
    for layer, value in inside.encode(tiny.TEXTS).items():
        assert layer == "sentence" or torch.allclose(value, theirs[layer], atol=1e-5)


def test_the_default_prompt_is_put_in_front_as_the_library_does(saved: Callable) -> None:
    folder = saved("mean", prompts={"query": "a dog runs: "}, default_prompt_name="query")
    model = load(f"st:{folder}", device="cpu", layers=["sentence"])
    theirs = st.SentenceTransformer(str(folder), device="cpu").encode(list(tiny.TEXTS), convert_to_tensor=True)
    assert torch.allclose(model.encode(tiny.TEXTS)["sentence"], theirs, atol=1e-6)
    assert model.details["prompt"] == "a dog runs: "


def test_its_own_context_length_holds(saved: Callable) -> None:
    model = load(f"st:{saved()}", device="cpu")
    assert model.limit == 16
    assert model.lengths([" ".join(tiny.TEXTS)])[0] > 16


def test_the_card_names_the_content(saved: Callable) -> None:
    one, other = (load(f"st:{saved(mode)}", device="cpu").card for mode in ("mean", "cls"))
    assert one.parameters == other.parameters > 0
    assert one.revision != other.revision


def test_what_is_not_there_is_an_error(tmp_path: Path, saved: Callable) -> None:
    with pytest.raises(ModelError, match="no such folder"):
        load(f"st:{tmp_path / 'nowhere'}")
    with pytest.raises(ModelError, match="Cannot load st:nobody/nothing"):
        load("st:nobody/nothing", local_files_only=True)
    with pytest.raises(InputError, match="the model takes texts"):
        load(f"st:{saved()}", device="cpu").encode([3])
