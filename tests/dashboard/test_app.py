"""The answers of the dashboard, and whom it lets in."""

from __future__ import annotations

import io
import json
import os

import made
import pyarrow.parquet as pq
import pytest

from platometer import InputError, files
from platometer import rows as table

testclient = pytest.importorskip("starlette.testclient")
from platometer import dashboard  # noqa: E402

TOKEN = "a-token-of-some-length"


def _client(runs, base="http://127.0.0.1:8000", **options):
    return testclient.TestClient(dashboard.app(runs, **options), base_url=base, raise_server_exceptions=True)


def _get(client, name, /, **asked):
    return client.get(f"/api/{name}", params=asked)


def _pair(client, run="vectors", at=0):
    columns = _get(client, "rows", run=run).json()["columns"]
    return {"run": run} | {name: columns[name][at] for name in ("key", "left", "right")}


def test_the_page_allows_its_own_script_and_nothing_else(runs):
    response = _client(runs).get("/")
    policy = response.headers["content-security-policy"]
    assert response.status_code == 200
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cache-control"] == "no-store"
    assert not any(name.startswith("access-control") for name in response.headers)


def test_every_answer_carries_the_same_seals(runs):
    client = _client(runs)
    for path in ("/", "/api/runs", "/api/nothing", "/api/rows?run=no"):
        headers = client.get(path).headers
        assert {"content-security-policy", "x-frame-options", "referrer-policy", "cross-origin-resource-policy"} <= set(headers)
    assert "content-security-policy" in client.post("/api/runs").headers


def test_progress_is_asked_for_and_only_news_is_sent(runs):
    client = _client(runs)
    first = _get(client, "runs")
    assert [run["name"] for run in first.json()["runs"]] == ["vectors"]
    assert _get(client, "runs", seen=first.headers["x-mark"]).json() == {"same": True}
    made.hostile(runs / "more")
    assert len(_get(client, "runs", seen=first.headers["x-mark"]).json()["runs"]) == 2


def test_rows_are_those_of_the_table(runs):
    found = _get(_client(runs), "rows", run="vectors").json()
    rows = table.read(runs / "vectors" / "rows.parquet")
    assert found["count"] == found["of"] == len(rows)
    for name in ("left", "right", "score", "p_bh", "key"):
        assert found["columns"][name] == [row[name] for row in rows]


def test_a_filter_is_applied_and_its_slips_are_told(runs):
    client = _client(runs)
    assert _get(client, "rows", run="vectors", where="metric ~ knn and model = m0").json()["count"] == 2
    wrong = _get(client, "rows", run="vectors", where="skore > 1")
    assert (wrong.status_code, wrong.json()["error"][:28]) == (400, "Rows have no column 'skore'.")


def test_rows_of_a_run_that_goes_are_those_of_its_answered_cells(runs):
    rows = {row["key"]: row for row in table.read(runs / "vectors" / "rows.parquet")}
    made.stopped(runs / "vectors", runs / "half", answered=4)
    client = _client(runs)
    found = _get(client, "rows", run="half").json()["columns"]
    assert len(found["key"]) == 4
    for i, key in enumerate(found["key"]):
        for name in ("left", "right", "score", "p", "left_layer", "right_layer", "n", "calibrated"):
            assert found[name][i] == rows[key][name]
        assert found["p_bh"][i] is None
    assert _get(client, "pair", **_pair(client, "half")).json()["grid"] is not None


def test_an_answer_that_is_being_written_is_left_out(runs):
    half = made.stopped(runs / "vectors", runs / "half", answered=4)
    path = sorted((half / "cells").iterdir())[0]
    path.write_bytes(path.read_bytes()[:50])
    assert _get(_client(runs), "rows", run="half").json()["count"] == 3


def test_a_pair_has_its_grid_the_right_way_round(runs):
    client = _client(runs)
    for at, row in enumerate(table.read(runs / "vectors" / "rows.parquet")):
        found = _get(client, "pair", **_pair(client, at=at)).json()
        i, j = found["left_layers"].index(row["left_layer"]), found["right_layers"].index(row["right_layer"])
        assert found["grid"][i][j] == pytest.approx(row["score"], rel=1e-4)
        assert (len(found["grid"]), len(found["grid"][0])) == (row["left_layers"], row["right_layers"])
        assert sum(found["hist"]["counts"]) == 19


