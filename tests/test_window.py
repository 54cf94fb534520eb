"""The window: what ``import platometer`` shows, and that looking through it costs nothing."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType

import pytest

import platometer as pm

SHOWN = {
    "score", "align", "Alignment", "Calibration", "read", "interval", "compare_alignments", "streaming_cka",
    "growing_gallery", "extract", "Features", "Samples", "Paired", "Card", "Study",
    "trends", "experiments", "scenes", "theory", "metrics", "models", "datasets", "nulls", "stats", "PlatometerError",
    "InputError", "SpecError", "DataError", "ModelError", "StoreError", "StudyError", "MissingDependencyError", "__version__",
}


def _fresh(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_promised_names_are_these() -> None:
    assert set(pm.__all__) == set(dir(pm)) == SHOWN


def test_every_name_is_there_and_documented() -> None:
    for name in SHOWN - {"__version__"}:
        value = getattr(pm, name)
        assert (value.__doc__ or "").strip(), name
        assert isinstance(value, ModuleType) or value.__module__.startswith("platometer."), name


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'platometer' has no attribute 'scroe'"):
        pm.scroe  # noqa: B018


def test_what_there_is_can_be_listed() -> None:
    assert "mutual_knn" in pm.metrics.names()
    assert "hf" in pm.models.names()
    assert "folder" in pm.datasets.names()


def test_every_error_of_ours_is_caught_by_one_name() -> None:
    for name in SHOWN:
        if name.endswith("Error"):
            assert issubclass(getattr(pm, name), pm.PlatometerError)


def test_importing_loads_neither_torch_nor_anything_else_that_is_large() -> None:
    large = ("torch", "numpy", "scipy", "transformers", "timm", "pyarrow", "pydantic", "numba", "rich", "jinja2", "PIL")
    assert _fresh(f"import sys, platometer; print([name for name in {large!r} if name in sys.modules])") == "[]"
    assert _fresh("import sys, platometer as pm; pm.PlatometerError; print('torch' in sys.modules)") == "False"


def test_a_name_loads_what_it_needs_and_no_model_library() -> None:
    large = ("transformers", "timm", "torchvision", "sentence_transformers", "datasets", "pyarrow", "PIL", "jinja2")
    code = f"import sys, platometer as pm; pm.align, pm.score; print([name for name in {large!r} if name in sys.modules])"
    assert _fresh(code) == "[]"


def test_two_tables_are_scored_in_one_line() -> None:
    assert pm.score([[1, 0], [1, 0.1], [0, 1], [0.1, 1]], [[2, 2], [2, 1.9], [-1, 1], [-1, 0.9]], "mutual_knn(k=1)") == 1.0
