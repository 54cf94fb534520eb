"""Models of a study, found in tables that spell them otherwise: exactly, or apart from capitals, owner and source; never by "
"guess."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from platometer.capability._row import Capability
from platometer.errors import InputError

_SOURCE = re.compile(r"^(hf|hf-hub|timm|torchvision|st|python|zoo|tiny|file):", re.IGNORECASE)


@dataclass(frozen=True)
class Joined:
    """What a table says of the models of a study.

    Attributes
    ----------
    found : under the study's names.
    spelled : study's name -> table's, where they differ by more than the source in front.
    missing : study's name -> the nearest names of the table, which may or may not be the same model.
    several : study's name -> names of the table that are the same apart from capitals, owner and source; none was taken.
    """

    found: tuple[Capability, ...]
    spelled: dict[str, str]
    missing: dict[str, tuple[str, ...]]
    several: dict[str, tuple[str, ...]]

    def __str__(self) -> str:
        names = list(dict.fromkeys(one.model for one in self.found))
        lines = [f"{len(names)} models found" + (f", {len(self.spelled)} of them spelled otherwise" if self.spelled else "")]
        lines += [f"  {name} is {other} in the table" for name, other in self.spelled.items()]
        lines += [f"  {name} is not in the table" + (f"; near are {', '.join(near)}" if near else "")
                  for name, near in self.missing.items()]
        lines += [f"  {name} may be any of {', '.join(others)}" for name, others in self.several.items()]
        return "\n".join(lines)


def plain(name: str) -> str:
    """A name without source, owner and capitals.

    Parameters
    ----------
    name : of a model.

    Examples
    --------
    >>> plain("hf:bigscience/BLOOMZ-560m"), plain("timm:vit_tiny_patch16_224.augreg_in21k")
    ('bloomz-560m', 'vit_tiny_patch16_224.augreg_in21k')
    """
    return _owned(name).rpartition("/")[2]


def _owned(name: str) -> str:
    """A name without source and capitals, its owner kept."""
    return _SOURCE.sub("", name.strip()).partition("@")[0].rstrip("/").lower()


def join(models: Iterable[str], table: Sequence[Capability]) -> Joined:
    """What the table says of these models, under the names that they have here.

    Parameters
    ----------
    models : names, or sources such as ``"timm:resnet18.a1_in1k"``.
    table : what is known of models elsewhere.

    Raises
    ------
    InputError
        Two models of the study would be one of the table.

    Examples
    --------
    >>> found = join(["hf:openai/GPT2", "gpt3"], [Capability("gpt2", "skill", 0.3)])
    >>> found.found[0].model, found.spelled, found.missing
    ('hf:openai/GPT2', {'hf:openai/GPT2': 'gpt2'}, {'gpt3': ('gpt2',)})
    """
    known: dict[str, list[Capability]] = {}
    for one in table:
        known.setdefault(one.model, []).append(one)
    owned: dict[str, list[str]] = {}
    alike: dict[str, list[str]] = {}
    for name in known:
        owned.setdefault(_owned(name), []).append(name)
        alike.setdefault(plain(name), []).append(name)
    found: list[Capability] = []
    spelled: dict[str, str] = {}
    missing: dict[str, tuple[str, ...]] = {}
    several: dict[str, tuple[str, ...]] = {}
    taken: dict[str, str] = {}
    for name in dict.fromkeys(models):
        near = [name] if name in known else owned.get(_owned(name)) or alike.get(plain(name), [])
        if len(near) != 1:
            if near:
                several[name] = tuple(near)
            else:
                close = difflib.get_close_matches(plain(name), alike, n=3, cutoff=0.6)
                missing[name] = tuple(other for word in close for other in alike[word])[:3]
            continue
        if near[0] in taken:
            raise InputError(f"{taken[near[0]]!r} and {name!r} would both be {near[0]!r} of the table. Name one of them as "
                             "the table does.")
        taken[near[0]] = name
        if near[0] != _SOURCE.sub("", name):
            spelled[name] = near[0]
        found += [_renamed(one, name) for one in known[near[0]]]
    return Joined(tuple(found), spelled, missing, several)


def _renamed(one: Capability, name: str) -> Capability:
    if one.model == name:
        return one
    return Capability(name, one.what, one.value, one.low, one.high, one.unit, one.better, one.n, one.source,
                      dict(one.details) | {"spelled": one.model})
