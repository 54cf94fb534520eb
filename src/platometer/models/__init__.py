"""Model sources: one file each, ``load(name, **options) -> Model``.

A source is written ``PREFIX:NAME``, where the prefix is the file's name: ``timm:vit_tiny_patch16_224``,
``hf:../shared/data/text/minilm``, ``python:my_models.py:load_mine``. `load` takes one apart and asks the file.
"""

from platometer.models._model import Model, Sized, load, names

__all__ = ["Model", "Sized", "load", "names"]
