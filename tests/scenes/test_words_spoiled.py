import re

import numpy as np
import pytest

from platometer import scenes
from platometer.errors import SpecError, UndefinedError
from platometer.scenes import WordChannel, words_kept
from platometer.scenes import _lexicon as lexicon

WORLD = scenes.world()
TEXTS = scenes.captions(WORLD.sample(300, split="captions"), words=20)


def channels(strength, whole):
    return [WordChannel("dropped", strength), WordChannel("shuffled", strength), WordChannel("swapped", strength),
            *(WordChannel("merged", whole, of=of) for of in ("kind", "colour", "size"))]


@pytest.mark.parametrize("channel", channels(0, 0), ids=lambda c: c.name + c.of)
def test_no_strength_loses_nothing(channel):
    assert channel(TEXTS) == TEXTS


@pytest.mark.parametrize("channel", channels(0.5, 1), ids=lambda c: c.name + c.of)
def test_a_caption_is_spoiled_the_same_wherever_it_stands(channel):
    assert channel(TEXTS)[5:7] == channel(TEXTS[5:7])
    assert channel(TEXTS) != TEXTS


@pytest.mark.parametrize("channel", channels(0.5, 1)[:3], ids=lambda c: c.name)
def test_another_seed_spoils_otherwise(channel):
    assert channel(TEXTS, seed=1) != channel(TEXTS)


def test_as_many_words_are_dropped_as_asked():
    before, after = (sum(len(text.split()) for text in texts) for texts in (TEXTS, WordChannel("dropped", 0.3)(TEXTS)))
    assert abs(after / before - 0.7) < 0.02
    assert set(WordChannel("dropped", 1)(TEXTS)) == {"..."}


def test_shuffled_words_are_the_same_words():
    for text, spoiled in zip(TEXTS, WordChannel("shuffled", 1)(TEXTS), strict=True):
        assert sorted(re.findall(r"[\w-]+", text)) == sorted(spoiled.split())


def test_swapped_nouns_are_all_others():
    first = {form: kind for kind, nouns in lexicon.KINDS.items() for noun in nouns for form in (noun, lexicon.plural(noun))}
    for text, spoiled in zip(TEXTS, WordChannel("swapped", 1)(TEXTS), strict=True):
        before, after = ([first[word] for word in re.findall(r"[\w-]+", t) if word in first] for t in (text, spoiled))
        assert len(before) == len(after)
        assert all(a != b for a, b in zip(before, after, strict=True))


def test_colours_all_merged_are_coloured():
    words = {word for group in lexicon.COLOURS.values() for word in group}
    for text in WordChannel("merged", 9, of="colour")(TEXTS):
        assert not words & set(re.findall(r"[\w-]+", text))
        assert not re.search(r"\ban coloured", text)


def test_kinds_all_merged_do_not_show_in_their_verbs():
    for text in WordChannel("merged", 15, of="kind")(TEXTS):
        assert not re.search(r"\b(barks|grazes|moored|pitched|flutters|oak|dog)\b", text)


def test_groups_have_their_size_and_hang_on_the_seed():
    for grouping in (0, 1):
        groups = WordChannel("merged", 1, of="colour", grouping=grouping).groups
        assert sorted(groups) == sorted(lexicon.COLOURS)
        assert all(list(groups.values()).count(first) == 2 for first in groups.values())
    assert groups != WordChannel("merged", 1, of="colour").groups


def test_merging_keeps_the_entropy_of_the_groups():
    channel = WordChannel("merged", 1, of="colour")
    p = dict(zip(WORLD.attributes["colour"], WORLD.joint("colour"), strict=True))
    merged = np.array([sum(p[v] for v, first in channel.groups.items() if first == g) for g in set(channel.groups.values())])
    assert words_kept(channel, WORLD, "colour") == pytest.approx(-(merged * np.log2(merged)).sum())
    assert words_kept(channel, WORLD, "kind_2") == pytest.approx(WORLD.entropy("kind_2"))
    assert words_kept(WordChannel("merged", 9, of="colour"), WORLD, "colour") == pytest.approx(0, abs=1e-12)


def test_the_merged_words_keep_what_was_computed():
    """The same number counted from captions that tell the main colour in their first sentence."""
    events = WORLD.sample(20000, split="captions")
    channel = WordChannel("merged", 4, of="colour", grouping=3)
    group_of = {lexicon.COLOURS[v][0]: i for i, v in enumerate(dict.fromkeys(channel.groups.values()))}
    told = scenes.mentioned(events, words=3)
    counts = np.zeros((10, 2))
    for i, text in enumerate(channel(scenes.captions(events, words=3))):
        if "colour" in told[i]:
            counts[events.column("colour")[i], next(group_of[w] for w in re.findall(r"[\w-]+", text) if w in group_of)] += 1
    assert ((counts > 0).sum(1) == 1).all()  # a value goes into one word
    p = counts.sum(0) / counts.sum()
    assert words_kept(channel, WORLD, "colour") == pytest.approx(-(p * np.log2(p)).sum(), abs=0.03)


def test_dropping_half_of_the_words_keeps_half_of_the_bits():
    half = WordChannel("dropped", 0.5)
    assert words_kept(half, WORLD, "size") == pytest.approx(WORLD.entropy("size") / 2)
    assert words_kept(half | half, WORLD, "size") == pytest.approx(WORLD.entropy("size") / 4)
    assert words_kept(half, WORLD, "colour_2") < WORLD.entropy("colour_2")


def test_channels_follow_one_another():
    chain = WordChannel("merged", 9, of="colour") | WordChannel("dropped", 0.5)
    assert chain.name == "merged | dropped"
    assert chain(TEXTS, seed=2) == WordChannel("dropped", 0.5)(WordChannel("merged", 9, of="colour")(TEXTS), seed=2 + 1_000_003)
    assert words_kept(chain | WordChannel("dropped", 0.1), WORLD, "colour") == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("channel", "why"), [
    (WordChannel("shuffled", 0.5), "which belongs to which"), (WordChannel("swapped", 0.5), "the verb stays"),
    (WordChannel("dropped", 0.5), "a verb may tell a kind"),
])
def test_what_is_not_known_is_an_error_that_says_why(channel, why):
    with pytest.raises(UndefinedError, match=why):
        words_kept(channel, WORLD, "kind")


def test_slips_are_errors():
    for wrong, text in [
        (lambda: WordChannel("drop", 0.5), "Did you mean 'dropped'"), (lambda: WordChannel("dropped", 2), "a probability"),
        (lambda: WordChannel("merged", 1), "merged needs of"), (lambda: WordChannel("merged", 0.5, of="size"), "whole number"),
        (lambda: WordChannel("dropped", 0.5, of="size"), "acts on all words"),
        (lambda: words_kept(WordChannel("dropped", 0.5), WORLD, "place"), "no words of its own"),
        (lambda: words_kept(scenes.EventChannel("hidden", ("place",), 1), WORLD, "kind"), "ask information_kept"),
        (lambda: scenes.information_kept(WordChannel("dropped", 0.5), WORLD, ["kind"]), "ask words_kept"),
    ]:
        with pytest.raises(SpecError, match=text):
            wrong()
