"""What clusters do to a study: whoever dies and whenever, its rows are those of an undisturbed run of this machine alone.

Each disturbed run is compared with a local one byte by byte; answers and shards that were there when it was disturbed are the
same files afterwards; and what a model was run on is counted.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from platometer import files, store
from platometer.errors import DiskError
from platometer.study import Study

MODELS = '''
"""Models of texts that count digits. Files beside this one disturb them: kill, full, slow."""

import os
import signal
import time
from pathlib import Path

import numpy as np

from platometer.models import wrap

HERE = Path(__file__).parent
flush = os.fsync


def fsync(handle):
    if (HERE / "full").exists():
        raise OSError(28, "No space left on device")
    flush(handle)


def _model(name, seed):
    low = np.random.default_rng(seed).normal(size=(10, 24))
    os.fsync = fsync

    def features(texts):
        with (HERE / "calls.log").open("a") as file:
            file.write(f"{name} {len(texts)}\\n")
        if (HERE / "slow").exists():
            time.sleep(0.2)
        try:
            (HERE / "kill").unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        except FileNotFoundError:
            pass
        counts = np.array([[text.count(c) for c in "0123456789"] for text in texts], dtype=float)
        return {"low": (counts @ low).astype("float32"), "high": np.tanh(counts @ low[:, :8])}

    return wrap(features, modality="text", name=name, layers=["low", "high"], revision="1")


def one():
    return _model("one", 1)


def two():
    return _model("two", 2)
'''
DRIVER = """
import os, signal, sys
from platometer import store
from platometer.study import Study

store.ROWS = 256

def progress(what, done, total):
    if what.startswith(sys.argv[4]) and done >= int(sys.argv[5]):
        os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    Study.read(sys.argv[1]).run(sys.argv[2], allow_code=True, engine="ray", address=sys.argv[3], progress=progress)
"""
N = 600  # three shards of a model, in parts of 256
pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc")
clustered = pytest.mark.cluster


class Place:
    """A study of two models of texts in a folder, and its undisturbed rows.

    Parameters
    ----------
    folder : where.
    """

    def __init__(self, folder: Path):
        self.folder, self.out = folder, folder / "out"
        self.file = folder / "study.toml"

    def run(self, *, engine: str = "local", address: str = "", out: str = "out", progress: Callable = lambda *_: None) -> bytes:
        """The bytes of the rows after a run in this process."""
        options = {"engine": engine, "address": address, "allow_code": True, "progress": progress}
        return Study.read(self.file).run(self.folder / out, **options).table.read_bytes()  # type: ignore[arg-type]

    def drive(self, address: str, what: str, done: int) -> int:
        """The exit code of a driver in a process of its own, which kills itself once so much is done."""
        script = self.folder / "driver.py"
        script.write_text(DRIVER)
        words = [sys.executable, script, self.file, self.out, address, what, str(done)]
        ended = subprocess.run(words, capture_output=True, text=True)
        assert ended.returncode in (0, -signal.SIGKILL), ended.stderr
        return ended.returncode

    def calls(self) -> dict[str, int]:
        """Items that each model has been run on since this was last asked."""
        log, found = self.folder / "calls.log", {}
        for line in log.read_text().splitlines() if log.exists() else ():
            name, items = line.split()
            found[name] = found.get(name, 0) + int(items)
        log.unlink(missing_ok=True)
        return found

    def marks(self) -> dict[str, tuple]:
        """Every answer and every shard that is there, with what changes if it is written again."""
        found = [*self.out.glob("cells/*.json"), *self.out.glob("features/*/*.safetensors")]
        return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in found}

    def unchanged(self, before: dict[str, tuple]) -> bool:
        """Whether what was there still is, untouched, and nothing half-made lies about."""
        after = self.marks()
        left = [*self.out.rglob("*.draft"), *self.out.glob("features/*.parts")]
        return {name: after.get(name) for name in before} == before and not left


@pytest.fixture(scope="module")
def _written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """The study, and the rows of a run of this machine alone."""
    folder = tmp_path_factory.mktemp("study")
    rng = np.random.default_rng(0)
    (folder / "texts.txt").write_text("".join(f"text {i} {rng.integers(10**12)}\n" for i in range(N)))
    (folder / "mine.py").write_text(MODELS)
    models = "\n".join(f'[[models]]\nsource = "python:mine.py:{name}"\nbatch_size = 128' for name in ("one", "two"))
    (folder / "study.toml").write_text(
        'name = "texts"\n[data]\nsource = "text"\npath = "texts.txt"\n[align]\ndraws = 200\n'
        f'metrics = ["mutual_knn(k=5)", "cka", "mutual_knn(k=20)", "cka(estimator=debiased)"]\n{models}\n')
    return folder, Place(folder).run()


@pytest.fixture
def place(_written: tuple[Path, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Place, bytes]]:
    """A fresh copy of the study, and the rows that it must come to."""
    for name in ("texts.txt", "mine.py", "study.toml"):
        shutil.copy2(_written[0] / name, tmp_path / name)
    monkeypatch.setattr(store, "ROWS", 256)
    flush = os.fsync
    yield Place(tmp_path), _written[1]
    os.fsync = flush


def _workers(nodes) -> list[int]:
    """Processes of the engine's workers on a cluster."""
    raylets = {info.process.pid for node in nodes.list_all_nodes() for info in node.all_processes.get("raylet", ())}
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text().rpartition(")")[2].split()[1])
            if parent in raylets and b"_Worker" in (status.parent / "cmdline").read_bytes():
                found.append(int(status.parent.name))
        except OSError:  # gone meanwhile
            continue
    return found


