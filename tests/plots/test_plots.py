"""Figures: rows in, figure out; whatever the names are, they stay text, and equal rows are equal bytes."""

from __future__ import annotations

import builtins
import json
import re
import sys
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import made_rows as made
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from platometer import cli, plots
from platometer.errors import InputError, MissingDependencyError, StoreError, UndefinedError, UnknownNameError
from platometer.gallery import growing_gallery
from platometer.nulls import Calibration
from platometer.plots import _families, _labels, _style, _text
from platometer.samples import Paired, Samples
from platometer.study import Study
from platometer.study._families import family

FEW = 50  # draws of intervals


def _gallery() -> tuple:
    z = np.random.default_rng(0).normal(size=(200, 3))
    return growing_gallery(z, 2 * z + 0.5, queries=50, sizes=(50, 100, 200), k=5, share=0.1)


def _sheet(captions: tuple[str, ...] = ()) -> dict:
    stream = np.random.default_rng(0)
    x = stream.normal(size=(24, 4))
    texts = [captions[i] if i < len(captions) else f"caption {i}" for i in range(24)]
    pictures = [Image.fromarray(stream.integers(0, 255, (8, 8, 3), dtype=np.uint8)) for _ in range(24)]
    views = {"image": Samples.of(pictures, modality="image"), "text": Samples.of(texts, modality="text")}
    return {"left": x, "right": x + stream.normal(size=x.shape), "samples": Paired(views=views, card=views["text"].card)}


MADE: dict[str, Callable[[], dict]] = {
    "agreement": lambda: {"rows": made.rows(8) + made.rows(8, metric="cka", seed=1), "draws": FEW},
    "capability": lambda: {"rows": made.rows(12, pairs="cross"), "draws": FEW},
    "gallery": lambda: {"found": _gallery(), "title": "a ~ b"},
    "grid": lambda: {"found": made.answer()},
    "map": lambda: {"rows": made.rows(6)},
    "matrix": lambda: {"rows": made.rows(6)},
    "neighbours": _sheet,
    "null": lambda: {"found": made.answer()},
    "profile": lambda: {"found": [made.answer(right=f"gpt-{i}", seed=i) for i in range(3)]},
    "training": lambda: {"rows": made.rows(24, pairs="cross")},
}
"""What each plot is drawn from."""


def _drawn(name: str, **options: object) -> Figure:
    return plots.load(name).draw(**{**MADE[name](), **options})


def _words(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]  # type: ignore[attr-defined]


def _unseen(figure: Figure) -> set[int]:
    """Labels of ticks beyond the ends of their axis, which are not drawn."""
    out = set()
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        low, high = sorted(axis.get_view_interval())
        out |= {id(label) for tick in (*axis.majorTicks, *axis.minorTicks) if not low <= tick.get_loc() <= high
                for label in (tick.label1, tick.label2)}
    return out


# ---- every plot


def test_every_plot_is_tried_here() -> None:
    assert set(MADE) == set(plots.names())


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize(("theme", "width"), [("light", "column"), ("dark", "double")])
def test_a_plot_is_as_wide_as_asked_and_on_the_paper_of_its_theme(name: str, theme: str, width: str) -> None:
    figure = _drawn(name, theme=theme, width=width)
    assert figure.get_size_inches()[0] == _style.WIDTHS[width]
    from matplotlib.colors import to_hex

    assert to_hex(figure.get_facecolor()) == _style.THEMES[theme].paper


@pytest.mark.parametrize("name", sorted(set(MADE) - {"neighbours"}))
def test_axes_say_their_unit_and_n(name: str) -> None:
    figure = _drawn(name)
    labels = [label for axes in figure.axes for label in (axes.get_xlabel(), axes.get_ylabel()) if label]
    assert labels
    for label in labels:
        assert re.search(r"\(.+\)\nn = [\d,]+", label), label


def test_the_neighbour_sheet_says_n_and_how_near_is_measured() -> None:
    assert any("by cosine of n = 23 other samples" in word for word in _words(_drawn("neighbours")))


