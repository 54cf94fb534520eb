"""Pictures that look different from each other, and folders of them."""

import io
import json

import numpy as np
import pytest
from PIL import Image


def drawn(seed, size=(48, 40)):
    """A picture of smooth random patches; another seed gives one that looks different."""
    rough = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    return Image.fromarray(rough).resize(size, Image.Resampling.BICUBIC)


def encoded(picture, kind="JPEG", **options):
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture
def draw():
    return drawn


@pytest.fixture
def encode():
    return encoded


@pytest.fixture
def photos(tmp_path):
    """A folder of four pictures with three captions each in captions.jsonl."""
    folder = tmp_path / "photos"
    folder.mkdir()
    rows = []
    for i in range(4):
        (folder / f"{i}.jpg").write_bytes(encoded(drawn(i)))
        rows.append({"image": f"{i}.jpg", "captions": [f"caption {k} of {i}" for k in range(3)]})
    (folder / "captions.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    return folder
