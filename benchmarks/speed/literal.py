"""The twins of `released`, on some of a job's layer pairs or draws and scaled to all of them."""

from __future__ import annotations

import torch
from torch.nn.functional import normalize

from benchmarks.speed import data, released
from benchmarks.speed.child import Part


def mutual_knn(size: dict) -> dict[str, Part]:
    """Pair by pair, sorting all of each row; and the same with topk."""
    lefts, rights = _layers(size)
    pairs, k = data.subset(size), size["k"]
    scale = size["left"] * size["right"] / len(pairs)
    released.mutual_knn(lefts[0][:64], rights[0][:64], k)
    return {
        by: Part(lambda by=by: [released.mutual_knn(lefts[i], rights[j], k, by=by) for i, j in pairs], lambda found: found[:1],
                 scale, f"{len(pairs)} of {size['left'] * size['right']} pairs, scaled")
        for by in ("sort", "topk")
    }


def cka(size: dict) -> dict[str, Part]:
    """Pair by pair, both estimators."""
    lefts, rights = _layers(size)
    pairs = data.subset(size)
    scale = size["left"] * size["right"] / len(pairs)
    for name in released.HSIC:
        released.cka(lefts[0][:64], rights[0][:64], name)
    return {
        name: Part(lambda name=name: [released.cka(lefts[i], rights[j], name) for i, j in pairs], lambda found: found[:1],
                   scale, f"{len(pairs)} of {size['left'] * size['right']} pairs, scaled")
        for name in released.HSIC
    }


def null_mutual_knn(size: dict) -> dict[str, Part]:
    """A loop over draws and pairs that compares kept neighbour lists."""
    lefts, rights = _layers(size)
    left, right = ([released.neighbours(normalize(x, dim=1), size["k"], by="topk") for x in side] for side in (lefts, rights))
    orders = _orders(size["n"], size["loop draws"])
    released.null_mutual_knn(left[:1], right[:1], orders[:1])
    return {"draws": Part(lambda: released.null_mutual_knn(left, right, orders), lambda found: [float(found.mean())],
                          size["draws"] / len(orders), f"{len(orders)} of {size['draws']} draws, scaled")}


def null_cka(size: dict) -> dict[str, Part]:
    """Loops over draws and pairs that move kept Gram matrices; one draw over the whole grid."""
    lefts, rights = _layers(size)
    pairs, orders = data.subset(size), _orders(size["n"], size["loop draws"])
    grams = [tuple((x := normalize(side, dim=1)) @ x.T for side in (lefts[i], rights[j])) for i, j in pairs]
    centred = [tuple(_unit(K) for K in both) for both in grams]
    scale = size["left"] * size["right"] / len(pairs) / len(orders)
    note = f"one draw, from {len(orders)} draws of {len(pairs)} of {size['left'] * size['right']} pairs"
    kept = {"biased": centred, "debiased": grams}
    for name, both in kept.items():
        released.null_cka(*both[0], orders[:1], name)
    return {
        name: Part(lambda name=name: [released.null_cka(K, L, orders, name) for K, L in kept[name]], None, scale, note)
        for name in kept
    }


def cka_moved(size: dict) -> dict[str, Part]:
    """The twins on moved features; not for the time."""
    lefts, rights = data.grid(size)

    def scores(move, spec: str) -> list[float]:
        name = "debiased" if "debiased" in spec else "biased"
        sides = [[torch.from_numpy(move(x)) for x in layers] for layers in (lefts, rights)]
        return [released.cka(a, b, name, unit=False) for a in sides[0] for b in sides[1]]

    return {name: Part(lambda move=move, spec=spec: scores(move, spec), lambda value: value)
            for name, move, spec in data.moves(("cka", "cka(estimator=debiased)"))}


def _layers(size: dict) -> list[list[torch.Tensor]]:
    return [[torch.from_numpy(x) for x in side] for side in data.grid(size)]


def _orders(n: int, draws: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.stack([torch.randperm(n, generator=generator) for _ in range(draws)])


def _unit(K: torch.Tensor) -> torch.Tensor:
    K = K - K.mean(0) - K.mean(1, keepdim=True) + K.mean()
    return K / K.norm()
