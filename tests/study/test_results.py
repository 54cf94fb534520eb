"""Results: read again, published without their machine, compared, and examined; sizes and galleries of a run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from platometer import files, rows
from platometer.alignment import align
from platometer.errors import DataError, InputError, StoreError, StudyError, UnknownNameError
from platometer.gallery import growing_gallery
from platometer.study import Results, Study, compare, packs, publish
from platometer.study._cells import first_rows
from platometer.study._publish import without_paths


def _quiet(what: str, done: int, total: int) -> None:
    pass


MODELS = "".join(f'[[models]]\nsource = "file:{name}.npz"\nview = "{view}"\nparameters = {size}\nfamily = "{family}"\n'
                 for name, view, size, family in (("a", "image", 1e6, "x"), ("b", "image", 1e7, "x"), ("c", "image", 1e8, "y"),
                                                  ("d", "text", 2e6, "u"), ("e", "text", 2e7, "u"), ("f", "text", 2e8, "v")))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of six files of vectors, of which larger ones hold more of what they share; and its run."""
    place = tmp_path_factory.mktemp("results")
    rng = np.random.default_rng(0)
    z = rng.normal(size=(60, 4))
    for i, name in enumerate("abcdef"):
        high = z @ rng.normal(size=(4, 8)) + 3.0 / (1 + i % 3) * rng.normal(size=(60, 8))
        np.savez(place / f"{name}.npz", low=rng.normal(size=(60, 5)), high=high)
    (place / "skills.csv").write_text("model,skill,other\n" + "".join(f"{name},{i},1\n" for i, name in enumerate("abcdef")))
    (place / "study.toml").write_text(
        'name = "toy"\nquestion = "Do they?"\n[capability]\ntables = "skills.csv"\ncolumns = "skill"\n[gallery]\nqueries = 20\n'
        'sizes = [20, 60]\nk = [3]\nshare = []\n[align]\nmetrics = ["mutual_knn(k=5)", "cka"]\ndraws = 30\nsizes = [40, 60]\n'
        f'pairs = "cross"\n{MODELS}')
    Study.read(place / "study.toml").run(place / "run", progress=_quiet)
    return place


@pytest.fixture
def run(home: Path, tmp_path: Path) -> Path:
    """A copy of the run, to be changed."""
    return Path(shutil.copytree(home / "run", tmp_path / "run"))


# ---- sizes, galleries, capabilities


def test_smaller_samples_lie_within_larger_ones_and_have_rows_of_their_own(home: Path) -> None:
    found = Results.read(home / "run")
    assert {(row["metric"], row["n"]) for row in found.rows} == {
        (metric, n) for metric in ("mutual_knn(k=5)", "cka(kernel=linear, estimator=biased)") for n in (40, 60)}
    assert len(found.rows) == 9 * 4
    groups = {(row["metric"], row["n"]): [r["p_bh"] for r in found.rows if (r["metric"], r["n"]) == (row["metric"], row["n"])]
              for row in found.rows}
    assert all(len(values) == 9 and None not in values for values in groups.values())


def test_rows_and_galleries_are_those_of_the_functions_on_these_samples(home: Path) -> None:
    found = Results.read(home / "run")
    row = next(row for row in found.rows if (row["left"], row["right"], row["n"]) == ("c", "f", 40))
    c, f = (np.load(home / f"{name}.npz")["high"] for name in "cf")
    kept = list(first_rows(60, 40, seed=0))
    assert (row["left_layer"], row["right_layer"]) == ("high", "high")
    assert row["score"] == pytest.approx(align(c[kept], f[kept], "mutual_knn(k=5)", draws=0).score)
    grown = [one["score"] for one in found.galleries if (one["left"], one["right"]) == ("c", "f")]
    wanted = growing_gallery(c, f, queries=20, sizes=[20, 60], k=3, share=(), seed=0)
    assert grown == pytest.approx([one.score for one in wanted])
    page = (home / "run" / "report.html").read_text(encoding="utf-8")
    drawn = json.loads(page.partition('id="figures">')[2].partition("</script>")[0])["galleries"]
    assert {(one["left"], one["right"]) for one in drawn} == {(one["left"], one["right"]) for one in found.galleries}
    points = next(one["lines"][0]["points"] for one in drawn if (one["left"], one["right"]) == ("c", "f"))
    assert [point[2] for point in points] == pytest.approx(grown, rel=1e-4)


