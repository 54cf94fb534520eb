"""Plug-ins: found by file name or entry point, never imported before they are asked for."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

from platometer import metrics, plugins
from platometer.errors import SpecError, UnknownNameError

OUTSIDE = '''
from dataclasses import dataclass

import torch

from platometer.metrics import Facts, Metric


@dataclass(frozen=True)
class Ours(Metric):
    """A metric from somebody else's package."""

    @property
    def facts(self):
        return Facts((0.0, 1.0), "high", True, (), "no ties", 2, "global", "nobody 2026")

    def prepare(self, x):
        return x

    def compare(self, a, b):
        return 0.5

    def permute(self, a, order):
        return a[order]
'''


@pytest.fixture
def announced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Modules of another package, announced under the metrics' group."""
    def announce(**modules: str) -> None:
        points = []
        for name, text in modules.items():
            (tmp_path / f"outside_{name}.py").write_text(text)
            points.append(importlib.metadata.EntryPoint(name, f"outside_{name}", "platometer.metrics"))
        monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: points if group == "platometer.metrics" else [])
        plugins._folder.cache_clear()
    monkeypatch.syspath_prepend(tmp_path)
    yield announce
    monkeypatch.undo()
    plugins._folder.cache_clear()


def test_names_are_the_files_of_the_folder_without_private_ones() -> None:
    folder = Path(metrics.__file__).parent
    files = {path.stem for path in folder.glob("*.py") if not path.stem.startswith("_")}
    assert files <= set(metrics.names())
    assert list(metrics.names()) == sorted(metrics.names())
    assert not any(name.startswith("_") for name in metrics.names())


def test_listing_imports_nothing() -> None:
    code = ("import sys, platometer.plugins as p; names = p.names('platometer.datasets'); "
            "print(len(names), [n for n in names if 'platometer.datasets.' + n in sys.modules])")
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.strip().endswith("[]")
    assert not found.startswith("0")


def test_hyphens_and_underscores_are_the_same() -> None:
    assert plugins.load("platometer.metrics", "mutual-knn", noun="metric").__name__ == "platometer.metrics.mutual_knn"
    assert metrics.parse("mutual-knn(k=3)") == metrics.parse("mutual_knn(k=3)")


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"There is no metric named 'mutual_nn'. Did you mean 'mutual_knn'"):
        plugins.load("platometer.metrics", "mutual_nn", noun="metric")
    with pytest.raises(UnknownNameError, match="There is no metric named '_grams'"):
        plugins.load("platometer.metrics", "_grams", noun="metric")


def test_a_metric_from_outside_is_listed_and_parsed_like_ours(announced) -> None:
    announced(ours=OUTSIDE)
    assert "ours" in metrics.names()
    assert metrics.parse("ours").compare(None, None) == 0.5


def test_a_name_of_ours_is_not_shadowed_from_outside(announced) -> None:
    announced(cka=OUTSIDE)
    assert plugins.load("platometer.metrics", "cka", noun="metric").__name__ == "platometer.metrics.cka"


def test_a_metric_file_defines_exactly_one_metric(announced) -> None:
    announced(none="x = 1", two=OUTSIDE + OUTSIDE[OUTSIDE.index("@dataclass"):].replace("Ours", "Theirs"))
    with pytest.raises(SpecError, match="outside_none defines 0 metrics; a metric file defines exactly one"):
        metrics.parse("none")
    with pytest.raises(SpecError, match="outside_two defines 2 metrics"):
        metrics.parse("two")
