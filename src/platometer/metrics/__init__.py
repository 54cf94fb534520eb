"""Metrics: how alike two representations of the same samples are.

A metric is a frozen dataclass in a file of its own; its fields are its options, and ``str(metric)`` spells it so that
`parse` reads it back. All metrics have one interface, `Metric`, and state what is true of them in `Facts`.

>>> from platometer import metrics
>>> str(metrics.parse("mutual_knn"))
'mutual_knn(k=10)'
"""

from platometer.metrics._metric import INVARIANCES, Facts, Metric, Moments, names, parse
from platometer.metrics._moments import GridMoments

__all__ = ["INVARIANCES", "Facts", "GridMoments", "Metric", "Moments", "names", "parse"]
