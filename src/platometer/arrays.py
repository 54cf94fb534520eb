"""Any array at the door, torch inside.

Whatever can show itself as an array is taken: numpy, torch, jax, cupy, anything with ``__dlpack__`` or ``__array__``,
nested lists of numbers. What comes in is never written to, may be read-only or non-contiguous, and may be float16,
bfloat16, float32, float64 or integers. Arithmetic is done in float64.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from platometer.errors import InputError, NotFiniteError, ShapeError

ArrayLike = object


def as_tensor(x: ArrayLike, *, name: str = "x") -> torch.Tensor:
    """The same numbers as a torch tensor, on the device they are on, without a copy where possible.

    Parameters
    ----------
    x : any array; its dtype is kept.
    name : what the array is called in an error.

    Raises
    ------
    InputError
        It is not an array of real numbers.
    """
    if isinstance(x, str | bytes | Path):
        raise InputError(f"{name} is the text {str(x)[:80]!r}; expected an array of numbers. Read a file with pm.read first.")
    if isinstance(x, torch.Tensor):
        tensor = x.detach()
    elif hasattr(x, "__dlpack__") and not isinstance(x, np.ndarray):
        tensor = _from_dlpack(x, name)
    else:
        tensor = _from_numpy(x, name)
    if tensor.is_complex():
        raise InputError(f"{name} holds complex numbers; platometer compares real features.")
    return tensor


def as_matrix(x: ArrayLike, *, name: str = "x", least_rows: int = 1) -> torch.Tensor:
    """Features of n samples as a float64 matrix (n, d), every entry finite.

    Parameters
    ----------
    x : any array (n, d); one of shape (n,) is taken as n samples of one number each.
    name : what the array is called in an error.
    least_rows : the fewest samples that make sense.

    Raises
    ------
    ShapeError
        Not a matrix, too few rows, or no columns.
    NotFiniteError
        NaN or infinity; the first such row is named.
    """
    return as_features(x, name=name, least_rows=least_rows).to(torch.float64)


def as_features(x: ArrayLike, *, name: str = "x", least_rows: int = 1) -> torch.Tensor:
    """Features of n samples as a matrix (n, d) of floating point numbers in their own precision, every entry finite.

    Parameters
    ----------
    x, name, least_rows : as for `as_matrix`, whose errors this raises.
    """
    tensor = as_floating(x, name=name, least_rows=least_rows)
    check_finite(tensor, name=name)
    return tensor


def as_floating(x: ArrayLike, *, name: str = "x", least_rows: int = 1) -> torch.Tensor:
    """The same matrix for who looks himself whether every entry is finite.

    Parameters
    ----------
    x, name, least_rows : as for `as_features`.
    """
    tensor = as_tensor(x, name=name)
    if tensor.ndim == 1:
        tensor = tensor[:, None]
    if tensor.ndim != 2:
        raise ShapeError(
            f"{name} has shape {tuple(tensor.shape)}; expected (n samples, d features). "
            "Pool tokens or pixels first, or pass several layers as a list or a dictionary."
        )
    if tensor.shape[1] == 0:
        raise ShapeError(f"{name} has shape {tuple(tensor.shape)}: no features.")
    if tensor.shape[0] < least_rows:
        raise ShapeError(f"{name} has {tensor.shape[0]} samples; at least {least_rows} are needed.")
    return tensor if tensor.is_floating_point() else tensor.to(torch.float64)


def as_device(device: str | torch.device | None) -> torch.device | None:
    """The device of that name, which is there.

    Parameters
    ----------
    device : such as ``"cuda"`` or ``"cuda:1"``; None for where the features are.

    Raises
    ------
    InputError
        There is no such device on this machine, or none is called that.
    """
    if device is None:
        return None
    try:
        found = torch.device(device)
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError, NotImplementedError, TypeError) as error:
        first = str(error).splitlines()[0].rstrip(".")
        raise InputError(f"device = {str(device)!r} cannot be used here: {first}. 'cpu' always can.") from error
    return found


def check_finite(tensor: torch.Tensor, *, name: str) -> None:
    """Nothing, if every entry is finite.

    Parameters
    ----------
    tensor : (n, ...).
    name : what the array is called in the error.

    Raises
    ------
    NotFiniteError
        NaN or infinity; says how many rows, and names the first.
    """
    if torch.isfinite(tensor.sum()):
        return  # a sum with NaN or infinity in it is not finite; an overflowing one is looked at below
    bad = (~torch.isfinite(tensor)).reshape(tensor.shape[0], -1).any(1).nonzero().flatten()
    if bad.numel():
        row = int(bad[0])
        kind = "NaN" if torch.isnan(tensor[row]).any() else "infinite values"
        raise NotFiniteError(
            f"{name} has {kind} in row {row} ({bad.numel()} of {tensor.shape[0]} rows are affected). "
            "Likely an overflow in half precision, or a sample that could not be encoded: drop or recompute those rows."
        )


def check_paired(x: torch.Tensor, y: torch.Tensor, *, names: tuple[str, str] = ("x", "y")) -> None:
    """Nothing, if both have the same number of rows.

    Parameters
    ----------
    x, y : (n, d) and (m, p).
    names : what they are called in the error.

    Raises
    ------
    ShapeError
        n and m differ.
    """
    if x.shape[0] != y.shape[0]:
        hint = ""
        if x.ndim == y.ndim == 2 and x.shape[1] == y.shape[1]:
            hint = " Rows must be the same samples in the same order on both sides; are the arrays transposed?"
        raise ShapeError(f"{names[0]} has {x.shape[0]} samples and {names[1]} has {y.shape[0]}; they must be paired.{hint}")


def _from_dlpack(x: object, name: str) -> torch.Tensor:
    try:
        return torch.from_dlpack(x)
    except (BufferError, RuntimeError, TypeError, ValueError):  # read-only, or a type or device torch cannot share
        return _from_numpy(x, name)


def _from_numpy(x: object, name: str) -> torch.Tensor:
    if np.ma.is_masked(x):
        raise InputError(f"{name} has {np.ma.count_masked(x)} masked entries, which are no numbers; drop those rows, or "
                         "fill them with what you mean.")
    try:
        array = np.asarray(x)
    except ValueError as error:
        raise ShapeError(f"{name} is ragged: rows of different lengths ({error}).") from None
    if array.dtype.name == "bfloat16":  # ml_dtypes, as jax and safetensors hand it out
        array = array.astype(np.float32)
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:  # long double, which torch does not know
        array = array.astype(np.float64)
    if array.dtype == object or array.dtype.kind not in "fiubc":
        raise InputError(f"{name} is a {type(x).__name__} of dtype {array.dtype}; expected an array of numbers.")
    if array.dtype.kind == "u" and array.dtype.itemsize > 1:
        array = array.astype(np.int64 if array.dtype.itemsize < 8 else np.float64)
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if any(stride < 0 for stride in array.strides):
        array = array.copy()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*not writable.*", category=UserWarning)
        return torch.from_numpy(array)


@dataclass(frozen=True, eq=False)
class Rows:
    """Features (n, d) in their stored dtype with a factor for each row: what must not be copied to float64 as a whole.

    Parameters
    ----------
    raw : (n, d) floating point, finite.
    factor : (n,) float64 by which rows are multiplied; None for one.
    """

    raw: torch.Tensor
    factor: torch.Tensor | None = None

    @property
    def shape(self) -> torch.Size:
        """(n, d)."""
        return self.raw.shape

    @property
    def device(self) -> torch.device:
        """Where the features are."""
        return self.raw.device

    def __len__(self) -> int:
        return len(self.raw)

    def block(self, rows: slice | torch.Tensor) -> torch.Tensor:
        """Some rows as (m, d) float64.

        Parameters
        ----------
        rows : which.
        """
        x = self.raw[rows].to(torch.float64)
        return x if self.factor is None else x * self.factor[rows, None]

    def sizes(self) -> torch.Tensor:
        """(n,) float64 length of each row, found in parts that stay in the cache."""
        step = max(1, 2**18 // self.shape[1])
        return torch.cat([self.block(slice(at, at + step)).norm(dim=1) for at in range(0, len(self), step)])

    def fitted(self) -> Rows:
        """The same rows as contiguous float32 or float64, by a power of two brought to where products neither overflow nor
        vanish."""
        raw = self.raw if self.raw.dtype in (torch.float32, torch.float64) else self.raw.to(torch.float32)
        raw = raw.contiguous()
        if self.factor is not None:
            return Rows(raw, self.factor)
        top = float(max(raw.amax(), -raw.amin()))
        power = -int(np.frexp(top)[1]) if top > 0 else 0
        if raw.dtype == torch.float64 and abs(power) > 200:
            raw, power = raw * 2.0**power, 0
        return Rows(raw, torch.full((len(raw),), 2.0**power, dtype=torch.float64, device=raw.device))
