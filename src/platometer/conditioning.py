"""Conditioning: the named step between features and a metric, recorded with every score.

``unit``
    each sample scaled to unit length; neighbours are then those of largest cosine. The default.
``none``
    features as they are.
``clamp(q=0.95)``
    each layer clamped to its own q-quantile of \\|x\\|, then unit length. Like the paper's, but a layer's numbers do
    not depend on which other layers were extracted.
``platonic-rep(exact)``, ``platonic-rep(sample-mean)``
    the released code's: all layers of a model clamped to one value, then unit length. ``exact`` takes the entry at
    index ``int(q * size)`` of the sorted \\|x\\| over samples, layers and dimensions; ``sample-mean`` (that code's
    default) the mean over samples of each sample's interpolated q-quantile over layers and dimensions.

The clamp is at q = 0.95 in the paper (Huh et al. 2024, appendix; there described as truncating outliers).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from platometer import spec
from platometer.arrays import Rows, check_finite
from platometer.centring import lengths
from platometer.errors import SpecError, UndefinedError, suggestion

NAMES = ("unit", "none", "clamp", "platonic-rep")


@dataclass(frozen=True)
class Conditioning:
    """One conditioning, ready to be applied to the layers of a model.

    Parameters
    ----------
    name : one of `NAMES`.
    scope : ``"exact"`` or ``"sample-mean"`` for ``platonic-rep``; empty otherwise.
    q : quantile of the clamp, in (0, 1].

    Examples
    --------
    >>> str(Conditioning.parse("platonic-rep(exact)"))
    'platonic-rep(exact)'
    >>> Conditioning.parse("unit")(torch.tensor([[3.0, 4.0]]))
    tensor([[0.6000, 0.8000]], dtype=torch.float64)
    """

    name: str = "unit"
    scope: str = ""
    q: float = 0.95

    @classmethod
    def parse(cls, text: str | Conditioning) -> Conditioning:
        """The conditioning that a spec names.

        Parameters
        ----------
        text : such as ``"unit"`` or ``"platonic-rep(sample-mean)"``.

        Raises
        ------
        SpecError
            Unknown name, scope or option.
        """
        if isinstance(text, Conditioning):
            return text
        name, options = spec.parse(text)
        name = name.replace("_", "-")
        if name not in NAMES:
            raise SpecError(f"There is no conditioning {name!r}. {suggestion(name, NAMES)}")
        scope = options.pop("", "sample-mean" if name == "platonic-rep" else "")
        q = options.pop("q", 0.95) if name in ("clamp", "platonic-rep") else 0.95
        if options:
            raise SpecError(f"The conditioning {name!r} has no option {next(iter(options))!r}.")
        if scope != "" and (name != "platonic-rep" or scope not in ("exact", "sample-mean")):
            raise SpecError(f"{text!r}: expected platonic-rep(exact) or platonic-rep(sample-mean).")
        if not isinstance(q, int | float) or isinstance(q, bool) or not 0 < q <= 1:
            raise SpecError(f"{text!r}: q must lie in (0, 1].")
        return cls(name=name, scope=str(scope), q=float(q))

    def __str__(self) -> str:
        options: dict[str, object] = {"": self.scope} if self.scope else {}
        if self.q != 0.95 or self.name == "clamp":
            options["q"] = self.q
        return spec.spell(self.name, options)

    @property
    def joint(self) -> bool:
        """Whether a layer's numbers depend on the model's other layers."""
        return self.name == "platonic-rep"

    def __call__(self, x: torch.Tensor, *, limit: float | None = None, name: str = "x") -> torch.Tensor:
        """One layer, conditioned.

        Parameters
        ----------
        x : (n, d), finite.
        limit : the clamp of `limit` for a joint conditioning; found from this layer alone if None.
        name : what the layer is called in an error.

        Returns
        -------
        (n, d) in float64.

        Raises
        ------
        UndefinedError
            A row is zero, so that it has no direction.
        """
        x = x.to(torch.float64)
        if self.name == "none":
            return x
        if self.name != "unit":
            most = self.limit([x]) if limit is None else limit
            assert most is not None
            x = x.clamp(-most, most)
        return unit_rows(x, name=name)

    def rows(self, x: torch.Tensor, *, limit: float | None = None, name: str = "x") -> Rows:
        """One layer, conditioned, for metrics that read it in parts: not copied where only the length of rows changes.

        Parameters
        ----------
        x : (n, d), floating point in any precision.
        limit, name : as for calling.

        Raises
        ------
        NotFiniteError
            NaN or infinity.
        UndefinedError
            A row is zero.
        """
        if self.name == "unit":
            sizes = lengths(Rows(x))
            if bool(((sizes > 1e-150) & (sizes < 1e150)).all()):  # so every entry is finite
                return Rows(x, 1 / sizes)
        check_finite(x, name=name)
        return Rows(x if self.name == "none" else self(x, limit=limit, name=name))

    def limit(self, layers: Sequence[torch.Tensor]) -> float | None:
        """The value that entries are clamped to, found over these layers together; None if there is no clamp.

        Parameters
        ----------
        layers : each (n, d), the same n; widths may differ.
        """
        if self.name in ("unit", "none"):
            return None
        if self.scope == "sample-mean":
            flat = torch.cat([x.to(torch.float64).abs() for x in layers], dim=1)
            return float(_quantile(flat, self.q, dim=1).mean())
        values = torch.cat([x.to(torch.float64).abs().flatten() for x in layers])
        if self.scope == "exact":
            index = min(int(self.q * values.numel()), values.numel() - 1)
            return float(values.kthvalue(index + 1).values)
        return float(_quantile(values[None], self.q, dim=1))

    def all(self, layers: Sequence[torch.Tensor], *, names: Sequence[str] | None = None) -> list[torch.Tensor]:
        """Every layer of a model, conditioned together where the convention is joint.

        Parameters
        ----------
        layers : each (n, d).
        names : what the layers are called in errors.
        """
        limit = self.limit(layers) if self.joint else None
        names = names or [f"layer {i}" for i in range(len(layers))]
        return [self(x, limit=limit, name=name) for x, name in zip(layers, names, strict=True)]


def unit_rows(x: torch.Tensor, *, name: str = "x") -> torch.Tensor:
    """Each row at length one, safely for entries from 1e-300 to 1e300.

    Parameters
    ----------
    x : (n, d) float64.
    name : what the array is called in the error.

    Raises
    ------
    UndefinedError
        A row is all zero.
    """
    scale = x.abs().amax(1, keepdim=True)
    zero = (scale == 0).flatten().nonzero().flatten()
    if zero.numel():
        raise UndefinedError(
            f"{name} has rows of zeros, {zero.numel()} of {len(x)} (the first is row {int(zero[0])}), which have no direction. "
            "Drop those samples, or use conditioning='none' with a metric that does not need directions."
        )
    x = x / scale
    return x / x.norm(dim=1, keepdim=True)


def _quantile(x: torch.Tensor, q: float, *, dim: int) -> torch.Tensor:
    """Linearly interpolated quantile, without torch.quantile's limit of 16 million entries."""
    ordered = x.sort(dim=dim).values
    at = q * (x.shape[dim] - 1)
    low = min(int(at), x.shape[dim] - 1)
    high = min(low + 1, x.shape[dim] - 1)
    a, b = ordered.select(dim, low), ordered.select(dim, high)
    return a + (b - a) * (at - low)
