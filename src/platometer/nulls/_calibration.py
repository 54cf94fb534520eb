"""A score beside what chance alone would give."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from platometer import stats


@dataclass(frozen=True, eq=False)
class Calibration:
    """One observed statistic and its null.

    Attributes
    ----------
    observed : the statistic on the true pairing.
    p : (1 + draws at least as alike) / (draws + 1); approximate for ``method="closed form"``.
    null_mean, null_sd : of the draws, sd with divisor B - 1 (None for a single draw); or in closed form, exact for one
        layer pair and for the mean over the grid.
    z : (observed - null_mean) / null_sd, signed so that positive means more alike; None where the sd is 0 or unknown.
    excess : observed - null_mean, signed in the same way.
    tau : threshold at level `alpha`.
    score : calibrated score in [0, 1], 0 at the threshold and 1 at perfect agreement; None where the metric has no
        bound to scale to.
    alpha : level of the threshold.
    draws : (B,) the statistic under each re-pairing; empty in closed form.
    null : how the pairing was broken.
    seed : of the draws, or of the simulated grids.
    method : ``"draws"``; ``"sequential draws"``, as many as were needed (Besag and Clifford 1991); or
        ``"closed form"``, no draws.
    least : the least p that could have come out.
    note : why this method, in words, where it was chosen by ``null="auto"``.
    """

    observed: float
    p: float
    null_mean: float
    null_sd: float | None
    z: float | None
    excess: float
    tau: float
    score: float | None
    alpha: float
    draws: np.ndarray = field(repr=False)
    null: str = "permutation"
    seed: int = 0
    method: str = "draws"
    least: float | None = None
    note: str = ""

    def __post_init__(self) -> None:
        if self.least is None:
            object.__setattr__(self, "least", 1 / (len(self.draws) + 1))


def calibrate(
    observed: float,
    draws: np.ndarray,
    *,
    alike: str = "high",
    best: float | None = 1.0,
    alpha: float = 0.05,
    null: str = "permutation",
    seed: int = 0,
) -> Calibration:
    """The observed statistic read against its null.

    Parameters
    ----------
    observed : the statistic on the true pairing; if it was selected (a maximum), the draws must be selected alike.
    draws : (B,) the same statistic under re-pairings, B >= 1.
    alike : ``"high"`` or ``"low"``.
    best : the statistic of perfect agreement; None if there is no such bound.
    alpha : level of the threshold.
    null, seed : recorded.

    Raises
    ------
    UndefinedError
        There are no draws.

    Examples
    --------
    >>> calibrate(0.55, np.linspace(0, 0.1, 99)).p
    0.01
    """
    draws = np.asarray(draws, dtype=np.float64)
    p = stats.p_value(observed, draws, alike=alike)
    tau = stats.threshold(observed, draws, alpha=alpha, alike=alike)
    mean = float(draws.mean())
    sd = float(draws.std(ddof=1)) if len(draws) > 1 else None
    excess = (observed - mean) * (1 if alike == "high" else -1)
    return Calibration(
        observed=observed, p=p, null_mean=mean, null_sd=sd, z=excess / sd if sd else None, excess=excess, tau=tau,
        score=None if best is None else stats.calibrated(observed, tau, best=best),
        alpha=alpha, draws=draws, null=null, seed=seed,
    )
