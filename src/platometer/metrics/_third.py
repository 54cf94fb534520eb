"""Third moments over all re-pairings, from sums over each side alone.

E[G^3] of G = <A, P B P'> is a sum over the 203 ways in which the six indices of three factors can coincide (set
partitions), each weighted by 1 / (n (n-1) ...). Sums over indices that must differ come from sums over indices that
need not, by Möbius inversion; and those are few: each is the count of a small graph with three edges.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from functools import cache

import numpy as np
import torch
from scipy import sparse


def third_moment(left: np.ndarray, right: np.ndarray, n: int, kind: Callable[[tuple[int, ...]], Hashable | None]) -> np.ndarray:
    """(L, M): E[G^3].

    Parameters
    ----------
    left, right : (L, q) and (M, q), the sums of every layer, in the order of `symbols`.
    n : samples.
    kind : `symmetric` or `graphs`.
    """
    weights, sizes, _ = _lattice(kind)
    kept = sizes <= n  # more than n indices cannot differ
    falling = np.array([math.perm(n, int(size)) for size in sizes[kept]], dtype=np.float64)
    return (left @ weights[kept].T / falling) @ (right @ weights[kept].T).T


def symbols(kind: Callable[[tuple[int, ...]], Hashable | None]) -> list[Hashable]:
    """What the sums are called, in their order.

    Parameters
    ----------
    kind : `symmetric` or `graphs`.
    """
    return _lattice(kind)[2]


def symmetric(blocks: tuple[int, ...]) -> str | None:
    """The sum that K[a,b] K[c,d] K[e,f] gives when its indices coincide as `blocks` says; None for zero.

    For symmetric K without its constant part: d is the diagonal, R the row sums, q = diag(K K). A factor that shares no
    index with the others gives sum(d) or sum(R), which are zero.

    Parameters
    ----------
    blocks : (6,) the block of each index.
    """
    edges = [blocks[0:2], blocks[2:4], blocks[4:6]]
    if any(not set(edge) & {v for j, other in enumerate(edges) if j != i for v in other} for i, edge in enumerate(edges)):
        return None
    loops = [a for a, b in edges if a == b]
    links = [frozenset(edge) for edge in edges if edge[0] != edge[1]]
    if len(loops) == 3:
        return "ddd"
    if len(loops) == 2:
        return "ddR" if loops[0] == loops[1] else "dKd"
    if len(loops) == 1:
        if links[0] == links[1]:
            return "dq"
        return "dRR" if loops[0] in links[0] & links[1] else "dKR"
    vertices = len(set(blocks))
    if vertices == 2:
        return "KKK"
    if vertices == 3:
        return "tr KKK" if len(set(links)) == 3 else "qR"
    return "RRR" if links[0] & links[1] & links[2] else "RKR"


def graphs(blocks: tuple[int, ...]) -> str | None:
    """The count that A[a,b] A[c,d] A[e,f] gives when its indices coincide as `blocks` says; None for zero.

    For 0/1 matrices A without a diagonal: r and c are the numbers of edges out of and into each sample, b of those that
    go both ways, m all edges. ``"rrc"`` is sum(r r c), ``"r>c"`` is r'Ac; parts that share no index are multiplied.

    Parameters
    ----------
    blocks : (6,) the block of each index.
    """
    edges = [blocks[0:2], blocks[2:4], blocks[4:6]]
    if any(a == b for a, b in edges):
        return None
    groups: list[list[tuple[int, ...]]] = []
    for edge in edges:
        met = [group for group in groups if any(set(edge) & set(other) for other in group)]
        groups = [group for group in groups if group not in met] + [[edge, *itertools.chain(*met)]]
    return " ".join(sorted(_connected(group) for group in groups))


def _connected(edges: Sequence[tuple[int, ...]]) -> str:
    """What a connected graph of one to three edges counts."""
    spans = [frozenset(edge) for edge in edges]
    if len(set(spans)) == 1:
        return "m" if len(set(edges)) == 1 else "back"
    if len(edges) == 3 and len(set(spans)) == 2:  # an edge met twice, which counts once, or both ways; and one beside it
        alone = next(edge for edge, span in zip(edges, spans, strict=True) if spans.count(span) == 1)
        pair = [edge for edge in edges if edge != alone]
        (shared,) = set(alone) & set(pair[0])
        first = _end(pair[0], shared) if pair[0] == pair[1] else "b"
        return "".join(sorted(first + _end(alone, shared), key="rcb".index))
    shared_by_all = frozenset.intersection(*spans)
    if shared_by_all:
        (centre,) = shared_by_all
        return "".join(sorted((_end(edge, centre) for edge in edges), key="rcb".index))
    if len(frozenset.union(*spans)) == 3:
        return "cyclic" if len({tail for tail, _ in edges}) == 3 else "transitive"
    (middle,) = (edge for edge in edges if all(set(edge) & span for span in spans))
    at = {v: _end(edge, v) for edge in edges if edge != middle for v in set(edge) & set(middle)}
    return f"{at[middle[0]]}>{at[middle[1]]}"


def _end(edge: tuple[int, ...], vertex: int) -> str:
    return "r" if edge[0] == vertex else "c"


def of_matrix(d: torch.Tensor, r: torch.Tensor, q: torch.Tensor, moved: tuple[torch.Tensor, torch.Tensor],
              cubes: torch.Tensor, triangles: torch.Tensor) -> dict[str, float]:
    """The sums of `symmetric`.

    Parameters
    ----------
    d, r, q : (n,) diagonal, row sums, and diagonal of the square.
    moved : K d and K r, each (n,).
    cubes, triangles : the sum of K^3 entry by entry, and tr K^3.
    """
    sums = {
        "ddd": (d**3).sum(), "ddR": (d * d * r).sum(), "dKd": d @ moved[0], "dq": d @ q, "dRR": (d * r * r).sum(),
        "dKR": r @ moved[0], "KKK": cubes, "tr KKK": triangles, "qR": q @ r, "RRR": (r**3).sum(), "RKR": r @ moved[1],
    }
    return {name: float(value) for name, value in sums.items()}


def of_graph(tails: np.ndarray, heads: np.ndarray, n: int) -> dict[str, float]:
    """The counts of `graphs`.

    Parameters
    ----------
    tails, heads : (m,) edges, none twice and none from a sample to itself.
    n : samples.
    """
    a = sparse.csr_array((np.ones(len(tails)), (tails, heads)), shape=(n, n))
    both = a.multiply(a.T)
    square = a @ a
    at = {"r": a.sum(1), "c": a.sum(0), "b": both.sum(1)}
    out = {"m": a.sum(), "back": both.sum(), "cyclic": square.multiply(a.T).sum(), "transitive": square.multiply(a).sum()}
    for name in ("rr", "rc", "cc", "rb", "cb", "rrr", "rrc", "rcc", "ccc"):
        out[name] = math.prod(at[letter] for letter in name).sum()
    for x, y in itertools.product("rc", repeat=2):
        out[f"{x}>{y}"] = at[x] @ (a @ at[y])
    for name in ("m", "back", "rr", "rc", "cc"):
        out[" ".join(sorted(["m", name]))] = out["m"] * out[name]
    out["m m m"] = out["m"] ** 3
    return {name: float(value) for name, value in out.items()}


def vector(sums: Mapping[str, float], kind: Callable[[tuple[int, ...]], Hashable | None]) -> np.ndarray:
    """(q,) the sums of one layer in the order of `symbols`.

    Parameters
    ----------
    sums : from `of_matrix` or `of_graph`.
    kind : `symmetric` or `graphs`.
    """
    return np.array([sums[name] for name in symbols(kind)])  # type: ignore[index]


@cache
def _lattice(kind: Callable[[tuple[int, ...]], Hashable | None]) -> tuple[np.ndarray, np.ndarray, list[Hashable]]:
    """For every partition of the six indices: its sum over distinct indices in terms of the plain sums (P, q), its number
    of blocks (P,), and what the plain sums are called.

    Equal rows are merged where they have equally many blocks, so that few of the 203 remain.
    """
    partitions = list(_partitions(6))
    kinds = {blocks: kind(blocks) for blocks in partitions}
    names = sorted({name for name in kinds.values() if name is not None}, key=str)
    merged: dict[tuple[int, tuple[int, ...]], int] = {}
    for fine in partitions:
        row = [0] * len(names)
        for coarse in _coarser(fine):
            if kinds[coarse] is not None:
                row[names.index(kinds[coarse])] += _moebius(fine, coarse)
        if any(row):
            key = (len(set(fine)), tuple(row))
            merged[key] = merged.get(key, 0) + 1
    weights = np.array([[math.sqrt(times) * entry for entry in row] for (_, row), times in merged.items()])
    return weights, np.array([blocks for blocks, _ in merged]), names


def _partitions(size: int) -> Iterator[tuple[int, ...]]:
    """Every set partition, as the block of each element, blocks numbered by first appearance."""
    def grow(prefix: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        if len(prefix) == size:
            yield prefix
            return
        for block in range(max(prefix, default=-1) + 2):
            yield from grow((*prefix, block))

    return grow(())


def _coarser(fine: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Every partition whose blocks are unions of blocks of this one."""
    for merged in _partitions(len(set(fine))):
        yield tuple(merged[block] for block in fine)


def _moebius(fine: tuple[int, ...], coarse: tuple[int, ...]) -> int:
    """Of the partition lattice: the product of (-1)^(m-1) (m-1)! over coarse blocks made of m fine ones."""
    pairs = sorted({(b, a) for a, b in zip(fine, coarse, strict=True)})
    counts = [len(list(group)) for _, group in itertools.groupby(pairs, key=lambda pair: pair[0])]
    return math.prod((-1) ** (m - 1) * math.factorial(m - 1) for m in counts)
