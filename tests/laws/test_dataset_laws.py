"""What every dataset source keeps to, found by name: a new file in the folder is held to it once it has a sample here.

``SMALL[name](folder)`` writes a small dataset of at least six samples and gives the options that load it.
"""

import io
import json
import tarfile

import numpy as np
import pytest
from PIL import Image

from platometer import datasets
from platometer.cards import Card
from platometer.errors import SpecError

N = 8


def picture(seed):
    rough = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    return Image.fromarray(rough).resize((32, 32), Image.Resampling.BICUBIC)


def jpeg(seed):
    buffer = io.BytesIO()
    picture(seed).save(buffer, "JPEG")
    return buffer.getvalue()


def words(i, turn=0):
    return f"words {i}, said the {'first' if turn == 0 else 'second'} time"


def folder(home):
    for i in range(N):
        (home / f"{i}.jpg").write_bytes(jpeg(i))
    rows = [{"image": f"{i}.jpg", "captions": [words(i), words(i, 1)]} for i in range(N)]
    (home / "captions.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return {"path": str(home)}


def webdataset(home):
    with tarfile.open(home / "a.tar", "w") as archive:
        for i in range(N):
            for name, data in ((f"{i}.jpg", jpeg(i)), (f"{i}.txt", f"{words(i)}\n{words(i, 1)}".encode())):
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    return {"path": str(home / "a.tar")}


def text(home):
    for turn in range(2):
        (home / f"{turn}.txt").write_text("".join(f"{words(i, turn)}\n" for i in range(N)))
    return {"path": str(home / "0.txt"), "second": str(home / "1.txt")}


def cifar(home):
    images = np.stack([np.asarray(picture(i)) for i in range(N)])
    np.savez(home / "c.npz", images=images, labels=np.arange(N) % 3, classes=np.array(["dog", "cat", "cow"]))
    return {"path": str(home / "c.npz")}


def hf(home):
    library = pytest.importorskip("datasets")
    features = library.Features({"image": library.Image(), "text": library.List(library.Value("string"))})
    columns = {"image": [{"bytes": jpeg(i), "path": None} for i in range(N)],
               "text": [[words(i), words(i, 1)] for i in range(N)]}
    library.disable_progress_bars()
    library.Dataset.from_dict(columns, features=features).save_to_disk(str(home / "saved"))
    return {"name": str(home / "saved")}


def scenes(home):
    return {"split": "test", "n": N, "side": 16}


SMALL = {"scenes": scenes, "folder": folder, "webdataset": webdataset, "text": text, "cifar": cifar, "hf": hf}


@pytest.fixture(params=[name for name in datasets.names() if name in SMALL])
def source(request, tmp_path):
    """(name, options) of a small dataset of each source."""
    return request.param, SMALL[request.param](tmp_path)


def test_every_source_has_a_sample_here():
    assert set(datasets.names()) == set(SMALL)


def test_ids_are_distinct_texts(source):
    found = datasets.load(source[0], **source[1])
    assert len(found) == N
    assert len(set(found.ids)) == N
    assert all(isinstance(name, str) and name for name in found.ids)


def test_views_are_aligned(source):
    found = datasets.load(source[0], **source[1])
    assert len(found.views) == 2
    for view in found.views.values():
        assert view.ids == found.ids
        assert len(view.items) == len(view.content) == N
        assert len(set(view.content)) == N or source[0] == "cifar"


def test_items_are_what_their_modality_says(source):
    for view in datasets.load(source[0], **source[1]).views.values():
        kind = {"text": str, "image": Image.Image}[view.modality]
        for row in view.items:
            assert isinstance(row, tuple)
            assert row
            assert all(isinstance(item, kind) for item in row)
            assert view.modality != "image" or all(item.mode == "RGB" for item in row)


def test_each_sample_is_the_one_that_was_written(source):
    if source[0] == "scenes":
        pytest.skip("drawn, not written")
    found = datasets.load(source[0], **source[1])
    for view in found.views.values():
        for i, row in enumerate(view.items):
            if view.modality == "image":
                difference = np.asarray(row[0]).astype(int) - np.asarray(picture(i))
                assert np.abs(difference).mean() < 20
            elif source[0] != "cifar":
                assert row[0].startswith(f"words {i},")


def test_pictures_are_decoded_each_time_and_equal(source):
    views = datasets.load(source[0], **source[1]).views.values()
    for view in views:
        if view.modality == "image":
            assert view.items[3][0] is not view.items[3][0]
            assert np.array_equal(np.asarray(view.items[3][0]), np.asarray(view.items[3][0]))


def test_the_fingerprint_is_stable_and_knows_the_order(source):
    first, again = (datasets.load(source[0], **source[1]) for _ in range(2))
    assert first.fingerprint == again.fingerprint
    assert first.take(range(N)).fingerprint == first.fingerprint
    assert first.take([1, 0, *range(2, N)]).fingerprint != first.fingerprint
    assert first.take(range(N - 1)).fingerprint != first.fingerprint


def test_a_subset_is_drawn_by_its_seed(source):
    parts = [datasets.load(source[0], limit=4, seed=seed, **source[1]) for seed in (0, 0, 1, 2)]
    assert [len(part) for part in parts] == [4] * 4
    assert parts[0].fingerprint == parts[1].fingerprint
    assert len({part.fingerprint for part in parts}) > 1
    whole = datasets.load(source[0], **source[1])
    for part in parts:
        assert [whole.ids.index(name) for name in part.ids] == sorted(whole.ids.index(name) for name in part.ids)
        assert any("drawn with seed" in note for note in part.notes)


def test_the_card_says_where_it_came_from_and_what_version(source):
    card = datasets.load(source[0], **source[1]).card
    assert card.name
    assert card.source.startswith(f"{source[0]}:")
    assert card.revision
    assert Card.from_dict(json.loads(json.dumps(card.as_dict()))) == card


def test_the_first_option_may_follow_the_name(source):
    name, options = source
    (_, value), *rest = options.items()
    assert datasets.load(f"{name}:{value}", **dict(rest)).fingerprint == datasets.load(name, **options).fingerprint


def test_unknown_and_missing_options_are_errors(source):
    with pytest.raises(SpecError, match="has no option 'colour'"):
        datasets.load(source[0], colour="red", **source[1])
    with pytest.raises(SpecError, match="needs the option"):
        datasets.load(source[0])


def test_the_choice_of_captions_is_kept_to(source):
    name, options = source
    if name not in ("folder", "webdataset", "hf"):
        pytest.skip("one caption each")
    assert datasets.load(name, captions="last", **options).view("text").items[2] == (words(2, 1),)
    assert datasets.load(name, captions="mean", **options).view("text").items[2] == (words(2), words(2, 1))
    every = datasets.load(name, captions="all", **options)
    assert (len(every), len(set(every.groups))) == (2 * N, N)
    part = every.subset(5, seed=0)
    assert len(part) == 4  # whole groups only
    assert len(set(part.groups)) == 2
