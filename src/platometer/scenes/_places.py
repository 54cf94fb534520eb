"""What is behind and above the things: sky by time and weather, land by place and season. `y` is up from the horizon."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random

from platometer.scenes._kinds import BROWN, DARK, LAMPLIGHT
from platometer.scenes._pen import Colour, Pen, mixed, shaded

SKIES: dict[str, tuple[Colour, Colour]] = {  # above, at the horizon
    "morning": ((112, 160, 222), (255, 216, 192)), "noon": ((58, 134, 226), (188, 226, 248)),
    "evening": ((84, 72, 148), (255, 142, 70)), "night": ((8, 12, 38), (40, 50, 98)),
}
LIGHTS: dict[str, Colour] = {
    "morning": (1.0, 0.95, 0.9), "noon": (1.06, 1.05, 1.02), "evening": (1.0, 0.8, 0.66), "night": (0.54, 0.6, 0.8),
}
OVERCAST: dict[str, tuple[Colour, float, float]] = {  # grey of the sky, its share, and what it leaves of the light
    "clear": ((0, 0, 0), 0.0, 1.0), "cloudy": ((186, 194, 206), 0.45, 0.93), "rain": ((104, 114, 130), 0.72, 0.8),
    "snow": ((206, 212, 222), 0.62, 0.96),
}
_BRIGHT = {"morning": 0.95, "noon": 1.0, "evening": 0.72, "night": 0.26}
_GROUNDS: dict[str, tuple[Colour, Colour, float]] = {  # far, near, how much it changes with the season
    "meadow": ((156, 194, 92), (92, 158, 60), 1.0), "forest": ((86, 108, 58), (58, 80, 42), 1.0),
    "street": ((128, 128, 134), (90, 90, 98), 0.12), "desert": ((240, 210, 146), (222, 176, 100), 0.1),
    "harbour": ((180, 168, 150), (150, 138, 120), 0.12), "mountain": ((136, 142, 118), (110, 112, 92), 0.6),
    "garden": ((128, 194, 92), (76, 156, 62), 1.0), "park": ((136, 194, 104), (92, 166, 78), 1.0),
}
SEASONS: dict[str, tuple[Colour, float]] = {
    "spring": ((150, 214, 90), 0.35), "summer": ((90, 150, 50), 0.2), "autumn": ((196, 138, 58), 0.55),
    "winter": ((196, 198, 204), 0.6),
}
_LEAVES: dict[str, Colour] = {
    "spring": (138, 196, 92), "summer": (62, 130, 58), "autumn": (206, 118, 44), "winter": (134, 122, 112),
}
_SNOW: Colour = (218, 225, 236)


def sky(time: str, weather: str) -> tuple[Colour, Colour, Colour]:
    """Colours above and at the horizon, and the light on everything."""
    grey, share, left = OVERCAST[weather]
    grey = mixed((0, 0, 0), grey, _BRIGHT[time])
    above, low = SKIES[time]
    r, g, b = LIGHTS[time]
    return mixed(above, grey, share), mixed(low, grey, share * 0.9), (r * left, g * left, b * left)


def ground(place: str, season: str, weather: str) -> tuple[Colour, Colour]:
    """Colours of the ground far and near."""
    far, near, changes = _GROUNDS[place]
    tint, share = SEASONS[season]
    snow = 0.8 if weather == "snow" else 0.0
    return mixed(mixed(far, tint, share * changes), _SNOW, snow), mixed(mixed(near, tint, share * changes), _SNOW, snow)


def heavens(pen: Pen, time: str, weather: str, chance: Random) -> None:
    """Sun, moon and stars where they can be seen, and clouds."""
    x = chance.uniform(-0.36, 0.36)
    if weather in ("clear", "cloudy"):
        if time == "night":
            for _ in range(22 if weather == "clear" else 6):
                r = chance.uniform(0.003, 0.008)
                pen.oval(chance.uniform(-0.6, 0.6), chance.uniform(0.1, 0.55), r, r, (255, 255, 236), glows=True)
            pen.oval(x, 0.33, 0.06, 0.06, (246, 242, 214), glows=True)
            pen.oval(x + 0.028, 0.342, 0.05, 0.05, (20, 26, 58), glows=True)
        else:
            y, r, colour = {"morning": (0.12, 0.06, (255, 236, 170)), "noon": (0.35, 0.055, (255, 250, 214)),
                            "evening": (0.05, 0.085, (255, 206, 92))}[time]
            for wider, alpha in ((2.2, 0.18), (1.5, 0.3), (1.0, 1.0 if weather == "clear" else 0.6)):
                pen.oval(x, y, r * wider, r * wider, colour, alpha, glows=True)
    number = {"clear": chance.choice((0, 1, 2)), "cloudy": 6, "rain": 7, "snow": 4}[weather]
    tone = _BRIGHT[time] if weather != "clear" else 0.3 + 0.7 * _BRIGHT[time]
    white = mixed((0, 0, 0), {"clear": (255, 252, 248), "cloudy": (238, 240, 245), "rain": (84, 92, 108),
                              "snow": (226, 230, 238)}[weather], tone)
    for _ in range(number):
        _cloud(pen, chance, white, 0.05 if weather == "clear" else 0.085)


def _cloud(pen: Pen, chance: Random, colour: Colour, size: float) -> None:
    x, y, size = chance.uniform(-0.6, 0.6), chance.uniform(0.16, 0.5), size * chance.uniform(0.7, 1.3)
    for dx, dy, r in ((-1.3, 0, 0.75), (1.2, -0.05, 0.7), (0.45, 0.3, 0.95), (-0.4, 0.2, 1.1)):
        pen.oval(x + dx * size, y + dy * size, r * size * 1.35, r * size * 0.75, shaded(colour, -0.06 if dy < 0.1 else 0.0),
                 0.85, glows=True)


def backdrop(pen: Pen, place: str, season: str, weather: str, time: str, chance: Random) -> None:
    """What the place is known by."""
    leaf = mixed(_LEAVES[season], _SNOW, 0.55 if weather == "snow" else 0.0)
    BACKDROPS[place](pen, leaf, chance, time == "night", weather == "snow")


def _hills(pen: Pen, colour: Colour, chance: Random, high: float, waves: float) -> None:
    phase = chance.uniform(0, 6.3)
    tops = [(-0.85 + 0.1 * i, high * (0.55 + 0.45 * math.sin(phase + waves * 0.1 * i))) for i in range(18)]
    pen.path(((-0.85, -0.02), *tops, (0.85, -0.02)), colour)


def _meadow(pen: Pen, leaf: Colour, chance: Random, night: bool, snow: bool) -> None:
    _hills(pen, mixed(leaf, (130, 170, 170), 0.4), chance, 0.12, 5)
    _hills(pen, mixed(leaf, (170, 200, 100), 0.35), chance, 0.06, 8)
    for _ in range(0 if snow else 26):
        far = chance.random()
        y = -0.04 - 0.5 * far * far
        pen.oval(chance.uniform(-0.65, 0.65), y, 0.006 + 0.01 * far, 0.005 + 0.008 * far,
                 chance.choice(((250, 240, 200), (246, 214, 80), (236, 150, 170), (190, 150, 220))), 0.9)


def _forest(pen: Pen, leaf: Colour, chance: Random, night: bool, snow: bool) -> None:
    for row, (by, high) in enumerate(((-0.5, 0.34), (-0.3, 0.26))):
        colour = shaded(mixed(leaf, (40, 84, 56), 0.55), by)
        if snow:
            colour = mixed(colour, _SNOW, 0.3)
        x = -0.8 + chance.uniform(0, 0.06)
        while x < 0.8:
            w, h = chance.uniform(0.07, 0.1), high * chance.uniform(0.8, 1.25)
            pen.path(((x - w, -0.01), (x - w * 0.35, h * 0.5), (x - w * 0.6, h * 0.47), (x, h), (x + w * 0.6, h * 0.47),
                      (x + w * 0.35, h * 0.5), (x + w, -0.01)), shaded(colour, chance.uniform(-0.15, 0.1)))
            x += w * (1.0 if row else 1.2)
    for x in (chance.uniform(-0.58, -0.4), chance.uniform(0.42, 0.58)):
        pen.box(x - 0.022, -0.08, x + 0.022, 0.6, shaded(BROWN, -0.35))


def _street(pen: Pen, leaf: Colour, chance: Random, night: bool, snow: bool) -> None:
    x = -0.85
    while x < 0.85:
        w, h = chance.uniform(0.12, 0.2), chance.uniform(0.2, 0.4)
        wall = chance.choice(((168, 130, 116), (150, 146, 150), (190, 176, 152), (124, 134, 150), (160, 110, 96)))
        pen.box(x, -0.02, x + w, h, wall)
        pen.box(x, h - 0.02, x + w, h, _SNOW if snow else shaded(wall, -0.3))
        for i in range(3):
            for j in range(int(h / 0.085)):
                on = night and chance.random() < 0.6
                pen.box(x + w * (0.12 + 0.3 * i), 0.03 + 0.08 * j, x + w * (0.28 + 0.3 * i), 0.075 + 0.08 * j,
                        LAMPLIGHT if on else (76, 90, 110), glows=on)
        x += w
    pen.box(-0.9, -0.07, 0.9, -0.01, _SNOW if snow else (176, 170, 164))
    pen.box(-0.9, -0.08, 0.9, -0.065, (120, 116, 112))
    shift = chance.uniform(-0.1, 0.1)
    for i in range(6):
        x = -0.8 + 0.3 * i + shift
        pen.path(((x, -0.2), (x + 0.15, -0.2), (x + 0.16, -0.225), (x - 0.01, -0.225)), (232, 228, 210), 0.9)


def _desert(pen: Pen, leaf: Colour, chance: Random, night: bool, snow: bool) -> None:
    _hills(pen, (226, 178, 116), chance, 0.13, 7)
    _hills(pen, (236, 198, 130), chance, 0.07, 10)
    for i in range(6):
        y, phase = -0.06 - 0.02 * i * (1 + i), chance.uniform(0, 6.3)
        pen.line([(-0.8 + 0.1 * k, y + 0.008 * (1 + i / 3) * math.sin(phase + k * 1.1)) for k in range(17)], 0.006 + 0.002 * i,
                 (196, 150, 88), 0.6)


def _harbour(pen: Pen, leaf: Colour, chance: Random, night: bool, snow: bool) -> None:
    sea: Colour = (58, 118, 168)
    pen.box(-0.9, -0.13, 0.9, 0.015, sea)
    for _ in range(16):
        x, y = chance.uniform(-0.7, 0.7), chance.uniform(-0.12, 0.0)
        pen.line(((x, y), (x + chance.uniform(0.04, 0.1), y)), 0.006, shaded(sea, 0.45))
    for _ in range(5):
        x, h = chance.uniform(-0.6, 0.6), chance.uniform(0.12, 0.22)
        pen.path(((x - 0.05, 0.02), (x + 0.05, 0.02), (x + 0.035, -0.012), (x - 0.035, -0.012)), shaded(DARK, 0.2))
        pen.line(((x, 0.02), (x, h)), 0.008, (226, 222, 214))
        pen.line(((x, h), (x + 0.03, 0.03)), 0.004, (226, 222, 214))
    x = chance.choice((-0.45, 0.45)) + chance.uniform(-0.06, 0.06)
    pen.path(((x - 0.012, 0), (x + 0.012, 0), (x + 0.012, 0.34), (x - 0.012, 0.34)), (186, 96, 60))
    pen.line(((x - 0.07, 0.32), (x + 0.16, 0.32)), 0.016, (186, 96, 60))
    pen.line(((x + 0.13, 0.32), (x + 0.13, 0.2)), 0.005, DARK)
    pen.box(-0.9, -0.145, 0.9, -0.125, (104, 92, 80))
    for i in range(9):
        x = -0.8 + 0.2 * i
        pen.line(((x * 0.7, -0.145), (x * 1.8, -0.62)), 0.006, (116, 104, 90), 0.7)


def _mountain(pen: Pen, leaf: Colour, chance: Random, night: bool, snow: bool) -> None:
    for far, (x, w, h) in enumerate(((-0.42, 0.4, 0.36), (0.36, 0.42, 0.42), (-0.04, 0.34, 0.28), (0.66, 0.3, 0.24))):
        x, h = x + chance.uniform(-0.1, 0.1), h * chance.uniform(0.85, 1.15)
        rock: Colour = (112, 120, 140) if far < 2 else (98, 104, 112)
        top = x + chance.uniform(-0.05, 0.05)
        pen.path(((x - w, -0.02), (top, h), (x + w, -0.02)), rock)
        pen.path(((top, h), (x + w, -0.02), (x + w * 0.15, -0.02), (top - 0.02, h * 0.6)), shaded(rock, -0.25))
        s = 0.6 if snow else 0.36
        pen.path(((top + (x - w - top) * s, h * (1 - s)), (top, h), (top + (x + w - top) * s, h * (1 - s)),
                  (top + w * s * 0.3, h * (1 - s * 0.75)), (top, h * (1 - s * 1.15)), (top - w * s * 0.4, h * (1 - s * 0.8))),
                 _SNOW)
    for _ in range(12):
        y = -0.03 - 0.5 * chance.random() ** 2
        x, r = chance.uniform(-0.65, 0.65), 0.01 - 0.03 * y
        pen.path(((x - r, y), (x - r * 0.4, y + r), (x + r * 0.5, y + r * 0.8), (x + r, y)), (118, 118, 116))


def _garden(pen: Pen, leaf: Colour, chance: Random, night: bool, snow: bool) -> None:
    hedge = shaded(mixed(leaf, (50, 120, 56), 0.4), -0.12)
    pen.box(-0.9, -0.02, 0.9, 0.1, hedge)
    for i in range(7):
        pen.oval(-0.75 + 0.25 * i + chance.uniform(-0.02, 0.02), 0.13, 0.075, 0.075, shaded(hedge, 0.08 if i % 2 else -0.08))
    for i in range(22):
        x = -0.82 + 0.078 * i
        pen.path(((x - 0.02, -0.06), (x - 0.02, 0.035), (x, 0.06), (x + 0.02, 0.035), (x + 0.02, -0.06)), (240, 238, 230))
    pen.box(-0.9, 0.0, 0.9, 0.016, (224, 222, 212))
    turn = chance.uniform(-0.1, 0.1)
    pen.path(((turn - 0.05, -0.06), (turn + 0.05, -0.06), (turn * 2 + 0.2, -0.7), (turn * 2 - 0.24, -0.7)), (208, 190, 160))
    for side in (-1, 1):
        for i in range(9):
            y = -0.09 - 0.052 * i
            pen.oval(side * (0.1 - y * 0.32) + turn * (1 - y), y, 0.012 - y * 0.03, 0.01 - y * 0.024,
                     leaf if snow else chance.choice(((226, 70, 90), (246, 206, 70), (250, 240, 244), (176, 96, 190))))


def _park(pen: Pen, leaf: Colour, chance: Random, night: bool, snow: bool) -> None:
    for _ in range(11):
        x, r = chance.uniform(-0.7, 0.7), chance.uniform(0.06, 0.1)
        pen.box(x - 0.01, -0.02, x + 0.01, 0.08, BROWN)
        pen.oval(x, 0.08 + r, r, r, shaded(mixed(leaf, (90, 150, 80), 0.3), chance.uniform(-0.25, 0.05)))
    for i in range(0 if snow else 5):
        pen.path(((-0.75 + 0.32 * i, -0.02), (-0.6 + 0.32 * i, -0.02), (-0.9 + 0.72 * i, -0.7), (-1.25 + 0.72 * i, -0.7)),
                 (255, 255, 220), 0.1)
    pen.oval(chance.uniform(-0.3, 0.3), -0.07, 0.2, 0.03, (104, 158, 190))
    bend = chance.uniform(-0.2, 0.2)
    pen.path(((0.3 + bend, -0.03), (0.33 + bend, -0.03), (0.16, -0.2), (0.1, -0.7), (-0.2, -0.7), (0.06, -0.2)),
             (216, 198, 164))
    x = chance.choice((-0.4, 0.42)) + chance.uniform(-0.08, 0.08)
    pen.box(x - 0.08, -0.045, x + 0.08, -0.03, (126, 80, 46))
    pen.box(x - 0.08, -0.015, x + 0.08, 0.0, (126, 80, 46))
    for leg in (-0.065, 0.065):
        pen.box(x + leg - 0.006, -0.075, x + leg + 0.006, 0.0, DARK)


BACKDROPS: dict[str, Callable[[Pen, Colour, Random, bool, bool], None]] = {
    "meadow": _meadow, "forest": _forest, "street": _street, "desert": _desert, "harbour": _harbour, "mountain": _mountain,
    "garden": _garden, "park": _park,
}


def falling(pen: Pen, weather: str, chance: Random) -> None:
    """Rain or snow, before everything."""
    if weather == "rain":
        slant = chance.uniform(-0.03, 0.03)
        for _ in range(40):
            x, y, long = chance.uniform(-0.6, 0.6), chance.uniform(-0.6, 0.6), chance.uniform(0.06, 0.11)
            pen.line(((x, y), (x + slant, y - long)), 0.007, (206, 216, 232), 0.55, glows=True)
    if weather == "snow":
        for _ in range(55):
            r = chance.uniform(0.005, 0.013)
            pen.oval(chance.uniform(-0.6, 0.6), chance.uniform(-0.6, 0.6), r, r, (255, 255, 255), 0.9, glows=True)


def foreground(pen: Pen, near: Colour, chance: Random) -> None:
    """Now and then something close that hides a part: blades, a post, a branch."""
    what = chance.choice(("nothing", "nothing", "nothing", "blades", "post", "branch"))
    x = chance.uniform(-0.5, 0.5)
    if what == "blades":
        for _ in range(9):
            u = x + chance.uniform(-0.14, 0.14)
            pen.path(((u - 0.012, -0.75), (u + chance.uniform(-0.06, 0.06), chance.uniform(-0.42, -0.3)), (u + 0.012, -0.75)),
                     shaded(mixed(near, (70, 100, 50), 0.4), -0.4))
    elif what == "post":
        pen.box(x - 0.016, -0.75, x + 0.016, chance.uniform(-0.3, 0.1), shaded(BROWN, -0.3))
    elif what == "branch":
        side = -1 if x < 0 else 1
        y = chance.uniform(0.2, 0.4)
        pen.line(((side * 0.6, y + 0.1), (side * 0.2, y)), 0.015, shaded(BROWN, -0.4))
        for i in range(7):
            pen.oval(side * (0.2 + 0.06 * i), y + chance.uniform(-0.04, 0.06), 0.035, 0.022, shaded((74, 110, 56), -0.25))
