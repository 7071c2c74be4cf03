"""Keeps a daemon running: starts it, watches it, and restarts it with a growing delay, up to a limit.

The daemon is a process of its own that outlives the tray. A daemon that another program started is used as it is. A
daemon that ended cleanly was stopped on purpose, and stays stopped until the person starts it.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from mien_api import runtime_file
from mien_api.folders import Folders
from mien_api.runtime_file import RuntimeFile
from mien_api.start_daemon import START_S, StartedDaemon
from mien_api.stop_daemon import STOP_S, stop_daemon
from mien_tray.status import DaemonState, Phase, Reason

log = logging.getLogger(__name__)

DELAYS_S = (1.0, 2.0, 5.0, 15.0, 30.0)  # before the first, second, … restart in a row; the last repeats
TRIES = 5  # deaths within WINDOW_S after which only the person starts it again
WINDOW_S = 300.0


class LaunchedDaemon(Protocol):
    """A daemon that we started."""

    pid: int

    def ended(self) -> Reason | None:
        """Why it ended; None while it runs."""
        ...

    def ended_cleanly(self) -> bool: ...

    def kill(self) -> None: ...


class DaemonProcess:
    """A real daemon, which outlives the tray."""

    def __init__(self, folders: Folders) -> None:
        self._started = StartedDaemon(folders.state, folders.models, folders.logs)
        self.pid = self._started.pid

    def ended(self) -> Reason | None:
        why = self._started.why_ended()
        return None if why is None else Reason(str(why.get("code", "ended")), why)

    def ended_cleanly(self) -> bool:
        return self._started.status == 0

    def kill(self) -> None:
        self._started.kill()


Launch = Callable[[Folders], LaunchedDaemon]


class Supervisor:
    """Starts the daemon and watches it. Call `check` as often as you like: it starts the daemon when that is due."""

    def __init__(
        self,
        folders: Folders,
        launch: Launch = DaemonProcess,
        clock: Callable[[], float] = time.monotonic,
        delays_s: Sequence[float] = DELAYS_S,
    ) -> None:
        self._folders = folders
        self._launch = launch
        self._clock = clock
        self._delays_s = delays_s
        self._child: LaunchedDaemon | None = None
        self._alive_at = 0.0  # when it was started, or last seen ready
        self._found: RuntimeFile | None = None
        self._deaths: deque[float] = deque()
        self._daemon = DaemonState(Phase.STARTING)

    def check(self) -> DaemonState:
        """How the daemon is now; starts it where that is due."""
        found = runtime_file.read(self._folders.state)
        if found is not None:
            self._alive_at = self._clock()
            self._daemon = DaemonState(Phase.RUNNING)
        elif self._daemon.phase not in {Phase.STOPPED, Phase.FAILED}:
            self._daemon = self._find_or_start()
        self._found = found
        return self._daemon

    @property
    def running(self) -> RuntimeFile | None:
        """Where the daemon listens, as last seen."""
        return self._found

    @property
    def due_in_s(self) -> float:
        """Seconds until the next `check` may find a change."""
        if self._daemon.phase is Phase.WAITING:
            return max(0.0, self._due_at - self._clock())
        return 0.1 if self._daemon.phase is Phase.STARTING else 30.0

    def start(self) -> None:
        """Let the next `check` start the daemon at once, with all its tries."""
        self._deaths.clear()
        if self._daemon.phase is not Phase.RUNNING:
            self._daemon = DaemonState(Phase.STARTING)

    def stop(self, timeout_s: float = STOP_S) -> bool:
        """Ask the daemon to end and wait; whether it has ended. Jobs are kept."""
        self._daemon = DaemonState(Phase.STOPPED)
        found = runtime_file.read(self._folders.state)
        if found is None and self._child is not None and self._child.ended() is None:
            self._child.kill()  # it is still starting, so it cannot be asked
        if not stop_daemon(self._folders.state, timeout_s, self._clock):
            return False
        self._found = None
        return True

    @property
    def _due_at(self) -> float:
        if not self._deaths:
            return 0.0
        return self._deaths[-1] + self._delays_s[min(len(self._deaths), len(self._delays_s)) - 1]

    def _find_or_start(self) -> DaemonState:
        """The state of a daemon that should run and is not ready; starts one when that is due."""
        if self._child is not None:
            return self._check_child(self._child)
        if self._found is not None and not runtime_file.is_held(self._folders.state):
            return self._judge_loss()
        if self._clock() < self._due_at:
            return self._daemon
        if not runtime_file.is_held(self._folders.state):  # else another one is starting or ending
            return self._launch_daemon()
        return DaemonState(Phase.STARTING)

    def _launch_daemon(self) -> DaemonState:
        log.info("starting the daemon")
        self._alive_at = self._clock()
        try:
            self._child = self._launch(self._folders)
        except OSError as error:
            return self._record_death(Reason("not_started", {"detail": error.strerror or str(error)}))
        return DaemonState(Phase.STARTING)

    def _check_child(self, child: LaunchedDaemon) -> DaemonState:
        why = child.ended()
        if why is None:
            if self._clock() - self._alive_at < START_S:
                return DaemonState(Phase.STARTING)
            child.kill()
            why = Reason("silent")
        self._child = None
        return DaemonState(Phase.STOPPED) if child.ended_cleanly() else self._record_death(why)

    def _judge_loss(self) -> DaemonState:
        """The state after a daemon of another program is gone. One that ends cleanly removes its runtime file."""
        if (self._folders.state / runtime_file.NAME).exists():
            return self._record_death(Reason("killed"))
        return DaemonState(Phase.STOPPED)

    def _record_death(self, why: Reason) -> DaemonState:
        now = self._clock()
        while self._deaths and now - self._deaths[0] > WINDOW_S:
            self._deaths.popleft()
        self._deaths.append(now)
        tries = len(self._deaths)
        log.warning("the daemon ended: %s (%d in %.0f s)", why.code, tries, WINDOW_S)
        return DaemonState(Phase.FAILED if tries >= TRIES else Phase.WAITING, why, tries)
