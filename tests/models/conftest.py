"""Folders of tiny models, made when first asked for and kept for the session."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import tiny


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Kind -> folder with a tiny model of that kind."""
    home, made = tmp_path_factory.mktemp("shelf"), {}

    def folder(kind: str) -> Path:
        if kind not in made:
            made[kind] = tiny.save(kind, home / kind)
        return made[kind]

    return folder
