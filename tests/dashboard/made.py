"""Folders of runs for the tests: a real one of vectors, and ones that lie, stopped half-way, or mean harm."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import numpy as np

from platometer import files, rows
from platometer.study import Study

HOSTILE = '<img src=x onerror=alert(1)>"\'</script>\u202e{{7*7}}'


def vectors(place: Path, *, n: int = 40, name: str = "vectors") -> Path:
    """The folder of a run over three files of vectors, one of them called `HOSTILE`."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(n, 4))
    place.mkdir(parents=True, exist_ok=True)
    for i in range(3):
        layers = {f"l{j}": (z @ rng.normal(size=(4, 6)) + 0.3 * (i + 1) * rng.normal(size=(n, 6))) for j in range(i + 2)}
        np.savez(place / f"m{i}.npz", **layers)
    models = [{"source": f"file:{place}/m{i}.npz", "name": HOSTILE if i == 2 else f"m{i}"} for i in range(3)]
    study = Study.of({"name": name, "question": "Do they agree?", "models": models,
                      "align": {"metrics": ["mutual_knn(k=3)", "cka"], "draws": 19}})
    return study.run(place / "runs" / name, progress=lambda *_: None).folder


def stopped(run: Path, out: Path, *, answered: int) -> Path:
    """A copy of a run as it was with so many of its cells answered."""
    shutil.copytree(run, out)
    for name in ("run.json", "rows.parquet", "report.html"):
        (out / name).unlink()
    for i, path in enumerate(sorted((out / "cells").iterdir())):
        if i >= answered:
            path.unlink()
        else:
            os.utime(path, (time.time() + i, time.time() + i))
    going = json.loads((out / "going.json").read_text())
    files.write_json(out / "going.json", going | {"started": time.time() - 60})
    return out


def hostile(out: Path) -> Path:
    """A folder with rows and a record alone, in which every text means harm."""
    row = dict.fromkeys(rows.SCHEMA.names) | {
        "study": HOSTILE, "left": HOSTILE, "right": "=cmd|'/c calc'!A1", "metric": HOSTILE, "conditioning": "unit",
        "alike": "high", "summary": "max", "score": 0.5, "left_layer": HOSTILE, "right_layer": HOSTILE, "n": 9,
        "remarks": [HOSTILE], "versions": {},
        "key": "../../../../etc/passwd", "left_features": "../../..", "right_features": "/etc", "left_details": "{}",
    }
    rows.write(out / "rows.parquet", [row])
    files.write_json(out / "run.json", {"study": HOSTILE, "question": HOSTILE, "failures": [HOSTILE], "seconds": float(1)})
    return out


def many(out: Path, *, models: int = 142, most: int = 10_000) -> Path:
    """A folder with ten thousand made-up rows."""
    rng = np.random.default_rng(0)
    table = []
    for i in range(models):
        for j in range(i + 1, models):
            score = float(rng.uniform(0.05, 0.4))
            table.append(dict.fromkeys(rows.SCHEMA.names) | {
                "study": "many", "left": f"model-{i}", "right": f"model-{j}", "metric": "mutual_knn(k=10)",
                "conditioning": "unit", "alike": "high", "summary": "max", "score": score, "n": 1000, "draws": 99,
                "least_p": 0.01, "p": 0.01,
                "p_bh": float(rng.uniform(0, 0.1)), "p_holm": 1.0, "alpha": 0.05, "null_mean": 0.05, "z": 4.0, "tau": 0.06,
                "calibrated": max(0.0, (score - 0.06) / 0.94), "left_layer": "a", "right_layer": "b", "remarks": [],
                "versions": {}, "key": f"{i * models + j:032x}", "left_parameters": 10**6 * (i + 1),
            })
    rows.write(out / "rows.parquet", table[:most])
    files.write_json(out / "run.json", {"study": "many", "failures": [], "seconds": 1.0})
    return out
