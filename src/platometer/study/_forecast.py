"""What the open part of a study will take, and what of it cannot work, said before anything runs for hours.

Every metric and every model that is on this disk is tried (`_price`); the cells are then laid out in the order in which they
will be answered (`_layout`), so that the number of preparations is counted and not guessed.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from platometer import extraction, store
from platometer.errors import PlatometerError
from platometer.features import Features
from platometer.samples import Paired
from platometer.study import _layout, _price
from platometer.study._price import Price, Ran, Trial
from platometer.study._shards import Order

_log = logging.getLogger("platometer")
_START = {"local": 4.0, "ray": 10.0}  # seconds until workers work (assumed)
_PAGE = 400_000  # bytes of page, rows and record
_NUMBER = 21  # bytes of a number in an answer
_LOOKS = 64  # items of each view that are read, to see whether they can be


@dataclass(frozen=True)
class Open:
    """A cell that is still to be answered.

    Attributes
    ----------
    left, right : models' names.
    metric, conditioning : specs.
    first : so many samples of all; all if None.
    """

    left: str
    right: str
    metric: str
    conditioning: str
    first: int | None

    def sides(self) -> tuple[tuple, tuple]:
        """What a desk keeps of it."""
        return tuple((name, self.metric, self.conditioning, self.first) for name in (self.left, self.right))  # type: ignore[return-value]


@dataclass(frozen=True)
class Ask:
    """What is to be priced.

    Attributes
    ----------
    cells : open ones.
    there : features by model's name, where they are there.
    orders : models to run, with their parameters where they are known.
    paired : the data, where the study has some.
    draws, null, summary : of the cells.
    engine, workers : where; None for as many as there are processors.
    budget : bytes that a desk keeps.
    device : of the cells.
    restricted : whether samples change places within groups or in blocks only.
    """

    cells: Sequence[Open]
    there: Mapping[str, Features]
    orders: Mapping[str, tuple[Order, float | None]]
    paired: Paired | None
    draws: int
    null: str
    summary: str
    engine: str
    workers: int | None
    budget: float
    device: str = ""
    restricted: bool = False


def forecast(ask: Ask, *, patience: float = _price.PATIENCE) -> tuple[Price | None, int, list[str]]:
    """The price, None where nothing can be told; the comparisons whose layers are known; and what a reader must know.

    Parameters
    ----------
    ask : what is to be priced.
    patience : seconds after which no further model is tried.
    """
    notes: list[str] = []
    ran = _models(ask, patience, notes)
    shape = {name: (len(value), _width(value), value.n) for name, value in ask.there.items()}
    n = len(ask.paired) if ask.paired is not None else 0
    shape |= {name: (one.layers, one.width, n) for name, one in ran.items()}
    told = [one for one in ask.cells if one.left in shape and one.right in shape]
    trials = _trials(ask, told, shape, notes)
    told = [one for one in told if trials[_kind(one)] is not None]
    comparisons = sum(shape[one.left][0] * shape[one.right][0] for one in told) * (1 + ask.draws)
    if not told and not ran:
        return None, comparisons, [*notes, *_unpriced(ask, ran, own=True)]
    notes += _unpriced(ask, ran)
    return _added(ask, told, ran, shape, {kind: one for kind, one in trials.items() if one is not None}, n), comparisons, notes


def _unpriced(ask: Ask, ran: Mapping[str, Ran], *, own: bool = False) -> list[str]:
    """Notes on models without a price: code of one's own, which is like no other; and the rest, unless only that is asked."""
    unknown = [name for name in ask.orders if name not in ran]
    mine = [name for name in unknown if _own(ask.orders[name][0])]
    rest = [name for name in unknown if name not in mine and not own]
    kinds = ((mine, "being code of one's own"), (rest, "being neither here to be tried nor like one that is"))
    out = []
    for names, why in kinds:
        listed = ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
        what = "1 model is" if len(names) == 1 else f"{len(names)} models are"
        out += [f"{what} not priced, {why}: {listed}"] if names else []
    return out


def _own(order: Order) -> bool:
    """Whether a model is code of one's own."""
    return order.source.startswith("python:")


