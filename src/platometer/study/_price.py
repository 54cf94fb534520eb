"""What a run will take, from a short calibration on this machine: each metric tried on few samples and layers, each model that
is there already on a few of its samples, and what was measured scaled up.

`tried` prices a metric, `ran` a model. Of many samples a metric is tried on two smaller numbers of them, on the same side of
4,096, where some go another way; its price is taken to grow as it grew between these. Models that are not on this disk are not
fetched to be tried: their time is that of the tried ones, parameter by parameter.

Where others hold the processors, a clock tells of them and not of the work: it is then priced by the processor time of its
trials, where that is less. Of work on several threads this is more than a quiet machine would take, at most as many times as
there are threads.
"""

from __future__ import annotations

import contextlib
import math
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from statistics import median

import torch

from platometer import alignment, extraction, nulls, threads
from platometer.features import Features
from platometer.metrics import parse
from platometer.samples import Paired
from platometer.study import _cells, _shards
from platometer.study._meter import peak

_MOST = 1024  # samples up to which a trial is of as many
_FEW = (512, 1024)  # samples of the trials of more
_MANY = (4100, 6000)  # and of more than 4,096
_LAYERS = 4
_DRAWS = (2, 50)  # of a slow metric, and of one so fast that two draws show little but the call
_ENOUGH = 0.5  # seconds that say something even on a busy machine
_ROWS = 64  # samples that a model is tried on
_LARGE = 1.5e9  # parameters above which loading a model only to try it would take too long
_POWER = (0.8, 2.2)  # how a price can grow with the samples

_LOADED: set[str] = set()  # kinds of sources whose libraries this process has loaded

PATIENCE = 20.0
"""Seconds after which no further model is tried."""

GPU_FLOPS = 790e12 * 0.35
"""Products that a forward pass does in a second where there is no graphics processor here to try: one H200 in bfloat16, a third
of what it reaches (assumed)."""

TOKENS = 100
"""Of a sample, where a model was not tried (assumed)."""


@dataclass(frozen=True)
class Trial:
    """What a metric costs.

    Attributes
    ----------
    layer : seconds to read and prepare a layer.
    pair : seconds of the score of a layer pair, with a null in closed form where that is asked for.
    draw : seconds of one draw of a layer pair.
    cell : seconds of a cell, whatever it holds.
    size : bytes of a prepared layer.
    """

    layer: float
    pair: float = 0.0
    draw: float = 0.0
    cell: float = 0.0
    size: float = 0.0

    def seconds(self, left: int, right: int, draws: int) -> float:
        """Estimated time of one cell whose layers are prepared.

        Parameters
        ----------
        left, right : layers.
        draws : of the null.
        """
        return self.cell + left * right * (self.pair + self.draw * draws)


@dataclass(frozen=True)
class Ran:
    """What a model costs.

    Attributes
    ----------
    load : seconds.
    item : seconds of a sample, reading it and writing its features included.
    layers, width : how many, and the mean number of features of a layer.
    row : bytes that a sample's features take on disk.
    weights : bytes.
    parameters : None if unknown.
    tried : whether this was measured, not taken from other models.
    """

    load: float
    item: float
    layers: int
    width: float
    row: float
    weights: float
    parameters: int | None
    tried: bool = True


@dataclass(frozen=True)
class Price:
    """What a run is expected to take.

    Attributes
    ----------
    seconds : of all, by the clock; `extraction` of them for models, `comparison` for pairs.
    memory : bytes of the largest process, at its peak.
    disk : bytes that the run folder grows by.
    gpu_hours : of graphics processors; 0 where none is asked for.
    sides, prepared : sides (a model's layers for a metric) that there are, and how many preparations it takes with what memory
        allows to keep.
    tried : models that were tried; the others' time is taken from theirs.
    load : of the machine while it was calibrated, where that was more than it has processors; the time is that of a quiet
        one, then. Else 0.
    """

    seconds: float
    extraction: float
    comparison: float
    memory: float
    disk: float
    gpu_hours: float
    sides: int = 0
    prepared: int = 0
    tried: tuple[str, ...] = ()
    load: float = 0.0

    def as_dict(self) -> dict[str, object]:
        """As JSON values."""
        return asdict(self) | {"tried": len(self.tried)}


