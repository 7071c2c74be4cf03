"""The tables of the database, and the way from each version of them to the next."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing

from mien_api.errors import StateTooNew

VERSION_1 = """
CREATE TABLE clients (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, scopes TEXT NOT NULL, token_hash BLOB UNIQUE, origin TEXT,
    pairing_key BLOB, created_at REAL NOT NULL, last_seen REAL
) STRICT;
CREATE TABLE blobs (
    sha256 TEXT PRIMARY KEY, size INTEGER NOT NULL, used_at REAL NOT NULL, format TEXT, width INTEGER, height INTEGER
) STRICT;
CREATE TABLE blob_owners (
    sha256 TEXT NOT NULL REFERENCES blobs ON DELETE CASCADE, owner TEXT NOT NULL, PRIMARY KEY (sha256, owner)
) STRICT;
CREATE TABLE jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, owner TEXT NOT NULL, kind TEXT NOT NULL,
    state TEXT NOT NULL, priority INTEGER NOT NULL, position REAL NOT NULL, target TEXT NOT NULL,
    reference TEXT NOT NULL, options TEXT NOT NULL, attempts INTEGER NOT NULL, created_at REAL NOT NULL,
    started_at REAL, finished_at REAL, expires_at REAL, result TEXT, media_type TEXT, result_sha256 TEXT, problem TEXT
) STRICT;
CREATE INDEX jobs_by_state ON jobs (state, priority, position);
CREATE INDEX jobs_by_owner ON jobs (owner, number);
CREATE TABLE job_pictures (
    job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE, sha256 TEXT NOT NULL, PRIMARY KEY (job, sha256)
) STRICT;
CREATE TABLE idempotency (
    owner TEXT NOT NULL, key TEXT NOT NULL, digest TEXT NOT NULL,
    job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE, PRIMARY KEY (owner, key)
) STRICT;
"""

VERSION_2 = """
CREATE TABLE clock (
    id INTEGER PRIMARY KEY CHECK (id = 1), told REAL NOT NULL, wall REAL NOT NULL, running REAL NOT NULL,
    boot TEXT NOT NULL
) STRICT;
"""

# What names no list is left for a repair: the row is skipped until then.
VERSION_3 = """
UPDATE jobs SET reference = (SELECT json_group_array(json_array(value)) FROM json_each(jobs.reference))
WHERE CASE WHEN json_valid(reference) THEN json_type(reference) END = 'array';
"""
"""A reference is one person, and so a list of pictures: `["a", "b"]` becomes `[["a"], ["b"]]`."""

VERSION_4 = """
ALTER TABLE jobs ADD COLUMN group_name TEXT;
CREATE INDEX jobs_by_group ON jobs (group_name, number) WHERE group_name IS NOT NULL;
"""
"""Jobs that belong together, such as those of a folder."""

VERSION_5 = """
ALTER TABLE jobs ADD COLUMN label TEXT;
ALTER TABLE jobs ADD COLUMN starred INTEGER NOT NULL DEFAULT 0;
"""
"""What a person calls the pictures of a job, and whether its result is kept until they say otherwise."""

VERSION_6 = """
CREATE TABLE console_keys (
    id TEXT PRIMARY KEY, client TEXT NOT NULL, granted_by TEXT NOT NULL, origin TEXT NOT NULL, name TEXT NOT NULL,
    point BLOB NOT NULL, made_at REAL NOT NULL, used_at REAL NOT NULL
) STRICT;
"""
"""Browsers that are signed in to the console, by their public keys."""

MIGRATIONS: Sequence[str] = (VERSION_1, VERSION_2, VERSION_3, VERSION_4, VERSION_5, VERSION_6)
"""The SQL that leads from each version to the next, from an empty file on. A released entry is never edited: a change
of the tables is one more entry at the end."""


def migrate(connection: sqlite3.Connection, migrations: Sequence[str] = MIGRATIONS) -> bool:
    """Bring a database up to date, each version in one transaction: a crash leaves it at one of them.

    Returns whether an older version wrote it; False for an empty file and for one that is up to date.

    Raises:
        StateTooNew: a later version of Mien wrote it; it is left alone.
    """
    found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if found > len(migrations):
        raise StateTooNew("the database was written by a later version", found=found, known=len(migrations))
    for version, sql in enumerate(migrations[found:], found + 1):
        try:
            connection.executescript(f"BEGIN; {sql} PRAGMA user_version = {version}; COMMIT;")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    return 0 < found < len(migrations)


def require_tables(connection: sqlite3.Connection) -> None:
    """Return if every table is there with every column.

    Raises:
        sqlite3.DatabaseError: another program made or changed this file.
    """
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as fresh:
        migrate(fresh)
        missing = _columns(fresh) - _columns(connection)
    if missing:
        raise sqlite3.DatabaseError(f"there is no {min(missing)}")


def _columns(connection: sqlite3.Connection) -> set[str]:
    sql = """SELECT sqlite_master.name, pragma_table_info.name FROM sqlite_master, pragma_table_info(sqlite_master.name)
             WHERE sqlite_master.type = 'table' AND sqlite_master.name NOT LIKE 'sqlite_%'"""
    return {f"{table}.{column}" for table, column in connection.execute(sql)}