def troubles(ask: Ask, address: str) -> list[str]:
    """What will not work: no graphics processor where one is asked for, unequal numbers of samples, items that cannot be read.

    Parameters
    ----------
    ask : what is to be priced.
    address : of a cluster.
    """
    out = []
    if not address:
        wanted = [name for name, (order, _) in ask.orders.items() if str(order.options.get("device", "")).startswith("cuda")
                  or (ask.engine == "ray" and order.needs.gpus)]
        wanted += ["pairs"] * ask.device.startswith("cuda")
        if wanted and not torch.cuda.is_available():
            listed = ", ".join(wanted[:4]) + (", ..." if len(wanted) > 4 else "")
            out.append(f"{listed} will fail: a graphics processor is asked for, and torch finds none on this machine")
    sizes = {name: value.n for name, value in ask.there.items()}
    if len(set(sizes.values())) > 1:
        first, n = next(iter(sizes.items()))
        other, m = next((name, size) for name, size in sizes.items() if size != n)
        out.append(f"{other} will fail: it has {m} rows, {first} {n}; row i of both must be the same sample")
    return out + _unreadable(ask)


def _unreadable(ask: Ask) -> list[str]:
    """Items of the data that cannot be read, of a few spread over all."""
    if ask.paired is None or not ask.orders:
        return []
    n, bad = len(ask.paired), []
    rows = sorted({round(i * (n - 1) / max(1, _LOOKS - 1)) for i in range(_LOOKS)})
    for name, view in ask.paired.views.items():
        for row in rows:
            try:
                list(view.items[row])
            except (PlatometerError, OSError, ValueError, SyntaxError) as error:
                bad.append(f"{name} {view.ids[row]!r} (row {row}) cannot be read: {str(error).rstrip('.')}")
                break
    return [f"a run will fail: {one}; {len(rows)} of {n} were looked at" for one in bad]


def _models(ask: Ask, patience: float, notes: list[str]) -> dict[str, Ran]:
    """What the models to run cost: tried, one of each source first; else as one of the same source, or as all tried ones."""
    out: dict[str, Ran] = {}
    end = time.monotonic() + patience
    for name, (order, parameters) in _each_source_first(ask.orders):
        if ask.paired is None or time.monotonic() > end or not _price.here(order, parameters):
            continue
        try:
            out[name] = _price.ran(order, ask.paired)
        except Exception as error:  # as in a run, a model must not lose the others
            _log.debug("%s could not be tried", name, exc_info=True)
            notes.append(f"{name} will fail: {error if isinstance(error, PlatometerError) else type(error).__name__}")
    known = list(out.values())
    of_source = {ask.orders[name][0].source: one for name, one in out.items()}
    failed = {note.partition(" will fail")[0] for note in notes}
    for name, (order, parameters) in ask.orders.items():
        if name in out or name in failed or _own(order):
            continue
        gpu = _on_gpu(order) and not torch.cuda.is_available()
        if order.source in of_source and not gpu:
            out[name] = replace(of_source[order.source], tried=False)
        elif (guess := _price.like(parameters, known, gpu=gpu)) is not None:
            out[name] = guess
    return out


def _each_source_first(orders: Mapping[str, tuple[Order, float | None]]) -> list[tuple[str, tuple[Order, float | None]]]:
    """The models, the first of each source before the second of any: one model that reads in many ways uses up no patience."""
    count: dict[str, int] = {}
    ranked = []
    for name, told in orders.items():
        count[told[0].source] = count.get(told[0].source, 0) + 1
        ranked.append((count[told[0].source], name, told))
    return [(name, told) for _, name, told in sorted(ranked, key=lambda one: one[0])]


def _trials(ask: Ask, cells: Sequence[Open], shape: Mapping, notes: list[str]) -> dict[tuple, Trial | None]:
    """What each metric costs under each conditioning and size, None where it cannot be computed."""
    out: dict[tuple, Trial | None] = {}
    for one in cells:
        kind = _kind(one)
        if kind in out:
            continue
        widths = [shape[name][1] for cell in cells if _kind(cell) == kind for name in (cell.left, cell.right)]
        n = one.first or shape[one.left][2]
        try:
            out[kind] = _price.tried(
                one.metric, n, width=max(1, round(sum(widths) / len(widths))), draws=ask.draws, null=ask.null,
                conditioning=one.conditioning, summary=ask.summary, alone=_several(ask) > 1, restricted=ask.restricted)
        except PlatometerError as error:
            out[kind] = None
            notes.append(f"{one.metric} will fail: {error}")
    return out


