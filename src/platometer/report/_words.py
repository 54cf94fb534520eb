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


def groups(rows: Sequence[Mapping]) -> list[str]:
    """Of each row, what it can be compared within: its metric, and conditioning and n where they are not the usual or only one.

    Parameters
    ----------
    rows : of the table.

    Examples
    --------
    >>> groups([{"metric": "cka", "conditioning": "none", "n": 700}])
    ['cka · none']
    """
    sizes = len({row["n"] for row in rows}) > 1
    return [row["metric"] + ("" if row["conditioning"] == "unit" else f" · {row['conditioning']}")
            + (f" · n = {row['n']:,}" if sizes else "") for row in rows]


def strength(row: Mapping) -> tuple[float, float]:
    """What rows are ordered by: the calibrated score where there is one, then the excess over chance, then the score.

    Parameters
    ----------
    row : of the table.
    """
    raw = row["score"] if row["alike"] == "high" else -row["score"]
    return row["calibrated"] or 0.0, raw if row["excess"] is None else row["excess"]


def strongest(rows: Sequence[Mapping]) -> Mapping:
    """The row of the pair that is most alike, of different modalities if any pair is.

    Parameters
    ----------
    rows : of one metric and conditioning.
    """
    return max(_kinds(rows)[0][1], key=strength)


def verdicts(rows: Sequence[Mapping], grids: Mapping[str, Mapping] | None = None) -> list[dict]:
    """For each metric and conditioning: how many pairs beat chance, and the strongest pair, across modalities if any is.

    Parameters
    ----------
    rows : of the table.
    grids : by what the rows call ``grid``, with the draws, of which the most extreme is told; or None.
    """
    parted: dict[str, list[Mapping]] = {}
    for row, name in zip(rows, groups(rows), strict=True):
        parted.setdefault(name, []).append(row)
    out = []
    for name, members in parted.items():
        best = strongest(members)
        draws = [] if grids is None else grids[best["grid"]]["draws"]
        extreme = max if best["alike"] == "high" else min
        kinds = [_kind(kind, part) for kind, part in _kinds(members)]
        out.append({
            "group": name, "kinds": kinds, "alpha": best["alpha"], "strongest": best, "pairs": len(members),
            "judged": sum(kind["judged"] for kind in kinds), "alike": best["alike"],
            "extreme": extreme(draws) if draws else None, "short": _short_of_draws(members),
        })
    return out


def rising(content: Mapping) -> list[dict]:
    """How alignment goes with each measure of the models, by the first metric: across modalities where any pair crosses.

    Parameters
    ----------
    content : of the page.

    Returns
    -------
    against, better, side, partner, n; raw and calibrated, entries of ``trends``, None where there is no such score. Parameters
    come last.
    """
    names = groups(content["rows"])[:1]
    found: dict[tuple, dict[str, Mapping]] = {}
    for one in content["trends"]:
        if [one["group"]] == names and one["r"] is not None:
            found.setdefault((one["against"], one["modality"], one["partner"]), {})[one["what"]] = one
    better = {one["what"]: one["better"] for one in content["measures"]}
    cross = {key: value for key, value in found.items() if key[1] != key[2]} or found
    out = [{"against": against, "better": better[against], "side": side, "partner": partner, "raw": value.get("score"),
            "calibrated": value.get("calibrated"), "n": max(one["n"] for one in value.values())}
           for (against, side, partner), value in cross.items()]
    return sorted(out, key=lambda one: one["against"] == "parameters")


def told(rows: Sequence[Mapping]) -> list[str]:
    """The verdict in one sentence per metric and conditioning, for a terminal.

    Parameters
    ----------
    rows : of the table.

    Examples
    --------
    >>> row = {"left": "a", "right": "b", "left_modality": "", "right_modality": "", "metric": "cka", "conditioning": "unit",
    ...        "alike": "high", "n": 700, "score": 0.5, "null_mean": 0.1, "excess": 0.4, "calibrated": 0.375, "alpha": 0.05,
    ...        "tau": 0.2, "draws": 99, "p": 0.01, "p_bh": 0.01, "p_holm": 0.01, "least_p": 0.01}
    >>> print(told([row])[0])
    cka: 1 of 1 pair above chance at 5 % (BH; 1 after Holm); the strongest a and b: 0.500, chance 0.100, calibrated 0.375
    """
    out = []
    for one in verdicts(rows):
        best = one["strongest"]
        beaten = "; ".join(f"{kind['beat']:,} of {kind['judged']:,} {kind['noun']}{'' if kind['judged'] == 1 else 's'} above "
                           f"chance at {percent(one['alpha'])} (BH; {kind['holm']:,} after Holm)"
                           for kind in one["kinds"] if kind["judged"])
        parts = [f"{one['group']}: {beaten or 'not calibrated'}",
                 f"the strongest {best['left']} and {best['right']}: {number(best['score'])}"]
        chance = [] if best["null_mean"] is None else [f"chance {number(best['null_mean'])}"]
        chance += [] if best["calibrated"] is None else [f"calibrated {number(best['calibrated'])}"]
        out.append(", ".join(["; ".join(parts), *chance]))
    return out


def sparkline(values: Sequence[float | None], low: float, high: float) -> str:
    """Values as a line of blocks, the lowest at ``low`` and the highest at ``high``; a space where there is none.

    Parameters
    ----------
    values : one per block.
    low, high : of the scale.

    Examples
    --------
    >>> sparkline([0.0, 0.5, None, 1.0], 0.0, 1.0)
    '▁▅ █'
    """
    blocks = "▁▂▃▄▅▆▇█"
    spread = (high - low) or 1.0
    return "".join(" " if value is None or not math.isfinite(value) else
                   blocks[min(max(round((value - low) / spread * 7), 0), 7)] for value in values)


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
