"""Which of our specs each golden value belongs to, what ours gives, and why it may differ.

A *record* is what one implementation gave on one input: case, peer, func, params, prep (what was done to the features),
and its value on float32 and, where it has one, on float64 input. `judge` compares ours with it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch

from platometer import nulls
from platometer.alignment import score
from platometer.conditioning import Conditioning
from platometer.errors import PlatometerError
from platometer.knn import Neighbours
from platometer.metrics import parse

HERE = Path(__file__).parent

# from a peer's function to our spec


@dataclass(frozen=True)
class Ours:
    """What of ours a record is held to.

    Attributes
    ----------
    spec : our metric.
    to : turns our score into the peer's number.
    swap : whether the peer's first argument is our right side.
    kind : "score", "calibrated", "layers", "best", "threshold", "grid".
    condition : a conditioning that the peer's function contains.
    centre : whether the peer's function removes column means first.
    """

    spec: str
    to: Callable[[float], float] = lambda s: s
    swap: bool = False
    kind: str = "score"
    condition: str = ""
    centre: bool = False


def angle(s: float) -> float:
    return math.acos(min(1.0, max(-1.0, s)))


def ours(peer: str, func: str, params: dict) -> Ours | None:
    """Ours, or None where we have no such measure.

    Parameters
    ----------
    peer, func, params : of a record.
    """
    k = params.get("topk", params.get("k", 10))
    if peer.startswith("reference"):
        return _reference(func, k)
    if peer.startswith("platonic-rep"):
        return _platonic(func, params, k)
    if peer.startswith("Aristotelian"):
        return _aristotelian(func, params, k)
    if peer.startswith("calibrated-similarity"):
        spec = "cka" if "CKA" in params["sim"] else "mutual_knn(k=10)"
        return Ours(spec, kind="calibrated" if func == "calibrate" else "layers")
    if peer.startswith("similarity-repository"):
        return _repository(func.split("/")[1], "/".join(func.split("/")[2:]))
    return _packages(peer.split("@")[0].split(" ")[0], func, params, k)


def _reference(func: str, k: int) -> Ours | None:
    if func == "mutual_knn":
        return Ours(f"mutual_knn(k={k})")
    if func.startswith("mutual_knn grid"):
        return Ours(f"mutual_knn(k={k})", kind="layers")
    return Ours({"cka_linear_biased": "cka", "cka_linear_unbiased": "cka(estimator=debiased)"}[func])


def _released(name: str, params: dict, k: int) -> str | None:
    """The paper's metrics by the names of its code."""
    if name == "cka":
        rbf = "kernel_metric" in params or params.get("kernel") == "rbf"
        kernel = f"kernel=rbf, bandwidth={params.get('rbf_sigma', 1.0)}, unit=one, " if rbf else ""
        return f"cka({kernel}estimator={'debiased' if params.get('unbiased') else 'biased'})"
    if name == "cknna":
        if k is None or params.get("distance_agnostic") or params.get("unbiased") is False:
            return None
        return f"cknna(k={k}, variant=platonic-rep)"
    return {
        "unbiased_cka": "cka(estimator=debiased)", "mutual_knn": f"mutual_knn(k={k})", "cycle_knn": f"cycle_knn(k={k})",
        "lcs_knn": f"lcs_knn(k={k}, normalise=one)", "edit_distance_knn": f"edit_knn(k={k})",
        "svcca": "svcca(variant=platonic-rep)",
    }.get(name)


def _platonic(func: str, params: dict, k: int) -> Ours | None:
    if func.startswith("remove_outliers"):
        return Ours("mutual_knn", kind="threshold")
    name = func.partition("[")[2][:-1] if func.startswith("compute_score") else func.rpartition(".")[2]
    spec = _released(name, params, k)
    if spec is None:
        return None
    return Ours(spec, swap=params.get("order") == "yx", kind="best" if func.startswith("compute_score") else "score")


