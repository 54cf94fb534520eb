"""Numbers and counts in words: what the tables and the verdicts say."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence


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
    if math.isinf(size):
        text = "∞"
    else:
        text = f"{size:.{digits}f}" if size == 0 or 0.5 * 10**-digits <= size < 1000 else f"{size:.1e}"
    return f"−{text}" if value < 0 else text


def p_value(row: Mapping, key: str = "p") -> str:
    r"""A p-value of a row; with ≤ where the null could not give a smaller one.

    Parameters
    ----------
    row : with ``p`` and ``least_p``.
    key : ``"p"``, ``"p_bh"`` or ``"p_holm"``; a corrected value is bounded where the plain one is.

    Examples
    --------
    >>> p_value({"p": 0.001, "least_p": 0.001}), p_value({"p": 0.25, "least_p": 0.001})
    ('≤\xa00.001', '0.250')
    """
    value = row[key]
    if value is None:
        return "–"
    text = f"{value:.3f}" if value >= 0.00095 else f"{value:.1g}"
    return f"≤\u00a0{text}" if row["p"] <= row["least_p"] + 1e-12 and value < 1 else text


def equals(text: str) -> str:
    r"""A printed p-value as the right side of a relation.

    Parameters
    ----------
    text : from `p_value`.

    Examples
    --------
    >>> equals("0.250"), equals("≤ 0.001")
    ('=\xa00.250', '≤ 0.001')
    """
    return text if text.startswith("≤") else f"=\u00a0{text}"


def count(value: int | None) -> str:
    """A number of parameters, short; a dash where it is not known.

    Parameters
    ----------
    value : or None.

    Examples
    --------
    >>> count(22_713_216), count(6_738_415_616), count(999_950)
    ('22.7 M', '6.74 G', '1 M')
    """
    if value is None:
        return "–"
    for power, letter in ((9, "G"), (6, "M"), (3, "k")):
        short = float(f"{value:.3g}") / 10**power
        if short >= 1:
            return f"{short:.6g} {letter}"
    return str(value)


def percent(share: float) -> str:
    """A share of one as a percentage.

    Parameters
    ----------
    share : in [0, 1].

    Examples
    --------
    >>> percent(0.05), percent(1 - 0.05)
    ('5 %', '95 %')
    """
    return f"{share * 100:.6g} %"


def group(row: Mapping) -> str:
    """What a row can be compared within: its metric, with the conditioning where that is not the usual one.

    Parameters
    ----------
    row : of the table.

    Examples
    --------
    >>> group({"metric": "cka", "conditioning": "none"})
    'cka · none'
    """
    return row["metric"] if row["conditioning"] == "unit" else f"{row['metric']} · {row['conditioning']}"


def strength(row: Mapping) -> tuple[float, float]:
    """What rows are ordered by: the calibrated score where there is one, then the excess over chance, then the score.

    Parameters
    ----------
    row : of the table.
    """
    raw = row["score"] if row["alike"] == "high" else -row["score"]
    return row["calibrated"] or 0.0, raw if row["excess"] is None else row["excess"]


def verdicts(rows: Sequence[Mapping], grids: Mapping[str, Mapping]) -> list[dict]:
    """For each metric and conditioning: how many pairs beat chance, and the strongest pair, across modalities if any is.

    Parameters
    ----------
    rows : of the table.
    grids : by the rows' keys, with the draws.
    """
    groups: dict[str, list[Mapping]] = {}
    for row in rows:
        groups.setdefault(group(row), []).append(row)
    out = []
    for name, members in groups.items():
        parts = _kinds(members)
        strongest = max(parts[0][1], key=strength)
        draws = grids[strongest["key"]]["draws"]
        extreme = max if strongest["alike"] == "high" else min
        kinds = [_kind(name, part) for name, part in parts]
        out.append({
            "group": name, "kinds": kinds, "alpha": strongest["alpha"], "strongest": strongest, "pairs": len(members),
            "judged": sum(kind["judged"] for kind in kinds), "alike": strongest["alike"],
            "extreme": extreme(draws) if draws else None, "short": _short_of_draws(members),
        })
    return out


def _kinds(rows: Sequence[Mapping]) -> list[tuple[str, list[Mapping]]]:
    """Rows that cross modalities, then those that do not; unnamed where no modality is known."""
    cross = [row for row in rows if row["left_modality"] != row["right_modality"]]
    within = [row for row in rows if row["left_modality"] == row["right_modality"]]
    known = any(row["left_modality"] for row in rows)
    return [(name if known else "", part) for name, part in (("cross-modal ", cross), ("within-modality ", within)) if part]


def _kind(name: str, rows: Sequence[Mapping]) -> dict:
    judged = [row for row in rows if row["p_bh"] is not None]
    directed = len({frozenset((row["left"], row["right"])) for row in rows}) < len(rows)
    return {
        "noun": name + ("directed pair" if directed else "pair"), "judged": len(judged),
        "beat": sum(row["p_bh"] <= row["alpha"] for row in judged),
        "holm": sum(row["p_holm"] <= row["alpha"] for row in judged),
    }


def _short_of_draws(rows: Sequence[Mapping]) -> str:
    """What the number of draws makes impossible, in words; empty if nothing."""
    drawn = [row for row in rows if row["draws"]]
    if not drawn:
        return ""
    row = max(drawn, key=lambda row: row["draws"])  # those that ended early were told enough
    if row["least_p"] > row["alpha"] + 1e-9:
        return (f"{row['draws']:,} draws cannot give a p below {row['least_p']:.2g}, so nothing can pass at "
                f"{percent(row['alpha'])}")
    if row["least_p"] * len(drawn) > row["alpha"] + 1e-9:
        return f"{row['draws']:,} draws are too few for Holm’s correction over {len(drawn):,} pairs to pass any"
    return ""
