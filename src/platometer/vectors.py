"""Vectors in files: one array or many layers, read into `Features`.

======================  ==========================================================================================
``.npy``                one array (n, d), or (n, L, d) for L layers
``.npz``                layers by name
``.safetensors``        layers by name
``.parquet``            columns of lists are layers; without them the columns of numbers together are the features
``.csv``, ``.tsv``      the columns of numbers are the features; with a header or without
``.h5``, ``.hdf5``      layers by the path of the dataset (needs h5py)
``.zarr``, a folder     an array, or a group of layers (needs zarr)
``.pt``, ``.pth``       a tensor, or a dictionary whose ``feats`` is (n, L, d) or a list of (n, d), as the released code
                        of Huh et al. 2024 writes them; read with ``weights_only=True``
======================  ==========================================================================================

Layers are put in natural order (``layer_2`` before ``layer_10``). A column or array of texts named id, ids, name, ...,
or else the first whose values are distinct, holds the rows' ids; numbers are ids where they are called id, ids or index. What
is neither layer nor ids (a column of labels, an array (n,)) is not read, and said in ``details["left_out"]``; a first column
that counts the rows, it seems, is read, and said in ``details["doubts"]``. No file is ever unpickled.
"""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import io
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from platometer.arrays import as_matrix, as_tensor
from platometer.cards import Card, fingerprint
from platometer.errors import DataError, InputError, PlatometerError, ShapeError, missing, suggestion
from platometer.features import Features

_IDS = ("id", "ids", "name", "key", "sample", "image", "file", "file_name", "filename")  # likeliest first
_NO_IDS = "text, and not ids"


@dataclass(frozen=True)
class _Found:
    """What a file holds, before it is known which of it are layers."""

    arrays: Mapping[str, Any] = field(default_factory=dict)  # name -> numbers, of any shape
    texts: Mapping[str, Sequence[str]] = field(default_factory=dict)  # name -> one text per row, perhaps ids
    left_out: Mapping[str, str] = field(default_factory=dict)  # name -> why it is not read
    parameters: int | None = None
    doubts: Mapping[str, str] = field(default_factory=dict)  # name -> what it may be instead of a feature


