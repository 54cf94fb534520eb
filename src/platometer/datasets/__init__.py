"""Dataset sources: one file each, ``load(**options) -> Paired``.

`load` finds the file by name and passes the options on: ``load("folder", path="photos", captions="first")``.
`perturbed` spoils a view of any of them: words shuffled, nouns swapped, pictures blurred, grey, in pieces, or small.
"""

from platometer.datasets._dataset import load, names
from platometer.datasets._perturbed import PERTURBATIONS, perturbation, perturbed

__all__ = ["PERTURBATIONS", "load", "names", "perturbation", "perturbed"]
