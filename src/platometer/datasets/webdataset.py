"""WebDataset shards: tar files in which ``KEY.jpg`` and ``KEY.txt`` (or ``KEY.json`` with a caption) belong together."""

from __future__ import annotations

import glob
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path

from platometer.cards import Card
from platometer.datasets import _captions, _pictures
from platometer.datasets._captions import Pictures
from platometer.datasets.folder import _TEXT, column, texts_of
from platometer.errors import DataError
from platometer.samples import Paired


def load(
    path: str,
    *,
    captions: str | int = "first",
    text_column: str | None = None,
    seed: int = 0,
    duplicates: str = "say",
    near: bool | None = None,
    licence: str = "",
    citation: str = "",
) -> Paired:
    """Views ``image`` and ``text`` of tar shards; nothing is unpacked to disk.

    Parameters
    ----------
    path : a tar file, or a pattern such as ``"shards/*.tar"``, in whose sorted order the samples stand.
    captions : which of several captions; see ``folder``. A text file has one per line.
    text_column : field of the json files; the usual names are recognised if None.
    seed : of ``captions="random"``.
    duplicates, near : see ``folder``.
    licence, citation : for the card.

    Raises
    ------
    DataError
        No shard, a damaged one, or a picture without a caption; names shard and key.
    """
    shards = sorted(glob.glob(path, recursive=True))
    if not shards:
        raise DataError(f"No shard matches {path!r}.")
    places: list[tuple[str, int, int]] = []
    ids, texts, content = [], [], []
    for shard in shards:
        for key, parts in _members(shard).items():
            picture = next((parts[end] for end in _pictures.ENDINGS if end in parts), None)
            if picture is None:
                continue
            places.append((shard, *picture))
            ids.append(key if len(shards) == 1 else f"{Path(shard).name}:{key}")
            texts.append(_texts(shard, key, parts, text_column))
            content.append(_captions.digest(_read(shard, *picture)))
    if not ids:
        raise DataError(f"{path}: no pictures ({', '.join(_pictures.ENDINGS)}) in {len(shards)} shards.")

    def read(at: int) -> object:
        return _pictures.decode(_read(*places[at]), f"{places[at][0]}, {ids[at]}")

    card = Card(name=Path(path).stem, source=f"webdataset:{path}", licence=licence, citation=citation,
                details={"shards": len(shards)})
    return _captions.paired(Pictures(ids, read, content, texts), captions=captions, seed=seed, card=card,
                            duplicates=duplicates, near=near)


def _members(shard: str) -> dict[str, dict[str, tuple[int, int]]]:
    """Key -> ending -> (offset, size) of every plain file in a shard."""
    out: dict[str, dict[str, tuple[int, int]]] = {}
    try:
        with tarfile.open(shard, "r:") as archive:
            for member in archive:
                if member.isfile():
                    folder, slash, name = member.name.rpartition("/")
                    stem, dot, ending = name.partition(".")
                    out.setdefault(f"{folder}{slash}{stem}", {})[f".{ending.lower()}"] = (member.offset_data, member.size)
    except tarfile.TarError as error:
        raise DataError(f"{shard} is not a whole, uncompressed tar file: {error}.") from None
    return out


def _texts(shard: str, key: str, parts: dict[str, tuple[int, int]], text_column: str | None) -> Sequence[str]:
    where = f"{shard}, {key}"
    if ".json" in parts and (text_column is not None or ".txt" not in parts):
        try:
            row = json.loads(_read(shard, *parts[".json"]))
        except ValueError as error:
            raise DataError(f"{where}.json is not JSON: {error}.") from None
        return texts_of(row[column(list(row), text_column, _TEXT, "captions", where)], where)
    if ".txt" not in parts:
        raise DataError(f"{where} has a picture but neither a .txt nor a .json with its caption.")
    try:
        text = _read(shard, *parts[".txt"]).decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{where}.txt is not text in UTF-8: {error}.") from None
    return [line for line in text.split("\n") if line.strip()]


def _read(shard: str, offset: int, size: int) -> bytes:
    with open(shard, "rb") as file:
        file.seek(offset)
        data = file.read(size)
    if len(data) != size:
        raise DataError(f"{shard} was cut short.")
    return data
