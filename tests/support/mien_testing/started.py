"""Waiting for a daemon that a test has started as a process of its own."""

import time
from pathlib import Path

from mien_api.client import DaemonClient

_POLL_S = 0.02


def until_ready(state_dir: str | Path, timeout_s: float = 180.0) -> DaemonClient:
    """The daemon on this state folder, as soon as it is ready."""
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        if found := DaemonClient.discover(state_dir):
            return found
        time.sleep(_POLL_S)
    raise TimeoutError(f"no daemon is ready on {state_dir} after {timeout_s:.0f} s")
