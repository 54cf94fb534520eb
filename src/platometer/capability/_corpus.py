"""Texts to be told: a list, a file, or the texts of a dataset."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from platometer import datasets
from platometer.cards import Card, fingerprint
from platometer.errors import DataError, InputError

_TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")


@dataclass(frozen=True, eq=False)
class Texts:
    """Texts and where they came from.

    Attributes
    ----------
    texts : each is told from its own beginning.
    card : of them; the revision is a hash of the content.
    groups : labels of texts that depend on each other (captions of one picture); None if none do.
    """

    texts: tuple[str, ...] = field(repr=False)
    card: Card
    groups: tuple[str, ...] | None = None


def corpus(
    text: str | Path | Sequence[str] | Texts, *, join: str | None = None, limit: int | None = None, seed: int = 0,
    **options: object,
) -> Texts:
    """The texts that are meant.

    Parameters
    ----------
    text : a list of texts; the path of a file, plain (also ``.gz``) as one long text, a table as a text a row; or a dataset
        such as ``"text:captions.txt"``, ``"folder:photos"`` or ``"hf:NAME@REVISION"``, a text (or several) a sample.
    join : makes one long text of several, with this between them.
    limit : keep as many samples of a dataset, drawn by `seed`.
    seed : of that.
    options : of the dataset, such as ``split``, ``text_column``, ``captions``.

    Raises
    ------
    DataError
        The file or dataset cannot be read.
    InputError
        There is no text in it.
    """
    if isinstance(text, Texts):
        return text
    if isinstance(text, str | Path):
        found = _of_source(str(text), limit, seed, options)
    else:
        texts = tuple(text)
        bad = next((i for i, one in enumerate(texts) if not isinstance(one, str)), None)
        if bad is not None:
            raise InputError(f"Text {bad} is a {type(texts[bad]).__name__}; expected texts.")
        found = Texts(texts, Card("texts", revision=fingerprint(list(texts))[:16]))
    if not any(found.texts):
        raise InputError(f"{found.card.name} has no text in it.")
    return found if join is None else Texts((join.join(found.texts),), found.card)


def _of_source(source: str, limit: int | None, seed: int, options: dict) -> Texts:
    path = Path(source)
    prefix = source.partition(":")[0]
    if path.is_file() and path.suffix.lower() not in _TABLES:
        if options or limit:
            raise InputError(f"{source} is one text; {', '.join([*options, *(['limit'] if limit else [])])} is for datasets. "
                             f"Is a text a line meant: 'text:{source}'?")
        return _file(path)
    if path.is_file():
        source, prefix = f"text:{source}", "text"
    if prefix not in datasets.names() or ":" not in source:
        raise DataError(f"There is no file {source}, and it names no dataset; those begin with one of "
                        f"{', '.join(f'{name}:' for name in datasets.names())}.")
    paired = datasets.load(source, limit=limit, seed=seed, **options)
    view = paired.view("text")
    groups = paired.groups or paired.ids
    rows = [(text, group) for items, group in zip(view.items, groups, strict=True) for text in items]
    grouped = paired.groups is not None or len(rows) > len(paired)
    card = Card(paired.card.name, paired.card.source or source, paired.card.revision, paired.card.licence, paired.card.citation)
    return Texts(tuple(str(text) for text, _ in rows), card, tuple(group for _, group in rows) if grouped else None)


def _file(path: Path) -> Texts:
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not text in UTF-8: {error}.") from None
    except (OSError, EOFError) as error:
        raise DataError(f"{path} cannot be read: {error}.") from None
    return Texts((text,), Card(path.name, str(path), fingerprint(text)[:16]))
