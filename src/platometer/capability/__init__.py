"""How good a model is: what can be read off its features, how well it tells a text, and what tables elsewhere say of it."""

from platometer.capability._corpus import Texts, corpus
from platometer.capability._elsewhere import stated, table
from platometer.capability._harness import harness_results, run_harness
from platometer.capability._labelled import Labelled, labelled
from platometer.capability._languages import Language, Tokens, language
from platometer.capability._names import Joined, join
from platometer.capability._probes import Probed, knn_probes, linear_probes, logistic_probes, mean_skill
from platometer.capability._probing import probe, probe_layers, solved
from platometer.capability._reading import bits_per_byte_of
from platometer.capability._row import Capability, against
from platometer.capability._text import bits_per_byte
from platometer.capability._vtab import TASKS as VTAB
from platometer.capability._vtab import Task, vtab

__all__ = [
    "VTAB", "Capability", "Joined", "Labelled", "Language", "Probed", "Task", "Texts", "Tokens", "against", "bits_per_byte",
    "bits_per_byte_of", "corpus", "harness_results", "join", "knn_probes", "labelled", "language", "linear_probes",
    "logistic_probes", "mean_skill", "probe", "probe_layers", "run_harness", "solved", "stated", "table", "vtab",
]
