"""Scenes of one to three coloured shapes: a picture of 32 x 32 pixels and a caption each, drawn and worded from a seed.

What a scene shows is drawn first: shapes, colours, sizes, places, background. Its picture adds what no caption tells
(exact position, rotation, shade, light, noise), and its caption what no picture shows (the order of mention, synonyms,
how the sentence is built, whether the background is worth a word).
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

from platometer.cards import fingerprint

SPLITS = ("train", "test")
SIDE = 32  # pixels
_FINE = 4  # drawn this many times larger, then averaged

_COLOURS = {
    "red": (205, 45, 40), "green": (50, 150, 65), "blue": (45, 85, 200), "yellow": (240, 210, 50), "purple": (130, 60, 165),
    "orange": (240, 140, 30), "pink": (245, 150, 185), "white": (245, 245, 240), "black": (25, 25, 28), "brown": (125, 80, 45),
}
_GROUNDS = {
    "night": (45, 48, 75), "meadow": (105, 140, 85), "beach": (215, 195, 155), "sky": (150, 195, 225),
    "street": (128, 128, 128), "sea": (60, 130, 150),
}
_SHAPES = ("circle", "square", "triangle", "star", "cross", "ring")
_SIZES = ("small", "large")
_PLACES = ((0, 0), (1, 0), (0, 1), (1, 1))  # column and row of four quarters

# What is found where: colours and shapes in order of frequency. This is what a learner of either modality can learn.
_USUAL = {
    "night": (("white", "yellow", "purple"), ("star", "circle", "ring")),
    "meadow": (("pink", "red", "yellow"), ("star", "triangle", "circle")),
    "beach": (("orange", "white", "pink"), ("ring", "star", "triangle")),
    "sky": (("white", "red", "blue"), ("cross", "circle", "triangle")),
    "street": (("black", "brown", "red"), ("square", "ring", "cross")),
    "sea": (("blue", "white", "green"), ("triangle", "ring", "square")),
}
_RULE = 0.85  # how often a colour or shape is of the usual ones

_WORDS = {
    "red": ("red", "scarlet", "crimson"), "green": ("green", "emerald"), "blue": ("blue", "azure", "navy"),
    "yellow": ("yellow", "golden"), "purple": ("purple", "violet"), "orange": ("orange", "amber"), "pink": ("pink", "rosy"),
    "white": ("white", "pale", "snowy"), "black": ("black", "sooty"), "brown": ("brown", "chestnut"),
    "circle": ("circle", "disc", "ball"), "square": ("square", "box", "block"), "triangle": ("triangle", "wedge"),
    "star": ("star", "asterisk"), "cross": ("cross", "plus"), "ring": ("ring", "hoop"),
    "small": ("small", "little", "tiny"), "large": ("large", "big"),
    "night": ("at night", "in the dark"), "meadow": ("on grass", "on a meadow"), "beach": ("on sand", "on a beach"),
    "sky": ("in the sky", "in the air"), "street": ("on a street", "on stone"), "sea": ("on water", "at sea"),
    "left": ("left of", "before"), "right": ("right of", "after"), "above": ("above", "over"), "below": ("below", "under"),
    "and": ("and", "with"),
}


@lru_cache(maxsize=4)
def drawn(split: str, n: int, seed: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """Pictures (n, 32, 32, 3) uint8, not to be written to, and their captions.

    Parameters
    ----------
    split : ``"train"`` or ``"test"``; what a scene shows belongs to one of them for good, so no seed puts it in both.
    n : how many scenes; the i-th does not depend on it.
    seed : of the scenes, their pictures and their captions.
    """
    pictures, captions = np.empty((n, SIDE, SIDE, 3), dtype=np.uint8), []
    for i in range(n):
        chance = random.Random(f"shapes {split} {seed} {i}")  # only its random() is used, which no version changes
        scene = _scene(chance, split)
        pictures[i] = _picture(scene, chance)
        captions.append(_caption(scene, chance))
    pictures.flags.writeable = False
    return pictures, tuple(captions)


@dataclass(frozen=True)
class _Thing:
    shape: str
    colour: str
    size: str
    place: tuple[int, int]


@dataclass(frozen=True)
class _Scene:
    things: tuple[_Thing, ...]
    ground: str

    @property
    def split(self) -> str:
        """Where scenes that show this belong: about two thirds to training."""
        told = sorted([t.shape, t.colour, t.size, list(t.place)] for t in self.things)
        return "test" if int(fingerprint(told, self.ground), 16) % 3 == 0 else "train"


def _one(chance: random.Random, options: Sequence):
    return options[int(chance.random() * len(options))]


def _between(chance: random.Random, low: float, high: float) -> float:
    return low + (high - low) * chance.random()


def _scene(chance: random.Random, split: str) -> _Scene:
    """What is shown, drawn until it belongs to the split."""
    while True:
        ground, places, things = _one(chance, list(_GROUNDS)), list(_PLACES), []
        for _ in range(_one(chance, (1, 2, 2, 3))):
            place = places.pop(int(chance.random() * len(places)))
            colours, shapes = _USUAL[ground]
            things.append(_Thing(shape=_some(chance, shapes, _SHAPES), colour=_some(chance, colours, list(_COLOURS)),
                                 size=_one(chance, _SIZES), place=place))
        found = _Scene(tuple(things), ground)
        if found.split == split:
            return found


def _some(chance: random.Random, usual: Sequence[str], every: Sequence[str]) -> str:
    """One of the usual, the first the most often; now and then any."""
    if chance.random() >= _RULE:
        return _one(chance, every)
    return usual[int(len(usual) * chance.random() ** 1.5)]


def _picture(scene: _Scene, chance: random.Random) -> np.ndarray:
    """(32, 32, 3) uint8: shapes on the ground, then light from one side, then noise."""
    image = Image.new("RGB", (SIDE * _FINE, SIDE * _FINE), _shade(_GROUNDS[scene.ground], chance))
    brush = ImageDraw.Draw(image)
    for thing in scene.things:
        x, y = ((8.5 + 15 * side + _between(chance, -1.5, 1.5)) * _FINE for side in thing.place)
        radius = (_between(chance, 3.2, 4.2) if thing.size == "small" else _between(chance, 6.2, 7.4)) * _FINE
        _draw(brush, thing.shape, x, y, radius, _between(chance, -0.4, 0.4), _shade(_COLOURS[thing.colour], chance))
    pixels = np.asarray(image.reduce(_FINE)).astype(np.float64)
    angle, strength = _between(chance, 0, 2 * math.pi), _between(chance, 0, 0.2)
    slope = np.linspace(-1, 1, SIDE)
    light = 1 + strength * (math.cos(angle) * slope[None, :] + math.sin(angle) * slope[:, None])
    raw = np.random.Philox(key=int(chance.random() * 2**53)).random_raw(pixels.size // 8)
    noise = raw.astype("<u8").view(np.uint8).reshape(pixels.shape) / 255 - 0.5
    return np.clip(pixels * light[..., None] + 24 * noise, 0, 255).round().astype(np.uint8)


def _shade(colour: tuple[int, int, int], chance: random.Random) -> tuple[int, ...]:
    return tuple(min(255, max(0, round(value + _between(chance, -12, 12)))) for value in colour)


def _draw(
    brush: ImageDraw.ImageDraw, shape: str, x: float, y: float, radius: float, turn: float, colour: tuple[int, ...]
) -> None:
    if shape in ("circle", "ring"):
        box = (x - radius, y - radius, x + radius, y + radius)
        if shape == "circle":
            brush.ellipse(box, fill=colour)
        else:
            brush.ellipse(box, outline=colour, width=round(radius * 0.42))
        return
    if shape == "cross":
        arm = 0.36
        corners = [(arm, -1), (arm, -arm), (1, -arm), (1, arm), (arm, arm), (arm, 1), (-arm, 1), (-arm, arm), (-1, arm),
                   (-1, -arm), (-arm, -arm), (-arm, -1)]
    else:
        count, inner, start = {"square": (4, None, 0.25), "triangle": (3, None, 0.5), "star": (5, 0.45, 0.5)}[shape]
        tips = [(1.0, 2 * k / count - start) for k in range(count)]  # radius, and angle in half turns
        if inner is not None:
            tips = [tip for r, at in tips for tip in ((r, at), (inner, at + 1 / count))]
        corners = [(r * math.cos(math.pi * at), r * math.sin(math.pi * at)) for r, at in tips]
    c, s = math.cos(turn) * radius, math.sin(turn) * radius
    brush.polygon([(x + c * u - s * v, y + s * u + c * v) for u, v in corners], fill=colour)


def _caption(scene: _Scene, chance: random.Random) -> str:
    """One sentence: things in any order, how two of them lie, and mostly where; single blanks between words."""
    things, nouns = list(scene.things), []
    if chance.random() < 0.5:
        things.reverse()
    for thing in things:
        nouns.append(f"a {_word(chance, thing.size)} {_word(chance, thing.colour)} {_word(chance, thing.shape)}")
    lie = _relation(things[0], things[1]) if len(things) == 2 else "and"
    ground = _word(chance, scene.ground)
    sentence = nouns[0] + "".join(f" {_word(chance, lie)} {noun}" for noun in nouns[1:])
    if chance.random() < 0.2:  # where it is goes without saying
        return sentence
    return f"{ground} {sentence}" if chance.random() < 0.3 else f"{sentence} {ground}"


def _word(chance: random.Random, meaning: str) -> str:
    return _one(chance, _WORDS[meaning])


def _relation(one: _Thing, other: _Thing) -> str:
    if one.place[0] != other.place[0]:
        return "left" if one.place[0] < other.place[0] else "right"
    return "above" if one.place[1] < other.place[1] else "below"
