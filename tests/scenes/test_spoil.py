"""Channels: nothing is lost at strength 0, losses are the same each time, and on events their bits are exact."""

from __future__ import annotations

import math

import numpy as np
import pytest

from platometer import scenes
from platometer.errors import ShapeError, SpecError, UndefinedError
from platometer.scenes import Chain, Channel, EventChannel, information_bound, information_kept

STRONG = {"blur": 2.0, "grey": 1, "crop": 0.4, "occlusion": 0.25, "palette": 6, "resolution": 3, "noise": 40}


@pytest.fixture(scope="module")
def seen() -> np.ndarray:
    return scenes.pictures(scenes.world().sample(6))


@pytest.mark.parametrize("name", scenes.CHANNELS)
def test_strength_zero_loses_nothing_and_more_loses_something_the_same_each_time(name: str, seen: np.ndarray) -> None:
    assert np.array_equal(Channel(name, 0)(seen), seen)
    made = Channel(name, STRONG[name])(seen, seed=3)
    assert made.shape == seen.shape
    assert made.dtype == np.uint8
    assert not np.array_equal(made, seen)
    assert np.array_equal(Channel(name, STRONG[name])(seen[[4, 1]], seed=3), made[[4, 1]])
    random = name in ("crop", "occlusion", "noise")
    assert np.array_equal(Channel(name, STRONG[name])(seen, seed=4), made) is not random


def test_each_loss_is_the_one_it_says(seen: np.ndarray) -> None:
    grey = Channel("grey", 1)(seen)
    assert (grey == grey[..., :1]).all()
    hidden = Channel("occlusion", 0.25)(seen)
    assert (hidden != seen).any(-1).mean() <= 0.25
    assert (Channel("occlusion", 1)(seen) == 128).all()
    assert len(np.unique(Channel("palette", 6)(seen))) == 4
    flat = Channel("resolution", 9)(seen)
    assert (flat == flat[:, :1, :1]).all()
    assert np.abs(Channel("noise", 20)(np.full_like(seen, 128)).std() - 20) < 0.5
    sharp, soft = (np.abs(np.diff(x.astype(int), axis=2)).mean() for x in (seen, Channel("blur", 2)(seen)))
    assert soft < sharp / 2


def test_channels_follow_one_another(seen: np.ndarray) -> None:
    blur, grey, noise = Channel("blur", 1), Channel("grey", 1), Channel("noise", 10)
    chain = blur | grey | noise
    assert chain == blur | (grey | Chain((noise,))) == Chain((blur, grey, noise))
    assert chain.name == "blur | grey | noise"
    assert np.array_equal((blur | grey)(seen), grey(blur(seen)))
    twice = (noise | noise)(np.full_like(seen, 128))
    assert twice.astype(float).std() == pytest.approx(10 * math.sqrt(2), rel=0.05)


def test_replacing_keeps_what_the_closed_form_says() -> None:
    world = scenes.world()
    p = world.joint("colour")
    for e in (0.0, 0.3, 1.0):
        literal = 0.0
        for i in range(len(p)):
            for j in range(len(p)):
                given = (1 - e) * (i == j) + e * p[j]
                literal += p[i] * given * math.log2(given / p[j]) if given else 0.0
        channel = EventChannel("replaced", ("colour",), e)
        assert information_kept(channel, world, ["colour"]) == pytest.approx(literal, abs=1e-12)


def test_merging_keeps_the_entropy_of_the_groups() -> None:
    world = scenes.world()
    p = world.joint("kind")
    groups = np.array([p[i:i + 4].sum() for i in range(0, 16, 4)])
    kept = information_kept(EventChannel("merged", ("kind",), 3), world, ["kind"])
    assert kept == pytest.approx(-(groups * np.log2(groups)).sum(), abs=1e-12)
    assert information_kept(EventChannel("merged", ("kind",), 15), world, ["kind"]) == 0


def test_hiding_leaves_what_the_rest_tells() -> None:
    world = scenes.world()
    hidden = EventChannel("hidden", ("place",), 1)
    assert information_kept(hidden, world, ["place"]) == pytest.approx(0, abs=1e-12)
    assert information_kept(hidden, world, ["place"], seen=["place", "kind"]) == pytest.approx(
        world.mutual_information("place", "kind"), abs=1e-12)
    both = ["season", "place"]
    assert information_kept(hidden, world, ["season"], seen=both) == pytest.approx(world.entropy("season"))


def test_a_chain_keeps_no_more_than_its_parts() -> None:
    world = scenes.world()
    one, two = EventChannel("merged", ("kind",), 1), EventChannel("replaced", ("kind", "place"), 0.4)
    ask = {"of": world, "attributes": ["kind", "place"]}
    both = information_kept(one | two, **ask)
    assert 0 < both < min(information_kept(one, **ask), information_kept(two, **ask)) < world.entropy("kind", "place")
    assert information_kept(EventChannel("replaced", ("kind",), 0), **ask) == pytest.approx(world.entropy("kind", "place"))


