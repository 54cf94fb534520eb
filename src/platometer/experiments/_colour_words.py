"""How unlike colour words are to a language model, in word vectors, and in a text.

Source of the sentences and of the Euclidean distances: Huh et al. 2024, appendix D.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from platometer import models, vectors
from platometer.errors import DataError, ModelError, UndefinedError
from platometer.experiments._colour_names import FOCAL, SPELLINGS
from platometer.extraction import extract
from platometer.samples import Samples
from platometer.theory import counted

SENTENCES = ("The color {}.", "This color is {}.", "The color of this thing is {}.")
_ENDINGS = (".txt", ".csv", ".tsv", ".jsonl")  # of texts, each also with .gz behind it
_OTHER = ""


@dataclass(frozen=True, eq=False)
class Words:
    """Colour words and how unlike they are.

    Attributes
    ----------
    words : n of the twenty.
    tables : layer -> (n, n) dissimilarities.
    source : where from, in words.
    """

    words: tuple[str, ...]
    tables: dict[str, np.ndarray]
    source: str


def of_model(source: str) -> Words:
    """Euclidean distances of the words in each layer of a language model, a word being the mean of its three sentences.

    Parameters
    ----------
    source : such as ``"hf:FacebookAI/roberta-large"`` or ``"st:sentence-transformers/all-MiniLM-L6-v2"``.

    Raises
    ------
    ModelError
        It cannot be loaded, or reads something else than text.
    """
    model = models.load(source)
    if model.modality != "text":
        raise ModelError(f"{source} reads {model.modality}; colour words need a model of text.")
    items = [tuple(sentence.format(word) for sentence in SENTENCES) for word in FOCAL]
    found = extract(model, Samples.of(items, modality="text", name="colour words"))
    return Words(tuple(FOCAL), {layer: _euclidean(found.matrix(layer).numpy()) for layer in found.names}, found.model.name)


def of_vectors(path: str) -> Words:
    """Euclidean distances of those of the words that a file of word vectors has.

    Parameters
    ----------
    path : a file whose ids are words, see `platometer.vectors.read`; or a text file with a word and its numbers on each
        line, as GloVe and fastText write them.

    Raises
    ------
    DataError
        The file cannot be read, or has no words.
    """
    table = _lines(Path(path)) if Path(path).suffix in (".txt", ".vec") else _features(path)
    found = {SPELLINGS.get(word, word): vector for word, vector in table.items()}
    words = tuple(word for word in FOCAL if word in found)
    return Words(words, {"vectors": _euclidean(np.array([found[word] for word in words]))} if words else {}, Path(path).stem)


def of_corpus(path: str, *, window: int = 10, smoothing: float = 1.0, least: int = 20) -> Words:
    """max K_PMI - K_PMI of those of the words that a text has often enough.

    Every other word is one event more, so that P is each word's share of the whole text. Pairs reach neither across
    paragraphs (empty lines) of a ``.txt`` nor across rows of a ``.csv``, ``.tsv`` or ``.jsonl``.

    Parameters
    ----------
    path : a text, or a folder of them; several with commas between. Each text may be gzipped.
    window : words that two may be apart.
    smoothing : added to the count of every pair.
    least : occurrences below which a word is left out.

    Raises
    ------
    DataError
        There is no text.
    """
    places = [Path(part.strip()) for part in path.split(",")]
    files = [file for place in places for file in _files(place)]
    known = dict.fromkeys(FOCAL) | SPELLINGS
    texts = [[(known[word] or word) if word in known else _OTHER for word in re.findall(r"[^\W\d_]+", text.lower())]
             for file in files for text in _texts(file)]
    seen = {word: sum(text.count(word) for text in texts) for word in FOCAL}
    words = tuple(word for word in FOCAL if seen[word] >= least)
    source = f"{', '.join(place.name for place in places)}: {sum(map(len, texts)):,} words"
    if len(words) < 2:
        return Words(words, {}, source)
    rare = set(FOCAL) - set(words)
    texts = [[_OTHER if word in rare else word for word in text] for text in texts]
    try:
        world = counted(texts, window, events=(*words, _OTHER), smoothing=smoothing)
        table = unlike(world.pmi()[:-1, :-1])
    except UndefinedError as error:
        raise UndefinedError(f"{source}: {error} Here that is the option smoothing.") from None
    return Words(words, {"K_PMI": table}, source)


def unlike(pmi: np.ndarray) -> np.ndarray:
    """max K_PMI - K_PMI, with zeros on the diagonal: an item is not unlike itself, however seldom it meets itself.

    Parameters
    ----------
    pmi : (n, n).
    """
    out = pmi.max() - pmi
    np.fill_diagonal(out, 0)
    return out


def _euclidean(x: np.ndarray) -> np.ndarray:
    return np.linalg.norm(x[:, None] - x, axis=-1)


def _features(path: str) -> dict[str, np.ndarray]:
    found = vectors.read(path)
    if not found.ids:
        raise DataError(f"{path} does not say which word each row is; expected a column or array of words.")
    if len(found.names) != 1:
        raise DataError(f"{path} has {len(found.names)} arrays: {', '.join(found.names)}; expected one.")
    return dict(zip(found.ids, found.matrix(found.names[0]).numpy(), strict=True))


def _lines(file: Path) -> dict[str, np.ndarray]:
    """Of a text file, only the words that are asked for."""
    wanted = set(FOCAL) | set(SPELLINGS)
    out: dict[str, np.ndarray] = {}
    for number, line in enumerate(_read(file).splitlines(), 1):
        word, _, rest = line.partition(" ")
        if word not in wanted:
            continue
        try:
            out[word] = np.array(rest.split(), dtype=np.float64)
        except ValueError:
            raise DataError(f"{file}, line {number}: {rest[:40]!r} are no numbers; expected a word and its vector.") from None
    if len({len(vector) for vector in out.values()}) > 1:
        raise DataError(f"{file}: vectors differ in length.")
    return out


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    found = [file for file in sorted(path.rglob("*")) if file.name.lower().removesuffix(".gz").endswith(_ENDINGS)]
    if not found:
        raise DataError(f"corpus = {str(path)!r} is no text and no folder of texts ({', '.join(_ENDINGS)}, also gzipped).")
    return found


def _texts(file: Path) -> Iterator[str]:
    """Pieces that no pair reaches across."""
    name, text = file.name.lower().removesuffix(".gz"), _read(file)
    if name.endswith(".jsonl"):
        yield from text.splitlines()
    elif name.endswith((".csv", ".tsv")):
        for row in csv.reader(io.StringIO(text), delimiter="\t" if name.endswith(".tsv") else ","):
            yield " ".join(row)
    else:
        yield from re.split(r"\n\s*\n", text.replace("\r\n", "\n"))


def _read(file: Path) -> str:
    try:
        data = file.read_bytes()
        return (gzip.decompress(data) if file.suffix == ".gz" else data).decode("utf-8")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise DataError(f"{file} cannot be read as UTF-8 text: {error}.") from None
