"""The page: rows, grids and cards in, one self-contained HTML file out.

It opens offline, asks no network for anything, and shows every name and caption as text, whatever is in it. Nothing is
computed here but layout, counts and order; the numbers are those of the rows.
"""

from platometer.report._page import without_samples, write
from platometer.report._words import groups, number, sparkline, strength, strongest, told

__all__ = ["groups", "number", "sparkline", "strength", "strongest", "told", "without_samples", "write"]
