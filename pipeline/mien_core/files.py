"""Files that are whole or not there, also after a crash or a power cut; and what a disk refuses, by name.

A rename is lost in a power cut until its folder is synced, so every rename here is followed by that.
"""

import contextlib
import errno
import glob
import os
import re
import secrets
import stat
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from mien_core.errors import (
    DiskFailed,
    DiskFull,
    LibraryMissing,
    NotEnoughMemory,
    OutputNotWritable,
    StoreNotWritable,
)
from mien_core.libraries import name_missing_library

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
# What a broken disk says, one that was unplugged, and a system that has no more open files to give.
_FAILED = {errno.EIO, errno.ENXIO, errno.ENODEV, errno.ESTALE, errno.EMFILE, errno.ENFILE, errno.ENOLCK} | _FORBIDDEN
_SQLITE_FULL = 13
_SQLITE_FAILED = {8, 10, 14}  # read-only, input or output, cannot be opened
# Network file systems that cannot sync a folder, and folders that one may write to and not open. The rename is done.
_CANNOT_SYNC_FOLDERS = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EBADF, errno.EACCES, errno.EPERM}
# A file's name may have 255 bytes and a character up to four: this much of it leaves room for what makes it unique.
_NAME_CHARACTERS = 32
# What `_name_beside` makes, and from which age nothing can be writing to it any more.
_HALF, _HALF_IS_LEFT_S = re.compile(r"\..+\.[0-9a-f]{16}", re.DOTALL), 3600.0


def write_whole(path: Path, data: bytes, mode: int | None = None) -> None:
    """Put `data` at `path` so that no reader, and no crash, ever sees half of it.

    Written beside its place, synced, renamed. The folder must be there.

    Args:
        path: an existing file is replaced.
        data: all of it.
        mode: the file's permissions; None leaves them to the umask. With one, only this user reads it meanwhile.

    Raises:
        OSError: a full disk or a read-only folder; what was at `path` is as it was.
    """
    with write_beside(path, data, mode) as beside:
        replace_file(beside, path)


@contextmanager
def write_beside(path: Path, data: bytes, mode: int | None = None) -> Generator[Path]:
    """A file beside `path` that holds `data`, synced. It is removed at the end, unless it was moved.

    The block gives it the name at `path`; the folder is synced after that. Arguments and errors as in `write_whole`.
    """
    beside = _name_beside(path)
    try:
        _write_new(beside, data, mode)
        yield beside
    finally:
        beside.unlink(missing_ok=True)
    sync_folder(path.parent)


def replace_file(source: Path, target: Path) -> None:
    """Rename over `target`; on Windows also where it is read-only, or held open for a moment."""
    if sys.platform == "win32":
        from mien_core import windows

        windows.replace_file(source, target)
    else:
        source.replace(target)


def make_private_folder(folder: Path) -> None:
    """Make a folder and those above it that are missing; a new one is this user's alone, on every system."""
    is_new = not folder.exists()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if is_new and sys.platform == "win32":
        from mien_core import windows

        windows.close_to_others(folder)


def remove_halves(folder: Path) -> None:
    """Remove what crashes left in a folder of files that `write_whole` had not put in their places an hour ago."""
    oldest = time.time() - _HALF_IS_LEFT_S
    for path in folder.glob(".*.*"):
        with contextlib.suppress(OSError):
            if _HALF.fullmatch(path.name) and path.lstat().st_mtime < oldest:
                path.unlink()


def remove_halves_of(path: Path) -> None:
    """Remove what a crash left of writing `path`, which no process is writing now."""
    for half in path.parent.glob(f"{glob.escape(_half_prefix(path))}*"):
        with contextlib.suppress(OSError):
            if _HALF.fullmatch(half.name):
                half.unlink()


def probe_folder(folder: Path) -> None:
    """Make a file in the folder and remove it; raises `OSError` where no file can be made."""
    beside = _name_beside(folder / "mien")
    try:
        _write_new(beside, b"", None)
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def make_beside(path: Path) -> Generator[Path]:
    """A hidden name beside `path` for a file that the block makes. What is there at the end is removed, if it is.

    The block syncs the file and gives it the name at `path`; the folder is synced after that.
    """
    beside = _name_beside(path)
    try:
        yield beside
    finally:
        beside.unlink(missing_ok=True)
    sync_folder(path.parent)


