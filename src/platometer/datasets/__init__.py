"""Dataset sources: one file each, ``load(**options) -> Paired``.

`load` finds the file by name and passes the options on: ``load("folder", path="photos", captions="first")``.
`perturbed` spoils a view of any of them: words shuffled, nouns swapped, pictures blurred, grey, in pieces, or small.
`sift` finds duplicates among more samples than memory holds.
"""

from platometer.datasets._dataset import load, names
from platometer.datasets._perturbed import PERTURBATIONS, perturbation, perturbed
from platometer.datasets._sift import Found, Piece, sift

__all__ = ["PERTURBATIONS", "Found", "Piece", "load", "names", "perturbation", "perturbed", "sift"]