def read(path: str | Path, *, key: str | None = None) -> Features:
    """The vectors in a file, as features.

    Parameters
    ----------
    path : a file or a zarr folder; its ending says what it is.
    key : name of one array, group or column in it; all of them are layers if None.

    Returns
    -------
    Features; ``model.name`` is the file's stem, ``model.revision`` a hash of its bytes, ``ids`` what the file says of
    its rows.

    Raises
    ------
    DataError
        The file is absent, empty, damaged, of an unknown kind, or holds something else than numbers; names the place.
    InputError
        The arrays do not fit together, are no (n, d), or hold NaN; names the row.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "animals.csv"
    >>> _ = path.write_text("name,size,legs\\ncow,2.4,4\\nhen,0.4,2\\n")
    >>> features = read(path)
    >>> features.ids, features["0"].tolist()
    (('cow', 'hen'), [[2.4, 4.0], [0.4, 2.0]])
    """
    path = Path(path)
    reader = _reader(path)
    try:
        found = reader(path)
    except PlatometerError:
        raise
    except Exception as error:  # decoders of damaged files raise almost anything; the cause is kept
        first = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        kind = "zarr" if path.is_dir() else path.suffix
        raise DataError(f"{path} cannot be read as {kind}: {first}. Was it cut short, or is its ending wrong?") from error
    layers, left_out = _layers(found, key, path)
    ids, unused = _ids(found.texts, len(next(iter(layers.values()))), path)
    left_out |= unused
    return Features(
        layers={name: (lambda value=layers[name]: value) for name in sorted(layers, key=_natural)},  # type: ignore[misc]
        n=len(next(iter(layers.values()))),
        model=Card(path.stem, source=f"file:{path}", revision=_digest(path), parameters=found.parameters),
        ids=ids,
        details={name: told for name, told in (("left_out", left_out), ("doubts", dict(found.doubts))) if told},
    )


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
        An id repeats, or no id is common to both; or one side has more rows and only the other has ids.
    """
    for side, other in ((left, right), (right, left)):
        why = _why_none(side)
        if not side.ids and other.ids and side.n != other.n and why:
            raise InputError(f"{side.model.name} has {side.n} rows and {other.model.name} {other.n}, and they cannot be "
                             f"matched by id: of {side.model.name}, {why}.")
    if not left.ids or not right.ids or left.ids == right.ids:
        return left, right, ()
    places = []
    for side in (left, right):
        place = {name: row for row, name in enumerate(side.ids)}
        if len(place) < side.n:
            twice, row = next((name, row) for row, name in enumerate(side.ids) if place[name] != row)
            raise InputError(f"{side.model.name}: the id {twice!r} stands more than once (rows {row} and {place[twice]}), so "
                             "rows cannot be matched by id.")
        places.append(place)
    own, place = places
    common = [name for name in left.ids if name in place]
    if not common:
        raise InputError(f"{left.model.name} and {right.model.name} have no id in common ({left.ids[0]!r}, ... and "
                         f"{right.ids[0]!r}, ...). Do their ids name the same thing?")
    note = (f"rows matched by id: {len(common)} are on both sides, {left.n - len(common)} only in {left.model.name}, "
            f"{right.n - len(common)} only in {right.model.name}")
    return (_rows(left, [own[name] for name in common], common), _rows(right, [place[name] for name in common], common),
            (note,))


def _why_none(features: Features) -> str:
    """Why a column of texts was not taken for ids; empty if there is none."""
    left_out = features.details.get("left_out", {})
    assert isinstance(left_out, Mapping)
    return next((f"{name!r} is {why}" for name, why in left_out.items() if why.startswith(_NO_IDS)), "")


def _rows(features: Features, rows: Sequence[int], ids: Sequence[str]) -> Features:
    """The features of some samples; nothing is read yet."""
    if tuple(ids) == features.ids:
        return features
    index = torch.tensor(rows)
    return dataclasses.replace(
        features, n=len(rows), ids=tuple(ids), key=fingerprint(features.key, list(ids)) if features.key else "",
        samples=fingerprint(features.samples, list(ids)) if features.samples else "",
        layers={name: (lambda read=read: read()[index]) for name, read in features.layers.items()})  # type: ignore[misc]


# from what a file holds to layers and ids


def _reader(path: Path) -> Callable[[Path], _Found]:
    """What reads a file of this ending; an error if there is no such file, or nothing in it."""
    if not path.exists():
        beside = [p.name for p in path.parent.iterdir() if p.suffix.lower() in _READERS] if path.parent.is_dir() else []
        hint = f" {suggestion(path.name, beside)}" if beside else ""
        hint = "" if hint.startswith(" Known") and len(beside) > 20 else hint
        hint = hint if path.parent.is_dir() else f" There is no folder {path.parent} either."
        raise DataError(f"There is no file {path}.{hint}")
    if path.is_dir():
        if (path / "manifest.json").exists():
            raise DataError(f"{path} is a folder of stored features; platometer.store.open reads it.")
        if not any((path / name).exists() for name in ("zarr.json", ".zarray", ".zgroup")):
            raise DataError(f"{path} is a folder, but not a zarr array or group. Name one file in it.")
        return _zarr
    reader = _READERS.get(path.suffix.lower())
    if reader is None or reader is _zarr:
        known = ", ".join(sorted(_READERS))
        raise DataError(f"{path}: cannot tell what it is by its ending {path.suffix!r}. Known: {known} (.zarr is a folder).")
    if path.stat().st_size == 0:
        raise DataError(f"{path} is empty.")
    return reader


def _layers(found: _Found, key: str | None, path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """The layers (n, d), checked, and what is none."""
    arrays = dict(found.arrays)
    if key is not None:
        arrays = {name: value for name, value in arrays.items() if name == key or name.startswith(f"{key}/")}
        if not arrays:
            raise DataError(f"{path} has no array {key!r}. {suggestion(key, found.arrays)}")
    if not arrays:
        texts = f" It has {', '.join([*found.texts, *found.left_out][:8])}." if found.texts or found.left_out else ""
        raise DataError(f"{path} holds no arrays of numbers.{texts}")
    if key is None and any(name.endswith((".weight", ".bias")) for name in arrays):
        raise DataError(f"{path} looks like the weights of a model, not features: it has {next(iter(arrays))!r} and "
                        f"{len(arrays) - 1} more. Extract features with the model, or pick one array with its key.")
    layers: dict[str, torch.Tensor] = {}
    unfit: dict[str, str] = {}
    for name, value in arrays.items():
        shape = tuple(value.shape)
        if len(shape) == 3:
            plain = "" if len(arrays) == 1 else f"{name}."
            layers |= {f"{plain}{i}": as_tensor(value[:, i], name=f"{path}, {name}") for i in range(shape[1])}
        elif len(shape) == 2:
            layers[name] = as_tensor(value, name=f"{path}, {name}")
        else:
            unfit[name] = f"has shape {shape}; expected (n, d), or (n, L, d) for L layers"
    if not layers:
        hint = "One number per sample is written as (n, 1)." if len(shape) == 1 else "Pool tokens or pixels first."
        raise ShapeError(f"{path}: {name!r} {unfit.get(name, 'has no layers')}. {hint}")
    for name, value in layers.items():
        as_matrix(value, name=f"{path}, layer {name}", least_rows=1)
    sizes = {len(value) for value in layers.values()}
    if len(sizes) > 1:
        listed = ", ".join(f"{name!r} has {len(value)}" for name, value in list(layers.items())[:8])
        raise ShapeError(f"{path}: the layers must have the same samples, but {listed}. Pick one with its key.")
    return layers, dict(found.left_out) | unfit


def _ids(texts: Mapping[str, Sequence[str]], n: int, path: Path) -> tuple[tuple[str, ...], dict[str, str]]:
    """The rows' ids, and the texts that are none."""
    rank = {name: i for i, name in enumerate(_IDS)}
    chosen: tuple[str, ...] = ()
    left_out = {}
    for name in sorted(texts, key=lambda name: rank.get(name.rpartition("/")[2].lower(), len(rank))):
        values = tuple(texts[name])
        twice = next((value for value, count in Counter(values).items() if count > 1), None)
        if len(values) != n:
            why = f"{len(values)} ids for {n} rows"
        elif "" in values:
            why = f"no id in row {values.index('')}"
        elif twice is not None:
            why = f"the id {twice!r} stands more than once"
        elif chosen:
            why = "the ids are in another column"
        else:
            chosen = values
            continue
        if name.rpartition("/")[2].lower() in ("id", "ids") and not chosen:
            raise DataError(f"{path}, {name!r}: {why}; ids must be distinct, one for each row.")
        left_out[name] = f"{_NO_IDS}: {why}"
    return chosen, left_out


