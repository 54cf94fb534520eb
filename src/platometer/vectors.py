"""Vectors in files: one array or many layers, read into `Features`.

======================  ==========================================================================================
``.npy``                one array (n, d), or (n, L, d) for L layers
``.npz``                layers by name
``.safetensors``        layers by name
``.parquet``            columns of numbers are features; columns of lists are layers; a text column holds ids
``.csv``, ``.tsv``      numbers, with a header or without; a text column holds ids
``.h5``, ``.hdf5``      layers by the path of the dataset (needs h5py)
``.zarr``               an array, or a group of layers (needs zarr)
``.pt``, ``.pth``       a tensor, or a dictionary whose ``feats`` is (n, L, d) or a list of (n, d), as the released code
                        of Huh et al. 2024 writes them; read with ``weights_only=True``
======================  ==========================================================================================

No file is ever unpickled. Layers are put in natural order (``layer_2`` before ``layer_10``).
"""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import io
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from platometer.cards import Card
from platometer.errors import DataError, InputError, PlatometerError, ShapeError, missing, suggestion
from platometer.features import Features

_IDS = ("id", "ids", "name", "key", "sample", "image", "file", "file_name", "filename")


def read(path: str | Path, *, key: str | None = None) -> Features:
    """The vectors in a file, as features.

    Parameters
    ----------
    path : a file or a zarr folder; its ending says what it is.
    key : name of one array, group or column in it; all of them are layers if None.

    Returns
    -------
    Features; ``model.name`` is the file's stem, ``ids`` what the file says of its rows.

    Raises
    ------
    DataError
        The file is absent, empty, damaged, of an unknown kind, or holds something else than numbers; names the place.
    InputError
        The arrays do not fit together, or hold NaN; names the row.
    """
    path = Path(path)
    if not path.exists():
        near = [p.name for p in path.parent.glob("*")] if path.parent.is_dir() else []
        hint = f" {suggestion(path.name, near)}" if near and len(near) < 200 else ""
        raise DataError(f"There is no file {path}.{hint}")
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"{path}: cannot tell what it is by its ending {path.suffix!r}. Known: {', '.join(sorted(_READERS))}.")
    if path.is_file() and path.stat().st_size == 0:
        raise DataError(f"{path} is empty.")
    try:
        found = reader(path)
    except PlatometerError:
        raise
    except (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise DataError(f"{path} cannot be read as {path.suffix}: {first} Was it cut short, or is its ending wrong?") from error
    layers, ids = found if isinstance(found, tuple) else (found, ())
    layers = _picked(layers, key, path)
    features = Features.of({name: layers[name] for name in sorted(layers, key=_natural)}, name=path.stem)
    if ids and len(ids) != features.n:
        raise ShapeError(f"{path} has {features.n} rows and {len(ids)} ids.")
    card = Card(path.stem, source=f"file:{path}", revision=_digest(path))
    return dataclasses.replace(features, model=card, ids=tuple(ids))


def matched(left: Features, right: Features) -> tuple[Features, Features, tuple[str, ...]]:
    """Both sides with the same samples in the same order, matched by id where both have ids.

    Parameters
    ----------
    left, right : features; without ids on both sides they are returned as they are.

    Returns
    -------
    left, right, and notes on what was done.

    Raises
    ------
    InputError
        An id repeats, or no id is common to both.
    """
    if not left.ids or not right.ids or left.ids == right.ids:
        return left, right, ()
    for side in (left, right):
        if len(set(side.ids)) < len(side.ids):
            twice = next(name for name in side.ids if side.ids.count(name) > 1)
            raise InputError(f"{side.model.name}: the id {twice!r} stands more than once, so rows cannot be matched by id.")
    place = {name: row for row, name in enumerate(right.ids)}
    common = [name for name in left.ids if name in place]
    if not common:
        raise InputError(f"{left.model.name} and {right.model.name} have no id in common ({left.ids[0]!r}, ... and "
                         f"{right.ids[0]!r}, ...).")
    own = {name: row for row, name in enumerate(left.ids)}
    note = (f"rows matched by id: {len(common)} are on both sides, {left.n - len(common)} only in {left.model.name}, "
            f"{right.n - len(common)} only in {right.model.name}")
    return (_rows(left, [own[name] for name in common], common), _rows(right, [place[name] for name in common], common),
            (note,))


def _rows(features: Features, rows: Sequence[int], ids: Sequence[str]) -> Features:
    index = torch.tensor(rows)
    return dataclasses.replace(
        features, n=len(rows), ids=tuple(ids), key="",
        layers={name: (lambda read=read: read()[index]) for name, read in features.layers.items()})


def _picked(layers: Mapping[str, object], key: str | None, path: Path) -> dict[str, object]:
    if not layers:
        raise DataError(f"{path} holds no arrays of numbers.")
    if key is None:
        return dict(layers)
    found = {name: value for name, value in layers.items() if name == key or name.startswith(f"{key}/")}
    if not found:
        raise DataError(f"{path} has no array {key!r}. {suggestion(key, layers)}")
    return found


def _natural(name: str) -> list:
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in re.split(r"(\d+)", name) if part]


