"""One line for each connection that leaves the process, so that a person can see that nothing else does."""

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mien_core.files import replace_file

_KEEP_BYTES = 1 << 20  # some ten thousand connections


@dataclass(frozen=True, slots=True)
class Connection:
    """When, where to, and for which model."""

    at: str
    host: str
    model: str


class EgressLog:
    """A text file: time, host and port, model. No paths, no tokens."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()

    def note(self, host: str, port: int | None, model: str) -> None:
        line = f"{datetime.now(UTC).isoformat(timespec='seconds')} {host}{f':{port}' if port else ''} {model}\n"
        with self._lock:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._turn_over()
            # One write to a file opened for appending: lines of two processes never mix.
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                os.write(descriptor, line.encode())
            finally:
                os.close(descriptor)

    def read(self, last: int = 50) -> Iterator[Connection]:
        """The latest connections, oldest first."""
        try:
            lines = self.path.read_text(encoding="utf-8").splitlines()[-last:]
        except FileNotFoundError:
            return
        for line in lines:
            if len(words := line.split(" ", 2)) == 3:
                yield Connection(*words)

    def _turn_over(self) -> None:
        if self.path.exists() and self.path.stat().st_size > _KEEP_BYTES:
            replace_file(self.path, self.path.with_name(self.path.name + ".1"))
