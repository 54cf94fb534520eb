"""A small world of scenes whose every probability is known, and the views of it: pictures, captions, sounds, paths."""

from platometer.scenes._events import Events, Scene, Thing
from platometer.scenes._world import SPLITS, Table, World, read, world

__all__ = ["SPLITS", "Events", "Scene", "Table", "Thing", "World", "read", "world"]
