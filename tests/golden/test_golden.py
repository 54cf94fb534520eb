"""Our metrics, grids and calibrations against what other implementations gave on the same numbers.

`golden.ours` says which spec is held to which function, `golden.EXPLAINED` why and by how much some may differ.
``python tests/golden/table.py`` prints the counts.
"""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest
import torch

import golden

RECORDS = golden.records()


@cache
def judged(at: int) -> golden.Verdict:
    return golden.judge(RECORDS[at])


def label(record: dict) -> tuple[str, str]:
    """The peer without its version, and its function; the packages of one collection together."""
    part = -1 if "repository" in record["peer"] else 0
    return record["peer"].split("@")[0], record["func"].split("/")[part]


FUNCTIONS = sorted(set(map(label, RECORDS)))


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    """Many small products: waiting for threads costs more than they spare."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize(("peer", "func"), FUNCTIONS)
def test_values_agree_or_differ_for_a_known_reason_within_its_bound(peer: str, func: str) -> None:
    wrong = []
    for at, record in enumerate(RECORDS):
        verdict = judged(at) if label(record) == (peer, func) else None
        if verdict is not None and verdict.status == "differs":
            wrong.append((record["case"], record["prep"], record["params"], verdict.reason, verdict.numbers))
    assert wrong == []


def test_every_explanation_is_needed() -> None:
    used = Counter(judged(at).reason for at in range(len(RECORDS)))
    assert [rule.reason for rule in golden.EXPLAINED if not used[rule.reason]] == []


def test_float64_references_are_met_to_their_last_digits() -> None:
    """The reference breaks ties by lower index; everywhere else nothing is explained away."""
    status = [(r["case"], judged(at).status) for at, r in enumerate(RECORDS) if r["peer"].startswith("reference")]
    assert len(status) > 70
    assert {case for case, found in status if found != "agrees"} <= {"dups_ties"}


def test_ties_never_raise_a_score() -> None:
    """Tied neighbours are left out, so overlap lies below that of any rule that breaks ties."""
    held = [r for r in RECORDS if r["case"] == "dups_ties" and "reference" in r["peer"] and r["func"] == "mutual_knn"]
    for record in held:
        mine, theirs = golden.number(record)["score"]
        assert mine <= theirs
    assert len(held) == 8
