"""Writing so that a file is there whole or not at all, whatever happens to the machine."""

import errno
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from mien_core.errors import DiskFull, StoreNotWritable

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


@contextmanager
def naming_disk_errors(folder: Path) -> Generator[None]:
    """Turn what the file system refuses below `folder` into an error that says what to do.

    Raises:
        DiskFull, StoreNotWritable: `folder` says where.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFull("the disk is full", folder=str(folder)) from error
        if error.errno in _FORBIDDEN:
            raise StoreNotWritable(f"{folder} cannot be written to", folder=str(folder)) from error
        raise


def sync_file(path: Path) -> None:
    """Wait until the file's bytes are on the disk."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Wait until names made or replaced in `folder` are on the disk; Windows does that by itself."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace(source: Path, target: Path, mode: int | None = None) -> None:
    """Move a finished file into place, durably; `mode` is what its permissions become."""
    sync_file(source)
    if mode is not None:
        source.chmod(mode)
    target.parent.mkdir(parents=True, exist_ok=True)
    source.replace(target)
    sync_folder(target.parent)


def write(path: Path, content: bytes) -> None:
    """Write beside, then move into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        beside.write_bytes(content)
        replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
