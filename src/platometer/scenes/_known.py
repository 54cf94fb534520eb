"""Whether a view has a word, a sound or a way for every value of a world."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from platometer.errors import SpecError, suggestion
from platometer.scenes._events import Events
from platometer.scenes._world import ABSENT


def ask(events: Events, tables: Mapping[str, Collection[str]], view: str) -> None:
    """Nothing, if it has.

    Parameters
    ----------
    events : of any world.
    tables : attribute -> values that the view knows; kind_2 to kind_4 go by kind, and so on.
    view : its name in the error.

    Raises
    ------
    SpecError
        Names the first value that it does not know.
    """
    for attribute, values in events.attributes.items():
        table = tables.get(attribute.split("_")[0], values)
        for value in values:
            if value not in table and value != ABSENT:
                raise SpecError(f"The {view} have nothing for {attribute} = {value!r}. {suggestion(value, table)} Rename the "
                                "value in the world's file, or leave out this view.")
