"""Views spoiled on purpose: without the order of words, with others' nouns, without colours, details or layout.

``shuffle-words``
    the words of every text in another order.
``swap-nouns(nouns=FILE)``
    the nouns of every text are those of another sample's, the rest stays. Nouns are the words of a file, one a line; without
    one, the words that stand in the texts between an article (or a possessive, or a number) and the end or a preposition,
    which is a rule of English captions and finds most of them.
``blur(share=0.02)``
    a Gaussian whose standard deviation is this share of the picture's shorter side.
``grey``
    without colour.
``shuffle-patches(side=4)``
    cut into side x side patches, which change places.
``shrink(to=32)``
    down to so many pixels on the shorter side, and up again.

Ids stay, so that a spoiled view is paired with all that the view was paired with; content says that it is spoiled.

>>> view = Samples.of(["a dog on the grass", "a cat in a tree", "the grass by a tree"], modality="text")
>>> sorted(perturbed(view, "shuffle-words").items[0][0].split())
['a', 'dog', 'grass', 'on', 'the']
>>> sorted(nouns_of(["a dog on the grass", "a cat in a tree"]))
['cat', 'dog', 'grass', 'tree']
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from platometer import spec
from platometer.cards import fingerprint
from platometer.errors import DataError, InputError, SpecError, UndefinedError, suggestion
from platometer.samples import Lazy, Samples

if TYPE_CHECKING:
    from PIL.Image import Image

_ARTICLES = """
    a an the his her their its my our your this that these those some two three four five six several many each one
    another"""
_PREPOSITIONS = """
    in on at of by with from into onto over under near behind beside between through across along around above below
    against toward towards up down out off inside outside while is are was were has have that who which to
    for during before after next"""
_BEFORE, _AFTER = (frozenset(words.split()) for words in (_ARTICLES, _PREPOSITIONS))
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")


def perturbed(view: Samples, how: str, *, seed: int = 0) -> Samples:
    """The view spoiled: the same ids in the same order, each item changed as the spec says.

    Parameters
    ----------
    view : of texts or pictures.
    how : one of `PERTURBATIONS` with its options, such as ``"blur(share=0.05)"``.
    seed : of orders and partners; a sample's own draw depends on its id alone, where no partner is drawn.

    Raises
    ------
    SpecError
        There is no such perturbation or option, or an option is out of range.
    InputError
        It is of another modality than the view.
    UndefinedError
        Nouns are to be swapped and fewer than two samples have any.
    """
    kind, options, spelled = _parsed(how)
    if view.modality != kind.modality:
        raise InputError(f"{spelled} is of views of {kind.modality}, and this one is of {view.modality}.")
    items = kind.make(view, seed, **options)
    content = [fingerprint("perturbed", spelled, seed, one) for one in view.content]
    card = dataclasses.replace(view.card, details=dict(view.card.details) | {"perturbed": spelled, "seed": seed})
    if kind.joint:  # what a sample becomes depends on all others
        content = [fingerprint(*map(str, row)) for row in items]
    return dataclasses.replace(view, items=items, content=content, card=card)


def perturbation(how: str) -> str:
    """The spec with its options in full.

    Parameters
    ----------
    how : as for `perturbed`.

    Raises
    ------
    SpecError
        There is no such perturbation or option, or an option is out of range.

    Examples
    --------
    >>> perturbation("blur")
    'blur(share=0.02)'
    """
    return _parsed(how)[2]


def nouns_of(texts: Iterable[str]) -> frozenset[str]:
    """The words that stand at least once between an article or its like and the end, a comma or a preposition.

    Parameters
    ----------
    texts : in English.
    """
    found = set()
    for text in texts:
        for part in re.split(r"[.,;:!?()\"]", text.lower()):
            words = [*_WORD.findall(part), ""]
            found |= {word for before, word, after in zip(words, words[1:], words[2:], strict=False)
                      if before in _BEFORE and (after in _AFTER or not after) and word not in _BEFORE | _AFTER}
    return frozenset(found)


def _parsed(how: str) -> tuple[_Kind, dict[str, Any], str]:
    name, given = spec.parse(how)
    name = name.replace("_", "-")
    if name not in PERTURBATIONS:
        raise SpecError(f"There is no perturbation {name!r}. {suggestion(name, PERTURBATIONS)}")
    kind = PERTURBATIONS[name]
    for option, value in given.items():
        if option not in kind.options:
            known = ", ".join(kind.options) or "none"
            raise SpecError(f"{name} has no option {option or str(value)!r}; it has {known}.")
    options = {key: given.get(key, default) for key, (default, _, _) in kind.options.items()}
    for key, (default, low, high) in kind.options.items():
        value = options[key]
        fits = isinstance(value, str) if isinstance(default, str) else (
            isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
            and not (isinstance(default, int) and value != int(value)))
        if not fits:
            wanted = "a path" if isinstance(default, str) else f"{low:g} to {high:g}"
            raise SpecError(f"{how!r}: {key} = {value!r}; expected {wanted}.")
    return kind, options, spec.spell(name, {key: value for key, value in options.items() if value != ""})


def _drawn(seed: int, *what: object) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=int(fingerprint("perturbed", seed, *what)[:16], 16)))


def _each(change: Callable[..., Any]) -> Callable[..., Sequence]:
    """Every item by itself, when it is asked for."""

    def make(view: Samples, seed: int, **options: Any) -> Sequence:
        def row(i: int) -> tuple:
            return tuple(change(item, _drawn(seed, view.ids[i], j), **options) for j, item in enumerate(view.items[i]))

        return Lazy(len(view), row)

    return make


def _words_shuffled(text: str, stream: np.random.Generator) -> str:
    words = text.split()
    return " ".join(words[i] for i in stream.permutation(len(words)))


def _nouns_swapped(view: Samples, seed: int, *, nouns: str) -> Sequence:
    """Every sample has the nouns of the next in a ring through those that have any, in an order drawn at random."""
    texts = [tuple(map(str, row)) for row in view.items]
    known = _listed(nouns) if nouns else nouns_of(text for row in texts for text in row)
    own = [list(dict.fromkeys(word for text in row for word in _WORD.findall(text.lower()) if word in known)) for row in texts]
    having = [i for i, found in enumerate(own) if found]
    if len(having) < 2:
        raise UndefinedError(f"{len(having)} of {len(texts)} samples have a noun; swapping needs two. Without nouns = FILE "
                             "they are found by English articles.")
    ring = [having[i] for i in _drawn(seed, "ring", list(view.ids)).permutation(len(having))]
    lender = dict(zip(ring, ring[1:] + ring[:1], strict=True))
    return [tuple(_lent(text, known, own[i], own[lender[i]]) for text in row) if i in lender else row
            for i, row in enumerate(texts)]


def _lent(text: str, known: frozenset[str], own: Sequence[str], others: Sequence[str]) -> str:
    """The text with the j-th of its sample's nouns become the j-th that it does not have of the other's, wherever it stands."""
    new = [word for word in others if word not in own] or list(others)
    table = {word: new[j % len(new)] for j, word in enumerate(own)}
    return _WORD.sub(lambda found: _cased(table[found[0].lower()], found[0]) if found[0].lower() in known else found[0], text)


def _cased(word: str, like: str) -> str:
    return word.capitalize() if like[:1].isupper() else word


def _listed(path: str) -> frozenset[str]:
    try:
        words = Path(path).expanduser().read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"swap-nouns: {path!r} cannot be read: {error}. Expected a text file with a noun a line.") from None
    return frozenset(word.strip().lower() for word in words if word.strip())


def _blurred(picture: Image, _: np.random.Generator, *, share: float) -> Image:
    from PIL import ImageFilter

    return _rgb(picture).filter(ImageFilter.GaussianBlur(share * min(picture.size)))


def _grey(picture: Image, _: np.random.Generator) -> Image:
    return _rgb(picture).convert("L").convert("RGB")


def _patches_shuffled(picture: Image, stream: np.random.Generator, *, side: int) -> Image:
    """Patches of equal size; what is left over at the right and the bottom stays where it is."""
    from PIL import Image

    pixels = np.asarray(_rgb(picture)).copy()
    high, wide = pixels.shape[0] // side, pixels.shape[1] // side
    if not (high and wide):
        raise InputError(f"shuffle-patches: a picture of {picture.size[0]} x {picture.size[1]} pixels has no {side} x {side} "
                         "patches.")
    whole = pixels[: side * high, : side * wide].reshape(side, high, side, wide, 3).swapaxes(1, 2)
    moved = whole.reshape(-1, high, wide, 3)[stream.permutation(side**2)].reshape(side, side, high, wide, 3)
    pixels[: side * high, : side * wide] = moved.swapaxes(1, 2).reshape(side * high, side * wide, 3)
    return Image.fromarray(pixels)


def _shrunk(picture: Image, _: np.random.Generator, *, to: int) -> Image:
    from PIL.Image import Resampling

    scale = min(to / min(picture.size), 1.0)
    wide, high = (max(round(scale * length), 1) for length in picture.size)
    return _rgb(picture).resize((wide, high), Resampling.BOX).resize(picture.size, Resampling.BICUBIC)


def _rgb(picture: Image) -> Image:
    return picture if picture.mode == "RGB" else picture.convert("RGB")


@dataclasses.dataclass(frozen=True)
class _Kind:
    """A perturbation: of which modality, its options (default, least, most), and what it does to a view."""

    modality: str
    make: Callable[..., Sequence]
    options: dict[str, tuple] = dataclasses.field(default_factory=dict)
    joint: bool = False


PERTURBATIONS = {
    "shuffle-words": _Kind("text", _each(_words_shuffled)),
    "swap-nouns": _Kind("text", _nouns_swapped, {"nouns": ("", 0, 0)}, joint=True),
    "blur": _Kind("image", _each(_blurred), {"share": (0.02, 0.0, 1.0)}),
    "grey": _Kind("image", _each(_grey)),
    "shuffle-patches": _Kind("image", _each(_patches_shuffled), {"side": (4, 2, 64)}),
    "shrink": _Kind("image", _each(_shrunk), {"to": (32, 1, 4096)}),
}
"""Every perturbation by name."""
