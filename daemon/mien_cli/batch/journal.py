"""The journal of an output folder: one row a file, on the disk before the next file begins.

A result is announced before it is put in its place and confirmed afterwards. So after any death the journal knows of
every result in the folder: an announced one whose file is there and whole is confirmed, any other is made again.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from mien_core.errors import OutputBusy, OutputExists, OutputNotWritable
from mien_core.files import naming_output_errors, probe_folder
from mien_core.locks import LockHeldError, exclusively_or_not_at_all

NAME = "journal.sqlite"
LOCK = ".mien-batch.lock"
APPLICATION = 0x4D69656E  # "Mien", in the file's header: sqlite.org/pragma.html#pragma_application_id
VERSION = 1
_TABLES = """
    CREATE TABLE files (
        number INTEGER PRIMARY KEY,
        input TEXT NOT NULL,
        ask TEXT NOT NULL,
        content TEXT,
        state TEXT NOT NULL DEFAULT 'waiting'
            CHECK (state IN ('waiting', 'announced', 'done', 'skipped', 'failed')),
        reason TEXT,
        code TEXT,
        problem TEXT,
        output TEXT,
        sha256 TEXT,
        seconds REAL,
        faces TEXT NOT NULL DEFAULT '[]',
        warnings TEXT NOT NULL DEFAULT '[]',
        before BLOB,
        after BLOB,
        changed_at REAL NOT NULL,
        UNIQUE (input, ask)
    ) STRICT;
    CREATE INDEX contents ON files (content, ask);
"""
State = Literal["waiting", "announced", "done", "skipped", "failed"]


@dataclass(slots=True)
class FileRow:
    """What the journal says of one input under one set of options.

    Attributes:
        number: the order in which inputs were seen first.
        input: the file's absolute path.
        content: SHA-256 of its bytes, once it was read.
        reason: why it was skipped: "done-before", "same-picture" or "exists".
        output: where the result is, from the output folder.
        sha256: of the result's bytes.
        before, after: small JPEGs for the contact sheet.
    """

    number: int
    input: str
    ask: str
    content: str | None = None
    state: State = "waiting"
    reason: str | None = None
    code: str | None = None
    problem: Mapping[str, Any] | None = None
    output: str | None = None
    sha256: str | None = None
    seconds: float | None = None
    faces: Sequence[Mapping[str, Any]] = ()
    warnings: Sequence[str] = ()
    before: bytes | None = None
    after: bytes | None = None
    changed_at: float = field(default_factory=time.time)


class Journal:
    """The open journal of one output folder. One process has it at a time; one thread uses it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self.is_unwanted = False
        """Set it to have the file removed when it is closed: nothing came of the run."""

    def enter(self, inputs: Sequence[tuple[str, str]]) -> list[FileRow]:
        """The row of each input, (path, ask), in order; new ones wait."""
        with self._transaction():
            for path, ask in inputs:
                self._db.execute(
                    "INSERT OR IGNORE INTO files (input, ask, changed_at) VALUES (CAST(? AS TEXT), ?, ?)",
                    (os.fsencode(path), ask, time.time()),
                )
        asks = {ask for _, ask in inputs}
        rows = {(row.input, ask): row for ask in asks for row in self._select("ask = ?", (ask,))}
        return [rows[each] for each in inputs]

    def find_done(self, content: str, ask: str) -> list[FileRow]:
        """Rows of results that were made, or announced, from the same picture with the same options."""
        return self._select("content = ? AND ask = ? AND state IN ('done', 'announced')", (content, ask))

    def find_announced(self) -> list[str]:
        """Where results were about to be put when a run died."""
        rows = self._db.execute("SELECT output FROM files WHERE state = 'announced' AND output IS NOT NULL")
        return [str(row["output"]) for row in rows]

    def seconds_each(self, ask: str) -> float | None:
        """Mean seconds of a picture that was done with these options; None where none was."""
        found: float | None = self._db.execute(
            "SELECT AVG(seconds) FROM files WHERE ask = ? AND state = 'done'", (ask,)
        ).fetchone()[0]
        return found

    @property
    def has_results(self) -> bool:
        """Whether anything was ever made here."""
        found = self._db.execute("SELECT 1 FROM files WHERE state IN ('done', 'announced') LIMIT 1").fetchone()
        return found is not None

    def write(self, row: FileRow) -> None:
        """Put a row on the disk as it is now."""
        row.changed_at = time.time()
        with self._transaction():
            self._db.execute(
                """UPDATE files SET content = ?, state = ?, reason = ?, code = ?, problem = ?, output = CAST(? AS TEXT),
                   sha256 = ?, seconds = ?, faces = ?, warnings = ?, before = ?, after = ?, changed_at = ?
                   WHERE number = ?""",
                (
                    row.content,
                    row.state,
                    row.reason,
                    row.code,
                    json.dumps(row.problem) if row.problem is not None else None,
                    os.fsencode(row.output) if row.output is not None else None,
                    row.sha256,
                    row.seconds,
                    json.dumps(list(row.faces)),
                    json.dumps(list(row.warnings)),
                    row.before,
                    row.after,
                    row.changed_at,
                    row.number,
                ),
            )

    def close(self, path: Path) -> None:
        """Close the file, which is at `path`."""
        self._db.close()
        for suffix in ("", "-wal", "-shm") if self.is_unwanted else ():
            path.with_name(f"{path.name}{suffix}").unlink(missing_ok=True)

    def _select(self, where: str, values: Sequence[object]) -> list[FileRow]:
        rows = self._db.execute(f"SELECT * FROM files WHERE {where} ORDER BY number", values)  # noqa: S608 our own words
        return [_read(row) for row in rows]

    @contextmanager
    def _transaction(self) -> Generator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise


