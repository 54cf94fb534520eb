"""Labelled data keep their division, the layer is chosen where nobody is judged, and what was asked once is kept."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from platometer import capability
from platometer.capability import (
    VTAB,
    Capability,
    Labelled,
    labelled,
    linear_probes,
    logistic_probes,
    probe,
    probe_layers,
    solved,
)
from platometer.errors import DataError, InputError, SpecError, UndefinedError, UnknownNameError
from platometer.features import Features
from platometer.models import wrap


def clouds(n: int = 400, spread: float = 0.4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    label = rng.integers(0, 3, n)
    return np.eye(3)[label] + spread * rng.standard_normal((n, 3)), label


def test_logistic_regression_finds_the_least_that_scikit_learn_finds() -> None:
    sklearn = pytest.importorskip("sklearn.linear_model")
    x, label = clouds(spread=0.6)
    found = logistic_probes(x, {"a": label}, penalties=[0.01])["a"]
    order = np.random.default_rng(0).permutation(400)
    learn, judge = order[:200], order[260:]
    y = (x - x[learn].mean(0)) / np.sqrt(((x[learn] - x[learn].mean(0)) ** 2).mean())
    model = sklearn.LogisticRegression(C=1 / (0.01 * 200), tol=1e-8, max_iter=1000).fit(y[learn], label[learn])
    assert np.array_equal(found.right, model.predict(y[judge]) == label[judge])


def test_logistic_regression_says_what_a_class_it_never_saw_is_not() -> None:
    x, label = clouds(200)
    label = label * 2  # 0, 2, 4: numbers between are nobody's
    assert logistic_probes(x, {"a": label})["a"].accuracy > 0.85


@pytest.mark.parametrize("probes", [linear_probes, logistic_probes])
def test_rows_that_come_divided_stay_so(probes) -> None:
    x, label = clouds()
    parts = [np.arange(200), np.arange(200, 250), np.arange(250, 400)]
    found = probes(x, {"a": label}, parts=parts)["a"]
    assert len(found.right) == 150
    label = label.copy()
    label[250:] = (label[250:] + 1) % 3  # what judges has no part in the rest
    assert probes(x, {"a": label}, parts=parts)["a"].validation == found.validation
    with pytest.raises(InputError, match="judged by rows that were learnt from"):
        probes(x, {"a": label}, parts=[parts[0], parts[1], np.arange(100, 300)])
    with pytest.raises(InputError, match="expected three, none empty"):
        probes(x, {"a": label}, parts=[parts[0], parts[1], []])


def test_a_division_has_no_more_rows_than_the_limit_and_none_twice() -> None:
    splits = ["train"] * 60 + ["validation"] * 20 + ["test"] * 20
    whole = Labelled.of([[float(i)] for i in range(100)], [i % 2 for i in range(100)], modality="vector", splits=splits)
    learn, choose, judge = whole.parts(limit=10, seed=3)
    assert (len(learn), len(choose), len(judge)) == (10, 10, 20)
    assert set(learn) <= set(range(60))
    assert set(judge) == set(range(80, 100))
    assert len(whole.parts(most=5)[2]) == 5
    two = Labelled.of(list(np.eye(100)), [i % 2 for i in range(100)], modality="vector", splits=["train"] * 80 + ["test"] * 20)
    learn, choose, judge = two.parts()
    assert (len(learn), len(choose), len(judge)) == (64, 16, 20)
    none = Labelled.of(list(np.eye(100)), [i % 2 for i in range(100)], modality="vector")
    learn, choose, judge = none.parts()
    assert sorted([*learn, *choose, *judge]) == list(range(100))
    assert (len(learn), len(choose), len(judge)) == (50, 15, 35)
    with pytest.raises(InputError, match="Is a split missing"):
        Labelled.of(list(np.eye(4)), [0, 1, 0, 1], modality="vector", splits=["train"] * 4).parts()


@pytest.mark.parametrize(("changed", "said"), [
    ({"labels": np.array([0])}, r"^4 samples, 1 label; expected one each\."),
    ({"splits": ("train",)}, r"^4 samples, 4 labels, 1 split; expected one each\."),
    ({"splits": ()}, r"^4 samples, 4 labels, 0 splits; expected one each\."),
    ({"classes": ("a",)}, r"^4 labels among 1 class; expected whole numbers from 0 on, each with a name\."),
])
def test_what_does_not_go_with_the_samples_is_counted(changed: dict, said: str) -> None:
    whole = Labelled.of(list(np.eye(4)), [0, 1, 0, 1], modality="vector")
    with pytest.raises(InputError, match=said):
        dataclasses.replace(whole, **changed)


def _model(calls: list | None = None):
    """Three layers: nothing, the label with noise, noise."""
    def function(items):
        if calls is not None:
            calls.append(len(items))
        x = torch.stack([torch.as_tensor(item) for item in items]).double()
        return {"flat": torch.ones(len(x), 2), "good": x[:, :3], "noise": x[:, 3:]}

    return wrap(function, modality="vector", name="mine", layers=["flat", "good", "noise"], revision="1")


def _data(n: int = 300) -> Labelled:
    x, label = clouds(n)
    x = np.concatenate([x, np.random.default_rng(1).standard_normal((n, 4))], 1)
    return Labelled.of(list(x), label.tolist(), modality="vector", name="clouds")


@pytest.mark.parametrize("kind", ["ridge", "logistic", "knn"])
def test_the_best_layer_is_found_and_its_accuracy_has_an_interval(kind: str) -> None:
    found = probe(_model(), _data(), kind=kind)
    assert found.details["layer"] == "good"
    assert set(found.details["by_layer"]) == {"good", "noise"}  # what does not vary is left out
    assert 0.8 < found.low < found.value < found.high <= 1
    assert (found.what, found.n, found.details["rows"]) == ("accuracy on clouds", 105, [150, 45, 105])


def test_features_and_answers_are_kept_by_content(tmp_path: Path) -> None:
    calls: list = []
    first = probe(_model(calls), _data(), folder=tmp_path)
    ran, kept = len(calls), sorted((tmp_path / "probes").iterdir())
    assert len(kept) == 2
    again = probe(_model(calls), _data(), folder=tmp_path)
    assert len(calls) == ran
    assert again == first
    kept[0].write_text("damaged")
    assert probe(_model(calls), _data(), folder=tmp_path) == first
    other = _data()
    other.labels[0] = (other.labels[0] + 1) % 3
    probe(_model(calls), other, folder=tmp_path)
    assert len(sorted((tmp_path / "probes").iterdir())) == 4


def test_layers_of_any_features_can_be_probed() -> None:
    x, label = clouds()
    found = probe_layers(Features.of({"a": x, "b": np.ones((400, 2))}, name="x"), label)
    assert list(found) == ["a"]
    with pytest.raises(UndefinedError, match="No layer of x varies"):
        probe_layers(Features.of({"b": np.ones((400, 2))}, name="x"), label)
    with pytest.raises(InputError, match="kind = 'forest'"):
        probe_layers(Features.of({"a": x}, name="x"), label, kind="forest")


def _pictures(folder: Path, classes=("cat", "dog"), each: int = 3) -> None:
    rng = np.random.default_rng(len(folder.parts))
    for name in classes:
        (folder / name).mkdir(parents=True)
        for i in range(each):
            Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)).save(folder / name / f"{i}.png")


def test_class_folders_are_labels_and_the_folders_above_them_splits(tmp_path: Path) -> None:
    _pictures(tmp_path / "plain")
    found = labelled(tmp_path / "plain")
    assert (found.classes, found.labels.tolist(), found.splits) == (("cat", "dog"), [0, 0, 0, 1, 1, 1], None)
    assert found.samples.items[4][0].size == (4, 4)
    _pictures(tmp_path / "divided" / "train")
    _pictures(tmp_path / "divided" / "val", each=1)
    assert labelled(tmp_path / "divided").splits == ("train",) * 6 + ("validation",) * 2
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="has no folders in it"):
        labelled(tmp_path / "empty")


def test_a_table_of_paths_or_texts_is_read(tmp_path: Path) -> None:
    _pictures(tmp_path)
    (tmp_path / "pictures.csv").write_text("path,label,split\ncat/0.png,cat,train\ndog/1.png,dog,test\n")
    found = labelled(tmp_path / "pictures.csv")
    assert (found.classes, found.splits, found.samples.modality) == (("cat", "dog"), ("train", "test"), "image")
    (tmp_path / "texts.csv").write_text("text,class\nI like it,3\nI do not,10\n")
    told = labelled(tmp_path / "texts.csv")
    assert (told.classes, told.labels.tolist(), told.samples.modality) == (("3", "10"), [0, 1], "text")
    (tmp_path / "bad.csv").write_text("path,label,split\ncat/0.png,cat,holdout\n")
    with pytest.raises(DataError, match="line 2: the split 'holdout'"):
        labelled(tmp_path / "bad.csv")
    (tmp_path / "gone.csv").write_text("path,label\ncat/9.png,cat\n")
    with pytest.raises(DataError, match="cannot be read"):
        labelled(tmp_path / "gone.csv")
    (tmp_path / "blind.csv").write_text("path,colour\ncat/0.png,red\n")
    with pytest.raises(DataError, match="which column holds the labels"):
        labelled(tmp_path / "blind.csv")
    assert labelled(tmp_path / "blind.csv", label_column="colour").classes == ("red",)
    with pytest.raises(SpecError, match="no option 'colunm'"):
        labelled(tmp_path / "blind.csv", colunm="colour")
    with pytest.raises(DataError, match="holds no labelled samples"):
        labelled(tmp_path / "absent")


def test_arrays_of_pictures_and_labels_are_read(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (12, 8, 8, 3), dtype=np.uint8)
    np.savez(tmp_path / "some.npz", images=images, labels=np.arange(12) % 3, classes=np.array(["ape", "bee", "cow"]))
    found = labelled(tmp_path / "some.npz")
    assert (found.classes, found.labels.tolist(), found.splits) == (("ape", "bee", "cow"), [i % 3 for i in range(12)], None)
    assert np.array_equal(np.asarray(found.samples.items[5][0]), images[5])
    assert len(found.subset(7).samples) == 7


def test_a_hub_dataset_on_disk_gives_its_splits_and_names_of_classes(tmp_path: Path) -> None:
    library = pytest.importorskip("datasets")
    rng = np.random.default_rng(0)

    def part(n: int):
        pictures = [Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)) for _ in range(n)]
        return library.Dataset.from_dict({"webp": pictures, "cls": [i % 2 for i in range(n)]}, features=library.Features(
            {"webp": library.Image(), "cls": library.ClassLabel(names=["yes", "no"])}))

    library.DatasetDict({"train": part(6), "test": part(4)}).save_to_disk(tmp_path / "data")
    found = labelled(f"hf:{tmp_path / 'data'}", splits=("train", "test"))
    assert found.classes == ("yes", "no")
    assert found.labels.tolist() == [0, 1] * 5
    assert found.splits == ("train",) * 6 + ("test",) * 4
    assert found.samples.items[9][0].size == (4, 4)


def test_the_nineteen_tasks_of_vtab_are_planned(monkeypatch) -> None:
    assert len(VTAB) == 19
    groups = [task.group for task in VTAB.values()]
    assert (groups.count("natural"), groups.count("specialised"), groups.count("structured")) == (7, 4, 8)
    assert len({task.hub for task in VTAB.values()}) == 19
    assert all(task.licence and task.asks and task.classes > 1 for task in VTAB.values())
    asked = []
    monkeypatch.setattr(capability._labelled, "_from_hub", lambda hub, **how: asked.append((hub, how)))
    labelled("vtab:svhn")
    how = {"label_column": "cls", "splits": ("train", "test"), "name": "vtab:svhn"}
    assert asked == [("clip-benchmark/wds_vtab-svhn", how)]
    with pytest.raises(UnknownNameError, match="Did you mean 'svhn'"):
        labelled("vtab:svnh")


def test_a_task_counts_as_solved_at_four_fifths_of_the_best() -> None:
    values = {("a", "x"): 0.9, ("b", "x"): 0.72, ("c", "x"): 0.71, ("a", "y"): 0.5, ("b", "y"): 0.3, ("c", "y"): 0.2}
    found = solved([Capability(model, task, value) for (model, task), value in values.items()])
    assert [(one.model, one.value) for one in found] == [("a", 1.0), ("b", 0.5), ("c", 0.0)]
    with pytest.raises(InputError, match="'b' has no 'y'"):
        solved([Capability("a", "x", 1), Capability("a", "y", 1), Capability("b", "x", 1)])
    with pytest.raises(InputError, match="stands twice"):
        solved([Capability("a", "x", 1), Capability("a", "x", 1)])
