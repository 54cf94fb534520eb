"""Files that are there whole or not at all.

A file is written as a draft beside its place, flushed to the disk, and renamed; whoever reads sees the old content or
the new, never a part. Two writers of one file do not disturb each other: the last rename wins.

A place may also be the URL of an object store that fsspec knows (``s3://bucket/run``, ``gs://...``, ``memory://run``): there an
object is put whole or not at all by the store itself, so no draft is needed. Nothing is locked, here or there.
"""

from __future__ import annotations

import contextlib
import errno
import fnmatch
import io
import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import IO, Any, cast

from platometer.errors import DiskError, InputError, MissingDependencyError, StoreError

_STALE = 24 * 3600  # seconds after which nobody is still writing a draft


def place(path: str | Path) -> Path:
    """The path, also of a URL ``file://``; or, for another such as ``s3://bucket/run``, what does the same there.

    Parameters
    ----------
    path : of a file or folder, or its URL.

    Raises
    ------
    InputError
        No such kind of URL is known.
    MissingDependencyError
        The library for it is not installed.

    Examples
    --------
    >>> home = place("memory://doc/run")
    >>> write_json(home / "a.json", [1])
    memory://doc/run/a.json
    >>> read_json(home / "a.json"), (home / "b.json").exists()
    ([1], False)
    """
    kind, here, rest = str(path).partition("://")
    if isinstance(path, Path | Remote) or not here:
        return cast(Path, path) if isinstance(path, Remote) else Path(path)
    if kind in ("file", "local"):  # written here as any other file: whole or not at all
        return Path(rest)
    return cast(Path, Remote(str(path)))


class Remote:
    """A place in an object store: of what `pathlib.Path` does, as much as a run needs.

    Folders are parts of names: they are there as soon as they are asked for.

    Parameters
    ----------
    url : such as ``s3://bucket/run``.
    """

    def __init__(self, url: str):
        self._protocol, _, path = url.partition("://")
        self._path = PurePosixPath(path)

    @property
    def _fs(self) -> Any:
        import fsspec

        try:
            found = fsspec.filesystem(self._protocol)
        except ImportError as error:
            raise MissingDependencyError(f"{self}: {error}") from None
        except ValueError:
            raise InputError(f"{self}: fsspec knows no store {self._protocol!r}; it knows s3, gs, abfs and more.") from None
        except TypeError as error:  # such as sftp, which wants a host
            raise InputError(f"{self}: fsspec cannot open {self._protocol!r} by such a URL alone: {error}. Give it what is "
                             "missing in its configuration (fsspec.config), or use s3, gs or abfs.") from None
        found.invalidate_cache()  # others write there too: what was listed before may be more by now
        return found

    def _at(self, path: PurePosixPath) -> Remote:
        return Remote(f"{self._protocol}://{path}")

    def __truediv__(self, name: str | os.PathLike[str]) -> Remote:
        return self._at(self._path / name)

    def __str__(self) -> str:
        return f"{self._protocol}://{self._path}"

    def __repr__(self) -> str:
        return str(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Remote) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __lt__(self, other: Remote) -> bool:
        return str(self) < str(other)

    @property
    def name(self) -> str:
        """The last part of the name."""
        return self._path.name

    @property
    def stem(self) -> str:
        """The same without its ending."""
        return self._path.stem

    @property
    def parent(self) -> Remote:
        """The folder."""
        return self._at(self._path.parent)

    def with_suffix(self, suffix: str) -> Remote:
        """The same with another ending.

        Parameters
        ----------
        suffix : with its dot.
        """
        return self._at(self._path.with_suffix(suffix))

    def absolute(self) -> Remote:
        """Itself."""
        return self

    def exists(self) -> bool:
        """Whether there is such an object, or one below it."""
        return bool(self._fs.exists(str(self)))

    def is_file(self) -> bool:
        """Whether there is such an object."""
        return bool(self._fs.isfile(str(self)))

    def is_dir(self) -> bool:
        """Whether there may be objects below: always, unless it is one itself."""
        return not self.is_file()

    def mkdir(self, **options: object) -> None:
        """Nothing: folders need not be made."""

    def stat(self) -> SimpleNamespace:
        """``st_size``, in bytes."""
        return SimpleNamespace(st_size=int(self._fs.size(str(self))))

    def read_bytes(self, start: int | None = None, stop: int | None = None) -> bytes:
        """The content, or a part of it.

        Parameters
        ----------
        start, stop : of the part.
        """
        return bytes(self._fs.cat_file(str(self), start=start, end=stop))

    def read_text(self, encoding: str = "utf-8") -> str:
        """The content as text.

        Parameters
        ----------
        encoding : of the text.
        """
        return self.read_bytes().decode(encoding)

    def write_bytes(self, data: bytes) -> None:
        """Put the content, whole or not at all.

        Parameters
        ----------
        data : the content.
        """
        self._fs.pipe_file(str(self), data)

    def unlink(self, missing_ok: bool = False) -> None:
        """Remove the object.

        Parameters
        ----------
        missing_ok : whether it may be absent.
        """
        try:
            self._fs.rm_file(str(self))
        except FileNotFoundError:
            if not missing_ok:
                raise

    def held(self) -> int:
        """Bytes of all objects below."""
        try:
            return int(self._fs.du(str(self)))
        except FileNotFoundError:
            return 0

    def rglob(self, pattern: str) -> Iterator[Remote]:
        """Objects below whose names match.

        Parameters
        ----------
        pattern : of the last part of their names.
        """
        try:
            found = self._fs.find(str(self))
        except FileNotFoundError:
            return
        for path in found:
            one = self._at(PurePosixPath(str(path).partition("://")[2] or path.lstrip("/")))
            if fnmatch.fnmatchcase(one.name, pattern):
                yield one


def clear(folder: Path) -> None:
    """Remove a folder and all in it, if it is there.

    Parameters
    ----------
    folder : from `place`.
    """
    if isinstance(folder, Remote):
        for one in list(folder.rglob("*")):
            one.unlink(missing_ok=True)
        return
    shutil.rmtree(folder, ignore_errors=True)


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
    path = place(path)
    if isinstance(path, Remote):
        return _put(path, content)
    try:
        try:
            _written(path, content)
        except FileNotFoundError:  # another run, done with the folder, took it away under our hands
            _written(path, content)
    except OSError as error:
        raise _told(path, error, content) from error
    return path


def _put(path: Remote, content: bytes | Callable[[IO[bytes]], object]) -> Path:
    """The object, put whole."""
    if callable(content):
        file = io.BytesIO()
        content(file)
        content = file.getvalue()
    try:
        path.write_bytes(content)
    except OSError as error:
        raise DiskError(f"{path} cannot be written: {error.strerror or error}.") from error
    return cast(Path, path)


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
    path = place(path)
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
    gone, now, home = 0, time.time(), place(folder)
    if isinstance(home, Remote):  # which knows no drafts
        return 0
    for draft in home.rglob(".*.draft"):
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
