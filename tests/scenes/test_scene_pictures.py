"""Pictures of scenes: each from its own id alone, showing what the scene says, and never mirrored."""

from __future__ import annotations

import numpy as np
import pytest

from platometer import scenes
from platometer.errors import ShapeError, SpecError
from platometer.scenes import Events, Scene, Thing

PLAIN = {"place": "park", "season": "summer", "time": "noon", "weather": "clear"}


def _scene(*things: Thing, id: str = "a", **words: str) -> Scene:
    return Scene(id=id, values={**PLAIN, **words}, things=things)


def test_a_picture_depends_on_its_scene_and_seed_alone() -> None:
    events = scenes.world().sample(6)
    together = scenes.pictures(events)
    assert together.shape == (6, 48, 48, 3)
    assert together.dtype == np.uint8
    assert np.array_equal(scenes.pictures(events.take([4, 1])), together[[4, 1]])
    assert np.array_equal(scenes.picture(events[3]), together[3])
    assert (scenes.pictures(events, seed=1) != together).mean() > 0.5


def test_a_larger_picture_is_the_same_picture_finer() -> None:
    events = scenes.world().sample(12, seed=2)
    small, large = scenes.pictures(events).astype(float), scenes.pictures(events, side=192)
    shrunk = large.reshape(12, 48, 4, 48, 4, 3).mean((2, 4))
    alike = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(small, shrunk, strict=True)]
    assert min(alike) > 0.9
    assert np.corrcoef(small[0].ravel(), shrunk[1].ravel())[0, 1] < 0.9


@pytest.mark.parametrize("change", [
    {"place": "harbour"}, {"season": "winter"}, {"time": "night"}, {"weather": "snow"}, {"weather": "rain"},
])
def test_what_a_scene_says_changes_its_picture(change: dict[str, str]) -> None:
    one, other = scenes.picture(_scene()), scenes.picture(_scene(**change))
    assert np.abs(one.astype(int) - other.astype(int)).mean() > 5


def test_every_kind_colour_and_size_has_a_drawing_of_its_own() -> None:
    world = scenes.world()
    for attribute in ("kind", "colour", "size"):
        made = [scenes.picture(_scene(Thing(**{"kind": "ball", "colour": "red", "size": "middling", attribute: word},
                                            x=0.0, depth=0.3))) for word in world.attributes[attribute]]
        assert len({picture.tobytes() for picture in made}) == len(made)


def test_the_thing_on_the_left_is_seen_on_the_left() -> None:
    for i in range(20):
        found, empty = [], scenes.picture(_scene(id=f"{i}", weather="cloudy", season="winter")).astype(int)
        for x in (-0.6, 0.6):
            ball = Thing("ball", "red", "large", x, 0.2)
            with_ball = scenes.picture(_scene(ball, id=f"{i}", weather="cloudy", season="winter")).astype(int)
            redder = (with_ball[..., 0] - with_ball[..., 2] - empty[..., 0] + empty[..., 2]).clip(30) - 30
            found.append((redder.sum(0) @ np.arange(48)) / redder.sum())
        assert found[0] < found[1]


def test_nights_are_darker_and_snow_is_lighter() -> None:
    def light(**words: str) -> float:
        return float(np.mean([scenes.picture(_scene(id=str(i), **words)).mean() for i in range(20)]))

    assert light(time="night") < light(time="evening") < light(time="noon")
    assert light(weather="rain") < light() < light(weather="snow")


def test_one_scene_has_many_looks() -> None:
    looks = np.stack([scenes.picture(_scene(Thing("tree", "green", "large", 0.0, 0.3)), seed=seed) for seed in range(8)])
    assert looks.astype(float).std(0).mean() > 12  # levels of 255


def test_progress_is_told_and_ends_at_the_end() -> None:
    told: list[tuple[int, int, str]] = []
    scenes.pictures(scenes.world().sample(3), track=lambda *what: told.append(what))
    assert told == [(3, 3, "pictures")]


def test_what_has_no_drawing_is_an_error() -> None:
    with pytest.raises(SpecError, match="side = 4; expected at least 8 pixels"):
        scenes.picture(_scene(), side=4)
    with pytest.raises(SpecError, match=r"place 'gardn' has no drawing. Did you mean 'garden'"):
        scenes.picture(_scene(place="gardn"))
    with pytest.raises(SpecError, match=r"kind 'bal' has no drawing. Did you mean 'ball'"):
        scenes.picture(_scene(Thing("bal", "red", "small", 0.0, 0.3)))


def test_a_sheet_has_a_place_for_every_picture_and_text() -> None:
    events = scenes.world().sample(5)
    page = scenes.sheet(events, columns=3, side=48)
    assert page.size[0] == 3 * 58 + 10
    whites = np.asarray(page).min(-1) == 255
    assert not whites.all()
    spoiled = scenes.sheet(events, columns=3, side=48, shown=np.zeros((5, 16, 16, 3), dtype=np.uint8), said=["word " * 40] * 5)
    assert np.asarray(spoiled)[10:58, 10:58].max() == 0
    with pytest.raises(ShapeError, match="1 texts for 5 scenes"):
        scenes.sheet(events, said=["one"])
    with pytest.raises(SpecError, match="columns = 0"):
        scenes.sheet(events, columns=0)


def test_a_picture_does_not_change_the_events() -> None:
    events: Events = scenes.world().sample(2)
    before = events.fingerprint
    scenes.pictures(events)
    assert events.fingerprint == before
