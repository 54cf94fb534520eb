"""CIFAR-style arrays: pictures (n, h, w, 3) and labels, from an npz file or the binary version of CIFAR-10 and CIFAR-100.

Views are ``image`` and ``text``, the text being made of the class's name by a template.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from platometer.cards import Card, fingerprint
from platometer.datasets import _captions, _pictures, _tables
from platometer.datasets._captions import Medium, Things
from platometer.errors import DataError, SpecError
from platometer.samples import Paired

if TYPE_CHECKING:
    from PIL.Image import Image

_CITE = "Krizhevsky 2009, Learning multiple layers of features from tiny images"
_SIDE = 32  # pixels, of the binary version
_NAMES = {1: "batches.meta.txt", 2: "fine_label_names.txt"}  # what lies beside the files with one label and with two


def load(
    path: str,
    *,
    split: str = "test",
    template: str = "a photo of a {}.",
    classes: str | None = None,
    groups: str = "none",
    duplicates: str = "say",
    near: bool | None = None,
    licence: str = "",
    citation: str = _CITE,
) -> Paired:
    """Views ``image`` and ``text``, the latter from class names.

    Parameters
    ----------
    path : an npz file with ``images`` (n, h, w, 3) uint8, ``labels`` (n,) and optionally ``classes``; a ``.bin`` file of
        the binary version; or the folder of these.
    split : which files of a folder: ``"train"`` or ``"test"``.
    template : with ``{}`` where the class's name goes.
    classes : a text file with a name per line; if None, the names in the npz or beside the binary file.
    groups : ``"label"`` marks pictures of one class as belonging together, so that null draws move classes as blocks and
        subsets keep them whole; ``"none"``: pictures are drawn one by one, and may change places one by one.
    duplicates : ``"say"``, ``"drop"`` (all but the first of equal pictures) or ``"error"``.
    near : whether to look for pictures that look alike, too; if there are at most 20,000 if None.
    licence, citation : for the card.

    Raises
    ------
    DataError
        The file is missing or has another form.
    """
    if template.count("{}") != 1:
        raise SpecError(f"template = {template!r}; expected one {{}} for the class's name.")
    if groups not in ("none", "label"):
        raise SpecError(f"groups = {groups!r}; expected 'none' or 'label'.")
    file = Path(path)
    if not file.exists():
        raise DataError(f"There is no file {path}.")
    images, labels, names = _npz(file) if file.suffix == ".npz" else _binary(_files(file, split))
    names = _names(Path(classes)) if classes is not None else names
    names = [f"class {i}" for i in range(int(labels.max()) + 1)] if names is None else names
    if labels.min() < 0 or labels.max() >= len(names):
        row = int(np.flatnonzero((labels < 0) | (labels >= len(names)))[0])
        raise DataError(f"{path}, row {row}: label {int(labels[row])} has no name; there are {len(names)} classes.")
    texts = [[template.replace("{}", names[int(label)])] for label in labels]
    content = [_captions.digest(image.tobytes()) for image in images]
    card = Card(name=file.stem, source=f"cifar:{path}", licence=licence, citation=citation,
                revision=fingerprint(content, labels.tolist())[:16],
                details={"classes": names, "template": template, "split": split if file.is_dir() else None})

    def read(at: int) -> Image:
        from PIL.Image import fromarray

        return fromarray(images[at])

    medium = Medium("image", read, content, lambda at: _pictures.shrunk(read(at)))
    ids = [f"{i:06d}" for i in range(len(images))]
    paired = _captions.paired(Things(ids, {"image": medium}, texts), captions="first", seed=0, card=card,
                              duplicates=duplicates, near=near)
    if groups == "none":
        return paired
    return Paired(views=paired.views, card=card, notes=paired.notes, groups=tuple(names[labels[int(i)]] for i in paired.ids))


def _npz(file: Path) -> tuple[np.ndarray, np.ndarray, list[str] | None]:
    try:
        with file.open("rb") as opened:
            archive = np.load(opened, allow_pickle=False)
            found = {name: archive[name] for name in ("images", "labels", "classes") if name in archive.files}
            names = ", ".join(archive.files)
    except Exception as error:  # damaged archives raise almost anything; the cause is kept
        raise DataError(f"{file} cannot be read as npz: {error}. Was it cut short?") from error
    for name in ("images", "labels"):
        if name not in found:
            raise DataError(f"{file} has no array {name!r}; it has {names}.")
    images, labels = found["images"], found["labels"]
    if images.ndim != 4 or images.shape[-1] != 3 or images.dtype != np.uint8 or len(images) == 0:
        raise DataError(f"{file}: images are {images.dtype} {images.shape}; expected uint8 (n, h, w, 3), n > 0.")
    if labels.shape not in ((len(images),), (len(images), 1)) or labels.dtype.kind not in "iu":
        raise DataError(f"{file}: labels are {labels.dtype} {labels.shape}; expected {len(images)} whole numbers.")
    classes = [str(name) for name in found["classes"]] if "classes" in found else None
    return images, labels.astype(np.int64).ravel(), classes


def _files(path: Path, split: str) -> list[Path]:
    """One file, or those of a split in their order."""
    if path.is_file():
        return [path]
    patterns = {"train": ("data_batch_*.bin", "train.bin"), "test": ("test_batch.bin", "test.bin")}
    if split not in patterns:
        raise SpecError(f"split = {split!r}; expected 'train' or 'test'.")
    found = [file for pattern in patterns[split] for file in sorted(path.glob(pattern))]
    if not found:
        raise DataError(f"{path} has none of {', '.join(patterns[split])}. Is it the binary version?")
    return found


def _binary(files: list[Path]) -> tuple[np.ndarray, np.ndarray, list[str] | None]:
    """CIFAR-10 has one label byte before the 3,072 of the picture, CIFAR-100 two (coarse, fine)."""
    size = 3 * _SIDE * _SIDE
    images, labels, beside = [], [], None
    for file in files:
        data = np.frombuffer(file.read_bytes(), dtype=np.uint8)
        extra = next((extra for extra in _NAMES if len(data) and len(data) % (size + extra) == 0), None)
        if extra is None:
            raise DataError(f"{file} has {len(data)} bytes, which is no whole number of CIFAR records (3,073 or 3,074 bytes). "
                            "Was it cut short?")
        table = data.reshape(-1, size + extra)
        images.append(table[:, extra:].reshape(-1, 3, _SIDE, _SIDE).transpose(0, 2, 3, 1))
        labels.append(table[:, extra - 1].astype(np.int64))
        beside = file.parent / _NAMES[extra]
    names = _names(beside) if beside is not None and beside.is_file() else None
    return np.ascontiguousarray(np.concatenate(images)), np.concatenate(labels), names


def _names(file: Path) -> list[str]:
    return [line.strip() for line in _tables.lines_of(_tables.read_text(file)) if line.strip()]
