"""Content-addressed storage: each file once, under its own digest, and hard-linked to where it is used."""

import errno
import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from mien_core.files import make_folder, move_into_place, remove_file, replace_file, sync_folder

_CHUNK = 1 << 20
_READ_ONLY = 0o444
# What a file system answers when it has no hard links, or not across its borders.
_NO_LINKS = {errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS}


def ignore_count(count: int) -> None:
    """The listener that does nothing."""


def sha256_of(path: Path, on_bytes: Callable[[int], None] = ignore_count) -> str:
    """The digest of a file; `on_bytes` hears how many more bytes have been read."""
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(_CHUNK))
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            digest.update(buffer[:count])
            on_bytes(count)
    return digest.hexdigest()


class Blobs:
    """The folder of blobs. Nothing is in it that was not checked first."""

    def __init__(self, root: Path) -> None:
        self._folder = root / "blobs" / "sha256"
        self._checked: dict[str, tuple[int, int]] = {}  # size and time of what this process has just seen hashed

    def path(self, sha256: str) -> Path:
        return self._folder / sha256

    def __contains__(self, sha256: str) -> bool:
        return self.path(sha256).is_file()

    def adopt(self, verified: Path, sha256: str) -> None:
        """Take over a file whose digest the caller has just checked. It is gone from where it was."""
        move_into_place(verified, self.path(sha256), _READ_ONLY)
        self._checked[sha256] = _size_and_time(self.path(sha256))

    def adopt_link(self, outside: Path, sha256: str) -> bool:
        """Take in a file, just checked, that stays where it is, without a copy; false where the file system cannot.

        The other owner may change the file in place: its size and time are compared on every use.
        """
        checked = _size_and_time(outside)
        if linked := link(outside.resolve(), self.path(sha256)):
            self._checked[sha256] = checked
        return linked

    def is_as_checked(self, sha256: str, view: Path) -> bool:
        """True when this process has just seen the blob hashed and `view` shows it as it was then."""
        return self._checked.get(sha256) == _size_and_time(view)

    def view(self, sha256: str, path: Path) -> None:
        """Let `path` show the blob: a hard link, or a copy where there are no links."""
        if not link(self.path(sha256), path):
            beside = path.with_name(f".{path.name}.{os.getpid()}.new")
            shutil.copyfile(self.path(sha256), beside)
            move_into_place(beside, path, _READ_ONLY)

    def discard(self, sha256: str) -> None:
        remove_file(self.path(sha256))


def _size_and_time(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def link(existing: Path, path: Path) -> bool:
    """Hard-link `path` to `existing`, replacing what was there; false where links do not reach."""
    make_folder(path.parent)
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    beside.unlink(missing_ok=True)
    try:
        beside.hardlink_to(existing)
    except OSError as error:
        if error.errno in _NO_LINKS:
            return False
        raise
    try:
        replace_file(beside, path)
    finally:
        # rename() does nothing when both names are links to one file, and leaves the first one standing.
        beside.unlink(missing_ok=True)
    sync_folder(path.parent)
    return True