@clustered
def test_an_undisturbed_cluster_gives_the_same_rows(nodes, place: tuple[Place, bytes]) -> None:
    study, whole = place
    seen: list[tuple] = []
    assert study.run(engine="ray", address=nodes.address, progress=lambda *told: seen.append(told)) == whole
    assert study.calls() == {"one": N, "two": N}
    assert study.unchanged({})
    assert {told for told in seen if told[0] == "run one"} == {("run one", 256, N), ("run one", 512, N), ("run one", N, N)}
    assert (("models", 2, 2) in seen, ("pairs", 4, 4) in seen) == (True, True)
    before = study.marks()
    assert study.run(engine="ray", address=nodes.address) == whole
    assert (study.calls(), study.marks()) == ({}, before)


def test_workers_killed_in_both_phases_change_nothing(nodes, place: tuple[Place, bytes]) -> None:
    study, whole = place
    (study.folder / "kill").touch()  # whoever runs the first batch
    before: dict[str, tuple] = {}
    died: list[int] = []

    def progress(what: str, done: int, total: int) -> None:
        if what == "pairs" and done == 1 and not died:
            before.update(study.marks())
            died.extend(_workers(nodes))
            for process in died:
                os.kill(process, signal.SIGKILL)

    assert study.run(engine="ray", address=nodes.address, progress=progress) == whole
    assert not (study.folder / "kill").exists()
    assert len(died) >= 1
    assert study.calls()["one"] in (N, N + 128)  # at most the batch that died with its worker
    assert study.unchanged(before)


@clustered
def test_a_node_that_is_lost_changes_nothing(nodes, place: tuple[Place, bytes]) -> None:
    study, whole = place
    (study.folder / "slow").touch()
    lost: list = []
    before: dict[str, tuple] = {}

    def progress(what: str, done: int, total: int) -> None:
        if what == "run one" and not lost:
            before.update(study.marks())
            lost.append(sorted(nodes.worker_nodes, key=lambda node: node.unique_id)[0])
            nodes.remove_node(lost[0], allow_graceful=False)

    try:
        assert study.run(engine="ray", address=nodes.address, progress=progress) == whole
    finally:
        nodes.add_node(num_cpus=1, object_store_memory=100 * 2**20)
        nodes.wait_for_nodes()
    assert study.unchanged(before)


