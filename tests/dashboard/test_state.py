"""What the dashboard says of a folder: finished, going, quiet, damaged, foreign."""

from __future__ import annotations

import json
import os
import time

import made
import pytest

from platometer import DataError, files
from platometer.dashboard import state
from platometer.study import Going


def _one(runs, name):
    return next(run for run in state(runs)["runs"] if run["name"] == name)


def test_a_finished_run_is_told_with_its_price(runs):
    found = _one(runs, "vectors")
    assert (found["state"], found["models"], found["extracted"], found["cells"], found["answered"]) == ("finished", 3, 3, 6, 6)
    assert found["rows"] == 6
    assert found["seconds"] > 0
    assert found["bytes"] > 1000
    assert found["left"] is None
    assert found["failures"] == found["notes"] == []


def test_a_copy_with_other_times_of_its_files_is_finished_and_one_begun_again_is_not(runs):
    folder = runs / "vectors"
    os.utime(folder / "run.json", (time.time() - 60, time.time() - 60))  # git and cp write files in an order of their own
    assert _one(runs, "vectors")["state"] == "finished"
    going = json.loads((folder / "going.json").read_text())
    files.write_json(folder / "going.json", going | {"started": time.time() + 5})
    assert _one(runs, "vectors")["state"] == "going"


def test_a_run_folder_alone_is_one_run(runs):
    assert [run["name"] for run in state(runs / "vectors")["runs"]] == ["."]


def test_a_run_that_goes_tells_how_far_it_is_and_how_long_it_will_take(runs):
    made.stopped(runs / "vectors", runs / "half", answered=3)
    found = _one(runs, "half")
    assert (found["state"], found["cells"], found["answered"], found["rows"]) == ("going", 6, 3, None)
    assert found["seconds"] >= 59
    assert found["left"] == pytest.approx(3.0, abs=0.2)  # the answers were a second apart


def test_a_run_that_writes_nothing_for_long_is_quiet(runs):
    made.stopped(runs / "vectors", runs / "half", answered=3)
    old = time.time() - 3600
    for path in (runs / "half").rglob("*"):
        os.utime(path, (old, old))
    assert _one(runs, "half")["state"] == "quiet"


def test_cells_of_a_run_that_extracts_are_not_known_yet(runs):
    made.stopped(runs / "vectors", runs / "half", answered=0)
    path = runs / "half" / "going.json"
    files.write_json(path, json.loads(path.read_text()) | {"cells": None, "features": None})
    found = _one(runs, "half")
    assert (found["state"], found["cells"], found["answered"]) == ("going", None, 0)


def test_failures_are_told(runs):
    path = runs / "vectors" / "run.json"
    files.write_json(path, json.loads(path.read_text()) | {"failures": ["model m1: no such file"]})
    found = _one(runs, "vectors")
    assert (found["state"], found["failures"]) == ("failed in part", ["model m1: no such file"])


@pytest.mark.parametrize("name", ["run.json", "going.json", "rows.parquet"])
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"failures": 3}', b"\xff\xfe\x00", b"PAR1" * 9])
def test_a_damaged_file_is_named_and_breaks_nothing(runs, name, content):
    (runs / "vectors" / name).write_bytes(content)
    found = state(runs)
    json.dumps(found, allow_nan=False)
    if content != b'{"failures": 3}' or name != "run.json":
        assert any(name in note for run in found["runs"] for note in run["notes"])


def test_a_run_of_which_nothing_can_be_read_is_not_finished(runs):
    for name in ("run.json", "going.json", "rows.parquet"):
        (runs / "vectors" / name).write_bytes(b"{")
    assert _one(runs, "vectors")["state"] == "unreadable"


def test_what_is_no_run_is_named(runs, tmp_path):
    (runs / "empty").mkdir()
    (runs / "note.txt").write_text("hello")
    (runs / "trip").mkdir()
    files.write_json(runs / "trip" / "verdict.json", {"outcome": "held", "words": "it is so"})
    (tmp_path / "elsewhere").mkdir()
    (runs / "away").symlink_to(tmp_path / "elsewhere")
    (runs / "nowhere").symlink_to(tmp_path / "gone")
    found = state(runs)
    assert {one["name"]: one["why"].split(":")[0].split(";")[0] for one in found["others"]} == {
        "empty": "no run", "trip": "an experiment, held", "away": "a link that leads out of the folder",
        "nowhere": "a link that leads nowhere"}
    assert [run["name"] for run in found["runs"]] == ["vectors"]


def test_runs_two_deep_are_found(runs):
    made.hostile(runs / "old" / "hostile")
    assert [run["name"] for run in state(runs)["runs"]] == ["old/hostile", "vectors"]


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(DataError, match=r"There is no folder .*nothing'. Runs lie in runs/NAME"):
        state(tmp_path / "nothing")


def test_what_a_run_says_of_itself_is_read_back(run):
    said = Going.read(run / "going.json")
    assert said.models == ("m0", "m1", made.HOSTILE)
    assert len(said.cells) == 6
    assert set(said.features) == set(said.models)
    assert said.data is None