def test_more_samples_than_there_are_cannot_be_asked_for(home: Path, tmp_path: Path) -> None:
    path = home / "large.toml"
    path.write_text((home / "study.toml").read_text().replace("sizes = [40, 60]", "sizes = [40, 61]"))
    with pytest.raises(StudyError, match=r"align\.sizes: 61 samples are asked for, and there are 60"):
        Study.read(path).plan(tmp_path / "out")


def test_galleries_are_of_every_pair_and_size(home: Path) -> None:
    found = Results.read(home / "run")
    assert len(found.galleries) == 9 * 2
    assert {(one["size"], one["k"], one["queries"]) for one in found.galleries} == {(20, 3, 20), (60, 3, 20)}
    assert all(0 <= one["score"] <= 1 for one in found.galleries)
    assert all(one["chance"] == pytest.approx(3 / (one["size"] - 1)) for one in found.galleries)


def test_capabilities_are_joined_by_name_and_kept(home: Path) -> None:
    found = Results.read(home / "run")
    assert [(one.model, one.what, one.value, one.source) for one in found.capability][:2] == [
        ("a", "skill", 0.0, "skills.csv"), ("b", "skill", 1.0, "skills.csv")]
    assert found.families == {"a": "x", "b": "x", "c": "y", "d": "u", "e": "u", "f": "v"}


@pytest.mark.parametrize(("table", "columns", "said"), [
    ("model,skill\nz,1\n", "skill", "has none of the models. It would name them as the study does, such as 'a'"),
    ("model,skil\na,1\n", "skill", "capability.columns: no table has 'skill' of a model of the study. Did you mean 'skil'?"),
    ("model,skill\na,1\na,2\n", "skill", "capability: a has two values of 'skill', 1 in "),
])
def test_tables_that_do_not_fit_are_told_before_anything_runs(
    home: Path, tmp_path: Path, table: str, columns: str, said: str
) -> None:
    (tmp_path / "t.csv").write_text(table)
    values = {"name": "x", "models": [f"file:{home / 'a.npz'}", f"file:{home / 'd.npz'}"],
              "capability": {"tables": str(tmp_path / "t.csv"), "columns": columns}}
    with pytest.raises((StudyError, DataError)) as error:
        Study.of(values).plan(tmp_path / "out")
    assert said in str(error.value)


def test_rows_say_that_large_models_were_left_out(home: Path, tmp_path: Path) -> None:
    study = Study.read(home / "study.toml").limited("20M")
    assert study.left_out == ("c", "f")
    result = study.run(tmp_path / "out", progress=_quiet)
    assert len(result.rows) == 4 * 4
    assert all("of models of at most 20M parameters" in row["remarks"] for row in result.rows)
    assert files.read_json(tmp_path / "out" / "run.json")["left_out"] == ["c", "f"]
    assert study.plan(tmp_path / "out").notes[0] == "models of at most 20M parameters, 2 of 6 are left out: c, f"


def test_a_model_of_unknown_size_cannot_be_judged_by_it(home: Path) -> None:
    with pytest.raises(StudyError, match=r"a does not say how large it is, and models above 1M parameters are to be left out"):
        Study.of({"name": "x", "models": ["file:a.npz", "file:b.npz"]}, base=home).limited("1M")


# ---- published


