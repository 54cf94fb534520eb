"""What pages name is there: the tests behind the theory, files, and other pages."""

from __future__ import annotations

import re
from pathlib import Path

import pages
import pytest

ROOT = pages.DOCS.parent
WRITTEN = sorted(path.name for path in pages.DOCS.glob("*.md"))


def test_every_statement_of_the_theory_names_a_test_that_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", (pages.DOCS / "theory.md").read_text(encoding="utf-8")))
    there = {name for path in (ROOT / "tests" / "theory").glob("test_*.py")
             for name in re.findall(r"^def (test_\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE)}
    assert len(named) > 20
    assert named <= there


def test_every_kind_of_statement_of_the_theory_has_one() -> None:
    sections = (pages.DOCS / "theory.md").read_text(encoding="utf-8").split("\n## ")[1:]
    for section in sections[:4]:
        assert "`test_" in section or "_test_" in section, section.splitlines()[0]


@pytest.mark.parametrize("name", [*WRITTEN, "../README.md"])
def test_files_that_a_page_names_are_there(name: str) -> None:
    text = (pages.DOCS / name).read_text(encoding="utf-8")
    for path in re.findall(r"(?<![\w/.])((?:tests|benchmarks|docs|deploy|zoo|src)/[\w./-]+\.(?:py|md|toml|sh|yaml))", text):
        assert (ROOT / path).exists() or path.startswith("docs/generated/"), path


@pytest.mark.parametrize("name", [*WRITTEN, "../README.md"])
def test_links_of_a_page_lead_somewhere(name: str) -> None:
    text = (pages.DOCS / name).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(((?!https?:|#)[^)\s]+)\)", text):
        path = Path(target.partition("#")[0])
        made = path.parts[:1] == ("generated",)
        assert made or (pages.DOCS / name).parent.joinpath(path).exists(), target


def test_every_page_is_in_the_table_of_contents() -> None:
    index = (pages.DOCS / "index.md").read_text(encoding="utf-8")
    for name in WRITTEN:
        assert name == "index.md" or re.search(rf"^{name.removesuffix('.md')}$", index, re.MULTILINE), name
