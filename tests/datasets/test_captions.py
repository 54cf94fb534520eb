"""Several captions per picture: one, all, averaged, joined."""

import numpy as np
import pytest

from platometer.cards import Card
from platometer.datasets._captions import Medium, Things, paired, repeated
from platometer.errors import DataError, SpecError

CAPTIONS = [["a dog", "a hound"], ["a cat", "a kitten"], ["a cow", "cattle"]]


def things(captions=CAPTIONS, ids=("p", "q", "r"), media=True):
    medium = Medium("image", lambda at: f"picture {at}", [f"hash {i}" for i in range(len(ids))])
    return Things(ids, {"image": medium} if media else {}, captions)


def made(mode, source=None, **options):
    usual = {"captions": mode, "seed": 0, "card": Card("x"), "duplicates": "say", "near": False}
    return paired(source or things(), **usual | options)


def texts(found):
    return list(found.view("text").items)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("first", ["a dog", "a cat", "a cow"]), ("last", ["a hound", "a kitten", "cattle"]),
     (1, ["a hound", "a kitten", "cattle"]), ("1", ["a hound", "a kitten", "cattle"]),
     (-2, ["a dog", "a cat", "a cow"]), ("-2", ["a dog", "a cat", "a cow"]),
     ("join", ["a dog a hound", "a cat a kitten", "a cow cattle"])],
)
def test_one_text_per_picture(mode, expected):
    found = made(mode)
    assert texts(found) == [(text,) for text in expected]
    assert found.ids == ("p", "q", "r")
    assert found.groups is None


def test_averaging_keeps_every_caption_in_one_sample():
    assert texts(made("mean")) == [tuple(row) for row in CAPTIONS]


def test_all_captions_repeat_their_picture_and_stay_together():
    found = made("all")
    assert found.ids == ("p#0", "p#1", "q#0", "q#1", "r#0", "r#1")
    assert found.groups == ("p", "p", "q", "q", "r", "r")
    assert [item for (item,) in found.view("image").items] == [f"picture {i}" for i in (0, 0, 1, 1, 2, 2)]
    assert texts(found)[3] == ("a kitten",)


def test_a_random_caption_follows_seed_and_id_and_nothing_else():
    many = things([[f"{i}.{k}" for k in range(5)] for i in range(200)], ids=tuple(map(str, range(200))))
    chosen = texts(made("random", many, seed=3))
    assert chosen == texts(made("random", many, seed=3)) != texts(made("random", many, seed=4))
    counts = np.bincount([int(text.split(".")[1]) for (text,) in chosen], minlength=5)
    assert counts.min() >= 20  # 40 expected, standard deviation 5.7
    part = things([many.captions[i] for i in range(50, 90)], ids=many.ids[50:90])
    assert texts(made("random", part, seed=3)) == chosen[50:90]


def test_no_captions_leave_the_pictures():
    assert list(made("none").views) == ["image"]
    with pytest.raises(SpecError, match="leaves nothing of x"):
        made("none", things(media=False))


@pytest.mark.parametrize("mode", ["second", True, 1.5, None, "1.0"])
def test_an_unknown_mode_lists_the_known_ones(mode):
    with pytest.raises(SpecError, match=r"expected first, last, random, all, mean, join, none, or a position"):
        made(mode)


def test_a_position_that_is_not_there_names_the_picture():
    with pytest.raises(DataError, match="'p' has 2 captions; there is none at position 2"):
        made(2)


@pytest.mark.parametrize(("captions", "said"), [([["a"], [], ["b"]], "'q' has no"), ([["a"], [" "], ["b"]], "an empty")])
def test_a_picture_without_caption_is_named(captions, said):
    with pytest.raises(DataError, match=said):
        made("first", things(captions))


def test_captions_that_stand_more_than_once_are_counted():
    found = made("first", things([["a"], ["b"], ["a"], ["b"], ["a"], ["c"]], ids=tuple("pqrstu")))
    assert found.notes == ("2 captions stand more than once (in 5 samples)",)
    assert repeated(["a", "b"]) == []


def test_dropping_duplicates_keeps_captions_with_their_pictures():
    source = things()
    medium = Medium("image", source.media["image"].read, ["1", "1", "2"])
    found = made("all", Things(source.ids, {"image": medium}, CAPTIONS), duplicates="drop")
    assert found.groups == ("p", "p", "r", "r")
    assert texts(found) == [("a dog",), ("a hound",), ("a cow",), ("cattle",)]
    assert [item for (item,) in found.view("image").items] == ["picture 0", "picture 0", "picture 2", "picture 2"]


def test_texts_alone_are_duplicates_if_all_their_captions_are():
    source = things([["a", "b"], ["a", "c"], ["a", "b"]], media=False)
    found = made("first", source, duplicates="drop", near=None)
    assert found.ids == ("p", "q")
    assert found.notes[0] == "1 text is an exact copy of another (r = p)"
