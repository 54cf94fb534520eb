"""What loading weights needs: a place, a precision, no pickles, and a card."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from torch import nn

from platometer.errors import ModelError, SpecError
from platometer.models import _loading


class Evil:
    def __reduce__(self):
        return os.getenv, ("HOME",)


def test_no_checkpoint_runs_code_while_weights_only_holds(tmp_path: Path) -> None:
    import pickle

    torch.save({"x": Evil()}, tmp_path / "evil.pt")
    with _loading.weights_only(), pytest.raises(pickle.UnpicklingError):
        torch.load(tmp_path / "evil.pt", weights_only=False)
    assert "TORCH_FORCE_WEIGHTS_ONLY_LOAD" not in os.environ


def test_weights_only_puts_back_what_was_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_FORCE_WEIGHTS_ONLY_LOAD", "0")
    with pytest.raises(KeyError), _loading.weights_only():
        raise KeyError
    assert os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] == "0"


def test_a_network_is_placed_in_evaluation_mode_and_precision() -> None:
    placed = _loading.placed(nn.Linear(2, 2).train(), "cpu", torch.bfloat16)
    assert not placed.training
    assert placed.weight.dtype == torch.bfloat16


@pytest.mark.parametrize("word", ["int8", "manual_seed", "", "float"])
def test_a_precision_that_is_none_is_an_error(word: str) -> None:
    with pytest.raises(SpecError, match="expected one of float32, float16, bfloat16, float64"):
        _loading.dtype_of(word)


def test_a_device_that_is_none_is_an_error() -> None:
    with pytest.raises(SpecError, match="expected e"):
        _loading.device_of("gpu")
    if not torch.cuda.is_available():
        with pytest.raises(ModelError, match="Is it there"):
            _loading.placed(nn.Linear(2, 2), "cuda:0")


@pytest.mark.parametrize(("text", "licence", "citation"), [
    ("", "", ""),
    ("# A model\nlicense: mit", "", ""),
    ("---\nlicense: mit\ntags: []\n---\n# A model", "mit", ""),
    ("---\nlicense: 'apache-2.0'\n---\n```\n@misc{x, title={A}}\n```\n", "apache-2.0", "@misc{x, title={A}}"),
])
def test_a_card_is_read_only_where_it_says_something(text: str, licence: str, citation: str, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(text)
    assert _loading.said(tmp_path / "README.md") == _loading.Said(licence, citation)
    assert _loading.said(tmp_path / "nowhere.md") == _loading.Said()


def test_a_folders_revision_is_its_content(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name / "sub").mkdir(parents=True)
        (tmp_path / name / "config.json").write_text("{}")
        (tmp_path / name / "sub" / "x.safetensors").write_bytes(b"12")
    (tmp_path / "b" / "README.md").write_text("does not count")
    one = _loading.folder_revision(tmp_path / "a")
    assert _loading.folder_revision(tmp_path / "b") == one
    (tmp_path / "b" / "sub" / "x.safetensors").write_bytes(b"13")
    assert _loading.folder_revision(tmp_path / "b") != one


def test_the_first_line_of_an_error_is_a_sentence() -> None:
    assert _loading.first_line(ValueError("\n  it broke\nat length")) == "it broke."
    assert _loading.first_line(ValueError()) == "ValueError."
