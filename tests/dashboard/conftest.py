"""One real run for all tests of the dashboard."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import made


@pytest.fixture(scope="session")
def run(tmp_path_factory) -> Path:
    """The folder of a finished run; not to be written to."""
    return made.vectors(tmp_path_factory.mktemp("dashboard"))


@pytest.fixture
def runs(run, tmp_path) -> Path:
    """A folder of runs of one's own, with a copy of that run."""
    shutil.copytree(run, tmp_path / "runs" / "vectors")
    return tmp_path / "runs"
