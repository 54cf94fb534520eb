"""CIFAR-style arrays: pictures (n, h, w, 3) and labels, from an npz file or the binary version of CIFAR-10 and CIFAR-100.

Views are ``image`` and ``text``, the text being made of the class's name by a template.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from platometer.cards import Card, fingerprint
from platometer.errors import DataError, SpecError
from platometer.samples import Lazy, Paired, Samples

_CITE = "Krizhevsky 2009, Learning multiple layers of features from tiny images"


def load(
    path: str,
    *,
    template: str = "a photo of a {}.",
    classes: str | None = None,
    licence: str = "",
    citation: str = _CITE,
) -> Paired:
    """Views ``image`` and ``text``, the latter from class names.

    Parameters
    ----------
    path : an npz file with ``images`` (n, h, w, 3) uint8, ``labels`` (n,) and optionally ``classes``; or a ``.bin`` file
        of the binary version.
    template : with ``{}`` where the class's name goes.
    classes : a text file with a name per line, for files that hold none.
    licence, citation : for the card.

    Raises
    ------
    DataError
        The file is missing or has another form.
    """
    if template.count("{}") != 1:
        raise SpecError(f"template = {template!r}; expected one {{}} for the class's name.")
    file = Path(path)
    if not file.is_file():
        raise DataError(f"There is no file {path}.")
    images, labels, names = _npz(file) if file.suffix == ".npz" else _binary(file)
    if classes is not None:
        names = Path(classes).read_text(encoding="utf-8").split()
    if names is None:
        names = [f"class {i}" for i in range(int(labels.max()) + 1)]
    if labels.max() >= len(names):
        raise DataError(f"{path}: label {int(labels.max())} has no name; there are {len(names)} classes.")
    from PIL import Image

    n = len(images)
    ids = tuple(f"{i:06d}" for i in range(n))
    texts = [template.replace("{}", names[int(label)]) for label in labels]
    card = Card(name=file.stem, source=f"cifar:{path}", licence=licence, citation=citation, details={"classes": list(names)})
    image = Samples(ids=ids, items=Lazy(n, lambda i: (Image.fromarray(images[i]),)), modality="image",
                    content=[fingerprint(images[i].tobytes()) for i in range(n)], card=card)
    text = Samples(ids=ids, items=[(value,) for value in texts], modality="text",
                   content=[fingerprint(value) for value in texts], card=card)
    note = f"texts are class names: {len(set(texts))} different ones for {n} pictures"
    return Paired(views={"image": image, "text": text}, card=card, notes=(note,))


def _npz(file: Path) -> tuple[np.ndarray, np.ndarray, list[str] | None]:
    try:
        with np.load(file, allow_pickle=False) as archive:
            missing = [name for name in ("images", "labels") if name not in archive.files]
            if missing:
                raise DataError(f"{file} has no array {missing[0]!r}; it has {', '.join(archive.files)}.")
            images, labels = archive["images"], archive["labels"].astype(np.int64).ravel()
            names = [str(name) for name in archive["classes"]] if "classes" in archive.files else None
    except (OSError, ValueError) as error:
        raise DataError(f"{file} cannot be read as npz: {error}.") from None
    if images.ndim != 4 or images.shape[-1] != 3 or images.dtype != np.uint8 or len(images) != len(labels):
        raise DataError(f"{file}: images are {images.dtype} {images.shape} for {len(labels)} labels; expected uint8 (n, h, w, 3).")
    return images, labels, names


def _binary(file: Path) -> tuple[np.ndarray, np.ndarray, None]:
    """CIFAR-10 has one label byte before the 3,072 of the picture, CIFAR-100 two (coarse, fine)."""
    data = np.frombuffer(file.read_bytes(), dtype=np.uint8)
    for extra in (1, 2):
        if len(data) and len(data) % (3072 + extra) == 0:
            table = data.reshape(-1, 3072 + extra)
            images = table[:, extra:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
            return np.ascontiguousarray(images), table[:, extra - 1].astype(np.int64), None
    raise DataError(f"{file} has {len(data)} bytes, which is no whole number of CIFAR records (3,073 or 3,074 bytes).")
