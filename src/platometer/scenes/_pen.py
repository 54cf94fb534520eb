"""A pen that draws paths in the units of a scene: moved, turned, scaled, lit and hazed, on a canvas finer than the picture."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from PIL import Image, ImageDraw

Colour = tuple[float, float, float]


def mixed(one: Colour, other: Colour, share: float) -> Colour:
    """One colour with a share of another in it."""
    (r, g, b), (red, green, blue) = one, other
    return r + (red - r) * share, g + (green - g) * share, b + (blue - b) * share


def shaded(colour: Colour, by: float) -> Colour:
    """Darker (by < 0, to black at -1) or lighter (by > 0, to white at 1)."""
    return mixed(colour, (0, 0, 0), -by) if by < 0 else mixed(colour, (255, 255, 255), by)


@dataclass(frozen=True)
class Pen:
    """Where a drawing goes and in which light.

    Attributes
    ----------
    draw : of a canvas, in a mode that blends.
    frame : (a, b, c, d, e, f), which takes (x, y) to (ax + by + c, dx + ey + f) in cells of the canvas.
    light : what each channel is multiplied by.
    haze, air : share and colour of the air before it.
    """

    draw: ImageDraw.ImageDraw
    frame: tuple[float, float, float, float, float, float]
    light: Colour = (1.0, 1.0, 1.0)
    haze: float = 0.0
    air: Colour = (0.0, 0.0, 0.0)

    @property
    def scale(self) -> float:
        """Cells of the canvas in one unit."""
        a, b, _, d, e, _ = self.frame
        return math.sqrt(abs(a * e - b * d))

    def at(self, x: float, y: float, size: float, *, facing: int = 1, lean: float = 0.0, haze: float = 0.0) -> Pen:
        """A pen whose (0, 0) is here, whose y goes up and whose unit is `size`."""
        a, b, c, d, e, f = self.frame
        cos, sin = math.cos(lean) * size, math.sin(lean) * size
        frame = ((a * cos + b * sin) * facing, a * sin - b * cos, a * x + b * y + c,
                 (d * cos + e * sin) * facing, d * sin - e * cos, d * x + e * y + f)
        return replace(self, frame=frame, haze=haze)

    def cells(self, points: Iterable[tuple[float, float]]) -> list[float]:
        """Points -> x and y in cells, in turn."""
        a, b, c, d, e, f = self.frame
        found: list[float] = []
        for x, y in points:
            found += (a * x + b * y + c, d * x + e * y + f)
        return found

    def ink(self, colour: Colour, alpha: float = 1.0, *, glows: bool = False) -> tuple[int, int, int, int]:
        """The colour as seen: lit, unless it glows, and through the air."""
        r, g, b = colour
        if not glows:
            red, green, blue = self.light
            r, g, b = r * red, g * green, b * blue
        if self.haze:
            r, g, b = mixed((r, g, b), self.air, self.haze)
        return int(r) if r < 255 else 255, int(g) if g < 255 else 255, int(b) if b < 255 else 255, int(255 * alpha)

    def path(self, points: Sequence[tuple[float, float]], colour: Colour, alpha: float = 1.0, *, glows: bool = False) -> None:
        """A filled polygon."""
        self.draw.polygon(self.cells(points), fill=self.ink(colour, alpha, glows=glows))

    def box(self, left: float, low: float, right: float, high: float, colour: Colour, alpha: float = 1.0, *,
            glows: bool = False) -> None:
        """A filled rectangle."""
        self.path(((left, low), (right, low), (right, high), (left, high)), colour, alpha, glows=glows)

    def oval(self, x: float, y: float, wide: float, high: float, colour: Colour, alpha: float = 1.0, *,
             glows: bool = False) -> None:
        """A filled ellipse of these half axes, level on the canvas."""
        (cx, cy), s = self.cells(((x, y),)), self.scale
        wide, high = wide * s, high * s
        self.draw.ellipse((cx - wide, cy - high, cx + wide, cy + high), fill=self.ink(colour, alpha, glows=glows))

    def line(self, points: Sequence[tuple[float, float]], width: float, colour: Colour, alpha: float = 1.0, *,
             glows: bool = False) -> None:
        """A line of this width, at least one cell."""
        self.draw.line(self.cells(points), fill=self.ink(colour, alpha, glows=glows), width=max(1, round(width * self.scale)))


def canvas(cells: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """A square canvas and its drawing, which blends."""
    image = Image.new("RGB", (cells, cells))
    return image, ImageDraw.Draw(image, "RGBA")
