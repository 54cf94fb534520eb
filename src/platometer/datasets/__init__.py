"""Dataset sources: one file each, ``load(**options) -> Paired``.

`load` finds the file by name and passes the options on: ``load("folder", path="photos", captions="first")``.
"""

from platometer.datasets._dataset import load, names

__all__ = ["load", "names"]