def _natural(name: str) -> list:
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in re.split(r"(\d+)", name) if part]


def _digest(path: Path) -> str:
    """First 64 bits of SHA-256 over the content, file by file for a folder."""
    digest = hashlib.sha256()
    for file in [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file()):
        digest.update(str(file.relative_to(path)).encode() if file != path else b"")
        with file.open("rb") as opened:
            while block := opened.read(2**22):
                digest.update(block)
    return digest.hexdigest()[:16]


def _sorted_out(arrays: Mapping[str, np.ndarray]) -> _Found:
    """Numbers, texts and the rest; whole numbers under the name of ids are ids."""
    numbers, texts, left_out = {}, {}, {}
    for name, array in arrays.items():
        flat, last = array.ndim == 1, name.rpartition("/")[2].lower()
        if array.dtype.kind in "fiub" and not (flat and array.dtype.kind in "iu" and last in ("id", "ids")):
            numbers[name] = array
        elif flat and array.dtype.kind in "USTOiu":
            texts[name] = [value.decode() if isinstance(value, bytes) else str(value) for value in array.tolist()]
        else:
            left_out[name] = f"{array.dtype} of shape {array.shape}, not numbers"
    return _Found(numbers, texts, left_out)


# one reader per kind of file


def _npy(path: Path) -> _Found:
    _begins(path, b"\x93NUMPY")
    array = _unpickled(lambda: np.load(path, mmap_mode="r", allow_pickle=False), path)
    if array.dtype.kind not in "fiub":
        raise DataError(f"{path} holds {array.dtype}, not numbers.")
    return _Found({"0": array})