@pytest.mark.parametrize("name", MADE)
def test_no_text_is_mathematics_and_none_leaves_the_paper(name: str) -> None:
    figure = _drawn(name)
    figure.draw_without_rendering()
    edge, unseen = figure.bbox, _unseen(figure)
    for text in figure.findobj(Text):
        assert not text.get_parse_math()  # type: ignore[attr-defined]
        box = text.get_window_extent()  # type: ignore[attr-defined]
        if text.get_text() and text.get_visible() and box.width and id(text) not in unseen:  # type: ignore[attr-defined]
            assert box.x0 >= edge.x0 - 2, text
            assert box.x1 <= edge.x1 + 2, text


@pytest.mark.parametrize("name", ["capability", "grid", "neighbours"])
@pytest.mark.parametrize("ending", ["pdf", "svg", "png"])
def test_equal_rows_are_equal_bytes(name: str, ending: str, tmp_path: Path) -> None:
    once, again = (plots.write(tmp_path / f"{i}.{ending}", _drawn(name)).read_bytes() for i in (0, 1))
    assert once == again
    assert b"2026" not in once[:400] + once[-400:]


@pytest.mark.parametrize("name", ["agreement", "capability", "map", "matrix", "training"])
def test_a_missing_column_is_named(name: str) -> None:
    rows = [{key: value for key, value in row.items() if key != "score"} for row in MADE[name]()["rows"]]
    with pytest.raises(InputError, match=f"The plot '{name}' reads the column 'score', which row 0 lacks"):
        plots.load(name).draw(rows)
    with pytest.raises(InputError, match=f"The plot '{name}' got no rows"):
        plots.load(name).draw([])


def test_a_theme_or_width_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match=r"theme = 'drak'\. Did you mean 'dark'\?"):
        _drawn("null", theme="drak")
    for name in ("null", "agreement", "grid", "matrix"):
        with pytest.raises(InputError, match=r"width = '3in'\. Known: column, double\."):
            _drawn(name, width="3in")


def test_without_matplotlib_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: object, **options: object) -> object:
        if name.split(".")[0] == "matplotlib":
            raise ImportError(name)
        return real(name, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingDependencyError, match=r"A figure needs 'matplotlib'.*platometer\[report\]"):
        plots.load("matrix").draw(made.rows(3))


# ---- few and many models, and rows without a null


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("name", ["capability", "map", "matrix"])
@pytest.mark.parametrize("null", [True, False])
def test_two_or_three_models_are_drawn(name: str, count: int, null: bool) -> None:
    figure = plots.load(name).draw(made.rows(count, null=null))
    if name == "capability":
        assert any("no trend: 1 pair" in word or "no trend: 2 pairs" in word or "no trend: 3 pairs" in word
                   for word in _words(figure))
        assert len(figure.axes) == (2 if null else 1)


def test_two_models_with_many_partners_make_no_trend() -> None:
    rows = made.rows(12, pairs="cross")
    text = sorted({row[side] for row in rows for side in ("left", "right") if row[f"{side}_modality"] == "text"})[:2]
    few = [row for row in rows if row["left"] in text or row["right"] in text]
    assert len(few) == 12
    assert "no trend: 2 models" in _words(plots.load("capability").draw(few, side="text"))
    assert not any("no trend" in word for word in _words(plots.load("capability").draw(rows, side="text")))


def test_agreement_over_too_few_pairs_is_refused() -> None:
    with pytest.raises(UndefinedError, match="1 pairs of models are shared by all 2; agreement needs four"):
        plots.load("agreement").draw(made.rows(2) + made.rows(2, metric="cka"))


@pytest.mark.parametrize("name", ["map", "matrix"])
def test_sixty_models_are_drawn(name: str) -> None:
    words = _words(plots.load(name).draw(made.rows(60)))
    assert any("60 models" in word or "1,770 pairs" in word for word in words)


