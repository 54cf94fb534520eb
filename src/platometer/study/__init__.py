"""A study: which models, on which samples, by which metrics; planned, answered cell by cell, and collected.

>>> from platometer.study import Study
>>> study = Study.read("scenes")                      # a file, or the name of one that ships with platometer
>>> study.run("runs/scenes").rows[0]["score"]         # doctest: +SKIP

`Results.read` reads a run again, or a pack that ships; `publish` makes a folder of it to give away, `compare` holds two
beside each other.

A cell is one pair of models under one metric and one conditioning. Its answer is a small file named by the content
that went in, so that running again is resuming, whoever died and wherever.
"""

from platometer.study._cells import Cell
from platometer.study._compare import Compared, compare
from platometer.study._file import Study, names
from platometer.study._going import Going
from platometer.study._publish import publish
from platometer.study._results import Results, packs
from platometer.study._run import Plan, Result

__all__ = ["Cell", "Compared", "Going", "Plan", "Result", "Results", "Study", "compare", "names", "packs", "publish"]
