"""A file is sent only with the bytes that its digest says; a change is seen even where the file's time is as it was."""

import hashlib
import os
from pathlib import Path

import pytest

from mien_daemon.pictures import intact
from mien_daemon.pictures.intact import IntactFiles


def write_within_the_same_time(path: Path, data: bytes) -> None:
    found = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "result"
    made.write_bytes(b"whole")
    return made


DIGEST = hashlib.sha256(b"whole").hexdigest()


async def test_a_file_is_hashed_once_until_it_changes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed, hash_bytes = list[Path](), intact.hash_bytes

    def count(file: Path) -> str:
        hashed.append(file)
        return hash_bytes(file)

    monkeypatch.setattr(intact, "hash_bytes", count)
    files = IntactFiles()
    assert [await files.holds(path, DIGEST) for _ in range(3)] == [True] * 3
    assert len(hashed) == 1


async def test_a_changed_byte_is_seen_though_size_and_time_are_as_they_were(path: Path) -> None:
    files = IntactFiles()
    assert await files.holds(path, DIGEST)
    write_within_the_same_time(path, b"whose")
    assert not await files.holds(path, DIGEST)
    write_within_the_same_time(path, b"whole")
    assert await files.holds(path, DIGEST)


async def test_a_file_that_is_gone_is_told_apart(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await IntactFiles().holds(path.with_name("another"), DIGEST)


async def test_only_so_many_files_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intact, "KNOWN", 3)
    files = IntactFiles()
    for number in range(6):
        each = tmp_path / str(number)
        each.write_bytes(b"whole")
        assert await files.holds(each, DIGEST)
    assert files.remembered == 3
