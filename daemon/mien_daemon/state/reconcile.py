"""Files and rows made to agree, at every start and when `mien doctor --check` asks.

Nothing that a person made is deleted: a result without a row, and a file that is none of ours, go to the folder
`quarantine`; a picture without a row is adopted, and leaves by the rule for pictures that no job needs. A row whose
file is gone forgets it. A row that cannot be read stays where it is, skipped, until a repair sets it aside in
`quarantine/rows.jsonl`.
"""

import hashlib
import json
import os
import sqlite3
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mien_core.files import make_folder, remove_halves, sync_folder
from mien_core.locks import exclusively
from mien_daemon.state.rows import DIGEST, BrokenRow, find_broken_rows

QUARANTINE = "quarantine"
ROWS = "rows.jsonl"
HALVES = ("keys", "credentials")  # folders of the state in which files are written whole; `references` sweeps itself
SEALED = (".consent", ".thumbnail", ".picture")  # the consent is the record's, the others each picture's

Code = Literal[
    "broken-row",
    "result-without-row",
    "row-without-result",
    "damaged-result",
    "picture-without-row",
    "row-without-picture",
    "damaged-picture",
    "strange-file",
    "reference-without-file",
    "reference-without-index",
    "open-to-others",
    "damaged-database",
    "state-removed",
]
Done = Literal["nothing", "quarantined", "adopted", "forgotten", "removed", "closed", "begun"]

