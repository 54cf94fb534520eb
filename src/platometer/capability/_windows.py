"""How a long text is cut into windows so that every token is told once, with as much before it as the windows give."""

from __future__ import annotations

from dataclasses import dataclass

from platometer.errors import InputError


@dataclass(frozen=True)
class Window:
    """A stretch of tokens, of which the last are told here and the others were before.

    Attributes
    ----------
    start, stop : of the tokens that are read.
    told : the first that is told.
    """

    start: int
    stop: int
    told: int


def windows(n: int, *, width: int, stride: int, given: bool = False) -> list[Window]:
    """Windows in which each of n tokens is told once, after at least ``width - stride`` others wherever there are as many.

    Parameters
    ----------
    n : tokens.
    width : the most a window holds.
    stride : how far one moves on; 1 gives every token the longest context, ``width - 1`` costs least.
    given : whether something stands before every window (a start sign), so that its first token can be told.

    Raises
    ------
    InputError
        A stride that leaves tokens without any context.

    Examples
    --------
    >>> [(w.start, w.told, w.stop) for w in windows(7, width=4, stride=2)]
    [(0, 1, 4), (2, 4, 6), (3, 6, 7)]
    """
    most = width if given else width - 1
    if not 1 <= stride <= most:
        raise InputError(f"stride = {stride} with windows of {width} tokens; expected 1 to {most}.")
    told, stop, found = 0 if given else 1, min(width, n), []
    while told < stop:
        found.append(Window(max(0, stop - width), stop, told))
        told, stop = stop, min(stop + stride, n)
    return found
