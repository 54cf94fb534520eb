"""Growing galleries: equal to the literal count at every size, whatever the blocks, and to mutual kNN on the queries."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from platometer import metrics
from platometer.blocks import Stored, paired_blocks
from platometer.errors import InputError, ShapeError, SpecError
from platometer.features import Features
from platometer.gallery import GalleryScore, GrowingGallery, common, growing_gallery, nested_order


def made(n: int, seed: int = 0, noise: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 4))
    x, y = z @ rng.normal(size=(4, 9)), z @ rng.normal(size=(4, 6))
    return x + noise * rng.normal(size=x.shape), y + noise * rng.normal(size=y.shape)


def literal(x: np.ndarray, y: np.ndarray, q: int, size: int, k: int) -> np.ndarray:
    """|knn_x & knn_y| / k for each of the first q rows among the first `size` rows, itself left out; ties not expected."""
    out = []
    for i in range(q):
        near = []
        for side in (x, y):
            side = side / np.linalg.norm(side, axis=1, keepdims=True)
            similar = side[:size] @ side[i]
            similar[i] = -np.inf
            near.append(set(np.argsort(-similar)[:k].tolist()))
        out.append(len(near[0] & near[1]) / k)
    return np.array(out)


def same(a: tuple[GalleryScore, ...], b: tuple[GalleryScore, ...]) -> bool:
    return a == b and all(np.array_equal(x.per_query, y.per_query) for x, y in zip(a, b, strict=True))


def test_every_size_gives_the_literal_count() -> None:
    x, y = made(300)
    order = nested_order(300, queries=40, seed=3).numpy()
    rows = growing_gallery(x, y, queries=40, sizes=(300, 40, 111), k=(1, 5), share=0.1, seed=3)
    assert [(row.size, row.k, row.share) for row in rows] == [
        (size, k, share) for size in (40, 111, 300) for k, share in ((1, None), (5, None), (size // 10, 0.1))
    ]
    for row in rows:
        expected = literal(x[order], y[order], 40, row.size, row.k)
        assert np.array_equal(row.per_query, expected)
        assert row.score == pytest.approx(expected.mean(), abs=1e-15)
        assert row.se == pytest.approx(expected.std(ddof=1) / np.sqrt(40), abs=1e-15)
        assert row.chance == pytest.approx(row.k / (row.size - 1))
        assert (row.queries, row.tied) == (40, 0)


def test_a_gallery_of_the_queries_alone_is_mutual_knn() -> None:
    x, y = made(120)
    metric = metrics.parse("mutual_knn(k=7)")
    unit = [torch.from_numpy(side / np.linalg.norm(side, axis=1, keepdims=True)) for side in (x, y)]
    (row,) = growing_gallery(x, y, queries=120, k=7, share=())
    assert row.score == pytest.approx(metric.compare(*map(metric.prepare, unit)), abs=1e-15)
    assert row.chance == pytest.approx(7 / 119)


def test_blocks_budget_and_order_of_the_gallery_change_nothing() -> None:
    x, y = made(200)
    x = np.round(x, 1)  # some ties
    y[100:110] = y[90:100]
    rng = np.random.default_rng(1)
    moved = np.concatenate([np.arange(20), 20 + rng.permutation(180)])
    found = []
    for order, rows, budget in ((np.arange(200), 200, 2**20), (np.arange(200), 7, 2**20), (moved, 33, 8 * 20 * 3)):
        gallery = GrowingGallery(x[:20], y[:20], largest=200, k=5, share=0.05, ids=range(20), budget=budget)
        found.append(gallery.over(paired_blocks(x[order], y[order], rows=rows), [200]))
    assert same(found[0], found[1])
    assert same(found[0], found[2])


def test_ties_with_the_next_are_left_out_and_counted() -> None:
    x = torch.tensor([[1.0, 0.0], [0.9, 0.1], [0.5, 0.5], [0.5, 0.5], [0.0, 1.0]], dtype=torch.float64)
    gallery = GrowingGallery(x[:1], x[:1], largest=5, k=(1, 2, 3), share=(), ids=[0], conditioning="none")
    gallery.add(x, x)
    one, two, three = gallery.scores()
    assert (one.score, one.tied) == (1.0, 0)
    assert (two.score, two.tied) == (0.5, 1)  # the second and third are tied, so only the first counts
    assert (three.score, three.tied) == (1.0, 0)


def test_when_all_others_are_neighbours_nothing_is_tied() -> None:
    x = torch.ones(4, 2, dtype=torch.float64)
    gallery = GrowingGallery(x[:1], x[:1], largest=4, k=3, share=(), ids=[0])
    gallery.add(x, x)
    assert (gallery.scores()[0].score, gallery.scores()[0].chance) == (1.0, 1.0)
    with pytest.raises(InputError, match="a query has only 3 others in a gallery of 4"):
        GrowingGallery(x[:1], x[:1], largest=4, k=4, share=(), ids=[0]).over([(x, x)], [4])


def test_queries_are_left_out_by_name_wherever_and_however_often_they_come() -> None:
    x, y = made(60)
    order = np.random.default_rng(2).permutation(60)
    names = [f"picture {i}" for i in order]
    by_name = GrowingGallery(x[:10], y[:10], largest=60, k=4, share=(), ids=[f"picture {i}" for i in range(10)])
    for start in range(0, 60, 13):
        at = slice(start, start + 13)
        by_name.add(x[order][at], y[order][at], ids=names[at])
    by_place = growing_gallery(x, y, queries=range(10), sizes=[60], k=4, share=())
    assert same(by_name.scores(), by_place)
    twice = GrowingGallery(x[:1], y[:1], largest=61, k=4, share=(), ids=[0])
    twice.add(np.concatenate([x, x[:1]]), np.concatenate([y, y[:1]]), ids=[*range(60), 0])  # a second copy is it again
    assert twice.scores()[0].per_query[0] == by_place[0].per_query[0]
    assert twice.scores()[0].chance == 4 / 59


def test_queries_outside_the_gallery_have_one_more_neighbour_to_choose_from() -> None:
    x, y = made(60)
    gallery = GrowingGallery(x[:10], y[:10], largest=50, k=5, share=())
    (row,) = gallery.over([(torch.from_numpy(x[10:]), torch.from_numpy(y[10:]))], [50])
    assert row.chance == 0.1


def test_galleries_are_nested_and_set_by_the_seed() -> None:
    order = nested_order(50, queries=8, seed=1)
    assert sorted(order.tolist()) == list(range(50))
    assert torch.equal(order, nested_order(50, queries=8, seed=1))
    assert not torch.equal(order, nested_order(50, queries=8, seed=2))
    chosen = nested_order(50, queries=[7, 3], seed=1).tolist()
    assert chosen[:2] == [7, 3]
    assert chosen[2:] == [i for i in order.tolist() if i not in (7, 3)]


def test_a_fixed_k_falls_and_a_share_stays_as_the_gallery_grows() -> None:
    x, y = made(4000, noise=1.0)
    rows = growing_gallery(x, y, queries=200, sizes=(250, 4000), k=10, share=0.04)
    small_fixed, small_share, large_fixed, large_share = rows
    assert small_fixed.score == small_share.score
    assert large_fixed.score < 0.5 * small_fixed.score
    assert large_share.score == pytest.approx(small_share.score, abs=4 * large_share.se)


def test_independent_spaces_score_chance_at_every_size() -> None:
    rng = np.random.default_rng(0)
    for row in growing_gallery(rng.normal(size=(2000, 8)), rng.normal(size=(2000, 8)), queries=300, sizes=(300, 2000)):
        assert abs(row.score - row.chance) < 4 * row.se


def test_the_default_sizes_double_and_end_with_all() -> None:
    x, y = made(100)
    assert [row.size for row in growing_gallery(x, Features.of(y), queries=30, share=())] == [30, 60, 100]
    assert [row.k for row in growing_gallery(x, y, queries=30, k=(), share=0.29)] == [8, 17, 29]


def test_rows_are_plain_to_tables() -> None:
    row = growing_gallery(*made(40), queries=20, sizes=[40], share=())[0]
    assert set(dataclasses.asdict(row)) == {"size", "k", "share", "score", "chance", "queries", "se", "tied", "per_query"}
    assert "per_query" not in repr(row)


def test_common_members_are_counted_once_and_absent_ones_never() -> None:
    a, b = torch.tensor([[1, 2, -1], [4, 5, 6]]), torch.tensor([[2, -1, 1], [7, -1, -1]])
    assert common(a, b).tolist() == [2, 0]


def test_what_cannot_be_is_an_error() -> None:
    x, y = made(40)
    with pytest.raises(InputError, match="A gallery of 10 cannot hold the 20 queries"):
        growing_gallery(x, y, queries=20, sizes=[10])
    with pytest.raises(InputError, match="ends after 40 rows, before the size 50"):
        growing_gallery(x, y, queries=20, sizes=[50])
    with pytest.raises(InputError, match="there are 40 samples to choose them from"):
        growing_gallery(x, y)
    with pytest.raises(InputError, match="different rows from 0 to 39"):
        growing_gallery(x, y, queries=[1, 1])
    with pytest.raises(InputError, match="expected some k >= 1, or some share"):
        growing_gallery(x, y, queries=20, k=(), share=())
    with pytest.raises(ShapeError, match="left has 40 samples and right has 39"):
        growing_gallery(x, y[:39], queries=20)
    with pytest.raises(SpecError, match="a gallery comes in blocks"):
        growing_gallery(x, y, queries=20, conditioning="clamp")
    with pytest.raises(InputError, match="2 layers; choose one"):
        growing_gallery(Features.of([x, x]), y, queries=20)
    gallery = GrowingGallery(x[:5], y[:5], largest=20, k=2)
    with pytest.raises(ShapeError, match="Queries have 9 features and the gallery 6"):
        gallery.add(y, x)
    gallery.add(x[5:], y[5:])
    with pytest.raises(InputError, match="35 rows, and lists were made for shares of at most 20"):
        gallery.scores()
    with pytest.raises(InputError, match="already has 35 rows and can only grow"):
        gallery.over([], [35])
    with pytest.raises(ShapeError, match="5 queries and 4 ids"):
        GrowingGallery(x[:5], y[:5], largest=20, ids=range(4))


def test_a_gallery_of_stored_layers_is_never_read_whole(tmp_path, monkeypatch) -> None:
    from platometer import store
    from platometer.features import Features

    x, y = np.random.default_rng(0).normal(size=(2, 300, 6))
    kept = [store.write(tmp_path, name, Features.of({"a": side, "b": -side}, name=name), rows=64).only(["a"])
            for name, side in (("x", x), ("y", x + y))]
    monkeypatch.setattr(store._Layer, "__call__", lambda self: pytest.fail("a layer was read whole"))
    found = growing_gallery(*kept, queries=40, sizes=(100, 300), k=5, share=0.05)
    whole = growing_gallery(x, x + y, queries=40, sizes=(100, 300), k=5, share=0.05)
    assert [row.per_query.tolist() for row in found] == [row.per_query.tolist() for row in whole]
    rows = Stored(kept[0])
    assert (rows.shape, len(rows)) == ((300, 6), 300)
    assert rows[torch.tensor([299, 0, 64])].numpy().tolist() == x[[299, 0, 64]].tolist()
    assert rows[torch.tensor([], dtype=torch.int64)].shape == (0, 6)
