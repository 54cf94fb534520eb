"""A study with fewer of its models: what fits, what is here, and that it is said in plan, rows, record and published card."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from platometer.cli import app
from platometer.errors import SpecError, StudyError
from platometer.models import _torchvision_shim
from platometer.study import Results, Study, publish
from platometer.study._less import check, needed, sized, told, words


def of(*models: dict | str, base: Path = Path()) -> Study:
    return Study.of({"name": "some", "data": {"source": "folder", "path": "pictures", "captions": "none"},
                     "models": list(models), "align": {"metrics": ["cka"], "draws": 9}}, base=base)


def test_memory_is_that_of_the_weights_in_their_precision_and_a_quarter() -> None:
    tables = of({"source": "hf:a", "parameters": 1e9}, {"source": "hf:b", "parameters": 1e9, "dtype": "bfloat16"},
                {"source": "hf:c", "parameters": 1e9, "dtype": "bfloat16", "quantise": "4bit"}).models()
    assert [needed(table) for table in tables] == [5e9, 2.5e9, 0.625e9]
    assert (sized("24GB"), sized("16 GiB"), sized(2e9), told(sized("1.5TB"))) == (24e9, 2**34, 2e9, "1.5 TB")
    for wrong in ("24", "big", "12B"):
        with pytest.raises(SpecError, match="is no memory of a machine; expected such as 24GB"):
            sized(wrong)


def test_models_that_do_not_fit_are_left_out_and_named() -> None:
    study = of({"source": "hf:a", "parameters": 1e9}, {"source": "hf:b", "parameters": 1e9, "dtype": "bfloat16"},
               {"source": "hf:c", "parameters": 9e8, "dtype": "float16"})
    small = study.fitting("4GB")
    assert (small.left_out, [table.name for table in small.models()]) == (("a",), ["b", "c"])
    both = of({"source": "hf:a", "parameters": 1e9}, {"source": "hf:b", "parameters": 8e8, "dtype": "bfloat16"},
              *({"source": f"hf:{name}", "parameters": 2e8} for name in "cd")).fitting("4GB").limited("500M")
    assert both.left_out == ("a", "b")
    assert words(both) == "models of at most 500M parameters and at most 4 GB of memory (estimated)"
    with pytest.raises(StudyError, match=r"1 of its models fit 2\.4 GB of memory.*Least need c 2\.25 GB, b 2\.5 GB"):
        study.fitting("2.4GB")
    with pytest.raises(StudyError, match=r"a does not say how large it is, and models that do not fit 4 GB"):
        of({"source": "hf:a"}, "hf:b").fitting("4GB")


@pytest.mark.parametrize("name", ["prh-wit", "prh-skills", "prh-density", "prh-metrics", "aristotelian", "cave-gallery",
                                  "small", "objectives-consistency", "prh-vision"])
def test_every_study_of_large_models_degrades_to_what_fits(name: str) -> None:
    study = Study.read(name)
    small = study.fitting("4GB")
    assert {*small.left_out, *(table.name for table in small.models())} == {table.name for table in study.models()}
    assert all(needed(table) <= 4e9 for table in small.models())


@pytest.fixture
def pictures(vectors: Callable, tmp_path: Path) -> Path:
    """A study file of three files of vectors, one of which is not there."""
    path = vectors()
    path.write_text(path.read_text().replace('"file:c.npz"', '"file:c.npz", "file:d.npz"'))
    return path


def test_what_is_not_here_fails_by_name_or_is_left_out_and_recorded(pictures: Path, tmp_path: Path) -> None:
    study = Study.read(pictures)
    with pytest.raises(StudyError, match=r"model d: .*d\.npz"):
        study.run(tmp_path / "fails", progress=lambda *told: None)
    here = study.present()
    assert here.left_out == ("d",)
    assert here.plan(tmp_path / "out").notes[0] == "models of files that are here, 1 of 4 are left out: d"
    result = here.run(tmp_path / "out", progress=lambda *told: None)
    assert all("of models of files that are here" in " ".join(row["remarks"]) for row in result.rows)
    assert Results.read(tmp_path / "out").record["left_out"] == ["d"]
    card = json.loads((publish(tmp_path / "out", tmp_path / "given") / "card.json").read_text())
    assert (card["left_out"], card["kept"]) == (["d"], "models of files that are here")


def test_the_command_line_says_what_it_leaves_out(pictures: Path) -> None:
    found = CliRunner().invoke(app, ["run", str(pictures), "--dry-run", "--absent", "leave-out"])
    assert "1 of 4 are left out: d" in " ".join(found.output.split()), found.output
    found = CliRunner().invoke(app, ["run", str(pictures), "--dry-run", "--within", "300MB"])
    assert "models of at most 300 MB of memory (estimated), 0 of 4 are left out" in " ".join(found.output.split()), found.output
    wrong = CliRunner().invoke(app, ["run", str(pictures), "--dry-run", "--absent", "ignore"])
    assert "absent = 'ignore'; expected 'error' or 'leave-out'" in " ".join(str(wrong.exception).split()) + wrong.output


def test_weights_that_are_not_here_are_told_with_where_they_are_to_be_had(tmp_path: Path) -> None:
    if _torchvision_shim.ready() == "absent":
        pytest.skip("needs torchvision")
    tables = [{"source": "timm:resnet18", "name": name, "view": "image", "checkpoint": f"encoders/{name}.pth",
               "download": f"http://example.org/{name}.pth"} for name in ("one", "two", "three")]
    (tmp_path / "encoders").mkdir()
    for name in ("one", "two"):
        torch.save({}, tmp_path / "encoders" / f"{name}.pth")
    study = of(*tables, base=tmp_path)
    assert study.models()[0].options["checkpoint"] == str(tmp_path / "encoders" / "one.pth")
    with pytest.raises(StudyError) as error:
        check(study.models()[2], study.base)
    assert str(error.value).startswith(
        "its weights are not at 'encoders/three.pth', seen from the study file or from here. Have it from "
        "http://example.org/three.pth, and put it there; or leave out what is absent: --absent leave-out")
    assert study.present().left_out == ("three",)
    (tmp_path / "encoders" / "two.pth").unlink()
    with pytest.raises(StudyError, match=r"the files of 1 of its 3 models are here.* First is absent two: its weights are not"):
        study.present()
