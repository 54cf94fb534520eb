"""Intervals: equal to the literal formulas, right in width where the truth is known, and errors where no method fits."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

from platometer import metrics
from platometer.conditioning import Conditioning
from platometer.errors import InputError, ShapeError, SpecError, UndefinedError
from platometer.intervals import compare_alignments, interval

DEBIASED = "cka(estimator=debiased)"


def made(n: int, seed: int = 0, noise: tuple[float, ...] = (0.5, 0.5)) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 4))
    return [z + size * rng.normal(size=(n, 4)) for size in noise]


def plain(x: np.ndarray, y: np.ndarray, metric: str, rows: np.ndarray | slice = slice(None)) -> float:
    kind, unit = metrics.parse(metric), Conditioning.parse("unit")
    return kind.compare(*(kind.prepare(unit(torch.from_numpy(side))[rows]) for side in (x, y)))


def halvings(n: int, draws: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    stream = np.random.Generator(np.random.Philox(key=seed))
    orders = [stream.random(n).argsort() for _ in range(draws)]
    return [(order[: n // 2], order[n // 2 : 2 * (n // 2)]) for order in orders]


def test_the_interval_from_halves_is_the_literal_one() -> None:
    x, y = made(41)
    found = interval(x, y, DEBIASED, draws=7, seed=3, level=0.9)
    squares = [(plain(x, y, DEBIASED, a) - plain(x, y, DEBIASED, b)) ** 2 for a, b in halvings(41, 7, 3)]
    sd = math.sqrt(np.mean(squares) / 2 * 20 / 41)
    assert found.sd == pytest.approx(sd, rel=1e-9)
    reach = 1.8945786 * sd  # Student's t with 7 degrees of freedom
    assert (found.low, found.high) == pytest.approx((found.score - reach, found.score + reach), abs=1e-7)
    assert found.score == pytest.approx(plain(x, y, DEBIASED), rel=1e-12)


def test_shares_of_neighbours_are_compared_on_the_scale_of_the_arcsine() -> None:
    x, y = made(40)
    metric = "mutual_knn(k=3)"
    found = interval(x, y, metric, draws=5, seed=1)
    angle = lambda rows: math.asin(math.sqrt(plain(x, y, metric, rows)))  # noqa: E731
    sd = math.sqrt(np.mean([(angle(a) - angle(b)) ** 2 for a, b in halvings(40, 5, 1)]) / 4)  # and t with 5 degrees
    middle = math.asin(math.sqrt(found.score))
    ends = [math.sin(middle + sign * 2.5705818 * sd) ** 2 for sign in (-1, 1)]
    assert (found.low, found.high) == pytest.approx(ends, abs=1e-6)
    assert found.sd == pytest.approx(sd * 2 * math.sqrt(found.score * (1 - found.score)), rel=1e-9)


def test_the_jackknife_with_a_group_for_every_sample_is_tukeys() -> None:
    x, y = made(30)
    found = interval(x, y, DEBIASED, method="jackknife", draws=1000)
    left_out = [plain(x, y, DEBIASED, np.delete(np.arange(30), i)) for i in range(30)]
    sd = math.sqrt(29 / 30 * np.sum((np.array(left_out) - np.mean(left_out)) ** 2))
    assert (found.sd, found.draws) == (pytest.approx(sd, rel=1e-9), 30)
    assert found.high - found.score == pytest.approx(2.0452296 * sd, rel=1e-6)  # Student's t with 29 degrees of freedom


def test_drawing_queries_again_gives_the_standard_error_of_a_mean() -> None:
    x, y = made(80)
    found = interval(x, y, "mutual_knn(k=5)", method="queries", draws=4000)
    unit = Conditioning.parse("unit")
    lists = []
    for side in (x, y):
        similar = (unit(torch.from_numpy(side)) @ unit(torch.from_numpy(side)).T).fill_diagonal_(-2)
        lists.append(similar.topk(5).indices)
    each = np.array([len(set(a.tolist()) & set(b.tolist())) / 5 for a, b in zip(*lists, strict=True)])
    assert found.score == pytest.approx(each.mean())
    assert found.sd == pytest.approx(each.std() / math.sqrt(80), rel=0.05)
    assert found.high - found.low == pytest.approx(2 * 1.96 * found.sd, rel=0.1)


@pytest.mark.parametrize("metric", [DEBIASED, "mutual_knn(k=5)"])
def test_the_width_from_halves_is_that_of_fresh_samples(metric: str) -> None:
    scores = [plain(*made(80, seed), metric) for seed in range(150)]
    widths = [interval(*made(80, 1000 + seed), metric, draws=15).sd for seed in range(12)]
    assert np.sqrt(np.mean(np.square(widths))) == pytest.approx(np.std(scores), rel=0.25)


def test_the_selected_layer_is_selected_in_every_draw() -> None:
    x, y = made(40)
    layers = [x[:, :1], x, x[:, 2:]]
    found = interval(layers, [y], DEBIASED, draws=4)
    assert found.score == pytest.approx(max(plain(layer, y, DEBIASED) for layer in layers), rel=1e-12)
    best = lambda rows: max(plain(layer, y, DEBIASED, rows) for layer in layers)  # noqa: E731
    sd = math.sqrt(np.mean([(best(a) - best(b)) ** 2 for a, b in halvings(40, 4, 0)]) / 4)
    assert found.sd == pytest.approx(sd, rel=1e-9)
    mean = interval(layers, [y], DEBIASED, draws=4, summary="mean")
    assert mean.score == pytest.approx(np.mean([plain(layer, y, DEBIASED) for layer in layers]))
    assert interval(layers, [y], DEBIASED, draws=4, summary="last").score == pytest.approx(plain(layers[2], y, DEBIASED))
    queries = interval(layers[1:], [y], "mutual_knn(k=3)", method="queries", draws=50)
    assert queries.score == max(plain(layer, y, "mutual_knn(k=3)") for layer in layers[1:])


def test_the_same_seed_gives_the_same_interval_and_another_another() -> None:
    x, y = made(40)
    one, again, other = (interval(x, y, DEBIASED, draws=5, seed=seed) for seed in (1, 1, 2))
    assert one == again
    assert one.sd != other.sd


def test_an_interval_stays_inside_the_range_of_the_metric() -> None:
    x, _ = made(40)
    for metric in ("cka", "mutual_knn(k=3)", DEBIASED):
        found = interval(x, x, metric, draws=4)
        assert (found.low, found.score, found.high) == pytest.approx((1, 1, 1), abs=1e-9)
    faint = interval(np.random.default_rng(0).normal(size=(40, 3)), x, "mutual_knn(k=3)", draws=4)
    assert 0 <= faint.low <= faint.score <= faint.high <= 1


# two alignments


def test_a_difference_is_the_literal_one() -> None:
    a, b, c = made(40, noise=(0.3, 1.0, 0.3))
    found = compare_alignments(a, b, c, DEBIASED, draws=6, seed=2)
    value = lambda rows: plain(a, c, DEBIASED, rows) - plain(b, c, DEBIASED, rows)  # noqa: E731
    sd = math.sqrt(np.mean([(value(one) - value(other)) ** 2 for one, other in halvings(40, 6, 2)]) / 4)
    assert found.difference == pytest.approx(value(slice(None)))
    assert (found.a, found.b) == (plain(a, c, DEBIASED), plain(b, c, DEBIASED))
    assert found.sd == pytest.approx(sd, rel=1e-9)
    assert found.p == pytest.approx(2 * stats.t.sf(found.difference / sd, 6), rel=1e-9)


@pytest.mark.parametrize("method", ["subsample", "jackknife", "queries"])
def test_exchanging_a_and_b_turns_the_sign(method: str) -> None:
    a, b, c = made(60, noise=(0.3, 0.8, 0.3))
    one = compare_alignments(a, b, c, "mutual_knn(k=5)", method=method, draws=20)
    other = compare_alignments(b, a, c, "mutual_knn(k=5)", method=method, draws=20)
    assert one.difference == -other.difference > 0
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))
    assert one.p == pytest.approx(other.p)


@pytest.mark.parametrize("method", ["subsample", "jackknife"])
def test_p_and_interval_tell_the_same_story(method: str) -> None:
    for seed in range(8):
        a, b, c = made(60, seed, noise=(0.5, 0.6, 0.5))
        found = compare_alignments(a, b, c, "mutual_knn(k=5)", method=method, draws=10, level=0.9)
        assert (found.p < 0.1) == (not found.low <= 0 <= found.high)


def test_a_space_is_as_close_as_itself() -> None:
    a, c = made(40)
    found = compare_alignments(a, a, c, "mutual_knn(k=3)", draws=4)
    assert (found.difference, found.low, found.high, found.p) == (0, 0, 0, 1.0)


@pytest.mark.parametrize("metric", [DEBIASED, "mutual_knn(k=5)"])
def test_exchangeable_spaces_are_rarely_told_apart_and_different_ones_mostly(metric: str) -> None:
    def found(noise: float, repeats: int) -> int:
        trials = (made(60, seed, noise=(0.5, noise, 0.5)) for seed in range(repeats))
        return sum(compare_alignments(*trial, metric, draws=8).p <= 0.05 for trial in trials)

    assert found(0.5, repeats=20) <= 4  # binomial(20, 0.05): more in 0.3 % of cases
    assert found(2.0, repeats=8) >= 7


# what does not fit


def test_samples_are_never_drawn_with_replacement_and_the_error_says_why() -> None:
    x, y = made(40)
    with pytest.raises(InputError, match="copies among them, which become each other's nearest neighbours"):
        interval(x, y, "mutual_knn", method="bootstrap")
    with pytest.raises(InputError, match="Use method='subsample' or 'jackknife'"):
        interval(x, y, "cka", method="bootstrap")


def test_what_does_not_fit_is_an_error() -> None:
    x, y = made(40)
    with pytest.raises(SpecError, match="Did you mean 'jackknife'"):
        interval(x, y, "cka", method="jacknife")
    with pytest.raises(InputError, match="gives no score for each query"):
        interval(x, y, "cka", method="queries")
    with pytest.raises(ShapeError, match="needs 21 samples, and half of 40 are 20"):
        interval(x, y, "mutual_knn(k=20)")
    with pytest.raises(ShapeError, match="needs 39 samples; with 2 groups fewer remain of 40"):
        interval(x, y, "mutual_knn(k=38)", method="jackknife", draws=2)
    with pytest.raises(InputError, match="a coverage lies between 0 and 1"):
        interval(x, y, "cka", level=95)
    with pytest.raises(InputError, match="a spread needs at least 2"):
        interval(x, y, "cka", draws=1)
    with pytest.raises(ShapeError, match="left has 40 samples and right has 39"):
        interval(x, y[:39], "cka")
    with pytest.raises(ShapeError, match="a has 40 samples and reference has 39"):
        compare_alignments(x, y, y[:39], "cka")
    with pytest.raises(SpecError, match="There is no summary 'best' here"):
        interval(x, y, "cka", summary="best")
    spike = np.zeros((40, 2))
    spike[0] = 1
    with pytest.raises(UndefinedError, match="On 20 of 40 samples the score does not exist"):
        interval(spike, y, "cka", conditioning="none", draws=4)


def test_the_note_says_what_is_covered() -> None:
    x, y = made(40)
    assert interval(x, y, "mutual_knn(k=3)", draws=2).coverage == "for the mean score of fresh samples of this size"
    assert "too wide for neighbour metrics" in interval(x, y, "mutual_knn(k=3)", method="jackknife", draws=5).coverage
    assert "held fixed" in interval(x, y, "mutual_knn(k=3)", method="queries", draws=5).coverage
