"""Channels that lose something: on pictures, and on events, where what they keep is known in bits.

A strength of 0 loses nothing, and more strength loses more. Channels follow one another with ``|``::

    Channel("blur", 1.5) | Channel("grey", 1)
    EventChannel("merged", ("kind",), 4) | EventChannel("replaced", ("colour",), 0.3)

On events a channel is a table P(value out | value in) per attribute, so that mutual information before and after is an exact
sum over the world's tables: `information_kept`. Of pictures only bounds are known: `information_bound`.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from platometer.errors import ShapeError, SpecError, UndefinedError, suggestion
from platometer.scenes._events import Events
from platometer.scenes._world import ABSENT, World, world

_LUMINANCE = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Channel:
    """A loss on pictures, the same for equal pictures under equal seeds.

    Attributes
    ----------
    name : one of the names below.
    strength : ``blur``: standard deviation in 48ths of the side. ``grey``: share of the colour taken, to 1. ``crop``: share of
        the side cut away, below 1; what is left fills the picture. ``occlusion``: share of the area behind a grey square, to 1.
        ``palette``: bits taken from each of three colour channels, 0 to 7. ``resolution``: how often the side is halved.
        ``noise``: standard deviation in levels of 255, per pixel and colour.

    Raises
    ------
    SpecError
        No such channel, or a strength out of range.

    Examples
    --------
    >>> from platometer import scenes
    >>> spoiled = scenes.Channel("grey", 1) | scenes.Channel("occlusion", 0.25)
    >>> spoiled(scenes.pictures(scenes.world().sample(2))).shape
    (2, 48, 48, 3)
    """

    name: str
    strength: float

    def __post_init__(self) -> None:
        if self.name not in _LOSSES:
            raise SpecError(f"There is no channel {self.name!r} on pictures. {suggestion(self.name, _LOSSES)}")
        most, whole = _LOSSES[self.name].most, self.name == "palette" and self.strength != int(self.strength)
        if not 0 <= self.strength <= most or whole or (self.name == "crop" and self.strength == 1):
            raise SpecError(f"{self.name} of strength {self.strength}; expected {_LOSSES[self.name].range}.")

    def __call__(self, pictures: np.ndarray, *, seed: int = 0) -> np.ndarray:
        """(n, side, side, 3) uint8: the pictures as they arrive.

        Parameters
        ----------
        pictures : (n, side, side, 3) uint8.
        seed : of what is random in it; a picture's draw depends on its pixels and the seed, not on its place.

        Raises
        ------
        ShapeError
            Not such pictures.
        """
        if pictures.ndim != 4 or pictures.shape[1] != pictures.shape[2] or pictures.shape[3] != 3 or pictures.dtype != np.uint8:
            raise ShapeError(f"pictures: {pictures.dtype} of shape {pictures.shape}; expected uint8 of (n, side, side, 3).")
        if self.strength == 0:
            return pictures.copy()
        made = np.empty_like(pictures)
        for i, picture in enumerate(pictures):
            made[i] = _LOSSES[self.name].act(picture, self.strength, _chance(f"{self.name} {seed}", picture))
        return made

    def __or__(self, other: Channel | Chain) -> Chain:
        return Chain((self,)) | other


@dataclass(frozen=True)
class EventChannel:
    """A loss on what scenes are, before any view of them; ids stay, so views keep their own randomness.

    What is absent (``none``) stays absent. Attributes that are not named stay as they were, those that follow by rule included.

    Attributes
    ----------
    name : ``replaced``: by a draw from its own frequencies, with probability `strength`. ``hidden``: by the most frequent
        value, with probability `strength`. ``merged``: the first `strength` + 1 values become the first of them, and so on,
        in the world's order; a whole number.
    attributes : names, any but the count, on which it hangs whether a thing is there.
    strength : see above.
    world : whose frequencies are meant.

    Raises
    ------
    SpecError
        No such channel or attribute, or a strength out of range.

    Examples
    --------
    >>> from platometer import scenes
    >>> half = scenes.EventChannel("replaced", ("colour",), 0.5)
    >>> share = scenes.information_kept(half, scenes.world(), ["colour"]) / scenes.world().entropy("colour")
    >>> bool(0.2 < share < 0.35)  # less than half: one does not see which were replaced
    True
    """

    name: str
    attributes: tuple[str, ...]
    strength: float
    world: World = field(default_factory=world, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.name not in _TABLES:
            raise SpecError(f"There is no channel {self.name!r} on events. {suggestion(self.name, _TABLES)}")
        if isinstance(self.attributes, str) or not self.attributes:
            raise SpecError(f"attributes = {self.attributes!r}; expected a tuple of names, as in ('colour',).")
        object.__setattr__(self, "attributes", tuple(self.attributes))
        for attribute in self.attributes:
            if attribute not in self.world.attributes:
                raise SpecError(f"There is no attribute {attribute!r}. {suggestion(attribute, self.world.attributes)}")
            if attribute == "count":
                raise SpecError("No channel acts on 'count', which says what is there. Act on kind_2 to kind_4.")
        if self.name == "merged" and not (self.strength >= 0 and self.strength == int(self.strength)):
            raise SpecError(f"merged with strength {self.strength}; expected a whole number of values that go into another.")
        if self.name != "merged" and not 0 <= self.strength <= 1:
            raise SpecError(f"{self.name} with strength {self.strength}; expected a probability.")

    def table(self, attribute: str) -> np.ndarray:
        """(values, values) P(value out | value in); the identity where the channel does not act.

        Parameters
        ----------
        attribute : name.
        """
        values, p = self.world.attributes[attribute], self.world.joint(attribute)
        table = np.eye(len(values))
        if attribute in self.attributes:
            m = len(values) - (ABSENT in values)  # none is the last, and stays
            table[:m, :m] = _TABLES[self.name](p[:m] / p[:m].sum(), self.strength)
        return table

    def __call__(self, events: Events, *, seed: int = 0) -> Events:
        """The events as they arrive.

        Parameters
        ----------
        events : of a world with these attributes.
        seed : of what is random; an event's draw depends on its id and the seed alone.
        """
        values, names = events.values.copy(), list(events.attributes)
        for attribute in self.attributes:
            below = self.table(attribute).cumsum(1)[events.column(attribute)]
            u = np.array([_uniform(f"{self.name} {attribute} {self.strength} {seed} {id}") for id in events.ids])
            column = (u[:, None] * below[:, -1:] >= below).sum(1)
            values[:, names.index(attribute)] = np.minimum(column, below.shape[1] - 1)
        return Events(events.attributes, values, events.ids)

    def __or__(self, other: EventChannel | Chain) -> Chain:
        return Chain((self,)) | other


@dataclass(frozen=True)
class Chain:
    """Channels one after another, all on pictures or all on events.

    Attributes
    ----------
    parts : the first acts first.

    Raises
    ------
    SpecError
        None, or of both kinds: a picture has to be drawn between them.
    """

    parts: tuple[Channel, ...] | tuple[EventChannel, ...]

    def __post_init__(self) -> None:
        if len({type(part) for part in self.parts}) != 1:
            raise SpecError(f"{len(self.parts)} channels, on pictures and on events mixed or none; expected channels of one "
                            "kind. Spoil the events, draw them, then spoil the pictures.")

    @cached_property
    def name(self) -> str:
        """The parts' names."""
        return " | ".join(part.name for part in self.parts)

    def __call__(self, views: Any, *, seed: int = 0) -> Any:
        """Pictures or events as they arrive at the end.

        Parameters
        ----------
        views : what the first part takes.
        seed : each part has its own from it.
        """
        parts: tuple[Any, ...] = self.parts
        for i, part in enumerate(parts):
            views = part(views, seed=seed + 1_000_003 * i)
        return views

    def __or__(self, other: Channel | EventChannel | Chain) -> Chain:
        return Chain((*self.parts, *(other.parts if isinstance(other, Chain) else (other,))))  # type: ignore[arg-type]


