"""Architectures: small networks for pictures, words, sounds and paths, as torch modules.

Every one has ``blocks``, an `torch.nn.Sequential` in order of depth, whose outputs are its layers, and ``width``, the length
of the vector it gives; those for words begin with ``embed``. `build` makes one by kind, with weights from a seed.
"""

from platometer.networks._bag import Bag
from platometer.networks._build import KINDS, SIZES, build, layers
from platometer.networks._convolutional import Convolutional
from platometer.networks._recurrent import Recurrent
from platometer.networks._series import Path, Sound
from platometer.networks._transformer import Causal, Vision

__all__ = [
    "KINDS", "SIZES", "Bag", "Causal", "Convolutional", "Path", "Recurrent", "Sound", "Vision", "build", "layers",
]
