"""What chance alone would give: re-pairings of the samples, and a score set against them.

Under the null the rows of one side are exchangeable, so that every re-pairing of them is as likely as the one
observed. `orders` draws re-pairings; `calibrate` reads a score against the scores that they give.
"""

from platometer.nulls._calibration import Calibration, calibrate
from platometer.nulls._orders import orders

__all__ = ["Calibration", "calibrate", "orders"]
