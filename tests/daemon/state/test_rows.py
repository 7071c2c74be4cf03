"""Rows that another program broke: each kind is recognised, and what our own code writes never is."""

# ruff: noqa: S608 - the statements are the test's own

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from mien_daemon.access.clients import STORED
from mien_daemon.jobs.job import Kind, State
from mien_daemon.state import rows
from mien_daemon.state.connection import connect
from mien_daemon.state.rows import RULES, BrokenRow, find_broken_rows, find_fault
from mien_testing.broken_rows import BROKEN

KEPT = Path(__file__).parent / "kept"


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A database with a row of every kind."""
    path = tmp_path / "mien.db"
    path.write_bytes(max(KEPT.glob("version-*.db")).read_bytes())
    connection = connect(path)
    connection.execute("PRAGMA foreign_keys = OFF")
    yield connection
    connection.close()


def break_row(db: sqlite3.Connection, table: str, column: str, value: str) -> int:
    """Write `value`, which is SQL, into one row; its number."""
    rowid: int = db.execute(f"SELECT max(rowid) FROM {table}").fetchone()[0]
    db.execute(f"UPDATE {table} SET {column} = {value} WHERE rowid = {rowid}")
    return rowid


def test_what_mien_writes_is_never_taken_for_broken(db: sqlite3.Connection) -> None:
    assert list(find_broken_rows(db)) == []


@pytest.mark.parametrize(("table", "column", "value"), BROKEN, ids=lambda value: str(value)[:30])
def test_a_row_that_cannot_be_read_is_named_by_its_column(
    db: sqlite3.Connection, table: str, column: str, value: str
) -> None:
    rowid = break_row(db, table, column, value)
    found = list(find_broken_rows(db))
    assert BrokenRow(table, rowid, column) in found
    assert {each.rowid for each in found if each.table == table} == {rowid}


def test_a_row_that_belongs_to_none_is_found(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM jobs WHERE id = ?", (f"{3:024x}",))
    assert {str(row).split(" (")[1] for row in find_broken_rows(db)} == {"no jobs)"}


def test_every_column_that_is_read_has_its_rule(db: sqlite3.Connection) -> None:
    for table, rules in RULES.items():
        columns = {row["name"] for row in db.execute(f"PRAGMA table_info({table})")}
        free = {"number"} if table == "jobs" else {"id"} if table == "clock" else set[str]()
        free |= {"format", "width", "height"} if table == "blobs" else set()  # read again when they are not good
        assert set(rules) == columns - free


def test_the_words_are_those_of_the_nouns() -> None:
    assert (get_args(Kind), get_args(State)) == (rows.KINDS, rows.STATES)
    assert set(map(str, STORED)) == set(rows.SCOPES)


def test_a_broken_row_is_named_without_its_words(db: sqlite3.Connection) -> None:
    break_row(db, "jobs", "options", '\'{"prompt": "a secret\'')
    (row,) = find_broken_rows(db)
    assert str(row) == "jobs row 5 (options)"


def test_a_fault_is_the_first_column_that_cannot_be(db: sqlite3.Connection) -> None:
    row = db.execute("SELECT * FROM jobs").fetchone()
    assert find_fault("jobs", row) is None
    assert json.loads(row["options"])["prompt"] == "größer"
