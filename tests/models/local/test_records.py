"""A record says what is installed; a damaged one says nothing."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from mien_models.local.records import Installed, InstalledFile, Records


def file(size: int = 3) -> InstalledFile:
    when = datetime(2026, 1, 2, tzinfo=UTC)
    return InstalledFile(sha256="1" * 64, size=size, mtime_ns=1, verified_at=when, repository="r", revision="v")


@pytest.fixture
def records(tmp_path: Path) -> Records:
    return Records(tmp_path)


def test_what_is_written_is_read_by_every_process(records: Records, tmp_path: Path) -> None:
    installed = Installed(version="1", files={"a": file()})
    records.write("one", installed)
    assert Records(tmp_path).read("one") == installed
    assert records.read("two") is None
    assert list(records.all()) == [("one", installed)]


def test_a_removed_record_is_gone_and_may_be_removed_again(records: Records) -> None:
    records.write("one", Installed(version="1", files={}))
    records.remove("one")
    records.remove("one")
    assert records.read("one") is None


@pytest.mark.parametrize("content", ["", "{", '{"version": 1}'])
def test_a_damaged_record_is_none(records: Records, tmp_path: Path, content: str) -> None:
    records.write("one", Installed(version="1", files={}))
    (tmp_path / "installed" / "one.json").write_text(content)
    assert records.read("one") is None
    assert list(records.all()) == []


def test_a_note_changes_one_file_and_no_other(records: Records) -> None:
    records.write("one", Installed(version="1", files={"a": file(), "b": file()}))
    records.note("one", "a", file(size=4))
    assert records.read("one") == Installed(version="1", files={"a": file(size=4), "b": file()})


def test_a_note_about_what_is_not_installed_installs_nothing(records: Records, tmp_path: Path) -> None:
    records.note("one", "a", file())
    assert records.read("one") is None
    assert not (tmp_path / "installed").exists()


def test_records_come_in_order(records: Records) -> None:
    for name in ("b", "c", "a"):
        records.write(name, Installed(version="1", files={}))
    assert [name for name, _ in records.all()] == ["a", "b", "c"]
