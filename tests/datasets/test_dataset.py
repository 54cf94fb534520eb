"""How a dataset's name becomes paired samples."""

import subprocess
import sys

import pytest

from platometer import datasets
from platometer.errors import UnknownNameError


def test_every_source_is_listed_and_says_what_it_is():
    assert datasets.names() == ("cifar", "folder", "hf", "scenes", "text", "webdataset")


def test_an_unknown_source_gets_a_suggestion():
    with pytest.raises(UnknownNameError, match=r"no dataset named 'foldr'. Did you mean 'folder'\?"):
        datasets.load("foldr", path="x")


def test_listing_sources_imports_none():
    code = "import sys; from platometer import datasets; datasets.names(); print('platometer.datasets.folder' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
