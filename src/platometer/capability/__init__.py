"""How good a model is: what can be read off its features, and how well it tells a text."""

from platometer.capability._probes import Probed, knn_probes, linear_probes, mean_skill
from platometer.capability._text import bits_per_byte

__all__ = ["Probed", "bits_per_byte", "knn_probes", "linear_probes", "mean_skill"]