def test_what_is_published_is_read_as_the_run_is(home: Path, tmp_path: Path) -> None:
    out = publish(home / "run", tmp_path / "out")
    assert sorted(path.name for path in out.iterdir()) == [
        "capability.json", "card.json", "gallery.json", "report.html", "rows.parquet"]
    run, found = Results.read(home / "run"), Results.read(out)
    score = [(row["left"], row["right"], row["metric"], row["n"], row["score"], row["p"]) for row in run.rows]
    assert [(row["left"], row["right"], row["metric"], row["n"], row["score"], row["p"]) for row in found.rows] == score
    assert (found.name, found.families, list(found.galleries)) == (run.name, run.families, list(run.galleries))
    assert found.record["question"] == "Do they?"
    assert found.record["n"] == [40, 60]
    assert "platometer" in found.record["versions"]
    assert compare(run, found).changed == () or all("source" in what for what in compare(run, found).changed)


def test_nothing_stays_of_what_was_published_before(run: Path, tmp_path: Path) -> None:
    publish(run, tmp_path / "out")
    (run / "gallery.json").unlink()
    (run / "report.html").unlink()
    out = publish(run, tmp_path / "out")
    assert sorted(path.name for path in out.iterdir()) == ["capability.json", "card.json", "rows.parquet"]


def test_nothing_of_the_machine_is_published(home: Path, tmp_path: Path) -> None:
    out = publish(home / "run", tmp_path / "out")
    text = "".join(path.read_text() for path in out.iterdir() if path.suffix != ".parquet")
    text += json.dumps(rows.read(out / "rows.parquet"))
    assert str(home) in json.dumps(Results.read(home / "run").rows)
    for private in (str(home), str(home.parent), str(Path.home()) + "/"):
        assert private not in text


@pytest.mark.parametrize(("text", "public"), [
    ("hf:/usr/share/x/gpt2", "hf:gpt2"), ("see /usr/lib/a.toml, line 3", "see a.toml, line 3"), ("~/runs/mine", "mine"),
    ("C:\\Users\\me\\model", "model"), ("https://example.org/usr/lib/x", "https://example.org/usr/lib/x"), ("a/b", "a/b"),
    ("<div></div> 1 / 2", "<div></div> 1 / 2"), ("/nowhere-here/x", "/nowhere-here/x"),
    ("data:image/webp;base64,ab+/usr/lib==", "data:image/webp;base64,ab+/usr/lib=="),  # no path, digits
    (f"a (/{'b' * 400}/c)", f"a (/{'b' * 400}/c)"),
])
def test_absolute_paths_are_cut_to_their_last_part(text: str, public: str) -> None:
    assert without_paths(text) == public


def test_only_a_run_is_published_and_only_to_a_folder_of_its_own(home: Path, run: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"is no run folder: it has no run\.json"):
        publish(tmp_path, tmp_path / "out")
    with pytest.raises(InputError, match="holds something else than published results"):
        publish(run, home)
    assert publish(run, publish(run, tmp_path / "out")) == tmp_path / "out"


def test_rows_that_are_not_the_cards_are_refused(home: Path, tmp_path: Path) -> None:
    out = publish(home / "run", tmp_path / "out")
    rows.write(out / "rows.parquet", Results.read(home / "run").rows[:3])
    with pytest.raises(StoreError, match=r"rows\.parquet is not the table that card\.json was written for"):
        Results.read(out)


def test_what_is_not_there_is_told() -> None:
    with pytest.raises(DataError, match="There is no folder of results 'nothing'"):
        Results.read("nothing")
    for name, question in packs().items():
        assert Results.read(name).rows
        assert question


# ---- compared


def test_a_run_is_as_it_is(home: Path) -> None:
    run = Results.read(home / "run")
    found = compare(run, run)
    assert (found.shared, found.alone, found.changed, found.newcomers) == (36, (0, 0), (), ())
    assert [(one.pairs, one.rank.value, one.mean) for one in found.kept] == [(9, pytest.approx(1), 0.0)] * 4
    assert "changed: nothing that the rows know of" in str(found)
    assert json.loads(json.dumps(found.as_dict(), allow_nan=False))["shared"] == 36


