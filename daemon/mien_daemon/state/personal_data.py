"""What personal data lies on this machine, where, and how to delete it. `doctor` and `forget-all` read one table."""

import hashlib
import os
import shutil
import stat
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mien_api.folders import Folders

STATE = (
    ("jobs, and who may talk to the daemon", "mien.db*"),
    ("pictures that were sent", "blobs"),
    ("pictures on their way", "arriving"),
    ("results", "results"),
    ("small pictures of results", "thumbnails"),
    ("results on their way", "spool"),
    ("pictures of a folder run", "batch"),
    ("clips that are being made", "clips"),
    ("the reference library, sealed", "references"),
    ("certificates that sign results", "credentials"),
    ("what belonged to nothing and was set aside", "quarantine"),
    ("private keys", "keys"),
    ("in which terminal session the statement on references was made", "stated"),
)
"""What the state folder holds of a person. Settings are not personal and stay."""

# Room for the largest reference there can be; a container's /dev/shm often has 64 MB and is no use.
MEMORY_BYTES = 256_000_000
MOUNTS = Path("/proc/self/mounts")


@dataclass(frozen=True, slots=True)
class Stored:
    """One kind of thing that is kept: where, how many files, how many bytes."""

    what: str
    path: Path
    files: int
    bytes: int

    @property
    def count_label(self) -> str:
        return "1 file" if self.files == 1 else f"{self.files} files"


def find_personal_data(folders: Folders) -> list[Stored]:
    """Everything personal that lies on this machine; kinds of which there is nothing are left out."""
    return [found for what, root in list_places(folders) if (found := measure(what, root)).files]


def list_places(folders: Folders) -> Iterator[tuple[str, Path]]:
    """Every place where personal data may lie, and what it is."""
    for what, pattern in STATE:
        for path in sorted(folders.state.glob(pattern)):
            yield what, path
    for what, folder in (("previews and scraps", folders.cache), ("logs", folders.logs)):
        # A folder that was merely named on the command line may hold other things: it is not emptied.
        if folder.name in {"cache", "log", "logs", "mien", "Cache", "Logs"}:
            yield what, folder
    for state in (folders.state, folders.state / "batch"):
        memory = memory_folder(state)
        if memory is not None:
            yield "references of running jobs, in memory", memory


def measure(what: str, root: Path) -> Stored:
    """How many files and bytes lie at `root`; links are not followed."""
    sizes = list[int]()
    for path in (root, *list_below(root)):
        with suppress(FileNotFoundError):  # a running daemon deletes meanwhile
            found = path.lstat()
            if stat.S_ISREG(found.st_mode):
                sizes.append(found.st_size)
    return Stored(what, root, len(sizes), sum(sizes))


def list_below(root: Path) -> Iterator[Path]:
    """Everything below a folder; links are not followed. Folders may go while it looks, where `rglob` would fail."""
    for folder, folders, files in os.walk(root):
        yield from (Path(folder, name) for name in (*folders, *files))


def remove(path: Path) -> None:
    """Delete a file or a folder with all that is in it; a link, and not what it points at."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def remove_at_last(path: Path) -> None:
    """As `remove`, and once more where a disk refuses or another thread deletes a part: a face may lie there."""
    try:
        remove(path)
    except OSError:
        if path.exists():
            remove(path)


def folder_for_references(state: Path) -> Path:
    """Where an opened reference lies while a job runs: in memory where the system has such a place, else on the disk.

    The folder exists, is this user's alone, and is the same after a restart, so that what a crash left can be
    cleared away.
    """
    memory = memory_folder(state)
    if memory is not None:
        try:
            memory.mkdir(mode=0o700, exist_ok=True)
        except OSError:
            memory = None
    if memory is not None and is_private(memory) and shutil.disk_usage(memory).free >= MEMORY_BYTES:
        return memory
    folder = state / "spool"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def remove_empty_memory_folder(state: Path) -> None:
    """Leave nothing in memory after a daemon's end; a folder with something in it stays for the next start to clear."""
    memory = memory_folder(state)
    if memory is not None:
        with suppress(OSError):
            memory.rmdir()


def memory_folder(state: Path) -> Path | None:
    """The folder on memory-backed storage that belongs to this state folder, whether it exists or not.

    Its name says nothing of the state folder: this user's number, and a digest.
    """
    if sys.platform == "win32" or not MOUNTS.exists():
        return None
    mounts = [line.split() for line in MOUNTS.read_text(encoding="utf-8").splitlines()]
    backed = {mount[1] for mount in mounts if mount[2] == "tmpfs"}
    digest = hashlib.sha256(str(state.absolute()).encode()).hexdigest()[:16]
    for root in (os.environ.get("XDG_RUNTIME_DIR"), "/dev/shm"):  # noqa: S108 - its own 0700 folder inside
        if root and root in backed and os.access(root, os.W_OK):
            return Path(root) / f"mien-{os.getuid()}-{digest}"
    return None


def is_private(folder: Path) -> bool:
    """Whether only this user may enter, and it is no link: in a shared place another user may have made it first."""
    if sys.platform == "win32":
        return True
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and stat.S_IMODE(found.st_mode) == 0o700
