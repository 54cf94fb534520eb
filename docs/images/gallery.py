"""Draws gallery.png: every figure of `platometer.plots` on one sheet, from two small studies that are run first.

``python docs/images/gallery.py RUNS`` runs them in the folder RUNS (some minutes on two cores; a second call finds them there).
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from PIL import Image

from platometer import plots
from platometer.study import Study

DPI, COLUMNS, GAP = 118, 4, 14
SHEET = (("capability", "light"), ("matrix", "dark"), ("neighbours", "light"), ("map", "dark"), ("profile", "light"),
         ("grid", "light"), ("agreement", "light"), ("null", "dark"), ("training", "dark"), ("gallery", "light"))
"""Each figure and its theme, from the left to whichever column is shortest."""


def studies() -> dict[str, str]:
    """Name -> the study's file: models of two seeds with all pairs and four metrics, and checkpoints of one model."""
    every = [_head("shapes-all", "all", ["mutual_knn(k=10)", "cka(estimator=debiased)", "jaccard_knn(k=10)", "rsa"])]
    for seed in (0, 1):
        every += [_model(f"cnn-{width}", f"cnn-{width} s{seed}", "image", seed=seed) for width in (8, 16, 32)]
        every += [_model(f"gpt-{width}", f"gpt-{width} s{seed}", "text", seed=seed) for width in (16, 32, 64)]
    every += [_model("cnn-32", "cnn-32 untrained", "image", steps=0), _model("gpt-64", "gpt-64 untrained", "text", steps=0)]
    steps = [_head("steps", "cross", ["mutual_knn(k=10)"])]
    steps += [_model("cnn-32", f"cnn-32@{n}", "image", steps=n) for n in (0, 10, 20, 40, 80, 120)]
    steps += [_model("gpt-64", f"gpt-64@{n}", "text", steps=n) for n in (40, 160)] + [_model("gpt-32", "gpt-32", "text")]
    return {"run": "\n".join(every), "steps": "\n".join(steps)}


def sheet(runs: Path) -> Image.Image:
    """The figures side by side.

    Parameters
    ----------
    runs : folder of both runs.
    """
    pictures = []
    for name, theme in SHEET:
        figure = plots.of_run(name, runs / ("steps" if name == "training" else "run"), theme=theme)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=DPI)
        pictures.append(Image.open(buffer).convert("RGB"))
    wide = max(picture.width for picture in pictures)
    heights = [GAP] * COLUMNS
    places = []
    for picture in pictures:
        column = heights.index(min(heights))
        places.append((GAP + column * (wide + GAP), heights[column]))
        heights[column] += picture.height + GAP
    out = Image.new("RGB", (GAP + COLUMNS * (wide + GAP), max(heights)), "#9aa0a8")
    for picture, place in zip(pictures, places, strict=True):
        out.paste(picture, place)
    return out


def _head(name: str, pairs: str, metrics: list[str]) -> str:
    listed = ", ".join(f'"{metric}"' for metric in metrics)
    return f'''name = "{name}"
question = "?"
seed = 0
[data]
source = "shapes:test"
n = 512
[align]
metrics = [{listed}]
draws = 200
pairs = "{pairs}"'''


def _model(source: str, name: str, view: str, **options: int) -> str:
    return "\n".join(["[[models]]", f'source = "tiny:{source}"', f'name = "{name}"', f'view = "{view}"',
                      *(f"{key} = {value}" for key, value in options.items())])


if __name__ == "__main__":
    runs = Path(sys.argv[1])
    for name, text in studies().items():
        (runs / f"{name}.toml").parent.mkdir(parents=True, exist_ok=True)
        (runs / f"{name}.toml").write_text(text + "\n", encoding="utf-8")
        if not (runs / name / "rows.parquet").exists():
            Study.read(runs / f"{name}.toml").run(runs / name)
    sheet(runs).quantize(200, dither=Image.Dither.NONE).save(Path(__file__).with_name("gallery.png"), optimize=True)
