"""What models read of a sample's texts, and that it is told."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from platometer.errors import InputError, StudyError
from platometer.samples import Samples
from platometer.study import Study
from platometer.study._file import ReadsTable
from platometer.study._reads import fits, reading, told

VIEW = Samples.of([("a dog on the grass", "a dog"), ("two cats sleep by a fire", "cats")], modality="text")


def test_nothing_asked_for_leaves_the_view_as_it_is() -> None:
    assert reading(VIEW, None) is VIEW
    assert reading(VIEW, ReadsTable()) is VIEW


def test_words_change_places_and_none_is_lost() -> None:
    found = reading(VIEW, ReadsTable(perturbed="shuffle-words"), seed=1)
    again = reading(VIEW, ReadsTable(perturbed="shuffle-words"), seed=1)
    assert list(found.items) == list(again.items)
    assert [sorted(text.split()) for row in found.items for text in row] == [
        sorted(text.split()) for row in VIEW.items for text in row]
    assert list(found.items) != list(VIEW.items)
    assert list(reading(VIEW, ReadsTable(perturbed="shuffle-words"), seed=2).items) != list(found.items)
    assert found.fingerprint != VIEW.fingerprint
    assert found.ids == VIEW.ids


def test_one_text_the_first_few_or_all_in_one_are_read() -> None:
    assert [row for row in reading(VIEW, ReadsTable(text=1)).items] == [("a dog",), ("cats",)]
    assert [len(row) for row in reading(VIEW, ReadsTable(texts=1)).items] == [1, 1]
    assert reading(VIEW, ReadsTable(several="join")).items[1] == ("two cats sleep by a fire cats",)
    assert reading(VIEW, ReadsTable(text=0, prompt="I see {caption}!")).items[0] == ("I see a dog on the grass!",)


def test_braces_in_a_caption_are_text() -> None:
    view = Samples.of([("{caption} {0}",)], modality="text")
    assert reading(view, ReadsTable(prompt="Read: {caption}")).items[0] == ("Read: {caption} {0}",)


def test_what_was_read_is_told_with_its_words() -> None:
    asked = ReadsTable(text=1)
    assert told(reading(VIEW, asked), asked)["reads"] == asked.model_dump() | {"texts": 1, "mean_words": 1.5}
    assert told(VIEW, None) == {}


def test_a_picture_is_spoiled_and_nothing_else_is_asked_of_it() -> None:
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8))
    view, asked = Samples.of([picture, picture.rotate(90)], modality="image"), ReadsTable(perturbed="grey")
    found = reading(view, asked)
    assert np.ptp(np.asarray(found.items[0][0]), axis=2).max() == 0
    assert told(found, asked) == {"reads": {"perturbed": "grey"}}
    assert (fits(view, asked), fits(VIEW, asked), fits(VIEW, ReadsTable(text=0)), fits(view, ReadsTable(text=0))) == (
        True, False, True, False)
    with pytest.raises(InputError, match="grey is of views of image, and this one is of text"):
        reading(VIEW, asked)


def test_too_few_texts_and_views_of_pictures_are_errors() -> None:
    with pytest.raises(StudyError, match=r"text 3 of each sample is asked for, but '0' has 2\. Data with several"):
        reading(VIEW, ReadsTable(texts=3))
    with pytest.raises(StudyError, match="is of texts, and the view is of vector"):
        reading(Samples.of([[1.0], [2.0]], modality="vector"), ReadsTable(text=0))


@pytest.mark.parametrize(("reads", "said"), [
    ({"prompt": "A picture"}, "models.0.reads.prompt: 'A picture' has no place for the text"),
    ({"text": 0, "texts": 2}, "models.0.reads: text = 0 is one of them, texts = 2 the first so many. Give one."),
    ({"perturbd": "grey"}, "there is no key 'models.0.reads.perturbd'. Did you mean 'perturbed'?"),
    ({"perturbed": "shuffle-word"}, "models.0.reads.perturbed: There is no perturbation 'shuffle-word'. Did you mean"),
])
def test_slips_in_reads_are_told(reads: dict, said: str) -> None:
    with pytest.raises(StudyError) as error:
        Study.of({"name": "x", "data": {"source": "text", "path": "t.txt"},
                  "models": [{"source": "hf:a", "reads": reads}, "hf:b"]})
    assert said in str(error.value)
