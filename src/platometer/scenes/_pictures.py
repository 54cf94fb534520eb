"""Pictures of scenes: drawn with paths on a finer canvas, from a viewpoint, in a light and with a clutter of their own.

What a scene says (place, season, time, weather, each thing's kind, colour, size and where it stands) can be seen. What the
picture adds tells nothing of it: camera shift, zoom and roll, the horizon's height, exposure and tint of the light, the hue
of each thing within its colour, texture, noise, clutter, and now and then something close that hides a part. Pictures are
never mirrored, because left and right are said.
"""

from __future__ import annotations

import colorsys
import hashlib
import math
from collections.abc import Callable, Collection
from dataclasses import replace
from random import Random

import numpy as np
from PIL import Image, ImageDraw

from platometer.errors import SpecError, suggestion
from platometer.scenes import _places
from platometer.scenes._events import Events, Scene, Thing
from platometer.scenes._kinds import DRAWN, HEIGHTS, WIDTHS
from platometer.scenes._pen import Colour, Pen, canvas, mixed, shaded

SIDE = 48
_FINE = 144  # cells of a small picture's canvas, at least
_COLOURS: dict[str, Colour] = {
    "red": (208, 44, 42), "orange": (238, 132, 34), "yellow": (244, 208, 56), "green": (58, 146, 64), "blue": (44, 96, 204),
    "purple": (132, 66, 172), "brown": (124, 80, 46), "white": (242, 240, 234), "grey": (140, 142, 146), "black": (38, 38, 44),
}
_SIZES = {"small": 0.66, "middling": 1.0, "large": 1.46}


def pictures(
    events: Events, *, seed: int = 0, side: int = SIDE, track: Callable[[int, int, str], None] | None = None
) -> np.ndarray:
    """(n, side, side, 3) uint8: a picture of every scene, each by itself.

    Parameters
    ----------
    events : n scenes.
    seed : another seed, other viewpoints, light and clutter of the same scenes.
    side : pixels; at least 8. A larger side shows the same picture finer.
    track : told (done, n, "pictures") now and then.

    Raises
    ------
    SpecError
        side < 8, or a scene of a world whose places, kinds or colours this hand cannot draw.

    Examples
    --------
    >>> from platometer import scenes
    >>> scenes.pictures(scenes.world().sample(2)).shape
    (2, 48, 48, 3)
    """
    made = np.empty((len(events), side, side, 3), dtype=np.uint8)
    for i in range(len(events)):
        made[i] = picture(events[i], seed=seed, side=side)
        if track is not None and (i % 500 == 499 or i == len(events) - 1):
            track(i + 1, len(events), "pictures")
    return made


def picture(scene: Scene, *, seed: int = 0, side: int = SIDE) -> np.ndarray:
    """(side, side, 3) uint8: the picture of one scene.

    Parameters
    ----------
    scene : what is to be seen.
    seed : see `pictures`.
    side : pixels.

    Raises
    ------
    SpecError
        See `pictures`.
    """
    if side < 8:
        raise SpecError(f"side = {side}; expected at least 8 pixels.")
    _drawable(scene)
    number = int.from_bytes(hashlib.blake2b(f"{scene.id} {seed}".encode(), digest_size=8).digest(), "little")
    chance = Random(number)
    times = max(2, math.ceil(_FINE / side))
    image, draw = canvas(side * times)
    pen, level = _camera(draw, side * times, chance), chance.uniform(0.36, 0.54)
    _scenery(image, pen, level, scene, chance)
    return _developed(np.asarray(image.reduce(times), dtype=np.float32), scene["time"] == "night", chance, number)


def _drawable(scene: Scene) -> None:
    """The words of the scene are all among those that have a drawing."""
    asked: list[tuple[str, str, Collection[str]]] = [
        ("place", scene["place"], _places.BACKDROPS), ("season", scene["season"], _places.SEASONS),
        ("time", scene["time"], _places.SKIES), ("weather", scene["weather"], _places.OVERCAST),
    ]
    for thing in scene.things:
        asked += [("kind", thing.kind, DRAWN), ("colour", thing.colour, _COLOURS), ("size", thing.size, _SIZES)]
    for attribute, word, known in asked:
        if word not in known:
            raise SpecError(f"{attribute} {word!r} has no drawing. {suggestion(word, known)}")


def _camera(draw: ImageDraw.ImageDraw, cells: int, chance: Random) -> Pen:
    """From (u, v), which are (0, 0) to (1, 1) in a picture taken straight, to cells: shifted, zoomed, rolled."""
    zoom, roll = chance.uniform(0.86, 1.12) * cells, math.radians(chance.uniform(-5, 5))
    a, b = zoom * math.cos(roll), zoom * math.sin(roll)
    x, y = (0.5 + chance.uniform(-0.07, 0.07)) * cells, (0.5 + chance.uniform(-0.05, 0.05)) * cells
    return Pen(draw, (a, -b, x - (a - b) / 2, b, a, y - (a + b) / 2))


