"""What a benchmark measures and how: figures from one run on one machine, mostly as ratios, so that they travel."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class Row:
    """One figure, and the most (or least) it may be; `limit` None only reports."""

    what: str
    value: float
    unit: Literal["ratio", "ms", "s", "MB", "MB/s", "%", "pictures/s", "segments", "jobs", "requests", "likeness"]
    limit: float | None = None
    at_least: bool = False

    @property
    def holds(self) -> bool:
        if self.limit is None:
            return True
        return self.value >= self.limit if self.at_least else self.value <= self.limit


def seconds(run: Callable[[], object], times: int = 5) -> float:
    """Median seconds of `run`, once warmed up."""
    run()
    measured: list[float] = []
    for _ in range(times):
        began = time.perf_counter()
        run()
        measured.append(time.perf_counter() - began)
    return statistics.median(measured)


def ratio(
    run: Callable[[], object],
    unit: Callable[[], object],
    times: int = 5,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Median of `run`'s seconds over `unit`'s, taken in turns so that a busy machine slows both.

    Args:
        clock: `time.process_time` for work that takes seconds: others on the machine are not counted then.
    """
    run()
    unit()
    measured: list[float] = []
    for _ in range(times):
        began = clock()
        unit()
        middle = clock()
        run()
        measured.append((clock() - middle) / (middle - began))
    return statistics.median(measured)


def memory_added(run: Callable[[], object]) -> int:
    """The most by which `run` raises the resident memory of this process, in bytes.

    Linux only: the kernel's high-water mark is reset first (proc(5), clear_refs). Memory that the allocator kept from
    an earlier release and hands to `run` adds nothing: a figure to trust comes from a fresh process.
    """
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = _status("VmRSS")
    run()
    return _status("VmHWM") - before


def resident_bytes() -> int:
    """Resident memory of this process now. Linux only."""
    return _status("VmRSS")


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) * 1024
