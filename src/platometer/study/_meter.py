"""What a run took, measured while it goes, and in words beside what was predicted."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from platometer import files


@dataclass
class Meter:
    """What a run takes: begun with the run, read at its end.

    Attributes
    ----------
    folder : of the run, whose growth is its disk.
    gpus : graphics processors that extraction holds.
    phases : seconds of each, told by `phase`.
    """

    folder: Path
    gpus: float = 0.0
    phases: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._began, self._before = time.monotonic(), _bytes(self.folder)
        _peak_anew()

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """While this lasts, time is that phase's.

        Parameters
        ----------
        name : ``"extraction"`` or ``"comparison"``.
        """
        began = time.monotonic()
        try:
            yield
        finally:
            self.phases[name] = self.phases.get(name, 0.0) + time.monotonic() - began

    def read(self) -> dict[str, object]:
        """As JSON values, named as in `platometer.study._price.Price`."""
        phases: dict[str, object] = {name: round(value, 3) for name, value in self.phases.items()}
        return phases | {
            "seconds": round(time.monotonic() - self._began, 3),
            "memory": peak(), "disk": max(0, _bytes(self.folder) - self._before),
            "gpu_hours": round(self.gpus * self.phases.get("extraction", 0.0) / 3600, 4)}


def taken(price: Mapping) -> str:
    """What a run took beside what was predicted, in words; empty where it was not recorded.

    Parameters
    ----------
    price : of ``run.json``: ``actual`` and ``predicted``.

    Examples
    --------
    >>> taken({"actual": {"seconds": 48, "memory": 2e9, "disk": 3e6, "gpu_hours": 0},
    ...        "predicted": {"seconds": 61, "memory": 2.5e9, "disk": 4e6, "gpu_hours": 0}})
    'took 48 s; predicted 61 s · memory 2.0 GB; predicted 2.5 GB · disk 3.0 MB; predicted 4.0 MB'
    """
    actual, expected = price.get("actual") or {}, price.get("predicted") or {}
    out = []
    for name, noun, words in (("seconds", "took", duration), ("memory", "memory", sized), ("disk", "disk", sized),
                              ("gpu_hours", "GPU hours", "{:.2g}".format)):
        if not isinstance(actual.get(name), int | float) or (name == "gpu_hours" and not actual[name]):
            continue
        beside = f"; predicted {words(expected[name])}" if isinstance(expected.get(name), int | float) else ""
        out.append(f"{noun} {words(actual[name])}{beside}")
    return " · ".join(out)


def duration(seconds: float) -> str:
    """Time in words.

    Parameters
    ----------
    seconds : of it.
    """
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def sized(count: float) -> str:
    """Bytes in words.

    Parameters
    ----------
    count : of bytes.
    """
    for unit, name in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB")):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count / 1e3:.0f} kB"


def _bytes(folder: Path) -> int:
    if isinstance(folder, files.Remote):
        return folder.held()
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # gone meanwhile
            total += path.stat().st_size if path.is_file() else 0
    return total


def _peak_anew() -> None:
    """From now on the peak is counted anew, where the system can."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak() -> int:
    """Bytes of the largest process at its peak: this one, or one that it started and that has ended."""
    try:
        import resource
    except ImportError:  # not on this platform
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    mine = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    with contextlib.suppress(OSError, StopIteration, ValueError, IndexError):
        line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
        mine = int(line.split()[1]) * 1024
    return max(mine, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit)
