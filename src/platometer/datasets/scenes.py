"""Scenes of a small world whose every probability is known, as pictures, captions, sounds and paths, drawn here.

See `platometer.scenes` for the world and for what each view tells and leaves out. Pictures and sounds are made when asked
for. Their content hashes name how they are made: the scene, the options, and the code that draws.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from pathlib import Path

import PIL
from PIL import Image

from platometer import scenes
from platometer.cards import Card, fingerprint
from platometer.datasets import _captions
from platometer.errors import SpecError, suggestion
from platometer.samples import Lazy, Paired, Samples

VIEWS = ("image", "text", "audio", "vector")
_KEPT = 2**26  # bytes of one view held in memory


def load(
    split: str, *, n: int = 1024, series: int = 0, words: int | None = 20, abstraction: float = 0.0,
    views: Sequence[str] = ("image", "text"), side: int = 48, captions: int = 1, world: str | None = None,
) -> Paired:
    """n scenes of a split in several views; the i-th does not depend on how many there are.

    Parameters
    ----------
    split : ``"test"`` for studies, ``"pictures"`` for learners that see, ``"captions"`` for learners that read: what a scene
        shows belongs to one of them for good.
    n : number of scenes.
    series : another number, other scenes.
    words, abstraction : of the captions; see `platometer.scenes.captions`.
    views : which of ``image``, ``text``, ``audio`` (a sound of half a second) and ``vector`` (a path, 64 places one after
        another, (128,)).
    side : of the pictures, in pixels.
    captions : how many of each scene, worded differently.
    world : path of a world's file; the one that ships if None.

    Raises
    ------
    SpecError
        No such split or view, no scene or caption asked for, or a world's file that cannot be read.

    Examples
    --------
    >>> found = load("test", n=8, words=10, views=("text", "audio"))
    >>> found.view("text").items[0]
    ('a big brown dog sits in a park in springtime',)
    >>> found.view("audio").items[0][0][0].shape
    (4000,)
    """
    views = (views,) if isinstance(views, str) else tuple(views)
    for view in views:
        if view not in VIEWS:
            raise SpecError(f"views: there is no {view!r}. {suggestion(view, VIEWS)}")
    if not views or captions < 1:
        raise SpecError(f"{len(views)} views and {captions} captions; expected at least one of each.")
    of = scenes.world() if world is None else scenes.read(world)
    events = of.sample(n, split=split, seed=series)
    details = {"split": split, "n": n, "series": series, "words": words, "abstraction": abstraction, "views": list(views),
               "side": side, "captions": captions, "world": of.name, "tables": of.fingerprint}
    card = Card(name="scenes", source=f"scenes:{split}", revision=fingerprint(_code(), details)[:16], licence="Apache-2.0",
                details=details)
    made, notes = {}, []
    for view in views:
        if view == "text":
            texts = [scenes.captions(events, seed=series + 1_000_003 * j, words=words, abstraction=abstraction)
                     for j in range(captions)]
            rows = list(zip(*texts, strict=True))
            made[view] = Samples(ids=events.ids, items=rows, modality=view, content=[fingerprint(*row) for row in rows],
                                 card=card)
            notes += _captions.repeated(texts[0])
        else:
            how = [_code(), view, PIL.__version__ if view == "image" else "", side if view == "image" else 0, series]
            content = [fingerprint(how, events.ids[i], events.values[i].tobytes()) for i in range(n)]
            made[view] = Samples(ids=events.ids, items=Lazy(n, _made(view, events, series, side)), modality=view,
                                 content=content, card=card)
    return Paired(views=made, card=card, notes=tuple(notes))


def _made(view: str, events: scenes.Events, series: int, side: int) -> Callable[[int], tuple[object, ...]]:
    """position -> the scene in this view; drawn once as far as memory is spared, since many models look at it."""
    if view == "image":
        picture = lru_cache(_KEPT // (3 * side * side))(lambda i: scenes.picture(events[i], seed=series, side=side))
        return lambda i: (Image.fromarray(picture(i)),)
    if view == "audio":
        sound = lru_cache(_KEPT // 2**14)(lambda i: scenes.sounds(events.take([i]), seed=series)[0])
        return lambda i: ((sound(i), scenes.RATE),)
    path = lru_cache(_KEPT // 2**10)(lambda i: scenes.paths(events.take([i]), seed=series)[0].reshape(-1))
    return lambda i: (path(i),)


@cache
def _code() -> str:
    """A hash of the code that makes the views."""
    home = Path(scenes.__file__).parent
    return fingerprint(*(path.read_bytes() for path in sorted(home.glob("*.py"))))
