"""Views spoiled on purpose: what changes, what stays, and what is told."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from platometer.datasets import PERTURBATIONS, perturbed
from platometer.datasets._perturbed import nouns_of, perturbation
from platometer.errors import DataError, InputError, SpecError, UndefinedError
from platometer.samples import Samples

TEXTS = ["A dog runs over the grass.", "two cats sleep in a basket", "a child with a red ball on the beach", "nothing at all",
         "the dog by the basket", "a ball in the grass, a beach"]
TEXT = Samples.of(TEXTS, modality="text")
RNG = np.random.default_rng(0)
PICTURES = [Image.fromarray(RNG.integers(0, 256, (40, 30 + 3 * i, 3), dtype=np.uint8)) for i in range(4)]
PICTURE = Samples.of(PICTURES, modality="image")


def of(name: str) -> Samples:
    return TEXT if PERTURBATIONS[name].modality == "text" else PICTURE


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_ids_stay_content_changes_and_the_seed_decides(name: str) -> None:
    found, again, other = (perturbed(of(name), name, seed=seed) for seed in (1, 1, 2))
    assert found.ids == of(name).ids
    assert len(set(found.content)) == len(set(of(name).content))
    assert found.fingerprint == again.fingerprint != of(name).fingerprint
    assert found.card.details["perturbed"] == perturbation(name)
    assert [str(a) if isinstance(a, str) else a.tobytes() for (a,) in found.items] == [
        str(a) if isinstance(a, str) else a.tobytes() for (a,) in again.items]
    drawn = name.startswith(("shuffle", "swap"))
    assert drawn == any(_bytes(a) != _bytes(b) for (a,), (b,) in zip(found.items, other.items, strict=True))


def _bytes(item: object) -> bytes:
    return item.encode() if isinstance(item, str) else item.tobytes()


@pytest.mark.parametrize("name", ["shuffle-words", "blur", "grey", "shuffle-patches(side=3)", "shrink(to=8)"])
def test_a_sample_is_spoiled_alike_whoever_stands_beside_it(name: str) -> None:
    view = of(name.partition("(")[0])
    whole, part = perturbed(view, name), perturbed(view.take([2, 0]), name)
    assert _bytes(whole.items[2][0]) == _bytes(part.items[0][0])
    assert part.content[0] == whole.content[2]


def test_words_change_places_and_none_is_lost() -> None:
    found = perturbed(TEXT, "shuffle-words")
    assert [Counter(a.split()) for (a,) in found.items] == [Counter(text.split()) for text in TEXTS]
    assert sum(a != b for (a,), b in zip(found.items, TEXTS, strict=True)) >= 5


def test_nouns_are_found_between_an_article_and_what_follows_a_noun() -> None:
    assert nouns_of(["a black and white dog in the snow", "two red and two blue"]) == {"snow", "blue"}  # the rule's limits
    assert nouns_of(TEXTS) == {"dog", "grass", "basket", "child", "beach", "ball"}


def test_every_noun_becomes_one_of_another_sample_and_the_rest_stays() -> None:
    known = nouns_of(TEXTS)
    found = [text for (text,) in perturbed(TEXT, "swap-nouns").items]
    for before, after in zip(TEXTS, found, strict=True):
        old, new = ([word.strip(".,").lower() for word in text.split()] for text in (before, after))
        assert len(old) == len(new)
        assert all((a == b) == (a not in known) for a, b in zip(old, new, strict=True)), (before, after)
        assert set(new) & known <= known - (set(old) & known)
    assert found[3] == TEXTS[3]  # it has none
    assert found[0].startswith("A ")
    assert found[0].endswith(".")


def test_all_texts_of_a_sample_lose_the_same_noun_to_the_same_other() -> None:
    view = Samples.of([("a dog on the grass", "the dog"), ("a cat in a tree", "a cat")], modality="text")
    assert list(perturbed(view, "swap-nouns").items) == [("a cat on the tree", "the cat"), ("a dog in a grass", "a dog")]


def test_a_list_of_nouns_is_taken_at_its_word(tmp_path: Path) -> None:
    (tmp_path / "nouns.txt").write_text("Dog\ncats\n\n")
    found = [text for (text,) in perturbed(TEXT, f"swap-nouns(nouns='{tmp_path / 'nouns.txt'}')").items]
    assert found[1] == "two dog sleep in a basket"
    assert found[2] == TEXTS[2]
    assert {found[0], found[4]} <= {"A cats runs over the grass.", "the cats by the basket", *TEXTS}
    with pytest.raises(DataError, match="Expected a text file with a noun a line"):
        perturbed(TEXT, "swap-nouns(nouns='nowhere.txt')")


def test_patches_change_places_and_no_pixel_is_lost() -> None:
    before, after = (np.asarray(view.items[1][0]) for view in (PICTURE, perturbed(PICTURE, "shuffle-patches(side=4)")))
    assert before.shape == after.shape
    assert sorted(before.reshape(-1, 3).tolist()) == sorted(after.reshape(-1, 3).tolist())
    assert (before[:, 32:] == after[:, 32:]).all()  # 33 wide: one column is over
    assert (before != after).mean() > 0.5


def test_grey_has_no_colour_and_blur_and_shrink_no_detail() -> None:
    grey, blurred, small = (np.asarray(perturbed(PICTURE, how).items[0][0], dtype=float)
                            for how in ("grey", "blur(share=0.1)", "shrink(to=5)"))
    assert np.ptp(grey, axis=2).max() == 0
    before = np.asarray(PICTURES[0], dtype=float)
    for spoiled in (blurred, small):
        assert spoiled.shape == before.shape
        assert np.abs(np.diff(spoiled, axis=0)).mean() < 0.3 * np.abs(np.diff(before, axis=0)).mean()
        assert spoiled.mean() == pytest.approx(before.mean(), rel=0.03)
    untouched = perturbed(PICTURE, "shrink(to=400)").items[0][0]
    assert np.abs(np.asarray(untouched, dtype=float) - before).max() <= 1


def test_pictures_are_spoiled_only_when_they_are_asked_for() -> None:
    asked = []
    view = Samples(ids=("a", "b"), items=_Watched(asked), modality="image", content=("a", "b"))
    found = perturbed(view, "grey")
    assert asked == []
    assert found.items[1][0].mode == "RGB"
    assert asked == [1]


class _Watched:
    """Two pictures that note who was asked for."""

    def __init__(self, asked: list) -> None:
        self.asked = asked

    def __len__(self) -> int:
        return 2

    def __getitem__(self, i: int) -> tuple:
        self.asked.append(i)
        return (PICTURES[i],)


@pytest.mark.parametrize(("how", "said"), [
    ("blurr", "There is no perturbation 'blurr'. Did you mean 'blur'?"),
    ("blur(radius=3)", "blur has no option 'radius'; it has share."),
    ("grey(3)", "grey has no option '3'; it has none."),
    ("blur(share=2)", "share = 2; expected 0 to 1."),
    ("shuffle-patches(side=2.5)", "side = 2.5; expected 2 to 64."),
    ("swap-nouns(nouns=3)", "nouns = 3; expected a path."),
])
def test_slips_are_told(how: str, said: str) -> None:
    with pytest.raises(SpecError) as error:
        perturbation(how)
    assert said in str(error.value)


def test_what_does_not_fit_the_view_is_an_error() -> None:
    with pytest.raises(InputError, match=r"blur\(share=0\.02\) is of views of image, and this one is of text"):
        perturbed(TEXT, "blur")
    with pytest.raises(UndefinedError, match="0 of 2 samples have a noun; swapping needs two"):
        perturbed(Samples.of(["so it goes", "on and on"], modality="text"), "swap-nouns")
    with pytest.raises(InputError, match="has no 64 x 64 patches"):
        perturbed(PICTURE, "shuffle-patches(side=64)").items[0]
