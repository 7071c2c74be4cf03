"""The most memory that this process held while something ran."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

_FORGET, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")
_PEAK = "VmHWM:"

T = TypeVar("T")


def measure_peak(run: Callable[[], T]) -> tuple[T, int | None]:
    """What `run` returns, and the most MB (10^6 bytes) of main memory that the process held meanwhile.

    None where the system does not tell: only Linux forgets an earlier peak (`proc_pid_clear_refs(5)`).
    """
    try:
        _FORGET.write_text("5", encoding="ascii")
    except OSError:
        return run(), None
    done = run()
    peak = next(line for line in _STATUS.read_text(encoding="ascii").splitlines() if line.startswith(_PEAK))
    return done, round(int(peak.split()[1]) * 1024 / 1e6)
