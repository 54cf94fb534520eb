"""Alignment: the grid, its summary, and the maximum judged against maxima, for whatever holds features."""

from __future__ import annotations

import math
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
import torch

import platometer as pm
from platometer import nulls
from platometer.alignment import SUMMARIES, compare, prepare
from platometer.cards import Card
from platometer.conditioning import Conditioning
from platometer.errors import InputError, NotFiniteError, ShapeError, SpecError, UndefinedError
from platometer.features import Features
from platometer.metrics import parse

LOCAL, GLOBAL, LOW = "mutual_knn(k=3)", "cka(estimator=debiased)", "procrustes(form=distance)"
SPECS = [LOCAL, GLOBAL, LOW]
every = pytest.mark.parametrize("spec", SPECS)


def models(seed: int = 0, n: int = 30, *, shared: float = 1.0, lefts: int = 3, rights: int = 2) -> tuple[list, list]:
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 3))
    make = lambda d: shared * z @ rng.normal(size=(3, d)) + rng.normal(size=(n, d))  # noqa: E731
    return [make(4 + i) for i in range(lefts)], [make(7 - i) for i in range(rights)]


# the grid


@every
def test_the_grid_holds_the_score_of_every_pair_of_layers(spec: str) -> None:
    left, right = models()
    found = pm.align(left, right, spec, draws=0)
    expected = [[pm.score(x, y, spec) for y in right] for x in left]
    np.testing.assert_allclose(found.grid, expected, atol=1e-6)
    assert found.grid.dtype == np.float64
    assert (found.left_layers, found.right_layers) == (("0", "1", "2"), ("0", "1"))


@every
def test_the_best_pair_is_the_most_alike(spec: str) -> None:
    left, right = models(1)
    found = pm.align({"a": left[0], "b": left[1], "c": left[2]}, right, spec, draws=0)
    most = found.grid.max() if parse(spec).facts.alike == "high" else found.grid.min()
    best = found.best
    assert best.score == found.score == most == found.grid[best.left_index, best.right_index]
    assert best.left == "abc"[best.left_index]
    assert best.right == "01"[best.right_index]


@every
def test_summaries_are_those_of_the_grid(spec: str) -> None:
    left, right = models(2)
    grid = pm.align(left, right, spec, draws=0).grid
    most = np.max if parse(spec).facts.alike == "high" else np.min
    expected = {"max": most(grid), "mean": grid.mean(), "last": grid[-1, -1], "rowmax": most(grid, axis=1).mean()}
    for summary in SUMMARIES:
        found = pm.align(left, right, spec, draws=20, summary=summary)
        assert found.score == pytest.approx(expected[summary])
        assert found.calibration.observed == found.score
        assert found.summary == summary
        assert found.best.score == most(grid)


@pytest.mark.parametrize("conditioning", ["none", "unit", "clamp(q=0.9)", "platonic-rep(exact)", "platonic-rep(sample-mean)"])
def test_layers_are_conditioned_together_where_the_convention_is_joint(conditioning: str) -> None:
    left, right = models(3)
    rule, metric = Conditioning.parse(conditioning), parse("cka")
    sides = [[metric.prepare(x) for x in rule.all([torch.tensor(x) for x in layers])] for layers in (left, right)]
    found = pm.align(left, right, "cka", conditioning=conditioning, draws=0)
    np.testing.assert_allclose(found.grid, metric.grid(*sides), atol=1e-6)
    assert found.conditioning == conditioning


# the null


@every
@pytest.mark.parametrize("summary", SUMMARIES)
def test_each_draw_moves_all_layers_alike_and_is_summarised_as_the_grid(spec: str, summary: str) -> None:
    left, right = models(4, n=20)
    found = pm.align(left, right, spec, draws=60, seed=5, summary=summary)
    grids = []
    for order in nulls.orders(20, 60, seed=5).numpy():
        grids.append([[pm.score(x, y[order], spec) for y in right] for x in left])
    grids = np.array(grids)
    most = np.max if parse(spec).facts.alike == "high" else np.min
    draws = {"max": most(grids, axis=(1, 2)), "mean": grids.mean((1, 2)), "last": grids[:, -1, -1],
             "rowmax": most(grids, axis=2).mean(1)}[summary]
    np.testing.assert_allclose(found.calibration.draws, draws, atol=2e-6)
    np.testing.assert_allclose(found.null_mean, grids.mean(0), atol=2e-6)
    np.testing.assert_allclose(found.null_sd, grids.std(0, ddof=1), atol=1e-5)
    again = nulls.calibrate(found.score, draws, alike=found.facts.alike, best=found.facts.best)
    assert found.calibration.p == again.p
    assert found.calibration.tau == pytest.approx(again.tau, abs=2e-6)


