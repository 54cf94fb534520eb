"""Samples and paired views: ids, content, subsets by seed that never change."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from platometer.cards import Card
from platometer.errors import InputError
from platometer.samples import Lazy, Paired, Rows, Samples


def texts(n: int = 6, word: str = "a") -> Samples:
    return Samples.of([f"{word} {i}" for i in range(n)], modality="text", name=word)


def paired(n: int = 6, groups: tuple | None = None) -> Paired:
    return Paired({"left": texts(n), "right": texts(n, "b")}, Card("pair"), groups=groups)


def test_plain_lists_become_samples_with_one_item_each() -> None:
    found = Samples.of(["one", ("two", "zwei"), ["three"]], modality="text")
    assert found.ids == ("0", "1", "2")
    assert list(found.items) == [("one",), ("two", "zwei"), ("three",)]
    assert len(found) == 3
    sound = Samples.of([(np.zeros(3, np.float32), 16000)], modality="audio")
    assert len(sound.items[0]) == 1
    assert sound.items[0][0][1] == 16000


def test_a_fingerprint_names_modality_ids_order_and_content() -> None:
    pictures = [Image.new("RGB", (2, 2), colour) for colour in ("red", "blue")]
    grey = [picture.convert("L") for picture in pictures]
    vectors = np.eye(2)
    kinds = [
        Samples.of(["a", "b"], modality="text"), Samples.of(["b", "a"], modality="text"),
        Samples.of([("a", "b"), "b"], modality="text"),
        Samples.of(pictures, modality="image"), Samples.of(grey, modality="image"),
        Samples.of(list(vectors), modality="vector"),
        Samples.of(list(vectors.astype(np.float32)), modality="vector"),
        Samples.of([[1.0, 0.0], [0.0, 1.0]], modality="vector"),
        Samples.of([(np.zeros(3, np.float32), 16000)] * 2, modality="audio"),
        Samples.of([(np.zeros(3, np.float32), 8000)] * 2, modality="audio"),
        Samples.of([(np.zeros(4, np.float32), 8000)] * 2, modality="audio"),
    ]
    assert len({samples.fingerprint for samples in kinds}) == len(kinds)
    again = Samples.of(list(np.eye(2)), modality="vector")
    assert Samples.of(list(vectors), modality="vector").fingerprint == again.fingerprint


@pytest.mark.parametrize(("change", "why"), [
    ({"ids": ("a", "b", "a")}, "The id 'a' stands more than once"),
    ({"modality": "smell"}, "There is no modality 'smell'; expected"),
    ({"ids": ("a", "b")}, "2 ids, 3 items and 3 content hashes"), ({"content": ["x"]}, "3 ids, 3 items and 1 content"),
])
def test_what_are_no_samples_says_why(change: dict, why: str) -> None:
    plain = {"ids": ("a", "b", "c"), "items": [("x",)] * 3, "modality": "text", "content": ["x"] * 3}
    with pytest.raises(InputError) as caught:
        Samples(**{**plain, **change})
    assert why in str(caught.value)


def test_take_keeps_ids_items_and_content_together_and_reads_nothing() -> None:
    read = []

    def item(i: int) -> tuple[str]:
        read.append(i)
        return (f"item {i}",)

    found = Samples(tuple("abcd"), Lazy(4, item), "text", list("ABCD")).take([3, 1]).take([1])
    assert read == []
    assert (found.ids, list(found.content), list(found.items)) == (("b",), ["B"], [("item 1",)])
    assert read == [1]


def test_lazy_sequences_behave_as_sequences() -> None:
    squares = Lazy(5, lambda i: i * i)
    assert list(squares) == [0, 1, 4, 9, 16]
    assert (len(squares), squares[-1], list(squares[1:4:2]), list(squares[::-1])) == (5, 16, [1, 9], [16, 9, 4, 1, 0])
    for i in (5, -6):
        with pytest.raises(IndexError):
            squares[i]
    rows = Rows(squares, [4, 0, 2])
    assert (list(rows), rows[-1], list(rows[1:])) == ([16, 0, 4], 4, [0, 4])
    with pytest.raises(IndexError):
        rows[3]


def test_views_hold_the_same_ids_in_the_same_order() -> None:
    found = paired()
    assert found.ids == texts().ids
    assert len(found) == 6
    with pytest.raises(InputError, match="The views 'left' and 'right' do not hold the same ids"):
        Paired({"left": texts(3), "right": texts(3).take([2, 1, 0])}, Card("x"))
    with pytest.raises(InputError, match="at least one view"):
        Paired({}, Card("x"))
    for groups, said in ((("a", "b"), "2 group labels for 6 samples"), (("a",), "1 group label for 6 samples")):
        with pytest.raises(InputError, match=said):
            paired(groups=groups)


def test_a_view_is_named_or_the_only_one_of_its_modality() -> None:
    picture = Samples.of([Image.new("L", (1, 1))] * 6, modality="image")
    found = Paired({"photo": picture, "caption": texts()}, Card("wit"))
    assert found.view("photo") is found.view("image") is picture
    assert found.view("text") is found.views["caption"]
    with pytest.raises(InputError, match="wit has no view 'audio'; its views are photo, caption"):
        found.view("audio")
    with pytest.raises(InputError, match=r"pair has several views of modality 'text': \['left', 'right'\].*Name the view"):
        paired().view("text")


def test_a_fingerprint_covers_every_view() -> None:
    assert paired().fingerprint == paired().fingerprint
    assert len({paired().fingerprint, paired(5).fingerprint, paired().take([1, 0, 2, 3, 4, 5]).fingerprint,
                Paired({"left": texts(), "right": texts()}, Card("pair")).fingerprint}) == 4


@settings(max_examples=60, deadline=None, database=None, derandomize=True)
@given(n=st.integers(1, 30), size=st.integers(1, 40), seed=st.integers(-(2**65), 2**65))
def test_a_subset_is_drawn_without_replacement_in_order_and_by_seed(n: int, size: int, seed: int) -> None:
    found = paired(n).subset(size, seed=seed)
    assert len(found) == min(n, size)
    numbers = [int(name) for name in found.ids]
    assert numbers == sorted(set(numbers))
    assert found.ids == paired(n).subset(size, seed=seed).ids
    assert found.views["left"].ids == found.views["right"].ids


def test_subsets_of_one_seed_are_nested_and_of_two_seeds_differ() -> None:
    whole = paired(200)
    drawn = [set(whole.subset(size, seed=5).ids) for size in (10, 50, 150)]
    assert drawn[0] < drawn[1] < drawn[2]
    assert whole.subset(50, seed=5).ids != whole.subset(50, seed=6).ids


def test_a_subset_never_changes_between_versions() -> None:
    assert paired(20).subset(5, seed=0).ids == ("0", "2", "9", "11", "17")


@settings(max_examples=60, deadline=None, database=None, derandomize=True)
@given(sizes=st.lists(st.integers(1, 4), min_size=1, max_size=8), size=st.integers(1, 20), seed=st.integers(0, 99))
def test_groups_stay_together(sizes: list[int], size: int, seed: int) -> None:
    labels = tuple(f"g{i}" for i, many in enumerate(sizes) for _ in range(many))
    whole = paired(len(labels), groups=labels)
    if size < min(sizes):
        with pytest.raises(InputError, match=f"A subset of {size} samples cannot hold a single group of pair"):
            whole.subset(size, seed=seed)
        return
    found = whole.subset(size, seed=seed)
    assert 0 < len(found) <= size or len(found) == len(whole)
    for label in set(found.groups):
        assert found.groups.count(label) == labels.count(label)


def test_a_group_that_does_not_fit_makes_room_for_one_that_does() -> None:
    labels = ("big",) * 9 + ("small",)
    for seed in range(20):
        assert paired(10, groups=labels).subset(5, seed=seed).groups == ("small",)


def test_a_subset_of_nothing_is_an_error() -> None:
    for n in (0, -1):
        with pytest.raises(InputError, match="A subset of"):
            paired().subset(n, seed=0)
