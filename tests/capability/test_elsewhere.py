"""Tables from elsewhere are read as they are, and their models found by name or not at all."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path

import pytest

from platometer.capability import Capability, harness_results, join, run_harness, stated, table
from platometer.cards import Card
from platometer.errors import DataError, InputError, MissingDependencyError

TIMM = """model,img_size,top1,top1_err,top5,top5_err,param_count,crop_pct,interpolation
vit_tiny_patch16_224.augreg_in21k_ft_in1k,224,75.5,24.5,92.8,7.2,5.72,0.900,bicubic
eva_giant_patch14_336.clip_ft_in1k,336,89.5,10.5,98.8,1.2,"1,013.01",1.000,bicubic
"""
BOARD = """\ufeffModel,Average,HellaSwag(10-shot),Parameters,URL
Owner/Small-1B,40.5,55.0,100.0,https://example.org/a
other/small-1b,41.5,56.0,0.0,https://example.org/b
owner/Large,60.0,,0.0,https://example.org/c
"""


def told(**more) -> dict:
    return {"results": {"hellaswag": {"alias": "hellaswag", "acc,none": 0.5, "acc_stderr,none": 0.01, "acc_norm,none": 0.6,
                                      "acc_norm_stderr,none": "N/A"},
                        "gsm8k": {"exact_match,strict-match": 0.1, "exact_match_stderr,strict-match": 0.02},
                        "wikitext": {"bits_per_byte,none": 0.8, "bits_per_byte_stderr,none": "N/A"}},
            "higher_is_better": {"hellaswag": {"acc": True}, "wikitext": {"bits_per_byte": False}},
            "n-samples": {"hellaswag": {"original": 10042, "effective": 100}}, "versions": {"hellaswag": 1.0},
            "n-shot": {"hellaswag": 0}, "config": {"model": "hf", "model_args": "pretrained=owner/mine,dtype=float32"}} | more


def test_timm_s_results_are_percentages_with_the_source_and_its_hash(tmp_path: Path) -> None:
    (tmp_path / "results-imagenet.csv").write_text(TIMM)
    found = table(tmp_path / "results-imagenet.csv")
    assert [(one.what, one.value, one.unit) for one in found[:2]] == [
        ("imagenet top1", 75.5, "%"), ("imagenet top5", 92.8, "%")]
    assert found[2].details["parameters"] == 1013.01
    assert found[0].source == str(tmp_path / "results-imagenet.csv")
    assert len(found[0].details["hash"]) == 16
    assert table(tmp_path / "results-imagenet.csv", columns=["top1_err"])[0].better == "low"


def test_a_leaderboard_keeps_its_scores_and_leaves_gaps_and_sizes_out(tmp_path: Path) -> None:
    (tmp_path / "board.csv").write_text(BOARD, encoding="utf-8")
    found = table(tmp_path / "board.csv", source="Open LLM leaderboard")
    assert [(one.model, one.what) for one in found] == [
        ("Owner/Small-1B", "Average"), ("Owner/Small-1B", "HellaSwag(10-shot)"), ("other/small-1b", "Average"),
        ("other/small-1b", "HellaSwag(10-shot)"), ("owner/Large", "Average")]
    assert {one.source for one in found} == {"Open LLM leaderboard"}


def test_plain_tables_and_json_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"gpt2": {"loss": 3.1, "skill": 0.2}, "opt": {"loss": 2.9, "skill": 0.3}}))
    assert [(one.model, one.what, one.better) for one in table(tmp_path / "a.json")][:2] == [
        ("gpt2", "loss", "low"), ("gpt2", "skill", "high")]
    (tmp_path / "b.json").write_text(json.dumps({"gpt2": 1, "opt": 2}))
    assert [one.value for one in table(tmp_path / "b.json")] == [1, 2]
    (tmp_path / "c.tsv").write_text("name\tskill\tnote\na\t0.5\tfine\n")
    assert [(one.model, one.what) for one in table(tmp_path / "c.tsv")] == [("a", "skill")]
    (tmp_path / "d.jsonl").write_text('{"model": "a", "x": 1}\n')
    assert table(tmp_path / "d.jsonl", better="low", unit="s")[0].unit == "s"


def test_what_is_wrong_with_a_table_is_said_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("model,skill\ngpt2,fine\n")
    with pytest.raises(DataError, match="line 2: 'skill' is 'fine'; expected a number"):
        table(tmp_path / "a.csv", columns=["skill"])
    with pytest.raises(DataError, match="no column of numbers beside 'model'"):
        table(tmp_path / "a.csv")
    with pytest.raises(DataError, match="Did you mean 'skill'"):
        table(tmp_path / "a.csv", columns=["skil"])
    (tmp_path / "b.csv").write_text("who,skill\ngpt2,1\n")
    with pytest.raises(DataError, match="which column holds the models"):
        table(tmp_path / "b.csv")
    assert table(tmp_path / "b.csv", model_column="who")[0].model == "gpt2"
    (tmp_path / "c.csv").write_text("model,skill\n,1\n")
    with pytest.raises(DataError, match="line 2: there is no name"):
        table(tmp_path / "c.csv")
    with pytest.raises(DataError, match="cannot be read"):
        table(tmp_path / "absent.csv")


def test_models_are_found_exactly_or_apart_from_capitals_owner_and_source() -> None:
    known = [Capability(name, "skill", i) for i, name in enumerate(
        ["vit_tiny_patch16_224.augreg_in21k_ft_in1k", "bigscience/BLOOMZ-560m", "a/same", "b/same", "exact"])]
    found = join(["timm:vit_tiny_patch16_224.augreg_in21k_ft_in1k", "bloomz-560m", "same", "exact", "bloomz-560",
                  "b/same"], known)
    assert {one.model: one.value for one in found.found} == {
        "timm:vit_tiny_patch16_224.augreg_in21k_ft_in1k": 0, "bloomz-560m": 1, "exact": 4, "b/same": 3}
    assert found.several == {"same": ("a/same", "b/same")}
    assert found.missing == {"bloomz-560": ("bigscience/BLOOMZ-560m",)}
    assert found.spelled["bloomz-560m"] == "bigscience/BLOOMZ-560m"
    assert found.found[1].details["spelled"] == "bigscience/BLOOMZ-560m"
    for line in ("4 models found, 1 of them spelled otherwise", "same may be any of a/same, b/same",
                 "bloomz-560 is not in the table; near are bigscience/BLOOMZ-560m"):
        assert line in str(found)
    assert join(["hf:A/Same"], known).spelled == {"hf:A/Same": "a/same"}  # the owner decides where it is told
    with pytest.raises(InputError, match="would both be 'bigscience/BLOOMZ-560m'"):
        join(["bloomz-560m", "hf:bloomz-560m"], known)


def test_the_harness_s_folder_is_read_with_its_intervals(tmp_path: Path) -> None:
    folder = tmp_path / "owner__mine"
    folder.mkdir()
    (folder / "results_2024-01-01T00-00-00.json").write_text(json.dumps(told(results={"hellaswag": {"acc,none": 0.3}})))
    (folder / "results_2024-02-01T00-00-00.json").write_text(json.dumps(told(model_name="owner/mine")))
    found = {one.what: one for one in harness_results(tmp_path)}
    assert set(found) == {"hellaswag acc", "hellaswag acc_norm", "gsm8k exact_match,strict-match", "wikitext bits_per_byte"}
    acc = found["hellaswag acc"]
    assert (acc.model, acc.value, acc.n, acc.better) == ("owner/mine", 0.5, 100, "high")  # the newest
    assert (acc.low, acc.high) == (pytest.approx(0.4804, abs=1e-4), pytest.approx(0.5196, abs=1e-4))
    assert found["hellaswag acc_norm"].low is None
    assert found["wikitext bits_per_byte"].better == "low"
    assert [one.what for one in table(tmp_path, columns=["hellaswag acc"])] == ["hellaswag acc"]


def test_what_is_no_output_of_the_harness_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no results_\*.json"):
        harness_results(tmp_path)
    (tmp_path / "results_1.json").write_text("{}")
    with pytest.raises(DataError, match="has no 'results'"):
        harness_results(tmp_path)
    (tmp_path / "results_1.json").write_text(json.dumps(told(config={})))
    with pytest.raises(DataError, match="does not say which model"):
        harness_results(tmp_path)
    (tmp_path / "results_1.json").write_text("{")
    with pytest.raises(DataError, match="not whole JSON"):
        harness_results(tmp_path)


def test_the_harness_is_run_through_its_own_api(monkeypatch) -> None:
    asked = {}
    stand_in = types.ModuleType("lm_eval")
    stand_in.__version__ = "0.4.9"
    stand_in.simple_evaluate = lambda **how: asked.update(how) or told()
    monkeypatch.setitem(sys.modules, "lm_eval", stand_in)
    found = run_harness("hf:owner/mine", ["hellaswag"], limit=100)
    assert asked == {"model": "hf", "model_args": "pretrained=owner/mine", "tasks": ["hellaswag"], "limit": 100}
    assert (found[0].model, found[0].source) == ("mine", "lm-evaluation-harness 0.4.9")
    monkeypatch.setitem(sys.modules, "lm_eval", None)
    with pytest.raises(MissingDependencyError, match=r"platometer\[harness\]"):
        run_harness("hf:owner/mine", ["hellaswag"])
    with pytest.raises(InputError, match="is none"):
        run_harness("timm:resnet18", ["hellaswag"])
    with pytest.raises(InputError, match="no tasks"):
        run_harness("hf:owner/mine", [])


def test_a_card_s_size_data_and_compute_are_capabilities() -> None:
    card = Card("mine", source="zoo:mine", parameters=1000, details={"training_flops": 1e18, "items_seen": 96000, "note": "x"})
    assert [(one.what, one.value, one.unit) for one in stated(card)] == [
        ("parameters", 1000, "weights"), ("items_seen", 96000, "items"), ("training_flops", 1e18, "FLOP")]
    assert {one.source for one in stated(card)} == {"card of zoo:mine"}


def test_a_capability_is_a_finite_number_with_both_ends_or_none() -> None:
    with pytest.raises(InputError, match="expected a finite number"):
        Capability("a", "x", float("nan"))
    with pytest.raises(InputError, match="one end of an interval"):
        Capability("a", "x", 1.0, low=0.5)
    with pytest.raises(InputError, match="better = 'up'"):
        Capability("a", "x", 1.0, better="up")
    assert Capability("a", "x", 1.0).as_row() == {
        "model": "a", "what": "x", "value": 1.0, "low": None, "high": None, "unit": "", "better": "high", "n": None,
        "source": "", "details": {}, "x": 1.0}
