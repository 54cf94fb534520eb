"""Decoding pictures: upright, RGB, and with errors that name the file."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

import numpy as np

from platometer.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")
SMALL = (9, 8)  # width and height of the thumbnails that tell near duplicates


def decode(data: bytes, name: str) -> Image:
    """The picture in RGB, turned as its EXIF orientation says; of an animation the first frame, of transparency none.

    Parameters
    ----------
    data : the file's bytes.
    name : of the file and the row, for errors.

    Raises
    ------
    DataError
        It is not a whole picture, or decodes to more than 89 million pixels (Pillow's guard against bombs).
    """
    return _decoded(data, name, None)


def small(data: bytes, name: str) -> np.ndarray:
    """The picture at 9 x 8 pixels, (8, 9, 3) uint8; faster than decoding it, but every byte of a JPEG is looked at.

    Parameters
    ----------
    data, name : as for `decode`.
    """
    return shrunk(_decoded(data, name, (16 * SMALL[0], 16 * SMALL[1])))


def shrunk(picture: Image) -> np.ndarray:
    """A decoded picture at 9 x 8 pixels, (8, 9, 3) uint8.

    Parameters
    ----------
    picture : in RGB.
    """
    from PIL.Image import Resampling

    return np.asarray(picture.resize(SMALL, Resampling.BILINEAR))


def _decoded(data: bytes, name: str, at_least: tuple[int, int] | None) -> Image:
    """RGB and upright; a JPEG may come scaled down to no less than `at_least`."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # remarks on EXIF and palettes
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(data))
            if at_least is not None:
                picture.draft("RGB", at_least)
            picture.load()
            upright = ImageOps.exif_transpose(picture)
            if upright.mode.startswith("I;16") or upright.mode in ("I", "F"):
                return _eight_bits(upright, name)
            if upright.mode == "P" and "transparency" in upright.info:
                upright = upright.convert("RGBA")
            return upright.convert("RGB")
    except UnidentifiedImageError:
        raise DataError(f"{name} is not a picture that Pillow knows. Is it a web page that a failed download left?") from None
    except Image.DecompressionBombWarning as error:
        raise DataError(f"{name} is too large: {error}.") from None
    except DataError:
        raise
    except Exception as error:  # decoders of damaged files raise almost anything; the cause is kept
        raise DataError(f"{name} cannot be decoded: {error}. Was the file cut short?") from error


def _eight_bits(picture: Image, name: str) -> Image:
    """A picture of 16 bits a pixel in RGB: Pillow alone would cut everything above 255 to white."""
    from PIL import Image

    grey = np.asarray(picture).astype(np.float64)
    if picture.mode == "F" or grey.min() < 0 or grey.max() > 65535:
        raise DataError(f"{name} has pixels in {picture.mode!r}, from {grey.min():g} to {grey.max():g}; expected 8 or 16 bits. "
                        "Save it as an ordinary PNG.")
    return Image.fromarray((grey // 256).astype(np.uint8)).convert("RGB")
