"""Items at a model's door: texts, pictures and sounds, checked and in the one form that preprocessing takes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image

from platometer.errors import DataError, InputError

_DEEP = ("I", "F")  # modes of more than 8 bits a channel, which PIL would clip


def texts(items: Sequence[object]) -> list[str]:
    """The same texts, each known to be one.

    Parameters
    ----------
    items : n texts.

    Raises
    ------
    InputError
        One is something else.
    """
    for i, item in enumerate(items):
        if not isinstance(item, str):
            raise InputError(f"Item {i} of a batch is a {type(item).__name__}; the model takes texts (str).")
    return list(items)  # type: ignore[arg-type]


def pictures(items: Sequence[object]) -> list[Image.Image]:
    """The same pictures in RGB of 8 bits a channel, decoded.

    Parameters
    ----------
    items : n pictures; grey, palette, CMYK and transparent ones are converted, transparency being dropped.

    Raises
    ------
    InputError
        One is not a picture, or has more than 8 bits a channel.
    DataError
        One cannot be decoded.
    """
    return [_rgb(i, item) for i, item in enumerate(items)]


def sounds(items: Sequence[object], rate: int) -> list[np.ndarray]:
    """The waveforms, each float32 (t,).

    Parameters
    ----------
    items : n pairs (waveform (t,), rate in Hz).
    rate : that the model takes.

    Raises
    ------
    InputError
        One is no such pair, is empty, has several channels, or another rate.
    """
    return [_wave(i, item, rate) for i, item in enumerate(items)]


def _rgb(i: int, item: object) -> Image.Image:
    if not isinstance(item, Image.Image):
        raise InputError(f"Item {i} of a batch is a {type(item).__name__}; the model takes pictures (PIL.Image.Image).")
    if item.mode.partition(";")[0] in _DEEP:
        raise InputError(f"Item {i} of a batch is a picture of mode {item.mode!r}, with more than 8 bits a channel; scale it "
                         "to 0..255 and convert it to 'RGB' first.")
    try:
        return item.convert("RGB")
    except (OSError, SyntaxError, ValueError) as error:
        name = getattr(item, "filename", "") or f"item {i} of a batch"
        raise DataError(f"The picture {name} cannot be decoded: {error}.") from error


def _wave(i: int, item: object, rate: int) -> np.ndarray:
    if not isinstance(item, tuple | list) or len(item) != 2:
        raise InputError(f"Item {i} of a batch is a {type(item).__name__}; the model takes sounds (waveform (t,), rate in Hz).")
    wave, given = item
    if int(given) != rate:
        raise InputError(f"Item {i} of a batch is a sound of {given} Hz, the model takes {rate} Hz; resample it first.")
    wave = np.asarray(wave.cpu() if isinstance(wave, torch.Tensor) else wave, dtype=np.float32)
    if wave.ndim != 1 or not len(wave):
        raise InputError(f"Item {i} of a batch is a waveform of shape {wave.shape}; expected (t,) with t > 0. "
                         "Does it have several channels? Average them first.")
    return wave
