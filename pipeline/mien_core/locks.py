"""One process at a time: a lock on a file, which the system frees when its holder dies; and a signal to the holder."""

import os
import secrets
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mien_core.files import write_whole

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


_POLL_S = 0.1  # a lock is held for seconds to hours; a tenth of a second more is not noticed
# `is_held` has the lock for microseconds: a program that wants it asks again this often before it gives up.
_TRIES, _RETRY_S = 10, 0.02


class LockHeldError(Exception):
    """Another process has the lock."""


@contextmanager
def exclusively(path: Path, while_waiting: Callable[[], None] = lambda: None) -> Generator[None]:
    """Hold the lock called `path`; `while_waiting` is called now and then and may raise to give up."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _opened(path) as descriptor:
        while not _try_lock(descriptor):
            while_waiting()
            time.sleep(_POLL_S)
        yield


@contextmanager
def exclusively_or_not_at_all(path: Path) -> Generator[None]:
    """Hold the lock called `path`, whose folder must be there.

    Raises:
        LockHeldError: another process has it.
        OSError: the file cannot be had, or its file system has no locks.
    """
    for _ in range(_TRIES):
        with _opened(path) as descriptor:
            if _try_lock(descriptor) and _is_at(path, descriptor):
                yield
                return
        time.sleep(_RETRY_S)
    raise LockHeldError(path)


def is_held(path: Path) -> bool:
    """True when some process has the lock; asking takes it for a moment where no process has it."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        return not _try_lock(descriptor)
    except OSError:
        return False  # a file system without locks: no process can have this one
    finally:
        os.close(descriptor)


def _is_at(path: Path, descriptor: int) -> bool:
    """Whether the file that was opened still has its name: a holder may remove the file before it lets go of it."""
    try:
        found = path.stat()
    except OSError:
        return False
    own = os.fstat(descriptor)
    return (found.st_dev, found.st_ino) == (own.st_dev, own.st_ino)


@contextmanager
def _opened(path: Path) -> Generator[int]:
    """The lock's file; closing it gives the lock back."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True)
class StopSignal:
    """A file through which any process tells those that hold a lock to stop."""

    path: Path

    def send(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(self.path, secrets.token_hex(8).encode())  # no reader sees half a word

    def latest(self) -> str:
        """A word that differs after each `send`; empty before the first."""
        try:
            return self.path.read_text(encoding="ascii")
        except FileNotFoundError:
            return ""
