"""What every metric keeps to, found by name: a new file in the folder is held to it without an edit here.

Each metric is held in its default form and once for every value of every option that is a choice of words, found from
the annotations of its fields.
"""

from __future__ import annotations

import dataclasses
import inspect
import itertools
import math
import re
import sys
import typing

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import platometer as pm
from platometer import metrics
from platometer.errors import InputError, NotFiniteError, ShapeError, SpecError, UndefinedError
from platometer.metrics import INVARIANCES, Metric

N = 24


def choices(hint: object) -> tuple:
    """The words that an option can be."""
    if typing.get_origin(hint) is typing.Literal:
        return typing.get_args(hint)
    return tuple(word for inside in typing.get_args(hint) for word in choices(inside))


def variants(name: str, *, k: int = 3) -> list[str]:
    """The default and one spec for every word of every option; beside another word where it needs one."""
    kind = type(metrics.parse(name))
    hints = typing.get_type_hints(kind)
    fields = [field.name for field in dataclasses.fields(kind)]
    small: dict[str, object] = {"k": k} if "k" in fields else {}
    words = [{field: word} for field in fields for word in choices(hints[field])]
    found = [str(kind(**small))]
    for word in words:
        for beside in ({}, *(other for other in words if other.keys() != word.keys())):
            try:
                found.append(str(kind(**small, **beside, **word)))
            except InputError:
                continue
            break
        else:
            raise AssertionError(f"{name} can never be made with {word}")
    return list(dict.fromkeys(found))


SPECS = [spec for name in metrics.names() for spec in variants(name)]
WITH_K = [spec for spec in SPECS if "k=3" in spec]
every = pytest.mark.parametrize("spec", SPECS)


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    """Many small products: waiting for threads costs more than they spare."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def pair(seed: int = 0, *, n: int = N, d: int = 4, p: int = 5, noise: float = 0.4) -> tuple[torch.Tensor, torch.Tensor]:
    """Two spaces that share something, off centre, axes of unequal width."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 3))
    x = z @ rng.normal(size=(3, d)) + noise * rng.normal(size=(n, d)) + 0.3
    y = z @ rng.normal(size=(3, p)) + noise * rng.normal(size=(n, p)) - 0.2
    return torch.tensor(x), torch.tensor(y * np.linspace(0.5, 2, p))


def score(metric: Metric, x: torch.Tensor, y: torch.Tensor) -> float:
    return metric.compare(metric.prepare(x), metric.prepare(y))


def said(error: Exception) -> str:
    """The error's text, which must be a sentence."""
    text = str(error)
    assert len(text) > 20
    return text


def outcome(metric: Metric, x: torch.Tensor, y: torch.Tensor) -> float | str:
    """The score, or the text of the error that says why there is none."""
    try:
        value = score(metric, x, y)
    except UndefinedError as error:
        return said(error)
    check_number(metric, value)
    return value


def check_number(metric: Metric, value: float) -> None:
    low, high = metric.facts.range
    assert type(value) is float
    assert low <= value <= high, f"{value} lies outside {metric.facts.range}"


def same(a: float | str, b: float | str, *, tolerance: float = 1e-9) -> bool:
    if isinstance(a, str) or isinstance(b, str):
        return isinstance(a, str) and isinstance(b, str)
    return math.isclose(a, b, rel_tol=tolerance, abs_tol=tolerance)


def shuffled(n: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).permutation(n))


def orthogonal(d: int, seed: int = 0) -> torch.Tensor:
    return torch.tensor(np.linalg.qr(np.random.default_rng(seed).normal(size=(d, d)))[0])


# words


@every
def test_a_spec_reads_back_as_the_metric_that_printed_it(spec: str) -> None:
    metric = metrics.parse(spec)
    assert metrics.parse(str(metric)) == metric
    assert str(metric) == spec
    assert hash(metric) == hash(metrics.parse(spec))


@pytest.mark.parametrize("name", metrics.names())
def test_an_unknown_option_or_word_is_an_error_that_helps(name: str) -> None:
    kind = type(metrics.parse(name))
    assert metrics.parse(name).name == name
    with pytest.raises(SpecError, match="has no option 'colour'"):
        metrics.parse(f"{name}(colour=3)")
    for field in dataclasses.fields(kind):
        with pytest.raises(SpecError, match=re.escape(name)):
            metrics.parse(f"{name}({field.name}='neither fish nor fowl')")


