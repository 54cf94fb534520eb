"""Runs and features in an object store: whole or not at all, read by their bytes, the same rows as on a disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import fsspec
import numpy as np
import pytest
import torch

from platometer import blocks, capability, extraction, files, knn, models, store
from platometer.errors import DiskError, InputError, StoreError
from platometer.features import Features
from platometer.streaming import streaming_cka
from platometer.study import Results, Study

STUDY = """
name = "toy"
models = ["file:a.npz", "file:b.npz", "file:c.npz"]
[align]
draws = 20
metrics = ["mutual_knn(k=5)"]
"""


@pytest.fixture
def bucket() -> Iterator[str]:
    """An empty store in memory."""
    yield "memory://bucket"
    memory = fsspec.filesystem("memory")
    if memory.exists("/bucket"):
        memory.rm("/bucket", recursive=True)


def _toy(n: int = 50, seed: int = 0) -> Features:
    x = torch.randn(n, 6, generator=torch.Generator().manual_seed(seed))
    return Features.of({"a": x.half(), "b": x[:, :3].bfloat16(), "c": x.double()}, name="toy")


def test_features_come_back_from_an_object_store_bit_by_bit(bucket: str) -> None:
    kept = store.write(bucket, "key", _toy(), rows=16)
    for layer in ("a", "b", "c"):
        assert (kept[layer].dtype, kept[layer].equal(_toy()[layer])) == (_toy()[layer].dtype, True)
    assert store.has(bucket, "key")
    assert not store.has(bucket, "other")
    assert store.verify(f"{bucket}/key") == 4
    store.remove(bucket, "key")
    assert not store.has(bucket, "key")
    with pytest.raises(StoreError, match=r"memory://bucket/key was interrupted|memory://bucket/key is not there"):
        store.open(bucket, "key")


def test_a_shard_that_was_cut_short_there_is_named(bucket: str) -> None:
    kept = store.write(bucket, "key", _toy(), rows=16)
    shard = next(files.place(f"{bucket}/key").rglob("rows-000000016*"))
    shard.write_bytes(shard.read_bytes()[:-5])
    assert not store.has(bucket, "key")
    with pytest.raises(StoreError, match=r"rows-000000016-\w{8}\.safetensors has [\d,]+ bytes instead of"):
        kept["a"]


def test_streaming_and_neighbours_read_there_shard_by_shard(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    left, right = (store.write(bucket, f"k{seed}", _toy(seed=seed), rows=16).only(["c"]) for seed in (0, 1))
    read: list[int] = []
    get = files.Remote.read_bytes
    monkeypatch.setattr(files.Remote, "read_bytes",
                        lambda self, *ends: read.append(len(found := get(self, *ends))) or found)
    assert streaming_cka(left, right).score == pytest.approx(streaming_cka(_toy()["c"], _toy(seed=1)["c"]).score, abs=1e-12)
    assert max(read) == 16 * 6 * 8  # one layer of one shard
    gallery, starts = blocks.readers(left)
    found = dict(knn.Search([lambda: _toy()["c"]], gallery, starts, 3, own=[torch.arange(50)]).over(_in_turn))
    assert found[0].lists.equal(knn.neighbours(_toy()["c"], 3).lists)


def _in_turn(work, tasks):
    return [(i, work(task)) for i, task in enumerate(tasks)]


def test_extraction_goes_on_there_where_it_was(bucket: str) -> None:
    seen: list[int] = []

    def features(texts: list[str]) -> dict[str, np.ndarray]:
        seen.append(len(texts))
        if len(seen) == 3:
            raise KeyboardInterrupt
        return {"all": np.array([[len(text), text.count("a"), 1.0] for text in texts])}

    model = models.wrap(features, modality="text", name="m", layers=["all"], revision="1")
    texts = ["a" * (i % 7) + "b" for i in range(40)]
    with pytest.raises(KeyboardInterrupt):
        extraction.extract(model, texts, bucket, batch_size=10, part=10)
    found = extraction.extract(model, texts, bucket, batch_size=10, part=10)
    assert seen == [10] * 5  # the parts that were there are not made again
    assert found["all"][:, 0].tolist() == [len(text) for text in texts]
    assert not list(files.place(bucket).rglob("part-*"))


def test_a_study_in_an_object_store_has_the_rows_of_one_on_a_disk(bucket: str, tmp_path: Path) -> None:
    z = np.random.default_rng(0).normal(size=(40, 4))
    for name, width in (("a", 8), ("b", 12), ("c", 6)):
        mixed = z @ np.random.default_rng(width).normal(size=(4, width))
        np.savez(tmp_path / f"{name}.npz", layer=mixed + np.random.default_rng(2 * width).normal(size=mixed.shape))
    (tmp_path / "study.toml").write_text(STUDY)
    study = Study.read(tmp_path / "study.toml")
    here = study.run(tmp_path / "out", progress=lambda *_: None)
    there = study.run(f"{bucket}/run", progress=lambda *_: None)
    assert there.table.read_bytes() == here.table.read_bytes()
    assert len(list(files.place(f"{bucket}/run/cells").rglob("*.json"))) == 3
    assert Results.read(f"{bucket}/run").rows == here.rows
    assert Results.read(f"{bucket}/run").price.startswith("took ")
    assert study.plan(f"{bucket}/run").answered == 3
    marks = {str(one): one.read_bytes() for one in files.place(f"{bucket}/run/cells").rglob("*")}
    study.run(f"{bucket}/run", progress=lambda *_: None)
    assert {str(one): one.read_bytes() for one in files.place(f"{bucket}/run/cells").rglob("*")} == marks


def test_probes_keep_their_answers_there(bucket: str) -> None:
    features, labels = _toy().only(["c"]), [0, 1] * 25
    found = capability.probe_layers(features, labels, folder=bucket)
    kept = list(files.place(f"{bucket}/probes").rglob("*.json"))
    assert len(kept) == 1
    assert capability.probe_layers(features, labels, folder=bucket)["c"].accuracy == found["c"].accuracy


def test_what_cannot_be_put_is_told_and_leaves_nothing(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: object, path: str, data: bytes) -> None:
        raise PermissionError(13, "Access Denied")

    monkeypatch.setattr(type(fsspec.filesystem("memory")), "pipe_file", refused)
    with pytest.raises(DiskError, match=r"memory://bucket/a\.json cannot be written: Access Denied"):
        files.write_json(f"{bucket}/a.json", {})
    assert list(files.place(bucket).rglob("*")) == []


def test_an_unknown_kind_of_store_is_named() -> None:
    with pytest.raises(InputError, match="fsspec knows no store 'nowhere'"):
        files.place("nowhere://a").exists()


def test_a_store_that_wants_more_than_a_url_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def wanting(protocol: str) -> None:
        raise TypeError("missing 'host'")

    monkeypatch.setattr(fsspec, "filesystem", wanting)
    with pytest.raises(InputError, match=r"fsspec cannot open 'sftp' by such a URL alone: missing 'host'\. Give it what is"):
        files.place("sftp://a").exists()


def test_a_url_of_a_file_here_is_its_path(tmp_path: Path) -> None:
    assert files.place(f"file://{tmp_path}/a") == files.place(f"local://{tmp_path}/a") == tmp_path / "a"


def test_what_was_listed_before_does_not_hide_what_others_put_there_since(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    forgotten = []
    memory = type(fsspec.filesystem("memory"))
    monkeypatch.setattr(memory, "invalidate_cache", lambda self, path=None: forgotten.append(path))
    files.place(f"{bucket}/a").exists()
    assert forgotten == [None]


def test_a_place_is_a_path_or_acts_as_one(bucket: str, tmp_path: Path) -> None:
    assert files.place(str(tmp_path)) == tmp_path
    one = files.place(f"{bucket}/a/b.json")
    assert (one.name, one.stem, str(one.parent), str(one.with_suffix(".x"))) == (
        "b.json", "b", "memory://bucket/a", "memory://bucket/a/b.x")
    assert files.place(one) is one
    assert not one.exists()
    one.unlink(missing_ok=True)
    with pytest.raises(FileNotFoundError):
        one.unlink()
    files.write_whole(one, lambda file: file.write(b"12"))
    assert (one.is_file(), one.is_dir(), one.parent.is_dir()) == (True, False, True)
    assert (one.stat().st_size, one.read_text()) == (2, "12")
    files.clear(files.place(bucket))
    assert not one.exists()
