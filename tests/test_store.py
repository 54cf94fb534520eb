"""Features on disk come back bit by bit; what is not whole does not count, and says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from platometer import store
from platometer.cards import Card
from platometer.errors import InputError, StoreError
from platometer.features import Features


def _features(n: int = 10, dtype: torch.dtype = torch.float32, seed: int = 0) -> Features:
    generator = torch.Generator().manual_seed(seed)
    layers = {name: torch.randn(n, d, generator=generator).to(dtype) for name, d in (("first", 3), ("zweite/höhe.1", 5))}
    return Features(
        layers={name: (lambda value=value: value) for name, value in layers.items()}, n=n,
        model=Card("toy", "file:toy", "r1", "MIT", "cite", 12, {"a": 1}), samples="s", pooling="mean",
        ids=tuple(f"ä{i}" for i in range(n)), details={"cut": {"count": 1}},
    )


def _shards(folder: Path) -> list[Path]:
    return sorted(folder.glob("rows-*.safetensors"))


@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 20), rows=st.integers(1, 25),
       dtype=st.sampled_from([torch.float16, torch.bfloat16, torch.float32, torch.float64]))
def test_features_come_back_bit_by_bit_however_they_are_cut(
    tmp_path_factory: pytest.TempPathFactory, n: int, rows: int, dtype: torch.dtype
) -> None:
    root, features = tmp_path_factory.mktemp("root"), _features(n, dtype)
    found = store.write(root, "key", features, rows=rows)
    assert len(_shards(root / "key")) == -(-n // rows) == store.verify(root / "key")
    for layer in features.names:
        assert found[layer].dtype == dtype
        assert torch.equal(found[layer], features[layer])


def test_everything_else_comes_back_too(tmp_path: Path) -> None:
    features = _features()
    found = store.write(tmp_path, "key", features)
    assert found.key == found.fingerprint == "key"
    for name in ("names", "widths", "n", "model", "samples", "pooling", "ids", "details"):
        assert getattr(found, name) == getattr(features, name)
    again = store.open(tmp_path / "key")
    assert (again.key, again.model) == ("key", features.model)
    assert json.loads((tmp_path / "key" / "manifest.json").read_text())["versions"]["torch"]


def test_layers_are_read_only_when_asked_for(tmp_path: Path) -> None:
    store.write(tmp_path, "key", _features())
    opened = store.open(tmp_path, "key")
    _shards(tmp_path / "key")[0].unlink()
    assert opened.names == ("first", "zweite/höhe.1")
    with pytest.raises(StoreError, match=r"safetensors is missing\. Delete .*key and extract again"):
        opened["first"]


def test_what_is_there_is_not_written_again(tmp_path: Path) -> None:
    store.write(tmp_path, "key", _features())
    before = [(p, p.stat().st_mtime_ns, p.stat().st_ino) for p in sorted((tmp_path / "key").iterdir())]
    store.write(tmp_path, "key", _features())
    assert before == [(p, p.stat().st_mtime_ns, p.stat().st_ino) for p in sorted((tmp_path / "key").iterdir())]


def test_without_a_manifest_features_do_not_count(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"none is not there: there is no manifest\.json"):
        store.open(tmp_path, "none")
    store.write_shard(tmp_path / "key", 0, {"a": torch.ones(2, 2)})
    assert not store.has(tmp_path, "key")
    with pytest.raises(StoreError, match="key was interrupted"):
        store.open(tmp_path, "key")


def test_a_shard_cut_short_does_not_count_and_is_named(tmp_path: Path) -> None:
    features = store.write(tmp_path, "key", _features())
    assert store.has(tmp_path, "key")
    shard = _shards(tmp_path / "key")[0]
    shard.write_bytes(shard.read_bytes()[:-7])
    assert not store.has(tmp_path, "key")
    with pytest.raises(StoreError, match=r"rows-000000000-\w{8}\.safetensors has \d+ bytes instead of \d+: it was cut short"):
        features["first"]
    assert torch.equal(store.write(tmp_path, "key", _features())["first"], _features()["first"])


def test_a_flipped_bit_is_found_by_verifying(tmp_path: Path) -> None:
    store.write(tmp_path, "key", _features())
    shard = _shards(tmp_path / "key")[0]
    data = bytearray(shard.read_bytes())
    data[-1] ^= 1
    shard.write_bytes(data)
    with pytest.raises(StoreError, match=r"is damaged: its checksum differs"):
        store.verify(tmp_path / "key")


def test_a_file_that_is_no_safetensors_is_named(tmp_path: Path) -> None:
    features = store.write(tmp_path, "key", _features())
    shard = _shards(tmp_path / "key")[0]
    shard.write_bytes(b"\xff" * shard.stat().st_size)
    with pytest.raises(StoreError, match="is not a safetensors file"):
        features["first"]


@pytest.mark.parametrize(("text", "said"), [
    ('{"schema": 1, "n"', "is not whole JSON"), ("[]", "is not a manifest of platometer features"),
    ('{"schema": 99}', "has format 99; this version reads 1"),
])
def test_a_manifest_that_is_none_is_named_and_does_not_count(tmp_path: Path, text: str, said: str) -> None:
    store.write(tmp_path, "key", _features())
    (tmp_path / "key" / "manifest.json").write_text(text)
    assert not store.has(tmp_path, "key")
    with pytest.raises(StoreError, match=said):
        store.open(tmp_path, "key")


def test_shards_must_add_up(tmp_path: Path) -> None:
    features = _features(4)
    first = store.write_shard(tmp_path, 0, {"first": features["first"][:2]})
    last = store.write_shard(tmp_path, 3, {"first": features["first"][3:]})
    with pytest.raises(StoreError, match="rows 2 to 3 are in no shard"):
        store.write_manifest(tmp_path, "key", features, [first, last])
    with pytest.raises(StoreError, match="the shards hold 2 rows of 4"):
        store.write_manifest(tmp_path, "key", features, [first])
    with pytest.raises(InputError, match=r"different numbers of rows: \[1, 2\]"):
        store.write_shard(tmp_path, 0, {"a": torch.ones(1, 1), "b": torch.ones(2, 1)})


def test_two_writers_of_one_key_do_not_mix_their_numbers(tmp_path: Path) -> None:
    mine, theirs = _features(seed=0), _features(seed=1)
    blocks = [{layer: value[layer] for layer in value.names} for value in (mine, theirs)]
    entries = [store.write_shard(tmp_path / "key", 0, block) for block in blocks]
    store.write_manifest(tmp_path / "key", "key", mine, entries[:1])
    assert torch.equal(store.open(tmp_path, "key")["first"], mine["first"])
    assert store.verify(tmp_path / "key") == 1


def test_what_is_removed_is_gone(tmp_path: Path) -> None:
    store.write(tmp_path, "key", _features())
    store.remove(tmp_path, "key")
    store.remove(tmp_path, "key")
    assert not store.has(tmp_path, "key")
    assert list(tmp_path.iterdir()) == []


def test_layers_that_share_their_memory_are_each_written(tmp_path: Path) -> None:
    x = torch.randn(10, 6, generator=torch.Generator().manual_seed(0))
    layers = {"x": x, "again": x, "first half": x[:, :3], "rows": x.view(2, 5, 6)[0].repeat(2, 1), "flat": x.view(20, 3)[:10]}
    found = store.write(tmp_path, "key", Features.of(layers), rows=4)
    assert all(torch.equal(found[layer], value) for layer, value in layers.items())


def test_whole_numbers_come_back_as_the_metrics_see_them(tmp_path: Path) -> None:
    counts = torch.arange(12).reshape(6, 2)
    found = store.write(tmp_path, "key", Features.of(counts))
    assert found["0"].dtype == torch.float64
    assert torch.equal(found["0"], Features.of(counts).matrix("0"))
    with pytest.raises(InputError, match=r"Layer 'a' is of torch.int64; expected one of torch.float64, torch.float32"):
        store.write_shard(tmp_path, 0, {"a": counts})
