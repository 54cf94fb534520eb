"""One whole small study from the shell: pictures and captions through tiny models on disk, and files of vectors."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent / "models"))

SHELL = [sys.executable, "-m", "platometer.cli"]
COLOURS = {"red": (220, 40, 30), "green": (30, 180, 60), "blue": (40, 60, 210), "white": (240, 240, 240)}
STUDY = """
name = "whole"
question = "Do two tiny vision models, two tiny language models and a table agree?"
seed = 1

[data]
source = "folder"
path = "photos"
captions = "mean"

[align]
metrics = ["mutual_knn(k=4)", "cka(estimator=debiased)"]
draws = 60
undefined = "drop"

[compute]
device = "cpu"

[[models]]
source = "hf:models/vit"

[[models]]
source = "hf:models/clip"
name = "clip-vision"
tower = "vision"
layers = "last"

[[models]]
source = "hf:models/gpt2"
pooling = "mean"

[[models]]
source = "hf:models/bert"
view = "text"

[[models]]
source = "file:table.npy"
"""


def _shell(*words: object, cwd: Path) -> subprocess.CompletedProcess:
    offline = os.environ | {"HF_HUB_OFFLINE": "1"}
    return subprocess.run([*SHELL, *map(str, words)], cwd=cwd, capture_output=True, text=True, env=offline)


def _picture(rng: np.random.Generator, ground: tuple, mark: tuple, at: int) -> Image.Image:
    pixels = np.full((40, 48, 3), ground, dtype=np.int64) + rng.integers(-12, 13, (40, 48, 3))
    pixels[8:30, 4 + 10 * at : 14 + 10 * at] = mark
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 48 pictures of two captions each, four models, a table of vectors, and the study."""
    tiny = pytest.importorskip("tiny")
    pytest.importorskip("transformers")
    home = tmp_path_factory.mktemp("whole")
    (home / "photos").mkdir()
    rng, rows, table = np.random.default_rng(0), [], []
    names = list(COLOURS)
    for i, (ground, mark, at) in enumerate((g, m, at) for g in names for m in names if g != m for at in range(4)):
        _picture(rng, COLOURS[ground], COLOURS[mark], at).save(home / "photos" / f"{i:02d}.png")
        captions = [f"a {mark} bar on {ground} ground, {'abcd'[at]}", f"{ground} with {mark} <b>&</b> {at}"]
        rows.append({"image": f"{i:02d}.png", "captions": captions})
        table.append([*COLOURS[ground], *COLOURS[mark], 60 * at])
    (home / "photos" / "captions.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    np.save(home / "table.npy", np.array(table, dtype=np.float32))
    for kind in ("vit", "clip", "gpt2", "bert"):
        tiny.save(kind, home / "models" / kind)
    (home / "whole.toml").write_text(STUDY)
    return home


@pytest.fixture(scope="module")
def done(bench: Path) -> list[dict]:
    """The rows of the study, run from the shell."""
    found = _shell("run", "whole.toml", "--json", cwd=bench)
    assert found.returncode == 0, found.stderr
    assert "Traceback" not in found.stderr
    return json.loads(found.stdout)


def test_every_pair_across_modalities_has_a_row(done: list[dict]) -> None:
    pairs = {(row["left"], row["right"]) for row in done}
    assert pairs == {("vit", "gpt2"), ("vit", "bert"), ("vit", "table"), ("clip-vision", "gpt2"), ("clip-vision", "bert"),
                     ("clip-vision", "table"), ("gpt2", "table"), ("bert", "table")}
    assert len(done) == 16


def test_rows_know_their_models_and_their_samples(bench: Path, done: list[dict]) -> None:
    row = next(row for row in done if (row["left"], row["right"]) == ("vit", "gpt2"))
    assert (row["n"], row["seed"], row["draws"], row["data"]) == (48, 1, 60, "photos")
    assert (row["left_modality"], row["right_modality"]) == ("image", "text")
    assert (row["left_pooling"], row["right_pooling"]) == ("cls", "mean")
    assert (row["left_layers"], row["right_layers"]) == (3, 4)
    assert row["left_parameters"] > 1000
    assert json.loads(row["left_details"])["class"] == "ViTModel"
    assert all(0 < row["p"] <= row["p_bh"] <= row["p_holm"] <= 1 for row in done)
    clip = next(row for row in done if row["left"] == "clip-vision")
    assert clip["left_layers"] == 1


def test_pictures_agree_with_the_table_they_were_drawn_from(done: list[dict]) -> None:
    row = next(row for row in done if (row["left"], row["right"]) == ("vit", "table") and row["metric"].startswith("mutual"))
    assert row["score"] > row["tau"] > row["null_mean"]
    assert row["p"] == 1 / 61


def test_the_folder_holds_a_page_a_table_and_how_to_make_them_again(bench: Path, done: list[dict]) -> None:
    import pyarrow.parquet as pq

    run = bench / "runs" / "whole"
    assert pq.read_table(run / "rows.parquet").num_rows == 16
    page = (run / "report.html").read_text()
    assert "Do two tiny vision models" in page
    assert "clip-vision" in page
    assert "<b>&</b>" not in page  # whatever captions hold
    assert not any(f"{mark}{scheme}" in page for mark in ('src="', "src='", "url(") for scheme in ("http", "//"))
    assert (run / "study.toml").read_text() == STUDY
    assert json.loads((run / "run.json").read_text())["finished"] is True


def test_the_same_command_again_runs_no_model(bench: Path, done: list[dict]) -> None:
    before = (bench / "runs" / "whole" / "rows.parquet").read_bytes()
    planned = _shell("run", "whole.toml", "--dry-run", cwd=bench)
    assert "models   5 extracted, 0 to run" in planned.stdout
    assert "8, in 16 cells; 16 answered already" in planned.stdout
    again = _shell("run", "whole.toml", cwd=bench)
    assert again.returncode == 0, again.stderr
    assert (bench / "runs" / "whole" / "rows.parquet").read_bytes() == before


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_killed_from_outside_and_run_again_the_rows_are_the_same(bench: Path, done: list[dict], tmp_path: Path) -> None:
    process = subprocess.Popen([*SHELL, "run", "whole.toml", "--out", tmp_path / "out"], cwd=bench, stderr=subprocess.PIPE,
                               stdout=subprocess.PIPE)
    while process.poll() is None and len(list((tmp_path / "out").glob("cells/*.json"))) < 2:
        time.sleep(0.001)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL, "it was finished before it could be killed"
    again = _shell("run", "whole.toml", "--out", tmp_path / "out", cwd=bench)
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "out" / "rows.parquet").read_bytes() == (bench / "runs" / "whole" / "rows.parquet").read_bytes()


