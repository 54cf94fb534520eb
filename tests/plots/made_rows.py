"""Rows and answers of a made-up study, seeded, with scores that grow with both models' sizes."""

from __future__ import annotations

import math

import numpy as np

from platometer import stats

HOSTILE = ("$x^2$ \\frac{1}{0} $", "<script>alert(1)</script>", "x" * 300, "\u202eevil\u0000\n\ttabs", "模型🧠", "שלום עולם",
           "مرحبا", "a & b ]]> --> <!--", "100 % {0} %s", "_^~#")


def rows(count: int, *, metric: str = "mutual_knn(k=10)", pairs: str = "all", null: bool = True, names: tuple[str, ...] = (),
         low: bool = False, seed: int = 0) -> list[dict]:
    """One row a pair, with the columns of `platometer.rows.SCHEMA` that figures read.

    Parameters
    ----------
    count : of models, half of them of pictures.
    metric : its name.
    pairs : ``"all"`` or ``"cross"``.
    null : whether there is one.
    names : of the first models.
    low : whether low means alike.
    seed : of everything.
    """
    stream = np.random.default_rng(seed)
    models = [_model(i, names) for i in range(count)]
    out = []
    for i, left in enumerate(models):
        for right in models[i + 1:]:
            if pairs == "cross" and left["modality"] == right["modality"]:
                continue
            size = sum(math.log10(one["parameters"]) - 4 for one in (left, right)) / 9
            score = float(np.clip(0.1 + 0.4 * size + stream.normal(0, 0.02), 0.03, 0.97))
            mean = 0.02 + 0.002 * float(stream.random())
            row = {"data": "made", "conditioning": "unit", "summary": "max", "metric": metric,
                   "alike": "low" if low else "high", "n": 512, "score": 1 - score if low else score, "alpha": 0.05,
                   "key": f"{i}", "left_layer": "b1", "right_layer": "b2", "null_mean": None, "tau": None,
                   "calibrated": None, "excess": None, "p": None, "p_bh": None, "draws": 0}
            if null:
                row |= {"null_mean": 1 - mean if low else mean, "tau": 1 - mean - 0.01 if low else mean + 0.01,
                        "calibrated": stats.calibrated(score, mean + 0.01, best=1.0), "excess": score - mean, "p": 0.01,
                        "p_bh": 0.01 if score > 0.2 else 0.4, "draws": 99}
            for side, model in (("left", left), ("right", right)):
                row |= {side: model["name"], f"{side}_parameters": model["parameters"], f"{side}_modality": model["modality"],
                        f"{side}_source": model["source"], f"{side}_details": model["details"], f"{side}_features": ""}
            out.append(row)
    return out


def _model(i: int, names: tuple[str, ...]) -> dict:
    family = ("vit", "gpt", "conv", "gru", "mlp", "bow", "mixer", "rnn")[i % 8]
    return {"name": names[i] if i < len(names) else f"{family}-{i // 8 + 1}", "modality": ("image", "text")[i % 2],
            "parameters": int(10 ** (4 + 0.08 * i)), "source": f"zoo:{family}", "details": f'{{"steps": {100 * (i // 8)}}}'}


def answer(layers: tuple[int, int] = (5, 4), *, left: str = "vit-1", right: str = "gpt-1", null: str = "draws",
           low: bool = False, seed: int = 0) -> dict:
    """The answer of one pair, as a run keeps it.

    Parameters
    ----------
    layers : of both sides.
    left, right : names.
    null : ``"draws"``, ``"closed form"`` or ``""``.
    low : whether low means alike.
    seed : of everything.
    """
    stream = np.random.default_rng(seed)
    grid = 0.05 + 0.2 * stream.random(layers)
    draws = 0.02 + 0.01 * stream.random(99)
    if low:
        grid, draws = 1 - grid, 1 - draws
    i, j = (int(at) for at in np.unravel_index(grid.argmin() if low else grid.argmax(), layers))
    tau = float(np.sort(draws)[4 if low else -5])
    calibration = {"p": 0.01, "null_mean": float(draws.mean()), "null_sd": float(draws.std()), "tau": tau, "alpha": 0.05,
                   "draws": draws.tolist() if null == "draws" else [], "least": 0.01, "score": 0.2, "method": null}
    return {"left": {"name": left}, "right": {"name": right}, "left_layers": [f"b{k}" for k in range(layers[0])],
            "right_layers": [f"b{k}" for k in range(layers[1])], "grid": grid.tolist(), "alike": "low" if low else "high",
            "metric": "mutual_knn(k=10)", "conditioning": "unit", "summary": "max", "n": 512, "score": float(grid[i, j]),
            "best": {"left": f"b{i}", "right": f"b{j}", "left_index": i, "right_index": j, "score": float(grid[i, j])},
            "null_mean_grid": None if not null else (grid * 0 + (0.98 if low else 0.02)).tolist(),
            "calibration": calibration if null else None, "left_modality": "image", "right_modality": "text"}
