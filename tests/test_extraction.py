"""Extraction: the same numbers whatever the batch, the interruption or the memory; every slip named by row and id."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
import torch
from PIL import Image

from platometer import extraction, files, store
from platometer.cards import Card
from platometer.errors import DataError, DiskError, InputError, ModelError, NotFiniteError
from platometer.extraction import extract
from platometer.features import Features
from platometer.models import wrap
from platometer.samples import Lazy, Paired, Samples

TEXTS = [f"text {'x' * (i % 7)} {i}" for i in range(25)]


class Letters:
    """A model of texts that counts letters, and every item that it has seen."""

    modality = "text"

    def __init__(self, spoil: Callable[[list], object] | None = None, **details: object):
        self.card, self.details, self.seen, self._spoil = Card("letters", parameters=1), details, [], spoil

    def layers(self) -> tuple[str, ...]:
        return ("counts", "length")

    def encode(self, items: Sequence) -> Mapping[str, torch.Tensor]:
        self.seen += items
        counts = torch.tensor([[text.count(c) for c in "tex 0123"] for text in items], dtype=torch.float32)
        out = {"counts": counts, "length": torch.tensor([[float(len(text))] for text in items])}
        return out if self._spoil is None else self._spoil(list(items)) or out


class Sized(Letters):
    """The same with a context of 8 letters."""

    limit = 8

    def lengths(self, items: Sequence) -> list[int]:
        return [len(text) for text in items]


def _same(a: Features, b: Features) -> bool:
    return a.names == b.names and all(torch.equal(a[layer], b[layer]) for layer in a.names)


def _raiser(error: Exception, when: Callable[[list], bool]) -> Callable[[list], None]:
    def spoil(items: list) -> None:
        if when(items):
            raise error

    return spoil


def test_every_layer_comes_back_in_the_order_of_the_samples() -> None:
    found = extract(Letters(pooling="none"), TEXTS, batch_size=4, part=10)
    assert found["length"].flatten().tolist() == [len(text) for text in TEXTS]
    assert found.ids == tuple(str(i) for i in range(25))
    assert (found.model.name, found.pooling, found.details["modality"], found.details["stored"]) == (
        "letters", "none", "text", "float32")


@pytest.mark.parametrize("model", [Letters, Sized])
def test_neither_batches_nor_parts_nor_the_disk_change_a_number(tmp_path: Path, model: type) -> None:
    plain = extract(model(), TEXTS)
    assert _same(plain, extract(model(), TEXTS, batch_size=3, part=7))
    assert _same(plain, extract(model(), TEXTS, tmp_path, batch_size=1, part=4))


def test_similar_lengths_share_a_batch_and_what_is_cut_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    model = Sized()
    found = extract(model, TEXTS, batch_size=5)
    assert [len(text) for text in model.seen] == sorted(len(text) for text in TEXTS)
    cut = sum(len(text) > 8 for text in TEXTS)
    assert found.details["cut"] == {"count": cut, "of": 25, "limit": 8}
    assert f"{cut} of 25 items were cut at 8 tokens" in caplog.text


def test_what_was_extracted_is_not_extracted_again(tmp_path: Path) -> None:
    first, again = Letters(), Letters()
    made = extract(first, TEXTS, tmp_path)
    assert _same(made, extract(again, TEXTS, tmp_path))
    assert (len(first.seen), again.seen) == (25, [])
    assert [p.name for p in tmp_path.iterdir()] == [made.key]  # no parts are left


def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path) -> None:
    stopped = Letters(_raiser(KeyboardInterrupt(), lambda items: TEXTS[13] in items))
    with pytest.raises(KeyboardInterrupt):
        extract(stopped, TEXTS, tmp_path, batch_size=2, part=5)
    again = Letters()
    found = extract(again, TEXTS, tmp_path, batch_size=2, part=5)
    assert again.seen == TEXTS[10:]
    assert _same(found, extract(Letters(), TEXTS))
    assert store.verify(tmp_path / found.key) == 1


@pytest.mark.parametrize("damage", ["part", "note", "gone"])
def test_a_damaged_part_is_made_anew(tmp_path: Path, damage: str) -> None:
    with pytest.raises(ModelError):
        extract(Letters(_raiser(ValueError("no"), lambda items: TEXTS[10] in items)), TEXTS, tmp_path, part=5)
    part = sorted(next(tmp_path.glob("*.parts")).glob("part-*.safetensors"))[1]
    if damage == "part":
        part.write_bytes(part.read_bytes()[:-3])
    elif damage == "note":
        part.with_suffix(".json").write_text('{"items": 5')
    else:
        part.unlink()
    again = Letters()
    assert _same(extract(again, TEXTS, tmp_path, part=5), extract(Letters(), TEXTS))
    assert again.seen == TEXTS[5:]


def test_damaged_features_are_extracted_again(tmp_path: Path) -> None:
    found = extract(Letters(), TEXTS, tmp_path)
    shard = next((tmp_path / found.key).glob("rows-*"))
    shard.write_bytes(shard.read_bytes()[:100])
    again = Letters()
    assert _same(extract(again, TEXTS, tmp_path), extract(Letters(), TEXTS))
    assert again.seen == TEXTS


def test_two_runs_at_once_give_one_result(tmp_path: Path) -> None:
    """The second overtakes the first in the middle, finishes, and clears the parts away."""
    def overtake(items: list) -> None:
        if TEXTS[7] in items:
            extract(Letters(), TEXTS, tmp_path, part=5)

    late = Letters(overtake)
    found = extract(late, TEXTS, tmp_path, part=5)
    assert late.seen == TEXTS[:10]  # and then it saw that all is there
    assert _same(found, extract(Letters(), TEXTS))
    assert store.verify(tmp_path / found.key) == 1
    assert [p.name for p in tmp_path.iterdir()] == [found.key]


def test_a_full_disk_is_told_and_what_is_done_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flush, count = os.fsync, []

    def fsync(handle: int) -> None:
        count.append(handle)
        if len(count) > 8:  # a part and its note are two files, each with its folder
            raise OSError(28, "No space left on device")
        flush(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(DiskError, match="The disk is full"):
        extract(Letters(), TEXTS, tmp_path, part=5)
    monkeypatch.setattr(os, "fsync", flush)
    again = Letters()
    assert _same(extract(again, TEXTS, tmp_path, part=5), extract(Letters(), TEXTS))
    assert again.seen == TEXTS[10:]


def test_other_content_model_or_storage_is_another_key() -> None:
    samples = Samples.of(TEXTS, modality="text")
    other = Samples.of([*TEXTS[:-1], "changed"], modality="text")
    keys = [extraction.features_key(Letters(), samples), extraction.features_key(Letters(), other),
            extraction.features_key(Letters(pooling="last"), samples),
            extraction.features_key(Letters(), samples.take(range(9))),
            extraction.features_key(Letters(), samples, dtype="float16")]
    assert len(set(keys)) == len(keys)
    assert keys[0] == extraction.features_key(Letters(), samples)


@pytest.mark.parametrize("kind", ["hf", "st", "python"])
def test_where_the_files_of_a_model_lie_is_not_in_its_key(tmp_path: Path, kind: str) -> None:
    samples = Samples.of(TEXTS, modality="text")

    def key(folder: str, revision: str = "1") -> str:
        place = tmp_path / folder
        place.mkdir(exist_ok=True)
        (place / "mine.py").touch()
        model = Letters()
        code = kind == "python"
        model.card = Card("net" if code else folder, f"{kind}:{place / 'mine.py'}:net" if code else f"{kind}:{place}", revision)
        return extraction.features_key(model, samples)

    assert key("here") == key("there")
    assert key("here") != key("here", "2")


def test_a_model_that_counts_in_whole_numbers_is_kept_in_floating_point(tmp_path: Path) -> None:
    model = Letters(lambda texts: {"counts": torch.tensor([[len(t)] for t in texts]), "length": torch.ones(len(texts), 1)})
    found = extract(model, TEXTS, tmp_path)
    assert found["counts"].dtype == torch.float64
    assert found["counts"].flatten().tolist() == [len(text) for text in TEXTS]


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("CUDA out of memory. Tried"), torch.OutOfMemoryError("x")])
def test_batches_are_halved_until_they_fit(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    model = Letters(_raiser(error, lambda items: len(items) > 3))
    assert _same(extract(model, TEXTS, batch_size=16), extract(Letters(), TEXTS))
    assert "out of memory, going on with batches of 2" in caplog.text


def test_a_single_item_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(ModelError, match=r"letters runs out of memory with a single item\. Use a smaller model, dtype="):
        extract(Letters(_raiser(MemoryError(), lambda items: True)), TEXTS)


@pytest.mark.parametrize("error", [KeyError("layer"), RuntimeError("shape"), TypeError("no")])
def test_whatever_a_model_raises_is_told_with_its_kind(error: Exception) -> None:
    with pytest.raises(ModelError, match=f"letters failed on a batch of 25: {type(error).__name__}"):
        extract(Letters(_raiser(error, lambda items: True)), TEXTS)


def test_features_that_are_no_numbers_are_named_by_layer_row_and_id() -> None:
    def spoil(items: list) -> dict:
        return {"counts": torch.ones(len(items), 2),
                "length": torch.tensor([[float("nan") if text in (TEXTS[17], TEXTS[18]) else 1.0] for text in items])}

    with pytest.raises(NotFiniteError, match=r"letters, layer length: NaN or infinity for sample '17' \(row 17\) and 1 more"):
        extract(Letters(spoil), TEXTS, part=10)


def test_what_half_precision_cannot_hold_is_no_number() -> None:
    with pytest.raises(NotFiniteError, match=r"sample '0' \(row 0\)\. Likely half precision overflows"):
        extract(Letters(lambda items: {"counts": torch.full((len(items), 1), 1e6), "length": torch.ones(len(items), 1)}),
                ["one"], dtype="float16")


@pytest.mark.parametrize("value", [torch.ones(24, 2), torch.ones(25), torch.ones(25, 2, 3), [1.0]])
def test_output_that_is_not_one_vector_per_item_is_an_error(value: object) -> None:
    with pytest.raises(ModelError, match=r"letters, layer counts: got .* for 25 items; expected \(25, d\)"):
        extract(Letters(lambda items: {"counts": value}), TEXTS)


def test_empty_texts_are_named_before_the_model_runs() -> None:
    texts = [*TEXTS[:5], " \n", *TEXTS[5:], ""]
    model = Letters()
    with pytest.raises(InputError, match=r"2 samples have empty texts: rows 5 \('5'\), 26 \('26'\)\. Drop them"):
        extract(model, texts)
    assert model.seen == []
    assert extract(model, texts, empty="keep").n == 27
    with pytest.raises(InputError, match=r"1 sample has an empty text: row 0 \('0'\)\."):
        extract(model, [""])


def test_an_unreadable_picture_is_named_by_id_and_row(tmp_path: Path) -> None:
    (tmp_path / "2.png").write_bytes(b"\x89PNG broken")
    good = Image.new("RGB", (4, 4))

    def read(i: int) -> tuple:
        return (Image.open(tmp_path / f"{i}.png"),) if i == 2 else (good,)

    samples = Samples(ids=("a", "b", "c", "d"), items=Lazy(4, read), modality="image", content=list("abcd"))
    model = wrap(lambda pictures: torch.ones(len(pictures), 2), modality="image", name="eye", revision="1")
    with pytest.raises(DataError, match=r"Sample 'c' \(row 2\) cannot be read: cannot identify image file .*2\.png"):
        extract(model, samples)


def test_a_datasets_own_words_on_a_bad_file_are_kept_beside_id_and_row() -> None:
    def read(i: int) -> tuple:
        raise DataError("captions.csv, row 3: 'x.jpg' is an empty file.")

    samples = Samples(ids=("a",), items=Lazy(1, read), modality="image", content=["a"])
    model = wrap(lambda pictures: torch.ones(len(pictures), 2), modality="image", name="eye", revision="1")
    said = r"Sample 'a' \(row 0\) cannot be read: captions\.csv, row 3: 'x\.jpg' is an empty file\.$"
    with pytest.raises(DataError, match=said):
        extract(model, samples)


def test_a_sample_of_several_items_gets_the_mean_of_their_features() -> None:
    found = extract(Letters(), [("a", "abc"), "ab"], batch_size=2)
    assert found["length"].flatten().tolist() == [2.0, 2.0]
    with pytest.raises(InputError, match=r"Sample '1' \(row 1\) has no items"):
        extract(Letters(), Samples(ids=("0", "1"), items=[("a",), ()], modality="text", content=["a", "b"]))


def test_the_view_of_the_models_modality_is_taken_from_paired_samples() -> None:
    texts = Samples.of(["a", "b"], modality="text")
    paired = Paired({"image": Samples.of([torch.ones(2), torch.ones(2)], modality="vector"), "text": texts}, Card("pair"))
    assert extract(Letters(), paired).samples == texts.fingerprint
    with pytest.raises(InputError, match="The model takes text, the samples are vector"):
        extract(Letters(), paired.view("image"))


def test_progress_rises_to_the_end(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    extract(Letters(), TEXTS, tmp_path, batch_size=2, part=10, progress=lambda done, total: told.append((done, total)))
    assert told == sorted(told)
    assert told[-1] == (25, 25)
    assert len(told) == 13


def test_options_are_checked_and_nothing_is_not_run() -> None:
    with pytest.raises(InputError, match=r"dtype = 'float8'; expected one of float32, float16"):
        extract(Letters(), TEXTS, dtype="float8")
    with pytest.raises(InputError, match="empty = 'drop'; expected 'error' or 'keep'"):
        extract(Letters(), TEXTS, empty="drop")
    for options in ({"batch_size": 0}, {"part": 0}):
        with pytest.raises(InputError, match="each holds at least one"):
            extract(Letters(), TEXTS, **options)
    with pytest.raises(InputError, match="There are no samples"):
        extract(Letters(), [])


def test_many_shards_are_one_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "ROWS", 8)
    found = extract(Letters(), TEXTS, tmp_path, part=4)
    assert store.verify(tmp_path / found.key) == 4
    assert _same(found, extract(Letters(), TEXTS))
    assert files.read_json(tmp_path / found.key / "manifest.json")["n"] == 25
