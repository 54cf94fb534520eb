"""Channels on captions: words dropped, merged, shuffled, nouns swapped; what they keep is known in bits where it can be.

A strength of 0 loses nothing, and more strength loses more. Like the channels on pictures and events they follow one another
with ``|``::

    WordChannel("merged", 9, of="colour") | WordChannel("dropped", 0.2)

What is known is what an attribute's own words keep of it, `words_kept`: where two colours have one word, a sum over the
world's table. What the other words of a caption tell of it is not counted; `World.mutual_information` says how much that is.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random

import numpy as np

from platometer.errors import SpecError, UndefinedError, suggestion
from platometer.scenes import _lexicon as lexicon
from platometer.scenes._spoil import Chain
from platometer.scenes._world import ABSENT, World

WORD_CHANNELS = ("dropped", "merged", "shuffled", "swapped")
_FAMILIES = {"kind": lexicon.KINDS, "colour": lexicon.COLOURS, "size": lexicon.SIZES}
_WHOLE = {"kind": "thing", "colour": "coloured", "size": "sized"}  # the word where all values are merged
_WORD = re.compile(r"[\w-]+")
_NOTHING = "..."


@dataclass(frozen=True)
class WordChannel:
    """A loss on captions, the same for equal captions under equal seeds.

    Attributes
    ----------
    name : ``dropped``: each word goes with probability `strength`; a caption of which nothing is left is "...".
        ``merged``: all words of `strength` + 1 values of the attribute `of` become one word, in groups that `grouping` draws;
        if that is all of them, "thing", "coloured" or "sized". Merged kinds have one verb.
        ``shuffled``: each word leaves its place with probability `strength`, and those that left come back in random order,
        without punctuation. ``swapped``: each noun becomes that of another kind with probability `strength`.
    strength : a probability or, for ``merged``, a whole number.
    of : ``"kind"``, ``"colour"`` or ``"size"``; ``merged`` needs it, the others have none.
    grouping : seed of the groups that are merged.

    Raises
    ------
    SpecError
        No such channel or attribute, or a strength out of range.

    Examples
    --------
    >>> from platometer import scenes
    >>> scenes.WordChannel("merged", 9, of="colour")(["an inky bird and another scarlet one"])
    ['a coloured bird and another coloured one']
    """

    name: str
    strength: float
    of: str = ""
    grouping: int = 0

    def __post_init__(self) -> None:
        if self.name not in WORD_CHANNELS:
            raise SpecError(f"There is no channel {self.name!r} on captions. {suggestion(self.name, WORD_CHANNELS)}")
        if self.name == "merged":
            if self.of not in _FAMILIES:
                raise SpecError(f"merged needs of = 'kind', 'colour' or 'size'; got {self.of!r}.")
            if not (self.strength >= 0 and self.strength == int(self.strength)):
                raise SpecError(f"merged with strength {self.strength}; expected a whole number of values to go into another.")
        elif self.of:
            raise SpecError(f"{self.name} acts on all words; of = {self.of!r} is for merged.")
        elif not 0 <= self.strength <= 1:
            raise SpecError(f"{self.name} with strength {self.strength}; expected a probability.")

    def __call__(self, texts: Sequence[str], *, seed: int = 0) -> list[str]:
        """The captions as they arrive.

        Parameters
        ----------
        texts : captions in lower case.
        seed : of what is random; a caption's draw depends on its words and the seed, not on its place.
        """
        act = {"dropped": self._dropped, "merged": self._merged, "shuffled": self._shuffled,
               "swapped": self._swapped}[self.name]
        return [act(text, _chance(f"{self.name} {seed} {text}")) if self.strength else text for text in texts]

    def __or__(self, other: WordChannel | Chain) -> Chain:
        return Chain((self,)) | other  # type: ignore[arg-type, operator]

    @cached_property
    def groups(self) -> dict[str, str]:
        """value -> the value into whose word it goes; every value its own where nothing is merged."""
        values = list(_FAMILIES[self.of]) if self.name == "merged" else []
        order = sorted(values, key=lambda value: hashlib.blake2b(f"{self.grouping} {value}".encode()).digest())
        step = int(self.strength) + 1
        return {value: order[i // step * step] for i, value in enumerate(order)}

    @cached_property
    def _words(self) -> dict[str, str]:
        """word -> word, for merging."""
        known = _FAMILIES[self.of]
        made: dict[str, str] = {}
        whole = len(set(self.groups.values())) == 1
        for value, first in self.groups.items():
            word = _WHOLE[self.of] if whole else known[first][0]
            made |= {old: word for old in known[value]}
            made |= {lexicon.plural(old): lexicon.plural(word) for old in known[value] if self.of == "kind"}
        if self.of == "kind":  # or a verb would tell
            verbs = {verb for verbs in lexicon.VERBS.values() for verb in verbs}
            made |= {verb.split()[-1]: "there" if " " in verb else "is" for verb in verbs}
        return made

    def _merged(self, text: str, chance: Random) -> str:
        return _articled(_WORD.sub(lambda found: self._words.get(found[0], found[0]), text))

    def _dropped(self, text: str, chance: Random) -> str:
        return " ".join(word for word in text.split() if chance.random() >= self.strength) or _NOTHING

    def _shuffled(self, text: str, chance: Random) -> str:
        before = _WORD.findall(text)
        words = list(before)
        gone = [i for i in range(len(words)) if chance.random() < self.strength]
        for i, j in zip(gone, sorted(gone, key=lambda _: chance.random()), strict=True):
            words[i] = before[j]
        return " ".join(words)

    def _swapped(self, text: str, chance: Random) -> str:
        return _articled(_WORD.sub(lambda found: self._other(found[0], chance), text))

    def _other(self, word: str, chance: Random) -> str:
        kind = _KIND_OF.get(word)
        if kind is None or chance.random() >= self.strength:
            return word
        others = [other for other in lexicon.KINDS if other != kind]
        noun = lexicon.KINDS[others[int(chance.random() * len(others))]][0]
        return noun if word in lexicon.KINDS[kind] else lexicon.plural(noun)


def words_kept(channel: WordChannel | Chain, of: World, attribute: str) -> float:
    """I(attribute; its own word as it arrives), in bits, exactly, for captions that tell it where it is there.

    Parameters
    ----------
    channel : on captions.
    of : the world the scenes come from.
    attribute : a kind, colour or size: ``"colour"``, ``"kind_2"``.

    Returns
    -------
    0 (nothing is left) to the attribute's entropy.

    Raises
    ------
    UndefinedError
        For shuffled words, swapped nouns and dropped words of kinds: says why.
    SpecError
        An attribute without words of its own, or a channel that is not on captions.

    Examples
    --------
    >>> from platometer import scenes
    >>> half = scenes.WordChannel("dropped", 0.5)
    >>> world = scenes.world()
    >>> round(scenes.words_kept(half, world, "size") / world.entropy("size"), 9)
    0.5
    """
    family = attribute.split("_")[0]
    if family not in _FAMILIES:
        raise SpecError(f"{attribute!r} has no words of its own; expected a kind, colour or size, such as 'colour_2'.")
    joint = of.joint(attribute)
    values = [value for value in of.attributes[attribute] if value != ABSENT]
    table = np.eye(len(values) + 1)  # the last: nothing is said
    for part in channel.parts if isinstance(channel, Chain) else (channel,):
        if not isinstance(part, WordChannel):
            raise SpecError(f"{part.name} is no channel on captions; ask information_kept.")
        table = table @ _table(part, family, values)
    both = np.pad(joint, (0, len(table) - len(joint)))[:, None] * table
    apart = np.outer(both.sum(1), both.sum(0))
    there = both > 0
    return max(float((both[there] * np.log2(both[there] / apart[there])).sum()), 0.0)


def _table(part: WordChannel, family: str, values: list[str]) -> np.ndarray:
    """P(word out | word in) between the values' words, and nothing as the last."""
    table = np.eye(len(values) + 1)
    if part.strength == 0 or (part.name == "merged" and part.of != family):
        return table
    if part.name == "merged":
        for i, value in enumerate(values):
            table[i] = np.eye(len(table))[values.index(part.groups[value])]
        return table
    if part.name == "dropped" and family != "kind":
        table[:-1] *= 1 - part.strength
        table[:-1, -1] = part.strength
        return table
    raise UndefinedError(f"How much {part.name} keeps of {family} is not exactly known: {_UNKNOWN[part.name]}")


_UNKNOWN = {
    "dropped": "a verb may tell a kind beside its noun, and whether it does is the grammar's choice. Ask for a colour or size.",
    "shuffled": "every word arrives, and what is lost is which belongs to which, which hangs on the other words.",
    "swapped": "the verb stays and may tell the kind that was there.",
}
_KIND_OF = {form: kind for kind, nouns in lexicon.KINDS.items() for noun in nouns for form in (noun, lexicon.plural(noun))}


def _articled(text: str) -> str:
    """The same text with "a" and "an" as the next word wants them."""
    return re.sub(r"\ban? (?=(\w))", lambda found: f"{lexicon.article(found[1])} ", text)


def _chance(words: str) -> Random:
    """Only its `random` is used, which no version of Python changes."""
    return Random(words)
