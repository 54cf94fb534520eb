"""Scores of lm-evaluation-harness: read from what it wrote, or run through its own API (extra ``harness``)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from platometer.capability._row import Capability
from platometer.errors import DataError, InputError, missing

_Z = 1.959963984540054


def harness_results(path: str | Path) -> list[Capability]:
    """Every task and metric of an output folder, the newest file for each model, task and metric.

    Parameters
    ----------
    path : a folder with ``results_*.json`` in it or below, or one such file.

    Returns
    -------
    Capabilities called ``"TASK METRIC"`` (with the filter behind a comma where there is one), with the interval that the
    harness's standard error gives.

    Raises
    ------
    DataError
        There are no such files, or one has another form.
    """
    path = Path(path)
    listed = [path] if path.is_file() else sorted(path.rglob("results*.json"), key=lambda one: one.name)
    if not listed:
        raise DataError(f"{path} has no results_*.json of lm-evaluation-harness in it. Was it run with --output_path?")
    found: dict[tuple[str, str], Capability] = {}
    for file in listed:  # names carry the date, so that the newest comes last
        try:
            told = json.loads(file.read_bytes())
        except (OSError, ValueError) as error:
            raise DataError(f"{file} is not whole JSON: {error}.") from None
        if not isinstance(told, Mapping) or not isinstance(told.get("results"), Mapping):
            raise DataError(f"{file} has no 'results'; it is none of lm-evaluation-harness's.")
        for one in _of(told, _model(told, file), str(file)):
            found[one.model, one.what] = one
    return list(found.values())


def run_harness(model: str, tasks: Sequence[str], **options: Any) -> list[Capability]:
    """Scores of a Hugging Face model on tasks of lm-evaluation-harness, run now.

    Parameters
    ----------
    model : ``"hf:NAME_OR_FOLDER"``.
    tasks : names of the harness's, such as ``"hellaswag"`` and ``"gsm8k"``.
    options : of ``lm_eval.simple_evaluate``, such as ``num_fewshot``, ``limit``, ``batch_size``, ``device``.

    Raises
    ------
    MissingDependencyError
        lm-eval is not installed.
    InputError
        Another kind of model, or no tasks.
    """
    prefix, _, name = model.partition(":")
    if prefix != "hf" or not name:
        raise InputError(f"The harness runs models of Hugging Face; {model!r} is none. Expected 'hf:NAME_OR_FOLDER'.")
    if not tasks:
        raise InputError("There are no tasks to run; expected names such as 'hellaswag'.")
    try:
        import lm_eval
    except ImportError:
        raise missing("lm_eval", "harness", wanted_for="Running lm-evaluation-harness") from None
    told = lm_eval.simple_evaluate(model="hf", model_args=f"pretrained={name}", tasks=list(tasks), **options)
    version = getattr(lm_eval, "__version__", "")
    return _of(told, Path(name).name, f"lm-evaluation-harness {version}".strip())


def _model(told: Mapping, file: Path) -> str:
    """The model's name, wherever this version of the harness puts it."""
    if told.get("model_name"):
        return str(told["model_name"])
    given = (told.get("config") or {}).get("model_args")
    if isinstance(given, str):
        given = dict(part.split("=", 1) for part in given.split(",") if "=" in part)
    name = (given or {}).get("pretrained") or (given or {}).get("model")
    if not name:
        raise DataError(f"{file} does not say which model it is of: it has neither 'model_name' nor a pretrained= among the "
                        "model's arguments.")
    return str(name)


def _of(told: Mapping, model: str, source: str) -> list[Capability]:
    out = []
    for task, scores in told["results"].items():
        for key, value in scores.items():
            metric, _, sieve = str(key).partition(",")
            if isinstance(value, bool) or not isinstance(value, int | float) or metric.endswith("_stderr") or metric == "alias":
                continue
            if not math.isfinite(value):
                raise DataError(f"{source}: {metric} of {task} is {value}; expected a number. Did the run break off?")
            error = scores.get(f"{metric}_stderr" + (f",{sieve}" if sieve else ""))
            reach = _Z * error if isinstance(error, int | float) else None
            low, top = (None, None) if reach is None else (value - reach, value + reach)
            high = ((told.get("higher_is_better") or {}).get(task) or {}).get(metric)
            better = ("low" if "perplexity" in metric or "bits" in metric else "high") if high is None else (
                "high" if high else "low")
            count = ((told.get("n-samples") or {}).get(task) or {}).get("effective")
            details = {"task": task, "metric": metric, "filter": sieve, "version": (told.get("versions") or {}).get(task),
                       "shots": (told.get("n-shot") or {}).get(task), "limit": (told.get("config") or {}).get("limit")}
            what = f"{task} {metric}" + (f",{sieve}" if sieve not in ("", "none") else "")
            unit = "share" if metric.startswith(("acc", "exact")) else ""
            out.append(Capability(model, what, float(value), low, top, unit=unit, better=better,
                                  n=None if count is None else int(count), source=source, details=details))
    return out
