"""A small world of scenes whose every probability is known, and the views of it: pictures, captions, sounds, paths."""

from platometer.scenes._captions import DENSITIES, captions, mentioned
from platometer.scenes._events import Events, Scene, Thing
from platometer.scenes._paths import STEPS, WAYS, paths
from platometer.scenes._pictures import picture, pictures
from platometer.scenes._sounds import RATE, sounds
from platometer.scenes._world import SPLITS, Table, World, read, world

__all__ = [
    "DENSITIES", "RATE", "SPLITS", "STEPS", "WAYS", "Events", "Scene", "Table", "Thing", "World", "captions",
    "mentioned", "paths", "picture", "pictures", "read", "sounds", "world",
]
