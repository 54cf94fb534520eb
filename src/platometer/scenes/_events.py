"""Scenes as they come from a world: the values of their attributes, and where their things stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from platometer.cards import fingerprint
from platometer.errors import InputError, SpecError, suggestion

_ABSENT = "none"


@dataclass(frozen=True)
class Thing:
    """One thing of a scene.

    Attributes
    ----------
    kind, colour, size : words.
    x : where it stands, -1 (left) to 1 (right).
    depth : 0 (near, low in the picture) to 1 (far).
    """

    kind: str
    colour: str
    size: str
    x: float
    depth: float


@dataclass(frozen=True)
class Scene:
    """One event: every attribute by name, and its things; thing 1 is the main one.

    Attributes
    ----------
    id : of the event.
    values : attribute -> word.
    things : one to four.
    """

    id: str
    values: Mapping[str, str]
    things: tuple[Thing, ...]

    def __getitem__(self, attribute: str) -> str:
        return self.values[attribute]


@dataclass(frozen=True)
class Events:
    """n scenes.

    Attributes
    ----------
    attributes : name -> values, as in `World.attributes`.
    values : (n, attributes) int16, the place of each value among its attribute's values.
    ids : (n,), which also seed what a view adds of its own.
    """

    attributes: Mapping[str, tuple[str, ...]]
    values: np.ndarray = field(repr=False)
    ids: tuple[str, ...] = field(repr=False)

    def __post_init__(self) -> None:
        if self.values.shape != (len(self.ids), len(self.attributes)):
            raise InputError(f"{self.values.shape} values for {len(self.ids)} ids and {len(self.attributes)} attributes.")
        if len(set(self.ids)) < len(self.ids):
            raise InputError("Two events have one id.")
        self.values.flags.writeable = False

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, i: int) -> Scene:
        words = {name: values[j] for (name, values), j in zip(self.attributes.items(), self.values[i], strict=True)}
        return Scene(id=self.ids[i], values=words, things=_things(words))

    def column(self, attribute: str) -> np.ndarray:
        """(n,) the place of each event's value among the attribute's values.

        Parameters
        ----------
        attribute : name.

        Raises
        ------
        SpecError
            No such attribute.
        """
        if attribute not in self.attributes:
            raise SpecError(f"There is no attribute {attribute!r}. {suggestion(attribute, list(self.attributes))}")
        return self.values[:, list(self.attributes).index(attribute)].astype(np.int64)

    def take(self, rows: Sequence[int] | np.ndarray) -> Events:
        """Some of the events, in this order.

        Parameters
        ----------
        rows : their places, each at most once.
        """
        rows = np.asarray(rows, dtype=np.int64)
        return Events(self.attributes, self.values[rows], tuple(self.ids[i] for i in rows))

    @property
    def fingerprint(self) -> str:
        """A hash of ids and values."""
        return fingerprint(list(self.ids), self.values.tobytes())


_SLOTS = {  # (x, depth) of thing 1, 2, 3, 4
    "row": ((-0.25, 0.5), (0.25, 0.5), (-0.75, 0.5), (0.75, 0.5)),
    "cluster": ((-0.12, 0.4), (0.14, 0.45), (0.0, 0.6), (0.02, 0.25)),
    "scattered": ((-0.4, 0.3), (0.45, 0.7), (0.1, 0.05), (-0.75, 0.85)),
    "mirrored": ((-0.5, 0.4), (0.5, 0.4), (-0.9, 0.7), (0.9, 0.7)),
    "apart": ((-0.8, 0.3), (0.8, 0.5), (0.75, 0.0), (-0.7, 0.9)),
}
_TURNS = {"left": (-1, 0), "right": (1, 0), "behind": (0, 1), "before": (0, -1)}


def _things(words: Mapping[str, str]) -> tuple[Thing, ...]:
    """Things 1 to 4 as far as they are there, standing as arrangement and relation say."""
    spots = list(_SLOTS[words["arrangement"]])
    if "kind_2" not in words or words["kind_2"] == _ABSENT:
        spots[0] = (0.0, 0.4) if words["arrangement"] in ("mirrored", "row") else spots[0]
    else:
        across, deep = _TURNS[words["relation"]]
        (x1, d1), (x2, d2) = spots[0], spots[1]
        if across:
            low, high = sorted((x1, x2))
            spots[:2] = [(high, d1), (low, d2)] if across < 0 else [(low, d1), (high, d2)]
        else:
            middle = (d1 + d2) / 2
            spots[:2] = [(x1, middle - 0.25 * deep), (x2, middle + 0.25 * deep)]
    names = ["", "_2", "_3", "_4"]
    return tuple(Thing(words[f"kind{j}"], words[f"colour{j}"], words[f"size{j}"], x, min(max(depth, 0.0), 1.0))
                 for j, (x, depth) in zip(names, spots, strict=True) if words[f"kind{j}"] != _ABSENT)
