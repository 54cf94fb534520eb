"""The command line after a run: trend, compare, publish, and a run of less; words for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from platometer import cli


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study of six files of vectors, of two views, and a table of results."""
    place = tmp_path_factory.mktemp("after")
    rng = np.random.default_rng(0)
    z = rng.normal(size=(40, 3))
    models = ""
    for i, name in enumerate("abcdef"):
        np.save(place / f"{name}.npy", z @ rng.normal(size=(3, 6)) + 2.0 / (1 + i % 3) * rng.normal(size=(40, 6)))
        models += (f'[[models]]\nsource = "file:{name}.npy"\nview = "{"image" if i < 3 else "text"}"\n'
                   f'parameters = {10 ** (6 + i % 3)}\n')
    (place / "s.toml").write_text('name = "toy"\nquestion = "Do they?"\n[gallery]\nqueries = 20\nsizes = [20, 40]\n'
                                  f'k = [3]\nshare = []\n[align]\nmetrics = ["mutual_knn(k=5)"]\ndraws = 20\n{models}')
    (place / "skills.csv").write_text("model,skill\n" + "".join(f"{name},{i}\n" for i, name in enumerate("abcdef")))
    return place


@pytest.fixture
def say(capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch, home: Path) -> Callable[..., tuple[int, str, str]]:
    """The command line, run on these words in the folder: exit code, stdout, stderr."""
    monkeypatch.chdir(home)

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["platometer", *map(str, words)])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0
        out, err = capsys.readouterr()
        return code, out, err

    if not (home / "runs" / "toy").exists():
        assert run("run", "s.toml")[0] == 0
    return run


def test_a_profile_names_its_metric(say: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platometer.study.Results.profile", lambda self, metric="": ("a's", "b's"))  # these have one layer each
    assert say("trend", "runs/toy", "--against", "depth")[1] == "mutual_knn(k=5), from the first layer to the last\na's\nb's\n"


def test_a_trend_is_told_in_words_and_in_json(say: Callable) -> None:
    code, out, err = say("trend", "runs/toy", "--draws", 50)
    assert (code, err) == (0, "")
    assert out.startswith("(unit, max, n = 40) mutual_knn(k=5) against parameters (image), 9 pairs, 3 x 3 crossed units\n")
    assert "  raw  " in out
    assert "  calibrated" in out
    found = json.loads(say("trend", "runs/toy", "--draws", 50, "--json")[1])
    assert [part["trend"]["side"] for part in found["parts"]] == ["image", "text"]
    assert found["parts"][0]["trend"]["raw"]["n"] == 9


def test_a_trend_is_asked_against_a_table(say: Callable) -> None:
    out = say("trend", "runs/toy", "--against", "skills.csv", "--side", "text", "--draws", 50)[1]
    assert out.startswith("(unit, max, n = 40) mutual_knn(k=5) against skill (text), 9 pairs")


def test_what_is_published_compares_with_the_run(say: Callable) -> None:
    assert say("publish", "runs/toy", "given") == (0, "given\n", "")
    code, out, err = say("compare", "runs/toy", "given")
    assert (code, err) == (0, "")
    assert out.startswith("toy beside given: 9 rows in both, 0 in the first alone, 0 in the second alone\n")
    assert "  mutual_knn(k=5): 9 pairs, rank correlation " in out
    assert json.loads(say("compare", "runs/toy", "given", "--json")[1])["shared"] == 9


def test_of_a_gallery_the_best_pair_is_shown_in_its_first_and_last_size(say: Callable) -> None:
    title = "left\tright\tgallery\tk\tshare\tscore\tchance\tstandard error"
    lines = say("show", "runs/toy")[1].splitlines()
    first, last, rest = lines[lines.index(title) + 1:][:3]
    assert first.split("\t")[:2] == last.split("\t")[:2]
    assert [line.split("\t")[2] for line in (first, last)] == ["20", "40"]
    assert rest == ("... the most alike pairs in the smallest and the largest gallery; 16 rows more: platometer show runs/toy "
                    "--all")
    every = say("show", "runs/toy", "--all")[1].splitlines()
    shown = [line.split("\t") for line in every[every.index(title) + 1:] if line.count("\t") == 7]
    assert len(shown) == 18
    assert last.split("\t")[5] == max(line[5] for line in shown if line[2] == "40")


def test_larger_models_are_left_out_when_told(say: Callable) -> None:
    code, out, _ = say("run", "s.toml", "--at-most", "10M", "--dry-run")
    assert code == 0
    assert "  models   4 extracted, 0 to run\n" in out
    assert "  note     models of at most 10M parameters, 2 of 6 are left out: c, f\n" in out
    assert say("run", "s.toml", "--at-most", "much")[2] == (
        "platometer: 'much' is no number of parameters; expected such as 3B, 160M or 7e9.\n")


def test_packs_are_listed(say: Callable) -> None:
    assert say("list", "packs")[1].startswith("pack\tquestion")


@pytest.mark.parametrize(("words", "said"), [
    (("trend", "nothing"), "platometer: There is no folder of results 'nothing'."),
    (("trend", "runs/toy", "--against", "taste"), "platometer: toy has no capability 'taste'."),
    (("trend", "runs/toy", "--column", "skill"), "platometer: column = 'skill' is of a table, and 'size' is none."),
    (("trend", "runs/toy", "--against", "depth", "--side", "text", "--scale", "log"),
     "platometer: --side, --scale: not for --against depth."),
    (("trend", "runs/toy", "--metric", "cca"), "platometer: toy has no rows of 'cca'."),
    (("publish", "s.toml", "x"), "platometer: s.toml is no run folder: it has no run.json."),
    (("compare", "runs/toy", "nothing"), "platometer: There is no folder of results 'nothing'."),
])
def test_slips_are_one_message(say: Callable, words: tuple, said: str) -> None:
    code, out, err = say(*words)
    assert (code, out) == (1, "")
    assert err.startswith(said)
    assert err.count("\n") == 1
