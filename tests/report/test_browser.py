"""The page in a browser: it opens offline and quietly, and its switches change what it shows."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from content import HOSTILE, LOW, content, hostile

from platometer.report import write
from platometer.rows import SCHEMA

sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
AXE = os.environ.get("AXE_CORE", "")
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
        tab.on("request", lambda request: noise.append(f"request: {request.url}")
               if request.url != path.as_uri() and not request.url.startswith(("data:", "blob:")) else None)
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


NO_SHEETS = {"why": "The study is of vectors from files.", "items": {}, "pairs": [], "contact": []}


def nameless() -> dict:
    """Vectors from files: no modality, no parameters, no question."""
    made = small(vision=3, language=0, pairs="all", metrics=("cka",))
    for model in made["models"]:
        model |= {"parameters": None, "modality": ""}
    for row in made["rows"]:
        row |= dict.fromkeys(("left_parameters", "right_parameters")) | dict.fromkeys(("left_modality", "right_modality"), "")
    made |= {"trends": [], "measures": [], "places": {"cka": {"order": [], "maps": []}}, "sheets": NO_SHEETS}
    made["study"]["question"] = ""
    return made


def holed() -> dict:
    """Layers without a score, a single layer, draws that are all one value, a calibrated score of none."""
    made = small(metrics=("cka",))
    grid = made["grids"][made["rows"][0]["grid"]]
    grid["scores"][0] = [None] * len(grid["scores"][0])
    grid["draws"] = [0.25] * 99
    made["rows"][1] |= {"calibrated": None}
    key = made["rows"][2]["grid"]
    made["grids"][key] |= {"left_layers": ["x"], "right_layers": ["y"], "scores": [[0.5]]}
    made["rows"][2] |= {"left_layer": "x", "right_layer": "y"}
    return made


def empty() -> dict:
    return small() | {"rows": [], "grids": {}, "trends": [], "places": {}, "galleries": [], "sheets": NO_SHEETS}


ODD = {
    "whole": lambda: small(), "mixed": lambda: small(pairs="all"), "low": lambda: small(metrics=(LOW,)),
    "one pair": lambda: small(vision=1, language=1, metrics=("cka",)), "two pairs": lambda: small(vision=2, language=1),
    "no draws": lambda: small(draws=0), "no rows": empty,
    "hostile": lambda: hostile(small()), "nameless": nameless, "holed": holed,
}


@pytest.mark.parametrize("kind", ODD)
def test_the_page_opens_quietly_and_fits_any_screen(opened, kind):
    made = ODD[kind]()
    for width in (1280, 360):
        tab = opened(made, width=width)
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        assert tab.evaluate("[...document.images].every(one => one.src.startsWith('data:image/') && one.naturalWidth > 0)")
        assert tab.locator("svg[role=img]:visible:not(:has(> title))").count() == 0
        if made["rows"]:
            assert tab.locator("#heat rect[data-cell]").count() > 0
            assert "NaN" not in tab.locator("main").inner_html()
            assert "undefined" not in tab.locator("main").inner_text()
    tab.emulate_media(media="print")
    tab.set_viewport_size({"width": 690, "height": 1000})
    assert tab.evaluate("document.documentElement.scrollWidth") <= 690


def test_switches_change_the_figures(opened):
    tab = opened(small())
    heat, raw, both, near, grid = (drawn(tab, one) for one in ("#heat", "#trend", "#trend-calibrated", "#map", ".panel .grid"))
    tab.select_option("#what", "score")
    assert drawn(tab, "#heat") != heat
    assert (drawn(tab, "#trend"), drawn(tab, ".panel .grid")) == (raw, grid)
    heat = drawn(tab, "#heat")
    tab.select_option("#metric", "cka(estimator=debiased)")
    for figure, before in {"#heat": heat, "#trend": raw, "#trend-calibrated": both, "#map": near, ".panel .grid": grid}.items():
        assert drawn(tab, figure) != before, figure
    near, raw = drawn(tab, "#map"), drawn(tab, "#trend")
    tab.select_option("#map-of", label="text models")
    assert drawn(tab, "#map") != near
    tab.select_option("#against", "parameters")
    assert drawn(tab, "#trend") != raw
    assert "parameters" in drawn(tab, "#trend")


def test_a_family_is_selected_everywhere(opened):
    tab = opened(small(vision=6))
    assert tab.locator("#family option").all_text_contents() == ["all", "vit", "bloomz"]
    made = small(vision=10)
    tab = opened(made)
    families = {model["name"]: model["family"] for model in made["models"]}
    tab.select_option("#family", label="resnet50.a1")
    shown = [name for name in tab.locator("#heat text > title").all_text_contents() if name in families]
    assert [families[name] for name in shown if not name.startswith("big")] == ["resnet50.a1"]
    assert len(shown) == 3
    assert tab.locator("#trend .mark[opacity='1']").count() == 1
    assert tab.locator("#trend .mark").count() == 10
    assert tab.locator("#map .mark[opacity='1']").count() == 1


def test_raw_stands_beside_calibrated_with_chance_and_intervals(opened):
    made = small(vision=5)
    tab = opened(made)
    assert tab.input_value("#against") == "skill"
    assert tab.locator("#trend .band").count() == 1
    assert tab.locator("#trend-calibrated .band").count() == 0
    for figure in ("#trend", "#trend-calibrated"):
        assert tab.locator(f"{figure} .mark").count() == 5
        assert tab.locator(f"{figure} .wedge").count() == 2
    lines = tab.locator("#trend-fit tbody tr").all_inner_texts()
    assert [line.split("\t")[0] for line in lines] == ["raw", "chance", "calibrated"]
    found = next(t for t in made["trends"] if t["modality"] == "image" and t["what"] == "calibrated")
    said = f"calibrated\t{found['r']:.3f} ({found['low']:.3f} to {found['high']:.3f})".replace("-", "−")
    assert lines[2].startswith(said)
    assert lines[2].endswith("0.100 (0.050 to 0.150)\t5")


def test_where_low_is_better_the_axis_is_turned(opened):
    tab = opened(small(language=3))
    tab.select_option("#against", "bits per byte")
    assert "low is better" in drawn(tab, "#trend")
    x = tab.locator("#trend .mark").evaluate_all("all => all.map(one => +one.getAttribute('transform').match(/[\\d.]+/)[0])")
    assert x == sorted(x)  # models come from small to large, and the larger needs fewer bits


def test_points_are_read_out_by_keyboard_pointer_and_table(opened):
    tab = opened(small())
    for figure, said in (("#trend", "#trend-said"), ("#map", "#map-said")):
        tab.focus(figure)
        tab.keyboard.press("ArrowRight")
        first = tab.inner_text(said)
        tab.keyboard.press("ArrowRight")
        assert tab.inner_text(said) != first
        tab.keyboard.press("Home")
        assert tab.inner_text(said) == first
        assert "vit_" in first
        tab.locator(f"{figure} .mark").last.hover()
        assert "vit_" in tab.inner_text(said)
    tab.locator("#trend-table summary").click()
    tab.locator("#trend-table tbody tr").first.wait_for()
    assert tab.locator("#trend-table tbody tr").count() == 3
    tab.locator("#map-table summary").click()
    tab.locator("#map-table tbody tr").first.wait_for()
    assert tab.locator("#map-table tbody th").all_text_contents()[0].startswith("vit_")
    panel = tab.locator(".panel").first
    panel.locator("summary").click()
    panel.locator("details tbody tr").first.wait_for()
    assert panel.locator("details tbody tr").count() == 12


def test_neighbours_are_pictures_and_captions_with_those_shared_marked(opened):
    tab = opened(small())
    asked = tab.locator(".query").first
    assert "3 of 10 shared" in asked.inner_text()
    assert asked.locator(".side").first.locator(".shared").count() == 3
    assert asked.locator(".side h3").all_inner_texts() == [small()["rows"][0][side] for side in ("left", "right")]
    picture = asked.locator(".side img").first
    assert picture.get_attribute("alt") == "a dog number 1 runs over the grass"
    assert tab.locator(".query").nth(1).locator(".shared").count() == 0
    assert tab.locator(".contact .item").count() == 4


def test_the_rows_are_downloaded_whole_as_csv_and_json(opened):
    made = small(metrics=("cka", "mutual_knn(k=10)"))
    made["rows"][0]["remarks"] = ['one, "two"', "three"]
    made["rows"][1]["left"] = "=SUM(A1)"
    tab = opened(made)
    read = {}
    for kind in ("csv", "json"):
        with tab.expect_download() as waited:
            tab.click(f"#{kind}")
        assert waited.value.suggested_filename == f"rows.{kind}"
        read[kind] = Path(waited.value.path()).read_bytes().decode()
    wanted = [{name: row[name] for name in SCHEMA.names} for row in made["rows"]]
    assert json.loads(read["json"]) == wanted
    lines = list(csv.DictReader(io.StringIO(read["csv"], newline="")))
    assert list(lines[0]) == SCHEMA.names
    assert [float(line["score"]) for line in lines] == [row["score"] for row in made["rows"]]
    assert json.loads(lines[0]["remarks"]) == made["rows"][0]["remarks"]
    assert lines[1]["left"] == "'=SUM(A1)"


def test_a_hostile_caption_stays_text(opened):
    made = hostile(small())
    tab = opened(made)
    caption = tab.locator(".query figcaption").first
    assert caption.text_content().endswith(HOSTILE)
    assert caption.locator("*").count() == 0
    tab.locator("#trend-table summary").click()
    tab.focus("#trend")
    tab.keyboard.press("ArrowRight")
    assert "<img src=x onerror=alert(1)>" in tab.inner_text("#trend-said")
    assert tab.locator("img[src=x]").count() == 0


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
    made["places"]["mutual_knn(k=10)"]["order"].reverse()
    tab = opened(made)
    assert names() == vision[::-1]
    tab.select_option("#order", "study")
    assert names() == vision
    tab.select_option("#order", "size")
    assert names() == vision[::-1]
    tab.select_option("#against", "parameters")
    for side, other, marks in (("image", "text", 4), ("text", "image", 2)):
        tab.select_option("#side", label=f"{side} models with {other} models")
        assert f"parameters, {marks} models" in drawn(tab, "#trend")
        assert tab.locator("#trend .mark").count() == marks
        assert tab.locator("#trend .pair").count() == 4 * 2


def test_the_figures_show_the_numbers_of_the_rows(opened):
    made = small(metrics=("mutual_knn(k=10)",))
    best = max(made["rows"], key=lambda row: row["calibrated"])
    tab = opened(made)
    said = tab.locator(".panel .readout").first.inner_text()
    assert said == f"most alike: {best['left_layer']} ~ {best['right_layer']}: {best['score']:.3f}"
    assert f"score {best['score']:.3f}" in drawn(tab, ".panel .null")
    assert f"{best['calibrated']:.3f}" in tab.locator("#heat text").all_text_contents()


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
    tab.select_option("#order", "study")
    tab.locator('#heat rect[data-cell="2 1"]').click()
    chosen = first.locator("select").evaluate("s => s.selectedOptions[0].textContent")
    assert "vit_base_patch16_224.mae ~ bigscience/bloomz-1b7" in chosen
    assert "bloomz-1b7" in first.locator("figcaption").inner_text()


def test_galleries_are_drawn_with_chance_from_the_most_alike_pair_on(opened):
    made = small()
    tab = opened(made)
    first, second = (made["galleries"][at] for at in (8, 0))  # the second of the content is the more alike
    assert tab.locator("#gallery-of option").all_inner_texts() == [
        f"{k}. {one['left']} ~ {one['right']}" for k, one in enumerate((first, second), 1)]
    assert (tab.locator("#gallery .mark").count(), tab.locator("#gallery .by-chance").count()) == (8, 2)
    assert tab.locator("#gallery-series li").all_inner_texts() == ["10 nearest", "1 % nearest"]
    tab.locator("#gallery").focus()
    tab.keyboard.press("End")
    assert tab.locator("#gallery-said").inner_text().startswith("700 samples, ")
    assert "to 0.254), chance 0.0" in tab.locator("#gallery-said").inner_text()
    before = drawn(tab, "#gallery")
    tab.select_option("#gallery-of", index=1)
    assert drawn(tab, "#gallery") != before
    tab.locator("#gallery-table summary").click()
    assert tab.locator("#gallery-table tbody tr").nth(3).inner_text() == "700\t10\t0.107\t0.014\t0.0200"


def test_without_galleries_there_is_no_such_section(opened):
    tab = opened(small() | {"galleries": []})
    assert tab.locator("#gallery-title").count() == 0


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
      const kinds = ["p", ".soft", "svg .tick", "a", "td", "summary", ".item figcaption", "h3"];
      for (const css of kinds) for (const node of document.querySelectorAll(css)) {
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


@pytest.mark.skipif(not AXE, reason="needs axe-core, whose axe.min.js AXE_CORE names (npm pack axe-core)")
@pytest.mark.parametrize(("scheme", "width"), [("light", 1366), ("dark", 1366), ("light", 390)])
def test_axe_finds_nothing_to_mend(opened, scheme, width):
    tab = opened(small(pairs="all"), width=width)
    tab.emulate_media(color_scheme=scheme)
    tab.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    tab.evaluate(Path(AXE).read_text(encoding="utf-8"))
    found = tab.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found["violations"]] == []


def test_the_page_fits_paper(opened, tmp_path):
    tab = opened(small())
    tab.pdf(path=tmp_path / "page.pdf", prefer_css_page_size=True)
    assert (tmp_path / "page.pdf").stat().st_size > 10_000
    tab.emulate_media(media="print")
    for hidden in ("nav", "#csv", ".as-table"):
        assert not tab.locator(hidden).first.is_visible()
    assert tab.locator("#rows tbody tr").last.is_visible()
    assert tab.locator("body").evaluate("one => getComputedStyle(one).backgroundColor") == "rgb(255, 255, 255)"
