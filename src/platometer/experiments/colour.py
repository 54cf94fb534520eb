"""Colours that meet in pictures, and words for them, lie as colours do to the eye.

Claim: co-occurrence of colours in pictures and of colour words in language gives back the perceptual colour space:
    dissimilarities (max K_PMI - K_PMI, or distances in a language model) agree with distances in CIELAB.
Wrong if: the dissimilarities of a source do not correlate with CIELAB beyond colours exchanged by chance, and the interval
    of the correlation ends below 0.2.
Price: 2 minutes, quick 20 seconds (two cores; 4,000 pictures of CIFAR-10 and all sources; 1 minute and 5 seconds as it is
    without options).
Last seen: not held, on 4,000 CIFAR-10 pictures, MiniLM, GloVe (25 dimensions) and 2.9M words of text. Pixels agree: RSA 0.63
    [0.59, 0.67], p = 0.002 after Holm, residual 0.34, hue 0.93, lightness 0.60 (n = 209). GloVe does not: RSA -0.26
    [-0.53, 0.01] (n = 17). Open: MiniLM -0.01 [-0.23, 0.22] (n = 20), text 0.00 [-0.53, 0.54] (n = 14). Without options, held
    by pixels alone: RSA 0.67 [0.62, 0.73], p = 0.0005, residual 0.47 (7 photographs, n = 135). More in docs/colour.md.

The four pictures are: pixels at most `radius` apart in pictures; a language model reading three sentences about each of
twenty colour words; word vectors; and the words of a text. Each is set against CIELAB by the Spearman correlation of
dissimilarities (RSA), and embedded in three dimensions by scaling with many starts and laid onto CIELAB, for the share of
variance left, hue and lightness. What the paper shows by eye has a score, a permutation p and an interval here.

Pixels are always there: photographs that ship in scikit-image unless `pictures` names others. The other three are judged
where `words_model`, `vectors` and `corpus` name a source, and said to be absent where not.

Source: Huh, Cheung, Wang, Isola 2024, section 4.3 and appendix D; Abdou et al. 2021 (words).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from platometer import nulls, stats
from platometer.experiments import _colour_names, _colour_pixels, _colour_scores, _colour_solid, _colour_words
from platometer.experiments._colour_mds import embedded, laid_onto
from platometer.experiments._experiment import Track, Verdict, silent
from platometer.theory import World

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PICTURES = ("pixels", "language model", "word vectors", "corpus")
OPTIONS = ("words_model", "vectors", "corpus")
LEVEL = 0.05
LITTLE = 0.2
"""RSA below which the two spaces would not be called alike, however certain."""
NEAR = 25
"""Distance in CIELAB up to which a colour of the pictures stands for a word."""


def run(
    *,
    quick: bool = False,
    seed: int = 0,
    track: Track = silent,
    pictures: str = "photographs",
    words_model: str = "",
    vectors: str = "",
    corpus: str = "",
    grid: int = 8,
    radius: float = 4.0,
    space: str = "rgb",
    pairs: int = 0,
    expected: float = 5.0,
    smoothing: float = 1.0,
    window: int = 10,
    limit: int = 4000,
    split: str = "train",
) -> list[dict]:
    """Scores, points and sensitivities of the pictures of the claim that have a source.

    Parameters
    ----------
    quick : fewer pictures, starts and draws, and two sensitivities.
    seed : of pictures, pairs, starts and draws.
    track : told of progress.
    pictures : see `platometer.experiments._colour_pixels.loaded`: ``"photographs"``, a dataset, an npz file, a folder.
    words_model : a model source such as ``"hf:FacebookAI/roberta-large"``; none if empty.
    vectors : a file of word vectors; none if empty.
    corpus : a text, or a folder of texts, several with commas between; none if empty.
    grid, radius, space : see `platometer.experiments._colour_pixels.counted`.
    pairs : of pixels drawn by `seed` (the paper: 300,000); every pair if 0.
    expected : colours so rare that two such are expected together fewer times are left out.
    smoothing : added to the count of each pair, of colours and of words.
    window : words that two colour words may be apart in the corpus.
    limit : pictures, at most.
    split : of a dataset on the hub.

    Returns
    -------
    Rows of six kinds: ``score``, ``layer`` (of a language model), ``point``, ``pair`` (two pictures with each other),
    ``sensitivity``, ``absent``.
    """
    stacks, what = _colour_pixels.loaded(pictures, limit=min(limit, 200) if quick else limit, split=split, seed=seed)
    usual = {"grid": grid, "radius": radius, "space": space, "pairs": pairs or None, "seed": seed, "expected": expected,
             "smoothing": smoothing}
    settings = list(_settings(usual, stacks, quick))
    total, effort = 4 + len(settings), {"draws": 199 if quick else 1999, "seed": seed}
    track(0, total, "pixels")
    found = [_pixels(stacks, what, usual)]
    rows = _rows(found[0], starts=4 if quick else 100, **effort)
    rows[0] |= {key: value for key, value in usual.items() if value is not None}
    for i, (picture, option, source) in enumerate(zip(PICTURES[1:], OPTIONS, (words_model, vectors, corpus), strict=True), 1):
        track(i, total, picture)
        words = _words(picture, option, source, window, smoothing)
        if isinstance(words, str):
            rows.append({"kind": "absent", "picture": picture, "why": words})
        else:
            found.append(words)
            rows += _rows(words, starts=20 if quick else 1000, **effort)
    rows += _between(found, [row["layer"] for row in rows if row["kind"] == "score"], **effort)
    for i, (name, changed, part) in enumerate(settings, 4):
        track(i, total, f"sensitivity: {name}")
        few = _sensitivity(part, changed, starts=3 if quick else 20)
        rows.append({"kind": "sensitivity", "picture": "pixels", "name": name} | few)
    track(total, total, "done")
    return rows


def check(rows: Sequence[Mapping]) -> Verdict:
    """Held if every picture with a score agrees with CIELAB, not held if one does not agree, undecided otherwise.

    A picture agrees if p of its RSA, after Holm over the pictures, is at most `LEVEL` and its interval is above 0. It does
    not if p is above and the interval ends below `LITTLE`.

    Parameters
    ----------
    rows : of `run`.
    """
    scores = [row for row in rows if row["kind"] == "score"]
    absent = [row["picture"] for row in rows if row["kind"] == "absent"]
    missing = f" Not judged: {', '.join(absent)}." if absent else ""
    if not scores:
        return Verdict("undecided", f"no picture has a score.{missing}")
    numbers: dict[str, float] = {}
    words, found = [], []
    for row, p in zip(scores, stats.holm([row["rsa_p"] for row in scores]), strict=True):
        agrees = p <= LEVEL and row["rsa_low"] > 0
        differs = p > LEVEL and row["rsa_high"] < LITTLE
        found.append("agrees" if agrees else "does not agree" if differs else "is open")
        words.append(f"{row['picture']} ({row['source']}, n = {row['n']}) {found[-1]}: RSA {row['rsa']:.2f} "
                     f"[{row['rsa_low']:.2f}, {row['rsa_high']:.2f}], p = {p:.2g}, residual {row['residual']:.2f}")
        name = row["picture"].replace(" ", "_")
        numbers |= {f"{name}_{score}": float(row[score]) for score in _colour_scores.NAMES if row.get(score) is not None}
        numbers |= {f"{name}_p_holm": float(p), f"{name}_low": float(row["rsa_low"]), f"{name}_high": float(row["rsa_high"])}
    outcome = "not held" if "does not agree" in found else "held" if set(found) == {"agrees"} else "undecided"
    return Verdict(outcome, "; ".join(words) + "." + missing, numbers)


def draw(rows: Sequence[Mapping]) -> Figure:
    """The solids side by side, each point in its own colour.

    Parameters
    ----------
    rows : of `run`.
    """
    return _colour_solid.figure(_colour_solid.solids(rows))


def page(rows: Sequence[Mapping]) -> str:
    """The solids as a self-contained piece of HTML that can be turned with the mouse or the arrow keys.

    Parameters
    ----------
    rows : of `run`.
    """
    return _colour_solid.fragment(_colour_solid.solids(rows))


@dataclass(frozen=True, eq=False)
class _Source:
    """One of the four pictures: its items, their colours, and layer -> how unlike they are."""

    picture: str
    source: str
    names: Sequence[str]
    colours: Sequence[str]
    lab: np.ndarray
    tables: Mapping[str, np.ndarray]
    unseen: float | None = None


def _pixels(stacks: Sequence[np.ndarray], what: str, options: Mapping[str, Any]) -> _Source:
    counting = {key: value for key, value in options.items() if key not in ("expected", "smoothing")}
    cells = _colour_pixels.counted(stacks, **counting).often(options["expected"])
    world = World.from_counts(cells.counts, smoothing=options["smoothing"], name="pixels")
    colours = _colour_names.written(cells.rgb)
    return _Source("pixels", what, colours, colours, _colour_names.lab(cells.rgb),
                   {"K_PMI": _colour_words.unlike(world.pmi())}, float((cells.counts == 0).mean()))


def _words(picture: str, option: str, source: str, window: int, smoothing: float) -> _Source | str:
    """The words of this source, or why there are none."""
    if not source:
        return f"no source; name one with {option}"
    if option == "corpus":
        found = _colour_words.of_corpus(source, window=window, smoothing=smoothing)
    else:
        found = {"words_model": _colour_words.of_model, "vectors": _colour_words.of_vectors}[option](source)
    if len(found.words) < _colour_scores.LEAST:
        return f"{found.source} has {len(found.words)} of the words often enough; {_colour_scores.LEAST} are needed"
    colours = [_colour_names.FOCAL[word] for word in found.words]
    return _Source(picture, found.source, found.words, colours, _colour_names.lab(colours), found.tables)


def _rows(source: _Source, *, draws: int, starts: int, seed: int) -> list[dict]:
    """The score, the layers if there are several, and the points of one picture."""
    found = _colour_scores.compared(list(source.tables.values()), source.lab, draws=draws, starts=starts, seed=seed)
    about = {"picture": source.picture, "source": source.source, "n": len(source.lab)}
    layers = list(source.tables)
    score: dict[str, Any] = {"kind": "score", **about, "layer": layers[found.layer]}
    for name, value in found.score.items():
        score |= {name: value, f"{name}_p": found.p[name], f"{name}_chance": found.chance[name]}
        score |= {f"{name}_low": found.low[name], f"{name}_high": found.high[name]} if name in found.low else {}
    score |= {"residual_turned": found.turned, "stress": found.stress, "draws": draws, "starts": starts, "seed": seed}
    score |= {"unseen": source.unseen} if source.unseen is not None else {}
    each = [{"kind": "layer", **about, "layer": layer, **values} for layer, values in zip(layers, found.layers, strict=True)]
    points = [{"kind": "point", "picture": source.picture, "name": name, "colour": colour,
               **dict(zip(("L", "a", "b"), map(float, true), strict=True)),
               **dict(zip(("at_L", "at_a", "at_b"), map(float, at), strict=True))}
              for name, colour, true, at in zip(source.names, source.colours, source.lab, found.points, strict=True)]
    return [score, *(each if len(each) > 1 else []), *points]


def _between(found: Sequence[_Source], layers: Sequence[str], *, draws: int, seed: int) -> list[dict]:
    """How far the pictures agree with each other, over the items that two of them share."""
    rows = []
    for (left, layer), (right, other) in combinations(zip(found, layers, strict=True), 2):
        here, there = _shared(left, right)
        if len(here) < _colour_scores.LEAST:
            continue
        parts = left.tables[layer][np.ix_(here, here)], right.tables[other][np.ix_(there, there)]
        orders = np.concatenate([np.arange(len(here))[None], nulls.orders(len(here), draws, seed=seed).numpy()])
        values = _colour_scores.rsa([parts[0]], parts[1], orders)[:, 0]
        rows.append({"kind": "pair", "picture": left.picture, "other": right.picture, "n": len(here), "rsa": float(values[0]),
                     "rsa_p": stats.p_value(float(values[0]), values[1:]), "draws": draws, "seed": seed})
    return rows


def _shared(left: _Source, right: _Source) -> tuple[list[int], list[int]]:
    """Places of the items that are in both; a word meets the pixels in the colour nearest to its own, if one is near."""
    here: list[int] = []
    there: list[int] = []
    for i, name in enumerate(right.names):
        if left.picture == "pixels":
            away = np.linalg.norm(left.lab - right.lab[i], axis=1)
            place = int(away.argmin()) if away.min() <= NEAR else -1
        else:
            place = list(left.names).index(name) if name in left.names else -1
        if place >= 0 and place not in here:  # two words may share the nearest colour
            here.append(place)
            there.append(i)
    return here, there


def _settings(
    usual: dict, stacks: Sequence[np.ndarray], quick: bool
) -> Iterator[tuple[str, dict, Sequence[np.ndarray]]]:
    """(name, options, pictures) of the pixels, each with one thing changed."""
    changes = [("grid", 4), ("grid", 6), ("grid", 12), ("space", "lab"), ("radius", 1.0), ("radius", 2.0), ("radius", 8.0),
               ("radius", 16.0), ("smoothing", 0.1), ("smoothing", 10.0), ("smoothing", 100.0), ("expected", 0.5),
               ("expected", 50.0), ("expected", 500.0)]
    yield "as asked", usual, stacks
    for key, value in changes[:1] if quick else changes:
        if value != usual[key]:
            yield f"{key} = {value}", usual | {key: value}, stacks
    if quick:
        return
    for seed in range(3):
        yield f"300,000 pairs, seed {seed}", usual | {"pairs": 300_000, "seed": seed}, stacks
    order = np.random.default_rng(usual["seed"]).permutation(len(stacks))
    for name, half in (("one half", order[::2]), ("the other half", order[1::2])):
        yield f"{name} of the pictures", usual, [stacks[i] for i in half]


def _sensitivity(stacks: Sequence[np.ndarray], options: Mapping[str, Any], *, starts: int) -> dict:
    """The scores without nulls and intervals, from few starts."""
    source = _pixels(stacks, "", options)
    table, order = source.tables["K_PMI"], np.arange(len(source.lab))[None]
    found = embedded(table, starts=starts)
    scores = _colour_scores.scored([table], [found.points], source.lab, order)
    return {"n": len(source.lab), "unseen": source.unseen, "stress": found.stress,
            "residual_turned": float(laid_onto(found.points, source.lab, reflection="forbidden").residual)} | {
            name: float(values[0, 0]) for name, values in scores.items()}
