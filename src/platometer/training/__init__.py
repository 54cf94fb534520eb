"""How networks learn: one loop, and the objectives it descends.

An objective holds a network, whatever heads it needs, and its data; `fit` trains it, the same each time. Nothing here knows
an architecture by name: a network is asked only for what its objective says.
"""

from platometer.training._loop import Curve, Recipe, fit, silent
from platometer.training._objective import Objective
from platometer.training._pictures import Contrastive, Masked, Supervised, centred, other_pictures
from platometer.training._signals import NextPart, other_sounds
from platometer.training._words import MASK, PAD, SPECIAL, START, STOP, UNKNOWN, MaskedWord, NextWord, Vocabulary, split

__all__ = [
    "MASK", "PAD", "SPECIAL", "START", "STOP", "UNKNOWN", "Contrastive", "Curve", "Masked", "MaskedWord", "NextPart",
    "NextWord", "Objective", "Recipe", "Supervised", "Vocabulary", "centred", "fit", "other_pictures", "other_sounds",
    "silent", "split",
]