@every
def test_a_shared_world_is_found_and_independent_ones_are_not(spec: str) -> None:
    alike = pm.align(*models(5, n=60, shared=3.0), spec, draws=199).calibration
    apart = pm.align(*models(5, n=60, shared=0.0), spec, draws=199).calibration
    assert alike.p == 1 / 200
    assert alike.z > 5
    assert alike.score > 0.1
    assert apart.p > 0.05
    assert apart.score == 0


@pytest.mark.parametrize(("spec", "options"), [
    (LOCAL, {}), (GLOBAL, {}), (LOW, {}), (LOCAL, {"summary": "mean"}), ("cka", {"summary": "rowmax"}),
])
def test_the_p_of_a_maximum_is_uniform_on_independent_data(spec: str, options: dict) -> None:
    """The whole selection inside: 200 data sets, 3 x 2 layers, 19 draws, p <= a for a share a of them to 4 sd."""
    found = (pm.align(*models(1000 + i, n=12, shared=0.0), spec, draws=19, seed=i, **options) for i in range(200))
    ps = np.array([one.calibration.p for one in found])
    for alpha in (0.05, 0.1, 0.25, 0.5):
        sd = math.sqrt(alpha * (1 - alpha) / 200)
        share = np.mean(ps <= alpha + 1e-12)
        assert share <= alpha + 4 * sd
        if spec != LOCAL:  # counts tie, and ties count against the claim
            assert share >= alpha - 4 * sd


def test_the_maximum_is_judged_against_maxima() -> None:
    """One pair chosen among 40 looks significant beside its own null, and is not beside the null of the maximum."""
    left, right = models(6, n=25, shared=0.0, lefts=8, rights=5)
    whole = pm.align(left, right, GLOBAL, draws=199)
    chosen = pm.align(left[whole.best.left_index], right[whole.best.right_index], GLOBAL, draws=199)
    assert chosen.score == pytest.approx(whole.score, abs=1e-6)
    assert chosen.calibration.p < 0.1 < whole.calibration.p
    assert whole.calibration.tau > chosen.calibration.tau


def test_the_same_seed_gives_the_same_numbers_and_another_gives_others() -> None:
    left, right = models(7)
    one, two, other = (pm.align(left, right, LOCAL, draws=30, seed=seed).calibration for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.draws, two.draws)
    assert not np.array_equal(one.draws, other.draws)
    more = pm.align(left, right, LOCAL, draws=120, seed=1).calibration
    np.testing.assert_array_equal(more.draws[:30], one.draws)


def test_exchanging_the_sides_transposes_the_grid() -> None:
    left, right = models(8)
    one, two = pm.align(left, right, GLOBAL, draws=0), pm.align(right, left, GLOBAL, draws=0)
    np.testing.assert_allclose(one.grid, two.grid.T, atol=1e-6)
    assert (one.best.left_index, one.best.right_index) == (two.best.right_index, two.best.left_index)


def test_groups_hold_a_confound_fixed() -> None:
    """Both sides know the group and nothing else: always significant, until re-pairings stay within groups."""
    group = np.repeat(np.arange(4), 10)
    free, held = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        x, y = (5 * np.eye(4)[group] @ rng.normal(size=(4, 6)) + rng.normal(size=(40, 6)) for _ in range(2))
        free.append(pm.align(x, y, GLOBAL, draws=19, seed=seed).calibration)
        held.append(pm.align(x, y, GLOBAL, draws=19, seed=seed, within=group).calibration)
    assert all(found.p == 0.05 for found in free)
    assert np.mean([found.p <= 0.25 for found in held]) == pytest.approx(0.25, abs=4 * (0.25 * 0.75 / 60) ** 0.5)
    assert (free[0].null, held[0].null) == ("permutation", "permutation within groups")


