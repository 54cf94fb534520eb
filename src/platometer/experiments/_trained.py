"""What the experiments that train their own networks share: small vision models of scenes, taught in the run, and compared.

Every network has first weights, batches and changes of its own, which follow from its seed. What is compared is the vector
that a network's heads read, not the most alike pair of layers: among networks of one architecture that would be their
first layers, which hardly differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from platometer import networks, scenes, threads, training
from platometer.errors import SpecError
from platometer.experiments import _scenes as shared
from platometer.experiments._scenes import Layers
from platometer.scenes import Events

READERS = ("gpt-5", "gru-5", "bow-5")
_RATES = (4e-3, 3e-3, 2.5e-3, 2e-3, 1.5e-3)  # by size, as in the zoo
_LOOK = 512  # pictures by which the loss is told
_EVERY, _CLOSELY, _NEAR = 20, 2, 0.1  # steps between looks, and between those when the loss is as near as this


@dataclass(frozen=True)
class Lesson:
    """Scenes to learn from.

    Attributes
    ----------
    events : n scenes, of the split that vision models learn from.
    pictures : (n, 48, 48, 3) uint8.
    """

    events: Events
    pictures: torch.Tensor = field(repr=False)

    def part(self, n: int) -> Lesson:
        """The first n scenes.

        Parameters
        ----------
        n : at most as many as there are.
        """
        return Lesson(self.events.take(range(n)), self.pictures[:n])


@dataclass(frozen=True)
class Pupil:
    """A network, what it is to learn, and by what chance.

    Attributes
    ----------
    kind, size : of `networks.build`, with the options of the zoo's networks of that size.
    seed : of first weights, heads, batches and changes.
    objective : ``"supervised"`` or ``"contrastive"``.
    attributes : to be named; all if empty.
    changed : whether other views of the pictures are shown each time, or the pictures as they are.
    decay, dropout : explicit regularisation.
    """

    kind: str
    size: int
    seed: int
    objective: str = "supervised"
    attributes: tuple[str, ...] = ()
    changed: bool = True
    decay: float = 0.05
    dropout: float = 0.0

    def network(self) -> nn.Module:
        """The network before its first step."""
        options: dict[str, float] = dict(networks.SIZES[self.kind][self.size - 1])
        return networks.build(self.kind, seed=self.seed, dropout=self.dropout, **options)


@dataclass(frozen=True)
class Taught:
    """A network that has learnt.

    Attributes
    ----------
    network : in evaluation mode.
    steps : it made.
    loss : on the first pictures it learnt from, as they are, in evaluation mode; the curve's last point where other views
        are shown.
    """

    network: nn.Module = field(repr=False)
    steps: int
    loss: float

    @property
    def parameters(self) -> int:
        """Numbers that were learnt, heads left out."""
        return sum(p.numel() for p in self.network.parameters())


class _Enough(Exception):
    """The loss is low enough."""


def lesson(n: int, *, seed: int) -> Lesson:
    """Scenes of the split "pictures", and how they look.

    Parameters
    ----------
    n : scenes.
    seed : of the scenes and of what the pictures add.
    """
    events = scenes.world().sample(n, split="pictures", seed=seed)
    return Lesson(events, torch.from_numpy(scenes.pictures(events, seed=seed)))


def taught(pupil: Pupil, lesson: Lesson, *, steps: int, batch: int = 48, until: float | None = None) -> Taught:
    """The network, trained on one thread; the same each time.

    Parameters
    ----------
    pupil : which network, and how.
    lesson : what it learns from.
    steps : batches, at most.
    batch : scenes of a batch.
    until : the loss at which it stops, looked at every so many steps; all steps are made if None. The pictures must then be
        shown as they are.

    Raises
    ------
    SpecError
        ``until`` is asked of changing pictures, whose loss is never the same.
    """
    if until is not None and pupil.changed:
        raise SpecError("until is a loss on pictures as they are; expected a pupil with changed=False.")
    network = pupil.network()
    goal = _objective(pupil, network, lesson)
    recipe = training.Recipe(steps=steps, batch=batch, rate=_RATES[pupil.size - 1], decay=pupil.decay, seed=pupil.seed)
    found: list[tuple[int, float]] = []

    def look(done: int) -> None:
        if done % _EVERY and done < steps and (not found or until is None or found[-1][1] > until + _NEAR):
            return
        found.append((done, _loss(goal, len(lesson.events))))
        if until is not None and found[-1][1] <= until:
            raise _Enough

    looks = range(_CLOSELY, steps, _CLOSELY) if until is not None else ()
    marks = () if pupil.changed else (*looks, steps)
    try:
        curve = training.fit(goal, recipe, marks=marks, at_mark=look)
    except _Enough:
        return Taught(network, *found[-1])
    return Taught(network, steps, found[-1][1] if found else curve.last)


def untaught(pupil: Pupil) -> Taught:
    """The twin that learnt nothing.

    Parameters
    ----------
    pupil : whose.
    """
    return Taught(pupil.network(), 0, float("nan"))


def vectors(network: nn.Module, pictures: np.ndarray | torch.Tensor) -> dict[str, np.ndarray]:
    """What the heads read, as the only layer.

    Parameters
    ----------
    network : pictures (b, 3, 48, 48) -> (b, d).
    pictures : (n, 48, 48, 3) uint8.
    """
    shown = torch.as_tensor(pictures)
    with torch.inference_mode(), threads.alone():
        parts = [network(training.centred(shown[at : at + 256])) for at in range(0, len(shown), 256)]
    return {"vector": torch.cat(parts).float().numpy()}


def readings(events: Events, names: Sequence[str] = READERS, *, seed: int = 0) -> dict[str, Layers]:
    """Every layer of language models of the zoo on captions of the events.

    Parameters
    ----------
    events : n scenes.
    names : of the models.
    seed : of the captions.
    """
    texts = scenes.captions(events, seed=seed)
    return {name: shared.encoded(shared.model(name), texts) for name in names}


def sightings(pictures: np.ndarray, names: Sequence[str]) -> dict[str, Layers]:
    """Every layer of vision models of the zoo on pictures.

    Parameters
    ----------
    pictures : (n, 48, 48, 3) uint8.
    names : of the models.
    """
    items = shared.of_pictures(pictures)
    return {name: shared.encoded(shared.model(name), items) for name in names}


def compared(
    sides: Mapping[str, Layers], pairs: Iterable[tuple[str, str]], *, draws: int, seed: int = 0,
) -> Iterator[dict]:
    """The alignment of each pair by each metric, against chance, as columns of a row.

    Parameters
    ----------
    sides : by name, over the same samples.
    pairs : of names.
    draws : re-pairings; debiased CKA needs none.
    seed : of the re-pairings.
    """
    pairs = list(pairs)
    names = dict.fromkeys(name for pair in pairs for name in pair)
    for metric, null in zip(shared.METRICS, ("draws", "closed-form"), strict=True):
        ready = {name: shared.prepared(sides[name], metric, name=name) for name in names}
        for left, right in pairs:
            yield {"left": left, "right": right,
                   **shared.scored(ready[left], ready[right], metric=metric, null=null, draws=draws, seed=seed)}


def widened(values: np.ndarray) -> np.ndarray:
    """The same cells, spread so that values drawn from them again vary as the values did: by sqrt(m / (m - 1)).

    Parameters
    ----------
    values : (..., m) m repetitions of each cell, two at least.

    Examples
    --------
    >>> widened(np.array([1.0, 3.0])).round(3).tolist()
    [0.586, 3.414]
    """
    middle, m = values.mean(-1, keepdims=True), values.shape[-1]
    return middle + (values - middle) * np.sqrt(m / (m - 1))


def _objective(pupil: Pupil, network: nn.Module, lesson: Lesson) -> training.Objective:
    items, change = lesson.pictures, training.other_pictures
    if pupil.objective == "contrastive":
        return training.Contrastive(network, items, change, seed=pupil.seed)
    if pupil.objective != "supervised":
        raise SpecError(f"objective = {pupil.objective!r}; expected 'supervised' or 'contrastive'.")
    labels = {name: torch.from_numpy(lesson.events.column(name)) for name in pupil.attributes or lesson.events.attributes}
    if pupil.changed:
        return training.Supervised(network, items, labels, change=change, seed=pupil.seed)
    return training.Supervised(network, training.centred(items), labels, seed=pupil.seed)


def _loss(goal: training.Objective, n: int) -> float:
    with torch.no_grad():
        return float(goal.loss(torch.arange(min(n, _LOOK)), torch.Generator().manual_seed(0)))
