"""Starting the daemon in a session of its own, and waiting until it is ready or has said why it is not."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, cast

from mien_api import runtime_file
from mien_api.errors import AlreadyRunning
from mien_api.folders import DAEMON_LOG, Folders, make_private
from mien_api.problems import error_for
from mien_api.runtime_file import RuntimeFile
from mien_core.errors import DaemonUnreachable
from mien_core.program import command_for, detached

START_S = 30.0  # a cold disk; usually it takes less than one
_POLL_S = 0.02
_MOST_POLL_S = 0.5


class StartedDaemon:
    """`mien serve` in a session of its own: it hears nothing of our terminal and outlives us."""

    def __init__(self, state: Path, models: Path, logs: Path, flags: Sequence[str] = ()) -> None:
        """Start it; what it logs goes to `daemon.log` in `logs`.

        Raises:
            OSError: it could not be started, or the log cannot be written.
        """
        logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.log = logs / DAEMON_LOG
        # With --json a daemon that cannot start says why in one document on stdout. A file, because a pipe would break
        # when we end before the daemon does.
        self._output: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 it lives as long as the process
        with self.log.open("ab") as errors:
            self._process = subprocess.Popen(
                serve_command(state, models, flags),
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=errors,
                cwd="/" if sys.platform != "win32" else None,
                **detached(),
            )
        self.pid = self._process.pid
        self._why: Mapping[str, object] | None = None

    @property
    def status(self) -> int | None:
        """Its exit status; None while it runs."""
        return self._process.poll()

    def why_ended(self) -> Mapping[str, object] | None:
        """The problem document that it left, or else its `status` and the `log`; None while it runs."""
        status = self.status
        if status is not None and self._why is None:
            with self._output as output:
                output.seek(0)
                self._why = _problem_in(output.read()) or {"status": status, "log": str(self.log)}
        return self._why

    def stop(self) -> None:
        """Ask it to end."""
        self._process.terminate()

    def kill(self) -> None:
        """End it now; `why_ended` still answers."""
        self._process.kill()
        self._process.wait()
        self.why_ended()  # which closes the file


def serve_command(state: Path, models: Path, flags: Sequence[str] = ()) -> list[str]:
    """How the daemon is started on these folders."""
    folders = ["--state-dir", str(state), "--models-dir", str(models)]
    return [*command_for("mien"), "serve", "--foreground", "--json", *folders, *flags]


def start_daemon(folders: Folders, flags: Sequence[str] = (), timeout_s: float = START_S) -> RuntimeFile:
    """Start a daemon that outlives this program, and return when it is ready.

    Raises:
        AlreadyRunning: another daemon holds the state folder.
        OutputNotWritable: that, or the log's, cannot be written.
        MienError: the daemon's own reason why it did not start.
        DaemonUnreachable: it gave none, or took too long; `log` says where to look.
    """
    if runtime_file.is_held(folders.state):
        raise AlreadyRunning("a daemon is already running on this state folder", state_dir=str(folders.state))
    make_private(folders.state)
    make_private(folders.logs)
    started = StartedDaemon(folders.state, folders.models, folders.logs, flags)
    try:
        return wait_until_ready(folders.state, started, timeout_s)
    except KeyboardInterrupt:
        started.stop()  # a person who does not wait for it does not want it
        raise


def wait_until_ready(state: Path, started: StartedDaemon, timeout_s: float = START_S) -> RuntimeFile:
    """What the daemon that we started wrote when it was ready; raises as `start_daemon` does."""
    waited_s, before = 0.0, time.monotonic()
    while waited_s < timeout_s:
        now = time.monotonic()
        # A machine that slept, or a terminal's job that was stopped, was not waiting.
        waited_s, before = waited_s + min(now - before, _MOST_POLL_S), now
        found = runtime_file.read(state)
        if found and found.pid == started.pid:
            return found
        if (why := started.why_ended()) is not None:
            if "code" in why:
                raise error_for({**why, "log": str(started.log)})
            raise DaemonUnreachable(f"the daemon ended while it started (status {why['status']})", **why)
        time.sleep(_POLL_S)
    raise DaemonUnreachable(f"the daemon was not ready after {timeout_s:.0f} s", log=str(started.log))


def _problem_in(output: bytes) -> Mapping[str, object] | None:
    """The problem document, if that is what it is."""
    try:
        document: object = json.loads(output)
    except ValueError:
        return None
    return cast("Mapping[str, object]", document) if isinstance(document, dict) and "code" in document else None
