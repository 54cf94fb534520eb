"""Filling the template: the words with numbers, the tables, and the data that the figures draw from."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import jinja2
from markupsafe import Markup

from platometer import files

_HERE = Path(__file__).parent
_BINS = 40


def write(path: str | Path, content: Mapping) -> Path:
    """The path of a page that shows the content.

    Parameters
    ----------
    path : where to; written whole or not at all.
    content : plain data with the keys ``study``, ``data``, ``models``, ``rows``, ``grids``, ``trends``, ``facts`` and
        ``versions``, as `platometer.study` gathers it.

    Raises
    ------
    StoreError
        The page cannot be written.
    """
    return files.write_whole(path, page(content).encode())


def page(content: Mapping) -> str:
    """The page as text.

    Parameters
    ----------
    content : see `write`.
    """
    loader = jinja2.FileSystemLoader(_HERE)
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
                                     lstrip_blocks=True)
    environment.filters |= {"number": number, "p": p_value, "count": count}
    script = (_HERE / "page.js").read_text(encoding="utf-8")
    allowed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.get_template("page.html").render(
        **content, verdicts=verdicts(content["rows"]), figures=_json(_figures(content)),
        style=Markup((_HERE / "style.css").read_text(encoding="utf-8")), script=Markup(script), allowed=allowed,
    )


def number(value: float | None, digits: int = 3) -> str:
    """A number for a table; a dash where there is none.

    Parameters
    ----------
    value : any.
    digits : after the point, for sizes between 0.001 and 1,000.

    Examples
    --------
    >>> number(0.12345), number(None), number(-0.5)
    ('0.123', '–', '−0.500')
    """
    if value is None:
        return "–"
    size = abs(value)
    text = f"{size:.{digits}f}" if size == 0 or 0.0005 <= size < 1000 else f"{size:.2e}"
    return f"−{text}" if value < 0 else text


def p_value(row: Mapping, key: str = "p") -> str:
    """A p-value of a row; with ≤ where it is the least that the draws can give.

    Parameters
    ----------
    row : with ``draws``.
    key : which one.
    """
    value = row[key]
    if value is None:
        return "–"
    least = row["draws"] and value <= 1 / (row["draws"] + 1) + 1e-12 and key == "p"
    text = f"{value:.2g}" if value < 0.001 else f"{value:.3f}"
    return f"≤ {text}" if least else text


def count(value: int | None) -> str:
    """A number of parameters, short.

    Parameters
    ----------
    value : or None.

    Examples
    --------
    >>> count(22_713_216)
    '22.7 M'
    """
    if value is None:
        return "–"
    for size, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if value >= size:
            return f"{value / size:.3g} {letter}"
    return str(value)


def verdicts(rows: Sequence[Mapping]) -> list[dict]:
    """For each metric and conditioning: how many pairs beat chance, and the strongest.

    Parameters
    ----------
    rows : of the table.
    """
    groups: dict[tuple[str, str], list[Mapping]] = {}
    for row in rows:
        groups.setdefault((row["metric"], row["conditioning"]), []).append(row)
    out = []
    for (metric, conditioning), group in groups.items():
        judged = [row for row in group if row["p_bh"] is not None]
        strongest = max(group, key=lambda row: row["score"] if row["alike"] == "high" else -row["score"])
        out.append({
            "metric": metric, "conditioning": conditioning, "pairs": len(group), "judged": len(judged),
            "alpha": group[0]["alpha"], "beat": sum(row["p_bh"] <= row["alpha"] for row in judged),
            "holm": sum(row["p_holm"] <= row["alpha"] for row in judged), "strongest": strongest,
            "draws": group[0]["draws"],
        })
    return out


def _figures(content: Mapping) -> dict:
    """What the figures draw from, with numbers rounded for drawing."""
    keep = ("left", "right", "left_modality", "right_modality", "left_parameters", "right_parameters", "metric", "conditioning",
            "score", "calibrated", "p", "p_bh", "null_mean", "tau", "left_layer", "right_layer", "key", "alike", "n", "draws",
            "alpha")
    grids = {key: _drawn(grid) for key, grid in content["grids"].items()}
    return {
        "models": [{key: model[key] for key in ("name", "modality", "parameters")} for model in content["models"]],
        "rows": [{key: _short(row[key]) for key in keep} for row in content["rows"]],
        "grids": grids, "trends": [{key: _short(value) for key, value in trend.items()} for trend in content["trends"]],
    }


def _drawn(grid: Mapping) -> dict:
    """A layer grid and the histogram of its null's maxima."""
    return {
        "left": grid["left_layers"], "right": grid["right_layers"],
        "scores": [[_short(value) for value in row] for row in grid["scores"]],
        "hist": _histogram(grid["draws"]),
    }


def _histogram(draws: Sequence[float]) -> dict | None:
    if not draws:
        return None
    low, high = min(draws), max(draws)
    width = (high - low) / _BINS
    counts = [0] * _BINS
    for value in draws:
        counts[min(int((value - low) / width), _BINS - 1) if width > 0 else 0] += 1
    return {"low": low, "high": high, "counts": counts}


def _short(value: object) -> object:
    return float(f"{value:.5g}") if isinstance(value, float) else value


def _json(value: object) -> Markup:
    """JSON that cannot end the element it stands in."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))
