"""Models run by the workers of an engine, shard by shard: what is sent to them, and what they do with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from platometer import extraction, models
from platometer.cards import fingerprint
from platometer.engines import Needs
from platometer.errors import DiskError, StoreError
from platometer.extraction import Made, Origin
from platometer.features import Features
from platometer.models import Model
from platometer.samples import Paired, Samples
from platometer.study import _reads
from platometer.study._cells import unseen
from platometer.study._file import ReadsTable


@dataclass(frozen=True)
class Order:
    """A model that is to be run.

    Attributes
    ----------
    name : that the study gives it.
    source, options : of `platometer.models.load`.
    view : that it is run on; of its modality if empty.
    reads : what it reads of texts.
    batch_size : items at once; found if None.
    seed : of what it reads.
    needs : of a worker that runs it.
    """

    name: str
    source: str
    options: Mapping[str, object] = field(default_factory=dict)
    view: str = ""
    reads: ReadsTable | None = None
    batch_size: int | None = None
    seed: int = 0
    needs: Needs = field(default_factory=Needs)


@dataclass(frozen=True)
class _Task:
    """Rows of an order; none of them to forget what there is of its features."""

    order: Order
    start: int = 0
    stop: int = 0


@dataclass(frozen=True)
class _Told:
    """What a worker tells of a task."""

    key: str
    origin: Origin
    view: str
    made: Made | None = None


class _Opened:
    """A model on its samples.

    Parameters
    ----------
    order : the model.
    paired : the data.
    """

    def __init__(self, order: Order, paired: Paired):
        self.model: Model = models.load(order.source, **order.options)
        name = order.view or self.model.modality
        self.view = name
        self.samples = as_read(order, paired, name)
        if self.model.modality == "text":
            extraction.check_texts(self.samples)
        self.key = extraction.features_key(self.model, self.samples)
        self.origin = Origin.of(self.model)


class _Runner:
    """The work of a worker: the model that it was last asked for stays loaded.

    Parameters
    ----------
    data : the data, or a function that reads them: small to be sent, and each worker reads for itself.
    folder : the run folder.
    """

    def __init__(self, data: Paired | Callable[[], Paired], folder: Path):
        self._data, self._folder = data, folder
        self._order = ""
        self._opened: _Opened | Exception | None = None

    def __call__(self, task: _Task) -> _Told:
        here = self._open(task.order)
        home = self._folder / "features"
        if not task.stop:
            extraction.forget(home, here.key)
            return _Told(here.key, here.origin, here.view)
        made = extraction.make_shard(here.model, here.samples, home, task.start, task.stop, batch_size=task.order.batch_size)
        return _Told(here.key, here.origin, here.view, made)

    def _open(self, order: Order) -> _Opened:
        if not self._folder.is_dir():
            raise unseen(self._folder)
        name = fingerprint([order.source, repr(sorted(order.options.items())), order.view, repr(order.reads)])
        if name != self._order:
            self._opened, self._order = None, name  # the one before leaves memory first
            try:
                if not isinstance(self._data, Paired):
                    self._data = self._data()
                self._opened = _Opened(order, self._data)
            except Exception as error:  # told for each of its shards, and not tried again for each
                self._opened = error
        if isinstance(self._opened, Exception):
            raise self._opened
        assert self._opened is not None
        return self._opened


def as_read(order: Order, paired: Paired, modality: str) -> Samples:
    """What a model is given.

    Parameters
    ----------
    order : the model.
    paired : the data.
    modality : of the model, or the view.
    """
    return _reads.reading(paired.view(order.view or modality), order.reads, seed=order.seed)


def extracted(
    orders: Sequence[Order], paired: Paired, folder: Path, *, run: Callable, fresh: bool, show: Callable[[str, int, int], None],
    read: Callable[[], Paired] | None = None,
) -> dict[str, tuple[Features, Samples] | Exception]:
    """Features of every order with what it was run on, or why there are none; by name.

    Parameters
    ----------
    orders : the models.
    paired : the data.
    folder : the run folder, seen by every worker.
    run : (work, tasks, needs) -> results, as `platometer.engines.run` for some engine.
    fresh : forget first what there is.
    show : told of (what, done, total).
    read : gives the data, for workers to which these cannot be sent; they are sent if None.

    Raises
    ------
    DiskError
        The disk is full: the next shard would meet it too.
    """
    folder = folder.absolute()
    (folder / "features").mkdir(parents=True, exist_ok=True)
    found: dict[str, tuple[Features, Samples] | Exception] = {}
    for needs in dict.fromkeys(order.needs for order in orders):  # workers are hired for one need
        alike = [order for order in orders if order.needs == needs]
        rows = extraction.shards(len(paired))
        told: dict[str, list[_Told]] = {order.name: [] for order in alike}
        passes = [[_Task(order) for order in alike]] if fresh else []
        passes.append([_Task(order, start, stop) for order in alike for start, stop in rows])
        for tasks in passes:
            for i, outcome in run(_Runner(read or paired, folder), tasks, needs):
                order = tasks[i].order
                if isinstance(outcome, DiskError):
                    raise outcome
                if isinstance(outcome, Exception):
                    found.setdefault(order.name, outcome)
                elif tasks[i].stop:
                    assert isinstance(outcome, _Told)
                    told[order.name].append(outcome)
                    show(f"run {order.name}", min(len(told[order.name]) * rows[0][1], len(paired)), len(paired))
                    if len(told[order.name]) == len(rows) and order.name not in found:
                        found[order.name] = _finished(order, told.pop(order.name), paired, folder)
                        show("models", len(found), len(orders))
    return found


def _finished(order: Order, told: Sequence[_Told], paired: Paired, folder: Path) -> tuple[Features, Samples] | Exception:
    """The features, once every shard is told."""
    samples = as_read(order, paired, told[0].view)
    made = sorted((one.made for one in told if one.made is not None), key=lambda one: one.entry["start"])
    try:
        return extraction.finish(folder / "features", told[0].key, told[0].origin, samples, made), samples
    except DiskError:
        raise
    except StoreError as error:
        return error
