"""Measurements as text: for the terminal, and for ``docs/benchmarks.md``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.speed.jobs import JOBS, Figure, Job, NotMeasuredError, Times

CLOCKS = ("wall", "cpu")


def least(job: dict, clock: str) -> dict[tuple[str, str], float]:
    """(contender, part) -> the least of its measurements, or for ``"memory"`` the most.

    Parameters
    ----------
    job : as in the JSON file.
    clock : ``"wall"``, ``"cpu"`` or ``"memory"``.
    """
    best = max if clock == "memory" else min
    found: dict[tuple[str, str], float] = {}
    for run in job["runs"]:
        for part, values in run.get("parts", {}).items():
            key = run["contender"], part
            if values[clock] is not None:
                found[key] = best(found.get(key, values[clock]), values[clock])
    return found


def figures(job: dict) -> Iterator[tuple[Figure, dict[str, float]]]:
    """Each figure with its value by each clock; ``{"memory": ...}`` for one of memory. Those not measured are left out.

    Parameters
    ----------
    job : as in the JSON file.
    """
    for figure in _job(job["job"]).figures:
        clocks = ("memory",) if figure.memory else CLOCKS
        try:
            yield figure, {clock: figure.of(Times(least(job, clock), job["size"])) for clock in clocks}
        except (NotMeasuredError, ZeroDivisionError):
            continue


def reached(figure: Figure, values: dict[str, float]) -> str:
    """``yes``, ``no``, ``stretch``, or nothing where nothing was to be reached; the worse of the clocks counts.

    Parameters
    ----------
    figure, values : of `figures`.
    """
    if figure.least is not None:
        worst = min(values.values())
        return "stretch" if figure.stretch and worst >= figure.stretch else "yes" if worst >= figure.least else "no"
    if figure.most is not None:
        return "yes" if max(values.values()) <= figure.most else "no"
    return ""


def target(figure: Figure) -> str:
    """What it is to reach, in words.

    Parameters
    ----------
    figure : with a target or without.
    """
    if figure.least is not None:
        return f"at least {figure.least:,g}{figure.unit}" + (f" (stretch {figure.stretch:,g})" if figure.stretch else "")
    return "" if figure.most is None else f"at most {figure.most:,g}{figure.unit}"


def text(job: dict) -> str:
    """One job for the terminal.

    Parameters
    ----------
    job : as in the JSON file.
    """
    lines = ["", f"{job['job']}: {job['says']}", f"  size {job['size']}"]
    if _job(job["job"]).kind == "truth":
        return "\n".join(lines + _aligned([("", *columns(job)), *errors(job)]))
    rows = [("contender", "part", "wall s", "core-s", "MB above", "answer", "")]
    wall, cpu, memory = (least(job, clock) for clock in (*CLOCKS, "memory"))
    for (who, part), seconds in wall.items():
        last = next(run["parts"][part] for run in job["runs"] if run["contender"] == who and part in run.get("parts", {}))
        answer = "" if last["answer"] is None else " ".join(f"{value:.6g}" for value in last["answer"])
        held = "" if (who, part) not in memory else f"{memory[who, part] / 1e6:.0f}"
        rows.append((who, part, f"{seconds:.3g}", f"{cpu[who, part]:.3g}", held, answer, last["note"]))
    lines += _aligned(rows)
    judged = not job["quick"]
    table = [("figure", "wall", "core-s", "to reach", "reached" if judged else "(not judged: quick sizes)")]
    for figure, values in figures(job):
        shown = [_number(values[clock], figure.unit) if clock in values else "" for clock in CLOCKS]
        if figure.memory:
            shown = [_number(values["memory"], figure.unit), ""]
        table.append((figure.says, *shown, target(figure), reached(figure, values) if judged else ""))
    if len(table) > 1:
        lines += ["", *_aligned(table)]
    lines += sorted({f"  {run['contender']}: {run['error']}" for run in job["runs"] if "error" in run})
    return "\n".join(lines)


def markdown(report: dict) -> str:
    """The whole report for the docs: the machine, figures, times, errors.

    Parameters
    ----------
    report : the JSON file.
    """
    machine = report["machine"]
    pools = ", ".join(sorted({f"{pool['internal_api']} {pool['version'] or ''} {pool['architecture'] or ''}".strip()
                              for pool in machine.get("pools", [])}))
    lines = [
        f"Measured {report['when'][:10]} on {machine['cpu']}, {machine['threads']} threads, {machine['memory_gb']:.0f} GB; Python "
        f"{machine['python']}, torch {machine.get('torch')}, numpy {machine.get('numpy')} ({pools}); load when started "
        f"{machine['load_before']:.1f}. Commit {machine['commit']}." + (" Quick sizes: not to be quoted." if report["quick"] else ""),
        "", "| job | figure | wall | core-seconds | to reach | reached |", "|---|---|---|---|---|---|",
    ]
    for job in report["jobs"]:
        for figure, values in figures(job):
            shown = [_number(values.get(clock, values.get("memory", 0)), figure.unit) for clock in (CLOCKS if not figure.memory else ("memory",))]
            said = "" if report["quick"] else reached(figure, values)
            lines.append("| " + " | ".join([job["job"], figure.says, shown[0], shown[-1] if len(shown) > 1 else "",
                                            target(figure), said]) + " |")
    lines += ["", "| job | contender | part | wall, s | core-seconds | MB above the features | |", "|---|---|---|---|---|---|---|"]
    for job in report["jobs"]:
        if _job(job["job"]).kind == "truth":
            continue
        wall, cpu, memory = (least(job, clock) for clock in (*CLOCKS, "memory"))
        for who, part in wall:
            last = next(run["parts"][part] for run in job["runs"] if run["contender"] == who and part in run.get("parts", {}))
            held = "" if (who, part) not in memory else f"{memory[who, part] / 1e6:.0f}"
            lines.append(f"| {job['job']} | {who} | {part} | {wall[who, part]:.3g} | {cpu[who, part]:.3g} | {held} | {last['note']} |")
    for job in report["jobs"]:
        if _job(job["job"]).kind == "truth":
            names = columns(job)
            lines += ["", f"{job['says'][0].upper()}{job['says'][1:]}:", "", "| | " + " | ".join(names) + " |",
                      "|---|" + "---|" * len(names)]
            lines += ["| " + " | ".join(row) + " |" for row in errors(job)]
    return "\n".join(lines)


def columns(job: dict) -> list[str]:
    """Contenders of a job about truth, but for the truth.

    Parameters
    ----------
    job : as in the JSON file.
    """
    return [run["contender"] for run in job["runs"] if run["contender"] != "truth" and "parts" in run]


def errors(job: dict) -> list[tuple[str, ...]]:
    """(case, largest error of each contender); ``nan`` where a contender gives no number.

    Parameters
    ----------
    job : as in the JSON file.
    """
    answers = {run["contender"]: {part: v["answer"] for part, v in run["parts"].items()} for run in job["runs"] if "parts" in run}
    truth = answers.pop("truth", {})
    rows = []
    for case, values in truth.items():
        row = [case]
        for found in answers.values():
            if case not in found:
                row.append("")
                continue
            differences = [abs(a - b) for a, b in zip(found[case], values, strict=True)]
            row.append("nan" if any(d != d for d in differences) else f"{max(differences):.1e}")
        rows.append(tuple(row))
    return rows


def _number(value: float, unit: str) -> str:
    return f"{value:,.3g}{unit}" if abs(value) < 1000 else f"{value:,.0f}{unit}"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _job(name: str) -> Job:
    return next(job for job in JOBS if job.name == name)
