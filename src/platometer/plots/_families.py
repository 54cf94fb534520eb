"""How families of models are named and coloured."""

from __future__ import annotations

from collections.abc import Iterable

from platometer.plots._style import MARKERS, Look

OTHERS = "others"


def coloured(groups: Iterable[str], look: Look) -> dict[str, tuple[str, str, str]]:
    """group -> (label, colour, marker), in the order in which they come; those beyond the palette are one, in grey.

    Parameters
    ----------
    groups : names, repeated.
    look : the colours.
    """
    every = list(groups)
    listed, most = list(dict.fromkeys(every)), len(look.hues)
    shown = listed if len(listed) <= most else sorted(listed, key=every.count, reverse=True)[: most - 1]
    out: dict[str, tuple[str, str, str]] = {}
    for name in listed:
        if name in shown:
            i = len([one for one in out.values() if one[0] != OTHERS])
            out[name] = (name, look.hues[i], MARKERS[i])
        else:
            out[name] = (OTHERS, look.quiet, "x")
    return out

