"""What is left of alignment when a view is spoiled: the same models with the same partners, on whole data and on spoiled.

>>> rows = [{"left": a + spoiled, "right": b, "metric": "cka", "score": (i + j) / 10 - (0.1 if spoiled else 0)}
...         for i, a in enumerate("abc") for j, b in enumerate("xyz", 1) for spoiled in ("", ", grey")]
>>> found = perturbed(rows, {"a, grey": "a", "b, grey": "b", "c, grey": "c"}, {f"{a}, grey": "grey" for a in "abc"}, draws=99)
>>> str(found[0])
'grey: 0.3 whole, 0.2 spoiled; change -0.1 [-0.1, -0.1] (9 pairs, 3 x 3 crossed units)'
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from platometer.errors import InputError
from platometer.trends._rows import Row, alike, one_question
from platometer.trends._units import DRAWS, Estimate, Units, estimate, units


@dataclass(frozen=True)
class Perturbed:
    """Alignment of models that see a spoiled view, beside the same on the whole one.

    Attributes
    ----------
    how : the perturbation.
    whole, spoiled : mean scores over the same pairs, high where alike.
    change : spoiled less whole, with an interval over models and partners; None where neither are three.
    pairs : of a model and a partner that sees the whole view.
    units : what was taken for independent.
    each : model on the whole view -> its mean change over partners.
    """

    how: str
    whole: float
    spoiled: float
    change: Estimate | None
    pairs: int
    units: str
    each: Mapping[str, float]

    def __str__(self) -> str:
        change = f"{self.spoiled - self.whole:.3g}, no interval" if self.change is None else str(self.change)
        return (f"{self.how}: {self.whole:.3g} whole, {self.spoiled:.3g} spoiled; change {change} ({self.pairs} pairs, "
                f"{self.units})")


def perturbed(
    rows: Sequence[Row], whole: Mapping[str, str], how: Mapping[str, str], *, score: str = "score", draws: int = DRAWS,
    level: float = 0.95, seed: int = 0,
) -> tuple[Perturbed, ...]:
    """Every perturbation, in the order in which its models come.

    Parameters
    ----------
    rows : of one metric; of models that see a spoiled view, and of the same that see the whole one.
    whole : name of a model on a spoiled view -> its name on the whole one.
    how : name of a model on a spoiled view -> the perturbation; of all such, also of those that are not in `whole`.
    score : column.
    draws, level, seed : of the intervals.

    Raises
    ------
    InputError
        There are rows of several questions, or no pair of which both are there.
    """
    one_question(rows)
    values: dict[tuple[str, str], list[float]] = {}
    for row, value in zip(rows, alike(rows, score), strict=True):
        for pair in ((str(row["left"]), str(row["right"])), (str(row["right"]), str(row["left"]))):
            values.setdefault(pair, []).append(float(value))
    found: dict[str, list[tuple[str, str, float, float]]] = {}
    for (name, partner), spoiled in values.items():
        base = whole.get(name)
        if base is not None and partner not in how and (base, partner) in values:
            before, after = (float(np.mean(part)) for part in (values[base, partner], spoiled))
            found.setdefault(how[name], []).append((base, partner, before, after))
    if not found:
        raise InputError("No model sees both a spoiled and the whole view beside the same partner. perturb = [...] in a "
                         "model's table runs it on both.")
    return tuple(_told(name, pairs, draws=draws, level=level, seed=seed) for name, pairs in found.items())


def _told(how: str, pairs: Sequence[tuple[str, str, float, float]], *, draws: int, level: float, seed: int) -> Perturbed:
    before, after = (np.array([pair[i] for pair in pairs]) for i in (2, 3))
    change = after - before
    known = _independent([pair[0] for pair in pairs], [pair[1] for pair in pairs])
    interval = None
    if known is not None and max(map(len, known.names)) > 2:  # of two, every resample holds both
        weights = known.weights(draws, seed)
        total = weights.sum(1)
        again = np.divide(weights @ change, total, out=np.full(draws, np.nan), where=total > 0)
        interval = estimate(float(change.mean()), again, count=known.count, level=level)
    each = {name: float(np.mean([c for c, pair in zip(change, pairs, strict=True) if pair[0] == name]))
            for name in dict.fromkeys(pair[0] for pair in pairs)}
    return Perturbed(how, float(before.mean()), float(after.mean()), interval, len(pairs),
                     "one pair" if known is None else str(known), each)


def _independent(models: Sequence[str], partners: Sequence[str]) -> Units | None:
    """Models and partners where there are two of each, else the side that has several; None if neither has."""
    if len(set(models)) > 1 and len(set(partners)) > 1:
        return units(len(models), crossed=(models, partners))
    several = next((side for side in (models, partners) if len(set(side)) > 1), None)
    return None if several is None else units(len(models), groups=several)
