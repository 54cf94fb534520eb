"""Model sources: one file each, ``load(name, **options) -> Model``.

A source is written ``PREFIX:NAME``, where the prefix is the file's name: ``timm:vit_tiny_patch16_224``,
``hf:../shared/data/text/minilm``, ``python:my_models.py:load_mine``. `load` takes one apart and asks the file; `wrap`
makes a model of a module or function of your own.
"""

from platometer.models._model import Model, Sized, load, names
from platometer.models.python import wrap

__all__ = ["Model", "Sized", "load", "names", "wrap"]