def test_the_order_of_pairs_is_told_by_families(home: Path) -> None:
    run = Results.read(home / "run")
    found = compare(run, run, draws=50)
    assert {one.metric: one.pairs for one in found.families} == {
        f"{metric}, n = {n}, u with x": 4 for n in (40, 60)
        for metric in ("mutual_knn(k=5)", "cka(kernel=linear, estimator=biased)")}
    assert all(one.rank is None and "There is no interval from 2 x 2 crossed units" in one.note for one in found.families)
    assert compare(run, Results("bare", home, run.rows), draws=50).families == found.families
    bare = Results("bare", home, run.rows)
    assert compare(bare, bare, draws=50).families == ()


def test_of_many_families_those_that_changed_most_are_told(home: Path) -> None:
    found = Results.read(home / "run")
    compared = compare(found, found, draws=20)
    many = tuple(replace(compared.kept[0], metric=f"knn, x{i} with y", mean=0.01 * (-1) ** i * i) for i in range(14))
    told = str(replace(compared, families=many))
    assert [i for i in range(14) if f"knn, x{i} with y" in told] == list(range(4, 14))
    assert told.index("x13 with") < told.index("x4 with")
    assert "\n  ... and 4 more pairs of families, which changed less on the mean: --all\n" in told
    every = replace(compared, families=many).told("every")
    assert all(f"knn, x{i} with y" in every for i in range(14))
    assert "--all" not in every


def test_what_changed_between_two_results_is_told(home: Path) -> None:
    run = Results.read(home / "run")
    other = [dict(row) | {"score": row["score"] + 0.1 * (row["left"] == "a"), "seed": 7, "draws": 99,
                          "versions": row["versions"] | {"numpy": "0.1"},
                          "left_revision": "new" if row["left"] == "a" else row["left_revision"]} for row in run.rows]
    found = compare(run, Results("other", home, other))
    told = "; ".join(found.changed)
    assert "draws 30 -> 99 (36 of 36 rows)" in told
    assert "seed 0 -> 7 (36 of 36 rows)" in told
    assert "-> new (1 of 6 models)" in told
    assert "version of numpy" in told
    assert {one.left for one in found.largest if one.change > 1e-9} == {"a"}
    assert found.kept[0].most == pytest.approx(0.1)


def test_pairs_are_found_whichever_side_they_stand_on(home: Path) -> None:
    run = Results.read(home / "run")
    turned = []
    for row in run.rows:
        sides = {name: row[("right" if side == "left" else "left") + name[len(side):]] for side in ("left", "right")
                 for name in row if name.startswith(side)}
        turned.append(dict(row) | sides)
    found = compare(run, Results("turned", home, turned))
    assert (found.shared, found.changed) == (36, ())


def test_a_newcomer_stands_among_known_models(home: Path) -> None:
    run = Results.read(home / "run")
    mine = [dict(row) | {"left": "mine", "score": 0.999} for row in run.rows if row["left"] == "a" and row["n"] == 60]
    known = Results("known", home, [row for row in run.rows if row["n"] == 60])
    found = compare(Results("mine", home, mine), known)
    assert found.shared == 0
    assert [(one.model, one.modality, one.rank, one.among, one.partners) for one in found.newcomers] == [
        ("mine", "image", 1, 4, 3)] * 2
    assert "mine (image), new: mutual_knn(k=5) 0.999 over 3 partners, place 1 of 4" in str(found)


