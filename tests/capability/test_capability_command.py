"""The command prints what the functions give."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from platometer import capability, cli
from platometer.errors import DataError, SpecError


def _run(*words: str):
    found = CliRunner().invoke(cli.app, ["capability", *words])
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found.output


def test_a_table_s_row_is_printed_with_its_source(tmp_path: Path) -> None:
    path = tmp_path / "board.csv"
    path.write_text("model,skill\nOwner/Mine,0.25\n")
    lines = _run("mine", "--table", str(path)).splitlines()
    assert lines[0].split("\t") == ["model", "what", "value", "95 % interval", "unit", "better", "n", "source"]
    assert lines[1].split("\t") == ["mine", "skill", "0.25", "", "", "high", "", str(path)]
    assert json.loads(_run("mine", "--table", str(path), "--json"))[0]["details"]["spelled"] == "Owner/Mine"
    with pytest.raises(DataError, match="mime is not in the table; near are Owner/Mine"):
        _run("mime", "--table", str(path))


def test_texts_and_labels_go_to_the_functions_that_measure(monkeypatch) -> None:
    asked = []

    def measured(what: str):
        def give(model, source, **how):
            asked.append((what, model, source, how))
            return capability.Capability(model, what, 0.5, 0.4, 0.6, unit="share", n=1000, source="measured")
        return give

    monkeypatch.setattr(capability, "bits_per_byte_of", measured("bits"))
    monkeypatch.setattr(capability, "probe", measured("accuracy"))
    monkeypatch.setattr(capability, "corpus", lambda source, limit: (source, limit))
    monkeypatch.setattr(capability, "labelled", lambda source: capability.Labelled.of(
        ["a", "b", "c"], [0, 1, 0], modality="text", name=source))
    out = _run("hf:mine", "--text", "a.txt", "--labels", "photos", "--probe", "knn", "--window", "64", "--limit", "2",
               "--lossy", "allow")
    assert [what for what, *_ in asked] == ["bits", "accuracy"]
    assert (asked[0][2], len(asked[1][2].samples), asked[1][2].card.name) == (("a.txt", 2), 2, "photos")
    assert (asked[0][3]["window"], asked[0][3]["lossy"], asked[1][3]["kind"]) == (64, "allow", "knn")
    assert "0.5\t0.4 to 0.6\tshare\thigh\t1,000\tmeasured" in out


def test_to_ask_nothing_is_an_error() -> None:
    with pytest.raises(SpecError, match="give --text, --labels, --table or --task"):
        _run("hf:mine")
