"""Models run shard by shard, as workers of a cluster do it, here in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from platometer import datasets, engines, store
from platometer.engines import Needs
from platometer.errors import DiskError
from platometer.samples import Paired
from platometer.study import Study, _run, _shards


def _here(work: Callable, tasks: list, needs: Needs) -> Iterable:
    return engines.run("local", work, tasks, needs=needs)


@pytest.fixture
def orders(texts: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[list[_shards.Order], Paired]:
    """Three models and 600 texts, in shards of 256."""
    study = Study.read(texts(n=600))
    monkeypatch.setattr(store, "ROWS", 256)
    made = [_run._order(study, table, allow_code=True) for table in study.models()]
    return made, datasets.load("text", path=str(tmp_path / "texts.txt"))


def _extracted(orders: list[_shards.Order], paired: Paired, folder: Path, **options: object) -> dict:
    told: list[tuple] = []
    found = _shards.extracted(orders, paired, folder, **({  # type: ignore[arg-type]
        "run": _here, "fresh": False, "show": lambda *words: told.append(words)} | options))
    return found | {"told": told}


def test_features_are_those_of_one_process_whoever_made_which_shard(
    orders: tuple[list[_shards.Order], Paired], calls: Callable, tmp_path: Path
) -> None:
    asked, paired = orders
    whole = Study.read(tmp_path / "study.toml").run(tmp_path / "whole", allow_code=True, progress=lambda *_: None)
    calls()
    found = _extracted(asked, paired, tmp_path / "out", run=lambda *asked: reversed(list(_here(*asked))))
    assert calls() == {"one": 600, "two": 600, "three-3": 600}
    for order in asked:
        features, samples = found[order.name]
        assert store.verify(tmp_path / "out" / "features" / features.key) == 3
        other = store.open(tmp_path / "whole" / "features" / features.key)
        assert all(features[layer].equal(other[layer]) for layer in other.names)
        assert (features.details, features.ids, len(samples)) == (other.details, other.ids, 600)
    assert [words for words in found["told"] if words[0] == "run one"] == [("run one", rows, 600) for rows in (256, 512, 600)]
    assert found["told"][-1] == ("models", 3, 3)
    assert len(whole.rows) == 6


def test_a_shard_is_made_once_and_fresh_makes_all_anew(
    orders: tuple[list[_shards.Order], Paired], calls: Callable, tmp_path: Path
) -> None:
    asked, paired = orders
    _extracted(asked[:1], paired, tmp_path, run=lambda work, tasks, needs: _here(work, tasks[:2], needs))  # and is killed
    assert calls() == {"one": 512}
    _extracted(asked[:1], paired, tmp_path)
    assert calls() == {"one": 88}
    _extracted(asked[:1], paired, tmp_path)
    assert calls() == {}
    _extracted(asked[:1], paired, tmp_path, fresh=True)
    assert calls() == {"one": 600}


def test_a_failing_model_is_told_once_and_the_others_go_on(
    orders: tuple[list[_shards.Order], Paired], tmp_path: Path
) -> None:
    asked, paired = orders
    (tmp_path / "spoil").write_text("two")
    found = _extracted(asked, paired, tmp_path / "out")
    assert "two failed on a batch of 20: KeyError: 'spoilt'" in str(found["two"])
    assert isinstance(found["one"], tuple)
    assert isinstance(found["three"], tuple)


def test_a_full_disk_stops_all(orders: tuple[list[_shards.Order], Paired], tmp_path: Path) -> None:
    asked, paired = orders
    with pytest.raises(DiskError, match="full"):
        _extracted(asked, paired, tmp_path / "out", run=lambda *_: iter([(0, DiskError("full"))]))


def test_shards_on_another_disk_are_missed(orders: tuple[list[_shards.Order], Paired], tmp_path: Path) -> None:
    asked, paired = orders

    def lost(work: Callable, tasks: list, needs: Needs) -> Iterable:
        for found in _here(work, tasks, needs):
            for shard in (tmp_path / "out").rglob("rows-000000000-*.safetensors"):
                shard.unlink()
            yield found

    found = _extracted(asked[:1], paired, tmp_path / "out", run=lost)
    assert "is not there, or not whole, though it was made. Does every machine see the same folder?" in str(found["one"])
    runner = _shards._Runner(paired, tmp_path / "nowhere")
    assert "does not see the run folder" in str(dict(_here(runner, [_shards._Task(asked[0], 0, 256)], Needs()))[0])


def test_what_a_worker_asks_for_is_the_models_or_the_studys(texts: Callable) -> None:
    path = texts()
    path.write_text(path.read_text().replace('mine.py:two"', 'mine.py:two"\ngpus = 4\nmemory = 100')
                    + "\n[compute]\nmemory = 8\n")
    study = Study.read(path)
    found = [_run._order(study, table, allow_code=True).needs for table in study.models()]
    assert found == [Needs(gpus=None, memory=8 * 10**9), Needs(gpus=4, memory=100 * 10**9), Needs(gpus=None, memory=8 * 10**9)]


def test_several_workers_of_this_machine_run_models_beside_each_other_with_the_same_rows(
    texts: Callable, calls: Callable, tmp_path: Path
) -> None:
    study = Study.read(texts(n=300))
    options: dict = {"allow_code": True, "progress": lambda *_: None}
    whole = study.run(tmp_path / "whole", **options).table.read_bytes()
    calls()
    (tmp_path / "kill").write_text((tmp_path / "texts.txt").read_text().splitlines()[270])  # who reads this dies, once
    mine = tmp_path / "mine.py"
    mine.write_text(mine.read_text().replace("os.kill(", '(HERE / "kill").unlink(); os.kill('))
    assert study.run(tmp_path / "out", workers=2, **options).table.read_bytes() == whole
    assert not (tmp_path / "kill").exists()
    assert sum(calls().values()) <= 900 + 3 * 44  # at most the last part, once more, of whoever was at it
    assert not list((tmp_path / "out" / "features").glob("*.parts"))


def test_what_workers_are_told_is_small_and_they_read_the_data_themselves(texts: Callable) -> None:
    import pickle
    from functools import partial

    study = Study.read(texts(n=300))
    sent = pickle.dumps(_shards._Runner(partial(_run._data_of, study), Path("out")))
    assert len(sent) < 5000
    runner = pickle.loads(sent)
    assert len(runner._data()) == 300


def test_cells_that_go_to_a_worker_together_are_answered_one_by_one(tmp_path: Path) -> None:
    import numpy as np

    rng = np.random.default_rng(0)
    z = rng.normal(size=(30, 3))
    names = "abcdefghi"
    for name in names:
        np.savez(tmp_path / f"{name}.npz", layer=z @ rng.normal(size=(3, 5)) + rng.normal(size=(30, 5)))
    listed = ", ".join(f'"file:{name}.npz"' for name in names)
    (tmp_path / "study.toml").write_text(f'name = "nine"\nmodels = [{listed}]\n[align]\ndraws = 20\nmetrics = ["cka"]\n')
    study = Study.read(tmp_path / "study.toml")
    seen: list[int] = []
    options: dict = {"progress": lambda what, done, total: seen.append(done) if what == "pairs" else None}
    one = study.run(tmp_path / "one", **options)
    assert seen == list(range(37))
    seen.clear()
    two = study.run(tmp_path / "two", workers=2, **options)
    assert (seen, len(two.rows)) == (list(range(0, 37, 2)), 36)
    assert two.table.read_bytes() == one.table.read_bytes()
