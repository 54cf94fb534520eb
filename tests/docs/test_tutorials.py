"""Tutorials and how-tos run as they are written, and print what they show."""

from __future__ import annotations

from pathlib import Path

import pages
import pytest

PAGES = sorted(path.name for path in pages.DOCS.glob("*.md")
               if path.name.startswith(("tutorial_", "howto_")) or path.name in ("start.md", "theory.md"))


def test_there_is_a_page_for_every_kind_of_reader() -> None:
    assert {"tutorial_vectors.md", "tutorial_models.md", "tutorial_score.md", "tutorial_theory.md", "howto_metric.md",
            "howto_source.md", "howto_dataset.md"} <= set(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_prints_what_it_shows(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    shown = 0
    for one in pages.told((pages.DOCS / name).read_text(encoding="utf-8")):
        assert pages.agrees(one.wanted, one.found), (
            f"{name}, line {one.line} shows\n{one.wanted}\nand this was printed:\n{one.found}")
        shown += 1
    assert shown, "the page shows nothing that it prints"


@pytest.mark.parametrize(("wanted", "found"), [
    ("a\n...\nb", "a\nb"), ("a ... b", "a 1 2 b"), ("p = 0.0010", "p = 0.00101"), ("x   y", "x\ty"),
    ("1,024 samples", "1,024 samples")])
def test_dots_and_roundings_agree(wanted: str, found: str) -> None:
    assert pages.agrees(wanted, found)


@pytest.mark.parametrize(("wanted", "found"), [
    ("a\nb", "a\nc"), ("0.50", "0.52"), ("3 models", "4 models"), ("a", "a\nb"), ("", "a"), ("a", "")])
def test_other_words_and_other_numbers_do_not(wanted: str, found: str) -> None:
    assert not pages.agrees(wanted, found)