def test_sixty_models_of_two_modalities_have_their_families_named() -> None:
    words = _words(plots.load("capability").draw(made.rows(60, pairs="cross"), draws=FEW))
    assert {"gpt", "gru", "bow", "rnn", "chance"} <= set(words)
    assert any("n = 30 models" in word for word in words)


def test_a_table_of_two_modalities_has_one_on_each_side() -> None:
    figure = plots.load("matrix").draw(made.rows(8, pairs="cross"))
    axes = next(axes for axes in figure.axes if axes.images)
    labels = (axes.get_yticklabels(), axes.get_xticklabels())
    sides = [{label.get_text().split("-")[0] for label in side} for side in labels]
    assert sides == [{"vit", "conv", "mlp", "mixer"}, {"gpt", "gru", "bow", "rnn"}]


@pytest.mark.parametrize("name", ["capability", "matrix", "training"])
def test_rows_without_a_null_say_so_or_draw_no_chance(name: str) -> None:
    words = _words(plots.load(name).draw(made.rows(24, pairs="cross", null=False)))
    assert "chance" not in words
    if name != "capability":
        assert any(word.startswith("no null") for word in words)


def test_up_is_more_alike_where_low_means_alike() -> None:
    figure = plots.load("capability").draw(made.rows(12, pairs="cross", low=True), draws=FEW)
    low, high = figure.axes[0].get_ylim()
    assert low > high
    assert figure.axes[0].get_title("left").startswith("slope −")


# ---- single plots


def test_the_null_shows_score_threshold_and_p() -> None:
    found = made.answer()
    words = _words(plots.load("null").draw(found))
    assert f"score {found['score']:.3g}\np ≤ 0.01" in words
    assert f"threshold {found['calibration']['tau']:.3g}\n(level 0.05)" in words


def test_a_null_in_closed_form_is_a_band() -> None:
    words = _words(plots.load("null").draw(made.answer(null="closed form")))
    assert "grey: chance, its mean and two standard deviations in closed form" in words


def test_without_a_null_there_is_no_null_to_draw() -> None:
    with pytest.raises(UndefinedError, match="vit-1 ~ gpt-1 was aligned without a null"):
        plots.load("null").draw(made.answer(null=""))


def test_alignments_are_drawn_as_the_answers_of_a_run_are() -> None:
    from platometer import align

    z = np.random.default_rng(0).normal(size=(40, 3))
    found = align({"a": z, "b": z**2}, {"c": z, "d": z**3}, "mutual_knn(k=5)", draws=20)
    assert isinstance(found.calibration, Calibration)
    for name in ("grid", "null"):
        assert any("mutual_knn(k=5)" in word for word in _words(plots.load(name).draw(found)))
    assert plots.load("profile").draw([found]).axes


@pytest.mark.parametrize("low", [False, True])
def test_the_path_of_a_grid_passes_through_its_best_pair(low: bool) -> None:
    found = made.answer(low=low)
    path = plots.load("grid").draw(found).axes[0].lines[0]
    best = found["best"]
    assert path.get_xdata()[best["left_index"]] == best["right_index"]


def test_models_of_one_layer_have_no_depth() -> None:
    with pytest.raises(InputError, match="needs a model with two layers or more"):
        plots.load("profile").draw([made.answer((1, 1))])


def test_training_follows_the_source_with_most_checkpoints() -> None:
    rows = made.rows(24, pairs="cross")
    figure = plots.load("training").draw(rows, learner="zoo:gpt")
    assert figure.axes[0].get_title("left") == "checkpoints of zoo:gpt, with"
    assert [line.get_xdata().tolist() for line in figure.axes[0].lines] == [[0, 100, 200]] * 4
    with pytest.raises(InputError, match="needs a source whose models stand at two steps"):
        plots.load("training").draw(made.rows(6))