@contextmanager
def open_journal(folder: Path) -> Generator[Journal]:
    """The journal of an output folder, which is there; it is begun where there is none.

    Raises:
        OutputBusy: another run writes into the folder; `folder` says which.
        OutputExists: a file of the journal's name is there that is none, or of a later version.
        OutputNotWritable, DiskFull: `file` says where.
    """
    lock = folder / LOCK
    try:
        with naming_output_errors(folder):
            probe_folder(folder)
        with exclusively_or_not_at_all(lock):
            try:
                journal = Journal(_connect(folder / NAME))
                try:
                    yield journal
                finally:
                    journal.close(folder / NAME)
            finally:
                with suppress(OSError):  # Windows removes no open file; an empty one harms nothing
                    lock.unlink()
    except LockHeldError as error:
        raise OutputBusy(f"another run writes into {folder}", folder=str(folder)) from error


@contextmanager
def look_into(folder: Path) -> Generator[Journal | None]:
    """The journal as it is, to read only, with no file made beside it; None where there is none."""
    path = folder / NAME
    if not path.is_file():
        yield None
        return
    # Without a log of changes beside it SQLite would begin one, also to read.
    is_whole = not path.with_name(f"{NAME}-wal").exists()
    address = f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if is_whole else ''}"
    connection = sqlite3.connect(address, uri=True, isolation_level=None)
    try:
        _prepare(connection)
        _require_own(connection, path)
        yield Journal(connection)
    except sqlite3.OperationalError as error:
        raise OutputNotWritable(f"{path} cannot be read: {error}", file=str(path)) from error
    finally:
        connection.close()


def _connect(path: Path) -> sqlite3.Connection:
    is_new = not path.exists() or path.stat().st_size == 0
    try:
        connection = sqlite3.connect(path, 5.0, isolation_level=None)
    except sqlite3.OperationalError as error:
        raise OutputNotWritable(f"{path} cannot be written: {error}", file=str(path)) from error
    try:
        _prepare(connection)
        if not is_new:
            _require_own(connection, path)
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
        connection.execute("PRAGMA synchronous = FULL")
        if is_new or not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            connection.executescript(
                f"BEGIN; {_TABLES} PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION}; COMMIT;"
            )
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    connection.row_factory = sqlite3.Row
    connection.text_factory = os.fsdecode  # a path need not be UTF-8


def _require_own(connection: sqlite3.Connection, path: Path) -> None:
    """Return if the file is a whole journal of this version.

    Raises:
        OutputExists: it is something else, damaged, or of a later version; `reason` says which.
    """
    try:
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        tables = connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]
        if tables == 0:
            return  # a run died while it began one
        if application != APPLICATION:
            reason, said = "foreign", "is no journal of a folder run"
        elif version > VERSION:
            reason, said = "too-new", "was written by a later version of Mien"
        elif connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            reason, said = "damaged", "is damaged"
        else:
            return
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        reason, said = "damaged", "is no journal of a folder run, or is damaged"
    raise OutputExists(
        f"{path} {said}; move it away, and the run begins anew with names that are free", file=str(path), reason=reason
    )


def _read(row: sqlite3.Row) -> FileRow:
    values = {name: row[name] for name in row.keys()}  # noqa: SIM118 a Row iterates over its values
    for name in ("problem", "faces", "warnings"):
        values[name] = json.loads(values[name]) if values[name] is not None else None
    return FileRow(**values)