def information_kept(
    channel: Channel | EventChannel | Chain, of: World, attributes: Sequence[str], *, seen: Sequence[str] | None = None
) -> float:
    """I(attributes; what arrives of the attributes seen), in bits, exactly.

    Parameters
    ----------
    channel : on events; on pictures only where nothing at all arrives (``occlusion`` of 1).
    of : the world the events come from.
    attributes : about which something is to be known.
    seen : whose values are looked at after the channel; `attributes` if None. Others may tell of `attributes` too, which
        is counted if they are named here.

    Returns
    -------
    0 (nothing is left) to `World.entropy` of the attributes (everything).

    Raises
    ------
    UndefinedError
        For a channel on pictures: says why its loss is not exactly known, and what is.
    SpecError
        No such attribute, or a table too large to be held.

    Examples
    --------
    >>> from platometer import scenes
    >>> hidden = scenes.EventChannel("hidden", ("place",), 1)
    >>> round(scenes.information_kept(hidden, scenes.world(), ["place"]), 9)
    0.0
    >>> rest = scenes.information_kept(hidden, scenes.world(), ["place"], seen=["place", "kind"])  # things tell of places
    >>> round(rest - scenes.world().mutual_information("place", "kind"), 9)
    0.0
    """
    parts = channel.parts if isinstance(channel, Chain) else (channel,)
    attributes, seen = list(attributes), list(attributes if seen is None else seen)
    of.entropy(*attributes)  # asks whether they are there
    for part in parts:
        if isinstance(part, Channel):
            if any(part.name == "occlusion" and part.strength == 1 for part in parts):
                return 0.0
            raise UndefinedError(f"How much {part.name} keeps is not exactly known: {_LOSSES[part.name].known} "
                                 "A bound: information_bound.")
        if not isinstance(part, EventChannel):
            raise SpecError(f"{part.name} is no channel on events or pictures; of captions ask words_kept.")
    both = _arrived([part for part in parts if isinstance(part, EventChannel)], of, attributes, seen)
    a, b = both.sum(1), both.sum(0)
    there = both > 0
    bits = float((both[there] * (np.log2(both[there]) - np.log2(np.outer(a, b)[there]))).sum())
    return max(bits, 0.0)


