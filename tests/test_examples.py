"""Every example in a docstring runs and gives what it says."""

import doctest
import importlib
import pkgutil

import pytest

import platometer

MODULES = ["platometer", *(found.name for found in pkgutil.walk_packages(platometer.__path__, "platometer."))]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_give_what_they_say(name: str, capsys: pytest.CaptureFixture) -> None:
    found = doctest.testmod(importlib.import_module(name))
    assert found.failed == 0, capsys.readouterr().out


def test_there_are_examples_to_run() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    count = sum(bool(test.examples) for name in MODULES for test in finder.find(importlib.import_module(name)))
    assert count > 30
