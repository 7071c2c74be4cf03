"""What is installed: one small file a model, written last, so that a model is there whole or not at all."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ValidationError

from mien_core.files import make_folder, write_whole
from mien_core.locks import exclusively

State = Literal["ready", "unverified", "missing", "partial", "quarantined"]
"""`unverified`: there and unchanged, and no source has said that these are the bytes. It is in no record."""

USABLE: frozenset[State] = frozenset({"ready", "unverified"})

IMPORTED = "import"
"""The repository of a file that no source has vouched for: where it says it is from is not known."""


class InstalledFile(BaseModel, frozen=True):
    """One file as it was when its digest was last computed.

    The time of the last change to the file or what is known of it, and its number, are None in older records.
    """

    sha256: str
    size: int
    mtime_ns: int
    verified_at: datetime
    repository: str
    revision: str
    state: State = "ready"
    ctime_ns: int | None = None
    inode: int | None = None

    def is_of(self, found: os.stat_result) -> bool:
        """Whether a file looks as it did then. A program can set the times of a file back, but not this one.

        Windows keeps the time of its making where others keep that of its last change.
        """
        return (found.st_size, found.st_mtime_ns) == (self.size, self.mtime_ns) and (
            self.ctime_ns in {None, found.st_ctime_ns} and self.inode in {None, found.st_ino}
        )

    def seen_as(self, found: os.stat_result) -> Self:
        """The record of the same bytes, hashed just now."""
        return self.model_copy(
            update={
                "mtime_ns": found.st_mtime_ns,
                "ctime_ns": found.st_ctime_ns,
                "inode": found.st_ino,
                "verified_at": datetime.now(UTC),
            }
        )


class Installed(BaseModel, frozen=True):
    """One model; files by the path they are installed under."""

    version: str
    files: dict[str, InstalledFile]


class Records:
    """The folder of records."""

    def __init__(self, root: Path) -> None:
        self._folder = root / "installed"
        self._guard = root / "locks" / ".records"

    def _path(self, model: str) -> Path:
        return self._folder / f"{model}.json"

    def read(self, model: str) -> Installed | None:
        """None when the model is not installed, or its record is damaged: its files are then checked anew."""
        try:
            return Installed.model_validate_json(self._path(model).read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def write(self, model: str, installed: Installed) -> None:
        make_folder(self._folder)
        write_whole(self._path(model), installed.model_dump_json(indent=1).encode())

    def note(self, model: str, path: str, file: InstalledFile) -> None:
        """Change what is said of one file, if the model is installed."""
        with exclusively(self._guard):
            if (installed := self.read(model)) is not None:
                self.write(model, installed.model_copy(update={"files": {**installed.files, path: file}}))

    def remove(self, model: str) -> None:
        self._path(model).unlink(missing_ok=True)

    def all(self) -> Iterator[tuple[str, Installed]]:
        for path in sorted(self._folder.glob("*.json")):
            if (installed := self.read(path.stem)) is not None:
                yield path.stem, installed
