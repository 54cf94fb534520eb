"""How well a language model tells a text, in a unit that does not depend on how it cuts texts into words."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from platometer.errors import InputError


def bits_per_byte(log_probabilities: Sequence[float] | np.ndarray, texts: Sequence[str], *, separator: int = 1) -> float:
    """Bits that a code built on the model spends per byte of the texts; less is better, 8 is no model at all.

    Parameters
    ----------
    log_probabilities : (n,) log of each whole text's probability, its end included, in nats.
    texts : n texts, counted in UTF-8.
    separator : bytes between one text and the next, which the end sign stands for.

    Raises
    ------
    InputError
        Numbers and texts do not fit, a probability is above 1 or none, or there is nothing to tell.

    Examples
    --------
    >>> import math
    >>> bits_per_byte([-4 * math.log(2)], ["abc"])
    1.0
    """
    told = np.asarray(log_probabilities, dtype=np.float64)
    if told.shape != (len(texts),):
        raise InputError(f"{told.shape} log-probabilities for {len(texts)} texts; expected one each.")
    if not np.isfinite(told).all() or (told > 0).any():
        raise InputError("A log-probability is above 0 or not finite; expected natural logarithms of probabilities.")
    length = sum(len(text.encode()) + separator for text in texts)
    if not length:
        raise InputError("The texts are empty; expected at least one byte.")
    return float(-told.sum() / (math.log(2) * length))
