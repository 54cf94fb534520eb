"""Alignment with language grows with the data and with the parameters, and a sum of both foretells it.

Claim: alignment of vision networks with language models follows ``S - a data^-alpha - b parameters^-beta``, which foretells
    combinations of data and size that it never saw better than a law in data alone or in parameters alone.
Wrong if: the squared error of the sum on unseen combinations is surely no less than that of the better of the two other laws
    (interval of the difference, seeds drawn again). Undecided where the difference is not sure.
Price: 5 min on one core; quick 30 s.
Last seen: held: the sum misses unseen combinations by 0.0024, data alone by 0.0058, parameters alone by 0.0119 (squared
    errors of data alone less those of the sum 27.4, 19.3 to 37.0, x 1e-6); debiased CKA says the same (0.0120, 0.0193, 0.0439).
    Both exponents are the least that was tried, 0.1, which is hardly less than a logarithm: no ceiling is seen, and S is no
    measurement of one. 128 to 4,096 scenes, 8,000 to 70,000 parameters, n = 512.

What it tests of the paper: it says that models converge with scale and data, and leaves the law open. Zhu et al. 2026 find
such a sum in frames and captions. Here networks of three sizes learn from 1/32, 1/8, 1/2 or all of the same scenes, each for
the same number of steps, and see the pictures as they are, so that only the variety of what is seen differs. Laws are fitted
by least squares to the means of the cells, with one cell left out in turn.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from platometer import scenes
from platometer.experiments import _scenes as shared
from platometer.experiments import _trained as school
from platometer.experiments._experiment import Track, Verdict, silent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PARTS = (32, 8, 2, 1)  # of all scenes, one in so many
_SIZES, _SIZES_QUICK = (1, 2, 3), (1, 3)
_FULL = {"scenes": 4096, "n": 512, "repeats": 2, "seeds": 4, "steps": 400, "draws": 100}
_QUICK = {"scenes": 1024, "n": 256, "repeats": 2, "seeds": 2, "steps": 80, "draws": 50}
_LAWS = {"constant": (), "parameters": ("parameters",), "data": ("data",), "sum": ("data", "parameters")}
_EXPONENTS = (0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5)
_DRAWS = 2000  # of seeds


def run(*, quick: bool = False, seed: int = 0, track: Track = silent) -> list[dict]:
    """One row per repetition, amount of data, size, seed, language model and metric.

    Parameters
    ----------
    quick : fewer sizes, seeds, scenes, samples, steps and language models.
    seed : of networks, events and re-pairings.
    track : told of progress.
    """
    size, sizes = (_QUICK, _SIZES_QUICK) if quick else (_FULL, _SIZES)
    readers = school.READERS[:1] if quick else school.READERS
    lesson, found = school.lesson(size["scenes"], seed=seed), {}
    plans = list(itertools.product(_PARTS, sizes, range(size["seeds"])))
    for i, (part, grade, chance) in enumerate(plans):
        amount = size["scenes"] // part
        pupil = school.Pupil("conv", grade, seed=10_000 * seed + i, changed=False)
        found[f"{amount}-{grade}-{chance}"] = school.taught(pupil, lesson.part(amount), steps=size["steps"])
        track(i + 1, len(plans), f"{amount} scenes, size {grade}")
    rows = []
    for r, events in enumerate(shared.samples(size["n"], size["repeats"], seed=seed)):
        pictures = scenes.pictures(events, seed=r)
        sides = {name: school.vectors(one.network, pictures) for name, one in found.items()}
        read = school.readings(events, readers, seed=r)
        for row in school.compared({**sides, **read}, itertools.product(found, read), draws=size["draws"], seed=seed):
            amount, grade, chance = (int(word) for word in str(row["left"]).split("-"))
            rows.append({"repeat": r, "data": amount, "size": grade, "seed": chance, "loss": found[str(row["left"])].loss,
                         "parameters": found[str(row["left"])].parameters, **row})
    return rows


def check(rows: list[dict]) -> Verdict:
    """By the excess of mutual_knn over chance, averaged over repetitions and language models: errors on unseen cells.

    Parameters
    ----------
    rows : from `run`.
    """
    numbers: dict[str, float] = {}
    told, gains = [], {}
    for metric in shared.METRICS:
        cells, name = _cells(rows, metric), metric.split("(")[0]
        errors, again = ({law: cells.errors(law, values) for law in _LAWS} for values in (cells.means()[None], cells.again()))
        single = min(("data", "parameters"), key=lambda law: errors[law][0])
        gain = again[single] - again["sum"]
        gains[metric] = (float(errors[single][0] - errors["sum"][0]), *map(float, np.percentile(gain, (2.5, 97.5))))
        numbers |= {f"{name} error of {law}": float(np.sqrt(error[0])) for law, error in errors.items()}
        numbers |= {f"{name} gain of the sum{end}": 1e6 * value for end, value in
                    zip((" (1e-6)", " low (1e-6)", " high (1e-6)"), gains[metric], strict=True)}
        value, low, high = (1e6 * end for end in gains[metric])
        told.append(f"{metric}: errors on unseen combinations " + ", ".join(
            f"{law} {np.sqrt(error[0]):.4f}" for law, error in errors.items())
            + f"; squared error of {single} alone less that of the sum {value:.1f} ({low:.1f} to {high:.1f}) x 1e-6; "
            + cells.law())
    _, low, high = gains[shared.METRICS[0]]
    outcome = "held" if low > 0 else "not held" if high <= 0 else "undecided"
    need = "; more seeds, or a wider range of data and sizes, would be needed" if outcome == "undecided" else ""
    return Verdict(outcome, f"Score with language less chance, n = {rows[0]['n']}. " + "; ".join(told) + need + ".", numbers)


def draw(rows: list[dict]) -> Figure:
    """Alignment with language against the amount of data, one colour per size, with the fitted sum.

    Parameters
    ----------
    rows : from `run`.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.8, 3.6), layout="constrained")
    for axes, metric in zip(figure.subplots(1, 2), shared.METRICS, strict=True):
        cells = _cells(rows, metric)
        fitted, amounts = cells.fitted("sum"), sorted(set(cells.data))
        sizes = sorted(set(cells.parameters))
        for parameters, colour in zip(sizes, (shared.ORANGE, shared.GREY, shared.BLUE), strict=False):
            own = cells.parameters == parameters
            order = np.argsort(cells.data[own])
            for column in cells.values[own].T:
                axes.scatter(cells.data[own], column, s=7, color=colour, alpha=0.5, linewidth=0)
            axes.plot(cells.data[own], cells.means()[own], "o", color=colour, markersize=4,
                      label=f"{int(parameters):,} parameters")
            axes.plot(cells.data[own][order], fitted[own][order], color=colour, linewidth=1)
        axes.set_xscale("log")
        axes.set_xticks(amounts, [f"{amount:,.0f}" for amount in amounts])
        axes.minorticks_off()
        axes.set_ylim(bottom=0)
        axes.legend(frameon=False, fontsize=7)
        axes.set_title(f"{metric}; lines: the sum", fontsize=9)
        shared.plain(axes, x="scenes learnt from", y=f"score with language less chance, n = {rows[0]['n']}")
    return figure


