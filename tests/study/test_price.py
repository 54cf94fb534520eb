"""The price: measured on this machine, scaled as the work grows, and recorded beside what a run took."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from platometer.errors import PlatometerError
from platometer.metrics import _rings
from platometer.metrics.cka import Cka
from platometer.study import Results, Study, _meter, _price
from platometer.study._price import Ran, Trial

ZOO = """
name = "few"
[data]
source = "scenes:test"
n = 40
[align]
draws = 20
metrics = ["mutual_knn(k=5)"]
[[models]]
source = "zoo:conv-contrastive-1"
view = "image"
[[models]]
source = "zoo:gpt-1"
view = "text"
"""


def test_a_cell_costs_its_layer_pairs_and_their_draws() -> None:
    trial = Trial(layer=2.0, pair=0.25, draw=0.5, cell=0.125)
    assert trial.seconds(3, 4, 0) == 0.125 + 12 * 0.25
    assert trial.seconds(3, 4, 9) == 0.125 + 12 * (0.25 + 0.5 * 9)


@pytest.mark.parametrize("metric", ["mutual_knn(k=5)", "cka"])
def test_a_trial_measures_preparing_comparing_and_drawing(metric: str) -> None:
    trial = _price.tried(metric, 60, width=8, draws=20)
    assert min(trial.layer, trial.draw, trial.size) > 0
    assert _price.tried(metric, 60, width=8).draw == 0


@pytest.mark.parametrize(("restricted", "draws"), [(False, [150]), (True, [2, 50])])
def test_draws_are_tried_by_the_ring_unless_samples_are_restricted(
    restricted: bool, draws: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, bool]] = []
    null_grid = Cka.null_grid

    def watched(self: Cka, lefts: list, rights: list, moves: torch.Tensor) -> torch.Tensor:
        seen.append((len(moves), _rings.parts(moves.numpy(), least=2)[0][1] is not None))
        return null_grid(self, lefts, rights, moves)

    monkeypatch.setattr(Cka, "null_grid", watched)
    _price.tried("cka", 160, width=8, draws=150, restricted=restricted)
    assert [found for found in seen if found[0] != 127][-len(draws):] == [(count, not restricted) for count in draws]


def test_beyond_its_size_a_price_grows_as_it_grew_before(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def once(metric: str, m: int, *rest: object, layers: int = 4) -> Trial:
        seen.append(m)
        return Trial(layer=m**2 * 1e-6, pair=m * 1e-6, draw=1.0, cell=0.5, size=8.0 * m)

    monkeypatch.setattr(_price, "_once", once)
    found = _price.tried("cka", 4096)
    assert seen == [128, 512, 1024]
    assert (found.layer, found.pair, found.size) == tuple(pytest.approx(x) for x in (4096**2 * 1e-6, 4096e-6, 8.0 * 4096))
    assert found.draw == pytest.approx(4**0.8)  # no price grows slower
    assert found.cell == 0.5
    assert _price.tried("cka", 10**6).layer == pytest.approx(1e6)
    assert seen[3:] == [128, 4100, 6000]


def test_the_size_of_a_prepared_layer_is_told_from_few_samples() -> None:
    from platometer import alignment
    from platometer.study._cells import _size

    x = np.random.default_rng(0).normal(size=(9000, 16)).astype(np.float32)
    for metric, n in (("cka", 600), ("cka", 2000), ("cka", 9000), ("mutual_knn(k=10)", 2000)):
        real = _size(alignment.prepare(x[:n], metric).sides)
        assert 0.7 * real < _price.size(metric, n, width=16) < 1.5 * real


def test_a_metric_that_cannot_be_tried_says_why() -> None:
    with pytest.raises(PlatometerError, match="needs at least 51 samples; there are 40"):
        _price.tried("mutual_knn(k=50)", 40)


def test_a_model_that_was_not_tried_costs_as_its_parameters_say() -> None:
    known = [Ran(load=1.0, item=0.01, layers=12, width=64.0, row=3072.0, weights=4e6, parameters=1_000_000)]
    guess = _price.like(5e6, known, gpu=False)
    assert guess is not None
    assert (guess.item, guess.layers, guess.row, guess.tried) == (pytest.approx(0.05), 12, 3072.0, False)
    assert _price.like(None, known, gpu=False).item == 0.01  # type: ignore[union-attr]
    assert _price.like(5e6, [], gpu=False) is None
    on_gpu = _price.like(7e9, [], gpu=True)
    assert on_gpu is not None
    assert on_gpu.item == pytest.approx(2 * 7e9 * _price.TOKENS / _price.GPU_FLOPS)


def test_only_models_on_this_disk_are_tried(texts: Callable, tmp_path: Path) -> None:
    from platometer.study._shards import Order

    assert _price.here(Order("a", "zoo:gpt-1"), None)
    assert not _price.here(Order("a", "zoo:gpt-1"), 7e9)
    assert not _price.here(Order("a", "hf:no/such-model"), 1e6)
    assert not _price.here(Order("a", "python:mine.py:one"), 1e6)
    assert _price.here(Order("a", f"hf:{tmp_path}"), 1e6)
    assert not _price.here(Order("a", f"hf:{tmp_path}", {"trust_remote_code": True}), 1e6)


def test_a_run_records_what_it_took_beside_what_was_predicted(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(ZOO)
    study = Study.read(tmp_path / "study.toml")
    plans: list = []
    result = study.run(tmp_path / "out", progress=lambda *_: None, announce=plans.append)
    price = Results.read(tmp_path / "out").record["price"]
    assert set(price["actual"]) == {"seconds", "extraction", "comparison", "memory", "disk", "gpu_hours"}  # type: ignore[index]
    predicted = price["predicted"]  # type: ignore[index]
    assert predicted["tried"] == 2
    assert predicted["sides"] == predicted["prepared"] == 2
    assert 0 < predicted["disk"] < 50e6
    assert 50e6 < predicted["memory"] < 24e9
    assert plans[0].price.as_dict() == predicted
    assert "models" in plans[0].priced()[0]
    assert result.price == Results.read(tmp_path / "out").price
    assert result.price.startswith("took ")
    assert "; predicted " in result.price
    again = study.plan(tmp_path / "out")
    assert (again.price, again.priced()) == (None, ["nothing is left to do"])
    study.run(tmp_path / "out", progress=lambda *_: None)  # from Python nothing is predicted unless it is asked for
    assert "predicted" not in Results.read(tmp_path / "out").price


def test_one_model_of_each_source_is_tried_before_another_of_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    from platometer import datasets
    from platometer.study import _forecast
    from platometer.study._shards import Order

    tried: list[str] = []
    clock = iter([0.0, 1.0, 2.0, 9.0, 9.0])

    def ran(order: Order, paired: object) -> Ran:
        tried.append(order.name)
        item = 0.5 if order.source.endswith("gpt-1") else 0.001
        return Ran(load=1.0, item=item, layers=2, width=8.0, row=64.0, weights=1.0, parameters=1000)

    monkeypatch.setattr(_price, "ran", ran)
    monkeypatch.setattr(_forecast.time, "monotonic", lambda: next(clock))
    orders = {name: (Order(name, f"zoo:{source}"), None) for name, source in (("a", "gpt-1"), ("b", "gpt-1"), ("c", "bow-1"),
                                                                              ("d", "bow-1"))}
    ask = _forecast.Ask((), {}, orders, datasets.load("scenes:test", limit=8), 0, "draws", "max", "local", None, 1e9)
    found = _forecast._models(ask, 5.0, [])
    assert tried == ["a", "c"]
    assert {name: one.item for name, one in found.items()} == {"a": 0.5, "b": 0.5, "c": 0.001, "d": 0.001}
    assert [name for name, one in found.items() if one.tried] == ["a", "c"]


def test_code_of_ones_own_is_never_priced_like_another_model(monkeypatch: pytest.MonkeyPatch) -> None:
    from platometer import datasets
    from platometer.study import _forecast
    from platometer.study._shards import Order

    monkeypatch.setattr(_price, "ran", lambda order, paired: Ran(1.0, 0.1, 2, 8.0, 64.0, 1.0, 1000))
    orders = {"a": (Order("a", "zoo:gpt-1"), None), "mine": (Order("mine", "python:mine.py:one"), 1e3),
              "far": (Order("far", "hf:no/such-model"), 1e3)}
    paired = datasets.load("scenes:test", limit=8)
    ask = _forecast.Ask((), {}, orders, paired, 0, "draws", "max", "local", None, 1e9)
    assert set(_forecast._models(ask, 60.0, [])) == {"a", "far"}
    price, _, notes = _forecast.forecast(ask)
    assert price is not None
    assert "1 model is not priced, being code of one's own: mine" in notes
    alone = _forecast.Ask((), {}, {"mine": orders["mine"]}, paired, 0, "draws", "max", "local", None, 1e9)
    assert _forecast.forecast(alone) == (None, 0, ["1 model is not priced, being code of one's own: mine"])


def test_the_libraries_of_a_kind_of_source_are_not_in_the_price_of_each_model(monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace

    from platometer.study import _shards
    from platometer.study._shards import Order

    clock = [0.0]

    def opened(order: Order, paired: object) -> SimpleNamespace:
        clock[0] += 1.0 if clock[0] else 30.0
        return SimpleNamespace(name=order.name)

    monkeypatch.setattr(_price, "_LOADED", set())
    monkeypatch.setattr(_price, "_since", lambda began: clock[0] - began)
    monkeypatch.setattr(_price, "_now", lambda: clock[0])
    monkeypatch.setattr(_shards, "_Opened", opened)
    assert [_price._opened(Order(name, "hf:a"), None)[1] for name in "ab"] == [1.0, 1.0]  # type: ignore[arg-type]
    assert clock == [32.0]


def test_on_a_crowded_machine_a_price_is_of_processor_time(monkeypatch: pytest.MonkeyPatch, vectors: Callable, tmp_path: Path
                                                           ) -> None:
    import os

    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(_price, "_now", lambda: (10.0, 3.0))
    loads = {"quiet": 0.5, "crowded": 9.5 * (os.cpu_count() or 1)}
    for kind, took in (("quiet", 8.0), ("crowded", 2.0)):
        monkeypatch.setattr(os, "getloadavg", lambda kind=kind: (loads[kind], 0.0, 0.0))
        assert _price._since((2.0, 1.0)) == took
        assert _price._since((9.0, 1.0)) == 1.0  # several threads: the clock is less
    assert _price.crowd() == loads["crowded"]
    monkeypatch.undo()
    monkeypatch.setattr(os, "getloadavg", lambda: (loads["crowded"], 0.0, 0.0))
    plan = Study.read(vectors()).plan(tmp_path / "out")
    assert f" on this machine when it is quiet; its load is {loads['crowded']:.1f} now" in plan.priced()[0]
    monkeypatch.setattr(os, "getloadavg", lambda: (0.5, 0.0, 0.0))
    assert Study.read(vectors()).plan(tmp_path / "out").priced()[0].endswith(" on this machine")


def test_a_plan_says_what_cannot_work(vectors: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    path = vectors()
    np.savez(tmp_path / "c.npz", layer_0=np.ones((59, 3)))
    path.write_text(path.read_text() + '\n[compute]\ndevice = "cuda"\n')
    notes = Study.read(path).plan(tmp_path / "out").notes
    assert "c will fail: it has 59 rows, a 60; row i of both must be the same sample" in notes
    assert "pairs will fail: a graphics processor is asked for, and torch finds none on this machine" in notes
    (tmp_path / "a.npz").write_bytes(b"no archive")
    assert any(note.startswith("a will fail: ") for note in Study.read(path).plan(tmp_path / "out").notes)


def test_a_plan_reads_a_few_items_and_names_the_first_that_cannot_be_read(tmp_path: Path) -> None:
    from PIL import Image

    (tmp_path / "pictures").mkdir()
    for i in range(6):
        Image.fromarray(np.full((8, 8, 3), 40 * i, np.uint8)).save(tmp_path / "pictures" / f"{i}.png")
    whole = (tmp_path / "pictures" / "4.png").read_bytes()
    (tmp_path / "study.toml").write_text(
        'name = "p"\n[data]\nsource = "folder"\npath = "pictures"\nnear = false\n'
        'captions = "none"\n[align]\nmetrics = ["mutual_knn(k=2)"]\n'
        'pairs = "all"\n[[models]]\nsource = "zoo:conv-contrastive-1"\n[[models]]\nsource = "zoo:vit-supervised-1"\n')
    (tmp_path / "pictures" / "4.png").write_bytes(whole[:40])
    notes = Study.read(tmp_path / "study.toml").plan(tmp_path / "out").notes
    assert any("'4" in note and "cannot be read" in note and note.endswith("6 of 6 were looked at") for note in notes), notes


def test_times_and_sizes_are_told_in_words() -> None:
    assert [_meter.duration(s) for s in (0.2, 61, 600, 7200)] == ["1 s", "61 s", "10 min", "2.0 h"]
    assert [_meter.sized(s) for s in (512, 3e6, 2.5e9, 30e12)] == ["1 kB", "3.0 MB", "2.5 GB", "30.0 TB"]
    assert _meter.taken({}) == ""
    assert _meter.taken({"actual": {"seconds": 7200, "gpu_hours": 2.0}, "predicted": None}) == "took 2.0 h · GPU hours 2"
