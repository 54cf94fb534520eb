"""Bins by capability as part of the examination of a run in which every model is aligned with every other."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from platometer.errors import UndefinedError
from platometer.trends import bins, examine, similarity

NAMES = [f"m{i}" for i in range(12)]
SKILL = {name: i / 12 for i, name in enumerate(NAMES)}


def rows(modality: str = "image") -> list[dict]:
    noise = np.random.default_rng(0).normal(size=(12, 12))
    return [{"left": NAMES[i], "right": NAMES[j], "metric": "cka", "alike": "high", "left_modality": "image",
             "right_modality": modality, "score": 0.2 + 0.04 * min(i, j) + 0.01 * noise[i, j]}
            for i, j in itertools.combinations(range(12), 2)]


def test_all_with_all_is_told_bin_by_bin() -> None:
    found = examine(rows(), against=SKILL, called="skill", draws=99)
    assert found.parts[0].trend.side == "both"
    assert found.parts[0].bins.bins == bins(similarity(rows()), SKILL, count=4, draws=99).bins
    assert found.parts[0].bins.p == 0.01
    assert "raw, among models of like skill: 0 to 0.167 (3 models): " in str(found)
    assert json.loads(json.dumps(found.as_dict(), allow_nan=False))["parts"][0]["bins"]["bins"][0]["models"] == NAMES[:3]


def test_models_whose_capability_is_not_known_are_in_no_bin() -> None:
    few = {name: value for name, value in SKILL.items() if name != "m3"}
    assert {name for one in examine(rows(), against=few, draws=99).parts[0].bins.bins for name in one.models} == set(few)


def test_where_bins_cannot_be_it_is_said() -> None:
    found = examine([row for row in rows() if {row["left"], row["right"]} != {"m0", "m1"}], against=SKILL, draws=99)
    assert found.parts[0].bins is None
    assert any("bins: There is no row of 'm0' with 'm1'" in note for note in found.notes)


def test_a_side_that_no_pairs_have_is_named() -> None:
    within = rows() + [row | {"left_modality": "text", "right_modality": "text"} for row in rows()]
    with pytest.raises(UndefinedError, match="None of their pairs has 'image' as one side: image ~ image, text ~ text"):
        examine(within, against=SKILL, side="image", draws=99)
