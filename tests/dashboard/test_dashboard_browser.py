"""The dashboard in a browser: quiet, on its own server alone, and usable by pointer and by keyboard."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator

import made
import pytest

sync_api = pytest.importorskip("playwright.sync_api")
uvicorn = pytest.importorskip("uvicorn")
pytest.importorskip("starlette")
from platometer import dashboard  # noqa: E402

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="needs Chromium, on the path or named by CHROMIUM")
TOKEN = "a-token-of-some-length"


@pytest.fixture(scope="module")
def browser() -> Iterator:
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield found
        found.close()


@pytest.fixture
def served() -> Iterator[Callable]:
    """Serve a folder on a free port; the address."""
    running = []

    def serve(runs, **options) -> str:
        config = uvicorn.Config(dashboard.app(runs, **options), host="127.0.0.1", port=0, log_level="warning", access_log=False,
                                lifespan="off", ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        running.append((server, thread))
        while not server.started:
            time.sleep(0.01)
        return f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"

    yield serve
    for server, thread in running:
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def opened(browser, served) -> Iterator[Callable]:
    """Open the dashboard over a folder; at the end nothing may have been logged, asked of another server, or popped up."""
    pages, noise = [], []

    def show(runs, *, at: str = "", width: int = 1280, height: int = 800, expected: str = "nothing", **options):
        address = served(runs, **options)
        tab = browser.new_page(viewport={"width": width, "height": height})
        pages.append(tab)
        tab.on("console", lambda m: noise.append(f"console: {m.text}") if expected not in m.text else None)
        tab.on("pageerror", lambda error: noise.append(f"error: {error}"))
        tab.on("dialog", lambda dialog: (noise.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        tab.on("request", lambda r: noise.append(f"request: {r.url}") if not r.url.startswith((address, "data:")) else None)
        tab.goto(f"{address}#{at}")
        return tab

    yield show
    for tab in pages:
        tab.close()
    assert noise == []


def _first(tab):
    tab.locator("#rows tbody tr[data-at='0']").click()
    tab.locator("#near-sides li").first.wait_for()


def _cells(tab, k: int) -> list[str]:
    return tab.locator(f"#rows tbody tr[data-at] td:nth-child({k})").all_text_contents()


def test_a_run_its_pairs_layers_and_neighbours_are_shown(opened, runs):
    tab = opened(runs)
    tab.get_by_text("6 rows").wait_for()
    assert tab.locator("#runs tbody tr").inner_text().split()[:2] == ["vectors", "finished"]
    _first(tab)
    assert "most alike" in tab.inner_text("#grid-said")
    assert tab.locator("#null .bar").count() > 2
    assert tab.locator("#near-sides li").count() == 12
    tab.locator("#pair-left").click()
    tab.locator("#model-facts dd").first.wait_for()
    tab.locator("#model-rows").click()
    tab.get_by_text("4 of 6 rows").wait_for()


def test_a_filter_narrows_the_table_and_its_slip_is_told(opened, runs):
    tab = opened(runs, expected="400 (Bad Request)")
    tab.get_by_text("6 rows").wait_for()
    tab.fill("#where", "metric ~ knn")
    tab.get_by_text("3 of 6 rows").wait_for()
    assert set(_cells(tab, 3)) == {"mutual_knn(k=3)"}
    tab.fill("#where", "metrik ~ knn")
    tab.get_by_text("Did you mean 'metric'").wait_for()
    assert tab.get_attribute("#where", "aria-invalid") == "true"


def test_names_that_mean_harm_stay_text(opened, runs):
    made.hostile(runs / "hostile")
    tab = opened(runs, at="run=hostile", expected="404 (Not Found)")
    tab.get_by_text("1 row", exact=True).wait_for()
    assert _cells(tab, 1) == [made.HOSTILE]
    assert made.HOSTILE in tab.inner_text("#run-question")
    tab.locator("#rows tbody tr[data-at='0']").click()
    tab.get_by_text("is no key of anything").first.wait_for()
    assert made.HOSTILE in tab.inner_text("#pair-title")
    tab.locator("#pair-left").click()
    tab.get_by_text("The folder does not hold its features.").wait_for()
    assert tab.locator("main img, main script").count() == 0


def test_a_run_is_followed_while_it_goes(opened, runs):
    made.stopped(runs / "vectors", runs / "half", answered=2)
    tab = opened(runs, at="run=half")
    tab.get_by_text("2 of 6", exact=True).wait_for()
    tab.get_by_text("2 rows", exact=True).wait_for()
    shutil.copytree(runs / "vectors" / "cells", runs / "half" / "cells", dirs_exist_ok=True)
    tab.get_by_text("6 of 6", exact=True).first.wait_for()
    tab.locator("#count", has_text="6 rows").wait_for()
    assert "going" in tab.inner_text("#live")


def test_the_table_is_read_and_opened_by_keyboard(opened, runs):
    tab = opened(runs)
    tab.get_by_text("6 rows").wait_for()
    tab.focus("#rows")
    for key in ("ArrowDown", "ArrowDown", "End", "Home", "ArrowDown"):
        tab.keyboard.press(key)
    assert tab.get_attribute("#rows", "aria-activedescendant") == "row-1"
    left = tab.inner_text("#row-1 td:nth-child(1)")
    tab.keyboard.press("Enter")
    tab.locator("#near-sides li").first.wait_for()
    assert tab.inner_text("#pair-title").startswith(left)
    assert tab.evaluate("document.activeElement.id") == "pair-title"
    tab.focus("#grid")
    tab.keyboard.press("ArrowRight")
    said = tab.inner_text("#grid-said")
    tab.keyboard.press("Enter")
    tab.locator("#near-sides h3").first.get_by_text(said.split(" and ")[0]).wait_for()
    tab.focus("#map")
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("ArrowRight")
    assert "raw" in tab.inner_text("#map-said")


def test_a_token_in_the_address_is_used_and_taken_out_of_it(opened, runs):
    tab = opened(runs, at=f"token={TOKEN}", token=TOKEN)
    tab.get_by_text("6 rows").wait_for()
    assert TOKEN not in tab.url
    assert TOKEN not in tab.evaluate("document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)")


def test_without_a_token_it_is_asked_for(opened, runs):
    tab = opened(runs, token=TOKEN, expected="401 (Unauthorized)")
    tab.get_by_role("heading", name="A token is needed").wait_for()
    assert tab.locator("#inside").is_hidden()
    tab.fill("#enter-token", "wrong")
    tab.get_by_role("button", name="Enter").click()
    tab.get_by_text("That is not the token.").wait_for()
    tab.fill("#enter-token", TOKEN)
    tab.keyboard.press("Enter")
    tab.get_by_text("6 rows").wait_for()


def test_two_runs_are_held_beside_each_other(opened, runs):
    shutil.copytree(runs / "vectors", runs / "again")
    tab = opened(runs)
    tab.get_by_label("compare vectors").check()
    tab.get_by_label("compare again").check()
    tab.get_by_role("button", name="Compare two runs").click()
    tab.get_by_text("6 rows in both").wait_for()
    assert tab.locator("#compare-plot").is_visible()


def test_rows_are_downloaded_by_a_link(opened, runs):
    tab = opened(runs)
    tab.get_by_text("6 rows").wait_for()
    with tab.expect_download() as download:
        tab.get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename == "vectors-rows.csv"


def test_of_ten_thousand_rows_only_those_in_sight_are_there(opened, tmp_path):
    made.many(tmp_path / "runs" / "many")
    tab = opened(tmp_path / "runs")
    tab.get_by_text("10,000 rows").wait_for()
    assert tab.get_attribute("#rows", "aria-rowcount") == "10001"
    assert tab.locator("#rows tr").count() < 60
    tab.get_by_role("button", name="score").click()
    top = float(_cells(tab, 5)[0])
    tab.focus("#rows")
    tab.keyboard.press("End")
    tab.locator("#row-9999").wait_for()
    assert tab.locator("#rows tr").count() < 60
    assert float(tab.inner_text("#row-9999 td:nth-child(5)")) < 0.06 < 0.39 < top


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_window(opened, runs, width):
    tab = opened(runs, width=width)
    tab.get_by_text("6 rows").wait_for()
    _first(tab)
    wider = f"""[...document.querySelectorAll('main *')].filter(one => one.checkVisibility()
      && !one.closest('.scroll, .virtual')
      && one.getBoundingClientRect().right > {width}).map(one => one.outerHTML.slice(0, 80))"""
    assert tab.evaluate(wider) == []
    assert tab.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(opened, runs, scheme):
    tab = opened(runs)
    tab.emulate_media(color_scheme=scheme)
    tab.get_by_text("6 rows").wait_for()
    _first(tab)
    least = tab.evaluate("""() => {
      const linear = v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
      const light = text => text.match(/[\\d.]+/g).slice(0, 3)
        .reduce((sum, v, k) => sum + linear(v / 255) * [0.2126, 0.7152, 0.0722][k], 0);
      const ground = node => { const c = getComputedStyle(node).backgroundColor;
        return c.endsWith(", 0)") && node.parentElement ? ground(node.parentElement) : c; };
      const out = {};
      for (const node of document.querySelectorAll("main *")) {
        const own = [...node.childNodes].some(one => one.nodeType === 3 && one.data.trim());
        if (!own || !node.checkVisibility() || node.matches(":disabled, option, svg *")) continue;
        const [a, b] = [light(getComputedStyle(node).color), light(ground(node))].sort((x, y) => y - x);
        const name = node.tagName + "." + node.className;
        out[name] = Math.min(out[name] ?? 99, (a + 0.05) / (b + 0.05));
      }
      return out;
    }""")
    assert len(least) > 15
    assert {name: ratio for name, ratio in least.items() if ratio < 4.5} == {}


def test_whatever_can_be_used_has_a_name(opened, runs):
    tab = opened(runs)
    tab.get_by_text("6 rows").wait_for()
    _first(tab)
    nameless = tab.evaluate("""() => [...document.querySelectorAll(
        "button, input, select, a, canvas, progress, [role], [tabindex='0']")]
      .filter(node => node.checkVisibility() && node.getAttribute("aria-hidden") !== "true")
      .filter(node => !(node.getAttribute("aria-label") || node.getAttribute("aria-labelledby") || node.textContent.trim()
        || (node.labels && node.labels.length) || node.querySelector("title") || node.matches("[role=alert], [role=status]")))
      .map(node => node.outerHTML.slice(0, 90))""")
    assert nameless == []
    ids = tab.evaluate("[...document.querySelectorAll('[id]')].map(node => node.id)")
    assert len(set(ids)) == len(ids)
