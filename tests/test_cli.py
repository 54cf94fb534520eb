"""The command line: words to functions; errors are one message, and machines can read what it prints."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from platometer import __version__, cli, metrics, store
from platometer.features import Features
from platometer.study import Study

SHELL = [sys.executable, "-m", "platometer.cli"]


@pytest.fixture
def say(capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., tuple[int, str, str]]:
    """The command line, run here on these words in a temporary folder: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["platometer", *map(str, words)])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(size=(40, 3))
    np.save(tmp_path / "a.npy", z @ rng.normal(size=(3, 5)))
    np.savez(tmp_path / "b.npz", low=rng.normal(size=(40, 4)), high=z @ rng.normal(size=(3, 6)))
    (tmp_path / "s.toml").write_text('name = "toy"\nmodels = ["file:a.npy", "file:b.npz"]\n[align]\n'
                                     'metrics = ["mutual_knn(k=5)"]\ndraws = 20\n')


# ---- align


def test_two_files_are_aligned_in_words(say: Callable) -> None:
    code, out, err = say("align", "a.npy", "b.npz", "--metric", "mutual_knn(k=5)", "--draws", 50)
    assert (code, err) == (0, "")
    assert out.startswith("a ~ b: mutual_knn(k=5) = ")
    assert "the most alike: 0 ~ high" in out
    assert "(50 draws, permutation, seed 0)" in out


def test_json_is_all_that_stands_on_stdout(say: Callable) -> None:
    code, out, err = say("align", "a.npy", "b.npz", "--metric", "cka(estimator=debiased)", "--draws", 30, "--seed", 4, "--json")
    found = json.loads(out)
    assert (code, err) == (0, "")
    assert (found["metric"], found["n"]) == ("cka(kernel=linear, estimator=debiased)", 40)
    assert found["right_layers"] == ["high", "low"]
    assert len(found["calibration"]["draws"]) == 30
    assert found["calibration"]["seed"] == 4
    assert len(found["fingerprints"]) == 2


def test_without_draws_there_is_no_chance(say: Callable) -> None:
    assert "chance       not asked for" in say("align", "a.npy", "b.npz", "--draws", 0)[1]
    assert json.loads(say("align", "a.npy", "b.npz", "--draws", 0, "--json")[1])["calibration"] is None


def test_one_array_of_a_file_and_a_folder_of_features_are_taken(say: Callable, tmp_path: Path) -> None:
    store.write(tmp_path, "kept", Features.of(np.load(tmp_path / "a.npy"), name="kept"))
    code, out, _ = say("align", "kept", "b.npz", "--right-key", "low", "--draws", 0)
    assert code == 0
    assert out.startswith("kept ~ b: mutual_knn(k=10)")
    assert "layers       1 x 1" in out


@pytest.mark.parametrize(("words", "said"), [
    (("align", "a.npy", "c.npy"), "platometer: There is no file c.npy."),
    (("align", "a.npy", "b.npz", "--metric", "mutual_nn"), "platometer: There is no metric named 'mutual_nn'. Did you mean"),
    (("align", "a.npy", "b.npz", "--alpha", "2"), "platometer: alpha = 2.0; a level lies between 0 and 1."),
    (("align", "a.npy", "b.npz", "--summary", "maximum"), "platometer: There is no summary 'maximum'."),
    (("align", "a.npy", "b.npz", "--right-key", "hgh"), "platometer: "),
    (("run", "none.toml"), "platometer: There is no study file 'none.toml'."),
    (("run", "prh-colour"), "platometer: 'prh-colour' is an experiment, which makes its own data: 'platometer experiment"),
    (("show", "none"), "platometer: There is no folder 'none'. Runs lie in runs/NAME"),
    (("show", "."), "platometer: There is no table of rows at rows.parquet."),
    (("list", "metric"), "platometer: There is no list of 'metric'. Did you mean 'metrics'?"),
])
def test_errors_are_one_message_and_exit_code_1(say: Callable, words: tuple, said: str) -> None:
    code, out, err = say(*words)
    assert (code, out) == (1, "")
    assert err.startswith(said)
    assert err.count("\n") == 1