def _digest(path: Path) -> str:
    """First 64 bits of SHA-256 over the content, file by file for a folder."""
    digest = hashlib.sha256()
    for file in [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file()):
        digest.update(str(file.relative_to(path)).encode() if file != path else b"")
        with file.open("rb") as opened:
            while block := opened.read(2**22):
                digest.update(block)
    return digest.hexdigest()[:16]


def _layers_of(array: object, name: str = "0") -> dict[str, object]:
    """An array (n, d) as one layer, (n, L, d) as L."""
    if getattr(array, "ndim", 0) == 3:
        return {f"{name}.{i}" if name != "0" else str(i): array[:, i] for i in range(array.shape[1])}
    return {name: array}


def _npy(path: Path) -> dict:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError as error:
        if "object" not in str(error).lower():
            raise
        raise DataError(f"{path} holds Python objects, not numbers; loading them could run code, so it is not loaded. Save "
                        "one array of numbers per layer (npz).") from None
    if array.dtype.kind not in "fiub":
        raise DataError(f"{path} holds {array.dtype}, not numbers.")
    return _layers_of(array)


def _npz(path: Path) -> dict:
    out: dict = {}
    with np.load(path, allow_pickle=False) as archive:
        texts = []
        for name in archive.files:
            array = archive[name]
            if array.dtype.kind in "fiub" and array.ndim >= 1:
                out |= _layers_of(array, name if len(archive.files) > 1 or array.ndim < 3 else "0")
            elif array.dtype.kind in "US" and array.ndim == 1:
                texts.append([str(value) for value in array])
    n = {len(value) for value in out.values()}
    ids = next((tuple(text) for text in texts if n == {len(text)} and len(set(text)) == len(text)), ())
    return out, ids


def _safetensors(path: Path) -> dict:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        found = load_file(path)
    except SafetensorError as error:
        raise DataError(f"{path} is not a whole safetensors file: {error}.") from error
    out: dict = {}
    for name, value in found.items():
        out |= _layers_of(value, name if len(found) > 1 or value.ndim < 3 else "0")
    return out


