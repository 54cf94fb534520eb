"""The pretrained models beside the project, as models of one's own: one function for all, ``model`` chooses.

What they are is told by their folder's README; nothing of them is part of platometer. The folder is found by the
environment variable PLATOMETER_BENCH_DATA, or beside the checkout.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import torch

from platometer.models import wrap

DATA = Path(os.environ.get("PLATOMETER_BENCH_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))


def _shelf():
    spec = importlib.util.spec_from_file_location("bench_models", DATA / "models.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def vision(model: str):
    """An ImageNet or CIFAR-10 network, every block averaged over its map."""
    shelf = _shelf()
    picture = shelf.preprocess(model)
    info = shelf.info(model)
    return wrap(
        shelf.load(model), modality="image", name=model, prepare=lambda items: torch.stack([picture(item) for item in items]),
        layers=_read_out(info["layers"]), source=f"shelf:{model}", licence=str(info["licence"]),
    )


def text(model: str):
    """A byte-level language model, the mean over valid bytes after every block."""
    shelf = _shelf()
    info = shelf.info(model)
    return wrap(
        shelf.load(model), modality="text", name=model, prepare=shelf.preprocess(model), layers=_read_out(info["layers"]),
        source=f"shelf:{model}", licence=str(info["licence"]),
    )


def _read_out(layers) -> list[str]:
    """Every hooked layer but classifier heads."""
    return [layer for layer in layers if layer not in ("head", "linear")]
