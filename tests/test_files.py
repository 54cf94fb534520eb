"""Files are there whole or not at all: whatever kills, fills or crowds the writer."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from platometer import files
from platometer.errors import DiskError, InputError, StoreError


def _run(code: str, *words: object) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True)


def test_what_is_written_is_read_back_and_no_draft_stays(tmp_path: Path) -> None:
    path = files.write_whole(tmp_path / "a" / "b" / "file", b"all of it")
    assert path.read_bytes() == b"all of it"
    files.write_whole(path, lambda file: file.write(b"in pieces"))
    assert path.read_bytes() == b"in pieces"
    assert [p.name for p in path.parent.iterdir()] == ["file"]


def test_numbers_in_json_come_back_exactly(tmp_path: Path) -> None:
    value = {"π": [0.1, 1 / 3, 5e-324, -0.0, 2**53 + 1, True, None], "text": 'a"\n\\'}
    assert files.read_json(files.write_json(tmp_path / "x.json", value)) == value


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_json_cannot_hold_what_is_no_number(tmp_path: Path, value: float) -> None:
    with pytest.raises(InputError, match=r"x\.json was not written: it would hold NaN or infinity"):
        files.write_json(tmp_path / "x.json", [value])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", '{"a": [1, 2', "\udcff"])
def test_a_file_cut_short_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(StoreError, match=r"x\.json is not whole JSON .* Delete it and run again"):
        files.read_json(tmp_path / "x.json")
    with pytest.raises(StoreError, match="There is no file"):
        files.read_json(tmp_path / "y.json")
    with pytest.raises(StoreError, match="cannot be read"):
        files.read_json(tmp_path)


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_content_and_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = files.write_whole(tmp_path / "file", b"old")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, step, full)
    with pytest.raises(DiskError, match=r"The disk is full: .*file \(3 bytes\) was not written, and nothing half-written"):
        files.write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_real_limit_on_file_size_is_told(tmp_path: Path) -> None:
    pytest.importorskip("resource")
    code = ("import resource, sys; from platometer import files\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
            "try: files.write_whole(sys.argv[1], b'x' * 5000)\n"
            "except files.DiskError as error: print(error)")
    done = _run(code, tmp_path / "file")
    assert "file cannot be written: File too large" in done.stdout, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_place_below_a_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(DiskError, match="cannot be written"):
        files.write_whole(tmp_path / "file" / "below", b"")


def test_an_error_of_the_writer_is_the_writers_own_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        files.write_whole(tmp_path / "file", lambda file: 1 / 0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_a_writer_killed_half_way_leaves_the_old_content(tmp_path: Path) -> None:
    path = files.write_whole(tmp_path / "file", b"old")
    code = ("import os, sys; from platometer import files\n"
            "def half(file): file.write(b'ne'); file.flush(); os.kill(os.getpid(), 9)\n"
            "files.write_whole(sys.argv[1], half)")
    assert _run(code, path).returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"
    drafts = [p for p in tmp_path.iterdir() if p != path]
    assert len(drafts) == 1
    assert files.sweep(tmp_path) == 0  # it might be a living writer's
    os.utime(drafts[0], (0, time.time() - 25 * 3600))
    assert files.sweep(tmp_path) == 1
    assert list(tmp_path.iterdir()) == [path]


def test_there_is_nothing_to_sweep_where_there_is_no_folder(tmp_path: Path) -> None:
    assert files.sweep(tmp_path / "none") == 0


def test_readers_among_many_writers_see_one_content_or_another_and_never_a_part(tmp_path: Path) -> None:
    path, done = tmp_path / "file.json", threading.Event()
    files.write_json(path, [0] * 1000)

    def write(k: int) -> None:
        for _ in range(20):
            files.write_json(path, [k] * 1000)

    seen = []

    def read() -> None:
        while not done.is_set():
            seen.append(tuple(set(files.read_json(path))))

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=(k,)) for k in range(4)]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    assert {len(values) for values in seen} == {1}
    assert json.loads(path.read_text())[0] in range(4)
    assert [p.name for p in tmp_path.iterdir()] == ["file.json"]


def test_a_folder_cleared_away_by_somebody_else_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Path.mkdir
    cleared = []

    def mkdir(self: Path, *rest: object, **options: object) -> None:
        made(self, *rest, **options)
        if not cleared:
            cleared.append(self)
            self.rmdir()

    monkeypatch.setattr(Path, "mkdir", mkdir)
    assert files.write_whole(tmp_path / "parts" / "file", b"x").read_bytes() == b"x"
    assert cleared
