"""One process at a time: a lock on a file, freed by the system when its holder dies; and a bell to call the holder."""

import os
import secrets
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


_POLL_S = 0.1  # a lock is held for seconds to hours; nobody notices a tenth


@contextmanager
def exclusively(path: Path, while_waiting: Callable[[], None] = lambda: None) -> Generator[None]:
    """Hold the lock called `path`; `while_waiting` is called now and then and may raise to give up."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        while not _try_lock(descriptor):
            while_waiting()
            time.sleep(_POLL_S)
        yield
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True)
class Bell:
    """A file that any process changes to be heard by those that looked at it before."""

    path: Path

    def ring(self) -> None:
        word = secrets.token_hex(8)
        beside = self.path.with_name(f"{self.path.name}.{word}")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(word, encoding="ascii")
        beside.replace(self.path)  # nobody reads half a word; after a power cut nobody is left to be called

    def last(self) -> str:
        """Another word after each ringing; empty before the first."""
        try:
            return self.path.read_text(encoding="ascii")
        except FileNotFoundError:
            return ""
