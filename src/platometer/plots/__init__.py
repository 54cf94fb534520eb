"""Figures, one file each: rows or alignments in, a matplotlib figure out; nothing is computed but what is drawn.

>>> from platometer import plots
>>> plots.names()[:4]
('agreement', 'capability', 'gallery', 'grid')

`of_run` draws one from a run folder, `write` keeps it as a PDF, SVG or PNG; ``platometer plot NAME RUN`` does both. From rows
of one's own, call ``plots.load(NAME).draw(rows, theme="dark", width="double")``.
"""

from platometer.plots._plot import load, names, of_run, write

__all__ = ["load", "names", "of_run", "write"]
