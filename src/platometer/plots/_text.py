"""Names and captions of others, made fit to be drawn: one line, no controls, letters that the font has.

matplotlib draws from left to right and joins no letters. Runs of Hebrew or Arabic are therefore laid out here from right to
left, the letters of Arabic unjoined; a letter that DejaVu Sans lacks becomes �.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from functools import cache

_LOST = "\ufffd"
_BEHIND = ("R", "AL", "AN", "NSM", "RLE", "RLO")


def plain(text: object, *, most: int = 40) -> str:
    r"""The text on one line, shortened in its middle, and nothing but letters.

    Parameters
    ----------
    text : of anybody.
    most : letters.

    Examples
    --------
    >>> plain("a\n<b>\u202e $x$"), plain("abcdefghijklmnop", most=7)
    ('a <b> $x$', 'abc…nop')
    """
    line = _cleaned(text)
    if len(line) > most:
        tail = (most - 1) // 2
        line = line[: most - 1 - tail].rstrip() + "…" + line[len(line) - tail :].lstrip()
    return _from_the_right(line)


def wrapped(text: object, *, wide: int, lines: int) -> str:
    """The text on a few lines.

    Parameters
    ----------
    text : of anybody.
    wide : letters of a line.
    lines : at most; what does not fit ends in …

    Examples
    --------
    >>> wrapped("a big brown dog sits in a park", wide=12, lines=2)
    'a big brown\\ndog sits in…'
    """
    found = textwrap.wrap(_cleaned(text), wide, max_lines=lines, placeholder="…", break_long_words=True)
    return "\n".join(map(_from_the_right, found))


def _cleaned(text: object) -> str:
    """One line of letters that can be drawn, in the order in which they are read."""
    whole = unicodedata.normalize("NFC", str(text))
    kept = "".join(" " if letter.isspace() else letter for letter in whole
                   if letter.isspace() or unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Co", "Cn"))
    known = _letters()
    return "".join(letter if ord(letter) in known else _LOST for letter in " ".join(kept.split()))


def _from_the_right(line: str) -> str:
    """Runs of letters that are read from the right, turned round."""
    behind = [unicodedata.bidirectional(letter) in _BEHIND for letter in line]
    if not any(behind):
        return line
    kinds = "".join("r" if turned else " " if letter == " " else "l" for letter, turned in zip(line, behind, strict=True))
    out = list(line)
    for run in re.finditer(r"r(?:[r ]*r)?", kinds):
        out[run.start():run.end()] = reversed(out[run.start():run.end()])
    return "".join(out)


@cache
def _letters() -> frozenset[int]:
    """What the font can draw."""
    from matplotlib.font_manager import fontManager
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(fontManager.findfont("DejaVu Sans")).get_charmap())