def _aristotelian(func: str, params: dict, k: int) -> Ours | None:
    if func.startswith("estimators."):
        spec = {"cka_biased": "cka", "cka_debiased": "cka(estimator=debiased)", "cka_naive": "cka",
                "cka_song": "cka(estimator=debiased)"}.get(func.rpartition(".")[2])
        return None if spec is None else Ours(spec)
    name = func.partition("[")[2].partition("]")[0]
    kind = "calibrated" if func.endswith("calibrated") else "score"
    if func.startswith("compute_alignment_gated"):
        kind = "layers"
        name = name or func.removeprefix("compute_alignment_gated_").removesuffix("_cached")
    plain = {
        "knn": f"mutual_knn(k={k})", "mask": f"mutual_knn(k={k})", "cka_linear": "cka",
        "cka_rbf": "cka(kernel=rbf, unit=one)" if kind == "layers" else "cka(kernel=rbf)",
        "cka_unbiased": "cka(estimator=debiased)", "ucka": "cka(estimator=debiased)", "rv_coefficient": "rv",
        "rsa": "rsa(dissimilarity=euclidean)", "cca": None if params.get("cca_dim") else "cca",
        "svcca": f"svcca(dims={params.get('cca_dim') or 10})",
    }
    spec = plain.get(name) or _released(name, params, k)
    return None if spec is None else Ours(spec, kind=kind)


def _repository(package: str, measure: str) -> Ours | None:
    # their squared distances are functions of the score that is held beside them
    estimators = {"gretton": "biased", "song": "debiased", "lange": "lange"}
    for hsic, name in estimators.items():
        if measure.startswith(f"cka-kernel=linear-hsic={hsic}-"):
            return _form(f"cka(estimator={name})", measure)
    if measure.startswith("rsa-rdm="):
        _, rdm, compare = measure.split("=")
        return _rsa(rdm.removesuffix("-compare"), compare)
    start, _, form = measure.rpartition("-")
    if start in ("nbs", "procrustes"):
        return _form("procrustes", measure)
    if start in ("cca", "svcca-dim=10", "svcca-var=0.99", "svcca-var=0.95") and package not in ("pyrcca", "resi"):
        options = {"": [], "10": ["dims=10"], "0.99": [], "0.95": ["variance=0.95"]}[start.partition("=")[2]]
        if form == "squared_score":
            options.append("summary=squared")
        elif package == "netrep":
            options.append("summary=shape")
        return _form(f"{start.partition('-')[0]}({', '.join(options)})", measure)
    if start == "pwcca" and form in ("score", "distance=angular"):
        return _form("pwcca" if package == "sim_metric" else "pwcca(variant=unwhitened)", measure)
    spec = {
        "linear_CKA": "cka", "feature_space_linear_cka": "cka", "distance_correlation": "distance_correlation",
        "feature_space_linear_cka-debiased_True": "cka(estimator=debiased)", "jaccard_similarity": "jaccard_knn(k=10)",
        "hard_correlation_match": "soft_matching(matching=hard)", "soft_correlation_match": "soft_matching(matching=semi)",
        "linear_regression": "linear_predictivity(estimator=fit)",
        "orthogonal_angular_shape_metric_centered": "procrustes(form=angular)",
        "orthogonal_procrustes_centered_and_normalized": "procrustes(form=distance)",
    }.get(measure)
    if spec is None:
        return None
    jaccard = measure == "jaccard_similarity"
    return Ours(spec, swap=measure == "linear_regression", condition="unit" if jaccard else "",
                centre=jaccard and package == "llm_repsim")


def _form(spec: str, measure: str) -> Ours | None:
    if measure.endswith(("-score", "squared_score")):
        return Ours(spec)
    return Ours(spec, to=angle) if measure.endswith("distance=angular") else None


def _rsa(rdm: str, compare: str) -> Ours | None:
    """`rdm` mahalanobis without noise is the squared Euclidean distance, as in rsatoolbox; rho-a and tau-a differ by ties."""
    dissimilarity = {"mahalanobis": "squared_euclidean"}.get(rdm, rdm)
    how = {"corr": "pearson", "tau-a": "kendall", "tau-b": "kendall", "tau_a": "kendall", "tau_b": "kendall",
           "rho-a": "spearman", "rho_a": "spearman"}.get(compare, compare)
    if dissimilarity not in ("correlation", "squared_euclidean", "euclidean") or how not in (
        "pearson", "spearman", "kendall", "cosine"
    ):
        return None
    return Ours(f"rsa(dissimilarity={dissimilarity}, compare={how})")


