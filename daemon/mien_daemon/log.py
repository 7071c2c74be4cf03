"""The daemon's log: bounded in size, whatever happens how often, and of each kind of line only the first few."""

import asyncio
import logging
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

# Two files of this size are some hundred thousand lines: weeks of ordinary days.
MOST_BYTES = 5_000_000
SAME_LINES = 10
SAME_S = 60.0
MOST_KINDS = 1000
LOOK_EVERY_S = 60.0
LONGEST_LINE = 4000


class SameLines(logging.Filter):
    """Lets `SAME_LINES` lines of one kind through in `SAME_S`; the next one after that says how many were left out."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._kinds: dict[tuple[str, int, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written."""
        kind, now = (record.name, record.levelno, str(record.msg)[:80]), self._clock()
        since, count = self._kinds.pop(kind, (now, 0))
        left_out = 0
        if now - since >= SAME_S:
            since, count, left_out = now, 0, max(0, count - SAME_LINES)
        if len(self._kinds) >= MOST_KINDS:
            del self._kinds[next(iter(self._kinds))]
        self._kinds[kind] = since, count + 1
        if left_out:
            record.msg, record.args = f"{record.getMessage()} ({left_out} more like this were left out)", None
        return count < SAME_LINES


class BoundedLog(logging.StreamHandler[TextIO]):
    """Standard error; where that is the file `path`, it is cut when it has `MOST_BYTES`, and one older part is kept.

    The worker and what libraries print go to the same file. So it is emptied in place: every process appends to it.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(sys.stderr)
        self._path = path
        self.addFilter(SameLines())

    def format(self, record: logging.LogRecord) -> str:
        """The line, cut where it is longer than any of ours."""
        return super().format(record)[:LONGEST_LINE]

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, and cut the file when it is long."""
        super().emit(record)
        self.cut()

    def cut(self) -> None:
        """Empty the file when it is long. Nothing is done to any other file that standard error goes to."""
        try:
            descriptor = self.stream.fileno()
            there = os.fstat(descriptor)
            if there.st_size <= MOST_BYTES or not os.path.samestat(there, self._path.stat()):
                return
            older = self._path.with_name(f"{self._path.name}.1")
            older.unlink(missing_ok=True)
            keep_end(self._path, older)
            os.ftruncate(descriptor, 0)
        except (OSError, ValueError):
            return  # no file, or no room for a copy: the log is not cut


async def keep_cutting() -> None:
    """Look at the log once a minute, for ever: the worker and libraries write to it as well."""
    while True:
        for handler in logging.getLogger().handlers:
            if isinstance(handler, BoundedLog):
                handler.cut()
        await asyncio.sleep(LOOK_EVERY_S)


def keep_end(path: Path, older: Path) -> None:
    """Copy the last `MOST_BYTES` of a log: before this handler saw it, it may have been of any size."""
    with path.open("rb") as log, open(older, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as copy:
        log.seek(max(0, path.stat().st_size - MOST_BYTES))
        shutil.copyfileobj(log, copy, 1 << 16)
