"""Experiments that could prove the hypothesis wrong: one file each, which opens with its claim and what would refute it.

`run` makes rows, a table, a verdict and a figure of one; ``platometer experiment NAME`` does the same.

"""

from platometer.experiments._experiment import Experiment, Outcome, Track, Verdict, load, names, run, silent

__all__ = ["Experiment", "Outcome", "Track", "Verdict", "load", "names", "run", "silent"]
