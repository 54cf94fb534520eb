"""Cells: named by everything that an answer depends on; answered once; damaged answers are found again."""

from __future__ import annotations

import dataclasses
import json
import logging
from pathlib import Path

import numpy as np
import pytest
import torch

from platometer import alignment, files, store
from platometer.errors import InputError, StoreError
from platometer.features import Features
from platometer.study import _cells
from platometer.study._cells import Cell, Desk, Setting

CELL = Cell(left="l", right="r", metric="mutual_knn(k=5)", conditioning="unit", draws=30, seed=1, alpha=0.1, summary="max",
            undefined="error")


@pytest.fixture
def sides() -> tuple[Features, Features]:
    rng = np.random.default_rng(0)
    z = rng.normal(size=(40, 3))
    return (Features.of({"a": z @ rng.normal(size=(3, 5)), "b": rng.normal(size=(40, 4))}, name="left"),
            Features.of({"c": z @ rng.normal(size=(3, 6)), "d": z @ rng.normal(size=(3, 2)), "e": rng.normal(size=(40, 4))},
                        name="right"))


@pytest.fixture
def setting(tmp_path: Path, sides: tuple[Features, Features]) -> Setting:
    for key, side in zip("lr", sides, strict=True):
        store.write(tmp_path / "features", key, side)
    return Setting(folder=str(tmp_path))


def test_a_key_differs_whenever_the_question_does() -> None:
    other = {"left": "x", "right": "x", "metric": "cka", "conditioning": "none", "draws": 31, "seed": 2, "alpha": 0.2,
             "summary": "mean", "undefined": "drop", "null": "auto", "within": ("a",), "blocks": ("a",), "first": 3}
    assert set(other) == {field.name for field in dataclasses.fields(Cell)}
    keys = {CELL.key, *(dataclasses.replace(CELL, **{name: value}).key for name, value in other.items())}
    assert len(keys) == 1 + len(other)
    assert dataclasses.replace(CELL).key == CELL.key


def test_an_answer_is_what_align_gives_to_the_last_digit(setting: Setting, sides: tuple[Features, Features]) -> None:
    direct = alignment.align(*sides, CELL.metric, draws=30, seed=1, alpha=0.1)
    told = Desk(setting).answer(CELL)
    assert np.array_equal(told["grid"], direct.grid)
    assert (told["score"], told["calibration"]["p"], told["calibration"]["tau"]) == (
        direct.score, direct.calibration.p, direct.calibration.tau)
    assert np.array_equal(told["calibration"]["draws"], direct.calibration.draws)
    assert told == _cells.read_answer(_cells.answer_path(setting.folder, CELL.key))


def test_what_is_answered_is_not_answered_again(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    told = Desk(setting).answer(CELL)
    monkeypatch.setattr(alignment, "compare", None)
    assert Desk(setting).answer(CELL) == told


@pytest.mark.parametrize("damage", [lambda text: text[:-20], lambda text: "", lambda text: "[]",
                                    lambda text: text.replace(CELL.key, "0" * 32),
                                    lambda text: text.replace(f'"schema":{_cells.SCHEMA}', '"schema":0')])
def test_a_damaged_answer_is_found_again(setting: Setting, damage: object, caplog: pytest.LogCaptureFixture) -> None:
    told = Desk(setting).answer(CELL)
    path = _cells.answer_path(setting.folder, CELL.key)
    path.write_text(damage(path.read_text()))  # type: ignore[operator]
    with caplog.at_level(logging.WARNING):
        assert Desk(setting).answer(CELL) == told
    assert f"{CELL.key}.json is damaged, or of another version; it is made anew" in caplog.text
    assert json.loads(path.read_text()) == told


def test_layers_are_prepared_once_and_let_go_beyond_the_budget(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared, prepare = [], alignment.prepare
    monkeypatch.setattr(alignment, "prepare", lambda features, *rest, **options: (
        prepared.append(features.key), prepare(features, *rest, **options))[1])
    roomy = Desk(setting, budget=10**9)
    for seed in range(3):
        roomy.answer(dataclasses.replace(CELL, seed=seed))
    assert prepared == ["l", "r"]
    prepared.clear()
    tight = Desk(setting, budget=0)
    for metric in ("cka", "mutual_knn(k=3)", "cka"):
        tight.answer(dataclasses.replace(CELL, metric=metric, seed=9 + len(prepared)))
    assert prepared == ["l", "r"] * 3


def test_tensors_and_arrays_are_weighed_wherever_they_lie() -> None:
    @dataclasses.dataclass
    class Side:
        x: torch.Tensor
        rest: tuple

    side = Side(torch.zeros(3, dtype=torch.float64), (np.zeros(4, dtype=np.float32), {"k": torch.zeros(2)}, "word", 5, None))
    assert _cells._size([side, side]) == 2 * (24 + 16 + 8)


def test_desks_share_the_memory() -> None:
    whole, shared = (Desk(Setting("x", desks=desks))._budget for desks in (1, 4))
    assert whole // 4 == shared > 0


def test_missing_features_are_an_error_of_the_cell(setting: Setting) -> None:
    with pytest.raises(StoreError, match="none is not there"):
        Desk(setting).answer(dataclasses.replace(CELL, left="none"))


def test_groups_within_which_chance_re_pairs_are_obeyed(setting: Setting) -> None:
    halves = tuple("ab"[i % 2] for i in range(40))
    told = Desk(setting).answer(dataclasses.replace(CELL, within=halves))
    assert told["calibration"]["null"] == "permutation within groups"
    with pytest.raises(InputError, match="nothing to permute"):
        Desk(setting).answer(dataclasses.replace(CELL, within=tuple(map(str, range(40)))))


def test_sides_exchanged_twice_are_as_before(setting: Setting) -> None:
    told = Desk(setting).answer(CELL)
    other = _cells.turned(told)
    assert np.array_equal(other["grid"], np.transpose(told["grid"]))
    assert (other["left_layers"], other["best"]["left"]) == (told["right_layers"], told["best"]["right"])
    assert other["grid"][other["best"]["left_index"]][other["best"]["right_index"]] == told["best"]["score"]
    assert _cells.turned(other) == told


def test_without_draws_there_is_no_calibration(setting: Setting) -> None:
    told = Desk(setting).answer(dataclasses.replace(CELL, draws=0))
    assert told["calibration"] is told["null_mean_grid"] is None
    assert _cells.turned(_cells.turned(told)) == told
    assert files.read_json(_cells.answer_path(setting.folder, told["key"])) == told
