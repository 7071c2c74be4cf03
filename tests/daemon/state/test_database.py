"""The database: what a write returned is on the disk, half a write is nothing, and a damaged file is moved aside."""

import asyncio
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from mien_api.errors import StateTooNew
from mien_daemon.state.database import Database, connect

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