def _packages(peer: str, func: str, params: dict, k: int) -> Ours | None:
    if func in ("cka_from_features", "cka_from_features[list]"):
        return Ours("cka(estimator=debiased)", to=lambda s: min(1.0, max(0.0, s)), kind="grid" if "list" in func else "score")
    if func == "cka_base":
        kernel = "kernel=rbf, bandwidth=1.0, unit=median, " if params["kernel"] == "rbf" else ""
        return Ours(f"cka({kernel}estimator={'debiased' if params['unbiased'] else 'biased'})")
    if func == "LinearCKA.score":
        return Ours("cka", to=angle)
    if func == "JaccardSimilarity":
        return Ours(f"jaccard_knn(k={k})", condition="unit") if params.get("inner", "cosine") == "cosine" else None
    if func == "LinearMetric.fit_score" and params["score_method"] == "angular" and params["alpha"] in (0.0, 1.0):
        return Ours("procrustes" if params["alpha"] == 1.0 else "cca(summary=shape)", to=angle)
    if func == "compare":
        return _rsa({"euclidean": "squared_euclidean"}.get(params["rdm"], params["rdm"]), params["method"])
    if func == "representational_similarity_analysis" and params["outer"] == "spearman":
        return _rsa(params["inner"], "spearman")
    spec = {
        "linear_cka": "cka", "CKA": "cka", "RSA": "rsa", "DistanceCorrelation": "distance_correlation",
        "HardCorrelationMatch": "soft_matching(matching=hard)", "SoftCorrelationMatch": "soft_matching(matching=semi)",
        "LinearRegression": "linear_predictivity(estimator=fit)",
        "PWCCA": "pwcca(variant=unwhitened)", "OrthogonalAngularShapeMetricCentered": "procrustes(form=angular)",
        "OrthogonalProcrustesCenteredAndNormalized": "procrustes(form=distance)",
    }.get(func)
    return None if spec is None else Ours(spec, swap=func == "LinearRegression")  # it predicts its first argument


# what ours gives


@cache
def inputs() -> dict[str, np.ndarray]:
    with np.load(HERE / "inputs.npz") as file:
        return {name: file[name] for name in file.files}


@cache
def records() -> list[dict]:
    names = {"c": "case", "p": "peer", "f": "func", "a": "params", "r": "prep", "v": "value", "d": "value64", "t": "tol"}
    return [{names.get(key, key): value for key, value in record.items()} for record in
            json.loads((HERE / "values.json").read_text())["records"]]


def conditioning(prep: str) -> str:
    if "approx" in prep:
        return "platonic-rep(sample-mean)"
    if "exact" in prep:
        return "platonic-rep(exact)"
    return "unit" if "normalize" in prep else "none"


def sides(case: str) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """The layers of both models, float64."""
    found = inputs()
    return tuple(  # type: ignore[return-value]
        [torch.from_numpy(found[name]).double() for name in sorted(found)
         if name.startswith(f"{case}.{side}") and not name.endswith("perms")]
        for side in "XY"
    )


def conditioned(case: str, prep: str, *, normalise: bool, per_layer: bool = False) -> tuple[list, list]:
    rule = Conditioning.parse(conditioning(prep))
    out = []
    for layers in sides(case):
        limits = [rule.limit([x]) for x in layers] if per_layer else [rule.limit(layers)] * len(layers)
        if normalise:
            out.append([rule(x, limit=limit) if rule.joint else Conditioning.parse("unit")(x)
                        for x, limit in zip(layers, limits, strict=True)])
        else:
            out.append([x if limit is None else x.clamp(-limit, limit) for x, limit in zip(layers, limits, strict=True)])
    return out[0], out[1]


