"""Scenes of coloured shapes with a caption each, drawn and worded here, so that nothing need be downloaded.

Views are ``image``, 32 x 32 pixels, and ``text``; see `platometer.shapes` for what either tells and leaves out.
"""

from __future__ import annotations

from PIL import Image

from platometer import shapes
from platometer.cards import Card, fingerprint
from platometer.datasets import _captions
from platometer.errors import SpecError
from platometer.samples import Lazy, Paired, Samples


def load(split: str, *, n: int = 1024, series: int = 0) -> Paired:
    """n scenes of a split, as pictures and captions; the i-th does not depend on how many there are.

    Parameters
    ----------
    split : ``"train"`` for learners, ``"test"`` for the study. What a scene shows belongs to one of the two for good, so
        that no series ever puts it in both.
    n : number of scenes.
    series : another number, other scenes, pictures and captions.

    Raises
    ------
    SpecError
        No such split, or no scene asked for.

    Examples
    --------
    >>> found = load("test", n=8)
    >>> found.view("text").items[5]
    ('a big violet asterisk in the dark',)
    >>> found.view("image").items[0][0].size
    (32, 32)
    """
    if split not in shapes.SPLITS:
        raise SpecError(f"split = {split!r}; expected 'train' or 'test'.")
    if n < 1:
        raise SpecError(f"n = {n}; expected at least one scene.")
    pictures, captions = shapes.drawn(split, n, series)
    card = Card(name="shapes", source=f"shapes:{split}", revision=fingerprint(pictures.tobytes(), list(captions))[:16],
                licence="Apache-2.0", details={"split": split, "n": n, "series": series})
    ids = tuple(f"{split}-{series}-{i:05d}" for i in range(n))
    views = {
        "image": Samples(ids=ids, items=Lazy(n, lambda i: (Image.fromarray(pictures[i]),)), modality="image",
                         content=[_captions.digest(picture.tobytes()) for picture in pictures], card=card),
        "text": Samples(ids=ids, items=[(text,) for text in captions], modality="text",
                        content=[fingerprint(text) for text in captions], card=card),
    }
    return Paired(views=views, card=card, notes=tuple(_captions.repeated(captions)))
