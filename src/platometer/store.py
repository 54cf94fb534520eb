"""Features on disk: a folder of immutable safetensors shards and a manifest; ``docs/format.md`` describes it.

The manifest is written last, so a folder either holds all features or does not count. Layers are read through a
memory map when asked for; or, where the folder is the URL of an object store (``s3://...``), by the bytes of their shards.

>>> import tempfile, torch
>>> from platometer.features import Features
>>> root = tempfile.mkdtemp()
>>> write(root, "toy", Features.of({"a": torch.ones(3, 2)}, name="toy"))["a"].shape
torch.Size([3, 2])
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save

from platometer import files
from platometer.cards import Card, versions
from platometer.errors import InputError, StoreError
from platometer.features import Features

SCHEMA = 1
ROWS = 16_384  # rows of a shard
_DTYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
_NUMPY = {"F64": np.float64, "F32": np.float32, "F16": np.float16, "BF16": np.int16}


def has(root: str | Path, key: str) -> bool:
    """Whether features of this key are there, whole: the manifest, and every shard in its size.

    Parameters
    ----------
    root : folder of features.
    key : their content key.
    """
    folder = files.place(root) / key
    try:
        return all((folder / entry["file"]).stat().st_size == entry["bytes"] for entry in _manifest(folder)["shards"])
    except (StoreError, OSError, KeyError, TypeError):
        return False


def remove(root: str | Path, key: str) -> None:
    """Take features away, if they are there.

    Parameters
    ----------
    root : folder of features.
    key : their content key.
    """
    folder = files.place(root) / key
    (folder / "manifest.json").unlink(missing_ok=True)  # first, so that what remains for a moment does not count
    files.clear(folder)


def open(root: str | Path, key: str | None = None) -> Features:
    """Features that were written, each layer read when asked for.

    Parameters
    ----------
    root : folder of features, or the folder of these alone if `key` is None.
    key : their content key.

    Raises
    ------
    StoreError
        They are not there, not whole, or damaged; names the file.
    """
    folder = files.place(root) if key is None else files.place(root) / key
    manifest = _manifest(folder)
    shards = [_Shard(folder / entry["file"], entry["bytes"]) for entry in manifest["shards"]]
    return Features(
        layers={layer: _Layer(shards, [entry["start"] for entry in manifest["shards"]], layer) for layer in manifest["layers"]},
        n=manifest["n"],
        model=Card.from_dict(manifest["model"]),
        samples=manifest["samples"],
        pooling=manifest["pooling"],
        ids=tuple(manifest["ids"]),
        details=manifest["details"],
        key=manifest["key"],
    )


def write(root: str | Path, key: str, features: Features, *, rows: int = ROWS) -> Features:
    """The same features, now on disk and read from there.

    Parameters
    ----------
    root : folder of features.
    key : their content key; if it is there already nothing is written.
    features : what to write; whole numbers are kept as float64, in which metrics see them.
    rows : rows of a shard.

    Raises
    ------
    StoreError
        The disk is full or cannot be written.
    """
    if has(root, key):
        return open(root, key)
    folder = files.place(root) / key
    entries = []
    for start in range(0, features.n, rows):
        block = {layer: floating(features[layer][start : start + rows].cpu()) for layer in features.names}
        entries.append(write_shard(folder, start, block))
    write_manifest(folder, key, features, entries)
    return open(root, key)


def write_shard(folder: Path, start: int, block: Mapping[str, torch.Tensor]) -> dict:
    """The manifest's entry for a shard that now lies in the folder.

    Parameters
    ----------
    folder : of these features.
    start : row that the shard begins with; with a hash of the content it names the file, so that two writers of the same
        features never replace each other's shards.
    block : layer -> (rows, d), floating point.
    """
    sizes = {len(value) for value in block.values()}
    if len(sizes) != 1:
        raise InputError(f"The layers of a shard have different numbers of rows: {sorted(sizes)}.")
    for layer, value in block.items():
        if value.dtype not in _DTYPES.values():
            raise InputError(f"Layer {layer!r} is of {value.dtype}; expected one of {', '.join(map(str, _DTYPES.values()))}.")
    data = packed(block)
    content = hashlib.sha256(data).hexdigest()
    name = f"rows-{start:09d}-{content[:8]}.safetensors"
    files.write_whole(files.place(folder) / name, data)
    return {"file": name, "start": start, "rows": sizes.pop(), "bytes": len(data), "sha256": content}


def floating(value: torch.Tensor) -> torch.Tensor:
    """The same in floating point, of which alone the store is made.

    Parameters
    ----------
    value : whole numbers become float64.
    """
    return value if value.is_floating_point() else value.double()


def packed(block: Mapping[str, torch.Tensor]) -> bytes:
    """The bytes of a safetensors file of these tensors, each written in full, also where some share their memory.

    Parameters
    ----------
    block : layer -> (rows, d).
    """
    own: dict[str, torch.Tensor] = {}
    seen: set[int] = set()
    for layer, value in block.items():
        value = value.contiguous()
        memory = value.untyped_storage().data_ptr()
        own[layer] = value.clone() if memory in seen else value
        seen.add(memory)
    return save(own)


def write_manifest(folder: Path, key: str, features: Features, shards: Sequence[Mapping]) -> None:
    """Declare the features of a folder whole.

    Parameters
    ----------
    folder : where the shards lie.
    key : content key.
    features : for everything but the numbers.
    shards : entries from `write_shard`, in order of rows.

    Raises
    ------
    StoreError
        The shards do not add up to all rows.
    """
    at = 0
    for entry in shards:
        if entry["start"] != at:
            raise StoreError(f"{folder}: rows {at} to {entry['start']} are in no shard.")
        at += entry["rows"]
    if at != features.n:
        raise StoreError(f"{folder}: the shards hold {at} rows of {features.n}.")
    layers = {layer: {"width": int(features[layer].shape[1])} for layer in features.names}
    files.write_json(folder / "manifest.json", {
        "schema": SCHEMA, "key": key, "n": features.n, "layers": layers, "model": features.model.as_dict(),
        "samples": features.samples, "pooling": features.pooling, "details": dict(features.details),
        "ids": list(features.ids), "shards": [dict(entry) for entry in shards], "versions": dict(versions()),
    })


def verify(folder: str | Path) -> int:
    """The number of shards, every byte of which is what was written.

    Parameters
    ----------
    folder : of the features.

    Raises
    ------
    StoreError
        A shard is absent or altered; names it.
    """
    folder = files.place(folder)
    manifest = _manifest(folder)
    for entry in manifest["shards"]:
        path = folder / entry["file"]
        _Shard(path, entry["bytes"]).header()
        if hashlib.sha256(path.read_bytes()).hexdigest() != entry["sha256"]:
            raise StoreError(f"{path} is damaged: its checksum differs from the manifest's. {_again(folder)}")
    return len(manifest["shards"])


def read_shard(path: Path) -> dict[str, torch.Tensor]:
    """Every tensor of a safetensors file, through a memory map.

    Parameters
    ----------
    path : the file.
    """
    shard = _Shard(path, path.stat().st_size if path.exists() else 0)
    return {name: shard.read(name) for name in shard.header()}


class _Shard:
    """One safetensors file: an 8-byte length, a JSON header, the tensors."""

    def __init__(self, path: Path, size: int):
        self._path, self._size = path, size

    def header(self) -> dict[str, dict]:
        try:
            size = self._path.stat().st_size
        except FileNotFoundError:
            raise StoreError(f"{self._path} is missing. {_again(self._path.parent)}") from None
        if size != self._size or size < 8:
            raise StoreError(
                f"{self._path} has {size:,} bytes instead of {self._size:,}: it was cut short or altered. "
                f"{_again(self._path.parent)}"
            )
        try:
            length = int.from_bytes(_bytes(self._path, 0, 8), "little")
            header = json.loads(_bytes(self._path, 8, 8 + length))
        except (ValueError, OverflowError, MemoryError):
            raise StoreError(f"{self._path} is not a safetensors file. {_again(self._path.parent)}") from None
        self._start = 8 + length
        header.pop("__metadata__", None)
        return header

    def read(self, layer: str) -> torch.Tensor:
        entry = self.header().get(layer)
        if entry is None or entry["dtype"] not in _DTYPES:
            raise StoreError(f"{self._path} does not hold the layer {layer!r} as floating point. {_again(self._path.parent)}")
        kind = np.dtype(_NUMPY[entry["dtype"]]).newbyteorder("<")
        if 0 in entry["shape"]:
            return torch.empty(entry["shape"], dtype=_DTYPES[entry["dtype"]])
        begin, end = (self._start + offset for offset in entry["data_offsets"])
        if isinstance(self._path, files.Remote):
            array = np.frombuffer(_bytes(self._path, begin, end), kind).reshape(entry["shape"])
        else:
            array = np.memmap(self._path, dtype=kind, mode="r", offset=begin, shape=tuple(entry["shape"]))
        with warnings.catch_warnings():  # nobody writes to it
            warnings.filterwarnings("ignore", message=".*not writable.*", category=UserWarning)
            tensor = torch.from_numpy(array)
        return tensor.view(_DTYPES[entry["dtype"]])


def _bytes(path: Path, start: int, stop: int) -> bytes:
    """A part of a file, here or in an object store."""
    if isinstance(path, files.Remote):
        return path.read_bytes(start, stop)
    with path.open("rb") as file:
        file.seek(start)
        return file.read(stop - start)


class _Layer:
    """One layer over all shards: called, it is read whole; `parts` gives a shard at a time, `readers` a function for each."""

    def __init__(self, shards: Sequence[_Shard], starts: list[int], layer: str):
        self._shards, self._starts, self._layer = shards, starts, layer

    def __call__(self) -> torch.Tensor:
        parts = list(self.parts())
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def parts(self) -> Iterator[torch.Tensor]:
        return (shard.read(self._layer) for shard in self._shards)

    def readers(self) -> tuple[list[Callable[[], torch.Tensor]], list[int]]:
        """A function for each shard, which may be sent to another process, and the row that it begins with."""
        return [partial(shard.read, self._layer) for shard in self._shards], self._starts


def _manifest(folder: Path) -> dict:
    path = folder / "manifest.json"
    if not path.exists():
        what = "was interrupted" if folder.exists() else "is not there"
        raise StoreError(f"{folder} {what}: there is no manifest.json in it. Extract the features (again).")
    manifest = files.read_json(path)
    if not isinstance(manifest, dict) or "schema" not in manifest:
        raise StoreError(f"{path} is not a manifest of platometer features.")
    if manifest["schema"] != SCHEMA:
        raise StoreError(f"{path} has format {manifest['schema']}; this version reads {SCHEMA}. {_again(folder)}")
    return manifest


def _again(folder: Path) -> str:
    return f"Delete {folder} and extract again."
