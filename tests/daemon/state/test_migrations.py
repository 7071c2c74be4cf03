"""Migrations: an empty file gets every table, an older one is brought up to date, and a newer one is left alone."""

import sqlite3
from collections.abc import Iterator

import pytest

from mien_api.errors import StateTooNew
from mien_daemon.state.migrations import MIGRATIONS, migrate

NEXT = (*MIGRATIONS, "ALTER TABLE jobs ADD COLUMN clip TEXT;", "CREATE TABLE folders (path TEXT) STRICT;")


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    yield connection
    connection.close()


def version(connection: sqlite3.Connection) -> int:
    found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return found


def tables(connection: sqlite3.Connection) -> set[str]:
    sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    return {row[0] for row in connection.execute(sql)}


def test_an_empty_file_gets_the_tables_of_version_1(connection: sqlite3.Connection) -> None:
    migrate(connection)
    assert version(connection) == 1
    assert tables(connection) == {"clients", "blobs", "blob_owners", "jobs", "job_pictures", "idempotency"}


def test_a_file_that_is_up_to_date_stays_as_it_is(connection: sqlite3.Connection) -> None:
    migrate(connection)
    before = list(connection.iterdump())
    migrate(connection)
    assert list(connection.iterdump()) == before


def test_an_older_file_is_brought_up_to_date_with_what_is_in_it(connection: sqlite3.Connection) -> None:
    migrate(connection)
    connection.execute("INSERT INTO blobs VALUES ('a', 1, 1, NULL, 1, 1)")
    migrate(connection, NEXT)
    assert version(connection) == 3
    assert connection.execute("SELECT sha256 FROM blobs").fetchall() == [("a",)]
    assert connection.execute("SELECT clip FROM jobs").fetchall() == []
    assert "folders" in tables(connection)


def test_an_empty_file_goes_through_every_version(connection: sqlite3.Connection) -> None:
    migrate(connection, NEXT)
    assert (version(connection), "folders" in tables(connection)) == (3, True)


def test_a_step_that_fails_leaves_the_version_before_it(connection: sqlite3.Connection) -> None:
    broken = (*NEXT[:2], "CREATE TABLE folders (path TEXT) STRICT; CREATE TABLE jobs (id TEXT);")
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, broken)
    assert version(connection) == 2
    assert "folders" not in tables(connection)
    assert not connection.in_transaction
    migrate(connection, NEXT)
    assert version(connection) == 3


def test_the_file_of_a_later_version_is_refused_and_left_alone(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA user_version = 2")
    with pytest.raises(StateTooNew) as refused:
        migrate(connection)
    assert refused.value.fields == {"found": 2, "known": 1}
    assert (version(connection), tables(connection)) == (2, set())
