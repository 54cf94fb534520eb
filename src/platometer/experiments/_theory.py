"""What the experiments on worlds of events share: families of worlds, and vectors of events against chance."""

from __future__ import annotations

import numpy as np

from platometer import alignment
from platometer.theory import World, markov, representable

KNN, CKA = "mutual_knn(k=5)", "cka(estimator=debiased)"


def chain(size: int, *, seed: int, keep: float = 0.5, even: bool = False) -> World:
    """A Markov chain of random steps that stays where it is with chance ``keep`` and a bit.

    Parameters
    ----------
    size : events.
    seed : of the steps.
    keep : chance of staying, to which chance adds a little.
    even : whether every event is as frequent as every other, and time reversed looks the same.
    """
    steps = np.random.default_rng(seed).dirichlet(np.full(size, 2.0), size=size)
    if even:
        steps = (steps + steps.T) / 2
        for _ in range(500):  # Sinkhorn and Knopp, kept symmetric
            root = np.sqrt(steps.sum(1))
            steps = steps / root[:, None] / root
        steps /= steps.sum(1, keepdims=True)
    return markov(keep * np.eye(size) + (1 - keep) * steps, name=f"chain {seed}")


def representable_chain(size: int, *, seed: int, even: bool = False) -> World:
    """The first of the chains of this seed for which K_PMI + C is a kernel.

    Parameters
    ----------
    size, seed, even : as for `chain`.
    """
    worlds = (chain(size, seed=1000 * seed + i, keep=0.6, even=even) for i in range(1000))
    return next(world for world in worlds if representable(world.pmi()).holds)


def places(size: int, *, seed: int, width: float = 0.5, keep: float = 0.3) -> World:
    """Events are places in a square: an event meets itself with chance ``keep``, else one near it.

    Parameters
    ----------
    size : places.
    seed : of where they are.
    width : of the Gaussian of nearness, the square's side being 1.
    keep : share of pairs in which an event meets itself; the more, the nearer K_PMI is to a kernel.
    """
    x = np.random.default_rng(seed).uniform(size=(size, 2))
    near = np.exp(-((x[:, None] - x[None]) ** 2).sum(-1) / (2 * width**2))
    np.fill_diagonal(near, 0)
    near /= near.sum()
    return World.from_counts((1 - keep) * near + keep * np.diag(near.sum(1)), name=f"places {seed}",
                             details={"width": width, "keep": keep})


def against_chance(left: np.ndarray, right: np.ndarray, metric: str, *, draws: int, seed: int) -> dict[str, object]:
    """Vectors of the same events, scored as they are: columns of a row.

    Parameters
    ----------
    left, right : (N, r) and (N, s), one row per event.
    metric : spec.
    draws, seed : of the re-pairings.
    """
    found = alignment.align(left, right, metric, conditioning="none", draws=draws, seed=seed)
    chance = found.calibration
    assert chance is not None
    return {"metric": metric, "n": found.n, "draws": draws, "score": found.score, "p": chance.p,
            "null_mean": chance.null_mean, "null_sd": chance.null_sd}
