"""platometer, through its public functions, on the jobs of `benchmarks.speed.jobs`."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch

import platometer as pm
from benchmarks.speed import data, networks
from benchmarks.speed.child import Part
from platometer.alignment import compare, prepare


def mutual_knn(size: dict) -> dict[str, Part]:
    """The grid, and the grid with draws."""
    spec = f"mutual_knn(k={size['k']})"
    lefts, rights = data.grid(size)
    for null in ("draws", "closed-form"):
        pm.align(*_small(), spec, draws=64, null=null)
    return {
        "grid": Part(lambda: pm.align(lefts, rights, spec, draws=0), _corners),
        "grid + draws": Part(lambda: pm.align(lefts, rights, spec, draws=size["draws"]), _corners),
        "grid + closed form": Part(lambda: pm.align(lefts, rights, spec, null="closed-form"), _corners),
    }


def cka_biased(size: dict) -> dict[str, Part]:
    """Linear CKA: the grid, with draws, and with its closed form."""
    return _cka(size, "cka")


def cka_debiased(size: dict) -> dict[str, Part]:
    """Debiased linear CKA, likewise."""
    return _cka(size, "cka(estimator=debiased)")


def _cka(size: dict, spec: str) -> dict[str, Part]:
    lefts, rights = data.grid(size)
    for null in ("draws", "closed-form"):
        pm.align(*_small(), spec, draws=64, null=null)
    return {
        "grid": Part(lambda: pm.align(lefts, rights, spec, draws=0), _corners),
        "grid + draws": Part(lambda: pm.align(lefts, rights, spec, draws=size["cka draws"]), _corners),
        "grid + closed form": Part(lambda: pm.align(lefts, rights, spec, null="closed-form"), _corners),
    }


def cka_moved(size: dict) -> dict[str, Part]:
    """Both CKAs on features moved from the origin or scaled; not for the time."""
    lefts, rights = data.grid(size)
    return {
        name: Part(lambda move=move, spec=spec: pm.align(
            [move(x) for x in lefts], [move(y) for y in rights], spec, draws=0, conditioning="none"), _all)
        for name, move, spec in data.moves(("cka", "cka(estimator=debiased)"))
    }


def one_score(size: dict) -> dict[str, Part]:
    """mutual_knn of two spaces of many samples."""
    x, y = data.pair(size)
    _warm_neighbours(size)
    spec = f"mutual_knn(k={size['k']})"
    return {"score": Part(lambda: pm.score(x, y, spec), lambda value: [value])}


def one_side(size: dict) -> dict[str, Part]:
    """The neighbours of one space."""
    x = data.space(size, 0)
    _warm_neighbours(size)
    spec = f"mutual_knn(k={size['k']})"
    return {"side": Part(lambda: prepare(x, spec), lambda side: [float(side.sides[0].lists[0, 0])])}


def rsa(size: dict) -> dict[str, Part]:
    """RSA of one pair of layers."""
    lefts, rights = data.grid(size | {"left": 1, "right": 1})
    spec = "rsa(dissimilarity=correlation, compare=spearman)"
    a, b = _small()
    pm.score(a[0], b[0], spec, conditioning="none")
    return {"pair": Part(lambda: pm.score(lefts[0], rights[0], spec, conditioning="none"), lambda value: [value])}


def study_of_files(size: dict) -> dict[str, Part]:
    """A study of files of vectors, and only its necessary calls: each layer prepared once, each pair compared."""
    folder, names = Path(tempfile.mkdtemp()), [f"model_{i}" for i in range(size["models"])]
    lefts, _ = data.grid(size | {"left": size["layers"] * len(names), "right": 0, "p": 1})
    layers = dict(zip(names, (lefts[i :: len(names)] for i in range(len(names))), strict=True))
    for name in names:
        np.savez(folder / f"{name}.npz", **{f"layer_{i}": x for i, x in enumerate(layers[name])})
    spec = f"mutual_knn(k={size['k']})"
    study = {"name": "files", "models": [{"source": f"file:{name}.npz", "name": name} for name in names],
             "align": {"metrics": [spec], "pairs": "all", "draws": size["draws"]}}
    warm = study | {"models": study["models"][:2], "align": study["align"] | {"draws": 64}}
    pm.Study.of(warm, base=folder).run(folder / "warm")

    def cells() -> None:
        sides = [prepare(layers[name], spec) for name in names]
        for i, a in enumerate(sides):
            for b in sides[i + 1 :]:
                compare(a, b, spec, draws=size["draws"])

    return {
        "study": Part(lambda: pm.Study.of(study, base=folder).run(tempfile.mkdtemp())),
        "its prepare and compare": Part(cells),
    }


def study_of_models(size: dict) -> dict[str, Part]:
    """A study of language models run in the study itself, and only its comparisons."""
    folder = Path(tempfile.mkdtemp())
    (folder / "lines.txt").write_text("\n".join(networks.lines(size["n"])) + "\n", encoding="utf-8")
    spec = f"mutual_knn(k={size['k']})"
    study = {
        "name": "models", "data": {"source": "text", "path": "lines.txt"},
        "models": [{"source": f"python:{networks.__file__}:reader", "name": f"reader_{width}", "width": width, "depth":
                    size["depth"], "batch_size": size["batch"]} for width in size["widths"]],
        "align": {"metrics": [spec], "pairs": "all", "draws": size["draws"]},
    }
    warm = study | {"data": study["data"] | {"limit": 64}, "models": study["models"][:2]}
    pm.Study.of(warm, base=folder).run(folder / "warm", allow_code=True)
    features = [pm.extract(networks.reader(width, size["depth"]), networks.lines(size["n"]), batch_size=size["batch"])
                for width in size["widths"]]

    def cells() -> None:
        sides = [prepare(x, spec) for x in features]
        for i, a in enumerate(sides):
            for b in sides[i + 1 :]:
                compare(a, b, spec, draws=size["draws"])

    return {
        "study": Part(lambda: pm.Study.of(study, base=folder).run(tempfile.mkdtemp(), allow_code=True)),
        "its prepare and compare": Part(cells),
    }


def extraction(size: dict) -> dict[str, Part]:
    """Every layer of a language model and of a vision transformer."""
    texts, pictures = networks.lines(size["texts"]), networks.pictures(size["pictures"])
    reader = networks.reader(size["width"], size["depth"])
    seer = pm.models.load("timm:vit_tiny_patch16_224", pretrained=False)
    pm.extract(reader, texts[: size["batch"]], batch_size=size["batch"])
    pm.extract(seer, pictures[: size["batch"]], batch_size=size["batch"])
    return {
        "text": Part(lambda: pm.extract(reader, texts, batch_size=size["batch"]), _last),
        "pictures": Part(lambda: pm.extract(seer, pictures, batch_size=size["batch"]), _last),
        "text, kept on disk": Part(lambda: pm.extract(reader, texts, tempfile.mkdtemp(), batch_size=size["batch"]), _last),
    }


def _small() -> tuple[list[np.ndarray], list[np.ndarray]]:
    return data.grid({"n": 1024, "left": 2, "right": 2, "d": 16, "p": 24})


def _warm_neighbours(size: dict) -> None:
    for slope in (0, 2):
        prepare(data.space({"n": 10_240, "d": 130, "slope": slope}, 0), f"mutual_knn(k={size['k']})")


def _corners(found: pm.Alignment) -> list[float]:
    return [float(found.grid[0, 0]), float(found.grid.mean())]


def _all(found: pm.Alignment) -> list[float]:
    return found.grid.flatten().tolist()


def _last(features: pm.Features) -> list[float]:
    return [float(features.matrix(features.names[-1]).to(torch.float64).abs().mean())]
