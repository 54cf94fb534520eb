"""Draws docs/images/plots: every figure of `platometer.plots`, light and dark, from two small studies that are run first.

``python docs/images/gallery.py RUNS`` runs them in the folder RUNS (a minute or two on one core; a second call finds them
there). Networks of the zoo on scenes: one study of four families with all pairs and four metrics, and one of checkpoints of a
network along its training. ``tests/docs/test_gallery_page.py`` runs the same with smaller numbers.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

from platometer import plots
from platometer.study import Study

OUT = Path(__file__).with_name("plots")
METRICS = ["mutual_knn(k=10)", "cka(estimator=debiased)", "cka", "jaccard_knn(k=10)"]
SHOWN = {"grid": {"left": "conv-supervised-5", "right": "gru-5"}, "neighbours": {"left": "conv-supervised-5", "right": "gru-5"},
         "null": {"left": "vit-contrastive-3", "right": "gpt-3"}}
"""Plots of one pair, and which."""


def studies(*, quick: bool = False) -> dict[str, dict]:
    """Name -> the study, as `platometer.study.Study.of` takes it.

    Parameters
    ----------
    quick : fewer and smaller models, fewer samples and draws.
    """
    sizes, n, draws = ((1, 2, 3), 96, 20) if quick else ((1, 3, 5), 512, 200)
    seeing, reading = (("vit-contrastive",), ("gpt",)) if quick else (("vit-contrastive", "conv-supervised"), ("gpt", "gru"))
    models = [_model(f"zoo:{family}-{size}", view) for view, families in (("image", seeing), ("text", reading))
              for family in families for size in sizes]
    if not quick:
        models += [_model("zoo:vit-contrastive-5", "image", "vit-5 untrained", untrained=True),
                   _model("zoo:gpt-5", "text", "gpt-5 untrained", untrained=True)]
    every = {"pairs": "all", "metrics": METRICS[:2] if quick else METRICS, "draws": draws}
    made = (12, 94, 750) if quick else (12, 23, 47, 94, 188, 375, 562, 750)
    steps = [_model("zoo:conv-contrastive-3", "image", f"conv@{step}", **({} if step == 750 else {"step": step}))
             for step in made]
    steps += [_model(f"zoo:{name}", "text") for name in (("gpt-3",) if quick else ("gpt-5", "gru-5", "bow-5"))]
    return {"families": _study("families", n, every, models),
            "steps": _study("steps", n, {"pairs": "cross", "metrics": METRICS[:1], "draws": draws}, steps)}


def run(folder: Path, *, quick: bool = False) -> None:
    """Both studies, in a folder; what is there already is taken.

    Parameters
    ----------
    folder : of both runs.
    quick : as for `studies`.
    """
    for name, told in studies(quick=quick).items():
        file = folder / f"{name}.toml"
        file.write_text(_toml(told), encoding="utf-8")  # a file, as a run keeps its own and reads the samples by it again
        if not (folder / name / "study.toml").exists():
            Study.read(file).run(folder / name)


def figures(folder: Path, *, quick: bool = False) -> Iterator[tuple[str, str, Figure]]:
    """(plot, theme, figure) of every plot.

    Parameters
    ----------
    folder : of both runs.
    quick : the pairs that `SHOWN` names are not in the smaller study.
    """
    for name in plots.names():
        for theme in ("light", "dark"):
            of = folder / ("steps" if name == "training" else "families")
            yield name, theme, plots.of_run(name, of, theme=theme, **({} if quick else SHOWN.get(name, {})))


def small(figure: Figure) -> bytes:
    """A PNG of few colours.

    Parameters
    ----------
    figure : of a plot.
    """
    buffer, out = io.BytesIO(), io.BytesIO()
    figure.savefig(buffer, format="png", dpi=230)
    Image.open(buffer).convert("RGB").quantize(255, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


def _toml(study: dict) -> str:
    """A study as a file."""
    tables = {"": {key: value for key, value in study.items() if not isinstance(value, dict | list)},
              "[data]": study["data"], "[align]": study["align"]}
    parts = [*tables.items(), *(("[[models]]", model) for model in study["models"])]
    return "\n".join(line for head, table in parts
                     for line in (head, *(f"{key} = {json.dumps(value)}" for key, value in table.items())))


def _study(name: str, n: int, align: dict, models: list[dict]) -> dict:
    return {"name": name, "question": "What do the figures look like?", "seed": 0, "data": {"source": "scenes:test", "n": n},
            "align": align, "models": models}


def _model(source: str, view: str, name: str = "", **options: object) -> dict:
    return {"source": source, "view": view, **({"name": name} if name else {}), **options}


if __name__ == "__main__":
    OUT.mkdir(exist_ok=True)
    run(Path(sys.argv[1]))
    for name, theme, figure in figures(Path(sys.argv[1])):
        (OUT / f"{name}-{theme}.png").write_bytes(small(figure))
