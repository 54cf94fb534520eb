"""What is measured: jobs, who does them, and the figures that are read off, with what they are to reach."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

OURS = "platometer"
FLOOR = "floor"


class NotMeasuredError(KeyError):
    """A contender that a figure needs is missing."""


@dataclass(frozen=True)
class Times:
    """The least times of a job by one clock.

    Attributes
    ----------
    least : (contender, part) -> seconds.
    size : of the job.
    """

    least: Mapping[tuple[str, str], float]
    size: dict

    def __call__(self, contender: str, part: str) -> float:
        """Seconds.

        Parameters
        ----------
        contender, part : whose, and of what.
        """
        if (contender, part) not in self.least:
            raise NotMeasuredError(f"{contender}, {part}")
        return self.least[contender, part]


@dataclass(frozen=True)
class Figure:
    """One number read off.

    Attributes
    ----------
    says : what it is.
    of : from times by one clock; where ``memory``, from bytes.
    least, most : what it is to reach; None for a number that is only told.
    stretch : a further aim.
    unit : ``"x"``, ``"%"``, ``"MB"`` or nothing.
    memory : whether it is about memory.
    """

    says: str
    of: Callable[[Times], float]
    least: float | None = None
    most: float | None = None
    stretch: float | None = None
    unit: str = "x"
    memory: bool = False


@dataclass(frozen=True)
class Contender:
    """Who does a job.

    Attributes
    ----------
    name : as printed.
    setup : ``module:function`` of this folder, from a size to parts.
    reps : how often; as often as the job says if None.
    size : what differs from the job's size.
    old_blas : whether it brings an OpenBLAS so old that it does not know recent processors, and must be told.
    """

    name: str
    setup: str
    reps: int | None = None
    size: dict = field(default_factory=dict)
    old_blas: bool = False

    @property
    def peer(self) -> bool:
        """Whether it runs without platometer, in whatever environment the peers are in."""
        return self.setup.startswith("peers:")


@dataclass(frozen=True)
class Job:
    """Something to be done.

    Attributes
    ----------
    name : for the command line.
    says : for the page.
    size, quick : parameters of the real run, and of a try.
    contenders, figures : who, and what is read off.
    reps : how often each contender runs, taking turns.
    kind : ``"time"``, or ``"truth"`` for answers beside the truth.
    flag : of the command line, without which it is left out; empty if it always runs.
    """

    name: str
    says: str
    size: dict
    quick: dict
    contenders: tuple[Contender, ...]
    figures: tuple[Figure, ...] = ()
    reps: int = 3
    kind: str = "time"
    flag: str = ""


def _over(one: tuple[str, str], other: tuple[str, str]) -> Callable[[Times], float]:
    """How many times longer one takes than the other."""
    return lambda t: t(*one) / t(*other)


def _null(t: Times) -> float:
    return t(OURS, "grid + draws") - t(OURS, "grid")


def _closed_form(t: Times) -> float:
    """What the closed form costs beside the grid."""
    return t(OURS, "grid + closed form") / t(OURS, "grid") - 1


_GRID = {"n": 1024, "left": 24, "right": 24, "d": 1024, "p": 1536, "k": 10, "draws": 1000, "pairs": 6, "loop draws": 8,
         "peer draws": 7, "cka draws": 1000}
_SMALL = {"n": 512, "left": 4, "right": 4, "d": 96, "p": 128, "k": 10, "draws": 64, "pairs": 2, "loop draws": 2,
          "peer draws": 3, "cka draws": 64}


def _knn_job(name: str, n: int, quick: int, targets: bool) -> Job:
    size = {"n": n, "d": 768, "k": 10}
    slopes = (0, 1, 1.5, 2)
    ours = {slope: f"platometer, j^-{slope}" if slope else "platometer, flat" for slope in slopes}
    steep = {"slope": 1.5}
    faiss = ("faiss", "score")
    aim = (lambda value: value) if targets else (lambda value: None)
    return Job(
        name, f"exact neighbours, n = {n:,}, d = 768, both sides, one mutual_knn", size | {"queries": 5000},
        {"n": quick, "d": 768, "k": 10, "queries": 1000},
        (
            *(Contender(ours[slope], "ours:one_score", size={"slope": slope}) for slope in slopes),
            Contender("faiss", "peers:faiss_score", size=steep, old_blas=True),
            Contender("plain torch", "peers:torch_score", size=steep),
            Contender("scikit-learn", "peers:sklearn_score", reps=1, size=steep),
            Contender(FLOOR, "floors:products", size=steep),
        ),
        (
            Figure("any data: faiss IndexFlatIP takes", _over(faiss, (ours[0], "score")), least=aim(1.8)),
            Figure("spectrum j^-1: faiss takes", _over(faiss, (ours[1], "score"))),
            Figure("spectrum j^-1.5: faiss takes", _over(faiss, (ours[1.5], "score")), least=aim(5)),
            Figure("spectrum j^-2: faiss takes", _over(faiss, (ours[2], "score"))),
            Figure("any data: scikit-learn takes", _over(("scikit-learn", "score"), (ours[0], "score"))),
            Figure("any data, of the symmetric products", _over((ours[0], "score"), (FLOOR, "symmetric products"))),
            Figure("any data, of the full products", _over((ours[0], "score"), (FLOOR, "full products"))),
            Figure("spectrum j^-1.5, of the symmetric products", _over((ours[1.5], "score"), (FLOOR, "symmetric products"))),
            *(
                Figure(f"memory above the features, {name}", lambda t, name=name: t(name, "score") / 1e6, most=aim(100),
                       unit="MB", memory=True)
                for name in (ours[0], ours[1.5])
            ),
        ),
        reps=2 if n > 20_000 else 3,
    )


def _exponent(t: Times) -> float:
    sizes = t.size["sizes"]
    low, high = sizes[0], sizes[-1]
    return math.log(t(f"platometer, n = {high:,}", "side") / t(f"platometer, n = {low:,}", "side")) / math.log(high / low)


def _largest(t: Times) -> float:
    return t(f"platometer, n = {t.size['sizes'][-1]:,}", "side")


def _million_job(name: str, says: str, sizes: tuple[int, ...], quick: tuple[int, ...]) -> Job:
    def contenders(ns: tuple[int, ...]) -> tuple[Contender, ...]:
        return tuple(Contender(f"platometer, n = {n:,}", "ours:one_side", size={"n": n}) for n in ns)

    shape = {"d": 256, "k": 10, "slope": 1.5}
    return Job(
        name, says, shape | {"sizes": sizes, "floor rows": 20_480}, shape | {"sizes": quick, "floor rows": 4096},
        (*contenders(sizes), Contender(FLOOR, "floors:product", size={"n": sizes[-1]})),
        (
            Figure("time grows as n to the power of", _exponent, most=2.1, unit=""),
            Figure("memory above the features", lambda t: _largest(t) / 1e6, most=1000, unit="MB", memory=True),
            Figure("of the symmetric product", lambda t: _largest(t) / t(FLOOR, "symmetric products")),
        ),
        reps=1, flag="million",
    )


JOBS = (
    Job(
        "grid", "mutual_knn grid, n = 1,024, 24 layers of 1,024 x 24 of 1,536, and the null of its maximum, 1,000 draws",
        _GRID, _SMALL,
        (
            Contender(OURS, "ours:mutual_knn", reps=5),
            Contender(FLOOR, "floors:grams", reps=5),
            Contender("released algorithm", "literal:mutual_knn"),
            Contender("scikit-learn", "peers:sklearn_grid"),
            Contender("index-cached loop", "literal:null_mutual_knn"),
            Contender("calibrated-similarity", "peers:calibrated_similarity", reps=2),
        ),
        (
            Figure("the released algorithm takes", _over(("released algorithm", "sort"), (OURS, "grid")), least=80,
                   stretch=110),
            Figure("the same with topk for its sort takes", _over(("released algorithm", "topk"), (OURS, "grid"))),
            Figure("scikit-learn, once per layer, takes", _over(("scikit-learn", "grid"), (OURS, "grid"))),
            Figure("of the symmetric products", _over((OURS, "grid"), (FLOOR, "symmetric products")), most=1.6),
            Figure("of the full products", _over((OURS, "grid"), (FLOOR, "full products"))),
            Figure("1,000 draws, of the grid's own cost", lambda t: _null(t) / t(OURS, "grid"), most=0.4),
            Figure("1,000 draws: an index-cached loop takes", lambda t: t("index-cached loop", "draws") / _null(t), least=500),
            Figure("1,000 draws: calibrated-similarity takes",
                   lambda t: t("calibrated-similarity", "grid + draws") / _null(t), least=10_000),
            Figure("closed form, of the grid's own cost", _closed_form),
        ),
    ),
    *(
        Job(
            f"cka-{name}", f"{says} grid of the same layers, and its null", _GRID, _SMALL,
            (
                Contender(OURS, f"ours:cka_{name}", reps=5),
                Contender(FLOOR, "floors:grams", reps=5),
                Contender("released algorithm", "literal:cka"),
                Contender("pytorch-cka", "peers:pytorch_cka", reps=5),
                Contender("loop", "literal:null_cka"),
            ),
            (
                Figure("pytorch-cka (debiased) takes", _over(("pytorch-cka", "grid"), (OURS, "grid")), least=1.3, stretch=2),
                Figure("the released algorithm takes", _over(("released algorithm", name), (OURS, "grid")), least=released),
                Figure("of the symmetric products", _over((OURS, "grid"), (FLOOR, "symmetric products"))),
                Figure("one draw: a loop over pairs takes",
                       lambda t, name=name: t("loop", name) / (_null(t) / t.size["cka draws"]), least=loop),
                Figure("closed form, of the grid's own cost", _closed_form, most=3),
            ),
        )
        for name, says, released, loop in (("biased", "linear CKA", 100, 150), ("debiased", "debiased linear CKA", 60, 1500))
    ),
    Job(
        "cka-truth", "CKA of features moved from the origin or scaled: largest error against float64",
        {"n": 1024, "left": 3, "right": 3, "d": 512, "p": 768}, {"n": 512, "left": 2, "right": 2, "d": 64, "p": 96},
        (
            Contender("truth", "floors:cka_truth"),
            Contender(OURS, "ours:cka_moved"),
            Contender("pytorch-cka", "peers:pytorch_cka_moved"),
            Contender("released algorithm", "literal:cka_moved"),
        ),
        reps=1, kind="truth",
    ),
    _knn_job("knn-20k", 20_000, 6_000, targets=False),
    _knn_job("knn-50k", 50_000, 12_000, targets=True),
    Job(
        "rsa", "RSA (correlation, Spearman) of one pair, n = 1,024", _GRID, _SMALL,
        (Contender(OURS, "ours:rsa"), Contender("rsatoolbox", "peers:rsatoolbox_pair")),
        (Figure("rsatoolbox takes", _over(("rsatoolbox", "pair"), (OURS, "pair"))),),
    ),
    Job(
        "extraction", "extraction beside a bare forward loop over the same batches",
        {"texts": 1024, "width": 256, "depth": 6, "pictures": 256, "batch": 32},
        {"texts": 128, "width": 64, "depth": 2, "pictures": 32, "batch": 32},
        (Contender(OURS, "ours:extraction"), Contender("bare loop", "floors:forward")),
        (
            Figure("speed of the bare loop kept, text", _over(("bare loop", "text"), (OURS, "text")), least=0.95),
            Figure("speed of the bare loop kept, pictures", _over(("bare loop", "pictures"), (OURS, "pictures")), least=0.95),
            Figure("speed of the bare loop kept, text, kept on disk",
                   _over(("bare loop", "text"), (OURS, "text, kept on disk"))),
        ),
    ),
    Job(
        "study-files", "a study of 9 files of 12 layers, n = 1,024, all 36 pairs, 1,000 draws",
        {"n": 1024, "models": 9, "layers": 12, "d": 768, "k": 10, "draws": 1000},
        {"n": 512, "models": 4, "layers": 3, "d": 64, "k": 10, "draws": 32},
        (Contender(OURS, "ours:study_of_files"), Contender(FLOOR, "floors:study_grams")),
        (
            Figure("of it neither preparing nor comparing",
                   lambda t: 100 * (1 - t(OURS, "its prepare and compare") / t(OURS, "study")), unit="%"),
            Figure("of the symmetric products", _over((OURS, "study"), (FLOOR, "symmetric products"))),
        ),
    ),
    Job(
        "study-models", "a study of 4 language models run in it on 1,024 texts, all 6 pairs, 1,000 draws",
        {"n": 1024, "widths": [192, 256, 320, 384], "depth": 6, "batch": 32, "k": 10, "draws": 1000},
        {"n": 256, "widths": [64, 96], "depth": 2, "batch": 32, "k": 10, "draws": 32},
        (Contender(OURS, "ours:study_of_models"), Contender(FLOOR, "floors:forward_study")),
        (
            Figure("of it neither forward passes nor necessary products", lambda t: 100 * (
                1 - (t(FLOOR, "forward passes") + t(FLOOR, "symmetric products")) / t(OURS, "study")), most=10, unit="%"),
            Figure("of it neither forward passes nor preparing nor comparing", lambda t: 100 * (
                1 - (t(FLOOR, "forward passes") + t(OURS, "its prepare and compare")) / t(OURS, "study")), unit="%"),
        ),
    ),
    _million_job("knn-million", "neighbours of one side, d = 256, spectrum j^-1.5, up to n = 1,000,000",
                 (125_000, 250_000, 1_000_000), (10_240, 20_480)),
)