def test_a_model_has_its_layers(runs):
    found = _get(_client(runs), "model", run="vectors", name="m1").json()
    assert found["layers"] == [{"name": f"l{i}", "width": 6} for i in range(3)]
    assert found["modality"] == "vector"
    assert _get(_client(runs), "model", run="vectors", name="m9").status_code == 404


def test_neighbours_are_those_that_mutual_knn_counts(runs):
    from platometer import score, store

    client, row = _client(runs), table.read(runs / "vectors" / "rows.parquet")[0]
    assert row["metric"] == "mutual_knn(k=3)"
    shared = sum(len(_get(client, "neighbours", **_pair(client), sample=i, k=3).json()["shared"]) for i in range(40))
    assert shared / 40 / 3 == pytest.approx(row["score"])
    home = runs / "vectors" / "features"
    sides = [store.open(home, row[f"{side}_features"])[row[f"{side}_layer"]] for side in ("left", "right")]
    assert score(*sides, "mutual_knn(k=3)") == pytest.approx(row["score"])


def test_neighbours_of_vectors_say_why_nothing_is_shown(runs):
    client = _client(runs)
    found = _get(client, "neighbours", **_pair(client), sample=1, k=2).json()
    assert found["why"].startswith("The run is of vectors from files")
    assert len(found["sides"]) == 2
    assert len(_get(client, "neighbours", run="vectors", model="m0", sample=1, k=2).json()["sides"]) == 1
    for asked, said in (({"sample": 40}, "no sample 40"), ({"sample": "-1"}, "a whole number"), ({"k": 99}, "1 to 50")):
        assert said in _get(client, "neighbours", **_pair(client), **asked).json()["error"]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A run over drawn scenes whose features are made up: pictures and captions can be loaded again."""
    import numpy as np

    from platometer.study import Study

    place = tmp_path_factory.mktemp("drawn")
    for name in "ab":
        np.save(place / f"{name}.npy", np.random.default_rng(ord(name)).normal(size=(24, 5)))
    study = Study.of({"name": "drawn", "data": {"source": "scenes:test", "n": 24}, "align": {"metrics": ["cka"], "draws": 9},
                      "models": [f"file:{place}/{name}.npy" for name in "ab"]})
    study.run(place / "runs" / "drawn", progress=lambda *_: None)
    return place / "runs"


def test_neighbours_are_shown_as_pictures_and_captions(drawn):
    from platometer import datasets

    client = _client(drawn)
    found = _get(client, "neighbours", **_pair(client, "drawn"), sample=5, k=3).json()
    paired = datasets.load("scenes:test", n=24)
    texts = next(view for view in paired.views.values() if view.modality == "text")
    assert found["why"] == ""
    assert found["sample"]["texts"] == [str(text) for text in texts.items[5]]
    assert all(one["picture"] for side in found["sides"] for one in side)
    picture = _get(client, "picture", run="drawn", sample=paired.ids[5])
    assert picture.headers["content-type"] == "image/png"
    assert picture.content[:4] == b"\x89PNG"
    assert _get(client, "picture", run="drawn", sample="../../etc/passwd").status_code == 404


@pytest.mark.parametrize(("change", "said"), [
    ({"samples": "0" * 32}, "others by now"), ({"data": {"source": "hf:evil/code"}}, "may need a network"),
    ({"data": {"source": "text:/etc/passwd"}}, "samples"), ({"data": {"source": "folder:/"}}, "samples"),
    ({"data": {"source": "scenes:test", "trust": 1}}, "cannot be read again"),
])
def test_data_that_are_not_those_of_the_run_are_not_shown(drawn, tmp_path, change, said):
    import shutil

    shutil.copytree(drawn, tmp_path / "runs")
    path = tmp_path / "runs" / "drawn" / "going.json"
    stamp = path.stat().st_mtime_ns
    if "folder" in str(change):
        change = {"data": {"source": f"folder:{drawn}"}}
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    os.utime(path, ns=(stamp, stamp))
    client = _client(tmp_path / "runs")
    found = _get(client, "neighbours", **_pair(client, "drawn"), sample=5, k=3).json()
    assert said in found["why"]
    assert not any(one["texts"] or one["picture"] for side in found["sides"] for one in side)
    assert "root:" not in json.dumps(found)


@pytest.mark.parametrize("form", ["parquet", "csv", "jsonl"])
def test_rows_are_downloaded_whole(runs, form):
    response = _get(_client(runs), "download", run="vectors", where="metric ~ knn", format=form)
    assert response.headers["content-disposition"] == f'attachment; filename="vectors-rows.{form}"'
    if form == "parquet":
        assert pq.read_table(io.BytesIO(response.content)).num_rows == 3
    else:
        assert len(response.text.strip().splitlines()) == 3 + (form == "csv")


def test_a_text_that_a_spreadsheet_would_run_is_defused_in_csv_alone(runs):
    made.hostile(runs / "hostile")
    client = _client(runs)
    assert "\"'=cmd|" in _get(client, "download", run="hostile", format="csv").text
    assert json.loads(_get(client, "download", run="hostile", format="jsonl").text)["right"].startswith("=cmd|")
    assert _get(client, "download", run="hostile", format="exe").json()["error"].startswith("Rows cannot be had as 'exe'")


def test_two_runs_are_compared(runs):
    import shutil

    shutil.copytree(runs / "vectors", runs / "again")
    found = _get(_client(runs), "compare", first="vectors", second="again").json()
    assert "6 rows in both" in found["words"]
    assert len(found["differences"]) == 6
    assert all(one["change"] == 0 for one in found["differences"])


@pytest.mark.parametrize("name", [
    "..", "../..", "/etc", "vectors/..", "vectors/../../x", "%2e%2e", "..%2f..", "vectors\x00", "", "./vectors", "vectors/",
    "~", "\\\\server\\share", "vectors/cells",
])
def test_no_name_leads_out_of_the_folder(runs, name):
    made.hostile(runs.parent / "x")
    client = _client(runs)
    for what in ("rows", "download", "model", "pair", "neighbours", "picture"):
        response = _get(client, what, run=name, name="a", sample="0", key="0")
        assert response.status_code == 404, what
        assert response.json()["error"].startswith("There is no run")
    assert client.get("/api/%2e%2e/%2e%2e/etc/passwd").status_code == 404


def test_no_link_leads_out_of_a_run(runs, tmp_path):
    outside = tmp_path / "outside"
    made.hostile(outside)
    (outside / "secret.json").write_text('{"study": "SECRET", "question": "SECRET"}')
    run = runs / "linked"
    run.mkdir()
    (run / "rows.parquet").symlink_to(outside / "rows.parquet")
    (run / "run.json").symlink_to(outside / "secret.json")
    client = _client(runs)
    assert "SECRET" not in _get(client, "runs").text
    assert "leads out of the run's folder" in _get(client, "runs").text
    for what in ("rows", "download"):
        assert "leads out of the run's folder" in _get(client, what, run="linked").json()["error"]
    assert "leads out" in _get(client, "compare", first="linked", second="vectors").json()["error"]
    os.remove(run / "rows.parquet")
    os.mkfifo(run / "rows.parquet")  # would be waited for without end
    assert "no plain file" in _get(client, "rows", run="linked").json()["error"]


def test_a_row_or_a_manifest_that_names_paths_is_not_followed(runs):
    made.hostile(runs / "hostile")
    client = _client(runs)
    asked = _pair(client, "hostile")
    assert "is no key of anything" in _get(client, "pair", **asked).json()["why"]
    assert "is no key of anything" in _get(client, "neighbours", **asked).json()["error"]
    assert _get(client, "model", run="hostile", name=made.HOSTILE).json()["layers"] == []
    manifest = next((runs / "vectors" / "features").glob("*/manifest.json"))
    value = json.loads(manifest.read_text())
    value["shards"][0]["file"] = "../../../../x.safetensors"
    files.write_json(manifest, value)
    pairs = [_get(client, "neighbours", **_pair(client, at=at)).json() for at in range(6)]
    assert any("names a shard outside its folder" in found.get("error", "") for found in pairs)


def test_names_come_out_as_they_are_and_never_as_markup(runs):
    made.hostile(runs / "hostile")
    client = _client(runs)
    response = _get(client, "rows", run="hostile")
    assert response.headers["content-type"] == "application/json"
    assert response.json()["columns"]["left"] == [made.HOSTILE]
    assert made.HOSTILE not in client.get("/").text


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options"])
def test_nothing_but_reading_is_let_in(runs, method):
    for path in ("/", "/api/runs", "/api/rows"):
        response = getattr(_client(runs), method)(path)
        assert response.status_code == 405
        assert response.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("host", [
    "evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8", "0.0.0.0", "", "10.0.0.1",
])
def test_a_server_called_by_another_name_does_not_answer(runs, host):
    response = _client(runs).get("/api/runs", headers={"host": host})
    assert response.status_code == 421
    assert "not called by that name" in response.json()["error"]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:9", "[::1]:80", "LOCALHOST:1"])
def test_a_server_is_called_by_loopback_names(runs, host):
    assert _client(runs).get("/api/runs", headers={"host": host}).status_code == 200


def test_an_open_listener_is_called_by_its_address_if_it_asks_for_a_token(runs):
    headers = {"host": "10.0.0.1:80", "authorization": f"Bearer {TOKEN}"}
    client = _client(runs, token=TOKEN, hosts=["0.0.0.0"])
    assert client.get("/api/runs", headers=headers).status_code == 200
    assert client.get("/api/runs", headers=headers | {"host": "evil.example"}).status_code == 421
    assert _client(runs, hosts=["0.0.0.0"]).get("/api/runs", headers=headers).status_code == 421


def test_another_page_cannot_ask(runs):
    for site in ("cross-site", "same-site"):
        assert _client(runs).get("/api/runs", headers={"sec-fetch-site": site}).status_code == 403
    assert _client(runs).get("/api/runs", headers={"sec-fetch-site": "same-origin"}).status_code == 200


def test_without_the_token_nothing_is_told(runs):
    client = _client(runs, token=TOKEN)
    assert client.get("/").status_code == 200  # the empty page, which asks for the token
    for name in ("runs", "rows", "pair", "model", "neighbours", "picture", "compare", "download", "enter", "nothing"):
        for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": f"Bearer {TOKEN}x"},
                        {"cookie": "platometer=no"}, {"authorization": "Bearer é"}):
            response = client.get(f"/api/{name}", headers={key: value.encode() for key, value in headers.items()})
            assert response.status_code == 401, (name, headers)
    assert _get(client, "runs", token=TOKEN).status_code == 401  # an address is logged and remembered; it opens nothing


def test_the_token_becomes_a_cookie_that_no_script_reads(runs):
    client = _client(runs, token=TOKEN)
    response = client.get("/api/enter", headers={"authorization": f"Bearer {TOKEN}"})
    assert "HttpOnly" in response.headers["set-cookie"]
    assert "samesite=strict" in response.headers["set-cookie"].lower()
    assert _get(client, "runs").status_code == 200


def test_a_short_token_is_refused(runs):
    with pytest.raises(InputError, match="A token has at least 16 characters"):
        dashboard.app(runs, token="secret")


def test_an_unforeseen_error_is_an_answer_without_details(runs, monkeypatch, caplog):
    from platometer.dashboard import _app

    def broken(*_):
        raise RuntimeError("SECRET")

    monkeypatch.setitem(_app._ANSWERS, "runs", broken)
    response = _get(_client(runs), "runs")
    assert response.status_code == 500
    assert "SECRET" not in response.text


def test_nothing_is_written(runs):
    before = {path: path.stat().st_mtime_ns for path in runs.rglob("*")}
    client = _client(runs)
    for what in ("runs", "rows", "download"):
        _get(client, what, run="vectors")
    _get(client, "pair", **_pair(client))
    _get(client, "neighbours", **_pair(client))
    assert {path: path.stat().st_mtime_ns for path in runs.rglob("*")} == before
