"""Likely slips of a newcomer, and what they are told."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import platometer as pm


@pytest.fixture
def pair():
    rng = np.random.default_rng(0)
    return rng.normal(size=(30, 5)), rng.normal(size=(30, 4))


@pytest.mark.parametrize("device", ["gpu", "cuda:99"])
def test_a_device_that_is_not_there_is_named(pair, device):
    with pytest.raises(pm.InputError, match=f"device = '{device}' cannot be used here.*'cpu' always can"):
        pm.align(*pair, draws=0, device=device)


@pytest.mark.parametrize(("options", "said"), [
    ({"draws": 1.5}, "draws = 1.5; expected a whole number"), ({"draws": "x"}, "draws = 'x'; expected a whole number"),
    ({"seed": None}, "seed = None; expected a whole number"),
])
def test_draws_and_seed_are_whole_numbers(pair, options, said):
    with pytest.raises(pm.InputError, match=said):
        pm.align(*pair, "mutual_knn(k=3)", **options)


def test_a_path_is_not_an_array(pair):
    with pytest.raises(pm.InputError, match=r"is the text 'a\.npy'; expected an array of numbers\. Read a file with pm\.read"):
        pm.align("a.npy", pair[1])


def test_different_numbers_of_rows_are_said_before_too_few(pair):
    with pytest.raises(pm.InputError, match="left has 3 samples and right has 30"):
        pm.align(pair[0][:3], pair[1])


def test_draws_too_few_for_alpha_are_remarked_on(pair):
    found = pm.align(pair[0], pair[0], "mutual_knn(k=3)", draws=10)
    assert found.remarks[-1].startswith("10 draws cannot give a p of 0.05 or less")
    assert "at least 19 are needed" in found.remarks[-1]
    assert not pm.align(pair[0], pair[0], "mutual_knn(k=3)", draws=19).remarks


def test_what_a_file_holds_beside_its_layers_is_remarked_on(pair, tmp_path):
    np.savez(tmp_path / "left.npz", a=pair[0], labels=np.arange(30) % 3)
    found = pm.align(pm.read(tmp_path / "left.npz"), pair[1], "mutual_knn(k=3)", draws=0)
    assert any("'labels' was not read" in remark for remark in found.remarks)


@pytest.mark.parametrize("metric", ["mutual_knn", "cycle_knn", "edit_knn", "jaccard_knn", "lcs_knn", "rbo"])
def test_no_neighbour_anywhere_is_undefined(pair, metric):
    with pytest.raises(pm.InputError, match="No sample has a certain nearest neighbour: all are tied"):
        pm.score(np.ones((30, 3)), pair[0], f"{metric}(k=3)")


def test_one_text_is_not_a_list_of_texts():
    class Letters:
        card, details, modality = pm.Card("letters"), {}, "text"

        def layers(self):
            return ("0",)

        def encode(self, items):
            return {"0": torch.ones(len(items), 1)}

    with pytest.raises(pm.InputError, match="samples is one text, 'hello'; expected a list of them"):
        pm.extract(Letters(), "hello")


def test_a_bare_network_is_told_how_to_become_a_model():
    with pytest.raises(pm.ModelError, match=r"A Linear is not a model of platometer's.*platometer\.models\.wrap"):
        pm.extract(torch.nn.Linear(3, 3), [np.ones(3)])
