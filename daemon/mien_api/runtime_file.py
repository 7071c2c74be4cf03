"""`daemon.json`: where the running daemon listens, and the token with which the same user's programs talk to it.

The lock beside it says whether a daemon really runs; the file alone may be left over from one that was killed.
"""

import json
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from mien_api.errors import AlreadyRunning
from mien_api.state_folder import make_private
from mien_core import locks
from mien_core.files import output_error, write_whole

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

    The file is read again once the folder is known to be held: a daemon that takes the folder over first removes what a
    killed one left, and may do so between the first reading and the check of the lock.
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
    with ExitStack() as stack:
        try:
            stack.enter_context(locks.exclusively_or_not_at_all(state / LOCK))
        except locks.LockHeldError:
            raise AlreadyRunning("a daemon is already running on this state folder", state_dir=str(state)) from None
        except OSError as error:
            raise output_error(state, error) from error
        remove(state)  # what a daemon that was killed left would now seem to be ours
        yield


def is_held(state: Path) -> bool:
    """True when some process holds the folder."""
    return locks.is_held(state / LOCK)
