import numpy as np
import pytest

from platometer import scenes

SOME = scenes.world().sample(300)


def changed(events, **values):
    """The same events with other values."""
    rows, names = events.values.copy(), list(events.attributes)
    for attribute, value in values.items():
        rows[:, names.index(attribute)] = events.attributes[attribute].index(value)
    return scenes.Events(events.attributes, rows, events.ids)


def test_a_path_has_64_places():
    made = scenes.paths(SOME)
    assert made.shape == (300, scenes.STEPS, 2)
    assert made.dtype == np.float32
    assert np.isfinite(made).all()


def test_a_path_starts_at_the_lower_middle():
    start = scenes.paths(SOME)[:, 0]
    assert np.abs(start - [0, -0.25]).max() < 0.25


def test_the_path_of_an_event_does_not_depend_on_its_neighbours():
    assert np.array_equal(scenes.paths(SOME)[[3, 8]], scenes.paths(SOME.take([3, 8])))


@pytest.mark.parametrize(("attribute", "value"), [("colour", "red"), ("season", "winter"), ("mood", "calm")])
def test_what_a_path_cannot_tell_leaves_it_alone(attribute, value):
    assert np.array_equal(scenes.paths(SOME), scenes.paths(changed(SOME, **{attribute: value})))


def test_kinds_of_one_distance_and_side_have_one_path():
    assert scenes.WAYS["flower"] == scenes.WAYS["person"]
    rows = SOME.take([i for i in range(300) if SOME[i]["count"] == "one"])
    first, second, third = (scenes.paths(changed(rows, kind=kind)) for kind in ("flower", "person", "car"))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, third)


def test_the_robot_comes_near_what_it_likes_and_keeps_from_what_it_does_not():
    rows = SOME.take([i for i in range(300) if SOME[i]["count"] == "one"])
    near = {}
    for kind in ("person", "cow"):
        events = changed(rows, kind=kind, size="small", weather="clear", place="street", time="noon")
        made = scenes.paths(events)
        spots = np.array([[events[i].things[0].x, events[i].things[0].depth] for i in range(len(events))])
        near[kind] = np.hypot(*(made - spots[:, None]).transpose(2, 0, 1)).min(1).mean()
    assert near["person"] + 0.1 < near["cow"]


def test_snow_slows_the_robot():
    steps = [np.hypot(*np.diff(scenes.paths(changed(SOME, weather=weather)), axis=1)[:, :8].transpose(2, 0, 1)).mean()
             for weather in ("clear", "rain", "snow")]
    assert steps == sorted(steps, reverse=True)