@dataclass(frozen=True)
class _Cells:
    """Alignment by amount of data and size.

    Attributes
    ----------
    data, parameters : (c,) of each cell.
    values : (c, seeds) excess over chance.
    """

    data: np.ndarray
    parameters: np.ndarray
    values: np.ndarray

    def means(self) -> np.ndarray:
        """(c,) over seeds."""
        return self.values.mean(1)

    def again(self) -> np.ndarray:
        """(draws, c) means, seeds being drawn again in each cell."""
        seeds = self.values.shape[1]
        rows = np.random.default_rng(0).integers(0, seeds, size=(_DRAWS, *self.values.shape))
        return np.take_along_axis(school.widened(self.values)[None], rows, 2).mean(2)

    def errors(self, law: str, y: np.ndarray) -> np.ndarray:
        """(B,) mean squared error on each cell, foretold from all others.

        Parameters
        ----------
        law : of `_LAWS`.
        y : (B, c) means of the cells.
        """
        wrong = np.zeros(len(y))
        for cell in range(y.shape[1]):
            seen = np.arange(y.shape[1]) != cell
            wrong += (self._foretold(law, y, seen)[:, cell] - y[:, cell]) ** 2
        return wrong / y.shape[1]

    def fitted(self, law: str) -> np.ndarray:
        """(c,) the law fitted to all cells.

        Parameters
        ----------
        law : of `_LAWS`.
        """
        return self._foretold(law, self.means()[None], np.ones(len(self.data), dtype=bool))[0]

    def law(self) -> str:
        """The sum in words, with its coefficients, and a remark where it grows like a logarithm."""
        y, best = self.means(), None
        for powers in itertools.product(_EXPONENTS, repeat=2):
            columns = self._columns("sum", powers)
            found = np.linalg.lstsq(columns, y, rcond=None)[0]
            rest = float(((columns @ found - y) ** 2).sum())
            if best is None or rest < best[0]:
                best = rest, found, powers
        assert best is not None
        (s, a, b), (alpha, beta) = best[1], best[2]
        slow = " (an exponent is the least tried: no ceiling is seen)" if min(alpha, beta) == _EXPONENTS[0] else ""
        return (f"the sum is {s:.3f} {-a:+.3f} (data/{self.data.min():.0f})^-{alpha:g} {-b:+.3f} "
                f"(parameters/{self.parameters.min():.0f})^-{beta:g}".replace("+", "+ ").replace(" -0", " - 0") + slow)

    def _columns(self, law: str, powers: tuple[float, ...]) -> np.ndarray:
        """(c, 1 + terms) 1 and less the falling power of each of the law's variables."""
        sides = {"data": self.data / self.data.min(), "parameters": self.parameters / self.parameters.min()}
        return np.stack([np.ones(len(self.data)), *(-sides[name] ** -power for name, power in
                                                    zip(_LAWS[law], powers, strict=True))], 1)

    def _foretold(self, law: str, y: np.ndarray, seen: np.ndarray) -> np.ndarray:
        """(B, c) by the least squares of the seen cells, the exponents included."""
        least, told = np.full(len(y), np.inf), np.zeros_like(y)
        for powers in itertools.product(_EXPONENTS, repeat=len(_LAWS[law])):
            columns = self._columns(law, powers)
            every = y[:, seen] @ np.linalg.pinv(columns[seen]).T @ columns.T
            rest = ((every - y)[:, seen] ** 2).sum(1)
            better = rest < least - 1e-15
            least[better], told[better] = rest[better], every[better]
        return told


def _cells(rows: list[dict], metric: str) -> _Cells:
    own = [row for row in rows if row["metric"] == metric]
    found = shared.means(own, "excess", "data", "parameters", "seed")
    cells = list(dict.fromkeys(key[:2] for key in found))
    values = [[value for key, value in found.items() if key[:2] == cell] for cell in cells]
    return _Cells(np.array([float(cell[0]) for cell in cells]), np.array([float(cell[1]) for cell in cells]), np.array(values))
