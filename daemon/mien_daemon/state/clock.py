"""The state's own clock: it counts the time that passed, so that no change of the system's clock deletes anything.

Everything that is kept for a time is dated by this clock. It begins with the system's date, and from then on it goes by
a counter that no program can set: seconds since the machine was started, sleep included. Between two daemons of one
start of the machine the same counter is used. Across a restart of the machine only the system's date is left, of
which at most `MOST_OFF_S` count: nights are counted in full, and a date that is years ahead deletes nothing.
"""

import logging
import math
import sqlite3
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

log = logging.getLogger(__name__)

JUMP_S = 60.0  # clocks that are corrected little by little differ by milliseconds; a person's or NTP's step is a jump
MOST_OFF_S = 86_400.0  # what is counted of the time that a machine was switched off
WRITE_EVERY_S = 600.0
LATEST = datetime(9999, 12, 31, tzinfo=UTC).timestamp()  # a date that can be shown
BELIEVABLE_S = 100 * 365 * 86_400.0  # two clocks of one written row that differ more were not written by us
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def running_s() -> float:
    """Seconds since the machine was started, sleep included, whatever its date is set to."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    if sys.platform == "darwin":
        return time.clock_gettime(time.CLOCK_MONOTONIC_RAW)
    return time.monotonic()  # Windows counts sleep here


def boot_id() -> str:
    """Names this start of the machine; empty where the system has no such name."""
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the clocks said when the state's clock was last written down."""

    told: float
    wall: float
    running: float
    boot: str


class StateClock:
    """Seconds since the epoch that only grow, by as much as passes.

    Attributes:
        ahead_s: how far the system's clock is ahead of this one; what people are shown is corrected by it.
        jumps: every jump of the system's clock in this daemon's life, in seconds.
    """

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        running: Callable[[], float] = running_s,
        boot: Callable[[], str] = boot_id,
    ) -> None:
        self._wall, self._running, self._boot = wall, running, boot
        self._told, self._began = wall(), running()
        self._written = -math.inf
        self.ahead_s = 0.0
        self.jumps: list[float] = []

    def now(self) -> float:
        """The time by this clock."""
        return self._told + max(0.0, self._running() - self._began)

    def show(self, moment: float | None) -> float | None:
        """A moment of this clock as the system's clock would say it."""
        return None if moment is None else moment + self.ahead_s

    def resume(self, connection: sqlite3.Connection) -> None:
        """Go on from what an earlier daemon wrote down."""
        wall, running = self._wall(), self._running()
        last = _read(connection, wall)
        if last is None:
            return
        self._told, self._began = last.told + self._passed(last, wall, running), running
        before, self.ahead_s = last.wall - last.told, wall - self._told
        if abs(self.ahead_s - before) > JUMP_S:
            self._say(self.ahead_s - before)

    def look(self) -> None:
        """Compare with the system's clock, and say it when that has jumped."""
        difference = self._wall() - self.now() - self.ahead_s
        if abs(difference) > JUMP_S:
            self.ahead_s += difference
            self._say(difference)

    def write_down(self, connection: sqlite3.Connection, *, at_once: bool = False) -> None:
        """Keep the time for the next daemon, unless that was done a short while ago."""
        self.look()
        if not at_once and self._running() - self._written < WRITE_EVERY_S:
            return
        self._written = self._running()
        values = (self.now(), self._wall(), self._running(), self._boot())
        connection.execute(
            "INSERT OR REPLACE INTO clock (id, told, wall, running, boot) VALUES (1, ?, ?, ?, ?)", values
        )

    def _passed(self, last: Reading, wall: float, running: float) -> float:
        """Seconds since `last`, as far as something vouches for them."""
        counted = running - last.running if 0 <= last.running <= running else 0.0
        if last.boot and last.boot == self._boot():
            return counted
        by_date = min(max(0.0, wall - last.wall), MOST_OFF_S)
        # Without a name for the start of the machine, a counter that went on is believed where the date agrees.
        return min(by_date, counted) if not last.boot and running >= last.running else by_date

    def _say(self, seconds: float) -> None:
        self.jumps.append(seconds)
        log.warning("the system's clock jumped by %+.0f s; what is kept is kept for its time all the same", seconds)


def _read(connection: sqlite3.Connection, wall: float) -> Reading | None:
    """What was written down; else the latest date that the rows have; None for a new database."""
    row = connection.execute("SELECT told, wall, running, boot FROM clock WHERE id = 1").fetchone()
    if row is not None and abs(row["told"] - row["wall"]) < BELIEVABLE_S and 0 <= row["wall"] <= LATEST:
        return Reading(row["told"], row["wall"], row["running"], row["boot"])
    latest: float | None = connection.execute(
        """SELECT MAX(moment) FROM (SELECT created_at AS moment FROM jobs UNION SELECT finished_at FROM jobs
           UNION SELECT used_at FROM blobs UNION SELECT last_seen FROM clients) WHERE moment BETWEEN 0 AND ?""",
        (wall,),
    ).fetchone()[0]
    return None if latest is None else Reading(latest, latest, 0.0, "-")
