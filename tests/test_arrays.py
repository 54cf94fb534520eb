"""Arrays at the door: every holder of numbers is taken as it is, and what is not numbers is named."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from platometer.arrays import Rows, as_features, as_matrix, as_tensor, check_finite, check_paired
from platometer.errors import InputError, NotFiniteError, ShapeError

X = np.arange(12.0).reshape(4, 3) / 4


class Lying:
    """Says that it shares memory, and then cannot."""

    def __dlpack__(self, **options: object) -> object:
        raise BufferError("not exportable")

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        return X


@settings(max_examples=60, deadline=None, database=None, derandomize=True)
@given(
    dtype=st.sampled_from(["f2", "f4", "f8", ">f4", ">f8", "g", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?", ">i4"]),
    n=st.integers(1, 6), d=st.integers(1, 5), order=st.sampled_from("CF"), step=st.sampled_from([1, 2, -1, -2]),
    writable=st.booleans(), seed=st.integers(0, 99),
)
def test_any_numpy_array_gives_its_numbers(
    dtype: str, n: int, d: int, order: str, step: int, writable: bool, seed: int
) -> None:
    base = np.random.default_rng(seed).integers(0, 2 if dtype == "?" else 100, size=(n * 2, d)).astype(dtype, order=order)
    x = base[::step]
    x.setflags(write=writable)
    before = x.copy()
    found = as_matrix(x)
    assert found.dtype == torch.float64
    np.testing.assert_array_equal(found.numpy(), before.astype(np.float64))
    found += 1
    if dtype not in ("f8", "<f8"):
        np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int8, torch.int64,
                                   torch.uint8, torch.bool])
def test_torch_keeps_its_precision_and_device(dtype: torch.dtype) -> None:
    x = torch.tensor(X * 4).to(dtype)
    assert as_tensor(x).dtype == dtype
    assert as_tensor(x).data_ptr() == x.data_ptr()
    assert as_features(x).dtype == (dtype if dtype.is_floating_point else torch.float64)
    assert torch.equal(as_matrix(x), x.to(torch.float64))


def test_gradients_are_left_behind() -> None:
    x = torch.tensor(X, requires_grad=True)
    assert not as_tensor(x).requires_grad


def test_jax_and_bfloat16_arrays_are_read() -> None:
    ml = pytest.importorskip("ml_dtypes")
    assert torch.equal(as_matrix(X.astype(ml.bfloat16)), torch.tensor(X))
    assert torch.equal(as_matrix(np.asarray(X, order="F").astype(ml.bfloat16)[::-1]), torch.tensor(X[::-1].copy()))


def test_what_cannot_share_its_memory_is_read_as_an_array() -> None:
    assert torch.equal(as_tensor(Lying()), torch.tensor(X))


def test_lists_and_vectors_are_tables() -> None:
    assert as_matrix([[1, 2], [3, 4]]).tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert as_matrix([1, 2, 3]).shape == (3, 1)
    assert as_matrix([torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0])]).shape == (2, 2)


@pytest.mark.parametrize(("x", "kind", "why"), [
    ([[1, 2], [3]], ShapeError, "ragged"), (["a", "b"], InputError, "expected an array of numbers"),
    (None, InputError, "NoneType of dtype object"), ([[1, None]], InputError, "dtype object"),
    ({"a": 1}, InputError, "dict of dtype"),
    (np.ma.masked_greater(X, 1.0), InputError, "masked entries, which are no numbers"),
    (X.astype(complex), InputError, "complex numbers"), (torch.tensor([1j]), InputError, "complex numbers"),
    (np.array(["2020-01-01"], dtype="M8[D]"), InputError, "datetime64"),
    (np.zeros((2, 3, 4)), ShapeError, "shape (2, 3, 4); expected (n samples, d features). Pool tokens"),
    (np.float64(3), ShapeError, "shape ()"), (np.zeros((3, 0)), ShapeError, "no features"),
    (np.zeros((0, 3)), ShapeError, "0 samples"),
])
def test_what_is_no_table_of_numbers_says_what_it_is(x: object, kind: type, why: str) -> None:
    with pytest.raises(kind) as caught:
        as_matrix(x, name="left")
    assert "left" in str(caught.value)
    assert why in str(caught.value)


def test_too_few_rows_are_an_error() -> None:
    with pytest.raises(ShapeError, match="x has 4 samples; at least 5 are needed"):
        as_matrix(X, least_rows=5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_the_first_row_that_is_not_finite_is_named(dtype: torch.dtype, bad: float) -> None:
    x = torch.zeros(6, 3, dtype=dtype)
    x[2, 1] = x[5, 0] = bad
    kind = "NaN" if bad != bad else "infinite values"
    with pytest.raises(NotFiniteError, match=rf"^y has {kind} in row 2 \(2 of 6 rows are affected\)"):
        check_finite(x, name="y")


def test_infinities_that_cancel_are_seen_and_sums_that_overflow_are_not_mistaken_for_them() -> None:
    with pytest.raises(NotFiniteError, match="row 0"):
        check_finite(torch.tensor([[float("inf"), float("-inf")]]), name="x")
    check_finite(torch.full((100, 100), 6e4, dtype=torch.float16), name="x")
    check_finite(torch.full((9, 9), 1e308, dtype=torch.float64), name="x")
    check_finite(torch.full((9, 9), 3e38), name="x")


def test_sides_of_different_length_are_an_error_that_names_the_slip() -> None:
    check_paired(torch.zeros(3, 2), torch.zeros(3, 5))
    with pytest.raises(ShapeError, match=r"a has 3 samples and b has 4; they must be paired. Rows must be the same samples"):
        check_paired(torch.zeros(3, 2), torch.zeros(4, 2), names=("a", "b"))
    with pytest.raises(ShapeError, match=r"must be paired\.$"):
        check_paired(torch.zeros(3, 2), torch.zeros(4, 5))


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_rows_read_in_parts_are_the_rows(dtype: torch.dtype) -> None:
    raw, factor = torch.tensor(X, dtype=dtype), torch.tensor([1.0, 0.5, 2.0, 3.0], dtype=torch.float64)
    rows = Rows(raw, factor)
    whole = raw.double() * factor[:, None]
    assert len(rows) == 4
    assert rows.shape == (4, 3)
    assert torch.equal(rows.block(slice(1, 3)), whole[1:3])
    assert torch.equal(rows.block(torch.tensor([3, 0])), whole[[3, 0]])
    torch.testing.assert_close(rows.sizes(), whole.norm(dim=1), rtol=1e-15, atol=0)
    assert torch.equal(Rows(raw).block(slice(None)), raw.double())
