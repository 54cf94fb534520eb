"""A view that loses part of an event aligns no better than the part it keeps allows.

Claim: the alignment of a lossless learner with a learner of a lossy view never exceeds the share of the lossless kernel that
    the view can carry, and falls with the information kept.
Wrong if: some alignment is above its bound; or within some kind of loss the rank correlation of alignment with information
    kept, over levels, is not above 0.5 (lower end of the 95 % interval over worlds).
Price: 2 min on one core; quick 10 s.
Last seen: held (6 worlds of 24 events): largest alignment less bound 5.6e-17, 98 % of the bound reached in the mean; rank
    correlation with information kept 1.000 (merged near), 0.992 (0.979 to 1.005; merged at random), 1.000 (noisy), 1.000
    (partial); alignment where 30 to 70 % is kept 0.68 merged near, 0.41 merged at random, 0.40 noisy, 0.45 partial.

What it tests of the paper: its limitation, "different modalities may contain different information". Left vectors f(z) are
learned from the events, right vectors h(x) from the symbols of the view, and an event is observed in both. With the exact
joint distribution of (z, x), alignment is linear CKA, |E f h'|^2 / (|E f f'| |E h h'|), f and h centred; no sampling. As
<E f h', E f h'> sees f only through E[f | x], Cauchy and Schwarz give, for every h,

    CKA <= |E f_x f_x'| / |E f f'|   with   f_x = E[f | x].

The bound is about which information is kept, and not only how much: merging near events costs less than merging any,
at the same number of bits (``merged near`` and ``merged at random``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import spearmanr

from platometer.experiments._experiment import Track, Verdict, silent
from platometer.experiments._scenes import GREY, interval, plain, spelled
from platometer.experiments._theory import places
from platometer.theory import BinaryNCE, Observation, Plan, World, learn, merged, noisy, partial

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KINDS = ("merged near", "merged at random", "noisy", "partial")


def run(*, quick: bool = False, seed: int = 0, track: Track = silent) -> list[dict]:
    """One row per world, kind of loss and level.

    Parameters
    ----------
    quick : fewer, smaller worlds.
    seed : of worlds, views and learners.
    track : told of progress.
    """
    size, repeats, levels = (10, 2, 3) if quick else (24, 6, 8)
    rows: list[dict] = []
    for r in range(repeats):
        own = 1000 * seed + r
        world = places(size, seed=own)
        f = learn(world, BinaryNCE(), Plan(seed=own, steps=300)).left
        for kind, view in _views(world, levels, own):
            h = learn(view.seen(world), BinaryNCE(), Plan(seed=own + 500, steps=300)).left
            kept = view.information(world)
            rows.append({"kind": kind, "repeat": r, "events": size, "symbols": view.channel.shape[1], "bits": kept.bits,
                         "share": kept.share, **_alignment(world, view, f, h)})
        track(r + 1, repeats, f"world {r + 1}")
    return rows


def check(rows: list[dict]) -> Verdict:
    """No alignment above its bound, and more of it where more is kept.

    Parameters
    ----------
    rows : from `run`.
    """
    over = max(row["cka"] - row["bound"] for row in rows)
    orders = {kind: interval(_orders(rows, kind)) for kind in KINDS}
    used = float(np.mean([row["cka"] / row["bound"] for row in rows if row["share"] < 0.999]))
    halves = {kind: float(np.mean([row["cka"] for row in rows if row["kind"] == kind and 0.3 < row["share"] < 0.7]))
              for kind in KINDS if any(row["kind"] == kind and 0.3 < row["share"] < 0.7 for row in rows)}
    numbers = {"largest alignment less bound": over, "mean share of the bound reached": used}
    numbers |= {f"rank correlation, {kind}": value[0] for kind, value in orders.items()}
    numbers |= {f"alignment at 30 to 70 % of information, {kind}": value for kind, value in halves.items()}
    wrong = ["some alignment is above its bound"] if over > 1e-9 else []
    wrong += [f"alignment does not surely rise with information ({kind})" for kind, value in orders.items() if value[1] <= 0.5]
    told = (f"largest alignment less bound {over:.2g}, {used:.0%} of the bound reached in the mean; rank correlation with "
            f"information kept {', '.join(f'{kind} {spelled(value)}' for kind, value in orders.items())}; alignment where "
            f"30 to 70 % is kept {', '.join(f'{kind} {value:.2f}' for kind, value in halves.items())}; "
            f"{len({row['repeat'] for row in rows})} worlds")
    if wrong:
        return Verdict("not held", f"{'; '.join(wrong)}: {told}.", numbers)
    return Verdict("held", told[0].upper() + told[1:] + ".", numbers)


def draw(rows: list[dict]) -> Figure:
    """Alignment against the share of information kept, and against its bound, by kind of loss.

    Parameters
    ----------
    rows : from `run`.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for kind, colour in zip(KINDS, ("#2166ac", "#92c5de", "#d6604d", "#b2882c"), strict=True):
        own = [row for row in rows if row["kind"] == kind]
        left.scatter([row["share"] for row in own], [row["cka"] for row in own], s=9, color=colour, label=kind)
        right.scatter([row["bound"] for row in own], [row["cka"] for row in own], s=9, color=colour)
    right.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=":")
    left.legend(frameon=False, fontsize=7)
    plain(left, x="share of information kept, I(Z; X) / H(Z)", y="alignment (linear CKA)")
    plain(right, x="bound", y="alignment (linear CKA)")
    return figure


def _views(world: World, levels: int, seed: int) -> Iterator[tuple[str, Observation]]:
    size, chance = len(world), np.random.default_rng(seed)
    _, vectors = np.linalg.eigh(world.P_coor / np.sqrt(np.outer(world.P, world.P)))
    along = np.argsort(np.argsort(vectors[:, -2] / np.sqrt(world.P)))  # the slowest direction of the world
    for groups in np.unique(np.linspace(2, size, levels).astype(int)):
        yield "merged near", merged(along * groups // size)
        yield "merged at random", merged(chance.permutation(size) * groups // size)
    for lost in np.linspace(0.02, 0.95, levels):
        yield "noisy", noisy(size, lost * (size - 1) / size)
        yield "partial", partial(size, lost)


def _alignment(world: World, view: Observation, f: np.ndarray, h: np.ndarray) -> dict[str, float]:
    """Linear CKA under the exact joint distribution, and its bound."""
    joint = world.P[:, None] * view.channel
    seen = joint.sum(0)
    f, h = f - world.P @ f, h - seen @ h
    carried = view.posterior(world) @ f
    own = np.linalg.norm((f * world.P[:, None]).T @ f)
    cka = np.linalg.norm(f.T @ joint @ h) ** 2 / (own * np.linalg.norm((h * seen[:, None]).T @ h))
    return {"cka": float(cka), "bound": float(np.linalg.norm((carried * seen[:, None]).T @ carried) / own)}


def _orders(rows: list[dict], kind: str) -> list[float]:
    """One per world: rank correlation of alignment with information kept."""
    own = [[row for row in rows if row["kind"] == kind and row["repeat"] == r] for r in sorted({row["repeat"] for row in rows})]
    return [float(spearmanr([row["share"] for row in part], [row["cka"] for row in part])[0]) for part in own]
