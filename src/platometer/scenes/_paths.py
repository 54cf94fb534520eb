"""Paths through scenes: how a robot that starts at the lower middle visits every thing, the nearer first, the left first.

Of each thing it keeps a distance that its kind sets, walks round it on a side that its kind sets too, the further round the
larger it is. The ground it goes on wiggles its path, as the place sets; rain and snow slow it; the time of day shapes its
speed. What a path cannot tell: colours, season, and which of the kinds of one distance and side a thing is (``WAYS``); mood
and symmetry only through what they follow from.
"""

from __future__ import annotations

import numpy as np

from platometer.scenes import _chance, _known
from platometer.scenes._events import Events, Scene

STEPS = 64
WAYS = {  # kind -> (distance kept, side: 1 leaves it on the left, -1 on the right)
    "flower": (0.02, 1), "ball": (0.02, -1), "person": (0.02, 1), "kite": (0.02, -1),
    "tree": (0.09, 1), "house": (0.09, -1), "lamp": (0.09, 1), "boat": (0.09, -1),
    "rock": (0.16, 1), "tent": (0.16, -1), "tower": (0.16, 1), "bird": (0.16, -1),
    "cactus": (0.24, 1), "dog": (0.24, -1), "cow": (0.24, 1), "car": (0.24, -1),
}
_ROUNDS = {"small": 0.15, "middling": 0.5, "large": 1.0}  # how far round, in turns
_GROUNDS = {  # place -> (speed, height of the wiggle, wiggles along the way)
    "meadow": (1.0, 0.025, 4), "forest": (0.8, 0.05, 10), "street": (1.2, 0.0, 0), "desert": (0.75, 0.06, 3),
    "harbour": (1.05, 0.015, 14), "mountain": (0.65, 0.045, 18), "garden": (0.85, 0.025, 12), "park": (1.1, 0.015, 6),
}
_WEATHERS = {"clear": 1.0, "cloudy": 0.9, "rain": 0.7, "snow": 0.5}
_ARC = np.linspace(0, 1, 12)


def paths(events: Events, *, seed: int = 0) -> np.ndarray:
    """(n, 64, 2) float32: where the robot is at 64 moments, from left to right and from near to far.

    Each depends on its event's id and the seed only. Where it starts, which way it looks and how its motors slip are its own.

    Parameters
    ----------
    events : n scenes.
    seed : another seed, another walk through the same scene.

    Raises
    ------
    SpecError
        A world with places, kinds, sizes or weathers that set no way.

    Examples
    --------
    >>> from platometer import scenes
    >>> scenes.paths(scenes.world().sample(3)).shape
    (3, 64, 2)
    """
    _known.ask(events, {"kind": WAYS, "size": _ROUNDS, "place": _GROUNDS, "weather": _WEATHERS}, "paths")
    return np.stack([_path(events[i], _chance.of("path", events.ids[i], seed)) for i in range(len(events))])


def _path(scene: Scene, chance: np.random.Generator) -> np.ndarray:
    start = np.array([0.0, -0.25]) + 0.04 * chance.standard_normal(2)
    way = _way(scene, start)
    length = np.concatenate([[0], np.hypot(*np.diff(way, axis=0).T).cumsum()])
    speed, height, wiggles = _GROUNDS[scene["place"]]
    gone = 6.0 * speed * _WEATHERS[scene["weather"]] * _gone(scene["time"]) * np.exp(0.04 * chance.standard_normal())
    gone = np.minimum(gone, length[-1])  # once there, it waits
    at = np.stack([np.interp(gone, length, way[:, 0]), np.interp(gone, length, way[:, 1])], axis=1)
    ahead = np.stack([np.interp(gone + 0.05, length, way[:, 0]), np.interp(gone + 0.05, length, way[:, 1])], axis=1) - at
    aside = np.stack([-ahead[:, 1], ahead[:, 0]], axis=1) / (np.hypot(*ahead.T)[:, None] + 0.02)
    at = at + height * np.sin(2 * np.pi * (wiggles * gone / 4 + chance.random()))[:, None] * aside
    turn = 0.06 * chance.standard_normal()
    heading = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    slips = 0.004 * chance.standard_normal((STEPS, 2)).cumsum(0)
    return ((at - start) @ heading.T + start + slips).astype(np.float32)


def _way(scene: Scene, start: np.ndarray) -> np.ndarray:
    """(points, 2) from the start by every thing."""
    points = [start[None]]
    for thing in sorted(scene.things, key=lambda thing: (thing.depth, thing.x)):
        centre = np.array([thing.x, thing.depth])
        come = points[-1][-1] - centre
        distance, side = WAYS[thing.kind]
        angles = np.arctan2(come[1], come[0]) + side * 2 * np.pi * _ROUNDS[thing.size] * _ARC
        points.append(centre + distance * np.stack([np.cos(angles), np.sin(angles)], axis=1))
    return np.concatenate(points)


def _gone(time: str) -> np.ndarray:
    """(64,) from 0 to 1, the share of the way: faster and faster in the morning, slower in the evening, halting at night."""
    t = np.linspace(0, 1, STEPS)
    if time == "morning":
        return t**1.6
    if time == "evening":
        return 1 - (1 - t) ** 1.6
    return 0.8 * (t + np.sin(2 * np.pi * 5 * t) / (2 * np.pi * 5)) if time == "night" else t
