"""Small studies in a temporary folder: files of vectors, and texts read by models of one's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

MINE = '''
"""Models of texts that count letters; every batch is written down, and the one asked for is the last."""

import os
import signal
from pathlib import Path

import numpy as np

from platometer.models import wrap

HERE = Path(__file__).parent


def _model(name, seed):
    rng = np.random.default_rng(seed)
    low, high = rng.normal(size=(10, 6)), rng.normal(size=(10, 4))

    def features(texts):
        with (HERE / "calls.log").open("a") as file:
            file.write(f"{name} {len(texts)}\\n")
        if (HERE / "kill").exists() and (HERE / "kill").read_text() in texts:
            os.kill(os.getpid(), signal.SIGKILL)
        if (HERE / "spoil").exists() and (HERE / "spoil").read_text() == name:
            raise KeyError("spoilt")
        counts = np.array([[text.count(c) for c in "0123456789"] for text in texts], dtype=float)
        return {"low": counts @ low, "high": np.tanh(counts @ high)}

    return wrap(features, modality="text", name=name, layers=["low", "high"], revision="1")


def one():
    return _model("one", 1)


def two():
    return _model("two", 2)


def three(seed=3):
    return _model(f"three-{seed}", seed)
'''


@pytest.fixture
def vectors(tmp_path: Path) -> Callable[[], Path]:
    """A study of three files of vectors that share a latent space; called, it writes them and gives the study file."""
    def write(align: str = "", more: str = "", models: str = '"file:a.npz", "file:b.npz", "file:c.npz"', n: int = 60) -> Path:
        rng = np.random.default_rng(0)
        z = rng.normal(size=(n, 4))
        for name, width in (("a", 8), ("b", 12), ("c", 6)):
            np.savez(tmp_path / f"{name}.npz", layer_0=z @ rng.normal(size=(4, width)), layer_1=rng.normal(size=(n, width)))
        path = tmp_path / "study.toml"
        path.write_text(f'name = "toy"\nmodels = [{models}]\n{more}\n[align]\ndraws = 50\n'
                        f'metrics = ["mutual_knn(k=5)", "cka"]\n{align}\n')
        return path

    return write


@pytest.fixture
def texts(tmp_path: Path) -> Callable[[], Path]:
    """A study of three models over 300 texts; called, it writes them and gives the study file."""
    def write(align: str = "", n: int = 300) -> Path:
        rng = np.random.default_rng(0)
        (tmp_path / "texts.txt").write_text("".join(f"text {i} {rng.integers(10**12)}\n" for i in range(n)))
        (tmp_path / "mine.py").write_text(MINE)
        models = "\n".join(f'[[models]]\nsource = "python:mine.py:{name}"\nbatch_size = 20' for name in ("one", "two", "three"))
        path = tmp_path / "study.toml"
        path.write_text('name = "texts"\nquestion = "Do they agree?"\nseed = 3\n[data]\nsource = "text"\npath = "texts.txt"\n'
                        f'[align]\ndraws = 40\nmetrics = ["mutual_knn(k=5)", "cka"]\n{align}\n{models}\n')
        return path

    return write


@pytest.fixture
def calls(tmp_path: Path) -> Callable[[], dict[str, int]]:
    """Items that each model has been run on since it was last asked."""
    def count() -> dict[str, int]:
        found: dict[str, int] = {}
        log = tmp_path / "calls.log"
        for line in log.read_text().splitlines() if log.exists() else ():
            name, items = line.split()
            found[name] = found.get(name, 0) + int(items)
        log.unlink(missing_ok=True)
        return found

    return count
