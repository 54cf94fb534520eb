"""What the page shows, as plain data: gathered from the study, the features' cards, the rows and the answers."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from platometer import stats
from platometer.cards import versions
from platometer.features import Features
from platometer.metrics import parse
from platometer.samples import Paired

if TYPE_CHECKING:
    from platometer.study._file import Study


def content(
    study: Study, paired: Paired | None, features: Mapping[str, Features], rows: Sequence[Mapping],
    answers: Sequence[Mapping], *, failures: Sequence[str],
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
    """
    return {
        "study": {
            "name": study.name, "question": study.file.question, "seed": study.file.seed, "file": study.text,
            "command": "platometer run study.toml", "finished": not failures, "failures": list(failures),
        },
        "data": _data(paired, features),
        "models": [_model(value) for value in features.values()],
        "rows": [dict(row) | {"notes": row["remarks"], "key": str(i)} for i, row in enumerate(rows)],
        "grids": {str(i): _grid(answer) for i, answer in enumerate(answers)},  # equal models share an answer, not a row
        "trends": _trends(rows),
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


def _trends(rows: Sequence[Mapping]) -> list[dict]:
    """Per metric, modalities and kind of score: each model's mean over its partners against log10 of its parameters."""
    points: dict[tuple[str, str, str, str], dict[str, tuple[float, list[float]]]] = {}
    for row in rows:
        group = row["metric"] + ("" if row["conditioning"] == "unit" else f" \u00b7 {row['conditioning']}")
        for side, other in (("left", "right"), ("right", "left")):
            size = row[f"{side}_parameters"]
            for what in ("score", "calibrated"):
                if size and row[what] is not None:
                    models = points.setdefault((group, row[f"{side}_modality"], row[f"{other}_modality"], what), {})
                    models.setdefault(row[side], (math.log10(size), []))[1].append(row[what])
    out = []
    for (group, modality, partner, what), models in points.items():
        sizes = [size for size, _ in models.values()]
        means = [sum(values) / len(values) for _, values in models.values()]
        found = stats.correlation(sizes, means)
        out.append({"group": group, "modality": modality, "partner": partner, "what": what} | dataclasses.asdict(found))
    return out
