"""Running a study: killed anywhere it goes on; nothing is lost to one failure; no number depends on how it was run."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from platometer import files, rows, stats, store
from platometer.capability import Capability
from platometer.errors import DiskError, InputError, StudyError, UnknownNameError
from platometer.study import Study, _capability, _cells, _file, _gallery

DRIVER = """
import os, signal, sys
from platometer.study import Study

def progress(what, done, total):
    if what == "pairs" and done == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    Study.read(sys.argv[1]).run(sys.argv[2], allow_code=True, workers=int(sys.argv[4]), progress=progress)
"""
needs_kill = pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")


def _quiet(*_: object) -> None:
    pass


def _run(path: Path, out: Path, **options: object):
    return Study.read(path).run(out, **({"allow_code": True, "progress": _quiet} | options))


def _drive(path: Path, out: Path, *, kill_at: int = -1, workers: int = 1) -> int:
    script = path.with_name("driver.py")
    script.write_text(DRIVER)
    done = subprocess.run([sys.executable, script, path, out, str(kill_at), str(workers)], capture_output=True, text=True)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode


def _marks(folder: Path) -> dict[str, tuple]:
    """Every answer and every shard, with what changes if it is written again."""
    found = [*folder.glob("cells/*.json"), *folder.glob("features/*/*.safetensors")]
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in found}


def _numbers(table: list[dict]) -> dict:
    """Rows by what they compare, whichever side stands left."""
    wanted = ("score", "null_mean", "null_sd", "z", "p", "p_bh", "p_holm", "tau", "calibrated", "key")
    return {(frozenset((row["left"], row["right"])), row["metric"], row["conditioning"]): {name: row[name] for name in wanted}
            for row in table}


# ---- killed and resumed


@needs_kill
def test_killed_while_a_model_runs_the_same_command_goes_on(texts: Callable, calls: Callable, tmp_path: Path) -> None:
    path = texts()
    whole = _run(path, tmp_path / "whole")
    calls()
    (tmp_path / "kill").write_text((tmp_path / "texts.txt").read_text().splitlines()[290])
    assert _drive(path, tmp_path / "out") == -signal.SIGKILL
    assert calls() == {"one": 256 + 40}
    (tmp_path / "kill").unlink()
    again = _run(path, tmp_path / "out")
    assert calls() == {"one": 300 - 256, "two": 300, "three-3": 300}
    assert again.table.read_bytes() == whole.table.read_bytes()
    assert not list((tmp_path / "out" / "features").glob("*.parts"))


@needs_kill
@pytest.mark.parametrize("workers", [1, 2])
def test_killed_while_pairs_are_aligned_nothing_answered_is_answered_again(
    texts: Callable, calls: Callable, tmp_path: Path, workers: int
) -> None:
    path = texts(n=60)
    _drive(path, tmp_path / "whole", workers=workers)
    assert _drive(path, tmp_path / "out", kill_at=3, workers=workers) == -signal.SIGKILL
    assert not (tmp_path / "out" / "rows.parquet").exists()
    before = _marks(tmp_path / "out")
    answered = sum(name.endswith(".json") for name in before)
    assert 3 <= answered < 6 or (workers > 1 and answered == 6)  # workers go on while the third answer is being counted
    calls()
    assert _drive(path, tmp_path / "out", workers=workers) == 0
    assert calls() == {}
    after = _marks(tmp_path / "out")
    assert {name: after[name] for name in before} == before
    assert (tmp_path / "out" / "rows.parquet").read_bytes() == (tmp_path / "whole" / "rows.parquet").read_bytes()


def test_a_finished_study_does_nothing_again(texts: Callable, calls: Callable, tmp_path: Path) -> None:
    path = texts(n=40)
    first = _run(path, tmp_path / "out")
    before, bytes_ = _marks(tmp_path / "out"), first.table.read_bytes()
    calls()
    again = _run(path, tmp_path / "out")
    assert calls() == {}
    assert _marks(tmp_path / "out") == before
    assert again.table.read_bytes() == bytes_


def test_fresh_does_everything_anew(texts: Callable, calls: Callable, tmp_path: Path) -> None:
    path = texts(n=40)
    first = _run(path, tmp_path / "out")
    before, bytes_ = _marks(tmp_path / "out"), first.table.read_bytes()
    calls()
    again = _run(path, tmp_path / "out", fresh=True)
    assert calls() == {"one": 40, "two": 40, "three-3": 40}
    after = _marks(tmp_path / "out")
    assert after.keys() == before.keys()
    assert not set(after.values()) & set(before.values())
    assert again.table.read_bytes() == bytes_


@pytest.mark.parametrize("damage", ["answer", "shard", "manifest", "request", "rows"])
def test_whatever_was_cut_short_is_made_anew(texts: Callable, calls: Callable, tmp_path: Path, damage: str) -> None:
    path = texts(n=40)
    whole = _run(path, tmp_path / "out").table.read_bytes()
    pattern = {"answer": "cells/*.json", "shard": "features/*/rows-*", "manifest": "features/*/manifest.json",
               "request": "requests/*.json", "rows": "rows.parquet"}[damage]
    file = sorted((tmp_path / "out").glob(pattern))[0]
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    calls()
    assert _run(path, tmp_path / "out").table.read_bytes() == whole
    assert sum(calls().values()) == (40 if damage in ("shard", "manifest") else 0)


def test_two_drivers_on_one_folder_give_one_result(texts: Callable, tmp_path: Path) -> None:
    path = texts()
    whole = _run(path, tmp_path / "whole").table.read_bytes()
    script = tmp_path / "driver.py"
    script.write_text(DRIVER)
    command = [sys.executable, script, path, tmp_path / "out", "-1", "1"]
    both = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate()[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert (tmp_path / "out" / "rows.parquet").read_bytes() == whole
    assert not list((tmp_path / "out").rglob("*.draft"))
    for folder in (tmp_path / "out" / "features").iterdir():
        assert store.verify(folder)


# ---- changed data, changed models


def test_changed_data_is_extracted_again(texts: Callable, calls: Callable, tmp_path: Path) -> None:
    path = texts(n=40)
    before = _run(path, tmp_path / "out").rows
    calls()
    lines = (tmp_path / "texts.txt").read_text().splitlines()
    (tmp_path / "texts.txt").write_text("\n".join(["another text 7777", *lines[1:]]))
    after = _run(path, tmp_path / "out").rows
    assert calls() == {"one": 40, "two": 40, "three-3": 40}
    assert before[0]["samples"] != after[0]["samples"]
    assert before[0]["score"] != after[0]["score"]


def test_a_changed_model_is_run_again_and_the_others_are_not(texts: Callable, calls: Callable, tmp_path: Path) -> None:
    path = texts(n=40)
    _run(path, tmp_path / "out")
    calls()
    mine = tmp_path / "mine.py"
    mine.write_text(mine.read_text().replace('return _model("two", 2)', 'return _model("two-again", 22)'))
    _run(path, tmp_path / "out")
    assert calls() == {"two-again": 40}


def test_a_changed_file_of_vectors_is_taken_anew(vectors: Callable, tmp_path: Path) -> None:
    path = vectors()
    before = _numbers(_run(path, tmp_path / "out").rows)
    np.savez(tmp_path / "b.npz", other=np.random.default_rng(9).normal(size=(60, 5)))
    after = _numbers(_run(path, tmp_path / "out").rows)
    assert {question for question in before if before[question] != after[question]} == {
        question for question in before if "b" in question[0]} | {question for question in before if _corrected_too(
            before[question], after[question])}


def _corrected_too(a: dict, b: dict) -> bool:
    """Whether only the corrections across pairs differ."""
    return a["key"] == b["key"] and a != b


def test_fresh_makes_galleries_anew_too(vectors: Callable, tmp_path: Path) -> None:
    path = vectors(more="[gallery]\nqueries = 20\nsizes = [20, 60]\nk = [3]\nshare = []")
    before = _run(path, tmp_path / "out").galleries
    for file in (tmp_path / "out" / "galleries").iterdir():
        files.write_json(file, [one | {"score": 9.0} for one in files.read_json(file)])
    assert {one["score"] for one in _run(path, tmp_path / "out").galleries} == {9.0}
    assert _run(path, tmp_path / "out", fresh=True).galleries == before


def test_galleries_of_another_version_are_made_anew(vectors: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = vectors(more="[gallery]\nqueries = 20\nsizes = [20, 60]\nk = [3]\nshare = []")
    before = _run(path, tmp_path / "out").galleries
    for file in (tmp_path / "out" / "galleries").iterdir():
        files.write_json(file, [one | {"score": 9.0} for one in files.read_json(file)])
    monkeypatch.setattr(_gallery, "__version__", "another")
    assert _run(path, tmp_path / "out").galleries == before


def test_capabilities_of_another_version_are_measured_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    probed: list[str] = []

    def probe(source: str, data: str, **options: object) -> Capability:
        probed.append(source)
        return Capability(source, data, 0.5)

    monkeypatch.setattr(_capability.capability, "probe", probe)
    asked, model = _file.CapabilityTable(probes=["labelled.npz"]), _file.ModelTable(source="timm:x")
    for version in ("one", "one", "another"):
        monkeypatch.setattr(_capability, "__version__", version)
        found = _capability.measured(tmp_path, asked, [(model, "timm:x", "image")], base=tmp_path, device="", seed=0,
                                     stamp=lambda source: [], show=lambda what, done, total: None, failures=[])
        assert [one.value for one in found] == [0.5]
    assert probed == ["timm:x", "timm:x"]


def test_another_name_for_a_model_runs_nothing(texts: Callable, calls: Callable, tmp_path: Path) -> None:
    path = texts(n=40)
    before = _run(path, tmp_path / "out").rows
    calls()
    path.write_text(path.read_text().replace('"python:mine.py:two"', '"python:mine.py:two"\nname = "zwei"'))
    after = _run(path, tmp_path / "out").rows
    assert calls() == {}
    assert {row["left"] for row in after} | {row["right"] for row in after} == {"one", "zwei", "three"}
    assert [row["score"] for row in after] == [row["score"] for row in before]


# ---- no number depends on how it was run


def test_rows_do_not_depend_on_the_number_of_workers(vectors: Callable, tmp_path: Path) -> None:
    path = vectors(align='conditioning = ["unit", "none"]')
    path.write_text(path.read_text().replace('"cka"', '"cka", "cca", "linear_predictivity"'))
    one, *others = (_run(path, tmp_path / str(workers), workers=workers).table.read_bytes() for workers in (1, 2, 4))
    assert others == [one, one]


def test_where_a_study_and_its_models_lie_changes_no_number(tmp_path: Path) -> None:
    found = []
    for place in ("here", "there", "elsewhere"):  # under one of them, another side would come first by chance
        home = tmp_path / place
        home.mkdir()
        (home / "texts.txt").write_text("".join(f"{i}\n" for i in range(30)))
        (home / "plain.py").write_text("import math\n\n" + "\n".join(
            f"def {name}():\n    return lambda texts: [[math.cos(int(t) * k) for k in ({k + 1}, 5, 7)] for t in texts]\n"
            for k, name in enumerate("ab")))
        path = home / "study.toml"
        path.write_text('name = "moved"\n[data]\nsource = "text"\npath = "texts.txt"\n[align]\ndraws = 20\n'
                        'metrics = ["mutual_knn(k=5)"]\n' + "".join(
                            f'[[models]]\nsource = "python:plain.py:{name}"\nmodality = "text"\n' for name in "ab"))
        table = _run(path, home / "out").rows
        assert table[0]["left_source"] == f"python:{home / 'plain.py'}:a"
        found.append(_numbers(table))
    assert found[0] == found[1] == found[2]


def test_the_order_of_models_changes_no_number(vectors: Callable, tmp_path: Path) -> None:
    metrics = 'metrics = ["mutual_knn(k=5)", "cycle_knn(k=5)", "cka"]\n'
    orders = ('"file:a.npz", "file:b.npz", "file:c.npz"', '"file:c.npz", "file:b.npz", "file:a.npz"')
    for summary in ("max", "rowmax"):
        found = []
        for i, models in enumerate(orders):
            path = vectors(models=models)
            asked = metrics + f'summary = "{summary}"'
            path.write_text(path.read_text().replace('metrics = ["mutual_knn(k=5)", "cka"]', asked))
            found.append(_run(path, tmp_path / summary / str(i)).rows)
        one, two = ({(r["left"], r["right"], r["metric"]): r for r in table} for table in found)
        assert (found[1][0]["left"], found[1][0]["right"]) == ("c", "b")
        for (left, right, metric), row in one.items():
            other = two.get((left, right, metric)) or two[right, left, metric]
            assert {k: other[k] for k in ("score", "p", "tau", "null_mean", "key", "p_bh")} == {
                k: row[k] for k in ("score", "p", "tau", "null_mean", "key", "p_bh")}
            flipped = other["left"] != left
            assert (other["right_layer"] if flipped else other["left_layer"]) == row["left_layer"]
            assert (other["right_features"] if flipped else other["left_features"]) == row["left_features"]
        if summary == "rowmax":
            assert len(one) == len(two) == 18  # every metric has sides


def test_a_metric_that_is_not_symmetric_is_answered_in_both_directions(vectors: Callable, tmp_path: Path) -> None:
    path = vectors()
    path.write_text(path.read_text().replace('"cka"', '"cycle_knn(k=5)"'))
    planned = Study.read(path).plan(tmp_path / "out")
    result = _run(path, tmp_path / "out")
    pairs = [(row["left"], row["right"]) for row in result.rows if row["metric"].startswith("cycle")]
    assert pairs == [("a", "b"), ("b", "a"), ("a", "c"), ("c", "a"), ("b", "c"), ("c", "b")]
    assert (planned.pairs, planned.cells, planned.answered) == (3, 9, 0)
    assert Study.read(path).plan(tmp_path / "out").answered == 9 == len(result.rows)


def test_the_page_shows_every_grid_as_its_row_stands(
    vectors: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from platometer import report

    seen: dict = {}
    write = report.write
    monkeypatch.setattr(report, "write", lambda path, content: (seen.update(content), write(path, content))[1])
    for models in ('"file:a.npz", "file:b.npz"', '"file:b.npz", "file:a.npz"'):
        _run(vectors(models=models), tmp_path / "out")
        for i, row in enumerate(seen["rows"]):
            grid = seen["grids"][str(i)]
            at = grid["left_layers"].index(row["left_layer"]), grid["right_layers"].index(row["right_layer"])
            assert grid["scores"][at[0]][at[1]] == row["score"]


def test_equal_vectors_under_two_names_keep_their_names(vectors: Callable, tmp_path: Path) -> None:
    path = vectors(models='"file:a.npz", "file:twin.npz", "file:c.npz"')
    shutil.copy(tmp_path / "a.npz", tmp_path / "twin.npz")
    found = _run(path, tmp_path / "out").rows
    assert [(row["left"], row["right"]) for row in found[:3]] == [("a", "twin"), ("a", "c"), ("twin", "c")]
    assert found[0]["score"] == 1.0
    assert found[1]["score"] == found[2]["score"]


# ---- one failure does not lose the others


def test_one_failing_model_does_not_lose_the_others(texts: Callable, tmp_path: Path) -> None:
    path = texts(n=40)
    (tmp_path / "spoil").write_text("two")
    kept = _run(path, tmp_path / "out", failures="keep")
    assert [(row["left"], row["right"]) for row in kept.rows] == [("one", "three")] * 2
    assert len(kept.failures) == 1
    assert "model two: two failed on a batch of 20: KeyError: 'spoilt'" in kept.failures[0]
    with pytest.raises(StudyError, match=r"1 part of the study failed; the rest is in .*out\.\n  model two: .*spoilt"):
        _run(path, tmp_path / "out")
    assert rows.read(kept.table) == kept.rows
    assert files.read_json(tmp_path / "out" / "run.json")["failures"] == list(kept.failures)
    (tmp_path / "spoil").unlink()
    assert len(_run(path, tmp_path / "out").rows) == 6


def test_a_study_of_which_everything_fails_still_writes_its_page(texts: Callable, tmp_path: Path) -> None:
    path = texts(n=40)
    (tmp_path / "mine.py").write_text("raise ImportError('no')")
    kept = _run(path, tmp_path / "out", failures="keep")
    assert kept.rows == rows.read(kept.table) == []
    assert len(kept.failures) == 3
    assert "ImportError" in kept.page.read_text()


def test_one_failing_pair_does_not_lose_the_others(vectors: Callable, tmp_path: Path) -> None:
    path = vectors()
    np.savez(tmp_path / "b.npz", flat=np.ones((60, 3)))
    kept = _run(path, tmp_path / "out", failures="keep")
    asked = {(a, b, metric) for a, b in ("ab", "ac", "bc") for metric in ("mutual_knn", "cka")}
    found = {(row["left"], row["right"], row["metric"].partition("(")[0]) for row in kept.rows}
    assert asked - found == {(a, b, metric) for a, b in ("ab", "bc") for metric in ("mutual_knn", "cka")}
    assert [why.partition(": ")[0] for why in kept.failures] == [
        f"{pair}, {metric}, unit" for metric in ("mutual_knn(k=5)", "cka(kernel=linear, estimator=biased)")
        for pair in ("a ~ b", "b ~ c")]
    assert all("b, layer flat: No sample has a certain nearest" in why for why in kept.failures[:2])
    assert all("b, layer flat: All samples have the same features" in why for why in kept.failures[2:])


def test_an_error_that_nobody_foresaw_is_told_with_its_kind(
    vectors: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = _cells.Desk.answer

    def odd(self: object, cell: _cells.Cell) -> dict:
        if cell.metric.startswith("cka"):
            raise IndexError("odd")
        return answer(self, cell)

    monkeypatch.setattr(_cells.Desk, "answer", odd)
    kept = _run(vectors(), tmp_path / "out", failures="keep")
    assert len(kept.rows) == len(kept.failures) == 3
    assert kept.failures[0].endswith("IndexError: odd")


def test_a_failed_model_does_not_change_which_pairs_are_asked_for(tmp_path: Path, vectors: Callable) -> None:
    path = vectors()
    path.write_text('name = "x"\n[align]\ndraws = 5\nmetrics = ["cka"]\n' + "".join(
        f'[[models]]\nsource = "file:{name}"\nview = "{view}"\n' for name, view in
        (("a.npz", "image"), ("b.npz", "image"), ("none.npz", "text"))))
    planned = Study.read(path).plan(tmp_path / "out")
    assert (planned.pairs, planned.to_extract) == (2, ("none",))
    assert "none will fail: " in planned.notes[0]
    kept = _run(path, tmp_path / "out", failures="keep")
    assert kept.rows == []  # pictures are not suddenly compared with each other
    assert "none.npz" in kept.failures[0]


def test_a_full_disk_stops_at_once_and_the_same_command_goes_on(
    vectors: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = vectors()
    whole = _run(path, tmp_path / "whole").table.read_bytes()
    flush, count = os.fsync, []

    def fsync(handle: int) -> None:
        count.append(handle)
        if len(count) > 20:  # what is to be done, twice; 3 x (shard, manifest); and 2 answers, each with its folder
            raise OSError(28, "No space left on device")
        flush(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(DiskError, match=r"The disk is full: .*cells.* Free some space and run again"):
        _run(path, tmp_path / "out")
    assert len(list((tmp_path / "out" / "cells").iterdir())) == 2
    monkeypatch.setattr(os, "fsync", flush)
    assert _run(path, tmp_path / "out").table.read_bytes() == whole


# ---- wrong rows are named


def test_vectors_of_other_samples_are_named(vectors: Callable, tmp_path: Path) -> None:
    path = vectors()
    np.save(tmp_path / "short.npy", np.ones((59, 2)))
    path.write_text(path.read_text().replace("file:b.npz", "file:short.npy"))
    kept = _run(path, tmp_path / "out", failures="keep")
    assert kept.failures == ("model short: short has 59 rows, a 60; row i of both must be the same sample.",)


def test_vectors_whose_ids_stand_in_another_order_are_named_by_row(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name, ids in (("a", "uvwxyz"), ("b", "uvxwyz"), ("c", "uvwxyq")):
        lines = [f"{i},{rng.normal()},{rng.normal()}" for i in ids]
        (tmp_path / f"{name}.csv").write_text("id,p,q\n" + "\n".join(lines) + "\n")
    path = tmp_path / "s.toml"
    path.write_text('name = "x"\nmodels = ["file:a.csv", "file:b.csv", "file:c.csv"]\n[align]\nmetrics = ["cka"]\ndraws = 5\n')
    kept = _run(path, tmp_path / "out", failures="keep")
    assert kept.failures == (
        "model b: b and a differ in row 2: 'x' and 'w'. The ids are the same in another order: sort one of them.",
        "model c: c and a differ in row 5: 'q' and 'z'. Do the ids name the same thing?")


def test_a_number_that_is_none_is_named_by_file_and_row(vectors: Callable, tmp_path: Path) -> None:
    path = vectors()
    bad = np.ones((60, 2))
    bad[41, 1] = np.nan
    np.savez(tmp_path / "b.npz", deep=bad)
    kept = _run(path, tmp_path / "out", failures="keep")
    assert kept.failures
    assert all("row 41" in why and "b" in why for why in kept.failures)


# ---- what a study may ask for


def test_groups_of_a_view_or_a_file_restrict_chance(vectors: Callable, texts: Callable, tmp_path: Path) -> None:
    path = vectors(align='within = "groups.txt"')
    (tmp_path / "groups.txt").write_text("".join(f"{i % 3}\n" for i in range(60)))
    found = _run(path, tmp_path / "out").rows
    assert {row["null"] for row in found} == {"permutation within groups"}
    (tmp_path / "groups.txt").write_text("a\nb\n")
    with pytest.raises(StudyError, match=r"align\.within: .*groups\.txt has 2 lines for 60 samples"):
        Study.read(path).plan(tmp_path / "out")
    path = texts(align='within = "text"', n=40)
    lines = (tmp_path / "texts.txt").read_text().splitlines()
    (tmp_path / "texts.txt").write_text("\n".join(lines[:20] * 2))
    assert {row["null"] for row in _run(path, tmp_path / "words").rows} == {"permutation within groups"}
    path = texts(align='within = "txet"', n=40)
    with pytest.raises(StudyError, match=r"align\.within: 'txet' is no file and none of the views text"):
        Study.read(path).plan(tmp_path / "out")


def test_no_pairs_is_an_error_and_not_an_empty_table(vectors: Callable, tmp_path: Path) -> None:
    path = vectors(align='pairs = "cross"')
    with pytest.raises(StudyError, match="there are no pairs of models to compare with pairs = 'cross'"):
        _run(path, tmp_path / "out")
    with pytest.raises(StudyError, match="there are no pairs"):
        Study.read(path).plan(tmp_path / "out")


def test_a_view_that_is_not_there_is_told_before_anything_runs(texts: Callable, calls: Callable, tmp_path: Path) -> None:
    path = texts(n=40)
    path.write_text(path.read_text().replace("mine.py:two\"", 'mine.py:two"\nview = "image"'))
    with pytest.raises(StudyError, match=r"models\.1\.view: .* has no view 'image'; its views are text"):
        _run(path, tmp_path / "out")
    assert calls() == {}


def test_code_runs_only_if_it_is_allowed(texts: Callable, calls: Callable, tmp_path: Path) -> None:
    path = texts(n=40)
    told = "one will fail unless its code is allowed: --allow-code, or allow_code=True in Python"
    assert told in Study.read(path).plan(tmp_path / "out").notes
    assert told not in Study.read(path).plan(tmp_path / "out", allow_code=True).notes
    assert not calls()
    kept = _run(path, tmp_path / "out", allow_code=False, failures="keep")
    assert len(kept.failures) == 3
    assert "--allow-code" in kept.failures[0]
    assert calls() == {}


def test_a_finished_table_is_not_shortened_for_want_of_leave(texts: Callable, calls: Callable, tmp_path: Path) -> None:
    path = texts(n=40)
    done = _run(path, tmp_path / "out")
    before = {one: one.read_bytes() for one in (tmp_path / "out").rglob("*") if one.is_file()}
    calls()
    with pytest.raises(StudyError, match=r"holds rows that need code \(4 of one, 4 of two, 4 of three\).*--allow-code"):
        _run(path, tmp_path / "out", allow_code=False, failures="keep")
    assert {one: one.read_bytes() for one in (tmp_path / "out").rglob("*") if one.is_file()} == before
    assert calls() == {}
    assert _run(path, tmp_path / "out").rows == done.rows


def test_a_finished_table_stands_if_a_model_fails_later(vectors: Callable, tmp_path: Path) -> None:
    path = vectors()
    done = _run(path, tmp_path / "out")
    before = {name: (tmp_path / "out" / name).read_bytes() for name in ("rows.parquet", "report.html", "run.json")}
    (tmp_path / "b.npz").rename(tmp_path / "away.npz")
    path.write_text(path.read_text().replace('"cka"', '"cka", "cka(kernel=rbf)"'))
    kept = _run(path, tmp_path / "out", failures="keep")
    assert kept.rows == rows.read(kept.table) == done.rows
    assert "b.npz" in kept.failures[0]
    assert "stand as an earlier run left them: of 6 rows, 4 of b would be lost" in kept.told()
    with pytest.raises(StudyError, match=r"4 of b would be lost\. What was answered now is kept"):
        _run(path, tmp_path / "out")
    assert {name: (tmp_path / "out" / name).read_bytes() for name in before} == before
    (tmp_path / "away.npz").rename(tmp_path / "b.npz")
    assert len(_run(path, tmp_path / "out").rows) == 9


def test_code_that_comes_with_a_model_runs_only_if_it_is_allowed(texts: Callable, tmp_path: Path) -> None:
    path = texts(n=40)
    table = '\n[[models]]\nsource = "hf:nobody/nothing"\nview = "text"\ntrust_remote_code = true\nlocal_files_only = true\n'
    path.write_text(path.read_text() + table)
    assert any("nothing will fail: trust_rem" in note for note in Study.read(path).plan(tmp_path / "out").notes)
    assert not any("--allow-code" in note for note in Study.read(path).plan(tmp_path / "out", allow_code=True).notes)
    kept = _run(path, tmp_path / "out", failures="keep", allow_code=False)
    assert any("nothing: trust_remote_code runs code" in why for why in kept.failures)


def test_a_metric_that_cannot_be_tried_does_not_stop_the_plan(vectors: Callable, tmp_path: Path) -> None:
    path = vectors(n=5)
    told = []
    kept = _run(path, tmp_path / "out", failures="keep", announce=told.append)
    assert told[0].notes == ("mutual_knn(k=5) will fail: mutual_knn(k=5) needs at least 6 samples; there are 5.",)
    assert {row["metric"] for row in kept.rows} == {"cka(kernel=linear, estimator=biased)"}


def test_a_closed_form_is_priced_without_draws(vectors: Callable, tmp_path: Path) -> None:
    planned = Study.read(vectors('null = "closed-form"')).plan(tmp_path / "out")
    assert planned.comparisons == 6 * 2 * 2


def test_options_of_a_run_are_checked_before_anything_runs(vectors: Callable, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"There is no engine 'locl'\. Did you mean 'local'"):
        _run(vectors(), tmp_path / "out", engine="locl")
    with pytest.raises(InputError, match="failures = 'ignore'; expected 'error' or 'keep'"):
        _run(vectors(), tmp_path / "out", failures="ignore")
    assert not (tmp_path / "out").exists()


# ---- the plan and the table


def test_a_plan_writes_nothing_and_says_what_is_left(texts: Callable, calls: Callable, tmp_path: Path) -> None:
    path = texts(n=40)
    before = sorted(tmp_path.rglob("*"))
    planned = Study.read(path).plan(tmp_path / "out", allow_code=True)
    assert sorted(tmp_path.rglob("*")) == before
    assert calls() == {}
    assert (planned.n, planned.pairs, planned.cells, planned.answered, planned.seconds) == (40, 3, 6, 0, None)
    assert (planned.to_extract, planned.at_most) == (("one", "two", "three"), False)
    told = []
    _run(path, tmp_path / "out", announce=told.append)
    assert told == [planned]
    done = Study.read(path).plan(tmp_path / "out")
    assert (done.extracted, done.answered, done.seconds) == (("one", "two", "three"), 6, None)
    next((tmp_path / "out" / "cells").iterdir()).unlink()
    left = Study.read(path).plan(tmp_path / "out")
    assert (left.answered, left.comparisons) == (5, 2 * 2 * 41)
    assert left.seconds >= 0  # in hundredths: one small cell may cost none


def test_pairs_are_at_most_so_many_while_modalities_are_unknown(texts: Callable, tmp_path: Path) -> None:
    path = texts(n=40)
    np.savez(tmp_path / "v.npz", layer=np.random.default_rng(0).normal(size=(40, 3)))
    path.write_text(path.read_text() + '[[models]]\nsource = "file:v.npz"\n')
    assert Study.read(path).plan(tmp_path / "out").pairs == 3  # texts with vectors, and not texts with texts
    assert [(row["left"], row["right"]) for row in _run(path, tmp_path / "out").rows[:3]] == [
        ("one", "v"), ("two", "v"), ("three", "v")]


def test_p_values_are_corrected_over_the_pairs_of_a_metric_and_conditioning(vectors: Callable, tmp_path: Path) -> None:
    found = _run(vectors(align='conditioning = ["unit", "none"]'), tmp_path / "out").rows
    assert len(found) == 12
    groups = {(row["metric"], row["conditioning"]) for row in found}
    assert len(groups) == 4
    for metric, conditioning in groups:
        group = [row for row in found if (row["metric"], row["conditioning"]) == (metric, conditioning)]
        ps = [row["p"] for row in group]
        assert [row["p_bh"] for row in group] == stats.benjamini_hochberg(ps).tolist()
        assert [row["p_holm"] for row in group] == stats.holm(ps).tolist()


def test_without_draws_there_is_neither_p_nor_null(vectors: Callable, tmp_path: Path) -> None:
    path = vectors()
    path.write_text(path.read_text().replace("draws = 50", "draws = 0"))
    for row in _run(path, tmp_path / "out").rows:
        assert row["draws"] == 0
        assert [row[name] for name in ("p", "p_bh", "p_holm", "null", "tau", "calibrated", "z", "null_mean")] == [None] * 8


def test_a_row_can_be_traced(texts: Callable, tmp_path: Path) -> None:
    path = texts(n=40)
    result = _run(path, tmp_path / "out")
    row = result.rows[0]
    assert (row["study"], row["data"], row["n"], row["seed"], row["draws"], row["conditioning"]) == (
        "texts", "texts", 40, 3, 40, "unit")
    assert row["left_source"]
    assert json.loads(row["left_details"])["modality"] == "text"
    features = store.open(result.folder / "features", row["left_features"])
    assert (features.n, features.model.source) == (40, row["left_source"])
    assert row["versions"]["platometer"]
    assert row["samples"]
    assert (result.folder / "cells" / f"{row['key']}.json").exists()
    assert (result.folder / "study.toml").read_text() == path.read_text()
    assert json.loads((result.folder / "run.json").read_text())["finished"] is True
    assert not any(key.startswith("time") or key.startswith("date") for key in row)


def test_progress_is_told_from_the_first_model_to_the_last_pair(texts: Callable, tmp_path: Path) -> None:
    told: list[tuple] = []
    _run(texts(n=40), tmp_path / "out", progress=lambda *said: told.append(said))
    assert told[0] == ("models", 0, 3)
    assert ("run one", 20, 40) in told
    assert ("run one", 40, 40) in told
    assert ("models", 3, 3) in told
    assert told[-1] == ("pairs", 6, 6)


def test_a_dictionary_is_as_good_as_a_file(vectors: Callable, tmp_path: Path) -> None:
    path = vectors()
    values = {"name": "toy", "models": ["file:a.npz", "file:b.npz", "file:c.npz"],
              "align": {"draws": 50, "metrics": ["mutual_knn(k=5)", "cka"]}}
    one = _run(path, tmp_path / "file")
    two = Study.of(values, base=tmp_path).run(tmp_path / "values", progress=_quiet)
    assert one.table.read_bytes() == two.table.read_bytes()
