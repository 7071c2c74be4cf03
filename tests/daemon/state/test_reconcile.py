"""Files of the reference library and its index are compared; a picture that is gone is told of its person."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from mien_daemon.references.consent import Consent
from mien_daemon.references.library import ReferenceLibrary
from mien_daemon.references.records import KeptPicture, Record
from mien_daemon.state.migrations import migrate
from mien_daemon.state.reconcile import Finding, Reconciliation

AT = 1_795_000_000.0
TWO = [KeptPicture(b"one", b"small"), KeptPicture(b"two", b"tiny")]


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.row_factory = sqlite3.Row
    migrate(connection)
    yield connection
    connection.close()


@pytest.fixture
def ann(tmp_path: Path) -> Record:
    return ReferenceLibrary(tmp_path).add(TWO, Consent.given("Ann", "self", adult=True, expires_at=None))


def look(db: sqlite3.Connection, state: Path) -> list[Finding]:
    return Reconciliation(db, state, AT, mend="nothing").run()


@pytest.mark.parametrize("change", ["added", "one removed", "an index of one picture"])
def test_a_person_with_all_files_is_no_finding(
    db: sqlite3.Connection, tmp_path: Path, ann: Record, change: str
) -> None:
    library = ReferenceLibrary(tmp_path)
    if change != "added":
        library.remove_picture(ann.id, ann.pictures[0])
    if change == "an index of one picture":
        index = tmp_path / "references" / "index.json"
        old = json.loads(index.read_bytes())
        del old["records"][ann.id]["pictures"]
        index.write_text(json.dumps(old), encoding="utf-8")
    assert look(db, tmp_path) == []


@pytest.mark.parametrize("suffix", [".consent", ".picture", ".thumbnail"])
def test_each_file_of_a_person_that_is_gone_is_told(
    db: sqlite3.Connection, tmp_path: Path, ann: Record, suffix: str
) -> None:
    for path in sorted((tmp_path / "references").glob(f"*{suffix}")):
        kept = path.read_bytes()
        path.unlink()
        assert look(db, tmp_path) == [Finding("reference-without-file", ann.id)]
        path.write_bytes(kept)
    assert look(db, tmp_path) == []


@pytest.mark.parametrize("entry", [7, {}, {"stem": "aa", "pictures": 7}, {"stem": "aa", "pictures": ["bb"]}])
def test_an_index_with_a_strange_record_is_named_and_touched_by_nothing(
    db: sqlite3.Connection, tmp_path: Path, ann: Record, entry: object
) -> None:
    index = tmp_path / "references" / "index.json"
    edited = json.dumps({"master": "references-1", "records": {ann.id: entry}})
    index.write_text(edited, encoding="utf-8")
    assert look(db, tmp_path) == [Finding("strange-file", "references/index.json")]
    assert index.read_text(encoding="utf-8") == edited
