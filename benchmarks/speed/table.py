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
        lines += _aligned([("", *columns(job)), *errors(job)])
    else:
        lines += _aligned([("contender", "part", "wall s", "core-s", "MB above", "answer", ""), *times(job)])
    judged = "(not judged: quick sizes)" if job["quick"] else "reached"
    found = judgements(job)
    if found:
        lines += ["", *_aligned([("figure", "wall", "core-s", "to reach", judged), *found])]
    return "\n".join(lines + sorted({f"  {run['contender']}: {run['error']}" for run in job["runs"] if "error" in run}))


def markdown(report: dict) -> str:
    """The whole report for the docs: the machine, figures, times, errors.

    Parameters
    ----------
    report : the JSON file.
    """
    timed = [job for job in report["jobs"] if _job(job["job"]).kind == "time"]
    lines = [_machine(report["machine"], report["when"]) + (" Quick sizes: not to be quoted." if report["quick"] else "")]
    lines += ["", *_table(("job", "figure", "wall", "core-seconds", "to reach", "reached"),
                          [(job["job"], *row) for job in timed for row in judgements(job)])]
    lines += ["", *_table(("job", "contender", "part", "wall, s", "core-seconds", "MB above the features", "answer", "note"),
                          [(job["job"], *row) for job in timed for row in times(job)])]
    for job in report["jobs"]:
        if job not in timed:
            lines += ["", f"{job['says'][0].upper()}{job['says'][1:]}:", "", *_table(("", *columns(job)), errors(job))]
    return "\n".join(lines)


def judgements(job: dict) -> list[tuple[str, ...]]:
    """(figure, by wall, by core-seconds, what it is to reach, whether it does).

    Parameters
    ----------
    job : as in the JSON file.
    """
    rows = []
    for figure, values in figures(job):
        shown = [_number(values[clock], figure.unit) for clock in values]
        said = "" if job["quick"] else reached(figure, values)
        rows.append((figure.says, *shown, *[""] * (2 - len(shown)), target(figure), said))
    return rows


def times(job: dict) -> list[tuple[str, ...]]:
    """(contender, part, wall, core-seconds, memory, answer, note).

    Parameters
    ----------
    job : as in the JSON file.
    """
    wall, cpu, memory = (least(job, clock) for clock in (*CLOCKS, "memory"))
    last = {(run["contender"], part): values for run in job["runs"] for part, values in run.get("parts", {}).items()}
    return [
        (*key, f"{wall[key]:.3g}", f"{cpu[key]:.3g}", f"{memory[key] / 1e6:.0f}" if key in memory else "",
         " ".join(f"{value:.6g}" for value in last[key]["answer"] or ()), last[key]["note"])
        for key in wall
    ]


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
    ended = [run for run in job["runs"] if "parts" in run]
    answers = {run["contender"]: {part: found["answer"] for part, found in run["parts"].items()} for run in ended}
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


def _machine(machine: dict, when: str) -> str:
    pools = sorted({" ".join(str(pool[key]) for key in ("internal_api", "version", "architecture") if pool.get(key))
                    for pool in machine.get("pools", [])})
    peers = ", ".join(f"{name} {version}" for name, version in machine["peers"].items())
    return (
        f"Measured {when[:10]} on {machine['cpu']}, {machine['threads']} threads, {machine['memory_gb']:.0f} GB; Python "
        f"{machine['python']}, torch {machine.get('torch')}, numpy {machine.get('numpy')} ({', '.join(pools)}); {peers}. The "
        f"load was {machine['load_before']:.1f} before it began. Commit {machine['commit']}."
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """In Markdown."""
    return ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]


def _number(value: float, unit: str) -> str:
    return f"{value:,.3g}{unit}" if abs(value) < 1000 else f"{value:,.0f}{unit}"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _job(name: str) -> Job:
    return next(job for job in JOBS if job.name == name)
