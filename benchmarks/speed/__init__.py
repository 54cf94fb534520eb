"""Speed, side by side: platometer, other packages, literal twins of released algorithms, and the floor.

    python -m benchmarks.speed                     # all jobs but the million
    python -m benchmarks.speed grid --quick        # one job, small, in seconds
    python benchmarks/speed/run.py --million       # the million as well

`jobs` says what is measured, `run` measures it, `table` prints it; ``docs/benchmarks.md`` explains both.
"""