def test_blocks_keep_rows_that_belong_together() -> None:
    """Five copies of each of eight independent pairs: significant by rows, chance by blocks."""
    rng = np.random.default_rng(11)
    block = np.repeat(np.arange(8), 5)
    x, y = ((rng.normal(size=(8, 4)))[block] + 0.05 * rng.normal(size=(40, 4)) for _ in range(2))
    rows, blocks = pm.align(x, y, GLOBAL, draws=199), pm.align(x, y, GLOBAL, draws=199, blocks=block)
    assert rows.calibration.p < 0.02
    assert blocks.calibration.p > 0.1
    assert blocks.calibration.null == "permutation of blocks"


def test_the_order_of_layers_decides_no_tie() -> None:
    rng = np.random.default_rng(0)
    n = 600
    narrow, wide = (rng.normal(size=(n, d)).astype(np.float32) for d in (4, 64))  # held as features, and as a Gram in float32
    left, right = {"a": narrow, "b": wide}, {"a": 2 * narrow, "b": wide @ rng.normal(size=(64, 64)).astype(np.float32)}
    turned = [dict(reversed(side.items())) for side in (left, right)]
    labels = [0, 0, *range(2, n)]  # half of all re-pairings move nothing, and count against the claim
    one, two = (pm.align(*sides, "cka", draws=20, within=labels, summary="mean") for sides in ((left, right), turned))
    assert one.calibration.p == two.calibration.p > 0.2


def test_progress_counts_draws_to_the_end() -> None:
    seen = []
    pm.align(*models(), LOCAL, draws=120, progress=lambda done, of: seen.append((done, of)))
    assert seen[-1] == (120, 120)
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})


def test_without_draws_there_is_no_calibration() -> None:
    found = pm.align(*models(), LOCAL, draws=0)
    assert (found.calibration, found.null_mean, found.null_sd) == (None, None, None)
    assert "not asked for" in repr(found)


def test_a_single_draw_has_a_p_and_no_spread() -> None:
    found = pm.align(*models(), LOCAL, draws=1)
    assert found.calibration.p in (0.5, 1.0)
    assert (found.null_sd, found.calibration.null_sd, found.calibration.z) == (None, None, None)
    assert "None" not in repr(found)


# what comes in


class Jax:
    """An array of another library: a shape, ``__dlpack__`` and ``__array__``, and nothing of numpy or torch."""

    def __init__(self, x: np.ndarray):
        self._x = x
        self.shape = x.shape

    def __dlpack__(self, **options: object) -> object:
        return self._x.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple:
        return self._x.__dlpack_device__()

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        return self._x


def test_layers_may_be_held_by_anything() -> None:
    rng = np.random.default_rng(12)
    cube, y = rng.normal(size=(20, 3, 5)), rng.normal(size=(20, 4))
    layers = [np.ascontiguousarray(cube[:, i]) for i in range(3)]
    expected = pm.align(layers, y, GLOBAL, draws=20)
    frozen = cube.copy()
    frozen.setflags(write=False)
    forms = [cube, torch.tensor(cube), frozen, Jax(cube), [Jax(x) for x in layers], {i: x for i, x in enumerate(layers)},
             tuple(torch.tensor(x) for x in layers), [x.tolist() for x in layers], Features.of(layers, name="left")]
    for form in forms:
        found = pm.align(form, y, GLOBAL, draws=20)
        np.testing.assert_array_equal(found.grid, expected.grid)
        np.testing.assert_array_equal(found.calibration.draws, expected.calibration.draws)
        assert found.left_layers == ("0", "1", "2")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_widths_and_precisions_may_differ_by_layer(dtype: torch.dtype) -> None:
    left, right = models(13)
    coarse = [torch.tensor(x).to(dtype) for x in left]
    found = pm.align([coarse[0], coarse[1].double(), coarse[2]], right, GLOBAL, draws=5)
    np.testing.assert_allclose(found.grid, pm.align([x.double() for x in coarse], right, GLOBAL, draws=5).grid, atol=1e-6)


