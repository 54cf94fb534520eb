"""Other packages from PyPI, called as their documentation says. Nothing here needs platometer, so that they can live in
another environment (``--peers-python``)."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn.functional import normalize

from benchmarks.speed import data, released
from benchmarks.speed.child import Part


def sklearn_grid(size: dict) -> dict[str, Part]:
    """scikit-learn: brute-force neighbours once per layer, then overlaps of all pairs."""
    from sklearn.neighbors import NearestNeighbors

    lefts, rights = data.grid(size)

    def lists(x: np.ndarray) -> np.ndarray:
        x = x / np.linalg.norm(x, axis=1, keepdims=True)
        return NearestNeighbors(n_neighbors=size["k"], algorithm="brute").fit(x).kneighbors(return_distance=False)

    def grid() -> np.ndarray:
        left, right = ([lists(x) for x in side] for side in (lefts, rights))
        return np.array([[_overlap(a, b) for b in right] for a in left])

    lists(lefts[0])
    return {"grid": Part(grid, _corners)}


def calibrated_similarity(size: dict) -> dict[str, Part]:
    """calibrated-similarity: its layer-wise null, given the similarity of one pair as one would write it."""
    from calibrated_similarity import calibrate_layers

    lefts, rights = ([torch.from_numpy(x) for x in side[:1]] for side in data.grid(size | {"left": 1, "right": 1}))
    draws = size["peer draws"]
    whole = size["left"] * size["right"] * (size["draws"] + 1)

    def similar(x: torch.Tensor, y: torch.Tensor) -> float:
        return released.mutual_knn(x, y, size["k"], by="topk")

    calibrate_layers([lefts[0][:64]], [rights[0][:64]], similar, K=1)
    return {"grid + draws": Part(lambda: calibrate_layers(lefts, rights, similar, K=draws), None, whole / (draws + 1),
                                 f"{draws + 1} of {whole} similarities, scaled")}


def pytorch_cka(size: dict) -> dict[str, Part]:
    """pytorch-cka: the whole grid from features. It has the debiased estimator only, cut off at zero."""
    from cka import cka_from_features

    lefts, rights = ([torch.from_numpy(x) for x in side] for side in data.grid(size))
    cka_from_features([lefts[0][:64]], [rights[0][:64]])

    def grid() -> torch.Tensor:
        return cka_from_features([normalize(x, dim=1) for x in lefts], [normalize(y, dim=1) for y in rights])

    return {"grid": Part(grid, lambda found: _corners(found.numpy()))}


def pytorch_cka_moved(size: dict) -> dict[str, Part]:
    """pytorch-cka on moved features; not for the time."""
    from cka import cka_from_features

    lefts, rights = data.grid(size)

    def scores(move) -> list[float]:
        sides = [[torch.from_numpy(move(x)) for x in layers] for layers in (lefts, rights)]
        return cka_from_features(*sides).flatten().tolist()

    return {name: Part(lambda move=move: scores(move), lambda value: value)
            for name, move, _ in data.moves(("cka(estimator=debiased)",))}


def faiss_score(size: dict) -> dict[str, Part]:
    """faiss, IndexFlatIP: the k + 1 nearest of every sample on both sides, itself taken out, and the overlap."""
    import faiss

    faiss.omp_set_num_threads(torch.get_num_threads())
    x, y = data.pair(size)
    k = size["k"]

    def lists(side: np.ndarray) -> np.ndarray:
        side = side.copy()
        faiss.normalize_L2(side)
        index = faiss.IndexFlatIP(side.shape[1])
        index.add(side)
        found = index.search(side, k + 1)[1]
        own = found == np.arange(len(found))[:, None]
        own[~own.any(1), -1] = True
        return found[~own].reshape(len(found), k)

    warm = np.random.default_rng(0).standard_normal((256, 16)).astype(np.float32)
    lists(warm)
    return {"score": Part(lambda: _overlap(lists(x), lists(y)), lambda value: [value])}


def sklearn_score(size: dict) -> dict[str, Part]:
    """scikit-learn: brute-force neighbours of some samples among all, scaled to all samples and both sides."""
    from sklearn.neighbors import NearestNeighbors

    x = data.space(size, 0)
    queries = min(len(x), size.get("queries", len(x)))
    scale = 2 * len(x) / queries

    def lists() -> np.ndarray:
        unit = x / np.linalg.norm(x, axis=1, keepdims=True)
        return NearestNeighbors(n_neighbors=size["k"] + 1, algorithm="brute").fit(unit).kneighbors(
            unit[:queries], return_distance=False)

    return {"score": Part(lists, None, scale, f"{queries} queries of one side, times {scale:.4g}")}


def torch_score(size: dict) -> dict[str, Part]:
    """Plain torch: row blocks of the full product, topk, and the overlap."""
    x, y = (torch.from_numpy(side) for side in data.pair(size))
    k, step = size["k"], 2048

    def lists(side: torch.Tensor) -> np.ndarray:
        side = normalize(side, dim=1)
        found = []
        for i in range(0, len(side), step):
            similar = side[i : i + step] @ side.T
            similar[torch.arange(len(similar)), torch.arange(i, i + len(similar))] = -2
            found.append(similar.topk(k, dim=1).indices)
        return torch.cat(found).numpy()

    lists(x[:256, :16].contiguous())
    return {"score": Part(lambda: _overlap(lists(x), lists(y)), lambda value: [value])}


def rsatoolbox_pair(size: dict) -> dict[str, Part]:
    """rsatoolbox: correlation distances of both sides, compared by Spearman's correlation."""
    from rsatoolbox.data import Dataset
    from rsatoolbox.rdm import calc_rdm, compare

    lefts, rights = data.grid(size | {"left": 1, "right": 1})

    def pair(x: np.ndarray, y: np.ndarray) -> float:
        return float(compare(*(calc_rdm(Dataset(side), method="correlation") for side in (x, y)), method="spearman")[0, 0])

    pair(lefts[0][:16], rights[0][:16])
    return {"pair": Part(lambda: pair(lefts[0], rights[0]), lambda value: [value])}


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    step = 4096
    shared = [(a[i : i + step, :, None] == b[i : i + step, None, :]).sum() for i in range(0, len(a), step)]
    return float(sum(shared)) / a.size


def _corners(grid: np.ndarray) -> list[float]:
    return [float(grid[0, 0]), float(grid.mean())]
