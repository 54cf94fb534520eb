"""What a study hands to its page: trends, places, neighbours, and the command that runs it again."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from platometer.capability import Capability
from platometer.study import Results, Study, _known, _sheets, publish
from platometer.study._command import command

PAGE = '<script type="application/json" id="{}">(.*?)</script>'


def row(left: str, right: str, score: float, **more: object) -> dict:
    sizes = {name: 10 ** (6 + i) for i, name in enumerate("abcdef")}
    return {"left": left, "right": right, "left_modality": "image", "right_modality": "text", "metric": "cka", "alike": "high",
            "conditioning": "unit", "n": 20, "score": score, "null_mean": 0.1, "excess": score - 0.1, "calibrated": score / 2,
            "left_parameters": sizes.get(left), "right_parameters": sizes.get(right), "data": "", "summary": "max"} | more


def crossed() -> list[dict]:
    return [row(a, b, 0.2 + 0.1 * i + 0.02 * j) for i, a in enumerate("abc") for j, b in enumerate("def")]


def test_measures_are_parameters_and_what_tells_three_models_apart() -> None:
    known = [Capability(model, what, value, source="t", better=better) for model, what, value, better in [
        ("a", "skill", 0.1, "high"), ("b", "skill", 0.2, "high"), ("c", "skill", 0.4, "high"), ("d", "bits", 2.0, "low"),
        ("e", "bits", 1.0, "low")]]
    found = _known.measures(crossed(), known)
    assert [one["what"] for one in found] == ["parameters", "skill"]
    assert found[1]["values"] == {"a": 0.1, "b": 0.2, "c": 0.4}
    assert _known.measures([row("x", "y", 0.5)], []) == []


def test_the_trend_is_of_means_over_partners_against_what_grows_to_the_better() -> None:
    better = {"what": "bits", "unit": "", "better": "low", "log": False, "values": {"a": 3.0, "b": 2.0, "c": 1.0}}
    (raw, chance, calibrated) = _known.along(crossed(), [better], {})
    assert (raw["what"], chance["what"], calibrated["what"]) == ("score", "null_mean", "calibrated")
    assert raw["r"] == pytest.approx(1)
    assert raw["slope"] == pytest.approx(0.1)
    assert chance["r"] is None
    assert calibrated["slope"] == pytest.approx(0.05)
    assert raw["within"] is None


def test_the_interval_of_the_slope_is_students() -> None:
    from scipy import stats

    x, y = [1.0, 2, 3, 4, 6], [1.0, 2.5, 2.4, 4.4, 5.1]
    found, known = _known._line(x, y), stats.linregress(x, y)
    reach = stats.t.ppf(0.975, 3) * known.stderr
    assert found["slope_low"] == pytest.approx(known.slope - reach)
    assert found["slope_high"] == pytest.approx(known.slope + reach)


def test_models_of_a_side_lie_by_their_scores_with_the_other() -> None:
    rows = crossed() + [row("g", b, 0.2 + 0.02 * j) for j, b in enumerate("def")]  # as a does
    found = _known.places(rows)["cka"]
    assert sorted(found["order"]) == list("abcdefg")
    assert abs(found["order"].index("a") - found["order"].index("g")) == 1
    image, text = found["maps"]
    assert (image["title"], image["kind"], text["title"]) == ("image", "profile", "text")
    x = dict(zip(image["names"], image["x"], strict=True))
    assert x["a"] == pytest.approx(x["g"])
    assert x["a"] < x["b"] < x["c"]
    assert x["c"] - x["b"] == pytest.approx(0.1)  # root mean square of the differences
    assert image["lost"] == pytest.approx(0, abs=1e-12)


def test_where_all_were_compared_distances_are_of_alignment() -> None:
    rows = [row(a, b, 0.9 if (a < "c") == (b < "c") else 0.1, right_modality="image")
            for i, a in enumerate("abcd") for b in "abcd"[i + 1:]]
    found = _known.places(rows)["cka"]
    assert [one["kind"] for one in found["maps"]] == ["alignment"]
    assert {found["order"].index("a") // 2, found["order"].index("b") // 2} in ({0}, {1})
    same = [row(a, b, 1.0, right_modality="image") for i, a in enumerate("abcd") for b in "abcd"[i + 1:]]
    assert _known.places(same)["cka"]["maps"] == []


@pytest.fixture
def photographs(tmp_path: Path) -> Callable[..., Path]:
    """A study of two files of vectors beside a folder of pictures with captions."""
    def write(more: str = "", count: int = 12) -> Path:
        rng = np.random.default_rng(0)
        (tmp_path / "photos").mkdir(exist_ok=True)
        lines = []
        for i in range(count):
            Image.fromarray(rng.integers(0, 255, (300, 200, 3), dtype=np.uint8)).save(tmp_path / "photos" / f"{i:02}.png")
            lines.append(json.dumps({"file_name": f"{i:02}.png", "text": f"<b>picture {i}</b> " + "word " * 60}))
        (tmp_path / "photos" / "metadata.jsonl").write_text("\n".join(lines))
        z = rng.normal(size=(count, 3))
        for name in ("left", "right"):
            np.save(tmp_path / f"{name}.npy", z @ rng.normal(size=(3, 8)))
        path = tmp_path / "s.toml"
        path.write_text('name = "photographs"\n[data]\nsource = "folder"\npath = "photos"\n[align]\n'
                        'metrics = ["mutual_knn(k=3)", "cka"]\ndraws = 9\n' + more +
                        '[[models]]\nsource = "file:left.npy"\nview = "image"\n'
                        '[[models]]\nsource = "file:right.npy"\nview = "text"\n')
        return path
    return write


def test_the_page_shows_neighbours_as_small_pictures_with_captions(photographs: Callable, tmp_path: Path) -> None:
    result = Study.read(photographs()).run(tmp_path / "run")
    text = result.page.read_text()
    pictures = set(re.findall(r"data:image/webp;base64,([^\"]+)", text))
    assert len(pictures) == 12
    assert {max(Image.open(io.BytesIO(base64.b64decode(one))).size) for one in pictures} == {112}
    assert "&lt;b&gt;picture 3&lt;/b&gt;" in text
    assert "<b>picture" not in text
    assert text.count('<details class="sheet"') == 1  # the same layers are the most alike by both metrics
    assert text.count('<div class="query">') == 5
    shared = [int(count) for count in re.findall(r"<strong>(\d) of 3</strong> shared", text)]
    assert shared == sorted(shared, reverse=True)
    score = result.rows[0]["score"]
    assert f"on average {3 * score:.2f} of 3 nearest are shared" in text


def test_samples_are_not_published_unless_told(photographs: Callable, tmp_path: Path) -> None:
    Study.read(photographs()).run(tmp_path / "run")
    given = (publish(tmp_path / "run", tmp_path / "given") / "report.html").read_text()
    assert "data:image/webp" not in given
    assert "picture 3" not in given
    assert "left out of the page when it was published" in given
    kept = (publish(tmp_path / "run", tmp_path / "kept", samples="shown") / "report.html").read_text()
    assert "data:image/webp" in kept
    assert given.count("<section") == kept.count("<section")
    assert given.count("</section>") == kept.count("</section>")


def test_a_page_without_samples_is_made_too(photographs: Callable, vectors: Callable, tmp_path: Path) -> None:
    bare = Study.read(photographs("[page]\nsamples = 0\n")).run(tmp_path / "run").page.read_text()
    assert "data:image/webp" not in bare
    assert "picture 3" not in bare
    assert "The study asks for none of its samples to be shown." in bare
    text = Study.read(vectors()).run(tmp_path / "vectors").page.read_text()
    assert "The study is of vectors from files, whose samples are not known." in text


def test_pictures_that_cannot_be_read_do_not_lose_the_page(
    photographs: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(picture: object) -> str:
        raise OSError("truncated")

    monkeypatch.setattr(_sheets, "small", broken)
    text = Study.read(photographs()).run(tmp_path / "run").page.read_text()
    assert "Neighbours could not be shown: OSError" in text


def test_the_page_holds_the_rows_exactly(photographs: Callable, tmp_path: Path) -> None:
    result = Study.read(photographs()).run(tmp_path / "run")
    found = json.loads(re.search(PAGE.format("table"), result.page.read_text(), re.DOTALL)[1])
    for name, column in found.items():
        values = column if isinstance(column, list) else [column["values"][k] for k in column["at"]]
        assert values == [one[name] for one in result.rows], name


def test_the_command_says_all_that_was_asked_for(vectors: Callable, tmp_path: Path) -> None:
    study = Study.read(vectors())
    assert command(study) == "platometer run study.toml"
    assert command(study, tmp_path / "my run", allow_code=True, workers=2) == (
        f"platometer run study.toml --out '{tmp_path}/my run' --allow-code --workers 2")
    told = study.told_by(tmp_path / "skills.csv")
    assert command(told) == f"platometer run study.toml --capability {tmp_path}/skills.csv"
    assert command(Study.read("scenes")) == "platometer run scenes"
    less = dataclasses.replace(study, within=512 * 2**20, left_out=("x", "a\nrm b"))
    assert command(less) == "platometer run study.toml --within 536.870912MB  # without x, a rm b"
    assert "&#39;" not in study.run(tmp_path / "run", allow_code=True).page.read_text().split("<pre")[1].split("</pre>")[0]
    assert f"--out {tmp_path / 'run'} --allow-code" in (tmp_path / "run" / "report.html").read_text()
    plain = Study.of({"name": "s", "models": ["file:a.npz", "file:b.npz"]}, base=tmp_path)
    assert command(plain, "here", allow_code=True) == "Study.of(...).run('here', allow_code=True)"


def test_the_profile_of_a_row_peaks_at_its_layer(vectors: Callable, tmp_path: Path) -> None:
    Study.read(vectors()).run(tmp_path / "run")
    found = Results.read(tmp_path / "run")
    for one in found.rows:
        layers = found.layers(one)
        assert len(layers) == one["left_layers"]
        assert math.isclose(max(layers), one["score"])
    assert found.layers(found.rows[0] | {"key": "0" * 32}) == []
    assert found.failures == ()