def information_bound(channel: Channel | Chain, of: World, attributes: Sequence[str], *, side: int = 48) -> float:
    """No picture that went through the channel tells more of the attributes than this, in bits.

    The least of the entropy of the attributes and, for each part, what fits through it: ``palette`` 3 (8 - strength) bits a
    pixel, ``resolution`` 24 bits for each pixel left, ``grey`` of 1 eight bits a pixel, ``noise`` the capacity
    log2(1 + 127.5^2 / strength^2) / 2 of a Gaussian channel a number, ``occlusion`` 24 bits for each pixel in sight.
    ``blur`` and ``crop`` can in principle be undone or keep every pixel they show, and bound nothing beyond the entropy.

    Parameters
    ----------
    channel : on pictures.
    of : the world the scenes come from.
    attributes : names, taken together.
    side : of the pictures, in pixels.
    """
    parts = channel.parts if isinstance(channel, Chain) else (channel,)
    if any(not isinstance(part, Channel) for part in parts):
        raise SpecError("information_bound is for channels on pictures; on events ask information_kept, which is exact.")
    return min(of.entropy(*attributes), *(_room(part, side) for part in parts))  # type: ignore[arg-type]


def _arrived(parts: Sequence[EventChannel], of: World, attributes: list[str], seen: list[str]) -> np.ndarray:
    """(values of the attributes in combination, values seen in combination) of P, by one exact sum."""
    everything = list(dict.fromkeys((*attributes, *seen)))
    cells = math.prod(len(of.attributes[name]) for name in (*attributes, *seen) if name in of.attributes)
    if cells > 5e7:
        raise SpecError(f"{cells:.1e} cells for {attributes} and {seen}; expected at most 5e7: ask for fewer at once.")
    joint = of.joint(*everything)
    axis = {name: i for i, name in enumerate(everything)}
    operands: list = [joint, list(axis.values())]
    for j, name in enumerate(seen):
        table = np.eye(len(of.attributes[name]))
        for part in parts:
            if part.world.attributes[name] != of.attributes[name]:
                raise SpecError(f"{name!r} has other values in the channel's world than in this one.")
            table = table @ part.table(name)
        operands += [table, [axis[name], len(axis) + j]]
    out = [axis[name] for name in attributes] + [len(axis) + j for j in range(len(seen))]
    rows = math.prod(len(of.attributes[name]) for name in attributes)
    return np.einsum(*operands, out, optimize="greedy").reshape(rows, -1)


def _replaced(p: np.ndarray, strength: float) -> np.ndarray:
    return (1 - strength) * np.eye(len(p)) + strength * p


def _hidden(p: np.ndarray, strength: float) -> np.ndarray:
    return (1 - strength) * np.eye(len(p)) + strength * (np.arange(len(p)) == p.argmax())


def _merged(p: np.ndarray, strength: float) -> np.ndarray:
    places = np.arange(len(p))
    return (places == (places // (int(strength) + 1) * (int(strength) + 1))[:, None]).astype(float)


_TABLES: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {"replaced": _replaced, "hidden": _hidden, "merged": _merged}


def _blur(picture: np.ndarray, strength: float, chance: np.random.Generator) -> np.ndarray:
    return np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(strength * len(picture) / 48)))


def _grey(picture: np.ndarray, strength: float, chance: np.random.Generator) -> np.ndarray:
    luminance = (picture @ np.array(_LUMINANCE))[..., None]
    return np.rint(picture * (1 - strength) + luminance * strength).clip(0, 255).astype(np.uint8)


