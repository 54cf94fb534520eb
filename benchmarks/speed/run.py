"""The benchmark: every contender in a fresh process of one interpreter with the same number of threads, taking turns.

Ratios are of the least of several runs, by the wall clock and by the processor time of the whole process (core-seconds);
a figure counts as reached only if both reach it. ``OPENBLAS_CORETYPE`` and ``OPENBLAS_L2_SIZE``, which slow a current
numpy down where they are set, are taken out of the environment of all contenders. But faiss-cpu brings an OpenBLAS of 2021,
which on a processor that it does not know falls back to kernels four times slower: it alone is told, by
``OPENBLAS_CORETYPE``, to use the ones that numpy's has chosen.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
if __package__ in (None, ""):  # run as a file
    sys.path.insert(0, str(ROOT))

from benchmarks.speed import table  # noqa: E402
from benchmarks.speed.jobs import JOBS, Contender, Job  # noqa: E402

_UNSET = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
_SINCE = {"SapphireRapids": "SkylakeX", "Cooperlake": "SkylakeX"}  # what an old OpenBLAS lacks -> the nearest that it has


def main(arguments: list[str] | None = None) -> int:
    """Run jobs, print their tables, write JSON; 0 unless a contender failed.

    Parameters
    ----------
    arguments : of the command line, without the program; those of this process if None.
    """
    asked = _asked(arguments)
    if asked.table:
        print(table.markdown(json.loads(Path(asked.table).read_text(encoding="utf-8"))))
        return 0
    load = os.getloadavg()[0]
    if load > 0.5 * (os.cpu_count() or 1):
        print(f"The load is {load:.1f}: other work is running, and these figures are not to be quoted.")
    print(f"{asked.threads} threads; {', '.join(_UNSET)} unset; compiling is not timed.", flush=True)
    report = {"when": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"), "quick": asked.quick,
              "machine": _machine(asked, load), "jobs": []}
    failed = False
    for job in _chosen(asked):
        found = _measured(job, asked)
        report["jobs"].append(found)
        failed = failed or any("error" in run and not run["absent"] for run in found["runs"])
        print(table.text(found), flush=True)
        if asked.json:
            report["machine"]["load_after"] = os.getloadavg()[0]
            Path(asked.json).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return int(failed)


def _asked(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description="Speed, side by side.")
    parser.add_argument("jobs", nargs="*", metavar="JOB", help=f"one of {', '.join(job.name for job in JOBS)}, or the start of "
                        "such a name; all but the million if none is named")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it runs")
    parser.add_argument("--million", action="store_true", help="the job of a million samples as well")
    parser.add_argument("--json", metavar="FILE", help="write every measurement there; what is done already is there if it is "
                        "interrupted")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), metavar="N", help="of every contender")
    parser.add_argument("--reps", type=int, metavar="N", help="runs of each contender, instead of what its job says")
    parser.add_argument("--only", metavar="NAME", action="append", help="only contenders whose name begins so, or with that of "
                        "another --only")
    parser.add_argument("--peers-python", default=sys.executable, metavar="PATH",
                        help="interpreter that has the other packages, if it is not this one")
    parser.add_argument("--table", metavar="FILE", help="print the tables of such a JSON file in Markdown, and run nothing")
    asked = parser.parse_args(arguments)
    for name in asked.jobs:
        if not any(job.name.startswith(name) for job in JOBS):
            parser.error(f"there is no job {name!r}; expected one of {', '.join(job.name for job in JOBS)}")
    return asked


def _chosen(asked: argparse.Namespace) -> list[Job]:
    if asked.jobs:
        return [job for job in JOBS if any(job.name.startswith(name) for name in asked.jobs)]
    return [job for job in JOBS if not job.flag or getattr(asked, job.flag)]


def _measured(job: Job, asked: argparse.Namespace) -> dict:
    """All runs of a job; contenders take turns."""
    size = job.quick if asked.quick else job.size
    contenders = [c for c in _sized(job, asked.quick) if not asked.only or c.name.startswith(tuple(asked.only))]
    turns = 1 if asked.quick else None
    runs = []
    for turn in range(max((asked.reps or turns or c.reps or job.reps for c in contenders), default=0)):
        for contender in contenders:
            if turn < (asked.reps or turns or contender.reps or job.reps):
                runs.append({"contender": contender.name, "turn": turn} | _child(contender, size | contender.size, asked))
    return {"job": job.name, "says": job.says, "size": size, "quick": asked.quick, "runs": runs}


def _sized(job: Job, quick: bool) -> list[Contender]:
    """Contenders; those that differ in n only are named after the quick sizes where these are asked for."""
    if not quick or "sizes" not in job.quick:
        return list(job.contenders)
    *_, floor = job.contenders
    sizes = job.quick["sizes"]
    return [Contender(f"platometer, n = {n:,}", job.contenders[0].setup, size={"n": n}) for n in sizes] + [
        Contender(floor.name, floor.setup, size={"n": sizes[-1]})]


@cache
def _kernels(python: str) -> str:
    """What numpy's OpenBLAS has chosen for this processor; empty if it has another library."""
    code = ("import numpy, threadpoolctl\nprint(next((p['architecture'] for p in threadpoolctl.threadpool_info() "
            "if p['internal_api'] == 'openblas'), ''))")
    env = {key: value for key, value in os.environ.items() if key not in _UNSET}
    done = subprocess.run([python, "-c", code], env=env, capture_output=True, text=True, check=False)
    name = done.stdout.strip()
    return _SINCE.get(name, name)


def _child(contender: Contender, size: dict, asked: argparse.Namespace) -> dict:
    """What one fresh process measured, or how it failed."""
    python = asked.peers_python if contender.peer else sys.executable
    request = json.dumps({"setup": contender.setup, "size": size, "threads": asked.threads})
    env = _environment(asked.threads)
    if contender.old_blas and _kernels(python):
        env["OPENBLAS_CORETYPE"] = _kernels(python)
    done = subprocess.run([python, "-m", "benchmarks.speed.child", request], cwd=ROOT, env=env, capture_output=True, text=True,
                          check=False)
    if done.returncode == 0:
        return json.loads(done.stdout.splitlines()[-1])
    last = (done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1]
    return {"error": last, "absent": last.startswith("ModuleNotFoundError"), "stderr": done.stderr[-4000:]}


def _environment(threads: int) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key not in _UNSET}
    counts = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), str(threads))
    return kept | counts | {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "ignore"}


def _machine(asked: argparse.Namespace, load: float) -> dict:
    """Where it ran."""
    found = _child(Contender("machine", "child:machine"), {}, asked)
    libraries = found["parts"]["machine"]["answer"][0] if "parts" in found else {"error": found["error"]}
    return {
        "cpu": _cpu(), "cores": os.cpu_count(), "threads": asked.threads, "python": platform.python_version(),
        "memory_gb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, "system": platform.platform(),
        "commit": _commit(), "load_before": load, "unset": list(_UNSET),
        "peers": _peers(asked.peers_python), "faiss_kernels": _kernels(asked.peers_python), **libraries,
    }


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _commit() -> str:
    done = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def _peers(python: str) -> dict[str, str]:
    """Versions of the other packages, where they are installed."""
    code = ("import importlib.metadata as m, json\nout = {}\nfor name in "
            "('faiss-cpu', 'scikit-learn', 'rsatoolbox', 'calibrated-similarity', 'pytorch-cka'):\n"
            "    try: out[name] = m.version(name)\n    except m.PackageNotFoundError: pass\nprint(json.dumps(out))")
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return json.loads(done.stdout) if done.returncode == 0 else {}


if __name__ == "__main__":
    raise SystemExit(main())
