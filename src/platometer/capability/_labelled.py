"""Samples with a label each: from class folders, tables, arrays, CIFAR's files, the hub, or a task of VTAB.

A dataset that comes divided keeps its division: what is called train is learnt from, what is called test judges. Where there
is no
validation, a fifth of what is learnt from is held back to choose; where there is no division at all, half is learnt from, 15 %
choose and the rest judge.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from platometer import datasets
from platometer.capability import _vtab
from platometer.cards import Card, fingerprint
from platometer.datasets import _pictures, _tables, hf
from platometer.errors import DataError, InputError, SpecError, counted, missing, suggestion
from platometer.samples import Lazy, Samples

LIMIT = 10_000
"""Rows learnt from, and rows that choose, at most: the paper's."""
_SPLITS = {"train": "train", "training": "train", "val": "validation", "valid": "validation", "validation": "validation",
           "dev": "validation", "test": "test"}
_PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")
_LABELS = ("label", "labels", "class", "cls", "category", "target")
_PATHS = ("path", "file", "filename", "file_name", "image")


@dataclass(frozen=True, eq=False)
class Labelled:
    """Samples of one modality, a label each.

    Attributes
    ----------
    samples : n of them.
    labels : (n,) whole numbers from 0.
    classes : names, by number.
    splits : (n,) ``"train"``, ``"validation"`` or ``"test"``; None if the data do not come divided.
    card : where they came from.

    Raises
    ------
    InputError
        Lengths differ, a label has no name, or a split is none of those.
    """

    samples: Samples
    labels: np.ndarray = field(repr=False)
    classes: tuple[str, ...] = field(repr=False)
    splits: tuple[str, ...] | None = field(default=None, repr=False)
    card: Card = field(default_factory=lambda: Card("labelled"))

    def __post_init__(self) -> None:
        n = len(self.samples)
        if len(self.labels) != n or (self.splits is not None and len(self.splits) != n):
            splits = f", {counted(len(self.splits), 'split')}" if self.splits is not None else ""
            raise InputError(f"{counted(n, 'sample')}, {counted(len(self.labels), 'label')}{splits}; expected one each.")
        if n == 0 or self.labels.min() < 0 or self.labels.max() >= len(self.classes):
            raise InputError(f"{counted(n, 'label')} among {counted(len(self.classes), 'class', 'classes')}; expected whole "
                             "numbers from 0 on, each with a name.")
        strange = sorted(set(self.splits or ()) - set(_SPLITS.values()))
        if strange:
            raise InputError(f"The split {strange[0]!r} is none of train, validation, test.")

    @classmethod
    def of(cls, items: Sequence, labels: Sequence, *, modality: str, name: str = "labelled",
           splits: Sequence[str] | None = None) -> Labelled:
        """Items and labels (numbers or words) from memory.

        Parameters
        ----------
        items : as of `Samples.of`.
        labels : one each.
        modality, name : of the items.
        splits : ``"train"``, ``"validation"`` or ``"test"`` of each.

        Examples
        --------
        >>> Labelled.of(["a cat", "a dog"], ["cat", "dog"], modality="text").classes
        ('cat', 'dog')
        """
        numbers, classes = numbered(labels)
        named = None if splits is None else tuple(_SPLITS.get(split, split) for split in splits)
        return cls(Samples.of(items, modality=modality, name=name), numbers, classes, named, Card(name))

    def subset(self, n: int, *, seed: int = 0) -> Labelled:
        """At most n of the samples, drawn by seed, in their order.

        Parameters
        ----------
        n, seed : how many, and which.
        """
        if n >= len(self.samples):
            return self
        rows = np.sort(np.random.default_rng(seed).permutation(len(self.samples))[:n])
        splits = None if self.splits is None else tuple(self.splits[row] for row in rows)
        return Labelled(self.samples.take(rows.tolist()), self.labels[rows], self.classes, splits, self.card)

    def parts(
        self, *, limit: int = LIMIT, most: int | None = None, seed: int = 0,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows learnt from, rows that choose, rows that judge.

        Parameters
        ----------
        limit : the most rows of each of the first two.
        most : the most rows that judge; all if None.
        seed : of what is drawn.

        Raises
        ------
        InputError
            A part would be empty.
        """
        order = np.random.default_rng(seed).permutation(len(self.samples))
        if self.splits is None:
            first, second = round(0.5 * len(order)), round(0.65 * len(order))
            learn, choose, judge = order[:first], order[first:second], order[second:]
        else:
            split = np.array(self.splits)[order]
            learn, choose, judge = (order[split == name] for name in ("train", "validation", "test"))
            if not len(judge) and len(choose):
                choose, judge = choose[:0], choose  # what there is beside train judges
            if not len(choose):
                held = round(0.2 * len(learn))
                learn, choose = learn[held:], learn[:held]
        learn, choose, judge = learn[:limit], choose[:limit], judge[:most]
        if not (len(learn) and len(choose) and len(judge)):
            raise InputError(f"{self.card.name} gives {len(learn)} rows to learn from, {len(choose)} to choose by and "
                             f"{len(judge)} to judge by; each needs some. Is a split missing?")
        return learn, choose, judge


def labelled(source: str | Path | Labelled, **options: object) -> Labelled:
    """The labelled samples that are meant.

    Parameters
    ----------
    source : a folder of class folders, or of ``train``, ``validation`` and ``test`` with class folders in each; a table
        (csv, tsv, jsonl, parquet) of path or text, label and perhaps split; an npz file of ``images`` and ``labels``;
        CIFAR's binary files, as ``cifar:PATH``; ``hf:NAME@REVISION``; or ``vtab:TASK``, see `vtab`.
    options : ``label_column, path_column, text_column, split_column`` of a table; ``label_column, image_column, text_column,
        subset, splits`` of the hub.

    Raises
    ------
    DataError
        It cannot be read, or is in none of these forms.
    SpecError
        An option that the form does not have.
    """
    if isinstance(source, Labelled):
        return source
    text = str(source)
    prefix, colon, rest = text.partition(":")
    path = Path(text)
    if colon and prefix == "vtab":
        return _from_vtab(rest, **_only(options, ()))
    if colon and prefix == "hf":
        known = ("label_column", "image_column", "text_column", "subset", "splits", "revision")
        return _from_hub(rest, **_only(options, known))
    if (colon and prefix == "cifar") or path.suffix == ".npz":
        return _from_cifar(rest if prefix == "cifar" and colon else text, **_only(options, ("split",)))
    if path.is_dir():
        _only(options, ())
        return _from_folder(path)
    if path.suffix.lower() in _tables.ENDINGS:
        return _from_table(path, **_only(options, ("label_column", "path_column", "text_column", "split_column")))
    raise DataError(f"{text} holds no labelled samples; expected a folder of class folders, a table "
                    f"({', '.join(_tables.ENDINGS)}), an npz file, cifar:PATH, hf:NAME or vtab:TASK.")


def numbered(labels: Sequence) -> tuple[np.ndarray, tuple[str, ...]]:
    """Labels as whole numbers from 0, and their names: numbers in order of size, words in order of the alphabet.

    Parameters
    ----------
    labels : numbers or words.
    """
    values = [label.item() if isinstance(label, np.generic) else label for label in labels]
    if all(isinstance(value, str) and value.isdecimal() for value in values):
        values = [int(value) for value in values]
    whole = all(isinstance(value, int) for value in values)
    names = sorted(set(values)) if whole else sorted({str(value) for value in values})
    at = {name: i for i, name in enumerate(names)}
    return np.array([at[value if whole else str(value)] for value in values], dtype=np.int64), tuple(map(str, names))


def _only(options: Mapping[str, object], known: Sequence[str]) -> dict:
    for option in options:
        if option not in known:
            raise SpecError(f"These labelled samples have no option {option!r}. "
                            + (suggestion(option, known) if known else "They have none."))
    return dict(options)


def _made(
    name: str, found: Sequence[tuple[str, str, str | None]], read: Callable[[str], object], content: Callable[[str], str],
    modality: str, source: str,
) -> Labelled:
    """Of (place or text, label, split)."""
    rows = [place for place, _, _ in found]
    labels, classes = numbered([label for _, label, _ in found])
    splits = [split for _, _, split in found]
    if any(splits) and not all(splits):
        raise DataError(f"{source}: some samples have a split and others none.")
    named = tuple(_SPLITS[str(split).lower()] for split in splits) if all(splits) else None
    hashes = [content(row) for row in rows]
    card = Card(name, source, fingerprint(hashes, labels.tolist(), list(named or ()))[:16])
    samples = Samples(ids=tuple(f"{i:07d}" for i in range(len(rows))), items=Lazy(len(rows), lambda i: (read(rows[i]),)),
                      modality=modality, content=hashes, card=card)
    return Labelled(samples, labels, classes, named, card)


def _picture(place: str) -> object:
    return _pictures.decode(Path(place).read_bytes(), place)


def _hash(place: str) -> str:
    try:
        return fingerprint(Path(place).read_bytes())
    except OSError as error:
        raise DataError(f"{place} cannot be read: {error.strerror or error}.") from None


def _from_folder(folder: Path) -> Labelled:
    tops = sorted(part for part in folder.iterdir() if part.is_dir())
    if not tops:
        raise DataError(f"{folder} has no folders in it; expected one a class, or train, validation and test.")
    divided = all(part.name.lower() in _SPLITS for part in tops)
    homes = [(part, _SPLITS[part.name.lower()]) for part in tops] if divided else [(folder, None)]
    found = [(str(picture), kind.name, split) for home, split in homes
             for kind in sorted(part for part in home.iterdir() if part.is_dir())
             for picture in sorted(kind.rglob("*")) if picture.suffix.lower() in _PICTURES]
    if not found:
        raise DataError(f"{folder} has no pictures in class folders; known endings are {', '.join(_PICTURES)}.")
    return _made(folder.resolve().name, found, _picture, _hash, "image", str(folder))


def _from_table(
    file: Path, *, label_column: str | None = None, path_column: str | None = None, text_column: str | None = None,
    split_column: str | None = None,
) -> Labelled:
    rows = _tables.read_rows(file)
    columns = list(rows[0][1])
    label = _column(columns, label_column, _LABELS, "labels", "label_column", file)
    split = _column(columns, split_column, ("split",), "splits", "split_column", file, needed=split_column is not None)
    path = None if text_column else _column(columns, path_column, _PATHS, "paths", "path_column", file,
                                            needed=path_column is not None)
    text = None if path else _column(columns, text_column, _tables.TEXT, "texts", "text_column", file)
    found = []
    for line, row in rows:
        where = row[path or text]  # type: ignore[index]
        if row[label] in (None, "") or where in (None, ""):
            raise DataError(f"{file}, line {line}: there is no {'label' if row[label] in (None, '') else 'sample'}.")
        if split and str(row[split]).lower() not in _SPLITS:
            raise DataError(f"{file}, line {line}: the split {row[split]!r} is none of {', '.join(_SPLITS)}.")
        found.append((str(file.parent / where) if path else str(where), row[label], str(row[split]) if split else None))
    if path:
        return _made(file.stem, found, _picture, _hash, "image", str(file))
    return _made(file.stem, found, lambda one: one, lambda one: fingerprint(one), "text", str(file))


def _column(
    columns: Sequence[str], asked: str | None, usual: Sequence[str], what: str, option: str, file: Path, *, needed: bool = True,
) -> str | None:
    if asked is not None and asked not in columns:
        raise DataError(f"{file} has no column {asked!r}. {suggestion(asked, columns)}")
    lower = {name.strip().lower(): name for name in reversed(columns)}
    found = asked or next((lower[name] for name in usual if name in lower), None)
    if found is None and needed:
        raise DataError(f"{file}: which column holds the {what}? Its columns are {', '.join(map(repr, columns))}; name one "
                        f"with {option}.")
    return found


def _from_cifar(path: str, *, split: str | None = None) -> Labelled:
    """The files' own division where there is one: of a folder, train and test; of a file, none."""
    wanted = (split,) if split else ("train", "test") if Path(path).is_dir() else (None,)
    parts = []
    for one in wanted:
        paired = datasets.load("cifar", path=path, groups="label", near=False, split=one or "test")  # of a file, no matter
        names = list(paired.card.details["classes"])  # type: ignore[call-overload]
        parts.append((one if len(wanted) > 1 else None, paired.view("image"), list(paired.groups or ()), paired.card, names))
    return _joined(parts, parts[0][3].name, f"cifar:{path}")


def _from_vtab(task: str) -> Labelled:
    plan = _vtab.vtab(task)
    return _from_hub(plan.hub, label_column=plan.label_column, splits=plan.splits, name=f"vtab:{task}")


def _from_hub(
    hub: str, *, label_column: str | None = None, image_column: str | None = None, text_column: str | None = None,
    subset: str | None = None, splits: Sequence[str] | str | None = None, revision: str | None = None, name: str | None = None,
) -> Labelled:
    """Views of each split, and the labels' column of the same rows."""
    try:
        import datasets as library
    except ImportError:
        raise missing("datasets", "hub", wanted_for="A Hugging Face dataset") from None
    plain, _, tagged = (hub, "", "") if Path(hub).exists() else hub.partition("@")
    revision = revision or tagged or None
    wanted: Sequence[str | None] = [splits] if isinstance(splits, str) else list(splits or (None,))
    parts = []
    for split in wanted:
        paired = datasets.load("hf", name=plain, revision=revision, subset=subset, split=split, near=False,
                               image_column=image_column, text_column=text_column,
                               captions="first" if text_column else "none")
        table = hf._table(library, plain, revision, subset, split)
        column = _column(table.column_names, label_column, _LABELS, "labels", "label_column", Path(plain))
        values, kind = table.select_columns([column])[column], table.features[column]
        names = list(getattr(kind, "names", ()) or ())
        view = paired.view("text" if text_column else "image")
        parts.append((split, view, [names[value] for value in values] if names else list(values), paired.card, names))
    return _joined(parts, name or parts[0][3].name, f"hf:{hub}")


def _joined(parts: Sequence[tuple[str | None, Samples, list, Card, list[str]]], name: str, source: str) -> Labelled:
    """Splits one after the other, ids after their split's name."""
    labels = [label for _, _, given, _, _ in parts for label in given]
    numbers, classes = numbered(labels)
    order = parts[0][4]
    if order and set(classes) <= set(order):  # the dataset's own order of classes
        numbers, classes = np.array([order.index(label) for label in labels], dtype=np.int64), tuple(order)
    starts = np.cumsum([0, *(len(view) for _, view, _, _, _ in parts)])
    splits = [split for split, view, _, _, _ in parts for _ in range(len(view))]

    def read(at: int) -> tuple:
        part = int(np.searchsorted(starts, at, side="right")) - 1
        return parts[part][1].items[at - int(starts[part])]

    first = parts[0][3]
    content = [one for _, view, _, _, _ in parts for one in view.content]
    card = Card(name, source, first.revision, first.licence, first.citation, details={"classes": len(classes)})
    ids = tuple(f"{split}/{one}" if split else one for split, view, _, _, _ in parts for one in view.ids)
    samples = Samples(ids, Lazy(len(ids), read), parts[0][1].modality, content, card)
    named = tuple(_SPLITS.get(str(split), str(split)) for split in splits) if all(splits) else None
    return Labelled(samples, numbers, classes, named, card)
