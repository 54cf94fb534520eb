"""Make studies.json, the golden rows of the studies on stand-ins: python tests/golden/make_studies.py [STUDY ...]."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import stand_ins

from platometer.study import Results


def found(name: str, home: Path) -> dict:
    """What a run of the study on stand-ins gives.

    Parameters
    ----------
    name : one of `stand_ins.PLANS`.
    home : an empty folder.
    """
    with stand_ins.shrunk():
        result = stand_ins.study(name, home).run(home / "out", progress=lambda *told: None)
    assert not result.failures, result.failures
    read = Results.read(home / "out")
    return {
        "rows": stand_ins.rows(read.rows),
        "capability": [[one.model, one.what.partition("/")[0], round(one.value, 7)] for one in read.capability],
        "galleries": [[one["left"], one["right"], one["size"], one["k"], one["share"], round(one["score"], 7)]
                      for one in read.galleries],
    }


def main(names: list[str]) -> None:
    path = stand_ins.HERE / "studies.json"
    kept = json.loads(path.read_text()) if path.exists() else {}
    for name in names or list(stand_ins.PLANS):
        start = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            kept[name] = found(name, Path(folder))
        _write(path, kept)
        print(f"{name}: {len(kept[name]['rows'])} rows, {time.perf_counter() - start:.1f} s", flush=True)


def _write(path: Path, kept: dict) -> None:
    lines = []
    for name in stand_ins.PLANS:
        if name in kept:
            parts = ",\n ".join(f'"{part}":[\n  ' + ",\n  ".join(json.dumps(row, separators=(",", ":")) for row in table) + "]"
                                for part, table in kept[name].items())
            lines.append(f'"{name}":{{\n {parts}}}')
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
