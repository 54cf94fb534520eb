"""platometer measures how alike neural networks represent the world, and what chance alone would give.

>>> import platometer as pm
>>> pm.score([[1, 0], [1, 0.1], [0, 1], [0.1, 1]], [[2, 2], [2, 1.9], [-1, 1], [-1, 0.9]], "mutual_knn(k=1)")
1.0

The names below are promised; whatever else can be imported is not. Importing this package is quick: each name, and
torch with it, is loaded when it is first used.
"""

from __future__ import annotations

import importlib

__version__ = "0.1.0"

_WINDOW = {
    # two tables of vectors
    "score": "platometer.alignment",
    "align": "platometer.alignment",
    "Alignment": "platometer.alignment",
    "Calibration": "platometer.nulls",
    "read": "platometer.vectors",
    # how sure a score is, and how it changes with many samples
    "interval": "platometer.intervals",
    "compare_alignments": "platometer.intervals",
    "streaming_cka": "platometer.streaming",
    "growing_gallery": "platometer.gallery",
    # models on data
    "extract": "platometer.extraction",
    "Features": "platometer.features",
    "Samples": "platometer.samples",
    "Paired": "platometer.samples",
    "Card": "platometer.cards",
    # a study, what follows from its rows, and experiments in a world whose truth is known
    "Study": "platometer.study",
    "trends": "platometer.trends",
    "experiments": "platometer.experiments",
    "scenes": "platometer.scenes",
    "theory": "platometer.theory",
    # what there is
    "metrics": "platometer.metrics",
    "models": "platometer.models",
    "datasets": "platometer.datasets",
    "nulls": "platometer.nulls",
    "stats": "platometer.stats",
    # errors
    "PlatometerError": "platometer.errors",
    "InputError": "platometer.errors",
    "SpecError": "platometer.errors",
    "DataError": "platometer.errors",
    "ModelError": "platometer.errors",
    "StoreError": "platometer.errors",
    "StudyError": "platometer.errors",
    "MissingDependencyError": "platometer.errors",
}

__all__ = ["__version__", *_WINDOW]


def __getattr__(name: str) -> object:
    home = _WINDOW.get(name)
    if home is None:
        raise AttributeError(f"module 'platometer' has no attribute {name!r}")
    module = importlib.import_module(home)
    value = module if home == f"platometer.{name}" else getattr(module, name)
    globals()[name] = value  # looked up once
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
