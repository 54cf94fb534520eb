"""Filling the template."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path

import jinja2
from markupsafe import Markup

from platometer import __version__, files, rows
from platometer.errors import InputError
from platometer.report import _figures, _words

_HERE = Path(__file__).parent
_KEYS = ("study", "data", "models", "rows", "grids", "measures", "trends", "places", "galleries", "sheets", "facts",
         "versions")
_SAMPLES = re.compile(r"<!-- samples begin -->.*<!-- samples end -->", re.DOTALL)
"""Names and captions are escaped, so none can look like these."""
_PICTURE = re.compile(r"data:image/(webp|png|jpeg);base64,[A-Za-z0-9+/]+=*")


def write(path: str | Path, content: Mapping) -> Path:
    """The path of a page that shows the content.

    Parameters
    ----------
    path : where to; written whole or not at all.
    content : plain data, as `platometer.study` gathers it:

        - ``study``: name, question, seed, file (the text of the toml), command, finished, failures;
        - ``data``: name, source, n, fingerprint, licence, citation, views, notes;
        - ``models``: each with name, source, modality, family, parameters (or None), layers, pooling, details, licence, notes;
        - ``rows``: as in `platometer.rows.SCHEMA`, with ``notes`` and the name of their ``grid`` beside;
        - ``grids``: by name, left_layers, right_layers, scores (L, M) and draws (B,), empty without a null;
        - ``measures``: what is known of the models: what, unit, better ("high" or "low"), log, values by model's name;
        - ``trends``: group, against (a measure), modality, partner, what ("score", "null_mean" or "calibrated"), r, low, high,
          slope, slope_low, slope_high, intercept, within (value, low, high; or None), n;
        - ``places``: by group, the order of the models, and maps: title, kind, names, x, y, lost;
        - ``galleries``: left, right, left_layer, right_layer, size, k, share, score, chance, queries, se; empty without any;
        - ``sheets``: why, items (by position: id, texts, picture), pairs and contact, as `platometer.study` makes them;
        - ``facts``: of each metric, with its definition in words;
        - ``versions``: by library.

    Raises
    ------
    InputError
        Something of that is not there.
    StoreError
        The page cannot be written.
    """
    return files.write_whole(path, page(content).encode("utf-8", "replace"))


def page(content: Mapping) -> str:
    """The page as text.

    Parameters
    ----------
    content : see `write`.
    """
    _check(content)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": _words.number, "p": _words.p_value, "equals": _words.equals, "count": _words.count,
        "percent": _words.percent, "json": _plain,
    }
    script = (_HERE / "page.js").read_text(encoding="utf-8")
    allowed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    table = _figures.columns(content["rows"], rows.SCHEMA.names)
    pairs = len({(one["left"], one["right"]) for one in content["galleries"]})
    try:
        return environment.get_template("page.html").render(
            **{key: content[key] for key in _KEYS}, verdicts=_words.verdicts(content["rows"], content["grids"]),
            groups=_words.groups(content["rows"]), rising=_words.rising(content), version=__version__,
            figures=_figures.embedded(_figures.figures(content)), table=_figures.embedded(table), script=Markup(script),
            galleries_left_out=max(0, pairs - _figures.PAIRS), allowed=allowed,
            style=Markup((_HERE / "style.css").read_text(encoding="utf-8")),
        )
    except jinja2.UndefinedError as error:
        raise InputError(f"The page's content is not complete: {error.message}. `report.write` says what it takes.") from None


def without_samples(page: str) -> str:
    """The page as text without pictures and captions of the data, which may not be the author's to give away.

    Parameters
    ----------
    page : as `write` wrote it.
    """
    return _SAMPLES.sub('<p class="soft">The samples were left out of the page when it was published.</p>', page)


def _check(content: Mapping) -> None:
    """Refuse content that lacks a table, a column or a grid, by name."""
    missing = [key for key in _KEYS if key not in content]
    if missing:
        raise InputError(f"The page's content lacks {', '.join(map(repr, missing))}. `report.write` says what it takes.")
    for i, row in enumerate(content["rows"]):
        absent = [name for name in (*rows.SCHEMA.names, "notes", "grid") if name not in row]
        if absent:
            raise InputError(f"Row {i} of the page's content lacks {', '.join(map(repr, absent))}.")
        if row["grid"] not in content["grids"]:
            raise InputError(f"Row {i} ({row['left']} ~ {row['right']}) has the grid {row['grid']!r}, which is not there.")
    for at, item in content["sheets"]["items"].items():
        if item["picture"] and not _PICTURE.fullmatch(item["picture"]):
            raise InputError(f"The picture of the sample {at} is not a data address of an image: {item['picture'][:40]!r}.")


def _plain(value: object) -> str:
    """Options in few words."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, Mapping | list) else str(value)