def _npz(path: Path) -> _Found:
    _begins(path, b"PK", b"\x93NUMPY")
    with path.open("rb") as file:
        archive = _unpickled(lambda: np.load(file, allow_pickle=False), path)
        if isinstance(archive, np.ndarray):
            raise DataError(f"{path} is a single array, not an archive: its ending should be .npy.")
        return _sorted_out({name: _unpickled(lambda name=name: archive[name], path, name) for name in archive.files})


def _begins(path: Path, *marks: bytes) -> None:
    """Whether the first bytes are numpy's; of any other file numpy says that it holds Python objects."""
    with path.open("rb") as file:
        start = file.read(8).partition(b"\n")[0]
    if not start.startswith(marks):
        shown = f": it begins with {start.decode()!r}." if start.isascii() and start.decode().isprintable() else "."
        raise DataError(f"{path} is not an {path.suffix.lower()[1:]} file{shown} Was it cut short, or is its ending wrong?")


def _unpickled(load: Callable, path: Path, name: str = "") -> Any:
    try:
        return load()
    except ValueError as error:
        if "object" not in str(error).lower():
            raise
        where = f"{path}, array {name!r}," if name else f"{path}"
        raise DataError(f"{where} holds Python objects, not numbers; loading them could run code, so it is not loaded. Are its "
                        "rows of different lengths? Save one array of numbers per layer (npz).") from None


def _safetensors(path: Path) -> _Found:
    from safetensors.torch import load_file

    found = load_file(path)
    rows = {name: [str(i) for i in value.tolist()] for name, value in found.items()
            if name.lower() in ("id", "ids") and value.ndim == 1 and not value.is_floating_point()}
    return _Found({name: value for name, value in found.items() if name not in rows}, rows)


def _parquet(path: Path) -> _Found:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = pq.read_table(path)
    lists, plain, texts, left_out = {}, {}, {}, {}
    names = columns.column_names
    for name in names:
        column, lower = columns[name].combine_chunks(), name.lower()
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        kind = column.type
        if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
            lists[name] = _stacked(column, name, path)
        elif pa.types.is_integer(kind) and (lower in ("id", "ids") or name.startswith("__index_level")):
            texts[name] = [str(value) for value in _full(column, name, path).to_pylist()]
        elif pa.types.is_integer(kind) or pa.types.is_floating(kind):
            plain[name] = column
        elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
            texts[name] = [value or "" for value in column.to_pylist()]
        else:
            left_out[name] = f"{kind}, not numbers"
    if lists:
        return _Found(lists, texts, left_out | {name: "one number per row, beside columns of vectors" for name in plain})
    numbers = [_full(column, name, path).to_numpy(zero_copy_only=False).astype(np.float64) for name, column in plain.items()]
    if not numbers:
        return _Found({}, texts, left_out)
    values = np.stack(numbers, axis=1)
    return _Found({"0": values}, texts, left_out, doubts=_counting(names[0], values) if names[0] in plain and not texts else {})


def _full(column: Any, name: str, path: Path) -> Any:
    if column.null_count:
        row = int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0])
        raise DataError(f"{path}, column {name!r}: nothing in row {row} ({column.null_count} rows are empty).")
    return column


def _stacked(column: Any, name: str, path: Path) -> np.ndarray:
    """A column of lists as an array: (n, d), or (n, L, d) if they are lists of lists."""
    import pyarrow as pa
    import pyarrow.compute as pc

    shape = [len(column)]
    while pa.types.is_list(column.type) or pa.types.is_large_list(column.type) or pa.types.is_fixed_size_list(column.type):
        lengths = pc.list_value_length(_full(column, name, path)).to_numpy(zero_copy_only=False)
        odd: Sequence[int] | np.ndarray = np.flatnonzero(lengths != lengths[0]) if len(lengths) else []
        if len(odd):
            raise DataError(f"{path}, column {name!r}: {lengths[odd[0]]} numbers in row {odd[0]}, {lengths[0]} in row 0. Rows "
                            "must be equally long.")
        shape.append(int(lengths[0]) if len(lengths) else 0)
        column = column.flatten()
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        raise DataError(f"{path}, column {name!r} holds lists of {column.type}, not of numbers.")
    if column.null_count:
        row = int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0]) // int(np.prod(shape[1:]))
        raise DataError(f"{path}, column {name!r}: a number is missing in row {row}.")
    return column.to_numpy(zero_copy_only=False).reshape(shape)


