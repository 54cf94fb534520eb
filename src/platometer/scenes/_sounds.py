"""Sounds of scenes: half a second of what is around, and of every thing a short noise of its own kind.

What is around: the place is a colour of noise (traffic hums low in the street, waves swell at the harbour), rain hisses, snow
muffles, crickets sing at night and cicadas at noon, frogs croak in the evening, a lark trills in the morning, water drips in
spring, leaves rustle in autumn. Of the things: the kind is what is heard, the size how low, the place from left to right when,
the depth how loud. Colours cannot be heard; mood and symmetry only through what they follow from.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np

from platometer.scenes import _chance, _known
from platometer.scenes._events import Events, Thing

RATE = 8000
_N = 4000
_LONG = 1000  # samples of a thing's noise, 1/8 s
_TURN = (2 * np.pi * np.arange(_N) / RATE).astype(np.float32)  # of 1 Hz
_SINGERS = {"morning": "lark", "noon": "cicadas", "evening": "frogs", "night": "crickets"}
_PITCHES = {"small": 1.3, "middling": 1.0, "large": 0.77}
# Ambience of a place: centre (Hz) and width (octaves) of its noise, level, swells per second.
_PLACES = {
    "meadow": (900, 1.2, 0.7, 2.0), "forest": (1800, 0.8, 0.8, 3.0), "street": (120, 0.8, 1.6, 0.0),
    "desert": (420, 0.5, 0.6, 1.0), "harbour": (600, 1.6, 1.3, 4.0), "mountain": (260, 0.6, 1.1, 6.0),
    "garden": (2600, 0.6, 0.5, 2.5), "park": (1300, 0.4, 0.6, 0.0),
}


def sounds(events: Events, *, seed: int = 0) -> np.ndarray:
    """(n, 4000) float32 in [-1, 1]: half a second at ``RATE`` Hz of each event, which depends on its id and the seed only.

    Gain, background noise and small shifts of pitch and time are the recording's own.

    Parameters
    ----------
    events : n scenes.
    seed : another seed, another recording of the same scene.

    Raises
    ------
    SpecError
        A world with places, kinds, sizes or times that have no sound.

    Examples
    --------
    >>> from platometer import scenes
    >>> scenes.sounds(scenes.world().sample(3)).shape
    (3, 4000)
    """
    _known.ask(events, {"place": _PLACES, "kind": _noises(), "size": _PITCHES, "time": _SINGERS}, "sounds")
    return np.stack([_sound(events, i, seed) for i in range(len(events))])


def _sound(events: Events, i: int, seed: int) -> np.ndarray:
    scene = events[i]
    chance = _chance.of("sound", scene.id, seed)
    heard = _around(scene.values, chance)
    for thing in scene.things:
        _add(heard, thing, chance)
    if scene["weather"] == "snow":
        heard = np.convolve(heard, np.full(4, 0.25, np.float32), mode="same")
    heard += np.float32(chance.uniform(0.005, 0.03)) * chance.standard_normal(_N, dtype=np.float32)
    return np.tanh(np.float32(chance.uniform(0.6, 1.2)) * heard)


def _add(heard: np.ndarray, thing: Thing, chance: np.random.Generator) -> None:
    """What the thing is heard as, early on the left and late on the right."""
    pitch = _PITCHES[thing.size] * np.exp(0.03 * chance.standard_normal())
    start = 0.5 * (thing.x + 1) * (_N - 1.4 * _LONG) + 60 * chance.standard_normal()
    long = int(_LONG / pitch)
    start = int(np.clip(start, 0, _N - long))
    noise = np.interp(np.arange(long) * pitch, np.arange(_LONG), _noises()[thing.kind])
    heard[start : start + long] += 0.8 / (1 + 1.5 * thing.depth) * noise


def _around(values: Mapping[str, str], chance: np.random.Generator) -> np.ndarray:
    """Place, weather, time and season."""
    centre, width, level, swells = _PLACES[values["place"]]
    noise = np.fft.rfft(chance.standard_normal(_N, dtype=np.float32))
    made = level * np.fft.irfft(noise * _band(centre, width), _N)
    phase = np.float32(2 * np.pi * chance.random())
    if swells:
        made *= 1 + 0.8 * np.sin(swells * _TURN + phase)
    if values["weather"] == "rain":
        made += 0.9 * np.fft.irfft(noise[::-1] * _band(3200, 0.4), _N)
    elif values["weather"] == "cloudy":
        made += 0.7 * np.fft.irfft(noise[::-1] * _band(60, 0.6), _N)
    made *= 0.12
    made += 0.06 * _singing(values["time"], phase, np.float32(1 + 0.02 * chance.standard_normal()))
    for at in chance.integers(0, _N - 300, 5 if values["season"] in _SMALL else 0):
        made[at : at + 300] += 0.12 * _SMALL[values["season"]]
    return made


def _singing(time: str, phase: np.float32, pitch: np.float32) -> np.ndarray:
    """(4000,) of peak about 1."""
    singer = _SINGERS[time]
    if singer == "lark":
        return np.sin(2900 * pitch * _TURN + 12 * np.sin(9 * _TURN + phase)) * (np.sin(5 * _TURN + phase) > 0)
    if singer == "cicadas":
        return np.sin(2250 * pitch * _TURN) * (0.5 + 0.5 * np.sin(90 * _TURN + phase))
    if singer == "frogs":
        return np.sin(520 * pitch * _TURN) * np.maximum(np.sin(24 * _TURN), 0) * (np.sin(6 * _TURN + phase) > 0)
    return np.sin(3600 * pitch * _TURN) * np.maximum(np.sin(36 * _TURN + phase), 0)


@cache
def _band(centre: float, width: float) -> np.ndarray:
    """(2001,) gains about a centre, of unit power on white noise."""
    octaves = np.log2(np.maximum(np.fft.rfftfreq(_N, 1 / RATE), 1) / centre)
    gain = np.exp(-0.5 * (octaves / width) ** 2)
    return (gain / np.sqrt((gain**2).mean())).astype(np.float32)


def _fading(samples: int, fall: float) -> np.ndarray:
    """A quick rise and a fall by e every `fall` seconds."""
    t = np.arange(samples) / RATE
    return np.minimum(t / 0.004, 1) * np.exp(-t / fall)


_CHIP = np.sin(2 * np.pi * np.cumsum(np.linspace(1500, 900, 300)) / RATE) * _fading(300, 0.006)
_RUSTLE = np.random.Generator(np.random.Philox(5)).standard_normal(300) * np.hanning(300) * 0.6
_SMALL = {"spring": _CHIP, "autumn": _RUSTLE}  # five of them, anywhere


@cache
def _noises() -> dict[str, np.ndarray]:
    """kind -> (1000,) of peak 1."""
    t = np.arange(_LONG) / RATE
    swell = np.hanning(_LONG)
    rough = np.random.Generator(np.random.Philox(11)).standard_normal(_LONG)

    def tone(f: float | np.ndarray, harmonics: tuple[float, ...] = (1.0,)) -> np.ndarray:
        phase = 2 * np.pi * np.cumsum(np.broadcast_to(f, (_LONG,))) / RATE
        return np.array(harmonics) @ np.sin(np.outer(np.arange(1, len(harmonics) + 1), phase))

    def filtered(centre: float, width: float) -> np.ndarray:
        octaves = np.log2(np.maximum(np.fft.rfftfreq(_LONG, 1 / RATE), 1) / centre)
        return np.fft.irfft(np.fft.rfft(rough) * np.exp(-0.5 * (octaves / width) ** 2), _LONG)

    def struck(*, at: tuple[float, ...], of: np.ndarray, fall: float) -> np.ndarray:
        made = np.zeros(_LONG)
        for rank, start in enumerate(at):
            first = int(start * RATE)
            made[first:] += 0.8**rank * of[: _LONG - first] * _fading(_LONG - first, fall)
        return made

    falling = np.linspace(1, 0, _LONG)
    made = {
        "tree": filtered(2400, 0.3) * swell * (1 + np.sin(2 * np.pi * 30 * t)),  # leaves
        "flower": tone(230 + 15 * np.sin(2 * np.pi * 12 * t), (1, 0.8, 0.6, 0.5, 0.4, 0.3)) * swell,  # a bee
        "cactus": struck(at=(0, 0.03, 0.06, 0.09), of=filtered(1600, 0.2), fall=0.006),  # spines plucked
        "rock": struck(at=(0,), of=tone(85, (1, 0.5)), fall=0.04),  # a thud
        "house": struck(at=(0, 0.06), of=tone(190, (1, 0, 0.4)), fall=0.015),  # two knocks
        "tower": struck(at=(0,), of=tone(440) + 0.7 * tone(1214) + 0.5 * tone(1790), fall=0.06),  # a bell
        "tent": filtered(500, 0.4) * (np.sin(2 * np.pi * 22 * t) > 0) * swell,  # canvas
        "boat": tone(150, (1, 0.9, 0.8, 0.6, 0.4, 0.3)) * np.minimum(swell * 3, 1),  # a horn
        "car": tone(62, (1,) * 12) * (0.6 + 0.4 * falling),  # an engine
        "lamp": (tone(100, (0, 1, 0, 0.6)) + 0.8 * tone(1000, (1, 0.5, 0.3))) * np.minimum(swell * 4, 1),  # mains
        "person": tone(125, (0.3, 0.4, 0.5, 0.7, 1, 0.8, 0.4, 0.3, 0.4, 0.5, 0.3)) * swell,  # a vowel
        "dog": struck(at=(0, 0.065), of=tone(620 - 250 * (1 - falling), (1, 0.8, 0.5)) + 0.4 * rough, fall=0.025),  # barks
        "cow": tone(165 - 45 * (1 - falling), (0.5, 1, 0.9, 0.3, 0.1)) * swell,  # a moo
        "bird": tone(1900 + 1300 * np.abs(np.sin(2 * np.pi * 12 * t))) * swell,  # chirps
        "ball": struck(at=(0, 0.05, 0.085), of=tone(320 - 60 * (1 - falling), (1, 0.2)), fall=0.012),  # bounces
        "kite": tone(1150 + 120 * np.sin(2 * np.pi * 20 * t)) * swell,  # a whistle
    }
    return {kind: noise / np.abs(noise).max() for kind, noise in made.items()}
