"""When enough re-pairings have been seen.

Source: Besag and Clifford 1991. Draw until h draws are at least as alike as the score, or until a largest number of
draws. If the h-th comes with draw l, p = h / l, which is valid at every level. It is also the usual p of the l - 1
draws before it, (1 + (h - 1)) / ((l - 1) + 1): so the draw that stopped the sequence is left out, and everything else
(threshold, calibrated score) is read from the rest as always, and agrees with p.
"""

from __future__ import annotations

import numpy as np

from platometer.stats import SAME

ENOUGH = 10
"""Draws at least as alike as the score after which no more are needed."""


def until(observed: float, draws: np.ndarray, *, alike: str = "high", enough: int = ENOUGH) -> int | None:
    """How many of the draws, in their order, count: those before the one that makes it enough; None if none does.

    Parameters
    ----------
    observed : the statistic on the true pairing.
    draws : (B,) so far.
    alike : ``"high"`` or ``"low"``.
    enough : h.

    Examples
    --------
    >>> until(0.5, np.array([0.1, 0.7, 0.2, 0.6, 0.9]), enough=2)
    3
    """
    slack = SAME * max(1.0, abs(observed))
    beaten = draws >= observed - slack if alike == "high" else draws <= observed + slack
    places = np.flatnonzero(beaten)
    return int(places[enough - 1]) if len(places) >= enough else None