def test_the_sheet_marks_what_both_models_have() -> None:
    x = np.eye(8)[:, :3] + np.linspace(0, 1, 24).reshape(8, 3)
    samples = Samples.of([f"text {i}" for i in range(8)], modality="text")
    same = plots.load("neighbours").draw(x, x, samples=samples, k=3, among=3, chosen=[0])
    assert _words(same).count("●") == 6
    assert any("3 of 3 nearest shared" in word for word in _words(same))
    with pytest.raises(InputError, match=r"chosen = \[9\]; expected positions from 0 to 7"):
        plots.load("neighbours").draw(x, x, samples=samples, chosen=[9], among=3)


# ---- names and captions of others


@pytest.mark.parametrize("name", ["agreement", "capability", "map", "matrix", "training"])
def test_hostile_names_stay_text(name: str, tmp_path: Path) -> None:
    if name == "agreement":
        figure = plots.load(name).draw(made.rows(6) + made.rows(6, metric=made.HOSTILE[0], seed=1), draws=FEW)
    else:
        pairs = "cross" if name in ("capability", "training") else "all"
        figure = plots.load(name).draw(made.rows(24, names=made.HOSTILE, pairs=pairs))
    text = plots.write(tmp_path / "a.svg", figure).read_text(encoding="utf-8")
    assert "<script" not in text
    plots.write(tmp_path / "a.pdf", figure)


def test_hostile_captions_stay_text(tmp_path: Path) -> None:
    figure = plots.load("neighbours").draw(**_sheet(made.HOSTILE), names=("<script>", "$x$"), k=5)
    assert "$x$" in _words(figure)
    assert "<script" not in plots.write(tmp_path / "a.svg", figure).read_text(encoding="utf-8")


@pytest.mark.parametrize(("given", "shown"), [
    ("a\n\tb\u0000", "a b"), ("\u202eabc", "abc"), ("模", "�"), ("אבג x", "גבא x"), ("ab" * 30, "ababa…babab"),
])
def test_a_name_is_one_line_of_letters_that_there_are(given: str, shown: str) -> None:
    assert _text.plain(given, most=11) == shown


def test_families_are_told_from_names_or_given() -> None:
    assert family("vit_tiny_patch16_224.augreg_in21k") == "vit"
    assert family("gpt-5 untrained") == "untrained"
    assert family("gpt-5", {"gpt-5": "mine"}) == "mine"
    style = _families.coloured([str(i) for i in range(9)], _style.THEMES["light"])
    assert [entry[0] for entry in style.values()].count("others") == 5


# ---- colours


