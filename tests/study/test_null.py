"""A study says how chance is found: by draws, in closed form, or by draws only where the decision is open."""

from __future__ import annotations

import numpy as np
import pytest

from platometer import rows
from platometer.errors import StudyError
from platometer.study import Study


@pytest.fixture
def tables(tmp_path):
    """Two tables of vectors that share four directions, and one of noise."""
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(150, 4))
    for name in ("a", "b"):
        np.save(tmp_path / f"{name}.npy", shared @ rng.normal(size=(4, 12)) + rng.normal(size=(150, 12)))
    np.save(tmp_path / "noise.npy", rng.normal(size=(150, 12)))
    return tmp_path


def study(folder, null):
    return Study.of({
        "name": "nulls", "models": ["file:a.npy", "file:b.npy", "file:noise.npy"],
        "align": {"metrics": ["mutual_knn(k=5)", "cka(estimator=debiased)", "procrustes"], "null": null, "draws": 99},
    }, base=folder)


def by_pair(result, metric):
    return {(row["left"], row["right"]): row for row in result.rows if row["metric"].startswith(metric)}


def test_auto_spends_draws_only_where_the_decision_is_open(tables):
    found = by_pair(study(tables, "auto").run(tables / "run"), "mutual_knn")
    assert found["a", "b"]["method"] == "sequential draws"
    assert found["a", "b"]["draws"] == 99
    assert found["a", "noise"]["method"] == "closed form"
    assert found["a", "noise"]["draws"] == 0
    assert found["a", "noise"]["p"] > 0.1
    assert any("closed form" in remark for remark in found["a", "noise"]["remarks"])


def test_auto_draws_for_a_metric_without_a_closed_form(tables):
    found = by_pair(study(tables, "auto").run(tables / "run"), "procrustes")
    assert {row["method"] for row in found.values()} == {"sequential draws"}


def test_what_was_used_travels_with_the_rows_and_the_page(tables):
    result = study(tables, "auto").run(tables / "run")
    kept = rows.read(result.table)
    assert [row["method"] for row in kept] == [row["method"] for row in result.rows]
    assert all(0 < row["least_p"] <= row["p"] <= 1 for row in kept)
    assert "closed form" in result.page.read_text()


def test_a_closed_form_is_refused_where_there_is_none(tables):
    with pytest.raises(StudyError, match=r"procrustes.*closed"):
        study(tables, "closed-form").run(tables / "run")


def test_another_null_is_another_question(tables):
    drawn, automatic = (study(tables, null).run(tables / "run") for null in ("draws", "auto"))
    assert not {row["key"] for row in drawn.rows} & {row["key"] for row in automatic.rows}
