"""The tree of errors: one root, the builtin kinds that callers expect, and sentences that point to the nearest word."""

from __future__ import annotations

import inspect
import re

import pytest

import platometer as pm
from platometer import errors
from platometer.errors import PlatometerError, missing, suggestion

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, Exception)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_is_a_platometer_error_and_drawn_in_the_tree(kind: type) -> None:
    assert issubclass(kind, PlatometerError)
    assert re.search(rf"\b{kind.__name__}\b", errors.__doc__ or "")
    assert kind.__doc__


def test_errors_are_also_of_the_builtin_kind_that_callers_catch() -> None:
    assert issubclass(errors.InputError, ValueError)
    assert issubclass(errors.SpecError, ValueError)
    assert issubclass(errors.UnknownNameError, LookupError)
    assert issubclass(errors.MissingDependencyError, ImportError)
    assert issubclass(errors.UndefinedError, pm.InputError)


def test_a_near_miss_is_suggested_and_a_far_one_gets_the_list() -> None:
    assert suggestion("mutual_nn", ["mutual_knn", "cka"]) == "Did you mean 'mutual_knn'?"
    assert suggestion("cycle_knm", ["cycle_knn", "cycle_k", "rv"]) == "Did you mean 'cycle_knn' or 'cycle_k'?"
    assert suggestion("L3", ["l1", "l2", "l3"]) == "Did you mean 'l3'?"
    assert suggestion("cka", ["CKA", "rv"]) == "Did you mean 'CKA'?"
    assert suggestion("zebra", ["rv", "cka"]) == "Known: cka, rv."
    assert suggestion("k", iter(["q"])) == "Known: q."


def test_a_missing_library_is_named_with_the_extra_that_brings_it() -> None:
    error = missing("timm", "vision", wanted_for="timm:vit")
    assert "timm:vit needs 'timm'" in str(error)
    assert "pip install 'platometer[vision]'" in str(error)


def test_a_misspelt_metric_is_answered_with_the_nearest() -> None:
    with pytest.raises(pm.PlatometerError, match=r"There is no metric named 'mutal_knn'. Did you mean 'mutual_knn'"):
        pm.score([[1.0]], [[1.0]], "mutal_knn")
