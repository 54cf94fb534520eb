"""Streaming CKA: equal to the metric on whole arrays, however rows are cut, shifted, scaled or spread over machines."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from platometer import metrics, store
from platometer.blocks import length, paired_blocks, row_blocks
from platometer.conditioning import Conditioning
from platometer.errors import InputError, NotFiniteError, ShapeError, SpecError, UndefinedError
from platometer.features import Features
from platometer.streaming import MinibatchCka, StreamingCka, minibatch_cka, streaming_cka


def made(n: int, d: int, p: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 3))
    x = z @ rng.normal(size=(3, d)) + rng.normal(size=(n, d))
    return x, z @ rng.normal(size=(3, p)) + rng.normal(size=(n, p))


def whole(x: np.ndarray, y: np.ndarray, estimator: str, conditioning: str = "none") -> float:
    metric, condition = metrics.parse(f"cka(estimator={estimator})"), Conditioning.parse(conditioning)
    return metric.compare(*(metric.prepare(condition(torch.tensor(side, dtype=torch.float64))) for side in (x, y)))


def cut(x: np.ndarray, sizes: list[int]) -> list[np.ndarray]:
    return np.split(x, np.cumsum(sizes)[:-1])


@pytest.mark.parametrize("conditioning", ["none", "unit"])
@pytest.mark.parametrize("estimator", ["biased", "debiased"])
@pytest.mark.parametrize(("n", "d", "p"), [(300, 7, 4), (60, 90, 5), (9, 2, 30)])
def test_one_pass_equals_the_metric_on_whole_arrays(n: int, d: int, p: int, estimator: str, conditioning: str) -> None:
    x, y = made(n, d, p)
    expected = whole(x, y, estimator, conditioning)
    for rows in (1, 7, n):
        found = streaming_cka(x, y, estimator=estimator, conditioning=conditioning, rows=rows)
        assert found.score == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("estimator", ["biased", "debiased"])
@pytest.mark.parametrize(("shift", "scale"), [(1e3, 1.0), (1e6, 1e-20), (-1e3, 1e20), (0.0, 1e-60)])
def test_a_mean_far_from_zero_and_any_scale_lose_no_digits(estimator: str, shift: float, scale: float) -> None:
    x, y = made(400, 6, 5)
    moved = (x + shift) * scale
    found = streaming_cka(moved, y - shift, estimator=estimator, conditioning="none", rows=50)
    assert found.score == pytest.approx(whole(moved, y - shift, estimator), abs=1e-10)
    assert found.score == pytest.approx(whole(x, y, estimator), abs=1e-12 * max(1, abs(shift)))


@pytest.mark.parametrize("estimator", ["biased", "debiased"])
def test_blocks_that_drift_lose_no_digits(estimator: str) -> None:
    x, y = made(400, 6, 5)
    order = np.argsort(x[:, 0])
    x, y = x[order] + 1e3 * np.linspace(0, 1, 400)[:, None], y[order]
    assert streaming_cka(x, y, estimator=estimator, conditioning="none", rows=10).score == pytest.approx(
        whole(x, y, estimator), abs=1e-10
    )


def literal_hsic(x: np.ndarray, y: np.ndarray) -> float:
    """Song et al. 2012, eq. 5, term by term."""
    n = len(x)
    K, L = x @ x.T, y @ y.T
    np.fill_diagonal(K, 0)
    np.fill_diagonal(L, 0)
    one = np.ones(n)
    return float(
        (np.trace(K @ L) + (one @ K @ one) * (one @ L @ one) / ((n - 1) * (n - 2)) - 2 / (n - 2) * (one @ K @ L @ one))
        / (n * (n - 3))
    )


def test_the_debiased_score_is_that_of_song_equation_5() -> None:
    x, y = made(40, 5, 3)
    expected = literal_hsic(x, y) / math.sqrt(literal_hsic(x, x) * literal_hsic(y, y))
    assert streaming_cka(x, y, conditioning="none", rows=9).score == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("estimator", ["biased", "debiased"])
def test_the_null_is_that_of_all_re_pairings(estimator: str) -> None:
    x, y = made(6, 2, 3)
    scores = [whole(x, y[list(order)], estimator) for order in itertools.permutations(range(6))]
    found = streaming_cka(x, y, estimator=estimator, conditioning="none", rows=4)
    assert found.null_mean == pytest.approx(np.mean(scores), abs=1e-12)
    assert found.null_sd == pytest.approx(np.std(scores), rel=1e-9)
    assert found.z == pytest.approx((found.score - np.mean(scores)) / np.std(scores), rel=1e-8)


@pytest.mark.parametrize("estimator", ["biased", "debiased"])
def test_the_null_is_that_of_the_metric(estimator: str) -> None:
    x, y = made(200, 6, 5)
    metric = metrics.parse(f"cka(estimator={estimator})")
    moments = metric.moments(*(metric.prepare(torch.from_numpy(side)) for side in (x, y)))
    found = streaming_cka(x, y, estimator=estimator, conditioning="none", rows=64)
    assert (found.null_mean, found.null_sd) == pytest.approx((moments.mean, math.sqrt(moments.variance)), abs=1e-12)


def test_sums_of_several_machines_add_up_in_any_order() -> None:
    x, y = made(100, 4, 3)
    x[50:] = x[50:] + 500  # each machine meets another first block
    parts = []
    for a, b in zip(cut(x, [50, 30, 20]), cut(y, [50, 30, 20]), strict=True):
        parts.append(StreamingCka(conditioning="none").update(a, b))
    expected = whole(x, y, "debiased")
    assert (parts[0] + parts[1] + parts[2]).result().score == pytest.approx(expected, abs=1e-10)
    assert (parts[2] + (parts[1] + parts[0])).result().score == pytest.approx(expected, abs=1e-10)
    assert (StreamingCka(conditioning="none") + parts[0]).n == 50
    assert parts[0].n == 50  # adding changes neither


def test_sums_can_be_written_and_read_back() -> None:
    x, y = made(60, 4, 3)
    sums = StreamingCka(conditioning="none").update(x[:40], y[:40])
    again = StreamingCka(conditioning="none").restored(sums.state())
    assert again.update(x[40:], y[40:]).result().score == pytest.approx(whole(x, y, "debiased"), abs=1e-12)
    assert StreamingCka().restored({}).n == 0
    with pytest.raises(InputError, match=r"The state lacks 'shift\.0'"):
        StreamingCka().restored({"n": torch.tensor(3)})


def test_sums_of_different_kinds_do_not_add_up() -> None:
    with pytest.raises(InputError, match="same estimator and conditioning"):
        StreamingCka() + StreamingCka(estimator="biased")
    x, y = made(10, 4, 3)
    with pytest.raises(ShapeError, match="Earlier samples have 4 and 3 features, these 3 and 4"):
        StreamingCka().update(x, y).update(y, x)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_low_precision_features_are_summed_in_double(dtype: torch.dtype) -> None:
    x, y = (torch.from_numpy(side).to(dtype) for side in made(100, 4, 3))
    assert streaming_cka(x, y, conditioning="none", rows=30).score == pytest.approx(
        whole(x.double().numpy(), y.double().numpy(), "debiased"), abs=1e-12
    )


def test_arrays_maps_iterators_lists_and_stored_layers_all_stream(tmp_path) -> None:
    x, y = made(50, 4, 3)
    expected = whole(x, y, "debiased")
    np.save(tmp_path / "x.npy", x)
    stored = store.write(tmp_path, "toy", Features.of({"a": x, "b": y}), rows=16)
    sides = [x, np.load(tmp_path / "x.npy", mmap_mode="r"), iter(cut(x, [20, 0, 30])), cut(x, [1, 49]), x.tolist(),
             stored.only(["a"])]
    for side in sides:
        assert streaming_cka(side, stored.only(["b"]), conditioning="none", rows=11).score == pytest.approx(expected, abs=1e-12)
    with pytest.raises(InputError, match=r"has 2 layers; blocks are read from one. Choose it with .only\(\['b'\]\)"):
        streaming_cka(stored, y)


def test_a_stored_layer_is_read_a_shard_at_a_time(tmp_path) -> None:
    x, _ = made(50, 4, 3)
    stored = store.write(tmp_path, "toy", Features.of({"a": x}), rows=16)
    assert [len(part) for part in stored.layers["a"].parts()] == [16, 16, 16, 2]
    assert torch.equal(torch.cat(list(row_blocks(stored, rows=10))), stored["a"])


def test_blocks_keep_all_rows_in_order_whatever_the_cuts() -> None:
    x, y = made(23, 4, 3)
    pairs = list(paired_blocks(iter(cut(x, [10, 1, 12])), iter(cut(y, [3, 20])), rows=5))
    assert [len(a) for a, _ in pairs] == [5, 5, 5, 5, 3]
    assert np.array_equal(np.concatenate([a for a, _ in pairs]), x)
    assert np.array_equal(np.concatenate([b for _, b in pairs]), y)
    assert [length(side) for side in (x, iter([x]), x.tolist(), [x, x], Features.of(x))] == [23, None, 23, None, 23]


def test_sides_that_do_not_fit_are_errors() -> None:
    x, y = made(20, 4, 3)
    with pytest.raises(ShapeError, match="right ends after 19 samples and left has more"):
        streaming_cka(x, y[:19], rows=5)
    with pytest.raises(ShapeError, match="left ends after 10 samples"):
        streaming_cka(x[:10], y, rows=5)
    with pytest.raises(ShapeError, match="4 features up to row 10 and 3 from there on"):
        streaming_cka([x[:10], y[10:]], y, rows=5)
    with pytest.raises(ShapeError, match="debiased CKA needs at least 4 samples; there are 3"):
        streaming_cka(x[:3], y[:3])
    with pytest.raises(InputError, match="expected an array"):
        streaming_cka(3, y)
    x[12] = np.nan
    with pytest.raises(NotFiniteError, match="left, from row 10 has NaN in row 2"):
        streaming_cka((x[i : i + 5] for i in range(0, 20, 5)), y, rows=5)


def test_constant_features_have_no_alignment() -> None:
    _, y = made(20, 4, 3)
    for value in (0.0, 1e3 + 0.1):
        with pytest.raises(UndefinedError, match="All samples have the same features"):
            streaming_cka(np.full((20, 4), value), y, conditioning="none", rows=6)


def test_a_conditioning_that_needs_all_samples_is_an_error() -> None:
    with pytest.raises(SpecError, match="looks at all samples at once"):
        StreamingCka(conditioning="clamp")
    with pytest.raises(SpecError, match="Did you mean 'debiased'"):
        StreamingCka(estimator="debiassed")


# minibatch


def test_minibatch_cka_is_the_ratio_of_averaged_hsics() -> None:
    x, y = made(60, 5, 3)
    batches = [slice(0, 20), slice(20, 40), slice(40, 60)]
    xy, xx, yy = (sum(literal_hsic(a[at], b[at]) for at in batches) for a, b in ((x, y), (x, x), (y, y)))
    found = minibatch_cka(x, y, batch=20, conditioning="none")
    assert found.score == pytest.approx(xy / math.sqrt(xx * yy), abs=1e-12)
    assert (found.n, found.estimator) == (60, "minibatch")


def test_one_batch_of_all_samples_is_debiased_cka() -> None:
    x, y = made(60, 5, 3)
    one, all_of_it = minibatch_cka(x, y, batch=60), streaming_cka(x, y)
    assert (one.score, one.null_sd) == pytest.approx((all_of_it.score, all_of_it.null_sd), abs=1e-12)


def test_a_short_rest_joins_the_last_batch() -> None:
    x, y = made(23, 5, 3)
    assert minibatch_cka(x, y, batch=10).n == 23
    with pytest.raises(ShapeError, match="A batch of 3 samples"):
        MinibatchCka().update(x[:3], y[:3])
    with pytest.raises(InputError, match="at least 4 samples"):
        minibatch_cka(x, y, batch=3)


def test_the_minibatch_null_is_that_of_re_pairing_within_batches() -> None:
    x, y = made(10, 2, 3)
    parts = [slice(0, 5), slice(5, 10)]
    size = math.sqrt(math.prod(sum(literal_hsic(side[at], side[at]) for at in parts) for side in (x, y)))
    scores = [[literal_hsic(x[at], y[at][list(order)]) / size for order in itertools.permutations(range(5))] for at in parts]
    found = minibatch_cka(x, y, batch=5, conditioning="none")
    assert found.null_mean == pytest.approx(sum(map(np.mean, scores)), abs=1e-12)
    assert found.null_sd == pytest.approx(math.sqrt(sum(map(np.var, scores))), rel=1e-9)  # the batches move independently


def test_minibatch_cka_is_nearly_unbiased_where_the_biased_score_of_a_batch_is_not() -> None:
    rng = np.random.default_rng(1)
    mix = np.diag([1.0, 1.0, 0.5]), np.diag([1.0, 0.5, 1.0])
    own = [m**2 + 0.5 * np.eye(3) for m in mix]  # covariances; linear CKA compares them with that between the sides
    truth = np.sum((mix[0] @ mix[1]) ** 2) / math.sqrt(np.sum(own[0] ** 2) * np.sum(own[1] ** 2))
    unbiased, biased = [], []
    for _ in range(200):
        z = rng.normal(size=(128, 3))
        x, y = (z @ m + math.sqrt(0.5) * rng.normal(size=(128, 3)) for m in mix)
        unbiased.append(minibatch_cka(x, y, batch=8, conditioning="none").score - truth)
        biased.append(whole(x[:8], y[:8], "biased") - truth)
    assert abs(np.mean(unbiased)) < 0.02  # four standard errors
    assert np.mean(biased) > 0.1


def test_batches_in_another_order_than_random_estimate_another_number() -> None:
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(16), 32)
    centres = 3 * rng.normal(size=(16, 4))
    x, y = (centres[group] + rng.normal(size=(512, 4)) for _ in range(2))  # alike between groups, unrelated within
    shuffled = rng.permutation(512)
    assert minibatch_cka(x, y, batch=32, conditioning="none").score < 0.05  # a group to a batch
    assert minibatch_cka(x[shuffled], y[shuffled], batch=32, conditioning="none").score > 0.8
    one, other = (streaming_cka(x[order], y[order], conditioning="none").score for order in (shuffled, np.arange(512)))
    assert one == pytest.approx(other, abs=1e-12)
