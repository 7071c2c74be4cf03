"""Asking the daemon to end. It interrupts the running job, keeps it, and removes `daemon.json`."""

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from mien_api import runtime_file
from mien_api.client import DaemonClient
from mien_api.runtime_file import RuntimeFile
from mien_core.errors import MienError

STOP_S = 15.0  # the daemon ends its worker and closes its database
_ASK_S = 3.0  # a daemon that has not answered by then does not answer
_POLL_S = 0.02

Signal = Callable[[int, int], object]


def stop_daemon(
    state: Path,
    timeout_s: float = STOP_S,
    clock: Callable[[], float] = time.monotonic,
    platform: str = sys.platform,
    send: Signal = os.kill,
) -> bool:
    """Ask the daemon on this state folder to end and wait; whether none holds the folder any more.

    On Windows every signal ends a process at once, so there the daemon is asked by its API, and ended only when it has
    not done so in time: what it has acknowledged is on the disk.

    Args:
        state: the state folder.
        timeout_s: how long to wait.
        clock: seconds that only grow.
        platform: as `sys.platform`.
        send: gives a process a signal.
    """
    found = runtime_file.read(state)
    if found is not None:
        ask_to_stop(found, platform, send)
    if _wait(state, timeout_s, clock):
        return True
    if found is None or platform != "win32":
        return False
    with suppress(OSError):  # it has ended by now
        send(found.pid, signal.SIGTERM)
    return _wait(state, timeout_s, clock)


def ask_to_stop(found: RuntimeFile, platform: str = sys.platform, send: Signal = os.kill) -> None:
    """Tell a daemon to end; it may take a while or not hear it."""
    if platform == "win32":
        with suppress(MienError):
            DaemonClient(found.port, found.token, _ASK_S).request("POST", "/v1/shutdown")
    else:
        with suppress(ProcessLookupError):
            send(found.pid, signal.SIGTERM)


def _wait(state: Path, timeout_s: float, clock: Callable[[], float]) -> bool:
    until = clock() + timeout_s
    while runtime_file.is_held(state):
        if clock() > until:
            return False
        time.sleep(_POLL_S)
    return True