def test_a_driver_killed_while_models_run_goes_on_and_a_shard_cut_short_is_made_again(
    nodes, place: tuple[Place, bytes]
) -> None:
    study, whole = place
    assert study.drive(nodes.address, "run ", 256) == -signal.SIGKILL
    _until(lambda: not _workers(nodes))
    done = [path for path in study.out.glob("features/*/*.safetensors")]
    assert done
    cut = done[0]
    before = {name: mark for name, mark in study.marks().items() if name != cut.name}
    cut.write_bytes(cut.read_bytes()[:-100])
    study.calls()
    assert study.run(engine="ray", address=nodes.address) == whole
    again = study.calls()
    assert 2 * N - 256 * len(before) >= sum(again.values()) > 0  # what was whole is not made again
    assert study.unchanged(before)


@clustered
def test_a_driver_killed_among_its_pairs_goes_on(nodes, place: tuple[Place, bytes]) -> None:
    study, whole = place
    assert study.drive(nodes.address, "pairs", 2) == -signal.SIGKILL
    _until(lambda: not _workers(nodes))
    before = study.marks()
    assert sum(name.endswith(".json") for name in before) >= 2
    study.calls()
    assert study.run(engine="ray", address=nodes.address) == whole
    assert study.calls() == {}
    assert study.unchanged(before)


@clustered
def test_a_full_disk_of_a_worker_stops_at_once_and_the_same_run_goes_on(nodes, place: tuple[Place, bytes]) -> None:
    study, whole = place
    (study.folder / "full").touch()
    with pytest.raises(DiskError, match=r"The disk is full: .*features.* Free some space and run again"):
        study.run(engine="ray", address=nodes.address)
    assert not [*study.out.rglob("*.draft"), *study.out.rglob("*.safetensors")]
    (study.folder / "full").unlink()
    assert study.run(engine="ray", address=nodes.address) == whole
    assert study.unchanged({})


@clustered
def test_two_drivers_on_one_folder_give_one_result(nodes, place: tuple[Place, bytes]) -> None:
    study, whole = place
    (study.folder / "driver.py").write_text(DRIVER)
    other = subprocess.Popen([sys.executable, study.folder / "driver.py", study.file, study.out, nodes.address, "never", "0"])
    try:
        assert study.run(engine="local") == whole
        assert other.wait(timeout=200) == 0
    finally:
        other.kill()
        other.wait()
    assert (study.out / "rows.parquet").read_bytes() == whole
    assert study.unchanged({})
    assert {file.name for file in study.out.glob("features/*/*.safetensors")} == set(study.marks()) - {
        file.name for file in study.out.glob("cells/*.json")}


def test_a_clock_that_jumps_loses_no_file_that_is_being_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, tries = time.time, []

    def content(file) -> None:
        file.write(b"whole")
        if not tries:  # another driver, whose clock is two days ahead, sweeps while this is written
            monkeypatch.setattr(time, "time", lambda: real() + 2 * 86400)
            assert files.sweep(tmp_path) == 1
            monkeypatch.setattr(time, "time", real)
        tries.append(1)

    files.write_whole(tmp_path / "a" / "answer.json", content)
    assert (tmp_path / "a" / "answer.json").read_bytes() == b"whole"
    assert len(tries) == 2
    (tmp_path / "a" / ".b.json.1-ab.draft").touch()
    monkeypatch.setattr(time, "time", lambda: real() - 2 * 86400)  # and one that was set back
    assert files.sweep(tmp_path) == 0
    assert files.sweep(tmp_path, age=-3 * 86400) == 1


@clustered
def test_a_clock_that_jumps_during_a_run_changes_nothing(
    nodes, place: tuple[Place, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    study, whole = place
    real, jumps = time.time, [0.0]
    monkeypatch.setattr(time, "time", lambda: real() + jumps[0])

    def progress(what: str, done: int, total: int) -> None:
        jumps[0] = -jumps[0] if jumps[0] else 3 * 86400.0
        files.sweep(study.out)  # as another driver that begins now

    assert study.run(engine="ray", address=nodes.address, progress=progress) == whole
    assert study.calls() == {"one": N, "two": N}
    assert study.unchanged({})


def _until(true: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)
