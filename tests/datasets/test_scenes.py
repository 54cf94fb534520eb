import numpy as np
import pytest

from platometer import datasets, scenes
from platometer.errors import SpecError


def test_all_four_views_show_the_same_events():
    found = datasets.load("scenes:test", n=6, views=("image", "text", "audio", "vector"), side=16)
    events = scenes.world().sample(6)
    assert found.ids == events.ids
    assert np.array_equal(np.asarray(found.view("image").items[2][0]), scenes.pictures(events, side=16)[2])
    assert found.view("text").items[2][0] == scenes.captions(events, words=20)[2]
    sound, rate = found.view("audio").items[2][0]
    assert rate == scenes.RATE
    assert np.array_equal(sound, scenes.sounds(events)[2])
    assert np.array_equal(found.view("vector").items[2][0], scenes.paths(events)[2].reshape(128))


def test_the_ith_scene_does_not_depend_on_how_many_there_are():
    few, many = (datasets.load("scenes:test", n=n, views=("text", "audio")) for n in (5, 9))
    assert many.take(range(5)).fingerprint == few.fingerprint


def test_several_captions_differ():
    found = datasets.load("scenes:test", n=6, views=("text",), captions=3)
    assert all(len(set(row)) == 3 for row in found.view("text").items)


def test_the_dials_reach_the_captions_and_the_card():
    found = datasets.load("scenes:test", n=6, words=3, abstraction=1)
    assert found.view("text").items[0][0] == scenes.captions(scenes.world().sample(6), words=3, abstraction=1)[0]
    assert found.card.details["abstraction"] == 1
    assert found.card.details["tables"] == scenes.world().fingerprint
    assert found.card.revision != datasets.load("scenes:test", n=6, words=5, abstraction=1).card.revision


def test_a_picture_of_another_size_is_another_content():
    small, large = (datasets.load("scenes:test", n=4, side=side, views=("image",)).view("image").content for side in (16, 32))
    assert not set(small) & set(large)


def test_captions_that_stand_twice_are_noted():
    assert any("more than once" in note for note in datasets.load("scenes:test", n=300, words=3, abstraction=1).notes)


def test_a_world_of_ones_own_can_be_shown(tmp_path):
    from pathlib import Path

    text = (Path(scenes.__file__).parent / "world.toml").read_text()
    (tmp_path / "dry.toml").write_text(text.replace('name = "scenes"', 'name = "dry"'))
    found = datasets.load("scenes:test", n=4, world=str(tmp_path / "dry.toml"))
    assert found.card.details["world"] == "dry"


def test_slips_are_errors():
    for options, text in [({"views": ("picture",)}, "there is no 'picture'"), ({"views": ()}, "at least one of each"),
                          ({"captions": 0}, "at least one of each"), ({"n": 0}, "n = 0")]:
        with pytest.raises(SpecError, match=text):
            datasets.load("scenes:test", **options)
    with pytest.raises(SpecError, match="split = 'train'"):
        datasets.load("scenes:train")
