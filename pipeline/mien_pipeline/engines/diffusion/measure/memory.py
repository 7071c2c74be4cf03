"""How much memory a piece of work took at most: the device's, as torch counts it, and the process's own."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

from mien_pipeline.device import peak_bytes, reset_peak

# Between two looks at the process's memory.
_INTERVAL_S = 0.02


@dataclass(slots=True)
class Taken:
    """Bytes more than before; `device` is None where torch counts none."""

    device: int | None = None
    main: int = 0


@contextmanager
def watch_memory() -> Generator[Taken]:
    """Watch while the block runs; what is yielded is filled at its end.

    Main memory is looked at fifty times a second, without pages that are files' own.
    """
    taken, before, done = Taken(), _own_bytes(), threading.Event()
    reset_peak()

    def look() -> None:
        while not done.wait(_INTERVAL_S):
            taken.main = max(taken.main, _own_bytes() - before)

    watching = threading.Thread(target=look, daemon=True)
    watching.start()
    try:
        yield taken
    finally:
        done.set()
        watching.join()
        taken.main = max(taken.main, _own_bytes() - before)
        taken.device = peak_bytes()


def _own_bytes() -> int:
    found = psutil.Process().memory_info()
    return int(found.rss) - int(getattr(found, "shared", 0))