SENTENCES: Mapping[Code, str] = {
    "broken-row": "{subject} of the database cannot be read and is skipped",
    "result-without-row": "the result {subject} belongs to no job",
    "row-without-result": "the result of job {subject} is gone",
    "damaged-result": "the bytes of result {subject} are not those that were written",
    "picture-without-row": "the picture {subject} is in no list",
    "row-without-picture": "the picture {subject} is gone",
    "damaged-picture": "the bytes of picture {subject} are not those of its name",
    "strange-file": "{subject} is no file of Mien",
    "reference-without-file": "a file of reference {subject} is gone",
    "reference-without-index": "{subject} of the reference library is in no index",
    "open-to-others": "others may enter or change {subject}",
    "damaged-database": "the database is damaged: {subject}",
    "state-removed": "{subject} was removed while the daemon ran",
}
ENDINGS: Mapping[Done, str] = {
    "nothing": "",
    "quarantined": f"; it lies in the folder {QUARANTINE} now",
    "adopted": "; it was taken up",
    "forgotten": "; the list says so now",
    "removed": "; it was set aside in the folder quarantine",
    "closed": "; only this user may now",
    "begun": "; a new one was begun",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not agree, and what was done about it."""

    code: Code
    subject: str
    done: Done = "nothing"

    def __str__(self) -> str:
        sentence = SENTENCES[self.code].format(subject=self.subject) + ENDINGS[self.done] + "."
        return sentence[0].upper() + sentence[1:]


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """One look at the state folder, inside one transaction: rows and files of it change together.

    Attributes:
        now: by the state's clock.
        mend: "nothing" only looks; "files" is what every start does; "all" also sets rows aside that cannot be read.
        by_bytes: also hash every result and every picture.
    """

    db: sqlite3.Connection
    state: Path
    now: float
    mend: Literal["nothing", "files", "all"] = "files"
    by_bytes: bool = False

    def run(self) -> list[Finding]:
        """Everything that was found, and what was done about it."""
        found = [*self._rows(), *self._results(), *self._pictures(), *self._references()]
        if self._mends:
            self._thumbnails()
            self._remove_halves()
        return found

    @property
    def _mends(self) -> bool:
        return self.mend != "nothing"

    def _rows(self) -> Iterator[Finding]:
        seen: set[tuple[str, int]] = set()
        for row in list(find_broken_rows(self.db)):
            if (row.table, row.rowid) not in seen:
                seen.add((row.table, row.rowid))
                if self.mend == "all":
                    set_row_aside(self.db, self.state, row)
                yield Finding("broken-row", str(row), "removed" if self.mend == "all" else "nothing")

    # ── results ──

    def _results(self) -> Iterator[Finding]:
        rows = dict(self.db.execute("SELECT id, result_sha256 FROM jobs WHERE result_sha256 IS NOT NULL"))
        files = {path.name: path for path in list_files(self.state / "results")}
        for name, path in files.items():
            if name not in rows or not is_plain_file(path):
                yield Finding("result-without-row", name, self._quarantine(path, "results"))
            elif self.by_bytes and hash_file(path) != rows[name]:
                done = self._quarantine(path, "results")
                self._forget_result(name)
                yield Finding("damaged-result", name, done)
        for name in rows.keys() - files.keys():
            self._forget_result(name)
            yield Finding("row-without-result", name, "forgotten" if self._mends else "nothing")

    def _thumbnails(self) -> None:
        """A small picture of a result that is gone goes without a word: it was made from that."""
        rows = {row[0] for row in self.db.execute("SELECT id FROM jobs WHERE result_sha256 IS NOT NULL")}
        for path in list_files(self.state / "thumbnails") if self._mends else ():
            if path.name not in rows or not is_plain_file(path):
                path.unlink(missing_ok=True)

    def _forget_result(self, job: str) -> None:
        if self._mends:
            self.db.execute("UPDATE jobs SET result_sha256 = NULL WHERE id = ?", (job,))

    # ── pictures that were sent ──

    def _pictures(self) -> Iterator[Finding]:
        rows = {row[0] for row in self.db.execute("SELECT sha256 FROM blobs")}
        there: set[str] = set()
        for path in list_files(self.state / "blobs", deep=True):
            name = path.name
            in_place = path.parent.name == name[:2] and DIGEST.fullmatch(name) and is_plain_file(path)
            if not in_place:
                yield Finding("strange-file", name, self._quarantine(path, "pictures"))
            elif name not in rows:
                if hash_file(path) == name:
                    there.add(name)
                    yield Finding("picture-without-row", name, self._adopt(path))
                else:
                    yield Finding("damaged-picture", name, self._quarantine(path, "pictures"))
            elif self.by_bytes and hash_file(path) != name:
                yield Finding("damaged-picture", name, self._quarantine(path, "pictures"))
                self._forget_picture(name)
                there.add(name)
            else:
                there.add(name)
        for name in rows - there:
            if DIGEST.fullmatch(name):
                self._forget_picture(name)
                yield Finding("row-without-picture", name, "forgotten" if self._mends else "nothing")

    def _adopt(self, path: Path) -> Done:
        """As if it had been sent just now by this user's own programs: an hour without use ends it."""
        if not self._mends:
            return "nothing"
        row = (path.name, path.stat().st_size, self.now)
        self.db.execute("INSERT INTO blobs (sha256, size, used_at) VALUES (?, ?, ?)", row)
        self.db.execute("INSERT OR IGNORE INTO blob_owners (sha256, owner) VALUES (?, 'local')", (path.name,))
        return "adopted"

    def _forget_picture(self, name: str) -> None:
        if self._mends:
            self.db.execute("DELETE FROM blobs WHERE sha256 = ?", (name,))

    # ── references ──

    def _references(self) -> Iterator[Finding]:
        folder = self.state / "references"
        if not folder.is_dir():
            return
        with exclusively(folder / "lock"):
            index = folder / "index.json"
            sealed = [path for path in list_files(folder) if path.suffix in SEALED]
            parts = read_parts(index)
            if parts is None:
                yield Finding("strange-file", "references/index.json")
            elif not index.exists():
                # Its records cannot be opened without the index; a copy of it may be somewhere.
                for path in sealed:
                    yield Finding("reference-without-index", path.name, self._quarantine(path, "references"))
            else:
                names = {path.name for path in sealed}
                for reference, files in parts.items():
                    if not files <= names:
                        yield Finding("reference-without-file", reference)

    # ── mending ──

    def _quarantine(self, path: Path, kind: str) -> Done:
        """Move a file out of the way, under its own name; a second of that name gets a number."""
        if not self._mends:
            return "nothing"
        folder = self.state / QUARANTINE / kind
        make_private_folder(self.state / QUARANTINE)
        make_private_folder(folder)
        place, number = folder / path.name, 1
        while os.path.lexists(place):
            number += 1
            place = folder / f"{path.name}-{number}"
        path.rename(place)
        sync_folder(folder)
        sync_folder(path.parent)
        return "quarantined"

    def _remove_halves(self) -> None:
        for folder in (".", *HALVES):
            remove_halves(self.state / folder)


def set_row_aside(db: sqlite3.Connection, state: Path, row: BrokenRow) -> None:
    """Write a row into `quarantine/rows.jsonl`, then delete it."""
    found = db.execute(f"SELECT * FROM {row.table} WHERE rowid = ?", (row.rowid,)).fetchone()  # noqa: S608 our tables
    if found is None:
        return  # it went with the row that it belonged to
    columns = {name: f"0x{value.hex()}" if isinstance(value, bytes) else value for name, value in dict(found).items()}
    make_private_folder(state / QUARANTINE)
    line = json.dumps({"table": row.table, "row": row.rowid, "column": row.column, "columns": columns}) + "\n"
    descriptor = os.open(state / QUARANTINE / ROWS, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(line.encode("ascii"))
        file.flush()
        os.fsync(file.fileno())
    db.execute(f"DELETE FROM {row.table} WHERE rowid = ?", (row.rowid,))  # noqa: S608 our tables


def make_private_folder(folder: Path) -> None:
    make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)


def list_files(folder: Path, *, deep: bool = False) -> Iterator[Path]:
    """Everything in a folder that is no folder; with `deep`, in the folders in it too. Links are not followed."""
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    for path in entries:
        if path.is_dir() and not path.is_symlink():
            if deep:
                yield from list_files(path, deep=True)
        else:
            yield path


def is_plain_file(path: Path) -> bool:
    """A file and no link to one: what a link points at may be anything."""
    return stat.S_ISREG(path.lstat().st_mode)


def hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_parts(index: Path) -> dict[str, set[str]] | None:
    """The names of each record's files: its consent, and two for each picture; None for an index that is none."""
    try:
        records = json.loads(index.read_bytes())["records"]
        return {str(name): name_files(entry) for name, entry in records.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def name_files(entry: Mapping[str, Any]) -> set[str]:
    """A record's files. Before there could be several pictures, the one had its record's stem."""
    consent, *picture = SEALED
    stems = entry.get("pictures", {"": entry["stem"]}).values()
    return {f"{entry['stem']}{consent}", *(f"{stem}{suffix}" for stem in stems for suffix in picture)}


def check_database(db: sqlite3.Connection) -> list[Finding]:
    """What SQLite itself finds wrong, indexes included."""
    verdicts = [str(row[0]) for row in db.execute("PRAGMA integrity_check(20)")]
    return [] if verdicts == ["ok"] else [Finding("damaged-database", verdict) for verdict in verdicts]