def _name_beside(path: Path) -> Path:
    """A hidden name in the same folder that no other file has; `_HALF` matches it."""
    return path.with_name(f"{_half_prefix(path)}{secrets.token_hex(8)}")


def _half_prefix(path: Path) -> str:
    return f".{path.name[:_NAME_CHARACTERS]}."


def _write_new(path: Path, data: bytes, mode: int | None) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags, 0o666 if mode is None else 0o600)
    with os.fdopen(descriptor, "wb") as file:
        if data:
            file.write(data)
            file.flush()
        if mode is not None:
            set_mode(file.fileno(), path, mode)
        if data:
            os.fsync(file.fileno())


def set_mode(descriptor: int, path: Path, mode: int) -> None:
    """Give an open file its permissions: by its descriptor where the system can, as a caged process may."""
    if sys.platform == "win32":
        path.chmod(mode)
    else:
        os.fchmod(descriptor, mode)


def move_into_place(source: Path, target: Path, mode: int | None = None) -> None:
    """Move a finished file of the same disk to `target`, replacing what was there; folders on the way are made.

    `mode` is what its permissions become; None leaves them.
    """
    sync_file(source)
    if mode is not None:
        source.chmod(mode)
    make_folder(target.parent)
    replace_file(source, target)
    sync_folder(target.parent)


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, that a power cut does not take away again."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Wait until names made or replaced in `folder` are on the disk.

    Windows does that by itself and cannot open folders; some network file systems cannot do it at all.
    """
    if os.name == "nt":
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC_FOLDERS:
            raise


def remove_file(path: Path) -> None:
    """Remove a file, read-only or not, if it is there."""
    with contextlib.suppress(FileNotFoundError):
        if os.name == "nt":
            path.chmod(stat.S_IWRITE)
        path.unlink()


@contextmanager
def naming_disk_errors(folder: Path) -> Generator[None]:
    """Turn what the file system refuses below a folder of ours into an error that says what to do.

    Raises:
        DiskFull, StoreNotWritable: `folder` says where. Any other error passes as it is.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFull("the disk is full", folder=str(folder)) from error
        if error.errno in _FORBIDDEN:
            raise StoreNotWritable(f"{folder} cannot be written to", folder=str(folder)) from error
        raise


@contextmanager
def naming_output_errors(path: Path) -> Generator[None]:
    """Turn any refusal of the file system at a path that the person chose into an error that says what to do.

    Raises:
        DiskFull, OutputNotWritable: `file` says where.
    """
    try:
        yield
    except OSError as error:
        raise output_error(path, error) from error


def name_system_error(error: Exception) -> DiskFull | DiskFailed | NotEnoughMemory | LibraryMissing | None:
    """What the system refused to any part of the program, as an error that says what to do; None for other errors.

    The path stays out of it: the daemon's answers name no files.
    """
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return NotEnoughMemory("the machine has too little free memory")
    if (code := getattr(error, "sqlite_errorcode", None)) is not None:
        return _name_database_error(int(code) & 0xFF)
    if missing := name_missing_library(error):
        return missing
    if not isinstance(error, OSError):
        return None
    if error.errno in _FULL:
        return DiskFull("the disk is full")
    if error.errno in _FAILED:
        reason = error.strerror or ""
        return DiskFailed(f"the system refused a file: {reason}", reason=reason)
    return None


def _name_database_error(code: int) -> DiskFull | DiskFailed | None:
    """`code` is a result of SQLite without its extension (sqlite.org/rescode.html)."""
    if code == _SQLITE_FULL:
        return DiskFull("the disk is full")
    if code in _SQLITE_FAILED:
        return DiskFailed("the system refused the database's file", reason="database")
    return None


def output_error(path: Path, error: OSError) -> DiskFull | OutputNotWritable:
    """What the file system refused at `path`; `file` says where."""
    kind = DiskFull if error.errno in _FULL else OutputNotWritable
    return kind(f"{path} cannot be written: {error.strerror}", file=str(path))


def sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)  # Windows syncs no file that is only read
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
