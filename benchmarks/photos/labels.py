"""Labels of the photographs from their captions: what at least three of the five say is in the picture.

``python -m benchmarks.photos.labels OUT.csv`` writes a table of picture and label (dog, child, grown-up), for
``platometer capability MODEL --labels OUT.csv``; pictures of none of them, or of several, are left out.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

PHOTOS = Path(__file__).resolve().parents[3] / "shared" / "data" / "photos"
WORDS = {
    "dog": "dog dogs puppy puppies",
    "child": "child children boy boys girl girls kid kids baby toddler",
    "grown-up": "man men woman women lady guy people person player players cyclist biker surfer skateboarder",
}
MOST, FEW = 3, 1
"""Of five captions: so many name what a picture is of, and no more than so few another."""


def label(captions: Sequence[str]) -> str:
    """What a picture is of; empty if of none of `WORDS`, or of several.

    Parameters
    ----------
    captions : of one picture.
    """
    read = [set(re.findall(r"[a-z]+", caption.lower())) for caption in captions]
    named = {kind: sum(not words.isdisjoint(one) for one in read) for kind, words in _SETS.items()}
    kinds = [kind for kind, count in named.items() if count >= MOST]
    return kinds[0] if len(kinds) == 1 and all(count <= FEW for kind, count in named.items() if kind != kinds[0]) else ""


_SETS = {kind: set(words.split()) for kind, words in WORDS.items()}


def main(out: str, photos: Path = PHOTOS) -> None:
    """Write the table.

    Parameters
    ----------
    out : a csv file.
    photos : the folder of pictures, with ``captions.jsonl``.
    """
    rows = [json.loads(line) for line in (photos / "captions.jsonl").read_text(encoding="utf-8").splitlines()]
    with open(out, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["image", "label"])
        table.writerows([photos / row["image"], kind] for row in rows if (kind := label(row["captions"])))


if __name__ == "__main__":
    main(sys.argv[1])