def _parquet(path: Path) -> tuple[dict, tuple[str, ...]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    layers, plain, ids = {}, [], ()
    for name in table.column_names:
        column = table[name].combine_chunks()
        if name.startswith("__index_level"):
            continue
        if pa.types.is_list(column.type) or pa.types.is_large_list(column.type) or pa.types.is_fixed_size_list(column.type):
            layers[name] = np.stack([np.asarray(row, dtype=np.float64) for row in _full(column, name, path)])
        elif pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
            if name.lower() in _IDS and pa.types.is_integer(column.type):
                ids = tuple(map(str, column.to_pylist()))
            else:
                plain.append(np.asarray(_full(column, name, path), dtype=np.float64))
        elif pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            values = column.to_pylist()
            if not ids and len(set(values)) == len(values):
                ids = tuple(map(str, values))
    if plain:
        layers["0" if not layers else "columns"] = np.stack(plain, axis=1)
    return layers, ids


def _full(column: object, name: str, path: Path) -> list:
    if column.null_count:
        row = column.to_pylist().index(None)
        raise DataError(f"{path}, column {name!r}: nothing in row {row} ({column.null_count} rows are empty).")
    return column.to_pylist()


def _csv(path: Path) -> tuple[dict, tuple[str, ...]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not text in UTF-8: {error}.") from None
    try:
        kind = csv.Sniffer().sniff(text[:4096], delimiters=",;\t |")
    except csv.Error:
        kind = csv.excel_tab if path.suffix.lower() == ".tsv" else csv.excel
    table = [row for row in csv.reader(io.StringIO(text), kind) if row]
    if not table:
        raise DataError(f"{path} is empty.")
    # a first row of names: fewer numbers in it than in the second
    header = len(table) > 1 and sum(map(_is_number, table[0])) < sum(map(_is_number, table[1]))
    names = table[0] if header else [f"column {i + 1}" for i in range(len(table[0]))]
    body, first = (table[1:], 2) if header else (table, 1)
    for line, row in enumerate(body, first):
        if len(row) != len(names):
            raise DataError(f"{path}, line {line}: {len(row)} cells where the first line has {len(names)}.")
    texts = [i for i, name in enumerate(names) if name.strip().lower() in _IDS or not any(_is_number(row[i]) for row in body)]
    numbers = [i for i in range(len(names)) if i not in texts]
    if not numbers:
        raise DataError(f"{path} has no column of numbers.")
    out = np.empty((len(body), len(numbers)))
    for line, row in enumerate(body):
        for place, i in enumerate(numbers):
            if not _is_number(row[i]):
                raise DataError(f"{path}, line {line + first}, {names[i]!r}: {row[i]!r} is not a number.")
            out[line, place] = float(row[i])
    ids = next((ids for i in texts if len(set(ids := tuple(row[i] for row in body))) == len(body)), ())
    return {"0": out}, ids


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _hdf5(path: Path) -> dict:
    try:
        import h5py
    except ImportError:
        raise missing("h5py", "formats", wanted_for=f"Reading {path.name}") from None
    out: dict = {}

    def visit(name: str, value: object) -> None:
        if isinstance(value, h5py.Dataset) and value.dtype.kind in "fiub" and value.ndim >= 1:
            out.update(_layers_of(value[()], name))

    with h5py.File(path, "r") as file:
        file.visititems(visit)
    return out


def _zarr(path: Path) -> dict:
    try:
        import zarr
    except ImportError:
        raise missing("zarr", "formats", wanted_for=f"Reading {path.name}") from None
    opened = zarr.open(str(path), mode="r")
    if isinstance(opened, zarr.Array):
        return _layers_of(opened[...])
    out: dict = {}
    for name, value in opened.members(max_depth=None):
        if isinstance(value, zarr.Array) and value.dtype.kind in "fiub":
            out |= _layers_of(value[...], name)
    return out


def _torch(path: Path) -> dict:
    import pickle

    try:
        value = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise DataError(f"{path} is damaged, or holds more than tensors: loading that could run code, so it is not loaded. "
                        "Save the features alone: torch.save({'feats': tensor}, ...).") from None
    if isinstance(value, Mapping) and "feats" in value:
        value = value["feats"]
    if isinstance(value, torch.Tensor):
        return _layers_of(value)
    if isinstance(value, list | tuple) and all(isinstance(part, torch.Tensor) for part in value):
        return {str(i): part for i, part in enumerate(value)}
    tensors = {str(k): v for k, v in value.items() if isinstance(v, torch.Tensor)} if isinstance(value, Mapping) else {}
    if not tensors:
        raise DataError(f"{path} holds a {type(value).__name__} without tensors; expected a tensor, several, or 'feats'.")
    return tensors


_READERS: dict[str, Callable] = {
    ".npy": _npy, ".npz": _npz, ".safetensors": _safetensors, ".parquet": _parquet, ".csv": _csv, ".tsv": _csv,
    ".h5": _hdf5, ".hdf5": _hdf5, ".zarr": _zarr, ".pt": _torch, ".pth": _torch,
}
