"""The database: what a write returned is on the disk, half a write is nothing, and a damaged file is moved aside."""

import asyncio
import os
import random
import shutil
import sqlite3
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mien_api.errors import StateBusy, StateTooNew, StateUnavailable
from mien_daemon.state import connection
from mien_daemon.state import database as module
from mien_daemon.state.connection import connect
from mien_daemon.state.database import Database
from mien_daemon.state.migrations import MIGRATIONS, migrate

DELETE = "DELETE FROM blobs WHERE sha256 = ?"
COUNT = "SELECT count(*) FROM blobs"


DAMAGES: dict[str, Callable[[Path], object]] = {
    "not a database": lambda path: path.write_bytes(b"this was never a database, but it is long enough" * 100),
    "pages overwritten": lambda path: overwrite(path, 4096, b"\xff" * 8192),
    "cut short": lambda path: os.truncate(path, 5000),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
async def test_a_damaged_database_is_moved_aside_and_kept(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    first = Database(tmp_path)
    await first.write(lambda db: db.executemany("INSERT INTO blobs VALUES (?, 1, 1, NULL, 1, 1)", names(200)))
    first.close()
    path = tmp_path / "mien.db"
    damage(path)
    damaged = path.read_bytes()
    second = Database(tmp_path)
    assert second.moved_aside
    assert second.moved_aside.read_bytes() == damaged
    assert await second.read(lambda db: db.execute("SELECT count(*) FROM blobs").fetchone()[0]) == 0
    second.close()


async def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    database = Database(tmp_path)

    def half(db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO blobs VALUES ('a', 1, 1, NULL, 1, 1)")
        raise KeyError("in the middle")

    with pytest.raises(KeyError):
        await database.write(half)
    assert await database.read(lambda db: db.execute("SELECT count(*) FROM blobs").fetchone()[0]) == 0
    database.close()


async def test_a_write_is_on_the_disk_when_it_returns(tmp_path: Path) -> None:
    database = Database(tmp_path)
    await database.write(lambda db: db.execute("INSERT INTO blobs VALUES ('a', 1, 1, NULL, 1, 1)"))
    other = sqlite3.connect(tmp_path / "mien.db")
    assert other.execute(COUNT).fetchone() == (1,)
    assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    other.close()
    database.close()


async def test_a_caller_that_goes_away_does_not_take_its_write_along(tmp_path: Path) -> None:
    database = Database(tmp_path)
    writing = asyncio.create_task(
        database.write(lambda db: db.execute("INSERT INTO blobs VALUES ('a', 1, 1, NULL, 1, 1)"))
    )
    await asyncio.sleep(0)
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    await database.write(lambda db: db.execute("SELECT 1"))  # writes are done in their order
    assert await database.read(lambda db: db.execute(COUNT).fetchone()[0]) == 1
    database.close()


async def test_a_row_of_nothing_is_refused(tmp_path: Path) -> None:
    database = Database(tmp_path)
    with pytest.raises(sqlite3.IntegrityError):
        await database.write(lambda db: db.execute("INSERT INTO blob_owners VALUES ('no such blob', 'ada')"))
    database.close()


def test_the_file_is_the_users_alone_and_one_file_when_it_is_closed(tmp_path: Path) -> None:
    database = Database(tmp_path)
    assert database.path.stat().st_mode & 0o777 == 0o600
    assert database.moved_aside is None
    database.close()
    assert [path.name for path in tmp_path.iterdir()] == ["mien.db"]


async def test_a_second_damaged_file_of_the_same_second_does_not_replace_the_first(tmp_path: Path) -> None:
    aside: set[Path] = set()
    for number in range(3):
        (tmp_path / "mien.db").write_bytes(bytes([65 + number]) * 5000)
        database = Database(tmp_path)
        assert database.moved_aside
        aside.add(database.moved_aside)
        database.close()
    assert len(aside) == 3
    assert {path.read_bytes()[:1] for path in aside} == {b"A", b"B", b"C"}


def test_the_database_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "mien.db"
    connection = connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StateTooNew):
        connect(path)
    assert sqlite3.connect(path).execute("PRAGMA user_version").fetchone() == (99,)


def names(count: int) -> list[tuple[str]]:
    return [(f"{number:064x}",) for number in range(count)]


def overwrite(path: Path, at: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


# ── another program holds the lock ──


@contextmanager
def locked(state: Path) -> Generator[sqlite3.Connection]:
    """Another program's write lock on the database."""
    other = sqlite3.connect(state / "mien.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield other
    finally:
        other.execute("ROLLBACK")
        other.close()


async def test_a_write_that_another_program_locks_out_is_refused_by_name_and_readers_do_not_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BUSY_S", 0.2)
    database = Database(tmp_path)
    with locked(tmp_path):
        for _ in range(2):
            with pytest.raises(StateBusy):
                await database.write(lambda db: db.execute("DELETE FROM blobs"))
        with pytest.raises(StateBusy):
            await database.forget(lambda db: db.execute("DELETE FROM blobs"))
        assert await database.read(lambda db: db.execute(COUNT).fetchone()[0]) == 0
    await database.write(lambda db: db.execute("INSERT INTO blobs VALUES ('a', 1, 1, NULL, 1, 1)"))
    assert await database.read(lambda db: db.execute(COUNT).fetchone()[0]) == 1
    database.close()


async def test_a_patient_write_waits_for_the_lock_and_keeps_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BUSY_S", 0.1)
    database, done = Database(tmp_path), list[str]()

    async def write(name: str) -> None:
        await database.write(
            lambda db: db.execute("INSERT INTO blobs VALUES (?, 1, 1, NULL, 1, 1)", (name,)), patient=True
        )
        done.append(name)

    with locked(tmp_path):
        writing = [asyncio.create_task(write(name)) for name in "abc"]
        with pytest.raises(StateBusy):
            await database.write(lambda db: db.execute("DELETE FROM blobs"))
        assert done == []
    await asyncio.gather(*writing)
    assert done == ["a", "b", "c"]
    database.close()


async def test_of_one_long_lock_not_every_write_waits_anew(tmp_path: Path) -> None:
    database = Database(tmp_path)
    with locked(tmp_path):
        began = time.monotonic()
        answers = await asyncio.gather(
            *(database.write(lambda db: db.execute("DELETE FROM blobs")) for _ in range(40)), return_exceptions=True
        )
        waited_s = time.monotonic() - began
    assert {type(answer) for answer in answers} == {StateBusy}
    assert waited_s < 40 * module.BUSY_S / 2, "together they wait about as long as one"
    database.close()


def test_a_locked_database_is_not_taken_for_a_damaged_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "OPEN_S", 0.1)
    Database(tmp_path).close()
    old = sqlite3.connect(tmp_path / "mien.db", isolation_level=None)
    old.executescript("DROP TABLE clock; PRAGMA user_version = 1;")
    old.close()
    with locked(tmp_path), pytest.raises(StateBusy):
        Database(tmp_path)
    assert [path.name for path in tmp_path.glob("*damaged*")] == []
    Database(tmp_path).close()


def test_a_database_that_cannot_be_opened_is_not_taken_for_a_damaged_one(tmp_path: Path) -> None:
    """A folder in the place of the journal: no permission would stop root."""
    Database(tmp_path).close()
    (tmp_path / "mien.db-wal").mkdir()
    with pytest.raises(StateUnavailable):
        Database(tmp_path)
    assert not list(tmp_path.glob("*damaged*"))


def test_a_folder_in_the_place_of_the_database_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "mien.db").mkdir()
    with pytest.raises(StateUnavailable):
        Database(tmp_path)


def test_a_database_that_lacks_a_table_is_moved_aside(tmp_path: Path) -> None:
    Database(tmp_path).close()
    other = sqlite3.connect(tmp_path / "mien.db", isolation_level=None)
    other.execute("DROP TABLE idempotency")
    other.close()
    database = Database(tmp_path)
    assert database.moved_aside
    database.close()


# ── removed or damaged while it is open ──


@pytest.mark.parametrize("what", ["the file", "the folder", "replaced"])
async def test_a_database_that_is_gone_takes_nothing_more(tmp_path: Path, what: str) -> None:
    state = tmp_path / "state"
    state.mkdir()
    database = Database(state)
    if what == "the folder":
        shutil.rmtree(state)
    else:
        (state / "mien.db").unlink()
        if what == "replaced":
            connect(state / "mien.db").close()
    for call in (database.write, database.read, database.forget):
        with pytest.raises(StateUnavailable) as refused:
            await call(lambda db: db.execute(COUNT))
        assert refused.value.fields["reason"] == "removed"
    assert database.removed.is_set()
    database.close()
    assert state.exists() is (what != "the folder")


async def test_a_database_that_is_damaged_while_it_is_open_says_so(tmp_path: Path) -> None:
    database = Database(tmp_path)
    await database.write(lambda db: db.executemany("INSERT INTO blobs VALUES (?, 1, 1, NULL, 1, 1)", names(2000)))
    await database.empty_journal()
    overwrite(database.path, 4096, b"\xff" * 4096 * 12)
    with pytest.raises(StateUnavailable) as refused:
        await database.read(lambda db: db.execute("SELECT sum(used_at) FROM blobs").fetchone())
    assert refused.value.fields["reason"] == "damaged"
    assert database.damaged
    database.close()


# ── what was deleted is gone ──

SECRETS = ("a-prompt-that-was-deleted", "a-client-that-was-revoked", "rueckseite-des-fotos")


async def change(database: Database, sql: str, name: str) -> None:
    await database.write(lambda db: db.execute(sql, (name,)))


def bytes_of(state: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(state.glob("mien.db*")))


async def test_no_byte_of_what_was_deleted_is_in_the_file_or_its_journal(tmp_path: Path) -> None:
    database = Database(tmp_path)
    chance = random.Random(11)
    sizes = [chance.choice([1, 30, 200, 900, 5000, 20000]) for _ in range(120)]
    rows = [(f"{number:064x}", f"{SECRETS[number % 3]} {'x' * size}") for number, size in enumerate(sizes)]
    await database.write(lambda db: db.executemany("INSERT INTO blobs VALUES (?, 1, 1, ?, 1, 1)", rows))
    assert all(secret.encode() in bytes_of(tmp_path) for secret in SECRETS)
    chance.shuffle(rows)
    for sql, names_of in (("UPDATE blobs SET format = 'png' WHERE sha256 = ?", rows[:60]), (DELETE, rows)):
        for name, _ in names_of:
            await change(database, sql, name)
    await database.forget(lambda db: db.execute("DELETE FROM blobs"))
    assert [secret for secret in SECRETS if secret.encode() in bytes_of(tmp_path)] == []
    database.close()
    assert [secret for secret in SECRETS if secret.encode() in bytes_of(tmp_path)] == []


async def test_what_an_older_version_left_in_free_pages_is_gone_after_its_migration(tmp_path: Path) -> None:
    old = sqlite3.connect(tmp_path / "mien.db", isolation_level=None)
    migrate(old, MIGRATIONS[:1])
    old.executescript("PRAGMA secure_delete = OFF;")
    old.executemany(
        "INSERT INTO blobs VALUES (?, 1, 1, ?, 1, 1)", [(f"{n:064x}", SECRETS[0] + "y" * 3000) for n in range(50)]
    )
    old.execute("DELETE FROM blobs")
    old.close()
    assert SECRETS[0].encode() in bytes_of(tmp_path)
    database = Database(tmp_path)
    await database.empty_journal()
    assert SECRETS[0].encode() not in bytes_of(tmp_path)
    database.close()


async def test_a_mistake_of_ours_is_not_its_own_cause(tmp_path: Path) -> None:
    """A log that walks from an error to its cause would never end."""
    database = Database(tmp_path)
    try:
        with pytest.raises(sqlite3.OperationalError) as refused:
            await database.write(lambda db: db.execute("SELECT nothing FROM nowhere"))
        assert refused.value.__cause__ is not refused.value
        with pytest.raises(sqlite3.OperationalError) as refused:
            await database.read(lambda db: db.execute("SELECT nothing FROM nowhere"))
        assert refused.value.__cause__ is not refused.value
    finally:
        database.close()
