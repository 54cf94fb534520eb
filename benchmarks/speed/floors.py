"""What cannot be avoided: the matrix products, the forward passes, and nothing else."""

from __future__ import annotations

import numpy as np
import torch

from benchmarks.speed import data, networks
from benchmarks.speed.child import Part

_STEP = 2048
_BLOCK = 128


def grams(size: dict) -> dict[str, Part]:
    """One product with itself per layer: half of it, as it is symmetric, a layer to a thread, which is faster than all threads
    on one; and all of it."""
    from platometer.threads import each

    layers = [torch.from_numpy(x) for side in data.grid(size) for x in side]
    each(_half, layers[:2])
    return {
        "symmetric products": Part(lambda: each(_half, layers)),
        "full products": Part(lambda: [(x @ x.T)[0, 0] for x in layers]),
    }


def _half(x: torch.Tensor) -> float:
    """Blocks on the diagonal and below it; smaller ones, or larger, took longer."""
    for i in range(0, len(x), _BLOCK):
        block = x[i:] @ x[i : i + _BLOCK].T
    return float(block[0, 0])


def study_grams(size: dict) -> dict[str, Part]:
    """The same for every layer of a study."""
    return grams(size | {"left": size["layers"] * size["models"], "right": 0, "p": 1})


def products(size: dict) -> dict[str, Part]:
    """Both sides' products over row blocks, into one buffer."""
    x, y = (torch.from_numpy(side) for side in data.pair(size))
    _strips(x[:_STEP], whole=True)
    return {
        "symmetric products": Part(lambda: [_strips(side, whole=False) for side in (x, y)]),
        "full products": Part(lambda: [_strips(side, whole=True) for side in (x, y)]),
    }


def product(size: dict) -> dict[str, Part]:
    """One side's; of many samples, only some of the row blocks, and scaled."""
    x = torch.from_numpy(data.space(size, 0))
    _strips(x[:_STEP], whole=True)
    rows = min(len(x), size.get("floor rows", len(x)))
    scale = len(x) / (2 * rows)
    return {"symmetric products": Part(lambda: _strips(x, whole=True, rows=rows), scale=scale,
                                       note=f"{rows} rows by all, times {scale:.4g}")}


def _strips(x: torch.Tensor, *, whole: bool, rows: int | None = None) -> float:
    out = torch.empty(min(_STEP, len(x)) * len(x))
    for i in range(0, len(x) if rows is None else rows, _STEP):
        left, right = x[i : i + _STEP], x if whole else x[i:]
        torch.mm(left, right.T, out=out[: len(left) * len(right)].view(len(left), len(right)))
    return float(out[0])


def forward_study(size: dict) -> dict[str, Part]:
    """The forward passes of all models of the study, and the products of their layers."""
    from platometer.threads import each

    texts = networks.lines(size["n"])
    readers = [networks.module(width, size["depth"]) for width in size["widths"]]
    layers = [torch.randn(size["n"], width) for width in size["widths"] for _ in range(size["depth"])]
    _forward(readers[0], texts[: size["batch"]], size["batch"])
    each(_half, layers[:2])
    return {
        "forward passes": Part(lambda: [_forward(reader, texts, size["batch"]) for reader in readers]),
        "symmetric products": Part(lambda: each(_half, layers)),
    }


def forward(size: dict) -> dict[str, Part]:
    """A bare loop: a batch made ready, the network called, its output dropped."""
    from platometer.models import _torchvision_shim

    _torchvision_shim.ready()  # before timm, which needs torchvision whole
    import timm

    texts, pictures = networks.lines(size["texts"]), networks.pictures(size["pictures"])
    reader = networks.module(size["width"], size["depth"])
    seer = timm.create_model("vit_tiny_patch16_224", pretrained=False, num_classes=0).eval()
    transform = timm.data.create_transform(**timm.data.resolve_data_config({}, model=seer), is_training=False)

    def see(items: list) -> None:
        with torch.inference_mode():
            for i in range(0, len(items), size["batch"]):
                seer(torch.stack([transform(item) for item in items[i : i + size["batch"]]]))

    _forward(reader, texts[: size["batch"]], size["batch"])
    see(pictures[: size["batch"]])
    return {
        "text": Part(lambda: _forward(reader, texts, size["batch"]), lambda value: [value]),
        "pictures": Part(lambda: see(pictures)),
    }


def _forward(reader: networks.Reader, texts: list[str], batch: int) -> float:
    total = 0.0
    with torch.inference_mode():
        for i in range(0, len(texts), batch):
            total += float(reader(networks.tokens(texts[i : i + batch])).mean(1).abs().mean()) * len(texts[i : i + batch])
    return total / len(texts)


def cka_truth(size: dict) -> dict[str, Part]:
    """Both CKAs of the moved features, in float64 from the definitions."""
    lefts, rights = data.grid(size)

    def truth(move, spec: str) -> list[float]:
        debiased = "debiased" in spec
        sides = [[_centred(move(x), debiased) for x in layers] for layers in (lefts, rights)]
        return [float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum())) for a in sides[0] for b in sides[1]]

    return {name: Part(lambda move=move, spec=spec: truth(move, spec), lambda value: value)
            for name, move, spec in data.moves(("cka", "cka(estimator=debiased)"))}


def _centred(x: np.ndarray, debiased: bool) -> np.ndarray:
    x = x.astype(np.float64)
    K, n = (x - x.mean(0)) @ (x - x.mean(0)).T, len(x)
    if not debiased:
        return K
    np.fill_diagonal(K, 0)
    rows = K.sum(0) / (n - 2)
    K = K - rows[None] - rows[:, None] + K.sum() / ((n - 1) * (n - 2))
    np.fill_diagonal(K, 0)
    return K
