"""Scenes of shapes: the same from the same seed, split for good, and captions that say what the picture shows."""

import numpy as np
import pytest
from PIL import Image

from platometer import datasets, shapes
from platometer.errors import SpecError


def test_the_same_seed_draws_the_same_scenes_however_many_there_are():
    few, many = shapes.drawn("test", 6, 3), shapes.drawn("test", 12, 3)
    assert np.array_equal(few[0], many[0][:6])
    assert few[1] == many[1][:6]
    assert shapes.drawn("test", 6, 4)[1] != few[1]


def test_nothing_that_is_shown_in_training_is_shown_in_the_test_whatever_the_seed():
    import random

    def shown(split, seed):
        chance = random.Random(seed)
        found = [shapes._scene(chance, split) for _ in range(300)]
        return {(scene.ground, frozenset(scene.things)) for scene in found}

    assert not shown("train", 0) & shown("test", 0)
    assert not shown("train", 1) & shown("test", 2)


def test_a_caption_says_what_the_picture_shows():
    import random

    of = {word: meaning for meaning, words in shapes._WORDS.items() for word in words}
    chance = random.Random(5)
    for _ in range(200):
        scene = shapes._scene(chance, "test")
        words = [of.get(word) for word in shapes._caption(scene, chance).split()]
        told = sorted(word for word in words if word in (*shapes._COLOURS, *shapes._SHAPES, *shapes._SIZES))
        assert told == sorted(word for t in scene.things for word in (t.colour, t.shape, t.size))


def test_left_and_right_above_and_below_are_true():
    def thing(place):
        return shapes._Thing("circle", "red", "small", place)

    assert shapes._relation(thing((0, 1)), thing((1, 0))) == "left"
    assert shapes._relation(thing((1, 0)), thing((0, 0))) == "right"
    assert shapes._relation(thing((0, 0)), thing((0, 1))) == "above"
    assert shapes._relation(thing((1, 1)), thing((1, 0))) == "below"


def test_a_meaning_has_several_words_and_a_word_one_meaning():
    words = [word for meaning in shapes._WORDS.values() for word in meaning]
    assert len(words) == len(set(words))
    assert all(len(found) > 1 for found in shapes._WORDS.values())


def test_a_shape_is_drawn_in_its_colour_and_its_quarter():
    import random

    for place in shapes._PLACES:
        scene = shapes._Scene((shapes._Thing("square", "red", "large", place),), "street")
        picture = shapes._picture(scene, random.Random(0)).astype(int)
        red = (picture[..., 0] - picture[..., 1]) > 60
        column, row = (slice(16 * side, 16 * side + 16) for side in place)
        assert red[row, column].sum() > 0.9 * red.sum() > 50


def test_the_dataset_is_two_views_of_the_scenes():
    found = datasets.load("shapes:test", n=5, series=2)
    assert found.view("text").items[3] == (shapes.drawn("test", 5, 2)[1][3],)
    assert np.array_equal(np.asarray(found.view("image").items[3][0]), shapes.drawn("test", 5, 2)[0][3])
    assert isinstance(found.view("image").items[0][0], Image.Image)
    assert datasets.load("shapes", split="train", n=5).fingerprint != datasets.load("shapes:test", n=5).fingerprint


def test_unknown_splits_and_empty_sizes_are_errors():
    with pytest.raises(SpecError, match="expected 'train' or 'test'"):
        datasets.load("shapes:validation")
    with pytest.raises(SpecError, match="expected at least one scene"):
        datasets.load("shapes:test", n=0)
