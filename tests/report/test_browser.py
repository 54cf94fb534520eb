"""The page in a browser: it opens offline and quietly, and its switches change what it shows."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from content import LOW, content, hostile

from platometer.report import write

sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="needs Chromium, on the path or named by CHROMIUM")


@pytest.fixture(scope="module")
def browser() -> Iterator:
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield found
        found.close()


@pytest.fixture
def opened(browser, tmp_path) -> Iterator[Callable]:
    """Open content as a page; at the end nothing may have been logged, asked of a network, or popped up."""
    pages, noise = [], []

    def show(made: dict, width: int = 1280, height: int = 800):
        path = write(tmp_path / f"report-{len(pages)}.html", made)
        tab = browser.new_page(viewport={"width": width, "height": height})
        pages.append(tab)
        tab.on("console", lambda message: noise.append(f"console: {message.text}"))
        tab.on("pageerror", lambda error: noise.append(f"error: {error}"))
        tab.on("dialog", lambda dialog: (noise.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        tab.on("request", lambda request: noise.append(f"request: {request.url}") if request.url != path.as_uri() else None)
        tab.goto(path.as_uri())
        return tab

    yield show
    for tab in pages:
        tab.close()
    assert noise == []


def small(**options) -> dict:
    return content(**{"vision": 3, "language": 2, "draws": 99} | options)


def drawn(tab, figure: str) -> str:
    return tab.locator(figure).first.inner_html()


def nameless() -> dict:
    """Vectors from files: no modality, no parameters, no question."""
    made = small(vision=3, language=0, pairs="all", metrics=("cka",))
    for model in made["models"]:
        model |= {"parameters": None, "modality": ""}
    for row in made["rows"]:
        row |= dict.fromkeys(("left_parameters", "right_parameters")) | dict.fromkeys(("left_modality", "right_modality"), "")
    made["trends"] = []
    made["study"]["question"] = ""
    return made


def holed() -> dict:
    """Layers without a score, a single layer, draws that are all one value, a calibrated score of none."""
    made = small(metrics=("cka",))
    grid = made["grids"][made["rows"][0]["key"]]
    grid["scores"][0] = [None] * len(grid["scores"][0])
    grid["draws"] = [0.25] * 99
    made["rows"][1] |= {"calibrated": None}
    key = made["rows"][2]["key"]
    made["grids"][key] |= {"left_layers": ["x"], "right_layers": ["y"], "scores": [[0.5]]}
    made["rows"][2] |= {"left_layer": "x", "right_layer": "y"}
    return made


ODD = {
    "whole": lambda: small(), "mixed": lambda: small(pairs="all"), "low": lambda: small(metrics=(LOW,)),
    "one pair": lambda: small(vision=1, language=1, metrics=("cka",)), "two pairs": lambda: small(vision=2, language=1),
    "no draws": lambda: small(draws=0), "no rows": lambda: small() | {"rows": [], "grids": {}, "trends": []},
    "hostile": lambda: hostile(small()), "nameless": nameless, "holed": holed,
}


@pytest.mark.parametrize("kind", ODD)
def test_the_page_opens_quietly_and_fits_any_screen(opened, kind):
    made = ODD[kind]()
    for width in (1280, 360):
        tab = opened(made, width=width)
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        assert tab.evaluate("document.images.length") == 0
        assert tab.locator("svg[role=img]:visible:not(:has(> title))").count() == 0
        if made["rows"]:
            assert tab.locator("#heat rect[data-cell]").count() > 0
            assert "NaN" not in tab.locator("main").inner_html()
            assert "undefined" not in tab.locator("main").inner_text()
    tab.emulate_media(media="print")
    tab.set_viewport_size({"width": 690, "height": 1000})
    assert tab.evaluate("document.documentElement.scrollWidth") <= 690


def test_choosing_metric_and_score_changes_the_figures(opened):
    tab = opened(small())
    heat, trend, grid = (drawn(tab, figure) for figure in ("#heat", "#trend", ".panel .grid"))
    tab.select_option("#what", "score")
    raw = drawn(tab, "#heat")
    assert raw != heat
    assert drawn(tab, "#trend") != trend
    assert drawn(tab, ".panel .grid") == grid
    tab.select_option("#metric", "cka(estimator=debiased)")
    assert drawn(tab, "#heat") != raw
    assert drawn(tab, ".panel .grid") != grid


def test_a_metric_without_a_calibrated_score_is_shown_raw(opened):
    made = small(metrics=("mutual_knn(k=10)", "cka"))
    for row in made["rows"]:
        if row["metric"] == "cka":
            row["calibrated"] = None
    tab = opened(made)
    tab.select_option("#metric", "cka")
    assert tab.input_value("#what") == "score"
    assert tab.locator("#heat").get_by_text("0.", exact=False).count() > 0


def test_order_and_side_are_followed(opened):
    made = small(vision=4)
    made["models"].reverse()
    tab = opened(made)
    def names():
        return tab.locator("#heat text[text-anchor=end] > title").all_text_contents()

    vision = [model["name"] for model in made["models"] if model["modality"] == "image"]
    assert names() == vision
    tab.select_option("#order", "size")
    assert names() == vision[::-1]
    for side, rings in (("image", 4), ("text", 2)):
        tab.select_option("#side", side)
        assert f"parameters of the {side} model" in drawn(tab, "#trend")
        assert tab.locator("#trend circle").count() == 4 * 2 + rings


def test_the_figures_show_the_numbers_of_the_rows(opened):
    made = small(metrics=("mutual_knn(k=10)",))
    best = max(made["rows"], key=lambda row: row["calibrated"])
    tab = opened(made)
    said = tab.locator(".panel .readout").first.inner_text()
    assert said == f"most alike: {best['left_layer']} ~ {best['right_layer']}: {best['score']:.3f}"
    assert f"score {best['score']:.3f}" in drawn(tab, ".panel .null")
    assert f"{best['calibrated']:.3f}" in tab.locator("#heat text").all_text_contents()
    trend = next(t for t in made["trends"] if t["modality"] == "image" and t["what"] == "calibrated")
    assert f"r = {trend['r']:.2f}".replace("-", "−") in tab.locator("#trend-series").inner_text()
    assert "n = 3 models" in tab.locator("#trend-series").inner_text()


def test_a_symmetric_map_is_mirrored_and_a_directed_one_is_not(opened):
    tab = opened(small(pairs="all", metrics=("cka", LOW)))
    def fill(i, j):
        return tab.locator(f'#heat rect[data-cell="{i} {j}"]').get_attribute("fill")

    assert fill(0, 1) == fill(1, 0)
    assert fill(2, 2) == "url(#absent)"
    tab.select_option("#metric", LOW)
    tab.select_option("#what", "score")
    assert any(fill(i, j) != fill(j, i) for i in range(5) for j in range(i))


def test_the_map_reads_out_by_keyboard_and_opens_the_layers(opened):
    tab = opened(small())
    tab.focus("#heat")
    for key in ("ArrowDown", "ArrowDown", "ArrowRight"):
        tab.keyboard.press(key)
    said = tab.inner_text("#heat-said")
    assert "raw 0." in said
    assert "p ≤" in said.replace("\u00a0", " ")
    tab.keyboard.press("Enter")
    assert "shown below" in tab.inner_text("#heat-said")
    left, right = said.split(":")[0].split(" ~ ")
    chosen = tab.locator(".panel select").first.evaluate("s => s.selectedOptions[0].textContent")
    assert left in chosen
    assert right in chosen


def test_the_layers_of_a_chosen_cell_and_of_a_chosen_pair_are_shown(opened):
    tab = opened(small())
    first = tab.locator(".panel").first
    before = first.locator(".grid").inner_html()
    weakest = first.locator("option").last.get_attribute("value")
    first.locator("select").select_option(weakest)
    assert first.locator(".grid").inner_html() != before
    tab.locator('#heat rect[data-cell="2 1"]').click()
    chosen = first.locator("select").evaluate("s => s.selectedOptions[0].textContent")
    assert "vit_base_patch16_224.mae ~ bigscience/bloomz-1b7" in chosen
    assert "bloomz-1b7" in first.locator("figcaption").inner_text()


def test_the_table_sorts_and_filters(opened):
    made = small(metrics=("mutual_knn(k=10)", "cka"))
    made["rows"][0]["z"] = None
    tab = opened(made)
    def scores(k):
        return tab.locator(f"#rows tbody tr:visible td:nth-child({k})").all_text_contents()

    tab.get_by_role("button", name="score").click()
    values = [float(text) for text in scores(4)]
    assert values == sorted(values, reverse=True)
    assert tab.locator("#rows th[aria-sort]").get_attribute("aria-sort") == "descending"
    tab.get_by_role("button", name="score").click()
    assert [float(text) for text in scores(4)] == sorted(values)
    tab.get_by_role("button", name="z").click()
    assert scores(6)[-1] == "–"
    tab.fill("#filter", "cka bloomz-560m")
    assert len(scores(4)) == 3
    assert tab.inner_text("#shown") == "3 of 12"


def test_figures_are_drawn_anew_for_another_width(opened):
    tab = opened(small())
    before = tab.locator("#trend").get_attribute("width")
    tab.set_viewport_size({"width": 420, "height": 800})
    tab.wait_for_function("before => document.getElementById('trend').getAttribute('width') !== before", arg=before)
    assert int(float(tab.locator("#trend").get_attribute("width"))) < 420


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(opened, scheme):
    tab = opened(small())
    tab.emulate_media(color_scheme=scheme)
    ratio = """() => {
      const linear = v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
      const light = text => text.match(/[\\d.]+/g).slice(0, 3)
        .reduce((sum, v, k) => sum + linear(v / 255) * [0.2126, 0.7152, 0.0722][k], 0);
      const against = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
      const paper = getComputedStyle(document.body).backgroundColor, least = {};
      for (const css of ["p", ".soft", "svg .tick", "a"]) for (const node of document.querySelectorAll(css)) {
        const style = getComputedStyle(node);
        least[css] = Math.min(least[css] ?? 99, against(node.closest("svg") ? style.fill : style.color, paper));
      }
      const texts = [...document.querySelectorAll("#heat text[pointer-events]")];
      least.cells = Math.min(...texts.map(node =>
        against(getComputedStyle(node).fill, node.previousElementSibling.getAttribute("fill"))));
      return least;
    }"""
    assert min(tab.evaluate(ratio).values()) >= 4.5


def test_many_long_remarks_take_one_line_until_they_are_opened(opened):
    made = small(metrics=("cka",))
    long = "a remark that says at some length what was found about these two models and the samples they were shown"
    made["rows"][0]["notes"] = [f"{i}: {long}" for i in range(6)]
    made["rows"][1]["notes"] = ["brief"]
    tab = opened(made)
    line, plain = tab.locator("#rows tbody tr").nth(0), tab.locator("#rows tbody tr").nth(1)
    assert line.locator("summary").inner_text() == "6 remarks"
    assert plain.locator(".remarks").inner_text() == "brief"
    assert line.bounding_box()["height"] < 1.5 * plain.bounding_box()["height"]
    assert not line.locator("li").first.is_visible()
    line.locator("summary").click()
    assert line.locator("li").all_inner_texts() == made["rows"][0]["notes"]
    line.locator("summary").click()
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert line.locator("li").last.is_visible()
    tab.evaluate("dispatchEvent(new Event('afterprint'))")
    assert not line.locator("li").last.is_visible()


def test_models_of_one_name_from_two_places_keep_the_place(opened):
    made = small(metrics=("cka",))
    old = [made["models"][i]["name"] for i in (0, 1, 3)]
    new = dict(zip(old, ("org1/base", "org2/base", "org3/other"), strict=True))
    for model in made["models"]:
        model["name"] = new.get(model["name"], model["name"])
    for row in made["rows"]:
        row |= {side: new.get(row[side], row[side]) for side in ("left", "right")}
    tab = opened(made)
    said = {tab.locator(".panel .grid").nth(k).locator("text.soft").nth(j).evaluate("t => t.firstChild.data").split(" ·")[0]
            for k in range(3) for j in range(2)}
    assert not said & {"base", "org3/other"}
    assert said & {"org1/base", "org2/base"}
    assert "other" in drawn(tab, "#heat")
