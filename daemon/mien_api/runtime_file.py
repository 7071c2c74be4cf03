"""`daemon.json`: where the running daemon listens, and the token with which the same user's programs talk to it.

The lock beside it says whether a daemon really runs; the file alone may be left over from one that was killed.
"""

import json
import os
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from mien_api.errors import AlreadyRunning
from mien_api.folders import make_private, not_writable
from mien_core.files import write_whole

NAME = "daemon.json"
LOCK = "daemon.lock"


@dataclass(frozen=True, slots=True)
class RuntimeFile:
    port: int
    pid: int
    version: str
    token: str


def write(state: Path, content: RuntimeFile) -> None:
    """Say that the daemon is ready; readable by this user alone from the first byte on."""
    write_whole(state / NAME, json.dumps(asdict(content)).encode(), 0o600)


def read(state: Path) -> RuntimeFile | None:
    """What the running daemon wrote, or None when no daemon holds the folder.

    Read again when the folder is known to be held: a daemon that takes it over first removes what a killed one left,
    and may do so between the first look and the question.
    """
    content = _read(state)
    return content if content and is_held(state) and _read(state) == content else None


def _read(state: Path) -> RuntimeFile | None:
    try:
        return RuntimeFile(**json.loads((state / NAME).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def remove(state: Path) -> None:
    (state / NAME).unlink(missing_ok=True)


@contextmanager
def held(state: Path) -> Generator[None]:
    """Hold the state folder for one daemon; the system lets go of it however the process ends.

    Raises:
        AlreadyRunning: another daemon holds it.
        OutputNotWritable: it cannot be written.
    """
    make_private(state)
    try:
        descriptor = os.open(state / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise not_writable(state, error) from error
    try:
        if not _lock_soon(descriptor):
            raise AlreadyRunning("a daemon is already running on this state folder", state_dir=str(state))
        remove(state)  # what a daemon that was killed left would now seem to be ours
        yield
    finally:
        os.close(descriptor)


def is_held(state: Path) -> bool:
    """Whether some process holds the folder; asking takes the lock for a moment only where nobody has it."""
    try:
        descriptor = os.open(state / LOCK, os.O_RDWR)
    except OSError:
        return False
    try:
        return not _lock(descriptor)
    finally:
        os.close(descriptor)


def _lock_soon(descriptor: int) -> bool:
    """Take the lock; a program that only asks with `is_held` has it for microseconds, so ask again."""
    for _ in range(10):
        if _lock(descriptor):
            return True
        time.sleep(0.02)
    return False


def _lock(descriptor: int) -> bool:
    """Take the lock, or say that another has it. Closing the descriptor gives it back."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
