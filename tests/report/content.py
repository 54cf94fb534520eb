"""A made-up study with numbers that look real: what `platometer.study` hands to the page, seeded and quick to make.

Scores are a shared part that grows with both models' sizes, plus a bump over the depths of the layers; the null is the
maximum over layers of chance. p-values, thresholds and corrections come from `platometer.stats`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from platometer import stats

VISION = [
    ("vit_tiny_patch16_224.augreg_in21k", 5_717_416, 12), ("vit_small_patch16_224.augreg_in21k", 22_050_664, 12),
    ("vit_base_patch16_224.mae", 85_798_656, 12), ("vit_large_patch16_224.mae", 303_301_632, 24),
    ("vit_small_patch14_dinov2.lvd142m", 22_056_576, 12), ("vit_base_patch14_dinov2.lvd142m", 86_580_480, 12),
    ("vit_large_patch14_dinov2.lvd142m", 304_368_640, 24), ("vit_base_patch16_clip_224.laion2b", 86_192_640, 12),
    ("vit_large_patch14_clip_224.laion2b", 303_966_208, 24), ("resnet50.a1_in1k", 25_557_032, 5),
]
LANGUAGE = [
    ("bigscience/bloomz-560m", 559_214_592, 25), ("bigscience/bloomz-1b7", 1_722_408_960, 25),
    ("openlm-research/open_llama_3b", 3_426_473_600, 27), ("openlm-research/open_llama_7b", 6_738_415_616, 33),
    ("huggyllama/llama-7b", 6_738_415_616, 33), ("huggyllama/llama-13b", 13_015_864_320, 41),
]
LOW = "information_imbalance"  # the metric that scores low where spaces are alike


def content(
    *,
    vision: int = 10,
    language: int = 6,
    metrics: Sequence[str] = ("mutual_knn(k=10)", "cka(estimator=debiased)", LOW),
    pairs: str = "cross",
    draws: int = 500,
    seed: int = 0,
) -> dict:
    """Plain data as the page takes it.

    Parameters
    ----------
    vision, language : numbers of models; past the real names come numbered ones.
    metrics : the last letter of each spec does not matter; `LOW` is asymmetric and comes in both directions.
    pairs : ``"cross"`` or ``"all"``.
    draws : 0 for a study without calibration.
    seed : of everything.
    """
    rng = np.random.default_rng(seed)
    models = [_model(*_nth(VISION, i), "image") for i in range(vision)]
    models += [_model(*_nth(LANGUAGE, i), "text") for i in range(language)]
    if len(models) > 2 and language:
        models[-1]["notes"] = ["37 of 700 texts were cut at 2048 tokens"]
    rows, grids = [], {}
    for metric in metrics:
        group = []
        for i, left in enumerate(models):
            for right in models[i + 1:]:
                if pairs == "cross" and left["modality"] == right["modality"]:
                    continue
                for a, b in [(left, right), (right, left)] if metric == LOW else [(left, right)]:
                    row, grid = _pair(a, b, metric, draws, rng)
                    group.append(row)
                    grids[row["grid"]] = grid
        if draws and group:
            ps = [row["p"] for row in group]
            for row, bh, holm in zip(group, stats.benjamini_hochberg(ps), stats.holm(ps), strict=True):
                row["p_bh"], row["p_holm"] = float(bh), float(holm)
        rows += group
    return {
        "study": {
            "name": "prh-photographs", "seed": seed, "finished": True, "failures": [],
            "question": "Do vision models and language models that never met agree on 700 photographs?",
            "file": 'name = "prh-photographs"\nseed = 0\n\n[data]\nsource = "folder"\npath = "photos"\n',
            "command": "platometer run study.toml",
        },
        "data": {
            "name": "photos", "source": "folder:photos", "n": 700, "fingerprint": "5c0e2f6d9a41b7e3",
            "views": ["image", "text"], "licence": "research only", "citation": "Hodosh, Young, Hockenmaier 2013 (Flickr8k)",
            "notes": ["2 captions occur twice"],
        },
        "models": models, "rows": rows, "grids": grids, "measures": _measures(models), "trends": _trends(rows),
        "places": _places(rows), "galleries": _galleries(rows), "sheets": _sheets(rows),
        "facts": [_facts(metric) for metric in metrics],
        "versions": {"numpy": "2.3.5", "platometer": "0.1.0", "torch": "2.13.0"},
    }


def _nth(known: list[tuple], i: int) -> tuple[str, int, int]:
    if i < len(known):
        return known[i]
    name, parameters, layers = known[i % len(known)]
    return f"{name}-{i // len(known) + 1}", int(parameters * (1 + 0.3 * (i // len(known)))), layers


def _model(name: str, parameters: int, layers: int, modality: str) -> dict:
    return {
        "name": name, "source": f"{'timm' if modality == 'image' else 'hf'}:{name}", "modality": modality,
        "parameters": parameters, "layers": layers, "samples": "5c0e2f6d9a41b7e3", "details": {},
        "pooling": "cls" if modality == "image" else "mean", "licence": "apache-2.0" if "llama-" not in name else "",
        "notes": [], "family": name.partition("/")[2].partition("-")[0] or name.partition("_")[0],
    }


def _pair(left: dict, right: dict, metric: str, draws: int, rng: np.random.Generator) -> tuple[dict, dict]:
    """One row without corrections across pairs, and its grid."""
    alike = "low" if metric == LOW else "high"
    growth = sum(math.log10(side["parameters"]) - 6.5 for side in (left, right)) + rng.normal(0, 0.4)
    kin = 2.2 if left["modality"] == right["modality"] else 1.0
    depth = [np.linspace(0, 1, side["layers"]) for side in (left, right)]
    bump = np.exp(-((depth[0][:, None] - 0.8) ** 2 + (depth[1][None, :] - 0.7) ** 2) / 0.12)
    size = (0.35 if metric.startswith("cka") else 0.09) * max(growth, 0.05) / 4 * kin
    noise = rng.normal(0, 0.0012, bump.shape)
    grid = 0.0143 + size * bump + noise
    null = 0.0143 + 0.0012 * rng.gumbel(2.5, 0.6, draws)
    if alike == "low":
        grid, null = 1 - 2 * grid, 1 - 2 * null
    at = np.unravel_index(grid.argmax() if alike == "high" else grid.argmin(), grid.shape)
    score = float(grid[at])
    names = [[f"blocks.{k}" for k in range(side["layers"])] if side["modality"] == "image"
             else ["embeddings", *(f"layers.{k}" for k in range(side["layers"] - 1))] for side in (left, right)]
    key = f"{rng.integers(2**62):016x}"
    row = {
        "study": "prh-photographs", "data": "photos", "samples": "5c0e2f6d9a41b7e3", "n": 700, "metric": metric,
        "conditioning": "unit", "alike": alike, "summary": "max", "score": score, "left_layer": names[0][at[0]],
        "right_layer": names[1][at[1]], "null": "permutation" if draws else None,
        "method": "draws" if draws else None, "draws": draws, "least_p": 1 / (draws + 1) if draws else None, "seed": 0,
        "remarks": [], "notes": [], "versions": {"torch": "2.13.0"}, "key": key, "grid": key, "alpha": 0.05, "p_bh": None,
        "p_holm": None,
    } | _chance(score, null, alike)
    for side, model in (("left", left), ("right", right)):
        row |= {side: model["name"], f"{side}_source": model["source"], f"{side}_revision": "",
                f"{side}_modality": model["modality"], f"{side}_parameters": model["parameters"],
                f"{side}_layers": model["layers"], f"{side}_features": "", f"{side}_pooling": model["pooling"],
                f"{side}_details": "{}"}
    return row, {"left_layers": names[0], "right_layers": names[1], "scores": grid.tolist(), "null_mean": None,
                 "draws": null.tolist()}


def _chance(score: float, null: np.ndarray, alike: str) -> dict:
    if not len(null):
        return dict.fromkeys(("null_mean", "null_sd", "excess", "z", "p", "tau", "calibrated"))
    mean, sd = float(null.mean()), float(null.std(ddof=1))
    excess = (score - mean) * (1 if alike == "high" else -1)
    tau = stats.threshold(score, null, alike=alike)
    return {
        "null_mean": mean, "null_sd": sd, "excess": excess, "z": excess / sd, "p": stats.p_value(score, null, alike=alike),
        "tau": tau, "calibrated": stats.calibrated(score, tau, best=1.0 if alike == "high" else 0.0),
    }


def _measures(models: Sequence[dict]) -> list[dict]:
    """Parameters, a skill of those that see, and bits per byte of those that read."""
    skill = {m["name"]: math.log10(m["parameters"]) - 6.2 for m in models if m["modality"] == "image"}
    bits = {m["name"]: 10.5 - math.log10(m["parameters"]) for m in models if m["modality"] == "text"}
    sizes = {m["name"]: m["parameters"] for m in models}
    return [
        {"what": "parameters", "unit": "", "better": "high", "log": True, "values": sizes},
        {"what": "skill", "unit": "", "better": "high", "log": False, "values": skill},
        {"what": "bits per byte", "unit": "bits", "better": "low", "log": False, "values": bits},
    ]


def _trends(rows: Sequence[dict]) -> list[dict]:
    points: dict[tuple, dict[str, tuple[float, list[float]]]] = {}
    for row in rows:
        for side, other in (("left", "right"), ("right", "left")):
            for what in ("score", "null_mean", "calibrated"):
                if row[what] is not None:
                    group = points.setdefault((row["metric"], row[f"{side}_modality"], row[f"{other}_modality"], what), {})
                    group.setdefault(row[side], (math.log10(row[f"{side}_parameters"]), []))[1].append(row[what])
    out = []
    for (metric, modality, partner, what), found in points.items():
        line = stats.correlation([x for x, _ in found.values()], [sum(ys) / len(ys) for _, ys in found.values()])
        for against in ("parameters", "skill" if modality == "image" else "bits per byte"):
            slopes = {f"slope_{end}": None if at is None else line.slope * at / line.r
                      for end, at in (("low", line.low), ("high", line.high))}
            out.append({"group": metric, "against": against, "modality": modality, "partner": partner, "what": what,
                        "r": line.r, "low": line.low, "high": line.high, "slope": line.slope, "intercept": line.intercept,
                        "within": [0.1, 0.05, 0.15] if line.n > 4 else None, "n": line.n} | slopes)
    return out


def _places(rows: Sequence[dict]) -> dict[str, dict]:
    """A ring of models for each metric, all of one side alone where pairs cross."""
    out = {}
    for metric in dict.fromkeys(row["metric"] for row in rows):
        kinds: dict[str, str] = {}
        for row in rows:
            if row["metric"] == metric:
                kinds |= {row[side]: row[f"{side}_modality"] for side in ("left", "right")}
        cross = all(row["left_modality"] != row["right_modality"] for row in rows)
        maps = []
        for title in dict.fromkeys(kinds.values()) if cross else ["all models"]:
            names = [name for name, kind in kinds.items() if not cross or kind == title]
            turns = [2 * math.pi * i / len(names) for i in range(len(names))]
            maps.append({"title": title, "kind": "profile" if cross else "alignment", "names": names, "lost": 0.1,
                         "x": [0.2 * math.cos(t) for t in turns], "y": [0.1 * math.sin(t) for t in turns]})
        out[metric] = {"order": list(reversed(kinds)), "maps": maps}
    return out


def _galleries(rows: Sequence[dict]) -> list[dict]:
    """Two pairs of which one is twice as alike, for ten neighbours and for one of a hundred, at four sizes."""
    out = []
    for alike, row in zip((0.2, 0.4), rows, strict=False):
        named = {name: row[name] for name in ("left", "right", "left_layer", "right_layer")}
        for size in (88, 175, 350, 700):
            for k, share in ((10, None), (max(1, size // 100), 0.01)):
                score = alike * (88 / size) ** (0.3 if share is None else 0.1)
                out.append(named | {"size": size, "k": k, "share": share, "score": score, "chance": k / (size - 1),
                                    "queries": 64, "se": None if size == 88 else 0.02})
    return out


PICTURE = "data:image/png;base64," + (
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR4nGP8z8AARAwQCgAf7gP9i18U1AAAAABJRU5ErkJggg==")


def _sheets(rows: Sequence[dict]) -> dict:
    """Two samples with their neighbours for the first pair, of pictures with captions and of captions alone."""
    if not rows:
        return {"why": "The study is of vectors from files.", "items": {}, "pairs": [], "contact": []}
    items = {str(i): {"id": f"photo {i}", "texts": [f"a dog number {i} runs over the grass"],
                      "picture": PICTURE if i % 4 else ""} for i in range(9)}
    pair = {name: rows[0][name] for name in ("left", "right", "left_layer", "right_layer", "metric", "n", "score")}
    samples = [{"at": "0", "shared": 3, "left": list("12345"), "right": list("34567")},
               {"at": "8", "shared": 0, "left": list("123"), "right": list("456")}]
    return {"why": "", "items": items, "contact": list("0246"),
            "pairs": [pair | {"group": pair.pop("metric"), "k": 10, "mean": 1.5, "samples": samples}]}


def _facts(metric: str) -> dict:
    return {
        "metric": metric, "definition": "mean_i |knn_x(i) & knn_y(i)| / k.", "range": "0 to 1", "scope": "local",
        "alike": "low" if metric == LOW else "high", "symmetric": metric != LOW, "source": "Huh et al. 2024, eq. 11",
        "ties": "samples tied with the (k+1)-th nearest are nobody's neighbours",
    }


HOSTILE = '<img src=x onerror=alert(1)></script></title><!-- {{ 7 * 7 }} " onmouseover="alert(2) \' &lt; \u2028'
_WORDS = {"alike", "conditioning", "picture", "kind", "better"}  # the page decides by these; never from outside


def hostile(value: object, key: str = "") -> object:
    """The same content with an attack at the end of every text, names and keys of dictionaries of results included.

    Parameters
    ----------
    value : content or a part of it.
    key : under which it lies.
    """
    if isinstance(value, dict):
        renamed = key in ("grids", "versions", "places", "items", "values")
        return {name + HOSTILE if renamed else name: hostile(part, name) for name, part in value.items()}
    if isinstance(value, list):
        return [hostile(part, key) for part in value]
    own = key in _WORDS or value in ("score", "null_mean", "calibrated")
    return value + HOSTILE if isinstance(value, str) and not own else value