@pytest.mark.parametrize("name", metrics.names())
def test_a_metric_is_documented_with_an_example_and_its_source(name: str) -> None:
    kind = type(metrics.parse(name))
    module = sys.modules[kind.__module__]
    text = (module.__doc__ or "") + (kind.__doc__ or "")
    assert ">>>" in text
    assert re.search(r"Sources?\b.*\b(18|19|20)\d\d\b", text, re.DOTALL), "the docstring names no source with a year"
    for field in dataclasses.fields(kind):
        assert re.search(rf"^ *[\w, ]*\b{field.name}\b[\w, ]* : ", kind.__doc__ or "", re.MULTILINE), field.name
    assert dataclasses.is_dataclass(kind)
    assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
    between = kind.__mro__[1 : kind.__mro__.index(Metric)]
    assert all(base.__module__.startswith("platometer.metrics._") for base in between), "no metric is another metric's child"
    assert "print(" not in inspect.getsource(module)


@every
def test_facts_are_complete(spec: str) -> None:
    metric = metrics.parse(spec)
    facts = metric.facts
    low, high = facts.range
    assert low < high
    assert set(facts.invariances) <= set(INVARIANCES)
    assert re.search(r"\b(18|19|20)\d\d\b", facts.source)
    assert facts.ties.strip()
    assert facts.least_n >= 2
    assert facts.scope in ("local", "global")
    assert facts.alike in ("high", "low")
    if facts.self_score is not None:
        assert low <= facts.self_score <= high
        assert facts.best in (None, facts.self_score), "a space agrees with itself as well as anything can"


# the score


@every
@pytest.mark.parametrize("seed", range(3))
def test_a_score_is_a_plain_number_in_the_stated_range(spec: str, seed: int) -> None:
    metric = metrics.parse(spec)
    for noise in (0.0, 0.4, 10.0):
        check_number(metric, score(metric, *pair(seed, noise=noise)))


@every
@pytest.mark.parametrize("d", [1, 2, 4])
def test_a_space_agrees_with_itself_as_stated(spec: str, d: int) -> None:
    metric = metrics.parse(spec)
    x, _ = pair(1, d=d)
    found = outcome(metric, x, x)
    if d > 1:
        check_number(metric, found)  # type: ignore[arg-type]
    if metric.facts.self_score is not None and not isinstance(found, str) and not metric.remarks(metric.prepare(x)):
        assert found == pytest.approx(metric.facts.self_score, abs=1e-9)


@every
def test_symmetry_is_as_stated(spec: str) -> None:
    metric = metrics.parse(spec)
    pairs = [pair(seed, noise=noise) for seed in range(4) for noise in (0.4, 1.5)]
    both = [(score(metric, x, y), score(metric, y, x)) for x, y in pairs]
    if metric.facts.symmetric:
        assert all(same(a, b) for a, b in both)
    else:
        assert not all(same(a, b) for a, b in both), "declared asymmetric, but no example shows it"


def moved(x: torch.Tensor, how: str, seed: int) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    if how == "rotation":
        return x @ orthogonal(x.shape[1], seed)
    if how == "scale":
        return x * float(rng.uniform(2, 20)) ** (-1) ** seed
    if how == "translation":
        return x + torch.tensor(rng.normal(size=x.shape[1]) * 2)
    d = x.shape[1]
    return x @ orthogonal(d, seed) @ torch.diag(torch.tensor(np.geomspace(0.2, 5, d))) @ orthogonal(d, seed + 1)


@pytest.mark.parametrize("how", INVARIANCES)
@every
def test_a_metric_is_blind_to_what_it_says_and_to_nothing_else(spec: str, how: str) -> None:
    metric = metrics.parse(spec)
    declared = set(metric.facts.invariances)
    blind = how in declared or ("linear" in declared and how in ("rotation", "scale"))
    seen = []
    for seed in range(4):
        x, y = pair(seed, noise=0.7)
        before = outcome(metric, x, y)
        seen.append(same(outcome(metric, moved(x, how, seed), y), before, tolerance=1e-7))
        seen.append(same(outcome(metric, x, moved(y, how, seed)), before, tolerance=1e-7))
    if blind:
        assert all(seen), f"declared blind to {how}, but the score moves"
    elif not metric.remarks(metric.prepare(pair(0)[0])):
        assert not all(seen), f"{how} never moves the score, but is not declared"