def _scenery(image: Image.Image, pen: Pen, level: float, scene: Scene, chance: Random) -> None:
    place, season, time, weather = (scene[name] for name in ("place", "season", "time", "weather"))
    above, low, light = _places.sky(time, weather)
    above, low = _strayed(above, chance, 0.25), _strayed(low, chance, 0.25)
    far, near = (_strayed(colour, chance, 0.4) for colour in _places.ground(place, season, weather))
    cells = image.size[0]
    image.paste(_graded(above, low, cells, 0.0, level))
    pen = Pen(pen.draw, pen.frame, light=light, air=mixed(low, (128, 128, 128), 0.2))
    land = pen.at(0.5, level, 1.0)
    _places.heavens(land, time, weather, chance)
    mask = Image.new("L", image.size)
    ImageDraw.Draw(mask).polygon(land.cells(((-1, 0.0), (1, 0.0), (1, -1.2), (-1, -1.2))), fill=255)
    image.paste(_graded(land.ink(far)[:3], land.ink(near)[:3], cells, level, 1.0), mask=mask)
    _places.backdrop(land, place, season, weather, time, chance)
    _clutter(land, near, chance)
    lit = replace(pen, light=mixed(light, (1.0, 1.0, 1.0), 0.3))  # what stands in front keeps more of its colour
    for thing in sorted(scene.things, key=lambda thing: -thing.depth):
        _thing(lit, level, thing, chance, time, weather)
    _places.falling(pen.at(0.5, 0.5, 1.0), weather, chance)
    _places.foreground(pen.at(0.5, 0.45, 1.0), near, chance)


def _graded(top: tuple[float, ...], bottom: tuple[float, ...], cells: int, start: float, stop: float) -> Image.Image:
    """From one colour to the other between two heights, as wide as the canvas."""
    share = np.clip((np.arange(cells) / cells - start) / (stop - start), 0, 1)[:, None]
    column = np.asarray(top) * (1 - share) + np.asarray(bottom) * share
    return Image.fromarray(np.clip(column, 0, 255).astype(np.uint8)[:, None]).resize((cells, cells), Image.Resampling.NEAREST)


def _clutter(land: Pen, near: Colour, chance: Random) -> None:
    """Pebbles and tufts of the ground's own colour, anywhere."""
    for _ in range(chance.randint(6, 16)):
        x, far = chance.uniform(-0.65, 0.65), chance.random()
        y, r = -0.05 - 0.5 * far, 0.008 + 0.016 * far
        colour = shaded(near, chance.uniform(-0.35, 0.3))
        if chance.random() < 0.5:
            land.oval(x, y, r, r * 0.5, colour)
        else:
            for dx in (-0.7, 0.0, 0.8):
                land.path(((x - r * 0.3, y), (x + dx * r, y + r * 2), (x + r * 0.3, y)), colour)


def _thing(pen: Pen, level: float, thing: Thing, chance: Random, time: str, weather: str) -> None:
    """A thing and its shadow where x and depth put it: what is farther stands higher and is smaller."""
    away = 1 / (1 + 1.15 * thing.depth)
    x = 0.5 + 0.40 * thing.x * away**0.25 + chance.uniform(-0.02, 0.02)
    y = level + (0.95 - level) * (away - 0.2) / 0.8 + chance.uniform(-0.012, 0.012)
    size = HEIGHTS[thing.kind] * _SIZES[thing.size] * (away / 0.68) * chance.uniform(0.93, 1.07)
    here = pen.at(x, y, size, facing=chance.choice((-1, 1)), lean=math.radians(chance.uniform(-3, 3)), haze=0.22 * thing.depth)
    strength = {"clear": 0.36, "cloudy": 0.24, "rain": 0.2, "snow": 0.18}[weather] * (0.7 if time == "night" else 1.0)
    if wide := WIDTHS[thing.kind]:
        shift = {"morning": 0.25, "noon": 0.0, "evening": -0.25, "night": 0.05}[time] * wide
        pen.at(x, y, size).oval(shift, 0.0, wide * 1.1, wide * 0.22 + 0.02, (10, 14, 24), strength)
    DRAWN[thing.kind](here, _hued(_COLOURS[thing.colour], chance), chance, time == "night")


def _strayed(colour: Colour, chance: Random, most: float) -> Colour:
    """The colour with up to this share of some other colour in it."""
    other = (chance.uniform(30, 225), chance.uniform(30, 225), chance.uniform(30, 225))
    grey = sum(colour) / max(sum(other), 1.0)  # as bright
    return mixed(colour, (other[0] * grey, other[1] * grey, other[2] * grey), chance.uniform(0, most))


def _hued(colour: Colour, chance: Random) -> Colour:
    """The colour, a little other in hue, saturation and value."""
    h, s, v = colorsys.rgb_to_hsv(*(c / 255 for c in colour))
    h, s, v = h + chance.uniform(-0.018, 0.018), s * chance.uniform(0.82, 1.1), v * chance.uniform(0.88, 1.1)
    r, g, b = colorsys.hsv_to_rgb(h % 1, min(s, 1), min(v, 1))
    return r * 255, g * 255, b * 255


def _developed(x: np.ndarray, night: bool, chance: Random, number: int) -> np.ndarray:
    """Exposure, tint, slow texture and grain, none of which tells of the scene."""
    side = len(x)
    noise = np.random.Generator(np.random.Philox(number))
    exposure = chance.uniform(0.74, 1.22)
    gain = np.array([exposure * chance.uniform(0.88, 1.12) for _ in range(3)], dtype=np.float32)
    cloth = Image.fromarray(noise.integers(0, 256, (7, 7), dtype=np.uint8)).resize((side, side), Image.Resampling.BICUBIC)
    x *= (0.93 + np.asarray(cloth, dtype=np.float32) * np.float32(0.14 / 255))[..., None] * gain
    x += noise.standard_normal(x.shape, dtype=np.float32) * np.float32(chance.uniform(2, 8) * min(1.0, SIDE / side))
    x += np.float32(chance.uniform(-6, 10))
    return np.clip(x, 0, 255).astype(np.uint8)