def _added(
    ask: Ask, cells: Sequence[Open], ran: Mapping[str, Ran], shape: Mapping, trials: Mapping[tuple, Trial], n: int
) -> Price:
    """All of it together."""
    workers = _several(ask)
    sizes = {side: shape[side[0]][0] * trials[_kind(one)].size for one in cells for side in one.sides()}
    sides, prepared, preparing = _prepared(ask, cells, sizes, trials, shape, workers)
    comparing = preparing + sum(
        trials[_kind(one)].seconds(shape[one.left][0], shape[one.right][0], ask.draws) for one in cells)
    extracting = sum(one.load + one.item * n for one in ran.values())
    start = _START.get(ask.engine, 0.0) if workers > 1 else 0.0
    extraction_ = extracting / min(workers, max(1, len(ran))) + start * bool(ran and workers > 1)
    comparison = comparing / min(workers, max(1, len(cells))) + start * bool(cells)
    held = min(ask.budget, sum(sizes.values())) + 2 * max(sizes.values(), default=0)
    raw = max((one[2] * one[1] * 16 for one in shape.values()), default=0)
    draws = max((min(2**24, shape[one.left][0] * shape[one.right][0] * max(1, ask.draws)) * 8 for one in cells), default=0)
    rows = min(n, store.ROWS)
    model = max((one.weights + (rows + extraction.PART) * one.row for one in ran.values()), default=0)
    grid = [shape[one.left][0] * shape[one.right][0] for one in cells]
    nulls = 3 if ask.draws or ask.null == "closed-form" else 1
    disk = sum(n * one.row * 1.01 + 30 * n for one in ran.values()) + _PAGE + sum(
        2000 + pairs * _NUMBER * nulls + ask.draws * _NUMBER for pairs in grid)
    gpu = sum((one.load + one.item * n) * (ask.orders[name][0].needs.gpus or 1) for name, one in ran.items()
              if _on_gpu(ask.orders[name][0]))
    gpu += comparing * ask.device.startswith("cuda")
    return Price(
        seconds=round(extraction_ + comparison, 2), extraction=round(extraction_, 2), comparison=round(comparison, 2),
        memory=round(_price.baseline() + max(model, (held + raw + draws) if cells else 0)), disk=round(disk),
        gpu_hours=round(gpu / 3600, 4), sides=sides, prepared=prepared,
        tried=tuple(name for name, one in ran.items() if one.tried), load=_price.crowd())


def _prepared(
    ask: Ask, cells: Sequence[Open], sizes: Mapping, trials: Mapping[tuple, Trial], shape: Mapping, workers: int
) -> tuple[int, int, float]:
    """Sides there are, preparations, and the seconds of these."""
    total, made, seconds = len(sizes), 0, 0.0
    for kind, trial in trials.items():
        pairs = [one.sides() for one in cells if _kind(one) == kind]
        if not pairs:
            continue
        own: dict[Hashable, float] = {side: sizes[side] for pair in pairs for side in pair}
        count = preparations(pairs, _layout.rooms(own, ask.budget), workers)
        made += count
        seconds += count * trial.layer * sum(shape[side[0]][0] for pair in pairs for side in pair) / (2 * len(pairs))
    return total, made, seconds


def preparations(pairs: Sequence[tuple], room: int, workers: int) -> int:
    """How many sides are prepared for these pairs, in the order and the parts in which they will be answered.

    Parameters
    ----------
    pairs : sides of each cell, of one metric.
    room : sides that a desk keeps.
    workers : who share the cells; what one keeps from task to task is not counted on, where there are several.
    """
    order = _layout.blocked(pairs, _layout.room_of(room, len(pairs), workers))
    ordered = [pairs[i] for i in order]
    if workers <= 1:
        return _layout.kept(ordered, room)
    return sum(_layout.kept(ordered[first:last], room) for first, last in _layout.parts(len(pairs), workers))


def _several(ask: Ask) -> int:
    """How many work at once here."""
    return min(ask.workers or (1 if ask.engine == "local" else os.cpu_count() or 1), os.cpu_count() or 1)


def _on_gpu(order: Order) -> bool:
    device = str(order.options.get("device", ""))
    return device.startswith("cuda") or bool(order.needs.gpus) or (not device and torch.cuda.is_available())


def _width(value: Features) -> float:
    return sum(value.widths) / len(value)


def _kind(cell: Open) -> tuple:
    return cell.metric, cell.conditioning, cell.first