def _crop(picture: np.ndarray, strength: float, chance: np.random.Generator) -> np.ndarray:
    side = len(picture)
    kept = max(1, round(side * (1 - strength)))
    x, y = (int(place) for place in chance.integers(0, side - kept + 1, 2))
    image = Image.fromarray(picture).crop((x, y, x + kept, y + kept))
    return np.asarray(image.resize((side, side), Image.Resampling.BILINEAR))


def _occlusion(picture: np.ndarray, strength: float, chance: np.random.Generator) -> np.ndarray:
    side = len(picture)
    wide = min(side, round(side * math.sqrt(strength)))
    x, y = (int(place) for place in chance.integers(0, side - wide + 1, 2))
    made = picture.copy()
    made[y:y + wide, x:x + wide] = 128
    return made


def _palette(picture: np.ndarray, strength: float, chance: np.random.Generator) -> np.ndarray:
    bits = int(strength)
    return ((picture >> bits) << bits) + np.uint8(2 ** (bits - 1))


def _resolution(picture: np.ndarray, strength: float, chance: np.random.Generator) -> np.ndarray:
    side = len(picture)
    left = _left(side, strength)
    return np.asarray(Image.fromarray(picture).resize((left, left), Image.Resampling.BOX)
                      .resize((side, side), Image.Resampling.BILINEAR))


def _noise(picture: np.ndarray, strength: float, chance: np.random.Generator) -> np.ndarray:
    noise = chance.standard_normal(picture.shape, dtype=np.float32) * np.float32(strength)
    return np.rint(picture + noise).clip(0, 255).astype(np.uint8)


@dataclass(frozen=True)
class _Loss:
    """How a channel acts on one picture, how strong it may be, and what is known of its loss."""

    act: Callable[[np.ndarray, float, np.random.Generator], np.ndarray]
    most: float
    range: str
    known: str


_LOSSES = {
    "blur": _Loss(_blur, math.inf, "a number that is not negative",
                  "it shrinks fine detail without a sharp limit, so no attribute is exactly lost."),
    "grey": _Loss(_grey, 1, "0 to 1",
                  "at 1, hue and saturation of every pixel are gone and luminance stays, so colours are kept as far as their "
                  "luminance tells them apart; below 1 only digits are."),
    "crop": _Loss(_crop, 1, "0 to below 1", "what falls outside is gone, but which things stand there depends on the scene."),
    "occlusion": _Loss(_occlusion, 1, "0 to 1",
                       "what is behind the square is gone, but which things stand there depends on the scene; only at 1 is "
                       "everything lost, and 0 bits kept."),
    "palette": _Loss(_palette, 7, "a whole number of bits, 0 to 7",
                     "the low bits of every number are gone, which no attribute hangs on alone."),
    "resolution": _Loss(_resolution, math.inf, "a number of halvings that is not negative",
                        "only means over squares are left, and what they tell of an attribute depends on the drawing."),
    "noise": _Loss(_noise, math.inf, "a number that is not negative",
                   "each number's capacity is bounded, but what the drawing tells through it is not known in closed form."),
}

CHANNELS = tuple(_LOSSES)
"""Names of the channels on pictures."""


def _left(side: int, strength: float) -> int:
    """Pixels of the side after so many halvings."""
    return max(1, round(side / 2 ** min(strength, 60.0)))


def _room(part: Channel, side: int) -> float:
    """The bits that fit through one channel."""
    if part.strength == 0:
        return math.inf
    pixels = side * side
    if part.name == "palette":
        return 3 * (8 - part.strength) * pixels
    if part.name == "resolution":
        return 24.0 * _left(side, part.strength) ** 2
    if part.name == "grey" and part.strength == 1:
        return 8.0 * pixels
    if part.name == "noise":
        return 3 * pixels * math.log2(1 + (127.5 / part.strength) ** 2) / 2
    if part.name == "occlusion":
        hidden = min(side, round(side * math.sqrt(part.strength)))
        return 0.0 if hidden == side else 24.0 * (pixels - hidden**2)
    return math.inf


def _chance(words: str, picture: np.ndarray) -> np.random.Generator:
    digest = hashlib.blake2b(words.encode() + np.ascontiguousarray(picture).tobytes(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(int.from_bytes(digest, "little")))


def _uniform(words: str) -> float:
    """A number in [0, 1) that follows from the words."""
    return int.from_bytes(hashlib.blake2b(words.encode(), digest_size=8).digest(), "little") / 2**64
