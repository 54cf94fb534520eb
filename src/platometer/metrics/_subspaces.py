"""What the subspace metrics share: an orthonormal basis of centred features, and canonical correlations between two.

With U and V orthonormal bases of the column spaces of two centred feature tables, the canonical correlations are the
singular values of U'V (Björck and Golub 1973): whatever linear map the features went through has dropped out.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Literal

import torch

from platometer.errors import UndefinedError
from platometer.metrics._grams import centred

_RANK = 1e-11  # singular values this small relative to the largest are rounding, not directions
_STILL = 1e-13  # a column that varies this little relative to its size does not vary
_SAME = 1e-9  # canonical correlations this close are equal

Summary = Literal["mean", "squared", "shape"]
"""How canonical correlations become one score; see `summarised`."""

SUMMARY_SOURCE = {
    "mean": "Raghu et al. 2017", "squared": "Kornblith et al. 2019, table 1 (R2 of CCA)",
    "shape": "Williams et al. 2021 (whitened)",
}


@dataclass(frozen=True, eq=False)
class Subspace:
    """Centred features x = basis loadings, with an orthonormal basis.

    Parameters
    ----------
    basis : (n, r) orthonormal columns, each summing to zero, in order of falling variance.
    scales : (r,) singular values.
    loadings : (r, d) coordinates of the features in the basis; None where nothing needs them.
    missing : how many directions were asked for and are not there.
    """

    basis: torch.Tensor
    scales: torch.Tensor
    loadings: torch.Tensor | None = None
    missing: int = 0

    @property
    def n(self) -> int:
        """Number of samples."""
        return len(self.basis)

    @property
    def rank(self) -> int:
        """Number of directions."""
        return self.basis.shape[1]

    def reordered(self, order: torch.Tensor) -> Subspace:
        """The same samples in another order.

        Parameters
        ----------
        order : (n,) a permutation.
        """
        return Subspace(self.basis[order], self.scales, self.loadings, self.missing)


def subspace(x: torch.Tensor, *, loadings: bool = False) -> Subspace:
    """All directions in which the samples vary, by a thin singular value decomposition.

    Parameters
    ----------
    x : (n, d), centred.
    loadings : whether to keep the coordinates of the features.
    """
    u, s, vh = torch.linalg.svd(x, full_matrices=False)
    rank = int((s > _RANK * s[0]).sum())
    return Subspace(u[:, :rank], s[:rank], s[:rank, None] * vh[:rank] if loadings else None)


def standardised(x: torch.Tensor) -> torch.Tensor:
    """Columns with mean zero and unit norm; columns that do not vary are left out.

    Parameters
    ----------
    x : (n, d).

    Raises
    ------
    UndefinedError
        No column varies.
    """
    top = x.abs().amax(0)
    x = x[:, top > 0] * torch.ldexp(torch.ones_like(top), -torch.frexp(top).exponent)[top > 0]
    moved = x - x.mean(0)
    varies = moved.abs().amax(0) > _STILL * x.abs().amax(0)
    if not bool(varies.any()):
        raise UndefinedError("All samples have the same features, so that no alignment with them is defined.")
    moved = moved[:, varies]
    moved = moved / moved.norm(dim=0)
    moved = moved - moved.mean(0)
    return moved / moved.norm(dim=0)


def whole(x: torch.Tensor, *, loadings: bool = False) -> Subspace:
    """The column space of centred features, held to be smaller than what n samples can span.

    The rank is decided on columns of unit norm, so that units of measurement do not matter.

    Parameters
    ----------
    x : (n, d).
    loadings : whether to keep the coordinates of the features, at their own scale.

    Raises
    ------
    UndefinedError
        The features are constant, or span all n - 1 directions that centred samples have.
    """
    found = open_to_doubt(subspace(standardised(x)))
    if not loadings:
        return found
    return Subspace(found.basis, found.scales, found.basis.T @ centred(x))


def open_to_doubt(a: Subspace) -> Subspace:
    """The subspace, if other data could disagree with it.

    Parameters
    ----------
    a : directions of n samples.

    Raises
    ------
    UndefinedError
        It holds all n - 1 directions that there are.
    """
    if a.rank >= a.n - 1:
        raise UndefinedError(
            f"{a.n} samples in {a.rank} independent directions: any other features are a linear function of these, so that "
            "every canonical correlation is 1 and says nothing. Use more samples than dimensions, or svcca with few "
            "directions, such as svcca(dims=10)."
        )
    return a


def correlations(a: Subspace, b: Subspace) -> torch.Tensor:
    """The canonical correlations, largest first, (min(r, s),), in [0, 1].

    Parameters
    ----------
    a, b : subspaces of the same samples.
    """
    return torch.linalg.svdvals(a.basis.T @ b.basis).clamp(0, 1)


def directions(a: Subspace, b: Subspace) -> tuple[torch.Tensor, torch.Tensor]:
    """The canonical directions of a, as combinations of its basis (r, m), and their correlations (m,).

    Directions of equal correlation are only determined as a set; inside it they are laid along the principal axes of
    a's features, strongest first, so that what is computed from them depends on the data alone.

    Parameters
    ----------
    a, b : subspaces of the same samples; a with loadings.
    """
    u, rho, _ = torch.linalg.svd(a.basis.T @ b.basis, full_matrices=False)
    rho = rho.clamp(0, 1)
    edges = [0, *((rho[:-1] - rho[1:] > _SAME).nonzero().flatten() + 1).tolist(), len(rho)]
    for start, stop in itertools.pairwise(edges):
        if stop - start > 1:
            group = u[:, start:stop]
            turn = torch.linalg.svd(group.T @ a.loadings, full_matrices=True)[0]
            u[:, start:stop] = group @ turn
    return u, rho


def summarised(rho: torch.Tensor, r: int, s: int, how: Summary) -> float:
    """One score of the canonical correlations of an r- and an s-dimensional space.

    Parameters
    ----------
    rho : (min(r, s),) canonical correlations.
    r, s : dimensions.
    how : ``"mean"`` over the smaller space; ``"squared"``, the mean of the squares; ``"shape"``, the sum over sqrt(r s),
        the cosine of the angular shape distance of the whitened spaces.
    """
    if how == "squared":
        value = (rho * rho).sum() / min(r, s)
    else:
        value = rho.sum() / (min(r, s) if how == "mean" else (r * s) ** 0.5)
    return min(1.0, max(0.0, float(value)))
