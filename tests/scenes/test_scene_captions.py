import re

import numpy as np
import pytest

from platometer import scenes
from platometer.errors import InputError, SpecError
from platometer.scenes import _lexicon as lexicon

WORLD = scenes.world()
SOME = WORLD.sample(400, split="captions")


def forms(families):
    return {form for nouns in families.values() for noun in nouns for form in (noun, lexicon.plural(noun))}


def words_of(text):
    return re.findall(r"[\w-]+", text)


@pytest.mark.parametrize("words", scenes.DENSITIES)
@pytest.mark.parametrize("abstraction", [0, 0.5, 1])
def test_captions_are_as_long_as_asked_on_average(words, abstraction):
    lengths = [len(text.split()) for text in scenes.captions(SOME, words=words, abstraction=abstraction)]
    assert abs(np.mean(lengths) - words) < max(0.1 * words, 1.3)


def test_without_a_number_of_words_every_density_is_met():
    lengths = [len(text.split()) for text in scenes.captions(SOME)]
    assert min(lengths) == 3
    assert max(lengths) > 30


def test_the_vocabulary_has_some_hundreds_of_words():
    many = WORLD.sample(3000, split="captions")
    found = {word for a in (0, 0.5, 1) for text in scenes.captions(many, abstraction=a) for word in words_of(text)}
    assert 300 < len(found) < 500


def test_the_caption_of_an_event_does_not_depend_on_its_neighbours():
    assert scenes.captions(SOME)[7:9] == scenes.captions(SOME.take([7, 8]))


def test_another_seed_words_the_same_scene_anew():
    first, second = scenes.captions(SOME, words=20), scenes.captions(SOME, words=20, seed=1)
    assert sum(a != b for a, b in zip(first, second, strict=True)) > 390
    assert first == scenes.captions(SOME, words=20)


@pytest.mark.parametrize("words", scenes.DENSITIES)
def test_the_most_abstract_captions_name_no_kind_and_no_colour(words):
    named = forms(lexicon.KINDS) | {word for colours in lexicon.COLOURS.values() for word in colours}
    for text in scenes.captions(SOME, words=words, abstraction=1):
        assert not named & set(words_of(text)), text


def test_every_caption_is_plain_lower_case_english():
    for a in (0, 0.5, 1):
        for text in scenes.captions(SOME, abstraction=a):
            assert text
            assert re.fullmatch(r"[a-z ,.;-]+", text), text
            assert not re.search(r"\ba [aeiou]|\ban [^aeiou]|  | [,.;]|[{}]", text), text
            assert not re.search(r"\b(\w+) \1\b", text), text


@pytest.mark.parametrize(("attribute", "words"), [
    ("kind", lexicon.KINDS), ("colour", lexicon.COLOURS), ("size", lexicon.SIZES),
])
def test_what_is_mentioned_stands_there(attribute, words):
    for a in (0, 0.5):
        told = scenes.mentioned(SOME, words=20, abstraction=a)
        for i, text in enumerate(scenes.captions(SOME, words=20, abstraction=a)):
            if attribute in told[i] and not (attribute == "size" and a):
                assert set(words[SOME[i][attribute]]) & set(words_of(text)), text


def test_denser_captions_tell_more():
    told = [np.mean([len(names) for names in scenes.mentioned(SOME, words=words)]) for words in scenes.DENSITIES]
    assert told == sorted(told)
    assert told[0] == 3
    assert told[-1] > 9


def test_the_second_thing_stands_where_the_caption_says():
    """Read back: "A to the left of B" and "A, with B on the left", whichever of the two is the main thing."""
    kinds = {noun: kind for kind, nouns in lexicon.KINDS.items() for noun in nouns}
    opposite, seen = {"left": "right", "right": "left"}, 0
    for i, text in enumerate(scenes.captions(SOME, words=20)):
        scene, first = SOME[i], text.split(".")[0]
        named = [kinds[word] for word in words_of(first) if word in kinds][:2]
        side = re.search(r"(with .*(?:on|to) the|to the) (left|right)( of)?", first)
        if side is None or len(named) < 2 or named[0] == named[1]:
            continue
        second = side[2] if not side[3] else opposite[side[2]]  # of the two named, where the second is
        assert scene["relation"] == (second if named[0] == scene["kind"] else opposite[second]), text
        seen += 1
    assert seen > 40


def test_nouns_colours_and_sizes_tell_one_value_each():
    for families in (lexicon.KINDS, lexicon.COLOURS, lexicon.SIZES):
        words = [word for group in families.values() for word in group]
        assert len(words) == len(set(words))
    assert not forms(lexicon.KINDS) & {verb for verbs in lexicon.VERBS.values() for verb in verbs}


def test_every_value_of_the_world_has_words():
    for attribute, table in {"kind": lexicon.KINDS, "colour": lexicon.COLOURS, "place": lexicon.PLACES, "mood": lexicon.MOODS,
                             "season": lexicon.SEASONS, "symmetry": lexicon.SYMMETRIES}.items():
        assert set(table) == set(WORLD.attributes[attribute])


def test_dials_out_of_range_are_errors():
    with pytest.raises(InputError, match="words = 0; expected at least one"):
        scenes.captions(SOME, words=0)
    with pytest.raises(InputError, match=r"abstraction = 1\.5; expected a number from 0"):
        scenes.captions(SOME, abstraction=1.5)


def test_a_world_without_words_is_an_error():
    strange = scenes.Events({**SOME.attributes, "place": ("moor", *SOME.attributes["place"][1:])}, SOME.values.copy(), SOME.ids)
    for view, name in ((scenes.captions, "captions"), (scenes.sounds, "sounds"), (scenes.paths, "paths")):
        with pytest.raises(SpecError, match=f"The {name} have nothing for place = 'moor'"):
            view(strange)
