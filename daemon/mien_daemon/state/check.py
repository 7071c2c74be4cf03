"""The state folder looked at: at every start, and when a person asks with `mien doctor --check`."""

import asyncio
import logging
import os
import sqlite3
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

from mien_api.errors import StateBusy, StateUnavailable
from mien_daemon.state.connection import is_damage
from mien_daemon.state.database import Database
from mien_daemon.state.personal_data import STATE, list_below
from mien_daemon.state.reconcile import Finding, Reconciliation, check_database

log = logging.getLogger(__name__)

SHOWN = 20  # sentences in health; the check shows all
PRIVATE = ("daemon.json", "daemon.lock", "settings.json", *(pattern for _, pattern in STATE))
"""What the daemon makes in the state folder; a folder that was named on the command line may hold other things."""


class StateCheck:
    """What does not agree in the state folder."""

    def __init__(self, database: Database, state: Path, found: Iterable[Finding] = ()) -> None:
        """`found` is what was found before the database was opened."""
        self._database = database
        self._state = state
        self._found = list(found)
        self.is_due = True

    async def start(self) -> None:
        """Make files and rows agree; where another program locks the database, the next minute does it."""
        try:
            found = await self._database.write(
                lambda db: Reconciliation(db, self._state, self._database.clock.now()).run()
            )
        except StateBusy:
            log.warning("another program has locked the database; files and rows are compared later")
            return
        self.is_due = False
        self._found += found
        for finding in found:
            log.warning("%s", finding)

    async def run(self, *, repair: bool) -> list[Finding]:
        """Look at everything, every byte of results and pictures included; with `repair`, mend what can be mended.

        Raises:
            StateBusy, StateUnavailable: it cannot be looked at now.
        """
        found = await asyncio.to_thread(find_open_places, self._state, mend=repair)
        found += await self._database.write(lambda db: self._look(db, repair=repair))
        if repair:
            await self._database.empty_journal()
        self._database.broken_rows.clear()
        self._database.damaged_results.clear()
        self._found = [finding for finding in found if finding.done == "nothing"]
        return found

    def _look(self, db: sqlite3.Connection, *, repair: bool) -> list[Finding]:
        now = self._database.clock.now()
        looking = Reconciliation(db, self._state, now, "all" if repair else "nothing", by_bytes=True)
        return [*check_database(db), *looking.run()]

    def note(self, finding: Finding) -> None:
        """Let health say something that was found elsewhere."""
        self._found.append(finding)

    def sentences(self) -> list[str]:
        """What a person should know, for health."""
        known = {finding.subject for finding in self._found}
        met = [
            *(Finding("broken-row", str(row)) for row in self._database.broken_rows),
            *(Finding("damaged-result", job) for job in self._database.damaged_results),
        ]
        found = [*self._found, *(each for each in sorted(met, key=str) if each.subject not in known)]
        told = [str(finding) for finding in found[:SHOWN]]
        if len(found) > SHOWN:
            told.append(f"{len(found) - SHOWN} more of the kind; `mien doctor --check` names them all.")
        if any(finding.done == "nothing" for finding in found):
            told.append("`mien doctor --check --repair` mends this; nothing that a person made is deleted.")
        return told


def find_damage(database: Path) -> str:
    """What is wrong with a database that no program uses, without changing it; empty when nothing is."""
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            verdict = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.DatabaseError as error:
        return str(error) if is_damage(error) else ""
    return "" if verdict == "ok" else verdict


def close_to_others(state: Path) -> list[Finding]:
    """Let only this user into the folder, and say what was open.

    Raises:
        StateUnavailable: `reason` is "shared": it belongs to another user, or cannot be closed.
    """
    if sys.platform == "win32":
        return []  # a profile's folders belong to their user there
    found = state.stat()
    if found.st_uid != os.getuid():
        raise StateUnavailable("the state folder belongs to another user", reason="shared", state_dir=str(state))
    closed = find_open_places(state, mend=True)
    if stat.S_IMODE(state.stat().st_mode) & 0o077:
        raise StateUnavailable("others may enter the state folder", reason="shared", state_dir=str(state))
    for finding in closed:
        log.warning("%s", finding)
    return closed


def find_open_places(state: Path, *, mend: bool) -> list[Finding]:
    """Everything of ours that others may read or change, the folder itself first.

    What others may only read is told where the folder itself was open: no way leads to it otherwise.
    """
    if sys.platform == "win32":
        return []
    found: list[Finding] = []
    told = 0o077 if stat.S_IMODE(state.stat().st_mode) & 0o077 else 0o022
    for path in (state, *list_private(state)):
        try:
            mode = stat.S_IMODE(path.stat().st_mode if path == state else path.lstat().st_mode)
            if not mode & 0o077 or (path != state and path.is_symlink()):
                continue
            if mend:
                path.chmod(mode & 0o700)
        except OSError:
            continue
        if mode & told:
            subject = str(path.relative_to(state.parent))
            found.append(Finding("open-to-others", subject, "closed" if mend else "nothing"))
    return found


def list_private(state: Path) -> Iterator[Path]:
    for pattern in PRIVATE:
        for path in sorted(state.glob(pattern)):
            yield path
            if path.is_dir() and not path.is_symlink():
                yield from sorted(list_below(path))
