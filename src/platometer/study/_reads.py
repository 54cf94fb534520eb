"""What a model is given of a sample's texts: the first few of several, their words shuffled, a prompt around them."""

from __future__ import annotations

import dataclasses

import numpy as np

from platometer.cards import fingerprint
from platometer.errors import StudyError
from platometer.samples import Samples
from platometer.study._file import ReadsTable


def reading(view: Samples, asked: ReadsTable | None, *, seed: int = 0) -> Samples:
    """The view as a model reads it; its ids stay, its content is that of the texts that are read.

    Parameters
    ----------
    view : of texts.
    asked : what is read; the view as it is if None.
    seed : of shuffled words.

    Raises
    ------
    StudyError
        The view is not of texts, or a sample has fewer than are asked for.

    Examples
    --------
    >>> view = Samples.of([("a dog on grass", "a dog")], modality="text")
    >>> reading(view, ReadsTable(prompt="I see {caption}.", several="join")).items[0]
    ('I see a dog on grass. I see a dog.',)
    """
    if asked is None or asked == ReadsTable():
        return view
    if view.modality != "text":
        raise StudyError(f"reads: is of texts, and the view is of {view.modality}.")
    items = [_texts(view.ids[row], tuple(map(str, texts)), asked, seed) for row, texts in enumerate(view.items)]
    return dataclasses.replace(view, items=items, content=[fingerprint(*texts) for texts in items])


def told(view: Samples, asked: ReadsTable | None) -> dict[str, object]:
    """What is recorded of reading: what was asked for, how many texts of a sample there are, and their mean number of words.

    Parameters
    ----------
    view : as it is read.
    asked : what was asked.
    """
    if view.modality != "text" or asked is None:
        return {}
    counts = [len(str(text).split()) for texts in view.items for text in texts]
    items = sum(len(texts) for texts in view.items)
    texts = asked.texts if asked.texts is not None else 1 if asked.text is not None else items / len(view)
    return {"reads": asked.model_dump() | {"texts": texts, "mean_words": round(sum(counts) / len(view), 3)}}


def _texts(name: str, texts: tuple[str, ...], asked: ReadsTable, seed: int) -> tuple[str, ...]:
    """The texts of one sample as they are read."""
    wanted = asked.texts if asked.text is None else asked.text + 1
    if wanted is not None and len(texts) < wanted:
        raise StudyError(f"reads: text {wanted} of each sample is asked for, but {name!r} has {len(texts)}. Data with several "
                         'texts for each sample has captions = "mean".')
    kept = texts[: asked.texts] if asked.text is None else (texts[asked.text],)
    if asked.words == "shuffled":
        kept = tuple(_shuffled(text, int(fingerprint(seed, name, i), 16)) for i, text in enumerate(kept))
    if asked.prompt:
        kept = tuple(asked.prompt.replace("{caption}", text) for text in kept)
    return (" ".join(kept),) if asked.several == "join" else kept


def _shuffled(text: str, seed: int) -> str:
    """The same words in another order."""
    words = text.split()
    order = np.argsort(np.random.Philox(key=seed % 2**64).random_raw(len(words)), kind="stable")
    return " ".join(words[i] for i in order)
