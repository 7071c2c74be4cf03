"""Whether a file still has the bytes that its digest says, looked at before the file is sent."""

import asyncio
import hashlib
from collections import OrderedDict
from pathlib import Path

KNOWN = 256  # files; a browser asks for one of them in many ranges

Stamp = tuple[int, int, int, int]


class IntactFiles:
    """Hashes a file once, and again whenever anything of it has changed; no program sets the `ctime`."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[Path, str], Stamp] = OrderedDict()

    @property
    def remembered(self) -> int:
        """How many files are not hashed again while they stay as they are."""
        return len(self._known)

    async def holds(self, path: Path, digest: str) -> bool:
        """Whether the bytes of the file have this SHA-256.

        Raises:
            FileNotFoundError: there is no such file.
        """
        stamp = read_stamp(path)
        if self._known.get((path, digest)) == stamp:
            return True
        if await asyncio.to_thread(hash_bytes, path) != digest:
            return False
        self._known[path, digest] = stamp
        while len(self._known) > KNOWN:
            self._known.popitem(last=False)
        return True


def read_stamp(path: Path) -> Stamp:
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def hash_bytes(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
