"""Make values.json and inputs.npz from the golden files of the project: python tests/golden/make.py FOLDER.

Only numbers and their labels are kept, and only those that `golden.ours` knows a spec for.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from golden import HERE, ours

KEYS = {"case": "c", "peer": "p", "func": "f", "params": "a", "prep": "r", "value": "v", "value64": "d", "tol": "t"}
KEPT = (*KEYS, "fields", "indices", "grid", "null_mean", "null_var", "null_skew", "error", "ambiguous_set_rows")


def main(folder: Path) -> None:
    found = json.loads((folder / "golden.json").read_text())["records"]
    kept = [record for record in found if ours(record["peer"], record["func"], record["params"]) is not None]
    rows = []
    for record in kept:
        row = {KEYS.get(key, key): record[key] for key in KEPT if key in record}
        row["a"] = {key: value for key, value in row["a"].items() if key != "perms" or "torch" in value}
        rows.append(json.dumps(row, separators=(",", ":")))
    (HERE / "values.json").write_text('{"records":[\n' + ",\n".join(rows) + "\n]}\n")
    arrays = dict(np.load(folder / "inputs.npz"))
    seeded = np.load(folder / "perms_torch_seed0.npz")
    arrays |= {f"{case}.torch": seeded[case] for case in seeded.files}
    np.savez_compressed(HERE / "inputs.npz", **arrays)
    print(f"{len(kept)} of {len(found)} records kept")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
