"""WebDataset shards: tar files in which ``KEY.jpg`` and ``KEY.txt`` (or ``KEY.json`` with a caption) belong together."""

from __future__ import annotations

import glob
import json
import re
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from platometer.cards import Card, fingerprint
from platometer.datasets import _captions, _pictures, _tables
from platometer.datasets._captions import Medium, Things
from platometer.errors import DataError, SpecError
from platometer.samples import Paired


def load(
    path: str | Sequence[str],
    *,
    captions: str | int = "first",
    text_column: str | None = None,
    seed: int = 0,
    unreadable: str = "error",
    duplicates: str = "say",
    near: bool | None = None,
    licence: str = "",
    citation: str = "",
) -> Paired:
    """Views ``image`` and ``text`` of tar shards; nothing is unpacked to disk.

    Parameters
    ----------
    path : a tar file, a pattern such as ``"shards/*.tar"`` or ``"shards/{0000..0009}.tar"``, in whose sorted order the
        samples stand, or a list of these.
    captions : which of several captions; see ``folder``. A text file has one per line.
    text_column : field of the json files; the usual names are recognised if None.
    seed : of ``captions="random"``.
    unreadable : what a damaged picture and a missing caption are: an ``"error"``, or ``"drop"`` to leave them out with a
        note.
    duplicates, near : see ``folder``.
    licence, citation : for the card.

    Raises
    ------
    DataError
        No shard, a damaged one, or a picture without a caption; names shard and key.
    """
    if unreadable not in ("error", "drop"):
        raise SpecError(f"unreadable = {unreadable!r}; expected 'error' or 'drop'.")
    shards = _shards([path] if isinstance(path, str) else path)
    places: list[tuple[str, str, int, int]] = []
    texts, content, dropped = [], [], []
    for shard in shards:
        for key, parts in _members(shard).items():
            picture = next((parts[ending] for ending in _pictures.ENDINGS if ending in parts), None)
            if picture is None:
                continue
            try:
                data = _read(shard, *picture)
                if unreadable == "drop":
                    _pictures.small(data, f"{shard}, {key}")
                found = [] if captions == "none" else _texts(shard, key, parts, text_column)
            except DataError:
                if unreadable == "error":
                    raise
                dropped.append(key)
                continue
            places.append((shard, key, *picture))
            texts.append(found)
            content.append(_captions.digest(data))
    if not places:
        raise DataError(f"{path}: no pictures ({', '.join(_pictures.ENDINGS)}) that can be read in {len(shards)} shards.")

    def data_of(at: int) -> tuple[bytes, str]:
        shard, key, offset, size = places[at]
        return _read(shard, offset, size), f"{shard}, {key}"

    medium = Medium("image", lambda at: _pictures.decode(*data_of(at)), content, lambda at: _pictures.small(*data_of(at)))
    name = Path(shards[0]).stem if len(shards) == 1 else Path(shards[0]).resolve().parent.name
    card = Card(name=name, source=f"webdataset:{path}", revision=fingerprint(content, texts)[:16],
                licence=licence, citation=citation,
                details={"shards": [Path(shard).name for shard in shards], "captions": captions, "seed": seed})
    things = Things(_ids(places), {"image": medium}, None if captions == "none" else texts, _captions.left_out(dropped))
    return _captions.paired(things, captions=captions, seed=seed, card=card, duplicates=duplicates, near=near)


def _shards(patterns: Sequence[str]) -> list[str]:
    found: list[str] = []
    for pattern in (one for several in patterns for one in _braces(several)):
        here = [pattern] if Path(pattern).is_file() else sorted(glob.glob(pattern, recursive=True))
        if not here:
            raise DataError(f"No shard matches {pattern!r}.")
        found += here
    return list(dict.fromkeys(found))


def _braces(pattern: str) -> Iterator[str]:
    """``a{08..10}`` is a08, a09, a10."""
    match = re.search(r"\{(\d+)\.\.(\d+)\}", pattern)
    if match is None:
        yield pattern
        return
    first, last = match.groups()
    for number in range(int(first), int(last) + 1):
        yield from _braces(f"{pattern[:match.start()]}{number:0{len(first)}d}{pattern[match.end():]}")


def _ids(places: Sequence[tuple[str, str, int, int]]) -> list[str]:
    """Keys; where shards share some, the shard's name is put before them, or its whole path."""
    candidates = ([key for _, key, *_ in places], [f"{Path(shard).name}:{key}" for shard, key, *_ in places],
                  [f"{shard}:{key}" for shard, key, *_ in places])
    return next(ids for ids in candidates if len(set(ids)) == len(ids))


def _members(shard: str) -> dict[str, dict[str, tuple[int, int]]]:
    """Key -> ending -> (offset, size) of every plain file in a shard."""
    out: dict[str, dict[str, tuple[int, int]]] = {}
    try:
        with tarfile.open(shard, "r:") as archive:
            for member in archive:
                if not member.isreg() or member.issparse():
                    continue
                folder, slash, name = member.name.rpartition("/")
                stem, _, ending = name.partition(".")
                parts, ending = out.setdefault(f"{folder}{slash}{stem}", {}), f".{ending.lower()}"
                if ending in parts:
                    raise DataError(f"{shard} holds {member.name!r} twice.")
                parts[ending] = (member.offset_data, member.size)
    except (tarfile.TarError, OSError, ValueError) as error:
        raise DataError(f"{shard} is not a whole, uncompressed tar file: {error}.") from None
    return out


def _texts(shard: str, key: str, parts: dict[str, tuple[int, int]], text_column: str | None) -> list[str]:
    where = f"{shard}, {key}"
    if ".json" in parts and (text_column is not None or ".txt" not in parts):
        try:
            row = json.loads(_read(shard, *parts[".json"]))
        except (ValueError, RecursionError) as error:
            raise DataError(f"{where}.json is not JSON: {error}.") from None
        if not isinstance(row, dict):
            raise DataError(f"{where}.json is not an object with named fields.")
        return _tables.texts_of(row[_tables.column(list(row), text_column, _tables.TEXT, "captions", f"{where}.json")], where)
    if ".txt" not in parts:
        raise DataError(f"{where} has a picture but neither a .txt nor a .json with its caption.")
    try:
        text = _read(shard, *parts[".txt"]).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{where}.txt is not text in UTF-8: {error}.") from None
    return _tables.texts_of([line for line in _tables.lines_of(text) if line.strip()], where)


def _read(shard: str, offset: int, size: int) -> bytes:
    try:
        with open(shard, "rb") as file:
            file.seek(offset)
            data = file.read(size)
    except OSError as error:
        raise DataError(f"{shard} cannot be read: {error.strerror or error}.") from None
    if len(data) != size:
        raise DataError(f"{shard} was cut short: {size} bytes are missing or incomplete at {offset}.")
    return data
