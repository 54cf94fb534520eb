"""How good a model is: what can be read off its features, how well it tells a text, and what tables elsewhere say of it."""

from platometer.capability._corpus import Texts, corpus
from platometer.capability._languages import Language, Tokens, language
from platometer.capability._probes import Probed, knn_probes, linear_probes, mean_skill
from platometer.capability._reading import bits_per_byte_of
from platometer.capability._row import Capability, against
from platometer.capability._text import bits_per_byte

__all__ = [
    "Capability", "Language", "Probed", "Texts", "Tokens", "against", "bits_per_byte", "bits_per_byte_of", "corpus",
    "knn_probes", "language", "linear_probes", "mean_skill",
]
