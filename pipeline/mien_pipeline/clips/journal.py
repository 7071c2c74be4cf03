"""Which segments of a clip are done: one row each, written after the file it tells of is on the disk."""

import hashlib
import json
import logging
import os
import sqlite3
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mien_core.files import make_folder, move_into_place, remove_file
from mien_pipeline.clips.orders import ANALYSIS, ORDERS
from mien_pipeline.clips.render import PersonTally

log = logging.getLogger(__name__)

Tallies = dict[int, PersonTally]
_SCHEMA = """
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS segments (
    number INTEGER PRIMARY KEY, first INTEGER NOT NULL, count INTEGER NOT NULL, bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL, tallies TEXT NOT NULL
);
"""


@dataclass(frozen=True, slots=True)
class FinishedSegment:
    """What its row says of a segment: the number of its first picture, how many it has, its file, what it counted."""

    number: int
    first: int
    count: int
    size: int
    sha256: str
    tallies: Tallies


def segment_path(folder: Path, number: int) -> Path:
    """Where a finished segment of a run lies in its folder."""
    return folder / f"segment-{number:05}.mp4"


def make_segment(folder: Path, number: int, first: int, write: Callable[[Path, Tallies], int]) -> FinishedSegment:
    """Have a segment written beside its place; then the file is synced and gets its name. Its row is not written yet.

    Args:
        folder: of the run.
        number, first: the segment's, and its first picture's.
        write: puts the segment at a path, counts what became of whom, and returns how many pictures it holds.
    """
    # A process that was killed a moment ago may still be writing the same segment: each has a file of its own.
    part, tallies = segment_path(folder, number).with_suffix(f".{os.getpid()}.part"), Tallies()
    count = write(part, tallies)
    with part.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    size = part.stat().st_size
    move_into_place(part, segment_path(folder, number))
    return FinishedSegment(number, first, count, size, digest, tallies)


class Journal:
    """The folder of one clip's run: its analysis, its finished segments, and the rows that vouch for them."""

    def __init__(self, folder: Path) -> None:
        """Open it, or begin it.

        Raises:
            OSError, sqlite3.Error: the disk refuses it.
        """
        make_folder(folder)
        if folder.stat().st_mode & 0o077:  # in a cage no mode can be changed, and folders are private from the start
            folder.chmod(0o700)
        self.folder = folder
        self._path = folder / "journal.sqlite"
        with self._open() as database:
            database.executescript(_SCHEMA)

    @property
    def analysis(self) -> Path:
        """Where the analysis is kept."""
        return self.folder / ANALYSIS

    def begin(self, encoding: str) -> dict[int, Tallies]:
        """The segments that are done and whole, with what they counted; all others are removed.

        Args:
            encoding: how segments are encoded; those of another way begin anew, for they would not fit together.
        """
        done: dict[int, Tallies] = {}
        with self._open() as database:
            found = database.execute("SELECT value FROM settings WHERE name = 'encoding'").fetchone()
            if found is not None and found[0] != encoding:
                database.execute("DELETE FROM segments")
            database.execute("INSERT OR REPLACE INTO settings VALUES ('encoding', ?)", (encoding,))
            rows = database.execute("SELECT number, bytes, sha256, tallies FROM segments").fetchall()
            for number, size, digest, tallies in rows:
                if _is_whole(self.segment(number), size, digest):
                    done[number] = parse_tallies(json.loads(tallies))
                else:
                    database.execute("DELETE FROM segments WHERE number = ?", (number,))
        for path in self.folder.glob("segment-*"):
            if path.name not in {self.segment(number).name for number in done}:
                remove_file(path)
        return done

    def segment(self, number: int) -> Path:
        """Where a finished segment is."""
        return segment_path(self.folder, number)

    def add(self, made: FinishedSegment) -> None:
        """Write the row of a segment that is in its place and on the disk."""
        row = (made.number, made.first, made.count, made.size, made.sha256, json.dumps(describe_tallies(made.tallies)))
        with self._open() as database:
            database.execute("INSERT OR REPLACE INTO segments VALUES (?, ?, ?, ?, ?, ?)", row)

    def clear(self) -> None:
        """Remove the run and its folder, as far as the system lets it: what was made of it is elsewhere by now."""
        remove_file(self.folder / ORDERS)  # first, so that no guest begins
        for _ in range(2):  # a guest that looked before may leave a lock behind
            with suppress(OSError):
                for path in self.folder.iterdir():
                    remove_file(path)
                self.folder.rmdir()
                return
        log.warning("the folder of a run could not be removed: %s", self.folder)

    @contextmanager
    def _open(self) -> Generator[sqlite3.Connection]:
        """A transaction that is on the disk when the block ends; rolled back where it raises."""
        connection = sqlite3.connect(self._path, isolation_level=None, timeout=60)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.commit()
        finally:
            connection.close()


def _is_whole(path: Path, size: int, digest: str) -> bool:
    try:
        if path.stat().st_size != size:
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == digest
    except OSError:
        return False


def describe_tallies(tallies: Mapping[int, PersonTally]) -> dict[str, dict[str, Any]]:
    """What a segment counted, as JSON takes it."""
    return {str(person): asdict(tally) for person, tally in tallies.items()}


def parse_tallies(told: Mapping[str, Mapping[str, Any]]) -> Tallies:
    """What `describe_tallies` told."""
    return {int(person): PersonTally(**tally) for person, tally in told.items()}