def _csv(path: Path) -> _Found:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not text in UTF-8: {error}.") from None
    mark = _delimiter(text, path)
    if mark == " ":
        text = re.sub(r" +$", "", text, flags=re.MULTILINE)
    reader = csv.reader(io.StringIO(text.removeprefix("#"), newline=""), delimiter=mark, skipinitialspace=True)
    table = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if any(cell.strip() for cell in row)]
    if not table:
        raise DataError(f"{path} is empty.")
    first = table[0][1]
    header = sum(map(_is_number, first)) < (sum(map(_is_number, table[1][1])) if len(table) > 1 else 1)
    names = first if header else [f"column {i + 1}" for i in range(len(first))]
    body = table[1:] if header else table
    if not body:
        raise DataError(f"{path} has a header and no rows.")
    for line, row in body:
        if len(row) != len(names):
            hint = (f" Cells are parted by {mark!r} here, it seems, and decimals need a point. Is the first line a title, or "
                    "parted by another character?") if len(names) == 1 else ""
            raise DataError(f"{path}, line {line}: {len(row)} cells where the first line has {len(names)}.{hint}")
    if len(set(names)) < len(names):
        twice = next(name for i, name in enumerate(names) if name in names[:i])
        raise DataError(f"{path}: two columns are named {twice!r}.")
    texts = {names[i]: [row[i] for _, row in body] for i in range(len(names)) if _is_text(names[i], body, i)}
    counted = [name for name in texts if name.lower() in ("", "unnamed: 0", "index")]
    left_out = {name: "row numbers" for name in counted if texts[name] == [str(i) for i in range(len(body))]}
    numbers = [i for i, name in enumerate(names) if name not in texts]
    if not numbers:
        raise DataError(f"{path} has no column of numbers. Its first line is {first[:20]}.")
    texts = {name: value for name, value in texts.items() if name not in left_out}
    values = _table(body, numbers, names, path)
    return _Found({"0": values}, texts, left_out, doubts={} if texts or numbers[0] else _counting(names[0], values))


def _counting(name: str, table: np.ndarray) -> dict[str, str]:
    """A doubt, where the first column of numbers holds another whole number in each row and the rest holds fractions."""
    first, rest = table[:, 0], table[:, 1:]
    if len(first) < 2 or not rest.size or (first % 1).any() or len(np.unique(first)) < len(first) or not (rest % 1).any():
        return {}
    return {name: "was read as a feature, and is another whole number in each row; if it says which row is which, call it id"}


def _is_text(name: str, body: Sequence[tuple[int, list[str]]], i: int) -> bool:
    """Whether a column of a csv holds words: by its name, or because most of its first cells are no numbers."""
    if name.lower() in ("id", "ids", "", "unnamed: 0", "index"):
        return True
    head = body[:100]  # 'infinity' may stand in a column of words, and 'n/a' in one of numbers
    return 2 * sum(_is_number(row[i]) for _, row in head) < len(head)


def _table(body: Sequence[tuple[int, list[str]]], columns: Sequence[int], names: Sequence[str], path: Path) -> np.ndarray:
    out = np.empty((len(body), len(columns)))
    for at, (line, row) in enumerate(body):
        try:
            out[at] = [float(row[i]) for i in columns]
        except ValueError:
            i = next(i for i in columns if not _is_number(row[i]))
            hint = " The cell is empty." if not row[i] else ""
            hint = " Write decimals with a point." if re.fullmatch(r"-?\d+,\d+", row[i]) else hint
            raise DataError(f"{path}, line {line}, column {names[i]!r}: {row[i]!r} is not a number.{hint}") from None
    return out


