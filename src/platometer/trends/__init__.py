"""Does alignment rise with capability, how surely, and does it predict: rows in, statistics out; nothing is drawn.

`compare` and `fit` put laws to a trend.
"""

from platometer.trends._laws import LAWS, SMOOTH, Comparison, Contender, Fit, Law, compare, fit
from platometer.trends._units import DRAWS, Estimate

__all__ = ["DRAWS", "LAWS", "SMOOTH", "Comparison", "Contender", "Estimate", "Fit", "Law", "compare", "fit"]
