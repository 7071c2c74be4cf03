"""What the columns of a row must hold. A row that another program broke is skipped and named; other rows are read."""

import json
import math
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mien_daemon.state.clock import LATEST

Check = Callable[[object], bool]

KINDS = ("swap", "restore", "analyse")
STATES = ("queued", "running", "done", "failed", "cancelled")
SCOPES = ("swap", "faces", "console", "models", "admin")
JOB_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
DIGEST = re.compile(r"[0-9a-f]{64}")
KEY_ID = re.compile(r"[0-9a-f]{32}")
PICTURE = re.compile(r"sha256:[0-9a-f]{64}")
REFERENCE = re.compile(r"sha256:[0-9a-f]{64}|ref:[0-9A-Za-z_-]{1,64}")
MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]+")
# A part of a path, and what a person reads: no control characters, and none that ends the part.
GROUP = re.compile(r"[^\x00-\x1f\x7f/\\?#%]{1,100}")
SANE = 1e12  # a place in the queue beyond this is no place: adding one to it changes nothing


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """A row that cannot be read, by its number: its words could be anything."""

    table: str
    rowid: int
    column: str

    def __str__(self) -> str:
        return f"{self.table} row {self.rowid} ({self.column})"


def is_text(value: object) -> bool:
    """Text that can be written as UTF-8: a byte that is none was read as a lone surrogate."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_time(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value <= LATEST


def is_place(value: object) -> bool:
    return isinstance(value, int | float) and abs(value) < SANE


def is_count(value: object) -> bool:
    return isinstance(value, int) and 0 <= value < SANE


def is_key(value: object) -> bool:
    return isinstance(value, bytes) and len(value) == 32


def is_point(value: object) -> bool:
    return isinstance(value, bytes) and len(value) == 65


def is_document(value: object) -> bool:
    return isinstance(read_json(value), dict)


def is_list_of_people(value: object) -> bool:
    """A JSON list of lists, each with the names of at least one picture."""
    people = read_json(value)
    return isinstance(people, list) and all(isinstance(names, list) and is_person(names) for names in people)


def is_person(names: Sequence[object]) -> bool:
    return bool(names) and all(isinstance(name, str) and REFERENCE.fullmatch(name) for name in names)


def is_one_of(words: Iterable[object]) -> Check:
    known = tuple(words)
    return lambda value: value in known


def fits(pattern: re.Pattern[str]) -> Check:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def maybe(check: Check) -> Check:
    return lambda value: value is None or check(value)


def has_scope(value: object) -> bool:
    return isinstance(value, str) and bool(set(value.split()) & set(SCOPES))


def read_json(value: object) -> object:
    """The JSON in a column; None where it is none, or holds what no JSON reader of a browser takes."""

    def refuse(constant: str) -> object:
        raise ValueError(constant)

    try:
        return json.loads(value, parse_constant=refuse) if isinstance(value, str) and is_text(value) else None
    except (ValueError, RecursionError):
        return None


RULES: Mapping[str, Mapping[str, Check]] = {
    "clients": {
        "id": lambda value: is_text(value) and value not in {"", "local"},
        "name": is_text,
        "scopes": has_scope,
        "token_hash": maybe(lambda value: isinstance(value, bytes)),
        "origin": maybe(is_text),
        "pairing_key": maybe(is_key),
        "created_at": is_time,
        "last_seen": maybe(is_time),
    },
    "console_keys": {
        "id": fits(KEY_ID),
        "client": is_text,
        "granted_by": is_text,
        "origin": is_text,
        "name": is_text,
        "point": is_point,
        "made_at": is_time,
        "used_at": is_time,
    },
    "blobs": {"sha256": fits(DIGEST), "size": is_count, "used_at": is_time},
    "blob_owners": {"sha256": fits(DIGEST), "owner": is_text},
    "jobs": {
        "id": fits(JOB_ID),
        "owner": is_text,
        "kind": is_one_of(KINDS),
        "state": is_one_of(STATES),
        "priority": is_one_of((0, 1)),
        "position": is_place,
        "target": fits(PICTURE),
        "reference": is_list_of_people,
        "options": is_document,
        "attempts": is_count,
        "created_at": is_time,
        "started_at": maybe(is_time),
        "finished_at": maybe(is_time),
        "expires_at": maybe(is_time),
        "result": maybe(is_document),
        "media_type": maybe(fits(MEDIA_TYPE)),
        "result_sha256": maybe(fits(re.compile("[0-9a-f]+"))),
        "problem": maybe(is_document),
        "group_name": maybe(lambda value: is_text(value) and fits(GROUP)(value)),
        "label": maybe(is_document),
        "starred": is_one_of((0, 1)),
    },
    "job_pictures": {"job": fits(JOB_ID), "sha256": fits(DIGEST)},
    "idempotency": {"owner": is_text, "key": is_text, "digest": is_text, "job": fits(JOB_ID)},
    "clock": {
        "told": is_time,
        "wall": is_time,
        "running": lambda value: isinstance(value, int | float) and math.isfinite(value),
        "boot": is_text,
    },
}
"""Every table whose rows are read, and what each column must hold."""


def find_fault(table: str, row: sqlite3.Row) -> str | None:
    """The first column that cannot be; None for a row that can be read."""
    for column, is_good in RULES[table].items():
        if not is_good(row[column]):
            return column
    return None


def find_broken_rows(db: sqlite3.Connection) -> Iterator[BrokenRow]:
    """Every row that cannot be read, and every one that belongs to none."""
    for table in RULES:
        for row in db.execute(f"SELECT rowid AS rowid, * FROM {table}"):  # noqa: S608 our own tables
            if column := find_fault(table, row):
                yield BrokenRow(table, row["rowid"], column)
    for table, rowid, parent, _ in db.execute("PRAGMA foreign_key_check").fetchall():
        yield BrokenRow(table, rowid, f"no {parent}")