@cache
def prepared(case: str, prep: str, spec: str, normalise: bool, per_layer: bool) -> tuple[list, list]:
    metric = parse(spec)
    left, right = conditioned(case, prep, normalise=normalise, per_layer=per_layer)
    metric.check_n(len(left[0]))
    return [metric.prepare(x) for x in left], [metric.prepare(y) for y in right]


@cache
def scored(case: str, spec: str, condition: str, swap: bool, centre: bool) -> float:
    (x, *_), (y, *_) = sides(case)
    if centre:
        x, y = x - x.mean(0), y - y.mean(0)
    return score(y, x, spec, conditioning=condition) if swap else score(x, y, spec, conditioning=condition)


@cache
def drawn(case: str, prep: str, spec: str, perms: str, draws: int) -> np.ndarray:
    lefts, rights = prepared(case, prep, spec, "normal" in prep or "cosine" in prep, False)
    orders = torch.from_numpy(inputs()[f"{case}.{perms}"][:draws].astype(np.int64))
    return parse(spec).null_grid(lefts, rights, orders).numpy()


def number(record: dict) -> dict[str, tuple[float, float]]:
    """What is compared: name -> (ours, theirs)."""
    case, prep, params = record["case"], record["prep"], record["params"]
    mine = ours(record["peer"], record["func"], params)
    assert mine is not None
    value = record.get("value64", record.get("value"))
    if mine.kind == "threshold":
        rule = Conditioning.parse(conditioning(prep))
        return {"threshold": (float(rule.limit(sides(case)[0])), value)}  # type: ignore[arg-type]
    if mine.kind == "score":
        found = mine.to(scored(case, mine.spec, mine.condition or conditioning(prep), mine.swap, mine.centre))
        return {"score": (found, value), **_moments(record, mine)}
    if mine.kind == "grid":
        lefts, rights = prepared(case, prep, mine.spec, False, False)
        grid = parse(mine.spec).grid(lefts, rights).numpy()
        theirs = np.asarray(value)
        return {f"{i}, {j}": (mine.to(float(grid[i, j])), float(theirs[i, j])) for i, j in np.ndindex(*grid.shape)}
    if mine.kind == "best":
        return _best(record, mine, value)
    return _calibrated(record, mine, value)


def _moments(record: dict, mine: Ours) -> dict[str, tuple[float, float]]:
    if "null_mean" not in record:
        return {}
    (a, *_), (b, *_) = prepared(record["case"], record["prep"], mine.spec, record["prep"] == "normalize", False)
    moments = parse(mine.spec).moments(a, b)
    if moments is None:
        return {}
    found = {"null mean": (moments.mean, record["null_mean"]), "null sd": (moments.variance**0.5, record["null_var"] ** 0.5)}
    if "null_skew" in record and moments.skewness is not None:
        found["null skewness"] = moments.skewness, record["null_skew"]
    return found


def _best(record: dict, mine: Ours, value: float) -> dict[str, tuple[float, float]]:
    normalise, per_layer = record["params"]["normalize"], "per_layer" in record["prep"]
    lefts, rights = prepared(record["case"], record["prep"], mine.spec, normalise, per_layer)
    lefts, rights = (rights, lefts) if mine.swap else (lefts, rights)
    grid = parse(mine.spec).grid(lefts, rights).numpy()
    first, second = record["indices"]
    return {"best": (float(grid.max()), value), "score of their best pair": (float(grid[first, second]), value)}


