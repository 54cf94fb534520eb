"""The figures of the gallery come from its script, every plot among them, light and dark."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pages
import pytest
from PIL import Image

from platometer import experiments, plots

KILOBYTES = 150
SHIPPED = pages.DOCS / "images" / "plots"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    found = importlib.util.spec_from_file_location("docs_gallery", pages.DOCS / "images" / "gallery.py")
    module = importlib.util.module_from_spec(found)  # type: ignore[arg-type]
    found.loader.exec_module(module)  # type: ignore[union-attr]
    return module


def test_every_plot_draws_from_the_smaller_studies(script: ModuleType, tmp_path: Path) -> None:
    script.run(tmp_path, quick=True)
    drawn = [(name, theme) for name, theme, figure in script.figures(tmp_path, quick=True) if figure.axes]
    assert drawn == [(name, theme) for name in plots.names() for theme in ("light", "dark")]


@pytest.mark.parametrize("name", plots.names())
def test_a_plot_ships_light_and_dark_and_stands_on_the_page(name: str) -> None:
    page = (pages.DOCS / "gallery.md").read_text(encoding="utf-8")
    for theme in ("light", "dark"):
        path = SHIPPED / f"{name}-{theme}.png"
        assert path.stat().st_size < 1000 * KILOBYTES
        with Image.open(path) as picture:
            assert picture.width == 782  # 3.4 inches
        assert f"images/plots/{path.name}" in page
    assert f"## {name}" in page


def test_every_experiment_has_its_figure() -> None:
    for name in experiments.names():
        assert (pages.DOCS / "images" / "experiments" / f"{name}.png").stat().st_size < 200_000, name
