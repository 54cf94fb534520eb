"""Conditioning: the named steps, worked by hand and held to the released code's thresholds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from platometer.conditioning import NAMES, Conditioning, unit_rows
from platometer.errors import SpecError, UndefinedError

GOLDEN = Path(__file__).parent / "golden"
X = torch.tensor([[3.0, 4.0], [0.0, -2.0], [-1e-200, 1e-200], [1e200, 1e200]], dtype=torch.float64)
ALL = [
    "unit", "none", "clamp(q=0.95)", "clamp(q=0.5)", "platonic-rep(exact)", "platonic-rep(sample-mean)",
    "platonic-rep(exact, q=0.9)",
]


def table(seed: int, n: int = 20, d: int = 7) -> torch.Tensor:
    return torch.tensor(np.random.default_rng(seed).normal(size=(n, d)))


@pytest.mark.parametrize("text", ALL)
def test_a_conditioning_reads_back_as_printed(text: str) -> None:
    rule = Conditioning.parse(text)
    assert str(rule) == text
    assert Conditioning.parse(str(rule)) == rule
    assert Conditioning.parse(rule) is rule


def test_defaults_are_those_of_the_released_command_line() -> None:
    assert str(Conditioning.parse("platonic-rep")) == "platonic-rep(sample-mean)"
    assert Conditioning.parse("platonic_rep(exact)") == Conditioning.parse("platonic-rep(exact)")
    assert str(Conditioning.parse("clamp")) == "clamp(q=0.95)"
    assert str(Conditioning()) == "unit"
    assert {Conditioning.parse(text).name for text in ALL} == set(NAMES)


@pytest.mark.parametrize(("text", "why"), [
    ("units", "There is no conditioning 'units'. Did you mean 'unit'"), ("clamp(p=1)", "has no option 'p'"),
    ("unit(q=0.5)", "'unit' has no option 'q'"), ("unit(exact)", "expected platonic-rep(exact)"),
    ("platonic-rep(median)", "expected platonic-rep(exact) or platonic-rep(sample-mean)"),
    ("clamp(q=0)", "q must lie in (0, 1]"),
    ("clamp(q=1.01)", "q must lie in (0, 1]"), ("clamp(q=nan)", "q must lie in (0, 1]"), ("clamp(q=high)", "q must lie"),
    ("clamp(q=true)", "q must lie in (0, 1]"), ("platonic-rep(true)", "expected platonic-rep(exact)"),
    ("platonic-rep(none)", "expected platonic-rep(exact)"),
])
def test_what_is_no_conditioning_says_why(text: str, why: str) -> None:
    with pytest.raises(SpecError) as caught:
        Conditioning.parse(text)
    assert why in str(caught.value)


def test_unit_rows_have_length_one_at_any_size() -> None:
    found = unit_rows(X)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(4, dtype=torch.float64), rtol=1e-15, atol=0)
    assert found[0].tolist() == pytest.approx([0.6, 0.8])
    assert found[2].tolist() == pytest.approx([-(0.5**0.5), 0.5**0.5])
    assert X[0].tolist() == [3.0, 4.0]


def test_a_row_of_zeros_has_no_direction() -> None:
    x = table(0)
    x[4] = x[9] = 0
    for text in set(ALL) - {"none"}:
        with pytest.raises(UndefinedError, match=r"layer 3 has rows of zeros, 2 of \d+ \(the first is row 4\)"):
            Conditioning.parse(text)(x, name="layer 3")
        with pytest.raises(UndefinedError, match="first is row 4"):
            Conditioning.parse(text).rows(x)
    assert torch.equal(Conditioning.parse("none")(x), x)


def test_exact_clamps_at_an_entry_and_sample_mean_at_a_mean_of_interpolated_quantiles() -> None:
    x = torch.tensor([[1.0, -2.0, 3.0, 4.0], [-5.0, 6.0, 7.0, -8.0]], dtype=torch.float64)
    assert Conditioning.parse("platonic-rep(exact, q=0.5)").limit([x]) == 5.0  # sorted |x| at index int(0.5 * 8)
    assert Conditioning.parse("platonic-rep(exact, q=1.0)").limit([x]) == 8.0
    assert Conditioning.parse("platonic-rep(sample-mean, q=0.5)").limit([x]) == (2.5 + 6.5) / 2
    assert Conditioning.parse("clamp(q=0.5)").limit([x]) == 4.5
    assert Conditioning.parse("unit").limit([x]) is None
    assert Conditioning.parse("none").limit([x]) is None


def test_a_joint_limit_is_found_over_all_layers_together() -> None:
    layers = [table(0), 10 * table(1, d=3)]
    for text in ("platonic-rep(exact)", "platonic-rep(sample-mean)"):
        rule = Conditioning.parse(text)
        assert rule.joint
        limit = rule.limit(layers)
        assert limit == rule.limit([torch.cat(layers, dim=1)])
        for x, found in zip(layers, rule.all(layers), strict=True):
            torch.testing.assert_close(found, unit_rows(x.clamp(-limit, limit)))
            torch.testing.assert_close(rule(x, limit=limit), found)
    rule = Conditioning.parse("clamp")
    assert not rule.joint
    for x, found in zip(layers, rule.all(layers), strict=True):
        limit = float(np.quantile(x.abs().numpy(), 0.95))
        torch.testing.assert_close(found, unit_rows(x.clamp(-limit, limit)))


@settings(max_examples=60, deadline=None, database=None, derandomize=True)
@given(n=st.integers(1, 9), d=st.integers(1, 9), q=st.floats(0.01, 1.0), seed=st.integers(0, 99))
def test_quantiles_are_numpys(n: int, d: int, q: float, seed: int) -> None:
    x = table(seed, n, d)
    flat = np.abs(x.numpy())
    assert Conditioning("clamp", q=q).limit([x]) == pytest.approx(np.quantile(flat, q), rel=1e-12)
    each = np.quantile(flat, q, axis=1)
    assert Conditioning("platonic-rep", "sample-mean", q).limit([x]) == pytest.approx(each.mean(), rel=1e-12)


@pytest.mark.parametrize("text", ALL)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_rows_read_in_parts_are_those_conditioned_at_once(text: str, dtype: torch.dtype) -> None:
    x, rule = table(3).to(dtype), Conditioning.parse(text)
    whole = rule(x)
    assert whole.dtype == torch.float64
    torch.testing.assert_close(rule.rows(x).block(slice(None)), whole, rtol=1e-14, atol=1e-15)
    for size in (1e-300, 1e-160, 1e160, 1e300):
        if text != "none":
            found = rule.rows(x.double() * size).block(slice(None))
            torch.testing.assert_close(found, rule(x.double()), rtol=1e-12, atol=1e-14)


def test_unit_rows_of_half_precision_are_not_copied() -> None:
    x = table(3).half()
    assert Conditioning.parse("unit").rows(x).raw.data_ptr() == x.data_ptr()
    assert Conditioning.parse("none").rows(x).raw.data_ptr() == x.data_ptr()


def test_thresholds_are_those_of_the_released_code() -> None:
    records = [r for r in json.loads((GOLDEN / "values.json").read_text())["records"] if r["f"].startswith("remove_outliers")]
    with np.load(GOLDEN / "inputs.npz") as inputs:
        found = [(Conditioning.parse(f"platonic-rep({'exact' if r['a']['exact'] else 'sample-mean'})")
                  .limit([torch.from_numpy(inputs[f"{r['c']}.X"])]), r["v"]) for r in records]
    assert len(found) == 14
    for ours, theirs in found:
        assert ours == pytest.approx(theirs, rel=1e-6)
