"""The daemon's SQLite file: one connection writes, another reads, each on a thread of its own.

Readers never wait for a writer (WAL). Another program that locks the file makes a write wait for `BUSY_S` and then fail
with `StateBusy`; a write that must not be lost waits as long as it takes.
"""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from mien_api.errors import StateBusy, StateUnavailable
from mien_core.errors import MienError
from mien_daemon.background import BackgroundTasks
from mien_daemon.state.clock import StateClock
from mien_daemon.state.connection import connect, connect_reader, identify, is_damage, move_aside, raise_named, say_busy
from mien_daemon.state.rows import BrokenRow, find_fault

log = logging.getLogger(__name__)
Answer = TypeVar("Answer")
Work = Callable[[sqlite3.Connection], Answer]

NAME = "mien.db"
BUSY_S = 2.0  # how long a request waits for another program's lock before it is told to come back
RETRY_S = 0.05


class Database:
    """The open file.

    Attributes:
        clock: by which everything in it is dated.
        moved_aside: what a damaged predecessor was renamed to, if there was one.
        removed: set once the file is found to be gone, or another one lies in its place.
        broken_rows: those that were met and skipped.
        damaged_results: jobs whose result was found to have other bytes than were written.
        damaged: whether the file was found to be broken while the daemon ran.
    """

    def __init__(self, state: Path, clock: StateClock | None = None) -> None:
        """Open the file, or begin one.

        Raises:
            StateBusy: another program has locked it for longer than `OPEN_S`.
            StateUnavailable: it cannot be read or written.
            StateTooNew: a later version of Mien wrote it.
        """
        self.path = state / NAME
        self.clock = clock or StateClock()
        self.moved_aside: Path | None = None
        self.removed = asyncio.Event()
        self.damaged = False
        self.broken_rows: set[BrokenRow] = set()
        self.damaged_results: set[str] = set()
        self._writing = ThreadPoolExecutor(1, "database")
        self._reading = ThreadPoolExecutor(1, "database-reader")
        self._calls = BackgroundTasks()
        self._turn = asyncio.Lock()  # writes are done in the order in which they were asked for
        self._locked: tuple[float, float] | None = None  # when a lock was seen first, and last
        self._is_closed = False
        try:
            self._writer = self._writing.submit(self._open).result()
            self._reader = self._reading.submit(connect_reader, self.path).result()
            self._reading.submit(self.clock.resume, self._reader).result()
        except BaseException:
            self._writing.shutdown()
            self._reading.shutdown()
            raise
        self._identity = identify(self.path)

    async def write(self, work: Work[Answer], *, patient: bool = False) -> Answer:
        """Run `work` in a transaction that is on the disk when this returns.

        A caller that is cancelled meanwhile does not take the transaction with it. `work` runs again from its beginning
        where the file was locked; a `patient` write waits for the lock as long as that takes.

        Raises:
            StateBusy: another program holds the lock.
            StateUnavailable, DiskFull: the file is gone or damaged, or the disk refuses.
        """
        return await self._calls.finish(self._in_turn(lambda: self._transact(work), patient))

    async def forget(self, work: Work[Answer], *, patient: bool = False) -> Answer:
        """As `write`, for a deletion: afterwards no byte of what went is in the file or its journal.

        Raises as `write`.
        """
        answer = await self.write(work, patient=patient)
        with suppress(StateBusy):  # it is done; the next deletion or the next minute empties the journal
            await self.empty_journal()
        return answer

    async def read(self, work: Work[Answer]) -> Answer:
        """Run `work`, which changes nothing, on what was written last.

        Raises:
            StateBusy, StateUnavailable: as `write`.
        """
        until = time.monotonic() + BUSY_S
        while True:
            try:
                return await self._calls.finish(self._run(self._reading, lambda: self._look(work)))
            except StateBusy:  # only where the other program keeps even readers out
                if time.monotonic() >= until:
                    raise
            await asyncio.sleep(RETRY_S)

    async def empty_journal(self) -> None:
        """Move the journal into the file and cut it to nothing; a reader elsewhere may put that off for a while."""
        await self._calls.finish(self._in_turn(self._checkpoint, patient=False))

    def close(self) -> None:
        """Write the journal into the file and close it; a write that waits for a lock gives up."""
        self._is_closed = True
        self._reading.submit(self._reader.close).result()
        self._writing.submit(self._close).result()
        self._reading.shutdown()
        self._writing.shutdown()

    async def _in_turn(self, call: Callable[[], Answer], patient: bool) -> Answer:
        """Write after all that was asked for before, as soon as no other program holds the lock."""
        try:
            async with asyncio.timeout(None if patient else self._left_s()):
                await self._turn.acquire()
        except TimeoutError:
            raise say_busy() from None
        try:
            while True:
                try:
                    answer = await self._run(self._writing, call)
                except StateBusy:
                    self._locked = (self._locked_since, time.monotonic())
                    if self._is_closed or (not patient and self._left_s() <= RETRY_S):
                        raise
                else:
                    self._locked = None
                    return answer
                await asyncio.sleep(RETRY_S)
        finally:
            self._turn.release()

    @property
    def _locked_since(self) -> float:
        """When another program was first seen to hold the lock that it still holds; now, where none does."""
        now = time.monotonic()
        return self._locked[0] if self._locked and now - self._locked[1] < BUSY_S else now

    def _left_s(self) -> float:
        """How long a write may still wait: of one long lock, not every request waits anew."""
        return max(RETRY_S, self._locked_since + BUSY_S - time.monotonic())

    async def _run(self, thread: ThreadPoolExecutor, call: Callable[[], Answer]) -> Answer:
        try:
            return await asyncio.get_running_loop().run_in_executor(thread, call)
        except StateUnavailable as error:
            if error.fields.get("reason") == "removed":
                self.removed.set()
            elif error.fields.get("reason") == "damaged":
                self.damaged = True
            raise

    def is_readable(self, table: str, row: sqlite3.Row) -> bool:
        """Whether a row, read with its `rowid`, holds what it must; one that does not is named in health."""
        column = find_fault(table, row)
        if column is None:
            return True
        broken = BrokenRow(table, row["rowid"], column)
        if broken not in self.broken_rows:
            self.broken_rows.add(broken)
            log.warning("%s cannot be read and is skipped", broken)
        return False

    def look(self) -> None:
        """Take note when the file is gone."""
        if identify(self.path) != self._identity:
            self.removed.set()

    def require_present(self) -> None:
        """Return if the file that was opened still lies in its place.

        Raises:
            StateUnavailable: `reason` is "removed". What would be written now would be lost.
        """
        if identify(self.path) != self._identity:
            raise StateUnavailable("the state folder was removed or replaced while the daemon ran", reason="removed")

    def _close(self) -> None:
        try:
            self._transact(lambda db: self.clock.write_down(db, at_once=True))
            self._checkpoint()
        except MienError as error:
            log.warning("the journal could not be written into the database: %s", error.code)
        self._writer.close()

    def _checkpoint(self) -> None:
        try:
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.Error as error:
            raise_named(error)

    def _look(self, work: Work[Answer]) -> Answer:
        self.require_present()
        try:
            return work(self._reader)
        except sqlite3.Error as error:
            raise_named(error)

    def _transact(self, work: Work[Answer]) -> Answer:
        self.require_present()
        connection = self._writer
        try:
            connection.execute("BEGIN IMMEDIATE")
            try:
                answer = work(connection)
            except BaseException:
                if connection.in_transaction:  # SQLite itself ends one that the disk refused
                    connection.execute("ROLLBACK")
                raise
            try:
                connection.execute("COMMIT")
            except sqlite3.Error:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise_named(error)
        return answer

    def _open(self) -> sqlite3.Connection:
        try:
            return connect(self.path)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise_named(error)
            self.moved_aside = move_aside(self.path)
            log.error(
                "the database was damaged (%s); it lies in %s now, a new one was begun", error, self.moved_aside.name
            )
            return connect(self.path)
