"""A contact sheet: scenes and what is said of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from platometer.errors import ShapeError, SpecError
from platometer.scenes._captions import captions
from platometer.scenes._events import Events
from platometer.scenes._pictures import pictures

_PAPER, _INK, _GAP, _LINES = (255, 255, 255), (50, 52, 60), 10, 3


def sheet(
    events: Events, *, columns: int = 8, side: int = 192, seed: int = 0, words: int | None = 10,
    shown: np.ndarray | None = None, said: Sequence[str] | None = None,
) -> Image.Image:
    """A picture of pictures, each with its caption below, in rows from left to right.

    Parameters
    ----------
    events : n scenes.
    columns : pictures in a row.
    side : pixels of a picture.
    seed, words : of pictures and captions.
    shown : (n, h, h, 3) uint8 to show instead of the scenes' pictures, such as spoiled ones; enlarged without smoothing.
    said : n texts to write instead of the scenes' captions.

    Raises
    ------
    SpecError
        columns < 1, or n = 0.
    ShapeError
        Not n pictures or n texts.

    Examples
    --------
    >>> from platometer import scenes
    >>> scenes.sheet(scenes.world().sample(4), columns=4, side=48).size
    (242, 102)
    """
    if columns < 1 or not len(events):
        raise SpecError(f"columns = {columns} for {len(events)} scenes; expected at least one of each.")
    shown = pictures(events, seed=seed, side=side) if shown is None else shown
    said = captions(events, seed=seed, words=words) if said is None else said
    if len(shown) != len(events) or len(said) != len(events):
        raise ShapeError(f"{len(shown)} pictures and {len(said)} texts for {len(events)} scenes; expected one of each.")
    size = max(9, side // 14)
    font = ImageFont.load_default(size)
    wide, high = side + _GAP, side + _GAP + round(_LINES * size * 1.25)
    columns = min(columns, len(events))
    page = Image.new("RGB", (columns * wide + _GAP, math.ceil(len(events) / columns) * high + _GAP), _PAPER)
    pen = ImageDraw.Draw(page)
    for i, (picture, text) in enumerate(zip(shown, said, strict=True)):
        x, y = _GAP + i % columns * wide, _GAP + i // columns * high
        page.paste(Image.fromarray(picture).resize((side, side), Image.Resampling.NEAREST), (x, y))
        pen.multiline_text((x, y + side + 2), "\n".join(_broken(text, font, side)), font=font, fill=_INK, spacing=1)
    return page


def _broken(text: str, font: ImageFont.ImageFont | ImageFont.FreeTypeFont, width: int) -> list[str]:
    """The text in lines no wider than the picture, the last one cut short where there are more."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines if len(lines) <= _LINES else [*lines[: _LINES - 1], lines[_LINES - 1].rstrip(".,") + " ..."]
