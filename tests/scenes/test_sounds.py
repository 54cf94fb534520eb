import numpy as np
import pytest

from platometer import scenes

SOME = scenes.world().sample(200)


def changed(events, **values):
    """The same events with other values."""
    rows, names = events.values.copy(), list(events.attributes)
    for attribute, value in values.items():
        rows[:, names.index(attribute)] = events.attributes[attribute].index(value)
    return scenes.Events(events.attributes, rows, events.ids)


def spectrum(sound, low, high):
    power = np.abs(np.fft.rfft(sound)) ** 2
    hertz = np.fft.rfftfreq(sound.shape[-1], 1 / scenes.RATE)
    return power[..., (hertz >= low) & (hertz < high)].sum(-1) / power.sum(-1)


def test_a_sound_is_half_a_second_within_bounds():
    made = scenes.sounds(SOME)
    assert made.shape == (200, 4000)
    assert made.dtype == np.float32
    assert np.abs(made).max() <= 1
    assert made.std(1).min() > 0.01


def test_the_sound_of_an_event_does_not_depend_on_its_neighbours():
    assert np.array_equal(scenes.sounds(SOME)[[3, 8]], scenes.sounds(SOME.take([3, 8])))


def test_another_seed_is_another_recording():
    first, second = (scenes.sounds(SOME.take([0]), seed=seed)[0] for seed in (0, 1))
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.9


def test_colours_and_moods_cannot_be_heard():
    part = SOME.take(range(20))
    for other in (changed(part, colour="red"), changed(part, mood="calm")):
        assert np.array_equal(scenes.sounds(part), scenes.sounds(other))


def test_the_street_hums_and_the_rain_hisses():
    part = changed(SOME.take(range(100)), weather="clear", time="evening", place="garden")
    low = [spectrum(scenes.sounds(changed(part, place=place)), 40, 160).mean() for place in ("garden", "street")]
    assert low[1] > 2 * low[0]
    wet = changed(part, weather="rain", place="street")
    hiss = [spectrum(scenes.sounds(events), 2700, 3800).mean() for events in (changed(part, place="street"), wet)]
    assert hiss[1] > 2 * hiss[0]


def test_larger_things_sound_lower():
    rows = [i for i in range(200) if SOME[i]["count"] == "one"]
    bells = changed(SOME.take(rows), kind="tower", place="desert", weather="clear", season="summer", time="night")
    share = [spectrum(scenes.sounds(changed(bells, size=size)), 300, 400).mean() for size in ("small", "large")]
    assert share[1] > 2 * share[0]


@pytest.mark.parametrize("attribute", ["place", "time", "weather", "season", "kind", "size"])
def test_what_can_be_heard_changes_the_sound(attribute):
    part = SOME.take(range(30))
    values = SOME.attributes[attribute]
    first, second = (scenes.sounds(changed(part, **{attribute: value})) for value in (values[0], values[-1]))
    assert (np.abs(first - second).max(1) > 0.01).all()