def tried(metric: str, n: int, *, width: int = 64, draws: int = 0, null: str = "draws", conditioning: str = "unit",
          summary: str = "max", alone: bool = False, restricted: bool = False) -> Trial:
    """What a metric costs on random features of this many samples.

    Parameters
    ----------
    metric, null, conditioning, summary : as for `platometer.align`.
    n : samples.
    width : features of a layer.
    draws : that will be asked for; none are tried if 0.
    alone : whether it will be computed on one thread.
    restricted : whether samples change places within groups or in blocks only, so that no draws are turns of a ring.

    Raises
    ------
    PlatometerError
        The metric cannot be computed so.
    """
    what = (width, draws, null, conditioning, summary, restricted)
    with threads.alone() if alone else threads.steady():
        _once(metric, min(n, 128), *what)  # what is only loaded or compiled once is not in the price
        if n <= _MOST:
            return _once(metric, n, *what)
        low, high = few = _of(n)
        small, large = (_once(metric, m, *what, layers=_LAYERS if n <= _MANY[0] else 1) for m in few)
    return Trial(cell=large.cell, **{name: _grown(getattr(small, name), getattr(large, name), low, high, n)
                                     for name in ("layer", "pair", "draw", "size")})


@cache
def size(metric: str, n: int, *, width: int, conditioning: str = "unit") -> float:
    """Bytes of a prepared layer, about.

    Parameters
    ----------
    metric, n, width, conditioning : as for `tried`.
    """
    def measured(m: int) -> float:
        side = alignment.prepare(_features(m, width, 1, layers=1), metric, conditioning=conditioning)
        return float(_cells._size(side.sides))

    if n <= _MOST:
        return measured(n)
    low, high = _of(n)
    return _grown(measured(low), measured(high), low, high, n)


def ran(order: _shards.Order, paired: Paired) -> Ran:
    """What a model costs, from a few of the samples.

    Parameters
    ----------
    order : the model.
    paired : the data.

    Raises
    ------
    PlatometerError
        It cannot be loaded or run.
    """
    rows = sorted({round(i * (len(paired) - 1) / (_ROWS - 1)) for i in range(_ROWS)})
    few = paired.take(rows)
    with threads.steady(), tempfile.TemporaryDirectory() as folder:
        opened, load = _opened(order, few)
        extraction.extract(opened.model, opened.samples.take(range(min(8, len(rows)))), batch_size=order.batch_size)
        began = _now()
        found = extraction.extract(opened.model, opened.samples, folder, batch_size=order.batch_size)
        seconds = _since(began)
        row = sum(found[layer].element_size() * width for layer, width in zip(found.names, found.widths, strict=True))
    count = found.model.parameters
    return Ran(load, seconds / len(rows), len(found), sum(found.widths) / len(found), float(row), 4.0 * (count or 0), count)


def _opened(order: _shards.Order, few: Paired) -> tuple[_shards._Opened, float]:
    """A model, and the seconds that it takes to load; the first of its kind is loaded twice, as libraries come with it once."""
    kind = order.source.partition(":")[0]
    for again in (kind not in _LOADED, False):
        began = _now()
        opened = _shards._Opened(order, few)
        load = _since(began)
        _LOADED.add(kind)
        if not again:
            break
    return opened, load


def like(parameters: float | None, known: Sequence[Ran], *, gpu: bool) -> Ran | None:
    """What a model that was not tried costs, from those that were; None if there are none to tell by.

    Parameters
    ----------
    parameters : of the model.
    known : those tried.
    gpu : whether it will run on a graphics processor, and the tried ones did not.
    """
    if not known and not (gpu and parameters):
        return None
    sized = [one for one in known if one.parameters]
    layers = round(median(one.layers for one in known)) if known else 24
    width = median(one.width for one in known) if known else 1024.0
    row = median(one.row for one in known) if known else layers * width * 2
    if gpu and parameters:
        item = 2 * parameters * TOKENS / GPU_FLOPS
    elif parameters and sized:
        item = parameters * sum(one.item for one in sized) / sum(one.parameters or 0 for one in sized)
    else:
        item = median(one.item for one in known)
    load = median(one.load for one in known) if known else 2 * (parameters or 0) / 1e9
    return Ran(load, item, layers, width, row, 4.0 * (parameters or 0), int(parameters) if parameters else None, tried=False)