def _delimiter(text: str, path: Path) -> str:
    """The character that cuts most numbers out of the first lines; by the ending if none does."""
    head = [line.strip(" ") for line in text.split("\n", 20)[:20]]

    def numbers(mark: str) -> int:
        return sum(_is_number(cell) for row in csv.reader(head, delimiter=mark, skipinitialspace=True) for cell in row)

    by_ending = "\t" if path.suffix.lower() == ".tsv" else ","
    best = max([by_ending, *(mark for mark in ",\t;| " if mark != by_ending)], key=numbers)
    if best == "," and (found := _decimal_comma([line.strip() for line in head if line.strip()])):
        raise DataError(f"{path}: decimals are written with a comma ({found[1]}), it seems, and cells parted by {found[0]!r}. "
                        "Write decimals with a point.")
    return best


def _decimal_comma(lines: Sequence[str]) -> tuple[str, str] | None:
    """What parts the cells, and a number such as 1,5, if all lines have equally many cells so and most are numbers."""
    for mark in ";\t|":
        rows = [[cell.strip() for cell in line.split(mark)] for line in lines]
        if len({len(row) for row in rows}) != 1 or len(rows[0]) == 1:
            continue
        cells = [cell for row in rows[1:] or rows for cell in row]  # without the first line, which may name columns
        odd = [cell for cell in cells if re.fullmatch(r"[+-]?\d+,\d+([eE][+-]?\d+)?", cell)]
        if odd and 2 * (len(odd) + sum(map(_is_number, cells))) >= len(cells):
            return mark, odd[0]
    return None


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _hdf5(path: Path) -> _Found:
    try:
        import h5py
    except ImportError:
        raise missing("h5py", "formats", wanted_for=f"Reading {path.name}") from None
    out: dict = {}

    def visit(name: str, value: object) -> None:
        if isinstance(value, h5py.Dataset) and value.shape is not None:
            out[name] = np.asarray(value.asstr()[()]) if h5py.check_string_dtype(value.dtype) else value[()]

    with h5py.File(path, "r") as file:
        file.visititems(visit)
    return _sorted_out({name: np.asarray(value) for name, value in out.items()})


def _zarr(path: Path) -> _Found:
    try:
        import zarr
    except ImportError:
        raise missing("zarr", "formats", wanted_for=f"Reading {path.name}") from None
    opened: Any = zarr.open(str(path), mode="r")
    single = isinstance(opened, zarr.Array)
    arrays = {"0": opened} if single else {name: value for name, value in opened.members(max_depth=None)
                                           if isinstance(value, zarr.Array)}
    for name, array in arrays.items():
        if array.nchunks_initialized < array.nchunks:  # zarr would read them as zeros
            lost = array.nchunks - array.nchunks_initialized
            raise DataError(f"{path}, array {name!r}: {lost} of {array.nchunks} chunks are missing. Was it copied "
                            "whole?")
    return _sorted_out({name: np.asarray(array[...]) for name, array in arrays.items()})


def _torch(path: Path) -> _Found:
    import pickle

    try:
        value = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise DataError(f"{path} is damaged, or holds more than tensors: loading that could run code, so it is not loaded. "
                        "Save the features alone: torch.save({'feats': tensor}, ...).") from error
    parameters = None
    if isinstance(value, Mapping) and "feats" in value:
        count = value.get("num_params")
        parameters = int(count) if isinstance(count, int) else None
        value = value["feats"]
    if isinstance(value, torch.Tensor):
        return _Found({"0": value}, parameters=parameters)
    if isinstance(value, list | tuple):
        value = dict(enumerate(value))
    if not isinstance(value, Mapping):
        raise DataError(f"{path} holds a {type(value).__name__} without tensors; expected a tensor, several, or 'feats'.")
    tensors = {str(name): part for name, part in value.items() if isinstance(part, torch.Tensor)}
    rest = {str(name): f"a {type(part).__name__}, not a tensor" for name, part in value.items() if str(name) not in tensors}
    return _Found(tensors, {}, rest, parameters)


_READERS: dict[str, Callable[[Path], _Found]] = {
    ".npy": _npy, ".npz": _npz, ".safetensors": _safetensors, ".parquet": _parquet, ".csv": _csv, ".tsv": _csv,
    ".h5": _hdf5, ".hdf5": _hdf5, ".zarr": _zarr, ".pt": _torch, ".pth": _torch,
}
