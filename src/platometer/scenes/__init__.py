"""A small world of scenes whose every probability is known, and the views of it: pictures, captions, sounds, paths."""

from platometer.scenes._captions import DENSITIES, captions, mentioned
from platometer.scenes._events import Events, Scene, Thing
from platometer.scenes._paths import STEPS, WAYS, paths
from platometer.scenes._pictures import picture, pictures
from platometer.scenes._sheet import sheet
from platometer.scenes._sounds import RATE, sounds
from platometer.scenes._spoil import CHANNELS, Chain, Channel, EventChannel, information_bound, information_kept
from platometer.scenes._words_spoiled import WORD_CHANNELS, WordChannel, words_kept
from platometer.scenes._world import SPLITS, Table, World, read, world

__all__ = [
    "CHANNELS", "DENSITIES", "RATE", "SPLITS", "STEPS", "WAYS", "WORD_CHANNELS", "Chain", "Channel", "EventChannel",
    "Events", "Scene", "Table", "Thing", "WordChannel", "World", "captions", "information_bound", "information_kept",
    "mentioned", "paths", "picture", "pictures", "read", "sheet", "sounds", "words_kept", "world",
]