def test_an_alignment_says_what_it_was_made_from() -> None:
    left, right = Features.of(models()[0], name="vit", samples="s1"), Features.of(models()[1], name="llm", samples="s1")
    found = pm.align(left, right, "mutual-knn(k=3)", draws=5, seed=9, alpha=0.1)
    assert (found.left.name, found.right.name, found.n, found.samples) == ("vit", "llm", 30, "s1")
    assert found.fingerprints == (left.fingerprint, right.fingerprint)
    assert (found.metric, found.conditioning, found.calibration.seed, found.calibration.alpha) == (LOCAL, "unit", 9, 0.1)
    assert found.versions["platometer"] == pm.__version__


def test_preparing_once_and_comparing_often_gives_the_same() -> None:
    left, right = models(14)
    a, b = prepare(left, LOCAL), prepare(right, LOCAL)
    once, at_once = compare(a, b, LOCAL, draws=20), pm.align(left, right, LOCAL, draws=20)
    np.testing.assert_array_equal(once.calibration.draws, at_once.calibration.draws)


# what cannot be


@pytest.mark.parametrize("call", [pm.score, pm.align])
def test_one_number_a_sample_at_unit_length_is_told_to_be_a_sign(call) -> None:
    one = np.arange(1.0, 31.0)[:, None]
    with pytest.raises(UndefinedError, match=r"all are tied .* is its sign alone; conditioning='none' keeps it"):
        call(one, one, LOCAL)
    assert pm.score(one, one, LOCAL, conditioning="none") == 1


def test_a_layer_is_named_once_in_its_error() -> None:
    x = np.random.default_rng(0).standard_normal((30, 4))
    with pytest.raises(UndefinedError, match=r"^left, layer 0 has rows of zeros, 1 of 30 \("):
        pm.align(x * (np.arange(30) != 3)[:, None], x, LOCAL)


def test_what_is_not_finite_is_told_before_all_else() -> None:
    rng = np.random.default_rng(0)
    whole, spoilt = rng.standard_normal((30, 4)), rng.standard_normal((30, 4))
    spoilt[7, 2] = np.nan
    for left in (whole[:20], whole * (np.arange(30) != 3)[:, None], np.ones((30, 4)), whole[:, :0]):
        wrong = ShapeError if left.size == 0 else NotFiniteError  # which is no array of features at all
        for metric in (LOCAL, "cka", "procrustes"):
            with pytest.raises(wrong, match=None if left.size == 0 else r"^right has NaN in row 7 \(1 of 30"):
                pm.align(left, spoilt, metric)
    with pytest.raises(NotFiniteError, match=r"^left, layer b has NaN in row 7 \(1 of 30"):
        pm.align({"a": whole, "b": spoilt}, whole[:9], LOCAL)
    assert pm.align(whole, whole, LOCAL, draws=0).score == 1


def test_what_may_be_no_feature_is_remarked_on(tmp_path) -> None:
    rng = np.random.default_rng(0)
    rows = "".join(f"{i},{rng.normal():.3f},{rng.normal():.3f}\n" for i in rng.permutation(30))
    (tmp_path / "x.csv").write_text("subject,a,b\n" + rows)
    x = pm.read(tmp_path / "x.csv")
    assert any(one.startswith("x: 'subject' was read as a feature") for one in pm.align(x, x, LOCAL, draws=5).remarks)


def test_layers_without_a_score_are_an_error_or_left_out_with_a_remark() -> None:
    left, right = models(15)
    left[1] = np.ones((30, 4))
    with pytest.raises(UndefinedError, match=r"left, layer 1: .*Leave such layers out with undefined='drop'"):
        pm.align(left, right, GLOBAL)
    found = pm.align(left, right, GLOBAL, undefined="drop", draws=10)
    assert found.left_layers == ("0", "2")
    assert found.grid.shape == (2, 2)
    assert any(remark.startswith("left, layer 1 was left out: ") for remark in found.remarks)
    assert "was left out" in repr(found)
    np.testing.assert_allclose(found.grid, pm.align([left[0], left[2]], right, GLOBAL, draws=0).grid, atol=1e-6)
    with pytest.raises(UndefinedError, match="undefined on every layer of left"):
        pm.align([left[1], left[1]], right, GLOBAL, undefined="drop")