# samples have no order


@every
def test_moving_a_prepared_side_is_preparing_the_moved_samples(spec: str) -> None:
    metric = metrics.parse(spec)
    x, y = pair(2)
    x[5], x[11] = x[4], x[10]  # ties travel too
    a, b = metric.prepare(x), metric.prepare(y)
    for seed in range(3):
        order = shuffled(N, seed)
        assert same(metric.compare(metric.permute(a, order), b), score(metric, x[order], y))
        assert same(metric.compare(a, metric.permute(b, order)), score(metric, x, y[order]))
        again = metric.permute(metric.permute(a, order), order.argsort())
        assert same(metric.compare(again, b), metric.compare(a, b))


@every
@pytest.mark.parametrize("data", ["distinct", "duplicated", "rounded"])
def test_the_order_of_samples_does_not_matter(spec: str, data: str) -> None:
    metric = metrics.parse(spec)
    x, y = pair(3)
    if data == "duplicated":
        x[12:20], y[14:22] = x[0:8], y[0:8]
    if data == "rounded":
        x, y = x.round(), y.round()
    before = outcome(metric, x, y)
    for seed in range(4):
        order = shuffled(N, seed)
        assert same(outcome(metric, x[order], y[order]), before)


@pytest.mark.parametrize("spec", WITH_K)
def test_many_ties_are_announced(spec: str) -> None:
    metric = metrics.parse(spec)
    x, _ = pair(3)
    assert metric.remarks(metric.prepare(x)) == ()
    assert any("tie" in remark for remark in metric.remarks(metric.prepare(torch.cat([x, x[:12], x[:6]]))))


# many at once


