"""The world of scenes: its probabilities are exact, its samples follow them, and its tables say what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from platometer import scenes
from platometer.errors import SpecError
from platometer.scenes import World

SHIPPED = Path(scenes.__file__).with_name("world.toml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def world() -> World:
    return scenes.world()


def _literal(world: World, names: tuple[str, ...], within: int) -> np.ndarray:
    """P(names) by going through every combination of the first `within` attributes."""
    tables = world.tables[:within]
    total = np.zeros([len(world.attributes[name]) for name in names])
    for at in np.ndindex(*(len(table.values) for table in tables)):
        case = dict(zip((table.name for table in tables), at, strict=True))
        p = 1.0
        for table in tables:
            p *= table.given[tuple(case[name] for name in (*table.parents, table.name))]
        total[tuple(case[name] for name in names)] += p
    return total


def test_a_joint_distribution_is_the_sum_over_all_cases(world: World) -> None:
    for names in (("place", "season"), ("weather", "place"), ("time",), ("weather", "season", "time")):
        np.testing.assert_allclose(world.joint(*names), _literal(world, names, 4), atol=1e-14)


def test_samples_are_found_as_often_as_the_tables_say(world: World) -> None:
    uniform = np.random.default_rng(0).random((40_000, len(world.tables)))
    rows = world._drawn(uniform)
    for left, right in (("place", "kind"), ("kind", "colour"), ("count", "mood"), ("kind_2", "size_2")):
        i, j = (list(world.attributes).index(name) for name in (left, right))
        p = world.joint(left, right)
        found = np.zeros(p.shape)
        np.add.at(found, (rows[:, i], rows[:, j]), 1 / len(rows))
        assert (np.abs(found - p) <= 5 * np.sqrt(p / len(rows))).all()
        assert (found[p == 0] == 0).all()


def test_each_split_follows_the_tables_too(world: World) -> None:
    for split in scenes.SPLITS:
        found = np.bincount(world.sample(8000, split=split).column("place"), minlength=8) / 8000
        np.testing.assert_allclose(found, world.joint("place"), atol=0.02)


def test_mutual_information_is_the_mean_of_pmi_and_what_entropies_leave(world: World) -> None:
    for left, right in (("place", "kind"), ("season", "weather"), (("place", "time"), "kind"), ("relation", "kind_2")):
        a = [left] if isinstance(left, str) else list(left)
        both = world.joint(*a, right).reshape(-1, len(world.attributes[right]))
        pmi = world.pmi(left, right)
        bits = world.mutual_information(left, right)
        assert bits == pytest.approx((both[both > 0] * pmi[both > 0]).sum() / np.log(2), abs=1e-12)
        assert bits == pytest.approx(world.entropy(*a) + world.entropy(right) - world.entropy(*a, right), abs=1e-10)
        assert bits == pytest.approx(world.mutual_information(right, left), abs=1e-12)
        assert (pmi[both == 0] == -np.inf).all()


def test_the_probability_of_a_scene_is_the_product_of_its_tables(world: World) -> None:
    events = world.sample(20)
    literal = [sum(np.log(table.given[tuple(list(world.attributes[name]).index(scene[name]) for name in
                                            (*table.parents, table.name))]) for table in world.tables) for scene in events]
    np.testing.assert_allclose(world.log_probability(events), literal, rtol=1e-12)


def test_a_scene_does_not_depend_on_how_many_are_drawn(world: World) -> None:
    few, many = world.sample(10, seed=3), world.sample(5000, seed=3)
    assert np.array_equal(few.values, many.values[:10])
    assert few.ids == many.ids[:10]
    assert few.fingerprint == many.take(range(10)).fingerprint
    assert not np.array_equal(few.values, world.sample(10, seed=4).values)


def test_no_scene_of_one_split_is_shown_in_another(world: World) -> None:
    seen = {split: {row.tobytes() for row in world.sample(4000, split=split, seed=seed).values}
            for seed, split in enumerate(scenes.SPLITS)}
    assert not seen["test"] & seen["pictures"]
    assert not seen["test"] & seen["captions"]
    assert not seen["pictures"] & seen["captions"]


@pytest.mark.parametrize("change", ["unrelated", "rewired"])
def test_other_worlds_keep_the_frequency_of_every_value(world: World, change: str) -> None:
    other = world.unrelated() if change == "unrelated" else world.rewired(seed=1)
    assert other.attributes == world.attributes
    for table in other.tables:
        np.testing.assert_allclose(table.given.sum(-1), 1, atol=1e-10)
        if not table.ruled:
            np.testing.assert_allclose(other.joint(table.name), world.joint(table.name), atol=1e-10)
    assert other.fingerprint != world.fingerprint


def test_in_the_unrelated_world_nothing_tells_of_anything_else(world: World) -> None:
    other = world.unrelated()
    for left, right in (("place", "kind"), ("season", "weather"), ("kind", "colour"), ("kind", "kind_2")):
        assert world.mutual_information(left, right) > 0.001
        assert other.mutual_information(left, right) == pytest.approx(0, abs=1e-12)


def test_the_rewired_world_relates_otherwise_and_by_seed(world: World) -> None:
    one, again, two = world.rewired(seed=1), world.rewired(seed=1), world.rewired(seed=2)
    assert one.fingerprint == again.fingerprint != two.fingerprint
    assert one.mutual_information("place", "kind") > 0.2
    assert np.abs(one.joint("place", "kind") - world.joint("place", "kind")).max() > 0.01


def test_things_stand_as_the_scene_says(world: World) -> None:
    for scene in world.sample(300):
        words = [scene[f"kind{j}"] for j in ("", "_2", "_3", "_4")]
        assert [thing.kind for thing in scene.things] == [word for word in words if word != "none"]
        assert len(scene.things) == ("one", "two", "three", "four").index(scene["count"]) + 1
        assert all(-1 <= thing.x <= 1 and 0 <= thing.depth <= 1 for thing in scene.things)
        if len(scene.things) > 1:
            first, second = scene.things[:2]
            how = {"left": second.x < first.x, "right": second.x > first.x,
                   "behind": second.depth > first.depth, "before": second.depth < first.depth}
            assert how[scene["relation"]]


def test_redrawn_scenes_share_what_they_should_and_nothing_more(world: World) -> None:
    events = world.sample(2000)
    other = world.redrawn(events, shared=2)
    assert np.array_equal(events.values[:, :2], other.values[:, :2])
    assert not np.array_equal(events.values[:, 2], other.values[:, 2])
    assert world.information(2) == pytest.approx(world.entropy("place", "season"), abs=1e-12)
    with pytest.raises(SpecError, match="shared = 99; expected 0 to"):
        world.redrawn(events, shared=99)


def test_unknown_names_are_errors_that_know_the_near_miss(world: World) -> None:
    with pytest.raises(SpecError, match=r"no attribute 'colur'. Did you mean 'colour'"):
        world.joint("colur")
    with pytest.raises(SpecError, match="named twice"):
        world.joint("place", "place")
    with pytest.raises(SpecError, match="ask for fewer attributes at once"):
        world.joint("kind", "colour", "kind_2", "colour_2", "kind_3", "colour_3", "kind_4")
    with pytest.raises(SpecError, match=r"split = 'tests'. Did you mean 'test'"):
        world.sample(1, split="tests")
    with pytest.raises(SpecError, match="at least one scene"):
        world.sample(0)
    with pytest.raises(SpecError, match="Did you mean 'kind'"):
        world.sample(1).column("kin")


@pytest.mark.parametrize(("old", "new", "text"), [
    ("summer = 4\nwinter = 0.2", "sumer = 4",
     r"own.toml, \[season\] given.place.desert: there is no 'sumer'. Did you mean 'summer'"),
    ("[season.given.place.desert]", "[season.given.plase.desert]", r"\[season\]: given.plase, .* Did you mean 'place'"),
    ("[season.given.place.desert]", "[season.given.place.dessert]",
     r"given.place: there is no 'dessert'. Did you mean 'desert'"),
    ("meadow = 5,", "meadow = -5,", r"\[place\] base.meadow = -5; expected a number that is not negative"),
    ("company = 2.0", "compny = 2.0", r"\[kind\]: unknown key 'compny'; expected base, given, company or rules"),
    ("[place]", "[place2]\nbase = { a = 1, b = 1 }\n[place]", r"unknown table \[place2\]. Did you mean 'place'"),
    ("  { else = true, is = \"lopsided\" },\n", "", r"\[symmetry\]: no rule fits"),
    ('{ arrangement = "mirrored", is', '{ arrangemnt = "mirrored", is',
     "a rule asks for 'arrangemnt'. Did you mean 'arrangement'"),
    ('name = "scenes"', 'name = "scenes', "is no TOML"),
    ("[time]\nbase = { morning = 3, noon = 4, evening = 3, night = 2 }", "", r"\[time\]"),
])
def test_a_slip_in_the_tables_is_named_with_its_place(tmp_path: Path, old: str, new: str, text: str) -> None:
    assert old in SHIPPED
    path = tmp_path / "own.toml"
    path.write_text(SHIPPED.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(SpecError, match=text):
        scenes.read(path)


def test_edited_tables_make_another_world(tmp_path: Path, world: World) -> None:
    path = tmp_path / "own.toml"
    path.write_text(SHIPPED.replace("meadow = 5,", "meadow = 50,", 1), encoding="utf-8")
    own = scenes.read(path)
    assert own.fingerprint != world.fingerprint
    assert own.joint("place")[0] == pytest.approx(50 / (50 + 27))
