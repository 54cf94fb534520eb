"""Objectives for words: the next one, or one that is hidden."""

from __future__ import annotations

import re
from collections.abc import Iterable

import torch
from torch import nn
from torch.nn import functional as F

from platometer.errors import ShapeError, SpecError
from platometer.training._objective import Objective

PAD, START, STOP, UNKNOWN, MASK = range(5)
SPECIAL = 5
"""The first number of a word; those below are padding, a text's start and end, a word never met, and a hidden one."""


class NextWord(Objective):
    """Every word is told from those before it; the loss is the mean cross-entropy of a word, the end sign's too, in nats.

    Parameters
    ----------
    network : numbers of words (b, t) -> scores of the next one (b, t, words); what comes later must not be seen.
    texts : (n, t) numbers of words, from `START` to `STOP`, padded on the right with `PAD`.
    """

    def __init__(self, network: nn.Module, texts: torch.Tensor):
        super().__init__(network, len(_checked(texts)))
        self._data = (texts,)

    def loss(self, rows: torch.Tensor, chance: torch.Generator) -> torch.Tensor:
        ids = self._data[0][rows]
        total = torch.zeros(())
        for part in _alike(ids):
            total = total + F.cross_entropy(self.network(part[:, :-1]).flatten(0, 1), part[:, 1:].flatten(), ignore_index=PAD,
                                            reduction="sum")
        return total / (ids[:, 1:] != PAD).sum()


class MaskedWord(Objective):
    """One hidden word of each text is told from all others, whatever their order where the network sees none.

    Parameters
    ----------
    network : as for `NextWord`; asked at the text's end, where it has seen everything, the hidden word's place being `MASK`.
    texts : as for `NextWord`.
    """

    def __init__(self, network: nn.Module, texts: torch.Tensor):
        super().__init__(network, len(_checked(texts)))
        self._data = (texts,)

    def loss(self, rows: torch.Tensor, chance: torch.Generator) -> torch.Tensor:
        ids = _trimmed(self._data[0][rows])
        length, each = (ids != PAD).sum(1), torch.arange(len(ids))
        inner = (length - 2).clamp(min=1)
        place = 1 + (torch.rand(len(ids), generator=chance) * inner).long().clamp(max=inner - 1)
        word, ids = ids[each, place], ids.clone()
        ids[each, place] = MASK
        return F.cross_entropy(self.network(ids)[each, length - 1], word)


def _checked(texts: torch.Tensor) -> torch.Tensor:
    if texts.ndim != 2 or texts.dtype != torch.long or not bool((texts[:, 0] == START).all()):
        raise ShapeError(f"Texts of shape {tuple(texts.shape)} and type {texts.dtype}; expected (n, t) whole numbers (int64), "
                         f"each row beginning with the start sign {START}.")
    return texts


def _alike(ids: torch.Tensor, parts: int = 4) -> list[torch.Tensor]:
    """The texts by length, in parts that each lose the columns they do not need: half of a mixed batch is padding."""
    order = (ids != PAD).sum(1).argsort(stable=True)
    return [_trimmed(ids[rows]) for rows in order.chunk(parts)]


def _trimmed(ids: torch.Tensor) -> torch.Tensor:
    """Without the columns in which there is padding only."""
    return ids[:, : int((ids != PAD).sum(1).max())]


class Vocabulary:
    """Texts as numbers of words, and how long they are.

    A text is taken in small letters and apart into words and signs; words that were never met are one.

    Parameters
    ----------
    words : in the order of their numbers, from `SPECIAL` on.

    Examples
    --------
    >>> vocabulary = Vocabulary(["a", "dog", "."])
    >>> vocabulary.ids(["A dog.", "a zebra"]).tolist()
    [[1, 5, 6, 7], [1, 5, 3, 0]]
    >>> vocabulary.ids(["a dog"], stop=True).tolist()
    [[1, 5, 6, 2]]
    """

    def __init__(self, words: Iterable[str]):
        self.words = tuple(words)
        self._numbers = {word: i for i, word in enumerate(self.words, SPECIAL)}
        if len(self._numbers) < len(self.words):
            raise SpecError("A word stands in the vocabulary more than once.")

    def __len__(self) -> int:
        return SPECIAL + len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self._numbers

    @classmethod
    def of(cls, texts: Iterable[str]) -> Vocabulary:
        """The words of these texts, in alphabetical order.

        Parameters
        ----------
        texts : any.
        """
        return cls(sorted({word for text in texts for word in split(text)}))

    def ids(self, texts: Iterable[str], *, context: int = 64, stop: bool = False) -> torch.Tensor:
        """(n, t) from `START` on, padded on the right, cut at the context.

        Parameters
        ----------
        texts : n.
        context : the longest row.
        stop : whether the end sign follows the last word.
        """
        rows = [[START, *(self._numbers.get(word, UNKNOWN) for word in split(text)), *([STOP] if stop else ())][:context]
                for text in texts]
        longest = max(map(len, rows))
        return torch.tensor([row + [PAD] * (longest - len(row)) for row in rows])

    def lengths(self, texts: Iterable[str]) -> list[int]:
        """How many words and signs each text has, the start sign being one, uncut.

        Parameters
        ----------
        texts : n.
        """
        return [1 + len(split(text)) for text in texts]


def split(text: str) -> list[str]:
    """Words and signs, in small letters.

    Parameters
    ----------
    text : any.
    """
    return re.findall(r"\w+|[^\w\s]", text.lower())