@every
def test_grids_equal_the_plain_loops(spec: str) -> None:
    metric = metrics.parse(spec)
    layers = [pair(seed, d=3 + seed, p=5 - seed) for seed in range(3)]
    layers[0][0][3] = layers[0][0][2]
    lefts = [metric.prepare(x) for x, _ in layers]
    rights = [metric.prepare(y) for _, y in layers[:2]]
    orders = torch.stack([torch.arange(N), *(shuffled(N, seed) for seed in range(4))])
    for a, b in ((lefts, rights), (rights, lefts)):
        grid, nulls = metric.grid(a, b), metric.null_grid(a, b, orders)
        assert grid.dtype == nulls.dtype == torch.float64
        assert grid.shape == (len(a), len(b))
        assert nulls.shape == (5, len(a), len(b))
        plain = [[metric.compare(i, j) for j in b] for i in a]
        np.testing.assert_allclose(grid, plain, rtol=1e-9, atol=1e-12)
        loop = [[[metric.compare(i, metric.permute(j, order)) for j in b] for i in a] for order in orders]
        np.testing.assert_allclose(nulls, loop, rtol=0, atol=1e-6 if metric.facts.scope == "global" else 1e-12)
        np.testing.assert_allclose(Metric.grid(metric, a, b), plain, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(Metric.null_grid(metric, a, b, orders), loop, rtol=1e-9, atol=1e-12)
        low, high = metric.facts.range
        assert bool(((nulls >= low) & (nulls <= high)).all())


@every
def test_a_draw_that_equals_the_score_counts_against_the_claim(spec: str) -> None:
    metric = metrics.parse(spec)
    n = max(5, metric.least_n)
    x, y = pair(1, n=n, d=2, p=2)
    try:
        found = pm.align(x, y, metric, conditioning="none", draws=200)
    except UndefinedError:
        return
    a, b = metric.prepare(x), metric.prepare(y)
    loop = Metric.null_grid(metric, [a], [b], pm.nulls.orders(n, 200)).numpy().ravel() * metric.facts.sign
    expected = (1 + int((loop >= metric.compare(a, b) * metric.facts.sign - 1e-9).sum())) / 201
    assert found.calibration.p == expected


@pytest.mark.parametrize("spec", [spec for name in metrics.names() for spec in variants(name, k=2)])
def test_moments_are_those_of_all_re_pairings(spec: str) -> None:
    metric = metrics.parse(spec)
    n = max(6, metric.least_n)
    x, y = pair(5, n=n, d=3, p=2)
    x[1] = x[0]
    try:
        a, b = metric.prepare(x), metric.prepare(y)
        found = metric.moments(a, b)
    except UndefinedError:
        return
    if found is None:
        return
    assert n < 8, "an enumeration needs few samples"
    scores = Metric.null_grid(metric, [a], [b], torch.tensor(list(itertools.permutations(range(n))))).numpy().ravel()
    assert found.mean == pytest.approx(scores.mean(), abs=1e-12)
    assert found.variance == pytest.approx(scores.var(), rel=1e-9)
    if found.skewness is not None:
        assert found.skewness == pytest.approx(((scores - scores.mean()) ** 3).mean() / scores.std() ** 3, abs=1e-8)


# whatever comes in


class Shown:
    """An array that shows itself by ``__array__`` alone."""

    def __init__(self, x: np.ndarray):
        self._x = x

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        return self._x


class Capsule:
    """An array that shows itself by ``__dlpack__`` alone, as jax and cupy do."""

    def __init__(self, x: np.ndarray):
        self._x = x

    def __dlpack__(self, **options: object) -> object:
        return self._x.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple:
        return self._x.__dlpack_device__()


def read_only(x: np.ndarray) -> np.ndarray:
    x = x.copy()
    x.setflags(write=False)
    return x


FORMS = {
    "float64": lambda x: x, "float32": lambda x: x.astype(np.float32), "float16": lambda x: x.astype(np.float16),
    "big-endian": lambda x: x.astype(">f8"), "longdouble": lambda x: x.astype(np.longdouble),
    "fortran": np.asfortranarray, "strided": lambda x: np.repeat(np.repeat(x, 2, 0), 3, 1)[::2, ::3],
    "reversed": lambda x: x[::-1].copy()[::-1], "read-only": read_only, "list": lambda x: x.tolist(),
    "torch": torch.tensor, "torch float32": lambda x: torch.tensor(x, dtype=torch.float32),
    "torch bfloat16": lambda x: torch.tensor(x, dtype=torch.bfloat16),
    "torch float16": lambda x: torch.tensor(x, dtype=torch.float16),
    "torch transposed": lambda x: torch.tensor(x.T.copy()).T,
    "torch with a gradient": lambda x: torch.tensor(x, requires_grad=True),
    "__array__": Shown, "__dlpack__": Capsule, "__dlpack__, read-only": lambda x: Capsule(read_only(x)),
}


@every
def test_a_score_depends_on_the_numbers_and_not_on_what_holds_them(spec: str) -> None:
    x, y = (np.asarray((side * 8).round() / 8) for side in pair(4))  # exact in every precision
    keep = x.copy()
    expected = pm.score(x, y, spec)
    for form, make in FORMS.items():
        assert pm.score(make(x), y, spec) == pytest.approx(expected, abs=1e-9), form
        assert pm.score(x, make(y), spec) == pytest.approx(expected, abs=1e-9), form
    np.testing.assert_array_equal(x, keep)
    whole = (x * 8).astype(np.int64)
    assert pm.score(whole, y, spec) == pytest.approx(pm.score(whole.astype(float), y, spec), abs=1e-9)


@every
def test_too_few_samples_are_an_error_and_just_enough_are_not(spec: str) -> None:
    metric = metrics.parse(spec)
    least = metric.least_n
    x, y = (side.numpy() for side in pair(6, n=least, d=2, p=2))
    with pytest.raises(ShapeError, match=rf"needs at least {least} samples; there are {least - 1}"):
        pm.score(x[:-1], y[:-1], metric)
    try:
        check_number(metric, pm.score(x, y, metric, conditioning="none"))
    except UndefinedError as error:
        said(error)
    with pytest.raises(ShapeError, match="must be paired"):
        pm.score(x, np.concatenate([y, y]), metric)


@pytest.mark.parametrize("spec", WITH_K)
def test_as_many_neighbours_as_samples_are_an_error(spec: str) -> None:
    x, y = pair(6, n=12)
    for k in (12, 13, 1000):
        with pytest.raises(ShapeError, match="needs at least"):
            pm.score(x, y, spec.replace("k=3", f"k={k}"))
    for k in (0, -1):
        with pytest.raises(SpecError, match="at least one neighbour"):
            pm.score(x, y, spec.replace("k=3", f"k={k}"))


@every
@pytest.mark.parametrize("conditioning", ["none", "unit"])
def test_constant_features_have_no_score_or_a_right_one(spec: str, conditioning: str) -> None:
    metric = metrics.parse(spec)
    x, _ = pair(7)
    for level in (1.0, 0.1, 1e6):
        flat = torch.full((N, 3), level)
        flat[:, 1] *= 1.7
        for a, b in ((flat, x), (x, flat), (flat, flat)):
            try:
                found = pm.score(a, b, metric, conditioning=conditioning)
            except UndefinedError as error:
                said(error)
                continue
            check_number(metric, found)
            if metric.facts.best is not None:
                assert found != pytest.approx(metric.facts.best), "a space without structure agrees with nothing"


@every
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_a_number_is_named_by_row(spec: str, bad: float) -> None:
    x, y = (side.numpy() for side in pair(8))
    spoilt = y.copy()
    spoilt[7, 2] = spoilt[9, 1] = bad
    with pytest.raises(NotFiniteError, match=r"^y has (NaN|infinite values) in row 7 \(2 of 24 rows"):
        pm.score(x, spoilt, spec)
    with pytest.raises(NotFiniteError, match=r"^x has .* in row 7"):
        pm.score(spoilt.astype(np.float16), y, spec)


@every
@pytest.mark.parametrize("size", [1e-20, 1e20, 1e-150, 1e150])
def test_tiny_and_huge_features_score_as_others_do(spec: str, size: float) -> None:
    metric = metrics.parse(spec)
    x, y = pair(9)
    blind = {"scale", "linear"} & set(metric.facts.invariances)
    for conditioning in ("none", "unit"):
        expected = pm.score(x, y, metric, conditioning=conditioning)
        for a, b in ((x * size, y), (x, y * size), (x * size, y * size), (x * size, y / size)):
            if blind or conditioning == "unit":
                assert pm.score(a, b, metric, conditioning=conditioning) == pytest.approx(expected, rel=1e-9, abs=1e-9)
            else:
                assert outcome(metric, a, b) is not None
    if 1e-30 < size < 1e30 and blind:
        single = pm.score(x.float(), y.float(), metric, conditioning="none")
        small = pm.score((x * size).float(), (y * size).float(), metric, conditioning="none")
        assert small == pytest.approx(single, abs=0.06 if metric.facts.scope == "local" else 1e-4)


@every
@pytest.mark.parametrize(("d", "p"), [(1, 1), (1, 5), (5, 1), (200, 3), (3, 200), (200, 300)])
def test_narrow_and_wide_spaces_have_a_number_or_a_reason(spec: str, d: int, p: int) -> None:
    metric = metrics.parse(spec)
    assert outcome(metric, *pair(10, d=d, p=p)) is not None


@every
@settings(max_examples=8, deadline=None, database=None, derandomize=True)
@given(
    n=st.integers(2, 14), d=st.integers(1, 9), p=st.integers(1, 9), seed=st.integers(0, 2**16), digits=st.integers(0, 2),
    dtype=st.sampled_from([torch.float16, torch.bfloat16, torch.float32, torch.float64]),
)
def test_any_table_has_a_number_in_range_or_an_error_that_says_why(
    spec: str, n: int, d: int, p: int, seed: int, digits: int, dtype: torch.dtype
) -> None:
    metric = metrics.parse(spec)
    x, y = (side.round(decimals=digits).to(dtype) for side in pair(seed, n=n, d=d, p=p))
    for conditioning in ("none", "unit"):
        try:
            check_number(metric, pm.score(x, y, metric, conditioning=conditioning))
        except (ShapeError, UndefinedError) as error:
            said(error)