@pytest.mark.parametrize("channel", [
    EventChannel("replaced", ("kind", "kind_2"), 0.5), EventChannel("hidden", ("kind_2",), 0.5),
    EventChannel("merged", ("kind_2",), 3), EventChannel("replaced", ("relation",), 1),
])
def test_events_arrive_as_often_as_the_channels_table_says(channel: EventChannel) -> None:
    events = scenes.world().sample(4000)
    made = channel(events)
    for attribute in channel.attributes:
        table = channel.table(attribute)
        np.testing.assert_allclose(table.sum(1), 1)
        sent, came = events.column(attribute), made.column(attribute)
        for value in np.unique(sent):
            there = sent == value
            found = np.bincount(came[there], minlength=len(table)) / there.sum()
            assert (np.abs(found - table[value]) <= 4.5 * np.sqrt(table[value] / there.sum()) + 1e-12).all()
        if "none" in events.attributes[attribute]:
            none = len(table) - 1
            assert np.array_equal(sent == none, came == none)
    rest = [i for i, name in enumerate(events.attributes) if name not in channel.attributes]
    assert np.array_equal(events.values[:, rest], made.values[:, rest])
    assert made.ids == events.ids
    assert np.array_equal(channel(events.take([7, 2])).values, made.values[[7, 2]])
    assert scenes.pictures(made.take(range(20))).shape == (20, 48, 48, 3)


def test_of_pictures_only_bounds_are_known() -> None:
    world = scenes.world()
    for name, why in (("grey", "luminance stays"), ("blur", "no attribute is exactly lost"), ("palette", "low bits")):
        with pytest.raises(UndefinedError, match=why):
            information_kept(Channel(name, 1), world, ["colour"])
    with pytest.raises(UndefinedError, match="How much noise keeps is not exactly known"):
        information_kept(Channel("noise", 5) | Channel("blur", 1), world, ["colour"])
    assert information_kept(Channel("blur", 1) | Channel("occlusion", 1), world, ["colour"]) == 0


def test_a_bound_is_the_least_of_entropy_and_room() -> None:
    world = scenes.world()
    many = ["place", "season", "time", "weather", "kind", "colour"]
    assert information_bound(Channel("blur", 3), world, many) == pytest.approx(world.entropy(*many))
    assert information_bound(Channel("occlusion", 1), world, many) == 0
    noise = information_bound(Channel("noise", 4000), world, many)
    assert noise == pytest.approx(3 * 48**2 * math.log2(1 + (127.5 / 4000) ** 2) / 2)
    assert information_bound(Channel("blur", 3) | Channel("noise", 4000), world, many) == noise
    assert information_bound(Channel("palette", 7), world, many, side=1) == 3
    with pytest.raises(SpecError, match="ask information_kept"):
        information_bound(EventChannel("hidden", ("kind",), 1), world, ["kind"])  # type: ignore[arg-type]


def test_impossible_channels_are_errors(seen: np.ndarray) -> None:
    for make, text in (
        (lambda: Channel("blurr", 1), r"no channel 'blurr' on pictures. Did you mean 'blur'"),
        (lambda: Channel("blur", -1), "blur of strength -1; expected a number that is not negative"),
        (lambda: Channel("crop", 1), "crop of strength 1; expected 0 to below 1"),
        (lambda: Channel("palette", 2.5), "expected a whole number of bits"),
        (lambda: EventChannel("hide", ("kind",), 1), "no channel 'hide' on events. Did you mean 'hidden'"),
        (lambda: EventChannel("hidden", ("kin",), 1), "no attribute 'kin'. Did you mean 'kind'"),
        (lambda: EventChannel("hidden", "kind", 1), "expected a tuple of names"),  # type: ignore[arg-type]
        (lambda: EventChannel("hidden", ("count",), 1), "No channel acts on 'count'"),
        (lambda: EventChannel("hidden", ("kind",), 1.5), "expected a probability"),
        (lambda: EventChannel("merged", ("kind",), 1.5), "expected a whole number of values"),
        (lambda: Channel("blur", 1) | EventChannel("hidden", ("kind",), 1), "Spoil the events, draw them"),  # type: ignore[operator]
    ):
        with pytest.raises(SpecError, match=text):
            make()
    with pytest.raises(ShapeError, match="expected uint8 of"):
        Channel("blur", 1)(seen.astype(float))
    kept = {"of": scenes.world(), "attributes": ["kind", "colour", "kind_2", "colour_2"]}
    with pytest.raises(SpecError, match="ask for fewer at once"):
        information_kept(EventChannel("hidden", ("kind",), 1), **kept)