def test_many_ties_are_remarked() -> None:
    left, right = models(16)
    found = pm.align([x.round() for x in left], right, LOCAL, conditioning="none", draws=0)
    assert any("left, layer" in remark and "ties" in remark for remark in found.remarks)


@pytest.mark.parametrize(("options", "kind", "why"), [
    ({"summary": "maximum"}, SpecError, "There is no summary 'maximum'"),
    ({"undefined": "skip"}, SpecError, "expected 'error' or 'drop'"),
    ({"alpha": 0}, InputError, "a level lies between 0 and 1"), ({"alpha": 1.5}, InputError, "a level lies between"),
    ({"draws": -1}, InputError, "draws = -1"), ({"within": [0] * 7}, ShapeError, "7 labels for 30 samples"),
    ({"within": [0] * 30, "blocks": [0] * 30}, InputError, "not both"), ({"metric": "ckaa"}, SpecError, "Did you mean 'cka'"),
    ({"conditioning": "units"}, SpecError, "Did you mean 'unit'"),
    ({"metric": "mutual_knn(k=30)"}, ShapeError, "needs at least 31 samples"),
])
def test_what_cannot_be_asked_says_why(options: dict, kind: type, why: str) -> None:
    with pytest.raises(kind) as caught:
        pm.align(*models(), **{"metric": LOCAL, "draws": 3, **options})
    assert why in str(caught.value)


def test_sides_must_be_paired_and_finite() -> None:
    left, right = models(17)
    with pytest.raises(ShapeError, match="left has 30 samples and right has 29; row i of both must be the same sample"):
        pm.align(left, [y[:-1] for y in right], LOCAL)
    right[1][4, 0] = np.inf
    with pytest.raises(NotFiniteError, match="right, layer 1 has infinite values in row 4"):
        pm.align(left, right, LOCAL)


def test_one_sample_is_told_as_one():
    with pytest.raises(ShapeError, match="left has 1 sample and right has 2,400; row i of both"):
        pm.align(np.ones((1, 2)), np.ones((2400, 2)), "cka")


def test_features_of_other_samples_are_not_aligned() -> None:
    ids = tuple(f"photo {i}" for i in range(30))
    one = Features.of(models(18)[0][0], name="vit")
    moved = (*ids[:4], ids[5], ids[4], *ids[6:])
    known = [replace(one, model=Card(name), ids=order) for name, order in (("vit", ids), ("llm", moved))]
    for ask in (lambda: pm.align(*known, LOCAL), lambda: pm.interval(*known, LOCAL),
                lambda: pm.growing_gallery(*known, queries=9),
                lambda: pm.compare_alignments(known[0], known[0], known[1], LOCAL)):
        with pytest.raises(ShapeError, match="Row 4 of vit is the sample 'photo 4' and of llm 'photo 5'; row i of both must"):
            ask()
    assert pm.align(known[0], known[0], LOCAL, draws=0).score == 1.0
    assert pm.align(known[0], one, LOCAL, draws=0).score == 1.0


# what is shown


def test_a_summary_can_be_read() -> None:
    text = repr(pm.align(*models(19), LOCAL, draws=19, seed=4))
    for part in ("left ~ right: mutual_knn(k=3) = ", "layers       3 x 2", "19 draws, permutation, seed 4", "p            ",
                 "calibrated   ", "n = 30; conditioning unit; summary max"):
        assert part in text
    assert "low = alike" in repr(pm.align(*models(19), LOW, draws=19))
    assert len(max(text.splitlines(), key=len)) < 140


class Reader(HTMLParser):
    """Collects tags and text; fails on nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_names_are_escaped_in_a_notebook() -> None:
    left, right = models(20)
    evil = "<script>alert('x')</script> & \"co\""
    found = pm.align(Features.of({evil: left[0]}, name=evil), right, LOCAL, draws=5)
    page = found._repr_html_()
    reader = Reader()
    reader.feed(page)
    assert set(reader.tags) <= {"table", "caption", "tbody", "tr", "th", "td"}
    assert evil in reader.text
    assert "<script" not in page
    for line in repr(found).splitlines():
        assert line.split()[0] in reader.text