def here(order: _shards.Order, parameters: float | None) -> bool:
    """Whether a model may be tried: it is on this disk, not too large, and is no code of one's own.

    Parameters
    ----------
    order : the model.
    parameters : where they are known.
    """
    prefix, _, name = order.source.partition(":")
    if (parameters or 0) > _LARGE or order.options.get("trust_remote_code"):
        return False
    return prefix == "zoo" or (prefix in ("hf", "st") and Path(name).exists())


def crowd() -> float:
    """The load of this machine where it has fewer processors than that, else 0."""
    try:
        load = os.getloadavg()[0]
    except (OSError, AttributeError):  # not on this platform
        return 0.0
    return round(load, 1) if load > (os.cpu_count() or 1) else 0.0


def baseline() -> float:
    """Bytes that this process holds now, with all its libraries."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return float(int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
    return float(peak())


def _now() -> tuple[float, float]:
    """Seconds of the clock, and of this process on processors."""
    return time.perf_counter(), time.process_time()


def _since(began: tuple[float, float]) -> float:
    """Seconds by the clock; of processors, if they are fewer and others crowd these."""
    wall, busy = (now - then for now, then in zip(_now(), began, strict=True))
    return min(wall, busy) if crowd() and not torch.cuda.is_available() else wall


def _of(n: int) -> tuple[int, int]:
    return _FEW if n <= _MANY[0] else _MANY


def _once(
    metric: str, m: int, width: int, draws: int, null: str, conditioning: str, summary: str, restricted: bool,
    layers: int = _LAYERS,
) -> Trial:
    """Measured, on so many samples."""
    sides = [_features(m, width, seed, layers=layers) for seed in (0, 1)]
    options: dict = {"conditioning": conditioning, "summary": summary}

    def compared(a: alignment.Prepared, b: alignment.Prepared) -> float:
        began = _now()
        alignment.compare(a, b, metric, draws=0, null="closed-form" if null == "closed-form" else "draws", **options)
        return _since(began)

    began = _now()
    a, b = (alignment.prepare(side, metric, conditioning=conditioning) for side in sides)
    layer = (_since(began)) / (2 * layers)
    first, again = compared(a, b), compared(a, b)
    layer += max(0.0, first - again) / (2 * layers)  # what a side's moments cost once
    drawn = _draw(metric, a, b, m, layers, draws, restricted=restricted) if draws else 0.0
    held = float(_cells._size(a.sides)) / layers
    if layers == 1:
        return Trial(layer, again, drawn, 0.0, held)
    single = [alignment.prepare(side.only(side.names[:1]), metric, conditioning=conditioning) for side in sides]
    compared(*single)
    least = min(again, compared(*single))
    pair = max(0.0, again - least) / (layers**2 - 1)
    return Trial(layer, pair, drawn, max(0.0, least - pair), held)


def _draw(
    metric: str, a: alignment.Prepared, b: alignment.Prepared, m: int, layers: int, most: int, *, restricted: bool
) -> float:
    """Seconds of one draw of a layer pair, where so many are asked for."""
    kind, drawn, draws = parse(metric), 0.0, 1
    whole = kind.rings and m >= nulls.RING and not restricted  # then draws are computed by the ring
    for draws in (min(most, m - 1),) if whole else _DRAWS:
        moves = nulls.orders(m, draws, within=[0] * m if restricted else None)
        began = _now()
        kind.null_grid(a.sides, b.sides, moves)
        drawn = _since(began)
        if drawn > _ENOUGH:
            break
    return drawn / (draws * layers**2)


def _features(m: int, width: int, seed: int, *, layers: int) -> Features:
    generator = torch.Generator().manual_seed(seed)
    return Features.of({str(i): torch.randn(m, width, generator=generator) for i in range(layers)}, name="trial")


def _grown(small: float, large: float, low: int, high: int, n: int) -> float:
    """What grows from `small` at `low` samples to `large` at `high`, at n."""
    least, most = _POWER
    power = math.log(large / small) / math.log(high / low) if small > 0 and large > 0 else 1.0
    return large * (n / high) ** min(most, max(least, power))