def _calibrated(record: dict, mine: Ours, value: list[float]) -> dict[str, tuple[float, float]]:
    params, prep, case = record["params"], record["prep"], record["case"]
    if "cosine" in params.get("sim", ""):
        prep = "normalize"
    draws = params.get("num_permutations", params.get("K", 200))
    facts = parse(mine.spec).facts
    seeded = record["func"].startswith("compute_alignment_gated") or "perms" in params
    grids = drawn(case, prep, mine.spec, "torch" if seeded else "perms", draws)
    lefts, rights = prepared(case, prep, mine.spec, "normal" in prep, False)
    grid = parse(mine.spec).grid(lefts, rights).numpy()
    collapse = np.mean if params.get("agg") == "mean" else np.max
    observed, statistics = float(collapse(grid)), collapse(grids, axis=(1, 2))
    found = nulls.calibrate(observed, statistics, alike=facts.alike, best=facts.best, alpha=params.get("alpha", 0.05))
    have = {
        "raw": observed, "raw_score": observed, "p": found.p, "pvalue": found.p, "p_value": found.p, "tau": found.tau,
        "tau_alpha": found.tau, "tau_0.05": found.tau, "mean_null": found.null_mean, "mu0": found.null_mean,
        "median_null": float(np.median(statistics)), "std_null": float(statistics.std()), "sd0": float(statistics.std()),
        "gated": found.score, "g_score": found.score, "score": found.score,
    }
    fields = record.get("fields", "").split(",")
    value = value if isinstance(value, list) else [math.nan] * len(fields)
    out = {name: (have[name], theirs) for name, theirs in zip(fields, value, strict=True)
           if have.get(name) is not None and not isinstance(theirs, str)}
    if "grid" in record:
        out |= {f"{i}, {j}": (float(grid[i, j]), record["grid"][i][j]) for i, j in np.ndindex(*grid.shape)}
    return out  # type: ignore[return-value]


# why ours may differ


@dataclass(frozen=True)
class Verdict:
    """One record, judged.

    Attributes
    ----------
    status : "agrees", "explained" or "differs".
    reason : which explanation.
    numbers : name -> (ours, theirs).
    """

    status: str
    reason: str = ""
    numbers: dict | None = None


def judge(record: dict) -> Verdict:
    """Whether ours agrees, differs for a known reason and within its bound, or differs.

    Parameters
    ----------
    record : one of `records`.
    """
    failed = "error" in record or not is_number(record.get("value"))
    try:
        numbers = number({**record, "value": math.nan, "value64": math.nan} if failed else record)
    except PlatometerError as error:
        reason = refusal(record, str(error))
        return Verdict("explained", reason, {}) if reason else Verdict("differs", f"ours raises: {error}", {})
    if failed:
        fine = all(math.isfinite(mine) for mine, _ in numbers.values())
        return Verdict("explained", "the peer fails on this input; ours has a number", numbers) if fine else Verdict("differs")
    slack = record["tol"]
    bad = {name: pair for name, pair in numbers.items() if not abs(pair[0] - pair[1]) <= slack * max(1, abs(pair[1]))}
    if not bad:
        return Verdict("agrees", numbers=numbers)
    for rule in EXPLAINED:
        if rule.explains(record, bad):
            return Verdict("explained", rule.reason, bad)
    return Verdict("differs", numbers=bad)


def is_number(value: object) -> bool:
    if isinstance(value, list):
        return any(map(is_number, value))
    return isinstance(value, float | int) and math.isfinite(value)


def refusal(record: dict, text: str) -> str:
    """Why ours refuses, where it should."""
    if "samples; there are" in text:
        return "k >= n, or too few samples, is an error here; the peer counts the sample itself, clips k, or fails"
    if "independent directions" in text:
        return "n samples in n - 1 directions correlate perfectly with anything: an error here, near 1 or a crash there"
    if "All samples have the same features" in text and "rbf" in json.dumps(record["params"]):
        return "an RBF Gram that is the identity to rounding has no structure: an error here, epsilon over epsilon there"
    return ""


def lost(case: str, condition: str, k: int, *, order: bool) -> float:
    """Places per sample that ties leave open in x and in y: what any rule for ties can change."""
    if len(sides(case)[0]) > 1:
        return 0.0
    open_places = 0
    for layers in sides(case):
        found: Neighbours = parse(f"mutual_knn(k={k})").prepare(Conditioning.parse(condition)(layers[0]))
        open_places += int(((~found.settled) if order else (found.lists < 0)).sum())
    return open_places / len(sides(case)[0][0])


def tie_bound(record: dict) -> float:
    k = record["params"].get("topk", record["params"].get("k", 10))
    condition = conditioning(record["prep"])
    func = record["func"]
    if "lcs" in func or "edit" in func:
        places = lost(record["case"], condition, k, order=True)
        return places if "lcs" in func else places / k
    places = lost(record["case"], condition, k, order=False)
    return places if "cycle" in func else places / k


