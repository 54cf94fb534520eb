"""Which models belong together, told from their names, and how a series of them is named and coloured."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from platometer.plots._style import MARKERS, Look

_SIZES = {"tiny", "mini", "small", "base", "medium", "large", "giant", "huge", "xl", "xxl", "s", "m", "l", "b", "h", "g", "ti"}
OTHERS = "others"


def family(name: str, families: Mapping[str, str] | None = None) -> str:
    """The family of a model: as given, else its name up to the first word with a digit or of size; twins that learnt nothing
    are one of their own.

    Parameters
    ----------
    name : of the model.
    families : model's name -> family; a model that is not named is told from its name.

    Examples
    --------
    >>> [family(name) for name in ("gpt-64 s1", "openlm-research/open_llama_3b", "vit_base_patch16_224.mae", "resnet50")]
    ['gpt', 'open_llama', 'vit', 'resnet']
    """
    if families is not None and name in families:
        return families[name]
    if name.endswith("untrained"):
        return "untrained"
    tail = name.rstrip("/").rpartition("/")[2]
    words = re.split(r"([-_. @]+)", tail)
    kept: list[str] = []
    for i in range(0, len(words), 2):
        if words[i].lower() in _SIZES or any(letter.isdigit() for letter in words[i]):
            if not kept:
                kept.append(re.split(r"\d", words[i])[0] or tail)
            break
        kept += words[i - 1 : i + 1] if i else words[:1]
    return "".join(kept)


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

