"""A run as a folder to give away: rows, card, page, and nothing of the machine that it ran on."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from platometer import files, report
from platometer import rows as table
from platometer.cards import digest
from platometer.errors import DataError, InputError, StoreError
from platometer.study import _capability, _gallery
from platometer.study._results import CARD, Results

SCHEMA = 1
_PATH = re.compile(r"(?<![\w/.<~])(?:~|[A-Za-z]:)?[/\\](?![/\\\s])[^\s\"'<>|;,(){}\[\]]+")
"""What may be an absolute path: not the slash of an address, of a fraction, or of a closing tag."""
_PATH_OR_PICTURE = re.compile(rf"(?P<picture>;base64,[A-Za-z0-9+/=]*)|{_PATH.pattern}")
"""The slashes of an embedded picture are its digits."""


def publish(run: str | Path, out: str | Path, *, samples: Literal["left out", "shown"] = "left out") -> Path:
    """The folder, which now holds the results of a run: rows.parquet, card.json, report.html, and what stood beside them.

    Absolute paths become their last part, in rows, card and page. Features stay where they are.

    Parameters
    ----------
    run : a run folder.
    out : where to; absent, empty, or published to before.
    samples : whether the page shows pictures and captions of the data, which others may have rights in.

    Raises
    ------
    DataError
        The run has no rows.
    InputError
        The folder holds something else.
    """
    place, out = Path(run), Path(out)
    if not (place / "run.json").exists():
        raise DataError(f"{place} is no run folder: it has no run.json. Runs lie in runs/NAME, unless --out said otherwise.")
    if out.exists() and any(out.iterdir()) and not (out / CARD).exists():
        raise InputError(f"{out} holds something else than published results. Give a folder of its own.")
    found = Results.read(place)
    if not found.rows:
        raise DataError(f"{place} has no rows to publish; all of its parts failed, or it was not finished.")
    path = table.write(out / "rows.parquet", [_public_row(row) for row in found.rows])
    for name in (_capability.FILE, _gallery.FILE, "report.html"):  # of what was published here before
        (out / name).unlink(missing_ok=True)
    known = [one.as_row() for one in found.capability]
    for name, beside in ((_capability.FILE, known), (_gallery.FILE, found.galleries)):
        if beside:
            files.write_json(out / name, _public(list(beside)))
    if (place / "report.html").exists():
        page = (place / "report.html").read_text(encoding="utf-8")
        shown = page if samples == "shown" else report.without_samples(page)
        files.write_whole(out / "report.html", without_paths(shown).encode())
    files.write_json(out / CARD, _card(found, place) | {"digest": digest(path.read_bytes())})
    return out


def without_paths(text: str) -> str:
    """The text with every absolute path of this machine cut to its last part.

    Parameters
    ----------
    text : of any kind.

    Examples
    --------
    >>> without_paths("hf:/usr/share/models/gpt2, https://a.org/usr/share, 1/2")
    'hf:gpt2, https://a.org/usr/share, 1/2'
    """
    return _PATH_OR_PICTURE.sub(lambda found: found[0] if found["picture"] else _last(found[0]), text)


def _last(path: str) -> str:
    """The last part of a path that begins at a root, at home, or at a folder that this machine has."""
    parts = [part for part in re.split(r"[/\\]", path) if part]
    local = path[0] == "~" or path[1:2] == ":" or (len(parts) > 1 and os.path.exists(f"/{parts[0]}"))  # of any length
    return parts[-1] if local and parts else path


def _public(value: object) -> object:
    """JSON values without absolute paths."""
    if isinstance(value, str):
        return without_paths(value)
    if isinstance(value, Mapping):
        return {str(name): _public(part) for name, part in value.items()}
    return [_public(part) for part in value] if isinstance(value, list | tuple) else value


def _public_row(row: Mapping) -> dict:
    details = {f"{side}_details": json.dumps(_public(json.loads(row[f"{side}_details"] or "{}")), sort_keys=True,
                                             ensure_ascii=False) for side in ("left", "right")}
    return {name: _public(value) if name != "versions" else value for name, value in row.items()} | details


def _card(found: Results, place: Path) -> dict:
    """What a reader must know of the rows."""
    rows, kept = found.rows, ("question", "needs", "seed", "at_most", "kept", "left_out", "failures", "families", "data")
    versions: dict[str, set[str]] = {}
    for row in rows:
        for name, version in row["versions"].items():
            versions.setdefault(name, set()).add(version)
    try:
        file = (place / "study.toml").read_text(encoding="utf-8")
    except OSError:  # of a study that was no file
        file = ""
    except UnicodeDecodeError:
        raise StoreError(f"{place / 'study.toml'} is not text; it is the copy of the study file that a run keeps.") from None
    card = {
        "schema": SCHEMA, "study": found.name, "file": file, "rows": len(rows),
        "metrics": list(dict.fromkeys(row["metric"] for row in rows)), "n": sorted({row["n"] for row in rows}),
        "samples": sorted({row["samples"] for row in rows}),
        "models": sorted({row[side] for row in rows for side in ("left", "right")}),
        "versions": {name: sorted(several) for name, several in sorted(versions.items())},
    }
    return _public(card | {name: found.record[name] for name in kept if name in found.record})  # type: ignore[return-value]