P = ("p", "pvalue", "p_value")


@dataclass(frozen=True)
class Rule:
    """Why ours differs from a peer's, and how much it may.

    Attributes
    ----------
    reason : in words.
    peer, func, case, prep : regular expressions that a record must match.
    bound : largest difference, a number or of a record.
    p : largest difference of a p-value.
    """

    reason: str
    peer: str
    func: str
    case: str
    prep: str
    bound: float | Callable[[dict], float]
    p: float = 0.0

    def explains(self, record: dict, bad: dict[str, tuple[float, float]]) -> bool:
        label = {key: record[key] for key in ("peer", "func", "case", "prep")}
        label["func"] += json.dumps(record["params"])
        if not all(re.search(getattr(self, key), label[key]) for key in label):
            return False
        bound = self.bound(record) if callable(self.bound) else self.bound
        return all(abs(a - b) <= (self.p if name in P else bound) + 1e-7 for name, (a, b) in bad.items())


LISTS = "knn|Jaccard|jaccard|mask_cached|edit_distance"
EXPLAINED = [
    Rule("a p-value counts ties: the peer compares equal counts as floats and misses some", "Arist|calibrated-sim|platonic",
         LISTS, "", "", 0.0, 0.05),
    Rule("ties: samples tied with the (k+1)-th are nobody's neighbours here, by lower index or by rounding there; the bound is "
         "the share of places that ties leave open", "", LISTS, "dups_ties", "", lambda r: 2 * tie_bound(r), 0.1),
    Rule("near ties in float32: the rows of `unnormalised` agree to 2e-6, where the peer normalises and multiplies in float32",
         "Arist|platonic|calibrated-sim", LISTS, "unnormalised", "", lambda r: 0.2 if "lcs" in r["func"] else 0.03, 0.06),
    Rule("1e-6 is added to the denominator, which is not small beside unit features", "Arist|platonic",
         "cka|cknna|ucka|CKA", "^(?!unnorm)", "", 1.5e-3),
    Rule("1e-6 is added to the denominator, which is large beside the small spread of these features", "Arist|platonic",
         "cka|CKA", "unnormalised", "normal", 1.0),
    Rule("the peer's covariances carry a ridge", "Arist", "cca", "^(?!unnorm)", "", 1.5e-3, 0.01),
    Rule("the peer's covariances carry a ridge, which is large beside the small spread of these features", "Arist", "cca",
         "unnormalised", "", 0.6),
    Rule("the peer's median counts each sample's distance to itself, which is 0", "Arist|ckatorch", "rbf", "", "", 0.015, 0.02),
    Rule("float32: uncentred Grams of features far from the origin have lost their digits", "", "cka|CKA", "unnormalised",
         "raw", 0.5),
    Rule("the peer's decomposition is randomised and its CCA iterative: equal spaces score 0.86 to 0.98", "platonic", "svcca",
         "", "", 0.15),
    Rule("the peer samples 8,192 pairs", "Arist", "rsa", "base256|unnorm|independent", "", 0.03, 0.3),
    Rule("dissimilarities tie only in float64: the peer ranks them in float32", "Arist", "rsa", "dups_ties", "", 1e-4),
    Rule("the peer adds the features' means to its directions", "ReSi|repository", "(?i)pwcca", "", "", 0.012),
    Rule("ties in another variant: tau-a and rho-a count tied pairs as disagreement", "rsatoolbox|repository", "(tau|rho).a",
         "dups_ties", "", 2e-3),
    Rule("another definition of RSA in one package", "repository", "llm_repsim/rsa", "", "", 0.03),
    Rule("the peer is wrong: independent spaces of equal width come out as equal; others agree with ours", "repository",
         "(nbs|procrustes)", "independent", "", 1.2),
    Rule("the RBF Gram is the identity to rounding: what remains is rounding and epsilon", "Arist|platonic",
         r"(cka).*\"kernel", "base256|highD|unnormalised|identical", "^raw", 1.0, 1.0),
    Rule("the arc cosine of 1 - 2e-7 is 6e-4", "repository", "angular", "identical", "", 1e-3),
]
