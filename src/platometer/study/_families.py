"""Which models belong together, told from their names where a study does not say."""

from __future__ import annotations

import re
from collections.abc import Mapping

_SIZES = {"tiny", "mini", "small", "base", "medium", "large", "giant", "huge", "xl", "xxl", "s", "m", "l", "b", "h", "g", "ti"}


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
