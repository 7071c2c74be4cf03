"""Opening the SQLite file, and what its errors mean."""

import sqlite3
import time
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from mien_api.errors import StateBusy, StateUnavailable
from mien_core.errors import DiskFull
from mien_core.files import sync_folder
from mien_daemon.state.migrations import migrate, require_tables

OPEN_S = 10.0  # the same for the start of the daemon, which has 30 s in all
# Results of SQLite that mean: this is no database, or a broken one. Every other leaves the file where it is.
DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR}
BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def connect(path: Path) -> sqlite3.Connection:
    """Open, check and bring up to date.

    Raises:
        sqlite3.DatabaseError: `is_damage` says whether the file is damaged, or not a database of Mien.
        StateTooNew: a later version of Mien wrote it.
    """
    connection = _open_file(path, OPEN_S)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # an acknowledged job is on the disk: p50 2.3 ms, p99 18.9 ms
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")  # a deleted prompt is not left in a free page
        connection.execute("PRAGMA temp_store = MEMORY")
        verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
        if migrate(connection):
            connection.execute("VACUUM")  # an older version left deleted rows in free pages
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        require_tables(connection)
        connection.execute("PRAGMA busy_timeout = 0")  # from now on `Database` waits, and its thread does not
    except BaseException:
        connection.close()
        raise
    path.chmod(0o600)
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """A second connection, which can change nothing."""
    connection = _open_file(path, 0)
    connection.execute("PRAGMA query_only = ON")
    return connection


def _open_file(path: Path, timeout_s: float) -> sqlite3.Connection:
    """The journal takes on the permissions of the file, hence the file has them before SQLite sees it."""
    if not path.exists():
        with suppress(OSError):  # SQLite says why
            path.touch(0o600)
    connection = sqlite3.connect(path, timeout_s, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    # A text that is no UTF-8 spoils its own row and not the whole list.
    connection.text_factory = _decode
    return connection


def identify(path: Path) -> tuple[int, int] | None:
    """Device and number of a file; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def primary_code(error: sqlite3.Error) -> int | None:
    """SQLite's result without its extension; None for an error that SQLite did not raise."""
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else int(code) & 0xFF


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file is no database of Mien, rather than locked, unreadable or on a full disk.

    `connect` itself raises an error without a code for what it finds wrong.
    """
    code = primary_code(error)
    return code is None or code in DAMAGED


def name_error(error: sqlite3.Error) -> Exception:
    """What SQLite refused, as an error that says what to do; `error` itself where that is a mistake of ours."""
    code = primary_code(error)
    if code in BUSY:
        return say_busy()
    if code == sqlite3.SQLITE_FULL:
        return DiskFull("the disk is full")
    if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return StateUnavailable("the database was damaged while the daemon ran", reason="damaged")
    if code in {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}:
        return StateUnavailable("the database cannot be read or written", reason="disk")
    return error


def _decode(text: bytes) -> str:
    return text.decode("utf-8", "surrogateescape")


def raise_named(error: sqlite3.Error) -> NoReturn:
    """Raise what `name_error` says, caused by `error`; `error` itself is not made its own cause."""
    named = name_error(error)
    if named is error:
        raise error
    raise named from error


def move_aside(path: Path) -> Path:
    """Rename the file and its journal. Nothing is deleted: a person may still rescue what it holds."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.damaged-{stamp}-{number}")
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    sync_folder(path.parent)
    return aside


def say_busy() -> StateBusy:
    """The error for a file that another program has locked."""
    return StateBusy("another program has locked the database", retry_after_s=2)