def test_debug_shows_where_an_error_came_from(say: Callable, tmp_path: Path) -> None:
    from platometer.errors import DataError

    with pytest.raises(DataError, match=r"There is no file c\.npy"):
        say("--debug", "align", "a.npy", "c.npy")
    done = subprocess.run([*SHELL, "align", "a.npy", "c.npy", "--debug"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "DataError: There is no file c.npy" in done.stderr


def test_an_error_that_nobody_foresaw_is_one_message_too(say: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(path: object) -> None:
        raise ZeroDivisionError("odd")

    monkeypatch.setattr(Study, "read", broken)
    code, out, err = say("run", "s.toml")
    assert (code, out) == (1, "")
    assert err == ("platometer: ZeroDivisionError: odd. This is not an error that platometer foresaw; --debug shows where it "
                   "happened.\n")


def test_wrong_words_are_told_with_their_use(say: Callable) -> None:
    code, _, err = say("align", "a.npy")
    assert (code, "Usage: platometer align" in err, "Traceback" in err) == (2, True, False)
    assert say("align", "a.npy", "b.npz", "--draws", "-1")[0] == 2
    assert say("--nothing")[0] == 2


# ---- run and show


def test_a_dry_run_only_plans(say: Callable, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    code, out, err = say("run", "s.toml", "--dry-run")
    assert (code, err) == (0, "")
    assert out.startswith("study toy, folder runs/toy\n  samples  40\n  models   2 extracted, 0 to run\n")
    assert "  pairs    1, in 1 cell; 0 answered already\n" in out
    assert "price    42 comparisons, about " in out
    assert sorted(tmp_path.rglob("*")) == before


def test_a_study_is_run_shown_and_found_done(say: Callable, tmp_path: Path) -> None:
    code, out, err = say("run", "s.toml")
    assert code == 0
    assert "study toy, folder runs/toy" in err
    assert out.startswith("left\tright\tmetric\tscore\tchance\tp\tp (BH)\tcalibrated\tlayers\na\tb\tmutual_knn(k=5)\t")
    assert (tmp_path / "runs" / "toy" / "report.html").is_file()
    shown = say("show", "runs/toy")[1]
    assert shown.partition("\n\ntime")[0] == out.partition("\n\npage")[0]
    assert "price    nothing is left to do" in say("run", "s.toml", "--dry-run")[1]


def test_rows_are_printed_as_json(say: Callable, tmp_path: Path) -> None:
    code, out, _ = say("run", "s.toml", "--json", "--out", "here", "--workers", 1)
    assert code == 0
    assert json.loads(out) == json.loads(say("show", "here", "--json")[1])
    assert json.loads(out)[0]["left"] == "a"
    key = json.loads(out)[0]["left_features"]
    shown = json.loads(say("show", tmp_path / "here" / "features" / key)[1])
    assert (shown["n"], shown["layers"]) == (40, {"0": 5})


def test_what_failed_is_listed_below_what_did_not_and_the_exit_code_is_1(say: Callable, tmp_path: Path) -> None:
    study = tmp_path / "s.toml"
    study.write_text(study.read_text().replace('"file:b.npz"]', '"file:b.npz", "file:gone.npz"]'))
    code, out, err = say("run", "s.toml")
    assert code == 1
    assert "a\tb\tmutual_knn(k=5)\t" in out
    assert "platometer: 1 part of the study failed; the rest is in runs/toy.\n  model gone: There is no file " in err
    assert "Traceback" not in err


def test_show_lists_what_failed(say: Callable, tmp_path: Path) -> None:
    study = tmp_path / "s.toml"
    study.write_text(study.read_text().replace('"file:b.npz"]', '"file:b.npz", "file:gone.npz"]'))
    say("run", "s.toml")
    code, out, err = say("show", "runs/toy")
    assert (code, err) == (0, "")
    assert "\nfailed  model gone: There is no file " in out
    assert json.loads(say("show", "runs/toy", "--json")[1])[0]["left"] == "a"


def test_a_terminal_is_told_the_verdict_and_the_profile_of_layers(say: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    piped = say("run", "s.toml")[1]
    assert "\x1b" not in piped
    assert "above chance" not in piped
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    shown = say("show", "runs/toy")[1]
    assert shown.startswith("mutual_knn(k=5): 1 of 1 ")
    assert " pair above chance at 5 % (BH; 1 after Holm); the strongest a and b: " in shown
    assert "left layers" in shown
    assert re.search("[▁▂▃▄▅▆▇█]", shown)
    assert "less alike" not in shown


def test_without_a_study_the_one_that_ships_is_meant(say: Callable) -> None:
    assert say("run", "--dry-run")[1].startswith("study scenes, folder runs/scenes")


# ---- look-ups


@pytest.mark.parametrize("what", ["metrics", "models", "datasets", "studies"])
def test_lists_are_tables_for_people_and_for_machines(say: Callable, what: str) -> None:
    code, out, err = say("list", what)
    assert (code, err) == (0, "")
    titles, *lines = (line.split("\t") for line in out.splitlines())
    assert all(len(line) == len(titles) for line in lines)
    assert [dict(zip(titles, line, strict=True)) for line in lines] == json.loads(say("list", what, "--json")[1])


def test_every_metric_is_listed_with_its_facts(say: Callable) -> None:
    found = {line["metric"].partition("(")[0]: line for line in json.loads(say("list", "metrics", "--json")[1])}
    assert set(found) == set(metrics.names())
    assert found["mutual_knn"]["range"] == "[0, 1]"
    assert all(line["source"] for line in found.values())


def test_files_of_vectors_are_listed_among_the_models(say: Callable) -> None:
    assert "file" in {line["source"] for line in json.loads(say("list", "models", "--json")[1])}


def test_version_and_help(say: Callable) -> None:
    assert say("--version") == (0, f"platometer {__version__}\n", "")
    for words in (("-h",), ("--help",), ("align", "-h"), ("run", "--help")):
        code, out, _ = say(*words)
        assert (code, "Usage: platometer" in out) == (0, True)
    assert "--install-completion" in say("-h")[1]


def test_help_and_version_do_not_load_torch() -> None:
    code = ("import sys; sys.argv = ['platometer', sys.argv[1]]\nfrom platometer import cli\ntry: cli.main()\n"
            "finally: print('torch' in sys.modules, file=sys.stderr)")
    for word in ("--version", "-h"):
        done = subprocess.run([sys.executable, "-c", code, word], capture_output=True, text=True)
        assert done.stderr.strip() == "False"


def test_shells_can_complete_words(tmp_path: Path) -> None:
    def completed(words: str, at: int) -> list[str]:
        asked = {"_PLATOMETER_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(at)}
        code = "import sys; sys.argv[0] = 'platometer'\nfrom platometer.cli import main; main()"
        done = subprocess.run([sys.executable, "-c", code], env=os.environ | asked, capture_output=True, text=True)
        return done.stdout.split()

    assert {"align", "run", "show", "list", "trend", "compare", "publish"} <= set(completed("platometer ", 1))
    assert completed("platometer list s", 2) == ["studies"]


# ---- what libraries say


def test_the_tries_of_a_hub_that_does_not_answer_are_one_line(caplog: pytest.LogCaptureFixture) -> None:
    quiet = cli._Retries()

    def passes(text: str) -> bool:
        return quiet.filter(logging.LogRecord("huggingface_hub.utils._http", logging.WARNING, "", 0, text, (), None))

    for i in range(3):
        assert not passes("'[Errno -2] not known' thrown while requesting HEAD https://huggingface.co/datasets/a/b/README.md")
        assert not passes(f"Retrying in {2**i}s [Retry {i + 1}/5].")
    assert [record.getMessage() for record in caplog.records] == [
        "huggingface.co does not answer; it is asked some more times, which takes half a minute. HF_HUB_OFFLINE=1 asks for "
        "nothing."]
    assert passes("a token is about to expire")


# ---- signals and pipes


@pytest.mark.skipif(os.name != "posix", reason="needs a shell")
def test_a_reader_that_leaves_is_no_error(tmp_path: Path) -> None:
    for words in ("list metrics", "list metrics --json", "align a.npy b.npz --json"):
        command = f"{' '.join(SHELL)} {words} | head -c 1"
        done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True)
        assert (len(done.stdout), done.stderr) == (1, "")


@pytest.mark.skipif(os.name != "posix", reason="needs a shell")
def test_a_closed_output_is_no_error() -> None:
    done = subprocess.run(f"{' '.join(SHELL)} list packs >&-", shell=True, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a disk that is always full")
def test_an_output_that_finds_no_room_is_a_full_disk(tmp_path: Path) -> None:
    for words in ("list metrics", "align a.npy b.npz --json --draws 0", "--help"):
        command = f"{' '.join(SHELL)} {words} > /dev/full"
        done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 1
        assert done.stderr.startswith("platometer: The disk is full: not all was written of what was to be printed or kept. ")
        assert done.stderr.count("\n") == 1


@pytest.mark.skipif(os.name != "posix", reason="needs SIGINT")
def test_interrupted_it_says_so_and_what_is_finished_is_kept(tmp_path: Path) -> None:
    study = tmp_path / "s.toml"
    study.write_text(study.read_text().replace("draws = 20", "draws = 2000000"))
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen([*SHELL, "run", "s.toml"], cwd=tmp_path, **pipes,
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))  # which a shell's & ignores
    end = time.monotonic() + 120
    while len(list(tmp_path.glob("runs/toy/features/*/manifest.json"))) < 2:
        assert time.monotonic() < end
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert (process.returncode, out) == (130, "")
    assert err.splitlines()[-2:] == ["platometer: what is finished is kept; the same command goes on from there.",
                                     "platometer: interrupted."]
    study.write_text(study.read_text().replace("draws = 2000000", "draws = 20"))
    assert subprocess.run([*SHELL, "run", "s.toml"], cwd=tmp_path, capture_output=True).returncode == 0
