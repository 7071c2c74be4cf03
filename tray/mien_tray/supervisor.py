"""Keeping a daemon there: started, watched, started again with a growing delay and a limit, and why it is not there.

The daemon is a process of its own that outlives the tray. One that somebody else started is used as it is. One that
was stopped cleanly was stopped on purpose and stays so until the person asks for it.
"""

import logging
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mien_api import runtime_file
from mien_api.runtime_file import RuntimeFile
from mien_api.start_daemon import START_S, StartedDaemon
from mien_tray.status import Daemon, Phase, Reason

log = logging.getLogger(__name__)

DELAYS_S = (1.0, 2.0, 5.0, 15.0, 30.0)  # before the first, second, … start in a row; the last repeats
TRIES = 5  # deaths within WINDOW_S after which only the person starts it again
WINDOW_S = 300.0
STOP_S = 15.0  # the daemon ends its worker and closes its database


@dataclass(frozen=True, slots=True)
class Places:
    """The folders that the daemon is started with."""

    state: Path
    models: Path
    logs: Path


class Child(Protocol):
    """A daemon that we started."""

    pid: int

    def ended(self) -> Reason | None:
        """Why it ended; None while it runs."""
        ...

    def ended_cleanly(self) -> bool: ...

    def kill(self) -> None: ...


class DaemonProcess:
    """A real daemon, which outlives the tray."""

    def __init__(self, places: Places) -> None:
        self._started = StartedDaemon(places.state, places.models, places.logs)
        self.pid = self._started.pid

    def ended(self) -> Reason | None:
        why = self._started.why_ended()
        return None if why is None else Reason(str(why.get("code", "ended")), why)

    def ended_cleanly(self) -> bool:
        return self._started.status == 0

    def kill(self) -> None:
        self._started.kill()


Launch = Callable[[Places], Child]


class Supervisor:
    """Look at the daemon as often as you like: what is due is done then, and the answer is how it is."""

    def __init__(
        self,
        places: Places,
        launch: Launch = DaemonProcess,
        clock: Callable[[], float] = time.monotonic,
        delays_s: Sequence[float] = DELAYS_S,
    ) -> None:
        self._places = places
        self._launch = launch
        self._clock = clock
        self._delays_s = delays_s
        self._child: Child | None = None
        self._alive_at = 0.0  # when it was started, or last seen ready
        self._found: RuntimeFile | None = None
        self._deaths: deque[float] = deque()
        self._daemon = Daemon(Phase.STARTING)

    def look(self) -> Daemon:
        """How the daemon is now; starts it where that is due."""
        found = runtime_file.read(self._places.state)
        if found is not None:
            self._alive_at = self._clock()
            self._daemon = Daemon(Phase.RUNNING)
        elif self._daemon.phase not in {Phase.STOPPED, Phase.FAILED}:
            self._daemon = self._look_for_it()
        self._found = found
        return self._daemon

    @property
    def running(self) -> RuntimeFile | None:
        """Where the daemon listens, as last seen."""
        return self._found

    @property
    def due_in_s(self) -> float:
        """Seconds until looking again may find something new of itself."""
        if self._daemon.phase is Phase.WAITING:
            return max(0.0, self._due_at - self._clock())
        return 0.1 if self._daemon.phase is Phase.STARTING else 30.0

    def start(self) -> None:
        """The person wants it: at once, with as many tries as at first."""
        self._deaths.clear()
        if self._daemon.phase is not Phase.RUNNING:
            self._daemon = Daemon(Phase.STARTING)

    def stop(self, timeout_s: float = STOP_S) -> bool:
        """Ask the daemon to end, whoever started it, and wait; jobs are kept. False when it still runs after that."""
        self._daemon = Daemon(Phase.STOPPED)
        found = runtime_file.read(self._places.state)
        if found is None and self._child is not None and self._child.ended() is None:
            self._child.kill()  # it has not got to where it could be asked
        if found is not None:
            # On Windows this ends it without asking; what it had acknowledged is on the disk all the same.
            os.kill(found.pid, signal.SIGTERM)
        until = self._clock() + timeout_s
        while runtime_file.is_held(self._places.state):
            if self._clock() > until:
                return False
            time.sleep(0.02)
        self._found = None
        return True

    @property
    def _due_at(self) -> float:
        if not self._deaths:
            return 0.0
        return self._deaths[-1] + self._delays_s[min(len(self._deaths), len(self._delays_s)) - 1]

    def _look_for_it(self) -> Daemon:
        """It is wanted and not there (yet)."""
        if self._child is not None:
            return self._look_at_child(self._child)
        if self._found is not None and not runtime_file.is_held(self._places.state):
            return self._lost()
        if self._clock() < self._due_at:
            return self._daemon
        if not runtime_file.is_held(self._places.state):  # else somebody else's is starting or ending
            return self._begin()
        return Daemon(Phase.STARTING)

    def _begin(self) -> Daemon:
        log.info("starting the daemon")
        self._alive_at = self._clock()
        try:
            self._child = self._launch(self._places)
        except OSError as error:
            return self._died(Reason("not_started", {"detail": error.strerror or str(error)}))
        return Daemon(Phase.STARTING)

    def _look_at_child(self, child: Child) -> Daemon:
        why = child.ended()
        if why is None:
            if self._clock() - self._alive_at < START_S:
                return Daemon(Phase.STARTING)
            child.kill()
            why = Reason("silent")
        self._child = None
        return Daemon(Phase.STOPPED) if child.ended_cleanly() else self._died(why)

    def _lost(self) -> Daemon:
        """A daemon of somebody else's is gone: the file it removes when it ends cleanly says how."""
        if (self._places.state / runtime_file.NAME).exists():
            return self._died(Reason("killed"))
        return Daemon(Phase.STOPPED)

    def _died(self, why: Reason) -> Daemon:
        now = self._clock()
        while self._deaths and now - self._deaths[0] > WINDOW_S:
            self._deaths.popleft()
        self._deaths.append(now)
        tries = len(self._deaths)
        log.warning("the daemon ended: %s (%d in %.0f s)", why.code, tries, WINDOW_S)
        return Daemon(Phase.FAILED if tries >= TRIES else Phase.WAITING, why, tries)