_SEEN = {
    "normal": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
"""Machado, Oliveira and Fernandes 2009, severity 1."""


def _rgb(colour: str) -> np.ndarray:
    return np.array([int(colour[i:i + 2], 16) for i in (1, 3, 5)]) / 255


def _linear(colour: str) -> np.ndarray:
    c = _rgb(colour)
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def _lab(linear: np.ndarray) -> np.ndarray:
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ np.clip(linear, 0, 1) / np.array([0.9505, 1, 1.089])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("theme", _style.THEMES)
def test_colours_of_series_and_text_can_be_read(theme: str) -> None:
    look = _style.THEMES[theme]
    for colour in (look.ink, look.quiet, *look.hues):
        light, dark = sorted((_style.luminance(_rgb(c).tolist()) for c in (colour, look.paper)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, colour


@pytest.mark.parametrize("theme", _style.THEMES)
@pytest.mark.parametrize("eye", _SEEN)
def test_series_differ_to_every_eye(theme: str, eye: str) -> None:
    for one, other in combinations(_style.THEMES[theme].hues, 2):
        a, b = (_lab(np.array(_SEEN[eye]) @ _linear(colour)) for colour in (one, other))
        assert np.linalg.norm(a - b) >= 10, (one, other)


def test_labels_keep_their_distance() -> None:
    placed = _style.spread([1, 1.1, 1.2, 9], 2, low=0, high=10)
    assert placed == sorted(placed)
    assert min(np.diff(placed)) >= 2 - 1e-9
    assert min(placed) >= 0


# ---- runs and the command line


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two networks over 24 scenes, each before and after it learnt."""
    models = [{"source": f"zoo:{kind}-1", "name": f"{name}@{i}", "untrained": not i, "view": view}
              for name, kind, view in (("cnn", "conv-masked", "image"), ("text", "gpt", "text")) for i in (0, 1)]
    study = {"name": "small", "data": {"source": "scenes:test", "n": 24}, "models": models,
             "align": {"metrics": ["mutual_knn(k=3)", "cka"], "pairs": "all", "draws": 19}}
    lines = ['name = "small"', "[data]", 'source = "scenes:test"', "n = 24", "[align]", 'metrics = ["mutual_knn(k=3)", "cka"]',
             'pairs = "all"', "draws = 19"]
    for model in models:
        lines += ["[[models]]", *(f"{key} = {json.dumps(value)}" for key, value in model.items())]
    out = tmp_path_factory.mktemp("runs") / "small"
    Study.of(study, text="\n".join(lines)).run(out, progress=lambda *_: None)
    return out


@pytest.mark.parametrize("name", sorted(MADE))
def test_every_plot_is_drawn_from_a_run(name: str, folder: Path) -> None:
    figure = plots.of_run(name, folder)
    assert figure.axes
    if name in ("grid", "null"):  # the strongest pair is of two modalities
        assert any("cnn" in word for word in _words(figure))
        assert any("text" in word for word in _words(figure))


def test_the_grid_of_a_run_is_turned_as_its_row_is(folder: Path) -> None:
    from platometer.plots._run import Run

    run = Run.read(folder)
    for row in run.rows:
        found = run.answer(row)
        assert (found["best"]["left"], found["best"]["right"]) == (row["left_layer"], row["right_layer"])
        assert len(found["grid"]) == row["left_layers"]


def test_a_pair_and_a_metric_can_be_asked_for(folder: Path) -> None:
    figure = plots.of_run("grid", folder, metric="cka", left="cnn@0", right="cnn@1")
    labels = figure.axes[0].get_xlabel() + figure.axes[0].get_ylabel() + figure.axes[1].get_ylabel()
    assert "cnn@0" in labels
    assert "cnn@1" in labels
    assert "cka" in labels
    with pytest.raises(UnknownNameError, match="has the metric 'ckaa'"):
        plots.of_run("grid", folder, metric="ckaa")
    with pytest.raises(UnknownNameError, match=r"No row has the model 'cnn'\. Did you mean 'cnn@"):
        plots.of_run("grid", folder, left="cnn")


def test_what_a_run_lost_is_named(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "rows.parquet").write_bytes((folder / "rows.parquet").read_bytes())
    with pytest.raises(StoreError, match="lacks the answer of"):
        plots.of_run("null", tmp_path)
    with pytest.raises(StoreError, match="cannot be read again"):
        plots.of_run("neighbours", tmp_path)


def test_the_command_line_writes_a_figure(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                          capsys: pytest.CaptureFixture) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["platometer", "plot", "null", str(folder), "--dark", "--width", "double"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 0
    assert capsys.readouterr().out == "null.pdf\n"
    assert (tmp_path / "null.pdf").read_bytes().startswith(b"%PDF")


def test_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'a\.gif' is no PDF, SVG or PNG"):
        plots.write(tmp_path / "a.gif", _drawn("null"))


def test_an_unknown_plot_is_told_its_neighbours() -> None:
    with pytest.raises(UnknownNameError, match=r"There is no plot named 'matrx'\. Did you mean 'matrix'"):
        plots.load("matrx")


# ---- what was seen on paper


def test_steps_that_are_near_each_other_are_not_both_named() -> None:
    from platometer.plots.training import _apart

    assert _apart([0, 12, 23, 47, 94, 188, 375, 562, 750]) == [0, 12, 23, 47, 94, 188, 375, 750]
    assert len(_apart([2.0**i for i in range(30)])) <= 11


def test_the_band_of_a_profile_is_named_beside_its_axes() -> None:
    figure = _drawn("profile")
    figure.draw_without_rendering()
    named = next(text for text in figure.findobj(Text) if text.get_text() == "chance")
    assert named.get_window_extent().x0 >= figure.axes[1].bbox.x1


def test_a_grid_tells_of_dots_only_where_there_are_some() -> None:
    passed = made.answer()
    passed["calibration"]["tau"] = 0.0
    assert not any("below the threshold" in word for word in _words(_drawn("grid", found=passed)))
    passed["calibration"]["tau"] = 0.9
    assert any("below the threshold" in word for word in _words(_drawn("grid", found=passed)))


def test_a_trend_says_the_level_of_its_interval() -> None:
    assert any("(95 %: " in word for word in _words(_drawn("capability")))


_EIGHT = ("mutual_knn(k=5)", "mutual_knn(k=10)", "mutual_knn(k=50)", "cknna(k=10, variant=paper)",
          "cka(kernel=linear, estimator=biased)", "cka(kernel=linear, estimator=debiased)",
          "rsa(dissimilarity=correlation, compare=spearman)", "procrustes(form=similarity)")


@pytest.mark.parametrize("width", _style.WIDTHS)
def test_the_agreement_of_eight_metrics_is_written_inside_its_cells(width: str) -> None:
    rows = [row for i, name in enumerate(_EIGHT) for row in made.rows(10, metric=name, pairs="cross", seed=i)]
    figure = plots.load("agreement").draw(rows, draws=FEW, width=width)
    figure.draw_without_rendering()
    axes = figure.axes[0]
    cell = axes.bbox.width / 7, axes.bbox.height / 7
    assert len(axes.texts) == 28
    for text in axes.texts:
        box = text.get_window_extent()
        assert box.width <= cell[0], text
        assert box.height <= cell[1], text
    names = [label.get_text() for label in (*axes.get_yticklabels(), *axes.get_xticklabels())]
    assert {"cka(biased)", "cka(debiased)", "rsa", "mutual_knn(k=50)"} <= set(names)
    assert any("n = 25 pairs of two modalities, 10 models" in word for word in _words(figure))


@pytest.mark.parametrize(("count", "said"), [(6, "9 pairs of two modalities, 6"),
                                             (4, "6 pairs of two modalities and of one, 4")])
def test_the_agreement_of_a_run_asks_of_two_modalities_alone_where_these_are_enough(count: int, said: str) -> None:
    from platometer.plots._run import Run

    rows = made.rows(count) + made.rows(count, metric="cka", seed=1)
    plot = plots.load("agreement")
    assert any(f"n = {said} models" in word for word in _words(plot.draw(**plot.gather(Run(Path(), rows, rows)), draws=FEW)))


def test_rows_of_two_questions_are_said_to_be_so() -> None:
    assert any("pairs of two modalities and of one" in word for word in _words(_drawn("agreement")))


@pytest.mark.parametrize("name", ["profile", "training"])
def test_no_line_runs_over_the_word_chance(name: str) -> None:
    found = {"found": [made.answer(null="")]} if name == "profile" else {"rows": made.rows(24, pairs="cross", null=False)}
    figure = plots.load(name).draw(**found)
    figure.draw_without_rendering()
    told = next(text for text in figure.findobj(Text) if text.get_text().startswith("no null"))
    assert all(told.get_window_extent().y0 >= axes.bbox.y1 for axes in figure.axes)


def _shades_of_crossing(rows: list[dict], **options: object) -> tuple[float, str]:
    """How far pairs of two modalities lie apart on the bar, as a share of it; and what the bar says."""
    figure = plots.load("matrix").draw(rows, **options)
    image = next(axes.images[0] for axes in figure.axes if axes.images)
    across = [row["score"] for row in rows if row["left_modality"] != row["right_modality"]]
    return float(np.ptp(image.norm(across))), figure.axes[-1].get_xlabel()


def test_pairs_of_two_modalities_keep_their_shades_beside_those_of_one() -> None:
    rows = made.rows(8)
    for row in rows:
        row["score"] = row["score"] / 8 + (0.6 if row["left_modality"] == row["right_modality"] else 0)
    apart, said = _shades_of_crossing(rows)
    assert apart > 0.4
    assert "n = 28 pairs, 512 samples; shaded by rank" in said
    hidden, said = _shades_of_crossing(rows, scale="linear")
    assert hidden < 0.15
    assert "rank" not in said
    with pytest.raises(InputError, match=r"scale = 'log'"):
        plots.load("matrix").draw(rows, scale="log")


def test_a_table_of_two_modalities_alone_is_shaded_as_scores_are() -> None:
    assert "rank" not in _shades_of_crossing(made.rows(8, pairs="cross"))[1]


@pytest.mark.parametrize("seed", range(3))
def test_names_of_a_cluster_stand_on_no_marker_and_on_no_other_name(seed: int) -> None:
    stream = np.random.default_rng(seed)
    points = [(float(x), float(y)) for x, y in stream.normal((60, 100), (12, 8), (12, 2))]
    boxes = _labels.placed(points, [(45.0, 6.0)] * 12, room=(0, 0, 240, 200), taken=[(0, 190, 80, 200)])
    for one, other in combinations(boxes, 2):
        assert _labels.shared(one, other) == 0
    for box in boxes:
        assert _labels.shared(box, (0, 190, 80, 200)) == 0
        assert _labels.shared(box, (0, 0, 240, 200)) == pytest.approx(45 * 6)
        assert all(_labels.shared(box, (x - 3, y - 3, x + 3, y + 3)) == 0 for x, y in points)


def test_the_names_on_a_map_do_not_meet() -> None:
    figure = plots.load("map").draw(made.rows(16))
    figure.draw_without_rendering()
    axes = figure.axes[0]
    boxes = [text.get_window_extent() for text in axes.texts if "-" in text.get_text()]
    assert len(boxes) == 16
    for one, other in combinations(boxes, 2):
        assert not one.overlaps(other)
    assert any("13 outermost of 60 models are named" in word for word in _words(plots.load("map").draw(made.rows(60))))


def test_a_line_passes_through_a_box_or_past_it() -> None:
    box = (10.0, 10.0, 20.0, 20.0)
    assert _labels.crossed(box, (0, 0), (30, 30))
    assert _labels.crossed(box, (15, 0), (15, 30))
    assert not _labels.crossed(box, (0, 0), (9, 9))
    assert not _labels.crossed(box, (0, 15), (0, 30))


def test_a_capability_of_a_run_is_drawn_by_name_from_a_table_or_of_one_side(folder: Path, tmp_path: Path) -> None:
    scores = tmp_path / "told.csv"
    scores.write_text("model,probe,loss\ncnn@0,0.4,2\ncnn@1,0.9,1\n")
    figure = plots.of_run("capability", folder, against=str(scores), column="probe")
    assert any("probe of the image model (as given)\nn = 2 models" in word for word in _words(figure))
    assert any("parameters of both, geometric mean (count)" in word
               for word in _words(plots.of_run("capability", folder, against="size", side="both")))
    assert any("probe (as given)\nn = 2 models" in word
               for word in _words(plots.of_run("map", folder, against=str(scores), column="probe")))
    with pytest.raises(UnknownNameError, match="small has no capability 'reading'"):
        plots.of_run("capability", folder, against="reading")
    with pytest.raises(InputError, match=r"side = 'txt', but .* have the modalities"):
        plots.of_run("capability", folder, side="txt")
    with pytest.raises(InputError, match="side = 'text', of which the plot 'map' shows nothing"):
        plots.of_run("map", folder, side="text")


def test_the_command_line_draws_against_a_table(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "told.csv").write_text("model,probe\ncnn@0,0.4\ncnn@1,0.9\n")
    monkeypatch.setattr(sys, "argv", ["platometer", "plot", "capability", str(folder), "--against", str(tmp_path / "told.csv"),
                                      "--column", "probe", "--side", "image", "--out", str(tmp_path / "a.svg")])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 0
    assert (tmp_path / "a.svg").exists()
