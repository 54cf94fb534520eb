"""The sixteen kinds of things, drawn: each stands on (0, 0), is about one unit high, and faces right."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random

from platometer.scenes._pen import Colour, Pen, mixed, shaded

BROWN: Colour = (106, 74, 46)
DARK: Colour = (42, 42, 50)
LEAF: Colour = (76, 140, 62)
GLASS: Colour = (176, 212, 232)
LAMPLIGHT: Colour = (255, 226, 140)
WATER: Colour = (62, 122, 168)
_SKINS: tuple[Colour, ...] = ((244, 206, 176), (214, 160, 120), (160, 108, 76), (106, 70, 50))

HEIGHTS = {  # of a thing of middling size, in heights of the picture, near the middle depth
    "tree": 0.48, "flower": 0.30, "cactus": 0.36, "rock": 0.24, "house": 0.36, "tower": 0.54, "tent": 0.30, "boat": 0.36,
    "car": 0.22, "lamp": 0.46, "person": 0.36, "dog": 0.22, "cow": 0.23, "bird": 0.40, "ball": 0.17, "kite": 0.58,
}
WIDTHS = {  # of the shadow, in heights of the thing
    "tree": 0.34, "flower": 0.16, "cactus": 0.22, "rock": 0.66, "house": 0.6, "tower": 0.24, "tent": 0.62, "boat": 0.0,
    "car": 1.0, "lamp": 0.12, "person": 0.2, "dog": 0.55, "cow": 0.62, "bird": 0.16, "ball": 0.42, "kite": 0.08,
}


def _tree(pen: Pen, c: Colour, chance: Random, night: bool) -> None:
    pen.path(((-0.08, 0), (0.08, 0), (0.045, 0.5), (-0.045, 0.5)), BROWN)
    pen.line(((0, 0.3), (0.17, 0.5)), 0.035, BROWN)
    j = chance.uniform(-0.03, 0.03)
    for x, y, r, by in ((-0.19, 0.56, 0.19, -0.25), (0.2, 0.55, 0.18, -0.18), (0.0, 0.68 + j, 0.27, 0.0),
                        (-0.14 + j, 0.72, 0.18, 0.0), (0.15, 0.73 - j, 0.17, 0.1), (0.03, 0.86, 0.14, 0.18)):
        pen.oval(x, y, r, r * 0.92, shaded(c, by))


def _flower(pen: Pen, c: Colour, chance: Random, night: bool) -> None:
    pen.line(((0, 0), (0.02, 0.62)), 0.06, LEAF)
    pen.path(((0, 0.1), (0.28, 0.38), (0.06, 0.34)), LEAF)
    pen.path(((0, 0.05), (-0.28, 0.3), (-0.07, 0.3)), shaded(LEAF, -0.15))
    turn, petals = chance.uniform(0, 1), chance.choice((5, 6))
    for i in range(petals):
        angle = 2 * math.pi * (i + turn) / petals
        pen.oval(0.02 + 0.19 * math.cos(angle), 0.74 + 0.19 * math.sin(angle), 0.135, 0.135, shaded(c, 0.12 if i % 2 else -0.1))
    heart = (120, 72, 30) if c[0] > 190 and c[1] > 150 and c[2] < 130 else (250, 206, 60)
    pen.oval(0.02, 0.74, 0.11, 0.11, heart)


def _cactus(pen: Pen, c: Colour, chance: Random, night: bool) -> None:
    dark = shaded(c, -0.3)
    for side, y, top in ((-1, 0.38, 0.72), (1, 0.28, 0.62 + chance.uniform(0, 0.1))):
        pen.line(((0, y), (side * 0.28, y)), 0.13, dark if side < 0 else c)
        pen.line(((side * 0.28, y - 0.06), (side * 0.28, top)), 0.13, dark if side < 0 else c)
        pen.oval(side * 0.28, top, 0.065, 0.065, dark if side < 0 else c)
    pen.box(-0.12, 0, 0.12, 0.88, c)
    pen.oval(0, 0.88, 0.12, 0.12, c)
    pen.box(-0.12, 0, -0.04, 0.88, dark)
    pen.line(((0.05, 0.05), (0.05, 0.9)), 0.02, shaded(c, 0.35))


def _rock(pen: Pen, c: Colour, chance: Random, night: bool) -> None:
    j = [chance.uniform(-0.07, 0.07) for _ in range(4)]
    pen.path(((-0.68, 0), (-0.6 + j[0], 0.42), (-0.22, 0.9 + j[1]), (0.25 + j[2], 0.8), (0.6, 0.38 + j[3]), (0.68, 0)), c)
    pen.path(((-0.68, 0), (-0.6 + j[0], 0.42), (-0.22, 0.9 + j[1]), (-0.12, 0.45), (-0.28, 0)), shaded(c, -0.25))
    pen.path(((-0.22, 0.9 + j[1]), (0.25 + j[2], 0.8), (0.1, 0.52), (-0.12, 0.45)), shaded(c, 0.3))
    pen.line(((0.1, 0.52), (0.22, 0.2), (0.16, 0)), 0.03, shaded(c, -0.4))


def _house(pen: Pen, c: Colour, chance: Random, night: bool) -> None:
    glass = LAMPLIGHT if night else GLASS
    roof = shaded(c, -0.45) if sum(c) > 170 else shaded(c, 0.3)
    pen.box(0.2, 0.6, 0.32, 0.98, shaded(roof, -0.2))
    pen.box(-0.5, 0, 0.5, 0.56, c)
    pen.box(-0.5, 0, -0.36, 0.56, shaded(c, -0.14))
    pen.path(((-0.6, 0.54), (0.6, 0.54), (0.34, 0.94), (-0.34, 0.94)), roof)
    pen.box(-0.11, 0, 0.11, 0.36, shaded(BROWN, -0.2))
    for x in (-0.3, 0.3):
        pen.box(x - 0.11, 0.18, x + 0.11, 0.42, shaded(c, 0.5))
        pen.box(x - 0.085, 0.2, x + 0.085, 0.4, glass, glows=night)
        pen.line(((x, 0.2), (x, 0.4)), 0.02, shaded(c, 0.5))


def _tower(pen: Pen, c: Colour, chance: Random, night: bool) -> None:
    pen.path(((-0.19, 0), (0.19, 0), (0.13, 0.76), (-0.13, 0.76)), c)
    pen.path(((-0.19, 0), (-0.07, 0), (-0.05, 0.76), (-0.13, 0.76)), shaded(c, -0.22))
    pen.path(((-0.172, 0.24), (0.172, 0.24), (0.16, 0.36), (-0.16, 0.36)), shaded(c, 0.45 if sum(c) < 600 else -0.25))
    pen.box(-0.2, 0.74, 0.2, 0.8, shaded(c, -0.3))
    for x in (-0.15, 0.0, 0.15):
        pen.box(x - 0.045, 0.8, x + 0.045, 0.87, shaded(c, -0.3))
    pen.path(((-0.12, 0.85), (0.12, 0.85), (0, 1.06)), shaded(c, -0.5) if sum(c) > 170 else (130, 60, 56))
    for y in (0.52, 0.12):
        pen.box(-0.035, y, 0.035, y + 0.13, LAMPLIGHT if night else DARK, glows=night)


def _tent(pen: Pen, c: Colour, chance: Random, night: bool) -> None:
    pen.path(((0.02, 0.9), (0.3, 0.98), (0.86, 0.06), (0.6, 0)), shaded(c, -0.3))
    pen.path(((-0.62, 0), (0.0, 0.92), (0.62, 0)), c)
    pen.path(((-0.62, 0), (0.0, 0.92), (-0.2, 0)), shaded(c, 0.2))
    pen.path(((-0.18, 0), (0.0, 0.6), (0.18, 0)), LAMPLIGHT if night else DARK, glows=night)
    pen.line(((-0.06, 1.0), (0.03, 0.86)), 0.04, BROWN)
    pen.line(((-0.62, 0), (-0.84, -0.04)), 0.02, BROWN)


def _boat(pen: Pen, c: Colour, chance: Random, night: bool) -> None:
    pen.oval(0.0, 0.02, 0.86, 0.16, WATER)
    pen.line(((-0.7, -0.02), (-0.3, -0.02)), 0.025, shaded(WATER, 0.4))
    pen.line(((0.2, 0.0), (0.66, 0.0)), 0.025, shaded(WATER, 0.4))
    pen.line(((0.0, 0.2), (0.0, 1.04)), 0.045, BROWN)
    pen.path(((0.05, 0.3), (0.05, 1.0), (0.52, 0.34)), mixed(shaded(c, 0.55), (250, 246, 236), 0.35))
    pen.path(((-0.04, 0.32), (-0.04, 0.88), (-0.36, 0.34)), mixed(shaded(c, 0.35), (230, 226, 216), 0.35))
    pen.path(((-0.6, 0.3), (0.7, 0.3), (0.46, 0.02), (-0.46, 0.02)), c)
    pen.path(((-0.6, 0.3), (0.7, 0.3), (0.66, 0.24), (-0.56, 0.24)), shaded(c, 0.45 if sum(c) < 500 else -0.35))


def _car(pen: Pen, c: Colour, chance: Random, night: bool) -> None:
    pen.path(((-0.62, 0.5), (-0.42, 0.96), (0.3, 0.96), (0.6, 0.5)), c)
    pen.path(((-0.5, 0.54), (-0.36, 0.86), (-0.06, 0.86), (-0.06, 0.54)), GLASS)
    pen.path(((0.02, 0.54), (0.02, 0.86), (0.25, 0.86), (0.46, 0.54)), GLASS)
    pen.path(((-1.0, 0.16), (-0.98, 0.52), (0.7, 0.56), (0.98, 0.42), (1.0, 0.16)), c)
    pen.path(((-1.0, 0.16), (-0.99, 0.3), (0.99, 0.3), (1.0, 0.16)), shaded(c, -0.28))
    for x in (-0.58, 0.58):
        pen.oval(x, 0.18, 0.21, 0.21, DARK)
        pen.oval(x, 0.18, 0.09, 0.09, (176, 176, 182))
    pen.oval(0.93, 0.4, 0.07, 0.07, LAMPLIGHT, glows=night)
    pen.box(-1.0, 0.38, -0.92, 0.48, (210, 40, 36))


def _lamp(pen: Pen, c: Colour, chance: Random, night: bool) -> None:
    metal = shaded(c, -0.55)
    pen.path(((-0.1, 0), (0.1, 0), (0.04, 0.1), (-0.04, 0.1)), metal)
    pen.line(((0, 0), (0, 0.78)), 0.05, metal)
    pen.line(((-0.1, 0.7), (0.1, 0.7)), 0.035, metal)
    if night:
        pen.oval(0, 0.87, 0.36, 0.36, mixed(c, LAMPLIGHT, 0.5), 0.22, glows=True)
        pen.oval(0, 0.87, 0.24, 0.24, mixed(c, LAMPLIGHT, 0.5), 0.3, glows=True)
    pen.path(((-0.08, 0.75), (0.08, 0.75), (0.14, 0.93), (-0.14, 0.93)), c, glows=night)
    pen.path(((-0.04, 0.77), (0.04, 0.77), (0.06, 0.91), (-0.06, 0.91)), shaded(c, 0.5), glows=night)
    pen.path(((-0.17, 0.92), (0.17, 0.92), (0, 1.04)), metal)


def _person(pen: Pen, c: Colour, chance: Random, night: bool) -> None:
    skin, legs = chance.choice(_SKINS), chance.choice(((52, 58, 84), (74, 66, 60), (60, 60, 64)))
    step, wave = chance.uniform(0.05, 0.13), chance.uniform(-0.05, 0.3)
    pen.line(((0, 0.45), (-step, 0.0)), 0.1, shaded(legs, -0.2))
    pen.line(((0, 0.45), (step, 0.0)), 0.1, legs)
    pen.line(((-0.1, 0.74), (-0.22, 0.45)), 0.075, shaded(c, -0.2))
    pen.path(((-0.14, 0.78), (0.14, 0.78), (0.12, 0.4), (-0.12, 0.4)), c)
    pen.path(((-0.14, 0.78), (-0.05, 0.78), (-0.05, 0.4), (-0.12, 0.4)), shaded(c, -0.16))
    pen.line(((0.1, 0.74), (0.24, 0.5 + wave)), 0.075, c)
    pen.oval(0.24, 0.5 + wave, 0.045, 0.045, skin)
    pen.oval(0, 0.9, 0.105, 0.115, skin)
    pen.path(((-0.11, 0.88), (-0.1, 1.0), (0.0, 1.03), (0.1, 0.99), (0.1, 0.94), (-0.04, 0.95)), chance.choice((DARK, BROWN)))


def _dog(pen: Pen, c: Colour, chance: Random, night: bool) -> None:
    dark = shaded(c, -0.3)
    for x, ink in ((-0.38, dark), (0.22, dark), (-0.28, c), (0.34, c)):
        pen.line(((x, 0.4), (x, 0.0)), 0.11, ink)
    pen.line(((-0.44, 0.52), (-0.66, 0.88)), 0.1, c)
    pen.oval(-0.02, 0.5, 0.5, 0.2, c)
    pen.path(((0.26, 0.4), (0.3, 0.74), (0.56, 0.8), (0.52, 0.42)), c)
    pen.oval(0.5, 0.78, 0.2, 0.17, c)
    pen.path(((0.5, 0.82), (0.84, 0.74), (0.82, 0.62), (0.5, 0.64)), shaded(c, 0.15))
    pen.oval(0.82, 0.72, 0.05, 0.05, DARK if sum(c) > 200 else (150, 120, 110))
    pen.path(((0.32, 0.94), (0.48, 0.92), (0.4, 0.58), (0.3, 0.66)), dark)


def _cow(pen: Pen, c: Colour, chance: Random, night: bool) -> None:
    patch = (60, 48, 44) if sum(c) > 420 else (238, 232, 222)
    for x, by in ((-0.48, -0.3), (0.3, -0.3), (-0.38, 0.0), (0.42, 0.0)):
        pen.line(((x, 0.4), (x, 0.0)), 0.12, shaded(c, by))
    pen.oval(-0.2, 0.3, 0.12, 0.09, (232, 150, 150))
    pen.path(((-0.64, 0.78), (-0.6, 0.34), (0.5, 0.32), (0.6, 0.82)), c)
    pen.oval(-0.22 + chance.uniform(-0.08, 0.08), 0.64, 0.2, 0.14, patch)
    pen.oval(0.26 + chance.uniform(-0.06, 0.06), 0.5, 0.13, 0.12, patch)
    pen.line(((-0.63, 0.76), (-0.72, 0.36)), 0.05, shaded(c, -0.3))
    pen.path(((0.48, 0.9), (0.7, 0.98), (0.98, 0.66), (0.88, 0.52), (0.56, 0.6)), c)
    pen.path(((0.86, 0.76), (0.98, 0.66), (0.88, 0.52), (0.76, 0.58)), (236, 176, 164))
    pen.line(((0.56, 0.96), (0.5, 1.08)), 0.05, (226, 214, 180))
    pen.line(((0.7, 0.97), (0.76, 1.1)), 0.05, (226, 214, 180))


def _bird(pen: Pen, c: Colour, chance: Random, night: bool) -> None:
    up = chance.uniform(0.14, 0.26)
    pen.path(((-0.04, 0.74), (-0.3, 0.74 + up), (-0.2, 0.72)), shaded(c, -0.3))
    pen.path(((-0.2, 0.72), (-0.46, 0.78), (-0.44, 0.64)), shaded(c, -0.2))
    pen.oval(0.0, 0.7, 0.23, 0.105, c)
    pen.oval(0.2, 0.76, 0.1, 0.1, c)
    pen.path(((0.28, 0.79), (0.42, 0.75), (0.28, 0.71)), (240, 150, 30))
    pen.path(((0.1, 0.74), (-0.14, 0.74 + up * 1.5), (-0.3, 0.75 + up), (-0.1, 0.68)), shaded(c, 0.2 if sum(c) < 600 else -0.2))
    pen.oval(0.22, 0.78, 0.022, 0.022, DARK if sum(c) > 200 else (240, 240, 240))


def _ball(pen: Pen, c: Colour, chance: Random, night: bool) -> None:
    pen.oval(0, 0.5, 0.5, 0.5, shaded(c, -0.3))
    pen.oval(0.04, 0.54, 0.44, 0.44, c)
    stripe = (245, 243, 236) if sum(c) < 560 else (70, 92, 150)
    lean = chance.uniform(-0.25, 0.25)
    pen.path(((-0.44, 0.36 + lean), (0.44, 0.36 - lean), (0.46, 0.56 - lean), (-0.46, 0.56 + lean)), stripe)
    pen.oval(0.18, 0.78, 0.12, 0.09, shaded(c, 0.7))


def _kite(pen: Pen, c: Colour, chance: Random, night: bool) -> None:
    sway = chance.uniform(0.05, 0.2)
    pen.line(((-0.28, 0.0), (-0.12, 0.3), (0.08, 0.52)), 0.012, (240, 240, 236), 0.8)
    pen.path(((0.08, 0.98), (0.3, 0.78), (0.08, 0.46), (-0.14, 0.78)), c)
    pen.path(((0.08, 0.98), (0.3, 0.78), (0.08, 0.78)), shaded(c, 0.35))
    pen.path(((-0.14, 0.78), (0.08, 0.78), (0.08, 0.46)), shaded(c, -0.28))
    tail = ((0.08, 0.46), (0.08 + sway, 0.36), (0.06, 0.26), (0.1 + sway, 0.16))
    pen.line(tail, 0.018, shaded(c, -0.3))
    for x, y in tail[1:]:
        pen.path(((x - 0.06, y + 0.03), (x + 0.06, y - 0.03), (x + 0.06, y + 0.03), (x - 0.06, y - 0.03)), c)


DRAWN: dict[str, Callable[[Pen, Colour, Random, bool], None]] = {
    "tree": _tree, "flower": _flower, "cactus": _cactus, "rock": _rock, "house": _house, "tower": _tower, "tent": _tent,
    "boat": _boat, "car": _car, "lamp": _lamp, "person": _person, "dog": _dog, "cow": _cow, "bird": _bird, "ball": _ball,
    "kite": _kite,
}
