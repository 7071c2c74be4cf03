"""The journal keeps a row a file, belongs to one run at a time, and is told from every other file of its name."""

import os
import sqlite3
from pathlib import Path

import pytest

from mien_cli.batch.journal import LOCK, NAME, look_into, open_journal
from mien_core.errors import OutputBusy, OutputExists


def test_a_row_is_as_it_was_written_also_for_a_name_that_is_no_text(tmp_path: Path) -> None:
    path = os.fsdecode("/写真.png".encode("cp932"))
    with open_journal(tmp_path) as journal:
        row, other = journal.enter([(path, "ask"), ("/b.png", "ask")])
        row.state, row.content, row.output, row.sha256 = "done", "c0", path[1:], "d0"
        row.faces, row.warnings, row.seconds, row.before = [{"swapped": True}], ["incomplete"], 1.5, b"\xff"
        journal.write(row)
    with open_journal(tmp_path) as journal:
        assert journal.enter([("/b.png", "ask"), (path, "ask")]) == [other, row]
        assert journal.find_done("c0", "ask") == [row]
        assert journal.find_done("c0", "another ask") == []
        assert journal.seconds_each("ask") == 1.5
    assert sorted(each.name for each in tmp_path.iterdir()) == [NAME]


def test_every_row_is_on_the_disk_when_it_is_written(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        (row,) = journal.enter([("/a.png", "ask")])
        row.state = "failed"
        journal.write(row)
        with look_into(tmp_path) as reader:
            assert reader is not None
        other = sqlite3.connect(tmp_path / NAME)
        assert other.execute("SELECT state FROM files").fetchall() == [("failed",)]
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        other.close()


def test_a_second_run_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    with open_journal(tmp_path), pytest.raises(OutputBusy) as refused, open_journal(tmp_path):
        pass
    assert refused.value.fields == {"folder": str(tmp_path)}
    assert not (tmp_path / LOCK).exists()
    with open_journal(tmp_path):
        pass


@pytest.mark.parametrize("reason", ["foreign", "too-new", "damaged"])
def test_a_file_that_is_no_journal_of_this_version_is_left_alone(reason: str, tmp_path: Path) -> None:
    path = tmp_path / NAME
    if reason == "damaged":
        path.write_bytes(b"no database" * 100)
    else:
        if reason == "too-new":
            with open_journal(tmp_path):
                pass
        changing = sqlite3.connect(path)
        changing.execute("PRAGMA user_version = 99" if reason == "too-new" else "CREATE TABLE taxes (year)")
        changing.close()
    before = path.read_bytes()
    with pytest.raises(OutputExists) as refused, open_journal(tmp_path):
        pass
    assert refused.value.fields["reason"] == reason
    assert path.read_bytes() == before


def test_a_journal_that_a_dead_run_had_only_begun_is_begun_again(tmp_path: Path) -> None:
    (tmp_path / NAME).touch()
    with open_journal(tmp_path) as journal:
        assert [row.state for row in journal.enter([("/a.png", "ask")])] == ["waiting"]
