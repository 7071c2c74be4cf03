"""Files are whole or not there: after a crash, after a power cut, after a refusal of the disk."""

import errno
import os
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from mien_core.errors import DiskFailed, DiskFull, NotEnoughMemory, OutputNotWritable, StoreNotWritable
from mien_core.files import (
    make_folder,
    move_into_place,
    name_system_error,
    naming_disk_errors,
    naming_output_errors,
    output_error,
    remove_file,
    remove_halves,
    sync_folder,
    write_beside,
    write_whole,
)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What reaches the disk, in order: "sync NAME" for a file or folder, "rename NAME" for its new name."""
    seen: list[str] = []
    fsync, rename = os.fsync, Path.replace

    def note_sync(descriptor: int) -> None:
        found = os.fstat(descriptor)
        seen.append("sync folder" if stat.S_ISDIR(found.st_mode) else f"sync file of {found.st_size}")
        fsync(descriptor)

    def note_rename(path: Path, target: Path) -> Path:
        seen.append(f"rename to {target.name}")
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(Path, "replace", note_rename)
    return seen


def refuse(number: int) -> Callable[..., None]:
    def refusing(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return refusing


# ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_file_is_on_the_disk_before_it_has_its_name_and_the_name_before_we_return(
    tmp_path: Path, steps: list[str]
) -> None:
    write_whole(tmp_path / "kept", b"seven..")
    assert steps == ["sync file of 7", "rename to kept", "sync folder"]


def test_what_was_there_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    write_whole(path, b"old and longer")
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("at", ["fsync", "rename"])
def test_a_refusal_leaves_the_old_file_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    path = tmp_path / "kept"
    path.write_bytes(b"old")
    if at == "fsync":
        monkeypatch.setattr(os, "fsync", refuse(errno.ENOSPC))
    else:
        monkeypatch.setattr(Path, "replace", refuse(errno.EACCES))
    with pytest.raises(OSError):  # noqa: PT011 - whichever it was
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_is_interrupted_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "kept", b"new")
    assert list(tmp_path.iterdir()) == []


def test_an_interruption_just_after_the_rename_is_told_as_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.replace

    def interrupt(path: Path, target: Path) -> Path:
        rename(path, target)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "kept", b"new")
    assert (tmp_path / "kept").read_bytes() == b"new"


def test_the_folder_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "absent" / "kept", b"new")


def test_a_private_file_is_private_from_its_first_byte_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modes: list[int] = []
    opened = os.open

    def note(path: Path, flags: int, mode: int = 0o777) -> int:
        modes.append(mode)
        return opened(path, flags, mode)

    monkeypatch.setattr(os, "open", note)
    write_whole(tmp_path / "kept", b"secret", 0o600)
    assert modes[0] == 0o600
    assert stat.S_IMODE((tmp_path / "kept").stat().st_mode) == 0o600


def test_a_mode_is_given_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        write_whole(tmp_path / "open", b"", 0o644)
        write_whole(tmp_path / "as the umask says", b"")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "open").stat().st_mode) == 0o644
    assert stat.S_IMODE((tmp_path / "as the umask says").stat().st_mode) == 0o600


def test_the_longest_name_that_a_file_may_have_is_written(tmp_path: Path) -> None:
    longest = tmp_path / ("字" * 85)  # 255 bytes
    write_whole(longest, b"x")
    assert longest.read_bytes() == b"x"


# ── moving ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_move_syncs_the_file_first_and_every_folder_that_it_changed(tmp_path: Path, steps: list[str]) -> None:
    source = tmp_path / "part"
    source.write_bytes(b"seven..")
    move_into_place(source, tmp_path / "a" / "b" / "kept")
    assert steps == [
        "sync file of 7",
        "sync folder",  # of tmp_path, which has a now
        "sync folder",  # of a, which has b
        "rename to kept",
        "sync folder",  # of b
    ]
    assert not source.exists()


def test_a_moved_file_may_become_read_only_and_is_replaced_all_the_same(tmp_path: Path) -> None:
    target = tmp_path / "kept"
    for content in (b"first", b"second"):
        part = tmp_path / "part"
        part.write_bytes(content)
        move_into_place(part, target, 0o444)
    assert target.read_bytes() == b"second"
    assert stat.S_IMODE(target.stat().st_mode) == 0o444
    remove_file(target)
    assert list(tmp_path.iterdir()) == []


def test_a_moved_file_keeps_its_mode_where_none_is_given(tmp_path: Path) -> None:
    part = tmp_path / "part"
    part.touch(mode=0o640)
    part.chmod(0o640)
    move_into_place(part, tmp_path / "kept")
    assert stat.S_IMODE((tmp_path / "kept").stat().st_mode) == 0o640


def test_removing_what_is_not_there_is_no_error(tmp_path: Path) -> None:
    remove_file(tmp_path / "absent")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_costs_no_sync(tmp_path: Path, steps: list[str]) -> None:
    make_folder(tmp_path)
    assert steps == []
    make_folder(tmp_path / "new")
    assert steps == ["sync folder"]


def test_a_folder_cannot_be_made_where_a_file_is(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"(?i)exist|directory"):
        make_folder(tmp_path / "file")


# ── file systems that cannot ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES, errno.EPERM])
def test_a_network_disk_that_syncs_no_folders_is_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    sync_file = os.fsync

    def sync_files_alone(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        sync_file(descriptor)

    monkeypatch.setattr(os, "fsync", sync_files_alone)
    write_whole(tmp_path / "kept", b"seven..")
    assert (tmp_path / "kept").read_bytes() == b"seven.."


def test_a_disk_that_fails_is_not_taken_for_one_that_cannot_sync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", refuse(errno.EIO))
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        sync_folder(tmp_path)


def test_no_descriptor_stays_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "part").touch()
    now_open: list[int] = []
    opened, close = os.open, os.close

    def note_open(path: Path, flags: int, mode: int = 0o777) -> int:
        now_open.append(descriptor := opened(path, flags, mode))
        return descriptor

    def note_close(descriptor: int) -> None:
        now_open.remove(descriptor)
        close(descriptor)

    monkeypatch.setattr(os, "open", note_open)
    monkeypatch.setattr(os, "close", note_close)
    move_into_place(tmp_path / "part", tmp_path / "kept")
    assert now_open == []


# ── errors ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_no_room_is_said_as_that_wherever_it_is_met(tmp_path: Path, number: int) -> None:
    with pytest.raises(DiskFull) as in_store, naming_disk_errors(tmp_path):
        refuse(number)()
    assert in_store.value.fields == {"folder": str(tmp_path)}
    with pytest.raises(DiskFull) as outside, naming_output_errors(tmp_path / "out.png"):
        refuse(number)()
    assert outside.value.fields == {"file": str(tmp_path / "out.png")}


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_a_folder_of_ours_that_cannot_be_written_to_is_named(tmp_path: Path, number: int) -> None:
    with pytest.raises(StoreNotWritable) as refused, naming_disk_errors(tmp_path):
        refuse(number)()
    assert refused.value.fields == {"folder": str(tmp_path)}
    assert isinstance(refused.value.__cause__, OSError)


def test_what_is_not_the_persons_to_mend_passes_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), naming_disk_errors(tmp_path):
        (tmp_path / "absent").read_bytes()


def test_whatever_is_wrong_with_a_chosen_path_is_said_of_that_path(tmp_path: Path) -> None:
    path = tmp_path / "absent" / "out.png"
    with pytest.raises(OutputNotWritable, match="No such file") as refused, naming_output_errors(path):
        write_whole(path, b"x")
    assert refused.value.fields == {"file": str(path)}


def test_nothing_is_renamed_where_nothing_is_refused(tmp_path: Path) -> None:
    with naming_disk_errors(tmp_path), naming_output_errors(tmp_path):
        pass
    assert isinstance(output_error(tmp_path, PermissionError(errno.EACCES, "no")), OutputNotWritable)


@pytest.mark.parametrize(
    ("refused", "kind"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/home/ann/photo"), DiskFull),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), DiskFull),
        (OSError(errno.EIO, "Input/output error", "/home/ann/photo"), DiskFailed),
        (OSError(errno.EMFILE, "Too many open files"), DiskFailed),
        (PermissionError(errno.EACCES, "Permission denied", "/home/ann/photo"), DiskFailed),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), NotEnoughMemory),
        (MemoryError(), NotEnoughMemory),
    ],
)
def test_what_the_system_refuses_has_a_name_and_says_no_path(refused: Exception, kind: type[Exception]) -> None:
    named = name_system_error(refused)
    assert named is not None
    assert type(named) is kind
    assert "ann" not in f"{named} {named.fields}"


def test_a_database_on_a_full_disk_says_what_a_file_there_says(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "small.db")
    try:
        database.execute("PRAGMA max_page_count = 2")
        database.execute("CREATE TABLE pictures (bytes)")
        with pytest.raises(sqlite3.OperationalError) as refused:
            database.execute("INSERT INTO pictures VALUES (zeroblob(100000))")
    finally:
        database.close()
    assert type(name_system_error(refused.value)) is DiskFull


@pytest.mark.parametrize("other", [ConnectionResetError(errno.ECONNRESET, "reset"), ValueError("a mistake"), OSError()])
def test_a_mistake_of_ours_gets_no_name_of_the_system(other: Exception) -> None:
    assert name_system_error(other) is None


def test_what_a_crash_left_half_written_goes_after_an_hour_and_nothing_else_does(tmp_path: Path) -> None:
    """The names are those that a killed `write_whole` leaves, not ones made up here."""
    with write_beside(tmp_path / "key.pem", b"half", 0o600) as beside:
        left, fresh = beside.name, beside.with_name(beside.name[:-1] + ("1" if beside.name[-1] == "0" else "0"))
    for name in (left, fresh.name, ".hidden", ".settings.json", "key.pem", ".key.pem.0123"):
        (tmp_path / name).write_bytes(b"half")
        os.utime(tmp_path / name, (0, 0))
    os.utime(fresh)
    remove_halves(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        {fresh.name, ".hidden", ".settings.json", "key.pem", ".key.pem.0123"} - {left}
    )
    remove_halves(tmp_path / "no folder")
