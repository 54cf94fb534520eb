"""What agreement of neighbours is made of: classes or instances, where labels are given; and texts, where samples have several.

`class_agreement` asks whether two spaces agree on more than which class a sample belongs to: neighbours may be of the same
classes in both and yet be other samples. `many_to_many` lets every text of a sample look for neighbours of its own, another
sample being as near as its nearest text, so that no text has to stand for all.

>>> import numpy as np
>>> rng = np.random.default_rng(0)
>>> labels = np.arange(60) % 3
>>> x, y = (6 * np.eye(3)[labels] + 0.1 * rng.normal(size=(60, 3)) for _ in range(2))
>>> found = class_agreement(x, y, labels, k=5, draws=100)
>>> found.classes.score, found.p_beyond > 0.05
(1.0, True)
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from platometer import knn, nulls
from platometer.arrays import ArrayLike, as_matrix, check_paired
from platometer.conditioning import Conditioning
from platometer.errors import InputError, ShapeError, counted
from platometer.stats import p_value


@dataclass(frozen=True)
class Agreed:
    """A share of neighbours that two spaces have in common.

    Attributes
    ----------
    score : mean over samples.
    chance : mean over re-pairings of all samples.
    p : one-sided, of as much agreement when samples are re-paired.
    """

    score: float
    chance: float
    p: float

    def __str__(self) -> str:
        return f"{self.score:.3g} (chance {self.chance:.3g}, p = {self.p:.2g})"


@dataclass(frozen=True)
class ClassAgreement:
    """Neighbours as samples, and as members of their classes.

    Attributes
    ----------
    instances : share of neighbours that are the same samples: mutual kNN.
    classes : share of neighbours that are of the same classes, counted with how often; never less than `instances`. Its chance
        pairs each sample's neighbours with another's, every space keeping its classes: two spaces that mix all classes have
        much in common everywhere, and no more than that by chance.
    by_class : mean of the instances' score when samples are re-paired inside their classes: what knowing classes alone gives.
    p_beyond : one-sided, of the instances' score under that re-pairing: do the spaces agree on more than classes?
    k, n : neighbours and samples.
    """

    instances: Agreed
    classes: Agreed
    by_class: float
    p_beyond: float
    k: int
    n: int

    def __str__(self) -> str:
        beyond = self.instances.score - self.by_class
        return (f"instances {self.instances}, classes {self.classes}; beyond classes {beyond:+.3g}, p = {self.p_beyond:.2g} "
                f"(k = {self.k}, n = {self.n:,})")


def class_agreement(
    left: ArrayLike, right: ArrayLike, labels: Sequence[Hashable], *, k: int = 10, conditioning: str = "unit",
    draws: int = 1000, seed: int = 0,
) -> ClassAgreement:
    """How much of the agreement of neighbours is agreement on classes.

    Parameters
    ----------
    left, right : (n, d) and (n, p), row i of both being the same sample.
    labels : (n,) classes.
    k : neighbours.
    conditioning : of both sides.
    draws, seed : re-pairings, of all samples and inside classes.

    Raises
    ------
    ShapeError
        There are not as many labels as samples.
    InputError
        All labels are equal, or all differ; then classes say nothing.
    """
    x, y = _sides(left, right, conditioning)
    n = len(x)
    if len(labels) != n:
        raise ShapeError(f"{counted(len(labels), 'label')} for {counted(n, 'sample')}.")
    place = {label: i for i, label in enumerate(dict.fromkeys(labels))}
    if draws < 1:
        raise InputError(f"draws = {draws}; a p-value needs some hundreds.")
    if not 1 < len(place) < n:
        raise InputError(f"{counted(len(place), 'class', 'classes')} of {counted(n, 'sample')}; expected at least two classes, "
                         "and one with two samples.")
    member = torch.tensor([place[label] for label in labels])
    a, b = knn.neighbours(x, k), knn.neighbours(y, k)
    wanted = a.mask()
    of_a, of_b = (_counts(found, member, len(place)) for found in (a, b))

    def instances(other: knn.Neighbours) -> float:
        return float((wanted & other.mask()).sum()) / (n * k)

    def classes(order: torch.Tensor) -> float:
        return float(torch.minimum(of_a, of_b[order]).sum()) / (n * k)

    free = nulls.orders(n, draws, seed=seed)
    one = _judged(instances(b), [instances(b.reordered(order)) for order in free])
    kinds = _judged(classes(torch.arange(n)), [classes(order) for order in free])
    inside = nulls.orders(n, draws, seed=seed + 1, within=list(labels))
    beyond = _judged(one.score, [instances(b.reordered(order)) for order in inside])
    return ClassAgreement(one, kinds, beyond.chance, beyond.p, k, n)


def many_to_many(
    pictures: ArrayLike, texts: ArrayLike, owners: Sequence[int], *, k: int = 10, conditioning: str = "unit", draws: int = 1000,
    seed: int = 0,
) -> Agreed:
    """Mutual kNN in which every text of a sample counts, another sample being as near as its nearest text.

    Parameters
    ----------
    pictures : (n, d), a row for each sample.
    texts : (m, p), several for each sample.
    owners : (m,) row of the sample that a text belongs to.
    k : neighbours.
    conditioning : of both sides.
    draws, seed : re-pairings of the samples, all texts of one moving together.

    Returns
    -------
    The score is a mean over texts; chance is k/(n - 1) where nothing is tied. With one text each it is `mutual_knn`.

    Raises
    ------
    ShapeError
        There are not as many owners as texts.
    InputError
        An owner is no sample, or a sample has no text.
    """
    read = Conditioning.parse(conditioning)
    x, y = (read(as_matrix(side, name=name), name=name) for side, name in ((pictures, "pictures"), (texts, "texts")))
    n, owner = len(x), torch.tensor(list(owners), dtype=torch.int64)
    if len(owner) != len(y):
        raise ShapeError(f"{len(owner)} owners for {len(y)} texts.")
    if not torch.equal(torch.unique(owner), torch.arange(n)):
        raise InputError(f"owners name {len(torch.unique(owner))} samples between {int(owner.min())} and {int(owner.max())}; "
                         f"expected each of the rows 0 to {n - 1} of the pictures at least once.")
    wanted, near = knn.neighbours(x, k).mask(), _near(y, owner, n, k)

    def score(order: torch.Tensor) -> float:
        """With the pictures re-paired: sample i shows the picture of order[i]."""
        return float((wanted[order][:, order][owner] & near).sum()) / (len(owner) * k)

    observed = score(torch.arange(n))
    null = [score(order) for order in nulls.orders(n, draws, seed=seed)]
    return _judged(observed, null)


def _judged(score: float, null: Sequence[float]) -> Agreed:
    values = np.asarray(null, dtype=np.float64)
    return Agreed(score, float(values.mean()), p_value(score, values))


def _near(y: torch.Tensor, owner: torch.Tensor, n: int, k: int) -> torch.Tensor:
    """(m, n) bool: which samples are the k nearest of each text; those tied with the next are none."""
    similar = y @ y.T
    best = torch.full((len(y), n), -torch.inf, dtype=y.dtype)
    best.scatter_reduce_(1, owner.expand(len(y), -1), similar, "amax")
    best[torch.arange(len(y)), owner] = -torch.inf
    values, found = best.topk(min(k + 1, n - 1), dim=1)
    size = y.norm(dim=1)
    tie = knn.TIE * size.max() * size[:, None]
    sure = values[:, :k] - values[:, k:] > tie if values.shape[1] > k else torch.ones_like(values, dtype=torch.bool)
    out = torch.zeros(len(y), n, dtype=torch.bool)
    return out.scatter_(1, found[:, :k], sure)


def _counts(found: knn.Neighbours, member: torch.Tensor, classes: int) -> torch.Tensor:
    """(n, classes) how many neighbours of each sample are of each class."""
    out = torch.zeros(found.n, classes + 1, dtype=torch.int64)
    named = member[found.lists.clamp_min(0)].where(found.lists >= 0, torch.tensor(classes))
    out.scatter_add_(1, named, torch.ones_like(named))
    return out[:, :classes]


def _sides(left: ArrayLike, right: ArrayLike, conditioning: str) -> tuple[torch.Tensor, torch.Tensor]:
    read = Conditioning.parse(conditioning)
    x, y = (read(as_matrix(side, name=name), name=name) for side, name in ((left, "left"), (right, "right")))
    check_paired(x, y, names=("left", "right"))
    return x, y
