"""The page of names has every public name, and only those."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
import re
from types import ModuleType

import pages
import pytest

import platometer

pytest.importorskip("sphinx")


@pytest.fixture(scope="module")
def conf() -> ModuleType:
    found = importlib.util.spec_from_file_location("docs_conf", pages.DOCS / "conf.py")
    module = importlib.util.module_from_spec(found)  # type: ignore[arg-type]
    found.loader.exec_module(module)  # type: ignore[union-attr]
    return module


@pytest.fixture(scope="module")
def page(conf: ModuleType) -> str:
    return conf._api()


def test_every_promised_name_has_a_section(page: str) -> None:
    for name in set(dir(platometer)) - {"__version__"}:
        assert f"### {name}\n" in page, name


def test_every_public_name_of_every_package_stands_there(page: str) -> None:
    told = set(re.findall(r"^\.\. (?:auto\w+|py:data):: (\S+)$", page, re.MULTILINE))
    for found in pkgutil.iter_modules(platometer.__path__):
        module = importlib.import_module(f"platometer.{found.name}")
        for name in getattr(module, "__all__", ()) if found.ispkg else ():
            thing = getattr(module, name)
            path = thing.__name__ if inspect.ismodule(thing) else f"{module.__name__}.{name}"
            assert path in told, path


def test_what_stands_there_exists(page: str) -> None:
    for path in re.findall(r"^\.\. (?:auto(?:class|function)|py:data):: (\S+)$", page, re.MULTILINE):
        home, _, name = path.rpartition(".")
        assert hasattr(importlib.import_module(home), name), path


def test_each_is_described(page: str) -> None:
    for path in re.findall(r"^\.\. auto(?:class|function):: (\S+)$", page, re.MULTILINE):
        home, _, name = path.rpartition(".")
        assert inspect.getdoc(getattr(importlib.import_module(home), name)), path
