"""What only Windows needs: folders for one user, renames that wait for a scanner, and which terminal we are in.

Each function takes the calls that it makes, so that the tests can answer as Windows' documentation says it does.
"""

import contextlib
import logging
import os
import stat
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from mien_core.program import windowless

log = logging.getLogger(__name__)

# Source: learn.microsoft.com, "System Error Codes": a file that a scanner, an indexer or a reader holds open.
_ACCESS_DENIED, _SHARING_VIOLATION, _LOCK_VIOLATION = 5, 32, 33
_BUSY = {_ACCESS_DENIED, _SHARING_VIOLATION, _LOCK_VIOLATION}
_TRIES = 10
_FIRST_PAUSE_S = 0.01  # doubled each time: 5 s in all, as long as a scanner holds a file of some gigabytes
_SYSTEM = "*S-1-5-18"  # the account of the operating system, which makes backups
# Programs that stand between a shell and us: interpreters, and the starters that pip, pipx and uv make.
_STARTERS = {"mien", "mien-tray", "python", "python3", "pythonw", "py", "pyw", "uv", "uvx", "pipx"}

Run = Callable[[Sequence[str]], int]


def run_quietly(command: Sequence[str]) -> int:
    """Run a program of the system without a window; its exit status."""
    return subprocess.run(command, capture_output=True, check=False, **windowless()).returncode


def replace_file(
    source: Path,
    target: Path,
    replace: Callable[[Path, Path], object] = os.replace,
    pause: Callable[[float], object] = time.sleep,
) -> None:
    """Rename over `target`, read-only or not, and try again while another program holds one of the two open.

    Raises:
        OSError: the last refusal.
    """
    with contextlib.suppress(OSError):  # not there, or not ours: the rename says it better
        target.chmod(stat.S_IREAD | stat.S_IWRITE)
    pause_s = _FIRST_PAUSE_S
    for _ in range(_TRIES - 1):
        try:
            replace(source, target)
        except OSError as error:
            if getattr(error, "winerror", None) not in _BUSY:
                raise
            pause(pause_s)
            pause_s *= 2
        else:
            return
    replace(source, target)


def close_to_others(folder: Path, environ: Mapping[str, str] = os.environ, run: Run = run_quietly) -> bool:
    """Give a folder, and what will be in it, to this user and the system alone; whether that was done.

    A mode has no effect there: a folder outside the profile takes the rights of the folder above it.
    """
    user = f"{environ.get('USERDOMAIN', '.')}\\{environ.get('USERNAME', '')}"
    grants = [f"{name}:(OI)(CI)F" for name in (user, _SYSTEM)]
    try:
        status = run(["icacls", str(folder), "/inheritance:r", "/grant:r", *grants, "/Q"])
    except OSError:
        status = -1
    if status:
        log.warning("other users of this machine may read %s: its rights could not be set", folder)
    return status == 0


class Process(Protocol):
    """What `psutil.Process` says."""

    @property
    def pid(self) -> int: ...

    def name(self) -> str: ...

    def create_time(self) -> float: ...


def name_terminal(parents: Sequence[Process]) -> str:
    """The shell that a command was typed in, by a name that no later process has.

    The parent alone will not do: it is a starter made by pip or uv, and a new one at every command.

    Args:
        parents: of this process, the nearest first.
    """
    for parent in parents:
        with contextlib.suppress(Exception):  # it has ended, or is another user's
            if parent.name().lower().removesuffix(".exe") not in _STARTERS:
                return f"{parent.pid}-{parent.create_time():.0f}"
    return "none"
