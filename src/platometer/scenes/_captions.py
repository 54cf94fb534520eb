"""Captions of scenes from a grammar: several hundred words, many ways to say one thing, and two dials.

What a caption tells goes by order: the main thing first, then its colour and size, the place, the time, the weather, the
second thing and where it stands, the season, further things, how many there are, how they are arranged, the mood, the
balance. ``words`` says how far down the order it gets. ``abstraction`` is the probability of each clause that it comes from
another order instead, which names no thing and no colour: how many, what mood, which arrangement, what balance, what time of
life.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

from platometer.errors import InputError
from platometer.scenes import _known
from platometer.scenes import _lexicon as lexicon
from platometer.scenes._events import Events, Scene

DENSITIES = (3, 5, 10, 20, 30)
_ABSENT = "none"
_NAMED = ("kind", "colour", "place", "size", "time", "weather", "kind_2", "season", "colour_2", "kind_3", "size_2", "kind_4",
          "colour_3", "colour_4", "count", "arrangement", "mood", "symmetry", "size_3", "size_4")
_UNNAMED = ("count", "mood", "arrangement", "symmetry", "season", "time", "relation", "weather", "size")
_FRAMES = ("verb", "bare", "there", "setting", "seen", "shown", "inverted")
_FRAMES_COST = {"verb": 1, "bare": 0, "there": 2, "setting": 1, "seen": 3, "shown": 2, "inverted": 1}
_BESIDE = ("next to {b}", "beside {b}", "alongside {b}", "near {b}", "together with {b}")
_FURTHER = ("there is also {c}", "{c} can be seen too", "one also notices {c}", "nearby there is {c}", "further there is {c}")
_PLAIN = {  # attribute -> (what tells each value, whether that is a clause of its own)
    "colour": (lexicon.COLOURS, False), "size": (lexicon.SIZES, False), "place": (lexicon.PLACES, False),
    "time": (lexicon.TIMES, False), "weather": (lexicon.WEATHERS, False), "season": (lexicon.SEASONS, False),
    "count": (lexicon.COUNTS, False), "symmetry": (lexicon.SYMMETRY_CLAUSES, True), "relation": (lexicon.BEARINGS, True),
}
_NAMELESS = {
    "time": (lexicon.TIMES_OF_DAY, False), "weather": (lexicon.AIRS, True), "season": (lexicon.TIMES_OF_LIFE, True),
    "size": (lexicon.BULKS, True),
}
_TERSE: dict[str, lexicon.Words] = {
    "place": lexicon.PLACE_NOUNS, "time": lexicon.TIME_NOUNS, "weather": lexicon.WEATHER_NOUNS,
    "season": {name: (name,) for name in lexicon.SEASONS}, "arrangement": lexicon.ARRANGEMENTS,
    "symmetry": lexicon.SYMMETRIES, "count": lexicon.COUNTS,
}
_WORDED = {"kind": lexicon.KINDS, "mood": lexicon.MOODS, "arrangement": lexicon.ARRANGEMENTS,
           **{attribute: table for attribute, (table, _) in _PLAIN.items()}}
_AFTER = {"kind_2": "kind", "kind_3": "kind", "kind_4": "kind_3"}
_T = TypeVar("_T")


def captions(events: Events, *, seed: int = 0, words: int | None = None, abstraction: float = 0.0) -> list[str]:
    """One caption per event, in lower case; an event's caption depends on its id, the seed and the dials, on nothing else.

    Parameters
    ----------
    events : n scenes.
    seed : another seed, another wording of the same scene.
    words : how many a caption has, about; 3 to 30 is what the grammar is made for. None draws one of ``DENSITIES`` for each.
    abstraction : 0 names things and colours, 1 names none; between, the probability of each clause to name none.

    Raises
    ------
    InputError
        words < 1, or an abstraction outside [0, 1].
    SpecError
        A world with values for which the grammar has no words.

    Examples
    --------
    >>> from platometer import scenes
    >>> some = scenes.world().sample(2)
    >>> scenes.captions(some, words=10)
    ['a big brown dog sits in a park in springtime', 'a big brown walker stands in a meadow in the morning']
    """
    return [text for text, _ in _told(events, seed, words, abstraction)]


def mentioned(events: Events, *, seed: int = 0, words: int | None = None, abstraction: float = 0.0) -> list[frozenset[str]]:
    """The attributes whose value each caption tells, for the caption that `captions` gives with the same options.

    Parameters
    ----------
    events, seed, words, abstraction : as of `captions`.

    Examples
    --------
    >>> from platometer import scenes
    >>> some = scenes.world().sample(2)
    >>> [sorted(told) for told in scenes.mentioned(some, words=3)]
    [['colour', 'kind', 'place'], ['colour', 'kind', 'place']]
    """
    return [told for _, told in _told(events, seed, words, abstraction)]


def _told(events: Events, seed: int, words: int | None, abstraction: float) -> list[tuple[str, frozenset[str]]]:
    if words is not None and words < 1:
        raise InputError(f"words = {words}; expected at least one, or None for a density drawn for each caption.")
    if not 0 <= abstraction <= 1:
        raise InputError(f"abstraction = {abstraction}; expected a number from 0 (names things) to 1 (names none).")
    _known.ask(events, _WORDED, "captions")
    made = []
    for i in range(len(events)):
        draft = _Draft(events[i], seed, words, abstraction)
        made.append((draft.text(), frozenset(draft.told)))
    return made


class _Draft:
    """A caption being worded. Only `random` of the generator is used, which no version of Python changes."""

    def __init__(self, scene: Scene, seed: int, words: int | None, abstraction: float):
        self.scene = scene
        self._random = random.Random(f"caption {scene.id} {seed}").random
        self.goal = (words if words is not None else self.one(DENSITIES)) * (0.85 + 0.3 * self._random())
        self.terse = self.goal < 3.6 or (self.goal < 6 and self.chance(0.4))
        self.told: set[str] = set()
        self.parts: dict[str, str] = {}  # attribute -> the words that tell it
        self.clauses: list[str] = []  # attributes told in a clause of their own, in order
        self.nouns = {_of("kind", j): self.usual(lexicon.KINDS[thing.kind]) for j, thing in enumerate(scene.things, 1)}
        self.merged = self.chance(0.35)  # "on a rainy summer evening"
        self.swapped = self.chance(0.25)  # the second thing is told of first
        self.frame = "bare" if self.goal < 5 else self.usual(_FRAMES[: 3 if self.goal < 8 else None])
        self._choose(abstraction)

    def chance(self, p: float) -> bool:
        return self._random() < p

    def one(self, options: Sequence[_T]) -> _T:
        return options[int(self._random() * len(options))]

    def usual(self, options: Sequence[str]) -> str:
        """The first most often: in proportion to 1, 1/2, 1/3, ..."""
        u = self._random() * sum(1 / rank for rank in range(1, len(options) + 1))
        for rank, option in enumerate(options, 1):
            u -= 1 / rank
            if u < 0:
                return option
        return options[-1]

    # What is told

    def _choose(self, abstraction: float) -> None:
        """Attributes in order, until there are words enough; one that would overshoot more than is lacking is left out."""
        named = self._ordered(_NAMED) if abstraction < 1 else []
        unnamed = self._ordered(_UNNAMED) if abstraction > 0 else []
        length = 0 if self.terse else _FRAMES_COST[self.frame]
        while length < self.goal and (named or unnamed):
            nameless = bool(unnamed) and (self.chance(abstraction) or not named)
            attribute = (unnamed if nameless else named).pop(0)
            if attribute in self.told or not self._fits(attribute):
                continue
            part, clause = self._worded(attribute, nameless)
            cost = len(part.split()) + self._more(attribute)
            if self.told and length + cost - self.goal > self.goal - length:
                continue
            length += cost
            self.told.add(attribute)
            self.parts[attribute] = part
            if clause:
                self.clauses.append(attribute)
            if attribute in ("kind", "colour") and self._count_is_subject() and not self.terse:  # no longer
                self.clauses.append("count")
                length += 4
            if attribute == "kind_2" and part not in _BESIDE and not self.terse:
                self.told.add("relation")

    def _more(self, attribute: str) -> int:
        """Words that come with it beside its own."""
        if self.terse or (attribute == "arrangement" and self._count_is_subject()):
            return 0
        return {"kind_2": 2, "kind_3": 1, "arrangement": 3}.get(attribute, 0)

    def _count_is_subject(self) -> bool:
        return "count" in self.told and "count" not in self.clauses

    def _ordered(self, attributes: Sequence[str]) -> list[str]:
        """The first first, the others within two places of where they stand."""
        keys = {name: rank + 1.9 * self._random() if rank else -1.0 for rank, name in enumerate(attributes)}
        return sorted((name for name in attributes if self._there(name)), key=keys.__getitem__)

    def _there(self, attribute: str) -> bool:
        alone = len(self.scene.things) == 1
        return self.scene[attribute] != _ABSENT and not (alone and attribute in ("arrangement", "relation"))

    def _fits(self, attribute: str) -> bool:
        """Whether what it says something of has been told."""
        if attribute.startswith(("colour_", "size_")):
            return "kind" + attribute[-2:] in self.told
        return attribute not in _AFTER or _AFTER[attribute] in self.told

    def _worded(self, attribute: str, nameless: bool) -> tuple[str, bool]:
        """(the words that tell it, whether they are a clause of their own)"""
        value = self.scene[attribute]
        if attribute.startswith("kind"):
            return self._thing(attribute)
        if attribute.startswith("colour"):
            return self.usual(lexicon.COLOURS[value]), False
        if attribute == "mood":
            mood = self.usual(lexicon.MOODS[value])
            return (mood, False) if self.terse else (self.one(lexicon.MOOD_CLAUSES).format(m=mood), True)
        if self.terse and attribute in _TERSE:
            return self.usual(_TERSE[attribute][value]), False
        if attribute == "weather" and not nameless and self.goal > 9 and self.chance(0.3):
            return self.usual(lexicon.WEATHER_CLAUSES[value]), True
        if attribute == "count" and "kind" in self.told:
            return self.usual(lexicon.COUNT_CLAUSES[value]), True
        if attribute == "arrangement":
            return self.usual(lexicon.ARRANGEMENTS[value]), True
        table, clause = (_NAMELESS if nameless and attribute in _NAMELESS else _PLAIN)[attribute.split("_")[0]]
        return self.usual(table[value]), clause

    def _thing(self, attribute: str) -> tuple[str, bool]:
        if attribute == "kind":
            return ("" if self.terse else "a ") + self.nouns["kind"], False
        if attribute == "kind_2":
            if self.terse:
                return "and {b}", False
            return self.usual(lexicon.RELATIONS[self.scene["relation"]] if self.chance(0.8) else _BESIDE), False
        if attribute == "kind_3":
            return self.usual(_FURTHER), True
        return f"and a {self.nouns[attribute]}", False

    # How it is told

    def text(self) -> str:
        """The caption."""
        if self.terse:
            return self._terse()
        opening = self._opening()
        told = ([opening] if opening else []) + [self._clause(attribute) for attribute in self.clauses]
        if not opening:
            told[0] = " ".join([told[0], *self._settings()])
        made, joint = told[0], ""
        for clause in told[1:]:
            joint = self.usual(tuple(other for other in (". ", ", and ", "; ") if other == ". " or other != joint))
            made += joint + clause
        return made + ("." if len(told) > 1 or self.chance(0.5) else "")

    def _terse(self) -> str:
        """Words without grammar: "red car, street"."""
        rest = [part for name, part in self.parts.items()
                if not name.startswith(("kind", "colour", "size")) and name != "count"]
        if "kind" in self.told or "colour" in self.told:
            rest[:0] = [self._noun_phrase("kind").split(" ", 1)[1]]
            if "kind_2" in self.told:
                rest[0] += " and " + self._noun_phrase("kind_2").split(" ", 1)[1]
        if "count" in self.told:
            rest[:0] = [self.parts["count"]]
        if "size" in self.told and not {"kind", "colour"} & self.told:
            rest.append(self.parts["size"])
        return ", ".join(rest)

    def _opening(self) -> str:
        """The first sentence, if it has a subject: the main thing, or how many there are."""
        if not {"kind", "colour", "count"} & self.told:
            return ""
        subject, near, last = self._subject()
        number = "are" if self._several() and not subject.startswith("a ") else "is"
        settings = self._settings()
        frame = "setting" if self.frame == "inverted" and self._several() else self.frame
        first = settings.pop(0) if frame in ("setting", "inverted") and settings else ""
        rest = [near, *settings]
        made = {
            "bare": [subject, *rest],
            "there": [f"there {number}", subject, *rest],
            "seen": [subject, "can be seen", *rest],
            "shown": [self.one(("the scene shows", "we see")), subject, *rest],
            "setting": [f"{first}, there {number}", subject, *rest],
            "inverted": [first, self._verb(), subject, *rest],
        }.get(frame if first or frame not in ("setting", "inverted") else "verb", [subject, self._verb(), *rest])
        return " ".join(part for part in made if part) + (f", {last}" if last and settings else f" {last}" if last else "")

    def _several(self) -> bool:
        """Whether the subject of the first sentence is a number of things."""
        return not {"kind", "colour"} & self.told and self.scene["count"] != "one"

    def _verb(self) -> str:
        if {"kind", "colour"} & self.told:
            main = "kind_2" if self.swapped and "kind_2" in self.told else "kind"
            return self.usual(lexicon.VERBS[self.scene[main]]) if main in self.told else "is found"
        return self.usual(("stand", "are found", "appear") if self._several() else ("stands", "is found", "appears"))

    def _subject(self) -> tuple[str, str, str]:
        """(who, next to whom, with whom): the last two are told after who it is and at the end of the sentence."""
        if not {"kind", "colour"} & self.told:
            if placed := "arrangement" in self.clauses:
                self.clauses.remove("arrangement")
            if "size" in self.parts and "size" not in self.clauses:
                self.clauses.append("size")
                self.parts["size"] = self.usual(lexicon.BULKS[self.scene["size"]])
            return self.parts["count"], self.parts["arrangement"] if placed else "", ""
        if "kind_2" not in self.told:
            return self._noun_phrase("kind"), "", ""
        who, whom, relation = "kind", "kind_2", self.parts["kind_2"]
        if self.swapped:
            who, whom = whom, who
            if "relation" in self.told:
                relation = self.usual(lexicon.RELATIONS[lexicon.OPPOSITE[self.scene["relation"]]])
        subject = self._noun_phrase(who)
        relation = relation.format(b=self._noun_phrase(whom, after=[self.nouns[who]]))
        return (subject, "", relation) if relation.startswith("with ") else (subject, relation, "")

    def _settings(self) -> list[str]:
        """Where and when, as phrases; time, season and weather sometimes in one: "on a rainy summer evening"."""
        named: dict[str, str] = {name: self.parts[name] for name in ("time", "weather", "season")
                 if name in self.told and name not in self.clauses}
        when = self._when(named) if self.merged and len(named) > 1 else ""
        phrases = ([when] if when else []) + list(named.values())
        for i in range(len(phrases) - 1, 0, -1):
            j = int(self._random() * (i + 1))
            phrases[i], phrases[j] = phrases[j], phrases[i]
        if "place" in self.told:
            phrases.insert(0 if self.chance(0.75) else len(phrases), self.parts["place"])
        return phrases

    def _when(self, named: dict[str, str]) -> str:
        """One phrase for several of time, weather and season, which are taken from `named`."""
        if (time := named.get("time", "")) in lexicon.TIMES_OF_DAY[self.scene["time"]] or time.endswith("middle of the day"):
            return ""
        words = [self.usual(lexicon.WEATHER_WORDS[self.scene["weather"]])] if named.pop("weather", "") else []
        words += [self.scene["season"]] if named.pop("season", "") else []
        if "time" in named and self.scene["time"] != "noon":
            del named["time"]
            words.append(self.usual(lexicon.TIME_NOUNS[self.scene["time"]][:1]))
        else:
            words.append("day")
        return f"on {lexicon.article(words[0])} {' '.join(words)}"

    def _clause(self, attribute: str) -> str:
        """What is told in a clause of its own."""
        part = self.parts[attribute]
        if attribute == "kind_3":
            return part.format(c=self._further())
        if attribute == "arrangement":
            both = "both stand" if self.scene["count"] == "two" else "all of them stand"
            return f"{self.one(('the things stand', 'they stand', both))} {part}"
        if attribute == "count":
            return self.usual(lexicon.COUNT_CLAUSES[self.scene["count"]])
        return part

    def _further(self) -> str:
        """The third thing, and the fourth."""
        known = [self.nouns[kind] for kind in ("kind", "kind_2") if kind in self.told]
        third = self._noun_phrase("kind_3", after=known)
        if "kind_4" not in self.told:
            return third
        noun = self.nouns["kind_3"]
        fourth = self._noun_phrase("kind_4", after=[*known, noun])
        if third.split()[-2:] in (["a", noun], ["an", noun]) and fourth == f"another {noun}":
            return f"two {lexicon.plural(noun)}"
        return f"{third} and {fourth}"

    def _noun_phrase(self, kind: str, *, after: Sequence[str] = ()) -> str:
        """A thing with the colour and size that are told of it."""
        j = kind.removeprefix("kind")
        words = [self.parts[name] for name in (f"size{j}", f"colour{j}") if name in self.told and name not in self.clauses]
        noun = self.nouns[kind] if kind in self.told else "thing"
        if not words and noun in after:
            return f"another {noun}"
        return f"{lexicon.article((words or [noun])[0])} {' '.join([*words, noun])}"


def _of(attribute: str, j: int) -> str:
    """The name of thing j's attribute."""
    return attribute if j == 1 else f"{attribute}_{j}"
