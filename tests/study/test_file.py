"""The study file: every slip is an error that names the key and says what was meant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from platometer import study
from platometer.errors import StudyError
from platometer.study import Study

GOOD = {"name": "mine", "models": ["file:a.npy", "file:b.npy"]}
TEXT = {"source": "text", "path": "texts.txt"}


def _of(**values: object) -> Study:
    return Study.of(GOOD | values)


@pytest.mark.parametrize(("values", "said"), [
    ({"modles": []}, "study: there is no key 'modles'. Did you mean 'models'?"),
    ({"align": {"metric": ["cka"]}}, "study: there is no key 'align.metric'. Did you mean 'metrics'?"),
    ({"compute": {"worker": 2}}, "study: there is no key 'compute.worker'. Did you mean 'workers'?"),
    ({"models": ["file:a.npy", {"source": "file:b.npy", "nam": "b"}]},
     "study: models.1: there is no key 'nam' beside source = 'file:b.npy'. Did you mean 'name'?"),
    ({"data": TEXT, "models": [{"source": "hf:x", "poolng": "cls"}, "hf:y"]},
     "study: models.0: there is no key 'poolng' beside source = 'hf:x'. Did you mean 'pooling'?"),
    ({"data": TEXT | {"limt": 5}}, "study: data: there is no key 'limt' beside source = 'text'. Did you mean 'limit'?"),
    ({"data": {"source": "folder", "path": "x", "caption": "all"}},
     "study: data: there is no key 'caption' beside source = 'folder'. Did you mean 'captions'"),
])
def test_unknown_keys_are_errors_with_a_suggestion(values: dict, said: str) -> None:
    with pytest.raises(StudyError) as error:
        _of(**values)
    assert str(error.value).startswith(said)


@pytest.mark.parametrize(("values", "said"), [
    ({"seed": "0"}, "study: seed: Input should be a valid integer (it is '0')."),
    ({"seed": True}, "study: seed: Input should be a valid integer (it is True)."),
    ({"align": {"draws": -1}}, "study: align.draws: Input should be greater than or equal to 0 (it is -1)."),
    ({"align": {"draws": 10.0}}, "study: align.draws: Input should be a valid integer (it is 10.0)."),
    ({"align": {"alpha": 1}}, "study: align.alpha: Input should be less than 1 (it is 1)."),
    ({"align": {"summary": "median"}},
     "study: align.summary: Input should be 'max', 'mean', 'last' or 'rowmax' (it is 'median')."),
    ({"align": {"metrics": []}}, "study: align.metrics: at least one is needed."),
    ({"align": {"metrics": ["mutual_nn"]}},
     "study: align.metrics: There is no metric named 'mutual_nn'. Did you mean 'mutual_knn'"),
    ({"align": {"metrics": ["mutual_knn(k=ten)"]}}, "study: align.metrics: "),
    ({"align": {"metrics": ["mutual_knn", "mutual_knn(k=10)"]}}, "study: align.metrics: 'mutual_knn(k=10)' stands twice."),
    ({"align": {"conditioning": "units"}}, "study: align.conditioning: "),
    ({"compute": {"workers": 0}}, "study: compute.workers: Input should be greater than or equal to 1 (it is 0)."),
    ({"compute": {"engine": "locl"}}, "study: compute.engine: there is no engine 'locl'. Did you mean 'local'?"),
    ({"data": {"source": "foldr", "path": "x"}}, "study: data.source: there is no dataset 'foldr'. Did you mean 'folder'?"),
    ({"data": {"source": "folder"}}, "study: data: the key 'path' is missing; source = 'folder' needs it."),
    ({"data": TEXT | {"limit": 0}}, "study: data.limit: Input should be greater than or equal to 1 (it is 0)."),
    ({"data": {"path": "x"}}, "study: the key 'data.source' is missing."),
    ({"models": [{"name": "b"}]}, "study: the key 'models.0.source' is missing."),
    ({"models": [{"sorce": "file:a.npy"}]}, "study: the key 'models.0.source' is missing; is it what 'sorce' should be?"),
    ({"models": ["file:a.npy", 3]}, "study: models.1: Input should be a valid dictionary"),
    ({"models": ["gpt2", "file:b.npy"]}, "study: models.0.source: 'gpt2' has no prefix; expected e.g. 'hf:gpt2'."),
    ({"models": ["tim:x", "file:b.npy"]}, "study: models.0.source: there is no model source 'tim'. Did you mean 'timm'"),
    ({"models": ["hf:x", "file:b.npy"]}, "study: the key 'data' is missing; only studies of file: models can do without."),
    ({"models": ["file:a.npy"]}, "study: a study compares at least two models; there is 1."),
    ({"models": ["file:x/a.npy", "file:y/a.npy"]},
     "study: two models are called 'a'; give them a name = \"...\" of their own."),
    ({"name": "../elsewhere"}, "study: name: it names a folder, so write it with letters, digits, spaces and . + - _ alone"),
    ({"name": ""}, "study: name: it names a folder"),
    ({"name": "n" * 300}, "study: name: String should have at most 80 characters"),
])
def test_bad_values_name_their_key(values: dict, said: str) -> None:
    with pytest.raises(StudyError) as error:
        _of(**values)
    assert str(error.value).startswith(said)
    assert "\n" not in str(error.value)


def test_every_slip_is_told_at_once() -> None:
    with pytest.raises(StudyError) as error:
        _of(seed="x", modles=[], align={"draws": -1})
    assert len(str(error.value).splitlines()) == 3


def test_what_is_missing_is_named() -> None:
    with pytest.raises(StudyError, match="study: the key 'name' is missing"):
        Study.of({"models": GOOD["models"]})
    with pytest.raises(StudyError, match="study: the key 'models' is missing"):
        Study.of({"name": "x"})


def test_one_word_is_a_list_of_one() -> None:
    read = _of(align={"metrics": "cka", "conditioning": ["none", "unit"]})
    assert (read.file.align.metrics, read.file.align.conditioning) == (["cka"], ["none", "unit"])


def test_models_are_called_by_the_last_part_of_their_source() -> None:
    sources = ["hf:org/name", "timm:vit_tiny", "python:mine.py:net", "python:pack.module:other", "file:x/vectors.npz",
               "hf:folder/"]
    read = _of(data=TEXT, models=[*sources, {"source": "st:x", "name": "mine"}])
    assert [table.name for table in read.models()] == ["name", "vit_tiny", "net", "other", "vectors", "folder", "mine"]


def test_options_of_your_own_function_are_its_own_affair() -> None:
    read = _of(data=TEXT, models=[{"source": "python:m.py:f", "whatever": [1]}, {"source": "hf:x", "pooling": "last"}])
    assert [table.options for table in read.file.models] == [{"whatever": [1]}, {"pooling": "last"}]


def test_a_file_is_read_from_its_place(vectors: Callable[..., Path]) -> None:
    path = vectors()
    read = Study.read(path)
    assert (read.name, read.base, read.text) == ("toy", path.parent.resolve(), path.read_text())


def test_errors_in_a_file_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text("name = \n")
    with pytest.raises(StudyError, match=r"s\.toml is not TOML: Invalid value \(at line 1, column 8\)"):
        Study.read(path)
    path.write_bytes(b"name = '\xff'")
    with pytest.raises(StudyError, match=r"s\.toml is not TOML: .*utf-8"):
        Study.read(path)
    path.write_text('name = "x"\nmodels = ["file:a.npy", "file:b.npy"]\nsed = 1\n')
    with pytest.raises(StudyError, match=r"s\.toml: there is no key 'sed'\. Did you mean 'seed'"):
        Study.read(path)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"There is no study file '.*none\.toml'\.$"):
        Study.read(tmp_path / "none.toml")
    with pytest.raises(StudyError, match="There is no study file 'shaps'"):
        Study.read("shaps")


def test_studies_that_ship_can_be_read_and_ask_something() -> None:
    for name, question in study.names().items():
        assert Study.read(name).name
        assert "?" in question, name