def test_a_damaged_picture_is_named_and_loses_only_what_needs_it(bench: Path, done: list[dict], tmp_path: Path) -> None:
    home = tmp_path / "copy"
    home.mkdir()
    for name in ("models", "table.npy"):
        (home / name).symlink_to(bench / name)
    (home / "photos").mkdir()
    for path in (bench / "photos").iterdir():
        (home / "photos" / path.name).write_bytes(path.read_bytes())
    picture = home / "photos" / "17.png"
    picture.write_bytes(picture.read_bytes()[:60])
    (home / "whole.toml").write_text(STUDY.replace('captions = "mean"', 'captions = "mean"\nnear = false'))
    found = _shell("run", "whole.toml", "--json", cwd=home)
    assert found.returncode == 1
    assert "Traceback" not in found.stderr
    assert "model vit: Sample '17.png' (row 17) cannot be read: " in found.stderr
    assert "model clip-vision: Sample '17.png' (row 17) cannot be read: " in found.stderr
    assert {(row["left"], row["right"]) for row in json.loads(found.stdout)} == {("gpt2", "table"), ("bert", "table")}


def test_two_files_of_vectors_from_the_shell(bench: Path, tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"a": np.load(bench / "table.npy")[:, :3].copy(), "b": np.load(bench / "table.npy")}, tmp_path / "b.safetensors")
    found = _shell("align", bench / "table.npy", "b.safetensors", "--metric", "cka(estimator=debiased)", "--draws", 1000,
                   "--json", cwd=tmp_path)
    assert (found.returncode, found.stderr) == (0, "")
    told = json.loads(found.stdout)
    assert told["best"] == {"score": pytest.approx(1), "left": "0", "right": "b", "left_index": 0, "right_index": 1}
    assert told["calibration"]["p"] == 1 / 1001
