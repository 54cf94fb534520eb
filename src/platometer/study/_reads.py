"""What a model is given of a sample: of texts the first few of several, a prompt around them; of any view, spoiled or not."""

from __future__ import annotations

import dataclasses

from platometer import datasets, spec
from platometer.cards import fingerprint
from platometer.errors import StudyError
from platometer.samples import Samples
from platometer.study._file import ReadsTable


def reading(view: Samples, asked: ReadsTable | None, *, seed: int = 0) -> Samples:
    """The view as a model reads it; its ids stay, its content is that of what is read.

    Parameters
    ----------
    view : of texts; or of anything that can be spoiled, where nothing else is asked for.
    asked : what is read; the view as it is if None.
    seed : of what is spoiled.

    Raises
    ------
    StudyError
        The view is not of texts, or a sample has fewer than are asked for.
    InputError
        The view cannot be spoiled like that.

    Examples
    --------
    >>> view = Samples.of([("a dog on grass", "a dog")], modality="text")
    >>> reading(view, ReadsTable(prompt="I see {caption}.", several="join")).items[0]
    ('I see a dog on grass. I see a dog.',)
    """
    if asked is None or asked == ReadsTable():
        return view
    spoiled = datasets.perturbed(view, asked.perturbed, seed=seed) if asked.perturbed else view
    if asked.model_copy(update={"perturbed": ""}) == ReadsTable():
        return spoiled
    if view.modality != "text":
        raise StudyError(f"reads: is of texts, and the view is of {view.modality}.")
    items = [_texts(view.ids[row], tuple(map(str, texts)), asked) for row, texts in enumerate(spoiled.items)]
    return dataclasses.replace(view, items=items, content=[fingerprint(*texts) for texts in items])


def fits(view: Samples, asked: ReadsTable | None) -> bool:
    """Whether the view can be read like that.

    Parameters
    ----------
    view : any.
    asked : what is read.
    """
    if asked is None or asked == ReadsTable():
        return True
    if asked.perturbed and datasets.PERTURBATIONS[spec.parse(asked.perturbed)[0].replace("_", "-")].modality != view.modality:
        return False
    return view.modality == "text" or asked.model_copy(update={"perturbed": ""}) == ReadsTable()


def told(view: Samples, asked: ReadsTable | None) -> dict[str, object]:
    """What is recorded of reading: what was asked for; of texts, how many a sample has, and their mean number of words.

    Parameters
    ----------
    view : as it is read.
    asked : what was asked.
    """
    if asked is None:
        return {}
    if view.modality != "text":
        return {"reads": {"perturbed": asked.perturbed}}
    counts = [len(str(text).split()) for texts in view.items for text in texts]
    items = sum(len(texts) for texts in view.items)
    texts = asked.texts if asked.texts is not None else 1 if asked.text is not None else items / len(view)
    return {"reads": asked.model_dump() | {"texts": texts, "mean_words": round(sum(counts) / len(view), 3)}}


def _texts(name: str, texts: tuple[str, ...], asked: ReadsTable) -> tuple[str, ...]:
    """The texts of one sample as they are read."""
    wanted = asked.texts if asked.text is None else asked.text + 1
    if wanted is not None and len(texts) < wanted:
        raise StudyError(f"reads: text {wanted} of each sample is asked for, but {name!r} has {len(texts)}. Data with several "
                         'texts for each sample has captions = "mean".')
    kept = texts[: asked.texts] if asked.text is None else (texts[asked.text],)
    if asked.prompt:
        kept = tuple(asked.prompt.replace("{caption}", text) for text in kept)
    return (" ".join(kept),) if asked.several == "join" else kept
