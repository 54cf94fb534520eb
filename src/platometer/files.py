"""Files that are there whole or not at all.

A file is written as a draft beside its place, flushed to the disk, and renamed; whoever reads sees the old content or
the new, never a part. Two writers of one file do not disturb each other: the last rename wins.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from platometer.errors import DiskError, InputError, StoreError

_STALE = 24 * 3600  # seconds after which nobody is still writing a draft


def write_whole(path: str | Path, content: bytes | Callable[[IO[bytes]], object]) -> Path:
    """The path, which now holds the content, all of it, flushed to the disk.

    Parameters
    ----------
    path : where to; folders above it are made.
    content : bytes, or a function that writes them to an open binary file.

    Raises
    ------
    DiskError
        The disk is full or the place cannot be written; nothing half-written remains.
    """
    path = Path(path)
    try:
        try:
            _written(path, content)
        except FileNotFoundError:  # another run, done with the folder, took it away under our hands
            _written(path, content)
    except OSError as error:
        raise _told(path, error, content) from error
    return path


def _written(path: Path, content: bytes | Callable[[IO[bytes]], object]) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.draft")
    try:
        with _opened(draft) as file:
            content(file) if callable(content) else file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
        _flush_folder(path.parent)
    finally:
        with contextlib.suppress(OSError):  # gone already if it was renamed
            draft.unlink(missing_ok=True)


def write_json(path: str | Path, value: object) -> Path:
    """The path, which now holds the value as JSON; numbers read back exactly.

    Parameters
    ----------
    path : where to.
    value : JSON values.

    Raises
    ------
    InputError
        NaN or infinity, which JSON cannot hold.
    DiskError
        See `write_whole`.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError:
        raise InputError(f"{path} was not written: it would hold NaN or infinity, which JSON cannot.") from None
    return write_whole(path, text.encode())


def read_json(path: str | Path) -> object:
    """The value in a JSON file.

    Parameters
    ----------
    path : the file.

    Raises
    ------
    StoreError
        It is absent, or is not JSON (cut short by a full disk, or edited).
    """
    path = Path(path)
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise StoreError(f"There is no file {path}.") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise StoreError(f"{path} is not whole JSON ({error}). Delete it and run again; it will be made anew.") from None
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror or error}.") from None


def sweep(folder: str | Path, *, age: float = _STALE) -> int:
    """The number of drafts removed that killed writers left in a folder and those below it.

    Parameters
    ----------
    folder : where to look; it may be absent.
    age : seconds since a draft was last written; younger ones may belong to a living writer.
    """
    gone, now = 0, time.time()
    for draft in Path(folder).rglob(".*.draft"):
        with contextlib.suppress(OSError):  # somebody else was faster
            if now - draft.stat().st_mtime >= age:
                draft.unlink()
                gone += 1
    return gone


def _opened(draft: Path) -> IO[bytes]:
    """The draft, open; once more if somebody cleared its folder away in between."""
    for left in (1, 0):
        draft.parent.mkdir(parents=True, exist_ok=True)
        try:
            return open(draft, "wb")
        except FileNotFoundError:
            if not left:
                raise
    raise AssertionError  # the loop returns or raises


def _flush_folder(folder: Path) -> None:
    """Make a rename survive a power cut, where the platform can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:  # some network file systems cannot flush a folder
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            raise
    finally:
        os.close(handle)


def _told(path: Path, error: OSError, content: object) -> DiskError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        size = f" ({len(content):,} bytes)" if isinstance(content, bytes) else ""
        return DiskError(f"The disk is full: {path}{size} was not written, and nothing half-written remains. "
                          "Free some space and run again; what is done already will not be done twice.")
    return DiskError(f"{path} cannot be written: {error.strerror or error}.")
