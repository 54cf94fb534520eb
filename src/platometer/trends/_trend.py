"""Alignment against capability or size, raw beside calibrated.

A score may rise with capability because larger models are wider or deeper: then what chance alone gives rises too, and the
calibrated score does not (Groeger, Wen and Brbic 2026: for linear CKA the correlation fell from 0.86 to 0.45). So every trend
is asked of four columns of the rows: the raw score, the mean of its null, the score less that mean, and the calibrated score.

Rows are pairs, and pairs of a model depend on each other: intervals and p-values take models (or families, where they are
given) for independent, not pairs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from platometer.errors import InputError, UndefinedError
from platometer.trends._correlation import Correlations, correlate, weighted_r
from platometer.trends._laws import Frame
from platometer.trends._rows import SCORES, Row, alike, capability_of, one_question
from platometer.trends._units import DRAWS, Estimate, estimate, units

_WORDS = {"score": "raw", "null_mean": "chance", "excess": "raw - chance", "calibrated": "calibrated"}


@dataclass(frozen=True)
class Trend:
    """How alignment goes with capability.

    Attributes
    ----------
    metric : spelled out.
    data : name of the dataset.
    against : what x is.
    side : whose capability.
    scale : of x; on ``"log"`` slopes are per tenfold x.
    raw, chance, excess, calibrated : of the score, its null's mean, their difference and the calibrated score; None where the
        rows have none, or it does not vary.
    lost : Pearson's correlation raw, less calibrated, with interval over the same resamples; None where either is.
    x : (m,) capability of each pair, not on a logarithm.
    y : column -> (m,), high where alike.
    left, right : (m,) names of the models; of the side asked for first, if it is a modality.
    crossed : labels that were taken for independent, as `compare` and `correlate` take them.
    left_out : models without a capability.
    notes : why a column is None.
    """

    metric: str
    data: str
    against: str
    side: str
    scale: str
    raw: Correlations
    chance: Correlations | None
    excess: Correlations | None
    calibrated: Correlations | None
    lost: Estimate | None
    x: np.ndarray = field(repr=False, compare=False)
    y: Mapping[str, np.ndarray] = field(repr=False, compare=False)
    left: tuple[str, ...] = field(repr=False)
    right: tuple[str, ...] = field(repr=False)
    crossed: tuple[tuple, tuple] = field(repr=False)
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = {"raw": self.raw, "chance": self.chance, "raw - chance": self.excess, "calibrated": self.calibrated}
        lines = [f"{self.metric} against {self.against} ({self.side}), {self.raw.n} pairs, {self.raw.units}"]
        for word, part in parts.items():
            if part is not None:
                lines.append(f"  {word:<12}  Pearson {part.pearson}, p = {part.p:.2g}; Spearman {part.spearman}; "
                             f"slope {part.slope}")
        if self.lost is not None:
            lines.append(f"  lost by calibration: {self.lost} of the correlation")
        if self.left_out:
            more = f" and {len(self.left_out) - 5} others" if len(self.left_out) > 5 else ""
            lines.append(f"  left out, as their {self.against} is not known: {', '.join(self.left_out[:5])}{more}")
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])


def trend(
    rows: Sequence[Row], *, against: str | Mapping[str, float] | Sequence[Row], column: str | None = None, side: str = "both",
    families: Mapping[str, str] | None = None, scale: str | None = None, absent: str = "error", draws: int = DRAWS,
    level: float = 0.95, seed: int = 0,
) -> Trend:
    """The trend of alignment against capability, of raw scores beside calibrated ones.

    Parameters
    ----------
    rows : of a study, about one dataset, metric and conditioning.
    against : ``"parameters"``, from the rows; or model's name -> capability; or rows with ``"model"`` and the column.
    column : of those rows; also names x.
    side : whose capability: ``"left"``, ``"right"``, a modality such as ``"text"``, or the mean of ``"both"`` (on a
        logarithmic scale, the geometric mean).
    families : model's name -> family, which is then what is independent. A model that is not named is its own family.
    scale : ``"log"`` or ``"linear"``; if None, log for parameters and linear otherwise.
    absent : what to do with pairs whose capability is not known: ``"error"`` or ``"leave-out"``.
    draws, level, seed : as in `correlate`.

    Raises
    ------
    InputError
        Rows of several metrics or datasets, or models that the table of capabilities does not name.
    UndefinedError
        Nothing varies, or fewer than four pairs.

    Examples
    --------
    >>> rows = [{"left": a, "right": b, "metric": "cka", "alike": "high", "score": i / 9 + j / 50, "calibrated": j / 50}
    ...         for i, a in enumerate("abcdef") for j, b in enumerate("uvwx")]
    >>> found = trend(rows, against={name: i for i, name in enumerate("abcdef")}, side="left", draws=200)
    >>> round(found.raw.slope.value, 3), round(abs(found.calibrated.slope.value), 3)
    (0.111, 0.0)
    """
    asked = one_question(rows)
    pairs = [_turned(row, side) for row in rows]
    own = [_capabilities(pair, against, column) for pair in pairs]
    wanted = {"left": (0,), "right": (1,), "both": (0, 1)}.get(side, (0,))
    if absent not in ("error", "leave-out"):
        raise InputError(f"absent = {absent!r}; expected 'error' or 'leave-out'.")
    unknown = [pair[i][0] for pair, pair_x in zip(pairs, own, strict=True) for i in wanted if pair_x[i] is None]
    missing = tuple(sorted(set(unknown)))
    if missing and absent == "error":
        told = ", ".join(map(repr, missing[:5])) + (" and others" if len(missing) > 5 else "")
        raise InputError(f"No capability is known of {told} ({len(missing)} models). Name them, or leave their pairs out with "
                         "absent='leave-out'.")
    kept = [i for i, pair_x in enumerate(own) if all(pair_x[j] is not None for j in wanted)]
    if len(kept) < 4:
        raise UndefinedError(f"{len(kept)} pairs have a known capability; a trend needs four.")
    scale = scale or ("log" if isinstance(against, str) else "linear")
    sides = np.array([[own[i][j] for j in wanted] for i in kept], dtype=np.float64)
    frame = Frame.of(sides.ravel(), scale)
    u = (np.log10(sides) if frame.scale == "log" else sides).mean(1)
    left, right = (tuple(pairs[i][j][0] for i in kept) for j in (0, 1))
    label = (lambda name: families.get(name, name)) if families is not None else (lambda name: name)
    crossed = tuple(map(label, left)), tuple(map(label, right))
    parts, y, notes = _parts([rows[i] for i in kept], u, crossed, draws=draws, level=level, seed=seed)
    return Trend(
        metric=str(asked.get("metric", "")), data=str(asked.get("data", "")), side=side, scale=scale,
        against=against if isinstance(against, str) else column or "capability", raw=parts["score"], chance=parts["null_mean"],
        excess=parts["excess"], calibrated=parts["calibrated"],
        lost=_lost(u, y, parts, crossed, draws=draws, level=level, seed=seed), x=10**u if scale == "log" else u, y=y, left=left,
        right=right, crossed=crossed, left_out=missing, notes=notes,
    )


def _parts(rows: Sequence[Row], u: np.ndarray, crossed: tuple, **options: Any) -> tuple[dict, dict, tuple[str, ...]]:
    """Correlations and values of each column, and why some have none; the raw score must have them."""
    parts: dict[str, Correlations | None] = {}
    y: dict[str, np.ndarray] = {}
    notes: list[str] = []
    for name in SCORES:
        parts[name] = None
        if name != "score" and all(row.get(name) is None for row in rows):
            notes.append(f"{_WORDS[name]}: the rows have none")
            continue
        y[name] = alike(rows, name)
        if name != "score" and np.ptp(y[name]) <= 1e-12:
            notes.append(f"{_WORDS[name]}: {y[name][0]:.3g} in all rows")
            continue
        parts[name] = correlate(u, y[name], crossed=crossed, **options)
    return parts, y, tuple(notes)


def _lost(
    u: np.ndarray, y: Mapping[str, np.ndarray], parts: Mapping[str, Correlations | None], crossed: tuple, *, draws: int,
    level: float, seed: int,
) -> Estimate | None:
    raw, calibrated = parts["score"], parts["calibrated"]
    if raw is None or calibrated is None:
        return None
    known = units(len(u), crossed=crossed)
    weights = known.weights(draws, seed)
    again = weighted_r(u, y["score"], weights) - weighted_r(u, y["calibrated"], weights)
    return estimate(raw.pearson.value - calibrated.pearson.value, again, count=known.count, level=level)


def _turned(row: Row, side: str) -> tuple[tuple[str, Any], tuple[str, Any]]:
    """(name, parameters) of both models; that of the modality first, if the side is one."""
    left, right = ((str(row[name]), row.get(f"{name}_parameters")) for name in ("left", "right"))
    if side in ("left", "right", "both"):
        return left, right
    found = [row.get(f"{name}_modality") for name in ("left", "right")]
    if found.count(side) != 1:
        raise InputError(f"side = {side!r}, but the models {left[0]!r} and {right[0]!r} have the modalities {found[0]!r} and "
                         f"{found[1]!r}; expected 'left', 'right', 'both', or the modality of one of them.")
    return (left, right) if found[0] == side else (right, left)


def _capabilities(pair: tuple, against: str | Mapping[str, float] | Sequence[Row], column: str | None) -> list[float | None]:
    if not isinstance(against, str):
        find = capability_of(against, column)
        return [find(name) for name, _ in pair]
    if against != "parameters":
        raise InputError(f"against = {against!r}; expected 'parameters', or a table of capabilities by model's name.")
    return [parameters for _, parameters in pair]
