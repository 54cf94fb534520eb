"""Features: layers from whatever holds them, read when asked for, named when wrong."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from platometer import vectors
from platometer.alignment import prepare
from platometer.cards import Card
from platometer.errors import InputError, NotFiniteError, ShapeError, UnknownNameError
from platometer.features import Features, check_same_samples

A, B = np.arange(12.0).reshape(4, 3), np.ones((4, 5), np.float32)


def test_the_index_of_a_dataframe_names_the_samples() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(A, index=["d", "a", "c", "b"])
    left, right = Features.of(frame, name="left"), Features.of(frame.sort_index(), name="right")
    assert left.ids == ("d", "a", "c", "b")
    with pytest.raises(ShapeError, match=r"Row 0 of left is the sample 'd' and of right 'a'; .* another order"):
        check_same_samples(left, right)
    check_same_samples(left, Features.of(frame.sort_index().loc[frame.index]))
    one, other, notes = vectors.matched(left, right)
    assert one.ids == other.ids
    assert torch.equal(one["0"], other["0"])
    assert notes == ("rows matched by id: 4 are on both sides, 0 only in left, 0 only in right",)
    assert Features.of(frame[0]).ids == Features.of({"a": frame, "b": B}).ids == left.ids
    with pytest.raises(ShapeError, match="Layers of x differ in row 0: 'd' in the index of one, 'a' in that of another"):
        Features.of([frame, frame.sort_index()])


@pytest.mark.parametrize("index", [None, [0, 1, 2, 3], ["a", "a", "b", "c"]])
def test_an_index_that_counts_or_repeats_names_nothing(index: list | None) -> None:
    pd = pytest.importorskip("pandas")
    assert Features.of(pd.DataFrame(A, index=index)).ids == ()


class Shown:
    """Shows itself by ``__array__`` alone."""

    def __init__(self, x: np.ndarray):
        self._x = x

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        return self._x


@pytest.mark.parametrize(("x", "names", "widths"), [
    (A, ("0",), (3,)), ([A, B], ("0", "1"), (3, 5)), ((B, A), ("0", "1"), (5, 3)), ({"first": A, 7: B}, ("first", "7"), (3, 5)),
    (np.ones((4, 2, 3)), ("0", "1"), (3, 3)), (torch.ones(4, 2, 3), ("0", "1"), (3, 3)), (A[:, 0], ("0",), (1,)),
    ([A[:, 0], B], ("0", "1"), (1, 5)), (A.tolist(), ("0",), (3,)), ([1.0, 2.0, 3.0, 4.0], ("0",), (1,)),
    ([A.tolist(), B.tolist()], ("0", "1"), (3, 5)), (Shown(A), ("0",), (3,)), ([Shown(A), Shown(B)], ("0", "1"), (3, 5)),
    ([np.float64(1), np.float64(2), np.float64(3), np.float64(4)], ("0",), (1,)),
    (tuple(map(tuple, A.tolist())), ("0",), (3,)),
])
def test_layers_come_from_whatever_holds_them(x: object, names: tuple, widths: tuple) -> None:
    found = Features.of(x, name="toy")
    assert (found.names, found.widths, found.n, len(found)) == (names, widths, 4, len(names))
    assert found.model == Card("toy")
    for name in found:
        assert found.matrix(name).dtype == torch.float64
        assert found[name].shape == (4, widths[names.index(name)])


def test_each_layer_is_itself() -> None:
    found = Features.of({"a": A, "b": B, "c": A + 1})
    assert torch.equal(found.matrix("a"), torch.tensor(A))
    assert torch.equal(found.matrix("c"), torch.tensor(A + 1))
    cube = np.random.default_rng(0).normal(size=(4, 2, 3))
    assert torch.equal(Features.of(cube)["1"], torch.tensor(cube[:, 1]))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.int64])
def test_a_layer_keeps_its_dtype_until_it_is_asked_for_as_numbers(dtype: torch.dtype) -> None:
    found = Features.of(torch.ones(4, 2).to(dtype))
    assert found["0"].dtype == dtype
    assert found.checked("0").dtype == (dtype if dtype.is_floating_point else torch.float64)
    assert found.matrix("0").dtype == torch.float64


def test_features_of_features_are_the_same() -> None:
    found = Features.of([A, B], name="toy")
    assert Features.of(found, name="other") is found
    assert repr(found) == "<Features of toy: 4 samples, 2 layers of width 3 to 5>"


@pytest.mark.parametrize(("x", "kind", "why"), [
    ([A, B[:3]], ShapeError, "layers of left must have the same samples, but '0' has 4, '1' has 3"),
    (np.ones((2, 3, 4, 5)), ShapeError, "left has shape (2, 3, 4, 5); expected (n, d), or (n, L, d)"),
    (np.float64(1), ShapeError, "left has shape ()"), ([np.ones((2, 3, 4))], ShapeError, "left has shape (2, 3, 4)"),
    ([A, np.ones((4, 3, 2))], ShapeError, "left, layer 1 has shape (4, 3, 2)"), ([], InputError, "left has no layers"),
    ({}, InputError, "left has no layers"), ("cka", InputError, "left is the text 'cka'"),
    ([A, None], InputError, "left, layer 1 is a NoneType"),
    (np.ones((4, 0, 3)), InputError, "left has no layers"), (None, InputError, "left is a NoneType"),
    ({"a": A, "b": np.full((4, 2), np.nan)}, NotFiniteError, "left, layer b has NaN in row 0 (4 of 4"),
])
def test_what_holds_no_layers_says_why(x: object, kind: type, why: str) -> None:
    with pytest.raises(kind) as caught:
        Features.of(x, name="left")
    assert why in str(caught.value)


def test_layers_that_are_read_late_are_checked_late() -> None:
    spoilt = torch.ones(4, 2)
    spoilt[3, 1] = torch.inf
    found = Features({"a": lambda: spoilt}, 4, Card("late"))
    for read in (found.matrix, found.checked):
        with pytest.raises(NotFiniteError, match="late, layer a has infinite values in row 3"):
            read("a")


@pytest.mark.parametrize("conditioning", ["unit", "none", "clamp", "platonic-rep(exact)"])
@pytest.mark.parametrize("metric", ["mutual_knn(k=2)", "cka", "procrustes"])
def test_what_became_infinite_after_the_first_look_is_told_by_layer_and_row(metric: str, conditioning: str) -> None:
    layers = np.random.default_rng(0).normal(size=(2, 8, 3))
    found = Features.of(list(layers), name="late")
    for value, kind in ((np.nan, "NaN"), (-np.inf, "infinite values")):
        layers[1, 5, 2] = value
        with pytest.raises(NotFiniteError, match=rf"late, layer 1 has {kind} in row 5 \(1 of 8"):
            prepare(found, metric, conditioning=conditioning)


def test_an_unknown_layer_suggests_the_nearest() -> None:
    found = Features.of({"blocks.0": A, "blocks.11": B}, name="vit")
    with pytest.raises(UnknownNameError, match=r"vit has no layer 'block.0'. Did you mean 'blocks.0'"):
        found["block.0"]
    with pytest.raises(UnknownNameError, match="vit has no layer 'x'"):
        found.only(["blocks.0", "x"])


def test_only_keeps_these_layers_in_this_order() -> None:
    found = Features.of({"a": A, "b": B, "c": A}).only(["c", "a"])
    assert found.names == ("c", "a")
    stored = Features({"a": lambda: torch.tensor(A), "b": lambda: torch.tensor(B)}, 4, Card("m"), key="k")
    assert stored.only(["a"]).fingerprint != stored.fingerprint
    assert stored.only(["a"]).fingerprint == stored.only(["a"]).fingerprint
    with pytest.raises(InputError, match="no layers"):
        stored.only([])


def test_a_fingerprint_names_the_content_and_not_what_holds_it() -> None:
    base = Features.of({"a": A}).fingerprint
    assert base == Features.of({"a": np.asfortranarray(A)}).fingerprint == Features.of({"a": torch.tensor(A)}).fingerprint
    others = [{"b": A}, {"a": A + 1}, {"a": A.astype(np.float32)}, {"a": A[::-1]}, {"a": A, "b": A}, {"a": A.reshape(3, 4)}]
    assert len({base, *(Features.of(x).fingerprint for x in others)}) == 7
    one = np.arange(4.0)  # with a new axis, over which numpy takes no step
    assert Features.of(one[:, None]).fingerprint == Features.of(one).fingerprint == Features.of(one.reshape(4, 1)).fingerprint
    half = torch.ones(4, 2)
    assert len({Features.of(half.to(dtype)).fingerprint for dtype in (torch.float16, torch.bfloat16, torch.float32)}) == 3


def test_ids_are_as_many_as_samples() -> None:
    with pytest.raises(ShapeError, match="m has 4 samples and 3 ids"):
        Features({"a": lambda: torch.tensor(A)}, 4, Card("m"), ids=("x", "y", "z"))


def test_features_cannot_be_changed() -> None:
    found = Features.of(A)
    with pytest.raises(TypeError):
        found.layers["0"] = None  # type: ignore[index]
    with pytest.raises(AttributeError):
        found.n = 3  # type: ignore[misc]
