"""Decoding pictures: upright, RGB, and with errors that name the file."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

from platometer.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")


def decode(data: bytes, name: str) -> Image:
    """The picture in RGB, turned as its EXIF orientation says.

    Parameters
    ----------
    data : the file's bytes.
    name : of the file and the row, for errors.

    Raises
    ------
    DataError
        It is not a whole picture, or decodes to more than 89 million pixels (Pillow's guard against bombs).
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            warnings.filterwarnings("ignore", category=UserWarning)  # harmless remarks on EXIF and palettes
            picture = Image.open(io.BytesIO(data))
            picture.load()
            upright = ImageOps.exif_transpose(picture)
            if upright.mode == "P" and "transparency" in upright.info:
                upright = upright.convert("RGBA")
            return upright.convert("RGB")
    except UnidentifiedImageError:
        raise DataError(f"{name} is not a picture that Pillow knows (is it an HTML page of a failed download?).") from None
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(f"{name} cannot be decoded: {error}. Was the file cut short?") from None
