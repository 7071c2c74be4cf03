"""Migrations: an empty file gets every table, an older one is brought up to date, and a newer one is left alone."""

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from mien_api.errors import StateTooNew
from mien_daemon.access.clients import ClientRegistry
from mien_daemon.jobs.job import describe
from mien_daemon.jobs.store import JobStore
from mien_daemon.state.database import Database
from mien_daemon.state.migrations import MIGRATIONS, migrate

AT = 1_795_000_000.0
NOW = len(MIGRATIONS)
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


def test_an_empty_file_gets_every_table(connection: sqlite3.Connection) -> None:
    assert not migrate(connection)
    assert version(connection) == NOW
    assert tables(connection) == {
        "clients",
        "console_keys",
        "blobs",
        "blob_owners",
        "jobs",
        "job_pictures",
        "idempotency",
        "clock",
    }


def test_a_file_that_is_up_to_date_stays_as_it_is(connection: sqlite3.Connection) -> None:
    migrate(connection)
    before = list(connection.iterdump())
    migrate(connection)
    assert list(connection.iterdump()) == before


def test_an_older_file_is_brought_up_to_date_with_what_is_in_it(connection: sqlite3.Connection) -> None:
    migrate(connection)
    connection.execute("INSERT INTO blobs VALUES ('a', 1, 1, NULL, 1, 1)")
    migrate(connection, NEXT)
    assert version(connection) == NOW + 2
    assert connection.execute("SELECT sha256 FROM blobs").fetchall() == [("a",)]
    assert connection.execute("SELECT clip FROM jobs").fetchall() == []
    assert "folders" in tables(connection)


def test_an_empty_file_goes_through_every_version(connection: sqlite3.Connection) -> None:
    migrate(connection, NEXT)
    assert (version(connection), "folders" in tables(connection)) == (NOW + 2, True)


def test_a_step_that_fails_leaves_the_version_before_it(connection: sqlite3.Connection) -> None:
    broken = (*NEXT[:-1], "CREATE TABLE folders (path TEXT) STRICT; CREATE TABLE jobs (id TEXT);")
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, broken)
    assert version(connection) == NOW + 1
    assert "folders" not in tables(connection)
    assert not connection.in_transaction
    migrate(connection, NEXT)
    assert version(connection) == NOW + 2


def test_the_file_of_a_later_version_is_refused_and_left_alone(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA user_version = {NOW + 1}")
    with pytest.raises(StateTooNew) as refused:
        migrate(connection)
    assert refused.value.fields == {"found": NOW + 1, "known": NOW}
    assert (version(connection), tables(connection)) == (NOW + 1, set())


# ── kept databases of every version ──

KEPT = Path(__file__).parent / "kept"


def tables_of(connection: sqlite3.Connection) -> list[tuple[str, ...]]:
    """Every table with its columns, types and keys, however its SQL is broken into lines."""
    found: list[tuple[str, ...]] = []
    for name in sorted(tables(connection)):
        found += [(name, *map(str, row)) for row in connection.execute(f"PRAGMA table_info({name})")]
        found += [(name, *map(str, row)) for row in connection.execute(f"PRAGMA foreign_key_list({name})")]
    return found


def test_a_database_of_every_version_is_kept() -> None:
    """A change of the tables brings its own: `python tests/daemon/state/keep_database.py`."""
    assert sorted(path.name for path in KEPT.glob("*.db")) == [f"version-{number}.db" for number in range(1, NOW + 1)]


@pytest.mark.parametrize("number", range(1, NOW + 1))
def test_a_released_migration_is_never_edited(number: int, connection: sqlite3.Connection, tmp_path: Path) -> None:
    kept = sqlite3.connect(shutil.copy(KEPT / f"version-{number}.db", tmp_path))
    migrate(connection, MIGRATIONS[:number])
    assert version(kept) == number
    assert tables_of(kept) == tables_of(connection)
    kept.close()


@pytest.mark.parametrize("number", range(1, NOW + 1))
async def test_what_a_database_of_an_older_version_holds_is_all_there(number: int, tmp_path: Path) -> None:
    shutil.copy(KEPT / f"version-{number}.db", tmp_path / "mien.db")
    database = Database(tmp_path)
    assert database.moved_aside is None
    clients = ClientRegistry(database, "the local token")
    await clients.load()
    token = clients.authenticate("mien_kept")
    assert token
    assert (token.id, token.scopes, token.last_seen) == ("c1", frozenset({"swap", "models"}), AT + 60)
    assert clients.get("c2").pairing_key == bytes(range(32))
    store = JobStore(database, tmp_path)
    jobs = await store.page(None, (), None, 10)
    assert [job.state for job in jobs] == ["cancelled", "failed", "done", "running", "queued"]
    assert [describe(job, None)["options"] for job in jobs] == [{"engine": "mesh", "seed": 7, "prompt": "größer"}] * 5
    sent, kept = ["sha256:" + "1" * 64], ["ref:0f1e2d3c4b5a6978"]
    assert [job.ask.references for job in jobs[1:3]] == [[sent], [kept if number < 3 else kept + sent]]
    groups = [job.ask.group for job in jobs]
    assert groups == ([None] * 5 if number < 4 else ["Ferien 2026", None, "Ferien 2026", None, "Ferien 2026"])
    labels = [job.ask.label and job.ask.label.target for job in jobs]
    assert labels == ([None] * 5 if number < 5 else ["Strand.jpg", None, "Strand.jpg", None, "Strand.jpg"])
    assert [job.is_starred for job in jobs] == [number >= 5 and job.state == "done" for job in jobs]
    assert (await store.known("c1", "monday", "cd" * 32)) == jobs[2]
    assert [job.id for job in await store.recover()] == [jobs[4].id, jobs[3].id]
    rows = await database.read(lambda db: db.execute("SELECT sha256, owner FROM blob_owners ORDER BY 1").fetchall())
    assert [tuple(row) for row in rows] == [("0" * 64, "c1"), ("1" * 64, "c1")]
    assert await database.read(lambda db: version(db)) == NOW
    database.close()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("[]", "[]"),
        ('["ref:a"]', '[["ref:a"]]'),
        ('["ref:b", "ref:a", "ref:b"]', '[["ref:b"],["ref:a"],["ref:b"]]'),
        ("null", "null"),
        ("no JSON [", "no JSON ["),
    ],
)
def test_each_reference_of_a_job_becomes_a_person_with_one_picture(
    before: str, after: str, connection: sqlite3.Connection
) -> None:
    """What is no list is left as it is, for a repair."""
    migrate(connection, MIGRATIONS[:2])
    row = ("a", "c1", "swap", "queued", 0, 1.0, "sha256:0", before, "{}", 0, 1.0)
    connection.execute(
        """INSERT INTO jobs (id, owner, kind, state, priority, position, target, reference, options, attempts,
           created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        row,
    )
    migrate(connection, MIGRATIONS[:3])
    assert connection.execute("SELECT reference FROM jobs").fetchone()[0] == after


def test_the_daemon_refuses_the_database_of_a_later_version_and_leaves_it_where_it_is(tmp_path: Path) -> None:
    path = shutil.copy(KEPT / f"version-{NOW}.db", tmp_path / "mien.db")
    later = sqlite3.connect(path)
    later.execute(f"PRAGMA user_version = {NOW + 1}")
    later.close()
    before = Path(path).read_bytes()
    with pytest.raises(StateTooNew):
        Database(tmp_path)
    assert Path(path).read_bytes() == before
    assert [each.name for each in tmp_path.iterdir() if "damaged" in each.name] == []
