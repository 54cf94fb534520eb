"""Twenty colour words with the colour each is used for, and the coordinates of colours in CIELAB.

The words are the 20 categories of the American English colour lexicon (Lindsey and Brown 2014, the glossary after their
cluster analysis): the 11 basic terms and nine more. Their data are not shipped; the colour of a word is here the one
that people most agreed to call so in the XKCD colour survey (2010, public domain, CC0), about five million answers. The
paper took words given at least 100 times and the mean of the chips so named, so that a word or two may differ from its.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from platometer.errors import missing

FOCAL = {
    "black": "#000000", "white": "#ffffff", "gray": "#929591", "red": "#e50000", "orange": "#f97306",
    "yellow": "#ffff14", "green": "#15b01a", "blue": "#0343df", "purple": "#7e1e9c", "pink": "#ff81c0",
    "brown": "#653700", "peach": "#ffb07c", "teal": "#029386", "lavender": "#c79fef", "maroon": "#650021",
    "gold": "#dbb40c", "beige": "#e6daa6", "magenta": "#c20078", "lime": "#aaff32", "olive": "#6e750e",
}
"""Word -> its colour in sRGB."""

SPELLINGS = {"grey": "gray"}
"""Other spellings, and the word that they are counted as."""


def lab(colours: Sequence[str] | np.ndarray) -> np.ndarray:
    """CIELAB coordinates (n, 3) under D65: lightness 0 to 100, green to red, blue to yellow.

    Parameters
    ----------
    colours : ``"#rrggbb"``, or (n, 3) sRGB in [0, 255].

    Raises
    ------
    MissingDependencyError
        scikit-image is not installed.

    Examples
    --------
    >>> lab(["#ffffff", "#ff0000"]).round(0).tolist()
    [[100.0, -0.0, 0.0], [53.0, 80.0, 67.0]]
    """
    try:
        from skimage.color import rgb2lab
    except ImportError:
        raise missing("skimage", "colour", wanted_for="CIELAB") from None
    rgb = colours if isinstance(colours, np.ndarray) else [[int(word[i : i + 2], 16) for i in (1, 3, 5)] for word in colours]
    return rgb2lab(np.asarray(rgb, dtype=np.float64) / 255)


def written(rgb: np.ndarray) -> list[str]:
    """sRGB (n, 3) in [0, 255] as ``"#rrggbb"``.

    Parameters
    ----------
    rgb : rounded, and cut at 0 and 255.
    """
    return ["#" + "".join(f"{int(value):02x}" for value in row) for row in np.clip(np.rint(rgb), 0, 255)]
