"""What the page shows, as plain data: gathered from the study, the features' cards, the rows and the answers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from platometer.capability import Capability
from platometer.cards import versions
from platometer.features import Features
from platometer.metrics import parse
from platometer.samples import Paired
from platometer.study import _known, _sheets
from platometer.study._families import family

if TYPE_CHECKING:
    from platometer.study._file import Study


def content(
    study: Study, paired: Paired | None, features: Mapping[str, Features], rows: Sequence[Mapping],
    answers: Sequence[Mapping], *, failures: Sequence[str], galleries: Sequence[Mapping] = (),
    capability: Sequence[Capability] = (), command: str = "",
) -> dict:
    """The page's content.

    Parameters
    ----------
    study : what was asked.
    paired : the data; None for vectors from files.
    features : of every model that did not fail, by name.
    rows : of the table.
    answers : of the cells, one for each row.
    failures : what could not be done, with the reason.
    galleries : of the pairs, where the study asks for them.
    capability : what is known of the models.
    command : that runs the study again.
    """
    families = {one.name: one.family for one in study.models() if one.family}
    measures = _known.measures(rows, capability)
    return {
        "study": {
            "name": study.name, "question": study.file.question, "seed": study.file.seed, "file": study.text,
            "command": command, "finished": not failures, "failures": list(failures),
        },
        "data": _data(paired, features),
        "models": [_model(value) | {"family": family(value.model.name, families)} for value in features.values()],
        "rows": [dict(row) | {"notes": row["remarks"], "grid": str(i)} for i, row in enumerate(rows)],
        "grids": {str(i): _grid(answer) for i, answer in enumerate(answers)},  # equal models share an answer, not a row
        "measures": measures, "trends": _known.along(rows, measures, families), "places": _known.places(rows),
        "galleries": [dict(one) for one in galleries],
        "sheets": _sheets.sheets(rows, features, paired, asked=study.file.page.samples),
        "facts": [_facts(spec) for spec in dict.fromkeys(row["metric"] for row in rows)],
        "versions": dict(versions()),
    }


def _data(paired: Paired | None, features: Mapping[str, Features]) -> dict:
    if paired is None:
        n = next((value.n for value in features.values()), 0)
        return {"name": "vectors from files", "source": "", "n": n, "fingerprint": "", "licence": "", "citation": "",
                "views": [], "notes": []}
    card = paired.card
    return {
        "name": card.name, "source": card.source, "n": len(paired), "fingerprint": paired.fingerprint,
        "licence": card.licence, "citation": card.citation, "views": list(paired.views), "notes": list(paired.notes),
    }


def _model(value: Features) -> dict:
    notes = []
    cut = value.details.get("cut")
    if isinstance(cut, Mapping) and cut.get("count"):
        notes.append(f"{cut['count']} of {cut['of']} texts were cut at {cut['limit']} tokens")
    return {
        "name": value.model.name, "source": value.model.source, "modality": str(value.details.get("modality", "")),
        "parameters": value.model.parameters, "layers": len(value), "samples": value.samples,
        "pooling": value.pooling, "details": dict(value.details), "licence": value.model.licence, "notes": notes,
    }


def _grid(answer: Mapping) -> dict:
    c = answer["calibration"]
    return {
        "left_layers": answer["left_layers"], "right_layers": answer["right_layers"], "scores": answer["grid"],
        "null_mean": answer["null_mean_grid"], "draws": c["draws"] if c else [],
    }


def _facts(spec: str) -> dict:
    metric = parse(spec)
    facts = metric.facts
    definition = " ".join((type(metric).__doc__ or "").split("\n\n")[0].split())
    low, high = ("\u2212\u221e" if end == -math.inf else "\u221e" if end == math.inf else f"{end:g}".replace("-", "\u2212")
                 for end in facts.range)
    return {"metric": spec, "definition": definition, "range": f"{low} to {high}", "alike": facts.alike,
            "symmetric": facts.symmetric, "scope": facts.scope, "ties": facts.ties, "source": facts.source}
