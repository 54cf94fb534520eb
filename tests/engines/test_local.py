"""The local engine: every task has a result, whatever some of them raise and whoever dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from platometer import engines
from platometer.errors import StudyError, UnknownNameError


def _square(x: int) -> int:
    if x == 3:
        raise StudyError("three")
    if x == 4:
        raise ZeroDivisionError("four")
    return x * x


def _fatal(folder: str, deaths: int, x: int) -> int:
    """Dies at task 2, so many times."""
    if x == 2:
        died = len(os.listdir(folder))
        if died < deaths:
            (Path(folder) / str(died)).touch()
            os.kill(os.getpid(), signal.SIGKILL)
    return x


def _threads(_: object) -> tuple:
    import torch

    return torch.get_num_threads(), os.getpid()


def test_engines_are_listed_and_a_wrong_name_is_an_error() -> None:
    assert "local" in engines.names()
    with pytest.raises(UnknownNameError, match=r"There is no engine named 'locl'\. Did you mean 'local'"):
        engines.run("locl", _square, [1])


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_is_the_result_of_its_own_task_alone(workers: int) -> None:
    found = dict(engines.run("local", _square, range(6), workers=workers))
    assert sorted(found) == list(range(6))
    assert [found[i] for i in (0, 1, 2, 5)] == [0, 1, 4, 25]
    assert (repr(found[3]), repr(found[4])) == ("StudyError('three')", "ZeroDivisionError('four')")


def test_there_may_be_nothing_to_do() -> None:
    assert list(engines.run("local", _square, [], workers=4)) == []


def test_workers_are_other_processes_with_one_thread_each() -> None:
    found = [result for _, result in engines.run("local", _threads, range(4), workers=2)]
    assert {threads for threads, _ in found} == {1}
    assert os.getpid() not in {process for _, process in found}
    assert next(iter(engines.run("local", _threads, range(1), workers=1)))[1][1] == os.getpid()


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_tasks_of_a_worker_that_was_killed_are_done_by_another(tmp_path: Path) -> None:
    found = dict(engines.run("local", partial(_fatal, str(tmp_path), 1), range(6), workers=2))
    assert found == {i: i for i in range(6)}


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_a_task_that_kills_every_worker_is_given_up_and_told(tmp_path: Path) -> None:
    found = dict(engines.run("local", partial(_fatal, str(tmp_path), 99), range(3), workers=2))
    assert "worker processes died 3 times, likely for want of memory. Use fewer workers" in str(found[2])
    assert (found[0], found[1]) == (0, 1)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc")
def test_workers_leave_when_their_parent_is_killed(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text("import os, pathlib, sys, time\n"
                                      "def work(_):\n"
                                      "    (pathlib.Path(sys.argv[-1]) / str(os.getpid())).touch(); time.sleep(600)\n")
    (tmp_path / "main.py").write_text("import sys, slow\nfrom platometer import engines\n"
                                      "if __name__ == '__main__': list(engines.run('local', slow.work, range(2), workers=2))\n")
    seen = tmp_path / "seen"
    seen.mkdir()
    parent = subprocess.Popen([sys.executable, "main.py", str(seen)], cwd=tmp_path)
    try:
        _until(lambda: len(list(seen.iterdir())) == 2)
    finally:
        parent.kill()
        parent.wait()
    _until(lambda: not any(_alive(path.name) for path in seen.iterdir()))


def _alive(process: str) -> bool:
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def _until(true: object, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