def test_a_newcomer_of_other_samples_has_no_place(home: Path) -> None:
    run = Results.read(home / "run")
    mine = [dict(row) | {"left": "mine", "score": 0.999, "samples": "others"} for row in run.rows
            if row["left"] == "a" and row["n"] == 60]
    known = Results("known", home, [dict(row) | {"n": 61} for row in run.rows if row["n"] == 60])
    found = compare(Results("mine", home, mine), known)
    assert {(one.rank, one.differs) for one in found.newcomers} == {(None, ("samples", "n"))}
    told = "mine (image), new: mutual_knn(k=5) 0.999 over 3 partners, no place, as the 3 there differ in samples, n"
    assert told in str(found)
    assert "place 1" not in str(found)


def test_a_newcomer_finds_its_place_in_a_pack_that_ships(tmp_path: Path) -> None:
    known = Results.read("scenes")
    twin = known.rows[0]["right"]
    mine = [dict(row) | {"right": "mine"} for row in known.rows if row["right"] == twin]
    found = compare(Results("scenes", tmp_path / "mine", mine), known)
    assert found.names == ("mine", "scenes")  # two runs of one study are told apart by their folders
    for place in found.newcomers:
        others = {row["right"]: [] for row in known.rows}
        for row in known.rows:
            if row["metric"] == place.metric:
                others[row["right"]].append(row["score"])
        means = {name: np.mean(scores) for name, scores in others.items()}
        assert (place.model, place.partners, place.among) == ("mine", len(mine) // 2, len(means) + 1)
        assert place.rank == 1 + sum(mean > means[twin] + 1e-12 for mean in means.values())
    assert len(found.newcomers) == 2


def test_results_without_a_row_in_common_are_told(home: Path) -> None:
    run = Results.read(home / "run")
    other = [dict(row) | {"left": row["left"] + "2", "right": row["right"] + "2"} for row in run.rows]
    with pytest.raises(InputError, match="toy and other have no row in common"):
        compare(run, Results("other", home, other))


# ---- examined


def test_every_question_of_the_rows_is_examined(home: Path) -> None:
    found = Results.read(home / "run").examine(draws=60)
    assert [(part.question["n"], part.trend.side) for part in found.parts] == [
        (n, side) for _ in range(2) for n in (40, 60) for side in ("image", "text")]
    assert found.agreement.names == tuple(f"{metric}, n = {n}" for metric in (
        "mutual_knn(k=5)", "cka(kernel=linear, estimator=biased)") for n in (40, 60))
    assert found.parts[0].trend.raw.pearson.value > 0.5
    assert json.loads(json.dumps(found.as_dict(), allow_nan=False))["parts"][0]["trend"]["raw"]["pearson"]["level"] == 0.95
    assert str(found).startswith("(unit, max, n = 40) mutual_knn(k=5) against parameters (image), 9 pairs")


def test_capabilities_and_tables_are_asked_by_name(home: Path) -> None:
    run = Results.read(home / "run")
    asked, called = run.known("skill")
    assert (asked["f"], called) == (5.0, "skill")
    assert run.known(str(home / "skills.csv"), "other")[0] == dict.fromkeys("abcdef", 1.0)
    with pytest.raises(DataError, match=r"has several numbers of the models: skill, other\. Name one with --column"):
        run.known(str(home / "skills.csv"))
    with pytest.raises(UnknownNameError, match=r"toy has no capability 'skilll'\. Did you mean 'skill'\?"):
        run.known("skilll")
    with pytest.raises(UnknownNameError, match=r"toy has no rows of 'cca'"):
        run.examine(metrics=["cca"])
    with pytest.raises(InputError, match="No model of these rows says how many words it read"):
        run.known("words")


def test_bits_per_byte_count_the_other_way(home: Path) -> None:
    run = Results.read(home / "run")
    low = [type(one)(one.model, "bits per byte of x", 5 - one.value, better="low") for one in run.capability]
    asked, called = Results("x", home, run.rows, capability=low).known("bits")
    assert called == "minus bits per byte of x"
    assert asked["f"] > asked["a"]


def test_rows_of_another_result_stand_beside_on_the_same_samples_only(home: Path, run: Path) -> None:
    first = Results.read(run)
    one, rest = ([row for row in first.rows if (row["left"] == "a") is own] for own in (True, False))
    both = Results("one", home, one).examine(draws=50, beside=[Results("rest", home, rest)])
    assert both.parts[0].trend.raw.n == 9
    other = Results("other", home, [dict(row) | {"samples": "another"} for row in rest])
    with pytest.raises(InputError, match="other has no rows to stand beside those of one"):
        Results("one", home, one).examine(draws=50, beside=[other])


def test_profiles_are_of_the_grids_that_gave_the_rows(home: Path, tmp_path: Path) -> None:
    run = Results.read(home / "run")
    found = {one.model: one for one in run.profile()}
    assert set(found) == set("abcdef")
    assert found["c"].peak == 0.0  # "high" stands before "low"
    best = [row["score"] for row in run.rows if row["metric"] == "mutual_knn(k=5)" and row["n"] == 40 and row["left"] == "c"]
    assert found["c"].curve[0] == pytest.approx(np.mean(best))
    with pytest.raises(DataError, match=r"does not hold the grid of a ~ d\. Grids lie in the run folder"):
        Results.read(publish(home / "run", tmp_path / "out")).profile()


@pytest.mark.parametrize(("source", "said"), [
    ("hf", r"no view 'text'; its views are image\. Name the view\. hf:.* reads captions from metadata\.jsonl beside the "
           r"pictures, with the columns file_name and text; folder:.* from captions\.jsonl, \.csv or \.parquet"),
    ("folder", r"no captions file .*\. Put captions\.jsonl, \.csv or \.parquet beside the pictures, with the columns image "),
])
def test_pictures_without_captions_are_told_where_these_go(source: str, said: str, tmp_path: Path) -> None:
    if source == "hf":
        pytest.importorskip("datasets")
    (tmp_path / "pictures").mkdir()
    for i in range(3):
        Image.new("RGB", (8, 8), (60 * i, 0, 0)).save(tmp_path / "pictures" / f"{i}.png")
    study = Study.of({"name": "few", "data": {"source": "hf:no/such", "split": "train"}, "models": [
        {"source": "zoo:conv-contrastive-1", "view": "image"}, {"source": "zoo:gpt-1", "view": "text"}]})
    with pytest.raises((StudyError, DataError), match=said):
        study.on(f"{source}:{tmp_path / 'pictures'}").plan(tmp_path / "out")


def test_keys_that_other_data_do_not_know_are_dropped_and_named(tmp_path: Path) -> None:
    models = [{"source": "zoo:conv-contrastive-1", "view": "image"}, {"source": "zoo:gpt-1", "view": "text"}]
    study = Study.of({"name": "few", "data": {"source": "hf:no/such", "revision": "b", "subset": "a"}, "models": models})
    other = study.on("scenes:test")
    assert other.file.data is not None
    assert other.file.data.options == {}
    notes = other.plan(tmp_path / "out").notes
    assert "the keys revision, subset of the study's data are dropped: scenes:test does not know them" in notes
    assert study.on("hf:another/one").dropped == ()
    assert study.on("nothing.parquet").dropped == ()
    study = Study.of({"name": "few", "data": {"source": "hf:no/such", "split": "train", "captions": "last"}, "models": models})
    assert study.on("folder:pictures").dropped == ("split",)


def test_a_study_can_be_run_on_other_data(home: Path, texts: Callable, tmp_path: Path) -> None:
    path = texts(n=30)
    study = Study.read(path).on(tmp_path / "texts.txt")
    assert study.file.data.source == f"text:{tmp_path / 'texts.txt'}"
    assert study.plan(tmp_path / "out", allow_code=True).n == 30
    with pytest.raises(StudyError, match="there is no dataset 'nothing'"):
        study.on("nothing:x")
    with pytest.raises(StudyError, match="is of vectors in files and has no data to replace"):
        Study.read(home / "study.toml").on("x")
