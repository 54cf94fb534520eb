"""What chance alone would give: re-pairings of the samples, and a score set against them.

Under the null the rows of one side are exchangeable, so that every re-pairing of them is as likely as the one
observed. `orders` draws re-pairings; `calibrate` reads a score against the scores that they give; `until` says when
enough have been seen; `closed_form` does without them where the null's moments are known.
"""

from platometer.nulls._calibration import Calibration, calibrate
from platometer.nulls._closed import SIMULATED, closed_form, simulated
from platometer.nulls._orders import RING, orders, ring_end
from platometer.nulls._sequential import ENOUGH, until

__all__ = ["ENOUGH", "RING", "SIMULATED", "Calibration", "calibrate", "closed_form", "orders", "ring_end", "simulated",
           "until"]
