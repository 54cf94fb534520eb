"""The engine ray: what local gives, whoever dies."""

from __future__ import annotations

import os
import signal
import sys
from functools import partial
from pathlib import Path

import pytest

from platometer import engines
from platometer.engines import Needs
from platometer.errors import InputError, MissingDependencyError, StudyError

clustered = pytest.mark.cluster
sent = pytest.mark.usefixtures("_sent")


@pytest.fixture(scope="module")
def _sent() -> None:
    """Functions of this file are sent whole: workers do not find it."""
    pytest.importorskip("ray", reason="ray is not installed").cloudpickle.register_pickle_by_value(sys.modules[__name__])


def _square(x: int) -> int:
    if x == 3:
        raise StudyError("three")
    return x * x


def _fatal(folder: str, deaths: int, x: int) -> int:
    """Dies at task 2, so many times."""
    if x == 2:
        died = len(os.listdir(folder))
        if died < deaths:
            (Path(folder) / str(died)).touch()
            os.kill(os.getpid(), signal.SIGKILL)
    return x


def _where(_: int) -> tuple:
    import torch

    return os.getpid(), torch.get_num_threads(), os.getcwd()


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingDependencyError, match=r"The engine 'ray' needs 'ray'.* pip install 'platometer\[ray\]'"):
        engines.run("ray", _square, [1])


def test_local_has_no_address() -> None:
    with pytest.raises(InputError, match="Did you mean the engine 'ray'"):
        engines.run("local", _square, [1], address="auto")


@clustered
@sent
def test_results_come_from_workers_of_one_thread_that_serve_many_tasks(address: str) -> None:
    found = dict(engines.run("ray", _where, range(8), address=address))
    assert sorted(found) == list(range(8))
    processes = {process for process, _, _ in found.values()}
    assert os.getpid() not in processes
    assert len(processes) <= 2
    assert {(threads, folder) for _, threads, folder in found.values()} == {(1, os.getcwd())}


@clustered
@sent
def test_an_error_is_the_result_of_its_own_task_alone(address: str) -> None:
    found = dict(engines.run("ray", _square, range(5), address=address, workers=1))
    assert [found[i] for i in (0, 1, 2, 4)] == [0, 1, 4, 16]
    assert repr(found[3]) == "StudyError('three')"
    assert list(engines.run("ray", _square, [], address=address)) == []


@clustered
@sent
def test_a_task_whose_worker_was_killed_is_done_by_another_and_in_the_end_given_up(address: str, tmp_path: Path) -> None:
    assert dict(engines.run("ray", partial(_fatal, str(tmp_path), 1), range(4), address=address)) == {i: i for i in range(4)}
    found = dict(engines.run("ray", partial(_fatal, str(tmp_path), 99), range(4), address=address))
    assert "5 workers died over this one task, likely for want of memory" in str(found.pop(2))
    assert found == {0: 0, 1: 1, 3: 3}


@clustered
@sent
def test_what_no_node_has_is_told(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import platometer.engines.ray as engine

    monkeypatch.setattr(engine, "PATIENCE", 0)
    with pytest.raises(StudyError, match=r"asks for 1 CPU, 4 GPU, 0 GiB of one node.* There are nodes of 0 CPU.* 1 CPU"):
        engines.run("ray", _square, [1], address=address, needs=Needs(gpus=4))
    assert dict(engines.run("ray", _square, [2], address=address, needs=Needs(gpus=None))) == {0: 4}
